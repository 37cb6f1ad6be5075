import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { assertSameBytes, join, numbered } from "../support/bytes.ts";
import { attempt } from "../support/cancel.ts";
import { externalMemory } from "../support/memory.ts";
import { receiveToEnd, tcpPair, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

const { MSG_DONTWAIT, MSG_NOSIGNAL, MSG_PEEK, MSG_WAITALL } = socket;

/** Sends different messages until the system takes no more; what it took. */
async function fill(s: TcpSocket, size = 65_536): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (let i = 0;; i++) {
    const message = numbered(size, i * 7);
    const n = await attempt(s, "EAGAIN", () => s.send(message));
    if (n === undefined) return parts;
    parts.push(message.subarray(0, n));
  }
}

/** Receives exactly `n` bytes. */
async function receive(s: TcpSocket, n: number): Promise<Uint8Array> {
  return await within(s.recv(n, MSG_WAITALL));
}

for (const cancellation of ["timeout", "abort", "EAGAIN"] as const) {
  Deno.test(`send() reports exactly how much the peer gets, however often ${cancellation} cancels it`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const taken: Uint8Array[] = [];
    const received: Uint8Array[] = [];
    let refused = 0;
    // Each message is another one, also after one that was refused.
    for (let i = 0; refused < 8; i++) {
      const message = numbered(1 + (i * 7919) % 150_000, i * 13);
      const n = await attempt(
        client,
        cancellation,
        (options) => client.send(message, options),
      );
      const part = message.slice(0, n ?? 0);
      message.fill(255);
      taken.push(part);
      if (n === undefined) {
        refused++;
        // Room for some more.
        received.push(await within(peer.recv(100_000)));
      } else assertGreater(n, 0);
    }
    client.close();
    received.push(await receiveToEnd(peer));
    assertSameBytes(join(received), join(taken));
  });

  Deno.test(`sendall() that is cancelled by a ${cancellation} sends a part, then the next message whole`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    // The first is more than the kernel takes while nobody reads. They differ in
    // every byte, so that the part's end can be found.
    const first = new Uint8Array(12_000_000).fill(1);
    const second = new Uint8Array(1_000_000).fill(2);
    const result = await attempt(
      client,
      cancellation,
      async (options) => {
        await client.sendall(first, options);
        return true;
      },
    );
    assertEquals(result, undefined);
    first.fill(255);
    const call = client.sendall(second);
    client.close();
    const stream = await receiveToEnd(peer);
    await within(call);
    const part = stream.indexOf(2);
    assertGreater(part, 0);
    assertLess(part, 12_000_000);
    assertSameBytes(stream.subarray(0, part), new Uint8Array(part).fill(1));
    assertSameBytes(stream.subarray(part), second);
  });

  Deno.test(`send() after a ${cancellation} sends nothing while committed bytes are unsent`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const parts = await fill(client);
    for (let i = 0; i < 5; i++) {
      const message = numbered(1 + i * 20_000, 100 + i);
      const n = await attempt(
        client,
        cancellation,
        (options) => client.send(message, options),
      );
      assertEquals(n, undefined);
    }
    const expected = join(parts);
    assertSameBytes(await receive(peer, expected.length), expected);
    // There is room again, and nothing of what was refused came.
    const last = numbered(10, 50);
    assertEquals(await within(client.send(last)), 10);
    assertEquals(await receive(peer, 10), last);
  });
}

Deno.test("send() lets the buffer be overwritten as soon as it has settled", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const buffer = new Uint8Array(100_000);
  const taken: Uint8Array[] = [];
  for (const timeout of [null, 0.005, 0]) {
    client.settimeout(timeout);
    for (let i = 0; i < 20; i++) {
      buffer.set(numbered(buffer.length, i * 3));
      // A blocking one needs room.
      const used = timeout === null ? buffer.subarray(0, 1000) : buffer;
      const n = await client.send(used).catch((error) => {
        assertInstanceOf(error, socket.OSError);
        return 0;
      });
      taken.push(buffer.slice(0, n));
      buffer.fill(255);
    }
  }
  client.close();
  assertSameBytes(await receiveToEnd(peer), join(taken));
});

Deno.test("sendall() lets the buffer be overwritten as soon as it has settled", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const received = receiveToEnd(peer);
  const buffer = new Uint8Array(1_000_000);
  const sent: Uint8Array[] = [];
  for (let i = 0; i < 4; i++) {
    client.settimeout(i % 2 === 0 ? null : 10);
    const message = numbered(buffer.length, i * 3);
    buffer.set(message);
    await within(client.sendall(buffer));
    buffer.fill(255);
    sent.push(message);
  }
  client.close();
  assertSameBytes(await received, join(sent));
});

Deno.test("sendall() of 12 MB and close() without awaiting arrives whole", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const data = new Uint8Array(12_000_000);
  const block = numbered(251 * 1000);
  for (let at = 0; at < data.length; at += block.length) {
    data.set(block.subarray(0, data.length - at), at);
  }
  const call = client.sendall(data);
  client.close();
  assertSameBytes(await receiveToEnd(peer), data);
  await within(call);
});

Deno.test("close() lets committed bytes and started sends be sent", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const parts = await fill(client);
  const last = [numbered(300_000, 1), numbered(70_000, 2)];
  const calls = last.map((message) => client.sendall(message));
  client.close();
  await assertRejects(() => client.send(numbered(1)), socket.OSError, "[Errno");
  assertSameBytes(await receiveToEnd(peer), join([...parts, ...last]));
  await within(Promise.all(calls));
});

Deno.test("await using waits until committed bytes are with the kernel", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const parts = await fill(client);
  let closed = false;
  const closing = client[Symbol.asyncDispose]().then(() => closed = true);
  assertEquals(client.fileno(), -1);
  assertEquals((await within(peer.recv(1, MSG_PEEK))).length, 1);
  assertEquals(closed, false);
  assertSameBytes(await receiveToEnd(peer), join(parts));
  await within(closing);
});

Deno.test("shutdown(SHUT_WR) comes after committed bytes, even if it is cancelled", async () => {
  for (const timeout of [null, 0.005, 0]) {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const parts = await fill(client);
    client.settimeout(timeout);
    const call = client.shutdown(socket.SHUT_WR);
    if (timeout !== null) await within(call);
    await assertRejects(() => client.send(numbered(1)), socket.BrokenPipeError);
    assertSameBytes(await receiveToEnd(peer), join(parts));
    await within(call);
    // The other direction goes on.
    client.settimeout(null);
    await peer.sendall(numbered(5));
    assertEquals(await within(client.recv(5)), numbered(5));
  }
});

Deno.test("shutdown() is made although its signal cancels the call", async () => {
  for (const aborted of [true, false]) {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const parts = await fill(client);
    const controller = new AbortController();
    const reason = new Error("given up");
    if (aborted) controller.abort(reason);
    const call = client.shutdown(socket.SHUT_WR, controller);
    controller.abort(reason);
    assertStrictEquals(await call.catch((error) => error), reason);
    assertSameBytes(await receiveToEnd(peer), join(parts));
  }
});

Deno.test("send() with MSG_DONTWAIT never waits on a blocking socket", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const parts: Uint8Array[] = [];
  for (let i = 0;; i++) {
    const message = numbered(50_000, i);
    try {
      const n = await within(client.send(message, MSG_DONTWAIT));
      parts.push(message.subarray(0, n));
    } catch (error) {
      assertInstanceOf(error, socket.BlockingIOError);
      assertEquals(error.code, "EAGAIN");
      break;
    }
  }
  assertEquals(client.getblocking(), true);
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  await assertRejects(
    () => client.sendall(numbered(1), flags),
    socket.BlockingIOError,
  );
  const call = client.send(numbered(9, 9), MSG_NOSIGNAL);
  const expected = join([...parts, numbered(9, 9)]);
  assertSameBytes(await receive(peer, expected.length), expected);
  assertEquals(await within(call), 9);
});

const known = ["MSG_DONTWAIT", "MSG_NOSIGNAL"];
for (const [name, flag] of Object.entries(socket.MsgFlag)) {
  if (known.includes(name)) continue;
  Deno.test(`send() with ${name} fails with EOPNOTSUPP and its name, and sends nothing`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const to = client.getpeername();
    for (
      const call of [
        () => client.send(numbered(3), flag),
        () => client.sendall(numbered(3), flag | MSG_NOSIGNAL),
        () => client.sendto(numbered(3), flag, to),
      ]
    ) {
      const error = await assertRejects(call, socket.OSError, name);
      assertEquals(error.code, "EOPNOTSUPP");
    }
    client.close();
    assertEquals(await receiveToEnd(peer), new Uint8Array(0));
  });
}

Deno.test("send() of nothing settles at once, even if there is no room", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  await fill(client);
  client.setblocking(false);
  assertEquals(await within(client.send(new Uint8Array(0))), 0);
  assertEquals(await within(client.sendall(new Uint8Array(0))), undefined);
});

Deno.test("send() rejects a string with the advice to encode it", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  const text = "hello" as unknown as Uint8Array;
  await assertRejects(() => client.send(text), TypeError, "encode");
  await assertRejects(() => client.sendall(text), TypeError, "encode");
});

Deno.test("sendto() on a stream ignores the address", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  assertEquals(await client.sendto(numbered(4), ["127.0.0.1", 9]), 4);
  assertEquals(await within(peer.recv(10)), numbered(4));
});

Deno.test("send() reports the failure of committed bytes once, unless SO_ERROR does", async () => {
  for (const by of ["send", "SO_ERROR"]) {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await fill(client);
    // With bytes unread, closing resets the connection.
    peer.close();
    // The write fails in a turn of its own.
    const writable = client.dup();
    await within(
      writable.recv(1).then(() => {}, (error) => {
        assertInstanceOf(error, socket.ConnectionResetError);
      }),
    );
    writable.close();
    if (by === "send") {
      const error = await assertRejects(
        () => within(client.send(numbered(1))),
        socket.ConnectionError,
      );
      assert(["EPIPE", "ECONNRESET"].includes(error.code));
    } else {
      const errno = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
      assertGreater(errno, 0);
    }
    assertEquals(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0);
  }
});

Deno.test("send() stays bounded and correct over a thousand aborted calls", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const parts = await fill(client);
  const message = numbered(60_000);
  const before = await externalMemory();
  for (let i = 0; i < 1000; i++) {
    const controller = new AbortController();
    const call = client.send(message, controller);
    controller.abort(new Error("given up"));
    assertEquals(await call.catch(() => 0), 0);
  }
  // 1,000 copies would be 60 MB.
  assertLess(await externalMemory() - before, 20_000_000);
  client.close();
  assertSameBytes(await receiveToEnd(peer), join(parts));
});
