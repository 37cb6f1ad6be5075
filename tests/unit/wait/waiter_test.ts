import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  BlockingIOError,
  OSError,
  TimeoutError,
} from "../../../src/base/errors.ts";
import { osError } from "../../../src/base/os_error.ts";
import {
  type CallContext,
  CallOwner,
  ConditionWaiter,
  deferred,
  isCancellable,
  type Waiter,
  type WaitQueue,
} from "../../../src/wait/waiter.ts";
import { microtasks } from "../../support/event_loop.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** A queue that only counts. */
class CountingQueue implements WaitQueue {
  left = 0;
  updates = 0;

  remove(): void {
    this.left++;
  }

  referenceChanged(): void {
    this.updates++;
  }
}

interface Begun {
  readonly waiter: Waiter<string>;
  readonly queue: CountingQueue;
  readonly promise: Promise<string>;
  /** The value or the error that the call has settled with. */
  readonly outcome: Promise<unknown>;
  /** Whether it has. */
  settled: boolean;
}

/** A call that waits; its attempts return `result()`. */
function begin(
  owner: CallOwner,
  context: Partial<CallContext> = {},
  result: () => string | undefined = () => undefined,
): Begun {
  const queue = new CountingQueue();
  const waiter = new ConditionWaiter<string>(
    { owner, timeoutMs: null, signal: undefined, ...context },
    result,
  );
  const promise = waiter.begin(queue);
  const begun: Begun = {
    waiter,
    queue,
    promise,
    outcome: promise.then((value) => value, (error) => error),
    settled: false,
  };
  void begun.outcome.then(() => begun.settled = true);
  return begun;
}

const cancellables: readonly [
  context: Partial<CallContext>,
  expected: boolean,
][] = [
  [{}, false],
  [{ timeoutMs: 0 }, true],
  [{ timeoutMs: 1000 }, true],
  [{ signal: new AbortController().signal }, true],
];
for (const [context, expected] of cancellables) {
  const { timeoutMs = null, signal } = context;
  Deno.test(`isCancellable() is ${expected} for a timeout of ${timeoutMs} and ${signal ? "a" : "no"} signal`, () => {
    const owner = new CallOwner();
    const actual = isCancellable({ owner, timeoutMs, signal });
    assertEquals(actual, expected);
  });
}

Deno.test("Waiter.tryNow() settles only with a result", async () => {
  const values: string[] = [];
  const { waiter, queue, promise } = begin(
    new CallOwner(),
    {},
    () => values.shift(),
  );
  assertFalse(waiter.tryNow());
  assertEquals(queue.left, 0);
  values.push("there");
  assert(waiter.tryNow());
  assertEquals(await promise, "there");
  assertEquals(queue.left, 1);
  assertEquals(waiter.queue, undefined);
});

Deno.test("Waiter.tryNow() settles with the error that an attempt throws", async () => {
  const { waiter, queue, promise } = begin(new CallOwner(), {}, () => {
    throw osError("ECONNRESET");
  });
  assert(waiter.tryNow());
  await assertRejects(() => promise, OSError, "[Errno");
  assertEquals(queue.left, 1);
});

Deno.test("Waiter ends once, by the first of its result, its abort and its close", async () => {
  using clock = await FakeClock.install();
  const ends: Record<string, (begun: Begun, abort: () => void) => void> = {
    result: ({ waiter }) => waiter.resolve("result"),
    abort: (_, abort) => abort(),
    close: ({ waiter }) => waiter.context.owner.close(osError("EBADF")),
  };
  for (const [first, end] of Object.entries(ends)) {
    const controller = new AbortController();
    const { signal } = controller;
    const owner = new CallOwner();
    const begun = begin(owner, { timeoutMs: 50, signal });
    const abort = () => controller.abort("abort");
    end(begun, abort);
    for (const later of Object.values(ends)) later(begun, abort);
    await clock.advance(100);
    const outcome = await begun.outcome;
    const expected = outcome instanceof OSError ? "close" : outcome;
    assertEquals(expected, first);
  }
});

Deno.test("Waiter removes the listener from its signal when it has ended", async () => {
  using clock = await FakeClock.install();
  const counts = { added: 0, removed: 0 };
  const { signal } = new AbortController();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    counts.added++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    counts.removed++;
    Reflect.apply(removeEventListener, signal, args);
  };
  const owner = new CallOwner();
  begin(owner, { signal }).waiter.resolve("done");
  const late = begin(owner, { signal, timeoutMs: 5 });
  await clock.advance(10);
  assertInstanceOf(await late.outcome, TimeoutError);
  const closed = begin(owner, { signal });
  owner.close(osError("EBADF"));
  assertInstanceOf(await closed.outcome, OSError);
  assertEquals(counts, { added: 3, removed: 3 });
});

Deno.test("Waiter shares one listener of a signal with all others that it can abort", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const counts = { added: 0, removed: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    counts.added++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    counts.removed++;
    Reflect.apply(removeEventListener, signal, args);
  };
  const owners = Array.from({ length: 1000 }, () => new CallOwner());
  const waiting = owners.map((owner) => begin(owner, { signal }));
  assertEquals(counts, { added: 1, removed: 0 });
  for (const { waiter } of waiting.slice(0, 999)) waiter.resolve("done");
  assertEquals(counts, { added: 1, removed: 0 });
  const more = begin(owners[0]!, { signal });
  controller.abort("abort");
  assertEquals(await waiting[999]!.outcome, "abort");
  assertEquals(await more.outcome, "abort");
  assertEquals(counts, { added: 1, removed: 1 });
});

Deno.test("Waiter is aborted in the order in which the calls began", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const order: number[] = [];
  const all = Array.from({ length: 5 }, (_, i) => {
    const begun = begin(new CallOwner(), { signal });
    return begun.outcome.then(() => order.push(i));
  });
  controller.abort();
  await Promise.all(all);
  assertEquals(order, [0, 1, 2, 3, 4]);
});

Deno.test("Waiter rejects with the signal's own reason, of whatever type", async () => {
  for (const reason of [new Error("mine"), "text", null, 0]) {
    const controller = new AbortController();
    const begun = begin(new CallOwner(), { signal: controller.signal });
    controller.abort(reason);
    assertStrictEquals(await begun.outcome, reason);
  }
});

const limitsInTime: readonly (readonly [number, number])[] = [
  [1, 1],
  [50, 50],
  [30_000, 30_000],
  [86_400_000, 86_400_000],
  [3_000_000_000, 3_000_000_000],
];
for (const [timeoutMs, atMs] of limitsInTime) {
  Deno.test(`Waiter with a timeout of ${timeoutMs} ms ends at that time, not before`, async () => {
    using clock = await FakeClock.install();
    const begun = begin(new CallOwner(), { timeoutMs });
    await clock.advance(atMs - 1);
    assertFalse(begun.settled);
    await clock.advance(20);
    assert(begun.settled);
    assertInstanceOf(await begun.outcome, TimeoutError);
  });
}

Deno.test("Waiter with a timeout of 0 fails with EAGAIN, with a longer one with a TimeoutError", async () => {
  using clock = await FakeClock.install();
  const owner = new CallOwner();
  const now = begin(owner, { timeoutMs: 0 });
  const later = begin(owner, { timeoutMs: 5 });
  const own = begin(owner, {
    timeoutMs: 5,
    timeoutError: () => osError("EINPROGRESS"),
  });
  await clock.advance(20);
  assertInstanceOf(await now.outcome, BlockingIOError);
  assertEquals((await now.outcome as OSError).code, "EAGAIN");
  assertInstanceOf(await later.outcome, TimeoutError);
  assertEquals((await own.outcome as OSError).code, "EINPROGRESS");
});

Deno.test("CallOwner ends each of its calls at its own time", async () => {
  using clock = await FakeClock.install();
  const owner = new CallOwner();
  const ended: number[] = [];
  for (const timeoutMs of [400, 100, 300, 200]) {
    const { outcome } = begin(owner, { timeoutMs });
    void outcome.then(() => ended.push(timeoutMs));
  }
  const seen: number[][] = [];
  for (let i = 0; i < 4; i++) {
    await clock.advance(i === 0 ? 120 : 100);
    seen.push([...ended]);
  }
  assertEquals(seen, [
    [100],
    [100, 200],
    [100, 200, 300],
    [100, 200, 300, 400],
  ]);
});

Deno.test("CallOwner sets few timers for many calls that end in time", async () => {
  using clock = await FakeClock.install();
  const owner = new CallOwner();
  for (let i = 0; i < 10_000; i++) {
    begin(owner, { timeoutMs: 1000 }).waiter.resolve("done");
  }
  assertEquals(clock.count, 1);
  assertEquals(clock.pending, [1000]);
  assertEquals(clock.referenced, 0);
  const begun = begin(owner, { timeoutMs: 5000 });
  await clock.advance(4900);
  assertFalse(begun.settled);
  assertEquals(clock.referenced, 0);
  await clock.advance(200);
  assertInstanceOf(await begun.outcome, TimeoutError);
  assertEquals(clock.pending, []);
});

Deno.test("CallOwner ends a call whose timeout is shorter than the one that its timer is set for", async () => {
  using clock = await FakeClock.install();
  const owner = new CallOwner();
  const long = begin(owner, { timeoutMs: 30_000 });
  const short = begin(owner, { timeoutMs: 10 });
  await clock.advance(20);
  assert(short.settled);
  assertFalse(long.settled);
  await clock.advance(30_000);
  assertInstanceOf(await long.outcome, TimeoutError);
});

Deno.test("CallOwner.close() leaves no timer", async () => {
  using clock = await FakeClock.install();
  const owner = new CallOwner();
  const begun = begin(owner, { timeoutMs: 30_000 });
  begin(owner, { timeoutMs: 60_000 }).waiter.resolve("done");
  owner.close(osError("EBADF"));
  assertEquals(clock.pending, []);
  assertEquals((await begun.outcome as OSError).code, "EBADF");
});

Deno.test("CallOwner.close() leaves no timer of a call that survives it, once that has ended", async () => {
  using clock = await FakeClock.install();
  const owner = new CallOwner();
  const context = { owner, timeoutMs: 30_000, signal: undefined };
  const waiter = deferred<string>(context, true);
  const promise = waiter.begin(new CountingQueue());
  owner.close(osError("EBADF"));
  assertEquals(clock.pending, [30_000]);
  waiter.resolve("done");
  assertEquals(clock.pending, []);
  assertEquals(await promise, "done");
});

for (const timeoutMs of [0, 10]) {
  Deno.test(`Waiter with a timeout of ${timeoutMs} ms finds data that the kernel had in time, though the program was busy`, async () => {
    using clock = await FakeClock.install();
    const begun = begin(new CallOwner(), { timeoutMs });
    clock.beBusy(50);
    clock.onPoll = () => {
      if (begun.waiter.queue !== undefined) begun.waiter.resolve("found");
    };
    await clock.advance(20);
    assertEquals(await begun.outcome, "found");
  });
}

Deno.test("Waiter with a timeout of 0 finds data that the kernel has, though an earlier call's timer is due", async () => {
  using clock = await FakeClock.install();
  const owner = new CallOwner();
  begin(owner, { timeoutMs: 0 }).waiter.resolve("done");
  clock.beBusy(5);
  const begun = begin(owner, { timeoutMs: 0 });
  clock.onPoll = () => {
    if (begun.waiter.queue !== undefined) begun.waiter.resolve("found");
  };
  await clock.advance(20);
  assertEquals(await begun.outcome, "found");
});

for (const timeoutMs of [0, 10]) {
  Deno.test(`Waiter with a timeout of ${timeoutMs} ms finds data that the kernel has, though the process is once not scheduled for a while, whenever that is`, async () => {
    for (let at = 1; at <= 4; at++) {
      using clock = await FakeClock.install();
      let sets = 0;
      // Between setting a timer and waiting for it the process may not run: of
      // 4,000 calls on Linux that happened to two to six.
      clock.onSet = () => {
        if (++sets === at) clock.beBusy(20);
      };
      const begun = begin(new CallOwner(), { timeoutMs });
      let polls = 0;
      clock.onPoll = () => {
        polls++;
        if (begun.waiter.queue !== undefined) begun.waiter.resolve("found");
      };
      await clock.advance(50);
      assertEquals(await begun.outcome, "found", `held up at timer ${at}`);
      assertGreater(polls, 0);
    }
  });
}

Deno.test("Waiter with a timeout of 0 ends after a few turns of the event loop", async () => {
  using clock = await FakeClock.install();
  const begun = begin(new CallOwner(), { timeoutMs: 0 });
  await clock.advance(10);
  assert(begun.settled);
});

Deno.test("CallOwner.referenced informs the queues of its calls", () => {
  const owner = new CallOwner();
  const begun = [begin(owner), begin(owner)];
  owner.referenced = false;
  owner.referenced = false;
  owner.referenced = true;
  assertEquals(begun.map(({ queue }) => queue.updates), [2, 2]);
  for (const { waiter } of begun) waiter.resolve("done");
  owner.referenced = false;
  assertEquals(begun.map(({ queue }) => queue.updates), [2, 2]);
});

Deno.test("Waiter ends exactly once, in whichever microtask around its result it is aborted", async () => {
  for (let at = 0; at < 10; at++) {
    const controller = new AbortController();
    const { signal } = controller;
    const begun = begin(new CallOwner(), { signal });
    const result = microtasks(5).then(() => {
      // Only a call that is still in its queue gets a result.
      if (begun.waiter.queue !== undefined) begun.waiter.resolve("result");
    });
    const abort = microtasks(at).then(() => controller.abort("abort"));
    await Promise.all([result, abort]);
    assertEquals(begun.queue.left, 1);
    assertEquals(await begun.outcome, at < 5 ? "abort" : "result", `${at}`);
  }
});
