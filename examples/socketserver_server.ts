/**
 * The TCP server of Python's `socketserver` documentation: sends what it
 * receives back in capital letters, to one client after another.
 *
 *     deno run --allow-net=127.0.0.1 examples/socketserver_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/echo_client.ts [host] [port]
 *
 * @module
 */

import * as socketserver from "@pystd/socket/socketserver";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

class MyTCPHandler extends socketserver.BaseRequestHandler {
  override async handle() {
    // this.request is the TCP socket connected to the client
    const data = await this.request.recv(1024);
    console.log(`Received from ${this.client_address[0]}:`);
    const text = new TextDecoder().decode(data);
    console.log(text);
    await this.request.sendall(new TextEncoder().encode(text.toUpperCase()));
  }
}

await using server = new socketserver.TCPServer([HOST, PORT], MyTCPHandler);
console.log(`Listening on ${server.server_address.join(":")}`);
Deno.addSignalListener("SIGINT", () => server.shutdown());
await server.serve_forever();
