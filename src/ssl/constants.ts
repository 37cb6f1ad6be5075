/** The constants of Python's `ssl` that have a meaning in Deno. */

/** The protocol of clients, which by default verify certificates and names. */
export const PROTOCOL_TLS_CLIENT = 16;
/** The protocol of servers, which by default request no certificates. */
export const PROTOCOL_TLS_SERVER = 17;

/** A server requests no certificate; a client accepts any certificate. */
export const CERT_NONE = 0;
/** A client may present no certificate, but not an invalid one. */
export const CERT_OPTIONAL = 1;
/** The peer must present a valid certificate. */
export const CERT_REQUIRED = 2;

/** The values of {@linkcode SSLContext.prototype.verify_mode} by name. */
export const VerifyMode: Readonly<
  Record<"CERT_NONE" | "CERT_OPTIONAL" | "CERT_REQUIRED", number>
> = Object.freeze({ CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED });

/**
 * The TLS versions. Deno has 1.2 and 1.3 only; setting an older one fails with
 * EOPNOTSUPP.
 */
export const TLSVersion: Readonly<
  Record<
    | "MINIMUM_SUPPORTED"
    | "SSLv3"
    | "TLSv1"
    | "TLSv1_1"
    | "TLSv1_2"
    | "TLSv1_3"
    | "MAXIMUM_SUPPORTED",
    number
  >
> = Object.freeze({
  MINIMUM_SUPPORTED: -2,
  SSLv3: 0x300,
  TLSv1: 0x301,
  TLSv1_1: 0x302,
  TLSv1_2: 0x303,
  TLSv1_3: 0x304,
  MAXIMUM_SUPPORTED: -1,
});

/** A purpose of certificates, as OpenSSL names it. */
export interface Purpose {
  /** OpenSSL's number of the purpose. */
  readonly nid: number;
  /** OpenSSL's short name. */
  readonly shortname: string;
  /** OpenSSL's long name. */
  readonly longname: string;
  /** The object identifier. */
  readonly oid: string;
}

/**
 * The purposes of the peer's certificate: to authenticate a server, or a
 * client.
 */
export const Purpose: Readonly<Record<"SERVER_AUTH" | "CLIENT_AUTH", Purpose>> =
  Object.freeze({
    SERVER_AUTH: Object.freeze({
      nid: 129,
      shortname: "serverAuth",
      longname: "TLS Web Server Authentication",
      oid: "1.3.6.1.5.5.7.3.1",
    }),
    CLIENT_AUTH: Object.freeze({
      nid: 130,
      shortname: "clientAuth",
      longname: "TLS Web Client Authentication",
      oid: "1.3.6.1.5.5.7.3.2",
    }),
  });

/** Whether ALPN is supported, to negotiate an application protocol. */
export const HAS_ALPN = true;
/** Whether the Diffie-Hellman key exchange on elliptic curves is supported. */
export const HAS_ECDH = true;
/** Whether host names can be matched without the common name. */
export const HAS_NEVER_CHECK_COMMON_NAME = true;
/** Whether NPN is supported, the predecessor of ALPN. */
export const HAS_NPN = false;
/** Whether pre-shared keys are supported. */
export const HAS_PSK = false;
/** Whether SNI is supported, with which a client names the host. */
export const HAS_SNI = true;
/** Whether SSL 2 is supported. */
export const HAS_SSLv2 = false;
/** Whether SSL 3 is supported. */
export const HAS_SSLv3 = false;
/** Whether TLS 1.0 is supported. */
export const HAS_TLSv1 = false;
/** Whether TLS 1.1 is supported. */
export const HAS_TLSv1_1 = false;
/** Whether TLS 1.2 is supported. */
export const HAS_TLSv1_2 = true;
/** Whether TLS 1.3 is supported. */
export const HAS_TLSv1_3 = true;
