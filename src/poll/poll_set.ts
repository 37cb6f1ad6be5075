/**
 * The events of `poll`, poll(2), with the values that Python has on the system
 * that the program runs on. What this module reports by itself where Python
 * lacks the name, as POLLRDHUP on macOS and everything on Windows, has Linux's.
 */

import { show } from "../base/checks.ts";
import { AF_UNIX, SOCK_DGRAM } from "../base/constants.ts";
import { ABSENT, byOs } from "../base/errno_table.ts";
import { osError } from "../base/os_error.ts";
import {
  type Descriptor,
  findDescriptor,
  type Watcher,
} from "../endpoint/description.ts";
import { EventLoopHold } from "../runtime/deno_net.ts";
import { REACTOR_TICKS, timers } from "../wait/event_loop.ts";
import { afterMicrotasks } from "../wait/operation_queue.ts";
import {
  type CallContext,
  CallOwner,
  Waiter,
  type WaitQueue,
} from "../wait/waiter.ts";

/** There is something to receive, or to accept, or the end of it. */
export const POLLIN: number = 0x001;
/** There is urgent data, which Deno cannot see: never reported. */
export const POLLPRI: number = 0x002;
/** A send would not wait. */
export const POLLOUT: number = 0x004;
/** An error is pending; reported whether asked for or not. */
export const POLLERR: number = 0x008;
/** Hung up, or never connected; reported whether asked for or not. */
export const POLLHUP: number = 0x010;
/** The descriptor is not open; reported whether asked for or not. */
export const POLLNVAL: number = 0x020;
/** The same as {@linkcode POLLIN}. */
export const POLLRDNORM: number = 0x040;
/** There is priority data, which no socket here has: never reported. */
export const POLLRDBAND: number = 0x080;
/** The same as {@linkcode POLLOUT}. */
export const POLLWRNORM: number = byOs(0x100, POLLOUT, 0x100);
/** Priority data could be sent: of datagram and Unix sockets as POLLOUT. */
export const POLLWRBAND: number = byOs(0x200, 0x100, 0x200);
/** A message of Linux's own, never reported; -1 elsewhere. */
export const POLLMSG: number = byOs(0x400, ABSENT, ABSENT);
/** Nothing more will be received: the peer has ended its half, or it was shut. */
export const POLLRDHUP: number = 0x2000;

// What can be waited for, and which of its events hold.

/** Something with a descriptor, as a socket or a file object. */
export interface HasFileno {
  /** The descriptor's number; negative if it is closed. */
  fileno(): number;
}

/** What can be waited for: something with a descriptor, or its number. */
export type FileDescriptorLike = number | HasFileno;

/** What is waited for on one descriptor. */
export interface Interest {
  /** Held by identity; undefined if the number was not open. */
  readonly descriptor: Descriptor | undefined;
  /**
   * The events that end the wait. If POLLNVAL is not among them, a descriptor
   * that is closed is an error.
   */
  readonly events: number;
}

/** The number of a descriptor, checked. */
export function toNumber(action: string, file: unknown): number {
  const number = hasFileno(file) ? file.fileno() : file;
  if (typeof number !== "number" || !Number.isInteger(number)) {
    throw new TypeError(
      hasFileno(file)
        ? `Cannot ${action}: fileno() must return an integer, returned ${
          show(number)
        }`
        : `Cannot ${action}: a file must be an integer or have a fileno() method, received ${
          show(file)
        }`,
    );
  }
  if (number < 0) {
    throw new RangeError(
      `Cannot ${action}: file descriptor must be 0 or more, received ${number}`,
    );
  }
  return number;
}

function hasFileno(file: unknown): file is HasFileno {
  return typeof file === "object" && file !== null &&
    typeof (file as Partial<HasFileno>).fileno === "function";
}

/** The descriptor that is open now under the number of a file. */
export function toOpenDescriptor(action: string, file: unknown): Descriptor {
  const number = toNumber(action, file);
  const descriptor = findDescriptor(number);
  if (descriptor === undefined) throw osError("EBADF", `descriptor ${number}`);
  return descriptor;
}

const RECEIVABLE = POLLIN | POLLRDNORM;
const SENDABLE = POLLOUT | POLLWRNORM;

/** The events that hold now, as far as they are known, as Linux has them. */
export function eventsOf(descriptor: Descriptor | undefined): number {
  if (descriptor === undefined || descriptor.closed) return POLLNVAL;
  const { endpoint, family, type } = descriptor.description;
  let events = endpoint.failed ? POLLERR : 0;
  if (endpoint.state === "unconnected") {
    // Linux says so of a stream socket that has no peer and waits for none.
    events |= SENDABLE | POLLHUP;
    if (endpoint.failed) events |= RECEIVABLE | POLLRDHUP;
  } else {
    if (endpoint.readable) events |= RECEIVABLE;
    if (endpoint.writable) events |= SENDABLE;
    if (endpoint.ended) events |= POLLRDHUP;
    if (endpoint.hungUp) events |= POLLHUP;
  }
  const hasBands = family === AF_UNIX || type === SOCK_DGRAM;
  return hasBands && (events & POLLOUT) !== 0 ? events | POLLWRBAND : events;
}

/** A direction to be watched: what comes from the peer. */
export const RECEIVING = 1;
/** A direction to be watched: room for what goes there. */
export const SENDING = 2;

/** The directions to be watched in order to see events come. */
export function directionsOf(events: number): number {
  const sending = (events & (SENDABLE | POLLWRBAND)) !== 0 ? SENDING : 0;
  const ends = sending === 0 ? POLLHUP : 0;
  const receiving = events & (RECEIVABLE | POLLRDHUP | ends);
  return receiving !== 0 ? sending | RECEIVING : sending;
}

// A call that waits for many descriptors, until some are ready.

/**
 * After as many microtasks everything has settled that the runtime can settle
 * without a turn of the event loop, or has settled in the same turn.
 */
const MICROTASKS = 16;

/**
 * A program that receives what is queued piece by piece would pay these turns
 * for each piece: a tenth of the throughput. So when several in a row have shown
 * nothing, for a millisecond only one immediate is waited for.
 */
const MAX_FRUITLESS_POLLS = 4;
const PAUSE_MS = 1;
const RESET_AFTER_MS = 10;

let fruitlessPolls = 0;
let lastMs = -Infinity;

function turnsNeeded(): number {
  const sinceMs = timers.now() - lastMs;
  if (sinceMs > RESET_AFTER_MS) fruitlessPolls = 0;
  return fruitlessPolls >= MAX_FRUITLESS_POLLS && sinceMs < PAUSE_MS
    ? 1
    : REACTOR_TICKS;
}

function rememberTurns(showedSomething: boolean): void {
  fruitlessPolls = showedSomething ? 0 : fruitlessPolls + 1;
  lastMs = timers.now();
}

/** An interest that has come true, and the events of it that have. */
export type Ready<I> = [interest: I, events: number];

/** What a call waits for. */
export interface PollSource<I> {
  /** How many of the interests are being waited for, and so unknown. */
  readonly unknown: number;
  /** Whether something has come true, be it a close. */
  readonly isAnyReady: boolean;
  /** What has come true; throws if a descriptor is closed. */
  ready(): Ready<I>[];
  /** Waits for what is not known. */
  watch(): void;
  /** Called when the call has to keep the process alive. */
  updateLiveness(): void;
  /** Called when it has settled. */
  leave(call: PollCall<I>): void;
}

const TIME_OVER = new Error("The time of a poll is over");

/**
 * A call that waits until something can be done with one of many descriptors.
 *
 * All that are ready are reported, not only the first: if some are ready at
 * once, the others get one turn of the reactor to show it, also so that a socket
 * which is always writable does not hide that another is readable.
 */
export class PollCall<I> extends Waiter<Ready<I>[]> implements WaitQueue {
  readonly #set: PollSource<I>;
  #scheduled = false;
  #turn: ReturnType<typeof setImmediate> | undefined;
  /** The turns to let pass before it ends. */
  #turns = 0;
  /** How many were unknown before them, and whether they show all that is. */
  #unknown = 0;
  #isFull = false;
  /** Whether time is over, but for these turns. */
  #over = false;
  /** Whether nothing was ready at first. */
  late = false;

  constructor(
    set: PollSource<I>,
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ) {
    const context = {
      owner: new CallOwner(),
      timeoutMs: timeoutMs === 0 ? null : timeoutMs,
      signal,
      timeoutError: () => TIME_OVER,
    };
    super(context);
    this.#set = set;
    this.#over = timeoutMs === 0;
  }

  attempt(): Ready<I>[] | undefined {
    const ready = this.#set.ready();
    return ready.length > 0 ? ready : undefined;
  }

  start(): Promise<Ready<I>[]> {
    const promise = this.begin(this);
    this.#set.watch();
    if (this.#over) this.#letPass(REACTOR_TICKS);
    else this.soon();
    return promise;
  }

  /** Looks when everything has settled that settles at the same time. */
  soon(): void {
    if (this.#scheduled || this.#turn !== undefined) return;
    this.#scheduled = true;
    afterMicrotasks(MICROTASKS, this.#onSettled);
  }

  readonly #onSettled = (): void => {
    this.#scheduled = false;
    if (this.queue === undefined || this.#turn !== undefined) return;
    // When the first becomes ready later, the reactor has just been polled, and
    // all that it has found are known by now.
    if (this.late) this.#goOn();
    // A turn in any case, so that a program which loops over what is always
    // ready does not keep timers and the network waiting for ever.
    else if (this.#set.isAnyReady) this.#letPass(turnsNeeded());
    else this.#goOn();
  };

  #letPass(turns: number): void {
    this.#turns = turns;
    this.#unknown = this.#set.unknown;
    this.#isFull = turns === REACTOR_TICKS && this.#unknown > 0;
    this.#turn ??= timers.setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    const { unknown } = this.#set;
    if (--this.#turns > 0 && unknown > 0) {
      this.#turn = timers.setImmediate(this.#onTurn);
      return;
    }
    this.#turn = undefined;
    if (this.#over) return this.#end();
    if (this.#isFull) rememberTurns(unknown < this.#unknown);
    this.#goOn();
  };

  /** Ends if something is ready, and otherwise goes on waiting. */
  #goOn(): void {
    if (this.tryNow()) return;
    this.late = true;
    this.#set.watch();
    this.#set.updateLiveness();
  }

  referenceChanged(): void {}

  override cancel(reason: unknown): void {
    if (reason !== TIME_OVER) return this.reject(reason);
    this.#over = true;
    this.#letPass(REACTOR_TICKS);
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
    clearImmediate(this.#turn);
    this.context.owner.close(TIME_OVER);
    this.#set.leave(this);
  }
}

// Waiting for many descriptors at once, the one mechanism under `select`,
// `poll` and the selectors.

const WITHDRAWN = new Error("Nobody waits for this any more");

/** An interest, and the waits at its endpoint for it. */
class Watch<I extends Interest> {
  interest: I;
  /** The directions that are being waited for. */
  waiting = 0;
  readonly #set: PollSet<I>;
  readonly #context: CallContext;

  constructor(set: PollSet<I>, interest: I) {
    this.#set = set;
    this.interest = interest;
    const owner = new CallOwner();
    owner.referenced = false;
    this.#context = { owner, timeoutMs: null, signal: undefined };
  }

  set referenced(value: boolean) {
    this.#context.owner.referenced = value;
  }

  /** Whether an operation is in flight that can keep the process alive. */
  get isOperation(): boolean {
    if ((this.waiting & RECEIVING) === 0) return false;
    const { state } = this.interest.descriptor!.description.endpoint;
    return state === "connected" || state === "listening";
  }

  /** Starts to wait for what is not known. */
  start(): void {
    const { descriptor, events } = this.interest;
    const missing = directionsOf(events) & ~this.waiting;
    if (missing === 0 || descriptor === undefined || descriptor.closed) return;
    const { endpoint } = descriptor.description;
    if ((missing & RECEIVING) !== 0 && !endpoint.readable) {
      this.#wait(RECEIVING, endpoint.whenReadable(this.#context));
    }
    if ((missing & SENDING) !== 0 && !endpoint.writable) {
      this.#wait(SENDING, endpoint.whenWritable(this.#context));
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
    this.#context.owner.close(WITHDRAWN);
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
export class PollSet<I extends Interest> implements Watcher, PollSource<I> {
  readonly #watches = new Map<number, Watch<I>>();
  readonly #calls = new Set<PollCall<I>>();
  #waiting = 0;
  /** The one whose operation keeps the process alive. */
  #anchor: Watch<I> | undefined;
  /** Does so if there is none. */
  #keepAlive: EventLoopHold | undefined;

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
    const call = new PollCall(this, timeoutMs, signal);
    this.#calls.add(call);
    return call.start();
  }

  leave(call: PollCall<I>): void {
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
    if (alone) this.#keepAlive ??= new EventLoopHold();
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
