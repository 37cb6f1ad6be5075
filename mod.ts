/**
 * Python's `socket` for Deno.
 *
 * A Python program is ported by adding `await` where Python blocks, and changing
 * nothing else but the language: names, argument order, defaults, return shapes
 * and error classes are Python's.
 *
 * @example A client that sends a message to a server
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
 * server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
 * server.bind(["127.0.0.1", 0]);
 * server.listen(5);
 *
 * const client = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
 * await client.connect(server.getsockname());
 * await client.sendall(new TextEncoder().encode("hello"));
 * client.close();
 *
 * const [conn, addr] = await server.accept();
 * const data = await conn.recv(1024);
 * assertEquals(new TextDecoder().decode(data), "hello");
 * assertEquals(addr[0], "127.0.0.1");
 * conn.close();
 * server.close();
 * ```
 *
 * @see {@link https://docs.python.org/3/library/socket.html | Python: socket}
 *
 * @module
 */

export * from "./src/address.ts";
export * from "./src/buffered_file.ts";
export * from "./src/connection.ts";
export * from "./src/constants.ts";
export { EAGAIN, EBADF, EWOULDBLOCK } from "./src/errno.ts";
export * from "./src/errors.ts";
export * from "./src/fd.ts";
export * from "./src/inet.ts";
export * from "./src/interfaces.ts";
export * from "./src/io_base.ts";
export * from "./src/netdb.ts";
export * from "./src/raw_file.ts";
export * from "./src/services.ts";
export * from "./src/socket.ts";
export * from "./src/text_file.ts";
export * from "./src/timeouts.ts";
