/**
 * Sends a message to an echo server over TLS, and shows what comes back. It
 * trusts the authority of the server and no other.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates examples/tls_echo_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates/ca.pem examples/tls_echo_client.ts [host] [port] [message]
 *
 * @module
 */

import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8443);
const MESSAGE = new TextEncoder().encode(Deno.args[2] ?? "Hello, TLS");

const context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
  cafile: "tests/ssl/certificates/ca.pem",
});

const sock = await socket.create_connection([HOST, PORT], 10);
await using tls = await context.wrap_socket(sock, {
  server_hostname: "localhost",
});
await tls.sendall(MESSAGE);
// Ends what is sent; the answer is still to come.
await tls.shutdown(socket.SHUT_WR);

const file = tls.makefile("rb");
const answer = await file.read() ?? new Uint8Array();
await file.close();
console.log(`Received: ${new TextDecoder().decode(answer)}`);
