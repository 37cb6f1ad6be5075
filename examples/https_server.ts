/**
 * An HTTPS server: Python's `socketserver` with its socket wrapped by `ssl`. It
 * answers every GET with a line; `examples/https_get.ts` gets it.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates examples/https_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates/ca.pem examples/https_get.ts [url] [cafile]
 *
 * @module
 */

import * as socketserver from "@pystd/socket/socketserver";
import * as ssl from "@pystd/socket/ssl";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8443);
const FOLDER = "tests/ssl/certificates";

class Handler extends socketserver.StreamRequestHandler {
  override timeout = 10;

  override async handle(): Promise<void> {
    let request = "";
    for await (const line of this.rfile) {
      const text = new TextDecoder().decode(line);
      if (text === "\r\n") break;
      request ||= text;
    }
    const [method, path] = request.split(" ");
    const [status, body] = method === "GET"
      ? ["200 OK", `You asked for ${path}\n`]
      : ["501 Not Implemented", "Only GET\n"];
    await this.wfile.write(new TextEncoder().encode(
      `HTTP/1.0 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    ));
  }
}

const context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
context.load_cert_chain(`${FOLDER}/server.pem`, `${FOLDER}/server.key.pem`);

const server = new socketserver.ThreadingTCPServer([HOST, PORT], Handler);
server.socket = await context.wrap_socket(server.socket, {
  server_side: true,
});
Deno.addSignalListener("SIGINT", () => void server.shutdown());
console.log(`Listening on ${server.socket.getsockname().join(":")}`);
await server.serve_forever();
await server.server_close();
