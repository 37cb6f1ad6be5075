/**
 * `getaddrinfo` and `getnameinfo`, except for the lookup itself, which the runtime
 * performs: arguments, flags, services, numeric addresses, and the addresses of a
 * family. On every system the results are those of glibc.
 *
 * @see {@link https://man7.org/linux/man-pages/man3/getaddrinfo.3.html | getaddrinfo(3)}
 * @see {@link https://man7.org/linux/man-pages/man3/getnameinfo.3.html | getnameinfo(3)}
 */

import {
  AddressInfo,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_PASSIVE,
  AI_V4MAPPED,
  type Inet6Address,
  type InetAddress,
  NI_DGRAM,
  NI_NAMEREQD,
  NI_NOFQDN,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
  SOCK_DGRAM,
} from "../base/constants.ts";
import { checkPort, checkText, checkUnsigned, show } from "../base/checks.ts";
import type { HostCode } from "../base/errno_table.ts";
import { gaierror } from "../base/errors.ts";
import { inet_ntop, inet_pton } from "../base/inet.ts";
import { gaiError, hostError, osError } from "../base/os_error.ts";
import {
  ipv4FromMapped,
  isLinkLocal,
  isLocalhost,
  loopback,
  parseNumericHost,
  scopeNumber,
  scopeOf,
  toAscii,
  wildcard,
} from "../base/sockaddr.ts";
import { isDenied, isGranted } from "../runtime/deno_net.ts";
import {
  configuredFamilies,
  scopeIndex,
  scopeNameIfGranted,
} from "../runtime/interface_table.ts";
import { hostname, lookupName, resolveAll } from "../runtime/resolver.ts";
import { findSockets, serviceOf, type ServiceSocket } from "./services.ts";

/** The arguments of `getaddrinfo`, their types checked. */
export interface Query {
  readonly host: string | null;
  readonly service: string | null;
  readonly family: number;
  readonly type: number;
  readonly proto: number;
  readonly flags: number;
}

/** An address of the host. */
export interface HostAddress {
  readonly family: number;
  readonly host: string;
  readonly scopeId: number;
}

/** One result of `getaddrinfo`, not typed by its family. */
export type Entry = [
  family: number,
  type: number,
  proto: number,
  canonname: string,
  sockaddr: InetAddress | Inet6Address,
];

const KNOWN_AI_FLAGS = Object.values(AddressInfo)
  .reduce((all, flag) => all | flag, 0);

const MAPPED = AI_V4MAPPED | (AddressInfo.AI_V4MAPPED_CFG ?? 0);

/** Looks up a host and a service. */
export async function findAddresses(query: Query): Promise<Entry[]> {
  const host = query.host === "*" ? null : query.host;
  const service = query.service === "*" ? null : query.service;
  if (host === null && service === null) throw gaiError("EAI_NONAME");
  checkFlags(host, query.flags);
  const { flags } = query;
  const family = configured(checkFamily(query.family), flags);
  const sockets = findSockets(service, query);
  if (host === null) {
    const passive = (flags & AI_PASSIVE) !== 0;
    return entries(nullHostAddresses(family, passive), sockets, "");
  }
  const name = toAscii(host);
  const canonname = (flags & AI_CANONNAME) === 0
    ? ""
    : isLocalhost(name)
    ? "localhost"
    : name;
  const numeric = findNumericHost(name, family, flags);
  if (numeric !== undefined) return entries([numeric], sockets, canonname);
  if ((flags & AI_NUMERICHOST) !== 0) throw gaiError("EAI_NONAME", host);
  const port = sockets[0]?.port ?? 0;
  const all = await findName(name, port, { family, flags });
  return entries(selectFamily(name, all, family, flags), sockets, canonname);
}

function checkFlags(host: string | null, flags: number): void {
  const unknown = flags & ~KNOWN_AI_FLAGS;
  if (unknown !== 0) throw gaiError("EAI_BADFLAGS", `flag ${unknown}`);
  if (host === null && (flags & AI_CANONNAME) !== 0) {
    throw gaiError("EAI_BADFLAGS", "AI_CANONNAME without a host");
  }
}

function checkFamily(family: number): number {
  if (family === AF_UNSPEC || family === AF_INET || family === AF_INET6) {
    return family;
  }
  throw gaiError("EAI_FAMILY", `family ${family}`);
}

/** The family as AI_ADDRCONFIG narrows it. */
function configured(family: number, flags: number): number {
  if ((flags & AI_ADDRCONFIG) === 0) return family;
  const { inet, inet6 } = configuredFamilies();
  if (family === AF_UNSPEC) {
    if (inet === inet6) return family;
    return inet ? AF_INET : AF_INET6;
  }
  if (family === AF_INET ? inet : inet6) return family;
  throw gaiError("EAI_NONAME", "no interface has an address of the family");
}

/** The addresses for a host of null, in the order in which glibc sorts them. */
function nullHostAddresses(family: number, passive: boolean): HostAddress[] {
  const both = passive ? [AF_INET, AF_INET6] : [AF_INET6, AF_INET];
  return both
    .filter((each) => family === AF_UNSPEC || family === each)
    .map((each) => ({
      family: each,
      host: passive ? wildcard(each) : loopback(each),
      scopeId: 0,
    }));
}

/**
 * The address of a numeric host, undefined if it is a name. No resolver is
 * asked.
 *
 * @throws {gaierror} EAI_ADDRFAMILY if it is one of another family; EAI_NONAME
 * if there is no such scope.
 */
export function findNumericHost(
  host: string,
  family: number,
  flags: number,
): HostAddress | undefined {
  const numeric = parseNumericHost(host);
  if (numeric === undefined) return undefined;
  const text = numeric.host;
  if (numeric.family === AF_INET) {
    if (family !== AF_INET6) return hostAddress(AF_INET, text);
    if ((flags & MAPPED) !== 0) return hostAddress(AF_INET6, `::ffff:${text}`);
    throw gaiError("EAI_ADDRFAMILY", host);
  }
  const mapped = ipv4FromMapped(text);
  if (family === AF_INET && mapped === undefined) {
    throw gaiError("EAI_ADDRFAMILY", host);
  }
  const scope = scopeOf(numeric);
  if (family === AF_INET) return hostAddress(AF_INET, mapped!);
  const scopeId = scope === "" ? 0 : scopeNumber(scope) ?? scopeIndex(scope);
  if (scopeId === undefined) throw gaiError("EAI_NONAME", host);
  return { family: AF_INET6, host: text, scopeId };
}

function hostAddress(family: number, host: string): HostAddress {
  return { family, host, scopeId: 0 };
}

/** All addresses of a name. */
async function findName(
  name: string,
  port: number,
  query: { family: number; flags: number },
): Promise<HostAddress[]> {
  const labels = name.replace(/\.$/, "").split(".");
  // "<broadcast>" is not a name; only bind() and connect() take it as an address.
  if (labels.some((label) => !/^[^<>]{1,63}$/.test(label))) {
    throw gaiError("EAI_NONAME", JSON.stringify(name.slice(0, 80)));
  }
  const literals = isLocalhost(name) ? grantedLoopback(name, port, query) : [];
  if (literals.length > 0) return literals;
  const all = await resolveAll(name, port);
  return all.map((each) =>
    each.family === AF_INET6
      ? hostAddress(
        AF_INET6,
        inet_ntop(AF_INET6, inet_pton(AF_INET6, each.host)),
      )
      : hostAddress(AF_INET, each.host)
  );
}

/**
 * The addresses of `localhost`, if they are granted and the name is neither
 * granted nor denied.
 */
function grantedLoopback(
  name: string,
  port: number,
  { family, flags }: { family: number; flags: number },
): HostAddress[] {
  const exact = port === 0 ? undefined : port;
  if (isGranted(name, exact) || isDenied(name, exact)) return [];
  const any = family === AF_UNSPEC || (flags & MAPPED) !== 0;
  return nullHostAddresses(any ? AF_UNSPEC : family, false)
    .filter(({ host }) => isGranted(host, exact));
}

/** The addresses of a family; with AI_V4MAPPED, mapped IPv4 ones for IPv6. */
function selectFamily(
  name: string,
  all: readonly HostAddress[],
  family: number,
  flags: number,
): HostAddress[] {
  if (family === AF_UNSPEC && all.length > 0) return [...all];
  const own = all.filter((each) => each.family === family);
  const map = family === AF_INET6 && (flags & MAPPED) !== 0;
  if (map && (own.length === 0 || (flags & AI_ALL) !== 0)) {
    own.push(
      ...all.filter((each) => each.family === AF_INET)
        .map(({ host }) => hostAddress(AF_INET6, `::ffff:${host}`)),
    );
  }
  if (own.length > 0) return own;
  const others = all.map(({ host }) => host).join(", ");
  throw gaiError(
    "EAI_NONAME",
    others === "" ? name : `${name} resolves to ${others}`,
  );
}

/** Combines all addresses and sockets; the first result has the canonical name. */
function entries(
  all: readonly HostAddress[],
  sockets: readonly ServiceSocket[],
  canonname: string,
): Entry[] {
  return all.flatMap(({ family, host, scopeId }, nth) =>
    sockets.map(({ type, proto, port }, index): Entry => [
      family,
      type,
      proto,
      nth === 0 && index === 0 ? canonname : "",
      family === AF_INET ? [host, port] : [host, port, 0, scopeId],
    ])
  );
}

/** The addresses of a host, as CPython finds them for `gethostbyname`. */
export async function hostAddresses(
  host: string,
  family: number,
): Promise<string[]> {
  if (host === "<broadcast>") return ["255.255.255.255"];
  if (host === "") {
    if (family !== AF_UNSPEC) return [wildcard(AF_INET)];
    throw osError("EINVAL", "wildcard resolved to multiple address");
  }
  const all = await findAddresses({
    host,
    service: null,
    family,
    type: SOCK_DGRAM,
    proto: 0,
    flags: 0,
  });
  return all.map(([, , , , [address]]) => address);
}

const HOST_CODES: Readonly<Record<string, HostCode>> = {
  EAI_NONAME: "HOST_NOT_FOUND",
  EAI_AGAIN: "TRY_AGAIN",
  EAI_NODATA: "NO_DATA",
};

/**
 * The name of an address, for `gethostbyaddr`.
 *
 * @throws {herror} HOST_NOT_FOUND if it has none.
 */
export async function reverseLookup(address: string): Promise<string> {
  try {
    return await lookupName(address, 0);
  } catch (error) {
    if (!(error instanceof gaierror)) throw error;
    const code = HOST_CODES[error.code] ?? "NO_RECOVERY";
    throw hostError(code, address, { cause: error.cause });
  }
}

/** The address argument of `getnameinfo`, whose host is not parsed yet. */
export interface RawSockaddr {
  readonly host: string;
  readonly port: number;
  readonly scopeId: number;
  /** The number of its parts. */
  readonly length: number;
}

/** Checks an address of either family, which depends on its host alone. */
export function checkSockaddr(action: string, value: unknown): RawSockaddr {
  if (!Array.isArray(value) || value.length < 2 || value.length > 4) {
    throw new TypeError(
      `Cannot ${action}: sockaddr must be [host, port] or [host, port, flowinfo, scope_id], received ${
        Array.isArray(value) ? `${value.length} parts` : show(value)
      }`,
    );
  }
  const [host, port, flowinfo = 0, scopeId = 0]: readonly unknown[] = value;
  checkUnsigned(action, "flowinfo", flowinfo, 0xfffff);
  return {
    host: checkText(action, "host", host),
    port: checkPort(action, port),
    scopeId: checkUnsigned(action, "scope_id", scopeId, 0xffffffff),
    length: value.length,
  };
}

const KNOWN_NI_FLAGS = NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN |
  NI_NAMEREQD | NI_DGRAM;

/** Names the host and the service of an address. */
export async function nameInfo(
  { host, port, scopeId, length }: RawSockaddr,
  flags: number,
): Promise<[host: string, port: string]> {
  if (host === "*") {
    throw osError("EINVAL", "sockaddr resolved to multiple addresses");
  }
  const numeric = findNumericHost(host, AF_UNSPEC, 0);
  if (numeric === undefined) throw gaiError("EAI_NONAME", host);
  if (numeric.family === AF_INET && length !== 2) {
    throw osError("EINVAL", "IPv4 sockaddr must be 2 tuple");
  }
  const unknown = flags & ~KNOWN_NI_FLAGS;
  if (unknown !== 0) throw gaiError("EAI_BADFLAGS", `flag ${unknown}`);
  const name = await nameOfHost(numeric.host, port, flags) ??
    withScope(numeric.host, scopeId);
  return [name, nameOfPort(port, flags)];
}

/** The host's name, undefined if the result is to be numeric. */
async function nameOfHost(
  host: string,
  port: number,
  flags: number,
): Promise<string | undefined> {
  const required = (flags & NI_NAMEREQD) !== 0;
  if ((flags & NI_NUMERICHOST) !== 0) {
    if (required) throw gaiError("EAI_NONAME", host);
    return undefined;
  }
  try {
    const name = await lookupName(host, port);
    return (flags & NI_NOFQDN) === 0 ? name : withoutOwnDomain(name);
  } catch (error) {
    const unnamed = error instanceof gaierror && error.code === "EAI_NONAME";
    if (unnamed && !required) return undefined;
    throw error;
  }
}

function withoutOwnDomain(name: string): string {
  if (!name.includes(".")) return name;
  const [, domain] = /^[^.]*(\..+)$/.exec(hostname()) ?? [];
  return domain !== undefined && name.endsWith(domain)
    ? name.slice(0, -domain.length)
    : name;
}

function withScope(host: string, scopeId: number): string {
  if (scopeId === 0 || !host.includes(":")) return host;
  const scope = isLinkLocal(host) ? scopeNameIfGranted(scopeId) : undefined;
  return `${host}%${scope ?? scopeId}`;
}

function nameOfPort(port: number, flags: number): string {
  const service = (flags & NI_NUMERICSERV) === 0
    ? serviceOf(port, (flags & NI_DGRAM) === 0 ? "tcp" : "udp")
    : undefined;
  return service ?? String(port);
}
