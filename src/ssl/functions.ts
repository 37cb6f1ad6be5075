/** The functions of Python's `ssl`. */

import {
  checkBytes,
  checkOptions,
  checkSignal,
  isOptions,
  type KnownOptions,
  show,
} from "../base/checks.ts";
import { create_connection } from "../socket/connection.ts";
import { failure, type SignalOption, traced } from "../wait/waiter.ts";
import { certificateTimeMs } from "./certificate.ts";
import {
  CERT_NONE,
  PROTOCOL_TLS_CLIENT,
  PROTOCOL_TLS_SERVER,
  Purpose,
} from "./constants.ts";
import { LOCATIONS, type VerifyLocations } from "./loading.ts";
import { toDer, toPem } from "./pem.ts";
import { SSLContext } from "./ssl_socket.ts";

const purposes: readonly unknown[] = Object.values(Purpose);

/** The arguments of {@linkcode create_default_context} by name. */
export interface DefaultContextOptions extends VerifyLocations {
  /** The peer's purpose, `Purpose.SERVER_AUTH` by default. */
  purpose?: Purpose | undefined;
}

/**
 * Creates a context with secure default settings. A client's context verifies
 * certificates and host names, with Deno's root certificates unless others are
 * given.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as ssl from "@pystd/socket/ssl";
 *
 * const context = ssl.create_default_context();
 * assertEquals(context.check_hostname, true);
 * assertEquals(context.verify_mode, ssl.CERT_REQUIRED);
 * ```
 *
 * @param purpose `Purpose.SERVER_AUTH`, the default, for a client, or
 * `Purpose.CLIENT_AUTH` for a server. All arguments may also be given by name.
 * @param options `cafile`, `capath` and `cadata`: the certificates to trust
 * instead of Deno's.
 * @returns The context.
 * @throws {FileNotFoundError} ENOENT if a file or directory is missing.
 * @throws {PermissionError} EACCES without `--allow-read` for it.
 * @throws {SSLError} If `cafile` or `cadata` contains no certificate.
 * @throws {TypeError} If an argument has the wrong type.
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.create_default_context | Python: create_default_context}
 */
export function create_default_context(
  purpose: Purpose | DefaultContextOptions = Purpose.SERVER_AUTH,
  options?: VerifyLocations,
): SSLContext {
  const action = "make a context";
  let known = LOCATIONS;
  // A purpose is an object too, like the options.
  if (isOptions(purpose) && !purposes.includes(purpose) && !options) {
    known = { purpose: true, ...LOCATIONS };
    options = purpose as DefaultContextOptions;
    purpose = (purpose as DefaultContextOptions).purpose ??
      Purpose.SERVER_AUTH;
  }
  checkOptions(action, options, known);
  const isClient = purpose === Purpose.SERVER_AUTH;
  if (!isClient && purpose !== Purpose.CLIENT_AUTH) {
    throw new TypeError(
      `Cannot ${action}: purpose must be Purpose.SERVER_AUTH or Purpose.CLIENT_AUTH, received ${
        show(purpose)
      }`,
    );
  }
  const context = new SSLContext(
    isClient ? PROTOCOL_TLS_CLIENT : PROTOCOL_TLS_SERVER,
  );
  const { cafile, capath, cadata } = options ?? {};
  if (cafile || capath || cadata?.length) {
    traced(
      create_default_context,
      () => context.load_verify_locations(cafile, capath, cadata),
    );
  } else if (context.verify_mode !== CERT_NONE) {
    context.load_default_certs(purpose as Purpose);
  }
  return context;
}

/** The keyword arguments of {@linkcode get_server_certificate}. */
export interface ServerCertificateOptions extends SignalOption {
  /**
   * The path of a PEM file with the certificates to trust. Without it, nothing
   * is verified.
   */
  ca_certs?: string | null | undefined;
  /**
   * The seconds to wait for each address, and for the handshake; null for no
   * limit. If it is left out, the default timeout is used.
   */
  timeout?: number | null | undefined;
}

const CERTIFICATE_OPTIONS: KnownOptions = {
  signal: true,
  ca_certs: true,
  timeout: true,
  ssl_version: "a context has minimum_version and maximum_version",
};

/**
 * Gets the certificate of a server. If `ca_certs` is given, the certificate is
 * verified, but not the host name, as in Python.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as ssl from "@pystd/socket/ssl";
 *
 * const folder = "tests/ssl/certificates";
 * const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
 * context.load_cert_chain(`${folder}/server.pem`, `${folder}/server.key.pem`);
 * await using server = await context.wrap_socket(
 *   socket.create_server(["127.0.0.1", 0]),
 *   { server_side: true },
 * );
 * const [pem, [conn]] = await Promise.all([
 *   ssl.get_server_certificate(server.getsockname()),
 *   server.accept(),
 * ]);
 * assertEquals(pem.split("\n")[0], "-----BEGIN CERTIFICATE-----");
 * await conn[Symbol.asyncDispose]();
 * ```
 *
 * @param addr The host and the port of the server.
 * @param options `ca_certs` and `timeout`; `signal` cancels the call.
 * @returns The certificate in PEM.
 * @throws {SSLCertVerificationError} If the certificate is verified and
 * refused.
 * @throws {SSLError} If the handshake fails.
 * @throws {OSError} For the same reasons as `create_connection`, or if
 * `ca_certs` cannot be read.
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.get_server_certificate | Python: get_server_certificate}
 */
export async function get_server_certificate(
  addr: readonly [host: string, port: number],
  options: ServerCertificateOptions = {},
): Promise<string> {
  const action = "get a server's certificate";
  const signal = checkSignal(action, options, CERTIFICATE_OPTIONS);
  const { ca_certs = null, timeout } = options;
  try {
    const context = new SSLContext(PROTOCOL_TLS_CLIENT);
    context.check_hostname = false;
    if (ca_certs === null) context.verify_mode = CERT_NONE;
    else context.load_verify_locations(ca_certs);
    const limit = signal && { signal };
    await using sock = await create_connection(addr, timeout, null, limit);
    await using tls = await context.wrap_socket(sock, {
      server_hostname: addr[0],
      ...limit,
    });
    return DER_cert_to_PEM_cert(tls.getpeercert(true)!);
  } catch (error) {
    return failure(error, signal);
  }
}

/**
 * Converts a certificate from DER to PEM.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as ssl from "@pystd/socket/ssl";
 *
 * const der = Uint8Array.of(0x30, 0);
 * assertEquals(ssl.PEM_cert_to_DER_cert(ssl.DER_cert_to_PEM_cert(der)), der);
 * ```
 *
 * @param der_cert_bytes The certificate in DER.
 * @returns The certificate in PEM.
 * @throws {TypeError} If `der_cert_bytes` is not a Uint8Array.
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.DER_cert_to_PEM_cert | Python: DER_cert_to_PEM_cert}
 */
export function DER_cert_to_PEM_cert(der_cert_bytes: Uint8Array): string {
  return toPem(
    checkBytes("convert a certificate", "der_cert_bytes", der_cert_bytes),
  );
}

/**
 * Converts a certificate from PEM to DER.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as ssl from "@pystd/socket/ssl";
 *
 * const pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
 * assertEquals(ssl.PEM_cert_to_DER_cert(pem), Uint8Array.of(0x30, 0));
 * ```
 *
 * @param pem_cert_string The certificate in PEM.
 * @returns The certificate in DER.
 * @throws {RangeError} If the text is not one certificate in PEM.
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.PEM_cert_to_DER_cert | Python: PEM_cert_to_DER_cert}
 */
export function PEM_cert_to_DER_cert(
  pem_cert_string: string,
): Uint8Array<ArrayBuffer> {
  return toDer(String(pem_cert_string));
}

/**
 * Converts the date of a certificate to seconds since 1970-01-01 00:00 UTC.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as ssl from "@pystd/socket/ssl";
 *
 * const seconds = ssl.cert_time_to_seconds("Jan  5 09:34:43 2018 GMT");
 * assertEquals(seconds, 1515144883);
 * ```
 *
 * @param cert_time The date, in the format of `notBefore` and `notAfter`.
 * @returns The seconds.
 * @throws {RangeError} If the date has another format.
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.cert_time_to_seconds | Python: cert_time_to_seconds}
 */
export function cert_time_to_seconds(cert_time: string): number {
  return certificateTimeMs(String(cert_time)) / 1000;
}
