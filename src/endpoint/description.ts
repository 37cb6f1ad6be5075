import { isPath, type Sockaddr, wildcardToLoopback } from "../base/sockaddr.ts";
import {
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV6_V6ONLY,
  SHUT_WR,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_PROTOCOL,
  SO_TYPE,
  SOCK_STREAM,
} from "../base/constants.ts";
import type { OSError } from "../base/errors.ts";
import { osError } from "../base/os_error.ts";
import { Connected } from "./connected.ts";
import { Datagram } from "./datagram.ts";
import {
  Closed,
  type Endpoint,
  isOpening,
  type Operation,
  stateError,
} from "./endpoint.ts";
import { Listening } from "./listening.ts";
import { Connecting, Unconnected } from "./opening.ts";
import { Options } from "./options.ts";
import type { DatagramConn, StreamConn } from "../runtime/deno_net.ts";
import { scopeIdOf } from "../runtime/interface_table.ts";
import { answer } from "../wait/event_loop.ts";
import { type CallContext, type CallOwner, failure } from "../wait/waiter.ts";

/** A protocol between a socket and its connections, such as TLS. */
export interface Layer {
  /**
   * Returns the endpoint of a connection, which uses the connection's own
   * endpoint.
   */
  connected(endpoint: Connected, description: Description): Endpoint;
  /**
   * Returns the endpoint of a listener, which uses the listener's own endpoint.
   */
  listening(endpoint: Listening, description: Description): Listening;
}

/**
 * An open file description, in the kernel's terms: the state that all
 * descriptors of a socket share. After `d = s.dup()`, connecting `s` connects
 * `d`, since both refer to one description.
 */
export class Description {
  readonly family: number;
  readonly type: number;
  readonly proto: number;
  readonly options: Options;
  #endpoint: Endpoint;
  #layer: Layer | undefined;
  #holders = 0;

  constructor(
    family: number,
    type: number,
    proto: number,
    options: Options = new Options(family, type),
    conn?: StreamConn | DatagramConn,
  ) {
    this.family = family;
    this.type = type;
    this.proto = proto;
    this.options = options;
    if (type !== SOCK_STREAM) {
      this.#endpoint = new Datagram(family, options, conn as DatagramConn);
    } else if (conn !== undefined) {
      this.#endpoint = this.#connected(conn as StreamConn);
    } else this.#endpoint = new Unconnected(family, options);
  }

  /** The endpoint, which is the current state. */
  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** Adds a reference from a descriptor. */
  hold(): void {
    this.#holders++;
  }

  /**
   * Drops a reference. With the last one the endpoint is closed. Resolves when
   * the bytes that were sent have been handed to the kernel.
   */
  release(owner?: CallOwner): Promise<void> {
    if (--this.#holders > 0) return this.flushed(owner);
    const endpoint = this.#endpoint;
    this.#endpoint = new Closed();
    return endpoint.close();
  }

  /** Resolves when no byte is unsent. */
  async flushed(owner?: CallOwner): Promise<void> {
    const endpoint = this.#endpoint;
    if (endpoint instanceof Connected || endpoint instanceof Datagram) {
      await endpoint.flushed(owner);
    }
  }

  /** Returns whether another descriptor could read from the connection too. */
  readonly isShared = (): boolean => this.#holders > 1;

  #connected(conn: StreamConn, from?: Unconnected): Endpoint {
    const { family, options, isShared } = this;
    const endpoint = new Connected(conn, family, options, isShared, from);
    return this.#layer?.connected(endpoint, this) ?? endpoint;
  }

  /**
   * Puts a layer over the connection that this socket has, or over all those
   * that it will have.
   */
  setLayer(layer: Layer): void {
    const endpoint = this.#endpoint;
    this.#layer = layer;
    if (endpoint instanceof Connected) {
      this.#endpoint = layer.connected(endpoint, this);
    } else if (endpoint instanceof Listening) {
      this.#endpoint = layer.listening(endpoint, this);
    }
  }

  /** Removes the layer from a connection. */
  removeLayer(from: Endpoint, carrier: Connected): void {
    this.#layer = undefined;
    this.replace(from, carrier);
  }

  /** Replaces an endpoint by another state of the same connection. */
  replace(from: Endpoint, to: Endpoint): void {
    if (this.#endpoint === from) this.#endpoint = to;
  }

  bind(sockaddr: Sockaddr): void {
    const endpoint = this.#endpoint;
    if (endpoint instanceof Unconnected || endpoint instanceof Datagram) {
      endpoint.bind(sockaddr);
    } else throw stateError("bind", endpoint.state);
  }

  listen(backlog: number): void {
    const endpoint = this.#endpoint;
    if (endpoint instanceof Listening) return;
    if (!(endpoint instanceof Unconnected)) {
      throw stateError("listen", endpoint.state);
    }
    const listener = endpoint.listen(backlog);
    const { family, options } = this;
    const listening = new Listening(listener, family, options, endpoint);
    this.#endpoint = this.#layer?.listening(listening, this) ?? listening;
  }

  /**
   * Waits for the next connection, from which `accepted` creates a description.
   */
  accept(context: CallContext): Promise<StreamConn> {
    const endpoint = this.#endpoint;
    return endpoint instanceof Listening
      ? endpoint.accept(context)
      : failure(stateError("accept", endpoint.state));
  }

  /** Creates the description of an accepted connection. */
  accepted(conn: StreamConn): Description {
    const { family, type, proto } = this;
    const options = this.options.inherit();
    const accepted = new Description(family, type, proto, options, conn);
    if (this.#layer !== undefined) accepted.setLayer(this.#layer);
    return accepted;
  }

  /**
   * Connects. A non-blocking call fails with EINPROGRESS, and the next call
   * reports the outcome, once.
   */
  connect(sockaddr: Sockaddr, context: CallContext): Promise<unknown> {
    const endpoint = this.#endpoint;
    if (endpoint instanceof Datagram) {
      return endpoint.connect(sockaddr, context);
    }
    if (endpoint instanceof Connected && endpoint.takeSuccess()) {
      return answer(undefined);
    }
    if (!(endpoint instanceof Unconnected)) {
      throw stateError("connect", endpoint.state);
    }
    if (context.signal?.aborted) throw context.signal.reason;
    const earlier = endpoint.takeError();
    if (earlier !== undefined) throw earlier;
    // A Unix socket connects or fails at once, so it never connects in the
    // background.
    const isBlocking = context.timeoutMs !== 0;
    const isBackground = !isBlocking && !isPath(sockaddr);
    const connecting = new Connecting(
      endpoint,
      wildcardToLoopback(sockaddr),
      (outcome) => {
        if (this.#endpoint !== connecting) return;
        if (outcome instanceof Error) this.#endpoint = endpoint;
        else {
          this.options.boundInterface ||= scopeIdOf(sockaddr);
          const connected = this.#connected(outcome, endpoint);
          if (isBackground && connected instanceof Connected) {
            connected.reportSuccess();
          }
          this.#endpoint = connected;
        }
      },
    );
    this.#endpoint = connecting;
    if (!isBackground) {
      const until = isBlocking ? context : { ...context, timeoutMs: null };
      return connecting.connect(until, isBlocking);
    }
    return connecting.connectInBackground(context)
      .then(() => failure(osError("EINPROGRESS")));
  }

  /**
   * Returns the endpoint for an operation, or throws the error of the state.
   */
  endpointFor(operation: Operation): Connected | Datagram {
    const endpoint = this.#endpoint;
    const { state } = endpoint;
    // This is not `instanceof`, which walks the prototype chain: every call
    // passes here.
    if (state === "connected" || state === "datagram") {
      return endpoint as Connected | Datagram;
    }
    // A shutdown fails with ENOTCONN, and leaves the error of a connect to the
    // next call.
    const error = operation === "shutdown" ? undefined : endpoint.takeError();
    throw error ?? stateError(operation, endpoint.state);
  }

  /** Waits until the connect in progress has settled, if there is one. */
  async connected(context: CallContext, toSend: boolean): Promise<void> {
    // A handshake may follow the connect.
    for (let at; isOpening(at = this.#endpoint);) {
      await at.whenSettled(context, toSend);
    }
  }

  /** Whether a connect is in progress. */
  get connecting(): boolean {
    return this.#endpoint.state === "connecting";
  }

  /**
   * Half-closes a connection. A listener stops listening, and may listen again.
   */
  async shutdown(how: number, context: CallContext): Promise<void> {
    const endpoint = this.#endpoint;
    if (endpoint instanceof Listening) {
      if (how === SHUT_WR) return await answer(undefined);
      this.#endpoint = endpoint.afterShutdown;
      // This is not awaited: the pending accepts must not be rejected before
      // the shutdown has settled.
      endpoint.stop(() => osError("EINVAL"));
    } else await this.endpointFor("shutdown").shutdown(context, how);
  }

  getOption(level: number, option: number): Uint8Array {
    return this.options.get(level, option, (asked) => this.#describe(asked));
  }

  #describe(option: number): number {
    switch (option) {
      case SO_TYPE:
        return this.type;
      case SO_DOMAIN:
        return this.family;
      case SO_PROTOCOL:
        return this.proto || this.#defaultProto();
      case SO_ACCEPTCONN:
        return this.#endpoint instanceof Listening ? 1 : 0;
      case SO_ERROR: {
        const error = this.#endpoint.takeError() as OSError | undefined;
        return error?.errno ?? 0;
      }
      default:
        throw osError("ENOPROTOOPT");
    }
  }

  #defaultProto(): number {
    if (this.family === AF_UNIX) return 0;
    return this.type === SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  }

  setOption(level: number, option: number, value: number | Uint8Array): void {
    const fixed = this.family === AF_INET6 && level === IPPROTO_IPV6 &&
      option === IPV6_V6ONLY;
    const [, port = 0] = fixed ? this.#endpoint.localAddress() : [];
    // The families of a bound address cannot be changed any more, ipv6(7).
    if (port !== 0) {
      throw osError("EINVAL", "IPV6_V6ONLY cannot be set after bind");
    }
    const before = this.options.isSet(level, option);
    this.options.set(level, option, value);
    this.#endpoint.applyOption(level, option, before);
  }
}

/** An observer of a descriptor, which need not hold it. */
export interface Watcher {
  /** Called when the descriptor is closed, referenced or unreferenced. */
  descriptorChanged(descriptor: Descriptor): void;
}

/**
 * A descriptor: a number that refers to a description. Sockets and file objects
 * hold this object and not the number, which may belong to another socket
 * later.
 */
export class Descriptor {
  readonly number: number;
  readonly description: Description;
  #holders = 1;
  #closed = false;
  #referenced = true;
  /** The first watcher, which is usually the only one. */
  #watcher: Watcher | undefined;
  #watchers: Set<Watcher> | undefined;

  constructor(number: number, description: Description) {
    this.number = number;
    this.description = description;
    description.hold();
  }

  /** Whether the descriptor is closed, by its last holder or by its number. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Whether waiting for the descriptor keeps the process alive, as set by its
   * socket.
   */
  get referenced(): boolean {
    return this.#referenced;
  }

  set referenced(value: boolean) {
    if (value === this.#referenced) return;
    this.#referenced = value;
    this.#tellWatchers();
  }

  watch(watcher: Watcher): void {
    if (this.#watcher === undefined) this.#watcher = watcher;
    else (this.#watchers ??= new Set()).add(watcher);
  }

  unwatch(watcher: Watcher): void {
    if (this.#watcher === watcher) this.#watcher = undefined;
    else this.#watchers?.delete(watcher);
  }

  #tellWatchers(): void {
    const others = [...this.#watchers ?? []];
    this.#watcher?.descriptorChanged(this);
    for (const watcher of others) watcher.descriptorChanged(this);
  }

  /** Adds a reference from a socket or file object. */
  hold(): void {
    this.#holders++;
  }

  /**
   * Drops a reference. The last one closes the descriptor. Resolves when the
   * descriptor is released and the bytes that were sent have been handed to the
   * kernel.
   */
  release(owner?: CallOwner): Promise<void> {
    return --this.#holders > 0
      ? this.description.flushed(owner)
      : this.close(owner);
  }

  /** Closes the descriptor, even if sockets or file objects still hold it. */
  close(owner?: CallOwner): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    table.delete(this.number);
    addFree(this.number);
    this.#tellWatchers();
    return this.description.release(owner);
  }
}

/** 0 to 2 are the standard streams. */
const FIRST = 3;

const table = new Map<number, Descriptor>();
/** The smallest number that was never used. */
let unused = FIRST;
/**
 * The free numbers below `unused`: a heap whose first item is the smallest. To
 * search the table for the smallest free number took a third of a millisecond
 * for each open, with 100,000 descriptors.
 */
const free: number[] = [];

function addFree(number: number): void {
  let at = free.push(number) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (free[parent]! <= number) break;
    free[at] = free[parent]!;
    at = parent;
  }
  free[at] = number;
}

/** Removes and returns the smallest free number. */
function takeFree(): number {
  const smallest = free[0];
  if (smallest === undefined) return unused++;
  const last = free.pop()!;
  if (free.length === 0) return smallest;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= free.length) break;
    if (free[child + 1]! < free[child]!) child++;
    if (free[child]! >= last) break;
    free[at] = free[child]!;
    at = child;
  }
  free[at] = last;
  return smallest;
}

/** Creates a descriptor for a description, with the smallest free number. */
export function openDescriptor(description: Description): Descriptor {
  const descriptor = new Descriptor(takeFree(), description);
  table.set(descriptor.number, descriptor);
  return descriptor;
}

/** Returns the open descriptor with a number. */
export function findDescriptor(number: number): Descriptor | undefined {
  return table.get(number);
}
