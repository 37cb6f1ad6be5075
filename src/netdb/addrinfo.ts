/**
 * What `getaddrinfo` does beside asking for a name: flags, services, numeric
 * addresses, and which addresses a family takes. It does as glibc on every
 * system.
 *
 * @see {@link https://man7.org/linux/man-pages/man3/getaddrinfo.3.html | getaddrinfo(3)}
 */

import type { Inet6Address, InetAddress } from "../base/address.ts";
import {
  ipv4FromMapped,
  isLocalhost,
  loopback,
  parseNumericHost,
  scopeNumber,
  scopeOf,
  toAscii,
  wildcard,
} from "../base/sockaddr.ts";
import {
  AddressInfo,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../base/constants.ts";
import { inet_ntop, inet_pton } from "../base/inet.ts";
import { gaiError } from "../base/os_error.ts";
import { portOf } from "./services.ts";
import { isDenied, isGranted } from "../runtime/deno_net.ts";
import { configuredFamilies, scopeIndex } from "../runtime/interface_table.ts";
import { resolveAll } from "../runtime/resolver.ts";

/** What is asked for, its types checked. */
export interface Query {
  readonly host: string | null;
  readonly service: string | null;
  readonly family: number;
  readonly type: number;
  readonly proto: number;
  readonly flags: number;
}

/** An address of the host. */
export interface Found {
  readonly family: number;
  readonly host: string;
  readonly scopeId: number;
}

/** One of the sockets that reach the service. */
export interface ServiceSocket {
  readonly type: number;
  readonly proto: number;
  readonly port: number;
}

/** One result, not typed by its family. */
export type Entry = [
  family: number,
  type: number,
  proto: number,
  canonname: string,
  sockaddr: InetAddress | Inet6Address,
];

const KNOWN_FLAGS = Object.values(AddressInfo)
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
  const literal = findNumericHost(name, family, flags);
  if (literal !== undefined) return entries([literal], sockets, canonname);
  if ((flags & AI_NUMERICHOST) !== 0) throw gaiError("EAI_NONAME", host);
  const port = sockets[0]?.port ?? 0;
  const all = await findName(name, port, { family, flags });
  return entries(selectFamily(name, all, family, flags), sockets, canonname);
}

function checkFlags(host: string | null, flags: number): void {
  const unknown = flags & ~KNOWN_FLAGS;
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

/** How a protocol is asked for. */
interface Kind {
  readonly type: number;
  readonly proto: number;
  /** In the table of services; one without a name has none. */
  readonly name?: string;
  /** Left out if neither type nor protocol is given. */
  readonly special?: boolean;
}

const KINDS: readonly Kind[] = [
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
  { type, proto, flags }: Pick<Query, "type" | "proto" | "flags">,
): ServiceSocket[] {
  const number = service === null || service === "" ? 0 : toNumber(service);
  if (number === undefined && (flags & AI_NUMERICSERV) !== 0) {
    throw gaiError("EAI_NONAME", service!);
  }
  const given = type !== 0 || proto !== 0;
  const kind = !given
    ? undefined
    : KINDS.find((each) =>
      (type === 0 || type === each.type) &&
      (proto === 0 || each.name === undefined || proto === each.proto)
    );
  if (given && kind === undefined) {
    throw gaiError("EAI_SOCKTYPE", `type ${type}, proto ${proto}`);
  }
  if (kind !== undefined && kind.name === undefined && service) {
    throw gaiError("EAI_SERVICE", `${service} of SOCK_RAW`);
  }
  if (number !== undefined && number >= 0) {
    const port = checkRange(number);
    if (kind === undefined) {
      return KINDS.filter((each) => !each.special)
        .map((each) => ({ type: each.type, proto: each.proto, port }));
    }
    const own = kind.name === undefined ? proto : kind.proto;
    return [{ type: kind.type, proto: own, port }];
  }
  const found = (kind === undefined ? KINDS : [kind]).flatMap((each) => {
    const port = each.name && portOf(service!, each.name);
    return port ? [{ type: each.type, proto: each.proto, port }] : [];
  });
  if (found.length === 0) throw gaiError("EAI_SERVICE", service!);
  return found;
}

/** A service as `strtoul` reads it, undefined if it is a name. */
function toNumber(service: string): number | undefined {
  const [, digits] = /^[ \t\n\v\f\r]*([+-]?\d+)$/.exec(service) ?? [];
  // "-0" is 0 as well, and not JavaScript's other zero.
  return digits === undefined ? undefined : Number(digits) || 0;
}

function checkRange(port: number): number {
  if (port <= 65535) return port;
  throw new RangeError(
    `Cannot call getaddrinfo: port must be 0 to 65535, received ${port}`,
  );
}

/** The addresses that no host means, in the order in which glibc sorts them. */
function nullHostAddresses(family: number, passive: boolean): Found[] {
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
 * The address that a host is if it is numeric; no resolver is asked then.
 *
 * @throws {gaierror} EAI_ADDRFAMILY if it is one of another family; EAI_NONAME
 * if its scope is not known.
 */
export function findNumericHost(
  host: string,
  family: number,
  flags: number,
): Found | undefined {
  const numeric = parseNumericHost(host);
  if (numeric === undefined) return undefined;
  const text = numeric.host;
  if (numeric.family === AF_INET) {
    if (family !== AF_INET6) return found(AF_INET, text);
    if ((flags & MAPPED) !== 0) return found(AF_INET6, `::ffff:${text}`);
    throw gaiError("EAI_ADDRFAMILY", host);
  }
  const mapped = ipv4FromMapped(text);
  if (family === AF_INET && mapped === undefined) {
    throw gaiError("EAI_ADDRFAMILY", host);
  }
  const scope = scopeOf(numeric);
  if (family === AF_INET) return found(AF_INET, mapped!);
  const scopeId = scope === "" ? 0 : scopeNumber(scope) ?? scopeIndex(scope);
  if (scopeId === undefined) throw gaiError("EAI_NONAME", host);
  return { family: AF_INET6, host: text, scopeId };
}

function found(family: number, host: string): Found {
  return { family, host, scopeId: 0 };
}

/** Every address of a name. */
async function findName(
  name: string,
  port: number,
  query: { family: number; flags: number },
): Promise<Found[]> {
  const labels = name.replace(/\.$/, "").split(".");
  // The last: "<broadcast>" is an address, but not here, and no resolver's name.
  if (labels.some((label) => !/^[^<>]{1,63}$/.test(label))) {
    throw gaiError("EAI_NONAME", JSON.stringify(name.slice(0, 80)));
  }
  const literals = isLocalhost(name) ? grantedLoopback(name, port, query) : [];
  if (literals.length > 0) return literals;
  const all = await resolveAll(name, port);
  return all.map((each) =>
    each.family === AF_INET6
      ? found(AF_INET6, inet_ntop(AF_INET6, inet_pton(AF_INET6, each.host)))
      : found(AF_INET, each.host)
  );
}

/**
 * What `localhost` is where only its addresses are granted and not the name,
 * which is not denied either.
 */
function grantedLoopback(
  name: string,
  port: number,
  { family, flags }: { family: number; flags: number },
): Found[] {
  const exact = port === 0 ? undefined : port;
  if (isGranted(name, exact) || isDenied(name, exact)) return [];
  const any = family === AF_UNSPEC || (flags & MAPPED) !== 0;
  return nullHostAddresses(any ? AF_UNSPEC : family, false)
    .filter(({ host }) => isGranted(host, exact));
}

/** The addresses that a family takes, IPv4 ones mapped if it may have those. */
function selectFamily(
  name: string,
  all: readonly Found[],
  family: number,
  flags: number,
): Found[] {
  if (family === AF_UNSPEC && all.length > 0) return [...all];
  const own = all.filter((each) => each.family === family);
  const map = family === AF_INET6 && (flags & MAPPED) !== 0;
  if (map && (own.length === 0 || (flags & AI_ALL) !== 0)) {
    own.push(
      ...all.filter((each) => each.family === AF_INET)
        .map(({ host }) => found(AF_INET6, `::ffff:${host}`)),
    );
  }
  if (own.length > 0) return own;
  const others = all.map(({ host }) => host).join(", ");
  throw gaiError("EAI_NONAME", others === "" ? name : `${name} is ${others}`);
}

/** Each address with each socket; the first one has the canonical name. */
function entries(
  all: readonly Found[],
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
