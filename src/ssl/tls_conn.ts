/** TLS as one more connection, over the endpoint of another. */

import { IPPROTO_TCP, SHUT_WR, TCP_NODELAY } from "../base/constants.ts";
import { osError } from "../base/os_error.ts";
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

/** The most that is encrypted at once: it is held until it is sent. */
const PIECE_BYTES = 65_536;
/** The most that is decrypted at once: it is held until it is read. */
const READ_BYTES = 65_536;
const ALERT = 21;

/** The alerts, RFC 8446, 6.2, for records that are not well formed. */
const RECORD_ALERTS: Readonly<Record<string, number>> = {
  UNEXPECTED_MESSAGE: 10,
  PACKET_LENGTH_TOO_LONG: 22,
  EXCESSIVE_MESSAGE_SIZE: 47,
};

/**
 * How long a client that closes waits for the tickets of its server, if that
 * does not end the connection either: as long as any close may wait. A server
 * that was busy for longer than one second lost the data of such clients.
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
  /** Whether an end without close_notify is an end like any other. */
  readonly suppressRaggedEofs: boolean;
  /** The options of an engine; for a server, once the client has begun. */
  choose(
    library: TlsLibrary,
    hello: ClientHello | undefined,
  ): Omit<EngineOptions, "isServer"> | Rejection;
  /** Whether the peer's certificates are refused, and why. */
  judge(
    library: TlsLibrary,
    chain: readonly Uint8Array[],
    isTrusted: boolean | undefined,
  ): Rejection | undefined;
}

/**
 * A connection that encrypts the bytes that another one carries.
 *
 * The carrier is read when a read finds nothing decrypted, so the window of the
 * kernel bounds what a peer can send, and not this program's memory. What came
 * after the end of TLS is returned to the carrier.
 */
export class TlsConn implements StreamConn {
  readonly policy: HandshakePolicy;
  readonly localAddr: Deno.Addr;
  readonly remoteAddr: Deno.Addr;
  readonly #carrier: Connected;
  /** Of the reads from the carrier, which the end of TLS ends. */
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
  /** How many flights were sent. */
  #flights = 0;
  readonly #decrypted: Uint8Array[] = [];
  #pending = 0;
  readonly #records = new RecordReader();
  /** The buffer of the pool that they were received into. */
  #buffer: Bytes | undefined;
  /** Whether tickets have come, or data, which come after them. */
  #hasTickets = false;
  #hasData = false;
  /** Whether the peer has ended TLS, or the carrier has ended. */
  #ended = false;
  #closeNotified = false;
  #error: Error | undefined;
  /** How much ciphertext was sent, and the callback for when it grows. */
  #sent = 0;
  #onSent: (() => void) | undefined;
  /** Whether the carrier outlives TLS. */
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

  /** The decrypted bytes that no read has taken. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether the peer has ended TLS in order. */
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

  /** Resolves when the handshake is done; it is done once. */
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
      // Refused at construction, it throws where nothing can catch it.
      if (isServer) await turn();
      while (!this.#established && this.#error === undefined) {
        await this.#pull();
      }
    } catch (error) {
      this.#failReading(error as Error);
    }
    this.#sendAtOnce(false);
    if (this.#error === undefined) return;
    // The alert that reports the cause goes out some microtasks later.
    await turn();
    throw this.#error;
  }

  /**
   * A flight goes out in several small writes, and the kernel would keep each
   * until the one before is acknowledged: 40 ms in every handshake.
   */
  #sendAtOnce(on: boolean): void {
    try {
      if (on) this.#carrier.conn.setNoDelay?.(true);
      else this.#carrier.applyOption(IPPROTO_TCP, TCP_NODELAY);
    } catch {
      // macOS has EINVAL for a connection that is over.
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

  /** Receives ciphertext; false at the end of the stream. */
  async #receive(): Promise<boolean> {
    const carrier = this.#carrier;
    // A buffer is held only when there is something to fill it with.
    if (!carrier.readable) await carrier.whenReadable(this.#read);
    const buffer = acquire(READ_BYTES);
    const n = await carrier.recvInto(this.#read, buffer);
    if (n > 0) this.#records.add(buffer.subarray(0, n));
    else this.#records.end();
    // The reader keeps what it could not take, and the engine what it cannot
    // decrypt yet.
    this.#buffer = buffer;
    return n > 0;
  }

  /** Feeds the engine with more, as far as TLS certainly goes on. */
  async #pull(): Promise<void> {
    try {
      let data = this.#records.take();
      if (data.length === 0) {
        if (!await this.#receive()) return this.#onCarrierEnd();
        data = this.#records.take();
      }
      await this.#feed(data);
    } catch (error) {
      // The end of TLS, or a close, has ended the read; it has taken nothing.
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
      // An error is reported a tick later, before what the carrier ends with.
      if (wasEstablished === this.#established) await turn();
    }
  }

  /** Releases the buffer, once nothing refers to what was received into it. */
  #releaseBuffer(): void {
    if (this.#buffer === undefined || this.#records.rest.length > 0) return;
    if (!this.#engine?.isHolding) release(this.#buffer);
    this.#buffer = undefined;
  }

  /** A peer that can still read an alert gets one. */
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
        // The engine forgets it all when TLS has ended.
        const { version, cipher, protocol } = this.#engine!;
        const certificate = this.#certificate;
        this.#agreement = { version, cipher, protocol, certificate };
      },
      onError: (error) => this.#fail(translateTls(error)),
    };
  }

  /** Sends ciphertext. */
  async #output(data: Uint8Array): Promise<void> {
    // A client's second flight ends the handshake, with TLS 1.2 before its own
    // end is reported: the certificate is judged before.
    if (this.#flights++ > 0 || this.policy.isServer) this.#judge(false);
    // An error has an alert of its own, from here or from the engine.
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

  /** Has the peer's certificate judged, once it is there. */
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

  /** Ends the handshake, with an alert where the peer can still read one. */
  #reject({ error, alert }: Rejection): void {
    this.#rejected = true;
    // A server has switched to keys by then with which only the engine can write.
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
    // Not at once: it is still to write its alert.
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
    // No byte becomes less than one of ciphertext.
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

  /** Sends close_notify; the carrier is half-closed too unless TLS alone ends. */
  async closeWrite(): Promise<void> {
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

  /** From now on the end of TLS leaves the carrier open. */
  keepCarrier(): Connected {
    this.#keepsCarrier = true;
    return this.#carrier;
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

  /** Leaves the carrier to others, when TLS has ended both ways. */
  leave(): void {
    this.#closed = true;
    this.#carrier.unread(this.#records.rest);
    this.#engine?.destroy();
    this.#released.resolve();
  }

  #release(): void {
    this.#write.owner.close();
    this.#engine?.destroy();
    // Bytes that were taken and never went out are the sender's to report.
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
    // The ciphertext is with the carrier some microtasks later.
    await turn();
    if (this.#mayGetTickets) await this.#takeTickets();
  }

  /**
   * A server of TLS 1.3 sends tickets after the handshake, which stay unread
   * where a client has only sent. Closed over them, or before they come, the
   * kernel resets the connection, and drops what it has not delivered.
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
    // Those that have come by now.
    const now = { ...context, timeoutMs: 0 };
    await this.#carrier.recv(now, TICKETS_BYTES);
  }
}

/** Lets the events of the engine come. */
function turn(): Promise<void> {
  return new Promise((resolve) => timers.setImmediate(resolve));
}
