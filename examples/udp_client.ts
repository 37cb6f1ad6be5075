/**
 * A client over UDP: sends datagrams and prints the answers. It waits two seconds
 * for each, since a datagram may be lost.
 *
 *     deno run --allow-net=127.0.0.1 examples/udp_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/udp_client.ts [host] [port] [message...]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const MESSAGES = Deno.args.length > 2 ? Deno.args.slice(2) : ["Hello", "world"];

const s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
s.settimeout(2);

for (const message of MESSAGES) {
  await s.sendto(new TextEncoder().encode(message), [HOST, PORT]);
  try {
    const [data, addr] = await s.recvfrom(1024);
    const answer = new TextDecoder().decode(data);
    console.log(`Received from ${addr.join(":")}: ${answer}`);
  } catch (error) {
    if (!(error instanceof socket.timeout)) throw error;
    console.log(`No answer to ${message}: ${error.message}`);
  }
}
s.close();
