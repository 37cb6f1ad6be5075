/** A TLS connection, over the endpoint of another connection. */

import {
  type Address,
  IPPROTO_TCP,
  SHUT_WR,
  TCP_NODELAY,
} from "../base/constants.ts";
import { osError, requireDeno } from "../base/os_error.ts";
import type { Bytes } from "../base/checks.ts";
import type { Connected } from "../endpoint/connected.ts";
import { acquire, release } from "../endpoint/receive_buffer.ts";
import type { StreamConn } from "../runtime/deno_net.ts";
import {
  type EngineEvents,
  type EngineOptions,
  type TlsEngine,
  TlsLibrary,
} from "../runtime/node_tls.ts";
import { timers } from "../wait/event_loop.ts";
import { type CallContext, CallOwner } from "../wait/waiter.ts";
import { type ClientHello, parseClientHello } from "./client_hello.ts";
import { RecordReader } from "./record_reader.ts";
import { endedEarly, translateTls } from "./tls_errors.ts";

/** The most bytes that are encrypted at once, and held until they are sent. */
const PIECE_BYTES = 65_536;
/** The most bytes that are decrypted at once, and held until they are read. */
const READ_BYTES = 65_536;
const ALERT = 21;

/** The alerts, RFC 8446, 6.2, for malformed records. */
const RECORD_ALERTS: Readonly<Record<string, number>> = {
  UNEXPECTED_MESSAGE: 10,
  PACKET_LENGTH_TOO_LONG: 22,
  EXCESSIVE_MESSAGE_SIZE: 47,
};

/**
 * How long a close by a client waits for the tickets of its server, if the
 * server does not end the connection either: as long as any close may wait.
 * With a limit of one second, a server that was busy for longer lost the data
 * of such clients.
 */
const TICKETS_MS = 30_000;
const TICKETS_BYTES = 65_536;

/** An error, and the alert that reports it to the peer. */
export interface Rejection {
  readonly error: Error;
  readonly alert: number;
}

/** The result of a handshake. */
export interface Agreement {
  readonly version: string | null;
  readonly cipher: string | undefined;
  readonly protocol: string | null;
  /** The certificate of the peer, in DER. */
  readonly certificate: Uint8Array | undefined;
}

/** The rules that decide on a handshake. */
export interface HandshakePolicy {
  readonly isServer: boolean;
  /** Whether an end without close_notify counts as a normal end. */
  readonly suppressRaggedEofs: boolean;
  /** Returns the options of an engine; for a server, after the ClientHello. */
  choose(
    library: TlsLibrary,
    hello: ClientHello | undefined,
  ): Omit<EngineOptions, "isServer"> | Rejection;
  /**
   * Returns why the peer's certificates are refused; undefined if they are not.
   */
  judge(
    library: TlsLibrary,
    chain: readonly Uint8Array[],
    isTrusted: boolean | undefined,
  ): Rejection | undefined;
}

/**
 * A TLS connection over another connection, the carrier.
 *
 * The carrier is read only when a read finds no decrypted bytes, so the window
 * of the kernel limits how much a peer can send, and memory does not grow.
 * Bytes that arrive after close_notify are returned to the carrier.
 */
export class TlsConn implements StreamConn {
  readonly policy: HandshakePolicy;
  readonly localAddr: Deno.Addr;
  readonly remoteAddr: Deno.Addr;
  readonly #carrier: Connected;
  /** The owner of the reads from the carrier, which the end of TLS cancels. */
  readonly #reader = new CallOwner();
  readonly #read: CallContext;
  readonly #write: CallContext;
  #library: TlsLibrary | undefined;
  #engine: TlsEngine | undefined;
  #handshake: Promise<void> | undefined;
  #established = false;
  #agreement: Agreement | undefined;
  #judged = false;
  #certificate: Uint8Array | undefined;
  /** The number of flights that were sent. */
  #flights = 0;
  readonly #decrypted: Uint8Array[] = [];
  #pending = 0;
  readonly #records = new RecordReader();
  /** The pooled buffer that the records were received into. */
  #buffer: Bytes | undefined;
  /** Whether session tickets have arrived, or data, which follows them. */
  #hasTickets = false;
  #hasData = false;
  /** Whether the peer has ended TLS, or the carrier has ended. */
  #ended = false;
  #closeNotified = false;
  #error: Error | undefined;
  /** The number of bytes of ciphertext sent, and the callback for more. */
  #sent = 0;
  #onSent: (() => void) | undefined;
  /** Whether the carrier stays open after the end of TLS. */
  #keepsCarrier = false;
  #closed = false;
  readonly #released = Promise.withResolvers<void>();

  constructor(carrier: Connected, policy: HandshakePolicy) {
    this.policy = policy;
    this.#carrier = carrier;
    this.localAddr = carrier.conn.localAddr;
    this.remoteAddr = carrier.conn.remoteAddr;
    const limits: Omit<CallContext, "owner"> = {
      timeoutMs: null,
      signal: undefined,
    };
    this.#read = { owner: this.#reader, ...limits };
    this.#write = { owner: new CallOwner(), ...limits };
  }

  /** Whether the handshake is done. */
  get established(): boolean {
    return this.#established;
  }

  /** The number of decrypted bytes that no read has returned. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether the peer has sent close_notify. */
  get closeNotified(): boolean {
    return this.#closeNotified;
  }

  /** The result of the handshake. */
  get agreement(): Agreement | undefined {
    return this.#agreement;
  }

  ref(): void {
    this.#reader.referenced = true;
  }

  unref(): void {
    this.#reader.referenced = false;
  }

  setNoDelay(on: boolean): void {
    this.#carrier.conn.setNoDelay?.(on);
  }

  setKeepAlive(on: boolean): void {
    this.#carrier.conn.setKeepAlive?.(on);
  }

  /** Does the handshake once, and resolves when it is done. */
  handshake(): Promise<void> {
    this.#handshake ??= this.#shakeHands();
    return this.#handshake;
  }

  async #shakeHands(): Promise<void> {
    this.#sendAtOnce(true);
    try {
      const library = this.#library = await TlsLibrary.load();
      const { isServer } = this.policy;
      const hello = isServer ? await this.#readHello() : undefined;
      this.#start(library, hello);
      // If the runtime refuses the ClientHello during the construction, it
      // throws where nothing can catch the error.
      if (isServer) await turn();
      while (!this.#established && this.#error === undefined) {
        await this.#pull();
      }
    } catch (error) {
      this.#failReading(error as Error);
    }
    this.#sendAtOnce(false);
    if (this.#error === undefined) return;
    // The alert that reports the cause is written some microtasks later.
    await turn();
    throw this.#error;
  }

  /**
   * Sets TCP_NODELAY during the handshake. A flight is sent in several small
   * writes, and the kernel would delay each until the one before is
   * acknowledged: 40 ms in every handshake.
   */
  #sendAtOnce(on: boolean): void {
    try {
      if (on) this.#carrier.conn.setNoDelay?.(true);
      else this.#carrier.applyOption(IPPROTO_TCP, TCP_NODELAY);
    } catch {
      // On macOS, this fails with EINVAL if the connection is over.
    }
  }

  #start(library: TlsLibrary, hello: ClientHello | undefined): void {
    if (this.#closed) throw endedEarly();
    const { isServer } = this.policy;
    const chosen = this.policy.choose(library, hello);
    if ("error" in chosen) return this.#reject(chosen);
    const options = { ...chosen, isServer };
    this.#engine = library.start(options, this.#events());
  }

  async #readHello(): Promise<ClientHello> {
    for (;;) {
      const message = this.#records.clientHello();
      if (message !== undefined) return parseClientHello(message);
      if (!await this.#receive()) throw endedEarly();
    }
  }

  /** Returns the address of the carrier's peer, as long as it has one. */
  peerAddress(): Address | undefined {
    return this.#carrier.peerAddress();
  }

  /** Receives ciphertext, and returns false at the end of the stream. */
  async #receive(): Promise<boolean> {
    const carrier = this.#carrier;
    // A buffer is held only while there are bytes to fill it with.
    if (!carrier.readable) await carrier.whenReadable(this.#read);
    const buffer = acquire(READ_BYTES);
    const n = await carrier.recvInto(this.#read, buffer);
    if (n > 0) this.#records.add(buffer.subarray(0, n));
    else this.#records.end();
    // The reader keeps the bytes that were not taken, and the engine those that
    // it cannot decrypt yet.
    this.#buffer = buffer;
    return n > 0;
  }

  /** Feeds the engine with the bytes that certainly belong to TLS. */
  async #pull(): Promise<void> {
    try {
      let data = this.#records.take();
      if (data.length === 0) {
        if (!await this.#receive()) return this.#onCarrierEnd();
        data = this.#records.take();
      }
      await this.#feed(data);
    } catch (error) {
      // The end of TLS or a close has cancelled the read, which loses nothing.
      if (this.#ended || this.#closed && this.#established) return;
      this.#failReading(error as Error);
    }
  }

  async #feed(data: Uint8Array): Promise<void> {
    const before = this.#pending;
    const wasEstablished = this.#established;
    try {
      this.#engine?.feed(data);
    } catch (error) {
      this.#fail(translateTls(error));
      return;
    }
    this.#releaseBuffer();
    if (this.#engine?.hasEnded) this.#closeNotified = this.#ended = true;
    else if (this.#pending === before) {
      this.#hasTickets ||= wasEstablished && this.#records.isWhole;
      // The engine reports an error a tick later. It comes before an error of
      // the carrier.
      if (wasEstablished === this.#established) await turn();
    }
  }

  /** Releases the buffer, unless there are references to its bytes. */
  #releaseBuffer(): void {
    if (this.#buffer === undefined || this.#records.rest.length > 0) return;
    if (!this.#engine?.isHolding) release(this.#buffer);
    this.#buffer = undefined;
  }

  /** Fails, with an alert if the peer can still read it. */
  #failReading(error: Error): void {
    const { reason } = error as { reason?: string };
    const alert = RECORD_ALERTS[reason ?? ""];
    if (alert === undefined || this.#established) this.#fail(error);
    else this.#reject({ error, alert });
  }

  #events(): EngineEvents {
    return {
      onOutput: (data) => this.#output(data),
      onData: (data) => {
        this.#hasData = true;
        this.#decrypted.push(data);
        this.#pending += data.length;
      },
      onHandshakeDone: () => {
        this.#judge(true);
        if (this.#error !== undefined) return;
        this.#established = true;
        // The engine has no result any more when TLS has ended.
        const { version, cipher, protocol } = this.#engine!;
        const certificate = this.#certificate;
        this.#agreement = { version, cipher, protocol, certificate };
      },
      onError: (error) => this.#fail(translateTls(error)),
    };
  }

  /** Sends ciphertext. */
  async #output(data: Uint8Array): Promise<void> {
    // A client's second flight ends the handshake, and with TLS 1.2 it is sent
    // before the engine reports that. The certificate must be verified first.
    if (this.#flights++ > 0 || this.policy.isServer) this.#judge(false);
    // The alert of the error was sent, by `#reject` or by the engine.
    if (this.#rejected) return;
    try {
      await this.#carrier.sendAll(this.#write, data);
      this.#sent += data.length;
    } catch (error) {
      this.#fail(error as Error);
    }
    this.#onSent?.();
  }

  #rejected = false;

  /** Lets the policy judge the peer's certificate, once it has arrived. */
  #judge(isLast: boolean): void {
    if (this.#judged || this.#error !== undefined) return;
    const engine = this.#engine!;
    const chain = engine.peerCertificates;
    if (chain.length === 0 && !isLast) return;
    this.#judged = true;
    this.#certificate = chain[0];
    const rejection = this.policy.judge(
      this.#library!,
      chain,
      engine.isPeerTrusted,
    );
    if (rejection !== undefined) this.#reject(rejection);
  }

  /** Ends the handshake, with an alert if the peer can still read it. */
  #reject({ error, alert }: Rejection): void {
    this.#rejected = true;
    // A TLS 1.3 server has switched to keys that only the engine can use.
    const isReadable = !this.policy.isServer || !this.#engine ||
      this.#engine.version !== "TLSv1.3";
    if (isReadable) {
      const record = new Uint8Array([ALERT, 3, 3, 0, 2, 2, alert]);
      this.#carrier.sendAll(this.#write, record).catch(() => {});
    }
    this.#fail(error);
  }

  #onCarrierEnd(): void {
    if (this.#ended || this.#error !== undefined) return;
    if (this.#established && this.policy.suppressRaggedEofs) {
      this.#ended = true;
    } else this.#fail(endedEarly());
  }

  #fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#reader.close();
    // The engine still has to write its alert.
    timers.setImmediate(() => this.#engine?.destroy());
    this.#onSent?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (!this.#established) await this.handshake();
    while (this.#pending === 0) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended || this.#closed) return null;
      await this.#pull();
    }
    let filled = 0;
    while (filled < buffer.length && this.#decrypted.length > 0) {
      const first = this.#decrypted[0]!;
      const part = first.subarray(0, buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      if (part.length === first.length) this.#decrypted.shift();
      else this.#decrypted[0] = first.subarray(part.length);
    }
    this.#pending -= filled;
    return filled;
  }

  async write(data: Uint8Array): Promise<number> {
    if (!this.#established) await this.handshake();
    if (this.#error !== undefined) throw this.#error;
    const piece = data.subarray(0, PIECE_BYTES);
    const target = this.#sent + piece.length;
    try {
      await this.#engine!.write(piece);
    } catch (error) {
      throw this.#error ?? translateTls(error);
    }
    // Ciphertext is never shorter than its plain text.
    await this.#untilSent(() => this.#sent >= target);
    return piece.length;
  }

  async #untilSent(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => this.#onSent = resolve);
    }
    this.#onSent = undefined;
  }

  /** Sends close_notify, and half-closes the carrier unless it is kept open. */
  async closeWrite(): Promise<void> {
    // In Deno 2.8 the engine does not send it, and the wait would never end.
    requireDeno(9, "Ending TLS by shutdown() or unwrap()");
    await this.handshake();
    await this.#notifyClose();
    if (!this.#keepsCarrier) await this.#carrier.shutdown(this.#write, SHUT_WR);
  }

  #notified = false;

  async #notifyClose(): Promise<void> {
    if (this.#notified || this.#error !== undefined) return;
    this.#notified = true;
    const before = this.#sent;
    await this.#engine!.end();
    await this.#untilSent(() => this.#sent > before);
  }

  /** Keeps the carrier open after the end of TLS, and returns it. */
  keepCarrier(): Connected {
    this.#keepsCarrier = true;
    return this.#carrier;
  }

  /** Keeps the carrier open no longer, and returns whether it was to be. */
  releaseCarrier(): boolean {
    const kept = this.#keepsCarrier;
    this.#keepsCarrier = false;
    return kept;
  }

  /** Resolves when the carrier is released, after {@linkcode close}. */
  get closed(): Promise<void> {
    return this.#released.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.close();
    this.#finish().catch(() => {}).then(() => this.#release());
  }

  /** Releases the carrier without closing it, after TLS has ended. */
  leave(): void {
    this.#closed = true;
    this.#carrier.unread(this.#records.rest);
    this.#engine?.destroy();
    this.#released.resolve();
  }

  #release(): void {
    this.#write.owner.close();
    this.#engine?.destroy();
    // The sender reports the bytes that could not be sent.
    this.#carrier.close().catch(() => {}).then(this.#released.resolve);
  }

  reset(): void {
    this.#closed = true;
    this.#fail(osError("ECONNRESET"));
    this.#carrier.reset();
    this.#release();
  }

  /** Ends TLS without waiting for the peer, whose window may be closed. */
  async #finish(): Promise<void> {
    if (!this.#established || this.#error !== undefined) return;
    this.#notifyClose().catch(() => {});
    // The ciphertext reaches the carrier some microtasks later.
    await turn();
    if (this.#mayGetTickets) await this.#takeTickets();
  }

  /**
   * Whether tickets of the server may be unread. A TLS 1.3 server sends them
   * after the handshake, and a client that only sends does not read them. If it
   * closes with unread tickets, or before they arrive, the kernel resets the
   * connection, and drops the bytes that it has not delivered.
   */
  get #mayGetTickets(): boolean {
    return !this.policy.isServer && !this.#ended && !this.#hasData &&
      this.#agreement?.version === "TLSv1.3";
  }

  async #takeTickets(): Promise<void> {
    const { owner, signal } = this.#write;
    const context = { owner, timeoutMs: TICKETS_MS, signal };
    await this.#carrier.shutdown(this.#write, SHUT_WR);
    if (!this.#hasTickets) await this.#carrier.recv(context, TICKETS_BYTES);
    // This takes the tickets that have arrived by now.
    const now = { ...context, timeoutMs: 0 };
    await this.#carrier.recv(now, TICKETS_BYTES);
  }
}

/** Waits for a macrotask, in which the engine reports its events. */
function turn(): Promise<void> {
  return new Promise((resolve) => timers.setImmediate(resolve));
}
