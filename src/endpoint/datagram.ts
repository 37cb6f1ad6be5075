/** Opens the port of a datagram socket, on the runtime's API that can do it. */

import type { Address } from "../base/address.ts";
import {
  isPath,
  type Sockaddr,
  toAddress,
  toPythonAddress,
  unspecified,
  wildcard,
} from "../base/sockaddr.ts";
import {
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
import { osError } from "../base/os_error.ts";
import { DatagramReceiver, type Shape } from "./datagram_receiver.ts";
import { type Endpoint, type ReceiveSink, stateError } from "./endpoint.ts";
import { MulticastState, type Options } from "./options.ts";
import { Sender, type Write } from "./sender.ts";
import { DenoMulticast, openUnixDatagram } from "../runtime/deno_datagram.ts";
import {
  checkUnixGrants,
  checkUnixPeer,
  type DatagramConn,
  hasDatagrams,
  isGranted,
  listenDatagram,
  type Multicast,
} from "../runtime/deno_net.ts";
import { openNodeDatagram } from "../runtime/node_dgram.ts";
import {
  checkBoundFamily,
  type Destination,
  hostToBind,
  isBroadcast,
  literalDestination,
  loopbackToBind,
  MAPPED_LOOPBACK,
  sourceAddressFor,
  toDestination,
} from "../runtime/resolver.ts";
import {
  type CallContext,
  CallOwner,
  DeferredWaiter,
  NO_QUEUE,
} from "../wait/waiter.ts";

/** A port, and its multicast if it has that. */
export interface OpenedDatagram {
  readonly port: DatagramConn;
  readonly multicast?: Multicast;
}

/** Binds. */
export function openDatagram(
  sockaddr: Sockaddr,
  options: Options,
): OpenedDatagram {
  if (isPath(sockaddr)) return { port: openUnixDatagram(sockaddr) };
  const isSet = (option: number) => options.isSet(SOL_SOCKET, option);
  // Deno has no SO_REUSEPORT for datagrams. This shares the port as well, but
  // not with sockets of other programs, nor does it spread the load.
  const reuseAddress = isSet(SO_REUSEADDR) || isSet(SO_REUSEPORT);
  const v6Only = options.isSet(IPPROTO_IPV6, IPV6_V6ONLY);
  const where = hostToBind(sockaddr);
  let opened: OpenedDatagram;
  if (hasDatagrams() && !v6Only) {
    // Also with memberships: `node:dgram` joins at once, but knows an interface
    // of IPv6 only by its name, no TTL of 0, and no error but EINVAL.
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

/**
 * Where a socket that sends first is bound. The kernel takes the wildcard.
 * Where that is not granted, it is the loopback address that a narrow grant is
 * about. Deno sends from no unnamed Unix socket, so one gets a name.
 */
export function implicitBindAddress(to: Sockaddr): Sockaddr {
  if (isPath(to)) {
    // First, or what is missing would be told of that name only.
    checkUnixGrants(to.path);
    return { ...to, path: "" };
  }
  const sockaddr = { ...to, port: 0, scopeId: 0, isHostname: false };
  const any = wildcard(to.family);
  if (isGranted(any, 0)) return { ...sockaddr, host: any };
  if (to.host.startsWith("::ffff:")) {
    return { ...sockaddr, host: MAPPED_LOOPBACK };
  }
  return loopbackToBind({ ...sockaddr, host: "localhost", isHostname: true });
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
  /** Where the last datagram went, and what sent it there. */
  #last: { asked: Sockaddr; destination: Destination } | undefined;
  #writesTo: Destination | undefined;
  #write: Write | undefined;
  /** How many calls of `connect` are looking a name up. */
  #connecting = 0;
  #sendShut = false;

  constructor(family: number, options: Options) {
    this.#family = family;
    this.#options = options;
    this.#receiver = new DatagramReceiver(family);
  }

  localAddress(): Address {
    if (this.#port === undefined) return unspecified(this.#family);
    const address = toPythonAddress(this.#family, this.#port.addr);
    const { peer } = this.#receiver;
    if (peer === undefined || typeof address === "string") return address;
    // The kernel narrows the wildcard to where the peer's packets arrive,
    // connect(2). Which address that is is known for loopback only.
    const own = address[0] === wildcard(this.#family)
      ? sourceAddressFor(String(peer[0]))
      : undefined;
    if (own !== undefined) address[0] = own;
    return address;
  }

  peerAddress(): Address | undefined {
    return this.#receiver.peer;
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

  /** Takes the local address, at once. */
  bind(sockaddr: Sockaddr): void {
    if (this.#port !== undefined) throw stateError("bind", this.state);
    this.#open(sockaddr);
  }

  #open(sockaddr: Sockaddr): void {
    const options = this.#options;
    const { port, multicast } = openDatagram(sockaddr, options);
    const serve = () => this.#receiver.serve();
    const taking = multicast && new MulticastState(options, multicast, serve);
    try {
      taking?.update();
    } catch (error) {
      port.close();
      throw error;
    }
    this.#multicast = taking;
    this.#port = port;
    this.#receiver.open(port, taking);
  }

  #bindToSend(to: Sockaddr): void {
    if (this.#port === undefined) this.#open(implicitBindAddress(to));
  }

  /**
   * Sets the peer: datagrams go there, and come from there only. Sends called
   * meanwhile wait for it.
   */
  async connect(sockaddr: Sockaddr, context: CallContext): Promise<void> {
    context.signal?.throwIfAborted();
    const named = !isPath(sockaddr) && sockaddr.isHostname;
    if (!named && this.#connecting === 0) {
      return this.#setPeer(literalDestination(sockaddr));
    }
    let destination: Destination;
    const wait = new DeferredWaiter<void>(ignoringNonBlocking(context));
    const connected = wait.begin(NO_QUEUE);
    this.#connecting++;
    const end = (settle: () => void) => {
      this.#connecting--;
      if (wait.queue !== undefined) settle();
    };
    const prepare = async () => {
      destination = await toDestination(sockaddr);
    };
    // deno-lint-ignore require-await
    const setPeer = async () => {
      // Whoever has given up has called it off.
      if (wait.queue !== undefined) this.#setPeer(destination);
      return 0;
    };
    this.#sender.send(UNLIMITED, NOTHING, setPeer, { prepare }).then(
      () => end(() => wait.resolve()),
      (error) => end(() => wait.reject(error)),
    );
    await connected;
  }

  #setPeer(peer: Destination): void {
    this.#checkBroadcast(peer.sockaddr);
    // A Unix socket needs no name until it sends, and nothing comes before.
    if (isPath(peer.sockaddr)) checkUnixPeer(peer.sockaddr.path);
    else this.#bindToSend(peer.sockaddr);
    this.#peer = peer;
    this.#receiver.peer = toAddress(peer.sockaddr);
  }

  /** One datagram, cut to `n` bytes; none if the sink left. */
  recv<T>(
    context: CallContext,
    n: number,
    flags: number,
    shape: Shape<T>,
    sink?: ReceiveSink,
  ): Promise<T> {
    return this.#receiver.recv(context, n, flags, shape, sink);
  }

  /** Sends one datagram, whole or not at all. */
  send(
    context: CallContext,
    data: Uint8Array,
    sockaddr?: Sockaddr,
  ): Promise<number> {
    try {
      if (this.#sendShut) throw osError("EPIPE");
      const literal = sockaddr === undefined
        ? this.#connecting === 0
        : isPath(sockaddr) || !sockaddr.isHostname;
      if (!literal) return this.#sendByName(context, data, sockaddr);
      const to = sockaddr === undefined
        ? this.#peer
        : this.#destination(sockaddr);
      const write = this.#prepare(to);
      const multicast = this.#multicast;
      const mode = multicast === undefined || multicast.settled
        ? WHOLE
        : { ...WHOLE, prepare: () => multicast.settle() };
      return this.#sender.send(context, data, write, mode);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The name is looked up when its turn has come, so that nothing overtakes. */
  #sendByName(
    context: CallContext,
    data: Uint8Array,
    sockaddr: Sockaddr | undefined,
  ): Promise<number> {
    let write: Write;
    const prepare = async (isPending: () => boolean) => {
      const to = sockaddr ? await toDestination(sockaddr) : this.#peer;
      // Who has given up binds nothing, and nothing of a closed socket.
      if (!isPending()) return;
      write = this.#prepare(to);
      await this.#multicast?.settle();
    };
    return this.#sender.send(
      ignoringNonBlocking(context),
      data,
      (piece) => write(piece),
      {
        ...WHOLE,
        prepare,
      },
    );
  }

  /** Where datagrams go, the same as the last one if they go there. */
  #destination(sockaddr: Sockaddr): Destination {
    const last = this.#last?.asked;
    const same = last !== undefined && !isPath(last) && !isPath(sockaddr) &&
      last.host === sockaddr.host && last.port === sockaddr.port &&
      last.scopeId === sockaddr.scopeId;
    if (!same) {
      this.#last = {
        asked: sockaddr,
        destination: literalDestination(sockaddr),
      };
    }
    return this.#last!.destination;
  }

  /** As `send`: what is sent is whole. */
  async sendAll(context: CallContext, data: Uint8Array): Promise<void> {
    await this.send(context, data);
  }

  /** Gets ready to send there; what does it. */
  #prepare(to: Destination | undefined): Write {
    if (to === undefined) {
      const isUnix = this.#family === AF_UNIX;
      throw osError(isUnix ? "ENOTCONN" : "EDESTADDRREQ");
    }
    this.#checkBroadcast(to.sockaddr);
    this.#bindToSend(to.sockaddr);
    if (to !== this.#writesTo) {
      const { addr } = to;
      this.#writesTo = to;
      this.#write = (piece) => this.#port!.send(piece, addr);
    }
    return this.#write!;
  }

  /** Deno lets every socket send broadcasts. */
  #checkBroadcast(to: Sockaddr): void {
    if (isPath(to) || !isBroadcast(to.host)) return;
    if (!this.#options.isSet(SOL_SOCKET, SO_BROADCAST)) {
      throw osError("EACCES", "SO_BROADCAST is not set");
    }
  }

  /** Ends one direction, or both. */
  // deno-lint-ignore require-await
  async shutdown(_limits: CallContext, how: number): Promise<void> {
    // The kernel lets an unconnected Unix socket.
    const may = this.#peer !== undefined || this.#family === AF_UNIX;
    if (!may) throw osError("ENOTCONN");
    if (how === SHUT_WR || how === SHUT_RDWR) this.#sendShut = true;
    if (how === SHUT_RD || how === SHUT_RDWR) this.#receiver.shut();
  }

  /** Resolves when nothing is unsent. */
  drained(of?: CallOwner): Promise<void> {
    return this.#sender.drained(of);
  }

  async close(): Promise<void> {
    this.#receiver.close();
    const error = this.#sender.takeError();
    if (!this.#sender.writable) await this.drained();
    // With a receive in flight the address is free only when that has ended.
    this.#port?.ref();
    await Promise.all([this.#port?.close(), this.#receiver.receiving]);
    const failure = error ?? this.#sender.takeError();
    if (failure !== undefined) throw failure;
  }
}

const WHOLE = { atomic: true };

const NOTHING = new Uint8Array(0);

/** For what is not bounded by a call. */
const UNLIMITED: CallContext = {
  owner: new CallOwner(),
  timeoutMs: null,
  signal: undefined,
};

/**
 * The limits of a call that looks a name up. As in Python a non-blocking one
 * waits for that, or it could never succeed.
 */
function ignoringNonBlocking(context: CallContext): CallContext {
  return context.timeoutMs === 0 ? { ...context, timeoutMs: null } : context;
}
