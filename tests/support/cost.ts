import { fail } from "@std/assert";

/** Ten times the size costs 10 times as much, or 100 if each looks at all. */
const MAX_RATIO = 40;

/** A busy machine spoils some measurements, but not the best of so many. */
const MAX_ROUNDS = 30;

/**
 * Fails if a cost grows faster than with the size. Both sizes are measured in
 * turns until one round shows it, so that the speed of the machine, and what
 * else runs there, decide nothing.
 *
 * @param measure Does something of a size, and resolves to its milliseconds.
 * @param size The larger size; the other is a tenth.
 */
export async function assertGrowsLinearly(
  measure: (size: number) => Promise<number>,
  size: number,
): Promise<void> {
  let few = Infinity;
  let many = Infinity;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    few = Math.min(few, await measure(size / 10));
    many = Math.min(many, await measure(size));
    if (many < MAX_RATIO * few) return;
  }
  fail(`Size ${size} takes ${many} ms, a tenth of it ${few} ms`);
}
