/** A call that waits for many descriptors, until some are ready. */

import { afterMicrotasks } from "./pump.ts";
import { Caller, REACTOR_TURNS, Wait, type WaitQueue } from "./wait.ts";

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
const ENOUGH_IN_ROW = 4;
const PAUSE_MS = 1;
const FORGET_MS = 10;

let inRow = 0;
let lastMs = -Infinity;

function turnsNeeded(): number {
  const sinceMs = performance.now() - lastMs;
  if (sinceMs > FORGET_MS) inRow = 0;
  return inRow >= ENOUGH_IN_ROW && sinceMs < PAUSE_MS ? 1 : REACTOR_TURNS;
}

function rememberTurns(showedSomething: boolean): void {
  inRow = showedSomething ? 0 : inRow + 1;
  lastMs = performance.now();
}

/** An interest that has come true, and the events of it that have. */
export type Ready<I> = [interest: I, events: number];

/** What a call waits for. */
export interface Waitable<I> {
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
  leave(call: Polling<I>): void;
}

const TIME_OVER = new Error("The time of a poll is over");

/**
 * A call that waits until something can be done with one of many descriptors.
 *
 * All that are ready are reported, not only the first: if some are ready at
 * once, the others get one turn of the reactor to show it, also so that a socket
 * which is always writable does not hide that another is readable.
 */
export class Polling<I> extends Wait<Ready<I>[]> implements WaitQueue {
  readonly #set: Waitable<I>;
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
    set: Waitable<I>,
    timeoutMs: number | null,
    signal: AbortSignal | undefined,
  ) {
    const limits = {
      caller: new Caller(),
      timeoutMs: timeoutMs === 0 ? null : timeoutMs,
      signal,
      expired: () => TIME_OVER,
    };
    super(limits);
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
    if (this.#over) this.#letPass(REACTOR_TURNS);
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
    this.#isFull = turns === REACTOR_TURNS && this.#unknown > 0;
    this.#turn ??= setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    const { unknown } = this.#set;
    if (--this.#turns > 0 && unknown > 0) {
      this.#turn = setImmediate(this.#onTurn);
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

  override giveUp(reason: unknown): void {
    if (reason !== TIME_OVER) return this.reject(reason);
    this.#over = true;
    this.#letPass(REACTOR_TURNS);
  }

  #end(): void {
    try {
      this.resolve(this.#set.ready());
    } catch (error) {
      this.reject(error);
    }
  }

  /** Called when it has settled. */
  leave(): void {
    clearImmediate(this.#turn);
    this.limits.caller.close(TIME_OVER);
    this.#set.leave(this);
  }
}
