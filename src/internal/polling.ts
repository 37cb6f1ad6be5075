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
import { Caller, type Limits, Wait, type WaitQueue } from "./wait.ts";

/** An interest that has come true, and the events of it that have. */
export type Ready<I> = [interest: I, events: number];

/**
 * After as many microtasks everything has settled that the runtime can settle
 * without a turn of the event loop, or has settled in the same turn.
 */
const MICROTASKS = 16;

/**
 * How many immediates to let pass for the reactor to be polled. Tokio polls it
 * after at most 61 tasks, and Deno 2.9 runs about one task for each immediate:
 * measured, 57 to 60 of them take 100 µs, a timer of 0 ms takes 2200.
 */
const REACTOR_TURNS = 64;

const WITHDRAWN = new Error("Nobody waits for this any more");
const TIME_OVER = new Error("The time of a poll is over");

/**
 * A call that waits until something can be done with one of many descriptors.
 *
 * What is known already is not asked for again. For the rest it joins those who
 * wait for each endpoint, so there is one operation in flight for each at most;
 * when it ends it leaves them, and what the operations bring is there for the
 * next call. All that are ready are reported, not only the first: if some are
 * ready at once, the others get one turn of the reactor to show it, also so that
 * a socket which is always writable does not hide that another is readable.
 */
export class Polling<I extends Interest> extends Wait<Ready<I>[]>
  implements WaitQueue, Watcher {
  readonly #interests: () => Iterable<I>;
  /** The directions of each interest that are being waited for. */
  readonly #waiting = new Map<I, number>();
  readonly #descriptors = new Set<Descriptor>();
  /** For the waits that keep the process alive by their operation, or do not. */
  readonly #loud: Limits;
  readonly #quiet: Limits;
  /** The one interest whose operation keeps the process alive. */
  #anchor: I | undefined;
  /** Does so if there is no such operation. */
  #keepAlive: KeepAlive | undefined;
  #scheduled = false;
  #turn: ReturnType<typeof setImmediate> | undefined;
  #turns = 0;
  /** Whether nothing was ready at first. */
  #late = false;

  /** `interests` is called again whenever they are looked at. */
  constructor(
    interests: () => Iterable<I>,
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ) {
    const caller = new Caller();
    caller.referenced = false;
    const expired = () => TIME_OVER;
    super({ caller, timeoutMs, signal, expired }, () => this.#look());
    this.#interests = interests;
    this.#quiet = { caller, timeoutMs: null, signal: undefined };
    this.#loud = { ...this.#quiet, caller: new Caller() };
  }

  /** Starts to wait; what is ready, nothing if time is over. */
  run(): Promise<Ready<I>[]> {
    const { signal } = this.limits;
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.begin(this);
    this.#watch();
    this.#soon();
    return this.promise;
  }

  /** The interests are others now. */
  changed(): void {
    if (this.queue === undefined) return;
    this.#watch();
    this.#soon();
  }

  descriptorChanged(descriptor: Descriptor): void {
    if (descriptor.closed) this.tryNow();
    else this.updateLiveness();
  }

  #ready(): Ready<I>[] {
    const ready: Ready<I>[] = [];
    for (const interest of this.#interests()) {
      const { descriptor } = interest;
      const events = eventsOf(descriptor);
      const wanted = events & interest.events;
      if (wanted !== 0) ready.push([interest, wanted]);
      else if (events === POLLNVAL) {
        throw osError("EBADF", `descriptor ${descriptor?.number} is closed`);
      }
    }
    return ready;
  }

  #look(): Ready<I>[] | undefined {
    const ready = this.#ready();
    return ready.length > 0 ? ready : undefined;
  }

  #isAnyReady(): boolean {
    for (const { descriptor, events } of this.#interests()) {
      const now = eventsOf(descriptor);
      if ((now & events) !== 0 || now === POLLNVAL) return true;
    }
    return false;
  }

  #watch(): void {
    for (const interest of this.#interests()) {
      const { descriptor } = interest;
      if (descriptor === undefined || descriptor.closed) continue;
      if (!this.#descriptors.has(descriptor)) {
        this.#descriptors.add(descriptor);
        descriptor.watch(this);
      }
      const { endpoint } = descriptor.description;
      let missing = directionsOf(interest.events);
      if (endpoint.readable) missing &= ~RECEIVING;
      if (endpoint.writable) missing &= ~SENDING;
      const waiting = this.#waiting.get(interest) ?? 0;
      missing &= ~waiting;
      if (missing === 0) continue;
      this.#waiting.set(interest, waiting | missing);
      if ((missing & RECEIVING) !== 0) {
        let limits = this.#quiet;
        if (this.#anchor === undefined && isAnchor(descriptor)) {
          this.#anchor = interest;
          limits = this.#loud;
        }
        const ready = endpoint.whenReadable(limits);
        this.#whenSettled(ready, interest, RECEIVING);
      }
      if ((missing & SENDING) !== 0) {
        const ready = endpoint.whenWritable(this.#quiet);
        this.#whenSettled(ready, interest, SENDING);
      }
    }
  }

  /** Looks again, also after a failure: it comes with a change of state. */
  #whenSettled(wait: Promise<true>, interest: I, direction: number): void {
    const settled = () => {
      if (this.queue === undefined) return;
      const rest = this.#waiting.get(interest)! & ~direction;
      if (rest === 0) this.#waiting.delete(interest);
      else this.#waiting.set(interest, rest);
      if (interest === this.#anchor && direction === RECEIVING) {
        this.#anchor = undefined;
      }
      this.#soon();
    };
    wait.then(settled, settled);
  }

  #soon(): void {
    if (this.#scheduled || this.#turn !== undefined) return;
    this.#scheduled = true;
    afterMicrotasks(MICROTASKS, this.#onSettled);
  }

  readonly #onSettled = (): void => {
    this.#scheduled = false;
    if (this.queue === undefined) return;
    // When the first becomes ready later, the reactor has just been polled, and
    // all that it has found are known by now.
    if (this.#late) this.#goOn();
    // A turn in any case, so that a program which loops over what is always
    // ready does not keep timers and the network waiting for ever.
    else if (this.#isAnyReady()) this.#turn = setImmediate(this.#onTurn);
    else this.#goOn();
  };

  readonly #onTurn = (): void => {
    this.#turn = undefined;
    this.#turns++;
    if (this.#waiting.size > 0 && this.#turns < REACTOR_TURNS) {
      this.#turn = setImmediate(this.#onTurn);
    } else this.#goOn();
  };

  /** Ends if something is ready, and otherwise goes on waiting. */
  #goOn(): void {
    if (this.tryNow()) return;
    this.#late = true;
    this.#watch();
    this.updateLiveness();
  }

  /**
   * One operation is enough to keep the process alive. A call without any, as a
   * mere sleep, does it by a timer, which costs as much as all the rest.
   */
  updateLiveness(): void {
    if (!this.#late || this.queue === undefined) return;
    let isSleep = true;
    let referenced = false;
    let anchored = false;
    for (const interest of this.#interests()) {
      isSleep = false;
      if (!interest.descriptor?.referenced) continue;
      referenced = true;
      anchored = interest === this.#anchor;
      if (anchored) break;
    }
    this.#loud.caller.referenced = anchored;
    if (anchored || !(referenced || isSleep)) this.#keepAlive?.unref();
    else if (this.#keepAlive === undefined) this.#keepAlive = new KeepAlive();
    else this.#keepAlive.ref();
  }

  override giveUp(reason: unknown): void {
    if (reason !== TIME_OVER) return this.reject(reason);
    try {
      this.resolve(this.#ready());
    } catch (error) {
      this.reject(error);
    }
  }

  /** Called when it has settled: leaves everybody else. */
  leave(): void {
    clearImmediate(this.#turn);
    this.#keepAlive?.end();
    for (const descriptor of this.#descriptors) descriptor.unwatch(this);
    this.#loud.caller.close(WITHDRAWN);
    this.#quiet.caller.close(WITHDRAWN);
  }
}

/** Whether an operation is in flight as long as somebody waits to receive. */
function isAnchor({ description, referenced }: Descriptor): boolean {
  const { kind } = description.endpoint;
  return referenced && (kind === "connected" || kind === "listening");
}

function afterMicrotasks(count: number, callback: () => void): void {
  if (count === 0) callback();
  else queueMicrotask(() => afterMicrotasks(count - 1, callback));
}

/** Interests by number, which may change while calls wait for them. */
export class PollSet<I extends Interest> {
  readonly #interests = new Map<number, I>();
  readonly #pollings = new Set<Polling<I>>();

  get size(): number {
    return this.#interests.size;
  }

  get(number: number): I | undefined {
    return this.#interests.get(number);
  }

  values(): MapIterator<I> {
    return this.#interests.values();
  }

  set(number: number, interest: I): void {
    this.#interests.set(number, interest);
    for (const polling of this.#pollings) polling.changed();
  }

  delete(number: number): boolean {
    const deleted = this.#interests.delete(number);
    for (const polling of this.#pollings) polling.changed();
    return deleted;
  }

  /** Waits until some of the interests come true. */
  async wait(
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ): Promise<Ready<I>[]> {
    const polling = new Polling(() => this.values(), timeoutMs, signal);
    this.#pollings.add(polling);
    try {
      return await polling.run();
    } finally {
      this.#pollings.delete(polling);
    }
  }

  /** Removes everything and ends the calls that wait. */
  end(reason: Error): void {
    this.#interests.clear();
    for (const polling of this.#pollings) polling.reject(reason);
  }
}
