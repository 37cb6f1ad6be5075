/**
 * The file object of `Socket.makefile()` without a buffer.
 *
 * @see {@link https://docs.python.org/3/library/io.html#raw-i-o | Python: raw I/O}
 */

import type { SignalOption } from "./internal/wait.ts";
import { IOBase } from "./io_base.ts";

export type { SignalOption };

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
