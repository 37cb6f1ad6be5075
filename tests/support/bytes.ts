import { Buffer } from "node:buffer";
import { assertEquals, AssertionError } from "@std/assert";

/** The bytes of a text. */
export function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The text of bytes. */
export function decode(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/**
 * The numbers from `from` on, modulo 251, so that no power of two hides a
 * mistake of place.
 *
 * @param length How many.
 * @param from The first.
 */
export function numbered(length: number, from = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (from + i) % 251;
  return bytes;
}

/**
 * Puts bytes together.
 *
 * @param parts The parts, in order.
 * @returns The whole.
 */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * Checks long byte sequences, for which a printed comparison would take long.
 *
 * @param actual What came.
 * @param expected What should have.
 */
export function assertSameBytes(
  actual: Uint8Array,
  expected: Uint8Array,
): void {
  // Native, and so many times as fast as the loop that finds the difference.
  if (Buffer.compare(actual, expected) === 0) return;
  const length = Math.min(actual.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (actual[i] !== expected[i]) {
      throw new AssertionError(
        `Byte ${i} of ${expected.length} is ${actual[i]}, not ${expected[i]}`,
      );
    }
  }
  assertEquals(actual.length, expected.length);
}
