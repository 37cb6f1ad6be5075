/**
 * The tutorial's server: accepts one client, receives until the client has sent
 * everything, and prints it.
 *
 *     deno run --allow-net=127.0.0.1 examples/tutorial_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/tutorial_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
server.bind([HOST, PORT]);
server.listen(5);
console.log(`Listening on ${server.getsockname().join(":")}`);

const [conn, addr] = await server.accept();
console.log(`Connected by ${addr.join(":")}`);
using _ = conn;

const decoder = new TextDecoder();
let message = "";
while (true) {
  const data = await conn.recv(1024);
  if (data.length === 0) break;
  message += decoder.decode(data, { stream: true });
}
console.log(`Received: ${message}`);
server.close();
