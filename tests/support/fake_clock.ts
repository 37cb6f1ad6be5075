import { type Timers, timers } from "../../src/wait/event_loop.ts";
import { freshLoop } from "./event_loop.ts";

/**
 * A clock that a test moves, in place of the timers that the module has captured
 * until the end of a `using` block. The code under test does everything at the
 * fake time for which it is due, whatever else the machine does.
 *
 * Deno 2.9 polls the kernel only when it has nothing else to do: not in a turn
 * that begins with a timer that is due already or an immediate. So does this
 * clock, and then calls `onPoll`.
 */
export class FakeClock implements Disposable {
  readonly #restore: (() => void)[] = [];
  readonly #timers = new Map<number, Timer>();
  #immediates = new Map<number, () => void>();
  #nowMs = 1000;
  #lastId = 0;
  /** Called when the kernel is polled. */
  onPoll: () => void = () => {};
  /** Called when a timer has been set. */
  onSet: () => void = () => {};

  /** Puts a clock in place, when nothing waits for the event loop any more. */
  static async install(): Promise<FakeClock> {
    await freshLoop();
    return new FakeClock();
  }

  private constructor() {
    this.#replace("now", () => this.#nowMs);
    this.#replace("setTimeout", this.#set(false));
    this.#replace("setInterval", this.#set(true));
    this.#replace("clearTimeout", this.#clear);
    this.#replace("clearInterval", this.#clear);
    this.#replace("setImmediate", this.#setImmediate);
    this.#replace("unrefTimer", this.#setReferenced(false));
    this.#replace("refTimer", this.#setReferenced(true));
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

  /** Lets time pass: callbacks run when they are due, each with its microtasks. */
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
      // The poll may have cleared it.
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
    // One chain of immediates serves all calls of the process: it goes on.
    for (const callback of this.#immediates.values()) {
      timers.setImmediate(callback);
    }
  }

  #setReferenced(referenced: boolean) {
    return (id: number): void => {
      this.#timers.get(id)!.referenced = referenced;
    };
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

  #replace(name: keyof Timers, value: unknown): void {
    const own = timers[name];
    Object.assign(timers, { [name]: value });
    this.#restore.push(() => void Object.assign(timers, { [name]: own }));
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
