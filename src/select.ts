/**
 * Waiting for sockets, like Python's `select` module.
 *
 * Accepts sockets, file objects, any object with `fileno()`, and descriptor
 * numbers. The standard streams and `Deno.FsFile` have no descriptor here: read
 * those in a task of their own.
 *
 * Waiting takes nothing from a socket: the bytes that it finds are there for the
 * next call. Whether a connection is readable is found out by reading, one piece
 * ahead at most. So an end or a reset after bytes is seen when the bytes have been
 * received.
 *
 * ```ts
 * import * as socket from "@pystd/socket";
 * import * as select from "@pystd/socket/select";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.create_server(["127.0.0.1", 0]);
 * using client = await socket.create_connection(server.getsockname());
 *
 * const [readable, writable] = await select.select([server], [client], []);
 * assertEquals(readable[0] === server, true);
 * assertEquals(writable[0] === client, true);
 * ```
 *
 * Absent: `epoll`, `kqueue` and `devpoll`, which are objects of the system that
 * Deno has no access to, and `PIPE_BUF`, which is about pipes.
 *
 * @see {@link https://docs.python.org/3/library/select.html | Python: select}
 * @module
 */

export * from "./poll/select.ts";
