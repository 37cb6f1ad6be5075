/**
 * The memory that connections receive into: a pool of buffers, a limit for
 * large reads, and the queue of bytes that no call has returned yet.
 */

import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import { afterTicks, REACTOR_TICKS } from "../wait/event_loop.ts";

// A pool of buffers, which busy connections share. To allocate and collect a
// large buffer costs more than to fill it.

/**
 * The sizes of pooled buffers, and how many unused buffers of each size are
 * kept.
 */
const CLASSES: readonly [size: number, kept: number][] = [
  [1024, 64],
  [4096, 16],
  [16_384, 8],
  [65_536, 4],
  [262_144, 4],
];

const pools = new Map<number, Bytes[]>(
  CLASSES.map(([size]): [number, Bytes[]] => [size, []]),
);
const limits = new Map<number, number>(CLASSES);

/** Returns a buffer of at least `size` bytes, with arbitrary content. */
export function acquire(size: number): Bytes {
  for (const [kept] of CLASSES) {
    if (size <= kept) return pools.get(kept)!.pop() ?? new Uint8Array(kept);
  }
  return new Uint8Array(size);
}

/** Returns a buffer to the pool, which nothing may write to any more. */
export function release(memory: Bytes): void {
  const pool = pools.get(memory.length);
  if (pool !== undefined && pool.length < limits.get(memory.length)!) {
    pool.push(memory);
  }
}

// The memory of large reads, over all connections. A read is large because more
// bytes are likely to be there. If there are none, the read holds its memory
// until bytes arrive, since a read cannot be cancelled. A peer could bring
// every connection into that state by the lengths of its messages.

/**
 * The most memory that large reads may hold while they wait for their peers.
 */
const MAX_WAITING = 524_288;

/**
 * The most memory that large reads may hold when they have just begun. Most of
 * them settle at once, or in the next turn of the event loop: after 128
 * operations Tokio makes each operation wait for that, even if its data is
 * there. Then others begin, with the same memory. If all of them began at the
 * same time, they would have to share the memory by small reads: 128 streams
 * made 40 times as many reads.
 */
const MAX_BEGUN = 524_288;

/** A large read in flight. */
export interface LargeRead {
  readonly bytes: number;
}

const begun = new Set<LargeRead>();
let begunBytes = 0;
let waitingBytes = 0;
/** The reads that are postponed until others have settled, in order. */
const postponed: (() => void)[] = [];

/** Returns whether a large read may begin now, or has to be postponed. */
export function mayBegin(): boolean {
  return begunBytes < MAX_BEGUN;
}

/** Calls `start` when a large read may begin. */
export function postpone(start: () => void): void {
  if (postponed.push(start) === 1) findWaiting();
}

/**
 * Returns whether memory is short, so that reads that may have to wait should
 * ask for little.
 */
function isShort(): boolean {
  return waitingBytes > MAX_WAITING / 2;
}

/** Counts a large read that begins. */
export function beginRead(bytes: number): LargeRead {
  const read = { bytes };
  begun.add(read);
  begunBytes += bytes;
  return read;
}

/** Counts a large read that has settled. */
export function endRead(read: LargeRead): void {
  if (begun.delete(read)) begunBytes -= read.bytes;
  else waitingBytes -= read.bytes;
  startPostponed();
}

/**
 * Counts those reads as waiting that have not settled after a poll of the
 * reactor.
 */
function findWaiting(): void {
  const reads = [...begun];
  afterTicks(REACTOR_TICKS, () => {
    for (const read of reads) {
      if (!begun.delete(read)) continue;
      begunBytes -= read.bytes;
      waitingBytes += read.bytes;
    }
    startPostponed();
    if (postponed.length > 0) findWaiting();
  });
}

function startPostponed(): void {
  while (mayBegin() && postponed.length > 0) postponed.shift()!();
}

/** A connection keeps a buffer of up to this size for its next reads. */
export const SMALL_BYTES = 1024;

/** The largest buffer of a connection that has few queued bytes. */
export const MEDIUM_BYTES = 4096;

/**
 * Received bytes that no call has returned yet, in order, followed by room for
 * the read in flight.
 *
 * Bytes are copied when they leave, so the memory is reused: a new array for
 * each read costs more than the copy, mostly in late garbage collection. An
 * idle connection keeps no more than a small buffer.
 */
export class ReceiveBuffer {
  #memory: Bytes = EMPTY_BYTES;
  #start = 0;
  #end = 0;
  /**
   * A second buffer, which a read fills while the first one is being emptied.
   */
  #spare: Bytes | undefined;

  /** The number of queued bytes. */
  get length(): number {
    return this.#end - this.#start;
  }

  /**
   * Returns room for a read of `size` bytes. No other bytes may be added until
   * the read has settled, but bytes may be taken.
   *
   * A waiting read must hold little more than its own room. So if many bytes
   * are queued, the read gets a buffer of its own, and if few bytes are in a
   * large buffer, they are moved to a smaller one.
   */
  room(size: number): Bytes {
    const { length } = this;
    if (length === 0) {
      this.#start = this.#end = 0;
      if (size <= SMALL_BYTES) this.shrink(false);
    }
    const isLittle = length + size <= MEDIUM_BYTES;
    if (!isLittle && (length > MEDIUM_BYTES || size <= SMALL_BYTES)) {
      if (this.#isLarge && 2 * length < this.#memory.length) this.#makeRoom(0);
      return this.#spare = acquire(size);
    }
    const isLoose = this.#isLarge && isLittle;
    if (isLoose || this.#memory.length - this.#end < size) this.#makeRoom(size);
    // Creating a view costs as much as a tenth of a small read.
    if (this.#end === 0 && size === this.#memory.length) return this.#memory;
    return this.#memory.subarray(this.#end, this.#end + size);
  }

  get #isLarge(): boolean {
    return this.#memory.length > MEDIUM_BYTES;
  }

  #makeRoom(size: number): void {
    const { length } = this;
    const needed = length + size;
    const fits = needed <= this.#memory.length && length <= this.#start;
    if (
      fits && (needed > MEDIUM_BYTES || this.#memory.length <= MEDIUM_BYTES)
    ) {
      this.#memory.copyWithin(0, this.#start, this.#end);
    } else {
      // The buffer of a long message grows in proportion, or copying would cost
      // too much.
      const isLong = length > MEDIUM_BYTES;
      const memory = acquire(isLong ? Math.max(needed, 2 * length) : needed);
      memory.set(this.#memory.subarray(this.#start, this.#end));
      release(this.#memory);
      this.#memory = memory;
    }
    this.#start = 0;
    this.#end = length;
  }

  /** Called when the read has filled `n` bytes of its room. */
  filled(n: number): void {
    const spare = this.#spare;
    if (spare === undefined) {
      this.#end += n;
      return;
    }
    this.#spare = undefined;
    if (this.length > 0) {
      this.append(spare.subarray(0, n));
      release(spare);
    } else {
      release(this.#memory);
      this.#memory = spare;
      this.#start = 0;
      this.#end = n;
    }
  }

  /** Adds bytes that were read into another buffer. */
  append(data: Uint8Array): void {
    if (this.#memory.length - this.#end < data.length) {
      this.#makeRoom(data.length);
    }
    this.#memory.set(data, this.#end);
    this.#end += data.length;
  }

  /**
   * Inserts bytes before the queued ones. `filling` is the room of the read in
   * flight.
   */
  prepend(data: Uint8Array, filling: Bytes | undefined): void {
    const queued = this.#memory.subarray(this.#start, this.#end);
    // The read in flight still fills the memory that it was given.
    this.#spare ??= filling;
    const memory = acquire(data.length + queued.length);
    memory.set(data);
    memory.set(queued, data.length);
    this.#memory = memory;
    this.#start = 0;
    this.#end = data.length + queued.length;
  }

  /** Returns a copy of the first `n` bytes, which owns its memory. */
  peek(n: number): Bytes {
    const start = this.#start;
    const end = start + n;
    // Unlike `slice`, this does not fill the copy with zeros first. But it
    // creates another view, which costs more if there is little to fill.
    return n > SMALL_BYTES
      ? new Uint8Array(this.#memory.subarray(start, end))
      : this.#memory.slice(start, end);
  }

  /**
   * Removes the first `n` bytes and returns them, in an array that owns its
   * memory.
   */
  take(n: number): Bytes {
    const memory = this.#memory;
    // One read has filled the whole buffer, and one call wants all of it, so it
    // need not be copied. The bytes given to `prepend` may be a part of a larger
    // buffer.
    if (
      n === memory.length && n === this.length &&
      n === memory.buffer.byteLength
    ) {
      this.#memory = EMPTY_BYTES;
      this.#start = this.#end = 0;
      return memory;
    }
    const data = this.peek(n);
    this.drop(n);
    return data;
  }

  /** Copies the first `n` bytes into `target`. */
  copyInto(target: Uint8Array, n: number): void {
    target.set(this.#memory.subarray(this.#start, this.#start + n));
  }

  /** Removes the first `n` bytes. */
  drop(n: number): void {
    this.#start += n;
  }

  /**
   * Returns a buffer that is larger than an idle connection needs to the pool,
   * if no byte is queued and no read in flight fills it.
   */
  shrink(inFlight: boolean): void {
    const isUsed = this.#start < this.#end ||
      (inFlight && this.#spare === undefined);
    if (isUsed || this.#memory.length <= SMALL_BYTES) return;
    release(this.#memory);
    this.#memory = EMPTY_BYTES;
    this.#start = this.#end = 0;
  }

  /**
   * Drops all bytes. A read in flight may still write to its buffer, which then
   * does not return to the pool.
   */
  clear(inFlight: boolean): void {
    if (!inFlight || this.#spare !== undefined) release(this.#memory);
    this.#spare = undefined;
    this.#memory = EMPTY_BYTES;
    this.#start = this.#end = 0;
  }
}

/**
 * The sizes of successive reads, as long as they come back full: then more
 * bytes are waiting, and one operation that reads ahead serves many calls. The
 * second step is as small as the first, since a message of exactly that length
 * is no sign of more bytes. If a few bytes are queued, a read asks for less, so
 * that both fit into one buffer.
 */
const READ_SIZES = [
  SMALL_BYTES,
  SMALL_BYTES,
  MEDIUM_BYTES,
  16_384,
  65_536,
  262_144,
];
export const LAST_STEP: number = READ_SIZES.length - 1;
/** The last step at which the reads of all connections may wait. */
export const MEDIUM_STEP = 2;

/**
 * The number of bytes that a read asks for at a step, behind `queued` bytes, if
 * the call wants `wanted` at most.
 */
export function readSize(step: number, queued: number, wanted: number): number {
  // If no byte is queued, the read may have to wait. If it comes back full, the
  // next one can be larger.
  if (step > MEDIUM_STEP && ((queued === 0 && isShort()) || !mayBegin())) {
    return MEDIUM_BYTES;
  }
  // The read may take half of the memory that is left, in case it has to wait.
  const left = (MAX_WAITING - waitingBytes) / 2;
  while (step > MEDIUM_STEP && READ_SIZES[step]! > left) step--;
  const ahead = READ_SIZES[step]!;
  const size = queued <= MEDIUM_BYTES ? ahead - queued : ahead;
  return Math.max(SMALL_BYTES, Math.min(size, wanted - queued));
}
