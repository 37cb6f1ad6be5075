/**
 * Socket addresses: Python's tuples and paths are parsed into a `Sockaddr`,
 * which the runtime layer can open, and addresses of the runtime are formatted
 * as Python's tuples.
 */

import { type Address, AF_INET, AF_INET6, AF_UNIX } from "./constants.ts";
import { checkPort, checkText, checkUnsigned, show } from "./checks.ts";
import { byOs } from "./errno_table.ts";
import { inet_aton, inet_ntoa, inet_ntop, inet_pton } from "./inet.ts";
import { gaiError, osError, requireDeno } from "./os_error.ts";

/** A host, which may still be a name, and a port. */
export interface InetSockaddr {
  readonly family: number;
  /** A numeric address of the family in its usual form, or an ASCII name. */
  readonly host: string;
  readonly port: number;
  readonly flowinfo: number;
  /** The index of the interface; 0 if there is none or it has a name. */
  readonly scopeId: number;
  /** The name of the interface, if it was given by name, such as in `fe80::1%eth0`. */
  readonly scopeName?: string | undefined;
  /** Whether `host` has to be looked up. */
  readonly isHostname: boolean;
}

/** The path of a Unix socket; an abstract name starts with "\0". */
export interface UnixSockaddr {
  readonly family: typeof AF_UNIX;
  readonly path: string;
}

/** An address to bind, connect or send to. */
export type Sockaddr = InetSockaddr | UnixSockaddr;

/** Whether an address is a Unix path. */
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

/** The loopback address of a family. */
export function loopback(family: number): string {
  return family === AF_INET ? "127.0.0.1" : "::1";
}

/** Whether a numeric address reaches only this machine. */
export function isLoopback(host: string): boolean {
  return host === "::1" || /^(?:::ffff:)?127\./.test(host);
}

/** The address that `getsockname()` gives for an unbound socket. */
export function unspecified(family: number): Address {
  if (family === AF_INET) return ["0.0.0.0", 0];
  if (family === AF_INET6) return ["::", 0, 0, 0];
  return "";
}

/** The same address with its name replaced by a numeric host. */
export function withHost(sockaddr: InetSockaddr, host: string): InetSockaddr {
  return { ...sockaddr, host, isHostname: false };
}

/** A wildcard destination means this machine, as in the kernel. */
export function wildcardToLoopback(sockaddr: Sockaddr): Sockaddr {
  if (isPath(sockaddr) || sockaddr.host !== wildcard(sockaddr.family)) {
    return sockaddr;
  }
  return withHost(sockaddr, loopback(sockaddr.family));
}

/** Whether a host is `localhost`, the standard name of RFC 6761 section 6.3. */
export function isLocalhost(host: string): boolean {
  return /^localhost\.?$/i.test(host);
}

/**
 * Parses an address with the checks that Python makes.
 *
 * @throws {TypeError} If its shape is not the family's.
 * @throws {RangeError} If a number is out of range.
 * @throws {gaierror} EAI_ADDRFAMILY if the host is a numeric address of another
 * family; EAI_NONAME if it cannot be a host.
 */
export function parseAddress(
  action: string,
  family: number,
  value: unknown,
): Sockaddr {
  if (family === AF_UNIX) return parsePath(action, value);
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
  const text = checkText(action, "host", given);
  checkPort(action, port);
  checkUnsigned(action, "flowinfo", flowinfo, 0xfffff);
  checkUnsigned(action, "scope_id", scopeId, 0xffffffff);
  const { host, scope, isHostname } = cachedHost(family, text);
  const number = scopeNumber(scope);
  if ((scope !== "" || scopeId !== 0) && isLinkLocal(host)) {
    requireDeno(6, "A link-local address with a scope");
  }
  return {
    family,
    host,
    port: port as number,
    flowinfo: flowinfo as number,
    scopeId: scope === "" ? scopeId as number : number ?? 0,
    scopeName: scope !== "" && number === undefined ? scope : undefined,
    isHostname,
  };
}

/** The host of an address, parsed. */
interface Host {
  readonly host: string;
  readonly scope: string;
  readonly isHostname: boolean;
}

let lastFamily = -1;
let lastText = "";
let lastHost: Host | undefined;

/**
 * Parses a host, or returns the last result if it is the same text: a program
 * that sends datagrams gives the same host with each of them, and parsing took
 * as long as sending.
 */
function cachedHost(family: number, text: string): Host {
  if (text !== lastText || family !== lastFamily || lastHost === undefined) {
    lastHost = parseHost(family, text);
    lastText = text;
    lastFamily = family;
  }
  return lastHost;
}

function parsePath(action: string, value: unknown): UnixSockaddr {
  if (typeof value !== "string") {
    throw new TypeError(
      `Cannot ${action}: an AF_UNIX address must be a string, received ${
        show(value)
      }`,
    );
  }
  // Only bind(2) accepts an empty path, unix(7).
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

/**
 * EAI_NONAME for a text that cannot be a host, with a hint if it looks like a
 * URL, like `host:port` or like a bracketed address.
 */
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

/**
 * The ASCII form of a host by IDNA. CPython encodes every host so, in every
 * call that takes one: full-width digits and letters become ASCII ones, and a
 * soft hyphen is dropped.
 *
 * @throws {gaierror} EAI_NONAME if the host has no ASCII form.
 */
export function toAscii(host: string): string {
  if (isAscii(host)) return host;
  const folded = host.normalize("NFKC");
  if (isAscii(folded)) return folded;
  // These characters would make a URL of several parts.
  const plain = !/[\s/\\?#@:[\]%<>^|]/.test(folded);
  const url = plain ? URL.parse(`http://${folded}`) : null;
  // A label has 63 octets at most, which the URL parser does not check.
  if (url === null || /[^.]{64}/.test(url.hostname)) {
    throw gaiError("EAI_NONAME", host.slice(0, 80));
  }
  return url.hostname;
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(text);
}

/**
 * Parses the host of an address. A numeric host is parsed as `getaddrinfo` does
 * it: IPv4 in every notation of `inet_aton`. No resolver is asked, so a numeric
 * host needs no permission beyond the one for the address itself.
 */
function parseHost(family: number, text: string): Host {
  if (text === "") return literal(wildcard(family));
  if (text === "<broadcast>") {
    if (family !== AF_INET) throw osError("EAFNOSUPPORT", text);
    return literal("255.255.255.255");
  }
  const name = toAscii(text);
  const numeric = parseNumericHost(name);
  if (numeric === undefined) {
    if (name.includes(":")) throw invalidHostError(name);
    return { host: name, scope: "", isHostname: true };
  }
  const mapped = family === AF_INET ? ipv4FromMapped(numeric.host) : undefined;
  if (numeric.family !== family && mapped === undefined) {
    throw gaiError("EAI_ADDRFAMILY", text);
  }
  return literal(mapped ?? numeric.host, scopeOf(numeric));
}

function literal(host: string, scope = ""): Host {
  return { host, scope, isHostname: false };
}

/** A numeric host: its family, its usual form, and its scope as it was given. */
export interface NumericHost {
  readonly family: number;
  readonly host: string;
  /** What follows the `%`; undefined if there is none. */
  readonly scope?: string | undefined;
}

const DOTTED_QUAD = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** The numeric address that a host is, undefined if it is none. */
export function parseNumericHost(host: string): NumericHost | undefined {
  // Leading zeros mean octal to `inet_aton`, which the next case handles.
  if (DOTTED_QUAD.test(host) && !/(?:^|\.)0\d/.test(host)) {
    return { family: AF_INET, host };
  }
  // Unlike for inet_aton alone, nothing may follow the address.
  if (/^[\da-fx.]+$/i.test(host)) {
    const short = tryInetAton(host);
    if (short !== undefined) return { family: AF_INET, host: short };
  }
  if (!host.includes(":")) return undefined;
  const at = host.indexOf("%");
  const packed = tryInetPton(at < 0 ? host : host.slice(0, at));
  if (packed === undefined) return undefined;
  const scope = at < 0 ? undefined : host.slice(at + 1);
  return { family: AF_INET6, host: inet_ntop(AF_INET6, packed), scope };
}

/**
 * The scope of a numeric host, "" for none: a number, or as in glibc the name
 * of an interface if the address is valid on one link only.
 *
 * @throws {gaierror} EAI_NONAME if it is neither.
 */
export function scopeOf({ host, scope }: NumericHost): string {
  if (scope === undefined) return "";
  const number = scopeNumber(scope);
  const valid = number === undefined
    ? /^[^%\s]+$/.test(scope) && isLinkLocal(host)
    : number <= 0xffffffff;
  if (!valid) throw gaiError("EAI_NONAME", `${host}%${scope}`);
  return scope;
}

/** The number that a scope is, undefined if it is a name or none. */
export function scopeNumber(scope: string): number | undefined {
  return /^\d+$/.test(scope) ? Number(scope) : undefined;
}

/**
 * Whether an IPv6 address, unicast or multicast, is valid on one link only, so
 * that it needs a scope: RFC 4007 section 4. Interface-local multicast is one
 * too.
 */
export function isLinkLocal(host: string): boolean {
  return /^f(?:e[89ab][\da-f]|f[\da-f][12]):/i.test(host);
}

/** The IPv4 address inside an IPv4-mapped IPv6 address in its usual form. */
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

function tryInetPton(host: string): Uint8Array | undefined {
  try {
    return inet_pton(AF_INET6, host);
  } catch {
    return undefined;
  }
}

/** The host in the form that Deno takes, with the scope in its text. */
export function denoHost(sockaddr: InetSockaddr): string {
  const { host, scopeId, scopeName } = sockaddr;
  const scope = scopeName ?? scopeId;
  return scope !== 0 && isLinkLocal(host) ? `${host}%${scope}` : host;
}

/** The host in the form that precedes a port, IPv6 in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * The Python tuple of an address that the runtime gave. Deno 2.9.6 drops the
 * scopes of all of its addresses, so the caller passes `scopeId`, the interface
 * of a link-local address.
 */
export function toPythonAddress(
  family: number,
  addr: Deno.Addr,
  scopeId = 0,
): Address {
  if (addr.transport === "unix" || addr.transport === "unixpacket") {
    return addr.path ?? "";
  }
  const { hostname, port } = addr as Deno.NetAddr;
  if (family === AF_INET) return [hostname, port];
  const [host = "", scope = ""] = hostname.split("%");
  const own = isLinkLocal(host) ? scopeId : 0;
  return [host, port, 0, scopeNumber(scope) ?? own];
}

/** The Python tuple of a parsed address. */
export function toAddress(sockaddr: Sockaddr): Address {
  if (isPath(sockaddr)) return sockaddr.path;
  const { family, host, port, flowinfo, scopeId } = sockaddr;
  return family === AF_INET ? [host, port] : [host, port, flowinfo, scopeId];
}
