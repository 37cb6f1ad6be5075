import { assertEquals } from "@std/assert";
import { Receiver } from "../../src/endpoint/receiver.ts";
import { type CallContext, CallOwner } from "../../src/wait/waiter.ts";
import { FakeConn } from "./fake_conn.ts";

/** A receiver on a connection that does what the test says. */
export class ReceiverRig {
  readonly conn: FakeConn = new FakeConn();
  readonly owner: CallOwner = new CallOwner();
  /** Whether another descriptor could read, too. */
  shared = false;
  readonly receiver: Receiver = new Receiver(this.conn, () => this.shared);

  /** The context of a call of this owner; without limits by default. */
  context(context: Partial<CallContext> = {}): CallContext {
    const { owner } = this;
    return { owner, timeoutMs: null, signal: undefined, ...context };
  }

  /** Receives. */
  recv(
    n: number,
    flags = 0,
    context: Partial<CallContext> = {},
  ): Promise<Uint8Array> {
    return this.receiver.recv(this.context({ ...context, flags }), n);
  }

  /** Receives into a buffer. */
  recvInto(
    target: Uint8Array,
    flags = 0,
    context: Partial<CallContext> = {},
  ): Promise<number> {
    return this.receiver.recvInto(this.context({ ...context, flags }), target);
  }

  /** A receive that is cancelled while it waits. */
  async cancelled(n: number, flags = 0): Promise<void> {
    const controller = new AbortController();
    const call = this.recv(n, flags, { signal: controller.signal });
    controller.abort("cancelled");
    assertEquals(await call.catch((error) => error), "cancelled");
  }
}
