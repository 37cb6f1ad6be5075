/**
 * Verifies host names, and finds out why a certificate is refused, with
 * OpenSSL's numbers and texts.
 *
 * The runtime decides whether a chain leads to a trusted root. It reports one
 * coarse code for most causes (Deno 2.9.6), and leaves host names to the
 * caller. This file checks the name, and searches for the cause in the order of
 * OpenSSL 3, so that `verify_code` and `verify_message` are Python's. Whatever
 * it finds, a chain that the runtime has refused stays refused.
 */

import { inet_pton } from "../base/inet.ts";
import { AF_INET, AF_INET6 } from "../base/constants.ts";
import {
  type Certificate,
  CLIENT_AUTH,
  sameBytes,
  SERVER_AUTH,
} from "./certificate.ts";

/** A cause, with OpenSSL's number and text, and the alert that reports it. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  /** The number of the TLS alert, RFC 8446, 6.2. */
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

/** The cause if a certificate cannot be parsed. */
export const UNREADABLE: Refusal = refusal(
  CAUSES.unspecified.code,
  CAUSES.unspecified.message,
  BAD_CERTIFICATE,
);

function refusal(code: number, message: string, alert: number): Refusal {
  return { code, message, alert };
}

/** The certificates that the peer has presented, and the rules for them. */
export interface Presented {
  /** The chain of the peer, its own certificate first. */
  readonly chain: readonly Certificate[];
  /** Whether the runtime has verified the chain, without host names. */
  readonly isTrusted: boolean;
  /** Whether the peer is a server. */
  readonly isServer: boolean;
  /** The host name to verify; undefined if any name is accepted. */
  readonly host: string | undefined;
  /** Whether the common name may match if there is no DNS name. */
  readonly checksCommonName: boolean;
  /** The trusted certificates that a program has loaded. */
  readonly roots: readonly Certificate[];
  /** Whether the runtime's roots are trusted too, which it does not list. */
  readonly hasMoreRoots: boolean;
  /** Returns whether `issuer` has signed `certificate`. */
  readonly isSignedBy: (
    certificate: Certificate,
    issuer: Certificate,
  ) => boolean;
  readonly nowMs: number;
}

/** Returns why a chain is refused, or undefined if it is accepted. */
export function refuse(presented: Presented): Refusal | undefined {
  const { chain: [leaf], isTrusted } = presented;
  if (leaf === undefined) return CAUSES.unspecified;
  const otherHost = checkHost(leaf, presented);
  if (isTrusted) return otherHost;
  const path = [leaf];
  const untrusted = buildPath(presented, path);
  // The path may lead to a root that is not listed here, so causes that are
  // certain come first. A self-signed leaf is hardly ever such a root.
  const isCertain = !presented.hasMoreRoots || untrusted === CAUSES.selfSigned;
  if (untrusted !== undefined && isCertain) return untrusted;
  return checkPurposes(presented, path) ?? otherHost ??
    checkDates(presented, path) ?? untrusted ??
    // The runtime refuses a CA certificate as a server's: webpki's
    // CaUsedAsEndEntity.
    (leaf.isCA ? CAUSES.purpose : CAUSES.unspecified);
}

/** Follows the issuers up to a root, like OpenSSL's `build_chain`. */
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

/** Checks the extensions, like OpenSSL's `check_extensions`. */
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

/** Checks from the root down, like OpenSSL's `internal_verify`. */
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

/** Returns the bytes of an IP address, or undefined if the host is a name. */
export function addressBytes(host: string): Uint8Array | undefined {
  // Most hosts are names, and throwing for each of them would cost more.
  if (!/^[\d.]+$|:/.test(host)) return undefined;
  try {
    return inet_pton(host.includes(":") ? AF_INET6 : AF_INET, host);
  } catch {
    return undefined;
  }
}

/** Checks that a certificate is valid for a host, like OpenSSL's `check_id`. */
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
  // The common name counts only if no alternative name is a DNS name.
  const names = hosts.length > 0 || !checksCommonName
    ? hosts
    : certificate.commonNames;
  return names.some((name) => matchesHost(name, host))
    ? undefined
    : refusal(62, `Hostname ${ending}`, BAD_CERTIFICATE);
}

/**
 * Returns whether a name, whose first label may be `*`, matches a host: RFC
 * 6125, 6.4, with the rules of OpenSSL's X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS.
 */
function matchesHost(name: string, host: string): boolean {
  const pattern = name.toLowerCase();
  const wanted = host.toLowerCase();
  if (!pattern.startsWith("*.")) return pattern === wanted && pattern !== "";
  const parent = pattern.slice(1);
  // At least two labels must follow the star.
  if (!/^\.[^.*]+(\.[^.*]+)+$/.test(parent)) return false;
  const label = wanted.slice(0, -parent.length);
  return wanted.endsWith(parent) && /^[a-z0-9-]+$/.test(label);
}
