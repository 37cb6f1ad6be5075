/**
 * Waiting for sockets that are registered together with data of the program, like
 * Python's `selectors` module.
 *
 * ```ts
 * import * as selectors from "@pystd/socket/selectors";
 * import * as socket from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * using sel = new selectors.DefaultSelector();
 * await using server = socket.create_server(["127.0.0.1", 0]);
 * sel.register(server, selectors.EVENT_READ, "a client connects");
 *
 * using client = await socket.create_connection(server.getsockname());
 * for (const [key, mask] of await sel.select()) {
 *   assertEquals(key.fileobj === server, true);
 *   assertEquals(key.data, "a client connects");
 *   assertEquals(mask, selectors.EVENT_READ);
 * }
 * assertEquals(client.fileno() >= 0, true);
 * ```
 *
 * The keys and the data may be of any type. With type arguments, as in
 * `DefaultSelector<socket.Socket, string>`, the compiler checks both.
 *
 * Absent: `EpollSelector`, `KqueueSelector` and `DevpollSelector`, whose objects
 * of the system Deno has no access to.
 *
 * @see {@link https://docs.python.org/3/library/selectors.html | Python: selectors}
 * @module
 */

export * from "./poll/selectors.ts";
