/**
 * Memory that connections lend to each other while they are busy. Making and
 * collecting an array of this size costs more than filling it.
 */

/** The sizes that are kept. */
const SIZES = [65_536, 262_144] as const;
/** How many of each are kept while nobody uses them. */
const KEPT = 4;

const pools = new Map<number, Uint8Array<ArrayBuffer>[]>(
  SIZES.map((size) => [size, []]),
);

/** Memory of at least `size` bytes, with anything in it. */
export function acquire(size: number): Uint8Array<ArrayBuffer> {
  for (const kept of SIZES) {
    if (size <= kept && size > kept / 4) {
      return pools.get(kept)!.pop() ?? new Uint8Array(kept);
    }
  }
  return new Uint8Array(size);
}

/** Gives memory back, which nobody may write to any more. */
export function release(memory: Uint8Array<ArrayBuffer>): void {
  const pool = pools.get(memory.length);
  if (pool !== undefined && pool.length < KEPT) pool.push(memory);
}

const EMPTY = new Uint8Array(0);

/** Memory up to this stays with its connection, for the next reads. */
const SMALL_BYTES = 1024;

/**
 * Received bytes that nobody has asked for yet, in order, and room for the read
 * in flight behind them.
 *
 * What leaves is copied out, so the memory is used again and again: a fresh
 * array for each read costs more than the copy, most of it in late garbage
 * collection. Idle connections hold little of it.
 */
export class ReceiveBuffer {
  #memory: Uint8Array<ArrayBuffer> = EMPTY;
  #start = 0;
  #end = 0;

  /** How many bytes are queued. */
  get length(): number {
    return this.#end - this.#start;
  }

  /**
   * Room for a read of `size` bytes. Nothing else may be added until the read
   * has settled; bytes may be taken meanwhile.
   */
  room(size: number): Uint8Array<ArrayBuffer> {
    const { length } = this;
    if (length === 0) this.#start = this.#end = 0;
    if (this.#memory.length - this.#end < size) this.#makeRoom(size);
    // A view costs as much as a tenth of a small read.
    if (this.#end === 0 && size === this.#memory.length) return this.#memory;
    return this.#memory.subarray(this.#end, this.#end + size);
  }

  #makeRoom(size: number): void {
    const { length } = this;
    const needed = length + size;
    if (needed <= this.#memory.length && length <= this.#start) {
      this.#memory.copyWithin(0, this.#start, this.#end);
    } else {
      const memory = acquire(Math.max(SMALL_BYTES, needed, 2 * length));
      memory.set(this.#memory.subarray(this.#start, this.#end));
      release(this.#memory);
      this.#memory = memory;
    }
    this.#start = 0;
    this.#end = length;
  }

  /** The read has filled `n` bytes of its room. */
  filled(n: number): void {
    this.#end += n;
  }

  /** Adds bytes that were read elsewhere. */
  append(data: Uint8Array): void {
    this.room(data.length).set(data);
    this.filled(data.length);
  }

  /** Removes the first `n` bytes; the copy is the caller's own. */
  take(n: number): Uint8Array<ArrayBuffer> {
    const data = this.peek(n);
    this.#start += data.length;
    return data;
  }

  /** A copy of the first `n` bytes. */
  peek(n: number): Uint8Array<ArrayBuffer> {
    const start = this.#start;
    const end = Math.min(start + n, this.#end);
    // Unlike `slice` this does not fill the copy with zeros first; but it makes
    // another view, which costs more where there is little to fill.
    return end - start > SMALL_BYTES
      ? new Uint8Array(this.#memory.subarray(start, end))
      : this.#memory.slice(start, end);
  }

  /** Fills `target` from the queue, as far as it goes; the number of bytes. */
  takeInto(target: Uint8Array): number {
    const n = this.peekInto(target);
    this.#start += n;
    return n;
  }

  /** Copies the first bytes into `target`, leaving them; their number. */
  peekInto(target: Uint8Array): number {
    const n = Math.min(target.length, this.length);
    target.set(this.#memory.subarray(this.#start, this.#start + n));
    return n;
  }

  /** Gives up more memory than an idle connection needs, if nothing is queued. */
  shrink(): void {
    if (this.length > 0 || this.#memory.length <= SMALL_BYTES) return;
    release(this.#memory);
    this.#memory = EMPTY;
  }

  /** Forgets everything. A read in flight may still write to the memory. */
  clear(): void {
    this.#memory = EMPTY;
    this.#start = this.#end = 0;
  }
}
