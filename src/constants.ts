/**
 * The constants of Python's `socket` module: families, types, options, flags,
 * and those of name resolution. They have the values that Python has on the
 * system that the program runs on.
 *
 * Where Python on a system lacks a name, so does the system. What this module
 * does by itself, as {@linkcode MSG_DONTWAIT} on Windows, is there all the same:
 * it has Linux's number, which means nothing else there. Any other such constant
 * is -1, which every call refuses: Python's `hasattr(socket, "MSG_MORE")` is
 * `MSG_MORE !== -1` or `"MSG_MORE" in MsgFlag`.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#constants | Python: Constants}
 */

import type {
  Family,
  Inet6Address,
  InetAddress,
  UnixAddress,
} from "./address.ts";
import { gaiErrnoOf } from "./internal/gai_table.ts";
import { ABSENT, pick } from "./internal/platform.ts";

export * from "./protocol_constants.ts";

/** Any address family, for `getaddrinfo`. */
export const AF_UNSPEC: Family = 0;
/** IPv4; addresses are `[host, port]`. */
export const AF_INET: Family<InetAddress> = 2;
/** IPv6; addresses are `[host, port, flowinfo, scope_id]`. */
export const AF_INET6: Family<Inet6Address> = pick(10, 30, 23);
/** Unix sockets; addresses are path strings. Python has it on POSIX systems only. */
export const AF_UNIX: Family<UnixAddress> = 1;
/** POSIX.1g's name of {@linkcode AF_UNIX}, which Python does not have. */
export const AF_LOCAL: Family<UnixAddress> = 1;

/** A stream of bytes, as TCP. */
export const SOCK_STREAM: number = 1;
/** Datagrams, as UDP. */
export const SOCK_DGRAM: number = 2;
/** Raw packets; `socket()` refuses it. */
export const SOCK_RAW: number = 3;
/** Reliably delivered datagrams; `socket()` refuses it. */
export const SOCK_RDM: number = 4;
/** A stream of records; `socket()` refuses it. */
export const SOCK_SEQPACKET: number = 5;
/** Or-ed with the type: the new socket is non-blocking. Python has it on Linux only. */
export const SOCK_NONBLOCK: number = 2048;
/** Or-ed with the type: the descriptor is not inherited, which none is. Python has it on Linux only. */
export const SOCK_CLOEXEC: number = 524288;

/** Level of the options of every socket, `SO_*`. */
export const SOL_SOCKET: number = pick(1, 0xffff, 0xffff);
/** Level of the options of IPv4, the same as `IPPROTO_IP`. */
export const SOL_IP: number = 0;
/** Level of the options of TCP, the same as `IPPROTO_TCP`. */
export const SOL_TCP: number = 6;
/** Level of the options of UDP, the same as `IPPROTO_UDP`. */
export const SOL_UDP: number = 17;

/** Whether the socket listens; read only. */
export const SO_ACCEPTCONN: number = pick(30, 0x0002, 0x0002);
/** Network interface to use. */
export const SO_BINDTODEVICE: number = pick(25, 0x1134, ABSENT);
/** Network interface to use, by its index. */
export const SO_BINDTOIFINDEX: number = pick(62, ABSENT, ABSENT);
/** Whether datagrams may be sent to broadcast addresses. */
export const SO_BROADCAST: number = pick(6, 0x0020, 0x0020);
/** Whether the system records debugging information. */
export const SO_DEBUG: number = 1;
/** The address family of the socket; read only. Python has it on Linux only. */
export const SO_DOMAIN: number = 39;
/** Whether to send to directly connected hosts only. */
export const SO_DONTROUTE: number = pick(5, 0x0010, 0x0010);
/** The pending error, cleared by reading it; read only. */
export const SO_ERROR: number = pick(4, 0x1007, 0x1007);
/** Whether nobody else may take the address, on Windows. */
export const SO_EXCLUSIVEADDRUSE: number = pick(ABSENT, ABSENT, -5);
/** The processor that handles the socket. */
export const SO_INCOMING_CPU: number = pick(49, ABSENT, ABSENT);
/** Whether an idle connection is probed. */
export const SO_KEEPALIVE: number = pick(9, 0x0008, 0x0008);
/** Whether and how long, in seconds, closing waits for what was sent. */
export const SO_LINGER: number = pick(13, 0x0080, 0x0080);
/** Mark of the packets sent. */
export const SO_MARK: number = pick(36, ABSENT, ABSENT);
/** Whether urgent data stays in the stream. */
export const SO_OOBINLINE: number = pick(10, 0x0100, 0x0100);
/** Whether credentials come with messages. */
export const SO_PASSCRED: number = pick(16, ABSENT, ABSENT);
/** Whether the security context comes with messages. */
export const SO_PASSSEC: number = pick(34, ABSENT, ABSENT);
/** Credentials of a Unix socket's peer. */
export const SO_PEERCRED: number = pick(17, ABSENT, ABSENT);
/** Security context of the peer. */
export const SO_PEERSEC: number = pick(31, ABSENT, ABSENT);
/** Priority of the packets sent. */
export const SO_PRIORITY: number = pick(12, ABSENT, ABSENT);
/** The protocol of the socket; read only. Python has it on Linux only. */
export const SO_PROTOCOL: number = 38;
/** Size of the system's receive buffer, in bytes. */
export const SO_RCVBUF: number = pick(8, 0x1002, 0x1002);
/** How many bytes make the socket readable. */
export const SO_RCVLOWAT: number = pick(18, 0x1004, 0x1004);
/** Timeout of receiving: a `struct timeval`, seconds and microseconds. */
export const SO_RCVTIMEO: number = pick(20, 0x1006, 0x1006);
/** Whether `bind` may take an address whose last connections are not over. */
export const SO_REUSEADDR: number = pick(2, 0x0004, 0x0004);
/** Whether several sockets may have one port. Python has it on POSIX systems only. */
export const SO_REUSEPORT: number = pick(15, 0x0200, 15);
/** Size of the system's send buffer, in bytes. */
export const SO_SNDBUF: number = pick(7, 0x1001, 0x1001);
/** How many bytes of room make the socket writable. */
export const SO_SNDLOWAT: number = pick(19, 0x1003, 0x1003);
/** Timeout of sending: a `struct timeval`, seconds and microseconds. */
export const SO_SNDTIMEO: number = pick(21, 0x1005, 0x1005);
/** The type of the socket; read only. */
export const SO_TYPE: number = pick(3, 0x1008, 0x1008);
/** Whether the socket sees its own messages, on macOS and Windows. */
export const SO_USELOOPBACK: number = pick(ABSENT, 0x0040, 0x0040);

/** The longest backlog of `listen`, in connections, that the system's headers promise. */
export const SOMAXCONN: number = pick(4096, 128, 0x7fffffff);

/** Ancillary data: file descriptors. */
export const SCM_RIGHTS: number = pick(1, 1, ABSENT);
/** Ancillary data: credentials of a process, on Linux. */
export const SCM_CREDENTIALS: number = pick(2, ABSENT, ABSENT);
/** Ancillary data: credentials of a process, on macOS. */
export const SCM_CREDS: number = pick(ABSENT, 3, ABSENT);

/** Received: the datagram was broadcast, on Windows. */
export const MSG_BCAST: number = pick(ABSENT, ABSENT, 0x0400);
/** Receive: received descriptors are not inherited. */
export const MSG_CMSG_CLOEXEC: number = pick(0x40000000, ABSENT, ABSENT);
/** Send: the peer is known to be reachable. */
export const MSG_CONFIRM: number = pick(0x0800, ABSENT, ABSENT);
/** Received: ancillary data was cut off. */
export const MSG_CTRUNC: number = pick(0x0008, 0x0020, 0x0200);
/** Send: to directly connected hosts only. */
export const MSG_DONTROUTE: number = 0x0004;
/** This call is non-blocking. Python has it on POSIX systems only. */
export const MSG_DONTWAIT: number = pick(0x0040, 0x0080, 0x0040);
/** Send: and then close the sending side, on macOS. */
export const MSG_EOF: number = pick(ABSENT, 0x0100, ABSENT);
/** The end of a record. */
export const MSG_EOR: number = pick(0x0080, 0x0008, ABSENT);
/** Receive: from the queue of errors. */
export const MSG_ERRQUEUE: number = pick(0x2000, ABSENT, 0x1000);
/** Send: with the opening of the connection. */
export const MSG_FASTOPEN: number = pick(0x20000000, ABSENT, ABSENT);
/** Received: the datagram was multicast, on Windows. */
export const MSG_MCAST: number = pick(ABSENT, ABSENT, 0x0800);
/** Send: more will follow. */
export const MSG_MORE: number = pick(0x8000, ABSENT, ABSENT);
/** Send: no signal if the connection is broken, as always here. Python has it on POSIX systems only. */
export const MSG_NOSIGNAL: number = pick(0x4000, 0x80000, 0x4000);
/** Urgent data. */
export const MSG_OOB: number = 0x0001;
/** Receive: leave the data to be received again. */
export const MSG_PEEK: number = 0x0002;
/** Received: the datagram was cut off. */
export const MSG_TRUNC: number = pick(0x0020, 0x0010, 0x0100);
/** Receive: wait for all the bytes asked for. */
export const MSG_WAITALL: number = pick(0x0100, 0x0040, 0x0008);

/** `shutdown`: nothing more will be received. */
export const SHUT_RD: number = 0;
/** `shutdown`: nothing more will be sent. */
export const SHUT_WR: number = 1;
/** `shutdown`: both. */
export const SHUT_RDWR: number = 2;

/** Only families of which this machine has an address. */
export const AI_ADDRCONFIG: number = pick(0x0020, 0x0400, 0x0400);
/** With {@linkcode AI_V4MAPPED}: IPv6 and IPv4-mapped addresses. */
export const AI_ALL: number = pick(0x0010, 0x0100, 0x0100);
/** Give the canonical name. */
export const AI_CANONNAME: number = 0x0002;
/** `AI_V4MAPPED_CFG | AI_ADDRCONFIG`, on macOS. */
export const AI_DEFAULT: number = pick(ABSENT, 0x0600, ABSENT);
/** All the flags that may be given, on macOS. */
export const AI_MASK: number = pick(ABSENT, 0x1407, ABSENT);
/** The host is an address, not a name. */
export const AI_NUMERICHOST: number = 0x0004;
/** The service is a number, not a name. */
export const AI_NUMERICSERV: number = pick(0x0400, 0x1000, 0x0008);
/** Addresses to bind to: no host means the wildcard. */
export const AI_PASSIVE: number = 0x0001;
/** If there are no IPv6 addresses, IPv4-mapped ones. */
export const AI_V4MAPPED: number = pick(0x0008, 0x0800, 0x0800);
/** IPv4-mapped addresses if the kernel takes them, on macOS. */
export const AI_V4MAPPED_CFG: number = pick(ABSENT, 0x0200, ABSENT);

/** The service is one of UDP. */
export const NI_DGRAM: number = 16;
/** Size of the longest host name, in bytes. */
export const NI_MAXHOST: number = 1025;
/** Size of the longest service name, in bytes. */
export const NI_MAXSERV: number = 32;
/** An address without a name is an error. */
export const NI_NAMEREQD: number = pick(8, 4, 4);
/** Give the host name without its domain if it is a local one. */
export const NI_NOFQDN: number = pick(4, 1, 1);
/** Give the address, not a name. */
export const NI_NUMERICHOST: number = pick(1, 2, 2);
/** Give the port, not a name. */
export const NI_NUMERICSERV: number = pick(2, 8, 8);

/** `gaierror`: the host has no address of the family. Python on Windows does not have it. */
export const EAI_ADDRFAMILY: number = gaiErrnoOf("EAI_ADDRFAMILY");
/** `gaierror`: the name cannot be resolved now. */
export const EAI_AGAIN: number = gaiErrnoOf("EAI_AGAIN");
/** `gaierror`: unknown flags. */
export const EAI_BADFLAGS: number = gaiErrnoOf("EAI_BADFLAGS");
/** `gaierror`: wrong hints, on macOS. */
export const EAI_BADHINTS: number = pick(ABSENT, 12, ABSENT);
/** `gaierror`: the name cannot be resolved. */
export const EAI_FAIL: number = gaiErrnoOf("EAI_FAIL");
/** `gaierror`: unknown address family. */
export const EAI_FAMILY: number = gaiErrnoOf("EAI_FAMILY");
/** The number after the last code, on macOS. */
export const EAI_MAX: number = pick(ABSENT, 15, ABSENT);
/** `gaierror`: out of memory. */
export const EAI_MEMORY: number = gaiErrnoOf("EAI_MEMORY");
/** `gaierror`: the host has no address. */
export const EAI_NODATA: number = gaiErrnoOf("EAI_NODATA");
/** `gaierror`: the host or service is not known. */
export const EAI_NONAME: number = gaiErrnoOf("EAI_NONAME");
/** `gaierror`: the result is too long. Python on Windows does not have it. */
export const EAI_OVERFLOW: number = gaiErrnoOf("EAI_OVERFLOW");
/** `gaierror`: unknown protocol, on macOS. */
export const EAI_PROTOCOL: number = pick(ABSENT, 13, ABSENT);
/** `gaierror`: the service is not known for this socket type. */
export const EAI_SERVICE: number = gaiErrnoOf("EAI_SERVICE");
/** `gaierror`: unknown socket type. */
export const EAI_SOCKTYPE: number = gaiErrnoOf("EAI_SOCKTYPE");
/** `gaierror`: an error of the system. Python on Windows does not have it. */
export const EAI_SYSTEM: number = gaiErrnoOf("EAI_SYSTEM");

/** Whether IPv6 can be used, true as in every build of Python. */
export const has_ipv6: boolean = true;

/** The address families by name, as Python's enum `AddressFamily`. */
export const AddressFamily: Readonly<{
  AF_UNSPEC: Family;
  AF_INET: Family<InetAddress>;
  AF_INET6: Family<Inet6Address>;
  AF_UNIX: Family<UnixAddress>;
}> = Object.freeze({ AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX });

/** The socket types by name, as Python's enum `SocketKind`. */
export const SocketKind: Readonly<
  Record<
    | "SOCK_STREAM"
    | "SOCK_DGRAM"
    | "SOCK_RAW"
    | "SOCK_RDM"
    | "SOCK_SEQPACKET"
    | "SOCK_NONBLOCK"
    | "SOCK_CLOEXEC",
    number
  >
> = Object.freeze({
  SOCK_STREAM,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_RDM,
  SOCK_SEQPACKET,
  SOCK_NONBLOCK,
  SOCK_CLOEXEC,
});

/**
 * The flags of sending and receiving by name, as Python's enum `MsgFlag`,
 * without those that the system lacks.
 */
export const MsgFlag: Readonly<
  & Record<
    | "MSG_CTRUNC"
    | "MSG_DONTROUTE"
    | "MSG_DONTWAIT"
    | "MSG_NOSIGNAL"
    | "MSG_OOB"
    | "MSG_PEEK"
    | "MSG_TRUNC"
    | "MSG_WAITALL",
    number
  >
  & Partial<
    Record<
      | "MSG_BCAST"
      | "MSG_CMSG_CLOEXEC"
      | "MSG_CONFIRM"
      | "MSG_EOF"
      | "MSG_EOR"
      | "MSG_ERRQUEUE"
      | "MSG_FASTOPEN"
      | "MSG_MCAST"
      | "MSG_MORE",
      number
    >
  >
> = present({
  MSG_BCAST,
  MSG_CMSG_CLOEXEC,
  MSG_CONFIRM,
  MSG_CTRUNC,
  MSG_DONTROUTE,
  MSG_DONTWAIT,
  MSG_EOF,
  MSG_EOR,
  MSG_ERRQUEUE,
  MSG_FASTOPEN,
  MSG_MCAST,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
});

/**
 * The flags of `getaddrinfo` by name, as Python's enum `AddressInfo`, without
 * those that the system lacks.
 */
export const AddressInfo: Readonly<
  & Record<
    | "AI_ADDRCONFIG"
    | "AI_ALL"
    | "AI_CANONNAME"
    | "AI_NUMERICHOST"
    | "AI_NUMERICSERV"
    | "AI_PASSIVE"
    | "AI_V4MAPPED",
    number
  >
  & Partial<Record<"AI_DEFAULT" | "AI_MASK" | "AI_V4MAPPED_CFG", number>>
> = present({
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_DEFAULT,
  AI_MASK,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  AI_V4MAPPED_CFG,
});

function present<T extends Record<string, number>>(members: T): Readonly<T> {
  const entries = Object.entries(members).filter(([, n]) => n !== ABSENT);
  return Object.freeze(Object.fromEntries(entries)) as Readonly<T>;
}
