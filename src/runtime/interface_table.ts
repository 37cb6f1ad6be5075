/**
 * The network interfaces of this machine.
 *
 * Deno shows the index of an interface in two places, each behind a permission:
 * `Deno.networkInterfaces` has it as the scope of link-local addresses, for
 * `--allow-sys=networkInterfaces`, and Linux has the index of every interface in
 * `/sys/class/net`, for which Deno 2.9 requires `--allow-all`.
 */

import { type Address, AF_INET6 } from "../base/constants.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import {
  ipv4FromMapped,
  isLinkLocal,
  isLoopback,
  isPath,
  type Sockaddr,
  toPythonAddress,
} from "../base/sockaddr.ts";

const FOLDER = "/sys/class/net";

/** Linux registers the loopback interface first in every network namespace. */
const LINUX_LOOPBACK = Deno.build.os === "linux" ? 1 : 0;

/**
 * Lists the indices and names of all interfaces, sorted by index.
 *
 * @throws {OSError} EOPNOTSUPP on a system other than Linux.
 * @throws {PermissionError} EACCES without `--allow-all`: Deno 2.9 requires it
 * for every read of `/sys`, whatever `--allow-read` grants.
 */
export function listInterfaces(): [index: number, name: string][] {
  if (Deno.build.os !== "linux") {
    throw osError("EOPNOTSUPP", "interfaces can be listed on Linux only");
  }
  const found: [number, string][] = [];
  try {
    for (const { name, isFile } of Deno.readDirSync(FOLDER)) {
      // The one file among the directories is the list of bonds.
      if (isFile) continue;
      const index = readIndex(name);
      if (index !== undefined) found.push([index, name]);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw fromDeno(error);
    // Deno's hint names only --allow-read, which is not enough.
    throw osError(
      "EACCES",
      `${error.message}; Deno 2.9 requires --allow-all for /sys`,
      { cause: error },
    );
  }
  return found.sort(([a], [b]) => a - b);
}

/** Reads the index of an interface; undefined if it has just been removed. */
function readIndex(name: string): number | undefined {
  try {
    return Number(Deno.readTextFileSync(`${FOLDER}/${name}/ifindex`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Returns the index of the interface with a name, or undefined if there is
 * none.
 */
export function interfaceIndex(name: string): number | undefined {
  return listInterfaces().find(([, each]) => each === name)?.[0];
}

/**
 * Returns the name of the interface with an index, or undefined if there is
 * none.
 */
export function interfaceName(index: number): string | undefined {
  return listInterfaces().find(([each]) => each === index)?.[1];
}

/**
 * Returns the addresses of all interfaces.
 *
 * @throws {PermissionError} EACCES without `--allow-sys=networkInterfaces`.
 */
function interfaceAddresses(): Deno.NetworkInterfaceInfo[] {
  try {
    return Deno.networkInterfaces();
  } catch (error) {
    throw fromDeno(error);
  }
}

/** Returns whether the addresses can be read without prompting the user. */
function mayReadAddresses(): boolean {
  const descriptor = { name: "sys", kind: "networkInterfaces" } as const;
  return Deno.permissions.querySync(descriptor).state === "granted";
}

const EVERY_PERMISSION = [
  "read",
  "write",
  "net",
  "env",
  "sys",
  "run",
  "ffi",
] as const;

/** Returns whether `/sys` can be read without prompting the user. */
function mayListInterfaces(): boolean {
  return Deno.build.os === "linux" &&
    EVERY_PERMISSION.every((name) =>
      Deno.permissions.querySync({ name }).state === "granted"
    );
}

/**
 * Returns the index of the interface that a scope names, or undefined if there
 * is none.
 *
 * @throws {PermissionError} EACCES without `--allow-sys=networkInterfaces`.
 */
export function scopeIndex(name: string): number | undefined {
  if (name === "lo" && LINUX_LOOPBACK !== 0) return LINUX_LOOPBACK;
  const found = interfaceAddresses().find((each) =>
    each.name === name && each.scopeid
  );
  if (found !== undefined) return found.scopeid!;
  return mayListInterfaces() ? interfaceIndex(name) : undefined;
}

/**
 * Returns the index of the interface that the scope of an address names. It is
 * 0 if the address has no scope, or if the scope is a name and its index cannot
 * be read without prompting the user.
 */
export function scopeIdOf(sockaddr: Sockaddr): number {
  if (isPath(sockaddr) || !isLinkLocal(sockaddr.host)) return 0;
  const { scopeId, scopeName } = sockaddr;
  if (scopeName === undefined) return scopeId;
  return mayReadAddresses() ? scopeIndex(scopeName) ?? 0 : 0;
}

/**
 * Returns the name of an interface for a scope, or undefined if it cannot be
 * read without prompting the user.
 */
export function scopeNameIfGranted(index: number): string | undefined {
  if (index === LINUX_LOOPBACK && index !== 0) return "lo";
  const found = mayReadAddresses()
    ? interfaceAddresses().find(({ scopeid }) => scopeid === index)
    : undefined;
  return found?.name ??
    (mayListInterfaces() ? interfaceName(index) : undefined);
}

/**
 * Returns the IPv4 address of an interface, or undefined if it has none. The
 * address of Linux's loopback interface needs no permission.
 */
export function interfaceAddress(index: number): string | undefined {
  if (index === LINUX_LOOPBACK) return "127.0.0.1";
  const name = interfaceName(index);
  return name === undefined
    ? undefined
    : interfaceAddresses().find((each) =>
      each.name === name && each.family === "IPv4"
    )?.address;
}

/**
 * Converts an address of a runtime's socket to Python's tuple. A link-local
 * address gets the scope of the interface that the socket is bound to,
 * `boundInterface`. If the socket is bound to none, the scope is that of the
 * machine's own address, or of its only link, if these can be read without
 * prompting the user.
 */
export function toScopedAddress(
  family: number,
  addr: Deno.Addr,
  boundInterface: number,
): Address {
  const address = toPythonAddress(family, addr, boundInterface);
  if (family !== AF_INET6 || boundInterface !== 0) return address;
  if (typeof address !== "string" && isLinkLocal(address[0])) {
    address[3] = linkOf(address[0]);
  }
  return address;
}

/**
 * How long the link of an address is remembered, since a socket may receive
 * many datagrams from it.
 */
const LINK_MS = 1000;

const lastLink = { host: "", index: 0, atMs: -Infinity };

/** Returns the scope of a link-local address, or 0 if it is unknown. */
function linkOf(host: string): number {
  const nowMs = performance.now();
  if (lastLink.host !== host || nowMs - lastLink.atMs > LINK_MS) {
    lastLink.index = findLink(host);
    lastLink.host = host;
    lastLink.atMs = nowMs;
  }
  return lastLink.index;
}

function findLink(host: string): number {
  if (!mayReadAddresses()) return 0;
  const own = interfaceAddresses().filter(({ scopeid }) => scopeid);
  const same = own.find(({ address }) => address === host);
  const links = new Set(own.map(({ scopeid }) => scopeid!));
  return same?.scopeid ?? (links.size === 1 ? own[0]!.scopeid! : 0);
}

/**
 * Returns the local address that the kernel chooses for a socket which is bound
 * to the wildcard and connects to a numeric host, connect(2). It is known if
 * the host is on loopback, if the host is one of the machine's own addresses,
 * or if the machine has only one address of the kind; the latter two only if
 * the addresses can be read without prompting the user.
 */
export function sourceAddressFor(host: string): string | undefined {
  const inet = ipv4FromMapped(host);
  if (inet !== undefined) {
    const source = sourceAddressFor(inet);
    return source && `::ffff:${source}`;
  }
  if (host === "::1") return host;
  if (isLoopback(host)) return "127.0.0.1";
  if (!mayReadAddresses()) return undefined;
  const own = interfaceAddresses().map(({ address }) => address);
  if (own.includes(host)) return host;
  const candidates = own.filter((each) =>
    each.includes(":") === host.includes(":") && !isLoopback(each) &&
    isLinkLocal(each) === isLinkLocal(host)
  );
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** The families of the addresses that this machine has besides loopback. */
export interface Configured {
  readonly inet: boolean;
  readonly inet6: boolean;
}

/**
 * Returns the families that AI_ADDRCONFIG allows.
 *
 * @throws {PermissionError} EACCES without `--allow-sys=networkInterfaces`.
 */
export function configuredFamilies(): Configured {
  const all = interfaceAddresses();
  return {
    // As in glibc, 127.0.0.1 is the only IPv4 address that counts as loopback.
    inet: all.some((each) =>
      each.family === "IPv4" && each.address !== "127.0.0.1"
    ),
    inet6: all.some((each) => each.family === "IPv6" && each.address !== "::1"),
  };
}
