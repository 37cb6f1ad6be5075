import type { Address } from "../base/address.ts";
import { toPythonAddress } from "../base/sockaddr.ts";
import {
  IPPROTO_TCP,
  SHUT_RD,
  SHUT_RDWR,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../base/constants.ts";
import { BlockingIOError, TimeoutError } from "../base/errors.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import type { Endpoint, ReceiveSink } from "./endpoint.ts";
import type { Options } from "./options.ts";
import { Receiver } from "./receiver.ts";
import { ALL_COUNTED, type ChunkSource, Sender } from "./sender.ts";
import type { StreamConn } from "../runtime/deno_net.ts";
import {
  type CallContext,
  type CallOwner,
  withCancellation,
} from "../wait/waiter.ts";

/** How long a closed connection may make no progress with what is unsent. */
const LINGER_MS = 30_000;

const NOTHING = new Uint8Array(0);

/** A connected stream: a receiving half and a sending half. */
export class Connected implements Endpoint {
  readonly state = "connected";
  readonly #conn: StreamConn;
  readonly #family: number;
  readonly #options: Options;
  readonly #receiver: Receiver;
  readonly #sender = new Sender();
  #sendShut = false;
  /** Whether the platform's connection is closed. */
  #gone = false;

  /** `isShared` says whether another descriptor could read from here too. */
  constructor(
    conn: StreamConn,
    family: number,
    options: Options,
    isShared: () => boolean,
  ) {
    this.#conn = conn;
    this.#family = family;
    this.#options = options;
    this.#receiver = new Receiver(conn, isShared);
    try {
      if (options.isSet(IPPROTO_TCP, TCP_NODELAY)) conn.setNoDelay?.(true);
      if (options.isSet(SOL_SOCKET, SO_KEEPALIVE)) conn.setKeepAlive?.(true);
    } catch {
      // macOS has EINVAL for a connection that is over; its calls tell that.
    }
  }

  localAddress(): Address {
    return toPythonAddress(this.#family, this.#conn.localAddr);
  }

  peerAddress(): Address {
    return toPythonAddress(this.#family, this.#conn.remoteAddr);
  }

  applyOption(level: number, option: number): void {
    const on = this.#options.isSet(level, option);
    if (this.#gone) return;
    try {
      if (level === IPPROTO_TCP && option === TCP_NODELAY) {
        this.#conn.setNoDelay?.(on);
      } else if (level === SOL_SOCKET && option === SO_KEEPALIVE) {
        this.#conn.setKeepAlive?.(on);
      }
    } catch (error) {
      throw fromDeno(error);
    }
  }

  takeError(): Error | undefined {
    return this.#sender.takeError() ?? this.#receiver.takeError();
  }

  get readable(): boolean {
    return this.#receiver.readable;
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
    return this.#receiver.ended && (this.#sendShut || this.#receiver.broken);
  }

  whenReadable(context: CallContext): Promise<true> {
    return this.#receiver.whenReadable(context);
  }

  whenWritable(context: CallContext): Promise<true> {
    return this.#sender.whenWritable(context);
  }

  recv(
    context: CallContext,
    n: number,
    flags: number,
    taker?: ReceiveSink,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receiver.recv(context, n, flags, taker);
  }

  recvInto(
    context: CallContext,
    target: Uint8Array,
    flags: number,
  ): Promise<number> {
    return this.#receiver.recvInto(context, target, flags);
  }

  /** Sends what the system takes at once. */
  send(context: CallContext, data: Uint8Array): Promise<number> {
    if (this.#sendShut) return Promise.reject(osError("EPIPE"));
    if (data.length === 0) return Promise.resolve(0);
    return this.#sender.send(context, data, this.#write);
  }

  /** Sends all, or what it can before it is given up. */
  sendMost(context: CallContext, data: Uint8Array): Promise<number> {
    if (this.#sendShut) return Promise.reject(osError("EPIPE"));
    if (data.length === 0) return Promise.resolve(0);
    return this.#sender.send(context, data, this.#write, ALL_COUNTED);
  }

  /** Sends pieces until their end, in one turn. */
  sendPieces(context: CallContext, pieces: ChunkSource): Promise<void> {
    if (this.#sendShut) return Promise.reject(osError("EPIPE"));
    return this.#sender.sendPieces(context, pieces, this.#write);
  }

  /** Sends all. */
  sendAll(context: CallContext, data: Uint8Array): Promise<void> {
    if (this.#sendShut) return Promise.reject(osError("EPIPE"));
    if (data.length === 0) return Promise.resolve();
    return this.#sender.sendAll(context, data, this.#write);
  }

  readonly #write = (piece: Uint8Array): Promise<number> =>
    this.#conn.write(piece);

  /**
   * Half-closes, in order with the sends. It comes also if the call that asked
   * for it is given up, so a timeout is no error.
   */
  async shutdown(context: CallContext, how: number): Promise<void> {
    if (how === SHUT_RD || how === SHUT_RDWR) this.#receiver.shut();
    if (how === SHUT_RD || this.#sendShut) return;
    this.#sendShut = true;
    const done = this.#sender.send(
      { owner: context.owner, timeoutMs: null, signal: undefined },
      NOTHING,
      () => this.#closeWrite(),
    );
    try {
      await withCancellation(context, done);
    } catch (error) {
      const timedOut = error instanceof TimeoutError ||
        error instanceof BlockingIOError;
      if (!timedOut || error === context.signal?.reason) throw error;
    }
  }

  async #closeWrite(): Promise<number> {
    await this.#conn.closeWrite();
    return 0;
  }

  /** Resolves when nothing is unsent. */
  drained(of?: CallOwner): Promise<void> {
    return this.#sender.drained(of);
  }

  async close(): Promise<void> {
    const idle = this.#receiver.close();
    // What was reset on purpose owes nothing.
    if (this.#gone) return await idle;
    if (this.#sender.writable) this.#release();
    else await this.#drain();
    await idle;
    const error = this.#sender.takeError();
    if (error !== undefined) throw error;
  }

  #release(): void {
    if (!this.#gone) this.#conn.close();
    this.#gone = true;
  }

  /** Lets what is unsent go out, and then closes. */
  async #drain(): Promise<void> {
    let progress = this.#sender.progress;
    // Not unreferenced: the write that it watches keeps the process alive too.
    const timer = setInterval(() => {
      if (progress !== this.#sender.progress) {
        progress = this.#sender.progress;
        return;
      }
      const seconds = LINGER_MS / 1000;
      this.reset(osError("ECONNRESET", `unsent for ${seconds} s after close`));
    }, LINGER_MS);
    await this.#sender.drained();
    clearInterval(timer);
    this.#release();
  }

  /**
   * Ends the connection without sending what is unsent; calls get ECONNRESET.
   * A `Deno.Conn` cannot send a reset, so the peer may see an end of stream.
   */
  reset(reason: Error = osError("ECONNRESET")): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#sendShut = true;
    this.#sender.abandon(reason);
    this.#receiver.fail(reason);
    if (this.#conn.reset) this.#conn.reset();
    else this.#conn.close();
  }
}
