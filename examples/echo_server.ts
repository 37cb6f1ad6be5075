/**
 * An echo server over TCP that serves one client after another: the next one
 * waits until the one before has closed.
 *
 *     deno run --allow-net=127.0.0.1 examples/echo_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/echo_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

// Ctrl-C aborts the call that waits, as KeyboardInterrupt does in Python.
const interrupt = new AbortController();
const { signal } = interrupt;
Deno.addSignalListener("SIGINT", () => interrupt.abort());

const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
server.bind([HOST, PORT]);
server.listen();
console.log(`Listening on ${server.getsockname().join(":")}`);

try {
  while (true) {
    const [conn, addr] = await server.accept({ signal });
    console.log(`Connected by ${addr.join(":")}`);
    try {
      while (true) {
        const data = await conn.recv(1024, { signal });
        if (data.length === 0) break;
        await conn.sendall(data, { signal });
      }
      console.log(`Closed by ${addr.join(":")}`);
    } catch (error) {
      if (!(error instanceof socket.ConnectionError)) throw error;
      console.log(`Lost ${addr.join(":")}: ${error.message}`);
    } finally {
      conn.close();
    }
  }
} catch (error) {
  if (!signal.aborted) throw error;
} finally {
  server.close();
}
