// deno run --allow-net=example.com:80 \
//   http_get.ts [host] [port] [path]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "example.com";
const PORT = Number(Deno.args[1] ?? 80);
const PATH = Deno.args[2] ?? "/";

const request = `GET ${PATH} HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`;
const STRICT = { fatal: true, ignoreBOM: true };
const decoder = new TextDecoder("utf-8", STRICT);
let response = "";
{
  using s = await socket.create_connection([HOST, PORT], 10);
  await s.sendall(new TextEncoder().encode(request));
  while (true) {
    const data = await s.recv(4096);
    if (data.length === 0) break;
    response += decoder.decode(data, { stream: true });
  }
  response += decoder.decode(); // Fails if a character is cut off.
}

const [head = "", ...rest] = response.split("\r\n\r\n");
console.log(head.split("\r\n")[0]);
console.log(rest.join("\r\n\r\n"));
