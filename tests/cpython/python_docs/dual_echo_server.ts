// Echo server program
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] || null; // Symbolic name meaning all available interfaces
const PORT = Number(Deno.args[1] ?? 50007); // Arbitrary non-privileged port
let s: socket.Socket | null = null;
for (
  const res of await socket.getaddrinfo(
    HOST,
    PORT,
    socket.AF_UNSPEC,
    socket.SOCK_STREAM,
    0,
    socket.AI_PASSIVE,
  )
) {
  const [af, socktype, proto, _canonname, sa] = res;
  try {
    s = socket.socket(af, socktype, proto);
  } catch (msg) {
    if (!(msg instanceof socket.OSError)) throw msg;
    s = null;
    continue;
  }
  try {
    s.bind(sa);
    s.listen(1);
  } catch (msg) {
    if (!(msg instanceof socket.OSError)) throw msg;
    s.close();
    s = null;
    continue;
  }
  break;
}
if (s === null) {
  console.log("could not open socket");
  Deno.exit(1);
}
console.log("Listening on", s.getsockname()[1]); // Not there: its port is fixed.
const [conn, addr] = await s.accept();
{
  using _ = conn;
  console.log("Connected by", addr);
  while (true) {
    const data = await conn.recv(1024);
    if (!data.length) break;
    await conn.send(data);
  }
}
