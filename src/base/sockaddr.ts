/**
 * Addresses: from Python's tuples to places that the platform can be asked for,
 * and back.
 */

import type { Address } from "./address.ts";
import { checkPort, checkText, checkUnsigned, show } from "./checks.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./constants.ts";
import { byOs } from "./errno_table.ts";
import { inet_aton, inet_ntoa, inet_ntop, inet_pton } from "./inet.ts";
import { gaiError, osError } from "./os_error.ts";

/** A host, which may still be a name, and a port. */
export interface InetSockaddr {
  readonly family: number;
  /** A numeric address of the family in its usual form, or a name. */
  readonly host: string;
  readonly port: number;
  readonly flowinfo: number;
  readonly scopeId: number;
  /** Whether `host` has to be looked up. */
  readonly isHostname: boolean;
}

/** The path of a Unix socket; an abstract name starts with "\0". */
export interface UnixSockaddr {
  readonly family: typeof AF_UNIX;
  readonly path: string;
}

/** Where to bind, connect or send. */
export type Sockaddr = InetSockaddr | UnixSockaddr;

/** Whether a place is a Unix path. */
export function isPath(sockaddr: Sockaddr): sockaddr is UnixSockaddr {
  return "path" in sockaddr;
}

/** The longest path that fits `sun_path`, with its final NUL. */
const MAX_PATH_BYTES = byOs(108, 104, 108);

const WILDCARD: Readonly<Record<number, string>> = {
  [AF_INET]: "0.0.0.0",
  [AF_INET6]: "::",
};

/** The address that means every interface. */
export function wildcard(family: number): string {
  return WILDCARD[family]!;
}

/** The address of this machine alone. */
export function loopback(family: number): string {
  return family === AF_INET ? "127.0.0.1" : "::1";
}

/** The address of a socket that has none yet. */
export function unspecified(family: number): Address {
  if (family === AF_INET) return ["0.0.0.0", 0];
  if (family === AF_INET6) return ["::", 0, 0, 0];
  return "";
}

/** A place with its name replaced by an address. */
export function withHost(sockaddr: InetSockaddr, host: string): InetSockaddr {
  return { ...sockaddr, host, isHostname: false };
}

/** As a destination, the kernel takes the wildcard as this machine. */
export function wildcardToLoopback(sockaddr: Sockaddr): Sockaddr {
  if (isPath(sockaddr) || sockaddr.host !== wildcard(sockaddr.family)) {
    return sockaddr;
  }
  return withHost(sockaddr, loopback(sockaddr.family));
}

/** Whether a host is the standard name of this machine, RFC 6761 section 6.3. */
export function isLocalhost(host: string): boolean {
  return /^localhost\.?$/i.test(host);
}

/**
 * Checks an address as Python does.
 *
 * @throws {TypeError} If its shape is not the family's.
 * @throws {RangeError} If a number is out of range.
 * @throws {gaierror} If the host is a numeric address of another family.
 */
export function parseAddress(
  action: string,
  family: number,
  value: unknown,
): Sockaddr {
  if (family === AF_UNIX) return toPath(action, value);
  const name = family === AF_INET ? "AF_INET" : "AF_INET6";
  const shape = family === AF_INET
    ? "[host, port]"
    : "[host, port, flowinfo, scope_id], the last two optional";
  if (!Array.isArray(value)) {
    throw new TypeError(
      `Cannot ${action}: an ${name} address must be ${shape}, received ${
        show(value)
      }`,
    );
  }
  const parts: readonly unknown[] = value;
  if (parts.length < 2 || parts.length > (family === AF_INET ? 2 : 4)) {
    throw new TypeError(
      `Cannot ${action}: an ${name} address must be ${shape}, received ${parts.length} parts`,
    );
  }
  const [given, port, flowinfo = 0, scopeId = 0] = parts;
  const host = checkText(action, "host", given);
  checkPort(action, port);
  checkUnsigned(action, "flowinfo", flowinfo, 0xfffff);
  checkUnsigned(action, "scope_id", scopeId, 0xffffffff);
  const literal = cachedLiteral(family, host);
  return {
    family,
    host: literal?.host ?? host,
    port: port as number,
    flowinfo: flowinfo as number,
    scopeId: literal?.scopeId ?? scopeId as number,
    isHostname: literal === undefined,
  };
}

let lastFamily = -1;
let lastHost = "";
let lastLiteral: Literal | undefined;

/**
 * As `toLiteral`, for a host that has just been asked for: a program that sends
 * datagrams does so for each, and that took as long as the sending.
 */
function cachedLiteral(family: number, host: string): Literal | undefined {
  if (host !== lastHost || family !== lastFamily) {
    lastLiteral = toLiteral(family, host);
    lastHost = host;
    lastFamily = family;
  }
  return lastLiteral;
}

interface Literal {
  readonly host: string;
  readonly scopeId?: number;
}

function toPath(action: string, value: unknown): UnixSockaddr {
  if (typeof value !== "string") {
    throw new TypeError(
      `Cannot ${action}: an AF_UNIX address must be a string, received ${
        show(value)
      }`,
    );
  }
  // Only bind(2) takes it, unix(7).
  if (value === "" && action !== "bind") throw osError("EINVAL");
  const abstract = value.startsWith("\0");
  if (value.indexOf("\0", 1) >= 0 && !abstract) {
    throw new RangeError(`Cannot ${action}: path must not contain a NUL`);
  }
  const length = new TextEncoder().encode(value).length;
  if (length > MAX_PATH_BYTES - (abstract ? 0 : 1)) {
    throw osError("EINVAL", "AF_UNIX path too long");
  }
  return { family: AF_UNIX, path: value };
}

/** The error of what cannot be a host, and why, if it looks like something. */
export function invalidHostError(host: string, options?: ErrorOptions): Error {
  const why = /^\w+:\/\//.test(host)
    ? " is a URL, not a host"
    : /^[^:]*:\d+$|\]:\d+$/.test(host)
    ? " has a port, which is the second part of the address"
    : /^\[.*\]$/.test(host)
    ? " has brackets, which belong to URLs"
    : "";
  const shown = JSON.stringify(host.slice(0, 80));
  return gaiError("EAI_NONAME", shown + why, options);
}

const DOTTED_QUAD = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The numeric address that a host is, undefined if it is a name.
 *
 * As `getaddrinfo` does, it takes what `inet_aton` takes for IPv4. No resolver
 * is asked, so no permission is needed that the address itself would not need.
 */
function toLiteral(
  family: number,
  host: string,
): Literal | undefined {
  if (host === "") return { host: wildcard(family) };
  if (host === "<broadcast>") {
    if (family !== AF_INET) throw osError("EAFNOSUPPORT", "<broadcast>");
    return { host: "255.255.255.255" };
  }
  // Zeros in front mean octal to `inet_aton`.
  if (DOTTED_QUAD.test(host) && !/(?:^|\.)0\d/.test(host)) {
    return sameFamily(family, AF_INET, host, host);
  }
  if (/^[\da-fx.]+$/i.test(host)) {
    const short = tryInetAton(host);
    if (short !== undefined) return sameFamily(family, AF_INET, short, host);
  }
  if (!host.includes(":")) return undefined;
  const [bare = "", scope, ...more] = host.split("%");
  if (more.length > 0 || (scope !== undefined && !/^\d+$/.test(scope))) {
    throw gaiError("EAI_NONAME", host);
  }
  let packed: Uint8Array;
  try {
    packed = inet_pton(AF_INET6, bare);
  } catch (error) {
    throw invalidHostError(host, { cause: error });
  }
  const text = inet_ntop(AF_INET6, packed);
  const mapped = ipv4FromMapped(text);
  if (family === AF_INET && mapped !== undefined && scope === undefined) {
    return { host: mapped };
  }
  const literal = sameFamily(family, AF_INET6, text, host);
  return scope === undefined ? literal : { ...literal, scopeId: +scope };
}

/** The IPv4 address that an IPv6 address in its usual form stands for. */
export function ipv4FromMapped(text: string): string | undefined {
  return /^::ffff:([\d.]+)$/.exec(text)?.[1];
}

/** The usual form of an IPv4 address in any notation of C's. */
export function tryInetAton(host: string): string | undefined {
  try {
    return inet_ntoa(inet_aton(host));
  } catch {
    return undefined;
  }
}

function sameFamily(
  family: number,
  actual: number,
  literal: string,
  host: string,
): Literal {
  if (family !== actual) throw gaiError("EAI_ADDRFAMILY", host);
  return { host: literal };
}

/** The host as the platform takes it, its scope in the text. */
export function denoHost(sockaddr: InetSockaddr): string {
  return sockaddr.scopeId !== 0 && /^f(?:e[89ab]|f.[12])/i.test(sockaddr.host)
    ? `${sockaddr.host}%${sockaddr.scopeId}`
    : sockaddr.host;
}

/** The host as it stands before a port, IPv6 in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** The Python tuple of an address that the platform gave. */
export function toPythonAddress(family: number, addr: Deno.Addr): Address {
  if (addr.transport === "unix" || addr.transport === "unixpacket") {
    return addr.path ?? "";
  }
  const { hostname, port } = addr as Deno.NetAddr;
  if (family === AF_INET) return [hostname, port];
  const [host = "", scope = "0"] = hostname.split("%");
  return [host, port, 0, Number(scope) || 0];
}

/** The Python tuple of a place. */
export function toAddress(sockaddr: Sockaddr): Address {
  if (isPath(sockaddr)) return sockaddr.path;
  const { family, host, port, flowinfo, scopeId } = sockaddr;
  return family === AF_INET ? [host, port] : [host, port, flowinfo, scopeId];
}
