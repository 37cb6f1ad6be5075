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
  /** The endpoint that stands for a connection, over the connection's own. */
  connected(endpoint: Connected, description: Description): Endpoint;
  /** The endpoint that stands for a listener, over the listener's own. */
  listening(endpoint: Listening, description: Description): Listening;
}

/**
 * An open socket as the kernel knows it: what all its descriptors share. After
 * `d = s.dup()`, connecting `s` connects `d`, since both hold this.
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

  /** What it is now. */
  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** One descriptor more refers to it. */
  hold(): void {
    this.#holders++;
  }

  /**
   * One less; with the last the endpoint is closed. Resolves when what was sent
   * is with the system.
   */
  release(owner?: CallOwner): Promise<void> {
    if (--this.#holders > 0) return this.flushed(owner);
    const endpoint = this.#endpoint;
    this.#endpoint = new Closed();
    return endpoint.close();
  }

  /** Resolves when nothing is unsent. */
  async flushed(owner?: CallOwner): Promise<void> {
    const endpoint = this.#endpoint;
    if (endpoint instanceof Connected || endpoint instanceof Datagram) {
      await endpoint.flushed(owner);
    }
  }

  /** Whether another descriptor could read from here too. */
  readonly isShared = (): boolean => this.#holders > 1;

  #connected(conn: StreamConn, from?: Unconnected): Endpoint {
    const { family, options, isShared } = this;
    const endpoint = new Connected(conn, family, options, isShared, from);
    return this.#layer?.connected(endpoint, this) ?? endpoint;
  }

  /** Puts a layer over the connections that this socket has or will have. */
  setLayer(layer: Layer): void {
    const endpoint = this.#endpoint;
    this.#layer = layer;
    if (endpoint instanceof Connected) {
      this.#endpoint = layer.connected(endpoint, this);
    } else if (endpoint instanceof Listening) {
      this.#endpoint = layer.listening(endpoint, this);
    }
  }

  /** Takes the layer off a connection again. */
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

  /** The next connection, of which `accepted` makes a description. */
  accept(context: CallContext): Promise<StreamConn> {
    const endpoint = this.#endpoint;
    return endpoint instanceof Listening
      ? endpoint.accept(context)
      : failure(stateError("accept", endpoint.state));
  }

  /** The description of a connection that was accepted. */
  accepted(conn: StreamConn): Description {
    const { family, type, proto } = this;
    const options = this.options.inherit();
    const accepted = new Description(family, type, proto, options, conn);
    if (this.#layer !== undefined) accepted.setLayer(this.#layer);
    return accepted;
  }

  /**
   * Connects; a non-blocking call fails with EINPROGRESS, and what comes of it
   * is reported once, by the next call.
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
    // A Unix socket connects at once, or fails at once.
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

  /** The endpoint to receive from or send to. */
  endpointFor(operation: Operation): Connected | Datagram {
    const endpoint = this.#endpoint;
    const { state } = endpoint;
    // Not `instanceof`, which walks the prototypes: this is on every call's way.
    if (state === "connected" || state === "datagram") {
      return endpoint as Connected | Datagram;
    }
    // A shutdown fails with ENOTCONN, and leaves the error of a connect.
    const error = operation === "shutdown" ? undefined : endpoint.takeError();
    throw error ?? stateError(operation, endpoint.state);
  }

  /** Waits until a connect under way has settled, if there is one. */
  async connected(context: CallContext, toSend: boolean): Promise<void> {
    // A handshake may follow the connect.
    for (let at; isOpening(at = this.#endpoint);) {
      await at.whenSettled(context, toSend);
    }
  }

  /** Whether a connect is under way. */
  get connecting(): boolean {
    return this.#endpoint.state === "connecting";
  }

  /** Half-closes; a listener stops listening, and may listen again. */
  async shutdown(how: number, context: CallContext): Promise<void> {
    const endpoint = this.#endpoint;
    if (endpoint instanceof Listening) {
      if (how === SHUT_WR) return await answer(undefined);
      this.#endpoint = endpoint.afterShutdown;
      // Not awaited: who accepts must not be told before this has settled.
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
    // A bound address does not change its family any more, ipv6(7).
    if (port !== 0) throw osError("EINVAL", "IPV6_V6ONLY after bind");
    this.options.set(level, option, value);
    this.#endpoint.applyOption(level, option);
  }
}

/** Somebody who waits for a descriptor, whoever holds it. */
export interface Watcher {
  /** Called when it is closed, referenced or unreferenced. */
  descriptorChanged(descriptor: Descriptor): void;
}

/**
 * A descriptor: a number for a description. Sockets and file objects hold this
 * object, never the number, which may belong to another socket later.
 */
export class Descriptor {
  readonly number: number;
  readonly description: Description;
  #holders = 1;
  #closed = false;
  #referenced = true;
  /** The first to watch, most often the only one. */
  #watcher: Watcher | undefined;
  #watchers: Set<Watcher> | undefined;

  constructor(number: number, description: Description) {
    this.number = number;
    this.description = description;
    description.hold();
  }

  /** Whether the descriptor is closed, by its last holder or under it. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether waiting for it keeps the process alive, as its socket says. */
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

  /** One more socket or file object holds it. */
  hold(): void {
    this.#holders++;
  }

  /**
   * One less; the last one closes it. Resolves when it is released, and what was
   * sent is with the system.
   */
  release(owner?: CallOwner): Promise<void> {
    return --this.#holders > 0
      ? this.description.flushed(owner)
      : this.close(owner);
  }

  /** Closes it, whoever holds it. */
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
/** No number from here on was ever used. */
let unused = FIRST;
/**
 * The numbers below that are free: a heap, whose first is the smallest. Looking
 * for the smallest in the table took a third of a millisecond for each open among
 * 100,000 descriptors.
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

/** Takes the smallest free number. */
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

/** A new descriptor for a description, with the smallest free number. */
export function openDescriptor(description: Description): Descriptor {
  const descriptor = new Descriptor(takeFree(), description);
  table.set(descriptor.number, descriptor);
  return descriptor;
}

/** The descriptor that a number belongs to now. */
export function findDescriptor(number: number): Descriptor | undefined {
  return table.get(number);
}
