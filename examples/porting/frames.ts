// deno run --allow-net=127.0.0.1:8000 \
//   frames.ts [host] [port] [message...]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const MESSAGES = Deno.args.slice(2);
if (MESSAGES.length === 0) MESSAGES.push("Hello", "world");
const STRICT = { fatal: true, ignoreBOM: true };
const decoder = new TextDecoder("utf-8", STRICT);

async function recvExactly(s: socket.Socket, size: number) {
  const data = await s.recv(size, socket.MSG_WAITALL);
  if (data.length < size) {
    throw new Error("The connection ended within a frame");
  }
  return data;
}

async function sendFrame(s: socket.Socket, message: Uint8Array) {
  const frame = new Uint8Array(4 + message.length);
  new DataView(frame.buffer).setUint32(0, message.length);
  frame.set(message, 4);
  await s.sendall(frame);
}

async function recvFrame(s: socket.Socket) {
  const header = await recvExactly(s, 4);
  const size = new DataView(header.buffer).getUint32(0);
  return await recvExactly(s, size);
}

using s = await socket.create_connection([HOST, PORT]);
for (const message of MESSAGES) {
  await sendFrame(s, new TextEncoder().encode(message));
  console.log(decoder.decode(await recvFrame(s)));
}
