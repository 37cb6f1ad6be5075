/** Opens the port of a datagram socket, on the runtime's API that can do it. */

import {
  AF_UNIX,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOL_SOCKET,
} from "../constants.ts";
import { IPPROTO_IPV6, IPV6_V6ONLY } from "../protocol_constants.ts";
import { isPath, type Place, wildcard } from "./address.ts";
import { DenoMulticast } from "./deno_multicast.ts";
import {
  type DatagramPort,
  hasDatagrams,
  isGranted,
  listenDatagram,
  type Multicast,
} from "./deno_net.ts";
import { MAPPED_LOOPBACK } from "./destination.ts";
import { openNodeDatagram } from "./node_dgram.ts";
import type { Options } from "./options.ts";
import { checkBoundFamily, hostToBind, loopbackToBind } from "./resolver.ts";
import { openUnixDatagram } from "./unix_datagram.ts";
import { checkUnixGrants } from "./unix_net.ts";

/** A port, and its multicast if it has that. */
export interface OpenedPort {
  readonly port: DatagramPort;
  readonly multicast?: Multicast;
}

/** Binds. */
export function openPort(place: Place, options: Options): OpenedPort {
  if (isPath(place)) return { port: openUnixDatagram(place) };
  const isSet = (option: number) => options.isSet(SOL_SOCKET, option);
  // Deno has no SO_REUSEPORT for datagrams. This shares the port as well, but
  // not with sockets of other programs, nor does it spread the load.
  const reuseAddress = isSet(SO_REUSEADDR) || isSet(SO_REUSEPORT);
  const v6Only = options.isSet(IPPROTO_IPV6, IPV6_V6ONLY);
  const where = hostToBind(place);
  let opened: OpenedPort;
  if (hasDatagrams() && !v6Only) {
    // Also with memberships: `node:dgram` joins at once, but knows an interface
    // of IPv6 only by its name, no TTL of 0, and no error but EINVAL.
    const { multicastLoop } = options;
    const port = listenDatagram(where, { reuseAddress, multicastLoop });
    opened = { port, multicast: new DenoMulticast(port, multicastLoop) };
  } else {
    const port = openNodeDatagram(where, { reuseAddress, v6Only });
    opened = { port, multicast: port };
  }
  if (where.named) checkBoundFamily(where, opened.port);
  return opened;
}

/**
 * Where a socket that sends first is bound. The kernel takes the wildcard.
 * Where that is not granted, it is the loopback address that a narrow grant is
 * about. Deno sends from no unnamed Unix socket, so one gets a name.
 */
export function placeToSendFrom(to: Place): Place {
  if (isPath(to)) {
    // First, or what is missing would be told of that name only.
    checkUnixGrants(to.path);
    return { ...to, path: "" };
  }
  const place = { ...to, port: 0, scopeId: 0, named: false };
  const any = wildcard(to.family);
  if (isGranted(any, 0)) return { ...place, host: any };
  if (to.host.startsWith("::ffff:")) return { ...place, host: MAPPED_LOOPBACK };
  return loopbackToBind({ ...place, host: "localhost", named: true });
}

/** Room for the largest UDP datagram. */
export const LARGEST_UDP = 65_536;

/**
 * Room for what a Unix socket can send: twice the largest SO_SNDBUF that Linux
 * grants by default. Only what is touched of so large an array takes memory: on
 * Deno 2.9.6 10 KiB, where one of 256 KiB takes 137.
 */
const LARGEST_UNIX = 524_288;

/** How many bytes a receive has to make room for. */
export function roomFor(family: number): number {
  return family === AF_UNIX ? LARGEST_UNIX : LARGEST_UDP;
}
