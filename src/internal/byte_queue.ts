/**
 * Received bytes that nobody has asked for yet, in order. What leaves the
 * queue is the caller's own: a copy, or a chunk that is handed over whole.
 */
export class ByteQueue {
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  /** Bytes of the first chunk that have left. */
  #offset = 0;
  #length = 0;

  /** How many bytes are queued. */
  get length(): number {
    return this.#length;
  }

  /** Appends a chunk, which from now on belongs to the queue. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Removes the first `n` bytes, or all if there are fewer. */
  take(n: number): Uint8Array<ArrayBuffer> {
    const first = this.#chunks[0];
    if (first === undefined) return new Uint8Array(0);
    if (
      this.#offset === 0 && first.length <= n &&
      (first.length === n || this.#chunks.length === 1) &&
      first.length === first.buffer.byteLength
    ) {
      this.#chunks.shift();
      this.#length -= first.length;
      return first;
    }
    const available = first.length - this.#offset;
    if (n < available) {
      this.#length -= n;
      return first.slice(this.#offset, this.#offset += n);
    }
    const data = new Uint8Array(Math.min(n, this.#length));
    this.takeInto(data);
    return data;
  }

  /** Fills `target` from the queue, as far as it goes; the number of bytes. */
  takeInto(target: Uint8Array): number {
    let filled = 0;
    while (filled < target.length) {
      const first = this.#chunks[0];
      if (first === undefined) break;
      const n = Math.min(first.length - this.#offset, target.length - filled);
      target.set(first.subarray(this.#offset, this.#offset + n), filled);
      filled += n;
      this.#offset += n;
      if (this.#offset === first.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
    }
    this.#length -= filled;
    return filled;
  }

  /** Copies the first bytes into `target`, leaving them; their number. */
  peekInto(target: Uint8Array): number {
    let filled = 0;
    let offset = this.#offset;
    for (const chunk of this.#chunks) {
      if (filled === target.length) break;
      const n = Math.min(chunk.length - offset, target.length - filled);
      target.set(chunk.subarray(offset, offset + n), filled);
      filled += n;
      offset = 0;
    }
    return filled;
  }

  /** Forgets everything. */
  clear(): void {
    this.#chunks = [];
    this.#offset = 0;
    this.#length = 0;
  }
}
