import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { OSError } from "../../../src/base/errors.ts";
import { osError } from "../../../src/base/os_error.ts";
import { OperationQueue } from "../../../src/wait/operation_queue.ts";
import {
  type CallContext,
  CallOwner,
  ConditionWaiter,
} from "../../../src/wait/waiter.ts";
import { microtasks, settle } from "../../support/event_loop.ts";

/** Numbers, one by one: a test says with which numbers an operation settles. */
class Numbers extends OperationQueue {
  readonly queue: number[] = [];
  readonly events: string[] = [];
  starts = 0;
  canStart = true;
  #inFlight = false;

  start(): boolean {
    if (!this.canStart) return false;
    assertFalse(this.#inFlight, "two operations in flight");
    this.#inFlight = true;
    this.starts++;
    return true;
  }

  /** The operation in flight settles with these. */
  bring(...numbers: number[]): void {
    assert(this.#inFlight, "no operation in flight");
    this.#inFlight = false;
    this.queue.push(...numbers);
    this.operationDone();
  }

  /** A call for the next number. */
  next(context: Partial<CallContext> = {}): Promise<number> {
    return this.run(
      new ConditionWaiter(
        {
          owner: new CallOwner(),
          timeoutMs: null,
          signal: undefined,
          ...context,
        },
        () => this.queue.shift(),
      ),
    );
  }

  ref(): void {
    this.events.push("ref");
  }

  unref(): void {
    this.events.push("unref");
  }
}

Deno.test("OperationQueue.run() settles at once if the result is there", async () => {
  const numbers = new Numbers();
  numbers.queue.push(1);
  assertEquals(await numbers.next(), 1);
  assertEquals(numbers.starts, 0);
});

Deno.test("OperationQueue.run() rejects with the error that an attempt throws", async () => {
  const numbers = new Numbers();
  const owner = new CallOwner();
  await assertRejects(
    () =>
      numbers.run(
        new ConditionWaiter<number>(
          { owner, timeoutMs: null, signal: undefined },
          () => {
            throw osError("EINVAL");
          },
        ),
      ),
    OSError,
    "[Errno",
  );
  assertFalse(numbers.hasWaiters);
});

Deno.test("OperationQueue.run() takes no result for an aborted signal", async () => {
  const numbers = new Numbers();
  numbers.queue.push(1);
  const reason = new Error("aborted");
  const call = numbers.next({ signal: AbortSignal.abort(reason) });
  assertStrictEquals(await call.catch((error) => error), reason);
  assertEquals(numbers.queue, [1]);
  assertEquals(numbers.starts, 0);
});

Deno.test("OperationQueue serves calls in order, one operation at a time", async () => {
  const numbers = new Numbers();
  const order: number[] = [];
  const calls = Array.from(
    { length: 4 },
    (_, i) => numbers.next().then((n) => order.push(i, n)),
  );
  assertEquals(numbers.starts, 1);
  numbers.bring(10);
  assertEquals(numbers.starts, 2);
  numbers.bring(11, 12);
  assertEquals(numbers.starts, 3);
  numbers.bring(13);
  await Promise.all(calls);
  assertEquals(order, [0, 10, 1, 11, 2, 12, 3, 13]);
  assertEquals(numbers.starts, 3);
  assertFalse(numbers.inFlight);
});

Deno.test("OperationQueue lets no call overtake one that waits", async () => {
  const numbers = new Numbers();
  const first = numbers.next();
  // A result is there, but a call waits for it.
  numbers.queue.push(1);
  const second = numbers.next();
  numbers.bring(2);
  assertEquals(await Promise.all([first, second]), [1, 2]);
});

Deno.test("OperationQueue passes the result of a cancelled call's operation to the next call", async () => {
  const numbers = new Numbers();
  const controller = new AbortController();
  const first = numbers.next({ signal: controller.signal });
  controller.abort("cancelled");
  assertEquals(await first.catch((error) => error), "cancelled");
  assert(numbers.inFlight);
  const second = numbers.next();
  assertEquals(numbers.starts, 1);
  numbers.bring(7);
  assertEquals(await second, 7);
});

Deno.test("OperationQueue keeps a result that no call waits for, and starts no other operation", async () => {
  const numbers = new Numbers();
  const controller = new AbortController();
  const first = numbers.next({ signal: controller.signal });
  controller.abort("cancelled");
  numbers.bring(7);
  assertEquals(await first.catch((error) => error), "cancelled");
  assertFalse(numbers.inFlight);
  assertEquals(numbers.starts, 1);
  assertEquals(await numbers.next(), 7);
});

Deno.test("OperationQueue keeps the order of the others when a call in the middle is cancelled", async () => {
  const numbers = new Numbers();
  const controller = new AbortController();
  const first = numbers.next();
  const second = numbers.next({ signal: controller.signal });
  const third = numbers.next();
  controller.abort("cancelled");
  numbers.bring(1, 2);
  assertEquals(await Promise.all([first, third]), [1, 2]);
  assertEquals(await second.catch((error) => error), "cancelled");
});

Deno.test("OperationQueue returns a result once, in whichever microtask its call is aborted", async () => {
  for (let at = 0; at < 10; at++) {
    const numbers = new Numbers();
    const controller = new AbortController();
    const call = numbers.next({ signal: controller.signal })
      .catch((error: unknown) => error);
    await Promise.all([
      microtasks(5).then(() => numbers.bring(1)),
      microtasks(at).then(() => controller.abort("cancelled")),
    ]);
    const outcome = await call;
    assertEquals(outcome, at < 5 ? "cancelled" : 1, `${at}`);
    if (outcome !== 1) assertEquals(await numbers.next(), 1);
    else assertEquals(numbers.queue, []);
  }
});

Deno.test("OperationQueue goes on with the next call after one whose attempt throws", async () => {
  const numbers = new Numbers();
  const owner = new CallOwner();
  const context = { owner, timeoutMs: null, signal: undefined };
  let broken = false;
  const first = numbers.run(
    new ConditionWaiter<number>(context, () => {
      if (broken) throw osError("ECONNRESET");
      return undefined;
    }),
  );
  const second = numbers.next();
  broken = true;
  numbers.bring(1);
  await assertRejects(() => first, OSError, "[Errno");
  assertEquals(await second, 1);
});

Deno.test("OperationQueue.startNext() starts an operation that could not be started before", async () => {
  const numbers = new Numbers();
  numbers.canStart = false;
  const call = numbers.next();
  assertFalse(numbers.inFlight);
  numbers.canStart = true;
  numbers.startNext();
  numbers.startNext();
  assertEquals(numbers.starts, 1);
  numbers.bring(1);
  assertEquals(await call, 1);
});

Deno.test("OperationQueue.rejectAll() rejects every call, and leaves the operation in flight", async () => {
  const numbers = new Numbers();
  const calls = [numbers.next(), numbers.next()];
  const outcomes = Promise.allSettled(calls);
  const reason = osError("EINVAL");
  numbers.rejectAll(() => reason);
  for (const outcome of await outcomes) {
    assertEquals(outcome.status, "rejected");
    assertStrictEquals((outcome as PromiseRejectedResult).reason, reason);
  }
  assert(numbers.inFlight);
  numbers.bring(1);
  assertEquals(numbers.starts, 1);
  assertEquals(await numbers.next(), 1);
});

Deno.test("OperationQueue serves a call that is made while others are served", async () => {
  const numbers = new Numbers();
  const order: string[] = [];
  const first = numbers.next().then(async (n) => {
    order.push(`first ${n}`);
    order.push(`third ${await numbers.next()}`);
  });
  const second = numbers.next().then((n) => order.push(`second ${n}`));
  numbers.bring(1);
  await settle();
  numbers.bring(2);
  await settle();
  numbers.bring(3);
  await Promise.all([first, second]);
  assertEquals(order, ["first 1", "second 2", "third 3"]);
});

Deno.test("OperationQueue lets the process end while no call waits, and keeps it alive for the next call", async () => {
  const numbers = new Numbers();
  const controller = new AbortController();
  const first = numbers.next({ signal: controller.signal });
  assertEquals(numbers.events, []);
  controller.abort("cancelled");
  await first.catch(() => {});
  assertEquals(numbers.events, ["unref"]);
  const second = numbers.next();
  assertEquals(numbers.events, ["unref", "ref"]);
  numbers.bring(1);
  await second;
});

Deno.test("OperationQueue keeps the process alive while one of the owners is referenced", async () => {
  const numbers = new Numbers();
  const [a, b] = [new CallOwner(), new CallOwner()];
  const calls = [numbers.next({ owner: a }), numbers.next({ owner: b })];
  a.referenced = false;
  assertEquals(numbers.events, []);
  b.referenced = false;
  assertEquals(numbers.events, ["unref"]);
  a.referenced = true;
  assertEquals(numbers.events, ["unref", "ref"]);
  numbers.bring(1);
  assertEquals(numbers.events, ["unref", "ref", "unref"]);
  numbers.bring(2);
  assertEquals(await Promise.all(calls), [1, 2]);
});

Deno.test("OperationQueue stays correct over thousands of cancelled calls", async () => {
  const numbers = new Numbers();
  const got: number[] = [];
  let brought = 0;
  for (let i = 0; i < 5000; i++) {
    const controller = new AbortController();
    const call = numbers.next({ signal: controller.signal });
    if (i % 7 === 3) numbers.bring(brought++);
    controller.abort("cancelled");
    const outcome = await call.catch(() => undefined);
    if (outcome !== undefined) got.push(outcome);
  }
  assert(numbers.starts <= brought + 1);
  assertFalse(numbers.hasWaiters);
  assertEquals(got, Array.from({ length: brought }, (_, i) => i));
});
