import {
  countCall,
  isYieldDue,
  REACTOR_TICKS,
  timers,
  yieldToLoop,
} from "../../src/wait/event_loop.ts";

/** Lets one tick of the event loop pass: what is pending is then waited for. */
export function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Counts ticks of the event loop.
 *
 * @param promise What has to settle first.
 * @returns How many ticks began before it had.
 */
export async function ticksUntil(promise: Promise<unknown>): Promise<number> {
  let ticks = 0;
  let pending = true;
  const settled = promise.then(() => {}, () => {}).finally(() =>
    pending = false
  );
  while (pending) {
    const next = Promise.withResolvers<void>();
    const immediate = setImmediate(next.resolve);
    await Promise.race([settled, next.promise]);
    clearImmediate(immediate);
    ticks++;
  }
  return ticks;
}

/**
 * Waits until a promise has settled, or the event loop has turned so often: no
 * time, since a busy machine may not let the process run for any.
 *
 * @param promise The promise.
 * @param turns How often.
 */
export async function withinTurns(
  promise: Promise<unknown>,
  turns: number,
): Promise<void> {
  let pending = true;
  const settled = () => void (pending = false);
  promise.then(settled, settled);
  for (let turn = 0; pending && turn < turns; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/**
 * Lets a number of microtasks pass.
 *
 * @param count How many.
 */
export async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await null;
}

/** Lets all microtasks pass, and nothing else that matters to a fake. */
export async function settle(): Promise<void> {
  await microtasks(50);
}

/**
 * Lets the event loop turn until nothing of an earlier test waits for it, and no
 * call that was answered at once counts any more: after a number of such calls
 * the next one waits for a turn. A test that counts microtasks or calls begins
 * with this.
 */
export async function freshLoop(): Promise<void> {
  for (let i = 0; i <= REACTOR_TICKS; i++) {
    await new Promise<void>((resolve) => void timers.setImmediate(resolve));
  }
  await yieldToLoop();
}

let left = 0;

/**
 * Leaves few calls until the event loop has to turn: one at the first use, one
 * more at each further use up to 7, then none, and so on.
 */
export async function spendCalls(): Promise<void> {
  await yieldToLoop();
  let calls = 0;
  while (!isYieldDue()) {
    countCall();
    calls++;
  }
  await yieldToLoop();
  left = (left + 1) % 8;
  for (let n = left; n < calls; n++) countCall();
}

/** How long a call may go on failing: long, since a machine may be busy. */
const SOON_MS = 60_000;

/**
 * Makes a call again in each tick of the event loop, until it succeeds.
 *
 * @param call The call.
 * @returns Its value.
 * @throws Its last error, if it goes on failing for a minute.
 */
export async function eventually<T>(call: () => T): Promise<T> {
  const endMs = performance.now() + SOON_MS;
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
    await tick();
  }
}

/**
 * Counts while the event loop does not turn, for `using`: `most` is the largest
 * count between two turns.
 */
export class TurnCounter implements Disposable {
  /** How often the event loop has turned. */
  turns = 0;
  #count = 0;
  #most = 0;
  #stopped = false;

  constructor() {
    this.#next();
  }

  /** The largest count between two turns so far. */
  get most(): number {
    return Math.max(this.#most, this.#count);
  }

  /** Counts `n` more. */
  add(n: number): void {
    this.#count += n;
  }

  #next(): void {
    setImmediate(() => {
      this.#most = this.most;
      this.#count = 0;
      this.turns++;
      if (!this.#stopped) this.#next();
    });
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
  }
}
