/**
 * Sends a file with `sendfile`, and shows on one line how far it is.
 *
 *     deno run --allow-net=127.0.0.1 --allow-write=received examples/file_receive.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 --allow-read=README.md examples/file_send.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

using file = await Deno.open("README.md");
const { size } = await file.stat();

function onProgress(sent: number): void {
  const percent = size === 0 ? 100 : Math.floor(sent / size * 100);
  const line = `\rSent ${sent} of ${size} bytes, ${percent} %`;
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}

// The end of the program waits until all data has been handed to the kernel.
await using s = await socket.create_connection([HOST, PORT]);
const header = new DataView(new ArrayBuffer(8));
header.setBigUint64(0, BigInt(size));
await s.sendall(new Uint8Array(header.buffer));

onProgress(0);
const sent = await s.sendfile(file, { onProgress });
console.log();
if (sent !== size) throw new Error("The file changed meanwhile");
