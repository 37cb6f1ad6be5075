/**
 * Why a certificate is refused, as OpenSSL would say it.
 *
 * The runtime decides whether a chain leads to a trusted root. It reports one
 * coarse code for most causes (Deno 2.9.6), and leaves host names to the caller;
 * this file checks the name, and searches for the cause in the order in which
 * OpenSSL 3 does, so that Python's `verify_code` and `verify_message` come out.
 * Whatever it finds, a chain that the runtime has refused stays refused.
 */

import { inet_pton } from "../base/inet.ts";
import { AF_INET, AF_INET6 } from "../base/constants.ts";
import {
  type Certificate,
  CLIENT_AUTH,
  sameBytes,
  SERVER_AUTH,
} from "./certificate.ts";

/** A cause, in OpenSSL's numbers and words, and the alert that reports it. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  /** The description of the TLS alert, RFC 8446, 6.2. */
  readonly alert: number;
}

const BAD_CERTIFICATE = 42;
const UNSUPPORTED_CERTIFICATE = 43;
const CERTIFICATE_EXPIRED = 45;
const CERTIFICATE_UNKNOWN = 46;
const UNKNOWN_CA = 48;
const DECRYPT_ERROR = 51;

/** The causes with OpenSSL's numbers (x509_vfy.h) and texts (x509_txt.c). */
const CAUSES = {
  unspecified: refusal(
    1,
    "unspecified certificate verification error",
    CERTIFICATE_UNKNOWN,
  ),
  signature: refusal(7, "certificate signature failure", DECRYPT_ERROR),
  notYetValid: refusal(9, "certificate is not yet valid", BAD_CERTIFICATE),
  expired: refusal(10, "certificate has expired", CERTIFICATE_EXPIRED),
  selfSigned: refusal(18, "self-signed certificate", UNKNOWN_CA),
  selfSignedInChain: refusal(
    19,
    "self-signed certificate in certificate chain",
    UNKNOWN_CA,
  ),
  noIssuer: refusal(20, "unable to get local issuer certificate", UNKNOWN_CA),
  pathLength: refusal(25, "path length constraint exceeded", UNKNOWN_CA),
  purpose: refusal(
    26,
    "unsuitable certificate purpose",
    UNSUPPORTED_CERTIFICATE,
  ),
  invalidCA: refusal(79, "invalid CA certificate", UNKNOWN_CA),
} as const;

/** The cause where a certificate cannot be read. */
export const UNREADABLE: Refusal = refusal(
  CAUSES.unspecified.code,
  CAUSES.unspecified.message,
  BAD_CERTIFICATE,
);

function refusal(code: number, message: string, alert: number): Refusal {
  return { code, message, alert };
}

/** The certificates that the peer has shown, and the rules for them. */
export interface Presented {
  /** The peer's certificates, its own first. */
  readonly chain: readonly Certificate[];
  /** Whether the runtime has found the chain good, names aside. */
  readonly isTrusted: boolean;
  /** Whether the peer is a server. */
  readonly isServer: boolean;
  /** The name that the certificate has to be for; undefined for any. */
  readonly host: string | undefined;
  /** Whether a common name counts where there are no alternative names. */
  readonly checksCommonName: boolean;
  /** The certificates to be trusted. */
  readonly roots: readonly Certificate[];
  /** Whether there are more, which the runtime does not show. */
  readonly hasMoreRoots: boolean;
  /** Whether `issuer` has signed `certificate`. */
  readonly isSignedBy: (
    certificate: Certificate,
    issuer: Certificate,
  ) => boolean;
  readonly nowMs: number;
}

/** Why a chain is refused; undefined if it is good. */
export function refuse(presented: Presented): Refusal | undefined {
  const { chain: [leaf], isTrusted } = presented;
  if (leaf === undefined) return CAUSES.unspecified;
  const otherHost = checkHost(leaf, presented);
  if (isTrusted) return otherHost;
  const path = [leaf];
  const untrusted = buildPath(presented, path);
  // With roots that are not known the path may well lead to one of them, so a
  // cause that is certain comes first. But hardly any server shows a root.
  const isCertain = !presented.hasMoreRoots || untrusted === CAUSES.selfSigned;
  if (untrusted !== undefined && isCertain) return untrusted;
  return checkPurposes(presented, path) ?? otherHost ??
    checkDates(presented, path) ?? untrusted ??
    // The runtime refuses an authority as a server, webpki's CaUsedAsEndEntity.
    (leaf.isCA ? CAUSES.purpose : CAUSES.unspecified);
}

/** Follows the issuers up to a root, as OpenSSL's `build_chain`. */
function buildPath(
  { chain, roots }: Presented,
  path: Certificate[],
): Refusal | undefined {
  const sent = chain.slice(1);
  for (let at = path[0]!;;) {
    if (roots.some(({ der }) => sameBytes(der, at.der))) return undefined;
    if (at.selfIssued) {
      return path.length === 1 ? CAUSES.selfSigned : CAUSES.selfSignedInChain;
    }
    const issuer = roots.find((each) => isIssuer(each, at)) ??
      sent.find((each) => isIssuer(each, at));
    if (issuer === undefined || path.includes(issuer)) return CAUSES.noIssuer;
    path.push(issuer);
    at = issuer;
  }
}

function isIssuer(issuer: Certificate, { issuer: name }: Certificate): boolean {
  return sameBytes(issuer.subject, name);
}

/** As OpenSSL's `check_extensions`. */
function checkPurposes(
  { isServer }: Presented,
  path: readonly Certificate[],
): Refusal | undefined {
  const purpose = isServer ? SERVER_AUTH : CLIENT_AUTH;
  for (const [depth, certificate] of path.entries()) {
    if (depth > 0 && !certificate.isCA) return CAUSES.invalidCA;
    if (!certificate.isFor(purpose)) return CAUSES.purpose;
    if (depth - 1 > certificate.pathLength) return CAUSES.pathLength;
  }
  return undefined;
}

/** As OpenSSL's `internal_verify`: from the root down. */
function checkDates(
  { isSignedBy, nowMs }: Presented,
  path: readonly Certificate[],
): Refusal | undefined {
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const certificate = path[depth]!;
    const issuer = path[depth + 1];
    if (issuer !== undefined && !isSignedBy(certificate, issuer)) {
      return CAUSES.signature;
    }
    if (certificate.notBeforeMs > nowMs) return CAUSES.notYetValid;
    if (certificate.notAfterMs < nowMs) return CAUSES.expired;
  }
  return undefined;
}

/** The bytes of a host that is written as an IP address; else undefined. */
export function addressBytes(host: string): Uint8Array | undefined {
  // Most hosts are names, and an error for each costs more than this.
  if (!/^[\d.]+$|:/.test(host)) return undefined;
  try {
    return inet_pton(host.includes(":") ? AF_INET6 : AF_INET, host);
  } catch {
    return undefined;
  }
}

/** Whether a certificate is for a host; as OpenSSL's `check_id`. */
function checkHost(
  certificate: Certificate,
  { host, checksCommonName }: Presented,
): Refusal | undefined {
  if (host === undefined) return undefined;
  const address = addressBytes(host);
  const { hosts, addresses } = certificate.names;
  const ending = `mismatch, certificate is not valid for '${host}'.`;
  if (address !== undefined) {
    return addresses.some((each) => sameBytes(each, address))
      ? undefined
      : refusal(64, `IP address ${ending}`, BAD_CERTIFICATE);
  }
  // The common name counts where there is no host name among the alternatives.
  const names = hosts.length > 0 || !checksCommonName
    ? hosts
    : certificate.commonNames;
  return names.some((name) => matchesHost(name, host))
    ? undefined
    : refusal(62, `Hostname ${ending}`, BAD_CERTIFICATE);
}

/**
 * Whether a name, or one with `*` for its first label, is that of a host: RFC
 * 6125, 6.4, with the rules of OpenSSL's X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS.
 */
function matchesHost(name: string, host: string): boolean {
  const pattern = name.toLowerCase();
  const wanted = host.toLowerCase();
  if (!pattern.startsWith("*.")) return pattern === wanted && pattern !== "";
  const parent = pattern.slice(1);
  // At least two labels have to follow the star.
  if (!/^\.[^.*]+(\.[^.*]+)+$/.test(parent)) return false;
  const label = wanted.slice(0, -parent.length);
  return wanted.endsWith(parent) && /^[a-z0-9-]+$/.test(label);
}
