/** The middle of some figures, and how far they reach. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

/**
 * Sums figures up.
 *
 * @param figures One or more.
 * @returns Their median and range.
 */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  };
}

/**
 * Divides figures of the same rounds.
 *
 * @param a Figures by round.
 * @param b As many others.
 * @returns The median and range of `a / b`.
 */
export function ratioOf(a: readonly number[], b: readonly number[]): Spread {
  return spreadOf(a.map((figure, i) => figure / (b[i] ?? NaN)));
}
