import type { Address } from "../address.ts";
import {
  AF_INET,
  MSG_PEEK,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_BROADCAST,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOL_SOCKET,
} from "../constants.ts";
import { IPPROTO_IPV6, IPV6_V6ONLY } from "../protocol_constants.ts";
import {
  at,
  fromPlatform,
  type HostPlace,
  isPath,
  loopback,
  type Place,
  thisMachine,
  unspecified,
  wildcard,
} from "./address.ts";
import {
  type DatagramPort,
  hasDatagrams,
  isGranted,
  listen,
  listenDatagram,
  toPlatform,
} from "./deno_net.ts";
import type { Endpoint } from "./endpoint.ts";
import { openNodeDatagram } from "./node_dgram.ts";
import type { Options } from "./options.ts";
import { fromDeno, osError } from "./os_error.ts";
import { Pump, type Source } from "./pump.ts";
import { resolvePlace } from "./resolver.ts";
import { Sender } from "./sender.ts";
import { hostToBind } from "./unconnected.ts";
import type { Limits } from "./wait.ts";

/** Room for the largest UDP datagram. */
const LARGEST_DATAGRAM = 65536;

/** A datagram, or the part of it that was asked for. */
export interface Received {
  readonly data: Uint8Array;
  readonly address: Address | null;
  readonly truncated: boolean;
}

/** A datagram socket: bound or not, with a peer or not. */
export class Datagram implements Endpoint, Source {
  readonly kind = "datagram";
  readonly #family: number;
  readonly #options: Options;
  readonly #pump: Pump = new Pump(this);
  readonly #sender = new Sender();
  readonly #queue: { data: Uint8Array; address: Address }[] = [];
  #port: DatagramPort | undefined;
  #peer: Place | undefined;
  #peerAddress: Address | undefined;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #error: Error | undefined;
  #receiveShut = false;
  #sendShut = false;
  #closed = false;

  constructor(family: number, options: Options) {
    this.#family = family;
    this.#options = options;
  }

  localAddress(): Address {
    if (this.#port === undefined) return unspecified(this.#family);
    return fromPlatform(this.#family, this.#port.addr);
  }

  peerAddress(): Address | undefined {
    return this.#peerAddress;
  }

  applyOption(): void {}

  takeError(): Error | undefined {
    return this.#sender.takeError();
  }

  get readable(): boolean {
    return this.#queue.length > 0 || this.#receiveShut ||
      this.#error !== undefined;
  }

  get writable(): boolean {
    return this.#sendShut || this.#sender.writable;
  }

  whenReadable(limits: Limits): Promise<true> {
    const attempt = () => this.readable ? true as const : undefined;
    return this.#pump.run(limits, attempt);
  }

  whenWritable(limits: Limits): Promise<true> {
    return this.#sender.whenWritable(limits);
  }

  /** Takes the local address, at once. */
  bind(place: Place): void {
    if (this.#port !== undefined) throw osError("EINVAL");
    this.#open(isPath(place) ? place : literalToBind(place));
  }

  #open(place: Place): void {
    const isSet = (option: number) => this.#options.isSet(SOL_SOCKET, option);
    const reuseAddress = isSet(SO_REUSEADDR);
    const reusePort = isSet(SO_REUSEPORT);
    const v6Only = this.#options.isSet(IPPROTO_IPV6, IPV6_V6ONLY);
    this.#port = isPath(place) || (hasDatagrams() && !v6Only)
      ? listenDatagram(place, { reuseAddress, reusePort })
      : openNodeDatagram(place, {
        reuseAddress,
        reusePort,
        v6Only,
        broadcast: true,
      });
    // Somebody may have been waiting for a datagram since before the bind.
    this.#pump.kick();
  }

  /**
   * The kernel binds a socket that sends first to the wildcard. Where that is
   * not granted, it is the loopback address that a narrow grant is about.
   */
  #bindToSend(to: Place): void {
    if (this.#port !== undefined || isPath(to)) return;
    const any = wildcard(to.family);
    const host = isGranted(any, 0) ? any : loopback(to.family);
    this.#open({ ...to, host, port: 0, named: false });
  }

  /** Sets the peer: datagrams go there, and come from there only. */
  async connect(place: Place): Promise<void> {
    const named = !isPath(place) && place.named;
    const peer = thisMachine(named ? await resolvePlace(place) : place);
    if (this.#closed) throw osError("EBADF");
    this.#bindToSend(peer);
    this.#peer = peer;
    this.#peerAddress = addressOf(peer);
  }

  /** One datagram, cut to `n` bytes. */
  recv(limits: Limits, n: number, flags: number): Promise<Received> {
    return this.#pump.run(limits, () => {
      const first = this.#queue[0];
      if (first === undefined) return this.#nothing();
      if ((flags & MSG_PEEK) === 0) this.#queue.shift();
      const { data, address } = first;
      const whole = data.length <= n && (flags & MSG_PEEK) === 0;
      return {
        data: whole ? data : data.slice(0, n),
        address,
        truncated: data.length > n,
      };
    });
  }

  /** One datagram, cut to fit. */
  async recvInto(
    limits: Limits,
    target: Uint8Array,
    flags: number,
  ): Promise<{ n: number; address: Address | null; truncated: boolean }> {
    const { data, address, truncated } = await this.recv(
      limits,
      target.length,
      flags,
    );
    target.set(data);
    return { n: data.length, address, truncated };
  }

  #nothing(): Received | undefined {
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      throw error;
    }
    if (!this.#receiveShut) return undefined;
    return { data: new Uint8Array(0), address: null, truncated: false };
  }

  /** Sends one datagram, whole or not at all. */
  async send(
    limits: Limits,
    data: Uint8Array,
    _all: boolean,
    place?: Place,
  ): Promise<number> {
    if (this.#sendShut) throw osError("EPIPE");
    const to = place ?? this.#peer;
    if (to === undefined) throw osError("EDESTADDRREQ");
    if (isPath(to) || !to.named) {
      const addr = this.#prepare(to);
      const write = (piece: Uint8Array) => this.#port!.send(piece, addr);
      return await this.#sender.send(limits, { data, whole: true, write });
    }
    // The name is looked up when its turn has come, so that nothing overtakes.
    let addr: Deno.Addr;
    return await this.#sender.send(limits, {
      data,
      whole: true,
      prepare: async () => {
        addr = this.#prepare(await resolvePlace(to));
      },
      write: (piece) => this.#port!.send(piece, addr),
    });
  }

  /** Gets ready to send there. */
  #prepare(place: Place): Deno.Addr {
    const to = thisMachine(place);
    if (this.#closed) throw osError("EBADF");
    const broadcast = !isPath(to) && to.host === "255.255.255.255";
    if (broadcast && !this.#options.isSet(SOL_SOCKET, SO_BROADCAST)) {
      throw osError("EACCES", "SO_BROADCAST is not set");
    }
    this.#bindToSend(to);
    return toPlatform(to);
  }

  /** Ends one direction, or both. */
  // deno-lint-ignore require-await
  async shutdown(_limits: Limits, how: number): Promise<void> {
    if (this.#peer === undefined) throw osError("ENOTCONN");
    if (how === SHUT_WR || how === SHUT_RDWR) this.#sendShut = true;
    if (how === SHUT_RD || how === SHUT_RDWR) {
      this.#receiveShut = true;
      this.#pump.serve();
    }
  }

  start(): boolean {
    if (this.#port === undefined || this.#closed) return false;
    this.#buffer ??= new Uint8Array(LARGEST_DATAGRAM);
    this.#port.receive(this.#buffer).then(this.#onReceived, this.#onError);
    return true;
  }

  ref(): void {
    this.#port?.ref();
  }

  unref(): void {
    this.#port?.unref();
  }

  readonly #onReceived = ([data, addr]: [Uint8Array, Deno.Addr]): void => {
    const address = fromPlatform(this.#family, addr);
    if (!this.#closed && this.#isWanted(address)) {
      this.#queue.push({ data: data.slice(), address });
    }
    this.#pump.settled();
  };

  #isWanted(address: Address): boolean {
    const peer = this.#peerAddress;
    return peer === undefined ||
      (peer[0] === address[0] && peer[1] === address[1]);
  }

  readonly #onError = (reason: unknown): void => {
    const error = fromDeno(reason);
    const code = "code" in error ? error.code : undefined;
    // On Windows an ICMP error for a datagram sent earlier fails a receive.
    const icmp = code === "ECONNRESET" || code === "ECONNREFUSED";
    if (!icmp && this.#pump.waited && !this.#closed) this.#error = error;
    this.#pump.settled();
  };

  async close(): Promise<void> {
    this.#closed = true;
    this.#pump.rejectAll(osError("EBADF"));
    if (!this.#sender.writable) await this.#sender.drained();
    const { inFlight } = this.#pump;
    this.#port?.close();
    // With a receive in flight the address is free one turn later.
    if (inFlight) await new Promise((resolve) => setTimeout(resolve, 0));
    const error = this.#sender.takeError();
    if (error !== undefined) throw error;
  }
}

/** `bind` is synchronous: a TCP listener on port 0 looks a name up at once. */
function literalToBind(place: HostPlace): HostPlace {
  const named = hostToBind(place);
  if (!named.named) return named;
  const listener = listen(at(named, named.host), { backlog: 1 });
  const { hostname } = listener.addr as Deno.NetAddr;
  listener.close();
  return at(place, hostname);
}

function addressOf(place: Place): Address {
  if (isPath(place)) return place.path;
  const { family, host, port, flowinfo, scopeId } = place;
  return family === AF_INET ? [host, port] : [host, port, flowinfo, scopeId];
}
