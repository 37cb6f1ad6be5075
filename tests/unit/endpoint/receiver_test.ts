import {
  assert,
  assertEquals,
  assertFalse,
  assertLessOrEqual,
} from "@std/assert";
import {
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_WAITALL,
} from "../../../src/base/constants.ts";
import { osError } from "../../../src/base/os_error.ts";
import type { CallContext } from "../../../src/wait/waiter.ts";
import { numbered } from "../../support/bytes.ts";
import { settle, tick } from "../../support/event_loop.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ReceiverRig } from "../../support/receiver_rig.ts";

Deno.test("Receiver starts no read while no call waits", async () => {
  const rig = new ReceiverRig();
  assertFalse(rig.conn.reading);
  const call = rig.recv(4);
  assert(rig.conn.reading);
  rig.conn.deliver(numbered(4));
  await call;
  await settle();
  assertFalse(rig.conn.reading);
});

Deno.test("Receiver.recv() returns all that a large request finds in the kernel", async () => {
  for (const size of [1, 1023, 1024, 1025, 2048, 65_536, 70_000, 300_000]) {
    for (const arrived of [true, false]) {
      const { conn, ...rig } = new ReceiverRig();
      const context = { owner: rig.owner, timeoutMs: null, signal: undefined };
      if (arrived) conn.deliver(numbered(size));
      const call = rig.receiver.recv(context, 1_000_000);
      await settle();
      if (!arrived) conn.deliver(numbered(size));
      const data = await call;
      assertEquals(data.length, size, `${size}, ${arrived}`);
      assertEquals(data, numbered(size));
      assertEquals(data.buffer.byteLength, size);
    }
  }
});

Deno.test("Receiver.recv() asks for 1 KiB where a call wants less", async () => {
  const rig = new ReceiverRig();
  // A buffer of the exact size would come back full from a message of that size,
  // and then the next read would find nothing: 1 KiB saves that second read.
  for (const size of [1, 10, 100]) {
    const call = rig.recv(size);
    rig.conn.deliver(numbered(size));
    assertEquals(await call, numbered(size));
  }
  assertEquals(rig.conn.readSizes, [1024, 1024, 1024]);
});

Deno.test("Receiver asks for more step by step while reads come back full", async () => {
  const rig = new ReceiverRig();
  rig.conn.deliver(numbered(2_000_000));
  for (let at = 0; at < 600_000; at += 128) await rig.recv(128);
  assertEquals(
    rig.conn.readSizes.slice(0, 6),
    // The second step is as small as the first, since a message of just that
    // length is no sign of more.
    [1024, 1024, 4096, 16_384, 65_536, 262_144],
  );
});

Deno.test("Receiver asks for as much as fits into the buffer behind a few queued bytes", async () => {
  const { conn, ...rig } = new ReceiverRig();
  conn.deliver(numbered(300_000));
  const context = { owner: rig.owner, timeoutMs: null, signal: undefined };
  await rig.receiver.recv(context, 300_000);
  assertEquals(
    conn.readSizes,
    [1024, 1024, 2048, 12_288, 65_536, 262_144],
  );
});

Deno.test("Receiver asks for little after a short read, and goes back only one step", async () => {
  const rig = new ReceiverRig();
  const receive = async (size: number) => {
    rig.conn.deliver(numbered(size));
    for (let n = 0; n < size;) n += (await rig.recv(size - n)).length;
  };
  await receive(1024 + 1024 + 2048 + 12_288);
  rig.conn.readSizes.length = 0;
  // The last read was full, so this one asks for the next size, and is short.
  await receive(100);
  await receive(1024 + 16_384);
  assertEquals(rig.conn.readSizes, [65_536, 1024, 65_536 - 1024]);
});

Deno.test("Receiver asks for 4 KiB at once while messages need more than 1 KiB and no more than that", async () => {
  const rig = new ReceiverRig();
  const { conn } = rig;
  const receive = async (size: number) => {
    conn.readSizes.length = 0;
    const call = rig.recv(65_536);
    await settle();
    conn.deliver(numbered(size));
    assertEquals(await call, numbered(size));
    return conn.readSizes[0];
  };
  assertEquals(await receive(2000), 1024);
  assertEquals(await receive(3000), 4096);
  assertEquals(await receive(1024), 4096);
  assertEquals(await receive(5000), 1024);
  assertEquals(await receive(100), 1024);
});

/** Receivers that all have found much, and have more to ask for. */
async function busyRigs(count: number): Promise<ReceiverRig[]> {
  const rigs = Array.from({ length: count }, () => new ReceiverRig());
  const first = 1024 + 1024 + 2048 + 12_288 + 65_536;
  for (const rig of rigs) {
    rig.conn.deliver(numbered(first));
    await rig.recv(first);
    rig.conn.readSizes.length = 0;
  }
  return rigs;
}

const inFlight = (rigs: ReceiverRig[]) =>
  rigs.map(({ conn }) => conn.readBuffer?.length ?? 0);

Deno.test("Receiver begins few large reads at a time, and finally all of them", async () => {
  const rigs = await busyRigs(40);
  for (const rig of rigs) rig.conn.deliver(numbered(300_000));
  const calls = rigs.map((rig) => rig.recv(262_144));
  const bytes = inFlight(rigs).reduce((sum, n) => sum + n, 0);
  assertLessOrEqual(bytes, 1_048_576);
  for (const data of await Promise.all(calls)) {
    assertEquals(data.length, 262_144);
  }
  for (const { conn } of rigs) assertEquals(conn.readSizes[0], 262_144);
});

Deno.test("Receiver asks for little while large reads of others wait for their peers", async () => {
  const rigs = await busyRigs(40);
  const calls = rigs.map((rig) => rig.recv(262_144));
  while (!rigs.every(({ conn }) => conn.reading)) await tick();
  const sizes = inFlight(rigs);
  const large = sizes.filter((n) => n > 4096);
  assertLessOrEqual(large.reduce((sum, n) => sum + n, 0), 1_572_864);
  assert(sizes.length - large.length > 30, String(sizes));
  for (const rig of rigs) rig.conn.deliver(numbered(10));
  for (const data of await Promise.all(calls)) assertEquals(data.length, 10);
  // What they held is free again.
  const [rig] = await busyRigs(1);
  const call = rig!.recv(262_144);
  assertEquals(inFlight([rig!]), [262_144]);
  rig!.conn.endRead();
  await call;
});

Deno.test("Receiver.close() ends a receive whose large read is postponed", async () => {
  const rigs = await busyRigs(8);
  const calls = rigs.map((rig) => rig.recv(262_144).catch(() => "closed"));
  const last = rigs.at(-1)!;
  assertFalse(last.conn.reading);
  const closed = last.receiver.close();
  assertEquals(await calls.at(-1), "closed");
  await closed;
  assertFalse(last.conn.reading);
  for (const rig of rigs.slice(0, -1)) rig.conn.deliver(numbered(10));
  await Promise.all(calls);
});

/** Large reads in flight, so that those of other connections are postponed. */
async function occupied(): Promise<
  { rig: ReceiverRig; end: () => Promise<void> }
> {
  const rigs = await busyRigs(3);
  const [rig, ...others] = rigs as [ReceiverRig, ...ReceiverRig[]];
  const calls = others.map((other) => other.recv(262_144));
  const end = async () => {
    for (const { conn } of others) conn.endRead();
    await Promise.all(calls);
  };
  return { rig, end };
}

Deno.test("Receiver.recv() that must not wait finds what is there while large reads of others are in flight", async () => {
  const { rig, end } = await occupied();
  rig.conn.deliver(numbered(10));
  const data = await rig.recv(100, 0, { timeoutMs: 0 });
  await end();
  assertEquals(data, numbered(10));
});

Deno.test("Receiver.recv() that must not wait finds what is there after a cancelled call whose large read was postponed", async () => {
  const { rig, end } = await occupied();
  await rig.cancelled(100);
  rig.conn.deliver(numbered(10));
  const data = await rig.recv(100, 0, { timeoutMs: 0 });
  await end();
  assertEquals(data, numbered(10));
});

Deno.test("Receiver.whenReadable() reads at once while large reads of others are in flight", async () => {
  const { rig, end } = await occupied();
  const readable = rig.receiver.whenReadable(rig.context());
  assertEquals(rig.conn.readBuffer?.length, 4096);
  rig.conn.deliver(numbered(10));
  assert(await readable);
  await end();
});

Deno.test("Receiver.shut() gives what the kernel has to a call whose large read was postponed", async () => {
  const { rig, end } = await occupied();
  rig.conn.deliver(numbered(10));
  const call = rig.recv(100);
  rig.receiver.shut();
  const data = await call;
  await end();
  assertEquals(data, numbered(10));
});

Deno.test("Receiver.unread() loses nothing of a large read that was postponed", async () => {
  const { rig, end } = await occupied();
  rig.conn.deliver(numbered(10));
  const call = rig.recv(13, MSG_PEEK | MSG_WAITALL);
  rig.receiver.unread(numbered(3));
  await end();
  assertEquals(await call, new Uint8Array([0, 1, 2, ...numbered(10)]));
});

Deno.test("Receiver.recv() returns memory of its own after Receiver.unread() during a read", async () => {
  const rig = new ReceiverRig();
  rig.conn.deliver(numbered(50));
  await rig.recv(1, MSG_PEEK);
  await rig.cancelled(100, MSG_WAITALL);
  rig.receiver.unread(numbered(10));
  assertEquals((await rig.recv(60)).length, 60);
  const call = rig.recv(1024);
  rig.conn.deliver(numbered(1024));
  const data = await call;
  assertEquals(data, numbered(1024));
  assertEquals(data.buffer.byteLength, 1024);
});

Deno.test("Receiver.recv() reads ahead once reads come back full, in order", async () => {
  const rig = new ReceiverRig();
  rig.conn.deliver(numbered(200_000));
  const context = rig.context();
  for (let at = 0; at < 200_000; at += 16) {
    const data = await rig.receiver.recv(context, 16);
    assertEquals(data, numbered(16, at));
    assertEquals(data.buffer.byteLength, 16);
  }
  assertLessOrEqual(rig.conn.readSizes.length, 30);
  assert(rig.conn.readSizes.every((size) => size <= 262_144));
});

Deno.test("Receiver.recv() holds little memory while it waits", async () => {
  const rig = new ReceiverRig();
  const call = rig.recv(1_000_000);
  assertLessOrEqual(rig.conn.readSizes[0]!, 1024);
  rig.conn.deliver(numbered(3));
  assertEquals(await call, numbered(3));
});

Deno.test("Receiver.recv() leaves the rest of the received bytes to the next call", async () => {
  const rig = new ReceiverRig();
  await rig.cancelled(10);
  rig.conn.deliver(numbered(10));
  await settle();
  assertEquals(await rig.recv(3), numbered(3));
  assertEquals(await rig.recv(3), numbered(3, 3));
  const rest = await rig.recv(100);
  assertEquals(rest, numbered(4, 6));
  assertEquals(rest.buffer.byteLength, 4);
});

Deno.test("Receiver.recv() returns memory that belongs to the caller", async () => {
  const rig = new ReceiverRig();
  const results: Uint8Array[] = [];
  for (let at = 0; at < 5000; at += 500) {
    const call = rig.recv(at % 1000 === 0 ? 500 : 1024);
    rig.conn.deliver(numbered(500, at));
    const data = await call;
    assertEquals(data, numbered(500, at));
    assertEquals(data.byteOffset, 0);
    assertEquals(data.buffer.byteLength, 500);
    results.push(data);
  }
  assertEquals(new Set(results.map(({ buffer }) => buffer)).size, 10);
  results.forEach((data, i) => assertEquals(data, numbered(500, i * 500)));
});

Deno.test("Receiver.recv() of a full small buffer does not share it with the next", async () => {
  const rig = new ReceiverRig();
  const first = rig.recv(5000);
  rig.conn.deliver(numbered(1024));
  const a = await first;
  const second = rig.recv(5000);
  rig.conn.deliver(numbered(1024, 7));
  const b = await second;
  assertEquals(a, numbered(1024));
  assertEquals(b, numbered(1024, 7));
  assertEquals([a.buffer.byteLength, b.buffer.byteLength], [1024, 1024]);
});

Deno.test("Receiver.recv(0) returns no bytes at once, and starts no read", async () => {
  const rig = new ReceiverRig();
  assertEquals(await rig.recv(0), new Uint8Array(0));
  assertEquals(await rig.recvInto(new Uint8Array(0)), 0);
  assertFalse(rig.conn.reading);
});

Deno.test("Receiver.recv() with MSG_PEEK leaves the bytes that it returns", async () => {
  const rig = new ReceiverRig();
  const call = rig.recv(4, MSG_PEEK);
  rig.conn.deliver(numbered(8));
  const peeked = await call;
  assertEquals(peeked, numbered(4));
  assertEquals(peeked.buffer.byteLength, 4);
  peeked.fill(99);
  assertEquals(await rig.recv(2, MSG_PEEK), numbered(2));
  assertEquals(await rig.recv(100, MSG_PEEK), numbered(8));
  const target = new Uint8Array(3);
  assertEquals(await rig.recvInto(target, MSG_PEEK), 3);
  assertEquals(target, numbered(3));
  assertEquals(await rig.recv(100), numbered(8));
});

Deno.test("Receiver.recv() with MSG_WAITALL waits for all bytes", async () => {
  const rig = new ReceiverRig();
  const call = rig.recv(5000, MSG_WAITALL);
  let settled = false;
  void call.then(() => settled = true);
  for (let at = 0; at < 5000; at += 1000) {
    await settle();
    assertFalse(settled);
    rig.conn.deliver(numbered(1000, at));
  }
  assertEquals(await call, numbered(5000));
});

Deno.test("Receiver.recv() with MSG_PEEK and MSG_WAITALL waits for all bytes and leaves them", async () => {
  const rig = new ReceiverRig();
  const call = rig.recv(3, MSG_PEEK | MSG_WAITALL);
  rig.conn.deliver(numbered(1));
  await settle();
  rig.conn.deliver(numbered(3, 1));
  assertEquals(await call, numbered(3));
  assertEquals(await rig.recv(100), numbered(4));
});

Deno.test("non-blocking Receiver.recv() returns a part, even with MSG_WAITALL", async () => {
  using clock = await FakeClock.install();
  const rig = new ReceiverRig();
  rig.conn.deliver(numbered(4));
  const flags = MSG_WAITALL | MSG_DONTWAIT;
  const call = rig.recv(10, flags, { timeoutMs: 0 });
  await clock.advance(5);
  assertEquals(await call, numbered(4));
});

Deno.test("Receiver.recvInto() reads directly into the caller's buffer if the call cannot be cancelled", async () => {
  const rig = new ReceiverRig();
  const target = new Uint8Array(100_000);
  const call = rig.recvInto(target);
  assertEquals(rig.conn.readSizes, [100_000]);
  rig.conn.deliver(numbered(50_000));
  assertEquals(await call, 50_000);
  assertEquals(target.subarray(0, 50_000), numbered(50_000));
});

const indirect: readonly [
  what: string,
  (rig: ReceiverRig) => Partial<CallContext>,
][] = [
  ["a timeout", () => ({ timeoutMs: 1e6 })],
  ["a signal", () => ({ signal: new AbortController().signal })],
  ["another holder", (rig) => {
    rig.shared = true;
    return {};
  }],
];
for (const [what, contextFor] of indirect) {
  Deno.test(`Receiver.recvInto() with ${what} writes nothing to the buffer before it settles`, async () => {
    using _clock = await FakeClock.install();
    const rig = new ReceiverRig();
    const target = new Uint8Array(8).fill(255);
    const call = rig.recvInto(target, 0, contextFor(rig));
    rig.conn.deliver(numbered(4));
    assertEquals(target[0], 255);
    assertEquals(await call, 4);
    assertEquals(target.subarray(0, 4), numbered(4));
    assertEquals(target.subarray(4), new Uint8Array(4).fill(255));
    rig.owner.close(osError("EBADF"));
  });
}

Deno.test("Receiver serves concurrent receives in order, whatever their kind", async () => {
  const rig = new ReceiverRig();
  const target = new Uint8Array(3);
  const calls = [
    rig.recv(2),
    rig.recv(2, MSG_PEEK),
    rig.recvInto(target),
    rig.recv(4, MSG_WAITALL),
    rig.recv(2),
  ];
  for (let at = 0; at < 11; at++) {
    rig.conn.deliver(numbered(1, at));
    await settle();
  }
  const [a, b, c, d, e] = await Promise.all(calls);
  const all = [
    ...(a as Uint8Array),
    ...target.subarray(0, c as number),
    ...(d as Uint8Array),
    ...(e as Uint8Array),
  ];
  assertEquals(b, numbered(1, (a as Uint8Array).length));
  assertEquals(Uint8Array.from(all), numbered(all.length));
  assertEquals((d as Uint8Array).length, 4);
});

Deno.test("Receiver.whenReadable() waits for bytes and takes none", async () => {
  const rig = new ReceiverRig();
  const call = rig.receiver.whenReadable(rig.context());
  await settle();
  assertFalse(rig.receiver.readable);
  rig.conn.deliver(numbered(4));
  assertEquals(await call, true);
  assert(rig.receiver.readable);
  assertEquals(await rig.recv(10), numbered(4));
  assertFalse(rig.receiver.readable);
});

Deno.test("Receiver lets no call overtake one that waits for more", async () => {
  const rig = new ReceiverRig();
  const first = rig.recv(10, MSG_WAITALL);
  rig.conn.deliver(numbered(4));
  await settle();
  const target = new Uint8Array(2);
  const later = [rig.recv(2), rig.recv(2, MSG_PEEK), rig.recvInto(target)];
  rig.conn.deliver(numbered(10, 4));
  assertEquals(await first, numbered(10));
  const [a, b, c] = await Promise.all(later);
  assertEquals([a, b, c], [numbered(2, 10), numbered(2, 12), 2]);
  assertEquals(target, numbered(2, 12));
});
