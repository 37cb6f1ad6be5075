/**
 * A client of the echo servers over TCP: sends a message, and prints what comes
 * back until all of it has.
 *
 *     deno run --allow-net=127.0.0.1 examples/echo_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/echo_client.ts [host] [port] [message]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const MESSAGE = Deno.args[2] ?? "Hello, world";

const s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
await s.connect([HOST, PORT]);
await s.sendall(new TextEncoder().encode(MESSAGE));
// TCP is a stream: what was sent at once may come back in parts.
await s.shutdown(socket.SHUT_WR);

const decoder = new TextDecoder();
let received = "";
while (true) {
  const data = await s.recv(1024);
  if (data.length === 0) break;
  received += decoder.decode(data, { stream: true });
}
s.close();
console.log(`Received: ${received}`);
