import { osError } from "../base/os_error.ts";
import type { AnyWaiter, Waiter, WaitQueue } from "./waiter.ts";

/** A source of events with one operation in flight at most. */
export interface OperationSource {
  /**
   * Starts the one operation, for the first in line. When it has settled and
   * its result is where attempts find it, `settled()` must be called. Returns
   * false if nothing can be started now.
   */
  start(first: AnyWaiter): boolean;
  /** Lets the operation in flight keep the process alive. */
  ref(): void;
  /** Lets the process end in spite of the operation in flight. */
  unref(): void;
}

/**
 * First come, first served, with one operation in flight.
 *
 * Connections, datagrams, bytes and room to send all come this way. Calls try,
 * and if they would block they stand in line. A call that gives up leaves the
 * line, never the operation: what it brings is there for the next call. That
 * one rule makes timeouts and aborts lose nothing, keeps calls in order, and
 * gives non-blocking calls and readiness.
 *
 * The operation in flight keeps the process alive only while someone whose
 * socket is referenced waits for it.
 */
export class OperationQueue implements WaitQueue {
  readonly #source: OperationSource;
  #first: AnyWaiter | undefined;
  #last: AnyWaiter | undefined;
  /** How many of those in line keep the process alive. */
  #referenced = 0;
  #inFlight = false;
  #unreferenced = false;

  constructor(source: OperationSource) {
    this.#source = source;
  }

  /** Whether an operation is in flight. */
  get inFlight(): boolean {
    return this.#inFlight;
  }

  /** Whether somebody stands in line. */
  get hasWaiters(): boolean {
    return this.#first !== undefined;
  }

  /** The call that is served next. */
  get first(): AnyWaiter | undefined {
    return this.#first;
  }

  /** Settles at once if nobody is before it and it finds what it wants. */
  run<T>(wait: Waiter<T>): Promise<T> {
    const { signal } = wait.context;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#first === undefined) {
      try {
        const value = wait.attempt();
        if (value !== undefined) return Promise.resolve(value);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.join(wait);
  }

  /** Stands in line. */
  join<T>(wait: Waiter<T>): Promise<T> {
    wait.previous = this.#last;
    if (this.#last === undefined) this.#first = wait;
    else this.#last.next = wait;
    this.#last = wait;
    if (wait.context.owner.referenced) this.#referenced++;
    const promise = wait.begin(this);
    this.startNext();
    return promise;
  }

  /** Starts an operation if somebody waits and none is in flight. */
  startNext(): void {
    if (this.#first !== undefined && !this.#inFlight) {
      this.#inFlight = true;
      if (!this.#source.start(this.#first)) this.#inFlight = false;
    }
    this.#updateLiveness();
  }

  /** Somebody does the operation himself; `settled()` must follow. */
  markInFlight(): void {
    this.#inFlight = true;
  }

  /** The operation has settled. */
  operationDone(): void {
    this.#inFlight = false;
    this.wakeWaiters();
  }

  /** Serves those whose turn it is, and goes on for the others. */
  wakeWaiters(): void {
    while (this.#first?.tryNow());
    this.startNext();
  }

  remove(wait: AnyWaiter): void {
    const { next, previous } = wait;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    wait.next = wait.previous = undefined;
    if (wait.context.owner.referenced) this.#referenced--;
    this.#updateLiveness();
  }

  /** Ends everybody's waiting, by a close unless there is another reason. */
  rejectAll(reason?: unknown): void {
    if (this.#first === undefined) return;
    reason ??= osError("EBADF");
    while (this.#first !== undefined) this.#first.reject(reason);
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
    if (unreferenced) this.#source.unref();
    else this.#source.ref();
  }
}

/** Calls back when as many microtasks have run, one after the other. */
export function afterMicrotasks(count: number, callback: () => void): void {
  if (count === 0) callback();
  else queueMicrotask(() => afterMicrotasks(count - 1, callback));
}
