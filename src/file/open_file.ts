/**
 * An open file, below the layers of its file object: the socket that it reads and
 * writes, the bytes read ahead, the order in which calls run, and the close.
 */

import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import { errnoOf } from "../base/errno_table.ts";
import { BlockingIOError } from "../base/errors.ts";
import type { SignalOption } from "../wait/waiter.ts";

/**
 * The part of a socket that a file object uses: a hold of its own on the
 * connection, with the timeout of the socket.
 */
export interface ByteStream {
  /**
   * Receives at most `size` bytes, in memory that is the caller's; no bytes
   * at the end of the stream. Rejects with `TimeoutError`, the reason of the
   * signal or, if the socket is non-blocking, `BlockingIOError`; bytes that
   * arrive later then go to the next call.
   */
  recv(size: number, options?: SignalOption): Promise<Bytes>;

  /**
   * Receives into `buffer` and returns the number of bytes, 0 at the end of
   * the stream. Rejects like `recv`. If `endReceive` or `release` ends the
   * call, the next bytes may still be written to `buffer`; they also go to the
   * next receive of the connection.
   */
  recvInto(buffer: Uint8Array, options?: SignalOption): Promise<number>;

  /**
   * Sends, and returns the number of bytes taken, which may be fewer than
   * given. Rejects like `recv`, having taken nothing. `data` is not read after
   * the call has settled.
   */
  send(data: Uint8Array, options?: SignalOption): Promise<number>;

  /** The descriptor. */
  fileno(): number;

  /**
   * Rejects a pending receive of this hold with EBADF; its bytes go to the next
   * receive of the connection. A receive that has its bytes already returns
   * them. Sends go on.
   */
  endReceive(): void;

  /**
   * Gives this hold back, and ends a pending receive. The connection closes
   * with its last hold. A second call does nothing.
   */
  release(): void;
}

/** A source of bytes or text for a file object; its calls come one at a time. */
export interface FileReader<T> {
  /** Takes the next line if all of it is buffered; otherwise undefined. */
  tryReadLine(): T | undefined;
  /** Takes `size` bytes or characters if they are buffered. */
  tryRead(size: number): T | undefined;
  /** Reads a line, or `limit` of it if that is not -1. */
  readLine(limit: number, signal?: AbortSignal): Promise<T | null>;
  /** Reads `size` bytes or characters; everything if that is negative. */
  read(size: number, signal?: AbortSignal): Promise<T | null>;
  /** Fills `target` from the buffered bytes if there are enough. */
  tryReadInto?(target: Uint8Array): number | undefined;
  /** Reads into `target`. */
  readInto?(target: Uint8Array, signal?: AbortSignal): Promise<number | null>;
  /** Puts back the lines that were read last, in their order. */
  unread(lines: readonly T[]): void;
  /** The length of a line in the unit of sizes: bytes or characters. */
  lengthOf(line: T): number;
}

/** Data that may have to be flushed. */
interface Flushable {
  /** Whether there is something to flush. */
  readonly pending: boolean;
  /** Sends what is buffered. */
  flush(signal?: AbortSignal): Promise<void>;
}

/** A sink for the data of a file object; its calls come one at a time. */
export interface FileWriter<T> extends Flushable {
  /** Checks the type of what a program writes, and returns it. */
  check(data: unknown): T;
  /** Takes `data` if there is room for it; otherwise returns undefined. */
  tryWrite(data: T): number | undefined;
  /** Writes, and returns how much was taken; null if it would block. */
  write(data: T, signal?: AbortSignal): Promise<number | null>;
  /** Writes all of `data`, or rejects. */
  writeAll(data: T, signal?: AbortSignal): Promise<unknown>;
  /** Returns a function that takes the data of a write cancelled in the queue. */
  deferredWrite(data: T): () => void;
}

/** Receives and sends for the layers of a file; null means "would block". */
export class RawStream {
  readonly #stream: ByteStream;
  #receiveEnded = false;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  fileno(): number {
    return this.#stream.fileno();
  }

  // No asynchronous functions: each would hold half a kilobyte while it waits.

  /** Receives at most `size` bytes, once. */
  receive(size: number, signal?: AbortSignal): Promise<Bytes | null> {
    return this.#receiveEnded
      ? Promise.reject(closedError())
      : this.#stream.recv(size, signal && { signal })
        .catch(this.#onReceiveError);
  }

  /** Receives into `buffer`, once. */
  receiveInto(
    buffer: Uint8Array,
    signal?: AbortSignal,
  ): Promise<number | null> {
    return this.#receiveEnded
      ? Promise.reject(closedError())
      : this.#stream.recvInto(buffer, signal && { signal })
        .catch(this.#onReceiveError);
  }

  readonly #onReceiveError = (error: unknown): null => {
    if (this.#receiveEnded) throw closedError();
    return nullIfBlocked(error);
  };

  /** Sends once; the number of bytes taken. */
  transmit(data: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.#stream.send(data, signal && { signal }).catch(nullIfBlocked);
  }

  /** Lets pending and later receives fail, because the file is closed. */
  endReceive(): void {
    this.#receiveEnded = true;
    this.#stream.endReceive();
  }

  release(): void {
    this.#receiveEnded = true;
    this.#stream.release();
  }
}

function nullIfBlocked(error: unknown): null {
  if (error instanceof BlockingIOError) return null;
  throw error;
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

/** The error of every call on a closed file object. */
export function closedError(): RangeError {
  return new RangeError("I/O operation on closed file");
}

/** Freeing less memory than this costs as much as it saves. */
const MIN_FREED = 1024;

/**
 * Frees the memory of received bytes that nothing uses any more. An array of
 * 64 KiB, made again and again, costs 150 microseconds where the garbage
 * collector has to find it, and 5 where it is freed.
 */
export function free({ buffer }: Bytes): void {
  if (buffer.byteLength >= MIN_FREED) buffer.transfer(0);
}

/** The byte that ends a line. */
const NEWLINE = 0x0a;

/** Received bytes that no call has read, in the order in which they came. */
export class ByteQueue {
  #bytes: Bytes = EMPTY_BYTES;
  #start = 0;

  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** Copies the first `size` bytes without taking them. */
  peek(size: number): Bytes {
    return this.#bytes.slice(this.#start, this.#start + size);
  }

  /** Takes the first `size` bytes, in memory of their own. */
  take(size: number): Bytes {
    const start = this.#start;
    this.#start = start + size;
    return this.#bytes.slice(start, this.#start);
  }

  /** Takes all bytes without copying them; `free` them after use. */
  takeAll(): Bytes {
    const all = this.#bytes.subarray(this.#start);
    this.refill(EMPTY_BYTES);
    return all;
  }

  /** Moves the first `size` bytes to the end of `builder`. */
  moveToBuilder(builder: ByteBuilder, size: number): void {
    const start = this.#start;
    this.#start = start + size;
    const isKept = builder.append(this.#bytes.subarray(start, this.#start));
    if (isKept) this.refill(EMPTY_BYTES);
    else this.trim();
  }

  /** Moves bytes to `target`, and returns how many. */
  moveTo(target: Uint8Array): number {
    const start = this.#start;
    const count = Math.min(this.#bytes.length - start, target.length);
    this.#start = start + count;
    target.set(this.#bytes.subarray(start, this.#start));
    return count;
  }

  /** How many bytes the next line has, with its end; -1 if there is no end. */
  lineLength(): number {
    const index = this.#bytes.indexOf(NEWLINE, this.#start);
    return index < 0 ? -1 : index + 1 - this.#start;
  }

  /** Frees memory that holds no unread byte. */
  trim(): void {
    if (this.#start < this.#bytes.length) return;
    free(this.#bytes);
    this.refill(EMPTY_BYTES);
  }

  /** Puts received bytes into the empty queue, without copying them. */
  refill(bytes: Bytes): void {
    this.#bytes = bytes;
    this.#start = 0;
  }

  /** Puts bytes back that were taken last. */
  unread(parts: readonly Uint8Array[]): void {
    const rest = this.takeAll();
    this.refill(concat([...parts, rest]));
    free(rest);
  }
}

/** The least memory that a large read continues with. */
const MIN_ROOM = 1024;

/** Bytes that are collected part by part, in memory of their own. */
export class ByteBuilder {
  /** How many there are. */
  length = 0;
  #bytes: Bytes = EMPTY_BYTES;

  /**
   * Adds a part. Returns whether its memory has become the builder's: that of a
   * first part which has all of it.
   */
  append(part: Bytes): boolean {
    const { length } = this;
    const isKept = length === 0 && part.length === part.buffer.byteLength;
    if (isKept) {
      this.#bytes = part;
    } else if (length === 0) {
      this.#bytes = part.slice();
    } else {
      const needed = length + part.length;
      if (needed > this.#bytes.length) {
        const capacity = Math.max(needed, length * 2);
        this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(capacity));
      }
      this.#bytes.set(part, length);
    }
    this.length = length + part.length;
    return isKept;
  }

  /** Returns room for at least one byte, and at most `limit` in all. */
  room(limit: number): Bytes {
    const { length } = this;
    if (length === this.#bytes.length) {
      const capacity = Math.min(limit, Math.max(MIN_ROOM, length * 2));
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(capacity));
    }
    return this.#bytes.subarray(length, limit);
  }

  /** The bytes, while a receive may still write behind them. */
  view(): Bytes {
    return this.#bytes.subarray(0, this.length);
  }

  /** The bytes, in memory that holds no others. */
  toBytes(): Bytes {
    const bytes = this.#bytes;
    if (this.length === bytes.length) return bytes;
    if (this.length < 4096) return bytes.slice(0, this.length);
    return new Uint8Array(bytes.buffer.transfer(this.length));
  }
}

/** The bytes of all parts, in one array. */
export function concat(parts: readonly Uint8Array[]): Bytes {
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

/** Lets the calls of one file object run one at a time, in call order. */
export class Mutex {
  #first: LockRequest | undefined;
  #last: LockRequest | undefined;
  /** Whether a call is running, so that another has to wait. */
  busy = false;
  #closed = false;

  /**
   * Waits until the calls before have ended; returns undefined if there are
   * none. The caller has to `release()` unless this rejects.
   *
   * @param signal Cancels the request, which then leaves the queue.
   * @param onAbort Runs in place of a call that the signal has cancelled, in
   * its position of the queue.
   */
  acquire(
    signal: AbortSignal | undefined,
    onAbort?: () => void,
  ): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (!this.busy) {
      this.busy = true;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#append(new LockRequest(this, resolve, reject, signal, onAbort));
    });
  }

  /** Ends a call, and lets the next one run. */
  release(): void {
    for (let next = this.#first; next !== undefined; next = this.#first) {
      this.remove(next);
      if (next.run()) return;
    }
    this.busy = this.#closed;
  }

  /** Rejects every waiting call, and stays busy, so that no later one runs. */
  close(reason: unknown): void {
    this.busy = this.#closed = true;
    while (this.#first !== undefined) {
      const request = this.#first;
      this.remove(request);
      request.fail(reason);
    }
  }

  #append(request: LockRequest): void {
    request.previous = this.#last;
    if (this.#last === undefined) this.#first = request;
    else this.#last.next = request;
    this.#last = request;
  }

  remove({ previous, next }: LockRequest): void {
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
  }
}

/** A call that waits for a mutex. */
class LockRequest implements EventListenerObject {
  next: LockRequest | undefined = undefined;
  previous: LockRequest | undefined = undefined;
  readonly #mutex: Mutex;
  readonly #resolve: () => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;
  #isAborted = false;

  constructor(
    mutex: Mutex,
    resolve: () => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
    onAbort: (() => void) | undefined,
  ) {
    this.#mutex = mutex;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#onAbort = onAbort;
    signal?.addEventListener("abort", this);
  }

  /** Lets the call run; returns false if it was cancelled, and has ended. */
  run(): boolean {
    this.#signal?.removeEventListener("abort", this);
    if (this.#isAborted) this.#onAbort!();
    else this.#resolve();
    return !this.#isAborted;
  }

  fail(reason: unknown): void {
    this.#signal?.removeEventListener("abort", this);
    this.#reject(reason);
  }

  /** Called by the signal. */
  handleEvent(): void {
    this.fail(this.#signal!.reason);
    if (this.#onAbort === undefined) this.#mutex.remove(this);
    else this.#isAborted = true;
  }
}

/** The part of an open file that outlives its file object: unsent data. */
class Output {
  readonly raw: RawStream;
  readonly writer: Flushable | undefined;
  readonly lock: Mutex = new Mutex();

  constructor(raw: RawStream, writer: Flushable | undefined) {
    this.raw = raw;
    this.writer = writer;
  }

  /** Whether a write is running or unsent. */
  get pending(): boolean {
    return this.lock.busy || this.writer?.pending === true;
  }

  /** Sends everything behind the writes that were made before. */
  async flush(signal?: AbortSignal): Promise<void> {
    await this.lock.acquire(signal);
    try {
      await this.writer?.flush(signal);
    } finally {
      this.lock.release();
    }
  }

  /** Flushes, and releases the socket even if that fails. */
  async close(signal?: AbortSignal): Promise<void> {
    try {
      await this.flush(signal);
    } finally {
      this.raw.release();
    }
  }
}

/**
 * The state that the layers of one file object share: the order of its reads and
 * of its writes, and whether it is closed.
 *
 * A file that the program has dropped is flushed and closed by the garbage
 * collector, some time later; CPython does so at once. While a call waits, its
 * promise holds the file object.
 */
export class OpenFile {
  /** How the file was opened. */
  readonly mode: "rb" | "wb" | "rwb";
  /** Reads run one at a time. */
  readonly readLock: Mutex = new Mutex();
  readonly #output: Output;
  /** Whether `close()` was called. */
  closed = false;
  #closing = DONE;

  constructor(
    raw: RawStream,
    mode: "rb" | "wb" | "rwb",
    writer: Flushable | undefined,
  ) {
    this.mode = mode;
    this.#output = new Output(raw, writer);
    droppedFiles.register(this, this.#output, this.#output);
    if (writer !== undefined) flushAtExit(this.#output);
  }

  /** Writes run one at a time; reads and writes do not wait for each other. */
  get writeLock(): Mutex {
    return this.#output.lock;
  }

  fileno(): number {
    this.checkOpen();
    return this.#output.raw.fileno();
  }

  checkOpen(): void {
    if (this.closed) throw closedError();
  }

  /**
   * Rejects every later call and the pending reads, lets the pending writes
   * end, flushes, and releases the socket even if the flush fails.
   */
  close(signal?: AbortSignal): Promise<void> {
    if (this.closed) return this.#closing;
    this.closed = true;
    const output = this.#output;
    droppedFiles.unregister(output);
    openOutputs.delete(output);
    // Before the flush, since the peer may never send anything.
    output.raw.endReceive();
    this.readLock.close(closedError());
    if (!output.pending) {
      output.raw.release();
      return this.#closing;
    }
    const closed = output.close(signal);
    this.#closing = closed.catch(() => {});
    return closed;
  }
}

const DONE = Promise.resolve();

/** Closes files that the program has dropped, with all of their layers. */
const droppedFiles = new FinalizationRegistry<Output>((output) => {
  openOutputs.delete(output);
  output.close().catch(() => {});
});

/** The open files for writing. */
const openOutputs = new Set<Output>();
let isListening = false;

/** Sends unsent bytes when the program ends normally, as CPython does. */
function flushAtExit(output: Output): void {
  openOutputs.add(output);
  if (isListening) return;
  isListening = true;
  // Deno dispatches it when the event loop has nothing left to do, and goes on
  // if it is prevented; not after Deno.exit() or an uncaught error.
  globalThis.addEventListener("beforeunload", (event) => {
    for (const each of openOutputs) {
      if (!each.pending) continue;
      event.preventDefault();
      // It is not tried again, or the program would never end.
      each.flush().catch(() => openOutputs.delete(each));
    }
  });
}
