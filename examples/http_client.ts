/**
 * An HTTP/1.0 client: sends a request, reads the answer's head line by line and
 * then its body. Any server will do, such as Python's.
 *
 *     python3 -m http.server --bind 127.0.0.1 8000
 *     deno run --allow-net=127.0.0.1 examples/http_client.ts [url]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const TARGET = new URL(Deno.args[0] ?? "http://127.0.0.1:8000/");
const HOST = TARGET.hostname.replace(/^\[(.*)\]$/, "$1"); // As IPv6 stands there.
const PORT = Number(TARGET.port || 80);

// 10 seconds for each address of the host, and then for each call.
const s = await socket.create_connection([HOST, PORT], 10);
const file = s.makefile("rwb");
s.close(); // The file object keeps the connection open.

const request = [
  `GET ${TARGET.pathname}${TARGET.search} HTTP/1.0`,
  `Host: ${TARGET.host}`,
  "Connection: close",
  "",
  "",
].join("\r\n");
await file.write(new TextEncoder().encode(request));
await file.flush();

async function readLine(): Promise<string> {
  const line = await file.readline();
  if (!line?.length) throw new Error("The answer ended within its head");
  return new TextDecoder("latin1").decode(line).trimEnd();
}

const status = await readLine();
console.log(status);
const headers = new Headers();
for (let line; (line = await readLine());) {
  console.log(line);
  const colon = line.indexOf(":");
  headers.append(line.slice(0, colon), line.slice(colon + 1));
}
console.log();

// Without a length the body ends where the connection does.
const length = Number(headers.get("content-length") ?? -1);
const body = await file.read(length) ?? new Uint8Array();
await file.close();
await new Blob([body]).stream().pipeTo(Deno.stdout.writable);
if (body.length < length) throw new Error("The answer ended within its body");
