import { osError } from "../base/os_error.ts";
import { afterYield, countCall, isYieldDue } from "./event_loop.ts";
import {
  type AnyWaiter,
  failure,
  type Waiter,
  type WaitQueue,
} from "./waiter.ts";

/**
 * A queue of waiters, served first come, first served, with at most one
 * operation in flight.
 *
 * Calls wait in such a queue for connections, datagrams, bytes and room to
 * send. A call first looks for its result, and joins the queue if the result is
 * not there yet. A cancelled call leaves the queue, but its operation stays in
 * flight, and the result goes to the next call. From this one rule it follows
 * that timeouts and aborts lose nothing, that calls are served in order, and
 * how non-blocking calls and readiness work.
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
  /** Whether the waiters have to wait until the event loop has turned. */
  #paused = false;

  /**
   * Starts the operation, for the first waiter. When the operation has settled
   * and attempts can find its result, `operationDone()` must be called. Returns
   * false if no operation can be started now.
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

  /** The waiter that is served next. */
  get first(): AnyWaiter | undefined {
    return this.#first;
  }

  /**
   * Whether a call may look for its result at once. If the event loop has to
   * turn first, the queue pauses until it has.
   */
  get mayAnswer(): boolean {
    if (this.#first !== undefined) return false;
    if (!isYieldDue()) return true;
    this.#pause();
    return false;
  }

  /**
   * Settles at once if the queue is empty and the result is there; otherwise
   * the waiter joins the queue.
   */
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

  /** Appends a waiter to the queue. */
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

  /** Called when the operation in flight has settled. */
  operationDone(): void {
    this.#inFlight = false;
    this.wakeWaiters();
  }

  /**
   * Serves the waiters whose results are there, and starts an operation for the
   * others.
   */
  wakeWaiters(): void {
    while (this.#first !== undefined && !this.#paused) {
      if (isYieldDue()) this.#pause();
      else if (!this.#first.tryNow()) break;
    }
    this.startNext();
  }

  #pause(): void {
    this.#paused = true;
    // The closure is created here and not with the queue: most queues never
    // pause, and each closure takes memory.
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

/** Calls `callback` after `count` microtasks, one after the other. */
export function afterMicrotasks(count: number, callback: () => void): void {
  if (count === 0) callback();
  else queueMicrotask(() => afterMicrotasks(count - 1, callback));
}
