/**
 * Waiting for many descriptors at once, the one mechanism under `select`,
 * `poll` and the selectors.
 */

import { KeepAlive } from "./deno_net.ts";
import type { Descriptor, Watcher } from "./descriptors.ts";
import {
  directionsOf,
  eventsOf,
  type Interest,
  RECEIVING,
  SENDING,
} from "./interest.ts";
import { osError } from "./os_error.ts";
import { POLLNVAL } from "./poll_events.ts";
import { Polling, type Ready, type Waitable } from "./polling.ts";
import { Caller, type Limits } from "./wait.ts";

const WITHDRAWN = new Error("Nobody waits for this any more");

/** An interest, and the waits at its endpoint for it. */
class Watch<I extends Interest> {
  interest: I;
  /** The directions that are being waited for. */
  waiting = 0;
  readonly #set: PollSet<I>;
  readonly #limits: Limits;

  constructor(set: PollSet<I>, interest: I) {
    this.#set = set;
    this.interest = interest;
    const caller = new Caller();
    caller.referenced = false;
    this.#limits = { caller, timeoutMs: null, signal: undefined };
  }

  set referenced(value: boolean) {
    this.#limits.caller.referenced = value;
  }

  /** Whether an operation is in flight that can keep the process alive. */
  get isOperation(): boolean {
    if ((this.waiting & RECEIVING) === 0) return false;
    const { kind } = this.interest.descriptor!.description.endpoint;
    return kind === "connected" || kind === "listening";
  }

  /** Starts to wait for what is not known. */
  start(): void {
    const { descriptor, events } = this.interest;
    const missing = directionsOf(events) & ~this.waiting;
    if (missing === 0 || descriptor === undefined || descriptor.closed) return;
    const { endpoint } = descriptor.description;
    if ((missing & RECEIVING) !== 0 && !endpoint.readable) {
      this.#wait(RECEIVING, endpoint.whenReadable(this.#limits));
    }
    if ((missing & SENDING) !== 0 && !endpoint.writable) {
      this.#wait(SENDING, endpoint.whenWritable(this.#limits));
    }
  }

  #wait(direction: number, ready: Promise<true>): void {
    this.waiting |= direction;
    // What fails does so on a change of state, which has to be looked at too.
    const settled = () => {
      this.waiting &= ~direction;
      this.#set.settled(this);
    };
    ready.then(settled, settled);
  }

  /** Stops waiting, which takes nothing from anybody. */
  withdraw(): void {
    this.#limits.caller.close(WITHDRAWN);
  }
}

/**
 * Interests by number, which may change while calls wait for them.
 *
 * What is known of an endpoint is not asked for again. For the rest one of its
 * waits stands in line there, also between the calls, since to line up again
 * with a thousand idle sockets for each call would cost a millisecond. So there
 * is one operation in flight for each at most, and what that brings is there for
 * whoever receives next.
 */
export class PollSet<I extends Interest> implements Watcher, Waitable<I> {
  readonly #watches = new Map<number, Watch<I>>();
  readonly #calls = new Set<Polling<I>>();
  #waiting = 0;
  /** The one whose operation keeps the process alive. */
  #anchor: Watch<I> | undefined;
  /** Does so if there is none. */
  #keepAlive: KeepAlive | undefined;

  get size(): number {
    return this.#watches.size;
  }

  get(number: number): I | undefined {
    return this.#watches.get(number)?.interest;
  }

  *values(): Generator<I> {
    for (const { interest } of this.#watches.values()) yield interest;
  }

  set(number: number, interest: I): void {
    const { descriptor } = interest;
    const old = this.#watches.get(number);
    if (old !== undefined && old.interest.descriptor === descriptor) {
      old.interest = interest;
    } else {
      if (old !== undefined) this.#drop(old);
      this.#watches.set(number, new Watch(this, interest));
      descriptor?.watch(this);
    }
    this.#changed();
  }

  delete(number: number): boolean {
    const watch = this.#watches.get(number);
    if (watch === undefined) return false;
    this.#watches.delete(number);
    this.#drop(watch);
    this.#changed();
    return true;
  }

  #drop(watch: Watch<I>): void {
    watch.interest.descriptor?.unwatch(this);
    watch.withdraw();
  }

  #changed(): void {
    if (this.#calls.size === 0) return;
    this.watch();
    this.updateLiveness();
    for (const call of this.#calls) call.soon();
  }

  /** Removes everything, and ends the calls that wait. */
  end(reason: Error = WITHDRAWN): void {
    for (const watch of this.#watches.values()) this.#drop(watch);
    this.#watches.clear();
    for (const call of [...this.#calls]) call.reject(reason);
  }

  /** Waits until some of the interests come true; none if time is over. */
  wait(
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ): Promise<Ready<I>[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const call = new Polling(this, timeoutMs, signal);
    this.#calls.add(call);
    return call.start();
  }

  leave(call: Polling<I>): void {
    this.#calls.delete(call);
    this.updateLiveness();
  }

  get unknown(): number {
    return this.#waiting;
  }

  watch(): void {
    for (const watch of this.#watches.values()) {
      const before = watch.waiting;
      watch.start();
      if (before === 0 && watch.waiting !== 0) this.#waiting++;
    }
  }

  /** Called by a watch when a wait of it has settled. */
  settled(watch: Watch<I>): void {
    if (watch.waiting === 0) this.#waiting--;
    for (const call of this.#calls) call.soon();
  }

  ready(): Ready<I>[] {
    const ready: Ready<I>[] = [];
    for (const { interest } of this.#watches.values()) {
      const events = eventsOf(interest.descriptor);
      const wanted = events & interest.events;
      if (wanted !== 0) ready.push([interest, wanted]);
      else if (events === POLLNVAL) {
        const number = interest.descriptor?.number;
        throw osError("EBADF", `descriptor ${number} is closed`);
      }
    }
    return ready;
  }

  get isAnyReady(): boolean {
    for (const { interest } of this.#watches.values()) {
      const events = eventsOf(interest.descriptor);
      if ((events & interest.events) !== 0 || events === POLLNVAL) return true;
    }
    return false;
  }

  descriptorChanged(descriptor: Descriptor): void {
    if (!descriptor.closed) return this.updateLiveness();
    for (const call of [...this.#calls]) call.tryNow();
  }

  /**
   * One operation is enough to keep the process alive. Where there is none, as
   * in a mere sleep, a timer does it, which costs as much as all the rest.
   */
  updateLiveness(): void {
    let anchor: Watch<I> | undefined;
    let alone = false;
    if (this.#isWaited()) {
      alone = this.#watches.size === 0;
      for (const watch of this.#watches.values()) {
        if (!watch.interest.descriptor?.referenced) continue;
        alone = !watch.isOperation;
        if (!alone) {
          anchor = watch;
          break;
        }
      }
    }
    if (anchor !== this.#anchor) {
      if (this.#anchor !== undefined) this.#anchor.referenced = false;
      if (anchor !== undefined) anchor.referenced = true;
      this.#anchor = anchor;
    }
    if (alone) this.#keepAlive ??= new KeepAlive();
    else {
      this.#keepAlive?.end();
      this.#keepAlive = undefined;
    }
  }

  #isWaited(): boolean {
    for (const call of this.#calls) if (call.late) return true;
    return false;
  }
}
