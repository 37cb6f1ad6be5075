// deno run --allow-net=127.0.0.1:8443 --allow-read=ca.pem \
//   tls_client.ts [host] [port] [name] [message]
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8443);
const NAME = Deno.args[2] ?? "localhost";
const MESSAGE = Deno.args[3] ?? "Hello";
const STRICT = { fatal: true, ignoreBOM: true };
const decoder = new TextDecoder("utf-8", STRICT);

const context = ssl.create_default_context({ cafile: "ca.pem" });
try {
  using sock = await socket.create_connection([HOST, PORT], 10);
  const options = { server_hostname: NAME };
  await using tls = await context.wrap_socket(sock, options);
  console.log("Connected with", tls.version());
  await tls.sendall(new TextEncoder().encode(`${MESSAGE}\n`));
  await using file = tls.makefile("rb");
  const line = await file.readline() ?? new Uint8Array(0);
  console.log("Received:", decoder.decode(line).trimEnd());
} catch (error) {
  if (!(error instanceof ssl.SSLCertVerificationError)) throw error;
  console.log(`The certificate is not one of ${NAME}`);
}
