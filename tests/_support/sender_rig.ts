import type { Manner } from "../../src/endpoint/sender.ts";
import { Sender } from "../../src/endpoint/sender.ts";
import { Caller, type Limits } from "../../src/wait/waiter.ts";
import { FakeConn } from "./fake_conn.ts";

/** A sender on a connection that does what the test says. */
export class SenderRig {
  readonly conn: FakeConn = new FakeConn();
  readonly caller: Caller = new Caller();
  readonly sender: Sender = new Sender();

  /** Limits of this caller; none by default. */
  limits(limits: Partial<Limits> = {}): Limits {
    const { caller } = this;
    return { caller, timeoutMs: null, signal: undefined, ...limits };
  }

  /** Sends once. */
  send(
    data: Uint8Array,
    limits: Partial<Limits> = {},
    manner?: Manner,
  ): Promise<number> {
    return this.sender.send(this.limits(limits), data, this.#write, manner);
  }

  readonly #write = (piece: Uint8Array): Promise<number> =>
    this.conn.write(piece);

  /** Sends all. */
  sendAll(data: Uint8Array, limits: Partial<Limits> = {}): Promise<void> {
    return this.sender.sendAll(this.limits(limits), data, this.#write);
  }

  /** Lets the kernel take everything, until nothing is pending. */
  async drain(): Promise<void> {
    this.conn.instant = true;
    this.conn.take(Infinity);
    await this.sender.drained();
    this.conn.instant = false;
  }
}
