/**
 * Datagrams over `node:dgram`, for runtimes started without `--unstable-net`
 * and for options that `Deno.listenDatagram` cannot set.
 */

import type { Socket as NodeSocket } from "node:dgram";
import { AF_INET6 } from "../constants.ts";
import { type HostPlace, platformHost } from "./address.ts";
import type { DatagramPort } from "./deno_net.ts";
import { fromDeno, osError } from "./os_error.ts";

/**
 * What a `node:dgram` socket may hold for the program, as Linux's default
 * receive buffer. It cannot be paused; past this the newest are dropped, as a
 * kernel would.
 */
const MAX_QUEUED_BYTES = 212_992;

/** What a datagram costs in a queue besides its bytes. */
const PER_DATAGRAM_BYTES = 256;

class NodeDatagramPort implements DatagramPort {
  readonly #socket: NodeSocket;
  readonly addr: Deno.NetAddr;
  #queue: { data: Uint8Array; addr: Deno.NetAddr }[] = [];
  #queuedBytes = 0;
  #waiting: PromiseWithResolvers<void> | undefined;
  #error: Error | undefined;
  #closed = false;
  #receiving = false;
  #referenced = true;

  constructor(socket: NodeSocket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.addr = { transport: "udp", hostname: address, port };
    socket.on("message", (data, { address, port }) => {
      const cost = data.length + PER_DATAGRAM_BYTES;
      if (this.#queuedBytes + cost > MAX_QUEUED_BYTES) return;
      this.#queuedBytes += cost;
      const addr = { transport: "udp" as const, hostname: address, port };
      this.#queue.push({ data, addr });
      this.#waiting?.resolve();
    });
    socket.on("error", (error) => {
      this.#error = error;
      this.#waiting?.resolve();
    });
    // As a `Deno.DatagramConn`, an idle one does not keep the process alive.
    socket.unref();
  }

  async receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    this.#receiving = true;
    if (this.#referenced) this.#socket.ref();
    try {
      return await this.#receive(buffer);
    } finally {
      this.#receiving = false;
      if (!this.#closed) this.#socket.unref();
    }
  }

  async #receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    for (;;) {
      const first = this.#queue.shift();
      if (first !== undefined) {
        this.#queuedBytes -= first.data.length + PER_DATAGRAM_BYTES;
        buffer.set(first.data.subarray(0, buffer.length));
        const n = Math.min(first.data.length, buffer.length);
        return [buffer.subarray(0, n), first.addr];
      }
      if (this.#error) {
        const error = this.#error;
        this.#error = undefined;
        throw error;
      }
      if (this.#closed) throw osError("EBADF");
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
      this.#waiting = undefined;
    }
  }

  send(data: Uint8Array, addr: Deno.Addr): Promise<number> {
    const { hostname, port } = addr as Deno.NetAddr;
    return new Promise((resolve, reject) => {
      this.#socket.send(
        data,
        port,
        hostname,
        (error) => error ? reject(error) : resolve(data.length),
      );
    });
  }

  close(): void {
    this.#closed = true;
    this.#socket.close();
    this.#waiting?.resolve();
  }

  ref(): void {
    this.#referenced = true;
    if (this.#receiving) this.#socket.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#socket.unref();
  }
}

/** How `node:dgram` opens a port. */
export interface NodeDatagramOptions {
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  readonly v6Only: boolean;
  readonly broadcast: boolean;
}

/**
 * Opens a datagram port. It is synchronous, as `bind` is, because the host is
 * numeric and the lookup that `node:dgram` makes is answered at once.
 */
export function openNodeDatagram(
  place: HostPlace,
  options: NodeDatagramOptions,
): DatagramPort {
  const { createSocket } = process.getBuiltinModule("node:dgram");
  const isV6 = place.family === AF_INET6;
  const socket = createSocket({
    type: isV6 ? "udp6" : "udp4",
    reuseAddr: options.reuseAddress,
    reusePort: options.reusePort,
    ipv6Only: options.v6Only,
    lookup: (host, _options, callback) => callback(null, host, isV6 ? 6 : 4),
  });
  let failure: Error | undefined;
  const onError = (error: Error) => failure = error;
  socket.on("error", onError);
  try {
    socket.bind({
      address: platformHost(place),
      port: place.port,
      exclusive: true,
    });
    // A failed bind shows here at once; its event comes a tick later.
    socket.address();
    if (options.broadcast) socket.setBroadcast(true);
  } catch (error) {
    socket.close();
    throw fromDeno(failure ?? error);
  }
  socket.off("error", onError);
  return new NodeDatagramPort(socket);
}
