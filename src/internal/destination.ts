/** Where a datagram goes: an address, and how the platform is asked for it. */

import type { Address } from "../address.ts";
import { PermissionError } from "../errors.ts";
import { at, isPath, type Place, thisMachine } from "./address.ts";
import { isDenied, isGranted, toPlatform } from "./deno_net.ts";
import { netDenied } from "./os_error.ts";
import { platform } from "./platform.ts";
import {
  localhostLiteral,
  noneOfFamily,
  resolveAll,
  type Resolved,
} from "./resolver.ts";

/** Where datagrams go. */
export interface Destination {
  /** The address, never a name. */
  readonly place: Place;
  /** As the platform takes it: a name, if only that is granted. */
  readonly addr: Deno.Addr;
}

/** A destination that needs no lookup. */
export function literalDestination(literal: Place): Destination {
  const place = thisMachine(literal);
  return { place, addr: toPlatform(place) };
}

/**
 * A destination whose name is looked up.
 *
 * @throws {gaierror} EAI_NONAME if the name is unknown, EAI_ADDRFAMILY if it has
 * addresses of another family only.
 */
export async function toDestination(place: Place): Promise<Destination> {
  if (isPath(place) || !place.named) return literalDestination(place);
  const literal = localhostLiteral(place);
  if (literal !== undefined) return literalDestination(literal);
  const { family, host, port } = place;
  const all = await lookUp(host, port);
  const own = all.filter((each) => each.family === family);
  const [first] = own;
  if (first === undefined) throw noneOfFamily(host, all);
  const found = at(place, first.host);
  // Asked by name, the runtime may take an address of either family; and it
  // does not say why if the address is denied.
  const byName = own.length === all.length && !isGranted(found.host, port) &&
    !isDenied(found.host, port);
  return { place: found, addr: toPlatform(byName ? place : found) };
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

/** IPv4 loopback in an IPv6 socket. */
export const MAPPED_LOOPBACK = "::ffff:127.0.0.1";

/** The local address of what is sent to a loopback address. */
export function ownAddressFor(host: string): string | undefined {
  if (host === "::1") return host;
  if (host.startsWith("127.")) return "127.0.0.1";
  return host.startsWith("::ffff:127.") ? MAPPED_LOOPBACK : undefined;
}

/** The broadcast addresses that need no knowledge of the networks. */
export function isBroadcast(host: string): boolean {
  return host === "255.255.255.255" ||
    (host === "127.255.255.255" && platform === "linux");
}

/**
 * Whether two addresses are of one socket. Those of Unix sockets are paths as
 * each program has written them, so other paths may lead to the same file.
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
