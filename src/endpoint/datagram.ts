/**
 * Datagram sockets: the endpoint, and how it is opened on an API of the runtime
 * that supports its options.
 */

import {
  type Address,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_BROADCAST,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOL_SOCKET,
} from "../base/constants.ts";
import {
  type InetSockaddr,
  isLinkLocal,
  isPath,
  type Sockaddr,
  toAddress,
  unspecified,
  wildcard,
} from "../base/sockaddr.ts";
import type { Bytes } from "../base/checks.ts";
import { osError } from "../base/os_error.ts";
import { DatagramReceiver } from "./datagram_receiver.ts";
import {
  type Endpoint,
  type From,
  type Received,
  type ReceiveSink,
  ScatterSink,
  stateError,
} from "./endpoint.ts";
import { MulticastState, type Options } from "./options.ts";
import {
  ATOMIC,
  checkUnchanged,
  Sender,
  type Turn,
  type Write,
} from "./sender.ts";
import { DenoMulticast, openUnixDatagram } from "../runtime/deno_datagram.ts";
import {
  checkUnixPeer,
  type DatagramConn,
  hasDatagrams,
  listenDatagram,
  type Multicast,
} from "../runtime/deno_net.ts";
import {
  scopeIdOf,
  sourceAddressFor,
  toScopedAddress,
} from "../runtime/interface_table.ts";
import { LONGEST_DATAGRAM } from "../runtime/memory_pair.ts";
import { openNodeDatagram } from "../runtime/node_dgram.ts";
import {
  checkBoundFamily,
  type Destination,
  hostToBind,
  implicitBindAddress,
  isBroadcast,
  literalDestination,
  toDestination,
} from "../runtime/resolver.ts";
import { answer } from "../wait/event_loop.ts";
import { type CallContext, type CallOwner, failure } from "../wait/waiter.ts";

/**
 * An open datagram socket of the runtime, and its multicast if it supports
 * that.
 */
export interface OpenedDatagram {
  readonly port: DatagramConn;
  readonly multicast?: Multicast;
}

/** Opens a datagram socket of the runtime, which binds it. */
export function openDatagram(
  sockaddr: Sockaddr,
  options: Options,
): OpenedDatagram {
  if (isPath(sockaddr)) return { port: openUnixDatagram(sockaddr) };
  const isSet = (option: number) => options.isSet(SOL_SOCKET, option);
  // Deno has no SO_REUSEPORT for datagrams. `reuseAddress` shares the port as
  // well, but not with sockets of other programs, and it does not distribute
  // the datagrams.
  const reuseAddress = isSet(SO_REUSEADDR) || isSet(SO_REUSEPORT);
  const v6Only = options.isSet(IPPROTO_IPV6, IPV6_V6ONLY);
  const where = hostToBind(sockaddr);
  let opened: OpenedDatagram;
  if (hasDatagrams() && !v6Only) {
    // This API is also used if there are memberships. `node:dgram` joins groups
    // synchronously, but it takes an IPv6 interface only by its name, allows no
    // TTL of 0, and reports every error as EINVAL.
    const { multicastLoop } = options;
    const port = listenDatagram(where, { reuseAddress, multicastLoop });
    opened = { port, multicast: new DenoMulticast(port, multicastLoop) };
  } else {
    const port = openNodeDatagram(where, { reuseAddress, v6Only });
    opened = { port, multicast: port };
  }
  if (where.isHostname) checkBoundFamily(where, opened.port);
  return opened;
}

/** A datagram socket: bound or not, with a peer or not. */
export class Datagram implements Endpoint {
  readonly state = "datagram";
  readonly #family: number;
  readonly #options: Options;
  readonly #receiver: DatagramReceiver;
  readonly #sender = new Sender();
  #port: DatagramConn | undefined;
  #multicast: MulticastState | undefined;
  #peer: Destination | undefined;
  /**
   * The destination of the last datagram, and the function that sends there.
   */
  #last: { asked: Sockaddr; destination: Destination } | undefined;
  #writesTo: Destination | undefined;
  #write: Write | undefined;
  /** The number of calls of `connect` that are looking up a name. */
  #connecting = 0;
  #sendShut = false;

  /** `port` is already open, and is connected to its peer. */
  constructor(family: number, options: Options, port?: DatagramConn) {
    this.#family = family;
    this.#options = options;
    this.#receiver = new DatagramReceiver(family, options);
    if (port === undefined) return;
    this.#port = port;
    this.#receiver.open(port, undefined);
    this.#receiver.peer = "";
    this.#peer = PAIRED;
  }

  localAddress(): Address {
    if (this.#port === undefined) return unspecified(this.#family);
    const address = toScopedAddress(
      this.#family,
      this.#port.addr,
      this.#options.boundInterface,
    );
    const { peer } = this.#receiver;
    if (peer === undefined || typeof address === "string") return address;
    // The kernel replaces the wildcard by the address that it sends from,
    // connect(2).
    const own = address[0] === wildcard(this.#family)
      ? sourceAddressFor(String(peer[0]))
      : undefined;
    if (own === undefined) return address;
    address[0] = own;
    if (isLinkLocal(own)) address[3] = Number(peer[3] ?? 0);
    return address;
  }

  peerAddress(): Address | undefined {
    return this.#port?.refused ? undefined : this.#receiver.peer;
  }

  applyOption(): void {
    this.#multicast?.update();
  }

  takeError(): Error | undefined {
    return this.#sender.takeError() ?? this.#receiver.takeError();
  }

  get readable(): boolean {
    return this.#receiver.readable;
  }

  get writable(): boolean {
    return this.#sendShut || this.#sender.writable;
  }

  get failed(): boolean {
    return this.#receiver.failed || this.#sender.failed;
  }

  get ended(): boolean {
    return this.#receiver.ended;
  }

  get hungUp(): boolean {
    return this.ended && this.#sendShut;
  }

  whenReadable(context: CallContext): Promise<true> {
    return this.#receiver.whenReadable(context);
  }

  whenWritable(context: CallContext): Promise<true> {
    return this.#sender.whenWritable(context);
  }

  /** Binds to a local address, synchronously. */
  bind(sockaddr: Sockaddr): void {
    if (this.#port !== undefined) throw stateError("bind", this.state);
    this.#open(sockaddr);
  }

  #open(sockaddr: Sockaddr): void {
    const options = this.#options;
    const { port, multicast } = openDatagram(sockaddr, options);
    const serve = () => this.#receiver.wakeWaiters();
    const taking = multicast && new MulticastState(options, multicast, serve);
    try {
      taking?.update();
    } catch (error) {
      port.close();
      throw error;
    }
    this.#multicast = taking;
    this.#port = port;
    options.boundInterface ||= scopeIdOf(sockaddr);
    this.#receiver.open(port, taking);
  }

  #bindToSend(to: Sockaddr): void {
    if (this.#port === undefined) this.#open(implicitBindAddress(to));
  }

  /**
   * Sets the peer, the only address that datagrams are sent to and received
   * from. Sends that are called in the meantime wait for it.
   */
  async connect(sockaddr: Sockaddr, context: CallContext): Promise<void> {
    context.signal?.throwIfAborted();
    const named = !isPath(sockaddr) && sockaddr.isHostname;
    if (!named && this.#connecting === 0) {
      this.#setPeer(literalDestination(sockaddr));
      return await answer(undefined);
    }
    this.#connecting++;
    try {
      await this.#inTurn(ignoringNonBlocking(context), async (turn) => {
        this.#setPeer(await turn.wait(() => toDestination(sockaddr)));
      }, false);
    } catch (error) {
      return failure(error, context.signal);
    } finally {
      this.#connecting--;
    }
  }

  #setPeer(peer: Destination): void {
    if (this.#peer === PAIRED) {
      throw osError(
        "EOPNOTSUPP",
        "the peer of a socket of socketpair() cannot be changed",
      );
    }
    this.#checkBroadcast(peer.sockaddr);
    // An unbound Unix socket receives nothing, so it needs no name until it
    // sends.
    if (isPath(peer.sockaddr)) checkUnixPeer(peer.sockaddr.path);
    else this.#bindToSend(peer.sockaddr);
    this.#peer = peer;
    this.#options.boundInterface ||= scopeIdOf(peer.sockaddr);
    this.#receiver.peer = toAddress(peer.sockaddr);
  }

  /**
   * Receives one datagram, cut to `n` bytes, with its address and whether it
   * was cut.
   */
  recvMessage(
    context: CallContext,
    n: number,
    sink?: ReceiveSink,
  ): Promise<Received> {
    return this.#receiver.recv(context, n, whole, sink);
  }

  /** Like `recvMessage`, but returns only the bytes and the address. */
  recvFrom(context: CallContext, n: number): Promise<From> {
    return this.#receiver.recv(context, n, dataAndAddress);
  }

  /** Like `recvMessage`, but returns only the bytes. */
  recv(context: CallContext, n: number): Promise<Bytes> {
    return this.#receiver.recv(context, n, dataOf);
  }

  /** Receives one datagram into `target`, and returns the number of bytes. */
  recvInto(context: CallContext, target: Uint8Array): Promise<number> {
    const sink = new ScatterSink([target]);
    return this.#receiver.recv(context, target.length, lengthOf, sink);
  }

  /** Sends one datagram, whole or not at all. */
  send(
    context: CallContext,
    data: Uint8Array,
    sockaddr?: Sockaddr,
  ): Promise<number> {
    try {
      const isReady = sockaddr === undefined
        ? this.#connecting === 0
        : isPath(sockaddr) || !sockaddr.isHostname;
      if (!isReady) return this.#sendLater(context, data, sockaddr);
      const to = sockaddr === undefined
        ? this.#peer
        : this.#destination(sockaddr);
      const write = this.#prepare(to, data.length);
      return this.#multicast === undefined || this.#multicast.settled
        ? this.#sender.send(context, data, write, ATOMIC)
        : this.#sendLater(context, data, sockaddr);
    } catch (error) {
      return failure(error, context.signal);
    }
  }

  /**
   * Looks up the name, or waits for multicast, only when the call has its turn,
   * so that no datagram overtakes another.
   */
  async #sendLater(
    context: CallContext,
    data: Uint8Array,
    sockaddr: Sockaddr | undefined,
  ): Promise<number> {
    const { length } = data;
    let sent = 0;
    try {
      await this.#inTurn(ignoringNonBlocking(context), async (turn) => {
        const to = sockaddr === undefined
          ? this.#peer
          : await turn.wait(() => toDestination(sockaddr));
        const write = this.#prepare(to, length);
        const multicast = this.#multicast;
        if (multicast !== undefined) {
          await turn.wait(() => multicast.settle());
        }
        checkUnchanged(data, length);
        await turn.send(data, write, true);
        sent = turn.sent;
      });
      return sent;
    } catch (error) {
      return failure(error, context.signal);
    }
  }

  async #inTurn(
    context: CallContext,
    work: (turn: Turn) => Promise<void>,
    survivesClose = true,
  ): Promise<void> {
    const turn = await this.#sender.enter(context, true, survivesClose);
    try {
      await work(turn);
    } finally {
      this.#sender.leave(turn);
    }
  }

  /**
   * Returns the destination for an address. The last one is kept, for the next
   * datagram to the same address.
   */
  #destination(sockaddr: Sockaddr): Destination {
    const last = this.#last?.asked;
    const same = last !== undefined && !isPath(last) && !isPath(sockaddr) &&
      last.host === sockaddr.host && last.port === sockaddr.port &&
      last.scopeId === sockaddr.scopeId &&
      last.scopeName === sockaddr.scopeName;
    if (!same) {
      this.#last = {
        asked: sockaddr,
        destination: literalDestination(sockaddr),
      };
    }
    return this.#last!.destination;
  }

  /** The same as `send`: a datagram is sent whole or not at all. */
  sendAll(context: CallContext, data: Uint8Array): Promise<void> {
    return this.send(context, data).then(ignore);
  }

  /** The same as `send`. */
  sendMost(context: CallContext, data: Uint8Array): Promise<number> {
    return this.send(context, data);
  }

  /**
   * Binds the socket if necessary, and returns the function that sends to `to`.
   */
  #prepare(to: Destination | undefined, length: number): Write {
    if (length > MAX_PACKET && this.#family === AF_INET) {
      // Linux binds the socket, and then looks first whether a packet of IPv4 can
      // have the length at all.
      if (to !== undefined) this.#bindToSend(to.sockaddr);
      throw osError("EMSGSIZE");
    }
    this.#checkSend(to, length);
    this.#bindToSend(to.sockaddr);
    if (to !== this.#writesTo) {
      const { addr } = to;
      this.#writesTo = to;
      this.#write = (piece) => this.#port!.send(piece, addr);
    }
    return this.#write!;
  }

  /** Checks whether the socket may send, in the order of Linux. */
  #checkSend(
    to: Destination | undefined,
    length: number,
  ): asserts to is Destination {
    if (this.#family !== AF_UNIX) {
      if (to === undefined) throw osError("EDESTADDRREQ");
      if ((to.sockaddr as InetSockaddr).port === 0) throw osError("EINVAL");
      this.#checkBroadcast(to.sockaddr);
    }
    if (to !== undefined && !this.#sendShut) return;
    const isTooLong = length > LONGEST[this.#family]!;
    throw osError(
      isTooLong ? "EMSGSIZE" : this.#sendShut ? "EPIPE" : "ENOTCONN",
    );
  }

  /** Checks SO_BROADCAST for a broadcast, which Deno lets every socket send. */
  #checkBroadcast(to: Sockaddr): void {
    if (isPath(to) || !isBroadcast(to.host)) return;
    if (!this.#options.isSet(SOL_SOCKET, SO_BROADCAST)) {
      throw osError("EACCES", "SO_BROADCAST is not set");
    }
  }

  /** Shuts down one direction, or both. */
  async shutdown(_context: CallContext, how: number): Promise<void> {
    // Linux allows a shutdown of an unconnected Unix datagram socket.
    const may = this.#peer !== undefined || this.#family === AF_UNIX;
    if (!may) throw osError("ENOTCONN");
    if (how === SHUT_WR || how === SHUT_RDWR) this.#sendShut = true;
    if (how === SHUT_RD || how === SHUT_RDWR) {
      this.#receiver.shut();
      this.#port?.closeRead?.();
    }
    await answer(undefined);
  }

  /** Resolves when no datagram is unsent. */
  flushed(owner?: CallOwner): Promise<void> {
    return this.#sender.flushed(owner);
  }

  async close(): Promise<void> {
    this.#receiver.close();
    const error = this.#sender.takeError();
    if (!this.#sender.writable) await this.flushed();
    // If a receive is in flight, the address is free only when the receive has
    // ended.
    this.#port?.ref();
    await Promise.all([this.#port?.close(), this.#receiver.receiving]);
    const failure = error ?? this.#sender.takeError();
    if (failure !== undefined) throw failure;
  }
}

function whole(received: Received): Received {
  return received;
}

function dataAndAddress({ data, address }: Received): From {
  return [data, address];
}

function dataOf({ data }: Received): Bytes {
  return data;
}

function lengthOf({ data }: Received): number {
  return data.length;
}

/** The largest length that the header of an IPv4 packet can have. */
const MAX_PACKET = 65_535;

/** The longest datagram of each family, without the headers. */
const LONGEST: Readonly<Record<number, number>> = {
  [AF_INET]: MAX_PACKET - 28,
  [AF_INET6]: MAX_PACKET - 8,
  [AF_UNIX]: LONGEST_DATAGRAM,
};

/** The destination of a pair's socket: the other one, which has no name. */
const PAIRED: Destination = literalDestination({ family: AF_UNIX, path: "" });

function ignore(): void {}

/**
 * Returns the context of a call that looks up a name. As in Python, a
 * non-blocking call waits for the lookup, or it could never succeed.
 */
function ignoringNonBlocking(context: CallContext): CallContext {
  return context.timeoutMs === 0 ? { ...context, timeoutMs: null } : context;
}
