/**
 * The runtime. Only the files of this folder call the network functions of Deno
 * and `node:`. Functions that open, connect or look up throw errors of this
 * module. Connections, listeners and datagram sockets fail with errors of the
 * runtime, which their endpoint translates.
 */

import {
  bracketed,
  denoHost,
  type InetSockaddr,
  isPath,
  type Sockaddr,
  type UnixSockaddr,
} from "../base/sockaddr.ts";
import { OSError } from "../base/errors.ts";
import { afterTicks, Pauses, timers } from "../wait/event_loop.ts";
import {
  fromDeno,
  isOlderThan,
  osError,
  requireDeno,
} from "../base/os_error.ts";

/** An object whose pending operations keep the process alive. */
export interface Referenced {
  ref(): void;
  unref(): void;
}

/** Keeps the process alive when no operation of the runtime does. */
export class EventLoopHold implements Referenced {
  // The longest delay of a timer.
  readonly #timer = timers.setInterval(() => {}, 0x7fffffff);

  ref(): void {
    timers.refTimer(this.#timer);
  }

  unref(): void {
    timers.unrefTimer(this.#timer);
  }

  end(): void {
    timers.clearInterval(this.#timer);
  }
}

/** A stream connection: the part of `Deno.Conn` that is used. */
export interface StreamConn extends Referenced {
  readonly localAddr: Deno.Addr;
  readonly remoteAddr: Deno.Addr;
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  /**
   * Makes the peer's writes fail, if the connection supports it: TCP has no
   * message for that.
   */
  closeRead?(): void;
  /**
   * Whether writes fail because the peer has stopped reading, if that is known.
   */
  readonly peerRefuses?: boolean;
  /**
   * Closes the connection. `unread` says that bytes which were read from it
   * have not been returned to the program; this resets a connection in memory,
   * as it resets one of the kernel. The connection is released when the result,
   * if there is one, has settled.
   */
  close(unread?: boolean): void | Promise<void>;
  setNoDelay?(on: boolean): void;
  setKeepAlive?(on: boolean): void;
  /** Closes with a reset, if the connection supports it. */
  reset?(): void;
}

/**
 * Returns whether a read that is pending when the connection is closed goes on,
 * and keeps the connection open. The peer then sees the end of the stream only
 * if the connection is half-closed first.
 *
 * TCP connections and Unix sockets of Deno 2.8.3 do this; those of 2.7.14 and
 * 2.9.6 do not. No other conn of this folder has `readable`.
 */
export function keepsRead(conn: StreamConn): boolean {
  return isOlderThan(9) && !isOlderThan(8) && "readable" in conn;
}

/** A listener: the part of `Deno.Listener` that is used. */
export interface StreamListener extends Referenced {
  readonly addr: Deno.Addr;
  accept(): Promise<StreamConn>;
  close(): void;
}

/** A socket's membership in a multicast group. */
export interface Membership {
  readonly group: string;
  /** The IPv4 address of the interface, for an IPv4 group. */
  readonly address: string;
  /**
   * The index of the interface, for an IPv6 group; 0 leaves the choice to the
   * system.
   */
  readonly index: number;
}

/** The multicast functions of a datagram socket. */
export interface Multicast {
  /**
   * Whether the socket was opened so that its own datagrams come back to this
   * machine.
   */
  readonly loop: boolean;
  join(membership: Membership): void | Promise<void>;
  leave(membership: Membership): void | Promise<void>;
  setTtl(ttl: number): void | Promise<void>;
  setLoop(on: boolean): void | Promise<void>;
}

/** A bound datagram socket: the part of `Deno.DatagramConn` that is used. */
export interface DatagramConn extends Referenced {
  readonly addr: Deno.Addr;
  receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]>;
  send(data: Uint8Array, addr: Deno.Addr): Promise<number>;
  /**
   * Whether a send has found that the peer has closed, so that the socket has no
   * peer any more.
   */
  readonly refused?: boolean;
  /** Makes the peer's sends fail, if the socket supports it. */
  closeRead?(): void;
  /**
   * Closes the socket. The address is free when the result and the receive in
   * flight have settled.
   */
  close(): void | Promise<void>;
}

/** A group that a socket of `Deno.listenDatagram` has joined. */
export interface JoinedGroup {
  leave(): Promise<void>;
  setLoopback(on: boolean): Promise<void>;
  /** Sets the TTL, for an IPv4 group only. */
  setTTL?(ttl: number): Promise<void>;
}

/**
 * The part of `Deno.DatagramConn` that is used. The type itself is in the
 * library `deno.unstable`, which a program that imports this module may not have
 * among its compiler options.
 */
export interface DenoDatagramConn extends Referenced {
  readonly addr: Deno.Addr;
  receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]>;
  send(data: Uint8Array, addr: Deno.Addr): Promise<number>;
  joinMulticastV4(group: string, address: string): Promise<JoinedGroup>;
  joinMulticastV6(group: string, index: number): Promise<JoinedGroup>;
  close(): void;
}

/** Returns `Deno.listenDatagram`, or undefined without `--unstable-net`. */
export function findListenDatagram():
  | ((options: Deno.Addr | DatagramOptions) => DenoDatagramConn)
  | undefined {
  return (Deno as unknown as {
    listenDatagram?: ReturnType<typeof findListenDatagram>;
  })
    .listenDatagram;
}

/** The options of `Deno.listenDatagram` for UDP. */
interface DatagramOptions {
  readonly transport: "udp";
  readonly hostname: string;
  readonly port: number;
  readonly reuseAddress?: boolean;
  readonly loopback: boolean;
}

/** The options with which a listener or a datagram socket is opened. */
export interface OpenOptions {
  readonly reuseAddress?: boolean;
  readonly reusePort?: boolean;
  readonly backlog?: number;
  readonly multicastLoop?: boolean;
}

/** Opens a listener, which binds and listens in one step. */
export function listen(
  sockaddr: InetSockaddr,
  options: OpenOptions,
): StreamListener {
  if (options.reusePort && !hasDatagrams()) {
    // Without the flag `Deno.listen` does not throw: it ends the process.
    throw needsUnstableNet("SO_REUSEPORT on a stream socket needs");
  }
  try {
    return Deno.listen({
      hostname: denoHost(sockaddr),
      port: sockaddr.port,
      ...(options.reusePort ? { reusePort: true } : {}),
      ...(options.backlog === undefined ? {} : { tcpBacklog: options.backlog }),
    });
  } catch (error) {
    throw fromDeno(error);
  }
}

/**
 * The waits between the attempts to take the port of a listener that was closed
 * just now, or of a connect that was cancelled. While another thread starts a
 * child process, the child has a copy of each descriptor, until it runs its
 * program some milliseconds later. The port is taken for as long: of 20,000 ports
 * that were opened again beside two such threads 86 were, for 13 ms in the median
 * and 55 ms at most.
 */
export const TAKEN_MS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Whether an attempt failed because the port is taken. */
export function isTaken(error: unknown): boolean {
  return error instanceof OSError && error.code === "EADDRINUSE";
}

/** A connect in flight. */
export interface ConnectOperation {
  readonly conn: Promise<StreamConn>;
  /**
   * Cancels the connect. It may still succeed, and the connection then has to
   * be closed.
   */
  cancel(): void;
  /** Sets whether the connect keeps the process alive, if that can be set. */
  ref?(): void;
  unref?(): void;
}

/**
 * Connects with `Deno.connect`.
 *
 * Deno 2.9.6 never closes a connection whose connect is aborted in the turn of
 * the event loop in which it succeeds (74 of 800 on loopback). So the abort is
 * delayed until that turn is over.
 */
export function connect(sockaddr: InetSockaddr): ConnectOperation {
  const controller = new AbortController();
  const abort = () => controller.abort();
  return {
    conn: Deno.connect({
      hostname: denoHost(sockaddr),
      port: sockaddr.port,
      signal: controller.signal,
    }),
    cancel: () => void afterTicks(2, abort),
  };
}

/**
 * Returns whether there is a `Deno.listenDatagram`, which needs
 * `--unstable-net`.
 */
export function hasDatagrams(): boolean {
  return typeof findListenDatagram() === "function";
}

/** Creates the error of a feature that needs `--unstable-net`. */
export function needsUnstableNet(what: string): Error {
  return osError(
    "EOPNOTSUPP",
    `${what} --unstable-net, or "unstable": ["net"] in deno.json`,
  );
}

/** Opens a datagram socket with `Deno.listenDatagram`. */
export function listenDatagram(
  sockaddr: InetSockaddr,
  options: OpenOptions,
): DenoDatagramConn {
  try {
    return findListenDatagram()!({
      transport: "udp",
      hostname: denoHost(sockaddr),
      port: sockaddr.port,
      ...(options.reuseAddress ? { reuseAddress: true } : {}),
      // Deno turns the loopback of multicast off by default, whereas the
      // system's default is on.
      loopback: options.multicastLoop ?? true,
    });
  } catch (error) {
    throw fromDeno(error);
  }
}

/** Converts the destination of a datagram to Deno's form. */
export function toDenoAddr(sockaddr: Sockaddr): Deno.Addr {
  return isPath(sockaddr) ? { transport: "unixpacket", path: sockaddr.path } : {
    transport: "udp",
    hostname: denoHost(sockaddr),
    port: sockaddr.port,
  };
}

/** Returns whether network access is granted, without prompting the user. */
export function isGranted(host: string, port?: number): boolean {
  return netState(host, port) === "granted";
}

/** Returns whether network access is explicitly denied. */
export function isDenied(host: string, port?: number): boolean {
  return netState(host, port) === "denied";
}

function netState(host: string, port?: number): Deno.PermissionState {
  // Deno 2.9.6 keeps a status of about 370 bytes for each permission descriptor
  // that was ever queried, so an address is queried only if net is not granted
  // as a whole.
  const { state, partial } = Deno.permissions.querySync({ name: "net" });
  if (state === "granted" && !partial) return state;
  const target = bracketed(host);
  try {
    return Deno.permissions.querySync({
      name: "net",
      host: port === undefined ? target : `${target}:${port}`,
    }).state;
  } catch {
    // This is a URIError: a host that the runtime cannot parse is on no list.
    return "prompt";
  }
}

/**
 * How long a close waits for the peer's session tickets and its end of stream.
 */
const TICKETS_MS = 1000;

/**
 * A `Deno.TlsConn` that loses nothing when it is closed.
 *
 * A TLS 1.3 server sends session tickets after the handshake. They stay unread
 * in the kernel if the client only sends, and closing with unread bytes resets
 * the connection: of 200 clients that sent 3 MB and called
 * `Deno.TlsConn.close()`, eight at once over loopback, 75 lost the last bytes
 * (Deno 2.9.6). So such a connection first half-closes, and reads to the end of
 * the peer's stream.
 */
export class DenoTlsConn implements StreamConn {
  readonly localAddr: Deno.Addr;
  readonly remoteAddr: Deno.Addr;
  readonly #conn: Deno.TlsConn;
  #hasSent = false;
  /**
   * Whether a read has returned data, which come after the tickets, or the end.
   */
  #hasReceived = false;

  constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
    this.localAddr = conn.localAddr;
    this.remoteAddr = conn.remoteAddr;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer).then((n) => {
      this.#hasReceived = true;
      return n;
    });
  }

  write(data: Uint8Array): Promise<number> {
    this.#hasSent = true;
    return this.#conn.write(data);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void | Promise<void> {
    if (!this.#hasSent || this.#hasReceived) this.#conn.close();
    else return this.#closeAfterTickets();
  }

  async #closeAfterTickets(): Promise<void> {
    const limit = timers.setTimeout(() => this.#conn.close(), TICKETS_MS);
    try {
      await this.#conn.closeWrite().catch(() => {});
      const rest = new Uint8Array(1024);
      while (await this.#conn.read(rest) !== null);
      this.#conn.close();
    } catch {
      // The peer has reset the connection, or the limit has closed it.
      try {
        this.#conn.close();
      } catch {
        // The connection is already closed.
      }
    } finally {
      timers.clearTimeout(limit);
    }
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }
}

// Unix sockets: streams, names and grants.

/**
 * How long to wait before the next attempt when the backlog of a listener is
 * full.
 */
const FULL_QUEUE_MS = 10;

/** Opens a Unix listener, which removes its own file when it is closed. */
export function listenUnix(sockaddr: UnixSockaddr): StreamListener {
  const listener = openNamedSocket(
    sockaddr.path,
    (path) => Deno.listen({ transport: "unix", path }),
  );
  return isAbstract(sockaddr.path)
    ? listener
    : new UnixListener(listener, sockaddr.path);
}

/**
 * A Unix listener with a file. When it is closed, Deno removes any file at the
 * path. If a successor has already taken the path over, that is the successor's
 * file.
 */
class UnixListener implements StreamListener {
  readonly #listener: Deno.Listener & Referenced;
  readonly #path: string;
  readonly #file: string | undefined;

  constructor(listener: Deno.Listener & Referenced, path: string) {
    this.#listener = listener;
    this.#path = path;
    this.#file = identityOf(path);
  }

  get addr(): Deno.Addr {
    return this.#listener.addr;
  }

  accept(): Promise<StreamConn> {
    return this.#listener.accept();
  }

  ref(): void {
    this.#listener.ref();
  }

  unref(): void {
    this.#listener.unref();
  }

  close(): void {
    const path = this.#path;
    const successor = this.#file !== undefined &&
      ![undefined, this.#file].includes(identityOf(path));
    const aside = `${path}.${crypto.randomUUID().slice(0, 8)}`;
    // The successor's file gets another name for that moment, which needs a
    // grant. Where the file system refuses to rename it, Deno cannot remove it
    // either.
    const isAside = successor && isWritable(aside) && renamed(path, aside);
    this.#listener.close();
    if (isAside) renamed(aside, path);
  }
}

/** Renames a file, and returns whether that has succeeded. */
function renamed(from: string, to: string): boolean {
  try {
    Deno.renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the identity of a file, which differs from that of a later file at
 * the same path.
 */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function isWritable(path: string): boolean {
  return (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path }).state === "granted"
  );
}

/**
 * Connects to a Unix socket. `waits` says whether to wait while the listener's
 * backlog is full, as a blocking socket does; Deno fails with EAGAIN at once.
 */
export function connectUnix(
  { path }: UnixSockaddr,
  waits: boolean,
): ConnectOperation {
  const pauses = new Pauses();
  const attempt = async (): Promise<StreamConn> => {
    checkName(path);
    for (;;) {
      try {
        return await Deno.connect({ transport: "unix", path });
      } catch (error) {
        const full = error instanceof Deno.errors.WouldBlock;
        if (!full || !waits) throw fromUnix(path, error);
      }
      await pauses.wait(FULL_QUEUE_MS);
      if (pauses.cancelled) throw osError("ECANCELED");
    }
  };
  return {
    conn: attempt(),
    cancel: () => pauses.cancel(),
    ref: () => pauses.ref(),
    unref: () => pauses.unref(),
  };
}

/**
 * Checks that sending to a path is granted and that there is a socket, as
 * connect(2) does. Deno checks this only in a send, and connecting sends
 * nothing.
 */
export function checkUnixPeer(path: string): void {
  checkUnixGrants(path);
  if (path.startsWith("\0")) return;
  let isSocket: boolean | null;
  try {
    ({ isSocket } = Deno.statSync(path));
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    throw isMissing
      ? osError("ENOENT", undefined, { cause: error })
      : fromUnix(path, error);
  }
  if (isSocket === false) throw osError("ECONNREFUSED");
}

/**
 * Requests the grants that sending to a path needs. Before Deno 2.9 there is no
 * grant of the network for a path.
 */
export function checkUnixGrants(path: string): void {
  checkName(path);
  const needed: Deno.PermissionDescriptor[] = isAbstract(path)
    ? [{ name: "net" }]
    : [{ name: "read", path }, { name: "write", path }];
  if (!isAbstract(path) && !isOlderThan(9)) {
    needed.push({ name: "net", host: `unix:${absolute(path)}` });
  }
  for (const each of needed) {
    const { state } = Deno.permissions.requestSync(each);
    if (state !== "granted") throw notGranted(path);
  }
}

/** Returns whether a name is abstract, or will be. */
function isAbstract(path: string): boolean {
  return path === "" || path.startsWith("\0");
}

/** Refuses an abstract name where Deno takes it for a path. */
function checkName(path: string): void {
  if (isAbstract(path)) requireDeno(8, "An abstract name of a Unix socket");
}

/**
 * Opens a Unix socket with a name; for "" with a free abstract name, in the
 * form that Linux assigns. Deno accepts "" only if everything is granted.
 */
export function openNamedSocket<T>(path: string, open: (path: string) => T): T {
  if (path === "" && Deno.build.os !== "linux") {
    throw osError(
      "EOPNOTSUPP",
      "only Linux assigns names to Unix sockets; bind to a path",
    );
  }
  checkName(path);
  for (;;) {
    try {
      return open(path === "" ? randomName() : path);
    } catch (error) {
      const taken = error instanceof Deno.errors.AddrInUse;
      if (!taken || path !== "") throw fromUnix(path, error);
    }
  }
}

/** Creates an abstract name: a NUL and five hexadecimal digits, unix(7). */
function randomName(): string {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return `\0${(value & 0xfffff).toString(16).padStart(5, "0")}`;
}

/** Translates an error of Deno about a Unix path. */
export function fromUnix(path: string, error: unknown): Error {
  return error instanceof Deno.errors.NotCapable
    ? notGranted(path, error)
    : fromDeno(error);
}

/**
 * Creates the error for a path that is not granted, which names all the grants
 * that it needs. Deno names only one missing grant at a time.
 */
function notGranted(path: string, cause?: Error): Error {
  const options = cause && { cause };
  if (isAbstract(path)) {
    const what = path === ""
      ? "an automatically assigned name (or bind the socket to a path)"
      : `the abstract name "\\0${path.slice(1)}"`;
    const hint = `Requires net access to ${what}, run again with --allow-net`;
    return osError("EACCES", hint, options);
  }
  const [which, net] = isOlderThan(9)
    ? ["read and write", ""]
    : ["read, write and net", ` --allow-net=unix:${absolute(path)}`];
  return osError(
    "EACCES",
    `Requires ${which} access to "${path}", run again with --allow-read=${path} --allow-write=${path}${net}`,
    options,
  );
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}
