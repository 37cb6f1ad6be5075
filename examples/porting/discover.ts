// deno run --allow-net=255.255.255.255:9999,0.0.0.0:0 \
//   discover.ts [host] [port]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "255.255.255.255";
const PORT = Number(Deno.args[1] ?? 9999);
const STRICT = { fatal: true, ignoreBOM: true };
const decoder = new TextDecoder("utf-8", STRICT);

using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1);
s.settimeout(1);
const question = new TextEncoder().encode("Who is there?");
await s.sendto(question, [HOST, PORT]);
try {
  while (true) {
    const [data, [host, port]] = await s.recvfrom(1024);
    console.log(`${host}:${port} is ${decoder.decode(data)}`);
  }
} catch (error) {
  if (!(error instanceof socket.timeout)) throw error;
  console.log("No more answers");
}
