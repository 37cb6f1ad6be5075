import { type Bytes, checkBytes, EMPTY_BYTES } from "../base/checks.ts";
import { TimeoutError } from "../base/errors.ts";
import {
  ByteBuilder,
  type ByteQueue,
  type FileReader,
  type FileWriter,
  type RawStream,
  wouldBlock,
} from "./open_file.ts";

/** How much one receive asks for at most, however much a read may take. */
const MAX_RECEIVE = 0x40000;

/**
 * Reads bytes through a buffer, or without one if its size is 0: each read is
 * then one receive.
 *
 * A cancelled call puts back the bytes that it has collected, and the next call
 * reads them. A waiting call holds no memory except the bytes that it has.
 */
export class ReadBuffer implements FileReader<Bytes> {
  readonly #raw: RawStream;
  readonly #queue: ByteQueue;
  readonly #size: number;
  readonly #maxAhead: number;
  /** How much a receive asks for: more while receives come back full. */
  #ahead: number;

  /** `queue` is shared by the layers of a file, so that each finds its bytes. */
  constructor(
    raw: RawStream,
    queue: ByteQueue,
    size: number,
    maxAhead: number = size,
  ) {
    this.#raw = raw;
    this.#queue = queue;
    this.#size = size;
    this.#ahead = Math.max(1, size);
    this.#maxAhead = Math.max(1, maxAhead);
  }

  /** The reader of the layer below, which finds the same bytes. */
  unbuffered(): ReadBuffer {
    return new ReadBuffer(this.#raw, this.#queue, 0);
  }

  /** Starts a receive, when nothing is buffered; `accept` takes its result. */
  ask(signal: AbortSignal | undefined): Promise<Bytes | null> {
    this.#queue.trim();
    return this.#raw.receive(this.#ahead, signal);
  }

  /** Buffers received bytes; returns their number, null if blocked. */
  accept(data: Bytes | null): number | null {
    if (data === null) return null;
    this.#ahead = data.length === this.#ahead
      ? Math.min(this.#maxAhead, this.#ahead * 2)
      : Math.max(1, this.#size);
    this.#queue.refill(data);
    return data.length;
  }

  get length(): number {
    return this.#queue.length;
  }

  /** Takes all buffered bytes without copying them; `free` them after use. */
  takeAll(): Bytes {
    return this.#queue.takeAll();
  }

  tryReadLine(): Bytes | undefined {
    const length = this.#queue.lineLength();
    return length < 0 ? undefined : this.#queue.take(length);
  }

  tryRead(size: number): Bytes | undefined {
    return this.#size > 0 && size <= this.#queue.length
      ? this.#queue.take(size)
      : undefined;
  }

  tryReadInto(target: Uint8Array): number | undefined {
    return this.#size > 0 && target.length <= this.#queue.length
      ? this.#queue.moveTo(target)
      : undefined;
  }

  async readLine(limit: number, signal?: AbortSignal): Promise<Bytes | null> {
    const queue = this.#queue;
    const line = new ByteBuilder();
    try {
      for (;;) {
        const left = limit < 0 ? Infinity : limit - line.length;
        const found = queue.lineLength();
        const count = Math.min(found < 0 ? queue.length : found, left);
        const isWhole = found >= 0 || count === left;
        if (isWhole && line.length === 0) return queue.take(count);
        queue.moveToBuilder(line, count);
        if (isWhole) return line.toBytes();
        const n = this.accept(await this.ask(signal));
        if (n === null && line.length === 0) return null;
        if (!n) return line.toBytes();
      }
    } catch (error) {
      this.unread([line.view()]);
      throw error;
    }
  }

  async read(size: number, signal?: AbortSignal): Promise<Bytes | null> {
    if (size < -1 && this.#size > 0) {
      throw new RangeError("read length must be non-negative or -1");
    }
    const queue = this.#queue;
    if (size >= 0 && (this.#size === 0 || size <= queue.length)) {
      return await this.readOnce(size, signal);
    }
    const wanted = size < 0 ? Infinity : size;
    const data = new ByteBuilder();
    queue.moveToBuilder(data, queue.length);
    try {
      while (data.length < wanted) {
        const missing = wanted - data.length;
        let n: number | null;
        if (missing < this.#ahead) {
          n = this.accept(await this.ask(signal));
          queue.moveToBuilder(data, Math.min(missing, queue.length));
        } else if (data.length === 0) {
          // A buffer of the call's own would stay allocated while the call waits.
          const part = await this.#receive(missing, signal);
          n = part && part.length;
          if (part !== null) data.append(part);
        } else {
          queue.trim();
          n = await this.#raw.receiveInto(data.room(wanted), signal);
          if (n) data.length += n;
        }
        if (n === null && data.length === 0) return null;
        if (!n) break;
      }
    } catch (error) {
      this.unread([data.view()]);
      throw error;
    }
    return data.toBytes();
  }

  /** Reads up to `size` bytes: buffered ones, or those of one receive. */
  async readOnce(size: number, signal?: AbortSignal): Promise<Bytes | null> {
    const limit = size < 0 ? this.#size : size;
    const queue = this.#queue;
    if (queue.length === 0 && limit > 0) {
      // Without the buffer, in which a part of the bytes could stay otherwise.
      if (limit > this.#size) return await this.#receive(limit, signal);
      if (this.accept(await this.ask(signal)) === null) return null;
    }
    return queue.take(Math.min(limit, queue.length));
  }

  /** Receives without the buffer, which is empty. */
  #receive(
    size: number,
    signal: AbortSignal | undefined,
  ): Promise<Bytes | null> {
    this.#queue.trim();
    return this.#raw.receive(Math.min(size, MAX_RECEIVE), signal);
  }

  async readInto(
    target: Uint8Array,
    signal?: AbortSignal,
    once: boolean = this.#size === 0,
  ): Promise<number | null> {
    const queue = this.#queue;
    const { length } = target;
    if (length <= queue.length || (once && queue.length > 0)) {
      return queue.moveTo(target);
    }
    if (length > this.#size) return await this.#fillLarge(target, signal, once);
    const data = once
      ? await this.readOnce(length, signal)
      : await this.read(length, signal);
    if (data === null) return null;
    if (target.length < data.length) {
      this.unread([data]);
      throw changedError(target);
    }
    target.set(data);
    return data.length;
  }

  /**
   * Receives straight into a target that is larger than the buffer: collecting
   * the bytes elsewhere first takes 1.5 times as long for 64 KiB, and twice for
   * 1 MiB.
   */
  async #fillLarge(
    target: Uint8Array,
    signal: AbortSignal | undefined,
    once: boolean,
  ): Promise<number | null> {
    const queue = this.#queue;
    const { length } = target;
    let count = queue.moveTo(target);
    try {
      while (count < length && !(once && count > 0)) {
        let n: number | null;
        queue.trim();
        if (length - count > this.#size) {
          n = await this.#raw.receiveInto(target.subarray(count), signal);
        } else {
          n = this.accept(await this.ask(signal));
          if (target.length < length) throw changedError(target);
          if (n) n = queue.moveTo(target.subarray(count));
        }
        if (n === null && count === 0) return null;
        if (!n) break;
        count += n;
      }
    } catch (error) {
      // The caller has detached or resized the memory: its bytes are lost.
      if (target.length < count) throw changedError(target, count);
      this.unread([target.subarray(0, count)]);
      throw error;
    }
    return count;
  }

  /** Returns the buffered bytes, or those of one receive, and keeps them. */
  async peek(signal?: AbortSignal): Promise<Bytes | null> {
    const queue = this.#queue;
    if (queue.length === 0 && this.accept(await this.ask(signal)) === null) {
      return null;
    }
    return queue.peek(queue.length);
  }

  unread(lines: readonly Uint8Array[]): void {
    this.#queue.unread(lines);
  }

  lengthOf(line: Uint8Array): number {
    return line.length;
  }
}

/** The error of memory that was transferred or resized during the call. */
function changedError(target: Uint8Array, lost = 0): TypeError {
  const loss = lost > 0
    ? `; ${lost} bytes that were read are lost with it`
    : "";
  return new TypeError(
    `Cannot read: buffer was resized or detached during the call, and now has ${target.length} bytes${loss}`,
  );
}

/** How much memory an empty write buffer keeps for the next write. */
const KEPT_BYTES = 1024;

/**
 * Buffers written bytes until they are sent; with a size of 0 it sends each
 * write at once.
 *
 * A cancelled write leaves all of its unsent data in the buffer, for the next
 * flush. Only then may the buffer hold more bytes than its size.
 */
export class WriteBuffer implements FileWriter<Uint8Array> {
  readonly #raw: RawStream;
  readonly #size: number;
  #bytes: Bytes = EMPTY_BYTES;
  #start = 0;
  #end = 0;

  constructor(raw: RawStream, size: number) {
    this.#raw = raw;
    this.#size = size;
  }

  /** The writer of the layer below. */
  unbuffered(): WriteBuffer {
    return new WriteBuffer(this.#raw, 0);
  }

  get pending(): boolean {
    return this.#end > this.#start;
  }

  /** How many bytes can be written without sending. */
  get room(): number {
    return this.#size - (this.#end - this.#start);
  }

  check(data: unknown): Uint8Array {
    if (typeof data === "string") {
      throw new TypeError(
        'Cannot write: data must be a Uint8Array, received a string; open the file with "w", or encode it',
      );
    }
    return checkBytes("write", "data", data);
  }

  tryWrite(data: Uint8Array): number | undefined {
    if (data.length > this.room) return undefined;
    this.#append(data);
    return data.length;
  }

  async write(data: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    if (this.#size === 0) return await this.#raw.transmit(data, signal);
    return await this.writeAll(data, signal);
  }

  async writeAll(data: Uint8Array, signal?: AbortSignal): Promise<number> {
    const rest = await this.#sendMost(data, signal);
    const fits = Math.max(0, Math.min(rest.length, this.room));
    this.#append(rest.subarray(0, fits));
    if (fits < rest.length) throw wouldBlock(data.length - rest.length + fits);
    return data.length;
  }

  /**
   * Writes all of `data`, or nothing if it would block.
   *
   * This is for text: from a number of bytes the program could not work out which
   * characters it has to write again.
   */
  async writeAtomic(data: Uint8Array, signal?: AbortSignal): Promise<void> {
    const rest = await this.#sendMost(data, signal);
    if (rest.length > 0 && rest.length === data.length && this.room <= 0) {
      throw wouldBlock(0);
    }
    this.#append(rest);
  }

  deferredWrite(data: Uint8Array): () => void {
    if (this.#size === 0) return () => {};
    const copy = data.slice();
    return () => this.#append(copy);
  }

  async flush(signal?: AbortSignal): Promise<void> {
    if (!await this.tryFlush(signal)) throw wouldBlock(0);
  }

  /**
   * Sends the buffered bytes; returns false if sending the rest would block. The
   * program may not write again for a long time, so the memory is given back.
   */
  async tryFlush(signal?: AbortSignal): Promise<boolean> {
    const isSent = await this.#drain(signal);
    if (isSent && this.#bytes.length > KEPT_BYTES) this.#bytes = EMPTY_BYTES;
    return isSent;
  }

  async #drain(signal: AbortSignal | undefined): Promise<boolean> {
    while (this.pending) {
      const unsent = this.#bytes.subarray(this.#start, this.#end);
      const n = await this.#raw.transmit(unsent, signal);
      if (n === null) return false;
      this.#start += n;
    }
    this.#start = this.#end = 0;
    if (this.#bytes.length > this.#size) this.#bytes = EMPTY_BYTES;
    return true;
  }

  /** Returns room for `size` bytes; `commit` then adds those written to it. */
  reserve(size: number): Bytes {
    const length = this.#end - this.#start;
    if (this.#end + size > this.#bytes.length) {
      const old = this.#bytes.subarray(this.#start, this.#end);
      const needed = length + size;
      if (needed > this.#bytes.length) {
        // Cancelled writes are kept beyond the size of the buffer. It then grows
        // by its length, so that each byte is copied only a few times.
        const usual = length === 0 ? KEPT_BYTES : this.#size;
        const capacity = needed > this.#size
          ? needed + length
          : Math.min(usual, this.#size);
        this.#bytes = new Uint8Array(Math.max(needed, capacity));
      }
      this.#bytes.set(old);
      this.#start = 0;
      this.#end = length;
    }
    return this.#bytes.subarray(this.#end);
  }

  commit(size: number): void {
    this.#end += size;
  }

  #append(data: Uint8Array): void {
    if (data.length === 0) return;
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
      const isCancelled = error instanceof TimeoutError || signal?.aborted;
      if (isCancelled && this.#size > 0) this.#append(rest);
      throw error;
    }
  }
}
