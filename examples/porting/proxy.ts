// deno run --allow-net=127.0.0.1:8000,127.0.0.1:9000 \
//   proxy.ts [host] [port] [target_host] [target_port]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const TARGET = [
  Deno.args[2] ?? "127.0.0.1",
  Number(Deno.args[3] ?? 9000),
] as const;

async function copy(source: socket.Socket, target: socket.Socket) {
  try {
    while (true) {
      const data = await source.recv(65536);
      if (data.length === 0) break;
      await target.sendall(data);
    }
    await target.shutdown(socket.SHUT_WR);
  } catch (error) {
    if (!(error instanceof socket.OSError)) throw error;
    // One is lost: end the other one.
    for (const s of [source, target]) {
      await s.shutdown(socket.SHUT_RDWR).catch(() => {});
    }
  }
}

async function handle(client: socket.Socket) {
  using _ = client;
  let server: socket.Socket;
  try {
    server = await socket.create_connection(TARGET, 10);
  } catch (error) {
    if (!(error instanceof socket.OSError)) throw error;
    console.log("No connection:", error.strerror);
    return;
  }
  using _server = server;
  server.settimeout(null);
  await Promise.all([copy(server, client), copy(client, server)]);
  console.log("Closed");
}

using listener = socket.create_server([HOST, PORT]);
console.log(`Listening on ${listener.getsockname().join(":")}`);
while (true) {
  const [conn] = await listener.accept();
  handle(conn).catch(console.error);
}
