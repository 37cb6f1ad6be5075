/** Unix datagrams on the platform. */

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

/** Opens a datagram port. */
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

/** The longest pause between two looks of an unreferenced receive. */
const MAX_PAUSE_MS = 200;

/**
 * A port that receives and sends by turns. Deno 2.9.6 lets neither begin while
 * the other is pending (`Busy`), and its `unref` does nothing for a pending
 * receive, which only a datagram can end. So a second socket sends it one,
 * known by its content, when this port is to send or to be unreferenced. While
 * it is, an unreferenced timer looks for datagrams now and then.
 */
class UnixDatagramPort implements DatagramConn {
  readonly addr: Deno.UnixAddr;
  readonly #conn: DenoDatagramConn;
  readonly #token: Uint8Array = crypto.getRandomValues(new Uint8Array(16));
  #referenced = true;
  #closed = false;
  /** Settle, and never reject, with the operation in flight. */
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

  /** Ends the receive in flight. */
  #wake(): Promise<void> {
    this.#waking ??= this.#sendToken().finally(() => this.#waking = undefined);
    return this.#waking;
  }

  async #sendToken(): Promise<void> {
    if (Deno.permissions.querySync({ name: "net" }).state !== "granted") {
      throw osError(
        "EACCES",
        "Deno sends from no Unix socket that waits for datagrams; for a second socket that ends this, run again with --allow-net",
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
        // When there are datagrams it ends by itself, and before the other.
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

// Multicast on a port of `Deno.listenDatagram`.

/** Joined for a moment, where only that gives access to the options. */
const SCRATCH_GROUP = "239.255.255.255";

/** Joins, leaves and sets options; all but the first step is asynchronous. */
export class DenoMulticast implements Multicast {
  readonly loop: boolean;
  readonly #conn: DenoDatagramConn;
  readonly #joined = new Map<Membership, Promise<JoinedGroup>>();
  #left: Promise<JoinedGroup> | undefined;
  /** Settles when all that was left has been left: else it cannot be joined. */
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
   * Sets options of the socket, which a group that was joined gives access to.
   * Only an IPv4 socket has such options here.
   */
  async #withOptions(
    set: (options: JoinedGroup) => Promise<void>,
  ): Promise<void> {
    const [joined] = this.#joined.values();
    await set(await (joined ?? (this.#left ??= this.#joinAndLeave())));
  }

  /** What it returns goes on to reach the options. */
  async #joinAndLeave(): Promise<JoinedGroup> {
    const conn = this.#conn;
    const joined = await conn.joinMulticastV4(SCRATCH_GROUP, "127.0.0.1");
    await joined.leave();
    return joined;
  }
}
