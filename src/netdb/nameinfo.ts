/** The arguments of the functions about names, checked before anything else. */

import { isLinkLocal, wildcard } from "../base/sockaddr.ts";
import { checkPort, checkText, checkUnsigned, show } from "../base/checks.ts";
import {
  AF_INET,
  AF_UNSPEC,
  NI_DGRAM,
  NI_NAMEREQD,
  NI_NOFQDN,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
  SOCK_DGRAM,
} from "../base/constants.ts";
import type { HostCode } from "../base/errno_table.ts";
import { gaierror } from "../base/errors.ts";
import { gaiError, hostError, osError } from "../base/os_error.ts";
import { findAddresses, findNumericHost } from "./addrinfo.ts";
import { serviceOf } from "./services.ts";
import { scopeNameIfGranted } from "../runtime/interface_table.ts";
import { hostname, lookupName } from "../runtime/resolver.ts";

/** A port as `getaddrinfo` takes it: a number, a text or null. */
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

/** An address as `getnameinfo` takes it, whose host is not parsed yet. */
export interface RawSockaddr {
  readonly host: string;
  readonly port: number;
  readonly scopeId: number;
  /** How many parts it has. */
  readonly length: number;
}

/** An address of either family, which its host alone tells. */
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

// What the older functions do, `gethostbyname` and `gethostbyaddr`.

/** The addresses of a host, as CPython finds them for these functions. */
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
 * The name of an address.
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

// What `getnameinfo` does beside asking for a name: flags, services, scopes. It
// does as glibc on every system.
//
// getnameinfo(3): https://man7.org/linux/man-pages/man3/getnameinfo.3.html

const KNOWN_FLAGS = NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD |
  NI_DGRAM;

/** Names the host and the service of an address. */
export async function nameInfo(
  { host, port, scopeId, length }: RawSockaddr,
  flags: number,
): Promise<[host: string, port: string]> {
  if (host === "*") {
    throw osError("EINVAL", "sockaddr resolved to multiple addresses");
  }
  const found = findNumericHost(host, AF_UNSPEC, 0);
  if (found === undefined) throw gaiError("EAI_NONAME", host);
  if (found.family === AF_INET && length !== 2) {
    throw osError("EINVAL", "IPv4 sockaddr must be 2 tuple");
  }
  const unknown = flags & ~KNOWN_FLAGS;
  if (unknown !== 0) throw gaiError("EAI_BADFLAGS", `flag ${unknown}`);
  const name = await nameOfHost(found.host, port, flags) ??
    withScope(found.host, scopeId);
  return [name, nameOfPort(port, flags)];
}

/** The host's name, undefined if it is to be given as a number. */
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
