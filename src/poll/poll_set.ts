/** Waiting for many descriptors, the mechanism under `select`, `poll` and selectors. */

import { osError } from "../base/os_error.ts";
import type { Descriptor, Watcher } from "../endpoint/description.ts";
import { EventLoopHold } from "../runtime/deno_net.ts";
import {
  afterTicks,
  cancelTick,
  REACTOR_TICKS,
  type Tick,
  timers,
} from "../wait/event_loop.ts";
import { afterMicrotasks } from "../wait/operation_queue.ts";
import {
  type CallContext,
  CallOwner,
  Waiter,
  type WaitQueue,
} from "../wait/waiter.ts";
import {
  directionsOf,
  eventsOf,
  POLLNVAL,
  RECEIVING,
  SENDING,
} from "./events.ts";

// The readiness of one descriptor, awaited for all that poll it.

const CLOSED = new Error("The descriptor is closed");

/**
 * Awaits the readiness of a descriptor, one waiter at its endpoint for each
 * direction, on behalf of all sets that have the descriptor.
 *
 * A waiter stays queued when the last call that needed it has ended, until it
 * settles. So a loop of `select()` over a thousand idle sockets finds its
 * waiters in place; to queue them again for each call cost 4 ms. A waiter takes
 * nothing: at most one operation is in flight, and its result is there for the
 * next receive.
 */
class Readiness implements Watcher {
  /** The directions that are being awaited. */
  waiting = 0;
  readonly #descriptor: Descriptor;
  readonly #context: CallContext;
  /** The interests in it, of which there is most often one. */
  #first: Interest | undefined;
  #others: Set<Interest> | undefined;
  /** How many sets keep the process alive by this descriptor's operation. */
  #anchors = 0;

  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
    const owner = new CallOwner();
    owner.referenced = false;
    this.#context = { owner, timeoutMs: null, signal: undefined };
    descriptor.watch(this);
  }

  add(interest: Interest): void {
    if (this.#first === undefined) this.#first = interest;
    else (this.#others ??= new Set()).add(interest);
  }

  delete(interest: Interest): void {
    if (this.#first === interest) this.#first = undefined;
    else this.#others?.delete(interest);
  }

  #interests(): Interest[] {
    const interests = [...this.#others ?? []];
    if (this.#first !== undefined) interests.unshift(this.#first);
    return interests;
  }

  /** Awaits the directions that are not ready. */
  start(directions: number): void {
    const missing = directions & ~this.waiting;
    if (missing === 0 || this.#descriptor.closed) return;
    const { endpoint } = this.#descriptor.description;
    if ((missing & RECEIVING) !== 0 && !endpoint.readable) {
      this.#wait(RECEIVING, endpoint.whenReadable(this.#context));
    }
    if ((missing & SENDING) !== 0 && !endpoint.writable) {
      this.#wait(SENDING, endpoint.whenWritable(this.#context));
    }
  }

  #wait(direction: number, ready: Promise<true>): void {
    this.waiting |= direction;
    // A waiter also rejects when the socket changes its state; its events must
    // then be evaluated again.
    const settled = () => {
      this.waiting &= ~direction;
      for (const each of this.#interests()) each.set!.settled(each, direction);
    };
    ready.then(settled, settled);
  }

  /** Whether an operation is in flight that can keep the process alive. */
  get isOperation(): boolean {
    if ((this.waiting & RECEIVING) === 0) return false;
    const { state } = this.#descriptor.description.endpoint;
    return state === "connected" || state === "listening";
  }

  /** Lets the operation in flight keep the process alive (1), or no more (-1). */
  anchor(by: 1 | -1): void {
    this.#anchors += by;
    this.#context.owner.referenced = this.#anchors > 0;
  }

  descriptorChanged(descriptor: Descriptor): void {
    const interests = this.#interests();
    if (descriptor.closed) this.#context.owner.close(CLOSED);
    for (const { set } of interests) set!.descriptorChanged(descriptor);
  }
}

const readinesses = new WeakMap<Descriptor, Readiness>();

function readinessOf(descriptor: Descriptor): Readiness {
  let readiness = readinesses.get(descriptor);
  if (readiness === undefined) {
    readiness = new Readiness(descriptor);
    readinesses.set(descriptor, readiness);
  }
  return readiness;
}

/** The part of a set that is notified of changes. */
interface Listener {
  settled(interest: Interest, direction: number): void;
  descriptorChanged(descriptor: Descriptor): void;
}

/** A descriptor, and the events of it that one set polls. */
export class Interest {
  /** Undefined for a number that no descriptor had. */
  readonly descriptor: Descriptor | undefined;
  /** POLL* events, or-ed. */
  readonly events: number;
  /** The directions in which the events are awaited. */
  readonly directions: number;
  readonly readiness: Readiness | undefined;
  /** The set that it is in. */
  set: Listener | undefined = undefined;

  constructor(descriptor: Descriptor | undefined, events: number) {
    this.descriptor = descriptor;
    this.events = events;
    this.directions = directionsOf(events);
    this.readiness = descriptor && readinessOf(descriptor);
  }
}

// A call that waits for many descriptors, until some are ready.

/**
 * After this many microtasks everything has settled that settles without a turn
 * of the event loop, or in the same turn.
 */
const MICROTASKS = 16;

/**
 * A program that receives what is queued piece by piece would pay for the ticks
 * with each piece: a tenth of the throughput. So when several polls in a row have
 * shown nothing, for a millisecond each waits for one tick only.
 */
const MAX_FRUITLESS_POLLS = 4;
const PAUSE_MS = 1;
const RESET_AFTER_MS = 10;

let fruitlessPolls = 0;
let lastMs = -Infinity;

function ticksNeeded(): number {
  const sinceMs = timers.now() - lastMs;
  if (sinceMs > RESET_AFTER_MS) fruitlessPolls = 0;
  return fruitlessPolls >= MAX_FRUITLESS_POLLS && sinceMs < PAUSE_MS
    ? 1
    : REACTOR_TICKS;
}

function rememberPoll(showedSomething: boolean): void {
  fruitlessPolls = showedSomething ? 0 : fruitlessPolls + 1;
  lastMs = timers.now();
}

/** A ready interest, and which of its events are ready. */
export type Ready<I> = [interest: I, events: number];

const TIMEOUT = new Error("The time of a poll is over");

/**
 * A call that waits until some of many descriptors are ready.
 *
 * It reports all that are ready, not only the first: if some are ready at once,
 * the others get one turn of the reactor to show it. So a socket that is always
 * writable does not hide that another is readable.
 */
class PollCall<I extends Interest> extends Waiter<Ready<I>[]>
  implements WaitQueue {
  readonly #set: PollSet<I>;
  #scheduled = false;
  #tick: Tick | undefined;
  /** The ticks to wait for before it ends. */
  #ticks = 0;
  /** How many descriptors were pending before them. */
  #pending = 0;
  /** Whether the ticks show everything that is ready. */
  #isFull = false;
  /** Whether it ends after the ticks, ready or not. */
  #isOver: boolean;
  /** Whether nothing was ready at first. */
  hasWaited = false;

  constructor(
    set: PollSet<I>,
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ) {
    super({
      owner: new CallOwner(),
      timeoutMs: timeoutMs === 0 ? null : timeoutMs,
      signal,
      timeoutError: () => TIMEOUT,
    });
    this.#set = set;
    this.#isOver = timeoutMs === 0;
  }

  attempt(): Ready<I>[] | undefined {
    const ready = this.#set.ready();
    return ready.length > 0 ? ready : undefined;
  }

  start(): Promise<Ready<I>[]> {
    const promise = this.begin(this);
    this.#set.watch();
    if (this.#isOver) this.#waitTicks(REACTOR_TICKS);
    else this.soon();
    return promise;
  }

  /** Looks again when everything has settled that settles at the same time. */
  soon(): void {
    if (this.#scheduled || this.#tick !== undefined) return;
    this.#scheduled = true;
    afterMicrotasks(MICROTASKS, this.#onSettled);
  }

  readonly #onSettled = (): void => {
    this.#scheduled = false;
    if (this.queue === undefined || this.#tick !== undefined) return;
    // If the first became ready later, the reactor has just been polled, and all
    // that it has found is known by now.
    if (this.hasWaited) this.#evaluate();
    // One tick in any case: a program that loops over descriptors which are
    // always ready would keep timers and the network waiting for ever.
    else if (this.#set.isAnyReady) this.#waitTicks(ticksNeeded());
    else this.#evaluate();
  };

  #waitTicks(ticks: number): void {
    this.#ticks = ticks;
    this.#pending = this.#set.pendingCount;
    this.#isFull = ticks === REACTOR_TICKS && this.#pending > 0;
    this.#tick ??= afterTicks(1, this.#onTick);
  }

  readonly #onTick = (): void => {
    const { pendingCount } = this.#set;
    if (--this.#ticks > 0 && pendingCount > 0) {
      this.#tick = afterTicks(1, this.#onTick);
      return;
    }
    this.#tick = undefined;
    if (this.#isOver) return this.#end();
    if (this.#isFull) rememberPoll(pendingCount < this.#pending);
    this.#evaluate();
  };

  /** Ends if something is ready, and otherwise goes on waiting. */
  #evaluate(): void {
    if (this.tryNow()) return;
    this.hasWaited = true;
    this.#set.watch();
    this.#set.updateLiveness();
  }

  referenceChanged(): void {}

  override cancel(reason: unknown): void {
    if (reason !== TIMEOUT) return this.reject(reason);
    this.#isOver = true;
    this.#waitTicks(REACTOR_TICKS);
  }

  #end(): void {
    try {
      this.resolve(this.#set.ready());
    } catch (error) {
      this.reject(error);
    }
  }

  /** Called when it has settled. */
  remove(): void {
    if (this.#tick !== undefined) cancelTick(this.#tick);
    this.context.owner.close(TIMEOUT);
    this.#set.leave(this);
  }
}

/** Interests by number, which may change while calls wait for them. */
export class PollSet<I extends Interest> implements Listener {
  readonly #interests = new Map<number, I>();
  readonly #calls = new Set<PollCall<I>>();
  /** How many interests are pending: awaited, and so not known to be ready. */
  #pendingCount = 0;
  /** The descriptor whose operation keeps the process alive. */
  #anchor: Readiness | undefined;
  /** Keeps the process alive if there is no such operation. */
  #hold: EventLoopHold | undefined;

  get size(): number {
    return this.#interests.size;
  }

  get(number: number): I | undefined {
    return this.#interests.get(number);
  }

  values(): Iterable<I> {
    return this.#interests.values();
  }

  set(number: number, interest: I): void {
    const old = this.#interests.get(number);
    old?.readiness?.delete(old);
    interest.set = this;
    this.#interests.set(number, interest);
    interest.readiness?.add(interest);
    this.#changed();
  }

  delete(number: number): boolean {
    const interest = this.#interests.get(number);
    if (interest === undefined) return false;
    this.#interests.delete(number);
    interest.readiness?.delete(interest);
    this.#changed();
    return true;
  }

  #changed(): void {
    if (this.#calls.size === 0) return;
    this.watch();
    this.updateLiveness();
    for (const call of this.#calls) call.soon();
  }

  /** Removes everything; with a reason, the calls that wait reject. */
  end(reason?: Error): void {
    for (const each of this.#interests.values()) each.readiness?.delete(each);
    this.#interests.clear();
    for (const call of [...this.#calls]) call.reject(reason);
  }

  /** Waits until some of the interests are ready; none after the timeout. */
  wait(
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ): Promise<Ready<I>[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const call = new PollCall(this, timeoutMs, signal);
    this.#calls.add(call);
    return call.start();
  }

  leave(call: PollCall<I>): void {
    this.#calls.delete(call);
    this.updateLiveness();
  }

  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** Awaits all descriptors that are not known to be ready. */
  watch(): void {
    this.#pendingCount = 0;
    for (const { directions, readiness } of this.#interests.values()) {
      if (readiness === undefined) continue;
      readiness.start(directions);
      if ((readiness.waiting & directions) !== 0) this.#pendingCount++;
    }
  }

  /** Called when a direction of an interest's descriptor may be ready. */
  settled({ directions, readiness }: Interest, direction: number): void {
    if ((directions & direction) === 0) return;
    if ((readiness!.waiting & directions) === 0) this.#pendingCount--;
    for (const call of this.#calls) call.soon();
  }

  /** All that is ready; throws if a descriptor is closed. */
  ready(): Ready<I>[] {
    const ready: Ready<I>[] = [];
    for (const interest of this.#interests.values()) {
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
    for (const interest of this.#interests.values()) {
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
   * One operation is enough to keep the process alive. Where there is none, such
   * as in a mere sleep, a timer does it, which costs as much as all the rest.
   */
  updateLiveness(): void {
    let anchor: Readiness | undefined;
    let needsHold = false;
    if (this.#isWaited()) {
      needsHold = this.#interests.size === 0;
      for (const { descriptor, readiness } of this.#interests.values()) {
        if (!descriptor?.referenced) continue;
        needsHold = !readiness!.isOperation;
        if (!needsHold) {
          anchor = readiness;
          break;
        }
      }
    }
    if (anchor !== this.#anchor) {
      this.#anchor?.anchor(-1);
      anchor?.anchor(1);
      this.#anchor = anchor;
    }
    if (needsHold) this.#hold ??= new EventLoopHold();
    else {
      this.#hold?.end();
      this.#hold = undefined;
    }
  }

  #isWaited(): boolean {
    for (const call of this.#calls) if (call.hasWaited) return true;
    return false;
  }
}
