/** Functions that return sockets which are already connected or listening. */

import {
  type Address,
  type AddressInput,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  type Family,
  type Inet6Address,
  type InetAddress,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  type UnixAddress,
} from "../base/constants.ts";
import { isLoopback, loopback, wildcard } from "../base/sockaddr.ts";
import {
  checkInt,
  checkOptions,
  checkTimeout,
  type KnownOptions,
  namedArguments,
  optionalArguments,
  show,
} from "../base/checks.ts";
import { errnoOf } from "../base/errno_table.ts";
import { ConnectionError, OSError, PermissionError } from "../base/errors.ts";
import { osError } from "../base/os_error.ts";
import { Description, openDescriptor } from "../endpoint/description.ts";
import { getaddrinfo } from "../netdb/netdb.ts";
import {
  type DatagramConn,
  DenoTlsConn,
  isGranted,
  type StreamConn,
} from "../runtime/deno_net.ts";
import { datagramPair, streamPair } from "../runtime/memory_pair.ts";
import { failure, traced } from "../wait/waiter.ts";
import { type SignalOption, Socket } from "./socket.ts";
import { checkKind, checkOneAddress, toDescriptor } from "./arguments.ts";

/** The options of {@linkcode create_connection}. */
export interface CreateConnectionOptions extends SignalOption {
  /** The timeout in seconds, if it is not given by position. */
  timeout?: number | null | undefined;
  /** The address to connect from, if it is not given by position. */
  source_address?: readonly [host: string, port: number] | null | undefined;
  /**
   * Whether to throw all the errors, as an `AggregateError`, instead of the
   * last one.
   */
  all_errors?: boolean | undefined;
}

const CONNECTION_ARGUMENTS = ["timeout", "source_address"];
const CONNECTION_KEYWORDS = ["all_errors"];

/**
 * Connects to a host and port. The addresses of the host, IPv6 and IPv4, are
 * tried one by one.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using server = socket.create_server(["127.0.0.1", 0]);
 * const [, port] = server.getsockname();
 * using client = await socket.create_connection(["127.0.0.1", port], 5);
 * assertEquals(client.gettimeout(), 5);
 * ```
 *
 * @param address The host and port.
 * @param timeout The seconds to wait for each address, and later the timeout of
 * the socket; null for no timeout. If it is left out, the default timeout is
 * used.
 * @param source_address The local host and port to connect from; `""` and 0
 * leave the choice to the system.
 * @param options `all_errors`, and the other optional arguments by name;
 * `signal` cancels the call.
 * @returns The connected socket.
 * @throws {OSError} The error of the last address, such as ECONNREFUSED, if no
 * address could be connected to.
 * @throws {TimeoutError} If the last address did not answer in time.
 * @throws {PermissionError} EACCES without a grant for the host and port.
 * @throws {AggregateError} If no address could be connected to and `all_errors`
 * is set: the errors of all the addresses.
 * @throws {gaierror} EAI_NONAME if the host is unknown.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If the port or the timeout is out of range.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.create_connection | Python: create_connection}
 */
export async function create_connection(
  address: readonly [host: string | null, port: number],
  timeout?: number | null | CreateConnectionOptions,
  source_address?:
    | readonly [host: string, port: number]
    | null
    | CreateConnectionOptions,
  options?: CreateConnectionOptions,
): Promise<Socket<InetAddress | Inet6Address>> {
  checkOneAddress("connect", address, timeout);
  const [seconds, from, allErrors, signal] = optionalArguments(
    "connect",
    CONNECTION_ARGUMENTS,
    [timeout, source_address, options],
    CONNECTION_KEYWORDS,
  ) as [
    number | null | undefined,
    readonly [host: string, port: number] | null | undefined,
    boolean | undefined,
    AbortSignal | undefined,
  ];
  if (!Array.isArray(address) || address.length !== 2) {
    throw new TypeError(
      `Cannot connect: address must be [host, port], received ${show(address)}`,
    );
  }
  if (seconds !== undefined) checkTimeout("connect", seconds);
  if (from && !Array.isArray(from)) {
    throw new TypeError(
      `Cannot connect: source_address must be [host, port] or null, received ${
        show(from)
      }`,
    );
  }
  const [host, port] = address as [string | null, number];
  const errors: unknown[] = [];
  const tried = new Set<string>();
  let infos: Awaited<ReturnType<typeof getaddrinfo>>;
  try {
    const options = signal && { signal };
    infos = await getaddrinfo(host, port, 0, SOCK_STREAM, 0, 0, options);
  } catch (error) {
    return failure(error, signal);
  }
  for (const info of infos) {
    const [family, type, proto, , found] = info;
    // A grant for a name does not cover its addresses. In that case connect by
    // name.
    const byName = host && host !== found[0] && !isGranted(found[0], found[1]);
    const target = byName ? nameIn(host, found) : found;
    if (tried.has(`${family} ${target[0]}`)) continue;
    tried.add(`${family} ${target[0]}`);
    let sock: Socket<InetAddress | Inet6Address> | undefined;
    try {
      sock = new Socket<InetAddress | Inet6Address>(family, type, proto);
      if (seconds !== undefined) sock.settimeout(seconds);
      const source = from && sourceOf(found, from);
      if (source) sock.bind(source);
      await sock.connect(target as InetAddress, signal && { signal });
      return sock;
    } catch (error) {
      sock?.close();
      if (signal?.aborted || !(error instanceof OSError)) throw error;
      errors.push(error);
    }
  }
  if (errors.length === 0) {
    return failure(osError("EADDRNOTAVAIL", "getaddrinfo returned no address"));
  }
  if (allErrors) {
    const error = new AggregateError(errors, "create_connection failed");
    Error.captureStackTrace(error, create_connection);
    throw error;
  }
  return failure(errors.at(-1), signal);
}

function nameIn(host: string, found: Address): Address {
  const [, ...rest] = found as Inet6Address;
  return [host, ...rest] as Inet6Address;
}

/**
 * Returns the address to bind to before connecting to `peer`, or undefined if
 * the choice is left to the system. Without a host that is the wildcard
 * address. If the wildcard is not granted and the peer is on this machine, it
 * is the loopback address, from which the connection would come anyway.
 */
function sourceOf(
  peer: InetAddress | Inet6Address,
  source: readonly [host: string, port: number],
): readonly [host: string, port: number] | undefined {
  const [host, port] = source;
  // Such an address may have a scope, as in Python.
  if (host !== "") return source;
  if (port === 0) return undefined;
  const family = peer.length === 2 ? AF_INET : AF_INET6;
  const toLoopback = isLoopback(peer[0]) && !isGranted(wildcard(family), port);
  return [toLoopback ? loopback(family) : host, port];
}

/** The keyword arguments of {@linkcode create_server}. */
export interface CreateServerOptions<A extends Address = Address> {
  /** The family: `AF_INET`, which is the default, or `AF_INET6`. */
  family?: Family<A> | undefined;
  /** The maximum number of connections that may wait to be accepted. */
  backlog?: number | null | undefined;
  /** Whether to set SO_REUSEPORT. */
  reuse_port?: boolean | undefined;
  /** Whether an IPv6 socket accepts IPv4 connections too. */
  dualstack_ipv6?: boolean | undefined;
}

const SERVER_OPTIONS: KnownOptions = {
  family: true,
  backlog: true,
  reuse_port: true,
  dualstack_ipv6: true,
};

/**
 * Creates a TCP socket that is bound to an address and listens.
 *
 * SO_REUSEADDR is set, except on Windows, where it would let another process
 * take the port.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using server = socket.create_server(["127.0.0.1", 0]);
 * assertEquals(server.getsockname()[0], "127.0.0.1");
 * ```
 *
 * @typeParam A The address type of the socket.
 * @param address The host and port; `""` stands for every interface, port 0 for
 * any free port.
 * @param options `family`, `backlog`, `reuse_port`, `dualstack_ipv6`.
 * @returns The listening socket.
 * @throws {OSError} EADDRINUSE if the address is in use, or another error of
 * `bind` and `listen`; the message contains the address.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {RangeError} If `dualstack_ipv6` is set and the family is not
 * `AF_INET6`, or if the port is out of range.
 * @throws {TypeError} If an argument has the wrong type.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.create_server | Python: create_server}
 */
export function create_server<A extends Address = InetAddress>(
  address: NoInfer<AddressInput<A>>,
  options: CreateServerOptions<A> = {},
): Socket<A> {
  checkOneAddress("create a server", address, options);
  checkOptions("create a server", options, SERVER_OPTIONS);
  const {
    family = AF_INET as Family<A>,
    backlog = null,
    reuse_port = false,
    dualstack_ipv6 = false,
  } = options;
  if (dualstack_ipv6 && family !== AF_INET6) {
    throw new RangeError(
      `Cannot create a server: dualstack_ipv6 requires AF_INET6, received family ${family}`,
    );
  }
  return traced(create_server, () => {
    const sock = new Socket<A>({ family, type: SOCK_STREAM });
    try {
      if (Deno.build.os !== "windows") {
        sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
      }
      if (reuse_port) sock.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
      if (family === AF_INET6) {
        sock.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, dualstack_ipv6 ? 0 : 1);
      }
      bind(sock, address);
      if (backlog === null) sock.listen();
      else sock.listen({ backlog });
      return sock;
    } catch (error) {
      sock.close();
      throw error;
    }
  });
}

function bind<A extends Address>(
  sock: Socket<A>,
  address: NoInfer<AddressInput<A>>,
): void {
  try {
    sock.bind(address);
  } catch (error) {
    // A permission error is left as it is: its hint which flag to grant is more
    // useful than the address.
    if (!(error instanceof OSError) || error instanceof PermissionError) {
      throw error;
    }
    const where = JSON.stringify(address);
    throw new OSError(
      error.errno,
      `${error.strerror} (while attempting to bind on address ${where})`,
      { cause: error },
    );
  }
}

/**
 * Returns whether one IPv6 socket can accept IPv4 connections too.
 *
 * @example Usage
 * ```ts
 * import { assert } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assert(socket.has_dualstack_ipv6());
 * ```
 *
 * @returns Always true on Deno.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.has_dualstack_ipv6 | Python: has_dualstack_ipv6}
 */
export function has_dualstack_ipv6(): boolean {
  return true;
}

/**
 * The arguments of {@linkcode socketpair} by name.
 *
 * @typeParam A The address type of the sockets.
 */
export interface SocketPairOptions<A extends Address = Address> {
  /** The family: `AF_UNIX`, which is the default, `AF_INET` or `AF_INET6`. */
  family?: Family<A> | undefined;
  /** The type: `SOCK_STREAM`, which is the default, or `SOCK_DGRAM`. */
  type?: number | undefined;
  /**
   * The protocol: 0, which is the default, or the number of that type's
   * protocol.
   */
  proto?: number | undefined;
}

/**
 * Creates two sockets that are connected to each other.
 *
 * With `AF_UNIX`, the default, they exist in memory: they need no permission
 * and no port, and no other process can connect in between. They behave as the
 * kernel's socket pairs do: a send blocks when 208 KiB of data are unread,
 * sends to a peer that has closed fail with EPIPE (ECONNREFUSED for datagrams),
 * and closing with unread data resets the connection. The sockets have no names
 * or addresses: `getsockname()` returns `""`, and datagrams go to the other
 * socket only.
 *
 * With `AF_INET` or `AF_INET6` they are connected over loopback, as in Python
 * on Windows. There, another process could connect in place of this one
 * (CVE-2024-3219), so the function checks that both ends belong to the pair.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const [a, b] = await socket.socketpair();
 * await a.sendall(new Uint8Array([1]));
 * assertEquals(await b.recv(1), new Uint8Array([1]));
 * a.close();
 * b.close();
 * ```
 *
 * @example Datagrams
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const [a, b] = await socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM);
 * await a.send(new Uint8Array([1, 2]));
 * await a.send(new Uint8Array([3]));
 * assertEquals(await b.recv(10), new Uint8Array([1, 2]));
 * assertEquals(await b.recv(10), new Uint8Array([3]));
 * a.close();
 * b.close();
 * ```
 *
 * @typeParam A The address type of the sockets.
 * @param family The family: `AF_UNIX`, which is the default on every system,
 * `AF_INET` or `AF_INET6`.
 * @param type The type: `SOCK_STREAM`, or with `AF_UNIX` also `SOCK_DGRAM`. It
 * may be or-ed with `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
 * @param proto The protocol: 0, or with `AF_INET` and `AF_INET6` also
 * `IPPROTO_TCP`. Each argument may also be given by name, in an object that
 * comes last.
 * @returns The two sockets.
 * @throws {OSError} EAFNOSUPPORT, ESOCKTNOSUPPORT or EPROTONOSUPPORT if such a
 * socket is not supported; EOPNOTSUPP if datagrams are asked for with `AF_INET`
 * or `AF_INET6`.
 * @throws {ConnectionError} ECONNABORTED if another process connected over
 * loopback in place of this one.
 * @throws {PermissionError} EACCES without a grant for the loopback address, if
 * the pair uses it.
 * @throws {TypeError} If an argument is not an integer.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.socketpair | Python: socketpair}
 * @see {@link https://man7.org/linux/man-pages/man2/socketpair.2.html | socketpair(2)}
 */
export async function socketpair<A extends Address = UnixAddress>(
  family?: Family<A> | SocketPairOptions<A>,
  type?: number | SocketPairOptions<A>,
  proto?: number | SocketPairOptions<A>,
): Promise<[Socket<A>, Socket<A>]> {
  try {
    const action = "make a socket pair";
    const [own = AF_UNIX as Family<A>, kind = SOCK_STREAM, protocol = 0] =
      namedArguments(action, ["family", "type", "proto"], [
        family,
        type,
        proto,
      ]) as [Family<A>?, number?, number?];
    checkInt(action, "family", own);
    checkInt(action, "type", kind);
    checkInt(action, "proto", protocol);
    const plain = kind & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    checkKind(own, plain, protocol);
    if (own !== AF_UNIX) return await loopbackPair(own, kind, protocol);
    const [one, other] = plain === SOCK_STREAM ? streamPair() : datagramPair();
    const open = (conn: StreamConn | DatagramConn) =>
      openSocket(own, kind, protocol, conn);
    return [open(one), open(other)];
  } catch (error) {
    return failure(error);
  }
}

/**
 * Creates a socket on an open connection or an open datagram socket of the
 * runtime.
 */
function openSocket<A extends Address>(
  family: Family<A>,
  type: number,
  proto: number,
  conn: StreamConn | DatagramConn,
): Socket<A> {
  const plain = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  const description = new Description(family, plain, proto, undefined, conn);
  const { number } = openDescriptor(description);
  const socket = new Socket<A>(family, plain, proto, number);
  if ((type & SOCK_NONBLOCK) !== 0) socket.setblocking(false);
  return socket;
}

async function loopbackPair<A extends Address>(
  family: Family<A>,
  type: number,
  proto: number,
): Promise<[Socket<A>, Socket<A>]> {
  using listener = new Socket<A>(family, type, proto);
  if (listener.type !== SOCK_STREAM) {
    throw osError(
      "EOPNOTSUPP",
      "only AF_UNIX supports pairs of datagram sockets",
    );
  }
  listener.bind([loopback(family), 0] as unknown as AddressInput<A>);
  listener.listen();
  const client = new Socket<A>(family, type, proto);
  const timeout = client.gettimeout();
  let server: Socket<A> | undefined;
  try {
    // The default timeout is meant for the pair. Connecting it always succeeds
    // at once.
    listener.settimeout(null);
    client.settimeout(null);
    await client.connect(
      listener.getsockname() as unknown as AddressInput<A>,
    );
    [server] = await listener.accept();
    const isOwn = same(server.getsockname(), client.getpeername()) &&
      same(client.getsockname(), server.getpeername());
    if (!isOwn) {
      throw new ConnectionError(
        errnoOf("ECONNABORTED"),
        "Unexpected peer connection",
      );
    }
    client.settimeout(timeout);
    server.settimeout(timeout);
    return [server, client];
  } catch (error) {
    client.close();
    server?.close();
    throw error;
  }
}

function same(a: Address, b: Address): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** The connections on which a socket has been created. */
const wrapped = new WeakSet<Deno.Conn>();

/**
 * Creates a socket on a connection that Deno has opened: with `Deno.connect`,
 * `Deno.connectTls`, `Deno.startTls` or a `Deno.Listener`.
 *
 * The socket can do everything that a connected socket can: timeouts and aborts
 * that lose nothing, `MSG_PEEK`, `makefile()`, `select()`. Its addresses are
 * those of the connection, and options that were set on the connection stay in
 * force. On a `Deno.TlsConn` it receives and sends decrypted bytes, and
 * TCP_NODELAY and SO_KEEPALIVE cannot be set.
 *
 * From then on the connection belongs to the socket, which closes it. No
 * operation may be pending on the connection: Deno does not reveal whether a
 * `read()` is pending, and such a read would consume bytes that the socket then
 * never receives.
 *
 * @example A timeout for TLS
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * async function firstLine(conn: Deno.TlsConn): Promise<string | null> {
 *   using s = socket.fromconn(conn);
 *   s.settimeout(5);
 *   await using file = s.makefile("r");
 *   return await file.readline();
 * }
 * assertEquals(typeof firstLine, "function");
 * ```
 *
 * @example A listener of Deno's own
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await socket.create_connection(["127.0.0.1", listener.addr.port]);
 * using server = socket.fromconn(await listener.accept());
 * assertEquals(server.getpeername(), client.getsockname());
 * ```
 *
 * @typeParam A The type of the connection's address.
 * @param conn A connection that nothing else uses.
 * @returns The socket, which is blocking or has the default timeout.
 * @throws {OSError} EBUSY if a socket was created on the connection before, or
 * if its `readable` or `writable` is locked; EAFNOSUPPORT if it is neither a
 * TCP connection nor a Unix socket.
 * @throws {TypeError} If `conn` is not a connection.
 */
export function fromconn<A extends Deno.Addr>(
  conn: Deno.Conn<A>,
): Socket<
  A extends Deno.UnixAddr ? UnixAddress
    : A extends Deno.NetAddr ? InetAddress | Inet6Address
    : never
> {
  return traced(fromconn, () => {
    const family = familyOf<never>(conn);
    if (wrapped.has(conn)) {
      throw osError("EBUSY", "a socket was already created on this connection");
    }
    if (conn.readable.locked || conn.writable.locked) {
      throw osError("EBUSY", "a stream of this connection is locked");
    }
    wrapped.add(conn);
    const isTls = "handshake" in conn;
    const stream = isTls ? new DenoTlsConn(conn as Deno.TlsConn) : conn;
    return openSocket(family, SOCK_STREAM, 0, stream);
  });
}

function familyOf<A extends Address>(conn: Deno.Conn): Family<A> {
  const addr = (conn as Partial<Deno.Conn> | null)?.localAddr;
  if (typeof addr !== "object" || !("closeWrite" in conn)) {
    throw new TypeError(
      `Cannot make a socket: conn must be a Deno.Conn, received ${show(conn)}`,
    );
  }
  if (addr.transport === "unix") return AF_UNIX as Family<A>;
  if (addr.transport !== "tcp") throw osError("EAFNOSUPPORT", addr.transport);
  return (addr.hostname.includes(":") ? AF_INET6 : AF_INET) as Family<A>;
}

// Descriptors: numbers in this module's own table of sockets.

/**
 * Creates a socket on a duplicate of a descriptor.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using s = socket.socket();
 * s.bind(["127.0.0.1", 0]);
 * using copy = socket.fromfd(s.fileno(), socket.AF_INET, socket.SOCK_STREAM);
 * assertEquals(copy.getsockname(), s.getsockname());
 * ```
 *
 * @typeParam A The address type of the socket.
 * @param fd The descriptor, which may be a detached one.
 * @param family The family, which only serves TypeScript: the socket has the
 * family of the descriptor.
 * @param type The type, which is likewise the descriptor's.
 * @param proto The protocol, which is likewise the descriptor's. It may also be
 * given by name.
 * @returns The socket.
 * @throws {OSError} EBADF if the descriptor is not open.
 * @throws {TypeError} If an argument is not an integer.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.fromfd | Python: fromfd}
 */
export function fromfd<A extends Address = Address>(
  fd: number,
  family: Family<A>,
  type: number,
  proto?: number | { proto?: number | undefined },
): Socket<A> {
  return traced(fromfd, () => {
    const [protocol = 0] = namedArguments("make a socket", ["proto"], [proto]);
    const number = dup(fd);
    try {
      return new Socket<A>({
        family,
        type,
        proto: protocol as number,
        fileno: number,
      });
    } catch (error) {
      close(number);
      throw error;
    }
  });
}

/**
 * Duplicates a descriptor.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using s = socket.socket();
 * const fd = socket.dup(s.fileno());
 * socket.close(fd);
 * assertEquals(s.fileno() !== fd, true);
 * ```
 *
 * @param fd The descriptor.
 * @returns The new descriptor: the smallest free number, which refers to the
 * same connection.
 * @throws {OSError} EBADF if the descriptor is not open.
 * @throws {TypeError} If `fd` is not an integer.
 * @see {@link https://docs.python.org/3/library/os.html#os.dup | Python: os.dup}
 */
export function dup(fd: number): number {
  return traced(dup, () => {
    const { description } = toDescriptor("duplicate a descriptor", fd);
    return openDescriptor(description).number;
  });
}

/**
 * Closes a descriptor, even if a socket still has it. The calls of that socket
 * then fail with EBADF.
 *
 * @example A detached descriptor
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const fd = socket.socket().detach();
 * socket.close(fd);
 * assertThrows(() => socket.close(fd), socket.OSError, "Bad file descriptor");
 * ```
 *
 * @param fd The descriptor.
 * @throws {OSError} EBADF if the descriptor is not open.
 * @throws {TypeError} If `fd` is not an integer.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.close | Python: close}
 */
export function close(fd: number): void {
  traced(close, () => {
    toDescriptor("close a descriptor", fd).close().catch(() => {});
  });
}
