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
  optionalArguments,
  show,
} from "../base/checks.ts";
import { OSError } from "../base/errors.ts";
import { atCaller, isShortage } from "../base/os_error.ts";
import { select } from "../poll/select.ts";
import { type SignalOption, Socket } from "../socket/socket.ts";

/**
 * A class of request handlers. The server creates an instance and awaits it;
 * the request has been handled when the instance settles.
 *
 * @typeParam R The type of the request: a socket, or an array of a datagram and
 * a socket.
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
  /**
   * The maximum number of seconds until the next call of `service_actions`, 0.5
   * by default.
   */
  poll_interval?: number | null | undefined;
}

/** The last argument of the servers' constructors, by name. */
export interface ServerOptions {
  /** Whether to bind and listen at once; true by default. */
  bind_and_activate?: boolean | undefined;
}

const HANDLE_OPTIONS: KnownOptions = {
  signal: true,
  timeout: "the server has an attribute timeout, in seconds",
};

const SERVER_OPTIONS: KnownOptions = { bind_and_activate: true };

/**
 * How long to pause after a shortage, since the next attempt would fail as
 * well.
 */
const SHORTAGE_PAUSE_S = 0.1;

/**
 * Returns the signal of the loop that has called the current handler or hook of
 * a server.
 */
export let stopOf: (server: BaseServer) => AbortSignal | undefined;

/** A call of `serve_forever` that has not ended. */
interface Loop {
  readonly stop: AbortController;
  readonly ended: PromiseWithResolvers<void>;
}

/**
 * The base class of all servers: the loop, and the hooks that it calls.
 * Programs use a subclass.
 *
 * The methods may be overridden, as in Python. They may be asynchronous: the
 * loop awaits their results. For each request they are called in this order:
 * `get_request`, `verify_request`, `process_request`, `finish_request` (which
 * creates the handler), `shutdown_request`, `close_request`. If the handler
 * fails, `handle_error` is called before the last two.
 *
 * @typeParam A The address type of the server and its clients.
 * @typeParam R The type of the request that a handler gets.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer | Python: BaseServer}
 */
export abstract class BaseServer<A extends Address = Address, R = unknown>
  implements AsyncDisposable, Disposable {
  /**
   * The number of seconds that {@linkcode BaseServer.prototype.handle_request}
   * waits for a request; null, which is the default, means no limit.
   */
  timeout: number | null = null;
  /** The address of the server. After the bind it contains the actual port. */
  server_address: A;
  /** The class of the handlers. */
  RequestHandlerClass: RequestHandlerClass<never, never>;
  /** The socket that the server receives its requests on. */
  abstract socket: Socket<A>;
  readonly #loops = new Set<Loop>();
  /**
   * Whether a shutdown was requested. As in Python, the request stays until a
   * loop has found it, or has ended for another reason.
   */
  #shutdownRequested = false;
  /**
   * The loop's signal, in everything that is called for a request. So
   * `shutdown()` can find out whether a handler has called it, and
   * `get_request()` has a signal that cancels its wait.
   */
  #stop: AsyncLocalStorage<AbortSignal> | undefined;

  static {
    stopOf = (server) => server.#stop?.getStore();
  }

  /**
   * Stores the arguments; a subclass opens the socket.
   *
   * @param server_address The address to listen on.
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

  /** Returns the descriptor that becomes readable when there is a request. */
  abstract fileno(): number;

  /** Receives the next request, and returns it with the client's address. */
  abstract get_request(): Promise<[R, A]> | [R, A];

  /**
   * Activates the server; the constructor calls it after the bind. This base
   * implementation does nothing.
   */
  server_activate(): void {}

  /**
   * Handles requests until {@linkcode BaseServer.prototype.shutdown} is called,
   * the signal aborts or the server is closed.
   *
   * Requests are handled one after the other, unless the server's class starts
   * a task for each, as the classes of {@linkcode ThreadingMixIn} do. The
   * server's `timeout` has no effect here. The loop does not poll: a shutdown
   * ends its wait at once.
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
   * @param poll_interval The maximum number of seconds until the next call of
   * {@linkcode BaseServer.prototype.service_actions}, if a subclass overrides
   * it: 0.5 by default, null for no limit while there is no request.
   * @param options `signal` ends the loop.
   * @throws {unknown} Any error of `get_request` other than an `OSError`, and
   * any error of `verify_request`, `service_actions` and `handle_error`. An
   * error of a handler or a client never ends the loop.
   * @throws {RangeError} If the server is closed.
   * @throws {TypeError} If an argument has the wrong type.
   * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseServer.serve_forever | Python: serve_forever}
   */
  async serve_forever(
    poll_interval?: number | null | ServeOptions,
    options?: SignalOption,
  ): Promise<void> {
    const [interval = 0.5, signal] = optionalArguments(
      "serve",
      ["poll_interval"],
      [poll_interval, options],
    ) as [number | null | undefined, AbortSignal | undefined];
    checkTimeout("serve", interval, "poll_interval");
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
    // The module is loaded here, since that takes 10 ms and many programs have
    // no server.
    const { AsyncLocalStorage } = await import("node:async_hooks");
    this.#stop ??= new AsyncLocalStorage();
    // If `service_actions` is not overridden, the loop has nothing to do
    // between requests.
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

  /**
   * Waits for a request. Returns false if none arrives in time, or if the wait
   * was cancelled or the server closed.
   */
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
      // No further hook is called in this case. CPython closes the request
      // because nothing refers to it any more.
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
   * Stops {@linkcode BaseServer.prototype.serve_forever}, and waits until it
   * has ended. A request that is being handled is handled to its end, and no
   * other request is begun.
   *
   * If a handler calls this method, it returns without waiting, since the loop
   * ends only after the handler; in Python it would block for ever, unless the
   * server has threads. If no loop is running, the next one ends at once, as in
   * Python.
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
   * Does periodic work: the loop calls it after each request, and after each
   * `poll_interval` without a request. This base implementation does nothing.
   */
  service_actions(): void | Promise<void> {}

  /**
   * Handles one request. If none arrives within the server's `timeout` and the
   * timeout of its socket, {@linkcode BaseServer.prototype.handle_timeout} is
   * called.
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
   * @param options `signal` cancels the wait; a request that has arrived stays
   * for the next call.
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

  /**
   * Handles the case that no request arrives in time. This base implementation
   * does nothing.
   */
  handle_timeout(): void | Promise<void> {}

  /**
   * Decides whether to handle a request.
   *
   * @param _request The request.
   * @param _client_address The address of the client.
   * @returns True in this base implementation. If an override returns false,
   * the request is closed without being handled.
   */
  verify_request(
    _request: R,
    _client_address: A,
  ): boolean | Promise<boolean> {
    return true;
  }

  /**
   * Handles a request to its end: calls `finish_request` and then
   * `shutdown_request`. With {@linkcode ThreadingMixIn} it starts a task
   * instead.
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
   * Creates the handler of a request, which handles the request when it is
   * awaited. An override returns the handler, or awaits it itself.
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
   * Ends a request that has been handled, by calling `close_request`.
   *
   * @param request The request.
   */
  shutdown_request(request: R): void | Promise<void> {
    return this.close_request(request);
  }

  /**
   * Releases a request. This base implementation does nothing.
   *
   * @param _request The request.
   */
  close_request(_request: R): void | Promise<void> {}

  /**
   * Handles an error of a handler: prints it to standard error, with the
   * client's address. The server goes on.
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
   * Closes the server. This base implementation does nothing; a server with a
   * socket closes the socket at once.
   *
   * @returns A promise that resolves when everything has been released.
   */
  server_close(): void | Promise<void> {}

  /**
   * Calls {@linkcode BaseServer.prototype.server_close}. `using` calls this
   * method.
   */
  [Symbol.dispose](): void {
    Promise.resolve(this.server_close()).catch(() => {});
  }

  /**
   * Calls `server_close` and waits until it has ended. `await using` calls this
   * method.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.server_close();
  }
}

/**
 * Returns options with which a shutdown cancels a call that waits for a
 * request. The request may be gone, since another loop or a duplicate of the
 * socket was faster.
 */
function stopping(server: BaseServer): SignalOption | undefined {
  const signal = stopOf(server);
  return signal && { signal };
}

/** Waits for a time after which a resource may be free again. */
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

/** The names of the class attributes that the constructor reads. */
type ClassAttribute =
  | "address_family"
  | "socket_type"
  | "request_queue_size"
  | "allow_reuse_address"
  | "allow_reuse_port";

/**
 * A TCP server. It binds and listens when it is created.
 *
 * The attributes that the constructor needs are static, since the fields of a
 * subclass exist only after the constructor has run:
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
 * @typeParam A The address type of the server and its clients.
 * @typeParam R The type of the request that a handler gets: the connected
 * socket.
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
  /** The maximum number of connections that may wait to be accepted: 5. */
  static request_queue_size: number = 5;
  /** Whether `server_bind` sets SO_REUSEADDR: false. */
  static allow_reuse_address: boolean = false;
  /** Whether `server_bind` sets SO_REUSEPORT: false. */
  static allow_reuse_port: boolean = false;
  /** The listening socket. */
  socket: Socket<A>;

  /**
   * Opens the socket, binds it and listens. The socket is closed again if that
   * fails.
   *
   * @param server_address The address to listen on; port 0 stands for any free
   * port.
   * @param RequestHandlerClass The class of the handlers.
   * @param bind_and_activate If false, the program calls `server_bind` and
   * `server_activate` itself.
   * @throws {OSError} EADDRINUSE if the address is in use, or another error of
   * `bind` and `listen`.
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
      this.#closeFailed();
      const { server_bind, server_activate } = TCPServer.prototype;
      const isOwn = this.server_bind === server_bind &&
        this.server_activate === server_activate;
      // If the program overrides one of these methods, its frames stay in the
      // stack.
      throw isOwn ? atCaller(error, TCPServer) : error;
    }
  }

  /** Closes the server when the constructor has failed. */
  async #closeFailed(): Promise<void> {
    try {
      await this.server_close();
    } catch {
      // The `server_close` of a subclass may need fields that do not exist yet.
      this.socket.close();
    }
  }

  /**
   * The family of the server's socket: the static `address_family`, unless the
   * instance has its own.
   */
  get address_family(): Family {
    return (this.constructor as typeof TCPServer).address_family;
  }

  set address_family(value: Family) {
    this.#override("address_family", value);
  }

  /**
   * The type of the server's socket: the static `socket_type`, unless the
   * instance has its own.
   */
  get socket_type(): number {
    return (this.constructor as typeof TCPServer).socket_type;
  }

  set socket_type(value: number) {
    this.#override("socket_type", value);
  }

  /**
   * The backlog of the server's socket: the static `request_queue_size`, unless
   * the instance has its own.
   */
  get request_queue_size(): number {
    return (this.constructor as typeof TCPServer).request_queue_size;
  }

  set request_queue_size(value: number) {
    this.#override("request_queue_size", value);
  }

  /**
   * Whether to set SO_REUSEADDR: the static `allow_reuse_address`, unless the
   * instance has its own.
   */
  get allow_reuse_address(): boolean {
    return (this.constructor as typeof TCPServer).allow_reuse_address;
  }

  set allow_reuse_address(value: boolean) {
    this.#override("allow_reuse_address", value);
  }

  /**
   * Whether to set SO_REUSEPORT: the static `allow_reuse_port`, unless the
   * instance has its own.
   */
  get allow_reuse_port(): boolean {
    return (this.constructor as typeof TCPServer).allow_reuse_port;
  }

  set allow_reuse_port(value: boolean) {
    this.#override("allow_reuse_port", value);
  }

  /**
   * As in Python, an attribute of the instance hides the attribute of the
   * class.
   */
  #override(name: ClassAttribute, value: unknown): void {
    const writable = true;
    Object.defineProperty(this, name, { value, writable, configurable: true });
  }

  /**
   * Binds the socket, and stores its address in `server_address`. The
   * constructor calls it, before the fields of a subclass exist.
   *
   * @throws {OSError} EADDRINUSE if the address is in use, or another error of
   * `bind`.
   */
  server_bind(): void {
    const { socket } = this;
    if (this.allow_reuse_address) {
      socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
    }
    // Since Linux 6.12.9, only the Internet families support SO_REUSEPORT.
    if (this.allow_reuse_port && socket.family !== AF_UNIX) {
      socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
    }
    socket.bind(this.server_address as AddressInput<A>);
    this.server_address = socket.getsockname();
  }

  /**
   * Starts to listen. The constructor calls it, before the fields of a subclass
   * exist.
   *
   * @throws {OSError} For the same reasons as `listen` of the socket.
   */
  override server_activate(): void {
    const action = "create server";
    this.socket.listen(
      checkInt(action, "request_queue_size", this.request_queue_size),
    );
  }

  /**
   * Closes the server's socket at once. A running loop ends; requests that are
   * being handled go on.
   *
   * @returns A promise that resolves when the address is free again.
   */
  override server_close(): void | Promise<void> {
    return this.socket[Symbol.asyncDispose]();
  }

  /** Returns the descriptor of the server's socket, or -1 if it is closed. */
  fileno(): number {
    return this.socket.fileno();
  }

  /**
   * Accepts a connection.
   *
   * @returns The connected socket, and the address of the client.
   * @throws {OSError} For the same reasons as `accept` of the socket.
   */
  get_request(): Promise<[R, A]> | [R, A] {
    const accepted: Promise<[unknown, A]> = this.socket.accept(stopping(this));
    return accepted as Promise<[R, A]>;
  }

  /**
   * Ends the sending half of a connection, and calls `close_request`. Unsent
   * bytes are sent first.
   *
   * @param request The connected socket.
   */
  override shutdown_request(request: R): void | Promise<void> {
    // This is not awaited: the shutdown comes after the unsent bytes, and a
    // client that does not read could make the server wait for them. The close
    // waits for both, with a time limit.
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
 * A UDP server. Each request is an array of the datagram and the server's
 * socket, to answer with.
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
 * @typeParam A The address type of the server and its clients.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.UDPServer | Python: UDPServer}
 */
export class UDPServer<A extends Address = InetAddress | Inet6Address>
  extends TCPServer<A, [data: Uint8Array<ArrayBuffer>, socket: Socket<A>]> {
  /** The type of the server's socket: `SOCK_DGRAM`. */
  static override socket_type: number = SOCK_DGRAM;
  /** The size of the longest datagram that is received whole: 8192 bytes. */
  max_packet_size: number = 8192;

  /** Does nothing: a datagram socket does not listen. */
  override server_activate(): void {}

  /**
   * Receives a datagram.
   *
   * @returns The datagram with the server's socket, and the address of the
   * client.
   * @throws {OSError} For the same reasons as `recvfrom` of the socket.
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
   * Calls `close_request`, since there is no connection to end.
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
 * A server on a Unix stream socket. Its address is a path, whose file is
 * removed when the server is closed.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.UnixStreamServer | Python: UnixStreamServer}
 */
export class UnixStreamServer extends TCPServer<UnixAddress> {
  /** The family of the server's socket: `AF_UNIX`. */
  static override address_family: Family = AF_UNIX;
}

/**
 * A server on a Unix datagram socket, which needs `--unstable-net`. A client
 * has to be bound to a path to get an answer. While the socket waits for the
 * next datagram, Deno lets it send only with `--allow-net` without a list.
 *
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.UnixDatagramServer | Python: UnixDatagramServer}
 */
export class UnixDatagramServer extends UDPServer<UnixAddress> {
  /** The family of the server's socket: `AF_UNIX`. */
  static override address_family: Family = AF_UNIX;
}
