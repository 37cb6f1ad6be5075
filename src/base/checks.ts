/**
 * Checks of arguments, before anything is sent to the system: a wrong type is a
 * `TypeError`, a wrong value a `RangeError`. The text names the action, the
 * expected value and the received one.
 */

/** Bytes whose memory is an ordinary, unshared `ArrayBuffer`. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** No bytes. */
export const EMPTY_BYTES: Bytes = new Uint8Array(0);

/** Shows a value in an error message, shortened. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Promise) return "a Promise; await it first";
  if (value instanceof AbortSignal) return "an AbortSignal; write { signal }";
  if (value instanceof Uint8Array) return "a Uint8Array";
  return Array.isArray(value) ? "an array" : "an object";
}

/** Shows a value, with advice if it is an object. */
export function showObject(value: unknown, advice: string): string {
  const shown = show(value);
  return shown === "an object" ? `${shown}; ${advice}` : shown;
}

function integer(action: string, name: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new TypeError(
      `Cannot ${action}: ${name} must be an integer, received ${
        showNoNumber(value)
      }`,
    );
  }
  return value;
}

/** Shows a value; the arguments of a program are strings, also its numbers. */
function showNoNumber(value: unknown): string {
  const shown = show(value);
  const isNumber = typeof value === "string" && /^\d{1,15}$/.test(value);
  return isNumber ? `${shown}; make it Number(${shown})` : shown;
}

/** An integer that fits a C `int`, as in CPython's argument parser. */
export function checkInt(
  action: string,
  name: string,
  value: unknown,
): number {
  const n = integer(action, name, value);
  if (n < -0x80000000 || n > 0x7fffffff) {
    throw new RangeError(
      `Cannot ${action}: ${name} must fit in 32 bits, received ${n}`,
    );
  }
  return n;
}

/** A number of bytes: an integer from 0 up. */
export function checkSize(
  action: string,
  name: string,
  value: unknown,
): number {
  const n = integer(action, name, value);
  if (Number.isSafeInteger(n) && n >= 0) return n;
  const limit = n < 0 ? "0 or more" : `at most ${Number.MAX_SAFE_INTEGER}`;
  throw new RangeError(
    `Cannot ${action}: ${name} must be ${limit}, received ${n}`,
  );
}

/** An integer from 0 to `max`. */
export function checkUnsigned(
  action: string,
  name: string,
  value: unknown,
  max: number,
): number {
  const n = integer(action, name, value);
  if (n < 0 || n > max) {
    throw new RangeError(
      `Cannot ${action}: ${name} must be 0 to ${max}, received ${n}`,
    );
  }
  return n;
}

/** A port number. */
export function checkPort(action: string, value: unknown): number {
  return checkUnsigned(action, "port", value, 65535);
}

/** A string without a NUL, where C would end it. */
export function checkText(
  action: string,
  name: string,
  value: unknown,
): string {
  if (typeof value !== "string") {
    throw new TypeError(
      `Cannot ${action}: ${name} must be a string, received ${show(value)}`,
    );
  }
  if (value.includes("\0")) {
    throw new RangeError(
      `Cannot ${action}: ${name} must not contain a NUL, received ${
        show(value)
      }`,
    );
  }
  return value;
}

/**
 * The property that marks a class whose objects have a descriptor of this copy of
 * the package. A program may have loaded another copy, with descriptors of its own.
 */
const COPY: unique symbol = Symbol.for("@pystd/socket: copy");
const THIS_COPY: object = Object.freeze({});

/** Marks the objects of a class as this copy's. */
export function markAsOwn(prototype: object): void {
  Object.defineProperty(prototype, COPY, { value: THIS_COPY });
}

/** Whether a value is a socket or file object of another copy of the package. */
export function isForeign(value: unknown): boolean {
  const copy = (value as { [COPY]?: unknown } | null | undefined)?.[COPY];
  return copy !== undefined && copy !== THIS_COPY;
}

/** Bytes to send, or to receive into. */
export function checkBytes(
  action: string,
  name: string,
  value: unknown,
): Uint8Array {
  // A Proxy, or an object that only inherits from `Uint8Array.prototype`, has no
  // bytes.
  if (ArrayBuffer.isView(value) && value instanceof Uint8Array) {
    if (value.length === 0 && !hasMemory(value)) {
      throw new TypeError(
        `Cannot ${action}: ${name} is backed by a detached or resized ArrayBuffer`,
      );
    }
    return plainView(value);
  }
  throw new TypeError(
    `Cannot ${action}: ${name} must be a Uint8Array, received ${
      showNoBytes(value)
    }`,
  );
}

/**
 * The same memory without a subclass, so that no step calls a method that the
 * program overrides: a `set` that received again got bytes twice.
 */
function plainView(view: Uint8Array): Uint8Array {
  if (Object.getPrototypeOf(view) === Uint8Array.prototype) return view;
  return new Uint8Array(
    getters.buffer.get!.call(view),
    getters.byteOffset.get!.call(view),
    getters.length.get!.call(view),
  );
}

const getters = Object.getOwnPropertyDescriptors<Uint8Array>(
  Object.getPrototypeOf(Uint8Array.prototype),
);

/** Shows a value that is not bytes, and how to make bytes of it. */
function showNoBytes(value: unknown): string {
  if (typeof value === "string") {
    return "a string; encode it with new TextEncoder().encode(...)";
  }
  if (ArrayBuffer.isView(value)) {
    return "another view; make it new Uint8Array(view.buffer, view.byteOffset, view.byteLength)";
  }
  if (value instanceof ArrayBuffer) {
    return "an ArrayBuffer; make it new Uint8Array(buffer)";
  }
  if (Array.isArray(value) && typeof value[0] === "number") {
    return "an array of numbers; make it Uint8Array.from(numbers)";
  }
  if (Array.isArray(value) && typeof value[1] === "number") {
    return "an address; data comes first: sendto(data, address)";
  }
  return show(value);
}

/**
 * Whether a zero-length view is still in bounds. No property shows that; `keys()`
 * throws if it is not.
 */
function hasMemory(view: Uint8Array): boolean {
  try {
    view.keys();
    return true;
  } catch {
    return false;
  }
}

/** A timeout in seconds, or null for none; returned in milliseconds. */
export function checkTimeout(
  action: string,
  value: unknown,
  name = "timeout",
): number | null {
  if (value === null) return null;
  if (typeof value !== "number") {
    throw new TypeError(
      `Cannot ${action}: ${name} must be a number of seconds or null, received ${
        show(value)
      }`,
    );
  }
  // CPython's limit is that of a 64-bit count of nanoseconds.
  if (!(value >= 0) || value > 9223372036) {
    throw new RangeError(
      `Cannot ${action}: ${name} must be 0 to 9223372036 seconds, received ${value}`,
    );
  }
  return value * 1000;
}

/**
 * Whether a value can only be options: unlike lists, addresses and bytes, it is
 * not iterable.
 */
export function isOptions(
  value: unknown,
): value is { signal?: AbortSignal | undefined } {
  return typeof value === "object" && value !== null &&
    !(Symbol.iterator in value);
}

/** Options by name: true, or for one that does not exist the alternative. */
export type KnownOptions = Readonly<Record<string, true | string>>;

/** The options of most asynchronous calls. */
const SIGNAL_ONLY: KnownOptions = {
  signal: true,
  timeout:
    "a socket has settimeout(seconds), a call signal: AbortSignal.timeout(ms)",
};

/** Checks the options of a call, if there are any. */
export function checkOptions(
  action: string,
  options: unknown,
  known: KnownOptions,
): asserts options is object | undefined {
  if (options === undefined) return;
  if (!isOptions(options) || options instanceof AbortSignal) {
    throw new TypeError(
      `Cannot ${action}: options must be an object, received ${show(options)}`,
    );
  }
  // Only own properties are checked: an AbortController inherits its `signal`, and
  // may be passed.
  for (const [name, value] of Object.entries(options)) {
    if (known[name] === true || value === undefined) continue;
    throw new TypeError(
      `Cannot ${action}: no option ${show(name)}${insteadOf(name, known)}`,
    );
  }
}

function insteadOf(name: string, known: KnownOptions): string {
  const advice = Object.hasOwn(known, name) ? known[name] : undefined;
  if (advice !== undefined) return `; ${advice}`;
  const names = Object.keys(known).filter((each) => known[each] === true);
  return `, only ${names.join(", ")}`;
}

/** The `signal` of a call's options. */
export function checkSignal(
  action: string,
  options: unknown,
  known: KnownOptions = SIGNAL_ONLY,
): AbortSignal | undefined {
  if (options === undefined) return undefined;
  checkOptions(action, options, known);
  return asSignal(action, (options as { signal?: unknown }).signal);
}

function asSignal(action: string, signal: unknown): AbortSignal | undefined {
  // Without strict checks of null, undefined does not narrow an unknown type.
  if (signal === undefined) return undefined;
  if (isSignal(signal)) return signal;
  throw new TypeError(
    `Cannot ${action}: signal must be an AbortSignal, received ${show(signal)}`,
  );
}

/**
 * The optional arguments of a call, by position or by name.
 *
 * `given` holds the optional arguments in order, where the options may take the
 * place of those that are left out. Returns a value for each name, undefined if
 * it was left out. `keywords` are names that stand in the options only, `absent`
 * options that do not exist, with the alternatives.
 *
 * @throws {TypeError} If one was given twice, or there is no such option.
 */
export function namedArguments(
  action: string,
  names: readonly string[],
  given: readonly unknown[],
  keywords: readonly string[] = [],
  absent: KnownOptions = {},
): unknown[] {
  let at = given.findIndex((value, i) =>
    i === names.length || isOptions(value)
  );
  if (at < 0) at = given.length;
  const options = given[at];
  const values = given.slice(0, at);
  if (given.slice(at + 1).some((value) => value !== undefined)) {
    throw new TypeError(
      `Cannot ${action}: options come last, received ${show(options)} before ${
        show(given.at(-1))
      }`,
    );
  }
  const all = [...names, ...keywords];
  const known = Object.fromEntries(all.map((name) => [name, true as const]));
  checkOptions(action, options, { ...absent, ...known });
  return all.map((name, i) => {
    const named = (options as Record<string, unknown> | undefined)?.[name];
    if (named === undefined) return values[i];
    if (values[i] === undefined) return named;
    throw new TypeError(
      `Cannot ${action}: ${name} was given twice, as an argument and in the options`,
    );
  });
}

/**
 * The optional arguments of an asynchronous call, and its signal as the last of
 * the values.
 */
export function optionalArguments(
  action: string,
  names: readonly string[],
  given: readonly unknown[],
  keywords: readonly string[] = [],
): [...values: unknown[], signal: AbortSignal | undefined] {
  // Most calls give no options, and small receives are served in less time than
  // the rest of this takes.
  if (keywords.length === 0 && isPositional(names.length, given)) {
    return given as [...unknown[], AbortSignal | undefined];
  }
  const all = [...keywords, "signal"];
  const values = namedArguments(action, names, given, all, SIGNAL_ONLY);
  return [...values.slice(0, -1), asSignal(action, values.at(-1))];
}

/** Whether the arguments of a call have their positions, and no options follow. */
function isPositional(count: number, given: readonly unknown[]): boolean {
  if (given.length !== count + 1 || given[count] !== undefined) return false;
  for (let i = 0; i < count; i++) if (isOptions(given[i])) return false;
  return true;
}

const aborted = Object.getOwnPropertyDescriptor(
  AbortSignal.prototype,
  "aborted",
)!;

/** Whether a value is an AbortSignal, also one of another realm. */
function isSignal(value: unknown): value is AbortSignal {
  try {
    aborted.get!.call(value);
    return true;
  } catch {
    return false;
  }
}
