/**
 * Names and addresses of hosts, and names of interfaces.
 *
 * A numeric host needs neither a lookup nor a permission. A name is looked up by
 * the system's resolver and needs a grant for the name, such as
 * `--allow-net=example.com`; `localhost` needs one for the name, for `127.0.0.1`
 * or for `[::1]`. Looking up the name of an address needs a grant for the
 * address.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getaddrinfo | Python: getaddrinfo}
 */

import {
  type Address,
  type AddressInput,
  AF_INET,
  AF_UNSPEC,
  type Family,
  type Inet6Address,
  type InetAddress,
} from "../base/constants.ts";
import { isLocalhost, toAscii } from "../base/sockaddr.ts";
import {
  checkInt,
  checkSignal,
  checkText,
  checkUnsigned,
  optionalArguments,
} from "../base/checks.ts";
import { OSError } from "../base/errors.ts";
import { atCaller, hostError, isReason, osError } from "../base/os_error.ts";
import {
  checkSockaddr,
  findAddresses,
  hostAddresses,
  nameInfo,
  reverseLookup,
} from "./lookup.ts";
import { checkService } from "./services.ts";
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
 * @typeParam A The address type of the family.
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
 * The optional arguments of {@linkcode getaddrinfo} by name.
 *
 * @typeParam A The address type of the family.
 */
export interface AddrInfoOptions<A extends Address = Address>
  extends SignalOption {
  /** AF_INET, AF_INET6, or AF_UNSPEC for both. */
  family?: Family<A> | undefined;
  /** SOCK_STREAM or another type; 0 for all. */
  type?: number | undefined;
  /** IPPROTO_TCP or another protocol; 0 for all. */
  proto?: number | undefined;
  /** AI_* flags, or-ed. */
  flags?: number | undefined;
}

/** The optional arguments of {@linkcode getfqdn} by name. */
export interface FqdnOptions extends SignalOption {
  /** A name or an address. */
  name?: string | undefined;
}

/**
 * The name of a host, its other names, and its addresses. Deno does not report
 * other names, so that list is always empty.
 */
export type HostEntry = [
  hostname: string,
  aliaslist: string[],
  ipaddrlist: string[],
];

/**
 * Looks up the addresses of a host and the port of a service, in the form that
 * `socket()` and `connect()` take.
 *
 * There is one result for each address and each type of socket: stream,
 * datagram and raw, unless `type` or `proto` chooses one. Their order is that of
 * glibc, on every system.
 *
 * The canonical name is the host itself, since Deno does not report another.
 *
 * @example Trying each address in turn
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using server = socket.socket();
 * server.bind(["127.0.0.1", 0]);
 * server.listen();
 * const [, port] = server.getsockname();
 *
 * const all = await socket.getaddrinfo("127.0.0.1", port, {
 *   type: socket.SOCK_STREAM,
 * });
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
 * @typeParam A The address type of `family`.
 * @param host A name, or an IPv4 or IPv6 address; null for this machine, or with
 * AI_PASSIVE for all of its addresses. The scope of a link-local address may be
 * the name of an interface, which needs `--allow-sys=networkInterfaces`.
 * @param port A number, also as text, or the name of a service; null for 0.
 * @param family AF_INET, AF_INET6, or AF_UNSPEC for both. An object here, or at a
 * later position, gives the remaining arguments by name.
 * @param type SOCK_STREAM or another type; 0 for all.
 * @param proto IPPROTO_TCP or another protocol; 0 for all.
 * @param flags AI_* flags, or-ed. AI_ADDRCONFIG needs
 * `--allow-sys=networkInterfaces`.
 * @param options `signal` cancels the call.
 * @returns The results, at least one.
 * @throws {gaierror} EAI_NONAME if the host is unknown, has no address of the
 * family, or if `host` and `port` are both null; EAI_SERVICE if the service is
 * unknown; EAI_ADDRFAMILY if the host is an address of the other family;
 * EAI_FAMILY, EAI_SOCKTYPE, EAI_BADFLAGS for arguments that do not fit;
 * EAI_AGAIN if no name server answers.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {OSError} EMFILE if too many files are open.
 * @throws {TypeError} If an argument has the wrong type, or was given twice.
 * @throws {RangeError} If the port is not 0 to 65535, where Python wraps around;
 * if a text contains a NUL.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getaddrinfo | Python: getaddrinfo}
 * @see {@link https://man7.org/linux/man-pages/man3/getaddrinfo.3.html | getaddrinfo(3)}
 */
export async function getaddrinfo<A extends Address = Address>(
  host: string | null,
  port: string | number | null,
  family?: Family<A> | AddrInfoOptions<A>,
  type?: number | Omit<AddrInfoOptions, "family">,
  proto?: number | Omit<AddrInfoOptions, "family" | "type">,
  flags?: number | Omit<AddrInfoOptions, "family" | "type" | "proto">,
  options?: SignalOption,
): Promise<AddrInfo<A>[]> {
  const action = "call getaddrinfo";
  const names = ["family", "type", "proto", "flags"];
  const given = [family, type, proto, flags, options];
  const values = optionalArguments(action, names, given);
  const signal = values.pop() as AbortSignal | undefined;
  const [familyOf = 0, typeOf = 0, protoOf = 0, flagsOf = 0] = values;
  const query = {
    host: host === null ? null : checkText(action, "host", host),
    service: checkService(action, port),
    family: checkInt(action, "family", familyOf),
    type: checkInt(action, "type", typeOf),
    proto: checkInt(action, "proto", protoOf),
    flags: checkInt(action, "flags", flagsOf),
  };
  try {
    const all = await abortable(() => findAddresses(query), signal);
    return all as AddrInfo<A>[];
  } catch (error) {
    throw atCaller(error, getaddrinfo, signal);
  }
}

/**
 * Looks up the names of the host and of the service of an address.
 *
 * @example Numeric results, and the name of a service
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
 * @param options `signal` cancels the call.
 * @returns Host and service. An address or a port without a name is numeric. The
 * scope of a link-local address is the name of its interface where
 * `--allow-sys=networkInterfaces` is granted, and a number otherwise.
 * @throws {gaierror} EAI_NONAME if the host is not numeric, or with NI_NAMEREQD
 * has no name; EAI_BADFLAGS for unknown flags; EAI_AGAIN if no name server
 * answers.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {OSError} EINVAL if an IPv4 address has more than two parts, in Python
 * without a number; EMFILE if too many files are open.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a number is out of range, or the host contains a NUL.
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
  try {
    return await abortable(() => nameInfo(raw, wanted), signal);
  } catch (error) {
    throw atCaller(error, getnameinfo, signal);
  }
}

/**
 * Looks up the first IPv4 address of a host. {@linkcode getaddrinfo} finds IPv6
 * addresses too.
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
 * @param options `signal` cancels the call.
 * @returns The address.
 * @throws {gaierror} EAI_NONAME if the host is unknown or has no IPv4 address;
 * EAI_ADDRFAMILY if it is an IPv6 address; EAI_AGAIN if no name server answers.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {TypeError} If the host is not a string.
 * @throws {RangeError} If the host contains a NUL.
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
  try {
    const find = () => hostAddresses(host, AF_INET);
    const [address] = await abortable(find, signal);
    return address!;
  } catch (error) {
    throw atCaller(error, gethostbyname, signal);
  }
}

/**
 * Looks up all IPv4 addresses of a host.
 *
 * The name is the one that was given, and the list of other names is empty:
 * Deno does not report them.
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
 * @param options `signal` cancels the call.
 * @returns Name, other names and addresses.
 * @throws {gaierror} EAI_NONAME if the host is unknown or has no IPv4 address;
 * EAI_ADDRFAMILY if it is an IPv6 address; EAI_AGAIN if no name server answers.
 * @throws {herror} HOST_NOT_FOUND for `""` and `"<broadcast>"`.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {TypeError} If the host is not a string.
 * @throws {RangeError} If the host contains a NUL.
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
  try {
    const all = await abortable(() => hostAddresses(host, AF_INET), signal);
    if (host === "" || host === "<broadcast>") {
      throw hostError("HOST_NOT_FOUND", JSON.stringify(host));
    }
    const name = isLocalhost(host) ? "localhost" : toAscii(host);
    return [name, [], [...new Set(all)]];
  } catch (error) {
    throw atCaller(error, gethostbyname_ex, signal);
  }
}

/**
 * Looks up the name of an address, or of the first address of a host.
 *
 * The list of other names is empty: Deno does not report them.
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
 * @param options `signal` cancels the call.
 * @returns Name, other names and the address.
 * @throws {herror} HOST_NOT_FOUND if the address has no name; TRY_AGAIN if no
 * name server answers.
 * @throws {gaierror} EAI_NONAME if a host is unknown.
 * @throws {OSError} EINVAL for `""`, in Python without a number.
 * @throws {PermissionError} EACCES if Deno's permission is missing.
 * @throws {TypeError} If the address is not a string.
 * @throws {RangeError} If the address contains a NUL.
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
  try {
    return await abortable(() => entryOf(host), signal);
  } catch (error) {
    throw atCaller(error, gethostbyaddr, signal);
  }
}

async function entryOf(host: string): Promise<HostEntry> {
  const [address] = await hostAddresses(host, AF_UNSPEC);
  return [await reverseLookup(address!), [], [address!]];
}

/**
 * Returns the name of this machine.
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
  try {
    return hostname();
  } catch (error) {
    throw atCaller(error, gethostname);
  }
}

/**
 * Completes a host's name with its domain, if that is known. A lookup that
 * fails for any reason, a missing permission included, is not an error.
 *
 * @example This machine's name for loopback
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * console.log(await socket.getfqdn("127.0.0.1"));
 * ```
 *
 * @param name A name or an address; by default, and for `"0.0.0.0"` and `"::"`,
 * this machine, which needs `--allow-sys=hostname`. Or the options, with `name`
 * among them.
 * @param options `signal` cancels the call.
 * @returns The name that {@linkcode gethostbyaddr} gives, or `name` if it gives
 * none; `"localhost"` if `name` is empty and the machine's name is not
 * available.
 * @throws {TypeError} If the name is not a string, or was given twice.
 * @throws {RangeError} If the name contains a NUL.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getfqdn | Python: getfqdn}
 */
export async function getfqdn(
  name?: string | FqdnOptions,
  options?: SignalOption,
): Promise<string> {
  const action = "call getfqdn";
  const given = [name, options];
  const [text = "", signal] = optionalArguments(action, ["name"], given) as [
    unknown,
    AbortSignal | undefined,
  ];
  let host = checkText(action, "name", text).trim();
  try {
    if (["", "0.0.0.0", "::"].includes(host)) host = hostname();
    const [found] = await abortable(() => entryOf(host), signal);
    return found;
  } catch (error) {
    if (!(error instanceof OSError) || isReason(error, signal)) throw error;
    return host || "localhost";
  }
}

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
 * @returns Index and name of each, sorted by index.
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno requires
 * for `/sys`.
 * @throws {OSError} EOPNOTSUPP on a system other than Linux.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_nameindex | Python: if_nameindex}
 * @see {@link https://man7.org/linux/man-pages/man3/if_nameindex.3.html | if_nameindex(3)}
 */
export function if_nameindex(): [index: number, name: string][] {
  try {
    return listInterfaces();
  } catch (error) {
    throw atCaller(error, if_nameindex);
  }
}

/**
 * Returns the index of a network interface, which IPv6 addresses have as their
 * `scope_id`.
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
 * @param if_name The name, such as `"lo"`.
 * @returns The index.
 * @throws {OSError} ENODEV, `no interface with this name`, if there is none, in
 * Python without a number; EOPNOTSUPP on a system other than Linux.
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno requires
 * for `/sys`.
 * @throws {TypeError} If the name is not a string.
 * @throws {RangeError} If the name contains a NUL.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_nametoindex | Python: if_nametoindex}
 * @see {@link https://man7.org/linux/man-pages/man3/if_nametoindex.3.html | if_nametoindex(3)}
 */
export function if_nametoindex(if_name: string): number {
  const name = checkText("call if_nametoindex", "if_name", if_name);
  try {
    const index = interfaceIndex(name);
    if (index !== undefined) return index;
    throw osError("ENODEV", "no interface with this name");
  } catch (error) {
    throw atCaller(error, if_nametoindex);
  }
}

/**
 * Returns the name of a network interface.
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
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno requires
 * for `/sys`.
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
  try {
    const name = interfaceName(index);
    if (name !== undefined) return name;
    throw osError("ENXIO");
  } catch (error) {
    throw atCaller(error, if_indextoname);
  }
}
