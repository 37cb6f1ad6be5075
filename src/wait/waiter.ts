/**
 * The one waiting mechanism, under every call that blocks in Python.
 *
 * A {@linkcode Waiter} is a pending call. It ends once: with its result, at its
 * timeout, by its abort signal, or when its socket is closed. The operation
 * that a cancelled call was waiting for stays in flight, and its result goes to
 * the next call (see `OperationQueue`).
 */

import { atCaller, osError, timedOut } from "../base/os_error.ts";
import {
  afterTicks,
  cancelTick,
  countCall,
  isYieldDue,
  REACTOR_TICKS,
  type Tick,
  timers,
  yieldToLoop,
} from "./event_loop.ts";

/** The last argument of every waiting method. */
export interface SignalOption {
  /** Cancels the call: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The owner of a call, and the causes that may cancel it. */
export interface CallContext {
  readonly owner: CallOwner;
  /**
   * The timeout in milliseconds: 0 for a non-blocking call, null for no limit.
   */
  readonly timeoutMs: number | null;
  readonly signal: AbortSignal | undefined;
  /** The flags of the call, `MSG_*`; none by default. */
  readonly flags?: number;
  /** Creates the error for a timeout, if it is not the usual one. */
  readonly timeoutError?: () => Error;
}

/** Returns whether a call may end before the operation that it waits for. */
export function isCancellable(context: CallContext): boolean {
  return context.timeoutMs !== null || context.signal !== undefined;
}

/**
 * Rejects with an error whose stack begins where the program awaits the call.
 *
 * V8 finds the callers of an asynchronous function by following its promise to
 * whatever awaits it, through `then` and through the promises that it resolves.
 * Two microtasks later the promise that is returned here has been linked to the
 * call's own. So a call pays for this only when it fails (Deno 2.9.6, V8 15).
 */
export async function failure(
  reason: unknown,
  signal?: AbortSignal,
): Promise<never> {
  countCall();
  if (isYieldDue()) await yieldToLoop();
  await null;
  await null;
  throw atCaller(reason, failure, signal);
}

/** Runs a synchronous method. The stacks of its errors begin at its caller. */
export function traced<T>(
  method: (...args: never[]) => unknown,
  work: () => T,
): T {
  try {
    return work();
  } catch (error) {
    throw atCaller(error, method);
  }
}

/** The longest delay of `setTimeout`. Timers with a longer one fire at once. */
const MAX_DELAY_MS = 0x7fffffff;

/**
 * The owner of pending calls: a socket, or a file object on one.
 *
 * An owner has at most one timer. For a call that settles in time the only cost
 * is one read of the clock: the timer is not cleared, and when it fires it is
 * set again for the calls that are then pending. The timer never keeps the
 * process alive; the operation that a call waits for does.
 */
export class CallOwner {
  /** The pending calls. Usually there is only one, which needs no set. */
  #waiter: AnyWaiter | undefined;
  #others: Set<AnyWaiter> | undefined;
  #referenced = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAtMs = Infinity;
  #tick: Tick | undefined;
  #onIdle: (() => void) | undefined;
  /**
   * After the close, the timer is cleared together with the last pending call.
   */
  #closed = false;

  /** Whether pending calls keep the process alive. */
  get referenced(): boolean {
    return this.#referenced;
  }

  set referenced(value: boolean) {
    if (value === this.#referenced) return;
    this.#referenced = value;
    const by = value ? 1 : -1;
    for (const waiter of this.#all()) waiter.queue?.referenceChanged(by);
  }

  /** Whether a call is pending. */
  get hasWaiters(): boolean {
    return this.#waiter !== undefined ||
      (this.#others !== undefined && this.#others.size > 0);
  }

  /** Whether the owner has closed. */
  get closed(): boolean {
    return this.#closed;
  }

  #all(): AnyWaiter[] {
    const all = this.#others === undefined ? [] : [...this.#others];
    if (this.#waiter !== undefined) all.unshift(this.#waiter);
    return all;
  }

  /** Cancels every pending call except those that survive a close. */
  close(reason?: Error): void {
    this.#closed = true;
    for (const waiter of this.#all()) {
      if (!waiter.survivesClose) waiter.cancel(reason ?? osError("EBADF"));
    }
    this.#disarmIfIdle();
  }

  /**
   * Calls `callback` once no call is pending, in a microtask of its own, so
   * never while a call is settling.
   */
  whenIdle(callback: () => void): void {
    if (this.hasWaiters) this.#onIdle = callback;
    else queueMicrotask(callback);
  }

  /** Called by the watched descriptor, which may be closed under its owner. */
  descriptorChanged(descriptor: { readonly closed: boolean }): void {
    if (descriptor.closed) this.close();
  }

  /** Called by a waiter that begins to wait. */
  add(waiter: AnyWaiter): void {
    if (this.#waiter === undefined) this.#waiter = waiter;
    else (this.#others ??= new Set()).add(waiter);
    if (waiter.deadlineMs < this.#timerAtMs) this.#arm(waiter.deadlineMs);
  }

  /** Called by a waiter that has settled. */
  remove(waiter: AnyWaiter): void {
    if (this.#waiter === waiter) this.#waiter = undefined;
    else this.#others!.delete(waiter);
    if (this.#closed) this.#disarmIfIdle();
    if (this.#onIdle === undefined || this.hasWaiters) return;
    queueMicrotask(this.#onIdle);
    this.#onIdle = undefined;
  }

  #disarmIfIdle(): void {
    if (this.hasWaiters) return;
    timers.clearTimeout(this.#timer);
    if (this.#tick !== undefined) cancelTick(this.#tick);
    this.#timer = this.#tick = undefined;
    this.#timerAtMs = Infinity;
  }

  #arm(atMs: number): void {
    timers.clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    const delayMs = Math.min(atMs - timers.now(), MAX_DELAY_MS);
    if (delayMs <= 0) {
      this.#onTimer();
      return;
    }
    this.#timer = timers.setTimeout(() => this.#onTimer(), Math.ceil(delayMs));
    timers.unrefTimer(this.#timer);
  }

  #onTimer(): void {
    this.#timer = undefined;
    // If all the calls have settled in the meantime, no ticks are needed.
    if (!this.hasWaiters) {
      this.#timerAtMs = Infinity;
      return;
    }
    const nowMs = timers.now();
    if (this.#tick !== undefined) cancelTick(this.#tick);
    this.#tick = afterTicks(REACTOR_TICKS, () => this.#expire(nowMs));
  }

  /** Calls that began after the timer fired are left for the next expiry. */
  #expire(nowMs: number): void {
    this.#tick = undefined;
    this.#timerAtMs = Infinity;
    let nextMs = Infinity;
    for (const waiter of this.#all()) {
      if (waiter.deadlineMs <= nowMs) waiter.cancel(waiter.expiry());
      else nextMs = Math.min(nextMs, waiter.deadlineMs);
    }
    if (nextMs < this.#timerAtMs) this.#arm(nextMs);
  }
}

/** The queue that a waiter waits in. */
export interface WaitQueue {
  remove(waiter: AnyWaiter): void;
  /**
   * Called when the owner of a waiter becomes referenced (1) or unreferenced
   * (-1).
   */
  referenceChanged(by: 1 | -1): void;
}

/** A pending call, whatever its result. */
export interface AnyWaiter {
  readonly context: CallContext;
  /** The value of `performance.now()` at which the call times out. */
  readonly deadlineMs: number;
  /** Its queue; undefined before the call waits and after it has settled. */
  queue: WaitQueue | undefined;
  /** Its neighbours in the queue. */
  next: AnyWaiter | undefined;
  previous: AnyWaiter | undefined;
  /** Whether the call stays pending when the socket closes, such as a send. */
  readonly survivesClose: boolean;
  /** Settles the call if its result is there; otherwise returns false. */
  tryNow(): boolean;
  reject(reason: unknown): void;
  /** Called at the timeout, when the signal aborts, or when the socket closes. */
  cancel(reason: unknown): void;
  /** The error for a timeout. */
  expiry(): Error;
}

// Adding or removing a listener takes time in proportion to the number of
// listeners that the signal has. So each signal has one listener, for all the
// calls that it cancels.
const aborting = new WeakMap<AbortSignal, Set<AnyWaiter>>();

function onAbort(event: Event): void {
  const signal = event.currentTarget as AbortSignal;
  for (const waiter of [...aborting.get(signal) ?? []]) {
    waiter.cancel(signal.reason);
  }
}

function watch(signal: AbortSignal, waiter: AnyWaiter): void {
  let waiters = aborting.get(signal);
  if (waiters === undefined) aborting.set(signal, waiters = new Set());
  if (waiters.size === 0) signal.addEventListener("abort", onAbort);
  waiters.add(waiter);
}

function unwatch(signal: AbortSignal, waiter: AnyWaiter): void {
  const waiters = aborting.get(signal)!;
  waiters.delete(waiter);
  if (waiters.size === 0) signal.removeEventListener("abort", onAbort);
}

// This closure is shared: creating one for each promise would cost as much as
// the promise.
let newResolve: (value: unknown) => void;
const keepResolve = (resolve: (value: unknown) => void): void => {
  newResolve = resolve;
};

/**
 * A pending call. Its promise and its deadline are created when it begins to
 * wait: most calls are served at once and need neither.
 */
export abstract class Waiter<T> implements AnyWaiter {
  readonly context: CallContext;
  deadlineMs: number = Infinity;
  queue: WaitQueue | undefined = undefined;
  next: AnyWaiter | undefined = undefined;
  previous: AnyWaiter | undefined = undefined;
  #resolve: ((value: T | Promise<never>) => void) | undefined = undefined;

  constructor(context: CallContext) {
    this.context = context;
  }

  /** Looks for the result, and returns undefined if it is not there yet. */
  abstract attempt(): T | undefined;

  get survivesClose(): boolean {
    return false;
  }

  /**
   * Begins to wait in a queue: from now on a timeout, an abort or a close can
   * cancel the call.
   */
  begin(queue: WaitQueue): Promise<T> {
    const promise = new Promise<unknown>(keepResolve) as Promise<T>;
    this.#resolve = newResolve;
    this.queue = queue;
    const { owner, signal, timeoutMs } = this.context;
    if (timeoutMs !== null && this.deadlineMs === Infinity) {
      this.deadlineMs = timers.now() + timeoutMs;
    }
    owner.add(this);
    if (signal !== undefined) watch(signal, this);
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
    this.#resolve!(failure(reason, this.context.signal));
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
    if (signal !== undefined) unwatch(signal, this);
    owner.remove(this);
    queue.remove(this);
  }
}

/** A waiter whose result is looked for by a function. */
export class ConditionWaiter<T> extends Waiter<T> {
  readonly #find: () => T | undefined;
  readonly #survivesClose: boolean;

  constructor(
    context: CallContext,
    find: () => T | undefined,
    survivesClose = false,
  ) {
    super(context);
    this.#find = find;
    this.#survivesClose = survivesClose;
  }

  attempt(): T | undefined {
    return this.#find();
  }

  override get survivesClose(): boolean {
    return this.#survivesClose;
  }
}

/**
 * The queue of waiters that wait in none, since their operation proceeds by
 * itself.
 */
export const NO_QUEUE: WaitQueue = { remove() {}, referenceChanged() {} };

const NOTHING = (): undefined => undefined;

/** Creates a waiter that other code settles. */
export function deferred<T>(
  context: CallContext,
  survivesClose: boolean,
): ConditionWaiter<T> {
  return new ConditionWaiter<T>(context, NOTHING, survivesClose);
}

/**
 * Makes a call cancellable whose operation proceeds by itself. Closing the
 * socket does not cancel the call, unless `survivesClose` is false.
 */
export function withCancellation<T>(
  context: CallContext,
  operation: Promise<T>,
  survivesClose = true,
): Promise<T> {
  if (context.signal?.aborted) {
    operation.catch(() => {});
    return failure(context.signal.reason, context.signal);
  }
  const waiter = deferred<T>(context, survivesClose);
  const settled = waiter.begin(NO_QUEUE);
  operation.then(
    (value) => {
      if (waiter.queue !== undefined) waiter.resolve(value);
    },
    (reason) => {
      if (waiter.queue !== undefined) waiter.reject(reason);
    },
  );
  return settled;
}
