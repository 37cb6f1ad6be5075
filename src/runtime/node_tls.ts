/**
 * TLS by `node:tls`, which runs over any `Duplex`: ciphertext and plain text go
 * in and out in memory, independently of the transport. The module is loaded at
 * first use, which takes 57 to 112 ms.
 *
 * The behaviour of Deno 2.9.6 on which this file depends:
 * - It reads its `Duplex` without a limit, so nothing bounds the decrypted
 *   data; the caller feeds it when more is needed.
 * - On a fatal alert, it drops the data that it has decrypted in the same step.
 * - A handshake that fails destroys the `Duplex`, and then writes the alert that
 *   reports the cause to the peer. So `write` is overridden, which a destroyed
 *   `Duplex` refuses.
 * - A write calls back before its ciphertext is in the `Duplex`.
 * - Its result of verifying the peer's certificate is known before the
 *   handshake ends, from `verifyError` of the handle. A server accepts every
 *   certificate, whatever `rejectUnauthorized` says, and a client does so when
 *   it is `false`.
 * - If a server's engine has the client's first bytes at construction and
 *   rejects them, it throws where nothing can catch the error. So these bytes
 *   have to be fed a macrotask later.
 */

import type { Duplex as NodeDuplex } from "node:stream";
import type {
  DetailedPeerCertificate,
  SecureContext,
  TLSSocket,
} from "node:tls";

/** The certificate and key of one peer, and the authorities that it trusts. */
export interface Credentials {
  /** The certificate chain, as PEM. */
  readonly certificate: string | undefined;
  /** The private key, as PEM. */
  readonly key: string | undefined;
  /** The trusted certificates, as PEM. */
  readonly roots: readonly string[];
  /** Whether the runtime's own roots are trusted too. */
  readonly defaultRoots: boolean;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** The options with which an engine is created. */
export interface EngineOptions {
  readonly isServer: boolean;
  readonly context: PreparedCredentials;
  /** The server name of the handshake (SNI); undefined for none. */
  readonly serverName: string | undefined;
  /** The ALPN protocols: a client's offer, or the one that a server chooses. */
  readonly protocols: readonly string[];
  /**
   * Whether a server requests a client certificate, and whether it requires
   * one.
   */
  readonly requestCertificate: boolean;
  readonly requireCertificate: boolean;
}

/** The functions that an engine calls. */
export interface EngineEvents {
  /**
   * Delivers ciphertext for the peer. More is delivered when the promise has
   * resolved.
   */
  onOutput(data: Uint8Array): Promise<void>;
  /** Delivers plain text from the peer. */
  onData(data: Uint8Array): void;
  onHandshakeDone(): void;
  onError(error: Error): void;
}

/** Credentials in the form of `node:tls`. */
export interface PreparedCredentials {
  readonly context: SecureContext;
}

type NodeTls = typeof import("node:tls");
type NodeCrypto = typeof import("node:crypto");

/** The part of the TLS handle that has no public API on a server. */
interface Handle {
  verifyError?(): string | null | undefined;
  getPeerCertificateChain?():
    | { certificates?: readonly Uint8Array[] }
    | null
    | undefined;
}

/** The loaded modules. */
export class TlsLibrary {
  readonly #tls: NodeTls;
  readonly #crypto: NodeCrypto;
  readonly #Carrier: ReturnType<typeof carrierClass>;
  static #loaded: Promise<TlsLibrary> | undefined;

  private constructor(
    tls: NodeTls,
    crypto: NodeCrypto,
    Duplex: typeof NodeDuplex,
  ) {
    this.#tls = tls;
    this.#crypto = crypto;
    this.#Carrier = carrierClass(Duplex);
  }

  static load(): Promise<TlsLibrary> {
    this.#loaded ??= Promise.all([
      import("node:tls"),
      import("node:crypto"),
      import("node:stream"),
    ]).then(([tls, crypto, { Duplex }]) => new TlsLibrary(tls, crypto, Duplex));
    return this.#loaded;
  }

  prepare(credentials: Credentials): PreparedCredentials {
    const { certificate, key, roots, defaultRoots } = credentials;
    const context = this.#tls.createSecureContext({
      ...(certificate && key ? { cert: certificate, key } : {}),
      // If `ca` is left out, the runtime's roots are used; if it is empty, none
      // are.
      ...(defaultRoots ? {} : { ca: [...roots] }),
      minVersion: credentials.minVersion,
      maxVersion: credentials.maxVersion,
    });
    if (defaultRoots) {
      for (const root of roots) {
        (context.context as { addCACert(pem: string): void }).addCACert(root);
      }
    }
    return { context };
  }

  /** Returns whether the issuer's key has signed a certificate, both in DER. */
  isSignedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
    const { X509Certificate } = this.#crypto;
    try {
      const { publicKey } = new X509Certificate(issuer);
      return new X509Certificate(certificate).verify(publicKey);
    } catch {
      return false;
    }
  }

  /** A short text that stands for certificates in DER, and for no others. */
  digestOf(certificates: readonly Uint8Array[]): string {
    const hash = this.#crypto.createHash("sha256");
    for (const der of certificates) hash.update(der);
    return hash.digest("base64");
  }

  /** Starts an engine. A server's engine may be fed only a macrotask later. */
  start(options: EngineOptions, events: EngineEvents): TlsEngine {
    const duplex = new this.#Carrier(events);
    const { isServer, context: { context }, protocols, serverName } = options;
    const alpn = protocols.length > 0 ? { ALPNProtocols: [...protocols] } : {};
    const socket = isServer
      ? new this.#tls.TLSSocket(duplex, {
        isServer: true,
        secureContext: context,
        requestCert: options.requestCertificate,
        rejectUnauthorized: options.requireCertificate,
        ...alpn,
      })
      : this.#tls.connect({
        socket: duplex,
        secureContext: context,
        // The caller decides, from the result of the verification and the host
        // name.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        ...(serverName === undefined ? {} : { servername: serverName }),
        ...alpn,
      });
    const engine = new TlsEngine(socket, duplex, events);
    // Before `node:tls` calls `checkServerIdentity`, it would call this method,
    // and parse the certificates of all authorities in every handshake.
    socket.getPeerCertificate = () => ({}) as DetailedPeerCertificate;
    return engine;
  }
}

/** Creates the class of the streams under `node:tls`. */
function carrierClass(
  Duplex: typeof NodeDuplex,
): new (events: EngineEvents) => NodeDuplex {
  return class Carrier extends Duplex {
    readonly #events: EngineEvents;

    constructor(events: EngineEvents) {
      // Without `allowHalfOpen`, the stream would end by itself when the peer
      // has ended.
      super({ allowHalfOpen: true, autoDestroy: false, emitClose: false });
      this.#events = events;
    }

    override _read(): void {}

    override _final(done: () => void): void {
      done();
    }

    override write(
      chunk: Uint8Array,
      encoding?: unknown,
      done?: unknown,
    ): boolean {
      const callback = (typeof encoding === "function" ? encoding : done) as
        | ((error?: Error | null) => void)
        | undefined;
      this.#events.onOutput(chunk).then(
        () => callback?.(null),
        (error) => callback?.(error),
      );
      return true;
    }
  };
}

/** One TLS connection in memory. */
export class TlsEngine {
  readonly #socket: TLSSocket;
  readonly #duplex: NodeDuplex;
  readonly #getPeerCertificate: (
    detailed: true,
  ) => DetailedPeerCertificate;

  constructor(socket: TLSSocket, duplex: NodeDuplex, events: EngineEvents) {
    this.#getPeerCertificate = socket.getPeerCertificate.bind(socket);
    this.#socket = socket;
    this.#duplex = duplex;
    socket.on("data", (data: Uint8Array) => events.onData(data));
    socket.on("secure", () => events.onHandshakeDone());
    // A second error may follow the first, and on a server the event has
    // another name.
    const onError = (error: Error) => events.onError(error);
    socket.on("error", onError);
    socket.on("_tlsError", onError);
    duplex.on("error", () => {});
  }

  /**
   * Feeds ciphertext from the peer. When this returns, the decrypted data has
   * been delivered to `onData`.
   */
  feed(data: Uint8Array): void {
    this.#duplex.push(data);
  }

  /** Whether the engine still refers to ciphertext that it was fed. */
  get isHolding(): boolean {
    return this.#duplex.readableLength > 0;
  }

  /**
   * Whether the peer has ended TLS with close_notify. The event "end" comes a
   * tick later, when a read may have consumed more from the carrier.
   */
  get hasEnded(): boolean {
    const { _readableState } = this.#socket as unknown as {
      _readableState: { readonly ended: boolean };
    };
    return _readableState.ended;
  }

  /**
   * Encrypts data. Resolves when all of it has been accepted, though perhaps
   * not yet delivered to `onOutput`.
   */
  write(data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(
        data,
        (error) => error ? reject(error) : resolve(),
      );
    });
  }

  /** Ends TLS in this direction, with close_notify. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once("close", resolve);
      this.#socket.end(resolve);
    });
  }

  destroy(): void {
    this.#socket.destroy();
    this.#duplex.destroy();
  }

  /** The certificates that the peer has sent so far, in DER. */
  get peerCertificates(): Uint8Array[] {
    const sent = this.#handle?.getPeerCertificateChain?.();
    if (sent !== undefined) {
      return (sent?.certificates ?? []).map((der) => new Uint8Array(der));
    }
    // The public API costs three times as much, and adds trusted issuers.
    const chain: Uint8Array[] = [];
    const seen = new Set<unknown>();
    let at = this.#getPeerCertificate(true);
    while (at?.raw !== undefined && !seen.has(at)) {
      seen.add(at);
      chain.push(new Uint8Array(at.raw));
      at = at.issuerCertificate;
    }
    return chain;
  }

  get #handle(): Handle | null | undefined {
    return (this.#socket as unknown as { _handle?: Handle | null })._handle;
  }

  /**
   * Whether the runtime has verified the peer's certificate chain, without
   * checking names; undefined for a resumed session, of which it looks at no
   * certificate.
   */
  get isPeerTrusted(): boolean | undefined {
    const handle = this.#handle;
    if (this.#socket.isSessionReused()) return undefined;
    // Without a verification result nothing is trusted.
    return typeof handle?.verifyError === "function" && !handle.verifyError();
  }

  get version(): string | null {
    return this.#socket.getProtocol();
  }

  /** OpenSSL's name of the cipher. */
  get cipher(): string | undefined {
    return this.#socket.getCipher()?.name;
  }

  get protocol(): string | null {
    return this.#socket.alpnProtocol || null;
  }
}
