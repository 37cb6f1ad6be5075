/** Sockets that are connected or listening when they are handed out. */

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
import { ECONNABORTED } from "../base/errno.ts";
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
  /** The timeout, if it is not given as an argument. */
  timeout?: number | null | undefined;
  /** The address to connect from, if it is not given as an argument. */
  source_address?: readonly [host: string, port: number] | null | undefined;
  /** Whether to throw all errors, as an `AggregateError`, not only the last. */
  all_errors?: boolean | undefined;
}

const CONNECTION_ARGUMENTS = ["timeout", "source_address"];
const CONNECTION_KEYWORDS = ["all_errors"];

/**
 * Connects to a host and port, trying the host's addresses one by one, IPv6 and
 * IPv4.
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
 * @param address Host and port.
 * @param timeout Seconds for each address, and then the socket's timeout; null
 * for none, left out for the default one.
 * @param source_address Local host and port to connect from; `""` and 0 leave
 * the choice to the system.
 * @param options `all_errors`; the arguments before by name; `signal` cancels
 * the call.
 * @returns The connected socket.
 * @throws {OSError} What connecting to the last address failed with.
 * @throws {TimeoutError} If the last address did not answer in time.
 * @throws {PermissionError} EACCES without a grant for the host and port.
 * @throws {AggregateError} With `all_errors`, what connecting to each failed
 * with.
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
    // A grant for a name is none for its addresses: connect by the name then.
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
    return failure(osError("EADDRNOTAVAIL", "getaddrinfo gives no address"));
  }
  if (allErrors) {
    return failure(new AggregateError(errors, "create_connection failed"));
  }
  return failure(errors.at(-1), signal);
}

function nameIn(host: string, found: Address): Address {
  const [, ...rest] = found as Inet6Address;
  return [host, ...rest] as Inet6Address;
}

/**
 * The address to bind to before connecting to `peer`; undefined if the choice is
 * the system's. Without a host it is the wildcard, or where that is not granted
 * and the peer is on this machine, loopback, from which the connection would come
 * anyway.
 */
function sourceOf(
  peer: InetAddress | Inet6Address,
  [host, port]: readonly [string, number],
): InetAddress | undefined {
  if (host !== "") return [host, port];
  if (port === 0) return undefined;
  const family = peer.length === 2 ? AF_INET : AF_INET6;
  const toLoopback = isLoopback(peer[0]) && !isGranted(wildcard(family), port);
  return [toLoopback ? loopback(family) : host, port];
}

/** The keyword arguments of {@linkcode create_server}. */
export interface CreateServerOptions<A extends Address = Address> {
  /** `AF_INET`, which is the default, or `AF_INET6`. */
  family?: Family<A> | undefined;
  /** How many connections may wait to be accepted. */
  backlog?: number | null | undefined;
  /** Whether to set SO_REUSEPORT. */
  reuse_port?: boolean | undefined;
  /** Whether an IPv6 socket takes IPv4 connections too. */
  dualstack_ipv6?: boolean | undefined;
}

const SERVER_OPTIONS: KnownOptions = {
  family: true,
  backlog: true,
  reuse_port: true,
  dualstack_ipv6: true,
};

/**
 * Makes a stream socket that listens.
 *
 * SO_REUSEADDR is set, but on Windows, where it would let another process take
 * the port.
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
 * @param address Host and port; `""` is every interface, port 0 any free one.
 * @param options `family`, `backlog`, `reuse_port`, `dualstack_ipv6`.
 * @returns The listening socket.
 * @throws {OSError} EADDRINUSE and so on, with the address.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {RangeError} If `dualstack_ipv6` is set and the family is not
 * `AF_INET6`; if the port is out of range.
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
    // A permission error says more than the address: which flag to grant.
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
 * Whether one IPv6 socket can take IPv4 connections too.
 *
 * @example Usage
 * ```ts
 * import { assert } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assert(socket.has_dualstack_ipv6());
 * ```
 *
 * @returns True: on Deno it always can.
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
  /** `AF_UNIX`, which is the default, `AF_INET` or `AF_INET6`. */
  family?: Family<A> | undefined;
  /** `SOCK_STREAM`, which is the default, or `SOCK_DGRAM`. */
  type?: number | undefined;
  /** 0, which is the default, or the protocol of that type. */
  proto?: number | undefined;
}

/**
 * Creates two sockets that are connected to each other.
 *
 * With `AF_UNIX`, the default, they exist in memory: they need no permission and
 * no port, and no other process can connect in between. They behave as the
 * kernel's: 208 KiB of unread data block a send, a peer that has closed makes
 * sends fail with EPIPE (ECONNREFUSED for datagrams), and a close with data
 * unread is a reset. Names and addresses do not exist for them: `getsockname()`
 * returns `""`, and datagrams go to the other socket only.
 *
 * With `AF_INET` or `AF_INET6` they are connected over loopback, as in Python on
 * Windows. Another process could connect in place of this one there, as in
 * CVE-2024-3219; so both ends are checked to be the pair's own.
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
 * @param family `AF_UNIX`, which is the default on every system, `AF_INET` or
 * `AF_INET6`.
 * @param type `SOCK_STREAM`, or with `AF_UNIX` also `SOCK_DGRAM`; may be or-ed
 * with `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
 * @param proto 0, or with `AF_INET` and `AF_INET6` also `IPPROTO_TCP`. Each
 * argument may also be given by name, in an object that comes last.
 * @returns The two sockets.
 * @throws {OSError} EAFNOSUPPORT, ESOCKTNOSUPPORT or EPROTONOSUPPORT if there is
 * no such socket here; EOPNOTSUPP for datagrams over `AF_INET` or `AF_INET6`.
 * @throws {ConnectionError} ECONNABORTED if another process connected, over
 * loopback.
 * @throws {PermissionError} EACCES without a grant for the loopback address, if
 * the pair uses it.
 * @throws {TypeError} If an argument is not an integer.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.socketpair | Python: socketpair}
 * @see {@link https://man7.org/linux/man-pages/man2/socketpair.2.html | socketpair(2)}
 */
export function socketpair<A extends Address = UnixAddress>(
  family?: Family<A> | SocketPairOptions<A>,
  type?: number | SocketPairOptions<A>,
  proto?: number | SocketPairOptions<A>,
): Promise<[Socket<A>, Socket<A>]> {
  return openPair(family, type, proto).catch(failure);
}

async function openPair<A extends Address>(
  family?: Family<A> | SocketPairOptions<A>,
  type?: number | SocketPairOptions<A>,
  proto?: number | SocketPairOptions<A>,
): Promise<[Socket<A>, Socket<A>]> {
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
}

/** A socket on a connection, or a datagram socket, that is open already. */
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
    throw osError("EOPNOTSUPP", "only AF_UNIX has pairs of datagram sockets");
  }
  listener.bind([loopback(family), 0] as unknown as AddressInput<A>);
  listener.listen();
  const client = new Socket<A>(family, type, proto);
  const timeout = client.gettimeout();
  let server: Socket<A> | undefined;
  try {
    // The timeout is for the pair; making it always succeeds at once.
    listener.settimeout(null);
    client.settimeout(null);
    await client.connect(
      listener.getsockname() as unknown as AddressInput<A>,
    );
    [server] = await listener.accept();
    const isOwn = same(server.getsockname(), client.getpeername()) &&
      same(client.getsockname(), server.getpeername());
    if (!isOwn) {
      throw new ConnectionError(ECONNABORTED, "Unexpected peer connection");
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

/** The connections that sockets have been made of. */
const wrapped = new WeakSet<Deno.Conn>();

/**
 * Creates a socket on a connection of Deno's own: from `Deno.connect`,
 * `Deno.connectTls`, `Deno.startTls` or a `Deno.Listener`.
 *
 * The socket can do all that a connected one can: timeouts and aborts that lose
 * nothing, `MSG_PEEK`, `makefile()`, `select()`. Its addresses are the
 * connection's; options that were set on that stay in force. On a
 * `Deno.TlsConn` it receives and sends the decrypted bytes, and TCP_NODELAY and
 * SO_KEEPALIVE cannot be set.
 *
 * From then on the connection belongs to the socket, which closes it. Nothing
 * may be pending on it: Deno does not reveal whether a `read()` is, and that
 * would take bytes which the socket then never sees.
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
 * @typeParam A The address of the connection.
 * @param conn A connection that nothing else uses.
 * @returns The socket, which is blocking or has the default timeout.
 * @throws {OSError} EBUSY if a socket was made of the connection already, or if
 * its `readable` or `writable` is locked; EAFNOSUPPORT if it is neither of TCP
 * nor a Unix socket.
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
      throw osError("EBUSY", "a socket was made of this connection already");
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

// Descriptors: numbers of this process's own table of sockets.

/**
 * Makes a socket on a duplicate of a descriptor.
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
 * @param fd The descriptor, also a detached one.
 * @param family The family, for the type only: the descriptor knows its own.
 * @param type The type; likewise.
 * @param proto The protocol; likewise. It may also be given by name.
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
 * @returns The smallest free number, which stands for the same connection.
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
 * Closes a descriptor, also under a socket that has it: that one's calls are
 * EBADF then.
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
