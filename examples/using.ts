/**
 * Python's `with` is `using`: a server and a client whose sockets are closed
 * where their blocks end, whatever happens in them.
 *
 *     deno run --allow-net=127.0.0.1 examples/using.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

// with socket.socket() as server:
using server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
server.bind([HOST, PORT]);
server.listen();

async function send(message: string): Promise<void> {
  // `await using` also waits until what was sent has been handed to the kernel.
  await using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  await s.connect(server.getsockname());
  await s.sendall(new TextEncoder().encode(message));
}

async function receive(): Promise<string> {
  const [conn] = await server.accept();
  // with conn:
  using _ = conn;
  return new TextDecoder().decode(await conn.recv(1024, socket.MSG_WAITALL));
}

const [message] = await Promise.all([receive(), send("Hello, world")]);
console.log(`Received: ${message}`);

let failed: socket.Socket | undefined;
try {
  using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  failed = s;
  await s.recv(1024);
} catch (error) {
  console.log(String(error));
}
console.log(`Closed after the error: ${failed?.fileno() === -1}`);
