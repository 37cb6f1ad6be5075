/**
 * Sockets on connections of Deno's own: TLS by `Deno.listenTls` and
 * `Deno.connectTls`, with the timeouts and files of a socket.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates examples/fromconn_tls.ts
 *
 * @module
 */

import * as socket from "@pystd/socket";

const CERTIFICATES = "tests/ssl/certificates";

async function answer(conn: Deno.TlsConn) {
  using s = socket.fromconn(conn);
  s.settimeout(10);
  await using file = s.makefile("rw");
  for await (const line of file) {
    await file.write(line.toUpperCase());
    await file.flush();
  }
}

const listener = Deno.listenTls({
  hostname: "127.0.0.1",
  port: 0,
  cert: await Deno.readTextFile(`${CERTIFICATES}/server.pem`),
  key: await Deno.readTextFile(`${CERTIFICATES}/server.key.pem`),
});
const { hostname, port } = listener.addr;
const caCerts = [await Deno.readTextFile(`${CERTIFICATES}/ca.pem`)];

const [client, server] = await Promise.all([
  Deno.connectTls({ hostname, port, caCerts }),
  listener.accept(),
]);
const answering = answer(server);

const s = socket.fromconn(client);
s.settimeout(0.1);
try {
  await s.recv(1024);
} catch (error) {
  if (!(error instanceof socket.TimeoutError)) throw error;
  console.log(`Nothing was sent: ${error.message}`);
}
// The receive that timed out has lost nothing.
await s.sendall(new TextEncoder().encode("hello\n"));
s.settimeout(10);
console.log(new TextDecoder().decode(await s.recv(1024)).trim());
s.close();
await answering;
listener.close();
