/**
 * An echo server over TLS. The handshakes run side by side: a client that fails
 * its own, or sends nothing, delays no other.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates examples/tls_echo_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates/ca.pem examples/tls_echo_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8443);
const FOLDER = "tests/ssl/certificates";

const context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
context.load_cert_chain(`${FOLDER}/server.pem`, `${FOLDER}/server.key.pem`);

const listener = socket.create_server([HOST, PORT]);
const server = await context.wrap_socket(listener, { server_side: true });
Deno.addSignalListener("SIGINT", () => server.close());
console.log(`Listening on ${server.getsockname().join(":")}`);

async function echo(conn: ssl.SSLSocket, name: string): Promise<void> {
  await using peer = conn;
  console.log(`${name} speaks ${peer.version()}`);
  try {
    while (true) {
      const data = await peer.recv(1024);
      if (data.length === 0) break;
      await peer.sendall(data);
    }
    console.log(`${name} has ended`);
  } catch (error) {
    if (!(error instanceof socket.OSError)) throw error;
    console.log(`${name}: ${error.message}`);
  }
}

// Ends when the server is closed.
const handlers = new Set<Promise<void>>();
for await (const [conn, addr] of server) {
  const handler = echo(conn, addr.join(":"));
  handlers.add(handler);
  handler.finally(() => handlers.delete(handler));
}
await Promise.all(handlers);
