/**
 * The error codes of the system, like Python's `errno` module: a constant for
 * each, and {@linkcode errorcode}, which has the name of each number.
 *
 * The numbers are those that Python has on Linux, macOS and Windows; on Windows
 * the socket codes have Winsock's numbers. A code that the system lacks is -1,
 * which no error has, so a comparison with it is false.
 *
 * ```ts
 * import * as socket from "@pystd/socket";
 * import * as errno from "@pystd/socket/errno";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new socket.OSError(errno.ECONNREFUSED);
 * assertEquals(error.errno, errno.ECONNREFUSED);
 * assertEquals(errno.errorcode[error.errno], "ECONNREFUSED");
 * ```
 *
 * @see {@link https://docs.python.org/3/library/errno.html | Python: errno}
 * @module
 */

export * from "./base/errno.ts";
