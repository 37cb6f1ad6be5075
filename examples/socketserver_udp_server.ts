/**
 * The UDP server of Python's `socketserver` documentation: sends each datagram
 * back in capital letters.
 *
 *     deno run --allow-net=127.0.0.1 examples/socketserver_udp_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/udp_client.ts [host] [port]
 *
 * @module
 */

import * as socketserver from "@pystd/socket/socketserver";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

class MyUDPHandler
  extends socketserver.BaseRequestHandler<socketserver.UDPServer> {
  override async handle() {
    const [data, socket] = this.request;
    const text = new TextDecoder().decode(data);
    console.log(`${this.client_address[0]} wrote: ${text}`);
    await socket.sendto(
      new TextEncoder().encode(text.toUpperCase()),
      this.client_address,
    );
  }
}

await using server = new socketserver.UDPServer([HOST, PORT], MyUDPHandler);
console.log(`Listening on ${server.server_address.join(":")}`);
Deno.addSignalListener("SIGINT", () => server.shutdown());
await server.serve_forever();
