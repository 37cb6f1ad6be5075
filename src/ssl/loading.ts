/** Certificates and keys in files, folders and arguments. */

import {
  checkBytes,
  checkText,
  type KnownOptions,
  namedArguments,
} from "../base/checks.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import { Certificate } from "./certificate.ts";
import { elementsOf } from "./der.ts";
import { SSL_ERROR_SSL, SSLError, type SSLErrorOptions } from "./errors.ts";
import { CERTIFICATES_IN_FILES, certificatesIn } from "./pem.ts";

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

/** Checks the arguments of `load_cert_chain`, in either form. */
export function checkChain(
  certfile: string,
  keyfile?: string | KeyOptions | null,
  password?: Password | null,
): [certfile: string, keyfile: string | null, password: Password | null] {
  const action = "load a certificate chain";
  checkText(action, "certfile", certfile);
  const [key = null, secret = null] = namedArguments(
    action,
    ["keyfile", "password"],
    [keyfile, password],
  ) as [string | null | undefined, Password | null | undefined];
  if (key !== null) checkText(action, "keyfile", key);
  if (secret !== null && typeof secret !== "function") {
    checkPassword(secret);
  }
  return [certfile, key, secret];
}

/** Checks a password, or what the function for it has returned. */
export function checkPassword(password: unknown): string | Uint8Array {
  if (typeof password === "string" || password instanceof Uint8Array) {
    return password;
  }
  throw new TypeError(
    "Cannot load a certificate chain: password must be a string, bytes or a function that returns one of them",
  );
}

/** Loads the certificates that `load_verify_locations` is called with. */
export function certificatesAt(
  cafile?: string | VerifyLocations | null,
  capath?: string | null,
  cadata?: string | Uint8Array | null,
): Certificate[] {
  const action = "load certificates";
  const [file = null, folder = null, data = null] = namedArguments(
    action,
    ["cafile", "capath", "cadata"],
    [cafile, capath, cadata],
  ) as [
    string | null | undefined,
    string | null | undefined,
    string | Uint8Array | null | undefined,
  ];
  if (file === null && folder === null && data === null) {
    throw new TypeError(
      "Cannot load certificates: cafile, capath and cadata cannot be all omitted",
    );
  }
  const found: Certificate[] = [];
  if (file !== null) {
    found.push(...certificatesOf(checkText(action, "cafile", file)));
  }
  if (folder !== null) {
    found.push(...certificatesUnder(checkText(action, "capath", folder)));
  }
  if (data !== null) found.push(...certificatesInData(data));
  return found;
}

/**
 * Reads a text file, and translates Deno's errors. Like OpenSSL, it leaves out
 * a byte order mark.
 */
export function readText(path: string): string {
  return reading(path, Deno.readTextFileSync).replace(/^\ufeff/, "");
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
function certificatesOf(path: string): Certificate[] {
  const text = readText(path);
  const certificates = parse(
    () => certificatesIn(text, CERTIFICATES_IN_FILES),
    "PEM lib",
    { library: "X509" },
  );
  if (certificates.length > 0) return certificates;
  throw new SSLError(SSL_ERROR_SSL, "no certificate or crl found", {
    library: "X509",
    reason: "NO_CERTIFICATE_OR_CRL_FOUND",
  });
}

/** OpenSSL ignores a file of a directory that contains no certificate. */
function certificatesOrNone(path: string): Certificate[] {
  try {
    return certificatesOf(path);
  } catch (error) {
    if (error instanceof SSLError) return [];
    throw error;
  }
}

/**
 * Returns the certificates of a directory, from the files that OpenSSL reads.
 */
function certificatesUnder(path: string): Certificate[] {
  const names = reading(path, () => [...Deno.readDirSync(path)])
    .map(({ name }) => name);
  return names.filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
    .flatMap((name) => certificatesOrNone(`${path}/${name}`));
}

/** Returns the certificates of PEM text, or of bytes in DER. */
function certificatesInData(cadata: string | Uint8Array): Certificate[] {
  const action = "load certificates";
  if (cadata.length === 0) {
    throw new RangeError(`Cannot ${action}: Empty certificate data`);
  }
  if (typeof cadata !== "string") {
    const data = checkBytes(action, "cadata", cadata);
    return parse(
      () => elementsOf(data).map(({ whole }) => whole.slice()),
      "not enough data: cadata does not contain a certificate",
    );
  }
  const message = "no start line: cadata does not contain a certificate";
  const found = parse(() => certificatesIn(cadata), message);
  if (found.length > 0) return found;
  throw new SSLError(SSL_ERROR_SSL, message);
}

/** Parses certificates in DER. What is wrong with one is the error's `cause`. */
function parse(
  certificates: () => Uint8Array[],
  message: string,
  options?: SSLErrorOptions,
): Certificate[] {
  try {
    return certificates().map((der) => new Certificate(der));
  } catch (cause) {
    throw new SSLError(SSL_ERROR_SSL, message, { ...options, cause });
  }
}
