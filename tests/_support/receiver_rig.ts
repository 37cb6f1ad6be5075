import { assertEquals } from "@std/assert";
import { Receiver } from "../../src/endpoint/receiver.ts";
import { Caller, type Limits } from "../../src/wait/waiter.ts";
import { FakeConn } from "./fake_conn.ts";

/** A receiver on a connection that does what the test says. */
export class ReceiverRig {
  readonly conn: FakeConn = new FakeConn();
  readonly caller: Caller = new Caller();
  /** Whether another descriptor could read, too. */
  shared = false;
  readonly receiver: Receiver = new Receiver(this.conn, () => this.shared);

  /** Limits of this caller; none by default. */
  limits(limits: Partial<Limits> = {}): Limits {
    const { caller } = this;
    return { caller, timeoutMs: null, signal: undefined, ...limits };
  }

  /** Receives. */
  recv(
    n: number,
    flags = 0,
    limits: Partial<Limits> = {},
  ): Promise<Uint8Array> {
    return this.receiver.recv(this.limits(limits), n, flags);
  }

  /** Receives into a buffer. */
  recvInto(
    target: Uint8Array,
    flags = 0,
    limits: Partial<Limits> = {},
  ): Promise<number> {
    return this.receiver.recvInto(this.limits(limits), target, flags);
  }

  /** A receive that is given up while it waits. */
  async givenUp(n: number, flags = 0): Promise<void> {
    const controller = new AbortController();
    const call = this.recv(n, flags, { signal: controller.signal });
    controller.abort("given up");
    assertEquals(await call.catch((error) => error), "given up");
  }
}
