/**
 * Python's `socket` for Deno: the same names, arguments, results and errors. Add
 * `await` where Python blocks.
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
 * - Bytes are `Uint8Array`. An empty one, the end of a stream, is truthy: test
 *   its `length`.
 * - `null` is Python's `None`. Timeouts are in seconds.
 * - Keyword arguments, and `signal`, go into one last object. Aborting the signal
 *   cancels the call; a receive or an accept loses nothing by it.
 * - The system's errors are {@linkcode OSError}s. A missing Deno permission is a
 *   {@linkcode PermissionError} that names the flag to add.
 *
 * ### Sockets
 *
 * {@linkcode socket}, {@linkcode create_connection}, {@linkcode create_server},
 * {@linkcode socketpair}, {@linkcode fromfd} and {@linkcode fromconn} make a
 * {@linkcode Socket}, whose page has the methods by task. `SocketType` is the same
 * class.
 *
 * ### Descriptors and timeouts
 *
 * {@linkcode dup} and {@linkcode close} take descriptors, numbers of this process.
 * {@linkcode getdefaulttimeout} and {@linkcode setdefaulttimeout} are for new
 * sockets.
 *
 * ### Addresses
 *
 * - {@linkcode InetAddress}, {@linkcode Inet6Address}, {@linkcode UnixAddress},
 *   {@linkcode Address}, {@linkcode AddressInput}, {@linkcode Family}.
 * - Text and bytes: {@linkcode inet_aton}, {@linkcode inet_ntoa},
 *   {@linkcode inet_pton}, {@linkcode inet_ntop}.
 * - Byte order: {@linkcode htons}, {@linkcode htonl}, {@linkcode ntohs},
 *   {@linkcode ntohl}.
 *
 * ### Names
 *
 * - Hosts: {@linkcode getaddrinfo}, {@linkcode getnameinfo},
 *   {@linkcode gethostbyname}, {@linkcode gethostbyname_ex},
 *   {@linkcode gethostbyaddr}, {@linkcode gethostname}, {@linkcode getfqdn},
 *   {@linkcode AddrInfo}, {@linkcode HostEntry}.
 * - Services and protocols: {@linkcode getservbyname},
 *   {@linkcode getservbyport}, {@linkcode getprotobyname}.
 * - Interfaces: {@linkcode if_nameindex}, {@linkcode if_nametoindex},
 *   {@linkcode if_indextoname}, {@linkcode has_ipv6},
 *   {@linkcode has_dualstack_ipv6}.
 *
 * ### File objects
 *
 * {@linkcode Socket.prototype.makefile | makefile} makes a
 * {@linkcode TextIOWrapper}, {@linkcode BufferedReader},
 * {@linkcode BufferedWriter}, {@linkcode BufferedRWPair} or, without a buffer,
 * {@linkcode SocketIO}: each an {@linkcode IOBase}, those with bytes and a buffer a
 * {@linkcode BufferedIOBase}.
 *
 * ### Errors
 *
 * - {@linkcode OSError}, also named `error`, and by its number
 *   {@linkcode BlockingIOError}, {@linkcode ConnectionError},
 *   {@linkcode BrokenPipeError}, {@linkcode ConnectionAbortedError},
 *   {@linkcode ConnectionRefusedError}, {@linkcode ConnectionResetError},
 *   {@linkcode FileExistsError}, {@linkcode FileNotFoundError},
 *   {@linkcode InterruptedError}, {@linkcode PermissionError},
 *   {@linkcode TimeoutError}, also named `timeout`.
 * - {@linkcode gaierror} and {@linkcode herror} for names,
 *   {@linkcode UnsupportedOperation} for file objects.
 * - Numbers: {@linkcode EAGAIN}, {@linkcode EBADF}, {@linkcode EWOULDBLOCK}; all
 *   others are in {@link [errno] | @pystd/socket/errno}.
 *
 * ### Constants
 *
 * They have the values that Python has on the system that the program runs on, and
 * are grouped as {@linkcode AddressFamily}, {@linkcode SocketKind},
 * {@linkcode MsgFlag} and {@linkcode AddressInfo}. The page of
 * {@linkcode Socket.prototype.setsockopt | setsockopt} has the options that can be
 * set, and those of {@linkcode Socket.prototype.recv | recv} and
 * {@linkcode Socket.prototype.send | send} the flags; any other fails. An option
 * that the system lacks is -1.
 *
 * ### Types of arguments
 *
 * - Of calls that wait: {@linkcode SignalOption}, {@linkcode FlagsOption},
 *   {@linkcode ReceiveIntoOptions}, {@linkcode ReceiveMessageOptions},
 *   {@linkcode SendMessageOptions}, {@linkcode SendfileOptions},
 *   {@linkcode Readable}, {@linkcode CreateConnectionOptions},
 *   {@linkcode CreateServerOptions}.
 * - Of new sockets: {@linkcode SocketFactory}, {@linkcode SocketOptions},
 *   {@linkcode SocketPairOptions}.
 * - Of names: {@linkcode AddrInfoOptions}, {@linkcode FqdnOptions},
 *   {@linkcode ServiceOptions}.
 * - Of `makefile`: {@linkcode FileOptions}, {@linkcode BufferingOptions},
 *   {@linkcode MakefileOptions}, {@linkcode Newline}, {@linkcode TextMode},
 *   {@linkcode BinaryMode}, {@linkcode BinaryReadMode},
 *   {@linkcode BinaryWriteMode}, {@linkcode BinaryReadWriteMode},
 *   {@linkcode SocketFile}, {@linkcode FileFor}.
 *
 * ### Other modules
 *
 * {@link [select] | @pystd/socket/select},
 * {@link [selectors] | @pystd/socket/selectors},
 * {@link [socketserver] | @pystd/socket/socketserver},
 * {@link [ssl] | @pystd/socket/ssl} and
 * {@link [errno] | @pystd/socket/errno} mirror Python's modules of these names.
 *
 * @see {@link https://docs.python.org/3/library/socket.html | Python: socket}
 *
 * @module
 */

// The files that the exports below need, by name, though they import them too. A
// program then loads all files at once, and not one layer after the other. It also
// starts sooner: to load a file, Deno reads the source map of the one that is the
// first to import it, and that of this file is short.
import "./src/base/checks.ts";
import "./src/base/os_error.ts";
import "./src/base/sockaddr.ts";
import "./src/endpoint/connected.ts";
import "./src/endpoint/datagram.ts";
import "./src/endpoint/datagram_receiver.ts";
import "./src/endpoint/description.ts";
import "./src/endpoint/endpoint.ts";
import "./src/endpoint/listening.ts";
import "./src/endpoint/opening.ts";
import "./src/endpoint/options.ts";
import "./src/endpoint/receive_buffer.ts";
import "./src/endpoint/receiver.ts";
import "./src/endpoint/sender.ts";
import "./src/file/buffers.ts";
import "./src/file/codecs.ts";
import "./src/file/decoder.ts";
import "./src/file/encoder.ts";
import "./src/file/makefile.ts";
import "./src/file/open_file.ts";
import "./src/netdb/lookup.ts";
import "./src/runtime/deno_datagram.ts";
import "./src/runtime/deno_net.ts";
import "./src/runtime/interface_table.ts";
import "./src/runtime/memory_pair.ts";
import "./src/runtime/node_dgram.ts";
import "./src/runtime/node_net.ts";
import "./src/runtime/resolver.ts";
import "./src/socket/arguments.ts";
import "./src/socket/repr.ts";
import "./src/socket/sendfile.ts";
import "./src/socket/streams.ts";
import "./src/wait/event_loop.ts";
import "./src/wait/operation_queue.ts";
import "./src/wait/waiter.ts";

export * from "./src/base/constants.ts";
export { EAGAIN, EBADF, EWOULDBLOCK } from "./src/base/errno_table.ts";
export {
  BlockingIOError,
  BrokenPipeError,
  ConnectionAbortedError,
  ConnectionError,
  ConnectionRefusedError,
  ConnectionResetError,
  FileExistsError,
  FileNotFoundError,
  gaierror,
  herror,
  InterruptedError,
  OSError,
  PermissionError,
  TimeoutError,
  UnsupportedOperation,
} from "./src/base/errors.ts";
// After the classes: the reference shows the first name that a class has.
export { error, timeout } from "./src/base/errors.ts";
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
  type SocketPairOptions,
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
  type SocketOptions,
  SocketType,
  type TextMode,
} from "./src/socket/socket.ts";
export {
  getdefaulttimeout,
  setdefaulttimeout,
} from "./src/socket/socket_core.ts";
export type { SignalOption } from "./src/wait/waiter.ts";
