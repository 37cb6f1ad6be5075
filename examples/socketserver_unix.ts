/**
 * A server on a Unix socket, and its client: the path is the address, and its
 * file is removed when the server is closed.
 *
 *     deno run --allow-net --allow-read=. --allow-write=. examples/socketserver_unix.ts [path]
 *
 * @module
 */

import * as socket from "@pystd/socket";
import * as socketserver from "@pystd/socket/socketserver";

const PATH = Deno.args[0] ?? "socketserver.sock";

class Greeter
  extends socketserver.StreamRequestHandler<socketserver.UnixStreamServer> {
  override async handle() {
    const name = new TextDecoder().decode(
      await this.rfile.readline() ?? undefined,
    );
    await this.wfile.write(new TextEncoder().encode(`Hello, ${name}`));
  }
}

{
  await using server = new socketserver.UnixStreamServer(PATH, Greeter);
  const serving = server.serve_forever();

  using client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM);
  await client.connect(server.server_address);
  await using file = client.makefile("rw");
  await file.write("world\n");
  await file.flush();
  console.log((await file.readline())?.trim());

  await server.shutdown();
  await serving;
}
