/**
 * Waiting for sockets with what to do about each, as Python's `selectors`
 * module.
 *
 * ```ts
 * import * as selectors from "@pystd/socket/selectors";
 * import * as socket from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * using sel = new selectors.DefaultSelector<socket.Socket, string>();
 * await using server = socket.create_server(["127.0.0.1", 0]);
 * sel.register(server, selectors.EVENT_READ, "somebody connects");
 *
 * using client = await socket.create_connection(server.getsockname());
 * for (const [key, mask] of await sel.select()) {
 *   assertEquals(key.fileobj === server, true);
 *   assertEquals(key.data, "somebody connects");
 *   assertEquals(mask, selectors.EVENT_READ);
 * }
 * assertEquals(client.fileno() >= 0, true);
 * ```
 *
 * `EpollSelector`, `KqueueSelector` and `DevpollSelector` are about objects of
 * the system that Deno has no access to: they are not here.
 *
 * @see {@link https://docs.python.org/3/library/selectors.html | Python: selectors}
 * @module
 */

export * from "./poll/selectors.ts";
