import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import { MSG_PEEK, MSG_WAITALL } from "../../../src/base/constants.ts";
import {
  ConnectionResetError,
  OSError,
  TimeoutError,
} from "../../../src/base/errors.ts";
import { osError } from "../../../src/base/os_error.ts";
import { CallOwner } from "../../../src/wait/waiter.ts";
import { numbered } from "../../support/bytes.ts";
import { freshLoop, microtasks, settle } from "../../support/event_loop.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ReceiverRig } from "../../support/receiver_rig.ts";

function reset(): Error {
  const error = new Deno.errors.ConnectionReset("Connection reset by peer");
  return Object.assign(error, { code: "ECONNRESET" });
}

Deno.test("Receiver.recv() with MSG_WAITALL returns the bytes before the end of the stream", async () => {
  const rig = new ReceiverRig();
  const call = rig.recv(10, MSG_WAITALL);
  rig.conn.deliver(numbered(4));
  await settle();
  rig.conn.endRead();
  assertEquals(await call, numbered(4));
  assertEquals(await rig.recv(10, MSG_WAITALL), new Uint8Array(0));
});

Deno.test("Receiver.recv() with MSG_WAITALL that is cancelled leaves its part to the next call", async () => {
  const rig = new ReceiverRig();
  const controller = new AbortController();
  const { signal } = controller;
  const call = rig.recv(3000, MSG_WAITALL, { signal });
  for (const at of [0, 1000]) {
    rig.conn.deliver(numbered(1000, at));
    await settle();
  }
  controller.abort("cancelled");
  assertEquals(await call.catch((error) => error), "cancelled");
  assertEquals(await rig.recv(1500), numbered(1500));
  const rest = rig.recv(1500, MSG_WAITALL);
  await settle();
  rig.conn.deliver(numbered(1000, 2000));
  assertEquals(await rest, numbered(1500, 1500));
});

Deno.test("Receiver.recvInto() that was cancelled never writes to its buffer", async () => {
  const rig = new ReceiverRig();
  const controller = new AbortController();
  const { signal } = controller;
  const target = new Uint8Array(8).fill(255);
  const call = rig.recvInto(target, 0, { signal });
  controller.abort("cancelled");
  assertEquals(await call.catch((error) => error), "cancelled");
  rig.conn.deliver(numbered(4));
  await settle();
  assertEquals(target, new Uint8Array(8).fill(255));
  assertEquals(await rig.recv(8), numbered(4));
});

Deno.test("Receiver returns the bytes of a direct read whose call has ended to the next call", async () => {
  const rig = new ReceiverRig();
  const other = new CallOwner();
  const call = rig.recvInto(new Uint8Array(8));
  const next = rig.receiver.recv(rig.context({ owner: other }), 3);
  // As another descriptor would see it: the first one's socket is closed.
  rig.owner.close(osError("EBADF"));
  await assertRejects(() => call, OSError, "Bad file descriptor");
  rig.conn.deliver(numbered(5));
  assertEquals(await next, numbered(3));
  const rest = rig.receiver.recv(rig.context({ owner: other }), 8);
  assertEquals(await rest, numbered(2, 3));
});

Deno.test("Receiver reports the end of the stream again and again, after the bytes", async () => {
  const rig = new ReceiverRig();
  const calls = [rig.recv(3), rig.recv(3), rig.recv(3), rig.recv(3)];
  rig.conn.deliver(numbered(4));
  await settle();
  rig.conn.endRead();
  const lengths = (await Promise.all(calls)).map(({ length }) => length);
  assertEquals(lengths, [3, 1, 0, 0]);
  assertEquals(await rig.recv(3), new Uint8Array(0));
  assertFalse(rig.conn.reading);
  assert(rig.receiver.readable);
});

Deno.test("Receiver reports a reset once, after the bytes, then the end", async () => {
  const rig = new ReceiverRig();
  await rig.cancelled(10);
  rig.conn.deliver(numbered(4));
  await settle();
  await rig.cancelled(10, MSG_WAITALL);
  rig.conn.failRead(reset());
  await settle();
  assertEquals(await rig.recv(10), numbered(4));
  await assertRejects(() => rig.recv(10), ConnectionResetError);
  assertEquals(await rig.recv(10), new Uint8Array(0));
});

Deno.test("Receiver.takeError() takes the reset from the next receive", async () => {
  const rig = new ReceiverRig();
  await rig.cancelled(10);
  rig.conn.failRead(reset());
  await settle();
  assertInstanceOf(rig.receiver.takeError(), ConnectionResetError);
  assertEquals(rig.receiver.takeError(), undefined);
  assertEquals(await rig.recv(10), new Uint8Array(0));
});

Deno.test("Receiver.shut() leaves the received bytes, then the end, and starts no read", async () => {
  const rig = new ReceiverRig();
  await rig.cancelled(10);
  rig.conn.deliver(numbered(4));
  await settle();
  const pending = rig.recv(10, MSG_WAITALL);
  await settle();
  rig.receiver.shut();
  assertEquals(await pending, numbered(4));
  assertEquals(await rig.recv(10), new Uint8Array(0));
  const reads = rig.conn.readSizes.length;
  if (rig.conn.reading) rig.conn.deliver(numbered(4, 4));
  await settle();
  assertEquals(await rig.recv(10), new Uint8Array(0));
  assertEquals(rig.conn.readSizes.length, reads);
});

Deno.test("Receiver.shut() leaves the bytes that the kernel had received, too", async () => {
  const rig = new ReceiverRig();
  rig.conn.deliver(numbered(4));
  rig.receiver.shut();
  assertEquals(await rig.recv(10), numbered(4));
  assertEquals(await rig.recv(10), new Uint8Array(0));
});

Deno.test("Receiver.close() rejects every waiting call", async () => {
  const rig = new ReceiverRig();
  const calls = [rig.recv(1), rig.recvInto(new Uint8Array(1))];
  const outcomes = Promise.allSettled(calls);
  rig.owner.close(osError("EBADF"));
  rig.receiver.close();
  for (const outcome of await outcomes) {
    assertEquals(outcome.status, "rejected");
    const { reason } = outcome as PromiseRejectedResult;
    assertEquals(reason.code, "EBADF");
  }
});

Deno.test("Receiver loses and doubles nothing, in whichever microtask a call ends", async () => {
  for (const end of ["abort", "close"] as const) {
    for (const flags of [0, MSG_PEEK, MSG_WAITALL]) {
      for (let at = 0; at < 24; at++) {
        await freshLoop();
        const rig = new ReceiverRig();
        const controller = new AbortController();
        const { signal } = controller;
        const call = rig.recv(4, flags, { signal }).catch(() => undefined);
        await Promise.all([
          microtasks(8).then(() => rig.conn.deliver(numbered(4))),
          microtasks(at).then(() => {
            if (end === "abort") controller.abort("cancelled");
            else rig.owner.close(osError("EBADF"));
          }),
        ]);
        const got = await call;
        const owner = new CallOwner();
        const used = got === undefined || flags === MSG_PEEK ? 0 : got.length;
        if (got !== undefined) assertEquals(got, numbered(4));
        rig.conn.deliver(numbered(4, 4));
        const rest: number[] = [];
        while (used + rest.length < 8) {
          const context = rig.context({ owner });
          rest.push(...await rig.receiver.recv(context, 8));
        }
        const expected = numbered(8 - used, used);
        assertEquals(Uint8Array.from(rest), expected, `${end} ${flags} ${at}`);
      }
    }
  }
});

Deno.test("Receiver returns late bytes to the next call after a timeout", async () => {
  using clock = await FakeClock.install();
  const rig = new ReceiverRig();
  const call = rig.recv(4, 0, { timeoutMs: 100 });
  const outcome = call.catch((error) => error);
  await clock.advance(110);
  assertInstanceOf(await outcome, TimeoutError);
  rig.conn.deliver(numbered(4));
  await settle();
  assertEquals(await rig.recv(4, 0, { timeoutMs: 100 }), numbered(4));
  assertFalse(rig.conn.reading);
});

Deno.test("Receiver returns queued bytes to a non-blocking call at once", async () => {
  await freshLoop();
  const rig = new ReceiverRig();
  await rig.cancelled(4);
  rig.conn.deliver(numbered(4));
  await settle();
  // No clock moves here: nothing but microtasks pass.
  assertEquals(await rig.recv(100, 0, { timeoutMs: 0 }), numbered(4));
  rig.owner.close(osError("EBADF"));
});

Deno.test("Receiver stays bounded over thousands of cancelled receives", async () => {
  const rig = new ReceiverRig();
  const controller = new AbortController();
  const { signal } = controller;
  const calls = Array.from(
    { length: 5000 },
    () => rig.recv(1000, 0, { signal }).catch((error) => error),
  );
  controller.abort("cancelled");
  const outcomes = new Set(await Promise.all(calls));
  assertEquals([...outcomes], ["cancelled"]);
  for (let i = 0; i < 5000; i++) await rig.cancelled(1000);
  assertEquals(rig.conn.readSizes.length, 1);
  assertFalse(rig.conn.referenced);
  rig.conn.deliver(numbered(10));
  await settle();
  assertFalse(rig.conn.reading);
  assertEquals(await rig.recv(1000), numbered(10));
});
