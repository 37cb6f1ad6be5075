/**
 * The file object of `Socket.makefile()` without a buffer.
 *
 * @see {@link https://docs.python.org/3/library/io.html#raw-i-o | Python: raw I/O}
 */

import { checkBytes } from "../base/checks.ts";
import { type BufferedCore, IOBase, sizeAndOptions } from "./io_base.ts";
import type { SignalOption } from "../wait/waiter.ts";

/**
 * A binary file object without a buffer, on a stream socket: what
 * `Socket.makefile("rb", 0)` returns. It reads and writes with the methods of
 * {@linkcode IOBase}.
 *
 * Each read is one receive and each write one send, which may take less than
 * it was given. Only lines are received byte by byte, so that what follows them
 * stays with the socket.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.RawIOBase | Python: io.RawIOBase}
 *
 * @example One receive for each read
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.socket();
 * server.bind(["127.0.0.1", 0]);
 * server.listen();
 * await using client = socket.socket();
 * await client.connect(server.getsockname());
 * const [conn] = await server.accept();
 *
 * await client.sendall(new TextEncoder().encode("one\ntwo"));
 * client.close();
 * using file = conn.makefile("rb", 0);
 * conn.close();
 * assertEquals(await file.readline(), new TextEncoder().encode("one\n"));
 * assertEquals(await file.read(100), new TextEncoder().encode("two"));
 * ```
 */
export class SocketIO extends IOBase<Uint8Array<ArrayBuffer>, Uint8Array>
  implements Disposable {
  /**
   * Reads everything up to the end of the stream.
   *
   * @param options `signal` ends the call early.
   * @returns The bytes; null if there are none and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is or gets closed.
   */
  readall(options?: SignalOption): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.read(-1, options);
  }

  /** Closes, for `using`: there is nothing to flush. */
  [Symbol.dispose](): void {
    void this.close();
  }
}

// The buffered binary file objects of `Socket.makefile()`.
//
// Python: buffered streams: https://docs.python.org/3/library/io.html#buffered-streams

export type { SignalOption };

/**
 * A binary file object with a buffer: {@linkcode BufferedReader},
 * {@linkcode BufferedWriter} and {@linkcode BufferedRWPair} are made by
 * `Socket.makefile()`. It has the methods of {@linkcode IOBase} too.
 *
 * What it has read ahead belongs to it: the socket's own `recv` does not see
 * it.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.BufferedIOBase | Python: io.BufferedIOBase}
 */
export class BufferedIOBase
  extends IOBase<Uint8Array<ArrayBuffer>, Uint8Array> {
  readonly #core: BufferedCore;

  /**
   * Not for programs: `Socket.makefile()` makes file objects.
   *
   * @ignore
   */
  constructor(core: BufferedCore) {
    super(core);
    this.#core = core;
  }

  /**
   * Reads what is buffered or, if that is nothing, what one receive brings.
   *
   * @param size How much to read at most; the buffer's size if it is negative
   * or left out.
   * @param options `signal` ends the call early.
   * @returns The bytes, none at the end of the stream; null if there are none
   * and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is or gets closed.
   */
  async read1(
    size?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const [limit, last] = sizeAndOptions("read1", size, options);
    return await this.#core.reading(
      "read1",
      last,
      (reader, signal) => reader.readOnce(limit, signal),
    );
  }

  /**
   * Reads into a buffer of the caller's, as
   * {@linkcode BufferedIOBase.prototype.read1}.
   *
   * @param buffer Where to put the bytes.
   * @param options `signal` ends the call early.
   * @returns The number of bytes, 0 at the end of the stream; null if there are
   * none and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is or gets closed.
   */
  async readinto1(
    buffer: Uint8Array,
    options?: SignalOption,
  ): Promise<number | null> {
    checkBytes("readinto1", "buffer", buffer);
    return await this.#core.reading(
      "readinto1",
      options,
      (reader, signal) => reader.readInto(buffer, signal, true),
    );
  }

  /**
   * Looks at what is buffered or, if that is nothing, at what one receive
   * brings, and leaves it there.
   *
   * @param size Taken for compatibility; how much is returned does not depend
   * on it, as in Python.
   * @param options `signal` ends the call early.
   * @returns A copy of the bytes, none at the end of the stream; null if there
   * are none and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is or gets closed.
   */
  async peek(
    size?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const [, last] = sizeAndOptions("peek", size, options);
    return await this.#core.reading(
      "peek",
      last,
      (reader, signal) => reader.peek(signal),
    );
  }
}

/**
 * A buffered binary file object for reading: what `Socket.makefile("rb")`
 * returns. It reads with the methods of {@linkcode IOBase} and
 * {@linkcode BufferedIOBase}.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.BufferedReader | Python: io.BufferedReader}
 *
 * @example Lines of bytes
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.socket();
 * server.bind(["127.0.0.1", 0]);
 * server.listen();
 * await using client = socket.socket();
 * await client.connect(server.getsockname());
 * const [conn] = await server.accept();
 *
 * await client.sendall(new TextEncoder().encode("one\ntwo\n"));
 * client.close();
 * using file = conn.makefile("rb");
 * conn.close();
 * const lengths: number[] = [];
 * for await (const line of file) lengths.push(line.length);
 * assertEquals(lengths, [4, 4]);
 * ```
 */
export class BufferedReader extends BufferedIOBase implements Disposable {
  /** The file object without a buffer that this one reads from. */
  readonly raw: SocketIO;
  readonly #core: BufferedCore;

  /**
   * Not for programs: `Socket.makefile()` makes file objects.
   *
   * @ignore
   */
  constructor(core: BufferedCore, raw: SocketIO) {
    super(core);
    this.#core = core;
    this.raw = raw;
  }

  /**
   * Gives up the buffer: this object cannot be used any more, and what it has
   * read ahead is the next that {@linkcode BufferedReader.prototype.raw} reads.
   *
   * @returns The file object without a buffer.
   * @throws {RangeError} If the file is closed, or was detached before.
   */
  async detach(): Promise<SocketIO> {
    const core = this.#core;
    return await core.reading("detach", undefined, async (reader) => {
      core.raw.keep(reader.view());
      reader.clear();
      core.detached = true;
      return this.raw;
    });
  }

  /** Closes, for `using`: there is nothing to flush. */
  [Symbol.dispose](): void {
    if (!this.#core.detached) void this.close();
  }
}

/**
 * A buffered binary file object for writing: what `Socket.makefile("wb")`
 * returns. It writes with the methods of {@linkcode IOBase}.
 *
 * What is written is sent when the buffer is full, by `flush()` and by
 * `close()`. There is no `using` for it, since that could not wait for what is
 * left: use `await using`.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.BufferedWriter | Python: io.BufferedWriter}
 *
 * @example Sending what was buffered
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.socket();
 * server.bind(["127.0.0.1", 0]);
 * server.listen();
 * await using client = socket.socket();
 * await client.connect(server.getsockname());
 * const [conn] = await server.accept();
 *
 * const file = client.makefile("wb");
 * await file.write(new TextEncoder().encode("one, "));
 * await file.write(new TextEncoder().encode("two"));
 * await file.close();
 * assertEquals(await conn.recv(100), new TextEncoder().encode("one, two"));
 * conn.close();
 * ```
 */
export class BufferedWriter extends BufferedIOBase {
  /** The file object without a buffer that this one writes to. */
  readonly raw: SocketIO;
  readonly #core: BufferedCore;

  /**
   * Not for programs: `Socket.makefile()` makes file objects.
   *
   * @ignore
   */
  constructor(core: BufferedCore, raw: SocketIO) {
    super(core);
    this.#core = core;
    this.raw = raw;
  }

  /**
   * Flushes and gives up the buffer: this object cannot be used any more.
   *
   * @returns The file object without a buffer.
   * @throws {BlockingIOError} EAGAIN if sending would block.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is closed, or was detached before.
   */
  async detach(): Promise<SocketIO> {
    await this.#core.flushAndDetach();
    return this.raw;
  }
}

/**
 * A buffered binary file object for reading and writing: what
 * `Socket.makefile("rwb")` returns. It has the methods of {@linkcode IOBase} and
 * {@linkcode BufferedIOBase}.
 *
 * Reads and writes have a buffer each, and do not wait for each other.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.BufferedRWPair | Python: io.BufferedRWPair}
 *
 * @example A request and its answer
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.socket();
 * server.bind(["127.0.0.1", 0]);
 * server.listen();
 * await using client = socket.socket();
 * await client.connect(server.getsockname());
 * const [conn] = await server.accept();
 *
 * await using file = client.makefile("rwb");
 * await file.write(new TextEncoder().encode("ping\n"));
 * await file.flush();
 * await conn.sendall(await conn.recv(100));
 * conn.close();
 * assertEquals(await file.readline(), new TextEncoder().encode("ping\n"));
 * ```
 */
export class BufferedRWPair extends BufferedIOBase {}
