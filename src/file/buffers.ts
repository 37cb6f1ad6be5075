import { TimeoutError } from "../base/errors.ts";
import {
  ByteBuilder,
  concat,
  EMPTY,
  type FileReader,
  type FileWriter,
  NEWLINE,
  type RawStream,
  wouldBlock,
} from "./raw_stream.ts";

/**
 * Bytes that were received and not read yet.
 *
 * A call that ends early leaves here all that it had collected, so that the
 * next one finds it.
 */
export class ReadBuffer implements FileReader<Uint8Array<ArrayBuffer>> {
  readonly #raw: RawStream;
  readonly #size: number;
  readonly #maxAhead: number;
  /** How much is received at once: more while receives come back full. */
  #ahead: number;
  #bytes = EMPTY;
  #start = 0;
  #end = 0;

  constructor(raw: RawStream, size: number, maxAhead: number = size) {
    this.#raw = raw;
    this.#size = this.#ahead = size;
    this.#maxAhead = maxAhead;
  }

  /** How many bytes are buffered. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The buffered bytes, in memory that the next `fill()` writes to. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** Drops the buffered bytes. */
  clear(): void {
    this.#start = this.#end = 0;
  }

  /** Receives once, behind what is buffered; 0 at the end, null if blocked. */
  async fill(signal?: AbortSignal): Promise<number | null> {
    if (this.#start === this.#end) {
      this.clear();
      if (this.#bytes.length !== this.#ahead + 1) {
        this.#bytes = new Uint8Array(this.#ahead + 1);
      }
    } else if (this.#start > 0) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    } else if (this.#end >= this.#bytes.length - 1) {
      const size = Math.max(this.#bytes.length * 2, this.#size + 1);
      const more = new Uint8Array(size);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    const room = this.#bytes.subarray(this.#end, this.#bytes.length - 1);
    const n = await this.#raw.receive(room, signal);
    if (n) {
      if (n < this.#size) this.#ahead = this.#size;
      else if (n === room.length && n >= this.#ahead) {
        this.#ahead = Math.min(this.#maxAhead, this.#ahead * 2);
      }
      this.#end += n;
      // Ends the search for a line, which otherwise went through old bytes.
      this.#bytes[this.#end] = NEWLINE;
    }
    return n;
  }

  tryReadLine(): Uint8Array<ArrayBuffer> | undefined {
    const end = this.#lineEnd(this.#start);
    return end < 0 ? undefined : this.#take(end - this.#start);
  }

  async readLine(
    limit: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    for (let searched = 0;;) {
      const end = this.#lineEnd(this.#start + searched);
      const found = end < 0 ? this.length : end - this.#start;
      if (limit >= 0 && found >= limit) return this.#take(limit);
      if (end >= 0) return this.#take(found);
      searched = found;
      const n = await this.fill(signal);
      if (n === null && found === 0) return null;
      if (!n) return this.#take(found);
    }
  }

  async read(
    size: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    if (size >= 0 && size <= this.length) return this.#take(size);
    const wanted = size < 0 ? Infinity : size;
    const data = new ByteBuilder(size, Math.max(this.length, FIRST_READ));
    data.length = this.#copyTo(data.room(), wanted);
    try {
      while (data.length < wanted) {
        const room = data.room();
        let n: number | null;
        if (wanted - data.length >= this.#size) {
          // Whole blocks go straight to the result; only the last one is read
          // through the buffer, which may take what follows.
          n = await this.#raw.receive(wholeBlocks(room, this.#size), signal);
        } else {
          n = await this.fill(signal);
          if (n) n = this.#copyTo(room, wanted - data.length);
        }
        if (n === null && data.length === 0) return null;
        if (!n) break;
        data.length += n;
      }
    } catch (error) {
      this.giveBack([data.copy()]);
      throw error;
    }
    return data.toBytes();
  }

  async readInto(
    target: Uint8Array,
    signal?: AbortSignal,
    once = false,
  ): Promise<number | null> {
    const { length } = target;
    if (length <= this.length || (once && this.length > 0)) {
      return this.#copyTo(target, Infinity);
    }
    if (length > this.#size) return await this.#fillLarge(target, signal, once);
    const data = once
      ? await this.readOnce(length, signal)
      : await this.read(length, signal);
    if (data === null) return null;
    if (target.length < data.length) {
      this.giveBack([data]);
      throw changed(target);
    }
    target.set(data);
    return data.length;
  }

  /**
   * Receives straight into a target that is larger than the buffer: to collect
   * it apart takes 1.5 times as long for 64 KiB, and twice for 1 MiB.
   */
  async #fillLarge(
    target: Uint8Array,
    signal: AbortSignal | undefined,
    once: boolean,
  ): Promise<number | null> {
    const { length } = target;
    let count = this.#copyTo(target, Infinity);
    try {
      while (count < length && !(once && count > 0)) {
        let n: number | null;
        if (length - count > this.#size) {
          n = await this.#raw.receive(target.subarray(count), signal);
        } else {
          n = await this.fill(signal);
          if (target.length < length) throw changed(target);
          if (n) n = this.#copyTo(target.subarray(count), Infinity);
        }
        if (n === null && count === 0) return null;
        if (!n) break;
        count += n;
      }
    } catch (error) {
      // What the caller has taken away cannot be given back.
      if (target.length < count) throw changed(target, count);
      this.giveBack([target.subarray(0, count)]);
      throw error;
    }
    return count;
  }

  /** Reads up to `size` bytes, those buffered or with one receive. */
  async readOnce(
    size: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    if (size === 0) return new Uint8Array(0);
    const limit = size < 0 ? this.#size : size;
    if (this.length === 0 && limit > this.#size) {
      const data = new ByteBuilder(limit, FIRST_READ);
      const n = await this.#raw.receive(data.room(), signal);
      if (n === null) return null;
      data.length = n;
      return data.toBytes();
    }
    if (this.length === 0 && await this.fill(signal) === null) return null;
    return this.#take(Math.min(limit, this.length));
  }

  /** The buffered bytes, or what one receive brings, left in the buffer. */
  async peek(signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.length === 0 && await this.fill(signal) === null) return null;
    return this.view().slice();
  }

  giveBack(lines: readonly Uint8Array[]): void {
    this.#bytes = concat([...lines, this.view(), EMPTY_LINE]);
    this.#start = 0;
    this.#end = this.#bytes.length - 1;
  }

  lengthOf(line: Uint8Array): number {
    return line.length;
  }

  #lineEnd(from: number): number {
    const index = this.#bytes.indexOf(NEWLINE, from);
    return index < 0 || index >= this.#end ? -1 : index + 1;
  }

  #take(size: number): Uint8Array<ArrayBuffer> {
    const end = this.#start + size;
    const data = this.#bytes.slice(this.#start, end);
    this.#start = end;
    return data;
  }

  #copyTo(target: Uint8Array, limit: number): number {
    const count = Math.min(this.length, target.length, limit);
    const end = this.#start + count;
    target.set(this.#bytes.subarray(this.#start, end));
    this.#start = end;
    return count;
  }
}

/** The error of memory that was transferred away or cut off meanwhile. */
function changed(target: Uint8Array, lost = 0): TypeError {
  const what = lost > 0 ? `, and with it ${lost} bytes that were read` : "";
  return new TypeError(
    `Cannot read: the memory of buffer has changed meanwhile, to ${target.length} bytes${what}`,
  );
}

/** The memory that a large read starts with. */
const FIRST_READ = 0x10000;

const EMPTY_LINE = Uint8Array.of(NEWLINE);

function wholeBlocks(
  room: Uint8Array<ArrayBuffer>,
  size: number,
): Uint8Array<ArrayBuffer> {
  return room.length < size
    ? room
    : room.subarray(0, room.length - room.length % size);
}

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

  tryWrite(data: Uint8Array): number | undefined {
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

  writeAll(data: Uint8Array, signal?: AbortSignal): Promise<unknown> {
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

  deferredWrite(data: Uint8Array): () => void {
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
