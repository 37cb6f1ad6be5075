/** Resolves host names to addresses, and addresses to names. */

import type { LookupAddress } from "node:dns";
import { type Address, AF_INET, AF_INET6 } from "../base/constants.ts";
import {
  type InetSockaddr,
  invalidHostError,
  isLocalhost,
  isLoopback,
  isPath,
  loopback,
  type Sockaddr,
  wildcard,
  wildcardToLoopback,
  withHost,
} from "../base/sockaddr.ts";
import { osName } from "../base/errno_table.ts";
import { gaierror, PermissionError } from "../base/errors.ts";
import {
  fromDeno,
  gaiError,
  netDenied,
  osError,
  rememberName,
  requireDeno,
} from "../base/os_error.ts";
import { answer } from "../wait/event_loop.ts";
import {
  checkUnixGrants,
  isDenied,
  isGranted,
  toDenoAddr,
} from "./deno_net.ts";
import { scopeIdOf } from "./interface_table.ts";

/** An address that a name was resolved to. */
export interface Resolved {
  readonly family: number;
  readonly host: string;
}

/**
 * Resolves a name to all its addresses, IPv4 and IPv6, with the system's
 * `getaddrinfo`, which `node:dns` calls. This needs a grant for the name; the
 * error names the port too.
 */
export async function resolveAll(
  host: string,
  port: number,
): Promise<Resolved[]> {
  if (!/^[^\s\0:[\]%/\\]{1,255}$/.test(host)) {
    throw invalidHostError(host);
  }
  const { lookup } = await import("node:dns");
  // In Deno 2.9 only this form accepts the port, without which a grant for one
  // port of the name is not enough. "verbatim" keeps the system's order.
  const options = { all: true, order: "verbatim", port } as const;
  try {
    const found = await new Promise<LookupAddress[]>((resolve, reject) => {
      lookup(
        host,
        options,
        (error, all) => error ? reject(error) : resolve(all),
      );
    });
    return found.map(({ address, family }) => {
      rememberName(address, host);
      return { family: family === 6 ? AF_INET6 : AF_INET, host: address };
    });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "EPERM") {
      throw netDenied(port === 0 ? host : `${host}:${port}`, error);
    }
    throw lookupError(error);
  }
}

/**
 * Returns the loopback address in place of `localhost`, if the address is
 * granted, since then no lookup is needed. A name that is denied is kept, so
 * that the runtime rejects it.
 */
export function localhostLiteral(
  sockaddr: InetSockaddr,
): InetSockaddr | undefined {
  const { host, port } = sockaddr;
  if (!isLocalhost(host) || isDenied(host, port)) return undefined;
  const literal = loopback(sockaddr.family);
  return isGranted(literal, port) ? withHost(sockaddr, literal) : undefined;
}

/**
 * Creates the error EAI_ADDRFAMILY, for a name that has only addresses of
 * another family.
 */
export function familyMismatchError(
  host: string,
  all: readonly Resolved[],
): Error {
  const others = all.map((each) => each.host).join(", ");
  return gaiError(
    "EAI_ADDRFAMILY",
    others === "" ? host : `${host} resolves to ${others}`,
  );
}

/**
 * Resolves an address to its name, with the system's `getnameinfo`, which
 * `node:dns` calls. This needs a grant for the address with this port.
 *
 * @throws {gaierror} EAI_NONAME if the address has no name.
 */
export async function lookupName(host: string, port: number): Promise<string> {
  requireDeno(6, "Looking up the name of an address");
  const { promises } = await import("node:dns");
  try {
    const { hostname } = await promises.lookupService(host, port);
    return hostname;
  } catch (error) {
    throw lookupError(error);
  }
}

/**
 * Translates the error of a lookup. The system's resolver opens files and
 * sockets, and fails if no descriptor is left. In that case `node:dns` of Deno
 * 2.9.6 reports ENOTFOUND or EAI_AGAIN, as for an unknown host. The size of the
 * process's memory distinguishes the two: on Linux Deno reads it from a file,
 * without a permission, and returns 0 if it cannot open the file.
 */
function lookupError(error: unknown): Error {
  const translated = fromDeno(error);
  const exhausted = translated instanceof gaierror &&
    Deno.build.os === "linux" && Deno.memoryUsage().rss === 0;
  return exhausted
    ? osError("EMFILE", undefined, { cause: error })
    : translated;
}

/**
 * Returns the name of this machine.
 *
 * @throws {PermissionError} EACCES without `--allow-sys=hostname`.
 */
export function hostname(): string {
  try {
    return Deno.hostname();
  } catch (error) {
    throw fromDeno(error);
  }
}

/**
 * Makes a lookup cancellable by a signal. The system's resolver cannot be
 * interrupted: a cancelled lookup goes on, and its result is dropped.
 */
export async function abortable<T>(
  begin: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  // A numeric host is resolved at once, and a loop over many hosts must not
  // keep the event loop from turning.
  await answer(undefined);
  if (signal === undefined) return await begin();
  if (signal.aborted) throw signal.reason;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([begin(), promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Returns the address to bind to. For `localhost` it is the loopback address of
 * the family. A name that is denied is kept, so that the runtime rejects it.
 */
export function hostToBind(sockaddr: InetSockaddr): InetSockaddr {
  if (!sockaddr.isHostname) return sockaddr;
  if (/[\s:[\]%/\\]/.test(sockaddr.host)) {
    throw gaiError("EAI_NONAME", JSON.stringify(sockaddr.host.slice(0, 80)));
  }
  const { host, port } = sockaddr;
  if (!isLocalhost(host) || isDenied(host, port)) return sockaddr;
  return loopbackToBind(sockaddr);
}

/**
 * Returns the loopback address to bind to, or the name if only the name
 * `localhost` is granted.
 */
function loopbackToBind(sockaddr: InetSockaddr): InetSockaddr {
  const { host, port } = sockaddr;
  const literal = loopback(sockaddr.family);
  const byName = isGranted(host, port) && !isGranted(literal, port);
  return byName ? sockaddr : withHost(sockaddr, literal);
}

/**
 * Returns the address that an unbound socket is bound to when it sends. The
 * kernel binds to the wildcard address. If that is not granted and the datagram
 * stays on this machine, the loopback address is enough, which a narrow grant
 * may cover; a datagram to another machine can only be sent from the wildcard.
 * Deno cannot send from an unnamed Unix socket, so such a socket is given a
 * name.
 */
export function implicitBindAddress(to: Sockaddr): Sockaddr {
  if (isPath(to)) {
    // The grants for the destination are checked first. Otherwise the error
    // would name only those for the generated name.
    checkUnixGrants(to.path);
    return { ...to, path: "" };
  }
  const sockaddr: InetSockaddr = {
    ...to,
    port: 0,
    scopeId: 0,
    scopeName: undefined,
    isHostname: false,
  };
  const any = wildcard(to.family);
  if (!isLoopback(to.host) || isGranted(any, 0)) {
    return { ...sockaddr, host: any };
  }
  if (to.host.startsWith("::ffff:")) {
    return { ...sockaddr, host: MAPPED_LOOPBACK };
  }
  return loopbackToBind({ ...sockaddr, host: "localhost", isHostname: true });
}

/**
 * Checks the family of an address that was bound by name, since the runtime may
 * have chosen an address of the other family.
 *
 * @throws {gaierror} EAI_ADDRFAMILY if the family is the other one; `bound` is
 * then closed.
 */
export function checkBoundFamily(
  sockaddr: InetSockaddr,
  bound: { readonly addr: Deno.Addr; close(): unknown },
): void {
  const { hostname } = bound.addr as Deno.NetAddr;
  if (hostname.includes(":") === (sockaddr.family === AF_INET6)) return;
  bound.close();
  throw gaiError(
    "EAI_ADDRFAMILY",
    `${sockaddr.host} resolves to ${hostname}; bind to an address`,
  );
}

// Destinations of datagrams.

/** The destination of a datagram. */
export interface Destination {
  /** The address, which is never a name. */
  readonly sockaddr: Sockaddr;
  /** The address for Deno, which is a name if only the name is granted. */
  readonly addr: Deno.Addr;
}

/** Creates a destination that needs no lookup. */
export function literalDestination(literal: Sockaddr): Destination {
  const to = wildcardToLoopback(literal);
  const named = !isPath(to) && to.scopeName !== undefined;
  const sockaddr = named ? { ...to, scopeId: scopeIdOf(to) } : to;
  return { sockaddr, addr: toDenoAddr(to) };
}

/**
 * Creates a destination, and looks up its name.
 *
 * @throws {gaierror} EAI_NONAME if the name is unknown; EAI_ADDRFAMILY if it
 * has only addresses of another family.
 */
export async function toDestination(sockaddr: Sockaddr): Promise<Destination> {
  if (isPath(sockaddr) || !sockaddr.isHostname) {
    return literalDestination(sockaddr);
  }
  const literal = localhostLiteral(sockaddr);
  if (literal !== undefined) return literalDestination(literal);
  const { family, host, port } = sockaddr;
  const all = await lookUp(host, port);
  const own = all.filter((each) => each.family === family);
  const [first] = own;
  if (first === undefined) throw familyMismatchError(host, all);
  const found = withHost(sockaddr, first.host);
  // Given a name, Deno may choose an address of either family, and it reports
  // no reason if the address is denied.
  const byName = own.length === all.length && !isGranted(found.host, port) &&
    !isDenied(found.host, port);
  return { sockaddr: found, addr: toDenoAddr(byName ? sockaddr : found) };
}

async function lookUp(host: string, port: number): Promise<Resolved[]> {
  try {
    return await resolveAll(host, port);
  } catch (error) {
    const portOnly = error instanceof PermissionError && isGranted(host, port);
    if (!portOnly) throw error;
    throw netDenied(host, error, " with every port, or to its address");
  }
}

/** The IPv4 loopback address on an IPv6 socket. */
const MAPPED_LOOPBACK = "::ffff:127.0.0.1";

/** Returns whether a host is a broadcast address on every network. */
export function isBroadcast(host: string): boolean {
  return host === "255.255.255.255" ||
    (host === "127.255.255.255" && osName === "linux");
}

/**
 * Returns whether two addresses belong to the same socket. Unix addresses are
 * paths in the spelling of each program, so different paths may lead to the
 * same file.
 */
export function isSameAddress(one: Address, other: Address): boolean {
  if (typeof one !== "string" || typeof other !== "string") {
    return one[0] === other[0] && one[1] === other[1];
  }
  if (one === other) return true;
  const name = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  if (one.startsWith("\0") || name(one) !== name(other)) return false;
  const granted = Deno.permissions.querySync({ name: "read", path: other });
  if (granted.state !== "granted") return false;
  try {
    const [a, b] = [Deno.statSync(one), Deno.statSync(other)];
    return a.ino !== null && a.ino === b.ino && a.dev === b.dev;
  } catch {
    return false;
  }
}
