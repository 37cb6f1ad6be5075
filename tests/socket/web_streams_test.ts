import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { copy, readAll, writeAll } from "@std/io";
import { tcpPair } from "../support/pair.ts";
import { within } from "../support/within.ts";

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

Deno.test("read() of no room gives 0, and null at the end; write() gives what it took", async () => {
  await using pair = await tcpPair();
  assertEquals(await within(pair.peer.read(new Uint8Array(0))), 0);
  assertEquals(await pair.client.write(encode("abc")), 3);
  const two = new Uint8Array(2);
  assertEquals(await within(pair.peer.read(two)), 2);
  assertEquals(decode(two), "ab");
  pair.client.close();
  assertEquals(await within(pair.peer.read(two)), 1);
  assertEquals(await within(pair.peer.read(two)), null);
  assertEquals(await within(pair.peer.read(two)), null);
});

Deno.test("read() that times out or is closed rejects, as recv()", async () => {
  await using pair = await tcpPair();
  pair.peer.settimeout(0.01);
  await assertRejects(
    () => pair.peer.read(new Uint8Array(1)),
    socket.TimeoutError,
  );
  pair.peer.close();
  const error = await assertRejects(
    () => pair.peer.read(new Uint8Array(1)),
    socket.OSError,
  );
  assertEquals(error.code, "EBADF");
});

for (const end of ["close", "abort"] as const) {
  Deno.test(`writable whose ${end}() has failed or ended it is replaced by another`, async () => {
    using server = socket.create_server(["127.0.0.1", 0]);
    using s = socket.socket();
    const first = s.writable;
    await first[end]().catch(() => {});
    await within(s.connect(server.getsockname()));
    assert(s.writable !== first);
    await within(s.writable.getWriter().write(encode("sent")));
    const [conn] = await within(server.accept());
    using _ = conn;
    assertEquals(decode(await within(conn.recv(10))), "sent");
  });
}

Deno.test("await using is no error after writable was aborted", async () => {
  await using pair = await tcpPair();
  await pair.client.writable.abort();
  await within(pair.client[Symbol.asyncDispose]());
});

Deno.test("writable that was aborted while it wrote leaves its successor alone", async () => {
  await using pair = await tcpPair();
  const writer = pair.client.writable.getWriter();
  const writing = writer.write(new Uint8Array(30_000_000)).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 0));
  const aborting = writer.abort().catch(() => {});
  const successor = pair.client.writable;
  await within(Promise.all([writing, aborting]));
  assert(pair.client.writable === successor);
});
