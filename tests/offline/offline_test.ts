import * as node from "node:assert/strict";
import * as offline from "./assert.ts";
import { copy, readAll, type Reader, writeAll, type Writer } from "./io.ts";

class Plain extends Error {}
class Special extends Plain {}

const bytes = (...values: number[]) => new Uint8Array(values);

const passing: [string, () => void][] = [
  ["assert", () => offline.assert(1)],
  ["assertFalse", () => offline.assertFalse("")],
  ["assertExists", () => offline.assertExists(0)],
  ["assertEquals of numbers", () => offline.assertEquals(NaN, NaN)],
  [
    "assertEquals of bytes",
    () => offline.assertEquals(bytes(1, 2), bytes(1, 2)),
  ],
  [
    "assertEquals of bytes of two buffers",
    () => offline.assertEquals(bytes(1, 2, 3).subarray(1), bytes(2, 3)),
  ],
  [
    "assertEquals of many bytes",
    () => offline.assertEquals(new Uint8Array(2e7), new Uint8Array(2e7)),
  ],
  [
    "assertEquals of nested data",
    () =>
      offline.assertEquals(
        { a: [1, { b: null }], c: new Map([["d", new Set([1])]]) },
        { a: [1, { b: null }], c: new Map([["d", new Set([1])]]) },
      ),
  ],
  ["assertNotEquals", () => offline.assertNotEquals(bytes(1), bytes(2))],
  ["assertStrictEquals", () => offline.assertStrictEquals("a", "a")],
  ["assertNotStrictEquals", () => offline.assertNotStrictEquals([1], [1])],
  ["assertAlmostEquals", () => offline.assertAlmostEquals(1, 1.4, 0.5)],
  [
    "assertAlmostEquals by default",
    () => offline.assertAlmostEquals(0.1 + 0.2, 0.3),
  ],
  ["assertGreater", () => offline.assertGreater(2, 1)],
  ["assertGreaterOrEqual", () => offline.assertGreaterOrEqual(2, 2)],
  ["assertLess", () => offline.assertLess(1, 2)],
  ["assertLessOrEqual", () => offline.assertLessOrEqual(2, 2)],
  ["assertStringIncludes", () => offline.assertStringIncludes("abc", "b")],
  ["assertMatch", () => offline.assertMatch("abc", /^a/)],
  ["assertNotMatch", () => offline.assertNotMatch("abc", /^b/)],
  [
    "assertArrayIncludes",
    () => offline.assertArrayIncludes([[1], [2]], [[2]]),
  ],
  ["assertInstanceOf", () => offline.assertInstanceOf(new Special(), Plain)],
  [
    "assertNotInstanceOf",
    () => offline.assertNotInstanceOf(new Plain(), Special),
  ],
  [
    "assertIsError",
    () => offline.assertIsError(new Special("ab"), Plain, /b$/),
  ],
  [
    "assertThrows with a subclass and a part of the message",
    () => {
      offline.assertThrows(() => raise(new Special("abc")), Plain, "b");
    },
  ],
];

const failing: [string, () => void][] = [
  ["assert", () => offline.assert(0)],
  ["assertFalse", () => offline.assertFalse("a")],
  ["assertExists", () => offline.assertExists(null)],
  ["assertExists", () => offline.assertExists(undefined)],
  ["assertEquals of types", () => offline.assertEquals<unknown>(1, "1")],
  ["assertEquals of bytes", () => offline.assertEquals(bytes(1), bytes(2))],
  [
    "assertEquals of many bytes",
    () =>
      offline.assertEquals(new Uint8Array(2e7), new Uint8Array(2e7).fill(1)),
  ],
  [
    "assertEquals of many and more bytes",
    () => offline.assertEquals(new Uint8Array(2e7), new Uint8Array(3e7)),
  ],
  ["assertEquals of lengths", () => offline.assertEquals(bytes(), bytes(0))],
  [
    "assertEquals of array kinds",
    () => offline.assertEquals<unknown>(bytes(1), [1]),
  ],
  [
    "assertEquals of a missing key",
    () => offline.assertEquals<unknown>({ a: undefined }, {}),
  ],
  ["assertNotEquals", () => offline.assertNotEquals([1], [1])],
  ["assertStrictEquals", () => offline.assertStrictEquals([1], [1])],
  ["assertStrictEquals of zeros", () => offline.assertStrictEquals(0, -0)],
  ["assertNotStrictEquals", () => offline.assertNotStrictEquals(NaN, NaN)],
  ["assertAlmostEquals", () => offline.assertAlmostEquals(1, 1.6, 0.5)],
  ["assertAlmostEquals of NaN", () => offline.assertAlmostEquals(NaN, 1)],
  ["assertGreater", () => offline.assertGreater(1, 1)],
  ["assertGreaterOrEqual", () => offline.assertGreaterOrEqual(1, 2)],
  ["assertLess", () => offline.assertLess(1, 1)],
  ["assertLessOrEqual", () => offline.assertLessOrEqual(2, 1)],
  ["assertStringIncludes", () => offline.assertStringIncludes("abc", "d")],
  ["assertMatch", () => offline.assertMatch("abc", /^b/)],
  ["assertNotMatch", () => offline.assertNotMatch("abc", /^a/)],
  ["assertArrayIncludes", () => offline.assertArrayIncludes([[1]], [[2]])],
  ["assertInstanceOf", () => offline.assertInstanceOf(new Plain(), Special)],
  [
    "assertNotInstanceOf",
    () => offline.assertNotInstanceOf(new Special(), Plain),
  ],
  ["assertIsError", () => offline.assertIsError("text")],
  ["assertThrows of nothing", () => void offline.assertThrows(() => 1)],
  [
    "assertThrows of another class",
    () => void offline.assertThrows(() => raise(new Plain()), Special),
  ],
  [
    "assertThrows of another message",
    () => void offline.assertThrows(() => raise(new Plain("a")), Plain, "b"),
  ],
  [
    "assertThrows of no error",
    () => void offline.assertThrows(() => raise("text"), Error),
  ],
  ["fail", () => offline.fail("on purpose")],
];

const failingLater: [string, () => PromiseLike<unknown>][] = [
  ["a promise that resolves", () => Promise.resolve()],
  ["another class", () => Promise.reject(new Plain("b"))],
  ["another message", () => Promise.reject(new Special("a"))],
  ["no error", () => Promise.reject("b")],
  ["an error thrown at once", () => raise(new Special("b"))],
  ["no promise", () => 1 as unknown as Promise<unknown>],
];

function raise(error: unknown): never {
  throw error;
}

for (const [name, check] of passing) {
  Deno.test(`offline ${name} passes`, check);
}

for (const [name, check] of failing) {
  Deno.test(`offline ${name} fails with an AssertionError`, () => {
    node.throws(check, offline.AssertionError);
  });
}

for (const [name, fn] of failingLater) {
  Deno.test(`offline assertRejects() fails for ${name}`, async () => {
    await node.rejects(
      offline.assertRejects(fn, Special, "b"),
      offline.AssertionError,
    );
  });
}

Deno.test("offline assertEquals() rejects anything but plain data", () => {
  for (
    const value of [new Plain(), new URL("a:b"), [new DataView(bytes().buffer)]]
  ) {
    node.throws(() => offline.assertEquals<unknown>(value, value), TypeError);
  }
});

Deno.test("offline assertThrows() and assertRejects() return the error", async () => {
  const error = new Special("abc");
  node.equal(offline.assertThrows(() => raise(error), Plain, "bc"), error);
  node.equal(offline.assertThrows(() => raise(error)), error);
  const later = () => Promise.reject(error);
  node.equal(await offline.assertRejects(later, Plain, "bc"), error);
  node.equal(await offline.assertRejects(later), error);
});

Deno.test("offline assertions keep the caller's message", () => {
  node.throws(
    () => offline.assertEquals(1, 2, "the port"),
    /not equal: the port/,
  );
});

/** Reads `data` in pieces of `step` bytes; writes take `step` bytes at most. */
function pieces(data: Uint8Array, step: number): Reader & Writer & {
  written: number[];
} {
  const written: number[] = [];
  let start = 0;
  return {
    written,
    read(p) {
      if (start === data.length) return Promise.resolve(null);
      const piece = data.subarray(start, start + Math.min(step, p.length));
      p.set(piece);
      start += piece.length;
      return Promise.resolve(piece.length);
    },
    write(p) {
      const piece = p.subarray(0, step);
      written.push(...piece);
      return Promise.resolve(piece.length);
    },
  };
}

Deno.test("offline copy() copies all and counts", async () => {
  const pipe = pieces(bytes(1, 2, 3, 4, 5, 6, 7), 3);
  node.equal(await copy(pipe, pipe, { bufSize: 2 }), 7);
  node.deepEqual(pipe.written, [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("offline readAll() reads to the end", async () => {
  const all = await readAll(pieces(bytes(1, 2, 3, 4, 5), 2));
  node.deepEqual(all, bytes(1, 2, 3, 4, 5));
  node.equal((await readAll(pieces(bytes(), 2))).length, 0);
});

Deno.test("offline writeAll() goes on after partial writes", async () => {
  const pipe = pieces(bytes(), 2);
  await writeAll(pipe, bytes(1, 2, 3, 4, 5));
  node.deepEqual(pipe.written, [1, 2, 3, 4, 5]);
});
