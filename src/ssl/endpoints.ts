/** The states of a TLS socket. */

import {
  type Address,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
} from "../base/constants.ts";
import type { OSError } from "../base/errors.ts";
import { isShortage, osError } from "../base/os_error.ts";
import { Connected } from "../endpoint/connected.ts";
import type { Description, Layer } from "../endpoint/description.ts";
import type { Endpoint, Opening, ReceiveSink } from "../endpoint/endpoint.ts";
import { Listening } from "../endpoint/listening.ts";
import type { Options } from "../endpoint/options.ts";
import type { Turn } from "../endpoint/sender.ts";
import type { StreamConn, StreamListener } from "../runtime/deno_net.ts";
import type { Bytes } from "../base/checks.ts";
import { answer } from "../wait/event_loop.ts";
import { OperationQueue } from "../wait/operation_queue.ts";
import {
  type CallContext,
  CallOwner,
  ConditionWaiter,
} from "../wait/waiter.ts";
import { SSLWantReadError, SSLWantWriteError } from "./errors.ts";
import { type HandshakePolicy, TlsConn } from "./tls_conn.ts";

/**
 * The maximum number of handshakes that a listener runs at once. One more drops
 * the oldest, so that silent clients leave room for others.
 */
const MAX_HANDSHAKES = 1024;

/** The layer that puts TLS over the connections of a socket. */
export class TlsLayer implements Layer {
  readonly #newPolicy: () => HandshakePolicy;
  readonly #handshakeOnAccept: boolean;

  /** `newPolicy` creates the policy of each connection. */
  constructor(newPolicy: () => HandshakePolicy, handshakeOnAccept: boolean) {
    this.#newPolicy = newPolicy;
    this.#handshakeOnAccept = handshakeOnAccept;
  }

  connected(endpoint: Connected, description: Description): Endpoint {
    const { conn } = endpoint;
    // The listener has already done the handshake.
    return conn instanceof TlsConn
      ? new Secured(conn, description, false)
      : new Handshaking(
        new TlsConn(endpoint, this.#newPolicy()),
        endpoint,
        description,
      );
  }

  listening(endpoint: Listening, description: Description): Listening {
    if (!this.#handshakeOnAccept) return endpoint;
    const { family, options } = description;
    const listener = new TlsListener(
      endpoint,
      (conn) =>
        new TlsConn(
          new Connected(conn, family, options, () => false),
          this.#newPolicy(),
        ),
    );
    return new SecuredListening(listener, family, options, endpoint);
  }
}

/** A connection whose handshake is not done; calls wait for it. */
export class Handshaking extends OperationQueue implements Opening {
  readonly state = "connecting";
  readonly tls: TlsConn;
  readonly carrier: Connected;
  readonly #description: Description;
  #outcome: true | Error | undefined;

  constructor(tls: TlsConn, carrier: Connected, description: Description) {
    super();
    this.tls = tls;
    this.carrier = carrier;
    this.#description = description;
  }

  localAddress(): Address {
    return this.carrier.localAddress();
  }

  peerAddress(): Address | undefined {
    return this.carrier.peerAddress();
  }

  applyOption(level: number, option: number, before: boolean): void {
    this.carrier.applyOption(level, option, before);
  }

  takeError(): undefined {
    return undefined;
  }

  /** After the handshake has failed, no call waits: each fails at once. */
  get readable(): boolean {
    return this.#outcome !== undefined;
  }

  get writable(): boolean {
    return this.#outcome !== undefined;
  }

  whenSettled(context: CallContext): Promise<true> {
    const find = () => {
      if (this.#outcome instanceof Error) throw this.#outcome;
      return this.#outcome;
    };
    return this.run(new HandshakeWaiter(wantRead(context), find));
  }

  whenReadable(context: CallContext): Promise<true> {
    return this.#whenDone(context);
  }

  whenWritable(context: CallContext): Promise<true> {
    return this.#whenDone(context);
  }

  #whenDone(context: CallContext): Promise<true> {
    const find = () => this.#outcome === undefined ? undefined : true as const;
    return this.run(new ConditionWaiter<true>(context, find));
  }

  start(): boolean {
    if (this.#outcome !== undefined) return false;
    this.tls.handshake().then(
      () => this.#settle(true),
      (error) => this.#settle(error),
    );
    return true;
  }

  ref(): void {
    this.tls.ref();
  }

  unref(): void {
    this.tls.unref();
  }

  #settle(outcome: true | Error): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    if (outcome === true) {
      // Only a call that waits for the handshake reports that it is done.
      const isNews = !(this.first instanceof HandshakeWaiter);
      const secured = new Secured(this.tls, this.#description, isNews);
      this.#description.replace(this, secured);
    }
    this.operationDone();
  }

  close(): Promise<void> {
    this.#outcome ??= osError("EBADF");
    this.rejectAll();
    this.tls.close();
    return this.tls.closed;
  }
}

/** The waiter of a call that waits for the handshake, not for readiness. */
class HandshakeWaiter extends ConditionWaiter<true> {}

/** A connection whose handshake is done. */
export class Secured extends Connected {
  readonly tls: TlsConn;
  /**
   * Whether the handshake is done and no call has reported that yet. The socket
   * is then readable, so that a program that waits with select() calls again,
   * as it does in CPython when the peer's last flight arrives.
   */
  #isNews: boolean;

  constructor(
    tls: TlsConn,
    { family, options, isShared }: Description,
    isNews: boolean,
  ) {
    super(tls, family, options, isShared);
    this.tls = tls;
    this.#isNews = isNews;
  }

  /** Returns the peer's address, which the end of TLS does not take away. */
  override peerAddress(): Address | undefined {
    return this.tls.peerAddress();
  }

  /** Is called when a call reports that the handshake is done. */
  acknowledge(): void {
    this.#isNews = false;
  }

  override get readable(): boolean {
    return this.#isNews || super.readable;
  }

  override whenReadable(context: CallContext): Promise<true> {
    return this.#isNews ? answer(true) : super.whenReadable(context);
  }

  override recv(
    context: CallContext,
    n: number,
    sink?: ReceiveSink,
  ): Promise<Bytes> {
    this.#isNews = false;
    return super.recv(wantRead(context), n, sink);
  }

  override recvInto(
    context: CallContext,
    target: Uint8Array,
  ): Promise<number> {
    this.#isNews = false;
    return super.recvInto(wantRead(context), target);
  }

  override send(context: CallContext, data: Uint8Array): Promise<number> {
    return super.send(wantWrite(context), data);
  }

  override sendMost(context: CallContext, data: Uint8Array): Promise<number> {
    return super.sendMost(wantWrite(context), data);
  }

  override sendAll(context: CallContext, data: Uint8Array): Promise<void> {
    return super.sendAll(wantWrite(context), data);
  }

  override enter(
    context: CallContext,
    survivesClose: boolean,
  ): Turn | Promise<Turn> {
    return super.enter(wantWrite(context), survivesClose);
  }

  /** Ends TLS, in order with the sends, for an `unwrap`. */
  endTls(context: CallContext): Promise<void> {
    return super.shutdown(context, SHUT_WR);
  }

  override async shutdown(context: CallContext, how: number): Promise<void> {
    // An `unwrap` that was cancelled has ended TLS, but not the carrier.
    const isKept = how !== SHUT_RD && this.tls.releaseCarrier();
    if (!isKept) return await super.shutdown(context, how);
    if (how === SHUT_RDWR) await super.shutdown(context, SHUT_RD);
    await this.halfClose(context);
  }

  override async close(): Promise<void> {
    await super.close();
    await this.tls.closed;
  }
}

/** Makes a non-blocking call fail with its direction, as OpenSSL's do. */
function wantRead(context: CallContext): CallContext {
  return context.timeoutMs === 0
    ? { ...context, timeoutError: () => new SSLWantReadError() }
    : context;
}

function wantWrite(context: CallContext): CallContext {
  return context.timeoutMs === 0
    ? { ...context, timeoutError: () => new SSLWantWriteError() }
    : context;
}

const failedHandshakes = new WeakSet<Error>();

/** A listening socket that accepts connections whose handshake is done. */
class SecuredListening extends Listening {
  readonly #listener: TlsListener;

  constructor(
    listener: TlsListener,
    family: number,
    options: Options,
    { afterShutdown }: Listening,
  ) {
    super(listener, family, options, afterShutdown);
    this.#listener = listener;
  }

  override async stop(makeReason?: () => Error): Promise<void> {
    await super.stop(makeReason);
    await this.#listener.stopped;
  }
}

/** Returns whether an accept has failed only because one handshake failed. */
export function isFailedHandshake(error: unknown): boolean {
  return error instanceof Error && failedHandshakes.has(error);
}

/**
 * Returns connections in the order in which their handshakes are done. While a
 * call accepts, every client that connects begins its handshake, so a client
 * that sends nothing delays no other.
 */
class TlsListener implements StreamListener {
  readonly #endpoint: Listening;
  readonly #wrap: (conn: StreamConn) => TlsConn;
  readonly #owner = new CallOwner();
  /** The handshakes in progress, the oldest first. */
  readonly #handshakes = new Set<TlsConn>();
  readonly #done: (TlsConn | Error)[] = [];
  #accept: PromiseWithResolvers<TlsConn> | undefined;
  #accepting = false;
  #referenced = true;
  #closed = false;
  readonly #stopped = Promise.withResolvers<void>();

  constructor(endpoint: Listening, wrap: (conn: StreamConn) => TlsConn) {
    this.#endpoint = endpoint;
    this.#wrap = wrap;
  }

  get addr(): Deno.Addr {
    return this.#endpoint.listener.addr;
  }

  accept(): Promise<TlsConn> {
    this.#accept = Promise.withResolvers();
    const { promise } = this.#accept;
    this.#updateReferences();
    this.#serve();
    this.#startAccept();
    return promise;
  }

  /** Settles the accept with the first connection that is done, if any. */
  #serve(): void {
    const first = this.#accept && this.#done.shift();
    if (first === undefined) return;
    const { resolve, reject } = this.#accept!;
    this.#accept = undefined;
    this.#updateReferences();
    if (first instanceof Error) return reject(first);
    // Like any new connection, it keeps the process alive until its socket is
    // unreferenced.
    first.ref();
    resolve(first);
  }

  /** Accepts while a call waits for a connection. */
  #startAccept(): void {
    if (this.#accepting || this.#accept === undefined) return;
    this.#accepting = true;
    const context: CallContext = {
      owner: this.#owner,
      timeoutMs: null,
      signal: undefined,
    };
    this.#endpoint.accept(context).then(
      (conn) => this.#shakeHands(conn),
      (error) => this.#refuse(error),
    ).finally(() => {
      this.#accepting = false;
      this.#serve();
      this.#startAccept();
    });
  }

  /**
   * Handles an accept that failed. If no descriptor is left, silent clients
   * must not keep all of them: the oldest is dropped, and the next accept
   * succeeds.
   */
  async #refuse(error: OSError): Promise<void> {
    const [oldest] = this.#handshakes;
    if (oldest === undefined || !isShortage(error)) {
      this.#done.push(error);
    } else {
      this.#drop(oldest);
      await oldest.closed;
    }
  }

  #shakeHands(conn: StreamConn): void {
    const tls = this.#wrap(conn);
    this.#handshakes.add(tls);
    if (!this.#owner.referenced) tls.unref();
    tls.handshake().then(() => tls, (error) => {
      tls.close();
      failedHandshakes.add(error);
      return error;
    }).then((outcome: TlsConn | Error) => {
      // No call accepts one that was dropped, or was done after the close.
      if (!this.#handshakes.delete(tls)) return tls.close();
      this.#done.push(outcome);
      this.#serve();
    });
    const [oldest] = this.#handshakes;
    if (this.#handshakes.size > MAX_HANDSHAKES) this.#drop(oldest!);
  }

  #drop(tls: TlsConn): void {
    this.#handshakes.delete(tls);
    tls.reset();
  }

  ref(): void {
    this.#referenced = true;
    this.#updateReferences();
  }

  unref(): void {
    this.#referenced = false;
    this.#updateReferences();
  }

  /**
   * Handshakes in progress keep the process alive only while a call accepts.
   */
  #updateReferences(): void {
    const referenced = this.#referenced && this.#accept !== undefined;
    this.#owner.referenced = referenced;
    for (const tls of this.#handshakes) {
      if (referenced) tls.ref();
      else tls.unref();
    }
  }

  /** Resolves when the address is free, after {@linkcode close}. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const tls of this.#handshakes) this.#drop(tls);
    for (const each of this.#done.splice(0)) {
      if (each instanceof TlsConn) each.close();
    }
    // This comes first: when its waiter has left the queue, the accept no
    // longer keeps the process alive.
    this.#owner.close();
    // The pending accept rejects when the address is free.
    this.#endpoint.stop().finally(() => {
      this.#accept?.reject(osError("EBADF"));
      this.#stopped.resolve();
    });
  }
}
