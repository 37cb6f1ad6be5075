import { TimeoutError } from "../errors.ts";
import {
  EMPTY,
  type FileWriter,
  type RawStream,
  wouldBlock,
} from "./raw_stream.ts";

/**
 * Bytes that were written and not sent yet.
 *
 * A write that is given up, by a timeout or a signal, leaves here all of its
 * data that was not sent, for the next flush. Only then may there be more here
 * than the buffer's size.
 */
export class WriteBuffer implements FileWriter<Uint8Array> {
  readonly #raw: RawStream;
  readonly #size: number;
  #bytes = EMPTY;
  #start = 0;
  #end = 0;

  constructor(raw: RawStream, size: number) {
    this.#raw = raw;
    this.#size = size;
  }

  get pending(): boolean {
    return this.#end > this.#start;
  }

  /** How many bytes can be written without sending. */
  get room(): number {
    return this.#size - (this.#end - this.#start);
  }

  writeNow(data: Uint8Array): number | undefined {
    if (data.length > this.room) return undefined;
    this.#append(data);
    return data.length;
  }

  async write(data: Uint8Array, signal?: AbortSignal): Promise<number> {
    const rest = await this.#sendMost(data, signal);
    const fits = Math.max(0, Math.min(rest.length, this.room));
    this.#append(rest.subarray(0, fits));
    if (fits < rest.length) throw wouldBlock(data.length - rest.length + fits);
    return data.length;
  }

  writeWhole(data: Uint8Array, signal?: AbortSignal): Promise<unknown> {
    return this.write(data, signal);
  }

  /**
   * Writes all of `data`, or nothing if it would block.
   *
   * For text: a caller cannot tell from a number of bytes which characters are
   * left to write.
   */
  async writeAtOnce(data: Uint8Array, signal?: AbortSignal): Promise<void> {
    const rest = await this.#sendMost(data, signal);
    if (rest.length > 0 && rest.length === data.length && this.room <= 0) {
      throw wouldBlock(0);
    }
    this.#append(rest);
  }

  keeping(data: Uint8Array): () => void {
    const copy = data.slice();
    return () => this.#append(copy);
  }

  async flush(signal?: AbortSignal): Promise<void> {
    if (!await this.#drain(signal)) throw wouldBlock(0);
  }

  /** Sends what is buffered; the rest stays if it would block. */
  async flushIfPossible(signal?: AbortSignal): Promise<void> {
    await this.#drain(signal);
  }

  /** Memory for `size` bytes that fit; `commit` tells how many were written. */
  reserve(size: number): Uint8Array<ArrayBuffer> {
    const length = this.#end - this.#start;
    if (this.#end + size > this.#bytes.length) {
      const old = this.#bytes.subarray(this.#start, this.#end);
      if (length + size > this.#bytes.length) {
        const usual = Math.min(this.#size, this.#bytes.length * 2 || 8192);
        this.#bytes = new Uint8Array(Math.max(length + size, usual));
      }
      this.#bytes.set(old);
      this.#start = 0;
      this.#end = length;
    }
    return this.#bytes.subarray(this.#end);
  }

  /** Adds the bytes that were written to what `reserve` returned. */
  commit(size: number): void {
    this.#end += size;
  }

  #append(data: Uint8Array): void {
    this.reserve(data.length).set(data);
    this.commit(data.length);
  }

  /** Sends so much that the rest of `data`, which it returns, may fit. */
  async #sendMost(
    data: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    if (data.length <= this.room) return data;
    let rest = data;
    try {
      if (!await this.#drain(signal)) return rest;
      while (rest.length > this.#size) {
        const n = await this.#raw.transmit(rest, signal);
        if (n === null) break;
        rest = rest.subarray(n);
      }
      return rest;
    } catch (error) {
      if (error instanceof TimeoutError || signal?.aborted) this.#append(rest);
      throw error;
    }
  }

  /** Sends everything; false if it would block. */
  async #drain(signal: AbortSignal | undefined): Promise<boolean> {
    while (this.pending) {
      const unsent = this.#bytes.subarray(this.#start, this.#end);
      const n = await this.#raw.transmit(unsent, signal);
      if (n === null) return false;
      this.#start += n;
    }
    this.#start = this.#end = 0;
    if (this.#bytes.length > this.#size) this.#bytes = EMPTY;
    return true;
  }
}
