import { assertEquals, assertLess } from "@std/assert";

const MiB = 1 << 20;

/** How much more memory there may be in the end than after the first part. */
const GROWTH_BYTES = 8 * MiB;
const RESIDENT_GROWTH_BYTES = 64 * MiB;

/**
 * Watches what a program leaves behind: timers, listeners of a signal that
 * lives as long as the program, and memory.
 */
export class Watch {
  readonly #controller = new AbortController();
  readonly #timers = new Set<unknown>();
  #listeners = 0;
  #made = 0;
  #figures = "";

  constructor() {
    this.#watchTimers();
    const { signal } = this;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: unknown[]) => {
      this.#listeners++;
      Reflect.apply(addEventListener, signal, args);
    };
    signal.removeEventListener = (...args: unknown[]) => {
      this.#listeners--;
      Reflect.apply(removeEventListener, signal, args);
    };
  }

  /** A signal that never aborts. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #watchTimers(): void {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
    const watched = {
      setTimeout: (callback: () => void, ...rest: [number?]) => {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          callback();
        }, ...rest);
        return this.#add(timer);
      },
      setInterval: (...args: [() => void, number?]) =>
        this.#add(setInterval(...args)),
      clearTimeout: (timer: number) => {
        this.#timers.delete(timer);
        clearTimeout(timer);
      },
      clearInterval: (timer: number) => {
        this.#timers.delete(timer);
        clearInterval(timer);
      },
    };
    Object.assign(globalThis, watched);
  }

  #add<T>(timer: T): T {
    this.#timers.add(timer);
    this.#made++;
    return timer;
  }

  /** Does something in parts, over which no memory may be lost. */
  async flat(parts: number, run: () => Promise<void>): Promise<void> {
    await run();
    const before = await memory();
    for (let n = 1; n < parts; n++) await run();
    const after = await memory();
    const [used, resident] = [
      after.used - before.used,
      after.resident - before.resident,
    ].map((bytes) => (bytes / MiB).toFixed(1));
    this.#figures = `memory ${used} MiB more, resident ${resident} MiB more, `;
    assertLess(after.used - before.used, GROWTH_BYTES, this.#figures);
    assertLess(
      after.resident - before.resident,
      RESIDENT_GROWTH_BYTES,
      this.#figures,
    );
  }

  /** Waits for what ends by itself in the next turns. */
  async settle(): Promise<void> {
    await memory();
  }

  /** What was watched, for a log. */
  report(): string {
    const { rss } = Deno.memoryUsage();
    return this.#figures + `resident ${(rss / MiB).toFixed(0)} MiB, ` +
      `${this.#timers.size} of ${this.#made} timers left, ` +
      `${this.#listeners} listeners left`;
  }

  /** Checks that no timer and no listener is left. */
  check(): void {
    assertEquals([this.#timers.size, this.#listeners], [0, 0]);
  }
}

/** What is in use once garbage is collected, where that can be asked for. */
async function memory(): Promise<{ used: number; resident: number }> {
  for (let n = 0; n < 3; n++) {
    (globalThis as { gc?: () => void }).gc?.();
    for (let turn = 0; turn < 100; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const { heapUsed, external, rss } = Deno.memoryUsage();
  return { used: heapUsed + external, resident: rss };
}
