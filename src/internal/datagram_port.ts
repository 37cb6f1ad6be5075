/** Opens the port of a datagram socket, on the runtime's API that can do it. */

import {
  AF_INET6,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOL_SOCKET,
} from "../constants.ts";
import { IPPROTO_IPV6, IPV6_V6ONLY } from "../protocol_constants.ts";
import { type HostPlace, isPath, type Place, wildcard } from "./address.ts";
import {
  type DatagramPort,
  hasDatagrams,
  isGranted,
  listenDatagram,
} from "./deno_net.ts";
import { MAPPED_LOOPBACK } from "./destination.ts";
import { openNodeDatagram } from "./node_dgram.ts";
import type { Options } from "./options.ts";
import { gaiError } from "./os_error.ts";
import { hostToBind } from "./unconnected.ts";
import { openUnixDatagram } from "./unix_datagram.ts";
import { checkUnixGrants } from "./unix_net.ts";

/** Binds. */
export function openPort(place: Place, options: Options): DatagramPort {
  if (isPath(place)) return openUnixDatagram(place);
  const isSet = (option: number) => options.isSet(SOL_SOCKET, option);
  // Deno has no SO_REUSEPORT for datagrams. This shares the port as well, but
  // not with sockets of other programs, nor does it spread the load.
  const reuseAddress = isSet(SO_REUSEADDR) || isSet(SO_REUSEPORT);
  const v6Only = options.isSet(IPPROTO_IPV6, IPV6_V6ONLY);
  const where = hostToBind(place);
  const port = hasDatagrams() && !v6Only
    ? listenDatagram(where, { reuseAddress })
    : openNodeDatagram(where, { reuseAddress, v6Only });
  if (where.named) checkFamily(where, port);
  return port;
}

/** The runtime may take an address of the other family for a name. */
function checkFamily(place: HostPlace, port: DatagramPort): void {
  const { hostname } = port.addr as Deno.NetAddr;
  if (hostname.includes(":") === (place.family === AF_INET6)) return;
  port.close();
  throw gaiError(
    "EAI_ADDRFAMILY",
    `${place.host} is ${hostname}; bind to an address`,
  );
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
  return { ...place, host: "localhost", named: true };
}
