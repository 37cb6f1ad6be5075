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
  DeferredWaiter,
  isCancellable,
  type Waiter,
  type WaitQueue,
} from "../../../src/wait/waiter.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { microtasks } from "../../support/fake_conn.ts";

/** A line that only knows who left. */
class Line implements WaitQueue {
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
  readonly wait: Waiter<string>;
  readonly line: Line;
  readonly promise: Promise<string>;
  /** What the call has settled with. */
  readonly outcome: Promise<unknown>;
  /** Whether it has. */
  settled: boolean;
}

/** A call that waits; `result()` is what it finds. */
function begin(
  owner: CallOwner,
  context: Partial<CallContext> = {},
  result: () => string | undefined = () => undefined,
): Begun {
  const line = new Line();
  const wait = new ConditionWaiter<string>(
    { owner, timeoutMs: null, signal: undefined, ...context },
    result,
  );
  const promise = wait.begin(line);
  const begun: Begun = {
    wait,
    line,
    promise,
    outcome: promise.then((value) => value, (error) => error),
    settled: false,
  };
  void begun.outcome.then(() => begun.settled = true);
  return begun;
}

const giveUps: readonly [context: Partial<CallContext>, expected: boolean][] = [
  [{}, false],
  [{ timeoutMs: 0 }, true],
  [{ timeoutMs: 1000 }, true],
  [{ signal: new AbortController().signal }, true],
];
for (const [context, expected] of giveUps) {
  const { timeoutMs = null, signal } = context;
  Deno.test(`mayGiveUp() is ${expected} for a timeout of ${timeoutMs} and ${signal ? "a" : "no"} signal`, () => {
    const owner = new CallOwner();
    const actual = isCancellable({ owner, timeoutMs, signal });
    assertEquals(actual, expected);
  });
}

Deno.test("Wait.tryNow() settles only with a result", async () => {
  const values: string[] = [];
  const { wait, line, promise } = begin(
    new CallOwner(),
    {},
    () => values.shift(),
  );
  assertFalse(wait.tryNow());
  assertEquals(line.left, 0);
  values.push("there");
  assert(wait.tryNow());
  assertEquals(await promise, "there");
  assertEquals(line.left, 1);
  assertEquals(wait.queue, undefined);
});

Deno.test("Wait.tryNow() settles with an error that is thrown", async () => {
  const { wait, line, promise } = begin(new CallOwner(), {}, () => {
    throw osError("ECONNRESET");
  });
  assert(wait.tryNow());
  await assertRejects(() => promise, OSError, "[Errno");
  assertEquals(line.left, 1);
});

Deno.test("Wait ends once, by what comes first", async () => {
  using clock = new FakeClock();
  const ends: Record<string, (begun: Begun, abort: () => void) => void> = {
    result: ({ wait }) => wait.resolve("result"),
    abort: (_, abort) => abort(),
    close: ({ wait }) => wait.context.owner.close(osError("EBADF")),
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

Deno.test("Wait lets go of its signal when it has ended", async () => {
  using clock = new FakeClock();
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
  begin(owner, { signal }).wait.resolve("done");
  const late = begin(owner, { signal, timeoutMs: 5 });
  await clock.advance(10);
  assertInstanceOf(await late.outcome, TimeoutError);
  const closed = begin(owner, { signal });
  owner.close(osError("EBADF"));
  assertInstanceOf(await closed.outcome, OSError);
  assertEquals(counts, { added: 3, removed: 3 });
});

Deno.test("Wait rejects with the signal's own reason, whatever it is", async () => {
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
  Deno.test(`Wait with a timeout of ${timeoutMs} ms ends then, not before`, async () => {
    using clock = new FakeClock();
    const begun = begin(new CallOwner(), { timeoutMs });
    await clock.advance(atMs - 1);
    assertFalse(begun.settled);
    await clock.advance(20);
    assert(begun.settled);
    assertInstanceOf(await begun.outcome, TimeoutError);
  });
}

Deno.test("Wait with a timeout of 0 is EAGAIN, with another it is a timeout", async () => {
  using clock = new FakeClock();
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

Deno.test("Caller ends each of its calls at its own time", async () => {
  using clock = new FakeClock();
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

Deno.test("Caller sets few timers for many calls that end in time", async () => {
  using clock = new FakeClock();
  const owner = new CallOwner();
  for (let i = 0; i < 10_000; i++) {
    begin(owner, { timeoutMs: 1000 }).wait.resolve("done");
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

Deno.test("Caller serves a shorter timeout than the one that its timer is for", async () => {
  using clock = new FakeClock();
  const owner = new CallOwner();
  const long = begin(owner, { timeoutMs: 30_000 });
  const short = begin(owner, { timeoutMs: 10 });
  await clock.advance(20);
  assert(short.settled);
  assertFalse(long.settled);
  await clock.advance(30_000);
  assertInstanceOf(await long.outcome, TimeoutError);
});

Deno.test("Caller.close() leaves no timer", async () => {
  using clock = new FakeClock();
  const owner = new CallOwner();
  const begun = begin(owner, { timeoutMs: 30_000 });
  begin(owner, { timeoutMs: 60_000 }).wait.resolve("done");
  owner.close(osError("EBADF"));
  assertEquals(clock.pending, []);
  assertEquals((await begun.outcome as OSError).code, "EBADF");
});

Deno.test("Caller.close() leaves no timer of a call that goes on, once it has ended", async () => {
  class Going extends DeferredWaiter<string> {
    override get survivesClose(): boolean {
      return true;
    }
  }
  using clock = new FakeClock();
  const owner = new CallOwner();
  const context = { owner, timeoutMs: 30_000, signal: undefined };
  const wait = new Going(context);
  const promise = wait.begin(new Line());
  owner.close(osError("EBADF"));
  assertEquals(clock.pending, [30_000]);
  wait.resolve("done");
  assertEquals(clock.pending, []);
  assertEquals(await promise, "done");
});

for (const timeoutMs of [0, 10]) {
  Deno.test(`Wait with a timeout of ${timeoutMs} ms finds what the kernel had in time, though the program was busy`, async () => {
    using clock = new FakeClock();
    const begun = begin(new CallOwner(), { timeoutMs });
    clock.beBusy(50);
    clock.onPoll = () => {
      if (begun.wait.queue !== undefined) begun.wait.resolve("found");
    };
    await clock.advance(20);
    assertEquals(await begun.outcome, "found");
  });
}

Deno.test("Wait with a timeout of 0 finds what the kernel has, though an earlier call's timer is due", async () => {
  using clock = new FakeClock();
  const owner = new CallOwner();
  begin(owner, { timeoutMs: 0 }).wait.resolve("done");
  clock.beBusy(5);
  const begun = begin(owner, { timeoutMs: 0 });
  clock.onPoll = () => {
    if (begun.wait.queue !== undefined) begun.wait.resolve("found");
  };
  await clock.advance(20);
  assertEquals(await begun.outcome, "found");
});

for (const timeoutMs of [0, 10]) {
  Deno.test(`Wait with a timeout of ${timeoutMs} ms finds what the kernel has, though the system holds the program up once, whenever that is`, async () => {
    for (let at = 1; at <= 4; at++) {
      using clock = new FakeClock();
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
        if (begun.wait.queue !== undefined) begun.wait.resolve("found");
      };
      await clock.advance(50);
      assertEquals(await begun.outcome, "found", `held up at timer ${at}`);
      assertGreater(polls, 0);
    }
  });
}

Deno.test("Wait with a timeout of 0 does not wait longer than a few turns", async () => {
  using clock = new FakeClock();
  const begun = begin(new CallOwner(), { timeoutMs: 0 });
  await clock.advance(10);
  assert(begun.settled);
});

Deno.test("Caller.referenced tells the lines of its calls", () => {
  const owner = new CallOwner();
  const begun = [begin(owner), begin(owner)];
  owner.referenced = false;
  owner.referenced = false;
  owner.referenced = true;
  assertEquals(begun.map(({ line }) => line.updates), [2, 2]);
  for (const { wait } of begun) wait.resolve("done");
  owner.referenced = false;
  assertEquals(begun.map(({ line }) => line.updates), [2, 2]);
});

Deno.test("Wait ends at every microtask around its result exactly once", async () => {
  for (let at = 0; at < 10; at++) {
    const controller = new AbortController();
    const { signal } = controller;
    const begun = begin(new CallOwner(), { signal });
    const result = microtasks(5).then(() => {
      // Only a call that still stands in line is given something.
      if (begun.wait.queue !== undefined) begun.wait.resolve("result");
    });
    const abort = microtasks(at).then(() => controller.abort("abort"));
    await Promise.all([result, abort]);
    assertEquals(begun.line.left, 1);
    assertEquals(await begun.outcome, at < 5 ? "abort" : "result", `${at}`);
  }
});
