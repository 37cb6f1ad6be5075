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

/** The token that makes an {@linkcode SSLSocket}; only this module has it. */
const WRAPPED = Symbol("wrapped");

let settingsOf: (context: SSLContext) => Settings;

/**
 * The socket of a server that asks which certificate to show, as far as it
 * exists by then.
 */
export interface ServerNameSocket {
  /** The context of the socket; another one set here is used instead. */
  context: SSLContext;
  /** Always true. */
  readonly server_side: boolean;
  /** Always null. */
  readonly server_hostname: string | null;
}

/** Called with the name that a client asks for; see {@linkcode SSLContext.prototype.sni_callback}. */
export type ServerNameCallback = (
  socket: ServerNameSocket,
  server_name: string | null,
  context: SSLContext,
) => number | null | undefined | void;

/**
 * The rules of TLS connections, and the certificates for them. One context
 * serves any number of sockets, one after the other and at once; a change counts
 * for the handshakes that begin after it.
 *
 * - **Certificates**: {@linkcode SSLContext.prototype.load_cert_chain},
 *   {@linkcode SSLContext.prototype.load_verify_locations},
 *   {@linkcode SSLContext.prototype.load_default_certs},
 *   {@linkcode SSLContext.prototype.get_ca_certs}.
 * - **Checks**: {@linkcode SSLContext.prototype.verify_mode},
 *   {@linkcode SSLContext.prototype.check_hostname},
 *   {@linkcode SSLContext.prototype.hostname_checks_common_name}.
 * - **Agreement**: {@linkcode SSLContext.prototype.minimum_version},
 *   {@linkcode SSLContext.prototype.maximum_version},
 *   {@linkcode SSLContext.prototype.set_alpn_protocols},
 *   {@linkcode SSLContext.prototype.sni_callback}.
 * - **Sockets**: {@linkcode SSLContext.prototype.wrap_socket}.
 *
 * Where the runtime has nothing for a member of Python's class, such as
 * `set_ciphers`, `options` or `keylog_filename`, using it fails with EOPNOTSUPP;
 * setting a property that does not exist is a `TypeError`.
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
   * Makes a context without trusted authorities and without a certificate.
   *
   * For clients it checks certificates and host names; a server does not ask its
   * clients for certificates.
   *
   * @param protocol `PROTOCOL_TLS_CLIENT` or `PROTOCOL_TLS_SERVER`.
   * @throws {RangeError} If `protocol` is another one.
   * @throws {OSError} EOPNOTSUPP if this is Deno 2.7 or older.
   */
  constructor(protocol: number) {
    // On older ones handshakes hang, or end the process.
    requireDeno(8, "TLS");
    this.#settings = new Settings(protocol);
    // A property that does not exist must not seem to be set.
    if (new.target === SSLContext) Object.preventExtensions(this);
  }

  /**
   * The protocol, as it was given.
   */
  get protocol(): number {
    return this.#settings.protocol;
  }

  /**
   * Whether a client checks that the server's certificate is for `server_hostname`.
   * Switching it on sets `verify_mode` to `CERT_REQUIRED` if it is `CERT_NONE`.
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
   * Whether the common name counts in a certificate without alternative names; the
   * default, as in Python.
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
   * Whether the peer's certificate is checked: `CERT_NONE`, `CERT_OPTIONAL` or
   * `CERT_REQUIRED`. For a client the last two are the same. Setting `CERT_NONE` is
   * a `RangeError` while `check_hostname` is on.
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
   * The oldest version of TLS that is accepted, one of {@linkcode TLSVersion};
   * `TLSv1_2` by default. Setting one before 1.2 fails with EOPNOTSUPP.
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
   * The newest version of TLS that is accepted, one of {@linkcode TLSVersion};
   * `MAXIMUM_SUPPORTED` by default. Setting one before 1.2 fails with EOPNOTSUPP.
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
   * A function that a server calls when a client has begun, with the socket, the
   * name that the client asks for, or null, and the context. It may set another
   * `context` on the socket, and so show another certificate. A number that it
   * returns is the alert with which the client is refused; if it throws, the
   * handshake fails on both ends, with the error as `cause`.
   *
   * The socket is not complete yet: it has `context`, `server_side` and
   * `server_hostname` only. The other context's `verify_mode` counts where it is the
   * stricter one.
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
   * Loads the certificate to show, the ones between it and its root, and the key.
   *
   * The key may be RSA from 2048 bits, on the curve P-256, P-384 or P-521, or
   * Ed25519; in PKCS #8, PKCS #1 or SEC 1, encrypted or not.
   *
   * @param certfile The path of a PEM file with the certificates, its own first.
   * @param keyfile The path of a PEM file with the key; by default `certfile`. Or
   * both optional arguments by name, as {@linkcode KeyOptions}.
   * @param password The password of an encrypted key, or a function that returns it.
   * Python asks for a missing one at the terminal; here that is a `TypeError`.
   * @throws {FileNotFoundError} ENOENT if a file is missing.
   * @throws {PermissionError} EACCES without `--allow-read` for a file.
   * @throws {SSLError} If a file has no certificate or no key, if the password is
   * wrong, or if the key is another certificate's.
   * @throws {OSError} EOPNOTSUPP if the key is of another kind.
   * @throws {TypeError} If an argument has the wrong type.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.load_cert_chain | Python: load_cert_chain}
   */
  load_cert_chain(
    certfile: string,
    keyfile: string | KeyOptions | null = null,
    password: Password | null = null,
  ): void {
    traced(
      SSLContext.prototype.load_cert_chain,
      () =>
        this.#settings.loadChain(...checkChain(certfile, keyfile, password)),
    );
  }

  /**
   * Trusts certificates, beside those that are trusted already.
   *
   * @param cafile The path of a PEM file with certificates. Or all arguments by name,
   * as {@linkcode VerifyLocations}.
   * @param capath The path of a folder with one certificate in each file, named by
   * the hash of its subject, as `c_rehash` does. All are read at once.
   * @param cadata Certificates as PEM text, or as bytes in DER.
   * @throws {FileNotFoundError} ENOENT if the file or folder is missing.
   * @throws {PermissionError} EACCES without `--allow-read` for it.
   * @throws {SSLError} If there is no certificate in it.
   * @throws {RangeError} If `cadata` is empty.
   * @throws {TypeError} If all are left out, or one has the wrong type.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.load_verify_locations | Python: load_verify_locations}
   */
  load_verify_locations(
    cafile: string | VerifyLocations | null = null,
    capath: string | null = null,
    cadata: string | Uint8Array | null = null,
  ): void {
    traced(
      SSLContext.prototype.load_verify_locations,
      () => this.#settings.addRoots(certificatesAt(cafile, capath, cadata)),
    );
  }

  /**
   * Trusts the runtime's roots: Mozilla's, or those that `DENO_TLS_CA_STORE` and
   * `--cert` choose.
   *
   * @param purpose Which certificates to check with them; all roots serve both.
   * @throws {TypeError} If `purpose` is no {@linkcode Purpose}.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.load_default_certs | Python: load_default_certs}
   */
  load_default_certs(purpose: Purpose = Purpose.SERVER_AUTH): void {
    this.#settings.useDefaultRoots(purpose);
  }

  /**
   * Returns the authorities that were loaded from files and text. The runtime's roots
   * are not listed.
   *
   * @param binary_form False for the shape of `getpeercert()`.
   * @returns The certificates.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.get_ca_certs | Python: get_ca_certs}
   */
  get_ca_certs(binary_form?: false): CertificateInfo[];
  /**
   * Returns the authorities that were loaded, in DER.
   *
   * @param binary_form True.
   * @returns The certificates.
   */
  get_ca_certs(binary_form: true): Uint8Array[];
  // The page of an overloaded method shows this documentation.
  /**
   * Returns the authorities that were loaded from files and text. The runtime's
   * roots are not listed.
   *
   * @param binary_form Whether to return DER, and not the shape of
   * `getpeercert()`.
   * @returns The certificates.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.get_ca_certs | Python: get_ca_certs}
   */
  get_ca_certs(binary_form: boolean = false): (CertificateInfo | Uint8Array)[] {
    return this.#settings.roots.filter(({ isCA }) => isCA).map((root) =>
      binary_form ? root.der.slice() : root.toInfo()
    );
  }

  /**
   * Sets the protocols to agree on with ALPN, such as `["h2", "http/1.1"]`. The first
   * of the server's that the client has too is chosen; with none in common there is
   * none, and the handshake goes on, as in Python.
   *
   * @param alpn_protocols The names, in the order of preference.
   * @throws {SSLError} If a name is empty or longer than 255 bytes.
   * @throws {TypeError} If they are no list of strings.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLContext.set_alpn_protocols | Python: set_alpn_protocols}
   */
  set_alpn_protocols(alpn_protocols: Iterable<string>): void {
    this.#settings.setProtocols(alpn_protocols);
  }

  /**
   * Sets {@linkcode SSLContext.prototype.sni_callback}, as in older programs.
   *
   * @param callback The function, or null for none.
   * @throws {TypeError} If it is neither.
   */
  set_servername_callback(callback: ServerNameCallback | null): void {
    this.sni_callback = callback;
  }

  /**
   * Makes a socket that speaks TLS of another one, which it detaches: the descriptor,
   * the connection, bytes that were read ahead, the timeout and the options go on.
   *
   * Of a connected socket it does the handshake. Of an unconnected one `connect`
   * does it. Of a listening one `accept` gives connections on which it is done: a
   * client that sends nothing delays no other, and one that fails it costs that
   * `accept` an error. With `do_handshake_on_connect` false, `do_handshake`, or the
   * first call that receives or sends, does it.
   *
   * If the handshake fails, times out or is aborted, the connection is closed.
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
   * @param sock The socket, of any family; it must be a stream.
   * @param options How to wrap it; `signal` cancels the handshake.
   * @returns The socket that speaks TLS.
   * @throws {SSLCertVerificationError} If the peer's certificate is refused.
   * @throws {SSLEOFError} If the connection ends during the handshake.
   * @throws {SSLError} If the handshake fails otherwise, or the context is for the
   * other side.
   * @throws {TimeoutError} If the handshake takes longer than the timeout.
   * @throws {ConnectionResetError} ECONNRESET if the peer resets the connection.
   * @throws {OSError} EBADF if the socket is closed; EOPNOTSUPP if it is no stream.
   * @throws {RangeError} If `check_hostname` is on and `server_hostname` is missing;
   * if a server has a `server_hostname`; if the socket is non-blocking and the
   * handshake is to be done at once.
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

/** Asks the program's callback, if there is one. */
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
 * A socket that speaks TLS; {@linkcode SSLContext.prototype.wrap_socket} makes
 * it. It is a `Socket` with all of its calls and promises: timeouts and aborts
 * that lose nothing, calls served in order, `select`, `makefile`, streams,
 * `using`.
 *
 * - **Handshake**: {@linkcode SSLSocket.prototype.do_handshake}, and before it
 *   is done every call that receives or sends.
 * - **The peer**: {@linkcode SSLSocket.prototype.getpeercert},
 *   {@linkcode SSLSocket.prototype.version},
 *   {@linkcode SSLSocket.prototype.cipher},
 *   {@linkcode SSLSocket.prototype.selected_alpn_protocol}.
 * - **Data**: {@linkcode SSLSocket.prototype.read}, `write`,
 *   {@linkcode SSLSocket.prototype.pending}, and those of `Socket`.
 * - **End**: `shutdown(SHUT_WR)` ends TLS in one direction, and receiving goes
 *   on; {@linkcode SSLSocket.prototype.unwrap} ends it both ways and leaves the
 *   connection; `close()` sends the end of TLS, unlike Python's.
 *
 * A call that would block on a non-blocking socket fails with
 * `SSLWantReadError` or `SSLWantWriteError`. Flags are refused, as are addresses and `dup()`.
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
   * Not for programs: a context's `wrap_socket` makes these.
   *
   * @param family The address family.
   * @param type The type.
   * @param proto The protocol.
   * @param fileno The descriptor.
   * @param made The token of this module.
   * @param context The context.
   * @param wrapped How it is wrapped.
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
   * The context. Setting another one counts until the handshake begins.
   *
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.context | Python: context}
   */
  get context(): SSLContext {
    return this.#core.context;
  }

  set context(context: SSLContext) {
    this.#core.context = checkContext(context);
  }

  /**
   * Whether it is the server's end.
   */
  get server_side(): boolean {
    return this.#core.wrapped.server_side;
  }

  /**
   * The name that the server's certificate has to be for, null for none; one that is
   * not ASCII is encoded.
   */
  get server_hostname(): string | null {
    return this.#core.wrapped.server_hostname;
  }

  /**
   * Does the handshake, if it is not done yet. A call that is cancelled leaves it under
   * way, and the next one goes on with it.
   *
   * @param options `signal` cancels the call.
   * @throws {SSLCertVerificationError} If the peer's certificate is refused.
   * @throws {SSLEOFError} If the connection ends first.
   * @throws {SSLError} If the handshake fails otherwise.
   * @throws {SSLWantReadError} If the socket is non-blocking and the peer has not
   * answered yet; `select` reports when to call again.
   * @throws {TimeoutError} If it takes longer than the timeout.
   * @throws {OSError} ENOTCONN if the socket is not connected; EBADF if it is closed.
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
   * Accepts a client, with the handshake done unless the socket was wrapped with
   * `do_handshake_on_connect` false. While a call waits, every client that comes
   * begins its handshake, and the first that is done is returned; 1,024 may be under
   * way, and one more ends the oldest. A call that is cancelled loses no client.
   *
   * @param options `signal` cancels the call.
   * @returns The socket of the client, and its address.
   * @throws {SSLError} If a client fails the handshake; the socket goes on listening.
   * @throws {TimeoutError} If no client is done within the timeout.
   * @throws {OSError} EINVAL if it does not listen; EBADF if it is closed.
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
   * Accepts clients, passing over those that fail the handshake, until the socket is
   * closed.
   *
   * @returns The sockets of the clients, and their addresses.
   */
  override [Symbol.asyncIterator](): AsyncIterableIterator<
    [SSLSocket<A>, A],
    void
  > {
    return toConnections(this, isFailedHandshake);
  }

  /**
   * Connects, and does the handshake unless the socket was wrapped with
   * `do_handshake_on_connect` false.
   *
   * @param address The address of the server.
   * @param options `signal` cancels the call.
   * @throws {SSLError} If the handshake fails.
   * @throws {OSError} As `Socket.connect`.
   * @throws {RangeError} If it is a server's socket.
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
   * As `connect`, but returns the errno of a connect that fails. A handshake that fails
   * is thrown all the same, as in Python.
   *
   * @param address The address of the server.
   * @param options `signal` cancels the call.
   * @returns 0 or the errno.
   * @throws {SSLError} If the handshake fails.
   * @throws {RangeError} If it is a server's socket.
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
   * Receives up to `bufsize` decrypted bytes; none at the end.
   *
   * @param bufsize The most to receive.
   * @param flags None.
   * @param options `signal` cancels the call.
   * @returns The bytes.
   * @throws {SSLWantReadError} If the socket is non-blocking and nothing is there.
   * @throws {SSLEOFError} If the connection ends without the end of TLS, and
   * `suppress_ragged_eofs` is off.
   * @throws {SSLError} If a record was changed, or the peer sends an alert.
   * @throws {OSError} As `Socket.recv`.
   * @throws {RangeError} If `flags` are given: they have no meaning over TLS.
   */
  override recv(
    bufsize: number,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return refuseFlags("recv", flags) ?? super.recv(bufsize, flags, options);
  }

  /**
   * Receives decrypted bytes into a buffer; as `recv` otherwise.
   *
   * @param buffer Where they go.
   * @param nbytes The most to receive; the whole buffer by default.
   * @param flags None.
   * @param options `signal` cancels the call.
   * @returns The number of bytes.
   * @throws {SSLError} As `recv`.
   * @throws {RangeError} If `flags` are given: they have no meaning over TLS.
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
   * Encrypts and sends bytes, at most 64 KiB at once.
   *
   * @param data The bytes.
   * @param flags None.
   * @param options `signal` cancels the call.
   * @returns How many were taken.
   * @throws {SSLWantWriteError} If the socket is non-blocking and there is no room.
   * @throws {OSError} As `Socket.send`.
   * @throws {RangeError} If `flags` are given: they have no meaning over TLS.
   */
  override send(
    data: Uint8Array,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<number> {
    return refuseFlags("send", flags) ?? super.send(data, flags, options);
  }

  /**
   * Encrypts and sends all bytes.
   *
   * @param data The bytes.
   * @param flags None.
   * @param options `signal` cancels the call.
   * @throws {OSError} As `Socket.sendall`.
   * @throws {RangeError} If `flags` are given: they have no meaning over TLS.
   */
  override sendall(
    data: Uint8Array,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<void> {
    return refuseFlags("sendall", flags) ?? super.sendall(data, flags, options);
  }

  /**
   * Refused, as in Python: TLS has no addresses.
   *
   * @returns Nothing.
   * @throws {RangeError} Always.
   */
  override recvfrom(): Promise<never> {
    return failure(notOnTls("recvfrom"));
  }

  /**
   * Refused, as in Python: TLS has no addresses.
   *
   * @returns Nothing.
   * @throws {RangeError} Always.
   */
  override recvfrom_into(): Promise<never> {
    return failure(notOnTls("recvfrom_into"));
  }

  /**
   * Refused, as in Python: TLS has no addresses.
   *
   * @returns Nothing.
   * @throws {RangeError} Always.
   */
  override sendto(): Promise<never> {
    return failure(notOnTls("sendto"));
  }

  /**
   * Refused, as in Python: TLS has no messages.
   *
   * @returns Nothing.
   * @throws {OSError} EOPNOTSUPP, always.
   */
  override recvmsg(): Promise<never> {
    return failure(unsupported("recvmsg"));
  }

  /**
   * Refused, as in Python: TLS has no messages.
   *
   * @returns Nothing.
   * @throws {OSError} EOPNOTSUPP, always.
   */
  override recvmsg_into(): Promise<never> {
    return failure(unsupported("recvmsg_into"));
  }

  /**
   * Refused, as in Python: TLS has no messages.
   *
   * @returns Nothing.
   * @throws {OSError} EOPNOTSUPP, always.
   */
  override sendmsg(): Promise<never> {
    return failure(unsupported("sendmsg"));
  }

  /**
   * Refused, as in Python: two sockets cannot share the state of TLS.
   *
   * @returns Nothing.
   * @throws {OSError} EOPNOTSUPP, always.
   */
  override dup(): never {
    throw unsupported("dup");
  }

  /**
   * Reads as `Socket.read` does, for the functions of `@std/io`.
   *
   * @param p Where the bytes go.
   * @returns Their number, null at the end.
   */
  override read(p: Uint8Array): Promise<number | null>;
  /**
   * Reads up to `len` bytes.
   *
   * @param len The most to read, 1024 by default.
   * @returns The bytes, none at the end.
   */
  override read(len?: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Reads up to `len` bytes into a buffer.
   *
   * @param len The most to read; 0 for the whole buffer.
   * @param buffer Where they go.
   * @returns Their number, 0 at the end.
   */
  override read(len: number, buffer: Uint8Array): Promise<number>;
  // The page of an overloaded method shows this documentation.
  /**
   * Reads decrypted bytes: as Python's `read`, or, with a buffer alone, as
   * `Socket.read`, for the functions of `@std/io`.
   *
   * @param len The most to read, 1024 by default; or the buffer.
   * @param buffer Where they go.
   * @returns The bytes; with a buffer their number.
   * @throws {SSLError} As `recv`.
   * @throws {OSError} As `recv`.
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
   * Returns how many bytes are decrypted and not received yet.
   *
   * @returns Their number.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.pending | Python: pending}
   */
  pending(): number {
    return this.#core.pending;
  }

  /**
   * Returns the certificate of the peer.
   *
   * @param binary_form False for its fields.
   * @returns The fields, none if the certificate was not checked, null if the peer
   * has shown none.
   */
  getpeercert(binary_form?: false): Partial<CertificateInfo> | null;
  /**
   * Returns the certificate of the peer in DER.
   *
   * @param binary_form True.
   * @returns The bytes, null if the peer has shown none.
   */
  getpeercert(binary_form: true): Uint8Array | null;
  // The page of an overloaded method shows this documentation.
  /**
   * Returns the certificate of the peer. Its fields are those of Python's, with
   * arrays for tuples; there are none if the certificate was not checked.
   *
   * @param binary_form Whether to return it in DER.
   * @returns The fields or the bytes, null if the peer has shown none.
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
   * Returns the cipher that was agreed on.
   *
   * @returns Its name, the version of TLS that it is of, and its strength in bits;
   * null before the handshake.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.cipher | Python: cipher}
   */
  cipher(): [name: string, version: string, bits: number] | null {
    const { version, cipher } = this.#core.agreement ?? {};
    return version && cipher ? [cipher, version, cipherBits(cipher)] : null;
  }

  /**
   * Returns the version of TLS that was agreed on.
   *
   * @returns `"TLSv1.2"` or `"TLSv1.3"`, null before the handshake.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.version | Python: version}
   */
  version(): string | null {
    return this.#core.agreement?.version ?? null;
  }

  /**
   * Returns the protocol that was agreed on with ALPN.
   *
   * @returns Its name, null for none.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.selected_alpn_protocol | Python: selected_alpn_protocol}
   */
  selected_alpn_protocol(): string | null {
    return this.#core.agreement?.protocol ?? null;
  }

  /**
   * Returns the compression: there is none, which is the secure choice.
   *
   * @returns Null.
   */
  compression(): null {
    return null;
  }

  /**
   * Ends TLS both ways, and gives a plain socket on the connection. This one has given
   * it up then, as if detached. A call that timed out or was aborted may be repeated.
   *
   * @param options `signal` cancels the call.
   * @returns The plain socket, with the same descriptor and timeout.
   * @throws {SSLError} APPLICATION_DATA_AFTER_CLOSE_NOTIFY if data of the peer are
   * unread; SHUTDOWN_WHILE_IN_INIT before the handshake is done.
   * @throws {SSLEOFError} If the connection ends without the peer's end of TLS.
   * @throws {TimeoutError} If the peer does not end TLS within the timeout.
   * @throws {RangeError} If there is no TLS around the socket.
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
   * Gives up the descriptor without closing it. A `Socket` made of it goes on speaking
   * TLS.
   *
   * @returns The descriptor.
   */
  override detach(): number {
    return this.#core.detach(() => super.detach());
  }

  /**
   * Lets pending calls keep the process alive, as they do.
   */
  override ref(): void {
    super.ref();
    this.#core.referenced = true;
  }

  /**
   * Lets the process end while calls are pending.
   */
  override unref(): void {
    super.unref();
    this.#core.referenced = false;
  }

  /**
   * Returns the text that Python prints.
   *
   * @returns Such as `<ssl.SSLSocket fd=3, family=2, type=1, proto=0>`.
   */
  override toString(): string {
    return super.toString().replace(/^<SSLSocket\b/, "<ssl.SSLSocket");
  }
}

/** Makes a socket that speaks TLS of another one, which it detaches. */
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
