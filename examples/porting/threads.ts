// deno run --allow-net=127.0.0.1:8000 threads.ts [host] [port]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

let total = 0n;

async function handle(conn: socket.Socket) {
  using _ = conn;
  await using lines = conn.makefile("r");
  for await (const line of lines) {
    total += BigInt(line);
    const answer = `${total}\n`;
    await conn.sendall(new TextEncoder().encode(answer));
  }
}

using server = socket.create_server([HOST, PORT]);
console.log(`Listening on ${server.getsockname().join(":")}`);
while (true) {
  const [conn] = await server.accept();
  handle(conn).catch(console.error);
}
