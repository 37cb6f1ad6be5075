/**
 * The event loop: its timers, its ticks, and how long it may be kept from
 * turning by calls that are answered at once.
 */

/** The timers of the runtime, and its clock. */
export interface Timers {
  setTimeout: typeof setTimeout;
  clearTimeout: typeof clearTimeout;
  setInterval: typeof setInterval;
  clearInterval: typeof clearInterval;
  setImmediate: typeof setImmediate;
  /** Lets the process end before a timer fires. */
  unrefTimer: typeof Deno.unrefTimer;
  refTimer: typeof Deno.refTimer;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
}

/**
 * The timers as they are when this module loads. A program's tests may replace
 * the timers of `globalThis` with fake ones, and the calls must still end in
 * real time.
 */
export const timers: Timers = {
  setTimeout: take("setTimeout"),
  clearTimeout: take("clearTimeout"),
  setInterval: take("setInterval"),
  clearInterval: take("clearInterval"),
  setImmediate: take("setImmediate"),
  unrefTimer: Deno.unrefTimer,
  refTimer: Deno.refTimer,
  now: performance.now.bind(performance),
};

/**
 * Takes a timer function of `globalThis`. The property there may be a getter
 * that loads the function, which for `setImmediate` takes 10 ms to load modules
 * of Node.js (Deno 2.9.6). So only the getter is taken when this module loads,
 * and it is called at the first call of the function.
 */
function take<K extends keyof Timers & keyof typeof globalThis>(
  name: K,
): Timers[K] {
  type Timer = (...args: unknown[]) => unknown;
  const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name) ??
    {};
  const first: Timer = (...args) => {
    // Before Deno 2.4 only `node:timers` has setImmediate().
    const loaded: Timer = get?.call(globalThis) ?? value ??
      globalThis.process.getBuiltinModule(
        "node:timers",
      )[name as "setImmediate"];
    // Before Deno 2.8 these functions must be called on the global object.
    const timer: Timer = loaded.bind(globalThis);
    timers[name] = timer as Timers[K];
    return timer(...args);
  };
  return first as Timers[K];
}

/** The pauses between the attempts of a call, until it is cancelled. */
export class Pauses {
  cancelled = false;
  /** Whether the process waits for the end of a pause. */
  referenced = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resume: (() => void) | undefined;

  /** Resolves after some milliseconds, or at once when cancelled. */
  wait(ms: number): Promise<void> {
    if (this.cancelled) return Promise.resolve();
    return new Promise((resolve) => {
      this.#resume = resolve;
      this.#timer = timers.setTimeout(resolve, ms);
      if (!this.referenced) timers.unrefTimer(this.#timer);
    });
  }

  ref(): void {
    this.referenced = true;
    if (this.#timer !== undefined) timers.refTimer(this.#timer);
  }

  unref(): void {
    this.referenced = false;
    if (this.#timer !== undefined) timers.unrefTimer(this.#timer);
  }

  cancel(): void {
    this.cancelled = true;
    timers.clearTimeout(this.#timer);
    this.#resume?.();
  }
}

/**
 * How many immediates must run before the reactor has certainly been polled:
 * Tokio polls it after at most 61 tasks, and Deno 2.9.6 runs about one for each
 * immediate.
 *
 * Timers and immediates run before the reactor is polled. A call may have to
 * find data that the kernel had in time: a non-blocking call, whose timeout is
 * 0, or a call whose program was busy until its deadline. Such data is
 * certainly found only after these ticks. Under load 500 of 500 reads found it
 * within 150 microseconds; two timers one after the other took 2 ms and missed
 * some.
 */
export const REACTOR_TICKS = 64;

/** A callback that runs after a number of ticks. */
export interface Tick {
  readonly at: number;
  callback: (() => void) | undefined;
}

let tick = 0;
const ticks = new Map<number, Tick[]>();
let waiting = 0;
let running = false;

/**
 * Calls `callback` after `count` immediates. One chain of immediates serves all
 * callbacks: 1,600 timeouts at once cost 302 ms of CPU with a chain for each of
 * them, and 120 ms with one chain.
 */
export function afterTicks(count: number, callback: () => void): Tick {
  const entry: Tick = { at: tick + count, callback };
  const others = ticks.get(entry.at);
  if (others === undefined) ticks.set(entry.at, [entry]);
  else others.push(entry);
  waiting++;
  if (!running) {
    running = true;
    timers.setImmediate(onTick);
  }
  return entry;
}

/** Cancels a callback. The chain of immediates ends with the last callback. */
export function cancelTick(entry: Tick): void {
  if (entry.callback === undefined) return;
  entry.callback = undefined;
  waiting--;
}

function onTick(): void {
  const due = ticks.get(++tick);
  ticks.delete(tick);
  for (const entry of due ?? []) {
    const { callback } = entry;
    if (callback === undefined) continue;
    cancelTick(entry);
    callback();
  }
  running = waiting > 0;
  if (running) timers.setImmediate(onTick);
  else ticks.clear();
}

// A call that finds its result at once settles in a microtask. A program that
// makes one such call after the other, such as a loop of receives at the end of
// a stream, would never let timers, signals and other sockets run. Tokio lets
// the event loop turn after 128 operations; calls that are answered without an
// operation have to be counted here.

const MAX_CALLS = 256;
const MAX_BYTES = 1_048_576;

let calls = MAX_CALLS;
let bytes = MAX_BYTES;
let yielding: Promise<void> | undefined;
const paused: (() => void)[] = [];

/**
 * Returns whether the event loop has to turn before another call is answered.
 */
export function isYieldDue(): boolean {
  return calls <= 0 || bytes <= 0;
}

/** Counts a call that is answered at once. */
export function countCall(): void {
  calls--;
}

/** Counts bytes that calls send or receive. */
export function countBytes(n: number): void {
  bytes -= n;
}

/**
 * Calls `callback` when the event loop has turned and calls may be answered
 * again.
 */
export function afterYield(callback: () => void): void {
  if (paused.push(callback) === 1) timers.setImmediate(resume);
}

function resume(): void {
  calls = MAX_CALLS;
  bytes = MAX_BYTES;
  yielding = undefined;
  for (const callback of paused.splice(0)) callback();
}

/** Resolves when the event loop has turned. */
export function yieldToLoop(): Promise<void> {
  return yielding ??= new Promise(afterYield);
}

/**
 * Returns the promise of a call whose result is known. It resolves at once, or
 * after the event loop has turned if a yield is due.
 */
export function answer<T>(value: T): Promise<T> {
  countCall();
  return isYieldDue()
    ? new Promise((resolve) => afterYield(() => resolve(value)))
    : settled(value);
}

/**
 * Returns a settled promise. An asynchronous function creates it 10 ns faster.
 */
async function settled<T>(value: T): Promise<T> {
  return value;
}
