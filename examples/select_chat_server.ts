/**
 * A chat server that watches all its clients with `select`: what one client
 * says is shown to the others, to each when it has room.
 *
 *     deno run --allow-net=127.0.0.1 examples/select_chat_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/line_chat_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

const server = socket.create_server([HOST, PORT]);
server.setblocking(false);
console.log(`Listening on ${server.getsockname().join(":")}`);

const queues = new Map<socket.Socket, Uint8Array[]>(); // Unsent, by client.

while (true) {
  const inputs = [server, ...queues.keys()];
  const outputs = [...queues.keys()].filter((s) => queues.get(s)!.length);
  const [r, w] = await select(inputs, outputs, []);
  if (r.includes(server)) {
    const [conn, addr] = await server.accept();
    conn.setblocking(false);
    queues.set(conn, []);
    console.log(`Joined: ${addr.join(":")}, clients: ${queues.size}`);
  }
  for (const s of r.filter((s) => s !== server)) {
    const data = await s.recv(16384).catch(() => null); // A reset.
    if (data?.length) {
      for (const [to, queue] of queues) if (to !== s) queue.push(data);
    } else {
      queues.delete(s);
      s.close();
      console.log(`Left, clients: ${queues.size}`);
    }
  }
  for (const s of w) {
    const message = queues.get(s)?.shift();
    if (message === undefined) continue; // It has just left.
    const n = await s.send(message).catch(() => message.length);
    if (n < message.length) queues.get(s)!.unshift(message.subarray(n));
  }
}
