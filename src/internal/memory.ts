/**
 * Memory that connections lend to each other while they are busy. Making and
 * collecting an array of this size costs more than filling it.
 */

/** The sizes that are kept. */
const SIZES = [65_536, 262_144] as const;
/** How many of each are kept while nobody uses them. */
const KEPT = 4;

const pools = new Map<number, Uint8Array<ArrayBuffer>[]>(
  SIZES.map((size) => [size, []]),
);

/** Memory of at least `size` bytes, with anything in it. */
export function borrow(size: number): Uint8Array<ArrayBuffer> {
  for (const kept of SIZES) {
    if (size <= kept && size > kept / 4) {
      return pools.get(kept)!.pop() ?? new Uint8Array(kept);
    }
  }
  return new Uint8Array(size);
}

/** Gives memory back, which nobody may write to any more. */
export function giveBack(memory: Uint8Array<ArrayBuffer>): void {
  const pool = pools.get(memory.length);
  if (pool !== undefined && pool.length < KEPT) pool.push(memory);
}
