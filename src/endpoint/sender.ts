/** The calls that stand in line at a sender. */

import { fromDeno } from "../base/os_error.ts";
import { acquire, release } from "./receive_buffer.ts";
import {
  OperationQueue,
  type OperationSource,
} from "../wait/operation_queue.ts";
import {
  type AnyWaiter,
  type CallContext,
  type CallOwner,
  ConditionWaiter,
  isCancellable,
  Waiter,
} from "../wait/waiter.ts";

/**
 * The most that one operation of a call that may give up hands to the system:
 * what is pending then counts as taken, and must be held until it is out.
 */
const PIECE_BYTES = 65536;

const NOTHING = new Uint8Array(0);

/** Hands a piece to the system; the number of bytes taken. */
export type Write = (piece: Uint8Array) => Promise<number>;

/** How a call sends. */
export interface SendMode {
  /** Whether it goes on until all is sent. */
  readonly all?: boolean;
  /** Whether it then tells how much that was, and a part is no failure. */
  readonly returnsCount?: boolean;
  /** Whether it goes out in one operation or not at all, as a datagram does. */
  readonly atomic?: boolean;
  /** Done before the first write, in turn: nothing is taken until then. */
  readonly prepare?: (isPending: () => boolean) => Promise<void>;
}

export const PARTIAL: SendMode = {};
export const ALL: SendMode = { all: true };
export const ALL_COUNTED: SendMode = { all: true, returnsCount: true };

/** What is sent piece after piece in one turn, as a file is. */
export interface ChunkSource {
  /** How many bytes were sent or taken. */
  sent: number;
  /** Whether all that was asked for is sent or taken, as far as is known. */
  readonly complete: boolean;
  /** Whether a close lets it go on. */
  readonly survivesClose: boolean;
  /** Told when a piece is sent. */
  readonly onProgress: ((sent: number) => void) | undefined;
  /** The next bytes; null at the end. */
  next(): Promise<Uint8Array | null>;
}

/** What a call that sends asks of the sender in whose line it stands. */
export interface Sending {
  /** A copy of bytes whose operation may outlive their call. */
  copy(data: Uint8Array): Uint8Array;
  /**
   * Called by a call that ends early. If the operation in flight is its own,
   * its bytes are taken and their number is returned.
   */
  commitInFlight(call: SendRequest): number | undefined;
  /** Called by a call that has failed: the next one does not wait for it. */
  leavePreparing(call: SendRequest): void;
}

/** A call that sends. */
export class SendRequest extends Waiter<number | void> {
  data: Uint8Array;
  /** How many bytes it is to send. */
  length: number;
  readonly write: Write;
  readonly mode: SendMode;
  readonly #sender: Sending;
  /** Bytes that are sent or taken. */
  offset = 0;
  /** Whether an operation has been done for it. */
  done = false;
  /** Whether there is something to write. */
  prepared: boolean;

  constructor(
    context: CallContext,
    sender: Sending,
    data: Uint8Array,
    write: Write,
    mode: SendMode,
  ) {
    super(context);
    this.#sender = sender;
    this.data = data;
    this.length = data.length;
    this.write = write;
    this.mode = mode;
    this.prepared = mode.prepare === undefined;
  }

  attempt(): number | undefined {
    if (!this.done) return undefined;
    if (this.mode.all && this.offset < this.length) return undefined;
    return this.offset;
  }

  override resolve(sent: number): void {
    const { all, returnsCount } = this.mode;
    super.resolve(all && !returnsCount ? undefined : sent);
  }

  /** The next bytes to hand to the system. */
  piece(): Uint8Array {
    const { data, length, offset } = this;
    checkUnchanged(data, length);
    if (!isCancellable(this.context)) return data.subarray(offset);
    const end = this.mode.atomic ? length : offset + PIECE_BYTES;
    const all = offset === 0 && end >= length;
    return this.#sender.copy(all ? data : data.subarray(offset, end));
  }

  async prepare(): Promise<void> {
    await this.mode.prepare?.(() => this.queue !== undefined);
  }

  /** The system has, or will have, `n` bytes more. */
  sent(n: number): void {
    this.offset += n;
    this.done = true;
  }

  override get survivesClose(): boolean {
    return true;
  }

  override cancel(reason: unknown): void {
    const taken = this.#sender.commitInFlight(this);
    if (taken !== undefined) {
      this.sent(taken);
      const result = this.attempt();
      if (result !== undefined) return this.resolve(result);
    }
    if (this.mode.returnsCount && this.offset > 0) this.resolve(this.offset);
    else this.reject(reason);
  }

  override reject(reason: unknown): void {
    super.reject(reason);
    this.#sender.leavePreparing(this);
  }
}

/** A call that sends piece after piece. */
export class ChunkedSendRequest extends SendRequest {
  readonly #pieces: ChunkSource;
  #ended = false;
  #givenUp = false;

  constructor(
    context: CallContext,
    sender: Sending,
    pieces: ChunkSource,
    write: Write,
  ) {
    super(context, sender, NOTHING, write, ALL);
    this.#pieces = pieces;
    this.prepared = false;
  }

  override attempt(): number | undefined {
    const ended = this.#ended || this.#givenUp && this.#pieces.complete;
    return ended ? this.#pieces.sent : undefined;
  }

  override async prepare(): Promise<void> {
    if (this.done) this.#pieces.onProgress?.(this.#pieces.sent);
    // That may have ended this call, which then takes nothing more.
    if (this.queue === undefined) return;
    if (this.offset < this.length) return;
    const data = await this.#pieces.next();
    this.#ended = data === null;
    this.data = data ?? NOTHING;
    this.length = this.data.length;
    this.offset = 0;
  }

  override sent(n: number): void {
    super.sent(n);
    this.#pieces.sent += n;
    this.prepared = false;
  }

  override cancel(reason: unknown): void {
    this.#givenUp = true;
    super.cancel(reason);
  }

  override get survivesClose(): boolean {
    return this.#pieces.survivesClose;
  }
}

/** The memory of what is sent may be resized or transferred away meanwhile. */
export function checkUnchanged(data: Uint8Array, length: number): void {
  if (data.length === length) return;
  throw new TypeError(
    `Cannot send: the memory of data has changed meanwhile, from ${length} to ${data.length} bytes`,
  );
}

/** Copies up to this use memory that stays with the connection. */
const SMALL_BYTES = 1024;

/**
 * The sending half of a connection, or of a datagram socket.
 *
 * Messages go out in the order of the calls, one operation at a time. When a
 * call ends while its operation is pending, the bytes of that operation are
 * taken: the call reports them as sent, they go out before anything later, and
 * until they have, there is no room for more. A failure of taken bytes is the
 * error of the next call.
 */
export class Sender implements OperationSource, Sending {
  readonly #operations: OperationQueue = new OperationQueue(this);
  /** What the operation in flight writes. */
  #piece: Uint8Array | undefined;
  /** The call that it writes for; undefined if the piece was taken. */
  #request: SendRequest | undefined;
  #operation: Write | undefined;
  /** The call at the head of the line that is being prepared. */
  #preparing: SendRequest | undefined;
  /** Memory for copies: one operation is in flight, so one copy is in use. */
  #small: Uint8Array<ArrayBuffer> | undefined;
  #borrowed: Uint8Array<ArrayBuffer> | undefined;
  #error: Error | undefined;
  #abandoned: Error | undefined;
  #progress = 0;
  #settling: PromiseWithResolvers<void> | undefined;
  /** Whose call the operation in flight is, or was. */
  #owner: CallOwner | undefined;

  /** Whether a send would not wait: nothing is unsent, or it would fail. */
  get writable(): boolean {
    return !this.#operations.inFlight || this.#error !== undefined;
  }

  /** Whether bytes that had been reported as sent have failed. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** A number that grows with every operation that the system has done. */
  get progress(): number {
    return this.#progress;
  }

  /** Takes the failure of bytes that had been reported as sent. */
  takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  /** Sends in turn; the number of bytes sent or taken. */
  send(
    context: CallContext,
    data: Uint8Array,
    write: Write,
    mode: SendMode = PARTIAL,
  ): Promise<number> {
    return this.#send(context, data, write, mode) as Promise<number>;
  }

  /** Sends all of it in turn. */
  sendAll(context: CallContext, data: Uint8Array, write: Write): Promise<void> {
    return this.#send(context, data, write, ALL) as Promise<void>;
  }

  /** Sends pieces until their end, in one turn. */
  sendPieces(
    context: CallContext,
    pieces: ChunkSource,
    write: Write,
  ): Promise<void> {
    return this.#earlyRejection(context) ??
      this.#operations.join(
        new ChunkedSendRequest(context, this, pieces, write),
      ) as Promise<void>;
  }

  #send(
    context: CallContext,
    data: Uint8Array,
    write: Write,
    mode: SendMode,
  ): Promise<number | void> {
    const refusal = this.#earlyRejection(context);
    if (refusal !== undefined) return refusal;
    const idle = !this.#operations.inFlight && !this.#operations.hasWaiters;
    return idle && !isCancellable(context) && mode.prepare === undefined
      ? this.#sendNow(context, data, write, mode)
      : this.#operations.join(
        new SendRequest(context, this, data, write, mode),
      );
  }

  /** What a call comes to that must not begin. */
  #earlyRejection({ signal }: CallContext): Promise<never> | undefined {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#error !== undefined) return Promise.reject(this.takeError());
    return undefined;
  }

  /** Nobody is before this call and nothing can end it early: no line. */
  async #sendNow(
    { owner }: CallContext,
    data: Uint8Array,
    write: Write,
    { all, returnsCount }: SendMode,
  ): Promise<number | void> {
    const { length } = data;
    this.#operations.markInFlight();
    this.#owner = owner;
    try {
      let sent = await write(data);
      while (all && sent < length) {
        checkUnchanged(data, length);
        this.#progress++;
        sent += await write(data.subarray(sent));
      }
      if (!all || returnsCount) return sent;
    } catch (error) {
      throw this.#abandoned ?? fromDeno(error);
    } finally {
      this.#progress++;
      this.#settled();
    }
  }

  /** Waits until there is room. */
  whenWritable(context: CallContext): Promise<true> {
    const find = () => this.writable ? true as const : undefined;
    return this.#operations.run(new ConditionWaiter(context, find));
  }

  /** Resolves when nothing is unsent, or nothing of a caller that has closed. */
  async drained(of?: CallOwner): Promise<void> {
    while (
      this.#operations.inFlight &&
      (of === undefined || of === this.#owner || of.waits)
    ) {
      this.#settling ??= Promise.withResolvers();
      await this.#settling.promise;
    }
  }

  copy(data: Uint8Array): Uint8Array {
    const { length } = data;
    if (length > SMALL_BYTES) {
      this.#borrowed = acquire(length);
      this.#borrowed.set(data);
      return this.#borrowed.subarray(0, length);
    }
    // A program sends messages of one length more often than not.
    if (this.#small?.length !== length) {
      const memory = this.#small?.buffer ?? new ArrayBuffer(SMALL_BYTES);
      this.#small = new Uint8Array(memory, 0, length);
    }
    this.#small.set(data);
    return this.#small;
  }

  /** Gives up everything unsent. */
  abandon(reason: Error): void {
    const preparing = this.#preparing !== undefined;
    this.#request = this.#preparing = undefined;
    this.#error = this.#abandoned = reason;
    this.#operations.rejectAll(reason);
    if (preparing) this.#settled();
  }

  commitInFlight(call: SendRequest): number | undefined {
    if (this.#request !== call || this.#piece === undefined) return undefined;
    this.#request = undefined;
    return this.#piece.length;
  }

  start(first: AnyWaiter): boolean {
    if (!(first instanceof SendRequest)) return false;
    this.#owner = first.context.owner;
    if (!first.prepared) {
      this.#prepare(first);
      return true;
    }
    this.#request = first;
    this.#operation = first.write;
    this.#write();
    return true;
  }

  /** A write always keeps the process alive: its bytes are owed. */
  ref(): void {}
  unref(): void {}

  #prepare(call: SendRequest): void {
    this.#preparing = call;
    call.prepare().then(
      () => {
        if (this.#preparing !== call) return;
        this.#preparing = undefined;
        call.prepared = true;
        this.#settled();
      },
      (error) => {
        if (this.#preparing === call) call.reject(error);
      },
    );
  }

  leavePreparing(call: SendRequest): void {
    if (this.#preparing !== call) return;
    this.#preparing = undefined;
    this.#settled();
  }

  /** Writes the next piece of the owner, or what is left of a taken one. */
  #write(): void {
    let written: Promise<number>;
    try {
      this.#piece = this.#request?.piece() ?? this.#piece!;
      written = this.#operation!(this.#piece);
    } catch (error) {
      // The caller's buffer may have been transferred away meanwhile.
      written = Promise.reject(error);
    }
    written.then(this.#onWritten, this.#onError);
  }

  readonly #onWritten = (n: number): void => {
    const piece = this.#piece!;
    const request = this.#request;
    this.#piece = this.#request = undefined;
    this.#progress++;
    if (request !== undefined) {
      request.sent(n);
    } else if (n < piece.length && this.#error === undefined) {
      // Taken bytes go out before any call is served.
      this.#piece = piece.subarray(n);
      this.#write();
      return;
    }
    this.#settled();
  };

  readonly #onError = (reason: unknown): void => {
    const error = fromDeno(reason) as Error;
    const request = this.#request;
    this.#piece = this.#request = undefined;
    // The error of bytes that were taken is the next call's.
    const call = request ?? this.#operations.first;
    if (call instanceof SendRequest) call.reject(error);
    else this.#error ??= error;
    this.#settled();
  };

  #settled(): void {
    if (this.#borrowed !== undefined) release(this.#borrowed);
    this.#borrowed = undefined;
    this.#operations.operationDone();
    this.#settling?.resolve();
    this.#settling = undefined;
  }
}
