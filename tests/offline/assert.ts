/**
 * Stands in for `@std/assert` where JSR cannot be reached: the functions that
 * the tests and snippets use, with its signatures, judged by Node's own
 * assertions. What the two would judge differently is refused.
 *
 * @module
 */

import * as node from "node:assert/strict";

// `any[]` is what the signatures of @std/assert say; `never[]` would accept and
// infer differently.
// deno-lint-ignore no-explicit-any
type AbstractClass<T> = abstract new (...args: any[]) => T;

/** What a failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Fails always. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** The values that {@linkcode assertFalse} lets pass. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Fails unless `expr` is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Fails if `actual` is null or undefined. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === null || actual === undefined) {
    throw new AssertionError(`${actual} does not exist${suffix(msg)}`);
  }
}

/** Fails unless both are deeply equal plain data. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  refuseUnlessPlain([actual, expected]);
  judge(
    () => deepStrictEqual(actual, expected),
    "Values are not equal",
    msg,
  );
}

/** Fails if both are deeply equal plain data. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  refuseUnlessPlain([actual, expected]);
  judge(
    () => node.notDeepStrictEqual(actual, expected),
    "Values are equal",
    msg,
  );
}

/** Fails unless both are the same value by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  judge(
    () => node.strictEqual(actual, expected),
    "Values are not strictly equal",
    msg,
  );
}

/** Fails if both are the same value by `Object.is`. */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  judge(
    () => node.notStrictEqual(actual, expected),
    "Values are strictly equal",
    msg,
  );
}

/** Fails unless the numbers are within `tolerance`, by default 1e-7 of `expected`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ??
    (isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (Math.abs(expected - actual) <= allowed) return;
  throw new AssertionError(
    `${actual} is not within ${allowed} of ${expected}${suffix(msg)}`,
  );
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  throw new AssertionError(msg ?? `Expect ${show(actual)} > ${show(expected)}`);
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual >= expected) return;
  throw new AssertionError(
    msg ?? `Expect ${show(actual)} >= ${show(expected)}`,
  );
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  throw new AssertionError(msg ?? `Expect ${show(actual)} < ${show(expected)}`);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual <= expected) return;
  throw new AssertionError(
    msg ?? `Expect ${show(actual)} <= ${show(expected)}`,
  );
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `${show(actual)} does not contain ${show(expected)}${suffix(msg)}`,
  );
}

/** Fails unless `actual` matches `expected`. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  throw new AssertionError(
    `${show(actual)} does not match ${expected}${suffix(msg)}`,
  );
}

/** Fails if `actual` matches `expected`. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (!expected.test(actual)) return;
  throw new AssertionError(
    `${show(actual)} matches ${expected}${suffix(msg)}`,
  );
}

/** An array or another object with a length and numbered items. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/** Fails unless each item of `expected` is deeply equal to one of `actual`. */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const present = Array.from(actual);
  const missing = Array.from(expected).filter((item) =>
    !present.some((other) => passes(() => assertEquals(other, item)))
  );
  if (missing.length === 0) return;
  throw new AssertionError(
    `${show(present)} does not include ${show(missing)}${suffix(msg)}`,
  );
}

/** Fails unless `actual` is an instance of `expectedType`. */
export function assertInstanceOf<T extends AbstractClass<unknown>>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  throw new AssertionError(
    `${show(actual)} is not an instance of ${expectedType.name}${suffix(msg)}`,
  );
}

/** Fails if `actual` is an instance of `unexpectedType`. */
export function assertNotInstanceOf<A, T>(
  actual: A,
  unexpectedType: AbstractClass<T>,
  msg?: string,
): asserts actual is Exclude<A, T> {
  if (!(actual instanceof unexpectedType)) return;
  throw new AssertionError(
    `${show(actual)} is an instance of ${unexpectedType.name}${suffix(msg)}`,
  );
}

/** Fails unless `error` is an error of the class, with the text in its message. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: AbstractClass<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throw new AssertionError(`${show(error)} is not an Error${suffix(msg)}`);
  }
  if (ErrorClass !== undefined && !(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected ${ErrorClass.name}, but got ${show(error)}${suffix(msg)}`,
    );
  }
  const matches = msgMatches instanceof RegExp
    ? msgMatches.test(error.message)
    : error.message.includes(msgMatches ?? "");
  if (matches) return;
  throw new AssertionError(
    `Expected error message to include ${show(msgMatches)}, but got ` +
      `${show(error.message)}${suffix(msg)}`,
  );
}

/** Fails unless `fn` throws. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws an error of the class, with the text in its message. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: AbstractClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: AbstractClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const text = typeof classOrMsg === "string" ? classOrMsg : msg;
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
    if (typeof classOrMsg === "function") {
      assertIsError(thrown, classOrMsg, msgIncludes, text);
    }
    return thrown;
  }
  throw new AssertionError(`Expected function to throw${suffix(text)}`);
}

/** Fails unless the promise that `fn` returns rejects. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Fails unless it rejects with an error of the class, with the text in its message. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: AbstractClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: AbstractClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const text = typeof classOrMsg === "string" ? classOrMsg : msg;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(text)}`,
      { cause: error },
    );
  }
  if (typeof promise?.then !== "function") {
    throw new AssertionError(`Function returned no promise${suffix(text)}`);
  }
  try {
    await promise;
  } catch (error) {
    if (typeof classOrMsg === "function") {
      assertIsError(error, classOrMsg, msgIncludes, text);
    }
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(text)}`);
}

function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}

function show(value: unknown): string {
  return Deno.inspect(value, { strAbbreviateSize: 500 });
}

function judge(check: () => void, claim: string, msg?: string): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof node.AssertionError)) throw error;
    throw new AssertionError(`${claim}${suffix(msg)}\n${error.message}`);
  }
}

// Node prints every item of what differs, which takes minutes for megabytes.
function deepStrictEqual(actual: unknown, expected: unknown): void {
  if (
    !(actual instanceof Uint8Array) || !(expected instanceof Uint8Array) ||
    Math.max(actual.length, expected.length) < 1000
  ) {
    return node.deepStrictEqual(actual, expected);
  }
  node.equal(actual.constructor, expected.constructor);
  node.equal(
    actual.length,
    expected.length,
    `${actual.length} bytes, not ${expected.length}`,
  );
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  node.equal(at, -1, `byte ${at} is ${actual[at]}, not ${expected[at]}`);
}

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof AssertionError) return false;
    throw error;
  }
}

// On instances of classes the two libraries differ (Node compares the own
// properties only and would call any two sockets equal, std compares getters
// and an error's stack too), so a test that passed here could fail there.
function refuseUnlessPlain(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return;
  if (value instanceof ArrayBuffer || value instanceof Date) return;
  if (value instanceof Map || value instanceof Set) {
    for (const item of value.entries()) refuseUnlessPlain(item, seen);
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (
    prototype !== null && prototype !== Object.prototype &&
    prototype !== Array.prototype
  ) {
    throw new TypeError(
      `Cannot compare: only plain data, received ${show(value)}`,
    );
  }
  for (const key of Reflect.ownKeys(value)) {
    refuseUnlessPlain(Reflect.get(value, key), seen);
  }
}
