import { assertEquals, assertNotStrictEquals } from "@std/assert";
import { ReceiveBuffer } from "../../../src/endpoint/receive_buffer.ts";
import { numbered } from "../../support/bytes.ts";

/** Removes up to `n` bytes, as a receive does. */
function take(queue: ReceiveBuffer, n: number): Uint8Array {
  return queue.take(Math.min(n, queue.length));
}

function peekInto(queue: ReceiveBuffer, target: Uint8Array): number {
  const n = Math.min(target.length, queue.length);
  queue.copyInto(target, n);
  return n;
}

function takeInto(queue: ReceiveBuffer, target: Uint8Array): number {
  const n = peekInto(queue, target);
  queue.drop(n);
  return n;
}

/** A queue of the numbers from 0 on, in chunks of these sizes. */
function queueOf(...sizes: number[]): ReceiveBuffer {
  const queue = new ReceiveBuffer();
  let from = 0;
  for (const size of sizes) {
    queue.append(numbered(size, from));
    from += size;
  }
  return queue;
}

const takes: readonly [what: string, chunks: number[], takes: number[]][] = [
  ["a chunk whole", [8], [8]],
  ["a chunk in parts", [8], [3, 3, 2]],
  ["the rest of a chunk exactly", [8], [5, 3]],
  ["a chunk that is smaller than asked for", [8], [100]],
  ["the rest of a chunk and the next", [8, 8], [5, 11]],
  ["across chunks", [1, 2, 3, 4, 5], [4, 4, 4, 3]],
  ["a first chunk that is all of what is asked for", [4, 4], [4, 4]],
  ["more than there is, over chunks", [4, 4, 4], [5, 100]],
  ["single bytes", [3, 1, 2], [1, 1, 1, 1, 1, 1]],
];
for (const [what, chunks, sizes] of takes) {
  Deno.test(`ReceiveBuffer.take() takes ${what}`, () => {
    const queue = queueOf(...chunks);
    let from = 0;
    for (const size of sizes) {
      const expected = Math.min(size, queue.length);
      const data = take(queue, size);
      assertEquals(data, numbered(expected, from));
      assertEquals(data.buffer.byteLength, data.length);
      assertEquals(data.byteOffset, 0);
      from += expected;
    }
    assertEquals(queue.length, 0);
  });

  Deno.test(`ReceiveBuffer.copyInto() and drop() take ${what}`, () => {
    const queue = queueOf(...chunks);
    let from = 0;
    for (const size of sizes) {
      const expected = Math.min(size, queue.length);
      const target = new Uint8Array(size).fill(255);
      assertEquals(takeInto(queue, target), expected);
      assertEquals(target.subarray(0, expected), numbered(expected, from));
      assertEquals(target.subarray(expected).every((n) => n === 255), true);
      from += expected;
    }
    assertEquals(queue.length, 0);
  });

  Deno.test(`ReceiveBuffer.copyInto() leaves ${what}`, () => {
    const queue = queueOf(...chunks);
    for (const size of sizes) {
      const { length } = queue;
      const target = new Uint8Array(size);
      const n = peekInto(queue, target);
      assertEquals(n, Math.min(size, length));
      assertEquals(queue.length, length);
      assertEquals(target.subarray(0, n), take(queue, size));
    }
  });
}

Deno.test("ReceiveBuffer.take() returns nothing from an empty queue", () => {
  const queue = queueOf();
  assertEquals(take(queue, 5), new Uint8Array(0));
  assertEquals(takeInto(queue, new Uint8Array(5)), 0);
  assertEquals(peekInto(queue, new Uint8Array(5)), 0);
});

Deno.test("ReceiveBuffer.take() never returns memory that holds other bytes", () => {
  const queue = new ReceiveBuffer();
  const shared = numbered(16);
  queue.append(shared.subarray(0, 4));
  const data = take(queue, 4);
  assertEquals(data, numbered(4));
  assertNotStrictEquals(data.buffer, shared.buffer);
  assertEquals(data.buffer.byteLength, 4);
});

Deno.test("ReceiveBuffer.take() returns the read's own memory if it holds exactly those bytes", () => {
  const queue = new ReceiveBuffer();
  const room = queue.room(4096);
  room.set(numbered(4096));
  queue.filled(4096);
  const data = queue.take(4096);
  assertEquals(data.buffer, room.buffer);
  const next = queue.room(4096);
  assertNotStrictEquals(next.buffer, data.buffer);
  next.fill(255);
  assertEquals(data, numbered(4096));
});

Deno.test("ReceiveBuffer.take() returns a copy while more is queued", () => {
  const queue = new ReceiveBuffer();
  queue.room(4096).set(numbered(4096));
  queue.filled(4096);
  assertEquals(queue.take(1), numbered(1));
  const rest = queue.take(4095);
  assertEquals(rest, numbered(4095, 1));
  assertEquals(rest.buffer.byteLength, 4095);
});

Deno.test("ReceiveBuffer.append() ignores an empty chunk", () => {
  const queue = queueOf(2);
  queue.append(new Uint8Array(0));
  queue.append(numbered(2, 2));
  assertEquals(queue.length, 4);
  assertEquals(take(queue, 4), numbered(4));
});

Deno.test("ReceiveBuffer.clear() drops all bytes, even after a part was taken", () => {
  const queue = queueOf(4, 4);
  take(queue, 2);
  queue.clear(false);
  assertEquals(queue.length, 0);
  queue.append(numbered(3));
  assertEquals(take(queue, 3), numbered(3));
});

Deno.test("ReceiveBuffer keeps the order over any mixture of calls", () => {
  const queue = new ReceiveBuffer();
  let pushed = 0;
  let taken = 0;
  // A fixed pseudo-random sequence: the same mixture in every run.
  let state = 1;
  const next = (limit: number) =>
    (state = (state * 1103515245 + 12345) & 0x7fffffff) % limit;
  for (let i = 0; i < 5000; i++) {
    const size = next(20);
    switch (next(4)) {
      case 0:
      case 1:
        queue.append(numbered(size, pushed));
        pushed += size;
        break;
      case 2: {
        const data = take(queue, size);
        assertEquals(data, numbered(data.length, taken));
        taken += data.length;
        break;
      }
      default: {
        const target = new Uint8Array(size);
        const n = takeInto(queue, target);
        assertEquals(target.subarray(0, n), numbered(n, taken));
        taken += n;
      }
    }
    assertEquals(queue.length, pushed - taken);
  }
});

const prepended: readonly [what: string, queued: number, back: number][] = [
  ["nothing", 0, 8],
  ["a few bytes", 8, 8],
  ["more than a small buffer", 5000, 3000],
];
for (const [what, queued, back] of prepended) {
  Deno.test(`ReceiveBuffer.prepend() puts bytes in front of ${what}`, () => {
    const queue = queueOf(back + queued);
    const data = take(queue, back);
    queue.prepend(data, undefined);
    assertEquals(queue.length, back + queued);
    assertEquals(take(queue, back + queued), numbered(back + queued));
  });

  Deno.test(`ReceiveBuffer.prepend() keeps the room of a read behind ${what}`, () => {
    const queue = queueOf(back + queued);
    const data = take(queue, back);
    const room = queue.room(100);
    queue.prepend(data, room);
    // The read settles now, and fills the room that it was given.
    room.set(numbered(60, back + queued));
    queue.filled(60);
    assertEquals(take(queue, 1e6), numbered(back + queued + 60));
  });
}
