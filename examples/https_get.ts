/**
 * Gets a page over HTTPS, as the client of Python's `ssl` documentation does, and
 * shows whom it has talked to. The server's certificate is checked with the
 * authority in the file, or with Deno's roots where there is none:
 * `examples/https_get.ts https://example.com/ -`, with `--allow-net` for it.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates/ca.pem examples/https_get.ts [url] [cafile]
 *
 * @module
 */

import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";

const TARGET = new URL(Deno.args[0] ?? "https://127.0.0.1:8443/");
const CAFILE = Deno.args[1] ?? "tests/ssl/certificates/ca.pem";
const HOST = TARGET.hostname.replace(/^\[(.*)\]$/, "$1");
const PORT = Number(TARGET.port || 443);

const context = CAFILE === "-"
  ? ssl.create_default_context()
  : ssl.create_default_context(ssl.Purpose.SERVER_AUTH, { cafile: CAFILE });
const sock = await socket.create_connection([HOST, PORT], 10);
await using conn = await context.wrap_socket(sock, { server_hostname: HOST });

const subject = conn.getpeercert()?.subject?.flat() ?? [];
console.log(`${conn.version()}, ${conn.cipher()?.[0]}`);
console.log(subject.map(([name, value]) => `${name}=${value}`).join(", "));
console.log();

const request = [
  `GET ${TARGET.pathname}${TARGET.search} HTTP/1.0`,
  `Host: ${TARGET.host}`,
  "",
  "",
].join("\r\n");
await conn.sendall(new TextEncoder().encode(request));
await conn.readable.pipeTo(Deno.stdout.writable);
