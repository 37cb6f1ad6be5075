/**
 * The echo server of Python's documentation of `selectors`: one loop serves all.
 *
 *     deno run --allow-net=127.0.0.1 examples/selectors_echo_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/echo_client.ts [host] [port]
 *
 * @module
 */

import * as selectors from "@pystd/socket/selectors";
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

const sel = new selectors.DefaultSelector();

async function accept(sock: socket.Socket, _mask: number): Promise<void> {
  const [conn, addr] = await sock.accept(); // Should be ready
  console.log("accepted", conn, "from", addr);
  conn.setblocking(false);
  sel.register(conn, selectors.EVENT_READ, read);
}

async function read(conn: socket.Socket, _mask: number): Promise<void> {
  const data = await conn.recv(1000); // Should be ready
  if (data.length > 0) {
    console.log("echoing", data.length, "bytes to", conn);
    await conn.send(data); // Hope it won't block
  } else {
    console.log("closing", conn);
    sel.unregister(conn);
    conn.close();
  }
}

const sock = socket.socket();
sock.bind([HOST, PORT]);
sock.listen(100);
sock.setblocking(false);
sel.register(sock, selectors.EVENT_READ, accept);
console.log(`Listening on ${sock.getsockname().join(":")}`);

while (true) {
  for (const [key, mask] of await sel.select()) {
    const callback = key.data;
    await callback(key.fileobj, mask);
  }
}
