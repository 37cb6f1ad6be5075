/**
 * A chat over lines of `makefile`: what one client says is shown to the others.
 *
 *     deno run --allow-net=127.0.0.1 examples/line_chat_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/line_chat_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

const files = new Set<socket.TextIOWrapper>();

async function chat(conn: socket.Socket, name: string): Promise<void> {
  const file = conn.makefile("rw", 1); // 1: every line is sent at its end.
  conn.close(); // The file object keeps the connection open.
  files.add(file);
  console.log(`Joined: ${name}`);
  try {
    let line;
    while ((line = await file.readline())) {
      for (const other of files) {
        if (other === file) continue;
        // The loop that reads its lines notices a client that has gone.
        await other.write(`${name}: ${line}`).catch(() => {});
      }
    }
  } catch (error) {
    console.log(`Lost: ${name}, ${error}`);
  } finally {
    files.delete(file);
    await file.close().catch(() => {}); // Its unsent lines are lost.
    console.log(`Left: ${name}`);
  }
}

const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
server.bind([HOST, PORT]);
server.listen();
console.log(`Listening on ${server.getsockname().join(":")}`);

while (true) {
  const [conn, addr] = await server.accept();
  chat(conn, addr.join(":"));
}
