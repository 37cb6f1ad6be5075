/**
 * Waits for a multicast announcement and prints its sender.
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

using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);

// struct.pack("4s4s", ...) in Python: the group, and the interface to join it on.
const mreq = new Uint8Array([
  ...socket.inet_aton(GROUP),
  ...socket.inet_aton(INTERFACE),
]);
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreq);
s.bind([GROUP, PORT]);
s.settimeout(10);
console.log(`Listening on ${s.getsockname().join(":")}`);

try {
  const [data, [host]] = await s.recvfrom(1024);
  console.log(`Found at ${host}: ${new TextDecoder().decode(data)}`);
} catch (error) {
  if (!(error instanceof socket.TimeoutError)) throw error;
  console.log("No announcement has come");
}
s.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, mreq);
