/**
 * One handshake: applies the settings of a context to the messages of a peer.
 */

import { show } from "../base/checks.ts";
import type { EngineOptions, TlsLibrary } from "../runtime/node_tls.ts";
import { Certificate } from "./certificate.ts";
import type { ClientHello } from "./client_hello.ts";
import { SSLCertVerificationError } from "./errors.ts";
import { CERT_NONE, CERT_REQUIRED } from "./constants.ts";
import type { Settings } from "./settings.ts";
import type { HandshakePolicy, Rejection } from "./tls_conn.ts";
import { protocolError } from "./tls_errors.ts";
import { addressBytes, refuse, UNREADABLE } from "./verify.ts";

/** The alerts, RFC 8446, 6.2. */
const HANDSHAKE_FAILURE = 40;
const INTERNAL_ERROR = 80;

/** The options of `wrap_socket` that a handshake depends on. */
export interface WrapSettings {
  readonly server_side: boolean;
  readonly server_hostname: string | null;
  readonly suppress_ragged_eofs: boolean;
}

/** Decides a handshake by a context, which `sni_callback` may replace. */
export class Negotiation<C> implements HandshakePolicy {
  context: C;
  /** The mode that applies to the handshake, once it is decided. */
  #verifyMode: number | undefined;
  readonly #settingsOf: (context: C) => Settings;
  readonly #wrapped: WrapSettings;
  /**
   * Is called with the name that a client requests, and may refuse the client.
   */
  readonly #onServerName: (
    negotiation: Negotiation<C>,
    name: string | null,
  ) => Rejection | undefined;

  constructor(
    context: C,
    settingsOf: (context: C) => Settings,
    wrapped: WrapSettings,
    onServerName: (
      negotiation: Negotiation<C>,
      name: string | null,
    ) => Rejection | undefined,
  ) {
    this.context = context;
    this.#settingsOf = settingsOf;
    this.#wrapped = wrapped;
    this.#onServerName = onServerName;
  }

  /** Whether a certificate of the peer is verified. */
  get verifies(): boolean {
    return (this.#verifyMode ?? this.#settings.verifyMode) !== CERT_NONE;
  }

  get isServer(): boolean {
    return this.#wrapped.server_side;
  }

  get suppressRaggedEofs(): boolean {
    return this.#wrapped.suppress_ragged_eofs;
  }

  get #settings(): Settings {
    return this.#settingsOf(this.context);
  }

  choose(
    library: TlsLibrary,
    hello: ClientHello | undefined,
  ): Omit<EngineOptions, "isServer"> | Rejection {
    if (hello === undefined) {
      this.#verifyMode = this.#settings.verifyMode;
      const host = this.#wrapped.server_hostname;
      // SNI has no addresses (RFC 6066, 3). Node.js takes one with a scope for
      // an address too.
      const isName = host !== null && !host.includes(":") &&
        addressBytes(host) === undefined;
      return {
        context: this.#settings.prepare(library),
        serverName: isName ? host : undefined,
        protocols: this.#settings.protocols,
        requestCertificate: true,
        requireCertificate: false,
      };
    }
    const { verifyMode } = this.#settings;
    const refused = this.#onServerName(this, hello.serverName);
    if (refused !== undefined) return refused;
    const settings = this.#settings;
    // Another context may make the mode stricter, but never weaker.
    this.#verifyMode = Math.max(verifyMode, settings.verifyMode);
    if (!settings.hasCertificate) {
      return {
        error: protocolError("NO_SHARED_CIPHER"),
        alert: HANDSHAKE_FAILURE,
      };
    }
    // If no protocol is in common, none is passed on: the runtime would refuse
    // the client.
    const chosen = settings.protocols.find((each) =>
      hello.protocols.includes(each)
    );
    return {
      context: settings.prepare(library),
      serverName: undefined,
      protocols: chosen === undefined ? [] : [chosen],
      requestCertificate: this.#verifyMode !== CERT_NONE,
      requireCertificate: this.#verifyMode === CERT_REQUIRED,
    };
  }

  judge(
    library: TlsLibrary,
    chain: readonly Uint8Array[],
    isTrusted: boolean | undefined,
  ): Rejection | undefined {
    const settings = this.#settings;
    const verifyMode = this.#verifyMode!;
    if (verifyMode === CERT_NONE) return undefined;
    if (chain.length === 0) {
      // A server must present a certificate; a client may leave it out.
      if (this.isServer && settings.verifyMode !== CERT_REQUIRED) {
        return undefined;
      }
      return {
        error: protocolError("PEER_DID_NOT_RETURN_A_CERTIFICATE"),
        alert: HANDSHAKE_FAILURE,
      };
    }
    try {
      return this.#judgeChain(library, chain, isTrusted);
    } catch (cause) {
      // The runtime accepts a certificate that this module cannot parse. What
      // cannot be verified here must not be accepted.
      const { code, message, alert } = UNREADABLE;
      return {
        error: new SSLCertVerificationError(code, message, { cause }),
        alert,
      };
    }
  }

  #judgeChain(
    library: TlsLibrary,
    chain: readonly Uint8Array[],
    isTrusted: boolean | undefined,
  ): Rejection | undefined {
    const settings = this.#settings;
    const checksHost = settings.checkHostname && !this.isServer;
    const certificates = chain.map((der) => new Certificate(der));
    const nowMs = Date.now();
    const digest = library.digestOf(chain);
    // A client may resume a session of another context of this process, since
    // all of them share the keys of the tickets (Deno 2.9.6).
    const isGood = isTrusted ?? (settings.hasTrusted(digest) &&
      certificates.every((each) => each.isValidAt(nowMs)));
    if (isGood) settings.trust(digest);
    const refusal = refuse({
      chain: certificates,
      isTrusted: isGood,
      isServer: !this.isServer,
      host: checksHost ? this.#wrapped.server_hostname ?? "" : undefined,
      checksCommonName: settings.checksCommonName,
      roots: settings.roots,
      hasMoreRoots: settings.usesDefaultRoots,
      isSignedBy: (certificate, issuer) =>
        library.isSignedBy(certificate.der, issuer.der),
      nowMs,
    });
    return refusal && {
      error: new SSLCertVerificationError(refusal.code, refusal.message),
      alert: refusal.alert,
    };
  }
}

/** Checks the value of `sni_callback`. */
export function checkCallback(callback: unknown): void {
  if (callback === null || typeof callback === "function") return;
  throw new TypeError(
    `Cannot set sni_callback: it must be a function or null, received ${
      show(callback)
    }`,
  );
}

/** The socket that `sni_callback` gets, which is not complete yet. */
interface AskingSocket<C> {
  context: C;
  readonly server_side: boolean;
  readonly server_hostname: string | null;
}

/** Calls `sni_callback`, which may choose the context or refuse the client. */
export function askServerName<C>(
  negotiation: Negotiation<C>,
  name: string | null,
  callback: (
    socket: AskingSocket<C>,
    name: string | null,
    context: C,
  ) => number | null | undefined | void,
  checkContext: (value: unknown) => C,
): Rejection | undefined {
  const { context } = negotiation;
  const socket: AskingSocket<C> = {
    server_side: true,
    server_hostname: null,
    get context() {
      return negotiation.context;
    },
    set context(other) {
      negotiation.context = checkContext(other);
    },
  };
  let alert: number | null | undefined | void;
  let cause: unknown;
  try {
    alert = callback(socket, name, context);
  } catch (error) {
    cause = error;
    alert = HANDSHAKE_FAILURE;
  }
  if (alert === undefined || alert === null) return undefined;
  const error = protocolError("CALLBACK_FAILED", { cause });
  return {
    error,
    alert: Number.isInteger(alert) ? alert as number & 0xff : INTERNAL_ERROR,
  };
}
