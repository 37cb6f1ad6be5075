/**
 * A server over UDP: sends each datagram back to where it came from, in capital
 * letters.
 *
 *     deno run --allow-net=127.0.0.1 examples/udp_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/udp_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
s.bind([HOST, PORT]);
console.log(`Listening on ${s.getsockname().join(":")}`);

while (true) {
  const [data, addr] = await s.recvfrom(1024);
  const message = new TextDecoder().decode(data);
  console.log(`Received from ${addr.join(":")}: ${message}`);
  await s.sendto(new TextEncoder().encode(message.toUpperCase()), addr);
}
