import type { Address, AddressInput } from "../base/constants.ts";
import { checkBytes, checkSignal, checkSize, show } from "../base/checks.ts";
import { requireDeno } from "../base/os_error.ts";
import { Connected } from "../endpoint/connected.ts";
import {
  type FlagsOption,
  type ReceiveIntoOptions,
  type SignalOption,
  Socket,
} from "../socket/socket.ts";
import { toConnections } from "../socket/streams.ts";
import { failure, traced } from "../wait/waiter.ts";
import {
  ABSENT_IN_CONTEXT,
  ABSENT_IN_SOCKET,
  notOnTls,
  refuseAbsent,
  refuseFlags,
  unsupported,
} from "./absent.ts";
import type { CertificateInfo } from "./certificate.ts";
import { Purpose } from "./constants.ts";
import { isFailedHandshake, TlsLayer } from "./endpoints.ts";
import {
  certificatesAt,
  checkChain,
  type KeyOptions,
  type Password,
  type VerifyLocations,
} from "./loading.ts";
import { askServerName, checkCallback, Negotiation } from "./negotiation.ts";
import { Settings } from "./settings.ts";
import { cipherBits, SSLSocketCore } from "./ssl_socket_core.ts";
import type { Rejection } from "./tls_conn.ts";
import {
  checkDescription,
  checkWrap,
  type HowWrapped,
  WRAP_OPTIONS,
  type WrapOptions,
} from "./wrapping.ts";

/** The token that the constructor of {@linkcode SSLSocket} requires. */
const WRAPPED = Symbol("wrapped");

let settingsOf: (context: SSLContext) => Settings;

/**
 * The server's socket that {@linkcode SSLContext.prototype.sni_callback} gets,
 * which is not complete yet.
 */
export interface ServerNameSocket {
  /** The context of the handshake, which the callback may replace. */
  context: SSLContext;
  /** Always true. */
  readonly server_side: boolean;
  /** Always null. */
  readonly server_hostname: string | null;
}

/**
 * A function that may choose another context by the name that a client
 * requests; see {@linkcode SSLContext.prototype.sni_callback}.
 */
export type ServerNameCallback = (
  socket: ServerNameSocket,
  server_name: string | null,
  context: SSLContext,
) => number | null | undefined | void;

/**
 * The settings and certificates of TLS connections. Any number of sockets can
 * share a context; a change takes effect in the handshakes that begin after it.
 *
 * - **Certificates**: {@linkcode SSLContext.prototype.load_cert_chain},
 *   {@linkcode SSLContext.prototype.load_verify_locations},
 *   {@linkcode SSLContext.prototype.load_default_certs},
 *   {@linkcode SSLContext.prototype.get_ca_certs}.
 * - **Verification**: {@linkcode SSLContext.prototype.verify_mode},
 *   {@linkcode SSLContext.prototype.check_hostname},
 *   {@linkcode SSLContext.prototype.hostname_checks_common_name}.
 * - **Negotiation**: {@linkcode SSLContext.prototype.minimum_version},
 *   {@linkcode SSLContext.prototype.maximum_version},
 *   {@linkcode SSLContext.prototype.set_alpn_protocols},
 *   {@linkcode SSLContext.prototype.sni_callback}.
 * - **Sockets**: {@linkcode SSLContext.prototype.wrap_socket}.
 *
 * If Deno's TLS has no counterpart of a member of Python's class, such as
 * `set_ciphers`, `options` or `keylog_filename`, using it fails with
 * EOPNOTSUPP. Setting a property that does not exist throws a `TypeError`.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext | Python: SSLContext}
 *
 * @example A server and its client
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as ssl from "@pystd/socket/ssl";
 *
 * const folder = "tests/ssl/certificates";
 * const server = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
 * server.load_cert_chain(`${folder}/server.pem`, `${folder}/server.key.pem`);
 * const client = new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);
 * client.load_verify_locations(`${folder}/ca.pem`);
 *
 * const [near, far] = await socket.socketpair();
 * const [a, b] = await Promise.all([
 *   client.wrap_socket(near, { server_hostname: "localhost" }),
 *   server.wrap_socket(far, { server_side: true }),
 * ]);
 * await a.sendall(new TextEncoder().encode("hello"));
 * assertEquals(new TextDecoder().decode(await b.recv(1024)), "hello");
 * await a[Symbol.asyncDispose]();
 * await b[Symbol.asyncDispose]();
 * ```
 */
export class SSLContext {
  readonly #settings: Settings;
  #sniCallback: ServerNameCallback | null = null;

  static {
    settingsOf = (context) => context.#settings;
    refuseAbsent(this.prototype, "SSLContext", ABSENT_IN_CONTEXT);
  }

  /**
   * Creates a context that has no certificate and trusts none.
   *
   * A client's context verifies certificates and host names. A server's context
   * requests no certificates from clients.
   *
   * @param protocol `PROTOCOL_TLS_CLIENT` or `PROTOCOL_TLS_SERVER`.
   * @throws {RangeError} If `protocol` is neither of them.
   * @throws {OSError} EOPNOTSUPP in Deno 2.7 and older.
   */
  constructor(protocol: number) {
    // In older versions, a handshake hangs or ends the process.
    requireDeno(8, "TLS");
    this.#settings = new Settings(protocol);
    // A misspelt setting would otherwise be set without effect.
    if (new.target === SSLContext) Object.preventExtensions(this);
  }

  /** The protocol that was passed to the constructor. */
  get protocol(): number {
    return this.#settings.protocol;
  }

  /**
   * Whether a client verifies that the server's certificate is valid for
   * `server_hostname`. Setting it to true changes `verify_mode` from
   * `CERT_NONE` to `CERT_REQUIRED`.
   *
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.check_hostname | Python: check_hostname}
   */
  get check_hostname(): boolean {
    return this.#settings.checkHostname;
  }

  set check_hostname(on: boolean) {
    this.#settings.checkHostname = on;
  }

  /**
   * Whether a host name may match the common name of a certificate that has no
   * DNS name among its alternative names; true by default, as in Python.
   *
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.hostname_checks_common_name | Python: hostname_checks_common_name}
   */
  get hostname_checks_common_name(): boolean {
    return this.#settings.checksCommonName;
  }

  set hostname_checks_common_name(on: boolean) {
    this.#settings.checksCommonName = on;
  }

  /**
   * Whether the peer's certificate is verified: `CERT_NONE`, `CERT_OPTIONAL` or
   * `CERT_REQUIRED`. For a client, the last two mean the same. Setting
   * `CERT_NONE` while `check_hostname` is true throws a `RangeError`.
   *
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.verify_mode | Python: verify_mode}
   */
  get verify_mode(): number {
    return this.#settings.verifyMode;
  }

  set verify_mode(mode: number) {
    this.#settings.verifyMode = mode;
  }

  /**
   * The oldest TLS version that is accepted, one of {@linkcode TLSVersion};
   * `TLSv1_2` by default. Setting a version before 1.2 fails with EOPNOTSUPP.
   *
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.minimum_version | Python: minimum_version}
   */
  get minimum_version(): number {
    return this.#settings.minVersion;
  }

  set minimum_version(version: number) {
    this.#settings.minVersion = version;
  }

  /**
   * The newest TLS version that is accepted, one of {@linkcode TLSVersion};
   * `MAXIMUM_SUPPORTED` by default. Setting a version before 1.2 fails with
   * EOPNOTSUPP.
   *
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.maximum_version | Python: maximum_version}
   */
  get maximum_version(): number {
    return this.#settings.maxVersion;
  }

  set maximum_version(version: number) {
    this.#settings.maxVersion = version;
  }

  /**
   * The function that a server calls with the host name that a client requests
   * (SNI); null if there is no function. Its arguments are the socket, the name
   * or null if the client requests none, and the context.
   *
   * It may set another `context` on the socket, whose certificate the server
   * then presents; the stricter `verify_mode` of the two applies. If it returns
   * a number, the client is refused with that alert. If it throws, the
   * handshake fails on both ends, and the server's error has the thrown one as
   * `cause`.
   *
   * The socket is not complete yet: it has only `context`, `server_side` and
   * `server_hostname`.
   *
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.sni_callback | Python: sni_callback}
   */
  get sni_callback(): ServerNameCallback | null {
    return this.#sniCallback;
  }

  set sni_callback(callback: ServerNameCallback | null) {
    checkCallback(callback);
    this.#sniCallback = callback;
  }

  /**
   * Loads the certificate chain to present to peers, and its private key.
   *
   * The key may be RSA with at least 2048 bits, on the curve P-256, P-384 or
   * P-521, or Ed25519; its format PKCS #8, PKCS #1 or SEC 1, encrypted or not.
   *
   * @param certfile The path of a PEM file with the chain: the own certificate
   * first, then those between it and its root.
   * @param keyfile The path of a PEM file with the key, by default `certfile`.
   * The optional arguments may also be given by name, as
   * {@linkcode KeyOptions}.
   * @param password The password of an encrypted key, or a function that
   * returns it. Unlike in Python, a missing one is not asked for at the
   * terminal.
   * @throws {FileNotFoundError} ENOENT if a file is missing.
   * @throws {PermissionError} EACCES without `--allow-read` for a file.
   * @throws {SSLError} If a file contains no certificate or no key; if the
   * password is wrong; if the key belongs to another certificate, or is an RSA
   * key of fewer than 2048 bits.
   * @throws {OSError} EOPNOTSUPP if the key has another type.
   * @throws {TypeError} If an argument has the wrong type, or the password is
   * missing.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.load_cert_chain | Python: load_cert_chain}
   */
  load_cert_chain(
    certfile: string,
    keyfile?: string | KeyOptions | null,
    password?: Password | null,
  ): void {
    traced(
      SSLContext.prototype.load_cert_chain,
      () =>
        this.#settings.loadChain(...checkChain(certfile, keyfile, password)),
    );
  }

  /**
   * Adds trusted certificates, such as the root certificates of authorities.
   *
   * @param cafile The path of a PEM file with certificates. The arguments may
   * also be given by name, as {@linkcode VerifyLocations}.
   * @param capath The path of a directory of PEM files that are named by the
   * hash of the subject, as `c_rehash` names them. All of them are read at
   * once.
   * @param cadata Certificates, as PEM text or as bytes in DER.
   * @throws {FileNotFoundError} ENOENT if the file or directory is missing.
   * @throws {PermissionError} EACCES without `--allow-read` for it.
   * @throws {SSLError} If `cafile` or `cadata` contains no certificate.
   * @throws {RangeError} If `cadata` is empty.
   * @throws {TypeError} If all arguments are left out, or one has the wrong
   * type.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.load_verify_locations | Python: load_verify_locations}
   */
  load_verify_locations(
    cafile?: string | VerifyLocations | null,
    capath?: string | null,
    cadata?: string | Uint8Array | null,
  ): void {
    traced(
      SSLContext.prototype.load_verify_locations,
      () => this.#settings.addRoots(certificatesAt(cafile, capath, cadata)),
    );
  }

  /**
   * Trusts Deno's root certificates: Mozilla's, or those that
   * `DENO_TLS_CA_STORE` and `--cert` select.
   *
   * @param purpose The purpose; the root certificates are the same for both.
   * @throws {TypeError} If `purpose` is not a {@linkcode Purpose}.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.load_default_certs | Python: load_default_certs}
   */
  load_default_certs(purpose: Purpose = Purpose.SERVER_AUTH): void {
    this.#settings.useDefaultRoots(purpose);
  }

  /**
   * Returns the CA certificates that were loaded, without Deno's own root
   * certificates.
   *
   * @param binary_form False, which is the default.
   * @returns The certificates, in the form of `getpeercert()`.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.get_ca_certs | Python: get_ca_certs}
   */
  get_ca_certs(binary_form?: false): CertificateInfo[];
  /**
   * Returns the CA certificates that were loaded, in DER.
   *
   * @param binary_form True.
   * @returns The certificates.
   */
  get_ca_certs(binary_form: true): Uint8Array[];
  // The reference page of an overloaded method shows this comment.
  /**
   * Returns the CA certificates that were loaded, without Deno's own root
   * certificates.
   *
   * @param binary_form Whether to return them in DER; false by default.
   * @returns The certificates, in DER or in the form of `getpeercert()`.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.get_ca_certs | Python: get_ca_certs}
   */
  get_ca_certs(binary_form: boolean = false): (CertificateInfo | Uint8Array)[] {
    return this.#settings.roots.filter(({ isCA }) => isCA).map((root) =>
      binary_form ? root.der.slice() : root.toInfo()
    );
  }

  /**
   * Sets the application protocols to negotiate with ALPN, such as
   * `["h2", "http/1.1"]`. A server selects the first of its protocols that the
   * client offers too. If there is none, the handshake goes on without a
   * protocol, as in Python.
   *
   * @param alpn_protocols The names, in the order of preference.
   * @throws {SSLError} If a name is empty or longer than 255 bytes.
   * @throws {TypeError} If `alpn_protocols` is not a list of strings.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.set_alpn_protocols | Python: set_alpn_protocols}
   */
  set_alpn_protocols(alpn_protocols: Iterable<string>): void {
    this.#settings.setProtocols(alpn_protocols);
  }

  /**
   * Sets {@linkcode SSLContext.prototype.sni_callback}, which is the newer way.
   *
   * @param callback The function, or null for none.
   * @throws {TypeError} If `callback` is neither a function nor null.
   */
  set_servername_callback(callback: ServerNameCallback | null): void {
    this.sni_callback = callback;
  }

  /**
   * Wraps a stream socket in a TLS socket. The new socket takes over the
   * descriptor, the connection, bytes that were read ahead, the timeout and the
   * options; the old one is detached.
   *
   * This method does the handshake if the socket is connected; if the handshake
   * fails, times out or is aborted, the connection is closed. Otherwise
   * `connect` does the handshake, or `accept` for each client: a client that
   * sends nothing delays no other, and a handshake that fails makes one
   * `accept` fail. If `do_handshake_on_connect` is false, `do_handshake` or the
   * first call that receives or sends does it.
   *
   * @example STARTTLS
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   * import * as ssl from "@pystd/socket/ssl";
   *
   * const folder = "tests/ssl/certificates";
   * const server = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
   * server.load_cert_chain(`${folder}/server.pem`, `${folder}/server.key.pem`);
   * const client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
   *   cafile: `${folder}/ca.pem`,
   * });
   *
   * const [near, far] = await socket.socketpair();
   * await near.sendall(new TextEncoder().encode("STARTTLS"));
   * assertEquals((await far.recv(8)).length, 8);
   * const [a, b] = await Promise.all([
   *   client.wrap_socket(near, { server_hostname: "localhost" }),
   *   server.wrap_socket(far, { server_side: true }),
   * ]);
   * assertEquals(a.version(), "TLSv1.3");
   * await a[Symbol.asyncDispose]();
   * await b[Symbol.asyncDispose]();
   * ```
   *
   * @typeParam A The address type of the socket.
   * @param sock The stream socket, of any family.
   * @param options The side, the host name and the handling of the handshake;
   * `signal` cancels the handshake.
   * @returns The TLS socket.
   * @throws {SSLCertVerificationError} If the peer's certificate is refused.
   * @throws {SSLEOFError} If the connection ends during the handshake.
   * @throws {SSLError} If the handshake fails for another reason, or the
   * context is for the other side.
   * @throws {TimeoutError} If the handshake takes longer than the timeout.
   * @throws {ConnectionResetError} ECONNRESET if the peer resets the
   * connection.
   * @throws {OSError} EBADF if the socket is closed; EOPNOTSUPP if it is not a
   * stream socket.
   * @throws {RangeError} If `server_hostname` is missing although
   * `check_hostname` is true, is not a host name, or is given for a server; if
   * the socket is non-blocking, and the handshake would be done at once.
   * @throws {TypeError} If an argument has the wrong type.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.wrap_socket | Python: wrap_socket}
   */
  async wrap_socket<A extends Address>(
    sock: Socket<A>,
    options: WrapOptions = {},
  ): Promise<SSLSocket<A>> {
    const signal = checkSignal("wrap a socket", options, WRAP_OPTIONS);
    try {
      return await this.#wrap(sock, options, signal);
    } catch (error) {
      return failure(error, signal);
    }
  }

  async #wrap<A extends Address>(
    sock: Socket<A>,
    options: WrapOptions,
    signal: AbortSignal | undefined,
  ): Promise<SSLSocket<A>> {
    const wrapped = checkWrap(this.#settings, sock, options);
    const description = checkDescription(sock, wrapped);
    signal?.throwIfAborted();
    const { do_handshake_on_connect } = wrapped;
    const handshakesNow = do_handshake_on_connect &&
      description.endpoint instanceof Connected;
    const tls = secure(sock, this, wrapped);
    description.setLayer(
      new TlsLayer(
        () =>
          new Negotiation<SSLContext>(this, settingsOf, wrapped, onServerName),
        wrapped.server_side && do_handshake_on_connect,
      ),
    );
    if (handshakesNow) {
      try {
        await tls.do_handshake(signal && { signal });
      } catch (error) {
        tls.close();
        throw error;
      }
    }
    return tls;
  }
}

/** Calls the program's `sni_callback`, if there is one. */
function onServerName(
  negotiation: Negotiation<SSLContext>,
  name: string | null,
): Rejection | undefined {
  const { sni_callback } = negotiation.context;
  return sni_callback === null
    ? undefined
    : askServerName(negotiation, name, sni_callback, checkContext);
}

function checkContext(value: unknown): SSLContext {
  if (value instanceof SSLContext) return value;
  throw new TypeError(
    `Cannot set context: it must be an SSLContext, received ${show(value)}`,
  );
}

/**
 * A TLS socket, which {@linkcode SSLContext.prototype.wrap_socket} creates. It
 * keeps the guarantees of `Socket`: timeouts and aborts lose nothing, and calls
 * are served in order. `select`, `makefile`, streams and `using` work too.
 *
 * - **Handshake**: {@linkcode SSLSocket.prototype.do_handshake}. Until it is
 *   done, every call that receives or sends does it first.
 * - **Peer**: {@linkcode SSLSocket.prototype.getpeercert},
 *   {@linkcode SSLSocket.prototype.version},
 *   {@linkcode SSLSocket.prototype.cipher},
 *   {@linkcode SSLSocket.prototype.selected_alpn_protocol}.
 * - **Data**: {@linkcode SSLSocket.prototype.read}, `write`,
 *   {@linkcode SSLSocket.prototype.pending}, and the methods of `Socket`.
 * - **Ending**: `shutdown(SHUT_WR)` sends close_notify, and receiving goes on;
 *   {@linkcode SSLSocket.prototype.unwrap} ends TLS in both directions and
 *   keeps the connection; `close()` sends close_notify, unlike Python's.
 *
 * On a non-blocking socket, a call that would block fails with
 * `SSLWantReadError` or `SSLWantWriteError`. Flags, addresses and `dup()` are
 * not supported.
 *
 * @typeParam A The address type of the socket.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket | Python: SSLSocket}
 *
 * @example A server
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as ssl from "@pystd/socket/ssl";
 *
 * const folder = "tests/ssl/certificates";
 * const context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
 * context.load_cert_chain(`${folder}/server.pem`, `${folder}/server.key.pem`);
 * const listener = socket.create_server(["127.0.0.1", 0]);
 * await using server = await context.wrap_socket(listener, {
 *   server_side: true,
 * });
 *
 * const trusting = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
 *   cafile: `${folder}/ca.pem`,
 * });
 * const plain = await socket.create_connection(server.getsockname());
 * const [[conn], client] = await Promise.all([
 *   server.accept(),
 *   trusting.wrap_socket(plain, { server_hostname: "localhost" }),
 * ]);
 * assertEquals(client.getpeercert()?.subject?.at(-1), [
 *   ["commonName", "localhost"],
 * ]);
 * await client[Symbol.asyncDispose]();
 * await conn[Symbol.asyncDispose]();
 * ```
 */
export class SSLSocket<A extends Address = Address> extends Socket<A> {
  readonly #core: SSLSocketCore<SSLContext>;

  static {
    refuseAbsent(this.prototype, "SSLSocket", ABSENT_IN_SOCKET);
    Object.defineProperty(
      this.prototype,
      Symbol.for("Deno.customInspect"),
      { value: this.prototype.toString },
    );
  }

  /**
   * Throws in programs, which call
   * {@linkcode SSLContext.prototype.wrap_socket} instead.
   *
   * @param family The address family.
   * @param type The type.
   * @param proto The protocol number.
   * @param fileno The descriptor to take over.
   * @param made A token that only this module has.
   * @param context The context.
   * @param wrapped The options of `wrap_socket`.
   * @throws {TypeError} Whenever a program calls it.
   */
  constructor(
    family: Socket<A>["family"],
    type: number,
    proto: number,
    fileno: number,
    made?: symbol,
    context?: SSLContext,
    wrapped?: object,
  ) {
    if (made !== WRAPPED || context === undefined) {
      throw new TypeError(
        "Cannot make an SSLSocket: it does not have a public constructor. Instances are returned by SSLContext.wrap_socket()",
      );
    }
    super(family, type, proto, fileno);
    this.#core = new SSLSocketCore(this, context, wrapped as HowWrapped);
  }

  /**
   * The context. Setting another one has no effect once the handshake has
   * begun.
   *
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.context | Python: context}
   */
  get context(): SSLContext {
    return this.#core.context;
  }

  set context(context: SSLContext) {
    this.#core.context = checkContext(context);
  }

  /** Whether this is a server's socket. */
  get server_side(): boolean {
    return this.#core.wrapped.server_side;
  }

  /**
   * The host name that the server's certificate must be valid for, in ASCII
   * (IDNA), or null if none was given.
   */
  get server_hostname(): string | null {
    return this.#core.wrapped.server_hostname;
  }

  /**
   * Does the handshake, unless it is already done. If the call is cancelled,
   * the handshake goes on, and the next call waits for it.
   *
   * @param options `signal` cancels the call.
   * @throws {SSLCertVerificationError} If the peer's certificate is refused.
   * @throws {SSLEOFError} If the connection ends first.
   * @throws {SSLError} If the handshake fails for another reason.
   * @throws {SSLWantReadError} If the socket is non-blocking and the peer has
   * not answered yet; `select` reports when to call again.
   * @throws {TimeoutError} If the handshake takes longer than the timeout.
   * @throws {OSError} ENOTCONN if the socket is not connected; EBADF if it is
   * closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.do_handshake | Python: do_handshake}
   */
  async do_handshake(options?: SignalOption): Promise<void> {
    const signal = checkSignal("do the handshake", options);
    try {
      await this.#core.handshake(this.gettimeout(), signal);
    } catch (error) {
      return failure(error, signal);
    }
  }

  /**
   * Accepts a connection whose handshake is done, or one without a handshake if
   * the socket was wrapped with `do_handshake_on_connect` false.
   *
   * While a call waits, every client that connects begins its handshake, and
   * the first one that is done is returned. Up to 1,024 handshakes run at once;
   * one more drops the oldest client. A cancelled call loses no connection.
   *
   * @param options `signal` cancels the call.
   * @returns The new socket, and the address of the peer.
   * @throws {SSLError} If the handshake of a client fails; the socket goes on
   * listening.
   * @throws {TimeoutError} If no handshake was done in time.
   * @throws {OSError} EINVAL if the socket is not listening; EBADF if it is
   * closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#socket-creation | Python: SSLSocket}
   */
  override accept(options?: SignalOption): Promise<[SSLSocket<A>, A]> {
    return super.accept(options).then(([conn, address]) => {
      const { context, wrapped } = this.#core;
      const socket = secure(conn, context, wrapped);
      socket.#core.adoptContext();
      return [socket, address];
    });
  }

  /**
   * Iterates over the connections of a listening socket, until the socket is
   * closed. Connections whose handshake fails are left out.
   *
   * @returns An iterator over the results of `accept`.
   */
  override [Symbol.asyncIterator](): AsyncIterableIterator<
    [SSLSocket<A>, A],
    void
  > {
    return toConnections(this, isFailedHandshake);
  }

  /**
   * Connects to a server, and does the handshake unless the socket was wrapped
   * with `do_handshake_on_connect` false.
   *
   * @param address The address of the server.
   * @param options `signal` cancels the call.
   * @throws {SSLError} If the handshake fails.
   * @throws {OSError} For the same reasons as `Socket.connect`.
   * @throws {RangeError} If this is a server's socket.
   */
  override connect(
    address: AddressInput<A>,
    options?: SignalOption,
  ): Promise<void> {
    const refused = this.#refuseConnect();
    return refused ??
      super.connect(address, options).then(() => this.#connected(options));
  }

  /**
   * Like {@linkcode SSLSocket.prototype.connect}, but returns an errno if the
   * connect fails. If the handshake fails, it throws, as in Python.
   *
   * @param address The address of the server.
   * @param options `signal` cancels the call.
   * @returns 0 if the socket is connected, otherwise an errno.
   * @throws {SSLError} If the handshake fails.
   * @throws {RangeError} If this is a server's socket.
   */
  override connect_ex(
    address: AddressInput<A>,
    options?: SignalOption,
  ): Promise<number> {
    const refused = this.#refuseConnect();
    return refused ??
      super.connect_ex(address, options).then((errno) =>
        errno === 0 ? this.#connected(options).then(() => errno) : errno
      );
  }

  #refuseConnect(): Promise<never> | undefined {
    if (!this.server_side) return undefined;
    return failure(
      new RangeError("Cannot connect: the socket is in server-side mode"),
    );
  }

  #connected(options: SignalOption | undefined): Promise<void> {
    return this.#core.wrapped.do_handshake_on_connect
      ? this.do_handshake(options)
      : Promise.resolve();
  }

  /**
   * Receives decrypted bytes.
   *
   * @param bufsize The maximum number of bytes to receive.
   * @param flags Must be 0: TLS has no flags.
   * @param options `signal` cancels the call.
   * @returns The bytes. An empty array means the end of the stream.
   * @throws {SSLWantReadError} If the socket is non-blocking and nothing has
   * arrived.
   * @throws {SSLEOFError} If the connection ends without close_notify, and
   * `suppress_ragged_eofs` is false.
   * @throws {SSLError} If a record was altered, or the peer sends an alert.
   * @throws {OSError} For the same reasons as `Socket.recv`.
   * @throws {RangeError} If `bufsize` is negative, or `flags` is not 0.
   */
  override recv(
    bufsize: number,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return refuseFlags("recv", flags) ?? super.recv(bufsize, flags, options);
  }

  /**
   * Receives decrypted bytes into a buffer.
   *
   * @param buffer The buffer to fill.
   * @param nbytes The maximum number of bytes to receive; 0, the default, means
   * the length of `buffer`.
   * @param flags Must be 0: TLS has no flags.
   * @param options `signal` cancels the call.
   * @returns The number of bytes, 0 at the end of the stream.
   * @throws {SSLError} For the same reasons as `recv`.
   * @throws {RangeError} If `nbytes` is out of range, or `flags` is not 0.
   */
  override recv_into(
    buffer: Uint8Array,
    nbytes?: number | ReceiveIntoOptions,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<number> {
    return refuseFlags("recv_into", nbytes, flags) ??
      super.recv_into(buffer, nbytes, flags, options);
  }

  /**
   * Encrypts and sends bytes, at most 64 KiB in one call.
   *
   * @param data The bytes.
   * @param flags Must be 0: TLS has no flags.
   * @param options `signal` cancels the call.
   * @returns The number of bytes sent or committed.
   * @throws {SSLWantWriteError} If the socket is non-blocking and there is no
   * room.
   * @throws {OSError} For the same reasons as `Socket.send`.
   * @throws {RangeError} If `flags` is not 0.
   */
  override send(
    data: Uint8Array,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<number> {
    return refuseFlags("send", flags) ?? super.send(data, flags, options);
  }

  /**
   * Encrypts and sends all of the bytes.
   *
   * @param data The bytes.
   * @param flags Must be 0: TLS has no flags.
   * @param options `signal` cancels the call.
   * @throws {OSError} For the same reasons as `Socket.sendall`.
   * @throws {RangeError} If `flags` is not 0.
   */
  override sendall(
    data: Uint8Array,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<void> {
    return refuseFlags("sendall", flags) ?? super.sendall(data, flags, options);
  }

  /**
   * Always fails, as in Python: TLS has no addresses.
   *
   * @returns A rejected promise.
   * @throws {RangeError} Always.
   */
  override recvfrom(): Promise<never> {
    return failure(notOnTls("recvfrom"));
  }

  /**
   * Always fails, as in Python: TLS has no addresses.
   *
   * @returns A rejected promise.
   * @throws {RangeError} Always.
   */
  override recvfrom_into(): Promise<never> {
    return failure(notOnTls("recvfrom_into"));
  }

  /**
   * Always fails, as in Python: TLS has no addresses.
   *
   * @returns A rejected promise.
   * @throws {RangeError} Always.
   */
  override sendto(): Promise<never> {
    return failure(notOnTls("sendto"));
  }

  /**
   * Always fails, as in Python: TLS has no messages.
   *
   * @returns A rejected promise.
   * @throws {OSError} EOPNOTSUPP, always.
   */
  override recvmsg(): Promise<never> {
    return failure(unsupported("recvmsg"));
  }

  /**
   * Always fails, as in Python: TLS has no messages.
   *
   * @returns A rejected promise.
   * @throws {OSError} EOPNOTSUPP, always.
   */
  override recvmsg_into(): Promise<never> {
    return failure(unsupported("recvmsg_into"));
  }

  /**
   * Always fails, as in Python: TLS has no messages.
   *
   * @returns A rejected promise.
   * @throws {OSError} EOPNOTSUPP, always.
   */
  override sendmsg(): Promise<never> {
    return failure(unsupported("sendmsg"));
  }

  /**
   * Always fails, as in Python: two sockets cannot share the state of TLS.
   *
   * @returns Nothing, since it always throws.
   * @throws {OSError} EOPNOTSUPP, always.
   */
  override dup(): never {
    throw unsupported("dup");
  }

  /**
   * Receives into `p`, as a Reader of `@std/io` does.
   *
   * @param p The buffer to fill.
   * @returns The number of bytes, or null at the end of the stream.
   */
  override read(p: Uint8Array): Promise<number | null>;
  /**
   * Receives bytes.
   *
   * @param len The maximum number of bytes to receive, 1024 by default.
   * @returns The bytes. An empty array means the end of the stream.
   */
  override read(len?: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Receives into a buffer.
   *
   * @param len The maximum number of bytes to receive; 0 means the length of
   * `buffer`.
   * @param buffer The buffer to fill.
   * @returns The number of bytes, 0 at the end of the stream.
   */
  override read(len: number, buffer: Uint8Array): Promise<number>;
  // The reference page of an overloaded method shows this comment.
  /**
   * Receives decrypted bytes, as Python's `read` does; or, with a buffer alone,
   * as a Reader of `@std/io` does. It takes no signal.
   *
   * @param len The maximum number of bytes, 1024 by default; or the buffer.
   * @param buffer The buffer to fill.
   * @returns The bytes, or their number if there is a buffer.
   * @throws {OSError} For the same reasons as `recv`.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.read | Python: read}
   */
  override read(
    len: number | Uint8Array = 1024,
    buffer?: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer> | number | null> {
    if (typeof len !== "number") return super.read(len);
    if (buffer === undefined) return this.recv(len);
    try {
      const target = checkBytes("read", "buffer", buffer);
      const size = Math.min(checkSize("read", "len", len), target.length);
      return this.recv_into(size === 0 ? target : target.subarray(0, size));
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Returns the number of decrypted bytes that can be received without waiting.
   *
   * @returns The number of bytes.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.pending | Python: pending}
   */
  pending(): number {
    return this.#core.pending;
  }

  /**
   * Returns the fields of the peer's certificate.
   *
   * @param binary_form False, which is the default.
   * @returns The fields: an empty object if the certificate was not verified,
   * null if the peer has presented none.
   */
  getpeercert(binary_form?: false): Partial<CertificateInfo> | null;
  /**
   * Returns the peer's certificate in DER.
   *
   * @param binary_form True.
   * @returns The bytes, or null if the peer has presented no certificate.
   */
  getpeercert(binary_form: true): Uint8Array | null;
  // The reference page of an overloaded method shows this comment.
  /**
   * Returns the peer's certificate: its fields, as Python has them with arrays
   * in place of tuples, or its bytes in DER.
   *
   * @param binary_form Whether to return it in DER; false by default.
   * @returns The fields, which are empty if it was not verified, or the bytes;
   * null if the peer has presented none.
   * @throws {RangeError} If the handshake is not done yet.
   * @throws {OSError} ENOTCONN if the socket is not connected; EBADF if it is
   * closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.getpeercert | Python: getpeercert}
   */
  getpeercert(
    binary_form: boolean = false,
  ): Partial<CertificateInfo> | Uint8Array | null {
    return binary_form
      ? this.#core.peerCertificate
      : this.#core.peerCertificateInfo;
  }

  /**
   * Returns the cipher of the connection.
   *
   * @returns The cipher's name, its TLS version, and the length of its key in
   * bits; null before the handshake.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.cipher | Python: cipher}
   */
  cipher(): [name: string, version: string, bits: number] | null {
    const { version, cipher } = this.#core.agreement ?? {};
    return version && cipher ? [cipher, version, cipherBits(cipher)] : null;
  }

  /**
   * Returns the TLS version of the connection.
   *
   * @returns `"TLSv1.2"` or `"TLSv1.3"`; null before the handshake.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.version | Python: version}
   */
  version(): string | null {
    return this.#core.agreement?.version ?? null;
  }

  /**
   * Returns the application protocol that was negotiated with ALPN.
   *
   * @returns The protocol's name, or null if there is none.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.selected_alpn_protocol | Python: selected_alpn_protocol}
   */
  selected_alpn_protocol(): string | null {
    return this.#core.agreement?.protocol ?? null;
  }

  /**
   * Returns the compression method. Data is never compressed, which is the
   * secure choice.
   *
   * @returns Always null.
   */
  compression(): null {
    return null;
  }

  /**
   * Ends TLS in both directions, and returns a plain socket for the connection.
   * The TLS socket is then detached. After a timeout or an abort, the call may
   * be repeated.
   *
   * @param options `signal` cancels the call.
   * @returns The plain socket, which has the same descriptor and timeout.
   * @throws {SSLError} APPLICATION_DATA_AFTER_CLOSE_NOTIFY if data of the peer
   * was not received; SHUTDOWN_WHILE_IN_INIT before the handshake is done.
   * @throws {SSLEOFError} If the connection ends without the peer's
   * close_notify.
   * @throws {TimeoutError} If the peer's close_notify did not arrive in time.
   * @throws {RangeError} If the socket is not connected.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.unwrap | Python: unwrap}
   */
  async unwrap(options?: SignalOption): Promise<Socket<A>> {
    const signal = checkSignal("unwrap", options);
    const timeout = this.gettimeout();
    try {
      await this.#core.unwrap(timeout, signal);
    } catch (error) {
      return failure(error, signal);
    }
    const { family, type, proto } = this;
    const plain = new Socket<A>(family, type, proto, this.detach());
    plain.settimeout(timeout);
    return plain;
  }

  /**
   * Detaches the descriptor without closing it. A `Socket` that takes it over
   * goes on using TLS.
   *
   * @returns The descriptor; -1 if the socket is already closed.
   */
  override detach(): number {
    return this.#core.detach(() => super.detach());
  }

  /**
   * Lets this socket's pending calls keep the process alive, which is the
   * default.
   */
  override ref(): void {
    super.ref();
    this.#core.referenced = true;
  }

  /**
   * Allows the process to end while this socket's calls are pending.
   */
  override unref(): void {
    super.unref();
    this.#core.referenced = false;
  }

  /**
   * Returns the text that Python prints for a TLS socket.
   *
   * @returns A text such as
   * `<ssl.SSLSocket fd=3, family=2, type=1, proto=0, ...>`.
   */
  override toString(): string {
    return super.toString().replace(/^<SSLSocket\b/, "<ssl.SSLSocket");
  }
}

/** Creates the TLS socket that takes over the descriptor of another socket. */
function secure<A extends Address>(
  sock: Socket<A>,
  context: SSLContext,
  wrapped: HowWrapped,
): SSLSocket<A> {
  const { family, type, proto } = sock;
  const timeout = sock.gettimeout();
  const args = [family, type, proto, sock.detach()] as const;
  const socket = new SSLSocket<A>(...args, WRAPPED, context, wrapped);
  socket.settimeout(timeout);
  return socket;
}
