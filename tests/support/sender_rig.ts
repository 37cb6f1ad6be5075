import { assertEquals } from "@std/assert";
import { Sender, type SendMode } from "../../src/endpoint/sender.ts";
import { type CallContext, CallOwner } from "../../src/wait/waiter.ts";
import { settle } from "./event_loop.ts";
import { FakeConn } from "./fake_conn.ts";

/** A sender on a connection that does what the test says. */
export class SenderRig {
  readonly conn: FakeConn = new FakeConn();
  readonly owner: CallOwner = new CallOwner();
  readonly sender: Sender = new Sender();

  /** The context of a call of this owner; without limits by default. */
  context(context: Partial<CallContext> = {}): CallContext {
    const { owner } = this;
    return { owner, timeoutMs: null, signal: undefined, ...context };
  }

  /** Sends once. */
  send(
    data: Uint8Array,
    context: Partial<CallContext> = {},
    mode?: SendMode,
  ): Promise<number> {
    return this.sender.send(this.context(context), data, this.#write, mode);
  }

  readonly #write = (chunk: Uint8Array): Promise<number> =>
    this.conn.write(chunk);

  /** Sends bytes that are committed: the call is cancelled during the write. */
  async commit(data: Uint8Array): Promise<void> {
    const controller = new AbortController();
    const call = this.send(data, { signal: controller.signal });
    await settle();
    controller.abort("cancelled");
    assertEquals(await call, data.length);
  }

  /** Sends all. */
  sendAll(data: Uint8Array, context: Partial<CallContext> = {}): Promise<void> {
    return this.sender.sendAll(this.context(context), data, this.#write);
  }

  /** Lets the kernel take everything, until nothing is pending. */
  async drain(): Promise<void> {
    this.conn.instant = true;
    this.conn.take(Infinity);
    await this.sender.flushed();
    this.conn.instant = false;
  }
}
