/** The functions of Python's `ssl`. */

import {
  checkBytes,
  checkOptions,
  checkSignal,
  type KnownOptions,
  show,
} from "../base/checks.ts";
import { create_connection } from "../socket/connection.ts";
import type { SignalOption } from "../wait/waiter.ts";
import { certificateTimeMs } from "./certificate.ts";
import {
  CERT_NONE,
  PROTOCOL_TLS_CLIENT,
  PROTOCOL_TLS_SERVER,
  Purpose,
} from "./constants.ts";
import { certificatesIn, toPem } from "./pem.ts";
import { SSLContext, type VerifyLocations } from "./ssl_socket.ts";

const LOCATIONS: KnownOptions = { cafile: true, capath: true, cadata: true };

export function create_default_context(
  purpose: Purpose = Purpose.SERVER_AUTH,
  options: VerifyLocations = {},
): SSLContext {
  const action = "make a context";
  checkOptions(action, options, LOCATIONS);
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
  const { cafile, capath, cadata } = options;
  if (cafile || capath || cadata) {
    context.load_verify_locations(cafile, capath, cadata);
  } else if (context.verify_mode !== CERT_NONE) {
    context.load_default_certs(purpose);
  }
  return context;
}

export interface ServerCertificateOptions extends SignalOption {
  /** A file with the certificates to check it by; it is not checked without. */
  ca_certs?: string | null | undefined;
  /** Seconds for connecting, and for each step of the handshake. */
  timeout?: number | null | undefined;
}

const CERTIFICATE_OPTIONS: KnownOptions = {
  signal: true,
  ca_certs: true,
  timeout: true,
  ssl_version: "a context has minimum_version and maximum_version",
};

export async function get_server_certificate(
  addr: readonly [host: string, port: number],
  options: ServerCertificateOptions = {},
): Promise<string> {
  const action = "get a server's certificate";
  const signal = checkSignal(action, options, CERTIFICATE_OPTIONS);
  const { ca_certs = null, timeout } = options;
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
}

export function DER_cert_to_PEM_cert(der_cert_bytes: Uint8Array): string {
  return toPem(
    checkBytes("convert a certificate", "der_cert_bytes", der_cert_bytes),
  );
}

export function PEM_cert_to_DER_cert(
  pem_cert_string: string,
): Uint8Array<ArrayBuffer> {
  const [der] = certificatesIn(String(pem_cert_string));
  if (der !== undefined) return der;
  throw new RangeError(
    "Cannot convert a certificate: the text must start with -----BEGIN CERTIFICATE----- and end with -----END CERTIFICATE-----",
  );
}

export function cert_time_to_seconds(cert_time: string): number {
  return certificateTimeMs(String(cert_time)) / 1000;
}
