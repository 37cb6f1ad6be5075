/**
 * A DNS query over UDP, RFC 1035: asks a server for the IPv4 addresses of names.
 * A query that is not answered in time is sent again.
 *
 *     deno run --allow-net=127.0.0.1 examples/dns_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/dns_query.ts [host] [port] [name...]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const NAMES = Deno.args.length > 2 ? Deno.args.slice(2) : ["example.test"];

using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
await s.connect([HOST, PORT]); // Datagrams of others do not get through.
s.settimeout(1);

async function exchange(query: DataView<ArrayBuffer>): Promise<DataView> {
  for (let tries = 1;; tries++) {
    await s.send(new Uint8Array(query.buffer));
    try {
      while (true) {
        const answer = new DataView((await s.recv(512)).buffer);
        // A late answer to an earlier query has another number.
        if (answer.getUint16(0) === query.getUint16(0)) return answer;
      }
    } catch (error) {
      if (!(error instanceof socket.timeout) || tries === 3) throw error;
    }
  }
}

for (const name of NAMES) {
  const labels = name.split(".").map((each) => new TextEncoder().encode(each));
  const question = labels.flatMap((label) => [label.length, ...label]);
  question.push(0, 0, 1, 0, 1); // The end; type A; class IN.
  const query = new DataView(new ArrayBuffer(12 + question.length));
  new Uint8Array(query.buffer).set(question, 12);
  query.setUint16(0, Math.random() * 65536); // Its number.
  query.setUint16(2, 0x0100); // Recursion desired.
  query.setUint16(4, 1); // One question.

  const answer = await exchange(query);
  const code = answer.getUint16(2) & 15; // 3: there is no such name.
  if (code !== 0) console.log(`${name}: error ${code}`);
  let at = query.byteLength; // The answer repeats the question.
  for (let left = answer.getUint16(6); left > 0; left--) {
    for (let n; (n = answer.getUint8(at)) > 0 && n < 192;) at += 1 + n;
    at += answer.getUint8(at) === 0 ? 1 : 2; // From 192 up it is a pointer.
    const length = answer.getUint16(at + 8);
    const data = new Uint8Array(answer.buffer, at + 10, length);
    const isAddress = answer.getUint16(at) === 1;
    if (isAddress) console.log(`${name}: ${socket.inet_ntoa(data)}`);
    at += 10 + length;
  }
}
