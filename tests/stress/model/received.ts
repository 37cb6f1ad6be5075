/** What the outcomes of receiving calls have in them. */

import type { Outcome } from "./calls.ts";

/** What was received, or how much of it. */
export function received({ value }: Outcome): unknown {
  if (!Array.isArray(value)) return value;
  return Array.isArray(value[0]) ? value[0][0] : value[0];
}

/** Whether a receive has succeeded and brought nothing. */
export function isNothing(outcome: Outcome): boolean {
  if (outcome.error !== undefined) return false;
  const got = received(outcome) ?? "";
  return got === "" || got === 0 || textOf(got)?.text === "";
}

/** Whether the one is the beginning of the other, and not all of it. */
export function isPart(part: unknown, whole: unknown): boolean {
  if (typeof part === "number" && typeof whole === "number") {
    return part > 0 && part < whole;
  }
  const [a, b] = [textOf(part), textOf(whole)];
  if (!a?.text || !b?.text || a.length >= b.length) return false;
  return b.text.startsWith(a.text) || a.text.startsWith(b.text);
}

/** Bytes or text; of long bytes only their beginning. */
export function textOf(
  value: unknown,
): { text: string; length: number } | undefined {
  if (typeof value === "string") return { text: value, length: value.length };
  if (typeof value !== "object" || value === null) return undefined;
  const { bytes, start, length } = value as {
    bytes?: string;
    start?: string;
    length?: number;
  };
  const text = bytes ?? start;
  if (text === undefined) return undefined;
  return { text, length: length ?? text.length };
}
