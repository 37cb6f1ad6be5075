// deno run --allow-net=1.1.1.1:53,0.0.0.0:0 \
//   dns.ts [host] [port] [name]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "1.1.1.1";
const PORT = Number(Deno.args[1] ?? 53);
const NAME = Deno.args[2] ?? "example.com";

const number = Math.floor(Math.random() * 65536);
const bytes = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
for (const label of NAME.split(".")) {
  const encoded = new TextEncoder().encode(label);
  bytes.push(encoded.length);
  for (const byte of encoded) bytes.push(byte);
}
bytes.push(0, 0, 1, 0, 1); // The end; type A, class IN.
const query = new Uint8Array(bytes);
new DataView(query.buffer).setUint16(0, number);

using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
s.settimeout(5);
await s.connect([HOST, PORT]); // Only its datagrams arrive.
await s.send(query);
const answer = await s.recv(512);

const view = new DataView(answer.buffer);
const error = view.getUint16(2) & 15;
if (view.getUint16(0) !== number || error) {
  console.error(`${NAME}: error ${error}`);
  Deno.exit(1);
}
let at = query.length; // The answer repeats the question.
for (let left = view.getUint16(6); left > 0; left--) {
  for (let n; (n = view.getUint8(at)) > 0 && n < 192;) at += 1 + n;
  at += answer[at] === 0 ? 1 : 2; // 192 and more: a pointer.
  const kind = view.getUint16(at);
  const size = view.getUint16(at + 8);
  at += 10;
  if (kind === 1) {
    const address = answer.subarray(at, at + size);
    console.log(NAME, socket.inet_ntoa(address));
  }
  at += size;
}
