/**
 * Scans ports of loopback, many at once, and prints those that are open and
 * those that do not answer in time.
 *
 *     deno run --allow-net=127.0.0.1 examples/port_scanner.ts [host] [ports...]
 *
 * @module
 */

import * as errno from "@pystd/socket/errno";
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORTS = Deno.args.length > 1 ? Deno.args.slice(1) : ["1-1024"];
const AT_ONCE = 100;
const TIMEOUT = 1;

function* allPorts(): Generator<number> {
  for (const range of PORTS) {
    const [first, last = first] = range.split("-").map(Number);
    for (let port = first!; port <= last!; port++) yield port;
  }
}

function serviceAt(port: number): string {
  try {
    return socket.getservbyport(port, "tcp");
  } catch {
    return "unknown service";
  }
}

let scanned = 0;
const ports = allPorts();

/** Takes one port after another; several of these share them. */
async function scan(): Promise<void> {
  for (const port of ports) {
    using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
    s.settimeout(TIMEOUT);
    const error = await s.connect_ex([HOST, port]);
    scanned++;
    if (error === 0) console.log(`${port}: open, ${serviceAt(port)}`);
    else if (error === errno.EAGAIN) console.log(`${port}: no answer`);
    else if (error !== errno.ECONNREFUSED) {
      console.log(`${port}: ${errno.errorcode[error]}`);
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, scan));
console.log(`Scanned ${scanned} ports of ${HOST}`);
