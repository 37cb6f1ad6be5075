// deno run --allow-net=127.0.0.1:8000 echo.ts [host] [port]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
s.bind([HOST, PORT]);
s.listen();
console.log(`Listening on ${s.getsockname().join(":")}`);
while (true) {
  const [conn, [host, port]] = await s.accept();
  using _ = conn;
  console.log(`Connected by ${host}:${port}`);
  while (true) {
    const data = await conn.recv(1024);
    if (data.length === 0) break;
    await conn.sendall(data);
  }
}
