/**
 * The constants of Python's `socket` module. They have the values that Python has
 * on the system that the program runs on; one that the system lacks is -1, which
 * every call refuses.
 *
 * This module can set some options, such as {@linkcode TCP_NODELAY}; its
 * documentation lists them. Every other fails with ENOPROTOOPT, and is here so
 * that a program which tries it compiles.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#constants | Python: Constants}
 */

import { ABSENT, byOs, gaiErrnoOf } from "./errno_table.ts";

/** IPv6 authentication header. */
export const IPPROTO_AH: number = 51;
/** Core-based trees, on Windows. */
export const IPPROTO_CBT: number = byOs(ABSENT, ABSENT, 7);
/** IPv6 destination options. */
export const IPPROTO_DSTOPTS: number = 60;
/** Exterior Gateway Protocol. */
export const IPPROTO_EGP: number = 8;
/** ISO over IP, on macOS. */
export const IPPROTO_EON: number = byOs(ABSENT, 80, ABSENT);
/** Encapsulating security payload. */
export const IPPROTO_ESP: number = 50;
/** IPv6 fragmentation header. */
export const IPPROTO_FRAGMENT: number = 44;
/** Gateway-to-Gateway Protocol, on macOS and Windows. */
export const IPPROTO_GGP: number = byOs(ABSENT, 3, 3);
/** Generic routing encapsulation. */
export const IPPROTO_GRE: number = byOs(47, 47, ABSENT);
/** HELLO routing protocol, on macOS. */
export const IPPROTO_HELLO: number = byOs(ABSENT, 63, ABSENT);
/** IPv6 hop-by-hop options. */
export const IPPROTO_HOPOPTS: number = 0;
/** Wideband monitoring, on Windows. */
export const IPPROTO_ICLFXBM: number = byOs(ABSENT, ABSENT, 78);
/** Internet Control Message Protocol. */
export const IPPROTO_ICMP: number = 1;
/** ICMP for IPv6. */
export const IPPROTO_ICMPV6: number = 58;
/** Xerox Internet Datagram Protocol. */
export const IPPROTO_IDP: number = 22;
/** Internet Group Management Protocol. */
export const IPPROTO_IGMP: number = 2;
/** Interior gateway protocols, on Windows. */
export const IPPROTO_IGP: number = byOs(ABSENT, ABSENT, 9);
/** IPv4: level of the options `IP_*`; as a protocol, the usual one. */
export const IPPROTO_IP: number = 0;
/** IP payload compression, on macOS. */
export const IPPROTO_IPCOMP: number = byOs(ABSENT, 108, ABSENT);
/** IP in IP. */
export const IPPROTO_IPIP: number = byOs(4, 4, ABSENT);
/** IPv4 in IP, on macOS and Windows. */
export const IPPROTO_IPV4: number = byOs(ABSENT, 4, 4);
/** IPv6: level of the options `IPV6_*`. */
export const IPPROTO_IPV6: number = 41;
/** Layer Two Tunneling Protocol, on Windows. */
export const IPPROTO_L2TP: number = byOs(ABSENT, ABSENT, 115);
/** One more than the last protocol, on macOS and Windows. */
export const IPPROTO_MAX: number = byOs(ABSENT, 256, 256);
/** Multipath TCP. */
export const IPPROTO_MPTCP: number = byOs(262, ABSENT, ABSENT);
/** Sun's network disk protocol, on macOS and Windows. */
export const IPPROTO_ND: number = byOs(ABSENT, 77, 77);
/** IPv6: no next header. */
export const IPPROTO_NONE: number = 59;
/** Pragmatic General Multicast, on Windows. */
export const IPPROTO_PGM: number = byOs(ABSENT, ABSENT, 113);
/** Protocol Independent Multicast. */
export const IPPROTO_PIM: number = 103;
/** Xerox PARC Universal Packet. */
export const IPPROTO_PUP: number = 12;
/** Raw IP packets. */
export const IPPROTO_RAW: number = 255;
/** Reliable Data Protocol, on Windows. */
export const IPPROTO_RDP: number = byOs(ABSENT, ABSENT, 27);
/** IPv6 routing header. */
export const IPPROTO_ROUTING: number = 43;
/** Resource reservation. */
export const IPPROTO_RSVP: number = byOs(46, 46, ABSENT);
/** Stream Control Transmission Protocol. */
export const IPPROTO_SCTP: number = 132;
/** Internet Stream Protocol, on Windows. */
export const IPPROTO_ST: number = byOs(ABSENT, ABSENT, 5);
/** TCP: the protocol of stream sockets, and level of the options `TCP_*`. */
export const IPPROTO_TCP: number = 6;
/** ISO transport protocol class 4. */
export const IPPROTO_TP: number = byOs(29, 29, ABSENT);
/** UDP: the protocol of datagram sockets. */
export const IPPROTO_UDP: number = 17;
/** UDP with partial checksums. */
export const IPPROTO_UDPLITE: number = byOs(136, ABSENT, ABSENT);
/** Xpress Transport Protocol, on macOS. */
export const IPPROTO_XTP: number = byOs(ABSENT, 36, ABSENT);

/** The first port that needs no privilege. */
export const IPPORT_RESERVED: number = 1024;
/** The first port that was reserved for servers of users. */
export const IPPORT_USERRESERVED: number = 5000;

/** 224.0.0.1, the multicast group of all hosts. */
export const INADDR_ALLHOSTS_GROUP: number = 0xe0000001;
/** 0.0.0.0, the wildcard. */
export const INADDR_ANY: number = 0;
/** 255.255.255.255, broadcast. */
export const INADDR_BROADCAST: number = 0xffffffff;
/** 127.0.0.1, loopback. */
export const INADDR_LOOPBACK: number = 0x7f000001;
/** 224.0.0.255, the last multicast group that is not routed. */
export const INADDR_MAX_LOCAL_GROUP: number = 0xe00000ff;
/** 255.255.255.255, which `inet_addr` in C returns for an error. */
export const INADDR_NONE: number = 0xffffffff;
/** 224.0.0.0, the first multicast address. */
export const INADDR_UNSPEC_GROUP: number = 0xe0000000;

/** Information about congestion control. */
export const TCP_CC_INFO: number = byOs(26, ABSENT, ABSENT);
/** The algorithm of congestion control. */
export const TCP_CONGESTION: number = byOs(13, ABSENT, ABSENT);
/** State of the connection, on macOS. */
export const TCP_CONNECTION_INFO: number = byOs(ABSENT, 0x0106, ABSENT);
/** Whether partial segments are held back. */
export const TCP_CORK: number = byOs(3, ABSENT, ABSENT);
/** Whether a listener wakes only when data has arrived. */
export const TCP_DEFER_ACCEPT: number = byOs(9, ABSENT, ABSENT);
/** Whether data may come with the opening of a connection. */
export const TCP_FASTOPEN: number = byOs(23, 0x0105, 15);
/** Fast Open by `connect`. */
export const TCP_FASTOPEN_CONNECT: number = byOs(30, ABSENT, ABSENT);
/** Key of the Fast Open cookies. */
export const TCP_FASTOPEN_KEY: number = byOs(33, ABSENT, ABSENT);
/** Fast Open without a cookie. */
export const TCP_FASTOPEN_NO_COOKIE: number = byOs(34, ABSENT, ABSENT);
/** State of the connection. */
export const TCP_INFO: number = byOs(11, ABSENT, ABSENT);
/** Whether a receive reports how much is queued. */
export const TCP_INQ: number = byOs(36, ABSENT, ABSENT);
/** Idle seconds before the first probe, on macOS. */
export const TCP_KEEPALIVE: number = byOs(ABSENT, 0x0010, ABSENT);
/** The number of unanswered probes that ends the connection. */
export const TCP_KEEPCNT: number = byOs(6, 0x0102, 16);
/** Idle seconds before the first probe. */
export const TCP_KEEPIDLE: number = byOs(4, ABSENT, 3);
/** Seconds between probes. */
export const TCP_KEEPINTVL: number = byOs(5, 0x0101, 17);
/** How many seconds an orphaned connection stays in FIN-WAIT-2. */
export const TCP_LINGER2: number = byOs(8, ABSENT, ABSENT);
/** The largest segment, in bytes. */
export const TCP_MAXSEG: number = byOs(2, 0x0002, 4);
/** Key of MD5 signatures (RFC 2385). */
export const TCP_MD5SIG: number = byOs(14, ABSENT, ABSENT);
/** Key of MD5 signatures, with a prefix. */
export const TCP_MD5SIG_EXT: number = byOs(32, ABSENT, ABSENT);
/** Whether small segments are sent at once. */
export const TCP_NODELAY: number = 1;
/** The number of unsent bytes up to which the socket is writable. */
export const TCP_NOTSENT_LOWAT: number = byOs(25, 0x0201, ABSENT);
/** Sequence number of a queue, in repair mode. */
export const TCP_QUEUE_SEQ: number = byOs(21, ABSENT, ABSENT);
/** Whether data is acknowledged at once. */
export const TCP_QUICKACK: number = byOs(12, ABSENT, ABSENT);
/** Repair mode. */
export const TCP_REPAIR: number = byOs(19, ABSENT, ABSENT);
/** Options of the connection, in repair mode. */
export const TCP_REPAIR_OPTIONS: number = byOs(22, ABSENT, ABSENT);
/** Which queue is meant, in repair mode. */
export const TCP_REPAIR_QUEUE: number = byOs(20, ABSENT, ABSENT);
/** Window of the connection, in repair mode. */
export const TCP_REPAIR_WINDOW: number = byOs(29, ABSENT, ABSENT);
/** The saved opening segment. */
export const TCP_SAVED_SYN: number = byOs(28, ABSENT, ABSENT);
/** Whether opening segments are saved. */
export const TCP_SAVE_SYN: number = byOs(27, ABSENT, ABSENT);
/** How often opening is tried. */
export const TCP_SYNCNT: number = byOs(7, ABSENT, ABSENT);
/** Early retransmission for thin streams. */
export const TCP_THIN_DUPACK: number = byOs(17, ABSENT, ABSENT);
/** Linear timeouts for thin streams. */
export const TCP_THIN_LINEAR_TIMEOUTS: number = byOs(16, ABSENT, ABSENT);
/** Time stamp of the connection. */
export const TCP_TIMESTAMP: number = byOs(24, ABSENT, ABSENT);
/** Delay of the packets sent, in microseconds. */
export const TCP_TX_DELAY: number = byOs(37, ABSENT, ABSENT);
/** Protocol on top of TCP, such as TLS. */
export const TCP_ULP: number = byOs(31, ABSENT, ABSENT);
/** How many milliseconds data may stay unacknowledged. */
export const TCP_USER_TIMEOUT: number = byOs(18, ABSENT, ABSENT);
/** Bound of the advertised window, in bytes. */
export const TCP_WINDOW_CLAMP: number = byOs(10, ABSENT, ABSENT);
/** Receiving without copying. */
export const TCP_ZEROCOPY_RECEIVE: number = byOs(35, ABSENT, ABSENT);

/** Join a multicast group. */
export const IP_ADD_MEMBERSHIP: number = byOs(35, 12, 12);
/** Join a multicast group for one source. */
export const IP_ADD_SOURCE_MEMBERSHIP: number = byOs(39, 70, 15);
/** Whether `bind` to port 0 leaves the port to `connect`. */
export const IP_BIND_ADDRESS_NO_PORT: number = byOs(24, ABSENT, ABSENT);
/** Drop the datagrams of one source to a group. */
export const IP_BLOCK_SOURCE: number = byOs(38, 72, 17);
/** The default of {@linkcode IP_MULTICAST_LOOP}. */
export const IP_DEFAULT_MULTICAST_LOOP: number = byOs(1, 1, ABSENT);
/** The default of {@linkcode IP_MULTICAST_TTL}. */
export const IP_DEFAULT_MULTICAST_TTL: number = byOs(1, 1, ABSENT);
/** Leave a multicast group. */
export const IP_DROP_MEMBERSHIP: number = byOs(36, 13, 13);
/** Leave a multicast group for one source. */
export const IP_DROP_SOURCE_MEMBERSHIP: number = byOs(40, 71, 16);
/** Whether the header comes with the data. */
export const IP_HDRINCL: number = byOs(3, 2, 2);
/** How many groups a socket can join. */
export const IP_MAX_MEMBERSHIPS: number = byOs(20, 4095, ABSENT);
/** Interface of multicasts sent. */
export const IP_MULTICAST_IF: number = byOs(32, 9, 9);
/** Whether this machine receives its own multicasts. */
export const IP_MULTICAST_LOOP: number = byOs(34, 11, 11);
/** The number of hops of multicast packets, 0 to 255. */
export const IP_MULTICAST_TTL: number = byOs(33, 10, 10);
/** IP options of the packets sent. */
export const IP_OPTIONS: number = byOs(4, 1, 1);
/** Whether addresses and interface come with datagrams. */
export const IP_PKTINFO: number = byOs(8, 26, 19);
/** Whether the destination comes with datagrams, on macOS and Windows. */
export const IP_RECVDSTADDR: number = byOs(ABSENT, 7, 25);
/** Whether IP options come with datagrams. */
export const IP_RECVOPTS: number = byOs(6, 5, ABSENT);
/** Whether IP options come unprocessed with datagrams. */
export const IP_RECVRETOPTS: number = byOs(7, 6, ABSENT);
/** Whether the type of service comes with datagrams. */
export const IP_RECVTOS: number = byOs(13, 27, 40);
/** IP options for replies. */
export const IP_RETOPTS: number = byOs(7, 8, ABSENT);
/** Type of service of the packets sent. */
export const IP_TOS: number = byOs(1, 3, 3);
/** Transparent proxying. */
export const IP_TRANSPARENT: number = byOs(19, ABSENT, ABSENT);
/** The number of hops of packets, 0 to 255. */
export const IP_TTL: number = byOs(2, 4, 4);
/** Receive from a source again, after {@linkcode IP_BLOCK_SOURCE}. */
export const IP_UNBLOCK_SOURCE: number = byOs(37, 73, 18);

/** The offset of the checksum in raw packets. */
export const IPV6_CHECKSUM: number = byOs(7, 26, 26);
/** Whether datagrams are never fragmented. */
export const IPV6_DONTFRAG: number = byOs(62, 62, 14);
/** Destination options of the packets sent. */
export const IPV6_DSTOPTS: number = byOs(59, 50, ABSENT);
/** The number of hops of packets, 0 to 255. */
export const IPV6_HOPLIMIT: number = byOs(52, 47, 21);
/** Hop-by-hop options of the packets sent. */
export const IPV6_HOPOPTS: number = byOs(54, 49, 1);
/** Join a multicast group. */
export const IPV6_JOIN_GROUP: number = byOs(20, 12, 12);
/** Leave a multicast group. */
export const IPV6_LEAVE_GROUP: number = byOs(21, 13, 13);
/** The number of hops of multicast packets, 0 to 255. */
export const IPV6_MULTICAST_HOPS: number = byOs(18, 10, 10);
/** Interface of multicasts sent. */
export const IPV6_MULTICAST_IF: number = byOs(17, 9, 9);
/** Whether this machine receives its own multicasts. */
export const IPV6_MULTICAST_LOOP: number = byOs(19, 11, 11);
/** The next hop of the packets sent. */
export const IPV6_NEXTHOP: number = byOs(9, 48, ABSENT);
/** The path's MTU, in bytes. */
export const IPV6_PATHMTU: number = byOs(61, 44, ABSENT);
/** Address and interface of the packets sent. */
export const IPV6_PKTINFO: number = byOs(50, 46, 19);
/** Whether destination options come with datagrams. */
export const IPV6_RECVDSTOPTS: number = byOs(58, 40, ABSENT);
/** Whether the hop limit comes with datagrams. */
export const IPV6_RECVHOPLIMIT: number = byOs(51, 37, ABSENT);
/** Whether hop-by-hop options come with datagrams. */
export const IPV6_RECVHOPOPTS: number = byOs(53, 39, ABSENT);
/** Whether changes of the path's MTU are reported. */
export const IPV6_RECVPATHMTU: number = byOs(60, 43, ABSENT);
/** Whether address and interface come with datagrams. */
export const IPV6_RECVPKTINFO: number = byOs(49, 61, ABSENT);
/** Whether the routing header comes with datagrams. */
export const IPV6_RECVRTHDR: number = byOs(56, 38, 38);
/** Whether the traffic class comes with datagrams. */
export const IPV6_RECVTCLASS: number = byOs(66, 35, 40);
/** Routing header of the packets sent. */
export const IPV6_RTHDR: number = byOs(57, 51, 32);
/** Options before the routing header. */
export const IPV6_RTHDRDSTOPTS: number = byOs(55, 57, ABSENT);
/** Type 0 of the routing header. */
export const IPV6_RTHDR_TYPE_0: number = byOs(0, 0, ABSENT);
/** Traffic class of the packets sent. */
export const IPV6_TCLASS: number = byOs(67, 36, 39);
/** The number of hops of packets, 0 to 255. */
export const IPV6_UNICAST_HOPS: number = byOs(16, 4, 4);
/** Whether packets keep to the smallest MTU, on macOS. */
export const IPV6_USE_MIN_MTU: number = byOs(ABSENT, 42, ABSENT);
/** Whether IPv4 peers, which have IPv4-mapped addresses, are rejected. */
export const IPV6_V6ONLY: number = byOs(26, 27, 27);

// Families, types, options, flags, and the constants of name resolution.
//
// Where Python on a system lacks a name, the system lacks it too. A constant for
// something that this module does by itself, such as `MSG_DONTWAIT` on Windows,
// has Linux's number there, which has no other meaning. Every other such constant
// is -1, which every call refuses: Python's `hasattr(socket, "MSG_MORE")` is
// `MSG_MORE !== -1` or `"MSG_MORE" in MsgFlag`.
//
// Python: Constants: https://docs.python.org/3/library/socket.html#constants

/** Any address family, for `getaddrinfo`. */
export const AF_UNSPEC: Family = 0;
/** IPv4; addresses are `[host, port]`. */
export const AF_INET: Family<InetAddress> = 2;
/** IPv6; addresses are `[host, port, flowinfo, scope_id]`. */
export const AF_INET6: Family<Inet6Address> = byOs(10, 30, 23);
/** Unix sockets; addresses are path strings. Python has it on POSIX systems only. */
export const AF_UNIX: Family<UnixAddress> = 1;
/** The name of {@linkcode AF_UNIX} in POSIX.1g, which Python does not have. */
export const AF_LOCAL: Family<UnixAddress> = 1;

/** A stream of bytes, such as TCP. */
export const SOCK_STREAM: number = 1;
/** Datagrams, such as UDP. */
export const SOCK_DGRAM: number = 2;
/** Raw packets; `socket()` refuses it. */
export const SOCK_RAW: number = 3;
/** Reliably delivered datagrams; `socket()` refuses it. */
export const SOCK_RDM: number = 4;
/** A stream of records; `socket()` refuses it. */
export const SOCK_SEQPACKET: number = 5;
/** Or-ed with the type: the new socket is non-blocking. Python has it on Linux only. */
export const SOCK_NONBLOCK: number = 2048;
/** Or-ed with the type: child processes do not inherit the descriptor, as they never do. Python has it on Linux only. */
export const SOCK_CLOEXEC: number = 524288;

/** Level of the options of every socket, `SO_*`. */
export const SOL_SOCKET: number = byOs(1, 0xffff, 0xffff);
/** Level of the options of IPv4, the same as `IPPROTO_IP`. */
export const SOL_IP: number = 0;
/** Level of the options of TCP, the same as `IPPROTO_TCP`. */
export const SOL_TCP: number = 6;
/** Level of the options of UDP, the same as `IPPROTO_UDP`. */
export const SOL_UDP: number = 17;

/** Whether the socket is listening; read only. */
export const SO_ACCEPTCONN: number = byOs(30, 0x0002, 0x0002);
/** Network interface to use. */
export const SO_BINDTODEVICE: number = byOs(25, 0x1134, ABSENT);
/** Network interface to use, by its index. */
export const SO_BINDTOIFINDEX: number = byOs(62, ABSENT, ABSENT);
/** Whether datagrams may be sent to broadcast addresses. */
export const SO_BROADCAST: number = byOs(6, 0x0020, 0x0020);
/** Whether the system records debugging information. */
export const SO_DEBUG: number = 1;
/** The address family of the socket; read only. Python has it on Linux only. */
export const SO_DOMAIN: number = 39;
/** Whether to send to directly connected hosts only. */
export const SO_DONTROUTE: number = byOs(5, 0x0010, 0x0010);
/** The pending error, cleared by reading it; read only. */
export const SO_ERROR: number = byOs(4, 0x1007, 0x1007);
/** Whether no other socket may bind to the address, on Windows. */
export const SO_EXCLUSIVEADDRUSE: number = byOs(ABSENT, ABSENT, -5);
/** The processor that the socket is assigned to. */
export const SO_INCOMING_CPU: number = byOs(49, ABSENT, ABSENT);
/** Whether an idle connection is probed. */
export const SO_KEEPALIVE: number = byOs(9, 0x0008, 0x0008);
/** Whether closing waits until sent bytes are delivered, and for how many seconds. */
export const SO_LINGER: number = byOs(13, 0x0080, 0x0080);
/** Mark of the packets sent. */
export const SO_MARK: number = byOs(36, ABSENT, ABSENT);
/** Whether urgent data stays in the stream. */
export const SO_OOBINLINE: number = byOs(10, 0x0100, 0x0100);
/** Whether credentials come with messages. */
export const SO_PASSCRED: number = byOs(16, ABSENT, ABSENT);
/** Whether the security context comes with messages. */
export const SO_PASSSEC: number = byOs(34, ABSENT, ABSENT);
/** Credentials of a Unix socket's peer. */
export const SO_PEERCRED: number = byOs(17, ABSENT, ABSENT);
/** Security context of the peer. */
export const SO_PEERSEC: number = byOs(31, ABSENT, ABSENT);
/** Priority of the packets sent. */
export const SO_PRIORITY: number = byOs(12, ABSENT, ABSENT);
/** The protocol of the socket; read only. Python has it on Linux only. */
export const SO_PROTOCOL: number = 38;
/** Size of the system's receive buffer, in bytes. */
export const SO_RCVBUF: number = byOs(8, 0x1002, 0x1002);
/** The number of bytes from which the socket is readable. */
export const SO_RCVLOWAT: number = byOs(18, 0x1004, 0x1004);
/** Timeout of receiving: a `struct timeval`, seconds and microseconds. */
export const SO_RCVTIMEO: number = byOs(20, 0x1006, 0x1006);
/** Whether `bind` may take an address whose last connections are still closing. */
export const SO_REUSEADDR: number = byOs(2, 0x0004, 0x0004);
/** Whether several sockets may be bound to one port. Python has it on POSIX systems only. */
export const SO_REUSEPORT: number = byOs(15, 0x0200, 15);
/** Size of the system's send buffer, in bytes. */
export const SO_SNDBUF: number = byOs(7, 0x1001, 0x1001);
/** The number of free bytes from which the socket is writable. */
export const SO_SNDLOWAT: number = byOs(19, 0x1003, 0x1003);
/** Timeout of sending: a `struct timeval`, seconds and microseconds. */
export const SO_SNDTIMEO: number = byOs(21, 0x1005, 0x1005);
/** The type of the socket; read only. */
export const SO_TYPE: number = byOs(3, 0x1008, 0x1008);
/** Whether the socket sees its own messages, on macOS and Windows. */
export const SO_USELOOPBACK: number = byOs(ABSENT, 0x0040, 0x0040);

/** The longest backlog of `listen`, in connections, that the system's headers promise. */
export const SOMAXCONN: number = byOs(4096, 128, 0x7fffffff);

/** Ancillary data: file descriptors. */
export const SCM_RIGHTS: number = byOs(1, 1, ABSENT);
/** Ancillary data: credentials of a process, on Linux. */
export const SCM_CREDENTIALS: number = byOs(2, ABSENT, ABSENT);
/** Ancillary data: credentials of a process, on macOS. */
export const SCM_CREDS: number = byOs(ABSENT, 3, ABSENT);

/** Received: the datagram was broadcast, on Windows. */
export const MSG_BCAST: number = byOs(ABSENT, ABSENT, 0x0400);
/** Receive: received descriptors are not inherited. */
export const MSG_CMSG_CLOEXEC: number = byOs(0x40000000, ABSENT, ABSENT);
/** Send: the peer is known to be reachable. */
export const MSG_CONFIRM: number = byOs(0x0800, ABSENT, ABSENT);
/** Received: ancillary data was cut off. */
export const MSG_CTRUNC: number = byOs(0x0008, 0x0020, 0x0200);
/** Send: to directly connected hosts only. */
export const MSG_DONTROUTE: number = 0x0004;
/** This call is non-blocking. Python has it on POSIX systems only. */
export const MSG_DONTWAIT: number = byOs(0x0040, 0x0080, 0x0040);
/** Send: close the sending side afterwards, on macOS. */
export const MSG_EOF: number = byOs(ABSENT, 0x0100, ABSENT);
/** The end of a record. */
export const MSG_EOR: number = byOs(0x0080, 0x0008, ABSENT);
/** Receive: from the queue of errors. */
export const MSG_ERRQUEUE: number = byOs(0x2000, ABSENT, 0x1000);
/** Send: with the opening of the connection. */
export const MSG_FASTOPEN: number = byOs(0x20000000, ABSENT, ABSENT);
/** Received: the datagram was multicast, on Windows. */
export const MSG_MCAST: number = byOs(ABSENT, ABSENT, 0x0800);
/** Send: more will follow. */
export const MSG_MORE: number = byOs(0x8000, ABSENT, ABSENT);
/** Send: no signal if the connection is broken, as always here. Python has it on POSIX systems only. */
export const MSG_NOSIGNAL: number = byOs(0x4000, 0x80000, 0x4000);
/** Urgent data. */
export const MSG_OOB: number = 0x0001;
/** Receive: leave the data in the queue. */
export const MSG_PEEK: number = 0x0002;
/** Received: the datagram was cut off. */
export const MSG_TRUNC: number = byOs(0x0020, 0x0010, 0x0100);
/** Receive: wait until all requested bytes are there. */
export const MSG_WAITALL: number = byOs(0x0100, 0x0040, 0x0008);

/** `shutdown`: nothing more will be received. */
export const SHUT_RD: number = 0;
/** `shutdown`: nothing more will be sent. */
export const SHUT_WR: number = 1;
/** `shutdown`: both. */
export const SHUT_RDWR: number = 2;

/** Only families of which this machine has an address. */
export const AI_ADDRCONFIG: number = byOs(0x0020, 0x0400, 0x0400);
/** With {@linkcode AI_V4MAPPED}: IPv6 and IPv4-mapped addresses. */
export const AI_ALL: number = byOs(0x0010, 0x0100, 0x0100);
/** Return the canonical name. */
export const AI_CANONNAME: number = 0x0002;
/** `AI_V4MAPPED_CFG | AI_ADDRCONFIG`, on macOS. */
export const AI_DEFAULT: number = byOs(ABSENT, 0x0600, ABSENT);
/** All the flags that may be given, on macOS. */
export const AI_MASK: number = byOs(ABSENT, 0x1407, ABSENT);
/** The host is an address, not a name. */
export const AI_NUMERICHOST: number = 0x0004;
/** The service is a number, not a name. */
export const AI_NUMERICSERV: number = byOs(0x0400, 0x1000, 0x0008);
/** Return addresses to bind to: no host means the wildcard. */
export const AI_PASSIVE: number = 0x0001;
/** If there are no IPv6 addresses, return IPv4-mapped ones. */
export const AI_V4MAPPED: number = byOs(0x0008, 0x0800, 0x0800);
/** Return IPv4-mapped addresses if the kernel accepts them, on macOS. */
export const AI_V4MAPPED_CFG: number = byOs(ABSENT, 0x0200, ABSENT);

/** The service is a UDP service. */
export const NI_DGRAM: number = 16;
/** Size of the longest host name, in bytes. */
export const NI_MAXHOST: number = 1025;
/** Size of the longest service name, in bytes. */
export const NI_MAXSERV: number = 32;
/** Fail if the address has no name. */
export const NI_NAMEREQD: number = byOs(8, 4, 4);
/** Return the host name of a local host without its domain. */
export const NI_NOFQDN: number = byOs(4, 1, 1);
/** Return the address, not a name. */
export const NI_NUMERICHOST: number = byOs(1, 2, 2);
/** Return the port, not a name. */
export const NI_NUMERICSERV: number = byOs(2, 8, 8);

/** `gaierror`: the host has no address of the family. Python on Windows does not have it. */
export const EAI_ADDRFAMILY: number = gaiErrnoOf("EAI_ADDRFAMILY");
/** `gaierror`: the name cannot be resolved now. */
export const EAI_AGAIN: number = gaiErrnoOf("EAI_AGAIN");
/** `gaierror`: unknown flags. */
export const EAI_BADFLAGS: number = gaiErrnoOf("EAI_BADFLAGS");
/** `gaierror`: wrong hints, on macOS. */
export const EAI_BADHINTS: number = byOs(ABSENT, 12, ABSENT);
/** `gaierror`: the name cannot be resolved. */
export const EAI_FAIL: number = gaiErrnoOf("EAI_FAIL");
/** `gaierror`: unknown address family. */
export const EAI_FAMILY: number = gaiErrnoOf("EAI_FAMILY");
/** The number after the last code, on macOS. */
export const EAI_MAX: number = byOs(ABSENT, 15, ABSENT);
/** `gaierror`: out of memory. */
export const EAI_MEMORY: number = gaiErrnoOf("EAI_MEMORY");
/** `gaierror`: the host has no address. */
export const EAI_NODATA: number = gaiErrnoOf("EAI_NODATA");
/** `gaierror`: the host or service is unknown. */
export const EAI_NONAME: number = gaiErrnoOf("EAI_NONAME");
/** `gaierror`: the result is too long. Python on Windows does not have it. */
export const EAI_OVERFLOW: number = gaiErrnoOf("EAI_OVERFLOW");
/** `gaierror`: unknown protocol, on macOS. */
export const EAI_PROTOCOL: number = byOs(ABSENT, 13, ABSENT);
/** `gaierror`: the service is unknown for this socket type. */
export const EAI_SERVICE: number = gaiErrnoOf("EAI_SERVICE");
/** `gaierror`: unknown socket type. */
export const EAI_SOCKTYPE: number = gaiErrnoOf("EAI_SOCKTYPE");
/** `gaierror`: an error of the system. Python on Windows does not have it. */
export const EAI_SYSTEM: number = gaiErrnoOf("EAI_SYSTEM");

/** Whether IPv6 is supported: true, as in every build of Python. */
export const has_ipv6: boolean = true;

/** The address families by name, like Python's enum `AddressFamily`. */
export const AddressFamily: Readonly<{
  AF_UNSPEC: Family;
  AF_INET: Family<InetAddress>;
  AF_INET6: Family<Inet6Address>;
  AF_UNIX: Family<UnixAddress>;
}> = Object.freeze({ AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX });

/** The socket types by name, like Python's enum `SocketKind`. */
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
 * The flags of sending and receiving by name, like Python's enum `MsgFlag`,
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
 * The flags of `getaddrinfo` by name, like Python's enum `AddressInfo`, without
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

// The types of socket addresses, shaped as in Python.
// @see {@link https://docs.python.org/3/library/socket.html#socket-families | Python: Socket families}

/**
 * The address of an IPv4 socket, Python's `(host, port)`. The host is a name, an
 * address such as `"127.0.0.1"`, `""` for every interface, or `"<broadcast>"`; the
 * port is 0 to 65535.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket-families | Python: Socket families}
 * @see {@link https://man7.org/linux/man-pages/man7/ip.7.html | ip(7)}
 */
export type InetAddress = [host: string, port: number];

/**
 * The address of an IPv6 socket, Python's `(host, port, flowinfo, scope_id)`. The
 * scope of a link-local address is the index of its interface, and 0 otherwise.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket-families | Python: Socket families}
 * @see {@link https://man7.org/linux/man-pages/man7/ipv6.7.html | ipv6(7)}
 */
export type Inet6Address = [
  host: string,
  port: number,
  flowinfo: number,
  scope_id: number,
];

/**
 * The address of a Unix socket: a path, or after a `"\0"` an abstract name. A
 * socket without an address has an empty one.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket-families | Python: Socket families}
 * @see {@link https://man7.org/linux/man-pages/man7/unix.7.html | unix(7)}
 */
export type UnixAddress = string;

/** An address of any family. */
export type Address = InetAddress | Inet6Address | UnixAddress;

/**
 * An address family: a number that carries, for the compiler only, the address
 * type of its sockets. Any number is assignable.
 *
 * @typeParam A The address type of the family.
 */
export type Family<A extends Address = Address> =
  & number
  // With null, the compiler lets families be compared, as programs do.
  & { readonly "~address"?: A | null };

/**
 * An address as methods take it: a tuple that may be read-only, without the parts
 * that have a default. In a variable it is written `as const`.
 *
 * @typeParam A The address type of the socket.
 */
export type AddressInput<A extends Address = Address> =
  | A
  | (A extends Inet6Address ? readonly [
      host: string,
      port: number,
      flowinfo?: number,
      scope_id?: number,
    ]
    : A extends InetAddress ? readonly [host: string, port: number]
    : A extends UnixAddress ? string
    : never);
