import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import { MSG_PEEK, MSG_WAITALL } from "../base/constants.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import { keepsRead, type StreamConn } from "../runtime/deno_net.ts";
import {
  afterTicks,
  countBytes,
  countCall,
  REACTOR_TICKS,
} from "../wait/event_loop.ts";
import { afterMicrotasks, OperationQueue } from "../wait/operation_queue.ts";
import {
  type AnyWaiter,
  type CallContext,
  failure,
  isCancellable,
  Waiter,
} from "../wait/waiter.ts";
import type { ReceiveSink } from "./endpoint.ts";
import {
  beginRead,
  endRead,
  type LargeRead,
  LAST_STEP,
  mayBegin,
  MEDIUM_BYTES,
  MEDIUM_STEP,
  postpone,
  readSize,
  ReceiveBuffer,
  SMALL_BYTES,
} from "./receive_buffer.ts";

/** The most bytes that are read ahead of the calls. */
const MAX_QUEUED = 262_144;
/** The most bytes that one peek, or a readiness check, reads ahead. */
const MAX_PEEK = 1_048_576;

/**
 * If the kernel has data, a read settles within two microtasks (Deno 2.9.6). If
 * it has not settled after four, the kernel has nothing more.
 */
const READ_MICROTASKS = 4;

/**
 * Two ticks less than `REACTOR_TICKS`: a non-blocking call that started after
 * the shutdown must still receive the bytes that the kernel had.
 */
const SHUT_TICKS = REACTOR_TICKS - 2;

/** A call that receives bytes, into a buffer if it has one. */
class ReceiveWaiter extends Waiter<Bytes | number> {
  readonly receiver: Receiver;
  /** The number of bytes that the call can use. */
  readonly wanted: number;
  /** The caller's buffer, for `recv_into`. */
  readonly target: Uint8Array | undefined;
  readonly sink: ReceiveSink | undefined;

  constructor(
    context: CallContext,
    receiver: Receiver,
    wanted: number,
    target: Uint8Array | undefined,
    sink: ReceiveSink | undefined,
  ) {
    super(context);
    this.receiver = receiver;
    this.wanted = wanted;
    this.target = target;
    this.sink = sink;
  }

  attempt(): Bytes | number | undefined {
    const { receiver, context, wanted, target, sink } = this;
    return receiver.serve(context, wanted, target, sink);
  }
}

/** A call that waits until a receive would not have to wait. */
class ReadableWaiter extends Waiter<true> {
  readonly receiver: Receiver;

  constructor(context: CallContext, receiver: Receiver) {
    super(context);
    this.receiver = receiver;
  }

  attempt(): true | undefined {
    return this.receiver.readable ? true : undefined;
  }
}

/**
 * The receiving half of a connection.
 *
 * Bytes that arrive for a cancelled call, or ahead of any call, are queued, and
 * returned in order, once. A reset or the end of the stream comes after them.
 * Nothing is read while no call waits, so the kernel's window, not this
 * program's memory, bounds how much a peer can send.
 */
export class Receiver extends OperationQueue {
  readonly #conn: StreamConn;
  readonly #isShared: () => boolean;
  /** Received bytes that no call has returned yet. */
  readonly #queue = new ReceiveBuffer();
  /**
   * The buffer that the read in flight fills, and the number of reads so far.
   */
  #buffer: Uint8Array = EMPTY_BYTES;
  #reads = 0;
  /** The `recv_into` call whose own buffer the read in flight fills, if any. */
  #direct: ReceiveWaiter | undefined;
  /** The index in `READ_SIZES`, and whether the last read came back full. */
  #step = 0;
  #full = false;
  /**
   * The number of bytes that have arrived since a read last began with an empty
   * queue.
   */
  #message = 0;
  /**
   * Whether the number before that was too large for a small buffer, but not
   * for a medium one.
   */
  #isMedium = false;
  /** The read in flight, if it is large. */
  #large: LargeRead | undefined;
  /** Whether the next read begins when large reads of others have settled. */
  #postponed = false;
  /** Whether the last read has shown that the kernel has no more bytes. */
  #drained = false;
  #ended = false;
  #atEnd = false;
  #shut = false;
  #error: Error | undefined;
  #broken = false;
  /**
   * The sink that holds bytes from the head of the queue which no reader has
   * taken yet.
   */
  #lent: ReceiveSink | undefined;
  #lentBytes = 0;
  /** Resolved for a close that waits for the read in flight. */
  #idle: PromiseWithResolvers<void> | undefined;

  /**
   * `isShared` returns whether another descriptor could read from the
   * connection too.
   */
  constructor(conn: StreamConn, isShared: () => boolean) {
    super();
    this.#conn = conn;
    this.#isShared = isShared;
  }

  /** The number of received bytes that no call has returned yet. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Whether a receive would not have to wait. */
  get readable(): boolean {
    if (this.#lent !== undefined && this.#lent.taken) this.#settleLoan();
    return this.#queue.length > 0 || this.#ended || this.#error !== undefined;
  }

  /** Whether nothing will be received after the queued bytes. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether a read has found that the peer has shut down. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Whether the receive after the queued bytes will fail. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** Whether the connection has failed, even if the error has been reported. */
  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Returns the error with which the next receive would fail, and clears it.
   */
  takeError(): Error | undefined {
    const error = this.#error;
    if (error !== undefined) this.#endWith(undefined);
    return error;
  }

  /**
   * Receives up to `n` bytes, or an empty array at the end of the stream or if
   * the sink is not active.
   */
  recv(
    context: CallContext,
    n: number,
    sink?: ReceiveSink,
  ): Promise<Bytes> {
    return this.#receive(context, n, undefined, sink) as Promise<Bytes>;
  }

  /** Receives into `target`, and returns the number of bytes. */
  recvInto(context: CallContext, target: Uint8Array): Promise<number> {
    const { length } = target;
    return this.#receive(context, length, target, undefined) as Promise<number>;
  }

  /**
   * Returns bytes that a call has received to the queue. The next calls get
   * them.
   */
  unread(data: Uint8Array): void {
    if (data.length === 0) return;
    const isFilling = this.inFlight && this.#direct === undefined;
    this.#queue.prepend(data, isFilling ? this.#buffer as Bytes : undefined);
    this.wakeWaiters();
  }

  #receive(
    context: CallContext,
    n: number,
    target: Uint8Array | undefined,
    sink: ReceiveSink | undefined,
  ): Promise<Bytes | number> {
    const { signal } = context;
    if (signal !== undefined && signal.aborted) {
      return failure(signal.reason, signal);
    }
    // A call that is served from the queue needs no waiter, which saves a tenth
    // of its cost.
    if (this.mayAnswer) {
      // Most of these calls do not need the steps of `serve` either, which
      // saves another tenth.
      const isPlain = target === undefined && sink === undefined &&
        this.#lent === undefined && ((context.flags ?? 0) & MSG_PEEK) === 0;
      if (isPlain && n < this.#queue.length) {
        countCall();
        return Promise.resolve(this.#take(n));
      }
      try {
        const result = this.serve(context, n, target, sink);
        if (result !== undefined) {
          countCall();
          return Promise.resolve(result);
        }
      } catch (error) {
        return failure(error);
      }
    }
    return this.join(new ReceiveWaiter(context, this, n, target, sink));
  }

  /** Waits until a receive would not have to wait. */
  whenReadable(context: CallContext): Promise<true> {
    return this.run(new ReadableWaiter(context, this));
  }

  /** Returns the result of a call, or undefined if it has to wait. */
  serve(
    context: CallContext,
    wanted: number,
    target: Uint8Array | undefined,
    sink: ReceiveSink | undefined,
  ): Bytes | number | undefined {
    const { flags = 0, timeoutMs } = context;
    if (this.#lent !== undefined) this.#settleLoan();
    const peeks = (flags & MSG_PEEK) !== 0;
    // A non-blocking call returns the bytes that are there, even with
    // MSG_WAITALL.
    const all = (flags & MSG_WAITALL) !== 0 && timeoutMs !== 0;
    const n = this.#available(
      peeks && !all ? Math.min(wanted, MAX_PEEK) : wanted,
      all,
    );
    if (n < 0) return undefined;
    // A peek counts too: a loop of peeks copies up to 1 MiB each time.
    if (peeks) countBytes(n);
    if (target !== undefined) {
      if (target.length < n) throw detachedError();
      this.#queue.copyInto(target, n);
      if (!peeks) this.#drop(n);
      return n;
    }
    if (sink !== undefined && !sink.active) return EMPTY_BYTES;
    if (n === 0) {
      sink?.push(null);
      return new Uint8Array(0);
    }
    if (sink === undefined && !peeks) return this.#take(n);
    const data = this.#queue.peek(n);
    if (sink !== undefined) {
      sink.push(data);
      if (!sink.taken) {
        this.#lent = sink;
        this.#lentBytes = n;
        return data;
      }
    }
    if (!peeks) this.#drop(n);
    return data;
  }

  #take(n: number): Bytes {
    const data = this.#queue.take(n);
    this.#afterTaking(n);
    return data;
  }

  #drop(n: number): void {
    this.#queue.drop(n);
    this.#afterTaking(n);
  }

  #afterTaking(n: number): void {
    countBytes(n);
    this.#queue.shrink(this.inFlight);
  }

  /**
   * Settles the bytes that a web stream holds, but that no reader may have
   * asked for. Until then they stay queued here. If they have been read since,
   * they leave the queue; otherwise another call gets them, and they are
   * withdrawn from the stream.
   */
  #settleLoan(): void {
    const sink = this.#lent!;
    this.#lent = undefined;
    if (sink.taken) this.#drop(this.#lentBytes);
    else sink.withdraw();
  }

  /**
   * Returns how many bytes a call gets now that wants up to `n`, or `all` of
   * them: 0 at the end of the stream, -1 if it has to wait.
   */
  #available(n: number, all: boolean): number {
    const { length } = this.#queue;
    if (length >= n) return n;
    if (!this.#ended) return length > 0 && this.#drained && !all ? length : -1;
    if (length > 0 || this.#error === undefined) return length;
    throw this.takeError();
  }

  /**
   * Ends the stream for the waiters and for later calls, once the bytes that the
   * kernel holds have been received.
   */
  shut(): void {
    this.#shut = true;
    if (this.inFlight) this.#lookOnceMore();
    else this.startNext();
  }

  /** Makes calls fail, once the received bytes have been returned. */
  fail(error: Error): void {
    this.#endWith(error);
    this.wakeWaiters();
  }

  /**
   * Rejects the waiters, and starts no further read. The runtime keeps a closed
   * connection open until the read in flight has settled; the result resolves
   * then.
   */
  close(): Promise<void> {
    this.#ended = true;
    this.#lent = undefined;
    this.rejectAll();
    this.#queue.clear(this.inFlight);
    // A peer that never answers the half-close must not delay the close.
    if (!this.inFlight || keepsRead(this.#conn)) return Promise.resolve();
    // The read in flight keeps the process alive, even without a waiter.
    this.#conn.ref();
    this.#idle = Promise.withResolvers();
    return this.#idle.promise;
  }

  start(first: AnyWaiter): boolean {
    if (this.#ended) return false;
    const isLarge = this.#full && this.#step > MEDIUM_STEP;
    if (isLarge && !mayBegin() && this.#mayPostpone(first)) {
      if (!this.#postponed) postpone(this.#startPostponed);
      this.#postponed = true;
      return false;
    }
    this.#begin(first);
    return true;
  }

  /**
   * Calls that must find what the kernel has by now do not wait for others: they
   * read at once, and ask for little.
   */
  #mayPostpone(first: AnyWaiter): boolean {
    return first instanceof ReceiveWaiter && first.context.timeoutMs !== 0 &&
      !this.#shut;
  }

  readonly #startPostponed = (): void => {
    this.#postponed = false;
    this.startNext();
  };

  #begin(first: AnyWaiter): void {
    const queued = this.#queue.length;
    if (queued === 0) {
      this.#isMedium = this.#message > SMALL_BYTES &&
        this.#message <= MEDIUM_BYTES;
      this.#message = 0;
    }
    const buffer = this.#nextBuffer(first, queued);
    this.#buffer = buffer;
    this.#drained = false;
    const read = ++this.#reads;
    this.#conn.read(buffer).then(this.#onRead, this.#onError);
    if (this.#shut) this.#lookOnceMore();
    else if (queued > 0) {
      afterMicrotasks(READ_MICROTASKS, () => this.#onNothingMore(read));
    }
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }

  /**
   * Chooses the buffer of a read. A read that is likely to wait asks for
   * little, since it holds its memory until it settles. After a read that came
   * back full, more bytes are likely to be there.
   */
  #nextBuffer(first: AnyWaiter, queued: number): Uint8Array {
    if (queued === 0 && this.#mayFill(first)) {
      this.#direct = first;
      return first.target!;
    }
    const queue = this.#queue;
    const buffer = queue.room(
      this.#full
        ? readSize(this.#step, queued, wantedBy(first))
        : this.#isMedium && queued === 0
        ? MEDIUM_BYTES
        : SMALL_BYTES,
    );
    if (buffer.length > MEDIUM_BYTES) this.#large = beginRead(buffer.length);
    return buffer;
  }

  /** Whether a read may fill the caller's own buffer. */
  #mayFill(first: AnyWaiter): first is ReceiveWaiter {
    if (!(first instanceof ReceiveWaiter)) return false;
    const { context, target } = first;
    return target !== undefined && target.length > SMALL_BYTES &&
      !context.flags && !isCancellable(context) && !this.#isShared() &&
      !(target.buffer as ArrayBuffer).resizable;
  }

  #settled(): void {
    this.#buffer = EMPTY_BYTES;
    const large = this.#large;
    this.#large = undefined;
    if (large !== undefined) endRead(large);
  }

  readonly #onRead = (n: number | null): void => {
    const buffer = this.#buffer;
    this.#settled();
    const call = this.#direct;
    this.#direct = undefined;
    if (this.#ended) {
      this.operationDone();
      this.#idle?.resolve();
      return;
    }
    if (n === null) {
      this.#atEnd = true;
      this.#endWith(undefined);
    } else if (n > 0) {
      const full = n === buffer.length;
      this.#message += n;
      if (full) this.#step = Math.min(this.#step + 1, LAST_STEP);
      else if (this.#step > 0) this.#step--;
      this.#full = full;
      this.#drained = !full;
      if (call === undefined) this.#queue.filled(n);
      else this.#onDirect(call, buffer, n);
    }
    this.operationDone();
    this.#drained = false;
  };

  /** Called when a read has filled a caller's own buffer. */
  #onDirect(call: ReceiveWaiter, buffer: Uint8Array, n: number): void {
    if (call === this.first) {
      countBytes(n);
      // The buffer was detached during the read and took the bytes with it.
      // Resolving with 0 would look like the end of the stream.
      if (buffer.length === 0) call.reject(detachedError());
      else call.resolve(n);
    } else if (buffer.length > 0) {
      // A close has cancelled the call, and another descriptor gets the bytes.
      this.#queue.append(buffer.subarray(0, n));
    } else {
      // The bytes were in a detached buffer and are lost.
      this.#endWith(osError("EFAULT"));
    }
  }

  readonly #onError = (error: unknown): void => {
    this.#settled();
    this.#direct = undefined;
    if (!this.#ended) this.#endWith(fromDeno(error));
    this.operationDone();
    this.#idle?.resolve();
  };

  /**
   * SHUT_RD takes effect after the bytes that the kernel already holds. One full
   * poll of the reactor shows whether there are any.
   */
  #lookOnceMore(): void {
    const read = this.#reads;
    afterTicks(SHUT_TICKS, () => this.#onNothingMore(read));
  }

  /** Called when a read has had its time. It may have settled. */
  #onNothingMore(read: number): void {
    if (!this.inFlight || this.#reads !== read) return;
    this.#drained = true;
    if (this.#shut) this.#ended = true;
    this.wakeWaiters();
  }

  #endWith(error: Error | undefined): void {
    this.#error = error;
    if (error !== undefined) this.#broken = true;
    this.#ended = true;
  }
}

/** How many bytes a call wants to be read, at most. */
function wantedBy(first: AnyWaiter): number {
  if (!(first instanceof ReceiveWaiter)) return MAX_QUEUED;
  const peeks = ((first.context.flags ?? 0) & MSG_PEEK) !== 0;
  const most = peeks ? MAX_PEEK : Infinity;
  return Math.max(MAX_QUEUED, Math.min(first.wanted, most));
}

function detachedError(): Error {
  return new TypeError(
    "Cannot receive: buffer was detached or resized during the call",
  );
}
