import type { Address, AddressInput } from "../base/address.ts";
import {
  checkBytes,
  checkOptions,
  checkSignal,
  checkSize,
  checkText,
  isOptions,
  type KnownOptions,
  show,
} from "../base/checks.ts";
import { SHUT_WR, SOCK_STREAM } from "../base/constants.ts";
import { osError } from "../base/os_error.ts";
import { Connected } from "../endpoint/connected.ts";
import { type Descriptor, findDescriptor } from "../endpoint/description.ts";
import {
  type FlagsOption,
  type ReceiveIntoOptions,
  type SignalOption,
  Socket,
} from "../socket/socket.ts";
import { CallOwner, failure } from "../wait/waiter.ts";
import {
  Handshaking,
  isFailedHandshake,
  Secured,
  TlsLayer,
} from "./endpoints.ts";
import { Certificate, type CertificateInfo } from "./certificate.ts";
import {
  PROTOCOL_TLS_CLIENT,
  PROTOCOL_TLS_SERVER,
  Purpose,
} from "./constants.ts";
import { elementsOf } from "./der.ts";
import { SSL_ERROR_SSL, SSLError } from "./errors.ts";
import { Negotiation, type WrapSettings } from "./negotiation.ts";
import { certificatesIn } from "./pem.ts";
import {
  certificatesOf,
  certificatesUnder,
  type Password,
  Settings,
} from "./settings.ts";
import type { Rejection, TlsConn } from "./tls_conn.ts";
import { endedEarly, protocolError } from "./tls_errors.ts";

/** What makes an {@linkcode SSLSocket}; nothing else has it. */
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

/** How a socket is wrapped. */
export interface WrapOptions extends SignalOption {
  /** Whether it is the server's end; false by default. */
  server_side?: boolean | undefined;
  /** Whether connecting, accepting or wrapping does the handshake; the default. */
  do_handshake_on_connect?: boolean | undefined;
  /** Whether an end without the end of TLS is an end like any other; the default. */
  suppress_ragged_eofs?: boolean | undefined;
  /** The name that the server's certificate has to be for. */
  server_hostname?: string | null | undefined;
}

const LOCATIONS: KnownOptions = { cafile: true, capath: true, cadata: true };
const KEY_OPTIONS: KnownOptions = { keyfile: true, password: true };
const WRAP_OPTIONS: KnownOptions = {
  signal: true,
  server_side: true,
  do_handshake_on_connect: true,
  suppress_ragged_eofs: true,
  server_hostname: true,
  session: "Deno resumes no sessions of TLS on request",
};

/** What the runtime's TLS has no means for, with the reason. */
const ABSENT_IN_CONTEXT: Readonly<Record<string, string>> = {
  get_ciphers: "Deno has one fixed list of ciphers",
  keylog_filename: "Deno writes no keys of a session anywhere",
  load_dh_params: "Deno has no Diffie-Hellman with parameters of one's own",
  num_tickets: "Deno decides on tickets itself",
  options: "Deno has none of OpenSSL's options; TLS 1.2 is the oldest anyway",
  post_handshake_auth: "Deno asks for certificates in the handshake only",
  security_level: "Deno has OpenSSL's level 2 and no other",
  session_stats: "Deno counts no sessions",
  set_ciphers: "Deno has one fixed list of ciphers",
  set_ecdh_curve: "Deno has one fixed list of curves",
  set_npn_protocols: "NPN is obsolete; see set_alpn_protocols",
  set_psk_client_callback: "Deno has no pre-shared keys",
  set_psk_server_callback: "Deno has no pre-shared keys",
  verify_flags: "Deno checks no lists of revoked certificates",
  wrap_bio: "TLS needs a socket here; a socketpair() is one in memory",
};

const ABSENT_IN_SOCKET: Readonly<Record<string, string>> = {
  get_channel_binding: "Deno reveals none",
  session: "Deno resumes no sessions of TLS on request",
  session_reused: "Deno resumes no sessions of TLS on request",
  shared_ciphers: "Deno does not report them",
  verify_client_post_handshake:
    "Deno asks for certificates in the handshake only",
};

/** Has what is absent fail with a reason, where it would be silently nothing. */
function refuseAbsent(
  prototype: object,
  name: string,
  absent: Readonly<Record<string, string>>,
): void {
  for (const [key, reason] of Object.entries(absent)) {
    const refuse = () => {
      throw osError("EOPNOTSUPP", `${name}.${key}: ${reason}`);
    };
    Object.defineProperty(prototype, key, { get: refuse, set: refuse });
  }
}

/**
 * The rules of TLS connections, and the certificates for them.
 */
export class SSLContext {
  readonly #settings: Settings;
  #sniCallback: ServerNameCallback | null = null;

  static {
    settingsOf = (context) => context.#settings;
    refuseAbsent(this.prototype, "SSLContext", ABSENT_IN_CONTEXT);
  }

  constructor(protocol: number) {
    this.#settings = new Settings(protocol);
    // A property that does not exist must not seem to be set.
    if (new.target === SSLContext) Object.preventExtensions(this);
  }

  get protocol(): number {
    return this.#settings.protocol;
  }

  get check_hostname(): boolean {
    return this.#settings.checkHostname;
  }

  set check_hostname(on: boolean) {
    this.#settings.checkHostname = on;
  }

  get hostname_checks_common_name(): boolean {
    return this.#settings.checksCommonName;
  }

  set hostname_checks_common_name(on: boolean) {
    this.#settings.checksCommonName = on;
  }

  get verify_mode(): number {
    return this.#settings.verifyMode;
  }

  set verify_mode(mode: number) {
    this.#settings.verifyMode = mode;
  }

  get minimum_version(): number {
    return this.#settings.minVersion;
  }

  set minimum_version(version: number) {
    this.#settings.minVersion = version;
  }

  get maximum_version(): number {
    return this.#settings.maxVersion;
  }

  set maximum_version(version: number) {
    this.#settings.maxVersion = version;
  }

  get sni_callback(): ServerNameCallback | null {
    return this.#sniCallback;
  }

  set sni_callback(callback: ServerNameCallback | null) {
    if (callback !== null && typeof callback !== "function") {
      throw new TypeError(
        `Cannot set sni_callback: it must be a function or null, received ${
          show(callback)
        }`,
      );
    }
    this.#sniCallback = callback;
  }

  load_cert_chain(
    certfile: string,
    keyfile: string | KeyOptions | null = null,
    password: Password | null = null,
  ): void {
    const action = "load a certificate chain";
    if (isOptions(keyfile)) {
      checkOptions(action, keyfile, KEY_OPTIONS);
      ({ keyfile = null, password = null } = keyfile as KeyOptions);
    }
    checkText(action, "certfile", certfile);
    if (keyfile !== null) checkText(action, "keyfile", keyfile);
    this.#settings.loadChain(certfile, keyfile as string | null, password);
  }

  load_verify_locations(
    cafile: string | VerifyLocations | null = null,
    capath: string | null = null,
    cadata: string | Uint8Array | null = null,
  ): void {
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
    this.#settings.addRoots(found);
  }

  load_default_certs(purpose: Purpose = Purpose.SERVER_AUTH): void {
    if (!Object.values(Purpose).includes(purpose)) {
      throw new TypeError(
        `Cannot load certificates: purpose must be a Purpose, received ${
          show(purpose)
        }`,
      );
    }
    this.#settings.useDefaultRoots();
  }

  get_ca_certs(binary_form?: false): CertificateInfo[];
  get_ca_certs(binary_form: true): Uint8Array[];
  get_ca_certs(binary_form: boolean = false): (CertificateInfo | Uint8Array)[] {
    return this.#settings.roots.filter(({ isCA }) => isCA).map((root) =>
      binary_form ? root.der.slice() : root.toInfo()
    );
  }

  set_alpn_protocols(alpn_protocols: Iterable<string>): void {
    if (typeof alpn_protocols === "string") {
      throw new TypeError(
        "Cannot set ALPN protocols: they must be a list, received a string",
      );
    }
    this.#settings.protocols = [...alpn_protocols];
  }

  set_servername_callback(callback: ServerNameCallback | null): void {
    this.sni_callback = callback;
  }

  async wrap_socket<A extends Address>(
    sock: Socket<A>,
    options: WrapOptions = {},
  ): Promise<SSLSocket<A>> {
    const action = "wrap a socket";
    const signal = checkSignal(action, options, WRAP_OPTIONS);
    const wrapped = this.#checkWrap(sock, options);
    const descriptor = findDescriptor(sock.fileno());
    if (descriptor === undefined) throw osError("EBADF");
    signal?.throwIfAborted();
    const { description } = descriptor;
    const isConnected = description.endpoint instanceof Connected;
    const { do_handshake_on_connect } = wrapped;
    const timeout = sock.gettimeout();
    if (isConnected && do_handshake_on_connect && timeout === 0) {
      throw new RangeError(
        `Cannot ${action}: do_handshake_on_connect should not be specified for non-blocking sockets`,
      );
    }
    const { family, type, proto } = sock;
    const fileno = sock.detach();
    description.setLayer(
      new TlsLayer(
        () =>
          new Negotiation<SSLContext>(this, settingsOf, wrapped, askServerName),
        wrapped.server_side && do_handshake_on_connect,
      ),
    );
    const tls = new SSLSocket<A>(
      family,
      type,
      proto,
      fileno,
      WRAPPED,
      this,
      wrapped,
    );
    tls.settimeout(timeout);
    if (isConnected && do_handshake_on_connect) {
      try {
        await tls.do_handshake(signal && { signal });
      } catch (error) {
        tls.close();
        throw error;
      }
    }
    return tls;
  }

  #checkWrap(sock: Socket, options: WrapOptions): HowWrapped {
    const action = "wrap a socket";
    if (!(sock instanceof Socket)) {
      throw new TypeError(
        `Cannot ${action}: it must be a Socket, received ${show(sock)}`,
      );
    }
    if (sock.type !== SOCK_STREAM) {
      throw osError("EOPNOTSUPP", "only stream sockets are supported");
    }
    const {
      server_side = false,
      do_handshake_on_connect = true,
      suppress_ragged_eofs = true,
      server_hostname = null,
    } = options;
    if (server_side) {
      if (server_hostname !== null) {
        throw new RangeError(
          `Cannot ${action}: server_hostname can only be specified in client mode`,
        );
      }
      if (this.protocol === PROTOCOL_TLS_CLIENT) {
        throw new SSLError(
          SSL_ERROR_SSL,
          "Cannot create a server socket with a PROTOCOL_TLS_CLIENT context",
        );
      }
    } else if (this.protocol === PROTOCOL_TLS_SERVER) {
      throw new SSLError(
        SSL_ERROR_SSL,
        "Cannot create a client socket with a PROTOCOL_TLS_SERVER context",
      );
    }
    if (this.check_hostname && !server_side && !server_hostname) {
      throw new RangeError(
        `Cannot ${action}: check_hostname requires server_hostname`,
      );
    }
    return {
      server_side,
      do_handshake_on_connect,
      suppress_ragged_eofs,
      server_hostname: server_hostname === null
        ? null
        : asciiHost(action, server_hostname),
    };
  }
}

interface HowWrapped extends WrapSettings {
  readonly do_handshake_on_connect: boolean;
}

/** A host name in the form that certificates and servers have it in. */
function asciiHost(action: string, host: string): string {
  checkText(action, "server_hostname", host);
  if (host === "" || host.startsWith(".")) {
    throw new RangeError(
      `Cannot ${action}: server_hostname cannot be an empty string or start with a leading dot`,
    );
  }
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(host)) return host;
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    throw new RangeError(
      `Cannot ${action}: server_hostname must be a host name, received ${
        show(host)
      }`,
    );
  }
}

const HANDSHAKE_FAILURE = 40;

/** Lets a program choose the context by the name that a client asks for. */
function askServerName(
  negotiation: Negotiation<SSLContext>,
  name: string | null,
): Rejection | undefined {
  const { context } = negotiation;
  const { sni_callback } = context;
  if (sni_callback === null) return undefined;
  const socket: ServerNameSocket = {
    server_side: true,
    server_hostname: null,
    get context() {
      return negotiation.context;
    },
    set context(other) {
      negotiation.context = checkContext(other);
    },
  };
  let alert: number | null | undefined | void;
  let cause: unknown;
  try {
    alert = sni_callback(socket, name, context);
  } catch (error) {
    cause = error;
    alert = HANDSHAKE_FAILURE;
  }
  if (alert === undefined || alert === null) return undefined;
  const error = protocolError("CALLBACK_FAILED", { cause });
  return { error, alert: Number.isInteger(alert) ? alert & 0xff : 80 };
}

/** A call whose address or ancillary data has no meaning over TLS. */
function notOnTls(name: string): Error {
  return new RangeError(`Cannot ${name}: not allowed on an SSLSocket`);
}

function unsupported(name: string): Error {
  return osError("EOPNOTSUPP", `${name}() on an SSLSocket`);
}

/** The flags of the kernel have no meaning for what is decrypted. */
function refuseFlags(
  name: string,
  first: unknown,
  second?: unknown,
): Promise<never> | undefined {
  const isInto = name === "recv_into";
  const given = isInto && !isOptions(first) ? second : first;
  const flags = isOptions(given) ? (given as FlagsOption).flags : given;
  if (typeof flags !== "number" || flags === 0) return undefined;
  return failure(
    new RangeError(
      `Cannot ${name}: non-zero flags not allowed on an SSLSocket, received ${flags}`,
    ),
  );
}

/** The strength of a cipher, of which the runtime has these only. */
function cipherBits(name: string): number {
  return /AES_?128/.test(name) ? 128 : 256;
}

function checkContext(value: unknown): SSLContext {
  if (value instanceof SSLContext) return value;
  throw new TypeError(
    `Cannot set context: it must be an SSLContext, received ${show(value)}`,
  );
}

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

/**
 * A socket that speaks TLS.
 */
export class SSLSocket<A extends Address = Address> extends Socket<A> {
  readonly #wrapped: HowWrapped;
  readonly #owner = new CallOwner();
  #context: SSLContext;

  static {
    refuseAbsent(this.prototype, "SSLSocket", ABSENT_IN_SOCKET);
    Object.defineProperty(
      this.prototype,
      Symbol.for("Deno.customInspect"),
      { value: this.prototype.toString },
    );
  }

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
    this.#context = context;
    this.#wrapped = wrapped as HowWrapped;
    this.#descriptor.watch(this.#owner);
  }

  get context(): SSLContext {
    return this.#context;
  }

  set context(context: SSLContext) {
    this.#context = checkContext(context);
    const { endpoint } = this.#descriptor.description;
    if (endpoint instanceof Handshaking) {
      (endpoint.tls.policy as Negotiation<SSLContext>).context = context;
    }
  }

  get server_side(): boolean {
    return this.#wrapped.server_side;
  }

  get server_hostname(): string | null {
    return this.#wrapped.server_hostname;
  }

  get #descriptor(): Descriptor {
    const descriptor = findDescriptor(this.fileno());
    if (descriptor === undefined) throw osError("EBADF");
    return descriptor;
  }

  /** The connection, when its handshake is done. */
  get #tls(): TlsConn | undefined {
    const { endpoint } = this.#descriptor.description;
    return endpoint instanceof Secured ? endpoint.tls : undefined;
  }

  async do_handshake(options?: SignalOption): Promise<void> {
    const signal = checkSignal("do the handshake", options);
    const { description } = this.#descriptor;
    // Throws ENOTCONN, as with any call that needs a connection.
    if (!description.connecting) description.endpointFor("send");
    const timeout = this.gettimeout();
    const timeoutMs = timeout === null ? null : timeout * 1000;
    await description.connected(
      { owner: this.#owner, timeoutMs, signal },
      false,
    );
    const { endpoint } = description;
    if (endpoint instanceof Secured) {
      endpoint.acknowledge();
      this.#context = (endpoint.tls.policy as Negotiation<SSLContext>).context;
    }
  }

  override async accept(
    options?: SignalOption,
  ): Promise<[SSLSocket<A>, A]> {
    const [conn, address] = await super.accept(options);
    const { family, type, proto } = conn;
    const timeout = conn.gettimeout();
    const socket = new SSLSocket<A>(
      family,
      type,
      proto,
      conn.detach(),
      WRAPPED,
      this.#context,
      this.#wrapped,
    );
    socket.settimeout(timeout);
    const tls = socket.#tls;
    if (tls !== undefined) {
      socket.#context = (tls.policy as Negotiation<SSLContext>).context;
    }
    return [socket, address];
  }

  override async *[Symbol.asyncIterator](): AsyncGenerator<
    [SSLSocket<A>, A],
    void
  > {
    while (this.fileno() >= 0) {
      let accepted: [SSLSocket<A>, A];
      try {
        accepted = await this.accept();
      } catch (error) {
        if (this.fileno() < 0) return;
        if (isFailedHandshake(error)) continue;
        throw error;
      }
      yield accepted;
    }
  }

  override async connect(
    address: AddressInput<A>,
    options?: SignalOption,
  ): Promise<void> {
    this.#checkConnect();
    await super.connect(address, options);
    if (this.#wrapped.do_handshake_on_connect) await this.do_handshake(options);
  }

  override async connect_ex(
    address: AddressInput<A>,
    options?: SignalOption,
  ): Promise<number> {
    this.#checkConnect();
    const errno = await super.connect_ex(address, options);
    if (errno === 0 && this.#wrapped.do_handshake_on_connect) {
      await this.do_handshake(options);
    }
    return errno;
  }

  #checkConnect(): void {
    if (!this.server_side) return;
    throw new RangeError("Cannot connect: the socket is in server-side mode");
  }

  override recv(
    bufsize: number,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return refuseFlags("recv", flags) ?? super.recv(bufsize, flags, options);
  }

  override recv_into(
    buffer: Uint8Array,
    nbytes?: number | ReceiveIntoOptions,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<number> {
    return refuseFlags("recv_into", nbytes, flags) ??
      super.recv_into(buffer, nbytes, flags, options);
  }

  override send(
    data: Uint8Array,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<number> {
    return refuseFlags("send", flags) ?? super.send(data, flags, options);
  }

  override sendall(
    data: Uint8Array,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<void> {
    return refuseFlags("sendall", flags) ?? super.sendall(data, flags, options);
  }

  override recvfrom(): Promise<never> {
    return failure(notOnTls("recvfrom"));
  }

  override recvfrom_into(): Promise<never> {
    return failure(notOnTls("recvfrom_into"));
  }

  override sendto(): Promise<never> {
    return failure(notOnTls("sendto"));
  }

  override recvmsg(): Promise<never> {
    return failure(unsupported("recvmsg"));
  }

  override recvmsg_into(): Promise<never> {
    return failure(unsupported("recvmsg_into"));
  }

  override sendmsg(): Promise<never> {
    return failure(unsupported("sendmsg"));
  }

  override dup(): never {
    throw unsupported("dup");
  }

  override read(p: Uint8Array): Promise<number | null>;
  override read(len?: number): Promise<Uint8Array<ArrayBuffer>>;
  override read(len: number, buffer: Uint8Array): Promise<number>;
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

  pending(): number {
    const { endpoint } = this.#descriptor.description;
    return endpoint instanceof Secured
      ? endpoint.queued + endpoint.tls.pending
      : 0;
  }

  getpeercert(binary_form?: false): Partial<CertificateInfo> | null;
  getpeercert(binary_form: true): Uint8Array | null;
  getpeercert(
    binary_form: boolean = false,
  ): Partial<CertificateInfo> | Uint8Array | null {
    const tls = this.#tls;
    if (tls === undefined) {
      const { description } = this.#descriptor;
      if (!description.connecting) description.endpointFor("send");
      throw new RangeError(
        "Cannot get the peer's certificate: the handshake is not done yet",
      );
    }
    const [der] = tls.engine?.peerCertificates ?? [];
    if (der === undefined) return null;
    if (binary_form) return der;
    const { verifies } = tls.policy as Negotiation<SSLContext>;
    return verifies ? new Certificate(der).toInfo() : {};
  }

  cipher(): [name: string, version: string, bits: number] | null {
    const { version, cipher } = this.#tls?.engine ?? {};
    return version && cipher ? [cipher, version, cipherBits(cipher)] : null;
  }

  version(): string | null {
    return this.#tls?.engine?.version ?? null;
  }

  selected_alpn_protocol(): string | null {
    return this.#tls?.engine?.protocol ?? null;
  }

  compression(): null {
    return null;
  }

  async unwrap(options?: SignalOption): Promise<Socket<A>> {
    const signal = checkSignal("unwrap", options);
    const { description } = this.#descriptor;
    const { endpoint } = description;
    if (endpoint instanceof Handshaking) {
      throw protocolError("SHUTDOWN_WHILE_IN_INIT");
    }
    if (!(endpoint instanceof Secured)) {
      throw new RangeError("Cannot unwrap: there is no TLS around the socket");
    }
    const { tls } = endpoint;
    const timeout = this.gettimeout();
    const timeoutMs = timeout === null ? null : timeout * 1000;
    const context = { owner: this.#owner, timeoutMs, signal };
    const carrier = tls.keepCarrier();
    endpoint.acknowledge();
    await endpoint.shutdown(context, SHUT_WR);
    await endpoint.whenReadable(context);
    if (endpoint.queued + tls.pending > 0) {
      throw protocolError("APPLICATION_DATA_AFTER_CLOSE_NOTIFY");
    }
    const error = endpoint.takeError();
    if (error !== undefined) throw error;
    if (!tls.closeNotified) throw endedEarly();
    description.removeLayer(endpoint, carrier);
    tls.leave();
    const { family, type, proto } = this;
    const plain = new Socket<A>(family, type, proto, this.detach());
    plain.settimeout(timeout);
    return plain;
  }

  override detach(): number {
    const descriptor = findDescriptor(this.fileno());
    const fileno = super.detach();
    descriptor?.unwatch(this.#owner);
    this.#owner.close();
    return fileno;
  }

  override ref(): void {
    super.ref();
    this.#owner.referenced = true;
  }

  override unref(): void {
    super.unref();
    this.#owner.referenced = false;
  }

  override toString(): string {
    return super.toString().replace(/^<SSLSocket\b/, "<ssl.SSLSocket");
  }
}
