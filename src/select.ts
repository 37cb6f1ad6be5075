/**
 * Waiting for sockets, as Python's `select` module.
 *
 * What can be waited for is a socket, a file object, anything else with
 * `fileno()`, and a descriptor's number. The standard streams and `Deno.FsFile`
 * have no descriptor here.
 *
 * Waiting takes nothing from a socket: what it finds is there for the next call.
 * Whether a connection is readable is found out by reading, one piece ahead at
 * most. So what a peer does after sending bytes, as closing, is seen when they
 * have been received.
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
 * `epoll`, `kqueue` and `devpoll` are objects of the system that Deno has no
 * access to, and `PIPE_BUF` is about pipes: they are not here.
 *
 * @see {@link https://docs.python.org/3/library/select.html | Python: select}
 * @module
 */

export * from "./poll/select.ts";
