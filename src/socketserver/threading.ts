import type { Address } from "../base/constants.ts";
import { Socket } from "../socket/socket.ts";
import {
  type BaseServer,
  printError,
  stopOf,
  TCPServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "./servers.ts";

/** The members that {@linkcode ThreadingMixIn} adds to a server. */
export interface Threading {
  /**
   * Whether the process may end while handlers run. If true, `server_close`
   * does not wait for them either. False by default.
   */
  daemon_threads: boolean;
  /**
   * Whether `server_close` waits for the running handlers, unless one of them
   * calls it; true by default.
   */
  block_on_close: boolean;
  /**
   * Handles a request to its end, concurrently with the others: calls
   * `finish_request`, `handle_error` if that fails, and `shutdown_request`.
   *
   * @param request The request.
   * @param client_address The address of the client.
   */
  process_request_thread(
    request: unknown,
    client_address: unknown,
  ): Promise<void>;
}

/**
 * The class that a mixin returns, for another class to extend.
 *
 * @typeParam T The type of the instances.
 */
// TypeScript extends an intersection of classes only if the parameters of one
// of them are exactly `any[]` (TS2545). The parameters of the other one are
// used.
// deno-lint-ignore no-explicit-any
export type MixinClass<T> = new (...args: any[]) => T;

/** The running handlers that a close waits for. */
const running = new WeakMap<BaseServer, Set<Promise<void>>>();

/**
 * Creates a server class that handles requests concurrently. Python starts a
 * thread for each request; here the loop starts the handler, and at once waits
 * for the next request.
 *
 * Python's `class Server(ThreadingMixIn, TCPServer)` is written
 * `class Server extends ThreadingMixIn(TCPServer)`.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socketserver from "@pystd/socket/socketserver";
 *
 * class Handler extends socketserver.BaseRequestHandler {}
 * class Server extends socketserver.ThreadingMixIn(socketserver.TCPServer) {
 *   override daemon_threads = true;
 * }
 * await using server = new Server(["127.0.0.1", 0], Handler);
 * assertEquals(server.server_address[0], "127.0.0.1");
 * ```
 *
 * @typeParam C The type of the server class.
 * @param Base The server class to extend.
 * @returns A class that handles requests concurrently.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingMixIn | Python: ThreadingMixIn}
 */
export function ThreadingMixIn<
  C extends abstract new (...args: never[]) => BaseServer,
>(Base: C): C & MixinClass<Threading> {
  class ThreadingServer
    extends (Base as unknown as MixinClass<TCPServer<Address, unknown>>)
    implements Threading {
    daemon_threads = false;
    block_on_close = true;

    async process_request_thread(
      request: unknown,
      client_address: Address,
    ): Promise<void> {
      try {
        await this.finish_request(request, client_address);
      } catch (error) {
        await this.handle_error(request, client_address, error);
      } finally {
        await this.shutdown_request(request);
      }
    }

    override process_request(request: unknown, client_address: Address): void {
      if (this.daemon_threads && request instanceof Socket) request.unref();
      const handled = this.process_request_thread(request, client_address)
        .catch((error) => {
          // CPython prints an error that ends a thread, and closes the request
          // because nothing refers to it any more.
          printError(client_address, error);
          if (request instanceof Socket) request.close();
        });
      if (this.daemon_threads || !this.block_on_close) return;
      // This is not a field: a constructor that fails calls `server_close`
      // before the fields exist.
      const all = running.get(this) ?? new Set();
      running.set(this, all.add(handled));
      handled.then(() => all.delete(handled));
    }

    override async server_close(): Promise<void> {
      await super.server_close();
      // A handler that waited for all of them would wait for itself.
      if (stopOf(this) !== undefined) return;
      await Promise.all(running.get(this) ?? []);
    }
  }
  const name = `Threading${Base.name}`;
  Object.defineProperty(ThreadingServer, "name", { value: name });
  return ThreadingServer as unknown as C & MixinClass<Threading>;
}

/**
 * A TCP server that handles connections concurrently: `TCPServer` with
 * {@linkcode ThreadingMixIn}.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as socketserver from "@pystd/socket/socketserver";
 *
 * class Echo extends socketserver.BaseRequestHandler {
 *   override async handle() {
 *     for (let data; (data = await this.request.recv(1024)).length > 0;) {
 *       await this.request.sendall(data);
 *     }
 *   }
 * }
 * await using server = new socketserver.ThreadingTCPServer(["127.0.0.1", 0], Echo);
 * const serving = server.serve_forever();
 * const [host, port] = server.server_address;
 *
 * using slow = await socket.create_connection([host, port]);
 * using quick = await socket.create_connection([host, port]);
 * await quick.sendall(new Uint8Array([1]));
 * assertEquals(await quick.recv(1), new Uint8Array([1]));
 * quick.close();
 * slow.close();
 * await server.shutdown();
 * await serving;
 * ```
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingTCPServer | Python: ThreadingTCPServer}
 */
export const ThreadingTCPServer: typeof TCPServer & MixinClass<Threading> =
  ThreadingMixIn(
    TCPServer,
  );

/** The type of an instance of {@linkcode ThreadingTCPServer}. */
export type ThreadingTCPServer = TCPServer & Threading;

/**
 * A UDP server that handles datagrams concurrently: `UDPServer` with
 * {@linkcode ThreadingMixIn}.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingUDPServer | Python: ThreadingUDPServer}
 */
export const ThreadingUDPServer: typeof UDPServer & MixinClass<Threading> =
  ThreadingMixIn(
    UDPServer,
  );

/** The type of an instance of {@linkcode ThreadingUDPServer}. */
export type ThreadingUDPServer = UDPServer & Threading;

/**
 * A server on a Unix stream socket that handles connections concurrently:
 * `UnixStreamServer` with {@linkcode ThreadingMixIn}.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingUnixStreamServer | Python: ThreadingUnixStreamServer}
 */
export const ThreadingUnixStreamServer:
  & typeof UnixStreamServer
  & MixinClass<Threading> = ThreadingMixIn(
    UnixStreamServer,
  );

/** The type of an instance of {@linkcode ThreadingUnixStreamServer}. */
export type ThreadingUnixStreamServer = UnixStreamServer & Threading;

/**
 * A server on a Unix datagram socket that handles datagrams concurrently:
 * `UnixDatagramServer` with {@linkcode ThreadingMixIn}.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingUnixDatagramServer | Python: ThreadingUnixDatagramServer}
 */
export const ThreadingUnixDatagramServer:
  & typeof UnixDatagramServer
  & MixinClass<Threading> = ThreadingMixIn(
    UnixDatagramServer,
  );

/** The type of an instance of {@linkcode ThreadingUnixDatagramServer}. */
export type ThreadingUnixDatagramServer = UnixDatagramServer & Threading;
