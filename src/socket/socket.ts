/**
 * The class {@linkcode Socket}, and the function {@linkcode socket} that
 * creates one.
 */

import {
  type Address,
  type AddressInput,
  AF_UNIX,
  type Family,
  type InetAddress,
  MSG_TRUNC,
  SHUT_RD,
  SHUT_RDWR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "../base/constants.ts";
import {
  checkBytes,
  checkInt,
  checkSignal,
  checkSize,
  checkTimeout,
  markAsOwn,
  namedArguments,
  optionalArguments,
} from "../base/checks.ts";
import { EAGAIN } from "../base/errno_table.ts";
import { gaierror, OSError, TimeoutError } from "../base/errors.ts";
import { isReason, osError } from "../base/os_error.ts";
import { parseAddress } from "../base/sockaddr.ts";
import { Connected } from "../endpoint/connected.ts";
import {
  Description,
  type Descriptor,
  openDescriptor,
} from "../endpoint/description.ts";
import { type ReceiveSink, ScatterSink } from "../endpoint/endpoint.ts";
import { DEFAULT_BACKLOG } from "../endpoint/opening.ts";
import { intFrom } from "../endpoint/options.ts";
import { concat } from "../file/open_file.ts";
import {
  type BufferingOptions,
  type FileFor,
  type FileOptions,
  type MakefileOptions,
  openFile,
  type SocketFile,
} from "../file/makefile.ts";
import {
  type CallContext,
  failure,
  type SignalOption,
  traced,
} from "../wait/waiter.ts";
import {
  checkAncillary,
  checkBuffers,
  checkFlags,
  checkKind,
  checkOneAddress,
  type FlagsOption,
  parseSingleAddress,
  type ReceiveIntoOptions,
  type ReceiveMessageOptions,
  type SendMessageOptions,
  socketArguments,
  type SocketOptions,
  toDescriptor,
} from "./arguments.ts";
import {
  checkFile,
  checkPart,
  checkProgress,
  type Readable,
  sendFile,
  SENDFILE_ARGUMENTS,
  SENDFILE_KEYWORDS,
  type SendfileOptions,
  sendFileWith,
} from "./sendfile.ts";
import {
  type Overrides,
  toConnections,
  toReadable,
  toWritable,
} from "./streams.ts";
import { repr } from "./repr.ts";
import { getdefaulttimeout, SocketCore } from "./socket_core.ts";

export type { Newline } from "../file/text_file.ts";

export type {
  BinaryMode,
  BinaryReadMode,
  BinaryReadWriteMode,
  BinaryWriteMode,
  TextMode,
} from "../file/makefile.ts";

export type {
  BufferingOptions,
  FileFor,
  FileOptions,
  FlagsOption,
  MakefileOptions,
  Readable,
  ReceiveIntoOptions,
  ReceiveMessageOptions,
  SendfileOptions,
  SendMessageOptions,
  SignalOption,
  SocketFile,
  SocketOptions,
};

/** The most that one pull of `readable` receives. No datagram is longer. */
const STREAM_BYTES = 65536;

/**
 * Returns the core of a socket. Fails if a method was called without its
 * socket.
 */
let coreOf: (socket: Socket) => SocketCore;

/**
 * Closes the sockets that a program has dropped without closing them. CPython
 * closes them at once; this is a safety net against running out of descriptors.
 */
const dropped = new FinalizationRegistry<SocketCore>((core) => core.drop());

/**
 * A socket with the interface of Python's `socket.socket`.
 *
 * - **In order**: calls made side by side are served in the order they were
 *   made.
 * - **Once**: every byte, datagram and connection is returned by exactly one
 *   call.
 * - **Nothing lost**: if a receive or accept times out, is aborted or would
 *   block, the next call returns what arrives later. A cancelled send returns
 *   the number of bytes that it has committed; these are sent before any
 *   others.
 * - **Closing**: pending receives reject at once with EBADF, and sends in
 *   progress finish. `using` closes the socket; `await using` also waits until
 *   everything that was sent has been handed to the kernel.
 * - **Ending**: the process ends when no call is pending and no byte is unsent,
 *   even if sockets are open.
 *
 * Where Python would block, a method returns a promise, and reports every error
 * by rejecting it. Its last argument may be `{ signal }`: when the signal
 * aborts, the call rejects with the signal's reason.
 *
 * Sockets are created with {@linkcode socket}; the class is for types,
 * `instanceof` and subclassing.
 *
 * ### Members by task
 *
 * - **Opening**:
 *   {@linkcode Socket.prototype.bind | bind},
 *   {@linkcode Socket.prototype.listen | listen},
 *   {@linkcode Socket.prototype.accept | accept},
 *   {@linkcode Socket.prototype.connect | connect},
 *   {@linkcode Socket.prototype.connect_ex | connect_ex}
 * - **Receiving**:
 *   {@linkcode Socket.prototype.recv | recv},
 *   {@linkcode Socket.prototype.recv_into | recv_into},
 *   {@linkcode Socket.prototype.recvfrom | recvfrom},
 *   {@linkcode Socket.prototype.recvfrom_into | recvfrom_into},
 *   {@linkcode Socket.prototype.recvmsg | recvmsg},
 *   {@linkcode Socket.prototype.recvmsg_into | recvmsg_into}
 * - **Sending**:
 *   {@linkcode Socket.prototype.send | send},
 *   {@linkcode Socket.prototype.sendall | sendall},
 *   {@linkcode Socket.prototype.sendto | sendto},
 *   {@linkcode Socket.prototype.sendmsg | sendmsg},
 *   {@linkcode Socket.prototype.sendfile | sendfile}
 * - **Closing**:
 *   {@linkcode Socket.prototype.shutdown | shutdown},
 *   {@linkcode Socket.prototype.close | close},
 *   {@linkcode Socket.prototype.detach | detach},
 *   {@linkcode Socket.prototype.[Symbol.dispose] | using},
 *   {@linkcode Socket.prototype.[Symbol.asyncDispose] | await using}
 * - **Timeouts**:
 *   {@linkcode Socket.prototype.settimeout | settimeout},
 *   {@linkcode Socket.prototype.gettimeout | gettimeout},
 *   {@linkcode Socket.prototype.timeout | timeout},
 *   {@linkcode Socket.prototype.setblocking | setblocking},
 *   {@linkcode Socket.prototype.getblocking | getblocking}
 * - **Options**:
 *   {@linkcode Socket.prototype.setsockopt | setsockopt},
 *   {@linkcode Socket.prototype.getsockopt | getsockopt}
 * - **Properties**: {@linkcode Socket.prototype.family | family},
 *   {@linkcode Socket.prototype.type | type},
 *   {@linkcode Socket.prototype.proto | proto},
 *   {@linkcode Socket.prototype.getsockname | getsockname},
 *   {@linkcode Socket.prototype.getpeername | getpeername},
 *   {@linkcode Socket.prototype.toString | toString}
 * - **Descriptor**:
 *   {@linkcode Socket.prototype.fileno | fileno},
 *   {@linkcode Socket.prototype.dup | dup},
 *   {@linkcode Socket.prototype.get_inheritable | get_inheritable},
 *   {@linkcode Socket.prototype.set_inheritable | set_inheritable}
 * - **As a file, a stream or a loop**:
 *   {@linkcode Socket.prototype.makefile | makefile},
 *   {@linkcode Socket.prototype.readable | readable},
 *   {@linkcode Socket.prototype.writable | writable},
 *   {@linkcode Socket.prototype.read | read},
 *   {@linkcode Socket.prototype.write | write},
 *   {@linkcode Socket.prototype.[Symbol.asyncIterator] | for await}
 * - **The process**:
 *   {@linkcode Socket.prototype.ref | ref},
 *   {@linkcode Socket.prototype.unref | unref}
 *
 * @example A server that answers one client
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
 * server.bind(["127.0.0.1", 0]);
 * server.listen();
 *
 * using client = socket.socket();
 * await client.connect(server.getsockname());
 * const [conn] = await server.accept();
 * await client.sendall(new TextEncoder().encode("hello"));
 * assertEquals(await conn.recv(1024), new TextEncoder().encode("hello"));
 * conn.close();
 * ```
 *
 * @typeParam A The address type of the socket.
 * @see {@link https://docs.python.org/3/library/socket.html#socket-objects | Python: Socket objects}
 */
export class Socket<A extends Address = Address> {
  /** The address family: `AF_INET`, `AF_INET6` or `AF_UNIX`. */
  readonly family: Family<A>;
  /** The type: `SOCK_STREAM` or `SOCK_DGRAM`. */
  readonly type: number;
  /** The protocol number, as it was given. */
  readonly proto: number;
  readonly #core: SocketCore;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  static {
    markAsOwn(this.prototype);
  }

  /**
   * Creates a socket, or takes over a descriptor.
   *
   * @param family The address family: `AF_INET`, `AF_INET6` or `AF_UNIX`.
   * @param type The type: `SOCK_STREAM` or `SOCK_DGRAM`, which may be or-ed
   * with `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
   * @param proto The protocol: 0, or the number of that type's protocol.
   * @param fileno A descriptor to take over; family, type and proto are then the
   * descriptor's, whatever the arguments say. Each argument may also be given by
   * name, in an object that comes last: `new Socket({ type: SOCK_DGRAM })`.
   * @throws {OSError} EAFNOSUPPORT, ESOCKTNOSUPPORT or EPROTONOSUPPORT if such
   * a socket is not supported; EBADF if `fileno` is not open.
   * @throws {TypeError} If an argument is not an integer, or is given twice.
   */
  constructor(
    family?: Family<A> | SocketOptions<A>,
    type?: number | SocketOptions<A>,
    proto?: number | SocketOptions<A>,
    fileno?: number | null | SocketOptions<A>,
  ) {
    const action = "make a socket";
    const given = [family, type, proto, fileno].slice(0, arguments.length);
    const kind = socketArguments(action, given);
    let timeout = getdefaulttimeout();
    let descriptor: Descriptor;
    if (kind.fileno === null) {
      const plain = kind.type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
      if ((kind.type & SOCK_NONBLOCK) !== 0) timeout = 0;
      checkKind(kind.family, plain, kind.proto);
      descriptor = openDescriptor(
        new Description(kind.family, plain, kind.proto),
      );
    } else {
      // Other functions fail with EBADF for a negative number, as in Python.
      if (kind.fileno < 0) {
        throw new RangeError(
          `Cannot ${action}: fileno must be 0 or more, received ${kind.fileno}`,
        );
      }
      descriptor = toDescriptor(action, kind.fileno);
    }
    const { description } = descriptor;
    this.#core = new SocketCore(descriptor, timeout);
    dropped.register(this, this.#core, this.#core);
    this.family = description.family as Family<A>;
    this.type = description.type;
    this.proto = description.proto;
  }

  /**
   * The timeout of this socket's calls in seconds: null if they block, 0 if
   * they never do.
   *
   * @returns The timeout in seconds, or null if there is none.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.gettimeout | Python: gettimeout}
   */
  get timeout(): number | null {
    return this.gettimeout();
  }

  /**
   * Binds the socket to a local address. The port of a stream socket is taken
   * at once, and {@linkcode Socket.prototype.getsockname} then returns it.
   *
   * A host name is resolved to an address of the socket's own family.
   *
   * @param address The local address; the host `""` stands for every interface,
   * port 0 for any free port.
   * @throws {OSError} EADDRINUSE if the address is in use; EADDRNOTAVAIL if it
   * does not belong to this machine; EINVAL if the socket is already bound;
   * EBADF if the socket is closed.
   * @throws {PermissionError} EACCES if Deno's permission is missing.
   * @throws {gaierror} EAI_NONAME if the host is unknown; EAI_ADDRFAMILY if it
   * has no address of the family.
   * @throws {TypeError} If the address does not have the shape of the family.
   * @throws {RangeError} If the port is not 0 to 65535.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.bind | Python: bind}
   * @see {@link https://man7.org/linux/man-pages/man2/bind.2.html | bind(2)}
   */
  bind(address: AddressInput<A>): void {
    const given = arguments.length;
    traced(Socket.prototype.bind, () => {
      if (given > 1) {
        throw new TypeError(
          "Cannot bind: the address is one argument, bind([host, port])",
        );
      }
      const sockaddr = parseAddress("bind", this.family, address);
      coreOf(this).description.bind(sockaddr);
    });
  }

  /**
   * Starts to listen for connections. An unbound socket is first bound to a
   * free port on every interface.
   *
   * @param backlog The maximum number of connections that may wait to be
   * accepted, 128 by default. With another number the port is opened a second
   * time. A later call of `listen` does not change it. It may also be given by
   * name, `listen({ backlog: 5 })`.
   * @throws {OSError} EINVAL if the socket is connected; EOPNOTSUPP if it is a
   * datagram socket; EADDRINUSE if another socket has taken the port before it
   * was opened a second time; EBADF if the socket is closed.
   * @throws {PermissionError} EACCES if the socket is not bound and Deno's
   * permission for 0.0.0.0:0 is missing.
   * @throws {TypeError} If `backlog` is not an integer, or is given twice.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.listen | Python: listen}
   * @see {@link https://man7.org/linux/man-pages/man2/listen.2.html | listen(2)}
   */
  listen(
    backlog?: number | { backlog?: number | undefined },
    options?: { backlog?: number | undefined },
  ): void {
    traced(Socket.prototype.listen, () => {
      const [value = DEFAULT_BACKLOG] = namedArguments(
        "listen",
        ["backlog"],
        [backlog, options],
      );
      const size = Math.max(0, checkInt("listen", "backlog", value));
      coreOf(this).description.listen(size);
    });
  }

  /**
   * Waits for a connection, and accepts it.
   *
   * A call that times out or is aborted loses no connection: the next call
   * returns it.
   *
   * @example A time limit of half a second
   * ```ts
   * import { assertRejects } from "@std/assert";
   * import * as socket from "@pystd/socket";
   *
   * using server = socket.socket();
   * server.bind(["127.0.0.1", 0]);
   * server.listen();
   * server.settimeout(0.5);
   * await assertRejects(() => server.accept(), socket.TimeoutError, "timed out");
   * ```
   *
   * @param options `signal` cancels the call.
   * @returns The new socket, which is blocking or has the default timeout, and
   * the address of the peer.
   * @throws {OSError} EINVAL if the socket is not listening, or stops listening
   * during the call; EOPNOTSUPP if it is a datagram socket; EMFILE if there are
   * too many open files; EBADF if the socket is closed.
   * @throws {TimeoutError} If no connection arrived in time.
   * @throws {BlockingIOError} EAGAIN if the socket is non-blocking and no
   * connection is waiting.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.accept | Python: accept}
   * @see {@link https://man7.org/linux/man-pages/man2/accept.2.html | accept(2)}
   */
  accept(options?: SignalOption): Promise<[Socket<A>, A]> {
    try {
      const signal = checkSignal("accept", options);
      const { description } = coreOf(this);
      return description.accept(coreOf(this).context("recv", 0, signal))
        .then((conn) => this.#accepted(description.accepted(conn)));
    } catch (error) {
      return failure(error);
    }
  }

  #accepted(description: Description): [Socket<A>, A] {
    const { number } = openDescriptor(description);
    const { family, type, proto } = this;
    const socket = new Socket<A>(family, type, proto, number);
    return [socket, description.endpoint.peerAddress() as A];
  }

  /**
   * Connects to a peer. For a datagram socket, this sets the only address that
   * datagrams are sent to and received from.
   *
   * A timeout or an abort cancels the connect. The socket is then unconnected
   * as before, and may connect again.
   *
   * @param address The peer's address.
   * @param options `signal` cancels the connect.
   * @throws {ConnectionRefusedError} ECONNREFUSED if no socket listens there.
   * @throws {OSError} EISCONN if the socket is already connected; EALREADY if a
   * connect is in progress; ENETUNREACH or EHOSTUNREACH if there is no route to
   * the peer; EBADF if the socket is closed.
   * @throws {BlockingIOError} EINPROGRESS if the socket is non-blocking:
   * SO_ERROR or the next call then reports the outcome.
   * @throws {TimeoutError} If the timeout expires first.
   * @throws {PermissionError} EACCES if Deno's permission is missing.
   * @throws {gaierror} EAI_NONAME if the host is unknown.
   * @throws {TypeError} If the address does not have the shape of the family.
   * @throws {RangeError} If the port is not 0 to 65535.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.connect | Python: connect}
   * @see {@link https://man7.org/linux/man-pages/man2/connect.2.html | connect(2)}
   */
  connect(address: AddressInput<A>, options?: SignalOption): Promise<void> {
    return this.#connect(address, options).then(nothing);
  }

  /**
   * Like {@linkcode Socket.prototype.connect}, but returns an errno instead of
   * throwing an `OSError`.
   *
   * @param address The peer's address.
   * @param options `signal` cancels the connect.
   * @returns 0 if the socket is connected, otherwise an errno: EAGAIN after a
   * timeout, as in Python, and EINPROGRESS if the socket is non-blocking.
   * @throws {gaierror} If the host is unknown.
   * @throws {TypeError} If the address does not have the shape of the family.
   * @throws {RangeError} If the port is not 0 to 65535.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.connect_ex | Python: connect_ex}
   */
  connect_ex(
    address: AddressInput<A>,
    options?: SignalOption,
  ): Promise<number> {
    return this.#connect(address, options).then(() => 0, (error) => {
      // The reason of an abort is not a result of the system, even if it is an
      // `OSError`.
      const { signal } = options ?? {};
      const isErrno = error instanceof OSError &&
        !(error instanceof gaierror) && !isReason(error, signal);
      if (!isErrno) return failure(error, signal);
      return error instanceof TimeoutError && error.message === "timed out"
        ? EAGAIN
        : error.errno;
    });
  }

  #connect(
    address: AddressInput<A>,
    options: SignalOption | undefined,
  ): Promise<unknown> {
    let signal: AbortSignal | undefined;
    try {
      const { family } = this;
      if (family !== AF_UNIX) checkOneAddress("connect", address, options);
      // The options are checked before the address: connect_ex() returns the
      // errno for a path that is too long, and would not report wrong options.
      signal = checkSignal("connect", options);
      const sockaddr = parseAddress("connect", family, address);
      const { description } = coreOf(this);
      return description.connect(
        sockaddr,
        coreOf(this).context("send", 0, signal),
      );
    } catch (error) {
      return failure(error, signal);
    }
  }

  /**
   * Receives bytes. A datagram socket receives one datagram, cut to `bufsize`.
   *
   * A call that times out, is aborted or would block loses nothing: the next
   * call returns the bytes that arrive later. With `MSG_WAITALL`, the bytes
   * that have already arrived stay queued for the next call.
   *
   * @example Peeking and exact reads
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   *
   * using server = socket.socket();
   * server.bind(["127.0.0.1", 0]);
   * server.listen();
   * using client = socket.socket();
   * await client.connect(server.getsockname());
   * using conn = (await server.accept())[0];
   * await client.sendall(new Uint8Array([1, 2, 3, 4]));
   *
   * assertEquals(await conn.recv(2, socket.MSG_PEEK), new Uint8Array([1, 2]));
   * const all = await conn.recv(4, socket.MSG_WAITALL);
   * assertEquals(all, new Uint8Array([1, 2, 3, 4]));
   * ```
   *
   * @param bufsize The maximum number of bytes to receive.
   * @param flags `MSG_PEEK`, `MSG_WAITALL` and `MSG_DONTWAIT`, or-ed.
   * @param options `signal` cancels the call.
   * @returns The bytes, which belong to the caller: `data.buffer` contains them
   * and nothing else. An empty array means the end of the stream.
   * @throws {OSError} ENOTCONN if the socket is not connected; EOPNOTSUPP if
   * Deno cannot provide a flag; EBADF if the socket is closed, or is closed
   * during the call.
   * @throws {ConnectionResetError} ECONNRESET if the peer reset the connection.
   * @throws {TimeoutError} If nothing arrived in time.
   * @throws {BlockingIOError} EAGAIN if the socket is non-blocking and nothing
   * has arrived.
   * @throws {TypeError} If `bufsize` is not an integer.
   * @throws {RangeError} If `bufsize` is negative.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.recv | Python: recv}
   * @see {@link https://man7.org/linux/man-pages/man2/recv.2.html | recv(2)}
   */
  recv(
    bufsize: number,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return coreOf(this).recv(bufsize, flags, options);
  }

  /**
   * Receives into a buffer. A datagram socket receives one datagram, cut to the
   * buffer's size.
   *
   * A timeout or an abort loses nothing, as in
   * {@linkcode Socket.prototype.recv}. A `shutdown(SHUT_RD)` during the call
   * ends the call, but not its read, which may still write to `buffer`. The
   * same holds for `close` and `detach`, if unsent bytes, a file object or
   * another descriptor keep the connection open.
   *
   * @param buffer The buffer to fill.
   * @param nbytes The maximum number of bytes to receive; 0 means the length of
   * `buffer`.
   * @param flags The flags, as for {@linkcode Socket.prototype.recv}.
   * @param options `signal` cancels the call.
   * @returns The number of bytes, 0 at the end of the stream.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.recv}.
   * @throws {TypeError} If `buffer` is not a Uint8Array.
   * @throws {RangeError} If `nbytes` is negative or larger than `buffer`.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.recv_into | Python: recv_into}
   */
  recv_into(
    buffer: Uint8Array,
    nbytes?: number | ReceiveIntoOptions,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<number> {
    return coreOf(this).recvInto(buffer, nbytes, flags, options);
  }

  /**
   * Receives bytes, and the address of their sender. On a stream a call for 0
   * bytes waits until there is something to receive, where
   * {@linkcode Socket.prototype.recv} returns at once.
   *
   * A timeout or an abort loses nothing, as in
   * {@linkcode Socket.prototype.recv}.
   *
   * @example A datagram
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   *
   * using server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
   * server.bind(["127.0.0.1", 0]);
   * using client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
   * await client.sendto(new Uint8Array([7]), server.getsockname());
   *
   * const [data, address] = await server.recvfrom(1024);
   * assertEquals(data, new Uint8Array([7]));
   * assertEquals(address[1], client.getsockname()[1]);
   * ```
   *
   * @param bufsize The maximum number of bytes to receive.
   * @param flags The flags, as for {@linkcode Socket.prototype.recv}.
   * @param options `signal` cancels the call.
   * @returns The bytes and the sender's address, which is null on a stream.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.recv}.
   * @throws {TypeError} If `bufsize` is not an integer.
   * @throws {RangeError} If `bufsize` is negative.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.recvfrom | Python: recvfrom}
   */
  recvfrom(
    bufsize: number,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<[Uint8Array<ArrayBuffer>, A]> {
    const received = coreOf(this).recvFrom(bufsize, flags, options);
    return received as Promise<[Uint8Array<ArrayBuffer>, A]>;
  }

  /**
   * Receives into a buffer, and returns the address of the sender too. A
   * timeout, an abort or a close has the same effect as in
   * {@linkcode Socket.prototype.recv_into}.
   *
   * @param buffer The buffer to fill.
   * @param nbytes The maximum number of bytes to receive; 0 means the length of
   * `buffer`.
   * @param flags The flags, as for {@linkcode Socket.prototype.recv}.
   * @param options `signal` cancels the call.
   * @returns The number of bytes and the sender's address, which is null on a
   * stream.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.recv}.
   * @throws {TypeError} If `buffer` is not a Uint8Array.
   * @throws {RangeError} If `nbytes` is negative or larger than `buffer`.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.recvfrom_into | Python: recvfrom_into}
   */
  recvfrom_into(
    buffer: Uint8Array,
    nbytes?: number | ReceiveIntoOptions,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<[number, A]> {
    return coreOf(this).recvFromInto(buffer, nbytes, flags, options)
      .then(({ data, address }) => [data.length, address as A]);
  }

  /**
   * Sends bytes, perhaps not all of them. A datagram socket sends one datagram
   * to its peer.
   *
   * A send may be cancelled by a timeout, by its signal, or because the socket
   * is non-blocking. If it has sent nothing, it rejects. Otherwise it resolves
   * to the number of bytes that are committed; these are sent before any later
   * data.
   *
   * @param data The bytes. The array may be overwritten once the call has
   * settled.
   * @param flags `MSG_DONTWAIT` and `MSG_NOSIGNAL`, or-ed.
   * @param options `signal` cancels the call.
   * @returns The number of bytes sent or committed, which may be fewer than
   * given.
   * @throws {OSError} ENOTCONN if the socket is not connected; EDESTADDRREQ if
   * a datagram socket has no peer; EMSGSIZE if a datagram is too long;
   * EOPNOTSUPP if Deno cannot provide a flag; EBADF if the socket is closed.
   * @throws {BrokenPipeError} EPIPE if the peer has closed the connection, or
   * after `shutdown(SHUT_WR)`.
   * @throws {ConnectionResetError} ECONNRESET if the peer reset the connection.
   * @throws {TimeoutError} If nothing could be sent in time.
   * @throws {BlockingIOError} EAGAIN if the socket is non-blocking and there is
   * no room in the send buffer.
   * @throws {TypeError} If `data` is not a Uint8Array. A string has to be
   * encoded first.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.send | Python: send}
   * @see {@link https://man7.org/linux/man-pages/man2/send.2.html | send(2)}
   */
  send(
    data: Uint8Array,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<number> {
    return coreOf(this).send(data, flags, options);
  }

  /**
   * Sends all of the bytes.
   *
   * @param data The bytes. The array may be overwritten once the call has
   * settled.
   * @param flags The flags, as for {@linkcode Socket.prototype.send}.
   * @param options `signal` cancels the call.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.send}. As in Python, it is then not known how
   * many bytes were sent.
   * @throws {TimeoutError} If not all of the bytes could be sent in time.
   * @throws {TypeError} If `data` is not a Uint8Array. A string has to be
   * encoded first.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.sendall | Python: sendall}
   */
  sendall(
    data: Uint8Array,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<void> {
    return coreOf(this).sendAll(data, flags, options);
  }

  /**
   * Sends a datagram to an address. An unbound socket is first bound to a free
   * port: on every interface if that is granted, otherwise on loopback.
   *
   * @param data The bytes of the datagram.
   * @param address The destination; a connected TCP socket ignores it.
   * @param options `signal` cancels the call.
   * @returns The number of bytes sent, which is the length of `data`.
   * @throws {OSError} EMSGSIZE if the datagram is too long; EISCONN if the
   * socket is a connected Unix stream; and for the same reasons as
   * {@linkcode Socket.prototype.send}.
   * @throws {PermissionError} EACCES if a broadcast is sent without
   * SO_BROADCAST, or if Deno's permission is missing.
   * @throws {gaierror} EAI_NONAME if the host is unknown.
   * @throws {TypeError} If `data` is not a Uint8Array, or the address does not
   * have the shape of the family.
   * @throws {RangeError} If the port is not 0 to 65535.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.sendto | Python: sendto}
   */
  sendto(
    data: Uint8Array,
    address: AddressInput<A>,
    options?: SignalOption,
  ): Promise<number>;
  /**
   * Sends a datagram to an address, with flags.
   *
   * @param data The bytes of the datagram.
   * @param flags The flags, as for {@linkcode Socket.prototype.send}.
   * @param address The destination; a connected TCP socket ignores it.
   * @param options `signal` cancels the call.
   * @returns The number of bytes sent, which is the length of `data`.
   * @throws {OSError} For the same reasons as without flags.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.sendto | Python: sendto}
   */
  sendto(
    data: Uint8Array,
    flags: number,
    address: AddressInput<A>,
    options?: SignalOption,
  ): Promise<number>;
  // The reference page of an overloaded method shows this comment.
  /**
   * Sends a datagram to an address: `sendto(data, address)`, or with flags
   * before the address, `sendto(data, flags, address)`.
   *
   * An unbound socket is first bound to a free port: on every interface if that
   * is granted, otherwise on loopback.
   *
   * @example Usage
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   *
   * using receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
   * receiver.bind(["127.0.0.1", 0]);
   * using sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
   * const n = await sender.sendto(new Uint8Array(3), receiver.getsockname());
   * assertEquals(n, 3);
   * ```
   *
   * @param data The bytes of the datagram.
   * @param flags The flags, as for {@linkcode Socket.prototype.send}; may be
   * left out.
   * @param address The destination; a connected TCP socket ignores it.
   * @param options A {@linkcode SignalOption}: `signal` cancels the call.
   * @returns The number of bytes sent, which is the length of `data`.
   * @throws {OSError} EMSGSIZE if the datagram is too long; EISCONN if the
   * socket is a connected Unix stream; and for the same reasons as
   * {@linkcode Socket.prototype.send}.
   * @throws {PermissionError} EACCES if a broadcast is sent without
   * SO_BROADCAST, or if Deno's permission is missing.
   * @throws {gaierror} EAI_NONAME if the host is unknown.
   * @throws {TypeError} If `data` is not a Uint8Array, or the address does not
   * have the shape of the family.
   * @throws {RangeError} If the port is not 0 to 65535.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.sendto | Python: sendto}
   */
  sendto(
    data: Uint8Array,
    flags: unknown,
    address?: unknown,
    options?: unknown,
  ): Promise<number> {
    if (typeof flags !== "number") {
      [flags, address, options] = [0, flags, address];
    }
    try {
      const bytes = checkBytes("send", "data", data);
      const sockaddr = parseSingleAddress(
        "send",
        this.family,
        address,
        options,
      );
      const context = coreOf(this).context(
        "send",
        checkFlags("send", flags),
        checkSignal("send", options),
      );
      return coreOf(this).sendMessage(bytes, context, sockaddr);
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Shuts down one direction of the connection, or both. Bytes that were
   * already sent are delivered first; bytes that were already received can
   * still be read.
   *
   * The state changes as soon as the method is called, even if the promise is
   * not awaited. The promise resolves when the FIN has been sent, or when the
   * timeout expires; the FIN is sent in either case.
   *
   * On a listening socket, pending and later accepts fail with EINVAL.
   *
   * @param how `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`.
   * @param options `signal` ends the call, but does not undo the shutdown.
   * @throws {OSError} ENOTCONN if the socket is not connected; EINVAL if `how`
   * is none of these; EBADF if the socket is closed.
   * @throws {TypeError} If `how` is not an integer.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.shutdown | Python: shutdown}
   * @see {@link https://man7.org/linux/man-pages/man2/shutdown.2.html | shutdown(2)}
   */
  shutdown(how: number, options?: SignalOption): Promise<void> {
    try {
      checkInt("shut down", "how", how);
      const signal = checkSignal("shut down", options);
      const { description } = coreOf(this);
      if (how < SHUT_RD || how > SHUT_RDWR) {
        throw osError(
          "EINVAL",
          `how must be SHUT_RD, SHUT_WR or SHUT_RDWR, received ${how}`,
        );
      }
      return description.shutdown(how, coreOf(this).context("send", 0, signal))
        .catch((error) => failure(error, signal));
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Closes the socket. Pending receives and accepts reject with EBADF at once;
   * sends in progress go on and finish. The connection is closed together with
   * its last duplicate and file object.
   *
   * Unsent bytes are sent first; after 30 seconds without progress the
   * connection is reset. Closing a second time does nothing.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.close | Python: close}
   */
  close(): void {
    traced(Socket.prototype.close, () => {
      const core = coreOf(this);
      dropped.unregister(core);
      core.close().catch(nothing);
    });
  }

  /** Closes the socket. `using` calls this method. */
  [Symbol.dispose](): void {
    traced(Socket.prototype[Symbol.dispose], () => this.close());
  }

  /**
   * Closes the socket, and waits until everything that was sent has been handed
   * to the kernel and the descriptor is released. `await using` calls this
   * method.
   *
   * @throws {OSError} If a part of the sent bytes could not be handed to the
   * kernel.
   */
  [Symbol.asyncDispose](): Promise<void> {
    try {
      this.close();
      return coreOf(this).close().catch(failure);
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Returns the address of the peer.
   *
   * @returns The address in the shape of the family: `[host, port]`,
   * `[host, port, flowinfo, scope_id]` or a path.
   * @throws {OSError} ENOTCONN if the socket has no peer, or its connection is
   * known to be over; EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.getpeername | Python: getpeername}
   */
  getpeername(): A {
    return traced(Socket.prototype.getpeername, () => {
      const address = coreOf(this).description.endpoint.peerAddress();
      if (address === undefined) throw osError("ENOTCONN");
      return ownCopy(address) as A;
    });
  }

  /**
   * Returns the socket's own address.
   *
   * @returns The address in the shape of the family: `[host, port]`,
   * `[host, port, flowinfo, scope_id]` or a path; the unspecified address, such
   * as `["0.0.0.0", 0]`, if the socket is not bound.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.getsockname | Python: getsockname}
   */
  getsockname(): A {
    return traced(Socket.prototype.getsockname, () => {
      return ownCopy(coreOf(this).description.endpoint.localAddress()) as A;
    });
  }

  /**
   * Returns the value of an option as a number.
   *
   * @param level The level of the option, such as `SOL_SOCKET` or
   * `IPPROTO_TCP`.
   * @param optname One of the options that
   * {@linkcode Socket.prototype.setsockopt} lists, such as `SO_REUSEADDR`.
   * @returns The value; a flag is 1 or 0.
   * @throws {OSError} ENOPROTOOPT if Deno cannot provide the option; EBADF if
   * the socket is closed.
   * @throws {TypeError} If an argument is not an integer.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.getsockopt | Python: getsockopt}
   */
  getsockopt(level: number, optname: number): number;
  /**
   * Returns the value of an option as bytes.
   *
   * @param level The level of the option, such as `SOL_SOCKET` or
   * `IPPROTO_TCP`.
   * @param optname One of the options that
   * {@linkcode Socket.prototype.setsockopt} lists, such as `SO_REUSEADDR`.
   * @param buflen The maximum number of bytes, 1 to 1024. It may also be given
   * by name.
   * @returns The value in the platform's representation.
   * @throws {OSError} ENOPROTOOPT if Deno cannot provide the option; EBADF if
   * the socket is closed.
   * @throws {TypeError} If an argument is not an integer.
   * @throws {RangeError} If `buflen` is out of range.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.getsockopt | Python: getsockopt}
   */
  getsockopt(
    level: number,
    optname: number,
    buflen: number | { buflen: number },
  ): Uint8Array;
  // The reference page of an overloaded method shows this comment.
  /**
   * Returns the value of an option: a number, or with `buflen` its bytes.
   *
   * @param level The level of the option, such as `SOL_SOCKET` or
   * `IPPROTO_TCP`.
   * @param optname One of the options that
   * {@linkcode Socket.prototype.setsockopt} lists, such as `SO_REUSEADDR`.
   * @param buflen The maximum number of bytes, 1 to 1024. If it is 0 or left
   * out, the value is returned as a number. It may also be given by name,
   * `{ buflen: 16 }`.
   * @returns The value, where a flag is 1 or 0; or its bytes in the platform's
   * representation.
   * @throws {OSError} ENOPROTOOPT if Deno cannot provide the option; EBADF if
   * the socket is closed.
   * @throws {TypeError} If an argument is not an integer.
   * @throws {RangeError} If `buflen` is out of range.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.getsockopt | Python: getsockopt}
   */
  getsockopt(
    level: number,
    optname: number,
    buflen?: number | { buflen?: number | undefined },
  ): number | Uint8Array {
    const action = "get a socket option";
    checkInt(action, "level", level);
    checkInt(action, "optname", optname);
    const [value = 0] = namedArguments(action, ["buflen"], [buflen]);
    const size = checkSize(action, "buflen", value);
    if (size > 1024) {
      throw new RangeError(
        `Cannot ${action}: buflen must be 0 to 1024, received ${size}`,
      );
    }
    return traced(Socket.prototype.getsockopt, () => {
      const bytes = coreOf(this).description.getOption(level, optname);
      return size === 0 ? intFrom(bytes) : bytes.slice(0, size);
    });
  }

  /**
   * Sets an option, which takes effect at once. An accepted socket inherits the
   * options of its listener.
   *
   * - Flags, each a boolean or a number: {@linkcode SO_REUSEADDR},
   *   {@linkcode SO_REUSEPORT}, {@linkcode SO_BROADCAST},
   *   {@linkcode SO_KEEPALIVE}; at `IPPROTO_TCP` {@linkcode TCP_NODELAY}; at
   *   `IPPROTO_IPV6` {@linkcode IPV6_V6ONLY}.
   * - Time limits, each a `struct timeval` of seconds and microseconds as
   *   bytes, where 0 means no limit: {@linkcode SO_RCVTIMEO},
   *   {@linkcode SO_SNDTIMEO}. A call that takes longer fails with EAGAIN.
   * - For IPv4 datagram sockets, at `IPPROTO_IP`: {@linkcode IP_MULTICAST_TTL},
   *   0 to 255 hops; {@linkcode IP_MULTICAST_LOOP}, a flag;
   *   {@linkcode IP_ADD_MEMBERSHIP} and {@linkcode IP_DROP_MEMBERSHIP}, a
   *   `struct ip_mreq` or `ip_mreqn` as bytes, which can only be set.
   * - For IPv6 datagram sockets, at `IPPROTO_IPV6`: {@linkcode IPV6_JOIN_GROUP}
   *   and {@linkcode IPV6_LEAVE_GROUP}, a `struct ipv6_mreq` as bytes, which
   *   can only be set.
   * - Options that can only be read: {@linkcode SO_TYPE},
   *   {@linkcode SO_DOMAIN}, {@linkcode SO_PROTOCOL}, {@linkcode SO_ERROR},
   *   {@linkcode SO_ACCEPTCONN}.
   *
   * @example Usage
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   *
   * using s = socket.socket();
   * s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1);
   * assertEquals(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1);
   * ```
   *
   * @param level The level of the option, such as `SOL_SOCKET` or
   * `IPPROTO_TCP`.
   * @param optname One of the options above.
   * @param value The value: a number, or its bytes in the platform's
   * representation.
   * @throws {OSError} ENOPROTOOPT if Deno cannot provide it or the option is
   * read-only; EINVAL if `value` has too few bytes; EBADF if the socket is
   * closed.
   * @throws {TypeError} If an argument has the wrong type.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.setsockopt | Python: setsockopt}
   * @see {@link https://man7.org/linux/man-pages/man7/socket.7.html | socket(7)}
   */
  setsockopt(
    level: number,
    optname: number,
    value: number | boolean | Uint8Array,
  ): void {
    const action = "set a socket option";
    checkInt(action, "level", level);
    checkInt(action, "optname", optname);
    if (typeof value === "boolean") value = Number(value);
    else if (typeof value === "number") checkInt(action, "value", value);
    else if (value === undefined) {
      throw new TypeError(
        `Cannot ${action}: level, optname and value are needed, such as SOL_SOCKET, SO_REUSEADDR, 1`,
      );
    } else checkBytes(action, "value", value);
    traced(Socket.prototype.setsockopt, () => {
      coreOf(this).description.setOption(level, optname, value);
    });
  }

  /**
   * Returns the timeout of this socket's calls.
   *
   * @returns The timeout in seconds; 0 if the socket is non-blocking, null if
   * there is no timeout.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.gettimeout | Python: gettimeout}
   */
  gettimeout(): number | null {
    return coreOf(this).timeout;
  }

  /**
   * Sets the timeout of this socket's calls, which bounds each call as a whole.
   * Calls that are already pending keep the timeout that they began with.
   *
   * @param timeout The timeout in seconds; 0 makes the socket non-blocking,
   * null means no timeout.
   * @throws {TypeError} If `timeout` is neither a number nor null.
   * @throws {RangeError} If `timeout` is negative, NaN or too large.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.settimeout | Python: settimeout}
   */
  settimeout(timeout: number | null): void {
    traced(Socket.prototype.settimeout, () => {
      checkTimeout("set the timeout", timeout);
      coreOf(this).checkOpen();
      coreOf(this).timeout = timeout;
    });
  }

  /**
   * Returns whether the socket is in blocking mode.
   *
   * @returns False if the timeout is 0, otherwise true.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.getblocking | Python: getblocking}
   */
  getblocking(): boolean {
    return coreOf(this).timeout !== 0;
  }

  /**
   * Sets the blocking mode. `setblocking(true)` is the same as
   * `settimeout(null)`, `setblocking(false)` the same as `settimeout(0)`.
   *
   * @param flag Whether calls block; 1 and 0 are accepted too.
   * @throws {TypeError} If `flag` is left out.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.setblocking | Python: setblocking}
   */
  setblocking(flag: boolean | number): void {
    traced(Socket.prototype.setblocking, () => {
      if (flag === undefined) {
        throw new TypeError(
          "Cannot set blocking: flag must be true or false, received undefined",
        );
      }
      coreOf(this).checkOpen();
      coreOf(this).timeout = flag ? null : 0;
    });
  }

  /**
   * Returns the number of the descriptor, which is the smallest free number
   * from 3 up in a table of this module's own. No system call accepts it.
   *
   * @returns The number, or -1 if the socket is closed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.fileno | Python: fileno}
   */
  fileno(): number {
    return coreOf(this).fileno;
  }

  /**
   * Creates a second socket on the same connection. The two share everything
   * that duplicates share in the kernel: the state, the options and the queued
   * bytes. Each has its own timeout and its own pending calls.
   *
   * @returns The new socket, which has the same class.
   * @throws {OSError} EBADF if the socket is closed.
   * @throws {TypeError} If the constructor of a subclass does not pass `fileno`
   * on.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.dup | Python: dup}
   */
  dup(): this {
    return traced(Socket.prototype.dup, () => {
      const descriptor = openDescriptor(coreOf(this).description);
      const { number } = descriptor;
      const { family, type, proto } = this;
      const Class = this.constructor as new (
        ...args: ConstructorParameters<typeof Socket<A>>
      ) => this;
      let copy: this;
      try {
        copy = new Class(family, type, proto, number);
      } catch (error) {
        descriptor.release();
        throw error;
      }
      if (coreOf(copy).descriptor !== descriptor) {
        // The `close` of a subclass may throw.
        descriptor.release();
        copy.close();
        throw new TypeError(
          `Cannot duplicate: the constructor of ${Class.name} must pass its fourth argument, fileno, on to Socket`,
        );
      }
      coreOf(copy).timeout = coreOf(this).timeout;
      return copy;
    });
  }

  /**
   * Creates a file object.
   *
   * @typeParam Mode The literal type of `mode`, which decides the class of the
   * file object.
   * @typeParam Buffering The literal type of `buffering`: 0 for a file object
   * without a buffer.
   * @param mode Any of the letters `r`, `w` and `b`; the file object is a text
   * file unless there is a `b`.
   * @param buffering The size of the buffer in bytes.
   * @param options `encoding`, `errors` and `newline` of a text file.
   * @returns The file object.
   * @throws {OSError} EBADF if the socket is closed.
   * @throws {RangeError} If Python has no such mode or option value.
   */
  makefile<
    Mode extends string = "r",
    Buffering extends number | null | undefined = undefined,
  >(
    mode?: Mode,
    buffering?: Buffering,
    options?: FileOptions,
  ): FileFor<Mode, Buffering>;
  /**
   * Creates a file object, with `buffering` by name.
   *
   * @typeParam Mode The literal type of `mode`, which decides the class of the
   * file object.
   * @typeParam Buffering The literal type of `buffering`: 0 for a file object
   * without a buffer.
   * @param mode Any of the letters `r`, `w` and `b`; the file object is a text
   * file unless there is a `b`.
   * @param options `buffering`, and `encoding`, `errors` and `newline` of a text
   * file.
   * @returns The file object.
   * @throws {OSError} EBADF if the socket is closed.
   * @throws {RangeError} If Python has no such mode or option value.
   */
  makefile<
    Mode extends string,
    Buffering extends number | null | undefined = undefined,
  >(
    mode: Mode | undefined,
    options: BufferingOptions<Buffering>,
  ): FileFor<Mode, Buffering>;
  /**
   * Creates a file object, with all arguments by name.
   *
   * @typeParam Mode The literal type of `mode`, which decides the class of the
   * file object.
   * @typeParam Buffering The literal type of `buffering`: 0 for a file object
   * without a buffer.
   * @param options `mode`, `buffering`, and `encoding`, `errors` and `newline`
   * of a text file.
   * @returns The file object.
   * @throws {OSError} EBADF if the socket is closed.
   * @throws {RangeError} If Python has no such mode or option value.
   */
  makefile<
    Mode extends string = "r",
    Buffering extends number | null | undefined = undefined,
  >(options: MakefileOptions<Mode, Buffering>): FileFor<Mode, Buffering>;
  // The reference page of an overloaded method shows this comment.
  /**
   * Creates a file object on this socket, in the way of Python's `open`. The
   * connection is closed together with its last socket and file object.
   *
   * The calls of the file object have this socket's timeout, and lose nothing
   * when it expires. On a non-blocking socket, a read or write that would block
   * resolves to null. Bytes that the file object has read ahead are not
   * returned by `recv`. If a subclass overrides `recv_into`, `send` or `close`,
   * the file object calls the override, as in Python.
   *
   * @example Lines
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   *
   * const [a, b] = await socket.socketpair();
   * await a.sendall(new TextEncoder().encode("one\ntwo\n"));
   * a.close();
   *
   * const lines = [];
   * await using file = b.makefile("r", { encoding: "utf-8" });
   * b.close();
   * for await (const line of file) lines.push(line);
   * assertEquals(lines, ["one\n", "two\n"]);
   * ```
   *
   * @param mode Any of the letters `r`, `w` and `b`; the file object is a text
   * file unless there is a `b`.
   * @param buffering The size of the buffer in bytes, 8192 by default. 0 means
   * no buffer, which only binary files allow; for text files, 1 means that each
   * line is sent at once.
   * @param options `encoding`, `errors` and `newline` of a text file, and the
   * other arguments by name.
   * @returns A {@linkcode TextIOWrapper} for text; a
   * {@linkcode BufferedReader}, {@linkcode BufferedWriter} or
   * {@linkcode BufferedRWPair} for bytes, or a {@linkcode SocketIO} if there is
   * no buffer.
   * @throws {OSError} EBADF if the socket is closed.
   * @throws {TypeError} If an argument has the wrong type, or was given twice.
   * @throws {RangeError} If Python has no such mode or option value.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.makefile | Python: makefile}
   */
  makefile(
    mode?: string | MakefileOptions<string, number | null>,
    buffering?: number | null | BufferingOptions<number | null>,
    options?: FileOptions,
  ): SocketFile {
    return traced(Socket.prototype.makefile, () => {
      const stream = coreOf(this).byteStream(this.#overrides());
      return openFile(stream, mode, buffering, options);
    });
  }

  /**
   * The overridden methods of a subclass, which file objects call as in Python.
   */
  #overrides(): Overrides {
    const { recv_into, send, close } = Socket.prototype;
    return {
      ...(this.recv_into !== recv_into && {
        recv_into: (buffer, options) => this.recv_into(buffer, 0, 0, options),
      }),
      ...(this.send !== send && {
        send: (data, options) =>
          options === undefined ? this.send(data) : this.send(data, 0, options),
      }),
      ...(this.close !== close && { close: () => this.close() }),
    };
  }

  /**
   * Receives like {@linkcode Socket.prototype.recvfrom}, and also returns
   * whether a datagram was cut.
   *
   * @param bufsize The maximum number of bytes to receive.
   * @param ancbufsize The size of the buffer for ancillary data. Deno provides
   * none.
   * @param flags The flags, as for {@linkcode Socket.prototype.recv}.
   * @param options `signal` cancels the call.
   * @returns The bytes, an empty array of ancillary data, `MSG_TRUNC` or 0, and
   * the sender's address.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.recv}.
   * @throws {RangeError} If a size is negative.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.recvmsg | Python: recvmsg}
   */
  recvmsg(
    bufsize: number,
    ancbufsize?: number | ReceiveMessageOptions,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<[Uint8Array<ArrayBuffer>, [], number, A]> {
    try {
      const size = checkSize("receive", "bufsize", bufsize);
      const context = this.#messageContext(ancbufsize, flags, options);
      return coreOf(this).recvMessage(size, context).then((
        { data, address, truncated },
      ) => [data, [], truncated ? MSG_TRUNC : 0, address as A]);
    } catch (error) {
      return failure(error);
    }
  }

  #messageContext(
    ancbufsize: number | ReceiveMessageOptions | undefined,
    flags: number | FlagsOption | undefined,
    options: SignalOption | undefined,
  ): CallContext {
    const [room = 0, value = 0, signal] = optionalArguments(
      "receive",
      ["ancbufsize", "flags"],
      [ancbufsize, flags, options],
    );
    checkSize("receive", "ancbufsize", room);
    return coreOf(this).context(
      "recv",
      checkFlags("recv", value),
      signal as AbortSignal | undefined,
    );
  }

  /**
   * Receives like {@linkcode Socket.prototype.recvmsg}, but into several
   * buffers, which are filled one after the other.
   *
   * @param buffers The buffers to fill.
   * @param ancbufsize The size of the buffer for ancillary data. Deno provides
   * none.
   * @param flags The flags, as for {@linkcode Socket.prototype.recv}.
   * @param options `signal` cancels the call.
   * @returns The number of bytes, an empty array of ancillary data, `MSG_TRUNC`
   * or 0, and the sender's address.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.recv}.
   * @throws {TypeError} If one of the buffers is not a Uint8Array.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.recvmsg_into | Python: recvmsg_into}
   */
  recvmsg_into(
    buffers: Iterable<Uint8Array>,
    ancbufsize?: number | ReceiveMessageOptions,
    flags?: number | FlagsOption,
    options?: SignalOption,
  ): Promise<[number, [], number, A]> {
    try {
      const targets = checkBuffers("receive", buffers);
      const context = this.#messageContext(ancbufsize, flags, options);
      const size = targets.reduce((sum, { length }) => sum + length, 0);
      return coreOf(this).recvMessage(size, context, new ScatterSink(targets))
        .then(
          (
            { data, address, truncated },
          ) => [data.length, [], truncated ? MSG_TRUNC : 0, address as A],
        );
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Sends the bytes of several buffers as one message.
   *
   * @param buffers The buffers, whose bytes make one datagram or one piece of a
   * stream.
   * @param ancdata Ancillary data. It must be empty, since Deno can send none.
   * @param flags The flags, as for {@linkcode Socket.prototype.send}.
   * @param address The destination of a datagram; null for the peer.
   * @param options `signal` cancels the call.
   * @returns The number of bytes sent or committed: all of them, or fewer if a
   * stream's call is cancelled, by a timeout, the signal or because the socket
   * is non-blocking, or if the connection fails, when a part has been sent.
   * @throws {OSError} EOPNOTSUPP if there is ancillary data; and for the same
   * reasons as {@linkcode Socket.prototype.send}.
   * @throws {TypeError} If one of the buffers is not a Uint8Array, or an item of
   * `ancdata` is malformed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.sendmsg | Python: sendmsg}
   */
  sendmsg(
    buffers: Iterable<Uint8Array>,
    ancdata?:
      | Iterable<readonly [number, number, Uint8Array]>
      | SendMessageOptions<A>,
    flags?: number | Omit<SendMessageOptions<A>, "ancdata">,
    address?:
      | AddressInput<A>
      | null
      | Omit<SendMessageOptions<A>, "ancdata" | "flags">,
    options?: SignalOption,
  ): Promise<number> {
    try {
      const [control = [], value = 0, to = null, signal] = optionalArguments(
        "send",
        ["ancdata", "flags", "address"],
        [ancdata, flags, address, options],
      );
      const parts = checkBuffers("send", buffers);
      checkAncillary(control as Iterable<unknown>);
      const context = coreOf(this).context(
        "send",
        checkFlags("send", value),
        signal as AbortSignal | undefined,
      );
      const sockaddr = to === null
        ? undefined
        : parseAddress("send", this.family, to);
      const data = parts.length === 1 ? parts[0]! : concat(parts);
      return coreOf(this).sendMessage(data, context, sockaddr);
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Sends a file up to its end, or `count` bytes of it.
   *
   * However the call ends, the position of the file is then behind the last
   * byte that was sent or committed. The timeout limits each wait for the peer,
   * not the whole call. Other sends, `shutdown` and `close` take effect in the
   * order in which they were called. But `close` cancels the call if the file
   * has no `seek`, since such a reader may never end.
   *
   * `onProgress` is called each time a piece has been handed to the kernel. It
   * is not called after the call has settled, so not for bytes that are
   * committed when the call is cancelled.
   *
   * @example A part of a file, and how far it is
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   *
   * using file = await Deno.open("LICENSE");
   * const [a, b] = await socket.socketpair();
   * let sent = 0;
   * const onProgress = (soFar: number) => sent = soFar;
   * assertEquals(await a.sendfile(file, 4, 7, { onProgress }), 7);
   * assertEquals(sent, 7);
   * a.close();
   * assertEquals(new TextDecoder().decode(await b.recv(99)), "License");
   * b.close();
   * ```
   *
   * @param file A `Deno.FsFile`, or any object with such a `read` and perhaps
   * `seek`.
   * @param offset The position in the file to begin at.
   * @param count The maximum number of bytes to send; null for no limit.
   * @param options `signal` cancels the call; `onProgress` is called with the
   * number of bytes sent so far; `offset` and `count` may be given by name.
   * @returns The number of bytes sent.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.send}.
   * @throws {RangeError} If the socket is not a stream socket or is
   * non-blocking; if the file was opened as text; if `count` is not positive or
   * `offset` is negative.
   * @throws {TypeError} If an argument has the wrong type.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.sendfile | Python: socket.sendfile}
   */
  async sendfile(
    file: Readable,
    offset?: number | SendfileOptions,
    count?: number | null | SendfileOptions,
    options?: SendfileOptions,
  ): Promise<number> {
    let signal: AbortSignal | undefined;
    try {
      checkFile(file);
      if (this.type !== SOCK_STREAM) {
        throw new RangeError(
          "Cannot send a file: only SOCK_STREAM type sockets are supported",
        );
      }
      const given = optionalArguments(
        "send a file",
        SENDFILE_ARGUMENTS,
        [offset, count, options],
        SENDFILE_KEYWORDS,
      );
      signal = given[3] as AbortSignal | undefined;
      const start = (given[0] === undefined ? 0 : given[0]) as number;
      const size = (given[1] ?? null) as number | null;
      checkPart(file, start, size);
      const onProgress = checkProgress(given[2]);
      if (coreOf(this).timeout === 0) {
        throw new RangeError(
          "Cannot send a file: non-blocking sockets are not supported",
        );
      }
      const context = coreOf(this).context("send", 0, signal);
      const part = { file, offset: start, count: size, onProgress };
      if (this.send !== Socket.prototype.send) {
        const send = (data: Uint8Array) => this.send(data, { signal });
        return await sendFileWith(send, part);
      }
      const { description } = coreOf(this);
      // The call enters the queue before anything is awaited.
      const ready = description.connecting
        ? await coreOf(this).ready("send", context)
        : { endpoint: description.endpointFor("send"), context };
      return await sendFile(ready.endpoint as Connected, ready.context, part);
    } catch (error) {
      return failure(error, signal);
    }
  }

  /**
   * Detaches the descriptor without closing it. This object is then closed, and
   * the connection stays open under the number that is returned.
   *
   * @returns The descriptor, to be passed to {@linkcode socket} as `fileno` or
   * to `fromfd`; -1 if the socket is already closed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.detach | Python: detach}
   */
  detach(): number {
    const number = this.fileno();
    const core = coreOf(this);
    dropped.unregister(core);
    core.detach();
    return number;
  }

  /**
   * Returns whether child processes inherit the descriptor. They never do,
   * since no system call accepts it.
   *
   * @returns Always false.
   * @throws {OSError} EBADF if the socket is closed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.get_inheritable | Python: get_inheritable}
   */
  get_inheritable(): boolean {
    coreOf(this).checkOpen();
    return false;
  }

  /**
   * Sets whether child processes inherit the descriptor.
   *
   * @param inheritable Only false is supported.
   * @throws {OSError} EOPNOTSUPP if `inheritable` is true; EBADF if the socket
   * is closed.
   * @see {@link https://docs.python.org/3/library/socket.html#socket.socket.set_inheritable | Python: set_inheritable}
   */
  set_inheritable(inheritable: boolean): void {
    coreOf(this).checkOpen();
    if (inheritable) {
      throw osError(
        "EOPNOTSUPP",
        "child processes cannot inherit Deno's sockets",
      );
    }
  }

  /**
   * Lets this socket's pending calls keep the process alive, which is the
   * default.
   */
  ref(): void {
    coreOf(this).referenced = true;
  }

  /**
   * Allows the process to end while this socket's calls are pending. Sends still
   * keep it alive, and so may a connect in progress.
   */
  unref(): void {
    coreOf(this).referenced = false;
  }

  /**
   * Iterates over the connections of a listening socket, until the socket is
   * closed. The socket is still listening after the loop has been left. The
   * iteration takes no signal; `accept` does.
   *
   * @example Usage
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import * as socket from "@pystd/socket";
   *
   * using server = socket.create_server(["127.0.0.1", 0]);
   * using client = await socket.create_connection(server.getsockname());
   * for await (const [conn, addr] of server) {
   *   assertEquals(addr, client.getsockname());
   *   conn.close();
   *   break;
   * }
   * ```
   *
   * @returns An iterator over the results of
   * {@linkcode Socket.prototype.accept}.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.accept}.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<[Socket<A>, A], void> {
    return toConnections(this);
  }

  /**
   * The received bytes as a stream, which makes one `recv` for each pull and
   * none ahead. Cancelling the stream or leaving its loop closes nothing and
   * loses nothing; the socket then has a new stream, as after an error. The
   * first read of a stream joins the queue of receives a microtask after the
   * stream was created.
   *
   * @returns The stream.
   * @see {@link https://developer.mozilla.org/docs/Web/API/ReadableStream | MDN: ReadableStream}
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#readable ??= toReadable(
      (signal, sink) => {
        if (this.recv !== Socket.prototype.recv) {
          return this.#receiveFor(signal, sink);
        }
        const core = coreOf(this);
        const context = core.context("recv", 0, signal);
        return core.recvMessage(STREAM_BYTES, context, sink);
      },
      () => this.#readable = undefined,
    );
    return this.#readable;
  }

  /** Receives with the `recv` of a subclass, which may throw at once. */
  async #receiveFor(signal: AbortSignal, sink: ReceiveSink): Promise<void> {
    const data = await this.recv(STREAM_BYTES, { signal });
    sink.push(data.length > 0 ? data : null);
  }

  /**
   * A stream whose chunks are sent in order. Closing the stream calls
   * `shutdown(SHUT_WR)`. Aborting it drops the unsent bytes and closes the
   * connection, which may look like a normal end of stream to the peer. After
   * an error the socket has a new stream.
   *
   * @returns The stream.
   * @see {@link https://developer.mozilla.org/docs/Web/API/WritableStream | MDN: WritableStream}
   */
  get writable(): WritableStream<Uint8Array> {
    if (this.#writable !== undefined) return this.#writable;
    const reset = () => {
      if (this.fileno() < 0) return;
      const { endpoint } = coreOf(this).description;
      if (endpoint instanceof Connected) endpoint.reset();
    };
    const writable = this.#writable = toWritable(this, reset, () => {
      // This may be called twice, and the second time there may be a new
      // stream.
      if (this.#writable === writable) this.#writable = undefined;
    });
    return writable;
  }

  /**
   * Receives into `p`, as a Reader of `@std/io` does. It takes no signal.
   *
   * @param p The buffer to fill.
   * @returns The number of bytes, or null at the end of the stream.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.recv}.
   * @see {@link https://jsr.io/@std/io/doc/~/Reader | @std/io: Reader}
   */
  read(p: Uint8Array): Promise<number | null> {
    return this.recv_into(p)
      .then((n) => n === 0 && p.length > 0 ? null : n);
  }

  /**
   * Sends bytes, as a Writer of `@std/io` does. It takes no signal.
   *
   * @param p The bytes.
   * @returns The number of bytes sent or committed, which may be fewer than
   * given.
   * @throws {OSError} For the same reasons as
   * {@linkcode Socket.prototype.send}.
   * @see {@link https://jsr.io/@std/io/doc/~/Writer | @std/io: Writer}
   */
  write(p: Uint8Array): Promise<number> {
    return this.send(p);
  }

  /**
   * Returns the text that Python prints for a socket.
   *
   * @returns A text such as
   * `<socket.socket fd=3, family=2, type=1, proto=0, ...>`.
   */
  toString(): string {
    const { family, type, proto } = this;
    const fd = this.fileno();
    const endpoint = fd < 0 ? undefined : coreOf(this).description.endpoint;
    return repr({
      name: this.constructor === Socket
        ? "socket.socket"
        : this.constructor.name,
      fd,
      family,
      type,
      proto,
      laddr: endpoint?.localAddress(),
      raddr: endpoint?.peerAddress(),
    });
  }

  static {
    coreOf = (socket) => {
      try {
        return socket.#core;
      } catch {
        throw new TypeError(
          "Cannot call a method without its socket: call it as socket.method(...), or in an arrow function",
        );
      }
    };
    // `console.log` prints the same text. A method with a computed name would
    // have no type that can be published.
    Object.defineProperty(
      Socket.prototype,
      Symbol.for("Deno.customInspect"),
      { value: Socket.prototype.toString },
    );
  }
}

function nothing(): void {}

/** Returns a copy of an address, which the caller may write to. */
function ownCopy(address: Address): Address {
  return typeof address === "string" ? address : [...address] as Address;
}

/** The type of the function {@linkcode socket}, which creates sockets. */
export interface SocketFactory {
  /**
   * Creates an IPv4 stream socket.
   *
   * @returns The socket.
   */
  (): Socket<InetAddress>;
  /**
   * Creates a socket of a family.
   *
   * @typeParam A The address type of the socket.
   * @param family The address family: `AF_INET`, `AF_INET6` or `AF_UNIX`.
   * @param type The type: `SOCK_STREAM` or `SOCK_DGRAM`, which may be or-ed
   * with `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
   * @param proto The protocol: 0, or the number of that type's protocol.
   * @param fileno A descriptor to take over, for example a detached one. The
   * arguments from `type` on may also be given by name, in an object that comes
   * last.
   * @returns The socket.
   */
  <A extends Address>(
    family: Family<A>,
    type?: number | SocketOptions<A>,
    proto?: number | SocketOptions<A>,
    fileno?: number | null | SocketOptions<A>,
  ): Socket<A>;
  /**
   * Creates a socket from arguments that are given by name.
   *
   * @typeParam A The address type of the socket.
   * @param options `family`, `type`, `proto` and `fileno`.
   * @returns The socket.
   */
  <A extends Address = InetAddress>(options: SocketOptions<A>): Socket<A>;
  /**
   * Creates a socket of a family that is known only when the program runs.
   *
   * @param family The address family: `AF_INET`, `AF_INET6` or `AF_UNIX`.
   * @param type The type: `SOCK_STREAM` or `SOCK_DGRAM`.
   * @param proto The protocol: 0, or the number of that type's protocol.
   * @param fileno A descriptor to take over.
   * @returns The socket.
   */
  (
    family: number,
    type?: number | SocketOptions,
    proto?: number | SocketOptions,
    fileno?: number | null | SocketOptions,
  ): Socket;
  /** Whether a value is a socket, for `instanceof`. */
  [Symbol.hasInstance](value: unknown): value is Socket;
}

/**
 * Creates a socket:
 * `socket(family = AF_INET, type = SOCK_STREAM, proto = 0, fileno = null)`.
 * Each argument may also be given by name, in an object that comes last.
 * `x instanceof socket` is true for every socket.
 *
 * @example An IPv4 stream socket
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using s = socket.socket();
 * assertEquals(s.family, socket.AF_INET);
 * assert(s instanceof socket.socket);
 * ```
 *
 * @example A datagram socket over IPv6
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
 * assertEquals(s.getsockname(), ["::", 0, 0, 0]);
 * ```
 *
 * @throws {OSError} EAFNOSUPPORT, ESOCKTNOSUPPORT or EPROTONOSUPPORT if such a
 * socket is not supported; EBADF if `fileno` is not open.
 * @throws {TypeError} If an argument is not an integer, is given twice, or is
 * given as undefined, such as a constant that does not exist.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.socket | Python: socket.socket}
 */
export const socket: SocketFactory = Object.defineProperty(
  function socket(...args: ConstructorParameters<typeof Socket>): Socket {
    return traced(socket, () => new Socket(...args));
  } as SocketFactory,
  Symbol.hasInstance,
  { value: (value: unknown): value is Socket => value instanceof Socket },
);

/**
 * The type of a socket, the same as {@linkcode Socket}.
 *
 * @typeParam A The address type of the socket.
 */
export type socket<A extends Address = Address> = Socket<A>;

export { Socket as SocketType };
