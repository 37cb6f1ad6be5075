/**
 * TLS by `node:tls`, which runs over any `Duplex`: ciphertext and plain text go
 * in and out in memory, whatever carries them. The module is loaded at first
 * use; that takes 57 to 112 ms.
 *
 * The behaviour of Deno 2.9.6 on which this file depends:
 * - It reads its `Duplex` without end, so nothing bounds what it has decrypted;
 *   the caller feeds it when it needs more.
 * - With a fatal alert it drops the data that it has decrypted in the same step.
 * - A handshake that fails destroys the `Duplex`, and then writes the alert that
 *   reports the cause to the peer. So `write` is overridden, which a destroyed
 *   `Duplex` refuses.
 * - A write calls back before its ciphertext is in the `Duplex`.
 * - Its verdict on the peer's certificate is known before the handshake ends, by
 *   `verifyError` of the handle. A server accepts every certificate, whatever
 *   `rejectUnauthorized` says, and a client does so when it is `false`.
 * - A server that finds the client's first bytes at construction, and refuses
 *   them, throws where nothing can catch it. They have to come a macrotask later.
 */

import type { Duplex as NodeDuplex } from "node:stream";
import type {
  DetailedPeerCertificate,
  SecureContext,
  TLSSocket,
} from "node:tls";

/** The certificate and key of one end, and the authorities that it trusts. */
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

/** How an engine is made. */
export interface EngineOptions {
  readonly isServer: boolean;
  readonly context: PreparedCredentials;
  /** The name to ask a server for; undefined for none. */
  readonly serverName: string | undefined;
  /** The protocols of ALPN to offer, or the one to choose. */
  readonly protocols: readonly string[];
  /** Whether a server asks for a certificate, and whether it needs one. */
  readonly requestCertificate: boolean;
  readonly requireCertificate: boolean;
}

/** The functions that an engine calls. */
export interface EngineEvents {
  /** Ciphertext for the peer; the next comes when this has resolved. */
  onOutput(data: Uint8Array): Promise<void>;
  /** Plain text from the peer. */
  onData(data: Uint8Array): void;
  onHandshakeDone(): void;
  onError(error: Error): void;
}

/** Credentials in the form that `node:tls` takes. */
export interface PreparedCredentials {
  readonly context: SecureContext;
}

type NodeTls = typeof import("node:tls");
type NodeCrypto = typeof import("node:crypto");

/** The part of the handle that has no public form on a server. */
interface Handle {
  verifyError?(): string | null | undefined;
  getPeerCertificateChain?():
    | { certificates?: readonly Uint8Array[] }
    | null
    | undefined;
}

/** The modules, loaded. */
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
      // Left out, it stands for the runtime's roots; empty, for none.
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

  /** Whether the issuer's key has signed a certificate, both in DER. */
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

  /** Starts an engine; a server's may be fed a macrotask later. */
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
        // The caller decides, with the verdict and the host name.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        ...(serverName === undefined ? {} : { servername: serverName }),
        ...alpn,
      });
    const engine = new TlsEngine(socket, duplex, events);
    // Before it calls `checkServerIdentity` it would ask for this, and parse the
    // certificates of all authorities in every handshake.
    socket.getPeerCertificate = () => ({}) as DetailedPeerCertificate;
    return engine;
  }
}

/** Makes the class of the streams under `node:tls`. */
function carrierClass(
  Duplex: typeof NodeDuplex,
): new (events: EngineEvents) => NodeDuplex {
  return class Carrier extends Duplex {
    readonly #events: EngineEvents;

    constructor(events: EngineEvents) {
      // Not half open, it would end by itself when the peer has ended.
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
    // A second error may follow, and on a server the event has another name.
    const onError = (error: Error) => events.onError(error);
    socket.on("error", onError);
    socket.on("_tlsError", onError);
    duplex.on("error", () => {});
  }

  /** Takes ciphertext from the peer; what it decrypts is with `onData` then. */
  feed(data: Uint8Array): void {
    this.#duplex.push(data);
  }

  /** Whether it still refers to ciphertext that it was fed with. */
  get isHolding(): boolean {
    return this.#duplex.readableLength > 0;
  }

  /**
   * Whether the peer has ended TLS in order. The event "end" comes a tick later,
   * when a read may have taken more from the carrier.
   */
  get hasEnded(): boolean {
    const { _readableState } = this.#socket as unknown as {
      _readableState: { readonly ended: boolean };
    };
    return _readableState.ended;
  }

  /** Encrypts; resolves when all is taken, though not yet in `onOutput`. */
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

  /** The certificates that the peer has shown so far, in DER. */
  get peerCertificates(): Uint8Array[] {
    const sent = this.#handle?.getPeerCertificateChain?.();
    if (sent !== undefined) {
      return (sent?.certificates ?? []).map((der) => new Uint8Array(der));
    }
    // The public form costs three times as much, and adds trusted issuers.
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
   * Whether the runtime has found the peer's chain good, names aside; undefined for a
   * resumed session, of which it looks at no certificate.
   */
  get isPeerTrusted(): boolean | undefined {
    const handle = this.#handle;
    if (this.#socket.isSessionReused()) return undefined;
    // Without a verdict nothing is trusted.
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
