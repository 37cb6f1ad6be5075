/**
 * An echo server made of `copy` of `@std/io`: a socket is a Reader and a Writer.
 * It needs `@std/io` from JSR: run `deno add jsr:@std/io` in a directory of your
 * own.
 *
 *     deno run --allow-net=127.0.0.1 examples/std_io_echo.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/echo_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";
import { copy } from "@std/io";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

using server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
server.bind([HOST, PORT]);
server.listen();
console.log(`Listening on ${server.getsockname().join(":")}`);

while (true) {
  const [conn, addr] = await server.accept();
  const n = await copy(conn, conn);
  conn.close();
  console.log(`Sent ${n} bytes back to ${addr.join(":")}`);
}
