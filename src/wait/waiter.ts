/**
 * Waiting, the one mechanism under every call that Python would block in.
 *
 * A {@linkcode Waiter} is a call that has not settled. It ends once, by its
 * result, its timeout, its abort signal, or the closing of its socket. A call
 * that ends early leaves the operation it was waiting for alone: what that
 * brings goes to the next call (see `Pump`).
 */

import { osError, timedOut } from "../base/os_error.ts";

/** The last argument of every waiting method. */
export interface SignalOption {
  /** Ends the call early: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What may end one call early. */
export interface CallContext {
  /** Whose call it is. */
  readonly owner: CallOwner;
  /** Milliseconds, 0 for non-blocking, null for no limit. */
  readonly timeoutMs: number | null;
  readonly signal: AbortSignal | undefined;
  /** What the call rejects with when its time is over, if not the usual. */
  readonly timeoutError?: () => Error;
}

/** Whether a call may end before the operation it waits for. */
export function isCancellable(context: CallContext): boolean {
  return context.timeoutMs !== null || context.signal !== undefined;
}

/**
 * How many immediates to let pass for the reactor to be polled: Tokio polls it
 * after at most 61 tasks, and Deno 2.9.6 runs about one for each immediate.
 *
 * Timers and immediates run before. So only then is data found that the kernel
 * had in time, by a non-blocking call, whose timeout is 0, or when the program
 * was too busy to look. Under load 500 of 500 reads found it within 150 µs;
 * two timers in a row took 2 ms and missed some.
 */
export const REACTOR_TICKS = 64;

/** The longest delay of `setTimeout`; longer ones fire at once. */
const MAX_DELAY_MS = 0x7fffffff;

/**
 * A socket, or a file object on one, as the owner of waiting calls.
 *
 * It has one timer at most. A call that settles in time costs a clock read: the
 * timer is left to fire and armed again for what is then pending. It never
 * keeps the process alive; the operation that a call waits for does.
 */
export class CallOwner {
  readonly #waiters: AnyWaiter[] = [];
  #referenced = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAtMs = Infinity;
  #turn: ReturnType<typeof setImmediate> | undefined;
  /** From then on no timer outlives the last call. */
  #closed = false;

  /** Whether pending calls keep the process alive. */
  get referenced(): boolean {
    return this.#referenced;
  }

  set referenced(value: boolean) {
    if (value === this.#referenced) return;
    this.#referenced = value;
    const by = value ? 1 : -1;
    for (const wait of this.#waiters) wait.queue?.referenceChanged(by);
  }

  /** Whether a call of its has not settled. */
  get waits(): boolean {
    return this.#waiters.length > 0;
  }

  /** Whether the owner has closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends every pending call but those that go on after a close. */
  close(reason?: Error): void {
    this.#closed = true;
    if (this.#waiters.length > 0) this.#giveUpAll(reason ?? osError("EBADF"));
    this.#disarmIfIdle();
  }

  #giveUpAll(reason: Error): void {
    for (const wait of [...this.#waiters]) {
      if (!wait.survivesClose) wait.cancel(reason);
    }
  }

  /** Called by a descriptor that it watches: it may be closed under it. */
  descriptorChanged(descriptor: { readonly closed: boolean }): void {
    if (descriptor.closed) this.close();
  }

  /** Called by a wait that begins. */
  add(wait: AnyWaiter): void {
    wait.index = this.#waiters.length;
    this.#waiters.push(wait);
    if (wait.deadlineMs < this.#timerAtMs) this.#arm(wait.deadlineMs);
  }

  /** Called by a wait that ends. */
  remove(wait: AnyWaiter): void {
    const last = this.#waiters.pop()!;
    if (last !== wait) {
      this.#waiters[wait.index] = last;
      last.index = wait.index;
    }
    if (this.#closed) this.#disarmIfIdle();
  }

  #disarmIfIdle(): void {
    if (this.#waiters.length > 0) return;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#timer = this.#turn = undefined;
    this.#timerAtMs = Infinity;
  }

  #arm(atMs: number): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    const delayMs = Math.min(atMs - performance.now(), MAX_DELAY_MS);
    if (delayMs <= 0) {
      this.#fire();
      return;
    }
    this.#timer = setTimeout(() => this.#fire(), Math.ceil(delayMs));
    Deno.unrefTimer(this.#timer);
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    let turns = REACTOR_TICKS;
    const turn = (): void => {
      if (--turns > 0 && this.#waiters.length > 0) {
        this.#turn = setImmediate(turn);
      } else this.#expire(nowMs);
    };
    turn();
  }

  /** A call made since the timer fired has its turn still to come. */
  #expire(nowMs: number): void {
    this.#turn = undefined;
    this.#timerAtMs = Infinity;
    let nextMs = Infinity;
    for (const wait of [...this.#waiters]) {
      if (wait.deadlineMs <= nowMs) wait.cancel(wait.expiry());
      else nextMs = Math.min(nextMs, wait.deadlineMs);
    }
    if (nextMs < this.#timerAtMs) this.#arm(nextMs);
  }
}

/** What a wait stands in line at. */
export interface WaitQueue {
  remove(wait: AnyWaiter): void;
  /** One caller of those who wait is referenced (1), or is no more (-1). */
  referenceChanged(by: 1 | -1): void;
}

/** A call that has not settled yet, whatever its result. */
export interface AnyWaiter {
  readonly context: CallContext;
  /** `performance.now()` at which the call's time is over. */
  readonly deadlineMs: number;
  /** Where it stands in line; undefined before, and once it has settled. */
  queue: WaitQueue | undefined;
  /** Its neighbours there. */
  next: AnyWaiter | undefined;
  previous: AnyWaiter | undefined;
  /** Its place among its caller's. */
  index: number;
  /** Whether the call goes on when its socket is closed, as a send does. */
  readonly survivesClose: boolean;
  /** Settles if the result is there; otherwise false. */
  tryNow(): boolean;
  reject(reason: unknown): void;
  /** Called when time is over, the signal aborts, or the socket is closed. */
  cancel(reason: unknown): void;
  /** The error for time that is over. */
  expiry(): Error;
}

// A closure for each promise would cost as much as the promise.
let newResolve: (value: unknown) => void;
let newReject: (reason: unknown) => void;
const keepFunctions = (
  resolve: (value: unknown) => void,
  reject: (reason: unknown) => void,
): void => {
  newResolve = resolve;
  newReject = reject;
};

/**
 * A call that has not settled yet. It has a promise and a deadline from when it
 * begins to wait: most calls are served at once, and those need neither.
 */
export abstract class Waiter<T> implements AnyWaiter {
  readonly context: CallContext;
  deadlineMs: number = Infinity;
  queue: WaitQueue | undefined = undefined;
  next: AnyWaiter | undefined = undefined;
  previous: AnyWaiter | undefined = undefined;
  index = 0;
  #resolve: ((value: T) => void) | undefined = undefined;
  #reject: ((reason: unknown) => void) | undefined = undefined;
  #onAbort: (() => void) | undefined = undefined;

  constructor(context: CallContext) {
    this.context = context;
  }

  /** Looks for the result; undefined means that it is not there yet. */
  abstract attempt(): T | undefined;

  get survivesClose(): boolean {
    return false;
  }

  /** Stands in line, and lets timeout, abort and close reach the call. */
  begin(queue: WaitQueue): Promise<T> {
    const promise = new Promise<unknown>(keepFunctions) as Promise<T>;
    this.#resolve = newResolve;
    this.#reject = newReject;
    this.queue = queue;
    const { owner, signal, timeoutMs } = this.context;
    if (timeoutMs !== null) this.deadlineMs = performance.now() + timeoutMs;
    owner.add(this);
    if (signal !== undefined) {
      this.#onAbort = () => this.cancel(signal.reason);
      signal.addEventListener("abort", this.#onAbort);
    }
    return promise;
  }

  tryNow(): boolean {
    try {
      const value = this.attempt();
      if (value === undefined) return false;
      this.resolve(value);
    } catch (error) {
      this.reject(error);
    }
    return true;
  }

  resolve(value: T): void {
    this.#end();
    this.#resolve!(value);
  }

  reject(reason: unknown): void {
    this.#end();
    this.#reject!(reason);
  }

  cancel(reason: unknown): void {
    this.reject(reason);
  }

  expiry(): Error {
    if (this.context.timeoutError) return this.context.timeoutError();
    return this.context.timeoutMs === 0 ? osError("EAGAIN") : timedOut();
  }

  #end(): void {
    const { queue } = this;
    if (queue === undefined) return;
    this.queue = undefined;
    const { owner, signal } = this.context;
    if (this.#onAbort) signal!.removeEventListener("abort", this.#onAbort);
    owner.remove(this);
    queue.remove(this);
  }
}

/** A wait for what a function finds. */
export class ConditionWaiter<T> extends Waiter<T> {
  readonly #find: () => T | undefined;

  constructor(context: CallContext, find: () => T | undefined) {
    super(context);
    this.#find = find;
  }

  attempt(): T | undefined {
    return this.#find();
  }
}

/** A wait for what somebody else tells it. */
export class DeferredWaiter<T> extends Waiter<T> {
  attempt(): undefined {}
}

/** A wait for what a close does not end. */
class DetachedWaiter<T> extends DeferredWaiter<T> {
  override get survivesClose(): boolean {
    return true;
  }
}

/** For a wait that stands in no line: what it waits for goes on by itself. */
export const NO_QUEUE: WaitQueue = { remove() {}, referenceChanged() {} };

/** Bounds a promise that goes on by itself. */
export function withCancellation<T>(
  context: CallContext,
  promise: Promise<T>,
): Promise<T> {
  if (context.signal?.aborted) {
    promise.catch(() => {});
    return Promise.reject(context.signal.reason);
  }
  const wait = new DetachedWaiter<T>(context);
  const settled = wait.begin(NO_QUEUE);
  promise.then(
    (value) => wait.resolve(value),
    (reason) => wait.reject(reason),
  );
  return settled;
}
