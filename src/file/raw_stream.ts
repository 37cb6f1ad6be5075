import type { Bytes } from "../base/checks.ts";
import { errnoOf } from "../base/errno_table.ts";
import { BlockingIOError } from "../base/errors.ts";
import type { SignalOption } from "../wait/waiter.ts";

/**
 * What a file object reads from and writes to: its own hold on a socket, with
 * the socket's timeout.
 */
export interface ByteStream {
  /**
   * Receives at most `size` bytes, in memory that is the caller's; no bytes at
   * the end of the stream. Rejects like `recvInto`.
   */
  recv(size: number, options?: SignalOption): Promise<Bytes>;

  /**
   * Receives into `buffer`. The number of bytes, 0 at the end of the stream.
   * Rejects with `TimeoutError`, the signal's reason or, if non-blocking,
   * `BlockingIOError`; what arrives later then goes to the next call. If
   * `endReceive` or `release` ends the call, what comes next may still be written
   * to `buffer`, and goes to the next holder.
   */
  recvInto(buffer: Uint8Array, options?: SignalOption): Promise<number>;

  /**
   * Sends; the number of bytes taken, which may be fewer than given. Rejects
   * as `recvInto`, having taken nothing. `data` is not read after the call has
   * settled.
   */
  send(data: Uint8Array, options?: SignalOption): Promise<number>;

  /** The descriptor. */
  fileno(): number;

  /**
   * Ends a receive that is pending on this hold with EBADF, whose bytes go to
   * the next holder's. One that has its bytes already gives them. Sends go on.
   */
  endReceive(): void;

  /**
   * Gives up this hold; the socket really closes with its last holder. Ends a
   * pending receive too. Doing it again does nothing.
   */
  release(): void;
}

/** Calls on one file object, served in the order they were made. */
export class Mutex {
  readonly #waiting: Turn[] = [];
  #busy = false;

  /** Whether a call is being served, so that another would have to wait. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Does `work` when the calls before are done.
   *
   * Rejects without doing it if the signal aborts while it waits.
   */
  async runExclusive<T>(
    signal: AbortSignal | undefined,
    work: () => T | Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    if (this.#busy) await this.acquire(signal);
    else this.#busy = true;
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /**
   * Waits for a turn behind the call that is being served. The caller has to
   * `leave()` if this resolves, and only then.
   *
   * @param onAbort What to do in its turn, and in the caller's place, if the
   * signal aborts before; without it the place in line is given up.
   */
  acquire(
    signal: AbortSignal | undefined,
    onAbort?: () => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn: Turn = {
        begin,
        reject(reason) {
          signal?.removeEventListener("abort", abort);
          reject(reason);
        },
      };
      function begin(): void {
        signal?.removeEventListener("abort", abort);
        resolve();
      }
      const abort = (): void => {
        if (onAbort === undefined) {
          this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        } else {
          turn.begin = () => {
            onAbort();
            this.leave();
          };
        }
        reject(signal?.reason);
      };
      this.#waiting.push(turn);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Ends a turn; the next call's begins. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy = false;
    else next.begin();
  }

  /** Ends every call that waits for its turn. */
  rejectWaiting(reason: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }
}

interface Turn {
  begin: () => void;
  readonly reject: (reason: unknown) => void;
}

// The open file under a file object and its layers: who may read and write,
// whose turn it is, and whether it is closed.

/** No bytes. */
export const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** What a file object reads from; its calls come one at a time. */
export interface FileReader<T> {
  /** Takes a line that is buffered whole; undefined if none is. */
  tryReadLine(): T | undefined;
  /** Reads a line, or `limit` of it if that is not -1. */
  readLine(limit: number, signal?: AbortSignal): Promise<T | null>;
  /** Reads `size`, or everything if that is -1. */
  read(size: number, signal?: AbortSignal): Promise<T | null>;
  /** Reads into `target`. */
  readInto?(target: Uint8Array, signal?: AbortSignal): Promise<number | null>;
  /** Takes lines back that were read last, in their order. */
  giveBack(lines: readonly T[]): void;
  /** What `read` would count. */
  lengthOf(line: T): number;
}

/** What a file object writes to; its calls come one at a time. */
export interface FileWriter<T> {
  /** Whether there is something to flush. */
  readonly pending: boolean;
  /** Takes `data` if that needs no wait; otherwise returns undefined. */
  tryWrite(data: T): number | undefined;
  /** Writes; how much was taken. */
  write(data: T, signal?: AbortSignal): Promise<number | null>;
  /** Writes all of `data`, or rejects. */
  writeAll(data: T, signal?: AbortSignal): Promise<unknown>;
  /** What to do in its turn with a write that was aborted before. */
  deferredWrite(data: T): () => void;
  /** Sends what is buffered. */
  flush(signal?: AbortSignal): Promise<void>;
}

/** What a file object's layers share: its hold on the socket. */
export class RawStream {
  /** How it is opened. */
  readonly mode: "rb" | "wb" | "rwb";
  /** One read at a time. */
  readonly readLock: Mutex = new Mutex();
  /** One write at a time; reads and writes do not wait for each other. */
  readonly writeLock: Mutex = new Mutex();
  readonly #stream: ByteStream;
  #kept = EMPTY;
  #closing: Promise<void> | undefined;

  constructor(stream: ByteStream, mode: "rb" | "wb" | "rwb") {
    this.#stream = stream;
    this.mode = mode;
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  fileno(): number {
    this.checkOpen();
    return this.#stream.fileno();
  }

  checkOpen(): void {
    if (this.closed) throw closedError();
  }

  /** Receives once; null if it would block. */
  async receive(
    buffer: Uint8Array,
    signal?: AbortSignal,
  ): Promise<number | null> {
    this.checkOpen();
    if (this.#kept.length > 0) {
      const part = this.#kept.subarray(0, buffer.length);
      buffer.set(part);
      this.#kept = this.#kept.subarray(part.length);
      return part.length;
    }
    try {
      return await this.#stream.recvInto(buffer, signal && { signal });
    } catch (error) {
      if (isWouldBlock(error)) return null;
      throw this.closed ? closedError() : error;
    }
  }

  /** Takes bytes back, to be received first by the next call. */
  keep(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#kept = concat([bytes, this.#kept]);
  }

  /** Sends once; null if it would block. */
  async transmit(
    data: Uint8Array,
    signal?: AbortSignal,
  ): Promise<number | null> {
    try {
      return await this.#stream.send(data, signal && { signal });
    } catch (error) {
      if (isWouldBlock(error)) return null;
      throw error;
    }
  }

  /**
   * Refuses every later call, ends the reads that are pending, lets the writes
   * that are pending end, flushes, and lets go of the socket in any case.
   */
  close(
    writer: FileWriter<never> | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    const reason = closedError();
    this.#closing = Promise.resolve();
    // Before all is flushed: the peer may never send anything.
    this.#stream.endReceive();
    this.readLock.rejectWaiting(reason);
    if (!this.writeLock.busy && !writer?.pending) {
      this.#stream.release();
      return this.#closing;
    }
    const closed = this.#flushAndRelease(writer, signal);
    this.#closing = closed.catch(() => {});
    return closed;
  }

  async #flushAndRelease(
    writer: FileWriter<never> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await this.writeLock.runExclusive(signal, () => writer?.flush(signal));
    } finally {
      this.#stream.release();
    }
  }
}

/** Reads without a buffer: each read is one receive. */
export class RawReader implements FileReader<Uint8Array<ArrayBuffer>> {
  readonly #raw: RawStream;

  constructor(raw: RawStream) {
    this.#raw = raw;
  }

  tryReadLine(): undefined {
    return undefined;
  }

  async readLine(
    limit: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    // Byte by byte: what follows the line is not this file's to take.
    const line = new ByteBuilder(limit, 128);
    try {
      while (line.length !== limit) {
        const n = await this.#raw.receive(line.room(1), signal);
        if (!n) return line.length === 0 && n === null ? null : line.toBytes();
        line.length++;
        if (line.last === NEWLINE) break;
      }
      return line.toBytes();
    } catch (error) {
      this.#raw.keep(line.copy());
      throw error;
    }
  }

  async read(
    size: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const data = new ByteBuilder(size, size < 0 ? 8192 : MAX_READ);
    try {
      while (data.length !== size) {
        const n = await this.#raw.receive(data.room(), signal);
        if (n === null && data.length === 0) return null;
        if (!n) break;
        data.length += n;
        if (size >= 0) break;
      }
      return data.toBytes();
    } catch (error) {
      this.#raw.keep(data.copy());
      throw error;
    }
  }

  async readInto(
    target: Uint8Array,
    signal?: AbortSignal,
  ): Promise<number | null> {
    return target.length === 0 ? 0 : await this.#raw.receive(target, signal);
  }

  giveBack(lines: readonly Uint8Array[]): void {
    this.#raw.keep(concat(lines));
  }

  lengthOf(line: Uint8Array): number {
    return line.length;
  }
}

/** Writes without a buffer: each write is one send. */
export class RawWriter implements FileWriter<Uint8Array> {
  readonly pending = false;
  readonly #raw: RawStream;

  constructor(raw: RawStream) {
    this.#raw = raw;
  }

  tryWrite(): undefined {
    return undefined;
  }

  write(data: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.#raw.transmit(data, signal);
  }

  async writeAll(data: Uint8Array, signal?: AbortSignal): Promise<void> {
    for (let done = 0; done < data.length;) {
      const n = await this.#raw.transmit(data.subarray(done), signal);
      if (n === null) throw wouldBlock(done);
      done += n;
    }
  }

  deferredWrite(): () => void {
    return () => {};
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

/** The byte that ends a line. */
export const NEWLINE = 0x0a;

/** What one read asks for at most, however much it may take. */
const MAX_READ = 0x40000;

/** Bytes whose number is not known before, up to `limit` if that is not -1. */
export class ByteBuilder {
  /** How many there are. */
  length = 0;
  readonly #limit: number;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(limit: number, first: number) {
    this.#limit = limit < 0 ? Infinity : limit;
    this.#bytes = new Uint8Array(Math.min(this.#limit, first));
  }

  get last(): number | undefined {
    return this.#bytes[this.length - 1];
  }

  /** Where the next bytes go, `size` at most, never empty below the limit. */
  room(size: number = Infinity): Uint8Array<ArrayBuffer> {
    const { length } = this.#bytes;
    if (this.length === length) {
      const more = Math.min(this.#limit, length * 2);
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(more));
    }
    const end = Math.min(this.length + size, this.#bytes.length);
    return this.#bytes.subarray(this.length, end);
  }

  /** A copy of the bytes, while a receive may still write behind them. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length);
  }

  /** The bytes, and no others, in memory of their own. */
  toBytes(): Uint8Array<ArrayBuffer> {
    if (this.length === this.#bytes.length) return this.#bytes;
    if (this.length < 4096) return this.#bytes.slice(0, this.length);
    return new Uint8Array(this.#bytes.buffer.transfer(this.length));
  }
}

/** One array of all. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

/** The error of a write that has taken `written` bytes and would now block. */
export function wouldBlock(written: number): BlockingIOError {
  const error = new BlockingIOError(
    errnoOf("EAGAIN"),
    "write could not complete without blocking",
  );
  error.characters_written = written;
  return error;
}

function isWouldBlock(error: unknown): boolean {
  return error instanceof BlockingIOError;
}

/** The error of every call on a closed file object. */
export function closedError(): RangeError {
  return new RangeError("I/O operation on closed file");
}
