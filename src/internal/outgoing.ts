/** The calls that stand in line at a sender. */

import { type Limits, mayGiveUp, Wait } from "./wait.ts";

/**
 * The most that one operation of a call that may give up hands to the system:
 * what is pending then counts as taken, and must be held until it is out.
 */
const PIECE_BYTES = 65536;

const NOTHING = new Uint8Array(0);

/** Hands a piece to the system; the number of bytes taken. */
export type Write = (piece: Uint8Array) => Promise<number>;

/** How a call sends. */
export interface Manner {
  /** Whether it goes on until all is sent. */
  readonly all?: boolean;
  /** Whether it then tells how much that was, and a part is no failure. */
  readonly counts?: boolean;
  /** Whether it goes out in one operation or not at all, as a datagram does. */
  readonly whole?: boolean;
  /** Done before the first write, in turn: nothing is taken until then. */
  readonly prepare?: (isPending: () => boolean) => Promise<void>;
}

export const SOME: Manner = {};
export const ALL: Manner = { all: true };
export const MOST: Manner = { all: true, counts: true };

/** What is sent piece after piece in one turn, as a file is. */
export interface Pieces {
  /** How many bytes were sent or taken. */
  sent: number;
  /** Whether all that was asked for is sent or taken, as far as is known. */
  readonly complete: boolean;
  /** Whether a close lets it go on. */
  readonly owed: boolean;
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
  takeFrom(call: Outgoing): number | undefined;
  /** Called by a call that has failed: the next one does not wait for it. */
  leavePreparing(call: Outgoing): void;
}

/** A call that sends. */
export class Outgoing extends Wait<number | void> {
  data: Uint8Array;
  /** How many bytes it is to send. */
  length: number;
  readonly write: Write;
  readonly manner: Manner;
  readonly #sender: Sending;
  /** Bytes that are sent or taken. */
  offset = 0;
  /** Whether an operation has been done for it. */
  done = false;
  /** Whether there is something to write. */
  prepared: boolean;

  constructor(
    limits: Limits,
    sender: Sending,
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
    const { all, counts } = this.manner;
    super.resolve(all && !counts ? undefined : sent);
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

  async prepare(): Promise<void> {
    await this.manner.prepare?.(() => this.queue !== undefined);
  }

  /** The system has, or will have, `n` bytes more. */
  sent(n: number): void {
    this.offset += n;
    this.done = true;
  }

  override get survivesClose(): boolean {
    return true;
  }

  override giveUp(reason: unknown): void {
    const taken = this.#sender.takeFrom(this);
    if (taken !== undefined) {
      this.sent(taken);
      const result = this.attempt();
      if (result !== undefined) return this.resolve(result);
    }
    if (this.manner.counts && this.offset > 0) this.resolve(this.offset);
    else this.reject(reason);
  }

  override reject(reason: unknown): void {
    super.reject(reason);
    this.#sender.leavePreparing(this);
  }
}

/** A call that sends piece after piece. */
export class OutgoingPieces extends Outgoing {
  readonly #pieces: Pieces;
  #ended = false;
  #givenUp = false;

  constructor(limits: Limits, sender: Sending, pieces: Pieces, write: Write) {
    super(limits, sender, NOTHING, write, ALL);
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

  override giveUp(reason: unknown): void {
    this.#givenUp = true;
    super.giveUp(reason);
  }

  override get survivesClose(): boolean {
    return this.#pieces.owed;
  }
}

/** The memory of what is sent may be resized or transferred away meanwhile. */
export function checkUnchanged(data: Uint8Array, length: number): void {
  if (data.length === length) return;
  throw new TypeError(
    `Cannot send: the memory of data has changed meanwhile, from ${length} to ${data.length} bytes`,
  );
}
