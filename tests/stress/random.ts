/** Numbers that look random and follow from a seed. */
export class Random {
  #state: number;

  /** Neighbouring seeds give unrelated numbers. */
  constructor(seed: number) {
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    this.below(1);
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    // mulberry32.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000 * limit);
  }

  /** Whether something that happens `percent` times in a hundred happens. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One of several. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
