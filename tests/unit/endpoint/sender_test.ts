import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  BlockingIOError,
  BrokenPipeError,
  type OSError,
  TimeoutError,
} from "../../../src/base/errors.ts";
import { osError } from "../../../src/base/os_error.ts";
import { ALL_COUNTED } from "../../../src/endpoint/sender.ts";
import type { CallContext } from "../../../src/wait/waiter.ts";
import { assertSameBytes, join, numbered } from "../../support/bytes.ts";
import { freshLoop, microtasks, settle } from "../../support/event_loop.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { SenderRig } from "../../support/sender_rig.ts";

function broken(): Error {
  const error = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  return Object.assign(error, { code: "EPIPE" });
}

Deno.test("Sender.send() hands over a large message whole if nothing can cancel the call", async () => {
  const { conn, ...rig } = new SenderRig();
  const data = numbered(1_000_000);
  const call = rig.sender.send(
    { owner: rig.owner, timeoutMs: null, signal: undefined },
    data,
    (chunk) => conn.write(chunk),
  );
  assertEquals(conn.writeSizes, [1_000_000]);
  conn.take(300_000);
  assertEquals(await call, 300_000);
});

Deno.test("Sender.send() hands over 64 KiB at most if the call can be cancelled", async () => {
  using _clock = await FakeClock.install();
  const rig = new SenderRig();
  const { signal } = new AbortController();
  for (const context of [{ timeoutMs: 1e6 }, { signal }, { timeoutMs: 0 }]) {
    const call = rig.send(numbered(200_000), context);
    await settle();
    rig.conn.take(65_536);
    assertEquals(await call, 65_536);
  }
  assertEquals(rig.conn.writeSizes, [65_536, 65_536, 65_536]);
  rig.owner.close(osError("EBADF"));
});

Deno.test("Sender.send() resolves with the number of bytes that the kernel took", async () => {
  const rig = new SenderRig();
  const call = rig.send(numbered(100));
  rig.conn.take(40);
  assertEquals(await call, 40);
  assert(rig.sender.writable);
  await settle();
  assertFalse(rig.conn.writing);
});

Deno.test("Sender.sendAll() goes on until everything is sent", async () => {
  const rig = new SenderRig();
  const call = rig.sendAll(numbered(100));
  for (const n of [40, 1, 59]) {
    await settle();
    rig.conn.take(n);
  }
  assertEquals(await call, undefined);
  assertEquals(rig.conn.writeSizes, [100, 60, 59]);
  assertEquals(Uint8Array.from(rig.conn.written), numbered(100));
});

Deno.test("Sender sends messages in the order of the calls, one write at a time", async () => {
  const rig = new SenderRig();
  const calls = [
    rig.sendAll(numbered(10)),
    rig.send(numbered(10, 10)),
    rig.sendAll(numbered(10, 20)),
  ];
  for (const n of [4, 6, 10, 3, 7]) {
    await settle();
    rig.conn.take(n);
  }
  assertEquals(await Promise.all(calls), [undefined, 10, undefined]);
  assertEquals(Uint8Array.from(rig.conn.written), numbered(30));
});

Deno.test("Sender.send() counts the bytes in flight as sent when it is cancelled", async () => {
  using clock = await FakeClock.install();
  const rig = new SenderRig();
  const call = rig.send(numbered(100_000), { timeoutMs: 50 });
  await clock.advance(60);
  assertEquals(await call, 65_536);
  assertFalse(rig.sender.writable);
  rig.conn.take(65_536);
  await settle();
  assert(rig.sender.writable);
  assertEquals(Uint8Array.from(rig.conn.written), numbered(65_536));
});

Deno.test("Sender sends committed bytes whole before any other message", async () => {
  const rig = new SenderRig();
  await rig.commit(numbered(100));
  const next = rig.sendAll(numbered(50, 200));
  for (const n of [30, 30, 40, 20, 30]) {
    await settle();
    rig.conn.take(n);
  }
  assertEquals(await next, undefined);
  assertEquals(rig.conn.writeSizes, [100, 70, 40, 50, 30]);
  assertEquals(rig.conn.written, [...numbered(100), ...numbered(50, 200)]);
});

const errors: readonly [timeoutMs: number, type: typeof OSError][] = [
  [0, BlockingIOError],
  [50, TimeoutError],
];
for (const [timeoutMs, type] of errors) {
  Deno.test(`Sender.send() with a timeout of ${timeoutMs} ms sends nothing while committed bytes are unsent`, async () => {
    using clock = await FakeClock.install();
    const rig = new SenderRig();
    const first = rig.send(numbered(10), { timeoutMs: 0 });
    await clock.advance(5);
    assertEquals(await first, 10);
    for (let i = 0; i < 3; i++) {
      const call = rig.send(numbered(10, 100), { timeoutMs });
      const outcome = call.catch((error) => error);
      await clock.advance(60);
      assertInstanceOf(await outcome, type);
    }
    rig.conn.take(10);
    await settle();
    assertFalse(rig.conn.writing);
    assertEquals(rig.conn.written, [...numbered(10)]);
    rig.owner.close(osError("EBADF"));
  });
}

Deno.test("Sender.send() that is aborted in the queue sends nothing", async () => {
  const rig = new SenderRig();
  const controller = new AbortController();
  const { signal } = controller;
  const calls = [
    rig.sendAll(numbered(10)),
    rig.send(numbered(10, 100), { signal }),
    rig.sendAll(numbered(10, 10)),
  ];
  const outcomes = Promise.allSettled(calls);
  controller.abort("cancelled");
  await rig.drain();
  assertEquals(
    (await outcomes).map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assertEquals(Uint8Array.from(rig.conn.written), numbered(20));
});

Deno.test("Sender.sendAll() resolves if its last bytes were committed", async () => {
  const rig = new SenderRig();
  const controller = new AbortController();
  const { signal } = controller;
  const call = rig.sendAll(numbered(100), { signal });
  await settle();
  rig.conn.take(60);
  await settle();
  controller.abort("cancelled");
  assertEquals(await call, undefined);
  await rig.drain();
  assertEquals(Uint8Array.from(rig.conn.written), numbered(100));
});

Deno.test("Sender.sendAll() rejects if bytes are left, and sends the committed ones", async () => {
  const rig = new SenderRig();
  const controller = new AbortController();
  const { signal } = controller;
  const call = rig.sendAll(numbered(200_000), { signal });
  await settle();
  rig.conn.take(10_000);
  await settle();
  controller.abort("cancelled");
  assertEquals(await call.catch((error) => error), "cancelled");
  await rig.drain();
  assertEquals(rig.conn.written.length, 75_536);
  assertEquals(Uint8Array.from(rig.conn.written), numbered(75_536));
});

Deno.test("Sender keeps a copy of the bytes of a call that can be cancelled", async () => {
  for (const end of ["settle", "abort"]) {
    const rig = new SenderRig();
    const controller = new AbortController();
    const { signal } = controller;
    const data = numbered(100);
    const call = rig.send(data, { signal });
    await settle();
    if (end === "abort") controller.abort("cancelled");
    else rig.conn.take(30);
    const n = await call;
    data.fill(255);
    await rig.drain();
    assertEquals(Uint8Array.from(rig.conn.written), numbered(n));
  }
});

Deno.test("Sender.sendAll() copies all chunks of a call that can be cancelled to the same memory", async () => {
  const rig = new SenderRig();
  const { signal } = new AbortController();
  const buffers = new Set<ArrayBufferLike>();
  const data = numbered(1_000_000);
  const received: Uint8Array[] = [];
  await rig.sender.sendAll(
    { owner: rig.owner, timeoutMs: null, signal },
    data,
    (chunk) => {
      buffers.add(chunk.buffer);
      received.push(chunk.slice());
      return Promise.resolve(chunk.length);
    },
  );
  assertEquals(buffers.size, 1);
  assertSameBytes(join(received), data);
});

Deno.test("Sender reports the sent chunks, in whichever microtask after a chunk a call is aborted", async () => {
  const reported = new Set<number>();
  for (let point = 0; point < 20; point++) {
    await freshLoop();
    const rig = new SenderRig();
    const controller = new AbortController();
    const { signal } = controller;
    const call = rig.send(numbered(70_000), { signal }, ALL_COUNTED);
    rig.conn.take(65_536);
    await microtasks(point);
    controller.abort("cancelled");
    const n = await call;
    await rig.drain();
    assertEquals(rig.conn.written.length, n, `after ${point} microtasks`);
    reported.add(n);
  }
  assertEquals([...reported].sort(), [65_536, 70_000]);
});

Deno.test("Sender reports the chunks that are sent when the connection fails at the next one", async () => {
  for (const timeoutMs of [null, 60_000]) {
    const rig = new SenderRig();
    const call = rig.send(numbered(70_000), { timeoutMs }, ALL_COUNTED);
    rig.conn.take(60_000);
    await settle();
    rig.conn.failWrite(osError("ECONNRESET"));
    assertEquals(await call, 60_000);
    const next = rig.send(numbered(70_000), { timeoutMs }, ALL_COUNTED);
    rig.conn.failWrite(osError("EPIPE"));
    await assertRejects(() => next, BrokenPipeError);
    rig.owner.close();
  }
});

Deno.test("Sender reports exactly the bytes that are sent, in whichever microtask a call is aborted", async () => {
  for (const taken of [1, 40, 99, 100]) {
    for (let at = 0; at < 20; at++) {
      await freshLoop();
      const rig = new SenderRig();
      const controller = new AbortController();
      const { signal } = controller;
      const call = rig.send(numbered(100), { signal }).catch(() => 0);
      await Promise.all([
        microtasks(8).then(() => rig.conn.take(taken)),
        microtasks(at).then(() => controller.abort("cancelled")),
      ]);
      const n = await call;
      const next = rig.sendAll(numbered(50, 200));
      await rig.drain();
      assertEquals(await next, undefined);
      assertEquals(
        rig.conn.written,
        [...numbered(n), ...numbered(50, 200)],
        `${taken} taken, aborted at ${at}`,
      );
    }
  }
});

Deno.test("Sender.send() rejects with the failure of its own write", async () => {
  const rig = new SenderRig();
  const call = rig.send(numbered(10));
  rig.conn.failWrite(broken());
  await assertRejects(() => call, BrokenPipeError, "[Errno");
  assertEquals(rig.sender.takeError(), undefined);
});

Deno.test("Sender reports the failure of committed bytes to the next call, once", async () => {
  const rig = new SenderRig();
  await rig.commit(numbered(10));
  rig.conn.failWrite(broken());
  await settle();
  assert(rig.sender.writable);
  await assertRejects(() => rig.send(numbered(10)), BrokenPipeError);
  assertFalse(rig.conn.writing);
  assertEquals(rig.sender.takeError(), undefined);
});

Deno.test("Sender reports the failure of committed bytes to a call that waits in the queue", async () => {
  const rig = new SenderRig();
  await rig.commit(numbered(10));
  const next = rig.send(numbered(10, 10));
  const outcome = next.catch((error) => error);
  rig.conn.failWrite(broken());
  await settle();
  // Bytes after the lost ones must not be sent as if those had been.
  assertFalse(rig.conn.writing);
  assertInstanceOf(await outcome, BrokenPipeError);
  assertEquals(rig.sender.takeError(), undefined);
});

Deno.test("Sender.takeError() takes the failure of committed bytes", async () => {
  const rig = new SenderRig();
  await rig.commit(numbered(10));
  rig.conn.failWrite(broken());
  await settle();
  assertInstanceOf(rig.sender.takeError(), BrokenPipeError);
  assertEquals(rig.sender.takeError(), undefined);
  const next = rig.send(numbered(10));
  rig.conn.take(10);
  assertEquals(await next, 10);
});

Deno.test("Sender goes on with the calls in the queue after one whose write failed", async () => {
  const rig = new SenderRig();
  const calls = [rig.send(numbered(10)), rig.send(numbered(10, 10))];
  const outcomes = Promise.allSettled(calls);
  rig.conn.failWrite(broken());
  await settle();
  rig.conn.take(10);
  assertEquals(
    (await outcomes).map(({ status }) => status),
    ["rejected", "fulfilled"],
  );
});

Deno.test("Sender goes on with a send whose socket is closed", async () => {
  const rig = new SenderRig();
  const calls = [rig.sendAll(numbered(10)), rig.send(numbered(10, 10))];
  rig.owner.close(osError("EBADF"));
  await rig.drain();
  assertEquals(await Promise.all(calls), [undefined, 10]);
  assertEquals(Uint8Array.from(rig.conn.written), numbered(20));
});

Deno.test("Sender.flushed() resolves when all of the queue is sent", async () => {
  const rig = new SenderRig();
  await rig.sender.flushed();
  await rig.commit(numbered(10));
  const next = rig.sendAll(numbered(10, 10));
  let flushed = false;
  void rig.sender.flushed().then(() => flushed = true);
  for (const n of [5, 5, 9, 1]) {
    await settle();
    assertFalse(flushed);
    rig.conn.take(n);
  }
  await settle();
  assert(flushed);
  assertEquals(await next, undefined);
});

Deno.test("Sender.flushed() waits again when there is something unsent again", async () => {
  const rig = new SenderRig();
  for (let i = 0; i < 3; i++) {
    const call = rig.sendAll(numbered(10));
    let flushed = false;
    void rig.sender.flushed().then(() => flushed = true);
    await settle();
    assertFalse(flushed);
    rig.conn.take(10);
    await settle();
    assert(flushed);
    assertEquals(await call, undefined);
  }
});

Deno.test("Sender.whenWritable() waits until committed bytes are sent", async () => {
  const rig = new SenderRig();
  assertEquals(await rig.sender.whenWritable(rig.context()), true);
  await rig.commit(numbered(10));
  let writable = false;
  void rig.sender.whenWritable(rig.context()).then(() => writable = true);
  for (const n of [4, 6]) {
    await settle();
    assertFalse(writable);
    rig.conn.take(n);
  }
  await settle();
  assert(writable);
});

Deno.test("Sender.abandon() rejects the calls in the queue", async () => {
  const rig = new SenderRig();
  const calls = [rig.sendAll(numbered(10)), rig.send(numbered(10))];
  const outcomes = Promise.allSettled(calls);
  const reason = osError("ECONNRESET");
  rig.sender.abandon(reason);
  rig.conn.reset();
  for (const outcome of await outcomes) {
    assertEquals((outcome as PromiseRejectedResult).reason.code, "ECONNRESET");
  }
  await rig.sender.flushed();
  assertEquals((rig.sender.takeError() as OSError).code, "ECONNRESET");
});

Deno.test("Sender.abandon() ends a send that can be cancelled before its write settles", async () => {
  for (const size of [10, 100_000]) {
    for (const ends of ["fails", "succeeds"]) {
      const rig = new SenderRig();
      const { signal } = new AbortController();
      const first = rig.sendAll(numbered(size), { signal });
      await settle();
      const reason = osError("ECONNRESET");
      rig.sender.abandon(reason);
      assertStrictEquals(await first.catch((error) => error), reason);
      assertFalse(rig.conn.written.length > 0);
      let flushed = false;
      const flushing = rig.sender.flushed().then(() => flushed = true);
      await settle();
      assertFalse(flushed, "the write is still in flight");
      if (ends === "fails") rig.conn.failWrite(broken());
      else rig.conn.take(5);
      await flushing;
      assertStrictEquals(rig.sender.takeError(), reason);
      assertEquals(rig.conn.writeSizes.length, 1);
    }
  }
});

Deno.test("Sender stays bounded over thousands of cancelled sends", async () => {
  const rig = new SenderRig();
  await rig.commit(numbered(1000));
  for (let i = 0; i < 5000; i++) {
    const controller = new AbortController();
    const call = rig.send(numbered(1000), { signal: controller.signal });
    controller.abort("cancelled");
    assertEquals(await call.catch((error) => error), "cancelled");
  }
  assertEquals(rig.conn.writeSizes, [1000]);
  await rig.drain();
  assertEquals(Uint8Array.from(rig.conn.written), numbered(1000));
});

const EAGAIN = () => osError("EAGAIN");
const slowSends: readonly [
  what: string,
  context: Partial<CallContext>,
  expected: "sent" | typeof OSError,
][] = [
  ["a time limit of the call", { timeoutMs: 100 }, TimeoutError],
  ["a longer time limit of the call", { timeoutMs: 1000 }, "sent"],
  // As under SO_SNDTIMEO, which the kernel applies to each wait.
  ["a time limit of each wait", {
    timeoutMs: 100,
    timeoutError: EAGAIN,
  }, "sent"],
  ["a time limit of each wait that is too short", {
    timeoutMs: 30,
    timeoutError: EAGAIN,
  }, BlockingIOError],
];
for (const [what, context, expected] of slowSends) {
  Deno.test(
    `Sender.sendAll() to a slow peer under ${what} ${
      expected === "sent" ? "sends all" : "fails"
    }`,
    async () => {
      using clock = await FakeClock.install();
      const rig = new SenderRig();
      const outcome = rig.sendAll(numbered(200_000), context)
        .then(() => "sent", (error) => error);
      for (let i = 0; i < 10; i++) {
        await clock.advance(40);
        rig.conn.take(20_000);
        await settle();
      }
      if (expected === "sent") assertEquals(await outcome, "sent");
      else assertInstanceOf(await outcome, expected);
      rig.owner.close(osError("EBADF"));
      await rig.drain();
    },
  );
}

for (const isWhole of [true, false]) {
  Deno.test(
    `Turn has a time limit for ${
      isWhole ? "the whole of it" : "each of its waits"
    }`,
    async () => {
      using clock = await FakeClock.install();
      const rig = new SenderRig();
      const turn = await rig.sender.enter(
        rig.context({ timeoutMs: 100 }),
        isWhole,
      );
      const write = (chunk: Uint8Array) => rig.conn.write(chunk);
      let waits = 0;
      for (; waits < 5 && !turn.cancelled; waits++) {
        const sending = turn.send(numbered(10), write);
        await clock.advance(60);
        if (!turn.cancelled) rig.conn.take(10);
        await sending;
      }
      assertEquals([waits, turn.cancelled], isWhole ? [2, true] : [5, false]);
      // The bytes of the cancelled wait are committed, and count as sent.
      assertEquals(turn.sent, 10 * waits);
      rig.sender.leave(turn);
      await rig.drain();
      rig.owner.close(osError("EBADF"));
    },
  );
}
