// deno run --allow-net=127.0.0.1:8000 chat.ts [host] [port]
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

const server = socket.create_server([HOST, PORT]);
console.log(`Listening on ${server.getsockname().join(":")}`);
const names = new Map<socket.Socket, string>();

function concat(a: Uint8Array, b: Uint8Array) {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

async function receive(s: socket.Socket) {
  try {
    return await s.recv(4096);
  } catch (error) {
    if (!(error instanceof socket.ConnectionError)) throw error;
    return new Uint8Array(0);
  }
}

async function show(message: Uint8Array, sender: socket.Socket) {
  for (const s of names.keys()) {
    if (s !== sender) {
      try {
        await s.sendall(message);
      } catch (error) {
        if (!(error instanceof socket.ConnectionError)) throw error;
        // Its next receive reports that it has gone.
      }
    }
  }
}

while (true) {
  const [ready] = await select([server, ...names.keys()], [], []);
  for (const s of ready) {
    if (s === server) {
      const [conn, [host, port]] = await server.accept();
      names.set(conn, `${host}:${port}`);
      console.log("Joined:", names.get(conn));
      continue;
    }
    const data = await receive(s);
    if (data.length > 0) {
      const name = new TextEncoder().encode(`${names.get(s)}: `);
      await show(concat(name, data), s);
    } else {
      console.log("Left:", names.get(s));
      names.delete(s);
      s.close();
    }
  }
}
