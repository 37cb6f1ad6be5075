/**
 * Datagrams over `node:dgram`, for runtimes started without `--unstable-net`
 * and for options that `Deno.listenDatagram` cannot set.
 */

import type { Socket as NodeSocket } from "node:dgram";
import { bracketed, denoHost, type InetSockaddr } from "../base/sockaddr.ts";
import { AF_INET6 } from "../base/constants.ts";
import {
  fromDeno,
  gaiError,
  netDenied,
  osError,
  requireDeno,
} from "../base/os_error.ts";
import {
  type DatagramConn,
  EventLoopHold,
  isGranted,
  type Membership,
  type Multicast,
} from "./deno_net.ts";
import { interfaceName, scopeNameIfGranted } from "./interface_table.ts";

/**
 * The most bytes that a `node:dgram` socket may queue for the program, which is
 * the size of Linux's default receive buffer. Such a socket cannot be paused;
 * beyond this size new datagrams are dropped, as a kernel does.
 */
const MAX_QUEUED_BYTES = 212_992;

/** The size that is counted for a queued datagram in addition to its bytes. */
const PER_DATAGRAM_BYTES = 256;

/** A pending receive. */
interface Waiting {
  readonly buffer: Uint8Array;
  readonly resolve: (received: [Uint8Array, Deno.Addr]) => void;
  readonly reject: (reason: unknown) => void;
}

class NodeDatagramPort implements DatagramConn, Multicast {
  readonly loop = true;
  readonly addr: Deno.NetAddr;
  readonly #socket: NodeSocket;
  readonly #queue: { data: Uint8Array; addr: Deno.NetAddr }[] = [];
  #queuedBytes = 0;
  #waiting: Waiting | undefined;
  #error: Error | undefined;
  #closed = false;
  #referenced = true;
  /** Created by the first pending receive, and ended by the close. */
  #alive: EventLoopHold | undefined;

  constructor(socket: NodeSocket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.addr = { transport: "udp", hostname: address, port };
    socket.on("message", (data, { address, port }) => {
      const addr = { transport: "udp" as const, hostname: address, port };
      this.#onMessage(data, addr);
    });
    socket.on("error", (error) => this.#onError(error));
  }

  #onMessage(data: Uint8Array, addr: Deno.NetAddr): void {
    const waiting = this.#endWaiting();
    if (waiting !== undefined) {
      waiting.resolve([copyInto(waiting.buffer, data), addr]);
      return;
    }
    const cost = data.length + PER_DATAGRAM_BYTES;
    if (this.#queuedBytes + cost > MAX_QUEUED_BYTES) return;
    this.#queuedBytes += cost;
    // This is a copy, since `data` is a view that would keep 64 KiB alive.
    this.#queue.push({ data: new Uint8Array(data), addr });
  }

  #onError(error: Error): void {
    // On Windows this is an ICMP error for an earlier datagram, without its
    // code.
    if (Deno.build.os === "windows") return;
    const waiting = this.#endWaiting();
    if (waiting === undefined) this.#error = error;
    else waiting.reject(error);
  }

  receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    const first = this.#queue.shift();
    if (first !== undefined) {
      const { data, addr } = first;
      this.#queuedBytes -= data.length + PER_DATAGRAM_BYTES;
      return Promise.resolve([copyInto(buffer, data), addr]);
    }
    if (this.#closed) return Promise.reject(osError("EBADF"));
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { buffer, resolve, reject };
      this.#updateLiveness();
    });
  }

  #endWaiting(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#updateLiveness();
    return waiting;
  }

  // Deno's `ref` and `unref` of a dgram socket affect only receives that start
  // later, and one is always in flight. So the socket itself never keeps the
  // process alive (see `openNodeDatagram`), and an `EventLoopHold` does while a
  // receive is pending.
  #updateLiveness(): void {
    if (this.#waiting === undefined || !this.#referenced) this.#alive?.unref();
    else if (this.#alive === undefined) this.#alive = new EventLoopHold();
    else this.#alive.ref();
  }

  async send(data: Uint8Array, addr: Deno.Addr): Promise<number> {
    const { hostname, port } = addr as Deno.NetAddr;
    const error = await new Promise<Error | null>((resolve) => {
      this.#socket.send(data, port, hostname, resolve);
    });
    if (error === null) return data.length;
    // `node:dgram` reports no reasons but EMSGSIZE and EBADF.
    if ((error as { code?: unknown }).code === "UNKNOWN") {
      if (!isGranted(hostname, port)) {
        throw netDenied(`${bracketed(hostname)}:${port}`, error);
      }
    }
    throw error;
  }

  join({ group, address, index }: Membership): void {
    try {
      this.#socket.addMembership(group, interfaceFor(address, index));
    } catch (error) {
      // `node:dgram` reports every failure as EINVAL. The only cause left to
      // the system is an unknown interface.
      throw osError("ENODEV", group, { cause: error });
    }
  }

  leave({ group, address, index }: Membership): void {
    this.#socket.dropMembership(group, interfaceFor(address, index));
  }

  setTtl(ttl: number): void {
    if (ttl === 0) {
      throw osError("EOPNOTSUPP", "a TTL of 0 needs --unstable-net");
    }
    this.#socket.setMulticastTTL(ttl);
  }

  setLoop(on: boolean): void {
    this.#socket.setMulticastLoopback(on);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endWaiting()?.reject(osError("EBADF"));
    this.#alive?.end();
    this.#socket.close();
    // Deno's own receive, which is always in flight, is cancelled in the turn
    // of the event loop that ends before the second of these immediates.
    for (let i = 0; i < 2; i++) await new Promise(setImmediate);
  }

  ref(): void {
    this.#referenced = true;
    this.#updateLiveness();
  }

  unref(): void {
    this.#referenced = false;
    this.#updateLiveness();
  }
}

/**
 * Returns an interface in the form of `node:dgram`, which takes an IPv6
 * interface only by its name.
 */
function interfaceFor(address: string, index: number): string | undefined {
  if (address !== "") return address;
  if (index === 0) return undefined;
  return `::%${scopeNameIfGranted(index) ?? interfaceName(index)}`;
}

/**
 * Copies as much of `data` as fits into `buffer`, and returns the part that it
 * fills.
 */
function copyInto(buffer: Uint8Array, data: Uint8Array): Uint8Array {
  const n = Math.min(data.length, buffer.length);
  buffer.set(n === data.length ? data : data.subarray(0, n));
  return buffer.subarray(0, n);
}

/** The options with which `node:dgram` opens a socket. */
export interface NodeDatagramOptions {
  readonly reuseAddress: boolean;
  readonly v6Only: boolean;
}

/**
 * Opens a datagram socket. It is synchronous, as `bind` is, because the lookup
 * of `node:dgram` is answered at once: Deno resolves the host itself.
 */
export function openNodeDatagram(
  sockaddr: InetSockaddr,
  options: NodeDatagramOptions,
): DatagramConn & Multicast {
  requireDeno(
    3,
    "UDP without --unstable-net, or with IPV6_V6ONLY or a group before bind()",
  );
  const { createSocket } = process.getBuiltinModule("node:dgram");
  const isV6 = sockaddr.family === AF_INET6;
  const socket = createSocket({
    type: isV6 ? "udp6" : "udp4",
    reuseAddr: options.reuseAddress,
    ipv6Only: options.v6Only,
    lookup: (host, _options, callback) => callback(null, host, isV6 ? 6 : 4),
  });
  // This must come before the bind, or the first receive would keep the process
  // alive.
  socket.unref();
  let failure: Error | undefined;
  const onError = (error: Error) => failure = error;
  socket.on("error", onError);
  try {
    socket.bind({
      address: denoHost(sockaddr),
      port: sockaddr.port,
      exclusive: true,
    });
    socket.address();
    socket.setBroadcast(true);
  } catch (error) {
    socket.close();
    throw bindError(sockaddr, failure ?? error);
  }
  socket.off("error", onError);
  return new NodeDatagramPort(socket);
}

function bindError(sockaddr: InetSockaddr, error: unknown): Error {
  const { code } = error as { code?: unknown };
  // For a name that the resolver does not know, `node:dgram` reports no reason.
  return sockaddr.isHostname && code === "UNKNOWN"
    ? gaiError("EAI_NONAME", sockaddr.host, { cause: error })
    : fromDeno(error);
}
