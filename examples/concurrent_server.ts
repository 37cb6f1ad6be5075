/**
 * An echo server over TCP that serves many clients at once. Where Python starts
 * a thread for each client, an async function is called and not awaited. Ctrl-C
 * ends it in order.
 *
 *     deno run --allow-net=127.0.0.1 examples/concurrent_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/echo_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

// On Ctrl-C, Deno ends the process at once and runs no `finally`. The signal
// cancels every pending call instead, for all clients, so that each is closed.
const interrupt = new AbortController();
const { signal } = interrupt;
Deno.addSignalListener("SIGINT", () => interrupt.abort());

let clients = 0;

async function handle(
  conn: socket.Socket,
  addr: socket.InetAddress,
): Promise<void> {
  console.log(`Connected by ${addr.join(":")}, clients: ${++clients}`);
  try {
    while (true) {
      const data = await conn.recv(1024, { signal });
      if (data.length === 0) break;
      await conn.sendall(data, { signal });
    }
  } catch (error) {
    if (!signal.aborted) console.log(`Lost ${addr.join(":")}: ${error}`);
  } finally {
    conn.close();
    console.log(`Closed ${addr.join(":")}, clients: ${--clients}`);
  }
}

const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
server.bind([HOST, PORT]);
server.listen();
console.log(`Listening on ${server.getsockname().join(":")}`);

try {
  while (true) {
    const [conn, addr] = await server.accept({ signal });
    handle(conn, addr);
  }
} catch (error) {
  if (!signal.aborted) throw error;
} finally {
  server.close();
}
