/**
 * A TCP server whose handlers read and write files: sends each line back in
 * capital letters, to many clients at once.
 *
 *     deno run --allow-net=127.0.0.1 examples/socketserver_stream_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/echo_client.ts [host] [port]
 *
 * @module
 */

import * as socketserver from "@pystd/socket/socketserver";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

class MyTCPHandler extends socketserver.StreamRequestHandler {
  override timeout = 60;

  override async handle() {
    for await (const line of this.rfile) {
      const text = new TextDecoder().decode(line);
      await this.wfile.write(new TextEncoder().encode(text.toUpperCase()));
    }
  }
}

await using server = new socketserver.ThreadingTCPServer(
  [HOST, PORT],
  MyTCPHandler,
);
console.log(`Listening on ${server.server_address.join(":")}`);
Deno.addSignalListener("SIGINT", () => server.shutdown());
await server.serve_forever();
