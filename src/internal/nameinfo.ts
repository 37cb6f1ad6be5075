/**
 * What `getnameinfo` does beside asking for a name: flags, services, scopes. It
 * does as glibc on every system.
 *
 * @see {@link https://man7.org/linux/man-pages/man3/getnameinfo.3.html | getnameinfo(3)}
 */

import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  NI_DGRAM,
  NI_NAMEREQD,
  NI_NOFQDN,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
} from "../constants.ts";
import { gaierror } from "../errors.ts";
import { inet_pton } from "../inet.ts";
import { isLinkLocal, parseAddress } from "./addrinfo.ts";
import { interfaceNameIfGranted } from "./interface_table.ts";
import type { Sockaddr } from "./name_arguments.ts";
import { gaiError, osError } from "./os_error.ts";
import { lookupName, ownName } from "./resolver.ts";
import { serviceOf } from "./service_table.ts";

const KNOWN_FLAGS = NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD |
  NI_DGRAM;

/** Names the host and the service of an address. */
export async function findNames(
  { host, port, scopeId, length }: Sockaddr,
  flags: number,
): Promise<[host: string, port: string]> {
  if (host === "*") {
    throw osError("EINVAL", "sockaddr resolved to multiple addresses");
  }
  const found = parseAddress(host, AF_UNSPEC, 0);
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
  const [, domain] = /^[^.]*(\..+)$/.exec(ownName()) ?? [];
  return domain !== undefined && name.endsWith(domain)
    ? name.slice(0, -domain.length)
    : name;
}

function withScope(host: string, scopeId: number): string {
  if (scopeId === 0 || !host.includes(":")) return host;
  const scope = isLinkLocal(inet_pton(AF_INET6, host))
    ? interfaceNameIfGranted(scopeId)
    : undefined;
  return `${host}%${scope ?? scopeId}`;
}

function nameOfPort(port: number, flags: number): string {
  const service = (flags & NI_NUMERICSERV) === 0
    ? serviceOf(port, (flags & NI_DGRAM) === 0 ? "tcp" : "udp")
    : undefined;
  return service ?? String(port);
}
