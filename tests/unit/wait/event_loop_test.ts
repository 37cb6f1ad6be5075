import { assert, assertEquals, assertFalse } from "@std/assert";
import { setImmediate } from "node:timers";
import {
  afterTicks,
  afterYield,
  answer,
  cancelTick,
  countBytes,
  countCall,
  isYieldDue,
  Pauses,
  timers,
  yieldToLoop,
} from "../../../src/wait/event_loop.ts";
import { freshLoop, microtasks } from "../../support/event_loop.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { within } from "../../support/within.ts";

/** Counts the immediates that are set, for `using`. */
class ImmediateCounter implements Disposable {
  readonly #own = timers.setImmediate;
  count = 0;

  constructor() {
    timers.setImmediate = Object.assign(
      (callback: () => void) => {
        this.count++;
        return this.#own(callback);
      },
      this.#own,
    );
  }

  [Symbol.dispose](): void {
    timers.setImmediate = this.#own;
  }
}

Deno.test("afterTicks() calls its callbacks after the given number of immediates, in order", async () => {
  await freshLoop();
  using counter = new ImmediateCounter();
  const called: [name: string, at: number][] = [];
  await new Promise<void>((resolve) => {
    afterTicks(5, () => {
      called.push(["last", counter.count]);
      resolve();
    });
    afterTicks(2, () => called.push(["second", counter.count]));
    afterTicks(1, () => called.push(["first", counter.count]));
    afterTicks(2, () => called.push(["third", counter.count]));
  });
  assertEquals(called, [["first", 1], ["second", 2], ["third", 2], [
    "last",
    5,
  ]]);
});

Deno.test("afterTicks() serves thousands of calls by one chain of immediates", async () => {
  await freshLoop();
  using counter = new ImmediateCounter();
  const calls = Array.from(
    { length: 5000 },
    () => new Promise<void>((resolve) => afterTicks(64, resolve)),
  );
  await Promise.all(calls);
  assertEquals(counter.count, 64);
});

Deno.test("afterTicks() counts from its own call, even if a chain is already running", async () => {
  await freshLoop();
  using counter = new ImmediateCounter();
  const at = await new Promise<number>((resolve) => {
    afterTicks(3, () => {
      const from = counter.count;
      afterTicks(4, () => resolve(counter.count - from));
    });
  });
  assertEquals(at, 4);
});

Deno.test("cancelTick() ends the chain of immediates with its last callback", async () => {
  await freshLoop();
  using counter = new ImmediateCounter();
  let called = 0;
  const ticks = [10, 20].map((count) => afterTicks(count, () => called++));
  for (const each of ticks) {
    cancelTick(each);
    cancelTick(each);
  }
  for (let i = 0; i < 30; i++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  assertEquals([called, counter.count], [0, 1]);
  await new Promise<void>((resolve) => afterTicks(1, resolve));
  assertEquals(counter.count, 2);
});

Deno.test("Pauses.cancel() ends the pause, and those that follow, and leaves no timer", async () => {
  const pauses = new Pauses();
  await within(pauses.wait(0));
  assertFalse(pauses.cancelled);
  const pause = pauses.wait(2 ** 30);
  pauses.cancel();
  await within(pause);
  await within(pauses.wait(2 ** 30));
  assert(pauses.cancelled);
});

Deno.test("isYieldDue() is true after 256 calls, until the event loop has turned", async () => {
  await freshLoop();
  for (let i = 0; i < 256; i++) {
    assertFalse(isYieldDue(), `${i}`);
    countCall();
  }
  assert(isYieldDue());
  await microtasks(100);
  assert(isYieldDue());
  await yieldToLoop();
  assertFalse(isYieldDue());
});

Deno.test("isYieldDue() is true after 1 MiB, until the event loop has turned", async () => {
  await freshLoop();
  for (let i = 0; i < 16; i++) {
    assertFalse(isYieldDue(), `${i}`);
    countBytes(65_536);
  }
  assert(isYieldDue());
  await yieldToLoop();
  assertFalse(isYieldDue());
});

Deno.test("afterYield() calls all callbacks in one turn, in order", async () => {
  await freshLoop();
  using counter = new ImmediateCounter();
  const order: number[] = [];
  await new Promise<void>((resolve) => {
    for (let i = 0; i < 3; i++) afterYield(() => order.push(i));
    afterYield(resolve);
  });
  assertEquals([order, counter.count], [[0, 1, 2], 1]);
});

Deno.test("yieldToLoop() is one promise for all calls until the event loop turns", async () => {
  await freshLoop();
  using counter = new ImmediateCounter();
  await Promise.all(Array.from({ length: 1000 }, yieldToLoop));
  assertEquals(counter.count, 1);
});

Deno.test("answer() waits for a turn only when one is due", async () => {
  using clock = await FakeClock.install();
  for (let i = 0; i < 255; i++) assertEquals(await answer(i), i);
  let settled = false;
  const last = answer("last").then((value) => {
    settled = true;
    return value;
  });
  await microtasks(100);
  assertFalse(settled);
  await clock.turn();
  assertEquals(await last, "last");
});
