/**
 * Python's `socket` for Deno.
 *
 * A Python program is ported by adding `await` where Python blocks, and changing
 * nothing else but the language: names, argument order, defaults, return shapes
 * and error classes are Python's.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
 * server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
 * server.bind(["127.0.0.1", 0]);
 * server.listen(5);
 *
 * const client = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
 * await client.connect(server.getsockname());
 * await client.sendall(new TextEncoder().encode("hello"));
 * client.close();
 *
 * const [conn, addr] = await server.accept();
 * const data = await conn.recv(1024);
 * assertEquals(new TextDecoder().decode(data), "hello");
 * assertEquals(addr[0], "127.0.0.1");
 * conn.close();
 * server.close();
 * ```
 *
 * - Addresses are arrays, `["127.0.0.1", 8000]`, or the paths of Unix sockets.
 * - Bytes are `Uint8Array`. An empty one, the end of a stream, is truthy: ask
 *   for its `length`.
 * - `null` is Python's `None`. Timeouts are in seconds.
 * - Python's keyword-only arguments go into one last object. Methods that wait
 *   take `{ signal }` in it, as {@linkcode SignalOption}: aborting ends the
 *   call. A receive or an accept loses nothing by it.
 * - What the system refuses is an {@linkcode OSError}; a missing Deno permission
 *   is a {@linkcode PermissionError} that names the flag to add.
 *
 * ### Sockets
 *
 * - **Made** by {@linkcode socket}, {@linkcode create_connection},
 *   {@linkcode create_server}, {@linkcode socketpair}, {@linkcode fromfd},
 *   {@linkcode fromconn};
 *   {@linkcode Socket}, also named `SocketType`, is the class. Its page has the
 *   methods by task.
 * - **Descriptors**, numbers of this program: {@linkcode dup},
 *   {@linkcode close}.
 * - **Timeouts** of new sockets: {@linkcode getdefaulttimeout},
 *   {@linkcode setdefaulttimeout}.
 * - **Waiting for several** sockets: the entry points
 *   {@link [select] | @pystd/socket/select} and
 *   {@link [selectors] | @pystd/socket/selectors}.
 * - **Servers** with handlers: the entry point
 *   {@link [socketserver] | @pystd/socket/socketserver}.
 * - **Arguments**: {@linkcode SignalOption},
 *   {@linkcode CreateConnectionOptions}, {@linkcode CreateServerOptions},
 *   {@linkcode SendfileOptions}, {@linkcode Readable}.
 *
 * ### Addresses
 *
 * - **Shapes**: {@linkcode InetAddress}, {@linkcode Inet6Address},
 *   {@linkcode UnixAddress}, {@linkcode Address}, {@linkcode AddressInput},
 *   {@linkcode Family}.
 * - **Text and bytes**: {@linkcode inet_aton}, {@linkcode inet_ntoa},
 *   {@linkcode inet_pton}, {@linkcode inet_ntop}.
 * - **Byte order**: {@linkcode htons}, {@linkcode htonl}, {@linkcode ntohs},
 *   {@linkcode ntohl}.
 *
 * ### Names
 *
 * - **Hosts**: {@linkcode getaddrinfo}, {@linkcode getnameinfo},
 *   {@linkcode gethostbyname}, {@linkcode gethostbyname_ex},
 *   {@linkcode gethostbyaddr}, {@linkcode gethostname}, {@linkcode getfqdn};
 *   their results {@linkcode AddrInfo}, {@linkcode HostEntry}.
 * - **Services and protocols**: {@linkcode getservbyname},
 *   {@linkcode getservbyport}, {@linkcode getprotobyname}.
 * - **Interfaces**: {@linkcode if_nameindex}, {@linkcode if_nametoindex},
 *   {@linkcode if_indextoname}.
 * - **What there is**: {@linkcode has_ipv6}, {@linkcode has_dualstack_ipv6}.
 *
 * ### File objects
 *
 * Made by {@linkcode Socket.prototype.makefile | makefile}.
 *
 * - **Text**: {@linkcode TextIOWrapper}.
 * - **Bytes**: {@linkcode BufferedReader}, {@linkcode BufferedWriter},
 *   {@linkcode BufferedRWPair}; without a buffer {@linkcode SocketIO}.
 * - **In common**: {@linkcode IOBase}, {@linkcode BufferedIOBase},
 *   {@linkcode SocketFile}, {@linkcode FileFor}.
 * - **Arguments**: {@linkcode FileOptions}, {@linkcode BufferingOptions},
 *   {@linkcode MakefileOptions}, {@linkcode Newline},
 *   {@linkcode TextMode}, {@linkcode BinaryMode}, {@linkcode BinaryReadMode},
 *   {@linkcode BinaryWriteMode}, {@linkcode BinaryReadWriteMode}.
 *
 * ### Errors
 *
 * - **Every error of the system**: {@linkcode OSError}, also {@linkcode error}.
 * - **By its number**: {@linkcode BlockingIOError},
 *   {@linkcode ConnectionError}, {@linkcode BrokenPipeError},
 *   {@linkcode ConnectionAbortedError}, {@linkcode ConnectionRefusedError},
 *   {@linkcode ConnectionResetError}, {@linkcode FileExistsError},
 *   {@linkcode FileNotFoundError}, {@linkcode InterruptedError},
 *   {@linkcode PermissionError}, {@linkcode TimeoutError}, also
 *   {@linkcode timeout}.
 * - **Of names**: {@linkcode gaierror}, {@linkcode herror}.
 * - **Of file objects**: {@linkcode UnsupportedOperation}.
 * - **Numbers**: {@linkcode EAGAIN}, {@linkcode EBADF},
 *   {@linkcode EWOULDBLOCK}; all others in the entry point
 *   {@link [errno] | @pystd/socket/errno}.
 *
 * ### Constants
 *
 * They have the values that Python has on the system that the program runs on.
 * One that the system lacks is -1, which every call refuses.
 *
 * - **Families**: {@linkcode AF_INET}, {@linkcode AF_INET6},
 *   {@linkcode AF_UNIX}, {@linkcode AF_LOCAL}, {@linkcode AF_UNSPEC}; by name
 *   {@linkcode AddressFamily}.
 * - **Types**: {@linkcode SOCK_STREAM}, {@linkcode SOCK_DGRAM},
 *   {@linkcode SOCK_NONBLOCK}, {@linkcode SOCK_CLOEXEC} and other `SOCK_*`; by
 *   name {@linkcode SocketKind}.
 * - **Levels and protocols**: {@linkcode SOL_SOCKET}, {@linkcode IPPROTO_TCP},
 *   {@linkcode IPPROTO_UDP}, {@linkcode IPPROTO_IP}, {@linkcode IPPROTO_IPV6}
 *   and other `SOL_*` and `IPPROTO_*`.
 * - **Options**: `SO_*`, `TCP_*`, `IP_*` and `IPV6_*`. The page of
 *   {@linkcode Socket.prototype.setsockopt | setsockopt} says which can be set;
 *   any other is ENOPROTOOPT. What they mean:
 *   {@link https://man7.org/linux/man-pages/man7/socket.7.html | socket(7)},
 *   {@link https://man7.org/linux/man-pages/man7/tcp.7.html | tcp(7)},
 *   {@link https://man7.org/linux/man-pages/man7/ip.7.html | ip(7)},
 *   {@link https://man7.org/linux/man-pages/man7/ipv6.7.html | ipv6(7)}.
 * - **Flags**: {@linkcode MSG_PEEK}, {@linkcode MSG_WAITALL} and
 *   {@linkcode MSG_DONTWAIT} to receive, {@linkcode MSG_DONTWAIT} and
 *   {@linkcode MSG_NOSIGNAL} to send, {@linkcode MSG_TRUNC} from `recvmsg`; any
 *   other `MSG_*` is EOPNOTSUPP. By name {@linkcode MsgFlag}.
 * - **Of `shutdown` and `listen`**: {@linkcode SHUT_RD}, {@linkcode SHUT_WR},
 *   {@linkcode SHUT_RDWR}, {@linkcode SOMAXCONN}.
 * - **Of names**: `AI_*`, by name {@linkcode AddressInfo}, for `getaddrinfo`;
 *   `NI_*` for `getnameinfo`; `EAI_*`, the numbers of `gaierror`.
 * - **Numbers of addresses and ports**: `INADDR_*`, {@linkcode IPPORT_RESERVED},
 *   {@linkcode IPPORT_USERRESERVED}.
 * - **Ancillary data**, of which Deno has none: `SCM_*`.
 *
 * @see {@link https://docs.python.org/3/library/socket.html | Python: socket}
 *
 * @module
 */

export * from "./src/base/constants.ts";
export { EAGAIN, EBADF, EWOULDBLOCK } from "./src/base/errno.ts";
export * from "./src/base/errors.ts";
export * from "./src/base/inet.ts";
export {
  BufferedIOBase,
  BufferedReader,
  BufferedRWPair,
  BufferedWriter,
  SocketIO,
} from "./src/file/binary_file.ts";
export { IOBase } from "./src/file/io_base.ts";
export { TextIOWrapper } from "./src/file/text_file.ts";
export {
  type AddrInfo,
  type AddrInfoOptions,
  type FqdnOptions,
  getaddrinfo,
  getfqdn,
  gethostbyaddr,
  gethostbyname,
  gethostbyname_ex,
  gethostname,
  getnameinfo,
  type HostEntry,
  if_indextoname,
  if_nameindex,
  if_nametoindex,
} from "./src/netdb/netdb.ts";
export {
  getprotobyname,
  getservbyname,
  getservbyport,
  type ServiceOptions,
} from "./src/netdb/services.ts";
export {
  close,
  create_connection,
  create_server,
  type CreateConnectionOptions,
  type CreateServerOptions,
  dup,
  fromconn,
  fromfd,
  has_dualstack_ipv6,
  socketpair,
} from "./src/socket/connection.ts";
export {
  type BinaryMode,
  type BinaryReadMode,
  type BinaryReadWriteMode,
  type BinaryWriteMode,
  type BufferingOptions,
  type FileFor,
  type FileOptions,
  type FlagsOption,
  type MakefileOptions,
  type Newline,
  type Readable,
  type ReceiveIntoOptions,
  type ReceiveMessageOptions,
  type SendfileOptions,
  type SendMessageOptions,
  Socket,
  socket,
  type SocketFactory,
  type SocketFile,
  SocketType,
  type TextMode,
} from "./src/socket/socket.ts";
export {
  getdefaulttimeout,
  setdefaulttimeout,
} from "./src/socket/socket_core.ts";
export type { SignalOption } from "./src/wait/waiter.ts";
