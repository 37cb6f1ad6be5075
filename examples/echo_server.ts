/**
 * An echo server over TCP that serves one client after another: the next one
 * waits until the one before has closed. Ctrl-C ends it at once; a server that
 * ends in order is `concurrent_server.ts`.
 *
 *     deno run --allow-net=127.0.0.1 examples/echo_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/echo_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

using server = socket.create_server([HOST, PORT]);
console.log(`Listening on ${server.getsockname().join(":")}`);

while (true) {
  const [conn, addr] = await server.accept();
  using _ = conn;
  console.log(`Connected by ${addr.join(":")}`);
  try {
    while (true) {
      const data = await conn.recv(1024);
      if (data.length === 0) break;
      await conn.sendall(data);
    }
  } catch (error) {
    // A client that vanishes does not end the server.
    if (!(error instanceof socket.ConnectionError)) throw error;
  }
  console.log(`Closed by ${addr.join(":")}`);
}
