/**
 * Names of hosts and addresses.
 *
 * A numeric host asks nobody and needs no permission. A name is looked up by the
 * system's resolver and needs a grant for it, as `--allow-net=example.com`;
 * `localhost` needs one for it or for `127.0.0.1` or `[::1]`. The name of an
 * address needs a grant for the address.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getaddrinfo | Python: getaddrinfo}
 */

import type {
  Address,
  AddressInput,
  Family,
  Inet6Address,
  InetAddress,
} from "../base/address.ts";
import { isLocalhost } from "../base/sockaddr.ts";
import {
  checkInt,
  checkSignal,
  checkText,
  checkUnsigned,
} from "../base/checks.ts";
import { AF_INET, AF_UNSPEC } from "../base/constants.ts";
import { OSError } from "../base/errors.ts";
import { hostError, osError } from "../base/os_error.ts";
import { findAddresses } from "./addrinfo.ts";
import {
  checkService,
  checkSockaddr,
  hostAddresses,
  nameInfo,
  reverseLookup,
} from "./nameinfo.ts";
import {
  interfaceIndex,
  interfaceName,
  listInterfaces,
} from "../runtime/interface_table.ts";
import { abortable, hostname } from "../runtime/resolver.ts";
import type { SignalOption } from "../wait/waiter.ts";

/**
 * One result of {@linkcode getaddrinfo}. `socket(family, type, proto)` makes a
 * socket that takes `sockaddr`.
 *
 * @typeParam A The addresses of the family that was asked for.
 */
export type AddrInfo<A extends Address = Address> = A extends
  InetAddress | Inet6Address ? [
    family: Family<A>,
    type: number,
    proto: number,
    canonname: string,
    sockaddr: A,
  ]
  : never;

/**
 * What is known of a host: its name, its other names, which are never known
 * here, and its addresses.
 */
export type HostEntry = [
  hostname: string,
  aliaslist: string[],
  ipaddrlist: string[],
];

/**
 * Looks up the addresses of a host and the port of a service, as `socket()` and
 * `connect()` take them.
 *
 * There is one result for each address and each kind of socket: stream,
 * datagram and raw, unless `type` or `proto` says which. They come in the order
 * in which glibc gives them, on every system.
 *
 * The canonical name is the one asked for: Deno tells no other.
 *
 * @example Connecting to whatever address there is
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using server = socket.socket();
 * server.bind(["127.0.0.1", 0]);
 * server.listen();
 * const [, port] = server.getsockname();
 *
 * const all = await socket.getaddrinfo("127.0.0.1", port, 0, socket.SOCK_STREAM);
 * for (const [af, socktype, proto, , sa] of all) {
 *   using client = socket.socket(af, socktype, proto);
 *   await client.connect(sa);
 *   assertEquals(client.getpeername(), ["127.0.0.1", port]);
 * }
 * ```
 *
 * @example An address to bind to
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const { AF_INET, AI_PASSIVE, SOCK_STREAM } = socket;
 * assertEquals(
 *   await socket.getaddrinfo(null, "http", AF_INET, SOCK_STREAM, 0, AI_PASSIVE),
 *   [[AF_INET, SOCK_STREAM, 6, "", ["0.0.0.0", 80]]],
 * );
 * ```
 *
 * @typeParam A The addresses of `family`.
 * @param host A name, or an IPv4 or IPv6 address; null for this machine, or with
 * AI_PASSIVE for all of its addresses.
 * @param port A number, also as text, or the name of a service; null for 0.
 * @param family AF_INET, AF_INET6, or AF_UNSPEC for both.
 * @param type SOCK_STREAM or another; 0 for all.
 * @param proto IPPROTO_TCP or another; 0 for all.
 * @param flags AI_* flags, or-ed. AI_ADDRCONFIG needs
 * `--allow-sys=networkInterfaces`.
 * @param options `signal` ends the wait.
 * @returns The results, at least one.
 * @throws {gaierror} EAI_NONAME if the host is unknown, has no address of the
 * family, or is null and `port` too; EAI_SERVICE if the service is unknown;
 * EAI_ADDRFAMILY if the host is an address of the other family; EAI_FAMILY,
 * EAI_SOCKTYPE, EAI_BADFLAGS for arguments that do not fit; EAI_AGAIN if no
 * server answers.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If the port is not 0 to 65535, which Python wraps round,
 * or a text has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getaddrinfo | Python: getaddrinfo}
 * @see {@link https://man7.org/linux/man-pages/man3/getaddrinfo.3.html | getaddrinfo(3)}
 */
export async function getaddrinfo<A extends Address = Address>(
  host: string | null,
  port: string | number | null,
  family: Family<A> = 0,
  type: number = 0,
  proto: number = 0,
  flags: number = 0,
  options?: SignalOption,
): Promise<AddrInfo<A>[]> {
  const action = "call getaddrinfo";
  const query = {
    host: host === null ? null : checkText(action, "host", host),
    service: checkService(action, port),
    family: checkInt(action, "family", family),
    type: checkInt(action, "type", type),
    proto: checkInt(action, "proto", proto),
    flags: checkInt(action, "flags", flags),
  };
  const signal = checkSignal(action, options);
  const all = await abortable(() => findAddresses(query), signal);
  return all as AddrInfo<A>[];
}

/**
 * Gives the host and the service of an address by name.
 *
 * @example As numbers, and a service's name
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const { NI_NUMERICHOST, NI_NUMERICSERV } = socket;
 * const address = ["127.0.0.1", 80] as const;
 * assertEquals(
 *   await socket.getnameinfo(address, NI_NUMERICHOST | NI_NUMERICSERV),
 *   ["127.0.0.1", "80"],
 * );
 * assertEquals(
 *   await socket.getnameinfo(address, NI_NUMERICHOST),
 *   ["127.0.0.1", "http"],
 * );
 * ```
 *
 * @param sockaddr `[host, port]`, or for IPv6 `[host, port, flowinfo, scope_id]`
 * with the last two optional; the host is a numeric address.
 * @param flags NI_* flags, or-ed. NI_NOFQDN needs `--allow-sys=hostname`.
 * @param options `signal` ends the wait.
 * @returns Host and service. An address without a name is given as a number,
 * and so is a port without one. The scope of a link-local address is given as
 * the interface's name if the program may ask for it.
 * @throws {gaierror} EAI_NONAME if the host is not numeric, or with NI_NAMEREQD
 * has no name; EAI_BADFLAGS for unknown flags; EAI_AGAIN if no server answers.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {OSError} EINVAL if an IPv4 address has more than two parts, in Python
 * without a number.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a number is out of range, or the host has a null
 * character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getnameinfo | Python: getnameinfo}
 * @see {@link https://man7.org/linux/man-pages/man3/getnameinfo.3.html | getnameinfo(3)}
 */
export async function getnameinfo(
  sockaddr: AddressInput<InetAddress> | AddressInput<Inet6Address>,
  flags: number,
  options?: SignalOption,
): Promise<[host: string, port: string]> {
  const action = "call getnameinfo";
  const raw = checkSockaddr(action, sockaddr);
  const wanted = checkInt(action, "flags", flags);
  const signal = checkSignal(action, options);
  return await abortable(() => nameInfo(raw, wanted), signal);
}

/**
 * Looks up the first IPv4 address of a host. {@linkcode getaddrinfo} knows IPv6
 * too.
 *
 * @example This machine
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(await socket.gethostbyname("localhost"), "127.0.0.1");
 * assertEquals(await socket.gethostbyname("127.1"), "127.0.0.1");
 * ```
 *
 * @param hostname A name, or an IPv4 address; `""` for 0.0.0.0, `"<broadcast>"`
 * for 255.255.255.255.
 * @param options `signal` ends the wait.
 * @returns The address.
 * @throws {gaierror} EAI_NONAME if the host is unknown or has no IPv4 address;
 * EAI_ADDRFAMILY if it is an IPv6 address; EAI_AGAIN if no server answers.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {TypeError} If the host is not a string.
 * @throws {RangeError} If the host has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.gethostbyname | Python: gethostbyname}
 * @see {@link https://man7.org/linux/man-pages/man3/gethostbyname.3.html | gethostbyname(3)}
 */
export async function gethostbyname(
  hostname: string,
  options?: SignalOption,
): Promise<string> {
  const action = "call gethostbyname";
  const host = checkText(action, "hostname", hostname);
  const signal = checkSignal(action, options);
  const [address] = await abortable(() => hostAddresses(host, AF_INET), signal);
  return address!;
}

/**
 * Looks up all IPv4 addresses of a host.
 *
 * The name is the one asked for, and the list of other names empty: Deno tells
 * no other names.
 *
 * @example This machine
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const [name, aliases, addresses] = await socket.gethostbyname_ex("localhost");
 * assertEquals(name, "localhost");
 * assertEquals(aliases, []);
 * assertEquals(addresses, ["127.0.0.1"]);
 * ```
 *
 * @param hostname A name, or an IPv4 address.
 * @param options `signal` ends the wait.
 * @returns Name, other names and addresses.
 * @throws {gaierror} EAI_NONAME if the host is unknown or has no IPv4 address;
 * EAI_ADDRFAMILY if it is an IPv6 address; EAI_AGAIN if no server answers.
 * @throws {herror} HOST_NOT_FOUND for `""` and `"<broadcast>"`.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {TypeError} If the host is not a string.
 * @throws {RangeError} If the host has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.gethostbyname_ex | Python: gethostbyname_ex}
 * @see {@link https://man7.org/linux/man-pages/man3/gethostbyname.3.html | gethostbyname(3)}
 */
export async function gethostbyname_ex(
  hostname: string,
  options?: SignalOption,
): Promise<HostEntry> {
  const action = "call gethostbyname_ex";
  const host = checkText(action, "hostname", hostname);
  const signal = checkSignal(action, options);
  const all = await abortable(() => hostAddresses(host, AF_INET), signal);
  if (host === "" || host === "<broadcast>") {
    throw hostError("HOST_NOT_FOUND", JSON.stringify(host));
  }
  return [isLocalhost(host) ? "localhost" : host, [], [...new Set(all)]];
}

/**
 * Looks up the name of an address, or of the first address of a host.
 *
 * The list of other names is empty: Deno tells no other names.
 *
 * @example This machine's name for loopback
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const [name, , addresses] = await socket.gethostbyaddr("127.0.0.1");
 * console.log(name);
 * assertEquals(addresses, ["127.0.0.1"]);
 * ```
 *
 * @param ip_address An IPv4 or IPv6 address, or a name.
 * @param options `signal` ends the wait.
 * @returns Name, other names and the address.
 * @throws {herror} HOST_NOT_FOUND if the address has no name; TRY_AGAIN if no
 * server answers.
 * @throws {gaierror} EAI_NONAME if a host is unknown.
 * @throws {OSError} EINVAL for `""`, in Python without a number.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {TypeError} If the address is not a string.
 * @throws {RangeError} If the address has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.gethostbyaddr | Python: gethostbyaddr}
 * @see {@link https://man7.org/linux/man-pages/man3/gethostbyaddr.3.html | gethostbyaddr(3)}
 */
export async function gethostbyaddr(
  ip_address: string,
  options?: SignalOption,
): Promise<HostEntry> {
  const action = "call gethostbyaddr";
  const host = checkText(action, "ip_address", ip_address);
  const signal = checkSignal(action, options);
  return await abortable(async () => {
    const [address] = await hostAddresses(host, AF_UNSPEC);
    return [await reverseLookup(address!), [], [address!]];
  }, signal);
}

/**
 * Gives the name of this machine.
 *
 * @example With `--allow-sys=hostname`; without it an error
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * try {
 *   console.log(socket.gethostname());
 * } catch (error) {
 *   if (!(error instanceof socket.PermissionError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @returns The name, which may lack its domain: see {@linkcode getfqdn}.
 * @throws {PermissionError} EACCES without `--allow-sys=hostname`.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.gethostname | Python: gethostname}
 * @see {@link https://man7.org/linux/man-pages/man2/gethostname.2.html | gethostname(2)}
 */
export function gethostname(): string {
  return hostname();
}

/**
 * Completes a host's name with its domain, if that is known. A lookup that
 * fails for any reason, a missing permission too, is no error.
 *
 * @example This machine's name for loopback
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * console.log(await socket.getfqdn("127.0.0.1"));
 * ```
 *
 * @param name A name or an address; `""`, `"0.0.0.0"` or `"::"` for this
 * machine, which needs `--allow-sys=hostname`.
 * @param options `signal` ends the wait.
 * @returns The name that {@linkcode gethostbyaddr} gives, or `name` if it gives
 * none; `"localhost"` if `name` is empty and the machine's name is not to be
 * had.
 * @throws {TypeError} If the name is not a string.
 * @throws {RangeError} If the name has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getfqdn | Python: getfqdn}
 */
export async function getfqdn(
  name: string = "",
  options?: SignalOption,
): Promise<string> {
  const action = "call getfqdn";
  const given = checkText(action, "name", name).trim();
  const signal = checkSignal(action, options);
  let host = given;
  try {
    if (["", "0.0.0.0", "::"].includes(given)) host = hostname();
    const [found] = await gethostbyaddr(host, { signal });
    return found;
  } catch (error) {
    if (!(error instanceof OSError) || error === signal?.reason) throw error;
    return host || "localhost";
  }
}

// Network interfaces by name and index, on Linux, from `/sys/class/net`.
//
// Python: if_nameindex: https://docs.python.org/3/library/socket.html#socket.if_nameindex

/**
 * Lists the network interfaces.
 *
 * @example With `--allow-all` on Linux; elsewhere none
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * function interfaces(): [number, string][] {
 *   try {
 *     return socket.if_nameindex();
 *   } catch (error) {
 *     if (error instanceof socket.OSError) return [];
 *     throw error;
 *   }
 * }
 *
 * for (const [index, name] of interfaces()) console.log(index, name);
 * ```
 *
 * @returns Index and name of each, in order of the indices.
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno asks for
 * where `/sys` is read.
 * @throws {OSError} EOPNOTSUPP on a system other than Linux.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_nameindex | Python: if_nameindex}
 * @see {@link https://man7.org/linux/man-pages/man3/if_nameindex.3.html | if_nameindex(3)}
 */
export function if_nameindex(): [index: number, name: string][] {
  return listInterfaces();
}

/**
 * Gives the index of a network interface, as IPv6 has it as `scope_id`.
 *
 * @example With `--allow-all` on Linux; elsewhere an error
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * try {
 *   console.log(socket.if_nametoindex("lo"));
 * } catch (error) {
 *   if (!(error instanceof socket.OSError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @param if_name The name, as `"lo"`.
 * @returns The index.
 * @throws {OSError} ENODEV, `no interface with this name`, if there is none, in
 * Python without a number; EOPNOTSUPP on a system other than Linux.
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno asks for
 * where `/sys` is read.
 * @throws {TypeError} If the name is not a string.
 * @throws {RangeError} If the name has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_nametoindex | Python: if_nametoindex}
 * @see {@link https://man7.org/linux/man-pages/man3/if_nametoindex.3.html | if_nametoindex(3)}
 */
export function if_nametoindex(if_name: string): number {
  const name = checkText("call if_nametoindex", "if_name", if_name);
  const index = interfaceIndex(name);
  if (index === undefined) {
    throw osError("ENODEV", "no interface with this name");
  }
  return index;
}

/**
 * Gives the name of a network interface.
 *
 * @example With `--allow-all` on Linux; elsewhere an error
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * try {
 *   console.log(socket.if_indextoname(1));
 * } catch (error) {
 *   if (!(error instanceof socket.OSError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @param if_index The index.
 * @returns The name.
 * @throws {OSError} ENXIO if there is no interface of the index; EOPNOTSUPP on a
 * system other than Linux.
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno asks for
 * where `/sys` is read.
 * @throws {TypeError} If the index is not an integer.
 * @throws {RangeError} If the index is not 0 to 4294967295, Python's
 * `OverflowError`.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_indextoname | Python: if_indextoname}
 * @see {@link https://man7.org/linux/man-pages/man3/if_indextoname.3.html | if_indextoname(3)}
 */
export function if_indextoname(if_index: number): string {
  const index = checkUnsigned(
    "call if_indextoname",
    "if_index",
    if_index,
    0xffffffff,
  );
  const name = interfaceName(index);
  if (name === undefined) throw osError("ENXIO");
  return name;
}
