/**
 * Timeouts and non-blocking calls, on a server and a client in one program: what
 * each call says when it does not wait any longer, and that nothing is lost.
 *
 *     deno run --allow-net=127.0.0.1 examples/timeouts.ts [host] [port]
 *
 * @module
 */

import { errorcode } from "@pystd/socket/errno";
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

async function show(what: string, call: () => Promise<unknown>): Promise<void> {
  try {
    console.log(`${what}:`, await call());
  } catch (error) {
    if (!(error instanceof socket.OSError)) throw error;
    console.log(`${what}: ${error.name}: ${error.message}`);
  }
}

using server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
server.bind([HOST, PORT]);
server.listen();

server.settimeout(0.2);
await show("accept, 0.2 s", () => server.accept());

// A new socket has the default timeout, which a call may run into or not.
socket.setdefaulttimeout(0.2);
using client = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
await client.connect(server.getsockname());
using conn = (await server.accept())[0];
console.log(`timeouts: ${client.gettimeout()} s, ${conn.gettimeout()} s`);

await show("recv, 0.2 s", () => conn.recv(1024));
await client.sendall(new TextEncoder().encode("late, but not lost"));
const data = await conn.recv(1024);
console.log(`recv, then: ${new TextDecoder().decode(data)}`);

conn.setblocking(false); // The same as settimeout(0).
await show("recv, non-blocking", () => conn.recv(1024));
conn.setblocking(true); // The same as settimeout(null).
await show("recv, MSG_DONTWAIT", () => conn.recv(1024, socket.MSG_DONTWAIT));

await show("connect, twice", () => client.connect(conn.getsockname()));
const error = await client.connect_ex(conn.getsockname());
console.log(`connect_ex, twice: ${error} is ${errorcode[error]}`);
