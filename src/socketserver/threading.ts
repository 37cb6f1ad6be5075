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

/** What {@linkcode ThreadingMixIn} adds to a server. */
export interface Threading {
  /**
   * Whether the process may end while handlers run, and `server_close` does not
   * wait for them; false by default.
   */
  daemon_threads: boolean;
  /**
   * Whether `server_close` waits for the handlers that run, unless a handler calls it;
   * true by default.
   */
  block_on_close: boolean;
  /**
   * Handles a request to its end, beside the others: calls `finish_request`,
   * `handle_error` if that fails, and `shutdown_request`.
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
 * A class that another one can extend with a mixin.
 *
 * @typeParam T The instances.
 */
// TypeScript extends an intersection of classes only if the parameters of one
// are exactly `any[]`, TS2545; the other one's are those that count.
// deno-lint-ignore no-explicit-any
export type MixinClass<T> = new (...args: any[]) => T;

/** The handlers that run and that a close waits for. */
const running = new WeakMap<BaseServer, Set<Promise<void>>>();

/**
 * Makes a server class that handles each request beside the others, where Python
 * starts a thread: the loop starts the handler and waits for the next request at
 * once.
 *
 * Where Python writes `class Server(ThreadingMixIn, TCPServer)`, this is
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
 * @typeParam C The class of the server.
 * @param Base The class of the server.
 * @returns The class that handles requests side by side.
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
        // As CPython prints what ends a thread.
        .catch((error) => printError(client_address, error));
      if (this.daemon_threads || !this.block_on_close) return;
      // Not a field: a constructor that fails closes before there are any.
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
 * A TCP server that handles connections side by side: `TCPServer` with
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

/** A server of the class {@linkcode ThreadingTCPServer}. */
export type ThreadingTCPServer = TCPServer & Threading;

/**
 * A UDP server that handles datagrams side by side: `UDPServer` with
 * {@linkcode ThreadingMixIn}.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingUDPServer | Python: ThreadingUDPServer}
 */
export const ThreadingUDPServer: typeof UDPServer & MixinClass<Threading> =
  ThreadingMixIn(
    UDPServer,
  );

/** A server of the class {@linkcode ThreadingUDPServer}. */
export type ThreadingUDPServer = UDPServer & Threading;

/**
 * A server on a Unix stream socket that handles connections side by side: `UnixStreamServer` with
 * {@linkcode ThreadingMixIn}.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingUnixStreamServer | Python: ThreadingUnixStreamServer}
 */
export const ThreadingUnixStreamServer:
  & typeof UnixStreamServer
  & MixinClass<Threading> = ThreadingMixIn(
    UnixStreamServer,
  );

/** A server of the class {@linkcode ThreadingUnixStreamServer}. */
export type ThreadingUnixStreamServer = UnixStreamServer & Threading;

/**
 * A server on a Unix datagram socket that handles datagrams side by side: `UnixDatagramServer` with
 * {@linkcode ThreadingMixIn}.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.ThreadingUnixDatagramServer | Python: ThreadingUnixDatagramServer}
 */
export const ThreadingUnixDatagramServer:
  & typeof UnixDatagramServer
  & MixinClass<Threading> = ThreadingMixIn(
    UnixDatagramServer,
  );

/** A server of the class {@linkcode ThreadingUnixDatagramServer}. */
export type ThreadingUnixDatagramServer = UnixDatagramServer & Threading;
