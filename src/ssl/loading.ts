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

/** A password, or a function that returns it. */
export type Password = string | Uint8Array | (() => string | Uint8Array);

/** Where trusted certificates are. */
export interface VerifyLocations {
  /** A file with certificates in PEM. */
  cafile?: string | null | undefined;
  /** A folder with one certificate in each file, named as OpenSSL does. */
  capath?: string | null | undefined;
  /** Certificates in PEM, or as bytes in DER. */
  cadata?: string | Uint8Array | null | undefined;
}

/** Where the key of a certificate is. */
export interface KeyOptions {
  /** A file with the key in PEM; by default that of the certificate. */
  keyfile?: string | null | undefined;
  /** The password of an encrypted key. */
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

/** The certificates that the arguments of `load_verify_locations` stand for. */
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

/** Reads a file; its failure becomes an error of ours, as in any call. */
export function readText(path: string): string {
  return reading(path, Deno.readTextFileSync);
}

/**
 * Reads a file or folder. The cause of a failure has the path in its message, so a
 * key that is given as one, as other modules take it, must not get there.
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

/** The certificates of a file; one without any is an error. */
function certificatesOf(path: string): Uint8Array[] {
  const certificates = certificatesIn(readText(path));
  if (certificates.length > 0) return certificates;
  throw new SSLError(SSL_ERROR_SSL, "no certificate or crl found", {
    library: "X509",
    reason: "NO_CERTIFICATE_OR_CRL_FOUND",
  });
}

/** The certificates of a folder, in files with the names that OpenSSL gives. */
function certificatesUnder(path: string): Uint8Array[] {
  const names = reading(path, () => [...Deno.readDirSync(path)])
    .map(({ name }) => name);
  return names.filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
    .flatMap((name) => certificatesIn(readText(`${path}/${name}`)));
}

/** The certificates of text in PEM, or of bytes in DER. */
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

/** Certificates in DER, one after the other. */
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
