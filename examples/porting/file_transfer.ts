// deno run --allow-net=127.0.0.1:8000 --allow-write=b.bin \
//   file_transfer.ts receive 127.0.0.1 8000 b.bin
// deno run --allow-net=127.0.0.1:8000 --allow-read=a.bin \
//   file_transfer.ts send 127.0.0.1 8000 a.bin
import * as socket from "@pystd/socket";
import { writeAll } from "@std/io";

const [ROLE = "", HOST = "", PORT = "", PATH = ""] = Deno.args;

async function send() {
  await using s = await socket.create_connection([HOST, Number(PORT)]);
  using file = await Deno.open(PATH);
  const { size } = await file.stat();
  const header = new DataView(new ArrayBuffer(8));
  header.setBigUint64(0, BigInt(size));
  await s.sendall(new Uint8Array(header.buffer));
  await s.sendfile(file);
  console.log(`Sent ${size} bytes`);
}

async function acceptOne() {
  using server = socket.create_server([HOST, Number(PORT)]);
  console.log(`Listening on ${server.getsockname().join(":")}`);
  const [conn] = await server.accept();
  return conn;
}

async function receive() {
  using conn = await acceptOne();
  const options = { write: true, create: true, truncate: true };
  using file = await Deno.open(PATH, options);
  const header = await conn.recv(8, socket.MSG_WAITALL);
  const size = Number(new DataView(header.buffer).getBigUint64(0));
  let left = size;
  while (left > 0) {
    const data = await conn.recv(Math.min(left, 65536));
    if (data.length === 0) {
      throw new Error(`${left} bytes are missing`);
    }
    await writeAll(file, data);
    left -= data.length;
  }
  console.log(`Received ${size} bytes`);
}

if (ROLE === "send") await send();
else await receive();
