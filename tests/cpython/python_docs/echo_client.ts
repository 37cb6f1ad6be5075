// Echo client program
import * as socket from "@pystd/socket";

const HOST = Deno.args[0]!; // The remote host
const PORT = Number(Deno.args[1] ?? 50007); // The same port as used by the server
let data: Uint8Array;
{
  using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  await s.connect([HOST, PORT]);
  await s.sendall(new TextEncoder().encode("Hello, world"));
  data = await s.recv(1024);
}
console.log("Received", new TextDecoder().decode(data));
