import { fromDeno } from "./os_error.ts";
import { borrow, giveBack } from "./memory.ts";
import { Pump, type Source } from "./pump.ts";
import { type Limits, Look, mayGiveUp, type Pending, Wait } from "./wait.ts";

/**
 * The most that one operation of a call that may give up hands to the system:
 * what is pending then counts as taken, and must be held until it is out.
 */
const PIECE_BYTES = 65536;

/** Copies up to this use memory that stays with the connection. */
const SMALL_BYTES = 1024;

/** Hands a piece to the system; the number of bytes taken. */
export type Write = (piece: Uint8Array) => Promise<number>;

/** How a call sends. */
export interface Manner {
  /** Whether it goes on until all is sent. */
  readonly all?: boolean;
  /** Whether it goes out in one operation or not at all, as a datagram does. */
  readonly whole?: boolean;
  /** Done before the first write, in turn: nothing is taken until then. */
  readonly prepare?: () => Promise<void>;
}

const SOME: Manner = {};
const ALL: Manner = { all: true };

/** A call that sends. */
class Outgoing extends Wait<number | void> {
  readonly data: Uint8Array;
  /** How many bytes it is to send. */
  readonly length: number;
  readonly write: Write;
  readonly manner: Manner;
  readonly #sender: Sender;
  /** Bytes that are sent or taken. */
  offset = 0;
  /** Whether an operation has been done for it. */
  done = false;
  prepared: boolean;

  constructor(
    limits: Limits,
    sender: Sender,
    data: Uint8Array,
    write: Write,
    manner: Manner,
  ) {
    super(limits);
    this.#sender = sender;
    this.data = data;
    this.length = data.length;
    this.write = write;
    this.manner = manner;
    this.prepared = manner.prepare === undefined;
  }

  attempt(): number | undefined {
    if (!this.done) return undefined;
    if (this.manner.all && this.offset < this.length) return undefined;
    return this.offset;
  }

  override resolve(sent: number): void {
    super.resolve(this.manner.all ? undefined : sent);
  }

  /** The next bytes to hand to the system. */
  piece(): Uint8Array {
    const { data, length, offset } = this;
    checkUnchanged(data, length);
    if (!mayGiveUp(this.limits)) return data.subarray(offset);
    const end = this.manner.whole ? length : offset + PIECE_BYTES;
    const all = offset === 0 && end >= length;
    return this.#sender.copy(all ? data : data.subarray(offset, end));
  }

  override get survivesClose(): boolean {
    return true;
  }

  override giveUp(reason: unknown): void {
    const taken = this.#sender.takeFrom(this);
    if (taken !== undefined) {
      this.offset += taken;
      this.done = true;
      const result = this.attempt();
      if (result !== undefined) return this.resolve(result);
    }
    this.reject(reason);
  }
}

/**
 * The sending half of a connection, or of a datagram socket.
 *
 * Messages go out in the order of the calls, one operation at a time. When a
 * call ends while its operation is pending, the bytes of that operation are
 * taken: the call reports them as sent, they go out before anything later, and
 * until they have, there is no room for more. A failure of taken bytes is the
 * error of the next call.
 */
export class Sender implements Source {
  readonly #pump: Pump = new Pump(this);
  /** What the operation in flight writes. */
  #piece: Uint8Array | undefined;
  /** The call that it writes for; undefined if the piece was taken. */
  #owner: Outgoing | undefined;
  #operation: Write | undefined;
  /** Memory for copies: one operation is in flight, so one copy is in use. */
  #small: Uint8Array<ArrayBuffer> | undefined;
  #borrowed: Uint8Array<ArrayBuffer> | undefined;
  #error: Error | undefined;
  #abandoned: Error | undefined;
  #progress = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  /** Whether a send would not wait: nothing is unsent, or it would fail. */
  get writable(): boolean {
    return !this.#pump.inFlight || this.#error !== undefined;
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
    limits: Limits,
    data: Uint8Array,
    write: Write,
    manner: Manner = SOME,
  ): Promise<number> {
    return this.#send(limits, data, write, manner) as Promise<number>;
  }

  /** Sends all of it in turn. */
  sendAll(limits: Limits, data: Uint8Array, write: Write): Promise<void> {
    return this.#send(limits, data, write, ALL) as Promise<void>;
  }

  #send(
    limits: Limits,
    data: Uint8Array,
    write: Write,
    manner: Manner,
  ): Promise<number | void> {
    if (limits.signal?.aborted) return Promise.reject(limits.signal.reason);
    if (this.#error !== undefined) return Promise.reject(this.takeError());
    const idle = !this.#pump.inFlight && !this.#pump.waited;
    return idle && !mayGiveUp(limits) && manner.prepare === undefined
      ? this.#sendNow(data, write, manner)
      : this.#pump.join(new Outgoing(limits, this, data, write, manner));
  }

  /** Nobody is before this call and nothing can end it early: no line. */
  async #sendNow(
    data: Uint8Array,
    write: Write,
    { all }: Manner,
  ): Promise<number | void> {
    const { length } = data;
    this.#pump.hold();
    try {
      let sent = await write(data);
      while (all && sent < length) {
        checkUnchanged(data, length);
        this.#progress++;
        sent += await write(data.subarray(sent));
      }
      if (!all) return sent;
    } catch (error) {
      throw this.#abandoned ?? fromDeno(error);
    } finally {
      this.#progress++;
      this.#settled();
    }
  }

  /** Waits until there is room. */
  whenWritable(limits: Limits): Promise<true> {
    const find = () => this.writable ? true as const : undefined;
    return this.#pump.run(new Look(limits, find));
  }

  /** Resolves when nothing is unsent. */
  async drained(): Promise<void> {
    if (!this.#pump.inFlight) return;
    this.#drained ??= Promise.withResolvers();
    await this.#drained.promise;
  }

  /** A copy of bytes whose operation may outlive their call. */
  copy(data: Uint8Array): Uint8Array {
    const { length } = data;
    if (length > SMALL_BYTES) {
      this.#borrowed = borrow(length);
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
    this.#owner = undefined;
    this.#error = this.#abandoned = reason;
    this.#pump.rejectAll(reason);
  }

  /**
   * Called by a call that ends early. If the operation in flight is its own,
   * its bytes are taken and their number is returned.
   */
  takeFrom(call: Outgoing): number | undefined {
    if (this.#owner !== call || this.#piece === undefined) return undefined;
    this.#owner = undefined;
    return this.#piece.length;
  }

  start(first: Pending): boolean {
    if (!(first instanceof Outgoing)) return false;
    if (!first.prepared) {
      this.#prepare(first);
      return true;
    }
    this.#owner = first;
    this.#operation = first.write;
    this.#write();
    return true;
  }

  /** A write always keeps the process alive: its bytes are owed. */
  ref(): void {}
  unref(): void {}

  #prepare(call: Outgoing): void {
    call.manner.prepare!().then(
      () => {
        call.prepared = true;
        this.#settled();
      },
      (error) => {
        if (call.queue !== undefined) call.reject(error);
        this.#settled();
      },
    );
  }

  /** Writes the next piece of the owner, or what is left of a taken one. */
  #write(): void {
    let written: Promise<number>;
    try {
      this.#piece = this.#owner?.piece() ?? this.#piece!;
      written = this.#operation!(this.#piece);
    } catch (error) {
      // The caller's buffer may have been transferred away meanwhile.
      written = Promise.reject(error);
    }
    written.then(this.#onWritten, this.#onError);
  }

  readonly #onWritten = (n: number): void => {
    const piece = this.#piece!;
    const owner = this.#owner;
    this.#piece = this.#owner = undefined;
    this.#progress++;
    if (owner !== undefined) {
      owner.offset += n;
      owner.done = true;
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
    const owner = this.#owner;
    this.#piece = this.#owner = undefined;
    // The error of bytes that were taken is the next call's.
    const call = owner ?? this.#pump.first;
    if (call instanceof Outgoing) call.reject(error);
    else this.#error ??= error;
    this.#settled();
  };

  #settled(): void {
    if (this.#borrowed !== undefined) giveBack(this.#borrowed);
    this.#borrowed = undefined;
    this.#pump.settled();
    if (this.#pump.inFlight) return;
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

/** The memory of what is sent may be resized or transferred away meanwhile. */
function checkUnchanged(data: Uint8Array, length: number): void {
  if (data.length === length) return;
  throw new TypeError(
    `Cannot send: the memory of data has changed meanwhile, from ${length} to ${data.length} bytes`,
  );
}
