/**
 * Python's `ssl` for Deno: TLS 1.2 and 1.3 on the stream sockets of this
 * package, for clients and servers.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as ssl from "@pystd/socket/ssl";
 *
 * // A server, with a test certificate.
 * const folder = "tests/ssl/certificates";
 * const context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
 * context.load_cert_chain(`${folder}/server.pem`, `${folder}/server.key.pem`);
 * const listener = socket.create_server(["127.0.0.1", 0]);
 * await using server = await context.wrap_socket(listener, {
 *   server_side: true,
 * });
 * const serving = (async () => {
 *   const [conn] = await server.accept();
 *   await using peer = conn;
 *   await peer.sendall(await peer.recv(1024));
 * })();
 *
 * // A client. Without `cafile` it trusts Deno's root certificates.
 * const trusting = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
 *   cafile: `${folder}/ca.pem`,
 * });
 * const sock = await socket.create_connection(server.getsockname());
 * await using tls = await trusting.wrap_socket(sock, {
 *   server_hostname: "localhost",
 * });
 * assertEquals(tls.version(), "TLSv1.3");
 * await tls.sendall(new TextEncoder().encode("hello"));
 * assertEquals(new TextDecoder().decode(await tls.recv(1024)), "hello");
 * await serving;
 * ```
 *
 * - **Secure by default**: a client verifies certificates and host names unless
 *   a program disables that. A feature that Deno's TLS does not have is never
 *   silently ignored: it fails with EOPNOTSUPP, and the error names it.
 * - **Contexts**: {@linkcode create_default_context}, {@linkcode SSLContext};
 *   the constants {@linkcode PROTOCOL_TLS_CLIENT},
 *   {@linkcode PROTOCOL_TLS_SERVER}, {@linkcode Purpose},
 *   {@linkcode TLSVersion}, {@linkcode VerifyMode}, {@linkcode CERT_NONE},
 *   {@linkcode CERT_OPTIONAL}, {@linkcode CERT_REQUIRED}.
 * - **Sockets**: {@linkcode SSLSocket}, which
 *   {@linkcode SSLContext.prototype.wrap_socket | wrap_socket} creates. On a
 *   `socketpair()`, TLS needs no network.
 * - **Certificates**: {@linkcode CertificateInfo},
 *   {@linkcode get_server_certificate}, {@linkcode DER_cert_to_PEM_cert},
 *   {@linkcode PEM_cert_to_DER_cert}, {@linkcode cert_time_to_seconds}.
 * - **Errors**: {@linkcode SSLError}, {@linkcode SSLCertVerificationError},
 *   also named `CertificateError`, {@linkcode SSLEOFError},
 *   {@linkcode SSLZeroReturnError}, {@linkcode SSLWantReadError},
 *   {@linkcode SSLWantWriteError}; {@linkcode SSLErrorNumber}.
 * - **Permissions**: `--allow-read` for the files of certificates and keys, and
 *   the permissions of the socket. TLS itself needs none.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html | Python: ssl}
 * @module
 */

export * from "./ssl/constants.ts";
export type {
  CertificateInfo,
  DistinguishedName,
  RelativeName,
} from "./ssl/certificate.ts";
export {
  SSL_ERROR_EOF,
  SSL_ERROR_INVALID_ERROR_CODE,
  SSL_ERROR_SSL,
  SSL_ERROR_SYSCALL,
  SSL_ERROR_WANT_CONNECT,
  SSL_ERROR_WANT_READ,
  SSL_ERROR_WANT_WRITE,
  SSL_ERROR_WANT_X509_LOOKUP,
  SSL_ERROR_ZERO_RETURN,
  SSLCertVerificationError,
  SSLEOFError,
  SSLError,
  SSLErrorNumber,
  type SSLErrorOptions,
  SSLWantReadError,
  SSLWantWriteError,
  SSLZeroReturnError,
} from "./ssl/errors.ts";
// This comes after the class, since the reference shows a class under the name
// that is exported first.
export { CertificateError } from "./ssl/errors.ts";
export * from "./ssl/functions.ts";
export type { KeyOptions, Password, VerifyLocations } from "./ssl/loading.ts";
export {
  type ServerNameCallback,
  type ServerNameSocket,
  SSLContext,
  SSLSocket,
} from "./ssl/ssl_socket.ts";
export type { WrapOptions } from "./ssl/wrapping.ts";
