/**
 * A client of the chat: sends the lines that are typed, and prints those of the
 * others. Ctrl-D ends it.
 *
 *     deno run --allow-net=127.0.0.1 examples/line_chat_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/line_chat_client.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

const s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
await s.connect([HOST, PORT]);
const file = s.makefile("rw");

async function hear(): Promise<void> {
  for await (const line of file) console.log(line.trimEnd());
}

async function say(): Promise<void> {
  const typed = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const text of typed) {
    await file.write(text);
    await file.flush();
  }
  await s.shutdown(socket.SHUT_WR);
}

Deno.addSignalListener("SIGINT", () => s.shutdown(socket.SHUT_RDWR));

say().catch(console.log);
await hear(); // Until the server closes, which answers our own end too.
await file.close();
s.close();
Deno.exit(); // Waiting for the keyboard would keep the process.
