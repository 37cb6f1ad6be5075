import { osError } from "../base/os_error.ts";
import { afterYield, countCall, isYieldDue } from "./event_loop.ts";
import {
  type AnyWaiter,
  failure,
  type Waiter,
  type WaitQueue,
} from "./waiter.ts";

/**
 * First come, first served, with at most one operation in flight.
 *
 * Connections, datagrams, bytes and room to send all pass through such a queue.
 * A call first looks for its result, and waits in the queue if it is not there.
 * A cancelled call leaves the queue, never the operation: the result of that is
 * there for the next call. This one rule makes timeouts and aborts lose nothing,
 * keeps calls in order, and gives non-blocking calls and readiness.
 *
 * The operation in flight keeps the process alive only while a waiter with a
 * referenced owner waits for it.
 */
export abstract class OperationQueue implements WaitQueue {
  #first: AnyWaiter | undefined;
  #last: AnyWaiter | undefined;
  /** How many of the waiters keep the process alive. */
  #referenced = 0;
  #inFlight = false;
  #unreferenced = false;
  /** Whether waiters are served only after the event loop has turned. */
  #paused = false;

  /**
   * Starts the operation, for the first waiter. When it has settled and its
   * result is where attempts find it, `operationDone()` must be called. Returns
   * false if nothing can be started now.
   */
  abstract start(first: AnyWaiter): boolean;
  /** Lets the operation in flight keep the process alive. */
  abstract ref(): void;
  /** Lets the process end while the operation is in flight. */
  abstract unref(): void;

  /** Whether an operation is in flight. */
  get inFlight(): boolean {
    return this.#inFlight;
  }

  /** Whether a call waits. */
  get hasWaiters(): boolean {
    return this.#first !== undefined;
  }

  /** The call that is served next. */
  get first(): AnyWaiter | undefined {
    return this.#first;
  }

  /**
   * Whether a call may look for its result at once. If the event loop has to turn
   * before, the queue pauses for that.
   */
  get mayAnswer(): boolean {
    if (this.#first !== undefined) return false;
    if (!isYieldDue()) return true;
    this.#pause();
    return false;
  }

  /** Settles at once if no call waits and the result is there; else it waits. */
  run<T>(waiter: Waiter<T>): Promise<T> {
    const { signal } = waiter.context;
    if (signal !== undefined && signal.aborted) {
      return failure(signal.reason, signal);
    }
    if (!this.mayAnswer) return this.join(waiter);
    try {
      const value = waiter.attempt();
      if (value !== undefined) {
        countCall();
        return Promise.resolve(value);
      }
    } catch (error) {
      return failure(error);
    }
    return this.join(waiter);
  }

  /** Waits in the queue. */
  join<T>(waiter: Waiter<T>): Promise<T> {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    if (waiter.context.owner.referenced) this.#referenced++;
    const promise = waiter.begin(this);
    this.startNext();
    return promise;
  }

  /** Starts an operation if a call waits for one and none is in flight. */
  startNext(): void {
    if (this.#first !== undefined && !this.#inFlight && !this.#paused) {
      this.#inFlight = true;
      if (!this.start(this.#first)) this.#inFlight = false;
    }
    this.#updateLiveness();
  }

  /** Marks an operation that the caller runs itself as in flight. */
  markInFlight(): void {
    this.#inFlight = true;
  }

  /** The operation has settled. */
  operationDone(): void {
    this.#inFlight = false;
    this.wakeWaiters();
  }

  /** Serves the waiters whose result is there, and goes on for the others. */
  wakeWaiters(): void {
    while (this.#first !== undefined && !this.#paused) {
      if (isYieldDue()) this.#pause();
      else if (!this.#first.tryNow()) break;
    }
    this.startNext();
  }

  #pause(): void {
    this.#paused = true;
    // Made when needed: most queues never pause, and each closure is memory.
    afterYield(() => {
      this.#paused = false;
      this.wakeWaiters();
    });
  }

  remove(waiter: AnyWaiter): void {
    const { next, previous } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiter.next = waiter.previous = undefined;
    if (waiter.context.owner.referenced) this.#referenced--;
    this.#updateLiveness();
  }

  /** Rejects all waiters, with EBADF unless there is another reason. */
  rejectAll(makeReason: () => Error = badDescriptor): void {
    while (this.#first !== undefined) this.#first.reject(makeReason());
  }

  referenceChanged(by: 1 | -1): void {
    this.#referenced += by;
    this.#updateLiveness();
  }

  #updateLiveness(): void {
    if (!this.#inFlight) return;
    const unreferenced = this.#referenced === 0;
    if (unreferenced === this.#unreferenced) return;
    this.#unreferenced = unreferenced;
    if (unreferenced) this.unref();
    else this.ref();
  }
}

function badDescriptor(): Error {
  return osError("EBADF");
}

/** Calls back after `count` microtasks, one after the other. */
export function afterMicrotasks(count: number, callback: () => void): void {
  if (count === 0) callback();
  else queueMicrotask(() => afterMicrotasks(count - 1, callback));
}
