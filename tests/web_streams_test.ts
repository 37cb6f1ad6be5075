import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { copy, readAll, writeAll } from "@std/io";
import { tcpPair } from "./_support/pair.ts";
import { within } from "./_support/within.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (data: Uint8Array) => new TextDecoder().decode(data);

Deno.test("readable gives what is received, until the end of the stream", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(encode("all of it"));
  pair.client.close();
  let text = "";
  for await (const chunk of pair.peer.readable) text += decode(chunk);
  assertEquals(text, "all of it");
});

Deno.test("leaving the loop over readable loses nothing and closes nothing", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(encode("one"));
  for await (const chunk of pair.peer.readable) {
    assertEquals(decode(chunk), "one");
    break;
  }
  await pair.client.sendall(encode("two"));
  assertEquals(decode(await within(pair.peer.recv(10))), "two");
  await pair.client.sendall(encode("three"));
  for await (const chunk of pair.peer.readable) {
    assertEquals(decode(chunk), "three");
    break;
  }
});

Deno.test("readable reads nothing ahead", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  const first = reader.read();
  await pair.client.sendall(encode("a"));
  assertEquals(decode((await within(first)).value!), "a");
  await pair.client.sendall(encode("b"));
  assertEquals(decode(await within(pair.peer.recv(10))), "b");
});

Deno.test("cancelling readable while a read waits leaves what comes to recv()", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  const pending = reader.read();
  await within(reader.cancel());
  assertEquals((await within(pending)).done, true);
  await pair.client.sendall(encode("kept"));
  assertEquals(decode(await within(pair.peer.recv(10))), "kept");
});

Deno.test("readable and recv() take turns in the order of the calls", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  // The first read of a stream waits for its start; from then on they pull.
  await pair.client.sendall(encode("0"));
  assertEquals(decode((await within(reader.read())).value!), "0");
  const streamed = reader.read();
  const received = pair.peer.recv(1);
  await pair.client.sendall(encode("x"));
  assertEquals(decode((await within(streamed)).value!), "x");
  await pair.client.sendall(encode("y"));
  assertEquals(decode(await within(received)), "y");
});

Deno.test("readable fails with the error of recv()", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  const pending = reader.read();
  pair.peer.close();
  const error = await assertRejects(() => within(pending), socket.OSError);
  assertEquals(error.code, "EBADF");
});

Deno.test("writable sends in order, and its close is shutdown(SHUT_WR)", async () => {
  await using pair = await tcpPair();
  const writer = pair.client.writable.getWriter();
  for (const text of ["a", "b", "c"]) writer.write(encode(text));
  await within(writer.close());
  let text = "";
  for await (const chunk of pair.peer.readable) text += decode(chunk);
  assertEquals(text, "abc");
  // The other direction goes on.
  await pair.peer.sendall(encode("back"));
  assertEquals(decode(await within(pair.client.recv(10))), "back");
});

Deno.test("aborting writable resets the connection, also while a write waits", async () => {
  await using pair = await tcpPair();
  const writer = pair.client.writable.getWriter();
  const stuck = writer.write(new Uint8Array(64 << 20));
  const failed = assertRejects(() => stuck);
  await within(writer.abort(new Error("enough")));
  await within(failed);
  await assertRejects(
    () => pair.client.recv(1),
    socket.ConnectionResetError,
  );
  await assertRejects(
    () => pair.client.sendall(new Uint8Array(1)),
    socket.BrokenPipeError,
  );
});

Deno.test("readable.pipeTo(writable) is an echo server", async () => {
  await using pair = await tcpPair();
  const { peer, client } = pair;
  const piped = peer.readable.pipeTo(peer.writable);
  const sent = new Uint8Array(1 << 20).fill(7);
  await Promise.all([
    client.sendall(sent).then(() => client.shutdown(socket.SHUT_WR)),
    (async () => {
      let n = 0;
      for await (const chunk of client.readable) n += chunk.length;
      assertEquals(n, sent.length);
    })(),
  ]);
  await within(piped);
});

Deno.test("read() and write() are a Reader and a Writer of @std/io", async () => {
  await using pair = await tcpPair();
  const echoed = copy(pair.peer, pair.peer).then(() =>
    pair.peer.shutdown(socket.SHUT_WR)
  );
  const sent = new Uint8Array(300_000).fill(5);
  const back = readAll(pair.client);
  await writeAll(pair.client, sent);
  await pair.client.shutdown(socket.SHUT_WR);
  assertEquals(await within(back), sent);
  await within(echoed);
  assertEquals(await pair.client.read(new Uint8Array(1)), null);
});

Deno.test("a listener's loop ends cleanly on close, and break leaves it listening", async () => {
  const server = socket.create_server(["127.0.0.1", 0]);
  using one = await socket.create_connection(server.getsockname());
  for await (const [conn, address] of server) {
    assertEquals(address, one.getsockname());
    conn.close();
    break;
  }
  using two = await socket.create_connection(server.getsockname());
  let served = 0;
  const loop = (async () => {
    for await (const [conn] of server) {
      served++;
      conn.close();
      queueMicrotask(() => server.close());
    }
  })();
  await within(loop);
  assertEquals(served, 1);
  assert(two.fileno() > 0);
});

Deno.test("a listener's loop passes errors on", async () => {
  using notListening = socket.socket();
  const error = await assertRejects(async () => {
    for await (const _ of notListening) break;
  }, socket.OSError);
  assertEquals(error.code, "EINVAL");
});
