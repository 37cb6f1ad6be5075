/** Values that callers should not give, and some that they may. */

/** What the getters and traps of hostile values throw: the caller's own error. */
export class Trap extends Error {
  override name = "Trap";
}

/** A value for an argument, made anew for each call: some are used up. */
export interface Value {
  readonly name: string;
  make(): unknown;
  /** Whether it runs code of its own when it is looked at. */
  readonly hostile?: boolean;
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

/** One of the items. */
export function pick<T>(random: () => number, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!;
}

/** A name that no C library asks a server about: a label has 63 bytes at most. */
const NOBODY = `${"x".repeat(64)}.invalid`;

/** Texts, also as hosts. None can reach a server of names. */
export const texts: readonly string[] = [
  "",
  "localhost",
  "127.0.0.1",
  "<broadcast>",
  "\0",
  "127.0.0.1\0",
  `a\0b.${NOBODY}`,
  `a\nb.${NOBODY}`,
  `127.0.0.1\n.${NOBODY}`,
  `\r\n\t .${NOBODY}`,
  `127.0.0.1%lo.${NOBODY}`,
  "::1%nosuch",
  "::1%1%2",
  "fe80::1%",
  "fe80::1%99999999999999999999",
  "[::1]",
  ":::",
  "::ffff:1.2.3.4.5",
  `größe.${NOBODY}`,
  `二.${NOBODY}`,
  `xn--.${NOBODY}`,
  `\ud800.${NOBODY}`,
  `../../etc/passwd.${NOBODY}`,
  `%00.${NOBODY}`,
  `user:pw@host.${NOBODY}`,
  `-1.${NOBODY}`,
  `${"a.".repeat(200)}${NOBODY}`,
  "h".repeat(65_536),
  ":".repeat(65_536),
  "1.".repeat(32_768) + NOBODY,
  "__proto__",
  "constructor",
  "rb",
  "rwbx",
];

// None is the number of a descriptor that a test may have open.
const numbers: readonly number[] = [
  0,
  -0,
  1,
  2,
  -1,
  0.5,
  -1.5,
  NaN,
  Infinity,
  -Infinity,
  5e-324,
  65_535,
  65_536,
  80_000,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  1e21,
  Number.MAX_VALUE,
];

class Bytes extends Uint8Array {}

/** A subclass that lies about itself. */
class Liar extends Uint8Array {
  override get length(): number {
    return 3;
  }
  override subarray(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(3);
  }
  override slice(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(3);
  }
}

function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function resizable(): ArrayBuffer {
  return new ArrayBuffer(16, { maxByteLength: 64 });
}

/** A view whose memory has been cut off. */
function outOfBounds(): Uint8Array {
  const buffer = resizable();
  const bytes = new Uint8Array(buffer, 8, 8);
  buffer.resize(4);
  return bytes;
}

const buffers: readonly Value[] = [
  { name: "no bytes", make: () => new Uint8Array(0) },
  { name: "bytes", make: () => new Uint8Array(5) },
  { name: "64 KiB", make: () => new Uint8Array(65_536) },
  { name: "a subarray", make: () => new Uint8Array(20).subarray(7, 11) },
  { name: "a Buffer-like subclass", make: () => new Bytes(6) },
  {
    name: "shared bytes",
    make: () => new Uint8Array(new SharedArrayBuffer(7)),
  },
  { name: "resizable bytes", make: () => new Uint8Array(resizable(), 2, 6) },
  { name: "length-tracking bytes", make: () => new Uint8Array(resizable(), 3) },
  { name: "detached bytes", make: detached },
  { name: "bytes out of bounds", make: outOfBounds },
  { name: "an ArrayBuffer", make: () => new ArrayBuffer(8) },
  { name: "a SharedArrayBuffer", make: () => new SharedArrayBuffer(8) },
  { name: "a DataView", make: () => new DataView(new ArrayBuffer(8)) },
  { name: "clamped bytes", make: () => new Uint8ClampedArray(8) },
  { name: "an Int8Array", make: () => new Int8Array(8) },
  { name: "a Float64Array", make: () => new Float64Array(2) },
  { name: "a BigUint64Array", make: () => new BigUint64Array(2) },
];

function trap(): never {
  throw new Trap("From a getter of the caller's");
}

/** Everything that can be done with it throws. */
function touchy(target: object): object {
  const names = Object.getOwnPropertyNames(Reflect) as (keyof typeof Reflect)[];
  return new Proxy(
    target,
    Object.fromEntries(names.map((name) => [name, trap])),
  );
}

const TRAPPED = [
  "length",
  "signal",
  "fileno",
  "read",
  "seek",
  "mode",
  "encoding",
  "errors",
  "newline",
  "family",
  "backlog",
  "reuse_port",
  "dualstack_ipv6",
  "all_errors",
  "cause",
  "then",
  "0",
  "1",
  "toString",
  "valueOf",
  "toJSON",
  Symbol.toPrimitive,
  Symbol.iterator,
];

function withTraps(target: object, names: readonly PropertyKey[]): object {
  for (const name of names) {
    Object.defineProperty(target, name, { get: trap, configurable: true });
  }
  return target;
}

const objects: readonly Value[] = [
  { name: "an object", make: () => ({}) },
  { name: "an object without a prototype", make: () => Object.create(null) },
  { name: "an array", make: () => [] },
  { name: "an array of one", make: () => [1] },
  { name: "a sparse array", make: () => new Array(2) },
  { name: "two numbers", make: () => [1, 2] },
  { name: "two strings", make: () => ["127.0.0.1", "80"] },
  { name: "five parts", make: () => ["::1", 80, 0, 0, 0] },
  { name: "a long array", make: () => new Array(10_000).fill(0) },
  { name: "a Date", make: () => new Date(0) },
  { name: "a Map", make: () => new Map() },
  { name: "a Promise", make: () => Promise.resolve(1) },
  { name: "a String object", make: () => Object("127.0.0.1") },
  { name: "a Number object", make: () => Object(1) },
  { name: "a null signal", make: () => ({ signal: null }) },
  { name: "a signal of another type", make: () => ({ signal: {} }) },
  {
    name: "an object in a signal's clothes",
    make: () => ({ signal: Object.create(AbortSignal.prototype) }),
    hostile: true,
  },
  {
    name: "a signal that cannot be listened to",
    make: () => ({
      signal: Object.create(AbortSignal.prototype, {
        aborted: { value: false },
      }),
    }),
    hostile: true,
  },
  {
    name: "an object in the bytes' clothes",
    make: () => Object.create(Uint8Array.prototype),
    hostile: true,
  },
  {
    name: "a proxy of bytes",
    make: () => new Proxy(new Uint8Array(4), {}),
    hostile: true,
  },
  { name: "a subclass that lies", make: () => new Liar(9), hostile: true },
  {
    name: "a revoked proxy",
    make: () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
    hostile: true,
  },
  { name: "a touchy proxy", make: () => touchy({}), hostile: true },
  { name: "a touchy array", make: () => touchy([]), hostile: true },
  {
    name: "a touchy proxy of bytes",
    make: () => touchy(new Uint8Array(4)),
    hostile: true,
  },
  {
    name: "an object with throwing getters",
    make: () => withTraps({}, TRAPPED),
    hostile: true,
  },
  {
    name: "an array with throwing getters",
    make: () => withTraps(["127.0.0.1", 9], ["0", "1", "toJSON"]),
    hostile: true,
  },
  {
    name: "an array whose iterator throws",
    make: () => withTraps(["127.0.0.1", 9], [Symbol.iterator]),
    hostile: true,
  },
  {
    name: "an iterator that throws",
    make: () => ({ [Symbol.iterator]: () => ({ next: trap }) }),
    hostile: true,
  },
  {
    name: "an object whose conversions throw",
    make: () => ({ toString: trap, valueOf: trap, toJSON: trap }),
    hostile: true,
  },
  {
    name: "an object whose fileno() throws",
    make: () => ({ fileno: trap }),
    hostile: true,
  },
  {
    name: "an object whose fileno() is no number",
    make: () => ({ fileno: () => "3" }),
  },
];

function named(value: unknown): Value {
  const text = typeof value === "string" ? JSON.stringify(value) : value;
  const sign = Object.is(value, -0) ? "-" : "";
  return {
    name: `${sign}${String(text)} (${typeof value})`.slice(0, 80),
    make: () => value,
  };
}

/** The values, by their types; those that run code of their own are apart. */
export const groups: readonly (readonly Value[])[] = [
  [undefined, null, true, false, Symbol("s"), Symbol.iterator].map(named),
  [0n, 1n, -1n, 2n ** 64n].map(named),
  numbers.map(named),
  texts.map(named),
  [
    { name: "a function", make: () => () => 1 },
    { name: "a class", make: () => class {} },
  ],
  buffers,
  objects.filter(({ hostile }) => !hostile),
  objects.filter(({ hostile }) => hostile),
];

const values = groups.flat();

/** Another value, which may be like one of the others. */
export function randomValue(random: () => number): Value {
  const size = 2 ** (random() * 60);
  const kind = Math.floor(random() * 5);
  if (kind === 0) return named(Math.floor(size) + 100_000);
  if (kind === 1) return named(-size);
  if (kind === 2) {
    const codes = Array.from(
      { length: 1 + random() * 20 },
      () => Math.floor(random() * (random() < 0.5 ? 128 : 65_536)),
    );
    return named(`${String.fromCharCode(...codes)}.${NOBODY}`);
  }
  return pick(random, values);
}
