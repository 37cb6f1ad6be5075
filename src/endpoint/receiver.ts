import { MSG_PEEK, MSG_WAITALL } from "../base/constants.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import type { ReceiveSink } from "./endpoint.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import type { StreamConn } from "../runtime/deno_net.ts";
import {
  afterMicrotasks,
  OperationQueue,
  type OperationSource,
} from "../wait/operation_queue.ts";
import {
  type AnyWaiter,
  type CallContext,
  isCancellable,
  REACTOR_TICKS,
  Waiter,
} from "../wait/waiter.ts";

/** The first read for a large request: a pending read holds its memory. */
const FIRST_READ = 1024;
/** The reads after one or more that came back full: more is waiting. */
const NEXT_READS = [65_536, 262_144] as const;
/** Small reads that came back full before the next ones read ahead. */
const FULL_READS = 3;
/** Before a non-blocking call that has begun meanwhile gives up. */
const SHUT_TURNS = REACTOR_TICKS - 2;

type Bytes = Uint8Array<ArrayBuffer>;

const EMPTY: Bytes = new Uint8Array(0);

/** A call that waits for bytes. */
class ByteWait<T> extends Waiter<T> {
  readonly receiver: Receiver;
  /** How many bytes it can use. */
  readonly wanted: number;
  readonly flags: number;
  readonly #serve: Serve<T>;
  /** Where the bytes go, for a call that has a place for them. */
  readonly view: Uint8Array | undefined;
  /** Whether a read may put them there itself. */
  readonly direct: boolean;

  constructor(
    context: CallContext,
    receiver: Receiver,
    wanted: number,
    flags: number,
    serve: Serve<T>,
    view: Uint8Array | undefined,
    direct: boolean,
  ) {
    super(context);
    this.receiver = receiver;
    this.wanted = wanted;
    this.flags = flags;
    this.#serve = serve;
    this.view = view;
    this.direct = direct;
  }

  attempt(): T | undefined {
    // A non-blocking call takes what is there, also with MSG_WAITALL.
    const all = (this.flags & MSG_WAITALL) !== 0 &&
      this.context.timeoutMs !== 0;
    const available = this.receiver.available(this.wanted, all);
    return available < 0 ? undefined : this.#serve(this, available);
  }
}

/** A call that waits for a receive not to wait. */
class WhenReadable extends ByteWait<true> {
  constructor(context: CallContext, receiver: Receiver) {
    super(context, receiver, FIRST_READ, 0, () => true, undefined, false);
  }

  override attempt(): true | undefined {
    return this.receiver.readable ? true : undefined;
  }
}

/** The result of a call: `available` bytes at the head of the queue. */
type Serve<T> = (call: ByteWait<T>, available: number) => T;

// Functions, and no class for each: a level of classes more is a constructor
// more for each call, 1 % of a round trip of 64 bytes.
const take: Serve<Bytes> = ({ receiver: { queue } }, available) =>
  queue.take(available);

const peek: Serve<Bytes> = ({ receiver: { queue } }, available) =>
  queue.peek(available);

/** For somebody who may have left meanwhile. */
function servingSink(sink: ReceiveSink, serve: Serve<Bytes>): Serve<Bytes> {
  return (call, available) => {
    if (!sink.active) return EMPTY;
    const data = serve(call, available);
    sink.push(data.length > 0 ? data : null);
    return data;
  };
}

const takeInto: Serve<number> = (call, available) =>
  call.receiver.queue.takeInto(targetOf(call, available));

const peekInto: Serve<number> = (call, available) =>
  call.receiver.queue.peekInto(targetOf(call, available));

/** The part of a call's buffer that is filled; it may be smaller by now. */
function targetOf({ view }: ByteWait<number>, available: number): Uint8Array {
  if (view!.length === 0 && available > 0) throw detachedError();
  return view!.subarray(0, available);
}

function detachedError(): Error {
  return new TypeError(
    "Cannot receive: the memory of buffer has been transferred away or emptied meanwhile",
  );
}

/**
 * The receiving half of a connection.
 *
 * Bytes that arrive for a call that has given up, or ahead of any call, are
 * queued and handed out in order, once. A reset or the end of the stream comes
 * after them. Reading stops when nobody waits, so the kernel's window, not this
 * program's memory, bounds what a peer can send.
 */
export class Receiver implements OperationSource {
  readonly #conn: StreamConn;
  readonly #operations: OperationQueue = new OperationQueue(this);
  /** What is received and not handed out. */
  readonly queue: ReceiveBuffer = new ReceiveBuffer();
  readonly #isShared: () => boolean;
  /** The buffer that the read in flight fills. */
  #buffer: Uint8Array = EMPTY;
  /** The call whose own memory that is, if it is one's. */
  #direct: ByteWait<unknown> | undefined;
  #fullReads = 0;
  /** The kernel had no more than what is queued, when last asked. */
  #drained = false;
  #ended = false;
  #shut = false;
  #error: Error | undefined;
  #broken = false;
  /** For a close that waits for the read in flight. */
  #idle: PromiseWithResolvers<void> | undefined;

  /** `isShared` says whether another descriptor could read from here too. */
  constructor(conn: StreamConn, isShared: () => boolean) {
    this.#conn = conn;
    this.#isShared = isShared;
  }

  /** Whether a receive would not wait. */
  get readable(): boolean {
    return this.queue.length > 0 || this.#ended || this.#error !== undefined;
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

  /** Up to `n` bytes; none at the end of the stream, or if the sink left. */
  recv(
    context: CallContext,
    n: number,
    flags: number,
    sink?: ReceiveSink,
  ): Promise<Bytes> {
    if (n === 0) return Promise.resolve(new Uint8Array(0));
    let serve = (flags & MSG_PEEK) === 0 ? take : peek;
    if (sink !== undefined) serve = servingSink(sink, serve);
    return this.#operations.run(
      new ByteWait(context, this, n, flags, serve, undefined, false),
    );
  }

  /** Fills `target` as far as it goes; the number of bytes. */
  recvInto(
    context: CallContext,
    target: Uint8Array,
    flags: number,
  ): Promise<number> {
    if (target.length === 0) return Promise.resolve(0);
    const direct = flags === 0 && !isCancellable(context) &&
      !this.#isShared() &&
      !(target.buffer as ArrayBuffer).resizable;
    const serve = (flags & MSG_PEEK) === 0 ? takeInto : peekInto;
    return this.#operations.run(
      new ByteWait(context, this, target.length, flags, serve, target, direct),
    );
  }

  /**
   * How many bytes a call that wants `n`, or `all` of them, gets now; 0 at the
   * end of the stream, -1 if it has to wait.
   */
  available(n: number, all: boolean): number {
    const { length } = this.queue;
    if (length >= n) return n;
    if (!this.#ended) return length > 0 && this.#drained && !all ? length : -1;
    if (length > 0 || this.#error === undefined) return length;
    throw this.takeError();
  }

  /** Waits until a receive would not wait. */
  whenReadable(context: CallContext): Promise<true> {
    return this.#operations.run(new WhenReadable(context, this));
  }

  /**
   * Ends the stream for those who wait and for the next calls, once what the
   * kernel has is gone.
   */
  shut(): void {
    this.#shut = true;
    if (this.#operations.inFlight) this.#lookOnceMore();
  }

  /** Lets calls fail, once what was received is gone. */
  fail(error: Error): void {
    this.#endWith(error);
    this.#operations.wakeWaiters();
  }

  /**
   * Rejects those who still wait; no read is started any more. The system keeps
   * a closed connection until the read in flight has settled, which is when the
   * result does.
   */
  close(): Promise<void> {
    this.#ended = true;
    this.#operations.rejectAll();
    this.queue.clear();
    if (!this.#operations.inFlight) return Promise.resolve();
    // The read in flight is waited for, also if nobody else waits.
    this.#conn.ref();
    this.#idle = Promise.withResolvers();
    return this.#idle.promise;
  }

  start(first: AnyWaiter): boolean {
    if (this.#ended || !(first instanceof ByteWait)) return false;
    const queued = this.queue.length;
    this.#drained = false;
    this.#buffer = this.#nextBuffer(first, queued);
    this.#conn.read(this.#buffer).then(this.#onRead, this.#onError);
    const buffer = this.#buffer;
    if (this.#shut) this.#lookOnceMore();
    // What does not settle without a turn of the event loop was not there.
    // Deno settles a read that is ready within two microtasks.
    else if (queued > 0) {
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
    const { wanted, view, direct } = first;
    this.#direct = direct && queued === 0 && view!.length > 0
      ? first
      : undefined;
    if (this.#direct !== undefined) return view!;
    const missing = Math.max(1, wanted - queued);
    const patience = missing > FIRST_READ ? 1 : FULL_READS;
    const ahead = this.#fullReads - patience;
    if (ahead < 0) return this.queue.room(Math.min(missing, FIRST_READ));
    const most = NEXT_READS[Math.min(ahead, NEXT_READS.length - 1)]!;
    // Nothing is left over, so that the next read can go to the call's memory.
    return this.queue.room(direct ? Math.min(missing, most) : most);
  }

  readonly #onRead = (n: number | null): void => {
    const buffer = this.#buffer;
    this.#buffer = EMPTY;
    if (this.#ended) {
      this.#operations.operationDone();
      this.#idle?.resolve();
      return;
    }
    if (n === null) {
      this.#endWith(undefined);
    } else if (n > 0) {
      const full = n === buffer.length;
      this.#fullReads = full ? this.#fullReads + 1 : 0;
      this.#drained = !full;
      if (this.#shut && !full) this.#ended = true;
      const call = this.#direct;
      if (call === undefined) this.queue.filled(n);
      else if (call === this.#operations.first) {
        // The bytes are where the memory has gone: no call gets a 0 for them.
        if (buffer.length === 0) call.reject(detachedError());
        else call.resolve(n);
      } else if (buffer.length > 0) {
        // Its call was ended by a close; another descriptor gets the bytes.
        this.queue.append(buffer.subarray(0, n));
      } else {
        // The memory that has them was transferred since.
        this.#endWith(osError("EFAULT"));
      }
    }
    this.#operations.operationDone();
    this.#drained = false;
    if (!this.#operations.inFlight && this.#fullReads === 0) {
      this.queue.shrink();
    }
  };

  readonly #onError = (error: unknown): void => {
    this.#buffer = EMPTY;
    if (!this.#ended) this.#endWith(fromDeno(error));
    this.#operations.operationDone();
    this.#idle?.resolve();
  };

  /** The end comes after what the kernel has, which the reactor shows. */
  #lookOnceMore(): void {
    const buffer = this.#buffer;
    afterTurns(SHUT_TURNS, () => this.#onNothingMore(buffer));
  }

  /** The read into `buffer` was given its microtasks; it may have settled. */
  #onNothingMore(buffer: Uint8Array): void {
    if (this.#buffer !== buffer) return;
    this.#drained = true;
    if (this.#shut) this.#ended = true;
    this.#operations.wakeWaiters();
  }

  #endWith(error: Error | undefined): void {
    this.#error = error;
    if (error !== undefined) this.#broken = true;
    this.#ended = true;
  }
}

function afterTurns(count: number, callback: () => void): void {
  if (count === 0) callback();
  else setImmediate(() => afterTurns(count - 1, callback));
}
