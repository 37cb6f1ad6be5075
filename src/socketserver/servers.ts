import type { AsyncLocalStorage } from "node:async_hooks";
import {
  type Address,
  type AddressInput,
  AF_INET,
  AF_UNIX,
  type Family,
  type Inet6Address,
  type InetAddress,
  SHUT_WR,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  type UnixAddress,
} from "../base/constants.ts";
import {
  checkInt,
  checkOptions,
  checkSignal,
  checkTimeout,
  isOptions,
  type KnownOptions,
  show,
} from "../base/checks.ts";
import { OSError } from "../base/errors.ts";
import { isShortage } from "../base/os_error.ts";
import { select } from "../poll/select.ts";
import { type SignalOption, Socket } from "../socket/socket.ts";

/**
 * A class of request handlers, as a server takes it: what it creates is awaited,
 * and has handled the request when it settles.
 *
 * @typeParam R The request: a socket, or a datagram and a socket.
 * @typeParam A The address of the client.
 */
export interface RequestHandlerClass<R, A> {
  /**
   * Creates the handler of one request.
   *
   * @param request The request.
   * @param client_address The address of the client.
   * @param server The server that received it.
   */
  new (request: R, client_address: A, server: never): PromiseLike<unknown>;
}

/** The arguments of {@linkcode BaseServer.prototype.serve_forever} by name. */
export interface ServeOptions extends SignalOption {
  /** Seconds between calls of `service_actions`, if it is not the argument. */
  poll_interval?: number | null | undefined;
}

/** The last argument of the constructors of servers, by name. */
export interface ServerOptions {
  /** Whether to bind and listen at once; true by default. */
  bind_and_activate?: boolean | undefined;
}

const SERVE_OPTIONS: KnownOptions = { signal: true, poll_interval: true };

const HANDLE_OPTIONS: KnownOptions = {
  signal: true,
  timeout: "the server has an attribute timeout, in seconds",
};

const SERVER_OPTIONS: KnownOptions = { bind_and_activate: true };

/** How long not to accept then: the next attempt would fail as well. */
const SHORTAGE_PAUSE_S = 0.1;

/** The signal of the loop that has called a handler or hook of a server. */
export let stopOf: (server: BaseServer) => AbortSignal | undefined;

/** A call of `serve_forever` that has not ended. */
interface Loop {
  readonly stop: AbortController;
  readonly ended: PromiseWithResolvers<void>;
}

/**
 * The loop and the hooks that all servers have. Programs use a subclass.
 *
 * Methods may be overridden, as in Python, and may be asynchronous: the loop
 * waits for what they return. They are called in this order for each request:
 * `get_request`, `verify_request`, `process_request`, `finish_request` (which
 * creates the handler), `shutdown_request`, `close_request`; and `handle_error`
 * before the last two if the handler fails.
 *
 * @typeParam A The address of clients, and of the server.
 * @typeParam R What a handler gets as its request.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer | Python: BaseServer}
 */
export abstract class BaseServer<A extends Address = Address, R = unknown>
  implements AsyncDisposable, Disposable {
  /**
   * How many seconds {@linkcode BaseServer.prototype.handle_request} waits for a
   * request; null, the default, for ever.
   */
  timeout: number | null = null;
  /** The address that the server listens on; once it is bound, with its port. */
  server_address: A;
  /** The class of the handlers. */
  RequestHandlerClass: RequestHandlerClass<never, never>;
  /** The socket that the server receives its requests on. */
  abstract socket: Socket<A>;
  readonly #loops = new Set<Loop>();
  /** As in Python it stays until a loop has seen it, or ended otherwise. */
  #shutdownRequested = false;
  /**
   * The loop's signal, in all that is called for a request: so `shutdown()` knows
   * that a handler has called it, and `get_request()` what ends its wait.
   */
  #stop: AsyncLocalStorage<AbortSignal> | undefined;

  static {
    stopOf = (server) => server.#stop?.getStore();
  }

  /**
   * Stores the arguments; a subclass opens the socket.
   *
   * @param server_address Where to listen.
   * @param RequestHandlerClass The class of the handlers.
   * @throws {TypeError} If `RequestHandlerClass` is not a class.
   */
  constructor(
    server_address: AddressInput<A>,
    RequestHandlerClass: RequestHandlerClass<R, A>,
  ) {
    if (typeof RequestHandlerClass !== "function") {
      throw new TypeError(
        `Cannot create server: RequestHandlerClass must be a class, received ${
          show(RequestHandlerClass)
        }`,
      );
    }
    this.server_address = server_address as A;
    this.RequestHandlerClass = RequestHandlerClass;
  }

  /** The descriptor to wait for until there is a request. */
  abstract fileno(): number;

  /** Receives the next request: the request itself, and the client's address. */
  abstract get_request(): Promise<[R, A]> | [R, A];

  /** Called by the constructor after the bind; does nothing here. */
  server_activate(): void {}

  /**
   * Handles requests until {@linkcode BaseServer.prototype.shutdown} is called,
   * the signal aborts or the server is closed.
   *
   * Requests are handled one after the other, unless the server's class starts a
   * task for each, as those of {@linkcode ThreadingMixIn} do. The server's
   * `timeout` does not matter here. Nothing is polled: a shutdown ends the wait
   * at once.
   *
   * @example A server in the background
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   * import { StreamRequestHandler, TCPServer } from "@pystd/socket/socketserver";
   *
   * class Upper extends StreamRequestHandler {
   *   override async handle() {
   *     const line = new TextDecoder().decode(await this.rfile.readline() ?? undefined);
   *     await this.wfile.write(new TextEncoder().encode(line.toUpperCase()));
   *   }
   * }
   * await using server = new TCPServer(["127.0.0.1", 0], Upper);
   * const serving = server.serve_forever();
   *
   * using client = await socket.create_connection(["127.0.0.1", server.server_address[1]]);
   * await client.sendall(new TextEncoder().encode("hello\n"));
   * assertEquals(await client.recv(100), new TextEncoder().encode("HELLO\n"));
   * await server.shutdown();
   * await serving;
   * ```
   *
   * @param poll_interval How many seconds to wait at most until the next call of
   * {@linkcode BaseServer.prototype.service_actions}, if a subclass has one of
   * its own; null for as long as there is no request. May be left out.
   * @param options `signal` ends the loop.
   * @throws {unknown} What `get_request` throws, other than an `OSError`, and
   * what `verify_request`, `service_actions` and `handle_error` throw: only an
   * error of the program ends the loop, never one of a handler or a client.
   * @throws {RangeError} If the server is closed.
   * @throws {TypeError} If an argument has the wrong type.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.serve_forever | Python: serve_forever}
   */
  async serve_forever(
    poll_interval: number | null | ServeOptions = 0.5,
    options?: SignalOption,
  ): Promise<void> {
    const given: ServeOptions | undefined = isOptions(poll_interval)
      ? poll_interval
      : options;
    const signal = checkSignal("serve", given, SERVE_OPTIONS);
    const interval = isOptions(poll_interval)
      ? poll_interval.poll_interval ?? 0.5
      : given?.poll_interval ?? poll_interval;
    checkTimeout("serve", interval);
    signal?.throwIfAborted();
    const loop = {
      stop: new AbortController(),
      ended: Promise.withResolvers<void>(),
    };
    const stop = () => loop.stop.abort();
    this.#loops.add(loop);
    signal?.addEventListener("abort", stop);
    try {
      await this.#serve(interval, loop.stop.signal);
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#loops.delete(loop);
      this.#shutdownRequested = false;
      loop.ended.resolve();
    }
    signal?.throwIfAborted();
  }

  async #serve(interval: number | null, stop: AbortSignal): Promise<void> {
    // Loaded here, since it takes 10 ms, and many programs have no server.
    const { AsyncLocalStorage } = await import("node:async_hooks");
    this.#stop ??= new AsyncLocalStorage();
    // Without actions of its own, a loop has nothing to do between requests.
    const hasActions =
      this.service_actions !== BaseServer.prototype.service_actions;
    const timeout = hasActions ? interval : null;
    do {
      if (this.#shutdownRequested || stop.aborted) return;
      const isReady = await this.#hasRequest(timeout, stop);
      if (this.#shutdownRequested || stop.aborted) return;
      if (isReady) {
        await this.#stop.run(stop, () => this.#handleRequest(stop));
      }
      await this.service_actions();
    } while (this.fileno() >= 0);
  }

  /** Waits for a request; false if there is none, in time or at all any more. */
  async #hasRequest(
    timeout: number | null,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const options = signal && { signal };
    try {
      const [readable] = await select([this], [], [], timeout, options);
      return readable.length > 0;
    } catch (error) {
      const closed = error instanceof OSError && this.fileno() < 0;
      if (signal?.aborted || closed) return false;
      throw error;
    }
  }

  /** Handles the request that has arrived. */
  async #handleRequest(signal: AbortSignal | undefined): Promise<void> {
    let request: R;
    let client_address: A;
    try {
      [request, client_address] = await this.get_request();
    } catch (error) {
      if (signal?.aborted) return;
      if (!(error instanceof OSError)) throw error;
      if (isShortage(error)) await pause(signal);
      return;
    }
    try {
      await this.#verifyAndProcess(request, client_address);
    } catch (error) {
      // No hook is called then, and CPython closes what nothing refers to.
      if (request instanceof Socket) request.close();
      throw error;
    }
  }

  async #verifyAndProcess(request: R, client_address: A): Promise<void> {
    if (!await this.verify_request(request, client_address)) {
      await this.shutdown_request(request);
      return;
    }
    try {
      await this.process_request(request, client_address);
    } catch (error) {
      await this.handle_error(request, client_address, error);
      await this.shutdown_request(request);
    }
  }

  /**
   * Asks {@linkcode BaseServer.prototype.serve_forever} to end, and waits until
   * it has. A request that is being handled is handled to its end, no other one
   * is begun.
   *
   * In a handler it returns without waiting, since the loop ends only after the
   * handler; in Python it blocks for ever there, unless the server has threads.
   * If no loop is running, the next one ends at once, as in Python.
   *
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.shutdown | Python: shutdown}
   */
  async shutdown(): Promise<void> {
    this.#shutdownRequested = true;
    const loops = [...this.#loops];
    for (const loop of loops) loop.stop.abort();
    if (stopOf(this) !== undefined) return;
    await Promise.all(loops.map((loop) => loop.ended.promise));
  }

  /**
   * Called by the loop after each request, and after each `poll_interval`
   * without one. Does nothing here.
   */
  service_actions(): void | Promise<void> {}

  /**
   * Handles one request. Waits for it as long as the server's `timeout` and the
   * timeout of its socket allow, and then calls
   * {@linkcode BaseServer.prototype.handle_timeout}.
   *
   * @example Usage
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { BaseRequestHandler, TCPServer } from "@pystd/socket/socketserver";
   *
   * class Handler extends BaseRequestHandler {}
   * await using server = new TCPServer(["127.0.0.1", 0], Handler);
   * server.timeout = 0.01;
   * let timedOut = false;
   * server.handle_timeout = () => void (timedOut = true);
   * await server.handle_request();
   * assertEquals(timedOut, true);
   * ```
   *
   * @param options `signal` ends the wait; a request that has arrived stays for
   * the next call.
   * @throws {RangeError} If the server is closed, or `timeout` is out of range.
   * @throws {TypeError} If an argument has the wrong type.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.handle_request | Python: handle_request}
   */
  async handle_request(options?: SignalOption): Promise<void> {
    const signal = checkSignal("handle a request", options, HANDLE_OPTIONS);
    signal?.throwIfAborted();
    const limits = [this.socket.gettimeout(), this.timeout]
      .filter((each) => each !== null);
    const timeout = limits.length > 0 ? Math.min(...limits) : null;
    const isReady = await this.#hasRequest(timeout, signal);
    signal?.throwIfAborted();
    if (isReady) await this.#handleRequest(signal);
    else if (this.fileno() >= 0) await this.handle_timeout();
  }

  /** Called if no request arrives in time. Does nothing here. */
  handle_timeout(): void | Promise<void> {}

  /**
   * Decides whether to handle a request.
   *
   * @param _request The request.
   * @param _client_address The address of the client.
   * @returns True here; if false, the request is closed.
   */
  verify_request(
    _request: R,
    _client_address: A,
  ): boolean | Promise<boolean> {
    return true;
  }

  /**
   * Handles a request to its end: calls `finish_request` and then
   * `shutdown_request`. {@linkcode ThreadingMixIn} starts a task instead.
   *
   * @param request The request.
   * @param client_address The address of the client.
   */
  process_request(request: R, client_address: A): void | Promise<void> {
    return this.#process(request, client_address);
  }

  async #process(request: R, client_address: A): Promise<void> {
    await this.finish_request(request, client_address);
    await this.shutdown_request(request);
  }

  /**
   * Creates the handler of a request, which handles it when it is awaited. An
   * override returns one, or awaits it itself.
   *
   * @example A handler with an argument of its own
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { BaseRequestHandler, TCPServer } from "@pystd/socket/socketserver";
   *
   * class Greeter extends BaseRequestHandler {
   *   greeting = "";
   * }
   * class GreetingServer extends TCPServer {
   *   override finish_request(...[request, client_address]: Parameters<TCPServer["finish_request"]>) {
   *     const handler = new Greeter(request, client_address, this);
   *     handler.greeting = "welcome";
   *     return handler;
   *   }
   * }
   * await using server = new GreetingServer(["127.0.0.1", 0], Greeter);
   * assertEquals(server.RequestHandlerClass, Greeter);
   * ```
   *
   * @param request The request.
   * @param client_address The address of the client.
   * @returns The handler.
   */
  finish_request(
    request: R,
    client_address: A,
  ): PromiseLike<unknown> | void {
    return new this.RequestHandlerClass(
      request as never,
      client_address as never,
      this as never,
    );
  }

  /**
   * Ends a request that has been handled: calls `close_request`.
   *
   * @param request The request.
   */
  shutdown_request(request: R): void | Promise<void> {
    return this.close_request(request);
  }

  /**
   * Releases a request. Does nothing here.
   *
   * @param _request The request.
   */
  close_request(_request: R): void | Promise<void> {}

  /**
   * Called with an error of a handler. Prints it to standard error, with the
   * client's address; the server goes on.
   *
   * @param _request The request.
   * @param client_address The address of the client.
   * @param error The error.
   */
  handle_error(
    _request: R,
    client_address: A,
    error: unknown,
  ): void | Promise<void> {
    printError(client_address, error);
  }

  /**
   * Closes the server. Does nothing here; the servers with a socket close it at
   * once.
   *
   * @returns A promise for when everything has been released.
   */
  server_close(): void | Promise<void> {}

  /** Calls {@linkcode BaseServer.prototype.server_close}, for `using`. */
  [Symbol.dispose](): void {
    Promise.resolve(this.server_close()).catch(() => {});
  }

  /** Calls `server_close`, and waits for it, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.server_close();
  }
}

/**
 * Lets a shutdown end a call that finds no request any more, since another loop
 * or a duplicate of the socket was faster.
 */
function stopping(server: BaseServer): SignalOption | undefined {
  const signal = stopOf(server);
  return signal && { signal };
}

/** Waits until a resource may be free again. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  const options = signal && { signal };
  await select([], [], [], SHORTAGE_PAUSE_S, options).catch(() => {});
}

/** Prints an error of a handler, as CPython does. */
export function printError(client_address: unknown, error: unknown): void {
  console.error("-".repeat(40));
  console.error(
    "Exception occurred during processing of request from",
    client_address,
  );
  console.error(error);
  console.error("-".repeat(40));
}

/** The name of an attribute that the constructor reads. */
type ClassAttribute =
  | "address_family"
  | "socket_type"
  | "request_queue_size"
  | "allow_reuse_address"
  | "allow_reuse_port";

/**
 * A TCP server. It binds and listens when it is created.
 *
 * What the constructor needs is static, since the fields of a subclass exist
 * only after the constructor has run:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import { BaseRequestHandler, TCPServer } from "@pystd/socket/socketserver";
 *
 * class Handler extends BaseRequestHandler {}
 * class Server extends TCPServer {
 *   static override address_family = socket.AF_INET6;
 *   static override allow_reuse_address = true;
 * }
 * await using server = new Server(["::1", 0], Handler);
 * assertEquals(server.server_address[0], "::1");
 * assertEquals(server.address_family, socket.AF_INET6);
 * ```
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as socketserver from "@pystd/socket/socketserver";
 *
 * class MyTCPHandler extends socketserver.BaseRequestHandler {
 *   override async handle() {
 *     const data = await this.request.recv(1024);
 *     await this.request.sendall(data);
 *   }
 * }
 * await using server = new socketserver.TCPServer(["127.0.0.1", 0], MyTCPHandler);
 * const [host, port] = server.server_address;
 *
 * using client = await socket.create_connection([host, port]);
 * await client.sendall(new TextEncoder().encode("hello"));
 * await server.handle_request();
 * assertEquals(await client.recv(1024), new TextEncoder().encode("hello"));
 * ```
 *
 * @typeParam A The address of clients, and of the server.
 * @typeParam R What a handler gets as its request: the connected socket.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.TCPServer | Python: TCPServer}
 */
export class TCPServer<
  A extends Address = InetAddress | Inet6Address,
  R = Socket<A>,
> extends BaseServer<A, R> {
  /** The family of the server's socket: `AF_INET`. */
  static address_family: Family = AF_INET;
  /** The type of the server's socket: `SOCK_STREAM`. */
  static socket_type: number = SOCK_STREAM;
  /** How many connections may wait to be accepted: 5. */
  static request_queue_size: number = 5;
  /** Whether `server_bind` sets SO_REUSEADDR: false. */
  static allow_reuse_address: boolean = false;
  /** Whether `server_bind` sets SO_REUSEPORT: false. */
  static allow_reuse_port: boolean = false;
  /** The socket that listens. */
  socket: Socket<A>;

  /**
   * Opens the socket, binds it and listens; closes it again if that fails.
   *
   * @param server_address Where to listen; port 0 is any free one.
   * @param RequestHandlerClass The class of the handlers.
   * @param bind_and_activate If false, the program calls `server_bind` and
   * `server_activate` itself.
   * @throws {OSError} EADDRINUSE if the address is taken, and whatever else
   * `bind` and `listen` throw.
   * @throws {PermissionError} EACCES if Deno's permission is missing.
   * @throws {TypeError} If an argument has the wrong type.
   * @throws {RangeError} If the port is out of range.
   */
  constructor(
    server_address: NoInfer<AddressInput<A>>,
    RequestHandlerClass: RequestHandlerClass<NoInfer<R>, A>,
    bind_and_activate: boolean | ServerOptions = true,
  ) {
    super(server_address, RequestHandlerClass);
    let activate = bind_and_activate;
    if (isOptions(activate)) {
      checkOptions("create server", activate, SERVER_OPTIONS);
      activate = (activate as ServerOptions).bind_and_activate ?? true;
    }
    this.socket = new Socket<A>(
      this.address_family as Family<A>,
      this.socket_type,
    );
    if (!activate) return;
    try {
      this.server_bind();
      this.server_activate();
    } catch (error) {
      try {
        this[Symbol.dispose]();
      } catch {
        // That of a subclass may need fields which do not exist yet.
        this.socket.close();
      }
      const { server_bind, server_activate } = TCPServer.prototype;
      const isOwn = this.server_bind === server_bind &&
        this.server_activate === server_activate;
      // An override of the program keeps its frames.
      if (isOwn && error instanceof OSError) {
        Error.captureStackTrace(error, TCPServer);
      }
      throw error;
    }
  }

  /** The class's `address_family`, unless the instance was given its own. */
  get address_family(): Family {
    return (this.constructor as typeof TCPServer).address_family;
  }

  set address_family(value: Family) {
    this.#override("address_family", value);
  }

  /** The class's `socket_type`, unless the instance was given its own. */
  get socket_type(): number {
    return (this.constructor as typeof TCPServer).socket_type;
  }

  set socket_type(value: number) {
    this.#override("socket_type", value);
  }

  /** The class's `request_queue_size`, unless the instance has its own. */
  get request_queue_size(): number {
    return (this.constructor as typeof TCPServer).request_queue_size;
  }

  set request_queue_size(value: number) {
    this.#override("request_queue_size", value);
  }

  /** The class's `allow_reuse_address`, unless the instance has its own. */
  get allow_reuse_address(): boolean {
    return (this.constructor as typeof TCPServer).allow_reuse_address;
  }

  set allow_reuse_address(value: boolean) {
    this.#override("allow_reuse_address", value);
  }

  /** The class's `allow_reuse_port`, unless the instance was given its own. */
  get allow_reuse_port(): boolean {
    return (this.constructor as typeof TCPServer).allow_reuse_port;
  }

  set allow_reuse_port(value: boolean) {
    this.#override("allow_reuse_port", value);
  }

  /** As in Python, an attribute of the instance hides that of the class. */
  #override(name: ClassAttribute, value: unknown): void {
    const writable = true;
    Object.defineProperty(this, name, { value, writable, configurable: true });
  }

  /**
   * Binds the socket, and stores its address in `server_address`. Called by the
   * constructor, before the fields of a subclass exist.
   *
   * @throws {OSError} EADDRINUSE if the address is taken, and so on.
   */
  server_bind(): void {
    const { socket } = this;
    if (this.allow_reuse_address) {
      socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
    }
    // Linux has it for the families of the Internet only, since 6.12.9.
    if (this.allow_reuse_port && socket.family !== AF_UNIX) {
      socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
    }
    socket.bind(this.server_address as AddressInput<A>);
    this.server_address = socket.getsockname();
  }

  /**
   * Listens. Called by the constructor, before the fields of a subclass exist.
   *
   * @throws {OSError} What `listen` throws.
   */
  override server_activate(): void {
    const action = "create server";
    this.socket.listen(
      checkInt(action, "request_queue_size", this.request_queue_size),
    );
  }

  /**
   * Closes the server's socket, at once. A loop that is running ends; requests
   * that are being handled go on.
   *
   * @returns A promise for when the address is free again.
   */
  override server_close(): void | Promise<void> {
    return this.socket[Symbol.asyncDispose]();
  }

  /** The descriptor of the server's socket, -1 if it is closed. */
  fileno(): number {
    return this.socket.fileno();
  }

  /**
   * Accepts a connection.
   *
   * @returns The connected socket, and the address of the client.
   * @throws {OSError} What `accept` throws.
   */
  get_request(): Promise<[R, A]> | [R, A] {
    const accepted: Promise<[unknown, A]> = this.socket.accept(stopping(this));
    return accepted as Promise<[R, A]>;
  }

  /**
   * Ends the sending half of a connection, and calls `close_request`. Bytes
   * that are unsent are sent first.
   *
   * @param request The connected socket.
   */
  override shutdown_request(request: R): void | Promise<void> {
    // Not awaited: it comes after unsent bytes, for which a client that does not
    // read could let the server wait. The close waits for both, and not for ever.
    (request as Socket).shutdown(SHUT_WR).catch(() => {});
    return this.close_request(request);
  }

  /**
   * Closes a connection.
   *
   * @param request The connected socket.
   */
  override close_request(request: R): void | Promise<void> {
    (request as Socket).close();
  }
}

/**
 * A UDP server. Its requests are arrays: the datagram, and the server's socket to
 * answer with.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import { BaseRequestHandler, UDPServer } from "@pystd/socket/socketserver";
 *
 * class MyUDPHandler extends BaseRequestHandler<UDPServer> {
 *   override async handle() {
 *     const [data, socket] = this.request;
 *     await socket.sendto(data, this.client_address);
 *   }
 * }
 * await using server = new UDPServer(["127.0.0.1", 0], MyUDPHandler);
 *
 * using client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
 * client.bind(["127.0.0.1", 0]);
 * await client.sendto(new TextEncoder().encode("hello"), ["127.0.0.1", server.server_address[1]]);
 * await server.handle_request();
 * assertEquals(await client.recv(1024), new TextEncoder().encode("hello"));
 * ```
 *
 * @typeParam A The address of clients, and of the server.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.UDPServer | Python: UDPServer}
 */
export class UDPServer<A extends Address = InetAddress | Inet6Address>
  extends TCPServer<A, [data: Uint8Array<ArrayBuffer>, socket: Socket<A>]> {
  /** The type of the server's socket: `SOCK_DGRAM`. */
  static override socket_type: number = SOCK_DGRAM;
  /** The longest datagram that is received whole: 8192 bytes. */
  max_packet_size: number = 8192;

  /** Does nothing: a datagram socket does not listen. */
  override server_activate(): void {}

  /**
   * Receives a datagram.
   *
   * @returns The datagram with the server's socket, and the address of the
   * client.
   * @throws {OSError} What `recvfrom` throws.
   */
  override async get_request(): Promise<
    [[data: Uint8Array<ArrayBuffer>, socket: Socket<A>], A]
  > {
    const { socket, max_packet_size } = this;
    const [data, address] = await socket.recvfrom(
      max_packet_size,
      0,
      stopping(this),
    );
    return [[data, socket], address];
  }

  /**
   * Calls `close_request`: there is no connection to end.
   *
   * @param request The datagram and the socket.
   */
  override shutdown_request(
    request: [data: Uint8Array<ArrayBuffer>, socket: Socket<A>],
  ): void | Promise<void> {
    return this.close_request(request);
  }

  /**
   * Does nothing: the socket is the server's own.
   *
   * @param _request The datagram and the socket.
   */
  override close_request(
    _request: [data: Uint8Array<ArrayBuffer>, socket: Socket<A>],
  ): void | Promise<void> {}
}

/**
 * A server on a Unix stream socket. Its address is a path, whose file is removed
 * when the server is closed.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.UnixStreamServer | Python: UnixStreamServer}
 */
export class UnixStreamServer extends TCPServer<UnixAddress> {
  /** The family of the server's socket: `AF_UNIX`. */
  static override address_family: Family = AF_UNIX;
}

/**
 * A server on a Unix datagram socket, which needs `--unstable-net`. A client has
 * to be bound to a path to get an answer. While it waits for the next datagram
 * Deno lets the socket send only with `--allow-net` without a list.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.UnixDatagramServer | Python: UnixDatagramServer}
 */
export class UnixDatagramServer extends UDPServer<UnixAddress> {
  /** The family of the server's socket: `AF_UNIX`. */
  static override address_family: Family = AF_UNIX;
}
