import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
import { decode, encode } from "../support/bytes.ts";
import { receiveToEnd, tcpPair } from "../support/pair.ts";
import { within } from "../support/within.ts";

Deno.test("writable sends in order, and its close calls shutdown(SHUT_WR)", async () => {
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

Deno.test("aborting writable resets the connection, even during a write", async () => {
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

Deno.test("aborting writable cancels a send with a timeout, which leaves no error behind", async () => {
  await using pair = await tcpPair();
  pair.client.settimeout(60);
  const sending = pair.client.sendall(new Uint8Array(64 << 20));
  const failed = assertRejects(() => sending, socket.ConnectionResetError);
  // The kernel has no room left once the socket is no longer writable.
  for (;;) {
    const [, writable] = await select.select([], [pair.client], [], 0);
    if (writable.length === 0) break;
  }
  await within(pair.client.writable.abort());
  await within(failed);
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

Deno.test("await using does not fail after writable was aborted", async () => {
  await using pair = await tcpPair();
  await pair.client.writable.abort();
  await within(pair.client[Symbol.asyncDispose]());
});

Deno.test("writable that was aborted during a write does not affect its successor", async () => {
  await using pair = await tcpPair();
  const writer = pair.client.writable.getWriter();
  const writing = writer.write(new Uint8Array(30_000_000)).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 0));
  const aborting = writer.abort().catch(() => {});
  const successor = pair.client.writable;
  await within(Promise.all([writing, aborting]));
  assert(pair.client.writable === successor);
});

Deno.test("writable rejects a chunk that is not bytes, sends nothing of it, and is replaced", async () => {
  await using pair = await tcpPair();
  const { writable } = pair.client;
  assertStrictEquals(pair.client.writable, writable);
  await assertRejects(
    () => writable.getWriter().write("text" as never),
    TypeError,
    "encode it",
  );
  const writer = pair.client.writable.getWriter();
  await writer.write(encode("sent"));
  await writer.close();
  assertEquals(decode(await receiveToEnd(pair.peer)), "sent");
});

Deno.test("writable waits for room, and has a new stream after a timeout", async () => {
  await using pair = await tcpPair();
  pair.client.settimeout(0.05);
  const writer = pair.client.writable.getWriter();
  const large = new Uint8Array(32 << 20);
  await assertRejects(
    () => within(writer.write(large)),
    socket.TimeoutError,
  );
  const received = receiveToEnd(pair.peer);
  pair.client.settimeout(null);
  await within(pair.client.writable.close());
  assert((await received).length > 0);
});

Deno.test("writable.close() comes after the pending writes, and abort() after it does nothing", async () => {
  await using pair = await tcpPair();
  const { writable } = pair.client;
  const writer = writable.getWriter();
  const large = new Uint8Array(8 << 20).fill(3);
  const writing = writer.write(large);
  const closing = writer.close();
  const received = receiveToEnd(pair.peer);
  await within(Promise.all([writing, closing]));
  assertEquals((await received).length, large.length);
  await writer.abort();
  // Nothing was reset: the other direction goes on.
  await pair.peer.sendall(encode("back"));
  assertEquals(decode(await within(pair.client.recv(9))), "back");
});

Deno.test("a second writable.abort(), and close() of the socket after it, do nothing", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  await within(client.writable.abort(new Error("one")));
  await within(client.writable.abort(new Error("two")));
  const error = await assertRejects(() => client.recv(1), socket.OSError);
  assertEquals(error.code, "ECONNRESET");
  client.close();
  client.close();
  // The peer's end, as an end of stream or a reset.
  await within(pair.peer.recv(1).catch(() => {}));
  await client.writable.abort();
});

Deno.test("writable of a closed socket rejects with EBADF", async () => {
  await using pair = await tcpPair();
  pair.client.close();
  const writer = pair.client.writable.getWriter();
  for (const call of [() => writer.write(encode("x")), () => writer.closed]) {
    const error = await assertRejects(call, socket.OSError);
    assertEquals(error.code, "EBADF");
  }
});
