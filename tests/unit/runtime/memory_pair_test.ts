import { assertEquals, assertRejects } from "@std/assert";
import { OSError } from "../../../src/base/errors.ts";
import { datagramPair, streamPair } from "../../../src/runtime/memory_pair.ts";
import { within } from "../../support/within.ts";

/** The kernel's default buffer, net.core.wmem_default. */
const CAPACITY = 212_992;

function numbered(position: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (position + i) % 251);
}

/** What a promise comes to, and whether it has come to that. */
function watch<T>(promise: Promise<T>): { settled: boolean } {
  const state = { settled: false };
  const settle = () => void (state.settled = true);
  promise.then(settle, settle);
  return state;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function failureOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => within(promise), OSError)).code;
}

Deno.test("streamPair() carries bytes of any size through its buffer in order", async () => {
  const [a, b] = streamPair();
  // Sizes around those of the memory, so that it grows, wraps and is given back.
  const sizes = [1, 1023, 1024, 1025, 16_384, 100_000, CAPACITY, 7];
  let written = 0;
  let read = 0;
  const reading = (async () => {
    for (let i = 0; read < written || i < 200; i++) {
      const buffer = new Uint8Array(sizes[(i * 3) % sizes.length]!);
      const n = await b.read(buffer);
      if (n === null) return;
      assertEquals(buffer.subarray(0, n), numbered(read, n));
      read += n;
    }
  })();
  for (let i = 0; i < 40; i++) {
    for (let left = sizes[i % sizes.length]!; left > 0;) {
      const n = await within(a.write(numbered(written, left)));
      written += n;
      left -= n;
    }
    if (i % 5 === 0) await turn();
  }
  await a.closeWrite();
  await within(reading);
  assertEquals(read, written);
  a.close();
  b.close();
});

Deno.test("streamPair() wakes a blocked write when three quarters are free", async () => {
  const [a, b] = streamPair();
  assertEquals(await a.write(new Uint8Array(CAPACITY + 5)), CAPACITY);
  const writing = a.write(numbered(0, 10));
  const state = watch(writing);
  let unread = CAPACITY;
  while (unread > CAPACITY / 4) {
    assertEquals(state.settled, false);
    unread -= (await within(b.read(new Uint8Array(1000))))!;
    await turn();
  }
  assertEquals(state.settled, true);
  assertEquals(await writing, 10);
  a.close();
  b.close();
});

Deno.test("streamPair() keeps a write that has not begun out of the stream when it closes", async () => {
  const [a, b] = streamPair();
  await a.write(new Uint8Array(CAPACITY));
  const writing = a.write(new Uint8Array(1));
  a.close();
  assertEquals(await failureOf(writing), "EBADF");
  let read = 0;
  for (;;) {
    const n = await within(b.read(new Uint8Array(100_000)));
    if (n === null) break;
    read += n;
  }
  assertEquals(read, CAPACITY);
  b.close();
});

Deno.test("streamPair() resets the peer when it closes with bytes unread, or is reset", async () => {
  for (const end of ["unread", "given", "reset"] as const) {
    const [a, b] = streamPair();
    await b.write(numbered(0, 3));
    if (end === "unread") await a.write(new Uint8Array(1));
    if (end === "reset") b.reset!();
    else b.close(end === "given");
    const buffer = new Uint8Array(9);
    assertEquals(await within(a.read(buffer)), 3, end);
    assertEquals(await failureOf(a.read(buffer)), "ECONNRESET", end);
    assertEquals(await within(a.read(buffer)), null, end);
    assertEquals(await failureOf(a.write(buffer)), "EPIPE", end);
    a.close();
  }
});

Deno.test("streamPair() resolves a read whose buffer was transferred, and keeps the bytes", async () => {
  const [a, b] = streamPair();
  const buffer = new Uint8Array(9);
  const reading = b.read(buffer);
  structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
  await a.write(numbered(0, 5));
  assertEquals(await within(reading), 0);
  const next = new Uint8Array(9);
  assertEquals(await within(b.read(next)), 5);
  assertEquals(next.subarray(0, 5), numbered(0, 5));
  a.close();
  b.close();
});

Deno.test("streamPair() lets the event loop turn at least every 256 operations", async () => {
  const [a, b] = streamPair();
  let turned = false;
  setImmediate(() => turned = true);
  let operations = 0;
  const buffer = new Uint8Array(1);
  for (; !turned; operations += 2) {
    await a.write(buffer);
    await b.read(buffer);
  }
  assertEquals(operations <= 258, true, `${operations} operations`);
  a.close();
  b.close();
});

Deno.test("datagramPair() blocks when its buffer is full, and fails with ECONNREFUSED once after a close", async () => {
  const [a, b] = datagramPair();
  for (let i = 0; i < 5; i++) await a.send(numbered(i, 50_000), a.addr);
  const sending = a.send(new Uint8Array(1), a.addr);
  const state = watch(sending);
  const buffer = new Uint8Array(100_000);
  for (let i = 0; i < 5; i++) {
    assertEquals(state.settled, i > 3);
    const [data] = await within(b.receive(buffer));
    assertEquals(data, numbered(i, 50_000));
    await turn();
  }
  assertEquals(await within(sending), 1);
  await b.close();
  assertEquals(await failureOf(a.send(buffer, a.addr)), "ECONNREFUSED");
  assertEquals(await failureOf(a.send(buffer, a.addr)), "ENOTCONN");
  await a.close();
});
