/** Multicast on a port of `Deno.listenDatagram`. */

import type { Multicast } from "./deno_net.ts";
import type { Membership } from "./membership.ts";

/** What Deno gives for having joined. Its options are the socket's. */
type Joined = Deno.MulticastV4Membership | Deno.MulticastV6Membership;

/** Joined for a moment, where only that gives access to the options. */
const SCRATCH_GROUP = "239.255.255.255";

/** Joins, leaves and sets options; all but the first step is asynchronous. */
export class DenoMulticast implements Multicast {
  readonly loop: boolean;
  readonly #conn: Deno.DatagramConn;
  readonly #joined = new Map<Membership, Promise<Joined>>();
  #left: Promise<Joined> | undefined;
  /** Settles when all that was left has been left: else it cannot be joined. */
  #leaving: Promise<unknown> = Promise.resolve();

  constructor(conn: Deno.DatagramConn, loop: boolean) {
    this.#conn = conn;
    this.loop = loop;
  }

  async join(membership: Membership): Promise<void> {
    const { group, address, index } = membership;
    const joining: Promise<Joined> = this.#leaving.then(() =>
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
    await this.#withOptions((options) => options.setTTL(ttl));
  }

  async setLoop(on: boolean): Promise<void> {
    await this.#withOptions((options) => options.setLoopback(on));
  }

  /** Only an IPv4 socket has such options here. */
  async #withOptions(
    set: (options: Deno.MulticastV4Membership) => Promise<void>,
  ): Promise<void> {
    const [joined] = this.#joined.values();
    await set(
      await (joined ??
        (this.#left ??= this.#joinAndLeave())) as Deno.MulticastV4Membership,
    );
  }

  /** What it returns goes on to reach the options. */
  async #joinAndLeave(): Promise<Joined> {
    const conn = this.#conn;
    const joined = await conn.joinMulticastV4(SCRATCH_GROUP, "127.0.0.1");
    await joined.leave();
    return joined;
  }
}
