import { checkBytes, checkSignal, isOptions, show } from "../base/checks.ts";
import { UnsupportedOperation } from "../base/errors.ts";
import type { ReadBuffer, WriteBuffer } from "./buffers.ts";
import type { FileReader, FileWriter, RawStream } from "./raw_stream.ts";
import type { SignalOption } from "../wait/waiter.ts";

/** Python's words for what a file object cannot do. */
const WORDS = {
  raw: {
    detached: "raw stream has been detached",
    read: "File or stream is not readable.",
    write: "File or stream is not writable.",
    seek: "seek",
    tell: "seek",
  },
  buffered: {
    detached: "raw stream has been detached",
    read: "read",
    write: "write",
    seek: "File or stream is not seekable.",
    tell: "seek",
  },
  text: {
    detached: "underlying buffer has been detached",
    read: "not readable",
    write: "not writable",
    seek: "underlying stream is not seekable",
    tell: "underlying stream is not seekable",
  },
} as const;

/** What the methods of a file object work on, and the checks before they do. */
export class FileCore<
  T extends { readonly length: number },
  W,
  Reader extends FileReader<T> = FileReader<T>,
  Writer extends FileWriter<W> = FileWriter<W>,
> {
  readonly kind: "raw" | "buffered" | "text";
  readonly raw: RawStream;
  readonly reader: Reader | undefined;
  readonly writer: Writer | undefined;
  /** Set when the layer below was given away. */
  detached = false;

  constructor(
    kind: "raw" | "buffered" | "text",
    raw: RawStream,
    reader: Reader | undefined,
    writer: Writer | undefined,
  ) {
    this.kind = kind;
    this.raw = raw;
    this.reader = reader;
    this.writer = writer;
  }

  /** A line that can be had without waiting. */
  nextLine(): T | undefined {
    return this.detached || this.raw.closed || this.raw.readLock.busy
      ? undefined
      : this.reader?.tryReadLine();
  }

  /** Writes if that needs no wait; otherwise returns undefined. */
  writeNow(data: W): number | undefined {
    const { writer } = this;
    if (writer === undefined || this.detached || this.raw.closed) {
      return undefined;
    }
    if (this.raw.writeLock.busy) return undefined;
    this.checkData(data);
    return writer.tryWrite(data);
  }

  /** Reads in turn. */
  async reading<R>(
    action: string,
    options: SignalOption | undefined,
    read: (reader: Reader, signal: AbortSignal | undefined) => Promise<R>,
  ): Promise<R> {
    this.checkUsable();
    const reader = this.reader ?? this.unsupported("read");
    const signal = checkSignal(action, options);
    return await this.raw.readLock.runExclusive(signal, () => {
      this.checkAttached();
      return read(reader, signal);
    });
  }

  async readLines(
    limit: number,
    options: SignalOption | undefined,
  ): Promise<T[] | null> {
    return await this.reading("readlines", options, async (reader, signal) => {
      const lines: T[] = [];
      try {
        for (let length = 0;;) {
          const line = reader.tryReadLine() ??
            await reader.readLine(-1, signal);
          if (line === null) return lines.length > 0 ? lines : null;
          if (line.length === 0) return lines;
          lines.push(line);
          if (limit > 0) length += reader.lengthOf(line);
          if (length > limit && limit > 0) return lines;
        }
      } catch (error) {
        reader.giveBack(lines);
        throw error;
      }
    });
  }

  /** Writes in turn. */
  async write(
    data: W,
    options: SignalOption | undefined,
  ): Promise<number | null> {
    this.checkUsable();
    const writer = this.writer ?? this.unsupported("write");
    this.checkData(data);
    const signal = checkSignal("write", options);
    const turns = this.raw.writeLock;
    if (!turns.busy) {
      return await turns.runExclusive(signal, () => writer.write(data, signal));
    }
    signal?.throwIfAborted();
    await turns.acquire(signal, signal && writer.deferredWrite(data));
    try {
      this.checkAttached();
      return await writer.write(data, signal);
    } finally {
      turns.leave();
    }
  }

  async writeLines(
    lines: Iterable<W>,
    options: SignalOption | undefined,
  ): Promise<void> {
    this.checkUsable();
    const signal = checkSignal("writelines", options);
    await this.raw.writeLock.runExclusive(signal, async () => {
      this.checkAttached();
      for (const line of lines) {
        const writer = this.writer ?? this.unsupported("write");
        this.checkData(line);
        if (writer.tryWrite(line) === undefined) {
          await writer.writeAll(line, signal);
        }
      }
    });
  }

  async flush(options: SignalOption | undefined): Promise<void> {
    this.checkUsable();
    const signal = checkSignal("flush", options);
    signal?.throwIfAborted();
    const { writer } = this;
    const turns = this.raw.writeLock;
    if (writer === undefined || !writer.pending && !turns.busy) return;
    await turns.runExclusive(signal, () => writer.flush(signal));
  }

  /** Flushes and leaves the layer below to another object, in turn. */
  async flushAndDetach(): Promise<void> {
    this.checkUsable();
    await this.raw.writeLock.runExclusive(undefined, async () => {
      this.checkAttached();
      await this.writer?.flush();
      this.detached = true;
    });
  }

  checkUsable(): void {
    this.checkAttached();
    this.raw.checkOpen();
  }

  checkAttached(): void {
    if (this.detached) throw new RangeError(WORDS[this.kind].detached);
  }

  checkData(data: unknown): void {
    const isString = typeof data === "string";
    if (this.kind === "text") {
      if (isString) return;
      const advice = data instanceof Uint8Array
        ? '; open the file with "wb", or decode it'
        : "";
      throw new TypeError(
        `Cannot write: data must be a string, received ${show(data)}${advice}`,
      );
    }
    if (isString) {
      throw new TypeError(
        'Cannot write: data must be a Uint8Array, received a string; open the file with "w", or encode it',
      );
    }
    checkBytes("write", "data", data);
  }

  unsupported(what: "read" | "write" | "seek" | "tell"): never {
    throw new UnsupportedOperation(WORDS[this.kind][what]);
  }
}

/** The core of a buffered binary file. */
export type BufferedCore = FileCore<
  Uint8Array<ArrayBuffer>,
  Uint8Array,
  ReadBuffer,
  WriteBuffer
>;

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

// What the file objects of `Socket.makefile()` have in common.
//
// Python: io: https://docs.python.org/3/library/io.html

export type { SignalOption };

/**
 * A file object on a socket: what `Socket.makefile()` returns.
 *
 * Calls made side by side are served in the order they were made, reads among
 * reads and writes among writes. Unlike in Python, a file object goes on after
 * a timeout or an abort, and has lost nothing:
 *
 * - A read that is given up leaves what it had collected, a part of a line
 *   included, to the next read.
 * - A buffered write that is given up has taken its data, which the next
 *   `flush()` sends: do not write it again. `flush()` keeps exactly what was
 *   not sent. Only a signal that had aborted before keeps a write from it.
 *
 * On a non-blocking socket a read that would block resolves to what there is,
 * or to null if that is nothing; a write without a buffer resolves to null. A
 * buffered write rejects with `BlockingIOError` if the buffer is full, and has
 * then taken `characters_written` bytes of its data. `flush()` rejects with it
 * too.
 *
 * `for await` reads lines to the end of the stream, or until reading would
 * block. Leaving the loop closes nothing.
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
 * - **What it is**: {@linkcode IOBase.prototype.name | name},
 *   {@linkcode IOBase.prototype.mode | mode},
 *   {@linkcode IOBase.prototype.fileno | fileno},
 *   {@linkcode IOBase.prototype.readable | readable},
 *   {@linkcode IOBase.prototype.writable | writable},
 *   {@linkcode IOBase.prototype.seekable | seekable}
 *
 * @typeParam T What it reads: `Uint8Array` or `string`.
 * @typeParam W What it writes.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.IOBase | Python: io.IOBase}
 */
export class IOBase<
  T extends Uint8Array<ArrayBuffer> | string,
  W extends Uint8Array | string,
> implements AsyncDisposable {
  readonly #core: FileCore<T, W>;

  /**
   * Not for programs: `Socket.makefile()` makes file objects.
   *
   * @ignore
   */
  constructor(core: FileCore<T, W>) {
    this.#core = core;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#core.raw.closed;
  }

  /** The descriptor of the socket, -1 if the file object is closed. */
  get name(): number {
    return this.closed ? -1 : this.#core.raw.fileno();
  }

  /** `"rb"`, `"wb"` or `"rwb"`; of a text file what was given to `makefile`. */
  get mode(): string {
    return this.#core.raw.mode;
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
   * @param options `signal` ends the call early.
   * @returns What was read, empty at the end of the stream; null if there is
   * nothing and reading would block. Bytes are in memory of their own.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is or gets closed, or has bytes that are
   * no text.
   */
  async read(
    size?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<T | null> {
    const [limit, last] = sizeAndOptions("read", size, options);
    if (limit < -1 && this.#core.kind === "buffered") {
      throw new RangeError("read length must be non-negative or -1");
    }
    return await this.#core.reading(
      "read",
      last,
      (reader, signal) => reader.read(Math.max(limit, -1), signal),
    );
  }

  /**
   * Reads a line, with its end.
   *
   * @param size The most to read, in bytes, or in characters of a text file; no
   * limit if it is negative or left out.
   * @param options `signal` ends the call early.
   * @returns The line; at the end of the stream what is left, then nothing; if
   * reading would block what there is, null if that is nothing.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is or gets closed, or has bytes that are
   * no text.
   */
  readline(
    size?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<T | null> {
    if (size === undefined && options === undefined) {
      const line = this.#core.nextLine();
      if (line !== undefined) return Promise.resolve(line);
    }
    return this.#readline(size, options);
  }

  async #readline(
    size: number | null | SignalOption | undefined,
    options: SignalOption | undefined,
  ): Promise<T | null> {
    const [limit, last] = sizeAndOptions("readline", size, options);
    return await this.#core.reading(
      "readline",
      last,
      (reader, signal) => reader.readLine(Math.max(limit, -1), signal),
    );
  }

  /**
   * Reads lines.
   *
   * @param hint About how many bytes, or characters of a text file, to read: the
   * line that goes beyond it is the last. No limit if it is 0, negative or left out.
   * @param options `signal` ends the call early; the lines read are then left
   * to the next call.
   * @returns The lines up to the end of the stream, or until reading would
   * block; null if that is at once.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is or gets closed, or has bytes that are
   * no text.
   */
  async readlines(
    hint?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<T[] | null> {
    const [limit, last] = sizeAndOptions("readlines", hint, options);
    return await this.#core.readLines(limit, last);
  }

  /**
   * Reads into a buffer of the caller's.
   *
   * A buffered file fills it, unless the stream ends or reading would block;
   * one without a buffer receives once.
   *
   * @param buffer Where to put the bytes.
   * @param options `signal` ends the call early.
   * @returns The number of bytes, 0 at the end of the stream; null if there are
   * none and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading, or
   * is a text file.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is or gets closed.
   */
  async readinto(
    buffer: Uint8Array,
    options?: SignalOption,
  ): Promise<number | null> {
    if (this.#core.kind === "text") throw new UnsupportedOperation("readinto");
    checkBytes("readinto", "buffer", buffer);
    return await this.#core.reading(
      "readinto",
      options,
      async (reader, signal) => await reader.readInto!(buffer, signal),
    );
  }

  /**
   * Writes.
   *
   * A buffered file takes all of `data`, and waits only while its buffer is
   * full; one without a buffer sends once and may take less.
   *
   * @param data What to write; not to be changed until the call has settled.
   * @param options `signal` ends the call early.
   * @returns How much was taken, of text the number of characters; null if the
   * file has no buffer and writing would block.
   * @throws {UnsupportedOperation} If the file was not opened for writing.
   * @throws {BlockingIOError} EAGAIN if the buffer is full and sending would
   * block. A text file has then taken nothing.
   * @throws {TimeoutError} If the socket's timeout is over; of a buffered file,
   * `data` is taken all the same.
   * @throws {TypeError} If `data` is not of the file's kind.
   * @throws {RangeError} If the file is closed, or `data` has characters that
   * the encoding does not have.
   */
  write(data: W, options?: SignalOption): Promise<number | null> {
    try {
      const taken = options === undefined
        ? this.#core.writeNow(data)
        : undefined;
      return taken === undefined
        ? this.#core.write(data, options)
        : Promise.resolve(taken);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Writes each of `lines`, without adding line ends.
   *
   * @param lines What to write.
   * @param options `signal` ends the call early.
   * @returns Nothing. After a rejection the lines before the one that it came
   * at have been taken.
   * @throws {UnsupportedOperation} If the file was not opened for writing.
   * @throws {BlockingIOError} EAGAIN if the buffer is full and sending would
   * block.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {TypeError} If one of the lines is not of the file's kind.
   * @throws {RangeError} If the file is closed, or a line has characters that
   * the encoding does not have.
   */
  async writelines(lines: Iterable<W>, options?: SignalOption): Promise<void> {
    await this.#core.writeLines(lines, options);
  }

  /**
   * Sends what is buffered; does nothing if there is no buffer to send.
   *
   * @param options `signal` ends the call early; what was not sent stays in the
   * buffer.
   * @returns Nothing, once everything was sent.
   * @throws {BlockingIOError} EAGAIN if sending would block.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is closed.
   */
  async flush(options?: SignalOption): Promise<void> {
    await this.#core.flush(options);
  }

  /**
   * Flushes and closes the file object; the socket closes with the last of its
   * holders. Reads that are pending end with an error, writes that are pending
   * end first. Closing again only waits for the same.
   *
   * @param options `signal` ends the flush early.
   * @returns Nothing, once everything was sent.
   * @throws {OSError} Whatever `flush()` rejects with; the file object is
   * closed all the same, and what was not sent is lost.
   */
  async close(options?: SignalOption): Promise<void> {
    const signal = checkSignal("close", options);
    this.#core.checkAttached();
    await this.#core.raw.close(this.#core.writer, signal);
  }

  /**
   * The descriptor of the socket.
   *
   * @returns The number.
   * @throws {RangeError} If the file is closed.
   */
  fileno(): number {
    this.#core.checkUsable();
    return this.#core.raw.fileno();
  }

  /**
   * Whether it was opened for reading.
   *
   * @returns True if it was.
   * @throws {RangeError} If the file is closed.
   */
  readable(): boolean {
    this.#core.checkUsable();
    return this.#core.reader !== undefined;
  }

  /**
   * Whether it was opened for writing.
   *
   * @returns True if it was.
   * @throws {RangeError} If the file is closed.
   */
  writable(): boolean {
    this.#core.checkUsable();
    return this.#core.writer !== undefined;
  }

  /**
   * Whether it has positions, which a socket has not.
   *
   * @returns False.
   * @throws {RangeError} If the file is closed.
   */
  seekable(): boolean {
    this.#core.checkUsable();
    return false;
  }

  /**
   * Would change the position.
   *
   * @param _offset Where to.
   * @param _whence From where.
   * @throws {UnsupportedOperation} Always.
   */
  seek(_offset: number, _whence?: number): never {
    return this.#core.unsupported("seek");
  }

  /**
   * Would tell the position.
   *
   * @throws {UnsupportedOperation} Always.
   */
  tell(): never {
    return this.#core.unsupported("tell");
  }

  /**
   * Would cut the file.
   *
   * @param _size Where to.
   * @throws {UnsupportedOperation} Always.
   */
  truncate(_size?: number | null): never {
    throw new UnsupportedOperation("truncate");
  }

  /**
   * Reads line after line, for `for await`.
   *
   * @returns The lines, up to the end of the stream or until reading would
   * block.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const next = (): Promise<IteratorResult<T, undefined>> => {
      const value = this.#core.nextLine();
      return value === undefined
        ? this.#next()
        : Promise.resolve({ value, done: false });
    };
    return {
      next,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async #next(): Promise<IteratorResult<T, undefined>> {
    const value = await this.#readline(-1, undefined);
    return value === null || value.length === 0
      ? { value: undefined, done: true }
      : { value, done: false };
  }

  /**
   * Closes, for `await using`.
   *
   * @returns Nothing, once everything was sent.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#core.detached) await this.close();
  }
}
