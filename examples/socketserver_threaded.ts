/**
 * The mixin of Python's `socketserver` documentation: a server that handles its
 * clients side by side, and three clients.
 *
 *     deno run --allow-net=127.0.0.1 examples/socketserver_threaded.ts
 *
 * @module
 */

import * as socket from "@pystd/socket";
import * as socketserver from "@pystd/socket/socketserver";

let requests = 0;

class ThreadedTCPRequestHandler extends socketserver.BaseRequestHandler {
  override async handle() {
    const number = ++requests;
    const data = new TextDecoder().decode(await this.request.recv(1024));
    const response = `${number}: ${data}`;
    await this.request.sendall(new TextEncoder().encode(response));
  }
}

class ThreadedTCPServer
  extends socketserver.ThreadingMixIn(socketserver.TCPServer) {}

async function client(host: string, port: number, message: string) {
  using sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  await sock.connect([host, port]);
  await sock.sendall(new TextEncoder().encode(message));
  const response = new TextDecoder().decode(await sock.recv(1024));
  console.log(`Received: ${response}`);
}

await using server = new ThreadedTCPServer(
  ["127.0.0.1", 0],
  ThreadedTCPRequestHandler,
);
const [host, port] = server.server_address;
// Where Python starts a thread, this starts a task.
const serving = server.serve_forever();

await client(host, port, "Hello World 1");
await client(host, port, "Hello World 2");
await client(host, port, "Hello World 3");

await server.shutdown();
await serving;
