// Echo client program
import * as socket from "@pystd/socket";

const HOST = Deno.args[0]!; // The remote host
const PORT = Number(Deno.args[1] ?? 50007); // The same port as used by the server
let s: socket.Socket | null = null;
for (
  const res of await socket.getaddrinfo(
    HOST,
    PORT,
    socket.AF_UNSPEC,
    socket.SOCK_STREAM,
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
    await s.connect(sa);
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
let data: Uint8Array;
{
  using _ = s;
  await s.sendall(new TextEncoder().encode("Hello, world"));
  data = await s.recv(1024);
}
console.log("Received", new TextDecoder().decode(data));
