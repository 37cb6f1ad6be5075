import { fail } from "@std/assert";

/**
 * One of a size costs as much as ten of a tenth, or ten times as much if each
 * part looks at all.
 */
const MAX_RATIO = 4;

/** A busy machine spoils some measurements, but not the best of so many. */
const MAX_ROUNDS = 30;

/**
 * Fails if a cost grows faster than with the size. One of the size and ten of a
 * tenth, which take as long, are measured in turns until one round shows it. So
 * the speed of the machine, and what else runs there, decide nothing.
 *
 * @param measure Does something of a size, and resolves to its milliseconds.
 * @param size The size.
 */
export async function assertGrowsLinearly(
  measure: (size: number) => Promise<number>,
  size: number,
): Promise<void> {
  let parts = Infinity;
  let whole = Infinity;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let sum = 0;
    for (let i = 0; i < 10; i++) sum += await measure(size / 10);
    parts = Math.min(parts, sum);
    whole = Math.min(whole, await measure(size));
    if (whole < MAX_RATIO * parts) return;
  }
  fail(`Size ${size} takes ${whole} ms, ten of a tenth of it ${parts} ms`);
}
