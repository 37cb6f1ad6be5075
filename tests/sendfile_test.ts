import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair, udpSocket } from "./_support/pair.ts";
import { within } from "./_support/within.ts";

/** A file in memory, with the methods of `Deno.FsFile` that are used. */
class MemoryFile {
  position = 0;
  readonly content: Uint8Array;
  constructor(size: number) {
    this.content = Uint8Array.from({ length: size }, (_, i) => i * 7);
  }
  read(p: Uint8Array): Promise<number | null> {
    const part = this.content.subarray(this.position, this.position + p.length);
    p.set(part);
    this.position += part.length;
    return Promise.resolve(part.length || null);
  }
  seek(offset: number): Promise<number> {
    return Promise.resolve(this.position = offset);
  }
}

async function receiveAll(peer: socket.Socket): Promise<Uint8Array> {
  const chunks: number[] = [];
  for (;;) {
    const data = await within(peer.recv(65536));
    if (data.length === 0) return new Uint8Array(chunks);
    for (const byte of data) chunks.push(byte);
  }
}

const cases = [
  { size: 200_000, offset: 0, count: null, sent: [0, 200_000] },
  { size: 200_000, offset: 150_000, count: null, sent: [150_000, 200_000] },
  { size: 200_000, offset: 10, count: 70_000, sent: [10, 70_010] },
  { size: 100, offset: 50, count: 500, sent: [50, 100] },
  { size: 100, offset: 500, count: null, sent: [500, 500] },
  { size: 0, offset: 0, count: null, sent: [0, 0] },
] as const;

for (const { size, offset, count, sent: [from, to] } of cases) {
  Deno.test(`sendfile(file of ${size}, ${offset}, ${count}) sends ${from} to ${to} and leaves the position there`, async () => {
    await using pair = await tcpPair();
    const file = new MemoryFile(size);
    file.position = 33; // Wherever it was, sending starts at the offset.
    const received = receiveAll(pair.peer);
    assertEquals(await pair.client.sendfile(file, offset, count), to - from);
    await pair.client.shutdown(socket.SHUT_WR);
    assertEquals(await received, file.content.slice(from, to));
    assertEquals(file.position, to);
  });
}

Deno.test("sendfile() sends a Deno.FsFile", async () => {
  await using pair = await tcpPair();
  using file = await Deno.open("LICENSE");
  const expected = await Deno.readFile("LICENSE");
  const received = receiveAll(pair.peer);
  assertEquals(await pair.client.sendfile(file), expected.length);
  pair.client.close();
  assertEquals(await received, expected);
});

Deno.test("sendfile() reads a file without seek from where it is", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(50);
  file.position = 20;
  const reader = { read: (p: Uint8Array) => file.read(p) };
  assertEquals(await pair.client.sendfile(reader), 30);
  assertEquals(await within(pair.peer.recv(99)), file.content.slice(20));
});

Deno.test("sendfile() checks its arguments as Python does, and sends nothing", async () => {
  await using pair = await tcpPair();
  using udp = udpSocket();
  const file = new MemoryFile(10);
  const { client } = pair;
  const calls: [() => Promise<number>, typeof TypeError, string][] = [
    [
      () => udp.sendfile(file),
      RangeError,
      "only SOCK_STREAM type sockets are supported",
    ],
    [
      () => client.sendfile(Object.assign(new MemoryFile(1), { mode: "r" })),
      RangeError,
      "binary mode",
    ],
    [() => client.sendfile(file, 0, 0), RangeError, "received 0"],
    [() => client.sendfile(file, 0, -3), RangeError, "received -3"],
    [() => client.sendfile(file, 0, 1.5), TypeError, "received 1.5"],
    [() => client.sendfile(file, -1), RangeError, "received -1"],
    [() => client.sendfile({} as never), TypeError, "read method"],
  ];
  for (const [call, type, text] of calls) {
    await assertRejects(call, type, text);
  }
  client.setblocking(false);
  await assertRejects(() => client.sendfile(file), RangeError, "non-blocking");
  client.setblocking(true);
  await client.sendall(new Uint8Array([1]));
  assertEquals(await within(pair.peer.recv(10)), new Uint8Array([1]));
});

Deno.test("sendfile() that times out leaves the position behind what was taken", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(32 << 20);
  pair.client.settimeout(0.2);
  await assertRejects(() => pair.client.sendfile(file), socket.TimeoutError);
  const { position } = file;
  const received = receiveAll(pair.peer);
  pair.client.close();
  assertEquals((await received).length, position);
});

Deno.test("sendfile() rejects with the signal's reason", async () => {
  await using pair = await tcpPair();
  const controller = new AbortController();
  const { signal } = controller;
  const file = new MemoryFile(32 << 20);
  const sending = pair.client.sendfile(file, 0, null, { signal });
  const reason = new Error("enough");
  controller.abort(reason);
  const error = await assertRejects(() => within(sending));
  assertStrictEquals(error, reason);
});

Deno.test("sendfile() fails when the peer has gone, with the position behind what was sent", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(32 << 20);
  const sending = pair.client.sendfile(file);
  pair.peer.close();
  assertInstanceOf(
    await assertRejects(() => within(sending)),
    socket.ConnectionError,
  );
});
