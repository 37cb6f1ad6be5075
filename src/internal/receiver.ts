import { MSG_PEEK, MSG_WAITALL } from "../constants.ts";
import type { StreamConn } from "./deno_net.ts";
import type { Taker } from "./endpoint.ts";
import { fromDeno } from "./os_error.ts";
import { Pump, type Source } from "./pump.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { type Limits, mayGiveUp, type Pending, Wait } from "./wait.ts";

/** The first read for a large request: a pending read holds its memory. */
const FIRST_READ = 1024;
/** The reads after one or more that came back full: more is waiting. */
const NEXT_READS = [65_536, 262_144] as const;
/** Small reads that came back full before the next ones read ahead. */
const FULL_READS = 3;

/** A call that waits for bytes. */
class ByteWait<T> extends Wait<T> {
  /** How many bytes it can use. */
  readonly wanted: number;
  /** Where a read may put them directly. */
  readonly target: Uint8Array | undefined;

  constructor(
    limits: Limits,
    attempt: () => T | undefined,
    wanted: number,
    target?: Uint8Array,
  ) {
    super(limits, attempt);
    this.wanted = wanted;
    this.target = target;
  }
}

/**
 * The receiving half of a connection.
 *
 * Bytes that arrive for a call that has given up, or ahead of any call, are
 * queued and handed out in order, once. A reset or the end of the stream comes
 * after them. Reading stops when nobody waits, so the kernel's window, not this
 * program's memory, bounds what a peer can send.
 */
export class Receiver implements Source {
  readonly #conn: StreamConn;
  readonly #pump: Pump = new Pump(this);
  readonly #queue = new ReceiveBuffer();
  readonly #isShared: () => boolean;
  /** The buffer that the read in flight fills. */
  #buffer: Uint8Array = EMPTY;
  /** Whether that buffer is a caller's own. */
  #direct = false;
  #fullReads = 0;
  /** The kernel had no more than what is queued, when last asked. */
  #drained = false;
  #ended = false;
  #shut = false;
  #error: Error | undefined;
  #broken = false;

  /** `isShared` says whether another descriptor could read from here too. */
  constructor(conn: StreamConn, isShared: () => boolean) {
    this.#conn = conn;
    this.#isShared = isShared;
  }

  /** Whether a receive would not wait. */
  get readable(): boolean {
    return this.#queue.length > 0 || this.#ended || this.#error !== undefined;
  }

  /** Whether nothing more will be received than what is queued. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the receive after what is queued will fail. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** Whether it has failed, also if the error is taken. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Takes the error that the next receive would have given. */
  takeError(): Error | undefined {
    const error = this.#error;
    if (error !== undefined) this.#endWith(undefined);
    return error;
  }

  /** Up to `n` bytes; none at the end of the stream, or if the taker left. */
  recv(
    limits: Limits,
    n: number,
    flags: number,
    taker?: Taker,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (n === 0) return Promise.resolve(new Uint8Array(0));
    return this.#run(limits, n, flags, (available) => {
      if (taker !== undefined) return this.#handOver(available, taker);
      if ((flags & MSG_PEEK) === 0) return this.#queue.take(available);
      const data = new Uint8Array(available);
      this.#queue.peekInto(data);
      return data;
    });
  }

  #handOver(available: number, taker: Taker): Uint8Array<ArrayBuffer> {
    if (!taker.present) return EMPTY;
    const data = this.#queue.take(available);
    taker.take(data.length > 0 ? data : null);
    return data;
  }

  /** Fills `target` as far as it goes; the number of bytes. */
  recvInto(
    limits: Limits,
    target: Uint8Array,
    flags: number,
  ): Promise<number> {
    if (target.length === 0) return Promise.resolve(0);
    const serve = (available: number): number => {
      const view = target.subarray(0, available);
      return (flags & MSG_PEEK) !== 0
        ? this.#queue.peekInto(view)
        : this.#queue.takeInto(view);
    };
    const direct = flags === 0 && !mayGiveUp(limits) && !this.#isShared();
    return this.#run(
      limits,
      target.length,
      flags,
      serve,
      direct ? target : undefined,
    );
  }

  /** Waits until a receive would not wait. */
  whenReadable(limits: Limits): Promise<true> {
    const attempt = () => this.readable ? true as const : undefined;
    return this.#join(limits, attempt, FIRST_READ);
  }

  #run<T>(
    limits: Limits,
    n: number,
    flags: number,
    serve: (available: number) => T,
    target?: Uint8Array,
  ): Promise<T> {
    // A non-blocking call takes what is there, also with MSG_WAITALL.
    const all = (flags & MSG_WAITALL) !== 0 && limits.timeoutMs !== 0;
    const attempt = (): T | undefined => {
      const { length } = this.#queue;
      if (length >= n) return serve(n);
      if (!this.#ended) {
        return length > 0 && this.#drained && !all ? serve(length) : undefined;
      }
      if (length > 0 || this.#error === undefined) return serve(length);
      throw this.takeError();
    };
    return this.#join(limits, attempt, n, target);
  }

  #join<T>(
    limits: Limits,
    attempt: () => T | undefined,
    wanted: number,
    target?: Uint8Array,
  ): Promise<T> {
    if (limits.signal?.aborted) return Promise.reject(limits.signal.reason);
    if (!this.#pump.waited) {
      try {
        const value = attempt();
        if (value !== undefined) return Promise.resolve(value);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.#pump.join(new ByteWait(limits, attempt, wanted, target));
  }

  /**
   * Returns 0 bytes to those who wait, and to the next calls once what the
   * kernel has is gone. What a read that is in flight brings is dropped.
   */
  shut(): void {
    this.#shut = true;
    if (this.#pump.inFlight) this.#endWith(undefined);
    this.#pump.serve();
  }

  /** Lets calls fail, once what was received is gone. */
  fail(error: Error): void {
    this.#endWith(error);
    this.#pump.serve();
  }

  /** Rejects those who still wait; no read is started any more. */
  close(reason: Error): void {
    this.#ended = true;
    this.#pump.rejectAll(reason);
    this.#queue.clear();
  }

  start(first: Pending): boolean {
    if (this.#ended || !(first instanceof ByteWait)) return false;
    const queued = this.#queue.length;
    this.#drained = false;
    this.#buffer = this.#nextBuffer(first, queued);
    this.#conn.read(this.#buffer).then(this.#onRead, this.#onError);
    // What does not settle without a turn of the event loop was not there.
    // Deno settles a read that is ready within two microtasks.
    if (queued > 0 || this.#shut) {
      const buffer = this.#buffer;
      afterMicrotasks(4, () => this.#onNothingMore(buffer));
    }
    return true;
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }

  /**
   * Small requests are asked for exactly, and large ones for little, until
   * several reads came back full: then more is waiting, and reading ahead
   * costs one operation for many calls. A short read ends that, since on
   * request and response traffic it loses time.
   */
  #nextBuffer(first: ByteWait<unknown>, queued: number): Uint8Array {
    const { wanted, target } = first;
    this.#direct = target !== undefined && queued === 0;
    if (target !== undefined && queued === 0) return target;
    const missing = Math.max(1, wanted - queued);
    const patience = missing > FIRST_READ ? 1 : FULL_READS;
    const ahead = this.#fullReads - patience;
    return this.#queue.room(
      ahead < 0
        ? Math.min(missing, FIRST_READ)
        : NEXT_READS[Math.min(ahead, NEXT_READS.length - 1)]!,
    );
  }

  readonly #onRead = (n: number | null): void => {
    const buffer = this.#buffer;
    this.#buffer = EMPTY;
    if (this.#ended) {
      this.#pump.settled();
      return;
    }
    if (n === null) {
      this.#endWith(undefined);
    } else if (n > 0) {
      const full = n === buffer.length;
      this.#fullReads = full ? this.#fullReads + 1 : 0;
      this.#drained = !full;
      if (this.#shut && !full) this.#ended = true;
      const { first } = this.#pump;
      if (!this.#direct) {
        this.#queue.filled(n);
      } else if (first instanceof ByteWait && first.target === buffer) {
        first.resolve(n);
      } else {
        // Its call was ended by a close; another descriptor gets the bytes.
        this.#queue.append(buffer.subarray(0, n));
      }
    }
    this.#pump.settled();
    this.#drained = false;
    if (!this.#pump.inFlight && this.#fullReads === 0) this.#queue.relax();
  };

  readonly #onError = (error: unknown): void => {
    this.#buffer = EMPTY;
    if (!this.#ended) this.#endWith(fromDeno(error));
    this.#pump.settled();
  };

  /** The read into `buffer` was given its microtasks; it may have settled. */
  #onNothingMore(buffer: Uint8Array): void {
    if (this.#buffer !== buffer) return;
    this.#drained = true;
    if (this.#shut) this.#ended = true;
    this.#pump.serve();
  }

  #endWith(error: Error | undefined): void {
    this.#error = error;
    if (error !== undefined) this.#broken = true;
    this.#ended = true;
  }
}

const EMPTY = new Uint8Array(0);

function afterMicrotasks(count: number, callback: () => void): void {
  if (count === 0) callback();
  else queueMicrotask(() => afterMicrotasks(count - 1, callback));
}
