import {
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
import { assertSameBytes, decode, encode } from "../support/bytes.ts";
import { receiveToEnd, tcpPair, udpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

/** The text of the next chunk. */
async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<string | undefined> {
  const { value } = await within(reader.read());
  return value && decode(value);
}

Deno.test("readable returns the received bytes, until the end of the stream", async () => {
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

Deno.test("cancelling readable during a read leaves later bytes to recv()", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  const pending = reader.read();
  await within(reader.cancel());
  assertEquals((await within(pending)).done, true);
  await pair.client.sendall(encode("kept"));
  assertEquals(decode(await within(pair.peer.recv(10))), "kept");
});

Deno.test("readable and recv() are served in call order", async () => {
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

Deno.test("cancelling readable leaves the bytes that have arrived to recv()", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  await pair.client.sendall(encode("one"));
  assertEquals(await read(reader), "one");
  await pair.client.sendall(encode("two"));
  // It has arrived, and is in the socket's queue.
  assertEquals(decode(await pair.peer.recv(9, socket.MSG_PEEK)), "two");
  await reader.cancel();
  assertEquals(decode(await within(pair.peer.recv(2))), "tw");
  for await (const chunk of pair.peer.readable) {
    assertEquals(decode(chunk), "o");
    break;
  }
});

Deno.test("cancelling readable in the microtasks after an arrival loses nothing", async () => {
  for (let turn = 0; turn < 12; turn++) {
    await using pair = await tcpPair();
    // This one is served first, so that what follows runs as bytes arrive.
    const first = pair.peer.recv(1);
    const reader = pair.peer.readable.getReader();
    let got = "";
    const reading = reader.read().then(({ value }) => {
      if (value) got += decode(value);
    });
    const cancelled = first.then(async (data) => {
      got += decode(data);
      for (let i = 0; i < turn; i++) await Promise.resolve();
      await reader.cancel();
    });
    await pair.client.sendall(encode("abc"));
    await within(Promise.all([reading, cancelled]));
    pair.client.close();
    got += decode(await receiveToEnd(pair.peer));
    assertEquals(got, "abc", `after ${turn} microtasks`);
  }
});

Deno.test("releasing a waiting reader leaves later bytes to recv()", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  const reading = assertRejects(() => reader.read(), TypeError);
  reader.releaseLock();
  await within(reading);
  const received = pair.peer.recv(10);
  await pair.client.sendall(encode("kept"));
  assertEquals(decode(await within(received)), "kept");
  // And the stream goes on.
  const again = pair.peer.readable.getReader();
  await pair.client.sendall(encode("streamed"));
  assertEquals(await read(again), "streamed");
});

Deno.test("releasing a waiting reader leaves later bytes to the next reader", async () => {
  await using pair = await tcpPair();
  const { readable } = pair.peer;
  const first = readable.getReader();
  const reading = assertRejects(() => first.read(), TypeError);
  first.releaseLock();
  await reading;
  const second = readable.getReader();
  const chunk = read(second);
  await pair.client.sendall(encode("a"));
  assertEquals(await chunk, "a");
  const ends = Promise.all([read(second), read(second)]);
  pair.client.close();
  assertEquals(await ends, [undefined, undefined]);
});

Deno.test("releasing a second reader leaves the bytes of the first one's read to recv()", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const first = client.readable.getReader();
  const released = first.read().catch((error) => error);
  first.releaseLock();
  assertInstanceOf(await released, TypeError);
  const second = client.readable.getReader();
  await peer.sendall(new Uint8Array([1, 2, 3, 4]));
  // A peek would be served behind the receive of the stream.
  await within(select.select([client], [], []));
  second.releaseLock();
  assertEquals(await within(client.recv(2)), new Uint8Array([1, 2]));
  assertEquals(await within(client.recv(2)), new Uint8Array([3, 4]));
  const stream = client.readable;
  await peer.sendall(new Uint8Array([5]));
  const third = stream.getReader();
  assertEquals((await within(third.read())).value, new Uint8Array([5]));
  third.releaseLock();
  await stream.cancel();
  await peer.sendall(new Uint8Array([6]));
  assertEquals(await within(client.recv(2)), new Uint8Array([6]));
});

Deno.test("readable serves concurrent reads in order, and reads nothing ahead", async () => {
  await using pair = await tcpPair();
  const reader = pair.peer.readable.getReader();
  const chunks = [read(reader), read(reader), read(reader)];
  for (const [i, letter] of ["a", "b", "c"].entries()) {
    await pair.client.sendall(encode(letter));
    assertEquals(await chunks[i], letter);
  }
  await pair.client.sendall(encode("d"));
  assertEquals(decode(await within(pair.peer.recv(9))), "d");
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
  await pair.client.sendall(encode("late"));
  assertEquals(await read(peer.readable.getReader()), "late");
});

Deno.test("readable has a new stream after the recv() of a subclass has thrown", async () => {
  class Failing extends socket.Socket<socket.InetAddress> {
    fails = true;

    override recv(bufsize: number, ...rest: [number?]) {
      if (this.fails) throw new Error("not yet");
      return super.recv(bufsize, ...rest);
    }
  }
  using server = socket.create_server(["127.0.0.1", 0]);
  using client = new Failing();
  await client.connect(server.getsockname());
  const [conn] = await within(server.accept());
  using peer = conn;
  await peer.sendall(encode("text"));
  await assertRejects(
    () => client.readable.getReader().read(),
    Error,
    "not yet",
  );
  client.fails = false;
  assertEquals(await read(client.readable.getReader()), "text");
});

Deno.test("readable fails with ENOTCONN before connect, and works after it", async () => {
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
  await conn.sendall(encode("hello"));
  conn.close();
  assertEquals(await chunk, "hello");
});

Deno.test("readable of a datagram socket returns datagrams, empty ones too", async () => {
  using receiver = udpSocket();
  using sender = udpSocket();
  const to = receiver.getsockname();
  const reader = receiver.readable.getReader();
  const chunks = [read(reader), read(reader), read(reader)];
  for (const datagram of ["one", "", "three"]) {
    await sender.sendto(encode(datagram), to);
  }
  assertEquals(await Promise.all(chunks), ["one", "", "three"]);
  const waiting = reader.read();
  await within(reader.cancel());
  assertEquals((await waiting).done, true);
  await sender.sendto(encode("kept"), to);
  assertEquals(decode(await within(receiver.recv(9))), "kept");
});

Deno.test("readable.pipeTo() that its signal aborts leaves later bytes to recv()", async () => {
  for (const preventCancel of [false, true]) {
    await using pair = await tcpPair();
    const controller = new AbortController();
    const { signal } = controller;
    const written: string[] = [];
    const first = Promise.withResolvers<void>();
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        written.push(decode(chunk));
        if (written.length === 1) first.resolve();
        else controller.abort(new Error("enough"));
      },
    });
    const { readable } = pair.peer;
    const piping = readable.pipeTo(sink, { signal, preventCancel });
    const failed = assertRejects(() => within(piping), Error, "enough");
    await pair.client.sendall(encode("a"));
    await within(first.promise);
    await pair.client.sendall(encode("b"));
    await failed;
    await pair.client.sendall(encode("c"));
    pair.client.close();
    assertEquals(
      written.join("") + decode(await receiveToEnd(pair.peer)),
      "abc",
    );
    assertEquals(readable.locked, false);
  }
});

Deno.test("readable.tee() delivers every byte to both streams", async () => {
  await using pair = await tcpPair();
  const [one, two] = pair.peer.readable.tee();
  const sent = new Uint8Array(200_000).map((_, i) => i);
  const sending = pair.client.sendall(sent).then(() => pair.client.close());
  const both = Promise.all([one, two].map((s) => new Response(s).bytes()));
  for (const got of await within(both)) assertSameBytes(got, sent);
  await sending;
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

Deno.test("readable works wherever a stream of bytes is accepted", async () => {
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
