/**
 * The binary file objects of `Socket.makefile()`.
 *
 * @see {@link https://docs.python.org/3/library/io.html#raw-i-o | Python: raw I/O}
 * @see {@link https://docs.python.org/3/library/io.html#buffered-streams | Python: buffered streams}
 */

import { checkBytes } from "../base/checks.ts";
import { failure } from "../wait/waiter.ts";
import type { ReadBuffer, WriteBuffer } from "./buffers.ts";
import {
  detachOf,
  type FileLayer,
  IOBase,
  readOf,
  type Refusals,
  type SignalOption,
  sizeAndOptions,
} from "./io_base.ts";

const RAW_REFUSALS: Refusals = {
  detached: "raw stream has been detached",
  read: "File or stream is not readable.",
  write: "File or stream is not writable.",
  seek: "seek",
  tell: "seek",
};

const BUFFERED_REFUSALS: Refusals = {
  detached: "raw stream has been detached",
  read: "read",
  write: "write",
  seek: "File or stream is not seekable.",
  tell: "seek",
};

/** A layer of bytes, with a buffer or without one. */
export interface BinaryLayer
  extends FileLayer<Uint8Array<ArrayBuffer>, Uint8Array> {
  readonly reader: ReadBuffer | undefined;
  readonly writer: WriteBuffer | undefined;
}

/** The layer below a layer with a buffer. */
function unbuffered({ file, reader, writer }: BinaryLayer): BinaryLayer {
  return {
    file,
    reader: reader?.unbuffered(),
    writer: writer?.unbuffered(),
  };
}

/**
 * A binary file object without a buffer, as `Socket.makefile("rb", 0)` returns
 * it. It reads and writes with the methods of {@linkcode IOBase}.
 *
 * Each read is one receive and each write one send, which may take less than
 * it was given. Only lines are received byte by byte, so that the bytes after a
 * line stay with the socket.
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
   * Internal: file objects are made by `Socket.makefile()`.
   *
   * @ignore
   */
  constructor(layer: BinaryLayer) {
    super(layer, RAW_REFUSALS);
  }

  /**
   * Reads everything up to the end of the stream.
   *
   * @param options `signal` cancels the call, which loses nothing.
   * @returns The bytes; null if there are none and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is or gets closed.
   */
  readall(options?: SignalOption): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.read(-1, options);
  }

  /** Closes, for `using`: there is nothing to flush. */
  [Symbol.dispose](): void {
    void this[Symbol.asyncDispose]();
  }
}

/**
 * A binary file object with a buffer. `Socket.makefile()` makes its subclasses
 * {@linkcode BufferedReader}, {@linkcode BufferedWriter} and
 * {@linkcode BufferedRWPair}. It has the methods of {@linkcode IOBase} too.
 *
 * The bytes that it has read ahead belong to it: `recv` of the socket does not
 * see them.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.BufferedIOBase | Python: io.BufferedIOBase}
 */
export class BufferedIOBase
  extends IOBase<Uint8Array<ArrayBuffer>, Uint8Array> {
  readonly #reader: ReadBuffer | undefined;

  /**
   * Internal: file objects are made by `Socket.makefile()`.
   *
   * @ignore
   */
  constructor(layer: BinaryLayer) {
    super(layer, BUFFERED_REFUSALS);
    this.#reader = layer.reader;
  }

  /**
   * Reads buffered bytes or, if there are none, those of one receive.
   *
   * @param size How much to read at most; the buffer's size if it is negative
   * or left out.
   * @param options `signal` cancels the call, which loses nothing.
   * @returns The bytes, none at the end of the stream; null if there are none
   * and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is or gets closed.
   */
  read1(
    size?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      const [limit, last] = sizeAndOptions("read1", size, options);
      return readOf(
        this,
        "read1",
        last,
        (signal) => this.#reader!.readOnce(limit, signal),
      );
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Reads into the caller's buffer, like
   * {@linkcode BufferedIOBase.prototype.read1}.
   *
   * @param buffer The memory to fill.
   * @param options `signal` cancels the call, which loses nothing.
   * @returns The number of bytes, 0 at the end of the stream; null if there are
   * none and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is or gets closed.
   */
  readinto1(
    buffer: Uint8Array,
    options?: SignalOption,
  ): Promise<number | null> {
    try {
      const target = checkBytes("readinto1", "buffer", buffer);
      return readOf(
        this,
        "readinto1",
        options,
        (signal) => this.#reader!.readInto(target, signal, true),
      );
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Returns the buffered bytes or, if there are none, those of one receive, and
   * leaves them in the buffer.
   *
   * @param size Taken for compatibility; as in Python, the number of bytes does
   * not depend on it.
   * @param options `signal` cancels the call, which loses nothing.
   * @returns A copy of the bytes, none at the end of the stream; null if there
   * are none and reading would block.
   * @throws {UnsupportedOperation} If the file was not opened for reading.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is or gets closed.
   */
  peek(
    size?: number | null | SignalOption,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      const [, last] = sizeAndOptions("peek", size, options);
      return readOf(
        this,
        "peek",
        last,
        (signal) => this.#reader!.peek(signal),
      );
    } catch (error) {
      return failure(error);
    }
  }
}

/**
 * A buffered binary file object for reading, as `Socket.makefile("rb")` returns
 * it. It reads with the methods of {@linkcode IOBase} and
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
  readonly #layer: BinaryLayer;
  #raw: SocketIO | undefined;

  /**
   * Internal: file objects are made by `Socket.makefile()`.
   *
   * @ignore
   */
  constructor(layer: BinaryLayer) {
    super(layer);
    this.#layer = layer;
  }

  /** The file object without a buffer that this one reads from. */
  get raw(): SocketIO {
    return this.#raw ??= new SocketIO(unbuffered(this.#layer));
  }

  /**
   * Ends this file object without closing anything. The bytes that it has read
   * ahead are the next that {@linkcode BufferedReader.prototype.raw} reads.
   *
   * @returns The file object without a buffer.
   * @throws {RangeError} If the file is closed, or was detached before.
   */
  detach(): Promise<SocketIO> {
    return detachOf(this, this.raw);
  }

  /** Closes, for `using`: there is nothing to flush. */
  [Symbol.dispose](): void {
    void this[Symbol.asyncDispose]();
  }
}

/**
 * A buffered binary file object for writing, as `Socket.makefile("wb")` returns
 * it. It writes with the methods of {@linkcode IOBase}.
 *
 * Written bytes are sent when the buffer is full, by `flush()` and by `close()`.
 * There is no `using` for it, since that could not wait for the unsent bytes: use
 * `await using`.
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
  readonly #layer: BinaryLayer;
  #raw: SocketIO | undefined;

  /**
   * Internal: file objects are made by `Socket.makefile()`.
   *
   * @ignore
   */
  constructor(layer: BinaryLayer) {
    super(layer);
    this.#layer = layer;
  }

  /** The file object without a buffer that this one writes to. */
  get raw(): SocketIO {
    return this.#raw ??= new SocketIO(unbuffered(this.#layer));
  }

  /**
   * Flushes, and ends this file object without closing anything.
   *
   * @returns The file object without a buffer.
   * @throws {BlockingIOError} EAGAIN if sending would block.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is closed, or was detached before.
   */
  detach(): Promise<SocketIO> {
    return detachOf(this, this.raw);
  }
}

/**
 * A buffered binary file object for reading and writing, as
 * `Socket.makefile("rwb")` returns it. It has the methods of {@linkcode IOBase}
 * and {@linkcode BufferedIOBase}.
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
