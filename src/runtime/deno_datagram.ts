/**
 * Datagrams on Deno's own sockets: Unix datagrams, and the multicast of UDP.
 */

import type { UnixSockaddr } from "../base/sockaddr.ts";
import { osError } from "../base/os_error.ts";
import {
  type DatagramConn,
  type DenoDatagramConn,
  findListenDatagram,
  fromUnix,
  hasDatagrams,
  type JoinedGroup,
  type Membership,
  type Multicast,
  needsUnstableNet,
  openNamedSocket,
} from "./deno_net.ts";

/** Opens a Unix datagram socket. */
export function openUnixDatagram(sockaddr: UnixSockaddr): DatagramConn {
  if (!hasDatagrams()) {
    throw needsUnstableNet("Unix datagrams need");
  }
  return new UnixDatagramPort(open(sockaddr.path));
}

function open(path: string): DenoDatagramConn {
  const transport = "unixpacket";
  return openNamedSocket(
    path,
    (path) => findListenDatagram()!({ transport, path }),
  );
}

/** The longest pause between two attempts of an unreferenced receive. */
const MAX_PAUSE_MS = 200;

/**
 * A Unix datagram socket that receives and sends alternately. In Deno 2.9.6
 * neither can begin while the other is pending (`Busy`), and `unref` has no
 * effect on a pending receive, which only a datagram can end. So when this
 * socket is to send or is unreferenced, a second socket sends it a datagram,
 * which is recognized by its content. While the socket is unreferenced, it
 * receives for a short time now and then, after the pauses of an unreferenced
 * timer.
 */
class UnixDatagramPort implements DatagramConn {
  readonly addr: Deno.UnixAddr;
  readonly #conn: DenoDatagramConn;
  readonly #token: Uint8Array = crypto.getRandomValues(new Uint8Array(16));
  #referenced = true;
  #closed = false;
  /**
   * These resolve, and never reject, when the operation in flight has settled.
   */
  #receiving: Promise<void> | undefined;
  #sending: Promise<void> | undefined;
  #waking: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  constructor(conn: DenoDatagramConn) {
    this.#conn = conn;
    this.addr = conn.addr as Deno.UnixAddr;
  }

  async receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    for (let pauseMs = 1;;) {
      while (this.#sending !== undefined) await this.#sending;
      if (this.#closed) throw osError("EBADF");
      const received = await this.#receiveOne(buffer);
      if (!this.#isToken(received[0])) return received;
      if (this.#referenced || this.#sending !== undefined) continue;
      await this.#pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    }
  }

  async #receiveOne(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    const ended = Promise.withResolvers<void>();
    this.#receiving = ended.promise;
    try {
      const received = this.#conn.receive(buffer);
      if (!this.#referenced) this.#wake().catch(() => {});
      return await received;
    } finally {
      this.#receiving = undefined;
      ended.resolve();
    }
  }

  #isToken(data: Uint8Array): boolean {
    return data.length === this.#token.length &&
      data.every((byte, i) => byte === this.#token[i]);
  }

  /** Ends the receive in flight, by a datagram from a second socket. */
  #wake(): Promise<void> {
    this.#waking ??= this.#sendToken().finally(() => this.#waking = undefined);
    return this.#waking;
  }

  async #sendToken(): Promise<void> {
    if (Deno.permissions.querySync({ name: "net" }).state !== "granted") {
      throw osError(
        "EACCES",
        "Deno cannot send on a Unix datagram socket while a receive is pending; run again with --allow-net to let a second socket interrupt the receive",
      );
    }
    const other = open("");
    try {
      await other.send(this.#token, this.addr);
    } finally {
      other.close();
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    const timer = setTimeout(resolve, ms);
    Deno.unrefTimer(timer);
    await promise;
    clearTimeout(timer);
    this.#resume = undefined;
  }

  async send(data: Uint8Array, addr: Deno.Addr): Promise<number> {
    const ended = Promise.withResolvers<void>();
    this.#sending = ended.promise;
    try {
      const receiving = this.#receiving;
      if (receiving !== undefined) {
        // If a datagram arrives, the receive ends by itself, before the second
        // socket has sent one.
        await Promise.race([receiving, this.#wake()]);
        await receiving;
      }
      return await this.#conn.send(data, addr);
    } catch (error) {
      throw fromUnix((addr as Deno.UnixAddr).path, error);
    } finally {
      this.#sending = undefined;
      ended.resolve();
    }
  }

  close(): void {
    this.#closed = true;
    this.#conn.close();
    this.#resume?.();
  }

  ref(): void {
    this.#referenced = true;
    this.#resume?.();
  }

  unref(): void {
    this.#referenced = false;
    if (this.#receiving !== undefined) this.#wake().catch(() => {});
  }
}

// Multicast on a socket of `Deno.listenDatagram`.

/**
 * A group that is joined for a moment, if there is no other access to the
 * options.
 */
const SCRATCH_GROUP = "239.255.255.255";

/**
 * Joins and leaves groups, and sets their options. Everything but the first
 * step is asynchronous.
 */
export class DenoMulticast implements Multicast {
  readonly loop: boolean;
  readonly #conn: DenoDatagramConn;
  readonly #joined = new Map<Membership, Promise<JoinedGroup>>();
  #left: Promise<JoinedGroup> | undefined;
  /**
   * Settles when all pending leaves have ended. Until then their groups cannot
   * be joined again.
   */
  #leaving: Promise<unknown> = Promise.resolve();

  constructor(conn: DenoDatagramConn, loop: boolean) {
    this.#conn = conn;
    this.loop = loop;
  }

  async join(membership: Membership): Promise<void> {
    const { group, address, index } = membership;
    const joining: Promise<JoinedGroup> = this.#leaving.then(() =>
      address === ""
        ? this.#conn.joinMulticastV6(group, index)
        : this.#conn.joinMulticastV4(group, address)
    );
    this.#joined.set(membership, joining);
    try {
      await joining;
    } catch (error) {
      this.#joined.delete(membership);
      throw error;
    }
  }

  async leave(membership: Membership): Promise<void> {
    const joined = this.#joined.get(membership);
    this.#joined.delete(membership);
    const leaving = Promise.resolve(joined).then((each) => each?.leave());
    this.#leaving = Promise.allSettled([this.#leaving, leaving]);
    await leaving;
  }

  async setTtl(ttl: number): Promise<void> {
    await this.#withOptions((options) => options.setTTL!(ttl));
  }

  async setLoop(on: boolean): Promise<void> {
    await this.#withOptions((options) => options.setLoopback(on));
  }

  /**
   * Sets options of the socket. In Deno a joined group gives access to them.
   * Only an IPv4 socket has such options here.
   */
  async #withOptions(
    set: (options: JoinedGroup) => Promise<void>,
  ): Promise<void> {
    const [joining] = this.#joined.values();
    // A join that fails reports that itself, and must not take the option with
    // it.
    const joined = await joining?.catch((): undefined => undefined);
    await set(joined ?? await (this.#left ??= this.#joinAndLeave()));
  }

  /**
   * Joins a group and leaves it. The result still gives access to the options.
   */
  async #joinAndLeave(): Promise<JoinedGroup> {
    const conn = this.#conn;
    try {
      const joined = await conn.joinMulticastV4(SCRATCH_GROUP, "127.0.0.1");
      await joined.leave();
      return joined;
    } catch (error) {
      this.#left = undefined;
      throw error;
    }
  }
}
