import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import {
  assertSameBytes,
  receiveToEnd,
  tcpPair,
  udpSocket,
} from "../support/pair.ts";
import { bytes, text } from "../support/udp.ts";
import { within } from "../support/within.ts";

/** The text of the next chunk. */
async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<string | undefined> {
  const { value } = await within(reader.read());
  return value && text(value);
}

Deno.test("readable is one stream until it is cancelled, and takes one reader", async () => {
  await using pair = await tcpPair();
  const { readable } = pair.peer;
  assertStrictEquals(pair.peer.readable, readable);
  const reader = readable.getReader();
  assertThrows(() => pair.peer.readable.getReader(), TypeError);
  await reader.cancel();
  assertNotStrictEquals(pair.peer.readable, readable);
  assertEquals(pair.peer.readable.locked, false);
});

Deno.test("cancelling readable leaves what has arrived to recv()", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  await pair.client.sendall(bytes("one"));
  assertEquals(await read(reader), "one");
  await pair.client.sendall(bytes("two"));
  // It has arrived, and is in the socket's queue.
  assertEquals(text(await pair.peer.recv(9, socket.MSG_PEEK)), "two");
  await reader.cancel();
  assertEquals(text(await within(pair.peer.recv(2))), "tw");
  for await (const chunk of pair.peer.readable) {
    assertEquals(text(chunk), "o");
    break;
  }
});

Deno.test("cancelling readable in the microtasks behind an arrival loses nothing", async () => {
  for (let turn = 0; turn < 12; turn++) {
    await using pair = await tcpPair();
    // This one is served first, so that what follows runs as bytes arrive.
    const first = pair.peer.recv(1);
    const reader = pair.peer.readable.getReader();
    let got = "";
    const reading = reader.read().then(({ value }) => {
      if (value) got += text(value);
    });
    const cancelled = first.then(async (data) => {
      got += text(data);
      for (let i = 0; i < turn; i++) await Promise.resolve();
      await reader.cancel();
    });
    await pair.client.sendall(bytes("abc"));
    await within(Promise.all([reading, cancelled]));
    pair.client.close();
    got += text(await receiveToEnd(pair.peer));
    assertEquals(got, "abc", `after ${turn} microtasks`);
  }
});

Deno.test("releasing a reader that waits leaves what comes to recv()", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  const reading = assertRejects(() => reader.read(), TypeError);
  reader.releaseLock();
  await within(reading);
  const received = pair.peer.recv(10);
  await pair.client.sendall(bytes("kept"));
  assertEquals(text(await within(received)), "kept");
  // And the stream goes on.
  const again = pair.peer.readable.getReader();
  await pair.client.sendall(bytes("streamed"));
  assertEquals(await read(again), "streamed");
});

Deno.test("releasing a reader that waits leaves what comes to the next reader", async () => {
  await using pair = await tcpPair();
  const { readable } = pair.peer;
  const first = readable.getReader();
  const reading = assertRejects(() => first.read(), TypeError);
  first.releaseLock();
  await reading;
  const second = readable.getReader();
  const chunk = read(second);
  await pair.client.sendall(bytes("a"));
  assertEquals(await chunk, "a");
  const ends = Promise.all([read(second), read(second)]);
  pair.client.close();
  assertEquals(await ends, [undefined, undefined]);
});

Deno.test("readable serves reads side by side in order, with nothing ahead", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  const chunks = [read(reader), read(reader), read(reader)];
  for (const [i, letter] of ["a", "b", "c"].entries()) {
    await pair.client.sendall(bytes(letter));
    assertEquals(await chunks[i], letter);
  }
  await pair.client.sendall(bytes("d"));
  assertEquals(text(await within(pair.peer.recv(9))), "d");
});

Deno.test("readable has a new stream after a timeout, and has lost nothing", async () => {
  await using pair = await tcpPair();
  const { peer } = pair;
  peer.settimeout(0.01);
  const { readable } = peer;
  await assertRejects(() => readable.getReader().read(), socket.TimeoutError);
  peer.setblocking(false);
  await assertRejects(
    () => peer.readable.getReader().read(),
    socket.BlockingIOError,
  );
  peer.settimeout(null);
  await pair.client.sendall(bytes("late"));
  assertEquals(await read(peer.readable.getReader()), "late");
});

Deno.test("readable fails with ENOTCONN before connect, and streams after it", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  using client = socket.socket();
  const error = await assertRejects(
    () => client.readable.getReader().read(),
    socket.OSError,
  );
  assertEquals(error.code, "ENOTCONN");
  const connecting = client.connect(server.getsockname());
  // A read that waits for the connect, and then for bytes.
  const chunk = read(client.readable.getReader());
  await within(connecting);
  const [conn] = await within(server.accept());
  await conn.sendall(bytes("hello"));
  conn.close();
  assertEquals(await chunk, "hello");
});

Deno.test("readable of a datagram socket gives datagrams, empty ones too", async () => {
  using receiver = udpSocket();
  using sender = udpSocket();
  const to = receiver.getsockname();
  const reader = receiver.readable.getReader();
  const chunks = [read(reader), read(reader), read(reader)];
  for (const datagram of ["one", "", "three"]) {
    await sender.sendto(bytes(datagram), to);
  }
  assertEquals(await Promise.all(chunks), ["one", "", "three"]);
  const waiting = reader.read();
  await within(reader.cancel());
  assertEquals((await waiting).done, true);
  await sender.sendto(bytes("kept"), to);
  assertEquals(text(await within(receiver.recv(9))), "kept");
});

Deno.test("readable is a stream for all that takes streams of bytes", async () => {
  await using pair = await tcpPair();
  const sent = "é".repeat(100_000);
  const packed = new Blob([sent]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  const sending = packed.pipeTo(pair.client.writable);
  const unpacked = pair.peer.readable.pipeThrough(
    new DecompressionStream("gzip"),
  );
  assertEquals(await within(new Response(unpacked).text()), sent);
  await within(sending);
});

Deno.test("readable.pipeTo() that its signal ends leaves what comes to recv()", async () => {
  for (const preventCancel of [false, true]) {
    await using pair = await tcpPair();
    const controller = new AbortController();
    const { signal } = controller;
    const written: string[] = [];
    const first = Promise.withResolvers<void>();
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        written.push(text(chunk));
        if (written.length === 1) first.resolve();
        else controller.abort(new Error("enough"));
      },
    });
    const { readable } = pair.peer;
    const piping = readable.pipeTo(sink, { signal, preventCancel });
    const failed = assertRejects(() => within(piping), Error, "enough");
    await pair.client.sendall(bytes("a"));
    await within(first.promise);
    await pair.client.sendall(bytes("b"));
    await failed;
    await pair.client.sendall(bytes("c"));
    pair.client.close();
    assertEquals(written.join("") + text(await receiveToEnd(pair.peer)), "abc");
    assertEquals(readable.locked, false);
  }
});

Deno.test("readable that is teed gives every byte to both", async () => {
  await using pair = await tcpPair();
  const [one, two] = pair.peer.readable.tee();
  const sent = new Uint8Array(200_000).map((_, i) => i);
  const sending = pair.client.sendall(sent).then(() => pair.client.close());
  const both = Promise.all([one, two].map((s) => new Response(s).bytes()));
  for (const got of await within(both)) assertSameBytes(got, sent);
  await sending;
});

Deno.test("writable refuses what is no bytes, sends nothing of it, and there is a new one", async () => {
  await using pair = await tcpPair();
  const { writable } = pair.client;
  assertStrictEquals(pair.client.writable, writable);
  await assertRejects(
    () => writable.getWriter().write("text" as never),
    TypeError,
    "encode it",
  );
  const writer = pair.client.writable.getWriter();
  await writer.write(bytes("sent"));
  await writer.close();
  assertEquals(text(await receiveToEnd(pair.peer)), "sent");
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

Deno.test("writable.close() comes after what is being written, and abort() after it does nothing", async () => {
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
  await pair.peer.sendall(bytes("back"));
  assertEquals(text(await within(pair.client.recv(9))), "back");
});

Deno.test("writable.abort() again, and close() of the socket after it, do nothing more", async () => {
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
  for (const call of [() => writer.write(bytes("x")), () => writer.closed]) {
    const error = await assertRejects(call, socket.OSError);
    assertEquals(error.code, "EBADF");
  }
});
