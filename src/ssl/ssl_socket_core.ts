/** The core of `SSLSocket`; the class itself checks arguments and documents. */

import { osError } from "../base/os_error.ts";
import { type Descriptor, findDescriptor } from "../endpoint/description.ts";
import { type CallContext, CallOwner } from "../wait/waiter.ts";
import { Certificate, type CertificateInfo } from "./certificate.ts";
import { Handshaking, Secured } from "./endpoints.ts";
import type { Negotiation } from "./negotiation.ts";
import type { Agreement, TlsConn } from "./tls_conn.ts";
import { endedEarly, protocolError } from "./tls_errors.ts";
import type { HowWrapped } from "./wrapping.ts";

/** The TLS state of one socket; `C` is the class of its context. */
export class SSLSocketCore<C> {
  readonly wrapped: HowWrapped;
  readonly #socket: { fileno(): number };
  readonly #owner = new CallOwner();
  #context: C;

  constructor(
    socket: { fileno(): number },
    context: C,
    wrapped: HowWrapped,
  ) {
    this.#socket = socket;
    this.#context = context;
    this.wrapped = wrapped;
    this.#descriptor.watch(this.#owner);
  }

  get context(): C {
    return this.#context;
  }

  /** Has no effect once the handshake has begun. */
  set context(context: C) {
    this.#context = context;
    const { endpoint } = this.#descriptor.description;
    if (endpoint instanceof Handshaking) {
      this.#negotiationOf(endpoint.tls).context = context;
    }
  }

  /**
   * Adopts the context of the handshake, which `sni_callback` may have chosen.
   */
  adoptContext(): void {
    const tls = this.#tls;
    if (tls !== undefined) this.#context = this.#negotiationOf(tls).context;
  }

  #negotiationOf(tls: TlsConn): Negotiation<C> {
    return tls.policy as Negotiation<C>;
  }

  get #descriptor(): Descriptor {
    const descriptor = findDescriptor(this.#socket.fileno());
    if (descriptor === undefined) throw osError("EBADF");
    return descriptor;
  }

  /** The TLS connection, once its handshake is done. */
  get #tls(): TlsConn | undefined {
    const { endpoint } = this.#descriptor.description;
    return endpoint instanceof Secured ? endpoint.tls : undefined;
  }

  #call(timeout: number | null, signal?: AbortSignal): CallContext {
    const timeoutMs = timeout === null ? null : timeout * 1000;
    return { owner: this.#owner, timeoutMs, signal };
  }

  /** Fails with ENOTCONN, like every call that needs a connection. */
  #checkConnected(): void {
    const { description } = this.#descriptor;
    if (!description.connecting) description.endpointFor("send");
  }

  async handshake(
    timeout: number | null,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#checkConnected();
    const { description } = this.#descriptor;
    await description.connected(this.#call(timeout, signal), false);
    const { endpoint } = description;
    if (endpoint instanceof Secured) {
      endpoint.acknowledge();
      this.adoptContext();
    }
  }

  /** The number of decrypted bytes that no call has received. */
  get pending(): number {
    const { endpoint } = this.#descriptor.description;
    return endpoint instanceof Secured
      ? endpoint.queued + endpoint.tls.pending
      : 0;
  }

  /** The result of the handshake; undefined before it is done. */
  get agreement(): Agreement | undefined {
    return this.#tls?.agreement;
  }

  /** The peer's certificate in DER; null if the peer has presented none. */
  get peerCertificate(): Uint8Array | null {
    const tls = this.#tls;
    if (tls === undefined) {
      this.#checkConnected();
      throw new RangeError(
        "Cannot get the peer's certificate: the handshake is not done yet",
      );
    }
    return tls.agreement?.certificate?.slice() ?? null;
  }

  /** The fields of the peer's certificate; none if it was not verified. */
  get peerCertificateInfo(): Partial<CertificateInfo> | null {
    const der = this.peerCertificate;
    if (der === null) return null;
    const { verifies } = this.#negotiationOf(this.#tls!);
    return verifies ? new Certificate(der).toInfo() : {};
  }

  /**
   * Ends TLS in both directions; the description then has the plain connection.
   */
  async unwrap(
    timeout: number | null,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { description } = this.#descriptor;
    const { endpoint } = description;
    if (endpoint instanceof Handshaking) {
      throw protocolError("SHUTDOWN_WHILE_IN_INIT");
    }
    if (!(endpoint instanceof Secured)) {
      throw new RangeError("Cannot unwrap: there is no TLS around the socket");
    }
    signal?.throwIfAborted();
    const { tls } = endpoint;
    const context = this.#call(timeout, signal);
    const carrier = tls.keepCarrier();
    endpoint.acknowledge();
    await endpoint.endTls(context);
    await endpoint.whenReadable(context);
    if (endpoint.queued + tls.pending > 0) {
      throw protocolError("APPLICATION_DATA_AFTER_CLOSE_NOTIFY");
    }
    const error = endpoint.takeError();
    if (error !== undefined) throw error;
    if (!tls.closeNotified) throw endedEarly();
    description.removeLayer(endpoint, carrier);
    tls.leave();
  }

  /** Detaches the descriptor with `detach`, and returns it. */
  detach(detach: () => number): number {
    const descriptor = findDescriptor(this.#socket.fileno());
    const fileno = detach();
    descriptor?.unwatch(this.#owner);
    this.#owner.close();
    return fileno;
  }

  /** Whether pending calls keep the process alive. */
  set referenced(referenced: boolean) {
    this.#owner.referenced = referenced;
  }
}

/** Returns the key length of a cipher; the runtime has no other lengths. */
export function cipherBits(name: string): number {
  return /AES_?128/.test(name) ? 128 : 256;
}
