// deno run --allow-net=127.0.0.1:6379 \
//   redis_ping.ts [host] [port] [command...]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 6379);
const COMMAND = Deno.args.slice(2);
if (COMMAND.length === 0) COMMAND.push("PING");
const encoder = new TextEncoder();
const STRICT = { fatal: true, ignoreBOM: true };
const decoder = new TextDecoder("utf-8", STRICT);

using s = await socket.create_connection([HOST, PORT], 5);
await using file = s.makefile("rwb");
await file.write(encoder.encode(`*${COMMAND.length}\r\n`));
for (const word of COMMAND) {
  const { length } = encoder.encode(word); // In bytes.
  await file.write(encoder.encode(`$${length}\r\n${word}\r\n`));
}
await file.flush();

const line = await file.readline();
const reply = decoder.decode(line ?? undefined).trimEnd();
if (reply.startsWith("$") && reply !== "$-1") {
  const data = await file.read(Number(reply.slice(1)));
  console.log(decoder.decode(data ?? undefined));
} else {
  console.log(reply);
}
