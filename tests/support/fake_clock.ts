/**
 * A clock that a test moves, in place of the timers and `performance.now()`
 * until the end of a `using` block. What the code under test does at a time is
 * done at that time, whatever else the machine does.
 *
 * Deno 2.9 learns of what the kernel has only when it has nothing else to do:
 * not in a turn that begins with a timer that is due already or an immediate.
 * So does this clock, and then calls `onPoll`.
 */
export class FakeClock implements Disposable {
  readonly #restore: (() => void)[] = [];
  readonly #timers = new Map<number, Timer>();
  #immediates = new Map<number, () => void>();
  #nowMs = 1000;
  #lastId = 0;
  /** What the kernel has to say. */
  onPoll: () => void = () => {};
  /** Called when a timer has been set. */
  onSet: () => void = () => {};

  constructor() {
    this.#replace(performance, "now", () => this.#nowMs);
    this.#replace(globalThis, "setTimeout", this.#set(false));
    this.#replace(globalThis, "setInterval", this.#set(true));
    this.#replace(globalThis, "clearTimeout", this.#clear);
    this.#replace(globalThis, "clearInterval", this.#clear);
    this.#replace(globalThis, "setImmediate", this.#setImmediate);
    this.#replace(globalThis, "clearImmediate", (id: number) => {
      this.#immediates.delete(id);
    });
    this.#replace(Deno, "unrefTimer", (id: number) => {
      this.#timers.get(id)!.referenced = false;
    });
  }

  /** The timers that are set: how long until each, in milliseconds. */
  get pending(): number[] {
    return [...this.#timers.values()].map(({ atMs }) => atMs - this.#nowMs);
  }

  /** How many timers keep the process alive. */
  get referenced(): number {
    return [...this.#timers.values()].filter((each) => each.referenced).length;
  }

  /** How many timers were ever set. */
  get count(): number {
    return this.#lastId;
  }

  /** Lets time pass; what is due runs in order, each with its microtasks. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await this.turn();
      const next = this.#next();
      if (next === undefined || next[1].atMs > this.#nowMs) {
        this.onPoll();
        await this.turn();
      }
      if (next === undefined || next[1].atMs > endMs) break;
      const [id, timer] = next;
      // What was polled may have ended it.
      if (!this.#timers.has(id)) continue;
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      if (timer.everyMs === undefined) this.#timers.delete(id);
      else timer.atMs += timer.everyMs;
      timer.callback();
    }
    this.#nowMs = endMs;
  }

  /** Lets time pass in which nothing runs: the program is busy. */
  beBusy(ms: number): void {
    this.#nowMs += ms;
  }

  /** Runs the immediates that are set, and microtasks before and after. */
  async turn(): Promise<void> {
    await drain();
    for (let rounds = 1; this.#immediates.size > 0; rounds++) {
      const callbacks = this.#immediates;
      this.#immediates = new Map();
      for (const callback of callbacks.values()) callback();
      // As Tokio does, however many tasks there are.
      if (rounds % 61 === 0) this.onPoll();
      await drain();
    }
  }

  [Symbol.dispose](): void {
    for (const restore of this.#restore.toReversed()) restore();
  }

  #next(): [number, Timer] | undefined {
    let next: [number, Timer] | undefined;
    for (const entry of this.#timers) {
      if (next === undefined || entry[1].atMs < next[1].atMs) next = entry;
    }
    return next;
  }

  #set(repeats: boolean) {
    return (callback: Callback, delayMs = 0, ...args: unknown[]): number => {
      const ms = Math.max(1, delayMs);
      this.#timers.set(++this.#lastId, {
        atMs: this.#nowMs + ms,
        everyMs: repeats ? ms : undefined,
        callback: () => callback(...args),
        referenced: true,
      });
      const id = this.#lastId;
      this.onSet();
      return id;
    };
  }

  readonly #setImmediate = (callback: Callback, ...args: unknown[]): number => {
    this.#immediates.set(++this.#lastId, () => callback(...args));
    return this.#lastId;
  };

  readonly #clear = (id: number | undefined): void => {
    if (id !== undefined) this.#timers.delete(id);
  };

  #replace(owner: object, name: string, value: unknown): void {
    const own = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(owner, name, {
      value,
      configurable: true,
      writable: true,
    });
    this.#restore.push(() => {
      if (own) Object.defineProperty(owner, name, own);
      else Reflect.deleteProperty(owner, name);
    });
  }
}

type Callback = (...args: unknown[]) => void;

interface Timer {
  atMs: number;
  readonly everyMs: number | undefined;
  readonly callback: () => void;
  referenced: boolean;
}

async function drain(): Promise<void> {
  for (let i = 0; i < 100; i++) await null;
}
