/**
 * Servers like those of Python's `socketserver` module.
 *
 * A server listens, and creates a handler for each request, which is a
 * connection or a datagram. A program writes the class of the handler, and
 * chooses the class of the server.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as socketserver from "@pystd/socket/socketserver";
 *
 * class Echo extends socketserver.StreamRequestHandler {
 *   override async handle() {
 *     for await (const line of this.rfile) await this.wfile.write(line);
 *   }
 * }
 * await using server = new socketserver.ThreadingTCPServer(["127.0.0.1", 0], Echo);
 * const serving = server.serve_forever();
 *
 * const [host, port] = server.server_address;
 * const client = await socket.create_connection([host, port]);
 * await client.sendall(new TextEncoder().encode("hello\n"));
 * assertEquals(await client.recv(100), new TextEncoder().encode("hello\n"));
 * client.close();
 * await server.shutdown();
 * await serving;
 * ```
 *
 * - **Servers**: {@linkcode TCPServer}, {@linkcode UDPServer},
 *   {@linkcode UnixStreamServer}, {@linkcode UnixDatagramServer}, each of which
 *   handles one request after the other. {@linkcode BaseServer} has the members
 *   that they share.
 * - **Concurrent servers**: {@linkcode ThreadingTCPServer},
 *   {@linkcode ThreadingUDPServer}, {@linkcode ThreadingUnixStreamServer},
 *   {@linkcode ThreadingUnixDatagramServer}; and any other server with
 *   {@linkcode ThreadingMixIn}, which adds {@linkcode Threading}.
 * - **Handlers**: {@linkcode BaseRequestHandler},
 *   {@linkcode StreamRequestHandler}, {@linkcode DatagramRequestHandler}.
 * - **Types**: {@linkcode RequestHandlerClass}, {@linkcode RequestOf},
 *   {@linkcode RequestSource}, {@linkcode DatagramWriter},
 *   {@linkcode MixinClass}, {@linkcode ServeOptions},
 *   {@linkcode ServerOptions}.
 *
 * All hooks of Python's servers can be overridden, and may be asynchronous.
 * They are called in Python's order. The differences from Python are:
 *
 * - The attributes that the constructor of a server reads are static:
 *   `address_family`, `socket_type`, `request_queue_size`,
 *   `allow_reuse_address`, `allow_reuse_port`.
 * - A handler handles its request when it is awaited, and not in its
 *   constructor, which cannot wait.
 * - `handle_error` gets the error as its third argument.
 * - `shutdown()` may be called in a handler.
 * - `serve_forever()` does not poll. It calls `service_actions()` every
 *   `poll_interval` seconds only if a subclass has overridden that. It ends when
 *   the server is closed.
 * - There are no `Forking*` classes, since Deno has no `fork`.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html | Python: socketserver}
 * @module
 */

export * from "./socketserver/handlers.ts";
export {
  BaseServer,
  type RequestHandlerClass,
  type ServeOptions,
  type ServerOptions,
  TCPServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "./socketserver/servers.ts";
export * from "./socketserver/threading.ts";
