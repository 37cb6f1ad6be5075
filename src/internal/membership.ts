/** Memberships in multicast groups, as options carry them. */

import { AF_INET, AF_INET6 } from "../constants.ts";
import { inet_ntop } from "../inet.ts";
import { interfaceAddress } from "./interface_table.ts";
import { osError } from "./os_error.ts";

/** A membership of one socket. */
export interface Membership {
  readonly group: string;
  /** The IPv4 address of the interface, for an IPv4 group. */
  readonly address: string;
  /** The index of the interface, for an IPv6 group; 0 for the system's choice. */
  readonly index: number;
}

/**
 * Reads a `struct ip_mreq` of 8 bytes or `ip_mreqn` of 12, ip(7), or a
 * `struct ipv6_mreq` of 20, ipv6(7).
 *
 * @throws {OSError} EINVAL if bytes are too few; ENODEV if there is no such
 * interface.
 */
export function toMembership(
  name: string,
  family: number,
  value: number | Uint8Array,
): Membership {
  const size = family === AF_INET6 ? 20 : 8;
  if (typeof value === "number" || value.length < size) {
    throw osError("EINVAL", `${name} takes ${size} bytes or more`);
  }
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (family === AF_INET6) {
    const group = inet_ntop(AF_INET6, value.slice(0, 16));
    return { group, address: "", index: view.getUint32(16, true) };
  }
  const group = inet_ntop(AF_INET, value.slice(0, 4));
  const index = value.length < 12 ? 0 : view.getInt32(8, true);
  // The kernel looks at the address only where there is no index.
  const address = index === 0
    ? inet_ntop(AF_INET, value.slice(4, 8))
    : interfaceAddress(index);
  if (address === undefined) throw osError("ENODEV", `interface ${index}`);
  return { group, address, index: 0 };
}

/** Adds a membership. */
export function join(all: Membership[], one: Membership): void {
  const isGroup = one.address === ""
    ? one.group.startsWith("ff")
    : /^2(?:2[4-9]|3\d)\./.test(one.group);
  if (!isGroup) throw osError("EINVAL", `${one.group} is no multicast group`);
  if (all.some((each) => isSame(each, one))) {
    throw osError("EADDRINUSE", one.group);
  }
  all.push(one);
}

/** Removes a membership; for IPv6, without an index, on any interface. */
export function leave(all: Membership[], one: Membership): void {
  const anywhere = one.address === "" && one.index === 0;
  const at = all.findIndex((each) =>
    isSame(each, anywhere ? { ...one, index: each.index } : one)
  );
  if (at < 0) throw osError("EADDRNOTAVAIL", one.group);
  all.splice(at, 1);
}

function isSame(a: Membership, b: Membership): boolean {
  return a.group === b.group && a.address === b.address && a.index === b.index;
}
