/**
 * Receives a file from `file_send.ts` and stores it. It needs `@std/io`
 * from JSR: run `deno add jsr:@std/io` in a directory of your own.
 *
 *     deno run --allow-net=127.0.0.1 --allow-write=received examples/file_receive.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 --allow-read=README.md examples/file_send.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";
import { writeAll } from "@std/io";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

using server = socket.create_server([HOST, PORT]);
console.log(`Listening on ${server.getsockname().join(":")}`);

const [conn] = await server.accept();
using _ = conn;
// A size of 8 bytes, as struct.unpack("!Q", ...), and then the file.
const header = await conn.recv(8, socket.MSG_WAITALL);
const size = Number(new DataView(header.buffer).getBigUint64(0));
using file = await Deno.open("received", {
  write: true,
  create: true,
  truncate: true,
});
let received = 0;
while (true) {
  const data = await conn.recv(65536);
  if (data.length === 0) break;
  await writeAll(file, data);
  received += data.length;
}
console.log(`Received ${received} of ${size} bytes`);
if (received < size) Deno.exitCode = 1;
