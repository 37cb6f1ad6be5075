/** The constants of Python's `ssl` that mean something here. */

/** TLS for clients: certificates and host names are checked. */
export const PROTOCOL_TLS_CLIENT = 16;
/** TLS for servers: clients are not asked for certificates. */
export const PROTOCOL_TLS_SERVER = 17;

/** No certificate is asked for, or whatever comes is accepted. */
export const CERT_NONE = 0;
/** A client may do without a certificate; one that it shows has to be good. */
export const CERT_OPTIONAL = 1;
/** The peer has to show a certificate that is good. */
export const CERT_REQUIRED = 2;

/** The values of {@linkcode SSLContext.prototype.verify_mode}, by name. */
export const VerifyMode: Readonly<
  Record<"CERT_NONE" | "CERT_OPTIONAL" | "CERT_REQUIRED", number>
> = Object.freeze({ CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED });

/**
 * The versions of TLS. Only 1.2 and 1.3 exist here; any other that is set fails
 * with EOPNOTSUPP.
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

/** The purposes of a certificate, with OpenSSL's names. */
export interface Purpose {
  /** OpenSSL's number. */
  readonly nid: number;
  /** The short name. */
  readonly shortname: string;
  /** The long name. */
  readonly longname: string;
  /** The object identifier. */
  readonly oid: string;
}

/** The purpose of the peer's certificate: it is a server's, or a client's. */
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

/** Whether protocols can be agreed on with ALPN. */
export const HAS_ALPN = true;
/** Whether there are keys on elliptic curves. */
export const HAS_ECDH = true;
/** Whether the common name of a certificate can be left out of account. */
export const HAS_NEVER_CHECK_COMMON_NAME = true;
/** Whether protocols can be agreed on with NPN. */
export const HAS_NPN = false;
/** Whether there are pre-shared keys. */
export const HAS_PSK = false;
/** Whether a client names the host that it wants. */
export const HAS_SNI = true;
/** Whether there is SSL 2. */
export const HAS_SSLv2 = false;
/** Whether there is SSL 3. */
export const HAS_SSLv3 = false;
/** Whether there is TLS 1.0. */
export const HAS_TLSv1 = false;
/** Whether there is TLS 1.1. */
export const HAS_TLSv1_1 = false;
/** Whether there is TLS 1.2. */
export const HAS_TLSv1_2 = true;
/** Whether there is TLS 1.3. */
export const HAS_TLSv1_3 = true;
