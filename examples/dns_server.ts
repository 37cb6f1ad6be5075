/**
 * A small DNS server over UDP, RFC 1035: answers queries for the IPv4 addresses
 * of the names that it knows.
 *
 *     deno run --allow-net=127.0.0.1 examples/dns_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/dns_query.ts [host] [port] [name...]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const ADDRESSES = new Map([["example.test", ["192.0.2.1", "192.0.2.2"]]]);

function answerTo(query: Uint8Array): Uint8Array {
  const view = new DataView(query.buffer);
  let name = "";
  let at = 12; // The question follows the header.
  for (let n; (n = view.getUint8(at)) > 0; at += 1 + n) {
    name += "." + new TextDecoder().decode(query.subarray(at + 1, at + 1 + n));
  }
  const type = view.getUint16(at + 1);
  console.log(`Asked for ${name.slice(1)}, type ${type}`);
  const addresses = ADDRESSES.get(name.slice(1).toLowerCase());
  const wanted = type === 1 && addresses ? addresses : []; // Type A.

  const records = wanted.flatMap((address) => {
    // The name, as a pointer to 12; type A, class IN, 60 seconds, length 4.
    const head = [192, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4];
    return [...head, ...socket.inet_aton(address)];
  });
  const answer = Uint8Array.of(...query.subarray(0, at + 5), ...records);
  const header = new DataView(answer.buffer);
  header.setUint16(2, 0x8500 | (addresses ? 0 : 3)); // 3: there is no such name.
  header.setUint32(6, wanted.length << 16); // Answers; no authorities.
  header.setUint16(10, 0); // Nothing additional.
  return answer;
}

using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
s.bind([HOST, PORT]);
console.log(`Listening on ${s.getsockname().join(":")}`);
while (true) {
  try {
    const [query, addr] = await s.recvfrom(512);
    await s.sendto(answerTo(query), addr);
  } catch (error) {
    console.log(`Not answered: ${error}`);
  }
}
