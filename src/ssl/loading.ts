/** Certificates and keys in files, folders and arguments. */

import {
  checkBytes,
  checkOptions,
  checkText,
  isOptions,
  type KnownOptions,
} from "../base/checks.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import { Certificate } from "./certificate.ts";
import { elementsOf } from "./der.ts";
import { SSL_ERROR_SSL, SSLError } from "./errors.ts";
import { certificatesIn } from "./pem.ts";

/** The password of an encrypted key, or a function that returns it. */
export type Password = string | Uint8Array | (() => string | Uint8Array);

/**
 * The arguments of {@linkcode SSLContext.prototype.load_verify_locations} by
 * name.
 */
export interface VerifyLocations {
  /** The path of a PEM file with certificates. */
  cafile?: string | null | undefined;
  /**
   * The path of a directory of PEM files that are named by the hash of the
   * subject, as `c_rehash` names them.
   */
  capath?: string | null | undefined;
  /** Certificates, as PEM text or as bytes in DER. */
  cadata?: string | Uint8Array | null | undefined;
}

/**
 * The optional arguments of {@linkcode SSLContext.prototype.load_cert_chain} by
 * name.
 */
export interface KeyOptions {
  /** The path of a PEM file with the key; by default the certificate's file. */
  keyfile?: string | null | undefined;
  /** The password of an encrypted key, or a function that returns it. */
  password?: Password | null | undefined;
}

export const LOCATIONS: KnownOptions = {
  cafile: true,
  capath: true,
  cadata: true,
};
const KEY_OPTIONS: KnownOptions = { keyfile: true, password: true };

/** Checks the arguments of `load_cert_chain`, in either form. */
export function checkChain(
  certfile: string,
  keyfile: string | KeyOptions | null,
  password: Password | null,
): [certfile: string, keyfile: string | null, password: Password | null] {
  const action = "load a certificate chain";
  if (isOptions(keyfile)) {
    checkOptions(action, keyfile, KEY_OPTIONS);
    ({ keyfile = null, password = null } = keyfile as KeyOptions);
  }
  checkText(action, "certfile", certfile);
  if (keyfile !== null) checkText(action, "keyfile", keyfile);
  return [certfile, keyfile as string | null, password];
}

/**
 * Loads the certificates that `load_verify_locations` is called with, as DER.
 */
export function certificatesAt(
  cafile: string | VerifyLocations | null,
  capath: string | null,
  cadata: string | Uint8Array | null,
): Uint8Array[] {
  const action = "load certificates";
  if (isOptions(cafile)) {
    checkOptions(action, cafile, LOCATIONS);
    ({ cafile = null, capath = null, cadata = null } =
      cafile as VerifyLocations);
  }
  if (cafile === null && capath === null && cadata === null) {
    throw new TypeError(
      "Cannot load certificates: cafile, capath and cadata cannot be all omitted",
    );
  }
  const found: Uint8Array[] = [];
  if (cafile !== null) {
    found.push(...certificatesOf(checkText(action, "cafile", cafile)));
  }
  if (capath !== null) {
    found.push(...certificatesUnder(checkText(action, "capath", capath)));
  }
  if (cadata !== null) found.push(...certificatesInData(cadata));
  return found;
}

/** Reads a text file, and translates Deno's errors. */
export function readText(path: string): string {
  return reading(path, Deno.readTextFileSync);
}

/**
 * Reads a file or directory. The `cause` of a failure contains the path. So the
 * text of a key, which other modules accept, must not be used as one: it would
 * get into logs.
 */
function reading<T>(path: string, read: (path: string) => T): T {
  if (path.includes("-----BEGIN ")) {
    throw osError("ENOENT", "a path is needed, received the text of a file");
  }
  try {
    return read(path);
  } catch (error) {
    throw fromDeno(error);
  }
}

/** Returns the certificates of a file, which must contain one. */
function certificatesOf(path: string): Uint8Array[] {
  const certificates = certificatesIn(readText(path));
  if (certificates.length > 0) return certificates;
  throw new SSLError(SSL_ERROR_SSL, "no certificate or crl found", {
    library: "X509",
    reason: "NO_CERTIFICATE_OR_CRL_FOUND",
  });
}

/**
 * Returns the certificates of a directory, from the files that OpenSSL reads.
 */
function certificatesUnder(path: string): Uint8Array[] {
  const names = reading(path, () => [...Deno.readDirSync(path)])
    .map(({ name }) => name);
  return names.filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
    .flatMap((name) => certificatesIn(readText(`${path}/${name}`)));
}

/** Returns the certificates of PEM text, or of bytes in DER. */
function certificatesInData(cadata: string | Uint8Array): Uint8Array[] {
  const action = "load certificates";
  if (cadata.length === 0) {
    throw new RangeError(`Cannot ${action}: Empty certificate data`);
  }
  if (typeof cadata !== "string") {
    return derCertificates(checkBytes(action, "cadata", cadata));
  }
  const found = certificatesIn(cadata);
  if (found.length > 0) return found;
  throw new SSLError(
    SSL_ERROR_SSL,
    "no start line: cadata does not contain a certificate",
  );
}

/** Splits concatenated certificates in DER. */
function derCertificates(data: Uint8Array): Uint8Array[] {
  try {
    const found = elementsOf(data).map(({ whole }) => whole.slice());
    for (const der of found) new Certificate(der);
    return found;
  } catch (cause) {
    throw new SSLError(
      SSL_ERROR_SSL,
      "not enough data: cadata does not contain a certificate",
      { cause },
    );
  }
}
