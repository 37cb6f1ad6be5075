/**
 * Services and protocols by name and number, from built-in tables: the entries of
 * `/etc/services` and `/etc/protocols` on Debian.
 *
 * The files themselves are not read: a program would need a grant for them, and
 * not every system has them.
 *
 * @see {@link https://www.iana.org/assignments/service-names-port-numbers | IANA: Service Names and Port Numbers}
 * @see {@link https://www.iana.org/assignments/protocol-numbers | IANA: Protocol Numbers}
 */

import { checkPort, checkText, namedArguments, show } from "../base/checks.ts";
import {
  AI_NUMERICSERV,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../base/constants.ts";
import { atCaller, gaiError, osError } from "../base/os_error.ts";

/** Name, port, protocols and aliases. The first row that fits is the result. */
const SERVICES = `
tcpmux 1/tcp
echo 7/tcp,udp
discard 9/tcp,udp sink null
systat 11/tcp users
daytime 13/tcp,udp
netstat 15/tcp
qotd 17/tcp quote
chargen 19/tcp,udp ttytst source
ftp-data 20/tcp
ftp 21/tcp
fsp 21/udp fspd
ssh 22/tcp
telnet 23/tcp
smtp 25/tcp mail
time 37/tcp,udp timserver
whois 43/tcp nicname
tacacs 49/tcp,udp
domain 53/tcp,udp
bootps 67/udp
bootpc 68/udp
tftp 69/udp
gopher 70/tcp
finger 79/tcp
http 80/tcp www
kerberos 88/tcp,udp kerberos5 krb5 kerberos-sec
acr-nema 104/tcp dicom
pop3 110/tcp pop-3
sunrpc 111/tcp,udp portmapper
auth 113/tcp authentication tap ident
nntp 119/tcp readnews untp
ntp 123/udp
epmap 135/tcp loc-srv
netbios-ns 137/udp
netbios-dgm 138/udp
netbios-ssn 139/tcp
imap2 143/tcp imap
snmp 161/tcp,udp
snmp-trap 162/tcp,udp snmptrap
xdmcp 177/udp
bgp 179/tcp
z3950 210/tcp wais
ipx 213/udp
ptp-event 319/udp
ptp-general 320/udp
rpc2portmap 369/tcp,udp
ldap 389/tcp,udp
svrloc 427/tcp,udp
https 443/tcp,udp
snpp 444/tcp
microsoft-ds 445/tcp
kpasswd 464/tcp,udp
submissions 465/tcp ssmtp smtps urd
isakmp 500/udp
exec 512/tcp
biff 512/udp comsat
login 513/tcp
who 513/udp whod
shell 514/tcp cmd syslog
syslog 514/udp
printer 515/tcp spooler
talk 517/udp
ntalk 518/udp
route 520/udp router routed
uucp 540/tcp uucpd
klogin 543/tcp
kshell 544/tcp krcmd
dhcpv6-client 546/udp
dhcpv6-server 547/udp
afpovertcp 548/tcp
rtsp 554/tcp,udp
nntps 563/tcp snntp
submission 587/tcp
asf-rmcp 623/udp
ipp 631/tcp
ldaps 636/tcp,udp
ldp 646/tcp,udp
tinc 655/tcp,udp
kerberos-adm 749/tcp
domain-s 853/tcp,udp
rsync 873/tcp
ftps-data 989/tcp
ftps 990/tcp
telnets 992/tcp
imaps 993/tcp
pop3s 995/tcp
socks 1080/tcp
rmiregistry 1099/tcp
openvpn 1194/tcp,udp
ms-sql-s 1433/tcp
ms-sql-m 1434/udp
l2f 1701/udp l2tp
radius 1812/tcp,udp
radius-acct 1813/tcp,udp radacct
cisco-sccp 2000/tcp
nfs 2049/tcp,udp
cvspserver 2401/tcp
dict 2628/tcp
gpsd 2947/tcp
icpv2 3130/udp icp
isns 3205/tcp,udp
iscsi-target 3260/tcp
mysql 3306/tcp
ms-wbt-server 3389/tcp
nut 3493/tcp,udp
distcc 3632/tcp
daap 3689/tcp
svn 3690/tcp subversion
sieve 4190/tcp
epmd 4369/tcp
ntske 4460/tcp
ipsec-nat-t 4500/udp
iax 4569/udp
sip 5060/tcp,udp
sip-tls 5061/tcp,udp
xmpp-client 5222/tcp jabber-client
xmpp-server 5269/tcp jabber-server
mdns 5353/udp
postgresql 5432/tcp postgres
amqps 5671/tcp
amqp 5672/tcp,sctp
x11 6000/tcp x11-0
x11-1 6001/tcp
x11-2 6002/tcp
x11-3 6003/tcp
x11-4 6004/tcp
x11-5 6005/tcp
x11-6 6006/tcp
x11-7 6007/tcp
redis 6379/tcp
syslog-tls 6514/tcp
ircd 6667/tcp
babel 6696/udp
ircs-u 6697/tcp
font-service 7100/tcp xfs
http-alt 8080/tcp webcache
puppet 8140/tcp
bacula-dir 9101/tcp
bacula-fd 9102/tcp
bacula-sd 9103/tcp
git 9418/tcp
zabbix-agent 10050/tcp
zabbix-trapper 10051/tcp
amanda 10080/tcp
nbd 10809/tcp
dicom 11112/tcp
hkp 11371/tcp
`;

/** Name, number and aliases. */
const PROTOCOLS = `
ip 0 IP
hopopt 0 HOPOPT
icmp 1 ICMP
igmp 2 IGMP
ggp 3 GGP
ipencap 4 IP-ENCAP
st 5 ST
tcp 6 TCP
egp 8 EGP
igp 9 IGP
pup 12 PUP
udp 17 UDP
hmp 20 HMP
xns-idp 22 XNS-IDP
rdp 27 RDP
iso-tp4 29 ISO-TP4
dccp 33 DCCP
xtp 36 XTP
ddp 37 DDP
idpr-cmtp 38 IDPR-CMTP
ipv6 41 IPv6
ipv6-route 43 IPv6-Route
ipv6-frag 44 IPv6-Frag
idrp 45 IDRP
rsvp 46 RSVP
gre 47 GRE
esp 50 IPSEC-ESP
ah 51 IPSEC-AH
skip 57 SKIP
ipv6-icmp 58 IPv6-ICMP
ipv6-nonxt 59 IPv6-NoNxt
ipv6-opts 60 IPv6-Opts
rspf 73 RSPF CPHB
vmtp 81 VMTP
eigrp 88 EIGRP
ospf 89 OSPFIGP
ax.25 93 AX.25
ipip 94 IPIP
etherip 97 ETHERIP
encap 98 ENCAP
pim 103 PIM
ipcomp 108 IPCOMP
vrrp 112 VRRP
l2tp 115 L2TP
isis 124 ISIS
sctp 132 SCTP
fc 133 FC
mobility-header 135 Mobility-Header
udplite 136 UDPLite
mpls-in-ip 137 MPLS-in-IP
manet 138
hip 139 HIP
shim6 140 Shim6
wesp 141 WESP
rohc 142 ROHC
ethernet 143 Ethernet
mptcp 262 MPTCP
`;

interface Services {
  /** Keys are a name or alias, or one with a slash and the protocol. */
  readonly ports: ReadonlyMap<string, number>;
  /** Keys are a port, or one with a slash and the protocol. */
  readonly names: ReadonlyMap<string, string>;
}

let services: Services | undefined;
let protocols: ReadonlyMap<string, number> | undefined;

/** The port of a service, undefined if it is unknown. */
export function portOf(name: string, protocol?: string): number | undefined {
  services ??= readServices();
  return services.ports.get(key(name, protocol));
}

/** The name of the service of a port, undefined if it is unknown. */
export function serviceOf(port: number, protocol?: string): string | undefined {
  services ??= readServices();
  return services.names.get(key(port, protocol));
}

/** The number of a protocol, undefined if it is unknown. */
export function protocolOf(name: string): number | undefined {
  protocols ??= readProtocols();
  return protocols.get(name);
}

function key(first: string | number, protocol: string | undefined): string {
  return protocol === undefined ? `${first}` : `${first}/${protocol}`;
}

function readServices(): Services {
  const ports = new Map<string, number>();
  const names = new Map<string, string>();
  for (const [name = "", sockaddr = "", ...aliases] of rows(SERVICES)) {
    const [port = "", kinds = ""] = sockaddr.split("/");
    for (const kind of [undefined, ...kinds.split(",")]) {
      for (const each of [name, ...aliases]) {
        add(ports, key(each, kind), Number(port));
      }
      add(names, key(port, kind), name);
    }
  }
  return { ports, names };
}

function readProtocols(): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const [name = "", number = "", ...aliases] of rows(PROTOCOLS)) {
    for (const each of [name, ...aliases]) add(numbers, each, Number(number));
  }
  return numbers;
}

function rows(table: string): string[][] {
  return table.trim().split("\n").map((line) => line.split(" "));
}

function add<V>(map: Map<string, V>, name: string, value: V): void {
  if (!map.has(name)) map.set(name, value);
}

// The part of glibc's getaddrinfo(3) that is about services.

/** Checks a port that is a number, a text or null. */
export function checkService(action: string, port: unknown): string | null {
  if (port === null) return null;
  if (typeof port === "string") return checkText(action, "port", port);
  if (typeof port === "number") return String(checkPort(action, port));
  throw new TypeError(
    `Cannot ${action}: port must be a number, a string or null, received ${
      show(port)
    }`,
  );
}

/** One of the sockets that reach a service. */
export interface ServiceSocket {
  readonly type: number;
  readonly proto: number;
  readonly port: number;
}

/** The arguments of `getaddrinfo` that choose sockets. */
export interface SocketQuery {
  readonly type: number;
  readonly proto: number;
  readonly flags: number;
}

/** A row of glibc's table of socket types and protocols. */
interface ProtocolEntry {
  readonly type: number;
  readonly proto: number;
  /** The name in the table of services; undefined if it has no services. */
  readonly name?: string;
  /** Left out if neither type nor protocol is given. */
  readonly special?: boolean;
}

const SOCKETS: readonly ProtocolEntry[] = [
  { type: SOCK_STREAM, proto: 6, name: "tcp" },
  { type: SOCK_DGRAM, proto: 17, name: "udp" },
  { type: 6, proto: 33, name: "dccp", special: true },
  { type: SOCK_DGRAM, proto: 136, name: "udplite", special: true },
  { type: SOCK_STREAM, proto: 132, name: "sctp", special: true },
  { type: SOCK_SEQPACKET, proto: 132, name: "sctp", special: true },
  { type: SOCK_RAW, proto: 0 },
];

/** The sockets that reach a service. */
export function findSockets(
  service: string | null,
  { type, proto, flags }: SocketQuery,
): ServiceSocket[] {
  const number = service === null || service === "" ? 0 : toNumber(service);
  if (number === undefined && (flags & AI_NUMERICSERV) !== 0) {
    throw gaiError("EAI_NONAME", service!);
  }
  const given = type !== 0 || proto !== 0;
  const only = given
    ? SOCKETS.find((each) =>
      (type === 0 || type === each.type) &&
      (proto === 0 || each.name === undefined || proto === each.proto)
    )
    : undefined;
  if (given && only === undefined) {
    throw gaiError("EAI_SOCKTYPE", `type ${type}, proto ${proto}`);
  }
  if (only !== undefined && only.name === undefined && service) {
    throw gaiError("EAI_SERVICE", `${service} of SOCK_RAW`);
  }
  if (number !== undefined && number >= 0) {
    const port = checkRange(number);
    if (only === undefined) {
      return SOCKETS.filter((each) => !each.special)
        .map((each) => ({ type: each.type, proto: each.proto, port }));
    }
    const own = only.name === undefined ? proto : only.proto;
    return [{ type: only.type, proto: own, port }];
  }
  const found = (only === undefined ? SOCKETS : [only]).flatMap((each) => {
    const port = each.name && portOf(service!, each.name);
    return port ? [{ type: each.type, proto: each.proto, port }] : [];
  });
  if (found.length === 0) throw gaiError("EAI_SERVICE", service!);
  return found;
}

/** A service as `strtoul` parses it, undefined if it is a name. */
function toNumber(service: string): number | undefined {
  const [, digits] = /^[ \t\n\v\f\r]*([+-]?\d+)$/.exec(service) ?? [];
  // "-0" must be 0 too, and not JavaScript's negative zero.
  return digits === undefined ? undefined : Number(digits) || 0;
}

function checkRange(port: number): number {
  if (port <= 65535) return port;
  throw new RangeError(
    `Cannot call getaddrinfo: port must be 0 to 65535, received ${port}`,
  );
}

/** The optional argument of the functions about services, by name. */
export interface ServiceOptions {
  /** `"tcp"` or `"udp"`. */
  protocolname?: string | undefined;
}

/**
 * Returns the port of a service.
 *
 * @example A web server's port
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(socket.getservbyname("http"), 80);
 * assertEquals(socket.getservbyname("domain", "udp"), 53);
 * ```
 *
 * @param servicename The name, such as `"http"`, or one of its aliases.
 * @param protocolname `"tcp"` or `"udp"`; by default any. Or an object with
 * `protocolname`.
 * @returns The port.
 * @throws {OSError} EINVAL, `service/proto not found`, if there is no such
 * service; in Python without a number.
 * @throws {TypeError} If an argument is not a string.
 * @throws {RangeError} If an argument contains a NUL.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getservbyname | Python: getservbyname}
 * @see {@link https://man7.org/linux/man-pages/man3/getservbyname.3.html | getservbyname(3)}
 */
export function getservbyname(
  servicename: string,
  protocolname?: string | ServiceOptions,
): number {
  const action = "call getservbyname";
  const name = checkText(action, "servicename", servicename);
  const port = portOf(name, checkProtocol(action, protocolname));
  if (port !== undefined) return port;
  const error = osError("EINVAL", "service/proto not found");
  throw atCaller(error, getservbyname);
}

/**
 * Returns the name of the service of a port.
 *
 * @example The service of a port
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(socket.getservbyport(443), "https");
 * assertEquals(socket.getservbyport(53, "udp"), "domain");
 * ```
 *
 * @param port The port.
 * @param protocolname `"tcp"` or `"udp"`; by default any. Or an object with
 * `protocolname`.
 * @returns The service's name.
 * @throws {OSError} EINVAL, `port/proto not found`, if the port has no service;
 * in Python without a number.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If the port is not 0 to 65535, Python's `OverflowError`,
 * or the protocol contains a NUL.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getservbyport | Python: getservbyport}
 * @see {@link https://man7.org/linux/man-pages/man3/getservbyport.3.html | getservbyport(3)}
 */
export function getservbyport(
  port: number,
  protocolname?: string | ServiceOptions,
): string {
  const action = "call getservbyport";
  const number = checkPort(action, port);
  const name = serviceOf(number, checkProtocol(action, protocolname));
  if (name !== undefined) return name;
  throw atCaller(osError("EINVAL", "port/proto not found"), getservbyport);
}

/**
 * Returns the number of a protocol, for the third argument of `socket()`.
 *
 * @example TCP
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(socket.getprotobyname("tcp"), socket.IPPROTO_TCP);
 * ```
 *
 * @param protocolname The name, such as `"tcp"`, or an alias, such as `"TCP"`.
 * @returns The number.
 * @throws {OSError} EINVAL, `protocol not found`, if there is no such protocol;
 * in Python without a number.
 * @throws {TypeError} If the name is not a string.
 * @throws {RangeError} If the name contains a NUL.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getprotobyname | Python: getprotobyname}
 * @see {@link https://man7.org/linux/man-pages/man3/getprotobyname.3.html | getprotobyname(3)}
 */
export function getprotobyname(protocolname: string): number {
  const action = "call getprotobyname";
  const number = protocolOf(checkText(action, "protocolname", protocolname));
  if (number !== undefined) return number;
  throw atCaller(osError("EINVAL", "protocol not found"), getprotobyname);
}

function checkProtocol(action: string, given: unknown): string | undefined {
  const [name] = namedArguments(action, ["protocolname"], [given]);
  return name === undefined
    ? undefined
    : checkText(action, "protocolname", name);
}
