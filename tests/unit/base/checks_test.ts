import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  checkBytes,
  checkInt,
  checkPort,
  checkSignal,
  checkSize,
  checkText,
  checkTimeout,
  checkUnsigned,
  show,
} from "../../../src/base/checks.ts";

type Check = (value: unknown) => unknown;

const integer: Check = (value) => checkInt("shut down", "how", value);
const size: Check = (value) => checkSize("receive", "bufsize", value);
const port: Check = (value) => checkPort("bind", value);
const timeout: Check = (value) => checkTimeout("set the timeout", value);
const bytes: Check = (value) => checkBytes("send", "data", value);
const signal: Check = (value) => checkSignal("receive", value);

const passing: readonly [
  name: string,
  check: Check,
  value: unknown,
  result: unknown,
][] = [
  ["checkInt()", integer, 0, 0],
  ["checkInt()", integer, -5, -5],
  ["checkInt()", integer, 0x7fffffff, 0x7fffffff],
  ["checkInt()", integer, -0x80000000, -0x80000000],
  ["checkSize()", size, 0, 0],
  ["checkSize()", size, 2 ** 40, 2 ** 40],
  ["checkPort()", port, 0, 0],
  ["checkPort()", port, 65535, 65535],
  ["checkTimeout()", timeout, null, null],
  ["checkTimeout()", timeout, 0, 0],
  ["checkTimeout()", timeout, 0.25, 250],
  ["checkTimeout()", timeout, 9_000_000_000, 9_000_000_000_000],
  ["checkSignal()", signal, undefined, undefined],
  ["checkSignal()", signal, {}, undefined],
  ["checkSignal()", signal, { signal: undefined }, undefined],
];
for (const [name, check, value, result] of passing) {
  Deno.test(`${name} takes ${show(value)}`, () => {
    assertStrictEquals(check(value), result);
  });
}

const failing: readonly [
  name: string,
  check: Check,
  value: unknown,
  Class: typeof TypeError | typeof RangeError,
  message: string,
][] = [
  [
    "checkInt()",
    integer,
    "2",
    TypeError,
    'how must be an integer, received "2"; make it Number("2")',
  ],
  [
    "checkInt()",
    integer,
    1.5,
    TypeError,
    "how must be an integer, received 1.5",
  ],
  [
    "checkInt()",
    integer,
    NaN,
    TypeError,
    "how must be an integer, received NaN",
  ],
  ["checkInt()", integer, 1n, TypeError, "how must be an integer, received 1n"],
  [
    "checkInt()",
    integer,
    undefined,
    TypeError,
    "how must be an integer, received undefined",
  ],
  [
    "checkInt()",
    integer,
    2 ** 31,
    RangeError,
    "how must fit in 32 bits, received 2147483648",
  ],
  [
    "checkSize()",
    size,
    -1,
    RangeError,
    "bufsize must be 0 or more, received -1",
  ],
  [
    "checkSize()",
    size,
    1e300,
    RangeError,
    "bufsize must be at most 9007199254740991, received 1e+300",
  ],
  [
    "checkSize()",
    size,
    [1],
    TypeError,
    "bufsize must be an integer, received an array",
  ],
  [
    "checkPort()",
    port,
    80_000,
    RangeError,
    "port must be 0 to 65535, received 80000",
  ],
  ["checkPort()", port, -1, RangeError, "port must be 0 to 65535, received -1"],
  [
    "checkPort()",
    port,
    "80",
    TypeError,
    'port must be an integer, received "80"; make it Number("80")',
  ],
  [
    "checkTimeout()",
    timeout,
    "1",
    TypeError,
    'timeout must be a number of seconds or null, received "1"',
  ],
  [
    "checkTimeout()",
    timeout,
    undefined,
    TypeError,
    "timeout must be a number of seconds or null, received undefined",
  ],
  [
    "checkTimeout()",
    timeout,
    -1,
    RangeError,
    "timeout must be 0 to 9223372036 seconds, received -1",
  ],
  [
    "checkTimeout()",
    timeout,
    NaN,
    RangeError,
    "timeout must be 0 to 9223372036 seconds, received NaN",
  ],
  [
    "checkTimeout()",
    timeout,
    Infinity,
    RangeError,
    "timeout must be 0 to 9223372036 seconds, received Infinity",
  ],
  [
    "checkBytes()",
    bytes,
    "hi",
    TypeError,
    "data must be a Uint8Array, received a string; encode it with new TextEncoder().encode(...)",
  ],
  [
    "checkBytes()",
    bytes,
    Promise.resolve(),
    TypeError,
    "data must be a Uint8Array, received a Promise; await it first",
  ],
  [
    "checkBytes()",
    bytes,
    null,
    TypeError,
    "data must be a Uint8Array, received null",
  ],
  [
    "checkBytes()",
    bytes,
    new ArrayBuffer(1),
    TypeError,
    "data must be a Uint8Array, received an ArrayBuffer; make it new Uint8Array(buffer)",
  ],
  [
    "checkSignal()",
    signal,
    1,
    TypeError,
    "options must be an object, received 1",
  ],
  [
    "checkSignal()",
    signal,
    null,
    TypeError,
    "options must be an object, received null",
  ],
  [
    "checkSignal()",
    signal,
    { signal: "now" },
    TypeError,
    'signal must be an AbortSignal, received "now"',
  ],
];
for (const [name, check, value, Class, message] of failing) {
  Deno.test(`${name} refuses ${show(value)}`, () => {
    const error = assertThrows(() => check(value), Class);
    const text = error.message.replace(/^Cannot [a-z ]+: /, "");
    assertEquals(text, message);
  });
}

Deno.test("checkBytes() takes any view whose memory is attached", () => {
  const whole = new Uint8Array([1, 2, 3]);
  for (const view of [whole, whole.subarray(1, 2), new Uint8Array(0)]) {
    assertStrictEquals(checkBytes("send", "data", view), view);
  }
});

Deno.test("checkBytes() rejects detached memory", () => {
  const data = new Uint8Array(4);
  data.buffer.transfer();
  assertThrows(
    () => checkBytes("send", "data", data),
    TypeError,
    "Cannot send: data is backed by a detached or resized ArrayBuffer",
  );
});

Deno.test("checkSignal() returns the signal", () => {
  const { signal } = new AbortController();
  assertStrictEquals(checkSignal("receive", { signal }), signal);
});

const shown: readonly [value: unknown, text: string][] = [
  ["text", '"text"'],
  ["x".repeat(200), JSON.stringify("x".repeat(80))],
  [12n, "12n"],
  [Symbol("s"), "a symbol"],
  [() => {}, "a function"],
  [null, "null"],
  [undefined, "undefined"],
  [true, "true"],
  [[1, 2], "an array"],
  [{ a: 1 }, "an object"],
  [-0.5, "-0.5"],
];
for (const [value, text] of shown) {
  Deno.test(`show() writes ${text.slice(0, 20)}`, () => {
    assertEquals(show(value), text);
  });
}

Deno.test("checkText() takes strings without a NUL", () => {
  assertEquals(checkText("try", "it", ""), "");
  assertEquals(checkText("try", "it", "ü"), "ü");
  assertThrows(
    () => checkText("try", "it", "a\0"),
    RangeError,
    'Cannot try: it must not contain a NUL, received "a\\u0000"',
  );
  for (const value of [null, undefined, 1, new String("a"), ["a"]]) {
    assertThrows(() => checkText("try", "it", value), TypeError);
  }
});

Deno.test("checkUnsigned() takes integers from 0 to its limit", () => {
  assertEquals(checkUnsigned("try", "it", 0, 9), 0);
  assertEquals(checkUnsigned("try", "it", 9, 9), 9);
  for (const value of [-1, 10]) {
    assertThrows(
      () => checkUnsigned("try", "it", value, 9),
      RangeError,
      `Cannot try: it must be 0 to 9, received ${value}`,
    );
  }
  for (const value of ["1", 1.5, NaN, 1n, null]) {
    assertThrows(() => checkUnsigned("try", "it", value, 9), TypeError);
  }
});
