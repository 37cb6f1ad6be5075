// deno run --allow-net=pool.ntp.org:123,0.0.0.0:0 \
//   ntp.ts [host] [port]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "pool.ntp.org";
const PORT = Number(Deno.args[1] ?? 123);

const request = new Uint8Array(48);
request[0] = 0x1b; // Version 3, from a client.
using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
s.settimeout(5);
await s.sendto(request, [HOST, PORT]);
const [data] = await s.recvfrom(48);

let seconds = new DataView(data.buffer).getUint32(40);
seconds -= 2208988800; // It counts from 1900.
console.log(new Date(seconds * 1000).toUTCString());
