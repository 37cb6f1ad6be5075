import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import { OSError } from "../base/errors.ts";
import { fromDeno, isReason, osError } from "../base/os_error.ts";
import { countBytes, isYieldDue, yieldToLoop } from "../wait/event_loop.ts";
import { OperationQueue } from "../wait/operation_queue.ts";
import {
  type CallContext,
  type CallOwner,
  ConditionWaiter,
  failure,
  isCancellable,
  NO_QUEUE,
  Waiter,
} from "../wait/waiter.ts";
import { acquire, release, SMALL_BYTES } from "./receive_buffer.ts";

/**
 * The most bytes that one operation of a cancellable call hands to the kernel.
 * If the operation is pending when the call is cancelled, its bytes count as
 * sent, and a copy of them must be kept until they are.
 */
const CHUNK_BYTES = 65_536;

/** Hands bytes to the kernel, and resolves to the number that it accepted. */
export type Write = (chunk: Uint8Array) => Promise<number>;

/** The way in which a call sends. */
export interface SendMode {
  /** Whether the call goes on until all bytes are sent. */
  readonly all?: boolean;
  /** Whether a call that is cancelled or fails resolves if a part was sent. */
  readonly mayBePartial?: boolean;
  /**
   * Whether the data is sent in one operation or not at all, as a datagram is.
   */
  readonly atomic?: boolean;
}

export const PARTIAL: SendMode = {};
export const ALL: SendMode = { all: true };
export const ALL_COUNTED: SendMode = { all: true, mayBePartial: true };
export const ATOMIC: SendMode = { atomic: true };

/**
 * A call's turn: its exclusive time at the head of the sender's queue. The
 * object is the waiter for the turn, and then for one operation after the
 * other.
 */
export class Turn extends Waiter<number> {
  /**
   * The number of bytes that were sent, or that were committed when the call
   * was cancelled.
   */
  sent = 0;
  /** Whether the call was cancelled during an operation, and the reason. */
  cancelled = false;
  reason: unknown;
  readonly #sender: Sender;
  readonly #survivesClose: boolean;
  /** Whether one time limit bounds the whole turn and not each wait. */
  readonly #isWhole: boolean;
  #writing = false;

  constructor(
    context: CallContext,
    sender: Sender,
    isWhole: boolean,
    survivesClose: boolean,
  ) {
    super(context);
    this.#sender = sender;
    this.#isWhole = isWhole;
    this.#survivesClose = survivesClose;
  }

  attempt(): number | undefined {
    return this.#sender.tryEnter() ? 0 : undefined;
  }

  override get survivesClose(): boolean {
    return this.#writing || this.#survivesClose;
  }

  override cancel(reason: unknown): void {
    if (!this.#writing) return this.reject(reason);
    this.cancelled = true;
    this.reason = reason;
    // The bytes of the operation are committed, even if sending them fails
    // later.
    this.resolve(this.#sender.commit());
  }

  /**
   * Rejects the call. A write in flight goes on, and the turn ends when it
   * settles.
   */
  abandon(reason: unknown): void {
    this.cancelled = this.#writing;
    if (this.#writing) this.#sender.commit();
    this.reject(reason);
  }

  #begin(): Promise<number> {
    if (!this.#isWhole) this.deadlineMs = Infinity;
    return this.begin(NO_QUEUE);
  }

  /** Fails if the call was cancelled between two waits. */
  #checkPending(): void {
    this.context.signal?.throwIfAborted();
    if (this.context.owner.closed && !this.#survivesClose) {
      throw osError("EBADF");
    }
  }

  override resolve(n: number): void {
    if (this.#writing) this.sent += n;
    this.#writing = false;
    super.resolve(n);
  }

  override reject(reason: unknown): void {
    this.#writing = false;
    super.reject(reason);
  }

  /**
   * Sends the first bytes of `data`, and returns the number that the kernel has
   * accepted.
   */
  send(data: Uint8Array, write: Write, atomic = false): Promise<number> {
    // It does not ask again then: the calls that were paused before it may have
    // used up all that is answered until the next turn, in every turn.
    return isYieldDue()
      ? yieldToLoop().then(() => this.#sendNow(data, write, atomic))
      : this.#sendNow(data, write, atomic);
  }

  #sendNow(data: Uint8Array, write: Write, atomic: boolean): Promise<number> {
    try {
      this.#checkPending();
    } catch (error) {
      return Promise.reject(error);
    }
    let chunk = data;
    if (isCancellable(this.context)) {
      if (!atomic && data.length > CHUNK_BYTES) {
        chunk = data.subarray(0, CHUNK_BYTES);
      }
      chunk = this.#sender.copy(chunk);
    }
    this.#writing = true;
    const written = this.#begin();
    this.#sender.operate(chunk, write);
    return written;
  }

  /**
   * Waits for another operation, such as a read from a file, during the turn.
   */
  async wait<T>(start: () => Promise<T>): Promise<T> {
    this.#checkPending();
    let result: T;
    const operation = start();
    const waiting = this.#begin();
    operation.then((value) => {
      result = value;
      if (this.queue !== undefined) this.resolve(0);
    }, (reason) => {
      if (this.queue !== undefined) this.reject(reason);
    });
    await waiting;
    return result!;
  }
}

/**
 * The sending half of a connection, or of a datagram socket.
 *
 * Calls have their turns in the order in which they were made, with one
 * operation at a time. If a call is cancelled while its operation is pending,
 * the bytes of the operation are committed: the call reports them as sent, they
 * are sent before all later data, and until then there is no room for more. If
 * sending them fails, the next call fails with that error.
 */
export class Sender extends OperationQueue {
  /** The failure of committed bytes. */
  #error: Error | undefined;
  /** The error with which all unsent bytes were dropped. */
  #abandoned: Error | undefined;
  #broken = false;
  #progress = 0;
  #flushing: PromiseWithResolvers<void> | undefined;
  /** The owner of the call that has the turn, or had the last one. */
  #owner: CallOwner | undefined;
  /**
   * The current turn, unless its call needs no waiter or has been cancelled.
   */
  #turn: Turn | undefined;
  /**
   * The bytes of the operation in flight, and whether its call was cancelled.
   */
  #chunk: Uint8Array = EMPTY_BYTES;
  #length = 0;
  #write: Write | undefined;
  #committed = false;
  /**
   * The memory for copies. Only one operation is in flight, so only one copy is
   * in use.
   */
  #small: Bytes | undefined;
  #large: Bytes | undefined;

  /**
   * Whether a send would not have to wait: no byte is unsent, or the send would
   * fail.
   */
  get writable(): boolean {
    return !this.#isBusy || this.#error !== undefined;
  }

  /**
   * Whether a call has its turn, or waits for it until the event loop has
   * turned.
   */
  get #isBusy(): boolean {
    return this.inFlight || this.first instanceof Turn;
  }

  /** Whether sending committed bytes has failed. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** Whether a write has failed, even if the error has been reported. */
  get broken(): boolean {
    return this.#broken;
  }

  /** A number that grows with every completed operation. */
  get progress(): number {
    return this.#progress;
  }

  /** Returns the failure of committed bytes, and clears it. */
  takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  /**
   * The queue starts no operation by itself: the call that has the turn does.
   */
  start(): boolean {
    return false;
  }

  // A turn always keeps the process alive: its bytes must reach the kernel.
  ref(): void {}
  unref(): void {}

  /** Sends data in order, and returns the number of bytes sent or committed. */
  send(
    context: CallContext,
    data: Uint8Array,
    write: Write,
    mode: SendMode = PARTIAL,
  ): Promise<number> {
    return this.#rejection(context) ??
      (mode.all !== true && this.#isFreeFor(context)
        ? this.#writeNow(context, data, write)
          .then(this.#onSent, this.#onSendError)
        : this.#sendInTurn(context, data, write, mode));
  }

  /** Sends all of the data in order. */
  sendAll(
    context: CallContext,
    data: Uint8Array,
    write: Write,
  ): Promise<void> {
    return this.#rejection(context) ??
      (this.#isFreeFor(context)
        ? this.#writeNow(context, data, write)
          .then(this.#onSentAll, this.#onSendError)
        : this.#sendInTurn(context, data, write, ALL).then(ignore));
  }

  /** The rejection of a call that must not start. */
  #rejection({ signal }: CallContext): Promise<never> | undefined {
    if (signal !== undefined && signal.aborted) {
      return failure(signal.reason, signal);
    }
    const error = this.takeError();
    return error === undefined ? undefined : failure(error);
  }

  /**
   * Whether a call needs no turn, since the queue is empty and the call cannot
   * be cancelled.
   */
  #isFreeFor(context: CallContext): boolean {
    return !this.inFlight && !this.hasWaiters && !isCancellable(context) &&
      !isYieldDue();
  }

  #writeNow(
    { owner }: CallContext,
    data: Uint8Array,
    write: Write,
  ): Promise<number> {
    this.markInFlight();
    this.#owner = owner;
    this.#chunk = data;
    this.#length = data.length;
    this.#write = write;
    try {
      return write(data);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #onSent = (n: number): number => {
    countBytes(n);
    this.#progress++;
    this.#leave();
    return n;
  };

  readonly #onSentAll = (n: number): void | Promise<void> => {
    if (n < this.#length) return this.#sendRest(n);
    this.#onSent(n);
  };

  readonly #onSendError = (error: unknown): Promise<never> => {
    const reason = this.#reasonOf(error);
    this.#leave();
    return failure(reason);
  };

  #reasonOf(error: unknown): unknown {
    const reason = this.#abandoned ?? fromDeno(error);
    // Data that was detached during the call is no failure of the connection.
    this.#broken ||= reason instanceof OSError;
    return reason;
  }

  async #sendRest(sent: number): Promise<void> {
    const data = this.#chunk;
    const length = this.#length;
    const write = this.#write!;
    try {
      while (sent < length) {
        this.#progress++;
        checkUnchanged(data, length);
        sent += await write(data.subarray(sent));
      }
      this.#onSent(sent);
    } catch (error) {
      return await this.#onSendError(error);
    }
  }

  #sendInTurn(
    context: CallContext,
    data: Uint8Array,
    write: Write,
    mode: SendMode,
  ): Promise<number> {
    const { length } = data;
    const turn = this.enter(context);
    if (turn instanceof Promise) {
      return turn.then((turn) =>
        this.#sendChunks(turn, data, length, write, mode)
      ).catch((error) => failure(error, context.signal));
    }
    // The first operation begins at once, so that a cancellation finds it in
    // flight. In most cases it sends all the data.
    return turn.send(data, write, mode.atomic).then(
      (n) =>
        mode.all && n < length && !turn.cancelled
          ? this.#sendChunks(turn, data, length, write, mode)
          : this.#endTurn(turn, length, mode),
      (error) => {
        this.leave(turn);
        return failure(error, context.signal);
      },
    );
  }

  async #sendChunks(
    turn: Turn,
    data: Uint8Array,
    length: number,
    write: Write,
    mode: SendMode,
  ): Promise<number> {
    try {
      do {
        checkUnchanged(data, length);
        const rest = turn.sent === 0 ? data : data.subarray(turn.sent);
        await turn.send(rest, write, mode.atomic);
      } while (mode.all && turn.sent < length && !turn.cancelled);
    } catch (error) {
      this.leave(turn);
      const { signal } = turn.context;
      // As in Linux, the chunks before the failure have been sent, and a call that
      // counts bytes must report them. The failure is a signal that has aborted
      // between two chunks, or an error of the connection, which the next call
      // reports.
      const isCounted = mode.mayBePartial && turn.sent > 0 &&
        (isReason(error, signal) || error instanceof OSError);
      return isCounted ? turn.sent : failure(error, signal);
    }
    return this.#endTurn(turn, length, mode);
  }

  #endTurn(
    turn: Turn,
    length: number,
    mode: SendMode,
  ): number | Promise<never> {
    this.leave(turn);
    const isShort = turn.cancelled && mode.all && turn.sent < length;
    return isShort && !mode.mayBePartial
      ? failure(turn.reason, turn.context.signal)
      : turn.sent;
  }

  /**
   * Waits for the turn, which ends with `leave()`. A call that is cancelled
   * before its turn has sent nothing.
   *
   * `isWhole` says whether the time limit bounds the whole turn and not each of
   * its waits.
   */
  enter(
    context: CallContext,
    isWhole: boolean = context.timeoutError === undefined,
    survivesClose: boolean = true,
  ): Turn | Promise<Turn> {
    context.signal?.throwIfAborted();
    const turn = new Turn(context, this, isWhole, survivesClose);
    const begin = (): Turn => {
      this.#turn = turn;
      this.#owner = context.owner;
      return turn;
    };
    return !this.hasWaiters && this.tryEnter()
      ? begin()
      : this.join(turn).then(begin);
  }

  /** Begins a turn if no other call has one. */
  tryEnter(): boolean {
    if (this.inFlight) return false;
    const error = this.takeError();
    if (error !== undefined) throw error;
    this.markInFlight();
    return true;
  }

  /**
   * Ends a turn. A turn that has committed bytes ends later, when they have
   * been sent.
   */
  leave(turn: Turn): void {
    if (turn.cancelled) return;
    this.#turn = undefined;
    this.#leave();
  }

  #leave(): void {
    this.#chunk = EMPTY_BYTES;
    if (this.#large !== undefined) release(this.#large);
    this.#large = undefined;
    this.operationDone();
    this.#flushing?.resolve();
    this.#flushing = undefined;
  }

  /** Hands a chunk to the kernel, for the call that has the turn. */
  operate(chunk: Uint8Array, write: Write): void {
    this.#chunk = chunk;
    this.#write = write;
    let writing: Promise<number>;
    try {
      writing = write(chunk);
    } catch (error) {
      writing = Promise.reject(error);
    }
    writing.then(this.#onWritten, this.#onError);
  }

  /**
   * Commits the bytes of the operation in flight, which goes on without its
   * call. Returns their number.
   */
  commit(): number {
    this.#committed = true;
    this.#turn = undefined;
    return this.#chunk.length;
  }

  readonly #onWritten = (n: number): void => {
    this.#progress++;
    countBytes(n);
    if (!this.#committed) return this.#turn!.resolve(n);
    if (n < this.#chunk.length && this.#abandoned === undefined) {
      // The committed bytes must be sent before the next call has its turn.
      this.operate(this.#chunk.subarray(n), this.#write!);
    } else this.#endCommitted();
  };

  readonly #onError = (error: unknown): void => {
    const reason = this.#reasonOf(error) as Error;
    if (!this.#committed) return this.#turn!.reject(reason);
    // Bytes already reported as sent have failed: the next call gets the error.
    this.#error ??= reason;
    this.#endCommitted();
  };

  #endCommitted(): void {
    this.#committed = false;
    this.#leave();
  }

  /** Waits until a send would not have to wait. */
  whenWritable(context: CallContext): Promise<true> {
    const find = () => this.writable ? true as const : undefined;
    return this.run(new ConditionWaiter(context, find));
  }

  /**
   * Resolves when no byte is unsent, or no byte of an owner that has closed.
   */
  async flushed(owner?: CallOwner): Promise<void> {
    while (
      this.#isBusy &&
      (owner === undefined || owner === this.#owner || owner.hasWaiters)
    ) {
      this.#flushing ??= Promise.withResolvers();
      await this.#flushing.promise;
    }
  }

  /** Returns a copy of bytes whose operation may go on after their call. */
  copy(data: Uint8Array): Uint8Array {
    const { length } = data;
    if (length > SMALL_BYTES) {
      // A call of many operations fills the same memory for each.
      if (this.#large === undefined || this.#large.length < length) {
        if (this.#large !== undefined) release(this.#large);
        this.#large = acquire(length);
      }
      this.#large.set(data);
      return this.#large.subarray(0, length);
    }
    // Most programs send messages of one length.
    if (this.#small?.length !== length) {
      const memory = this.#small?.buffer ?? new ArrayBuffer(SMALL_BYTES);
      this.#small = new Uint8Array(memory, 0, length);
    }
    this.#small.set(data);
    return this.#small;
  }

  /** Drops all unsent bytes. */
  abandon(reason: Error): void {
    this.#error = this.#abandoned = reason;
    this.rejectAll(() => reason);
    // The call that has the turn may be waiting for something other than the
    // kernel.
    if (this.#turn?.queue !== undefined) this.#turn.abandon(reason);
  }
}

/**
 * Checks that the memory of `data` was not resized or detached during the call.
 */
export function checkUnchanged(data: Uint8Array, length: number): void {
  if (data.length === length) return;
  throw new TypeError(
    `Cannot send: data was detached or resized during the call, from ${length} to ${data.length} bytes`,
  );
}

function ignore(): void {}
