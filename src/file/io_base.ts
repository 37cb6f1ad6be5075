import {
  type Bytes,
  checkBytes,
  checkSignal,
  isOptions,
  markAsOwn,
  show,
} from "../base/checks.ts";
import { UnsupportedOperation } from "../base/errors.ts";
import {
  answer,
  countCall,
  isYieldDue,
  yieldToLoop,
} from "../wait/event_loop.ts";
import { failure, type SignalOption, traced } from "../wait/waiter.ts";
import type { FileReader, FileWriter, Mutex, OpenFile } from "./open_file.ts";

/** One layer of a file object: text, buffered bytes, or bytes as they come. */
export interface FileLayer<T, W> {
  readonly file: OpenFile;
  readonly reader: FileReader<T> | undefined;
  readonly writer: FileWriter<W> | undefined;
}

/** Python's messages for the operations that a class of files does not support. */
export interface Refusals {
  readonly detached: string;
  readonly read: string;
  readonly write: string;
  readonly seek: string;
  readonly tell: string;
}

/** A size argument, -1 if left out, and the options, which may be in its place. */
export function sizeAndOptions(
  action: string,
  size: number | null | SignalOption | undefined,
  options: SignalOption | undefined,
): [size: number, options: SignalOption | undefined] {
  if (size === undefined || size === null) return [-1, options];
  if (typeof size === "number" && Number.isInteger(size)) {
    return [size, options];
  }
  if (isOptions(size) && options === undefined) return [-1, size];
  throw new TypeError(
    `Cannot ${action}: size must be an integer or null, received ${show(size)}`,
  );
}

/** Throws Python's error for an operation that a file does not support. */
function unsupported(words: string): never {
  throw new UnsupportedOperation(words);
}

/** Whether a value is a size that a buffer may have. */
function isCount(size: unknown): size is number {
  return typeof size === "number" && size >>> 0 === size;
}

// Private methods, for the subclasses alone.

/** Reads, for a method of a subclass. */
let readOf: <T extends Bytes | string, W extends Uint8Array | string, R>(
  file: IOBase<T, W>,
  action: string,
  options: SignalOption | undefined,
  read: (signal: AbortSignal | undefined) => Promise<R>,
) => Promise<R>;

/** Flushes, ends the file object, and returns the layer below it. */
let detachOf: <T extends Bytes | string, W extends Uint8Array | string, L>(
  file: IOBase<T, W>,
  lower: L,
) => Promise<L>;

export { detachOf, readOf };

// The file objects of `Socket.makefile()`.
//
// Python: io: https://docs.python.org/3/library/io.html

export type { SignalOption };

/**
 * A file object on a socket, as `Socket.makefile()` returns it.
 *
 * Calls made side by side are served in call order, reads among reads and
 * writes among writes. Unlike in Python, a file object can be used after a
 * timeout or an abort, and has lost nothing:
 *
 * - A cancelled read leaves the bytes that it had collected, a part of a line
 *   included, to the next read.
 * - A cancelled buffered write has taken its data, which the next `flush()`
 *   sends: do not write it again. `flush()` keeps exactly the bytes that it did
 *   not send. Only a signal that had aborted before the call keeps a write from
 *   taking its data.
 *
 * A timeout limits each wait for the peer: a write or a flush goes on for as
 * long as the peer takes more.
 *
 * On a non-blocking socket a read that would block resolves to the data that is
 * there, or to null if there is none; a write without a buffer resolves to null.
 * A buffered write rejects with `BlockingIOError` if the buffer is full, and has
 * then taken `characters_written` bytes of its data. `flush()` rejects with it
 * too.
 *
 * `for await` reads lines up to the end of the stream, or until reading would
 * block. Leaving the loop closes nothing.
 *
 * A file object that the program drops without closing it is flushed and closed
 * by the garbage collector, some time later. Written data that is still unsent
 * when the program ends is sent then, unless the program ends by `Deno.exit()`
 * or by an uncaught error.
 *
 * A size may be left out before the options: `readline({ signal })`.
 *
 * - **Reading**: {@linkcode IOBase.prototype.read | read},
 *   {@linkcode IOBase.prototype.readline | readline},
 *   {@linkcode IOBase.prototype.readlines | readlines},
 *   {@linkcode IOBase.prototype.readinto | readinto},
 *   {@linkcode IOBase.prototype.[Symbol.asyncIterator] | for await}
 * - **Writing**: {@linkcode IOBase.prototype.write | write},
 *   {@linkcode IOBase.prototype.writelines | writelines},
 *   {@linkcode IOBase.prototype.flush | flush}
 * - **Closing**: {@linkcode IOBase.prototype.close | close},
 *   {@linkcode IOBase.prototype.closed | closed},
 *   {@linkcode IOBase.prototype.[Symbol.asyncDispose] | await using}
 * - **Properties**: {@linkcode IOBase.prototype.name | name},
 *   {@linkcode IOBase.prototype.mode | mode},
 *   {@linkcode IOBase.prototype.fileno | fileno},
 *   {@linkcode IOBase.prototype.readable | readable},
 *   {@linkcode IOBase.prototype.writable | writable},
 *   {@linkcode IOBase.prototype.seekable | seekable}
 *
 * @typeParam T The type that it reads: `Uint8Array` or `string`.
 * @typeParam W The type that it writes.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.IOBase | Python: io.IOBase}
 */
export class IOBase<
  T extends Uint8Array<ArrayBuffer> | string,
  W extends Uint8Array | string,
> implements AsyncDisposable {
  readonly #file: OpenFile;
  readonly #readLock: Mutex;
  readonly #reader: FileReader<T> | undefined;
  readonly #writer: FileWriter<W> | undefined;
  readonly #refusals: Refusals;
  /** Whether the layer below was handed to the program. */
  #detached = false;

  static {
    markAsOwn(this.prototype);
    readOf = (file, action, options, read) =>
      file.#run(file.#readLock, action, options, (signal) => {
        file.#readable();
        return read(signal);
      });
    detachOf = (file, lower) => file.#detach(lower);
  }

  /**
   * Internal: file objects are made by `Socket.makefile()`.
   *
   * @ignore
   */
  constructor(layer: FileLayer<T, W>, refusals: Refusals) {
    this.#file = layer.file;
    this.#readLock = layer.file.readLock;
    this.#reader = layer.reader;
    this.#writer = layer.writer;
    this.#refusals = refusals;
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#file.closed;
  }

  /** The descriptor of the socket, -1 if the file object is closed. */
  get name(): number {
    return this.closed ? -1 : this.#file.fileno();
  }

  /** `"rb"`, `"wb"` or `"rwb"`; for a text file the argument of `makefile`. */
  get mode(): string {
    return this.#file.mode;
  }

  /**
   * Reads.
   *
   * A buffered file reads exactly `size`, less only at the end of the stream or
   * when reading would block; one without a buffer receives once. A text file
   * counts characters, that is code points.
   *
   * @param size How much to read at most; everything up to the end of the
   * stream if it is negative or left out.
   * @param options `signal` cancels the call, which loses nothing.
   * @returns The data, empty at the end of the stream; null if there is none
   * and reading would block. Bytes are in memory of their own.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is or gets closed, or has bytes that are
   * not text.
   */
  read(
    size?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<T | null> {
    if (options === undefined && isCount(size) && this.#isFree) {
      const data = this.#reader!.tryRead(size);
      if (data !== undefined) return answer(data);
    }
    return this.#readSized(
      "read",
      size,
      options,
      (reader, limit, signal) => reader.read(limit, signal),
    );
  }

  /**
   * Reads a line, with its end.
   *
   * @param size The most to read, in bytes, or in characters of a text file; no
   * limit if it is negative or left out.
   * @param options `signal` cancels the call, which loses nothing.
   * @returns The line; at the end of the stream the rest, then nothing; if
   * reading would block the data that is there, null if there is none.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is or gets closed, or has bytes that are
   * not text.
   */
  readline(
    size?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<T | null> {
    if (size === undefined && options === undefined && this.#isFree) {
      const line = this.#reader!.tryReadLine();
      if (line !== undefined) return answer(line);
    }
    return this.#readSized(
      "readline",
      size,
      options,
      (reader, limit, signal) => reader.readLine(Math.max(limit, -1), signal),
    );
  }

  /**
   * Reads lines.
   *
   * @param hint About how many bytes, or characters of a text file, to read: the
   * line that goes beyond it is the last. No limit if it is 0, negative or left
   * out.
   * @param options `signal` cancels the call; the lines read are then left to
   * the next call.
   * @returns The lines up to the end of the stream, or until reading would
   * block; null if it would block at once.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is or gets closed, or has bytes that are
   * not text.
   */
  readlines(
    hint?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<T[] | null> {
    return this.#readSized(
      "readlines",
      hint,
      options,
      readLines,
    );
  }

  /**
   * Reads into the caller's buffer.
   *
   * A buffered file fills it, unless the stream ends or reading would block;
   * one without a buffer receives once.
   *
   * @param buffer The memory to fill.
   * @param options `signal` cancels the call, which loses nothing.
   * @returns The number of bytes, 0 at the end of the stream; null if there are
   * none and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading, or
   * is a text file.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is or gets closed.
   */
  readinto(
    buffer: Uint8Array,
    options?: SignalOption,
  ): Promise<number | null> {
    try {
      const target = checkBytes("readinto", "buffer", buffer);
      if (options === undefined && this.#isFree) {
        const count = this.#reader!.tryReadInto?.(target);
        if (count !== undefined) return answer(count);
      }
      return this.#run(
        this.#readLock,
        "readinto",
        options,
        (signal) =>
          this.#readable().readInto?.(target, signal) ??
            unsupported("readinto"),
      );
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Writes.
   *
   * A buffered file takes all of `data`, and waits only while its buffer is
   * full; one without a buffer sends once and may take less.
   *
   * @param data The data; not to be changed until the call has settled.
   * @param options `signal` cancels the call.
   * @returns How much was taken, for text the number of characters; null if the
   * file has no buffer and writing would block.
   * @throws {UnsupportedOperation} If the file was not opened for writing.
   * @throws {BlockingIOError} EAGAIN if the buffer is full and sending would
   * block. A text file has then taken nothing.
   * @throws {TimeoutError} If the timeout of the socket expires; a buffered file
   * has taken `data` all the same.
   * @throws {TypeError} If the file takes data of the other type.
   * @throws {RangeError} If the file is closed, or `data` has characters that
   * the encoding does not have.
   */
  write(data: W, options?: SignalOption): Promise<number | null> {
    try {
      this.#checkUsable();
      const writer = this.#writable();
      const checked = writer.check(data);
      const { writeLock } = this.#file;
      const isBusy = writeLock.busy;
      if (options === undefined && !isBusy) {
        const taken = writer.tryWrite(checked);
        if (taken !== undefined) return answer(taken);
      }
      return this.#run(
        writeLock,
        "write",
        options,
        (signal) => writer.write(checked, signal),
        options && isBusy ? writer.deferredWrite(checked) : undefined,
      );
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Writes each of `lines`, without adding line ends.
   *
   * @param lines The data, in parts.
   * @param options `signal` cancels the call.
   * @returns Nothing. If the call rejects, the lines before the one at which it
   * stopped have been taken.
   * @throws {UnsupportedOperation} If the file was not opened for writing.
   * @throws {BlockingIOError} EAGAIN if the buffer is full and sending would
   * block.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {TypeError} If the file takes lines of the other type.
   * @throws {RangeError} If the file is closed, or a line has characters that
   * the encoding does not have.
   */
  writelines(lines: Iterable<W>, options?: SignalOption): Promise<void> {
    return this.#run(
      this.#file.writeLock,
      "writelines",
      options,
      async (signal) => {
        for (const line of lines) {
          const writer = this.#writable();
          const checked = writer.check(line);
          if (writer.tryWrite(checked) === undefined) {
            await writer.writeAll(checked, signal);
          }
        }
      },
    );
  }

  /**
   * Sends the buffered data; does nothing if there is none.
   *
   * @param options `signal` cancels the call; unsent data stays in the buffer.
   * @returns Nothing, once everything was sent.
   * @throws {BlockingIOError} EAGAIN if sending would block.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is closed.
   */
  flush(options?: SignalOption): Promise<void> {
    return this.#run(this.#file.writeLock, "flush", options, async (signal) => {
      await this.#writer?.flush(signal);
    });
  }

  /**
   * Flushes and closes the file object; the connection closes with its last
   * socket or file object. Pending reads are rejected, pending writes end
   * first. Closing again waits for the first close.
   *
   * @param options `signal` cancels the flush.
   * @returns Nothing, once everything was sent.
   * @throws {OSError} The error of the flush; the file object is closed all the
   * same, and unsent data is lost.
   */
  async close(options?: SignalOption): Promise<void> {
    let signal: AbortSignal | undefined;
    try {
      signal = checkSignal("close", options);
      this.#checkAttached();
      await this.#file.close(signal);
    } catch (error) {
      return failure(error, signal);
    }
  }

  /**
   * Returns the descriptor of the socket.
   *
   * @returns The number.
   * @throws {RangeError} If the file is closed.
   */
  fileno(): number {
    this.#checkUsable();
    return this.#file.fileno();
  }

  /**
   * Returns whether the file was opened for reading.
   *
   * @returns True if it was.
   * @throws {RangeError} If the file is closed.
   */
  readable(): boolean {
    this.#checkUsable();
    return this.#reader !== undefined;
  }

  /**
   * Returns whether the file was opened for writing.
   *
   * @returns True if it was.
   * @throws {RangeError} If the file is closed.
   */
  writable(): boolean {
    this.#checkUsable();
    return this.#writer !== undefined;
  }

  /**
   * Returns whether the file has positions, which a socket does not have.
   *
   * @returns False.
   * @throws {RangeError} If the file is closed.
   */
  seekable(): boolean {
    this.#checkUsable();
    return false;
  }

  /**
   * Would change the position.
   *
   * @param _offset The position.
   * @param _whence The base of the offset.
   * @throws {UnsupportedOperation} Always.
   */
  seek(_offset: number, _whence?: number): never {
    return traced(
      IOBase.prototype.seek,
      () => unsupported(this.#refusals.seek),
    );
  }

  /**
   * Would return the position.
   *
   * @throws {UnsupportedOperation} Always.
   */
  tell(): never {
    return traced(
      IOBase.prototype.tell,
      () => unsupported(this.#refusals.tell),
    );
  }

  /**
   * Would truncate the file.
   *
   * @param _size The new length.
   * @throws {UnsupportedOperation} Always.
   */
  truncate(_size?: number | null): never {
    return traced(
      IOBase.prototype.truncate,
      () => unsupported("truncate"),
    );
  }

  /**
   * Reads line after line, for `for await`.
   *
   * @returns The lines, up to the end of the stream or until reading would
   * block.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const next = (): Promise<IteratorResult<T, undefined>> => {
      const value = this.#isFree ? this.#reader!.tryReadLine() : undefined;
      return value === undefined
        ? this.#run(
          this.#readLock,
          "readline",
          undefined,
          (signal) => readNext(this.#readable(), signal),
        )
        : answer({ value, done: false });
    };
    return {
      next,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /**
   * Closes, for `await using`.
   *
   * @returns Nothing, once everything was sent.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#detached ? Promise.resolve() : this.close();
  }

  /** Whether a read is served at once, if enough is buffered. */
  get #isFree(): boolean {
    return this.#reader !== undefined && !this.#readLock.busy &&
      !this.#detached;
  }

  #checkUsable(): void {
    this.#checkAttached();
    this.#file.checkOpen();
  }

  #checkAttached(): void {
    if (this.#detached) throw new RangeError(this.#refusals.detached);
  }

  #readable(): FileReader<T> {
    return this.#reader ?? unsupported(this.#refusals.read);
  }

  #writable(): FileWriter<W> {
    return this.#writer ?? unsupported(this.#refusals.write);
  }

  /** Reads with a size, which may be left out before the options. */
  #readSized<R>(
    action: string,
    size: number | null | SignalOption | undefined,
    options: SignalOption | undefined,
    read: (
      reader: FileReader<T>,
      limit: number,
      signal: AbortSignal | undefined,
    ) => Promise<R>,
  ): Promise<R> {
    try {
      const [limit, last] = sizeAndOptions(action, size, options);
      return this.#run(
        this.#readLock,
        action,
        last,
        (signal) => read(this.#readable(), limit, signal),
      );
    } catch (error) {
      return failure(error);
    }
  }

  /** Runs a call after those that were made before it. */
  #run<R>(
    lock: Mutex,
    action: string,
    options: SignalOption | undefined,
    call: (signal: AbortSignal | undefined) => Promise<R>,
    onAbort?: () => void,
  ): Promise<R> {
    let signal: AbortSignal | undefined;
    try {
      this.#checkUsable();
      signal = checkSignal(action, options);
      const locked = lock.acquire(signal, onAbort);
      return locked === undefined
        ? this.#locked(lock, signal, call)
        : locked.then(
          () => this.#locked(lock, signal, call),
          (error) => failure(error, signal),
        );
    } catch (error) {
      return failure(error, signal);
    }
  }

  // Not asynchronous: such a function holds 0.6 KiB while it waits, this 0.25.
  #locked<R>(
    lock: Mutex,
    signal: AbortSignal | undefined,
    call: (signal: AbortSignal | undefined) => Promise<R>,
  ): Promise<R> {
    try {
      this.#checkAttached();
      return call(signal).then((result) => {
        this.#unlock(lock);
        countCall();
        return isYieldDue() ? yieldToLoop().then(() => result) : result;
      }, (error) => {
        this.#unlock(lock);
        return failure(error, signal);
      });
    } catch (error) {
      this.#unlock(lock);
      return failure(error, signal);
    }
  }

  /** A method, so that a pending call keeps the file object in memory. */
  #unlock(lock: Mutex): void {
    lock.release();
  }

  #detach<L>(lower: L): Promise<L> {
    const lock = this.#writer === undefined
      ? this.#readLock
      : this.#file.writeLock;
    return this.#run(lock, "detach", undefined, async () => {
      await this.#writer?.flush();
      this.#detached = true;
      return lower;
    });
  }
}

async function readLines<T extends Bytes | string>(
  reader: FileReader<T>,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<T[] | null> {
  const lines: T[] = [];
  try {
    for (let length = 0; limit <= 0 || length <= limit;) {
      const line = reader.tryReadLine() ?? await reader.readLine(-1, signal);
      if (line === null) return lines.length > 0 ? lines : null;
      if (line.length === 0) break;
      lines.push(line);
      if (limit > 0) length += reader.lengthOf(line);
    }
    return lines;
  } catch (error) {
    reader.unread(lines);
    throw error;
  }
}

async function readNext<T extends Bytes | string>(
  reader: FileReader<T>,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<T, undefined>> {
  const value = await reader.readLine(-1, signal);
  return value === null || value.length === 0
    ? { value: undefined, done: true }
    : { value, done: false };
}
