/**
 * The memory that connections receive into: a pool of buffers, how much of it
 * large reads may hold, and the bytes that no call has taken yet.
 */

import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import { afterTicks, REACTOR_TICKS } from "../wait/event_loop.ts";

// A pool of buffers, which busy connections share: allocating and collecting a
// large one costs more than filling it.

/** The sizes that are kept, and how many of each while none is used. */
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

/** A buffer of at least `size` bytes, with any content. */
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

// The memory of large reads, over all connections. A read is large since more
// seems to be there. If nothing is, it holds its memory until something comes,
// since a read cannot be cancelled; and a peer could make every connection do
// that by the lengths of its messages.

/** How much the large reads that wait for their peers may hold. */
const MAX_WAITING = 524_288;

/**
 * How much the large reads that have just begun may hold. Most of them settle at
 * once, or in the next turn: after 128 operations Tokio lets each wait for that,
 * although its data is there. Then others begin, with the same memory. Where all
 * begin at the same time, they have to share what there is by small reads: 128
 * streams made 40 times as many.
 */
const MAX_BEGUN = 524_288;

/** A large read in flight. */
export interface LargeRead {
  readonly bytes: number;
}

const begun = new Set<LargeRead>();
let begunBytes = 0;
let waitingBytes = 0;
/** The starts of reads that wait until others have settled, in order. */
const postponed: (() => void)[] = [];

/** Whether a large read may begin now, and need not be postponed. */
export function mayBegin(): boolean {
  return begunBytes < MAX_BEGUN;
}

/** Calls back when a large read may begin. */
export function postpone(start: () => void): void {
  if (postponed.push(start) === 1) findWaiting();
}

/** How much memory is left for reads that have to wait. */
export function memoryLeft(): number {
  return MAX_WAITING - waitingBytes;
}

/** Whether reads that may have to wait should ask for little. */
export function isShort(): boolean {
  return waitingBytes > MAX_WAITING / 2;
}

/** Counts a large read. */
export function beginRead(bytes: number): LargeRead {
  const read = { bytes };
  begun.add(read);
  begunBytes += bytes;
  return read;
}

/** A large read has settled. */
export function endRead(read: LargeRead): void {
  if (begun.delete(read)) begunBytes -= read.bytes;
  else waitingBytes -= read.bytes;
  startPostponed();
}

/** Counts as waiting those that do not settle in a poll of the reactor. */
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

/** A buffer up to this size stays with its connection, for the next reads. */
export const SMALL_BYTES = 1024;

/** A connection with few queued bytes holds no more than this. */
export const MEDIUM_BYTES = 4096;

/**
 * Received bytes that no call has taken yet, in order, and room for the read in
 * flight behind them.
 *
 * What leaves is copied out, so the memory is used again and again: a fresh
 * array for each read costs more than the copy, most of it in late garbage
 * collection. An idle connection keeps no more than a small buffer.
 */
export class ReceiveBuffer {
  #memory: Bytes = EMPTY_BYTES;
  #start = 0;
  #end = 0;
  /** A buffer that a read fills while the other one is being emptied. */
  #spare: Bytes | undefined;

  /** How many bytes are queued. */
  get length(): number {
    return this.#end - this.#start;
  }

  /**
   * Room for a read of `size` bytes. Nothing else may be added until the read
   * has settled; bytes may be taken meanwhile.
   *
   * A read that waits must hold little more than its own room. So behind many
   * bytes it gets a buffer of its own, and few bytes leave a large one.
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
    // A view costs as much as a tenth of a small read.
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
      // Long messages grow in proportion, or copying them would cost too much.
      const isLong = length > MEDIUM_BYTES;
      const memory = acquire(isLong ? Math.max(needed, 2 * length) : needed);
      memory.set(this.#memory.subarray(this.#start, this.#end));
      release(this.#memory);
      this.#memory = memory;
    }
    this.#start = 0;
    this.#end = length;
  }

  /** The read has filled `n` bytes of its room. */
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

  /** Adds bytes that were read elsewhere. */
  append(data: Uint8Array): void {
    if (this.#memory.length - this.#end < data.length) {
      this.#makeRoom(data.length);
    }
    this.#memory.set(data, this.#end);
    this.#end += data.length;
  }

  /** Puts bytes in front of the others; `filling` is the room of a read in flight. */
  prepend(data: Uint8Array, filling: Bytes | undefined): void {
    const queued = this.#memory.subarray(this.#start, this.#end);
    // The read goes on to fill the memory that it was given.
    this.#spare ??= filling;
    const memory = acquire(data.length + queued.length);
    memory.set(data);
    memory.set(queued, data.length);
    this.#memory = memory;
    this.#start = 0;
    this.#end = data.length + queued.length;
  }

  /** A copy of the first `n` bytes, which owns its memory. */
  peek(n: number): Bytes {
    const start = this.#start;
    const end = start + n;
    // Unlike `slice` this does not fill the copy with zeros first; but it makes
    // another view, which costs more where there is little to fill.
    return n > SMALL_BYTES
      ? new Uint8Array(this.#memory.subarray(start, end))
      : this.#memory.slice(start, end);
  }

  /** Removes the first `n` bytes; what is returned owns its memory. */
  take(n: number): Bytes {
    const memory = this.#memory;
    // A read that filled the whole memory with what one call wants: no copy. What
    // `prepend` was given may be a part of a larger one.
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
   * Returns more memory than an idle connection needs to the pool, if nothing is
   * queued and no read in flight fills it.
   */
  shrink(inFlight: boolean): void {
    const isUsed = this.#start < this.#end ||
      (inFlight && this.#spare === undefined);
    if (isUsed || this.#memory.length <= SMALL_BYTES) return;
    release(this.#memory);
    this.#memory = EMPTY_BYTES;
    this.#start = this.#end = 0;
  }

  /** Forgets everything. A read in flight may still write to `memory`. */
  clear(inFlight: boolean): void {
    if (!inFlight || this.#spare !== undefined) release(this.#memory);
    this.#spare = undefined;
    this.#memory = EMPTY_BYTES;
    this.#start = this.#end = 0;
  }
}
