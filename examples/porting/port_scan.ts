// deno run --allow-net=127.0.0.1 port_scan.ts [host] [port...]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORTS = Deno.args.slice(1).map(Number);
if (PORTS.length === 0) PORTS.push(22, 25, 80, 443, 8000);

async function isOpen(port: number) {
  using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  s.settimeout(1);
  return await s.connect_ex([HOST, port]) === 0;
}

const results = await Promise.all(PORTS.map(isOpen));
for (const [i, port] of PORTS.entries()) {
  console.log(port, results[i] ? "open" : "closed");
}
