// deno run --allow-net=127.0.0.1:8000 service.ts [host] [port]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const IDLE = 30; // In seconds.

const interrupt = new AbortController();
const { signal } = interrupt;
Deno.addSignalListener("SIGINT", () => interrupt.abort());

function parseNumber(word: string) {
  if (!/^[+-]?\d+$/.test(word)) throw new RangeError(word);
  return BigInt(word);
}

async function serve(conn: socket.Socket) {
  using _ = conn;
  await using lines = conn.makefile("r", { encoding: "utf-8" });
  for await (const line of lines) {
    const numbers = (line.match(/\S+/g) ?? []).map(parseNumber);
    const sum = numbers.reduce((a, b) => a + b, 0n);
    await conn.sendall(new TextEncoder().encode(`${sum}\n`));
  }
}

async function handle(conn: socket.Socket, name: string) {
  conn.settimeout(IDLE);
  try {
    await serve(conn);
    console.log(`${name} has ended`);
  } catch (error) {
    if (error instanceof socket.timeout) {
      console.log(`${name} was idle`);
    } else if (error instanceof socket.ConnectionError) {
      console.log(`${name} was lost`);
    } else if (error instanceof RangeError) {
      console.log(`${name} sent no number`);
    } else {
      throw error;
    }
  }
}

using server = socket.create_server([HOST, PORT]);
console.log(`Listening on ${server.getsockname().join(":")}`);
let count = 0;
try {
  while (true) {
    const [conn] = await server.accept({ signal });
    count++;
    handle(conn, `Client ${count}`).catch(console.error);
  }
} catch (error) {
  if (!signal.aborted) throw error;
} finally {
  console.log(`Served ${count} clients`);
}
Deno.exit(0); // The handlers are daemons.
