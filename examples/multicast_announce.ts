/**
 * Announces a service to a multicast group, a few times.
 *
 *     deno run --allow-net=127.0.0.1,239.255.77.1 examples/multicast_discover.ts [interface] [port]
 *     deno run --allow-net=127.0.0.1,239.255.77.1 examples/multicast_announce.ts [interface] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const GROUP = "239.255.77.1";
const INTERFACE = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const TIMES = 3;

using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
// What is sent from an address leaves by its interface; 1: no router passes it on.
s.bind([INTERFACE, 0]);
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1);

for (let n = 1; n <= TIMES; n++) {
  const message = new TextEncoder().encode(`an example service, ${n}`);
  await s.sendto(message, [GROUP, PORT]);
  console.log(`Announced to ${GROUP}:${PORT}`);
  if (n < TIMES) await new Promise((resolve) => setTimeout(resolve, 500));
}
