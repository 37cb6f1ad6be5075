/**
 * The platform. This file and those beside it alone call the runtime's network
 * functions. What opens, connects or looks up fails with an error of ours; what
 * a connection, listener or port fails with is the runtime's, and translated by
 * the endpoint that has it.
 */

import type { Membership } from "./membership.ts";
import { fromDeno, osError } from "./os_error.ts";
import {
  bracketed,
  type HostPlace,
  isPath,
  type Place,
  platformHost,
} from "./address.ts";

/** What keeps the process alive by its pending operations. */
export interface Referenced {
  ref(): void;
  unref(): void;
}

/** Keeps the process alive where no operation of the runtime does. */
export class KeepAlive implements Referenced {
  // The longest delay that there is.
  readonly #timer = setInterval(() => {}, 0x7fffffff);

  ref(): void {
    Deno.refTimer(this.#timer);
  }

  unref(): void {
    Deno.unrefTimer(this.#timer);
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

/** A connection: the part of `Deno.Conn` that is used. */
export interface StreamConn extends Referenced {
  readonly localAddr: Deno.Addr;
  readonly remoteAddr: Deno.Addr;
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay?(on: boolean): void;
  setKeepAlive?(on: boolean): void;
  /** Closes with a reset, where the platform can. */
  reset?(): void;
}

/** A listener: the part of `Deno.Listener` that is used. */
export interface StreamListener extends Referenced {
  readonly addr: Deno.Addr;
  accept(): Promise<StreamConn>;
  close(): void;
}

/** How a datagram socket takes part in multicast. */
export interface Multicast {
  /** Whether its own datagrams came back to this machine when it was opened. */
  readonly loop: boolean;
  join(membership: Membership): void | Promise<void>;
  leave(membership: Membership): void | Promise<void>;
  setTtl(ttl: number): void | Promise<void>;
  setLoop(on: boolean): void | Promise<void>;
}

/** A bound datagram socket: the part of `Deno.DatagramConn` that is used. */
export interface DatagramPort extends Referenced {
  readonly addr: Deno.Addr;
  receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]>;
  send(data: Uint8Array, addr: Deno.Addr): Promise<number>;
  /** The address is free when this and the receive in flight have settled. */
  close(): void | Promise<void>;
}

/** How a port is opened. */
export interface OpenOptions {
  readonly reuseAddress?: boolean;
  readonly reusePort?: boolean;
  readonly backlog?: number;
  readonly multicastLoop?: boolean;
}

/** Opens a listener, which binds and listens in one step. */
export function listen(
  place: HostPlace,
  options: OpenOptions,
): StreamListener {
  if (options.reusePort && !hasDatagrams()) {
    // Without the flag `Deno.listen` does not throw: it ends the process.
    throw needsUnstableNet("SO_REUSEPORT of a stream needs");
  }
  try {
    return Deno.listen({
      hostname: platformHost(place),
      port: place.port,
      ...(options.reusePort ? { reusePort: true } : {}),
      ...(options.backlog === undefined ? {} : { tcpBacklog: options.backlog }),
    });
  } catch (error) {
    throw fromDeno(error);
  }
}

/**
 * Connects. After an abort it may still succeed, and the caller has to close
 * the connection.
 *
 * Deno 2.9.6 never closes one whose connect is aborted in the turn in which it
 * comes, 74 of 800 on loopback; so that turn is let pass first.
 */
export async function connect(
  place: HostPlace,
  signal: AbortSignal,
): Promise<StreamConn> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  const abortLater = () => void setImmediate(() => setImmediate(abort));
  signal.addEventListener("abort", abortLater);
  try {
    return await Deno.connect({
      hostname: platformHost(place),
      port: place.port,
      signal: controller.signal,
    });
  } catch (error) {
    throw signal.aborted ? signal.reason : fromDeno(error);
  } finally {
    signal.removeEventListener("abort", abortLater);
  }
}

/** Whether `Deno.listenDatagram` is there: it needs `--unstable-net`. */
export function hasDatagrams(): boolean {
  return typeof Deno.listenDatagram === "function";
}

/** The error of what is not there without `--unstable-net`. */
export function needsUnstableNet(what: string): Error {
  return osError(
    "EOPNOTSUPP",
    `${what} --unstable-net, or "unstable": ["net"] in deno.json`,
  );
}

/** Opens a datagram port with `Deno.listenDatagram`. */
export function listenDatagram(
  place: HostPlace,
  options: OpenOptions,
): DatagramPort & Deno.DatagramConn {
  try {
    return Deno.listenDatagram({
      transport: "udp",
      hostname: platformHost(place),
      port: place.port,
      ...(options.reuseAddress ? { reuseAddress: true } : {}),
      // Deno turns it off unless asked, where the system has it on.
      loopback: options.multicastLoop ?? true,
    }) as Deno.DatagramConn & Referenced;
  } catch (error) {
    throw fromDeno(error);
  }
}

/** The platform's form of a datagram's destination. */
export function toPlatform(place: Place): Deno.Addr {
  return isPath(place) ? { transport: "unixpacket", path: place.path } : {
    transport: "udp",
    hostname: platformHost(place),
    port: place.port,
  };
}

/** Whether network access is granted, found out without asking the user. */
export function isGranted(host: string, port?: number): boolean {
  return netState(host, port) === "granted";
}

/** Whether network access is denied, and not only not granted yet. */
export function isDenied(host: string, port?: number): boolean {
  return netState(host, port) === "denied";
}

function netState(host: string, port?: number): Deno.PermissionState {
  const target = bracketed(host);
  try {
    return Deno.permissions.querySync({
      name: "net",
      host: port === undefined ? target : `${target}:${port}`,
    }).state;
  } catch {
    // A URIError: what the runtime finds no host at all is on no list.
    return "prompt";
  }
}
