import {
  type Address,
  AF_UNIX,
  IPPROTO_TCP,
  MSG_PEEK,
  SHUT_RD,
  SHUT_RDWR,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../base/constants.ts";
import type { Bytes } from "../base/checks.ts";
import { BlockingIOError, TimeoutError } from "../base/errors.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import { keepsRead, type StreamConn } from "../runtime/deno_net.ts";
import { answer, timers } from "../wait/event_loop.ts";
import { toScopedAddress } from "../runtime/interface_table.ts";
import {
  type CallContext,
  type CallOwner,
  failure,
  withCancellation,
} from "../wait/waiter.ts";
import type { Endpoint, From, Received, ReceiveSink } from "./endpoint.ts";
import type { Options } from "./options.ts";
import { Receiver } from "./receiver.ts";
import { ALL_COUNTED, Sender, type Turn } from "./sender.ts";

/**
 * How long a closed connection is kept while its unsent bytes make no progress.
 */
const LINGER_MS = 30_000;
/** How often the progress is checked. */
const LINGER_STEP_MS = 1000;

const UNSETTABLE = "Deno cannot set it on a TLS connection";

/** A connected stream: a receiving half and a sending half. */
export class Connected implements Endpoint {
  readonly state = "connected";
  readonly conn: StreamConn;
  readonly #family: number;
  readonly #options: Options;
  readonly #receiver: Receiver;
  readonly #sender = new Sender();
  #sendShut = false;
  /** Whether received bytes were still queued at the close. */
  #unread = false;
  /**
   * Settles when the runtime's connection has been released, if that takes
   * time.
   */
  #closing: void | Promise<void> = undefined;
  /** Whether the runtime's connection is closed. */
  #gone = false;
  /**
   * The previous endpoint, which keeps the name of a Unix socket that was
   * bound.
   */
  readonly #from: Endpoint | undefined;
  /**
   * Whether a background connect has succeeded and no call has reported it yet.
   */
  #hasNews = false;

  /**
   * `isShared` returns whether another descriptor could read from the
   * connection too.
   */
  constructor(
    conn: StreamConn,
    family: number,
    options: Options,
    isShared: () => boolean,
    from?: Endpoint,
  ) {
    this.conn = conn;
    this.#from = from;
    this.#family = family;
    this.#options = options;
    this.#receiver = new Receiver(conn, isShared);
    try {
      if (options.isSet(IPPROTO_TCP, TCP_NODELAY)) conn.setNoDelay?.(true);
      if (options.isSet(SOL_SOCKET, SO_KEEPALIVE)) conn.setKeepAlive?.(true);
    } catch {
      // macOS returns EINVAL for a connection that has ended. Later calls
      // report that.
    }
  }

  localAddress(): Address {
    const address = this.#toAddress(this.conn.localAddr);
    // Deno cannot connect a bound Unix socket. Another, unnamed socket is
    // connected in its place.
    return address === "" ? this.#from?.localAddress() ?? "" : address;
  }

  /** Makes the next call of `connect` succeed. */
  reportSuccess(): void {
    this.#hasNews = true;
  }

  /**
   * Returns whether a call of `connect` has to report success, and clears that.
   */
  takeSuccess(): boolean {
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    return hasNews;
  }

  /** Returns the peer's address. Linux forgets it when the connection is over. */
  peerAddress(): Address | undefined {
    return this.#isOver ? undefined : this.#toAddress(this.conn.remoteAddr);
  }

  #toAddress(addr: Deno.Addr): Address {
    return toScopedAddress(this.#family, addr, this.#options.boundInterface);
  }

  applyOption(
    level: number,
    option: number,
    before: boolean = this.#options.isSet(level, option),
  ): void {
    const on = this.#options.isSet(level, option);
    const isNoDelay = level === IPPROTO_TCP && option === TCP_NODELAY;
    const isKeepAlive = level === SOL_SOCKET && option === SO_KEEPALIVE;
    if (this.#gone || (!isNoDelay && !isKeepAlive)) return;
    try {
      this.#setOnConn(isNoDelay ? "setNoDelay" : "setKeepAlive", on);
    } catch (error) {
      // An option that has not taken effect must not read back as if it had.
      this.#options.set(level, option, Number(before));
      throw fromDeno(error);
    }
  }

  #setOnConn(method: "setNoDelay" | "setKeepAlive", on: boolean): void {
    if (this.conn[method] !== undefined) this.conn[method](on);
    // The kernel stores these options for a Unix socket, too.
    else if (this.#family !== AF_UNIX) throw osError("ENOPROTOOPT", UNSETTABLE);
  }

  takeError(): Error | undefined {
    return this.#sender.takeError() ?? this.#receiver.takeError();
  }

  /** The number of received bytes that no call has returned yet. */
  get queued(): number {
    return this.#receiver.queued;
  }

  get readable(): boolean {
    return this.#receiver.readable;
  }

  /** Whether sends fail with EPIPE, as far as that is known without trying. */
  get #cannotSend(): boolean {
    return this.#sendShut || this.conn.peerRefuses === true;
  }

  get writable(): boolean {
    return this.#sendShut || this.#sender.writable;
  }

  get failed(): boolean {
    return this.#receiver.failed || this.#sender.failed;
  }

  get ended(): boolean {
    return this.#receiver.ended;
  }

  get hungUp(): boolean {
    return this.#receiver.ended && (this.#cannotSend || this.#broken);
  }

  /** Whether a call has found that the connection has failed. */
  get #broken(): boolean {
    return this.#receiver.broken || this.#sender.broken;
  }

  /**
   * Whether both ends are known to have shut down. A Unix socket may be shut
   * down even then.
   */
  get #isOver(): boolean {
    return this.#family !== AF_UNIX &&
      (this.#broken || (this.#sendShut && this.#receiver.atEnd));
  }

  whenReadable(context: CallContext): Promise<true> {
    return this.#receiver.whenReadable(context);
  }

  whenWritable(context: CallContext): Promise<true> {
    return this.#sender.whenWritable(context);
  }

  /** Receives up to `n` bytes, or an empty array at the end of the stream. */
  recv(
    context: CallContext,
    n: number,
    sink?: ReceiveSink,
  ): Promise<Bytes> {
    return this.#receiver.recv(context, n, sink);
  }

  /**
   * Returns bytes that a call has received to the queue. The next calls get
   * them.
   */
  unread(data: Uint8Array): void {
    this.#receiver.unread(data);
  }

  /** Receives into `target`, and returns the number of bytes. */
  recvInto(context: CallContext, target: Uint8Array): Promise<number> {
    return this.#receiver.recvInto(context, target);
  }

  /** Like `recv`. A connected stream returns no address. */
  recvFrom(context: CallContext, n: number): Promise<From> {
    return this.#recvOrWait(context, n).then(withoutAddress);
  }

  /** Like `recv`, but returns a message. */
  recvMessage(
    context: CallContext,
    n: number,
    sink?: ReceiveSink,
  ): Promise<Received> {
    return this.#recvOrWait(context, n, sink).then(asMessage);
  }

  /**
   * Like `recv`, but a call for 0 bytes waits until there is something to
   * receive, and takes nothing, as recv(2) does.
   */
  #recvOrWait(
    context: CallContext,
    n: number,
    sink?: ReceiveSink,
  ): Promise<Bytes> {
    if (n > 0) return this.recv(context, n, sink);
    const flags = (context.flags ?? 0) | MSG_PEEK;
    return this.recv({ ...context, flags }, 1).then(noBytes);
  }

  /** Sends as much of the data as the kernel accepts at once. */
  send(context: CallContext, data: Uint8Array): Promise<number> {
    return this.#nothing(context, data, 0) ??
      this.#sender.send(context, data, this.write);
  }

  /**
   * Sends all of the data, or a part of it if the call is cancelled, and
   * returns the number of bytes.
   */
  sendMost(context: CallContext, data: Uint8Array): Promise<number> {
    return this.#nothing(context, data, 0) ??
      this.#sender.send(context, data, this.write, ALL_COUNTED);
  }

  /** Sends all of the data. */
  sendAll(context: CallContext, data: Uint8Array): Promise<void> {
    return this.#nothing(context, data, undefined) ??
      this.#sender.sendAll(context, data, this.write);
  }

  /**
   * The result of a call that sends nothing, or undefined if there are bytes to
   * send.
   */
  #nothing<T>(
    { signal }: CallContext,
    data: Uint8Array,
    result: T,
  ): Promise<T> | undefined {
    if (data.length > 0 && !this.#cannotSend) return undefined;
    if (signal?.aborted) return failure(signal.reason, signal);
    return this.#cannotSend || this.#broken
      ? failure(osError("EPIPE"))
      : answer(result);
  }

  /**
   * Waits for the turn to send several chunks, such as those of a file, with
   * `turn.send(chunk, write)`. The caller must end the turn with `leave`.
   */
  enter(
    context: CallContext,
    survivesClose: boolean,
  ): Turn | Promise<Turn> {
    if (this.#cannotSend) throw osError("EPIPE");
    return this.#sender.enter(context, false, survivesClose);
  }

  /** Ends the turn. */
  leave(turn: Turn): void {
    this.#sender.leave(turn);
  }

  /** Hands bytes to the kernel. */
  readonly write = (chunk: Uint8Array): Promise<number> =>
    this.conn.write(chunk);

  /**
   * Half-closes the connection, in order with the sends. If the call is
   * cancelled, the half-close is still made, so a timeout is no error.
   */
  async shutdown(context: CallContext, how: number): Promise<void> {
    if (this.#isOver) throw osError("ENOTCONN");
    // After a shutdown, Linux no longer reports the success of a background
    // connect.
    this.#hasNews = false;
    if (how === SHUT_RD || how === SHUT_RDWR) {
      this.#receiver.shut();
      this.conn.closeRead?.();
    }
    if (how === SHUT_RD || this.#sendShut) return await answer(undefined);
    this.#sendShut = true;
    await this.halfClose(context);
  }

  /** Hands the end of the stream to the kernel, in order with the sends. */
  async halfClose(context: CallContext): Promise<void> {
    try {
      await withCancellation(context, this.#closeWrite(context.owner));
    } catch (error) {
      const timedOut = error instanceof TimeoutError ||
        error instanceof BlockingIOError;
      if (!timedOut || error === context.signal?.reason) throw error;
    }
  }

  async #closeWrite(owner: CallOwner): Promise<void> {
    const context: CallContext = { owner, timeoutMs: null, signal: undefined };
    const turn = await this.#sender.enter(context);
    try {
      await turn.wait(() => this.conn.closeWrite());
    } catch (error) {
      throw fromDeno(error);
    } finally {
      this.#sender.leave(turn);
    }
  }

  /** Resolves when no byte is unsent. */
  flushed(owner?: CallOwner): Promise<void> {
    return this.#sender.flushed(owner);
  }

  async close(): Promise<void> {
    this.#unread = this.#receiver.queued > 0;
    const idle = this.#receiver.close();
    this.#from?.close();
    // A connection that was reset on purpose has nothing left to send.
    if (this.#gone) return await idle;
    if (this.#sender.writable) this.#release();
    else await this.#drain();
    await Promise.all([idle, this.#closing]);
    const error = this.#sender.takeError();
    if (error !== undefined) throw error;
  }

  #release(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#closing = this.#closeConn();
  }

  #closeConn(): void | Promise<void> {
    if (this.#receiver.inFlight && keepsRead(this.conn)) {
      // This fails if the peer has reset the connection.
      this.conn.closeWrite().catch(() => {});
    }
    try {
      return this.conn.close(this.#unread);
    } catch (error) {
      // The program has closed a connection that it gave to `fromconn`.
      throw fromDeno(error);
    }
  }

  /** Sends the unsent bytes, and then closes the connection. */
  async #drain(): Promise<void> {
    let { progress } = this.#sender;
    let idleMs = 0;
    // The timer is not unreferenced: the write that it observes keeps the
    // process alive too.
    const timer = timers.setInterval(() => {
      idleMs = progress === this.#sender.progress ? idleMs + LINGER_STEP_MS : 0;
      ({ progress } = this.#sender);
      if (idleMs < LINGER_MS) return;
      const seconds = LINGER_MS / 1000;
      this.reset(
        osError(
          "ECONNRESET",
          `no bytes could be sent for ${seconds} s after close`,
        ),
      );
    }, LINGER_STEP_MS);
    await this.#sender.flushed();
    timers.clearInterval(timer);
    this.#release();
  }

  /**
   * Ends the connection and drops the unsent bytes. Calls then fail with
   * ECONNRESET. A `Deno.Conn` cannot send a reset, so the peer may see a normal
   * end of stream.
   */
  reset(reason: Error = osError("ECONNRESET")): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#sendShut = true;
    this.#sender.abandon(reason);
    this.#receiver.fail(reason);
    try {
      if (this.conn.reset) this.conn.reset();
      else this.#closeConn();
    } catch {
      // The connection is closed already. No call waits for the error here.
    }
  }
}

function noBytes(): Bytes {
  return new Uint8Array(0);
}

function withoutAddress(data: Bytes): From {
  return [data, null];
}

function asMessage(data: Bytes): Received {
  return { data, address: null, truncated: false };
}
