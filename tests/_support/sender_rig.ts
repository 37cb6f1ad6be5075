import { type Message, Sender } from "../../src/internal/sender.ts";
import { Caller, type Limits } from "../../src/internal/wait.ts";
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
    message: Partial<Message> = {},
  ): Promise<number> {
    return this.sender.send(this.limits(limits), {
      data,
      write: (piece) => this.conn.write(piece),
      ...message,
    });
  }

  /** Sends all. */
  sendAll(data: Uint8Array, limits: Partial<Limits> = {}): Promise<number> {
    return this.send(data, limits, { all: true });
  }

  /** Lets the kernel take everything, until nothing is pending. */
  async drain(): Promise<void> {
    this.conn.instant = true;
    this.conn.take(Infinity);
    await this.sender.drained();
    this.conn.instant = false;
  }
}
