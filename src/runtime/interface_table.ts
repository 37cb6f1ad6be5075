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
 * Lists indices and names, sorted by index.
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
    // Deno's hint names --allow-read, which is not enough.
    throw osError(
      "EACCES",
      `${error.message}; for /sys Deno 2.9 takes --allow-all only`,
      { cause: error },
    );
  }
  return found.sort(([a], [b]) => a - b);
}

/** The index, undefined for an interface that has just been removed. */
function readIndex(name: string): number | undefined {
  try {
    return Number(Deno.readTextFileSync(`${FOLDER}/${name}/ifindex`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The index of an interface, undefined if there is none of the name. */
export function interfaceIndex(name: string): number | undefined {
  return listInterfaces().find(([, each]) => each === name)?.[0];
}

/** The name of an interface, undefined if there is none of the index. */
export function interfaceName(index: number): string | undefined {
  return listInterfaces().find(([each]) => each === index)?.[1];
}

/**
 * The addresses of all interfaces.
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

/** Whether the addresses can be read without asking the user. */
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

/** Whether `/sys` can be read without asking the user. */
function mayListInterfaces(): boolean {
  return Deno.build.os === "linux" &&
    EVERY_PERMISSION.every((name) =>
      Deno.permissions.querySync({ name }).state === "granted"
    );
}

/**
 * The index of the interface that a scope names, undefined if there is none.
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
 * The index of the interface that an address is bound to by its scope; 0 if it
 * has none, or if the scope is a name and its index cannot be read without
 * asking the user.
 */
export function scopeIdOf(sockaddr: Sockaddr): number {
  if (isPath(sockaddr) || !isLinkLocal(sockaddr.host)) return 0;
  const { scopeId, scopeName } = sockaddr;
  if (scopeName === undefined) return scopeId;
  return mayReadAddresses() ? scopeIndex(scopeName) ?? 0 : 0;
}

/**
 * The name of an interface for a scope, undefined if it cannot be read. The user
 * is not asked for a permission.
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
 * The IPv4 address of an interface, undefined if it has none. That of Linux's
 * loopback interface needs no permission.
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
 * The Python tuple of an address that the runtime gave for a socket. A
 * link-local address has the scope of the interface that the socket is bound to,
 * `boundInterface`; without one the scope is that of the machine's own address,
 * or of its only link, if those can be read without asking the user.
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

/** How long the link of an address is remembered: a socket may get many. */
const LINK_MS = 1000;

const lastLink = { host: "", index: 0, atMs: -Infinity };

/** The scope of a link-local address; 0 if it is unknown. */
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
 * The local address of a socket that is bound to the wildcard and sends to a
 * numeric host, which the kernel chooses, connect(2). It is known for loopback,
 * for the machine's own addresses, and if the machine has only one address of
 * the kind; the latter two if they can be read without asking the user.
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
 * The families that AI_ADDRCONFIG leaves.
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
