/** The middle of some figures, and the middle halves on both sides of it. */
export interface Spread {
  median: number;
  /** A quarter of the figures is below it. */
  lower: number;
  /** A quarter of the figures is above it. */
  upper: number;
}

/**
 * Sums figures up.
 *
 * @param figures One or more.
 * @returns Their median and quartiles.
 */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (part: number) => {
    const position = (sorted.length - 1) * part;
    const below = sorted[Math.floor(position)] ?? NaN;
    const above = sorted[Math.ceil(position)] ?? NaN;
    return below + (above - below) * (position % 1);
  };
  return { median: at(0.5), lower: at(0.25), upper: at(0.75) };
}

/**
 * Divides figures of the same rounds.
 *
 * @param a Figures by round.
 * @param b As many others.
 * @returns The median and quartiles of `a / b`.
 */
export function ratioOf(a: readonly number[], b: readonly number[]): Spread {
  return spreadOf(a.map((figure, i) => figure / (b[i] ?? NaN)));
}
