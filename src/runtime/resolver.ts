/** Resolves names of hosts to addresses, and addresses to names. */

import type { LookupAddress } from "node:dns";
import { type Address, AF_INET, AF_INET6 } from "../base/constants.ts";
import {
  type InetSockaddr,
  invalidHostError,
  isLocalhost,
  isPath,
  loopback,
  type Sockaddr,
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
import { isDenied, isGranted, toDenoAddr } from "./deno_net.ts";
import { scopeIdOf } from "./interface_table.ts";

/** An address of a name. */
export interface Resolved {
  readonly family: number;
  readonly host: string;
}

/**
 * All addresses of a name, IPv4 and IPv6, from the system's `getaddrinfo`, which
 * `node:dns` calls. It needs a grant for the name; the error names the port too.
 */
export async function resolveAll(
  host: string,
  port: number,
): Promise<Resolved[]> {
  if (!/^[^\s\0:[\]%/\\]{1,255}$/.test(host)) {
    throw invalidHostError(host);
  }
  const { lookup } = await import("node:dns");
  // In Deno 2.9 only this form takes the port, without which a grant for one port
  // of the name is not enough; "verbatim" keeps the system's order.
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
 * The loopback address in place of `localhost`, if that address is granted: then
 * no lookup is needed. A name that is denied stays, for the runtime to refuse.
 */
export function localhostLiteral(
  sockaddr: InetSockaddr,
): InetSockaddr | undefined {
  const { host, port } = sockaddr;
  if (!isLocalhost(host) || isDenied(host, port)) return undefined;
  const literal = loopback(sockaddr.family);
  return isGranted(literal, port) ? withHost(sockaddr, literal) : undefined;
}

/** EAI_ADDRFAMILY for a name that has addresses of another family only. */
export function familyMismatchError(
  host: string,
  all: readonly Resolved[],
): Error {
  const others = all.map((each) => each.host).join(", ");
  return gaiError(
    "EAI_ADDRFAMILY",
    others === "" ? host : `${host} is ${others}`,
  );
}

/**
 * The name of an address, from the system's `getnameinfo`, which `node:dns`
 * calls. It needs a grant for the address with this port.
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
 * The system's resolver opens files and sockets, and fails if no descriptor is
 * left. `node:dns` of Deno 2.9.6 then reports ENOTFOUND or EAI_AGAIN, as for a
 * host that is unknown. The memory's size tells the two apart: on Linux Deno
 * reads it from a file, without a permission, and returns 0 if it cannot.
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
 * The name of this machine.
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
 * Begins a lookup that a signal can cancel. The system's resolver cannot be
 * interrupted: a cancelled lookup goes on, and its result is dropped.
 */
export async function abortable<T>(
  begin: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  // A numeric host is found at once, and a loop over many must not keep the event
  // loop from turning.
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
 * The address to bind to: for `localhost` the loopback address of the family,
 * unless the name is denied, which is left to the runtime to refuse.
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

/** The loopback address, unless only the name `localhost` is granted. */
export function loopbackToBind(sockaddr: InetSockaddr): InetSockaddr {
  const { host, port } = sockaddr;
  const literal = loopback(sockaddr.family);
  const byName = isGranted(host, port) && !isGranted(literal, port);
  return byName ? sockaddr : withHost(sockaddr, literal);
}

/**
 * Checks the family of an address that was bound by name: the runtime may have
 * chosen an address of the other one.
 *
 * @throws {gaierror} EAI_ADDRFAMILY if it has; `bound` is then closed.
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
    `${sockaddr.host} is ${hostname}; bind to an address`,
  );
}

// Destinations of datagrams.

/** The destination of a datagram. */
export interface Destination {
  /** The address, never a name. */
  readonly sockaddr: Sockaddr;
  /** The address for Deno: a name, if only that is granted. */
  readonly addr: Deno.Addr;
}

/** A destination that needs no lookup. */
export function literalDestination(literal: Sockaddr): Destination {
  const to = wildcardToLoopback(literal);
  const named = !isPath(to) && to.scopeName !== undefined;
  const sockaddr = named ? { ...to, scopeId: scopeIdOf(to) } : to;
  return { sockaddr, addr: toDenoAddr(to) };
}

/**
 * A destination whose name is looked up.
 *
 * @throws {gaierror} EAI_NONAME if the name is unknown, EAI_ADDRFAMILY if it has
 * addresses of another family only.
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
  // Given a name, Deno may take an address of either family, and does not report
  // why if the address is denied.
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

/** The loopback address of IPv4 as an IPv6 socket has it. */
export const MAPPED_LOOPBACK = "::ffff:127.0.0.1";

/** Whether a host is a broadcast address of every network. */
export function isBroadcast(host: string): boolean {
  return host === "255.255.255.255" ||
    (host === "127.255.255.255" && osName === "linux");
}

/**
 * Whether two addresses belong to one socket. Unix addresses are paths as each
 * program has written them, so different paths may lead to the same file.
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
