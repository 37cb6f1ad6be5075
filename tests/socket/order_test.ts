import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { assertSameBytes, join, numbered } from "../support/bytes.ts";
import {
  listener,
  receiveToEnd,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { within } from "../support/within.ts";

const { MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL } = socket;

/** Notes the order in which calls settle. */
class Settled {
  readonly order: string[] = [];

  watch<T>(name: string, call: Promise<T>): Promise<T> {
    const note = () => void this.order.push(name);
    call.then(note, note);
    return call;
  }
}

Deno.test("concurrent recv() calls are served in call order", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const settled = new Settled();
  const calls = Array.from(
    { length: 100 },
    (_, i) => settled.watch(String(i), peer.recv(1 + i % 9)),
  );
  const sending = client.sendall(numbered(2000));
  const parts = await within(Promise.all(calls));
  await sending;
  assertSameBytes(join(parts), numbered(join(parts).length));
  assertEquals(settled.order, calls.map((_, i) => String(i)));
});

Deno.test("concurrent recv(), recv_into() and recvfrom() are served in call order", async () => {
  for (const size of [1, 3, 7, 1000]) {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const buffers = [new Uint8Array(5), new Uint8Array(7)] as const;
    const calls = [
      peer.recv(4, MSG_WAITALL),
      peer.recv_into(buffers[0], 0, MSG_WAITALL).then((n) =>
        buffers[0].slice(0, n)
      ),
      peer.recvfrom(6, MSG_WAITALL).then(([data]) => data),
      peer.recvfrom_into(buffers[1], 0, MSG_WAITALL).then(([n]) =>
        buffers[1].slice(0, n)
      ),
    ];
    const peeked = peer.recv(3, MSG_PEEK | MSG_WAITALL);
    const last = peer.recv(3, MSG_WAITALL);
    for (let at = 0; at < 25; at += size) {
      await client.sendall(numbered(Math.min(size, 25 - at), at));
    }
    const parts = await within(Promise.all([...calls, last]));
    assertEquals(parts.map(({ length }) => length), [4, 5, 6, 7, 3]);
    assertEquals(join(parts), numbered(25));
    assertEquals(await peeked, numbered(3, 22));
  }
});

Deno.test("recv() of bytes that are there does not overtake one that waits for more", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await client.sendall(numbered(4));
  await within(peer.recv(4, MSG_PEEK | MSG_WAITALL));
  const first = peer.recv(10, MSG_WAITALL);
  const second = peer.recv(2);
  await assertRejects(() => within(peer.recv(2, MSG_DONTWAIT)));
  await client.sendall(numbered(8, 4));
  assertEquals(await within(first), numbered(10));
  assertEquals(await within(second), numbered(2, 10));
});

Deno.test("recv() that is cancelled in the middle of the queue leaves the others in order", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const reason = new Error("given up");
  const controller = new AbortController();
  const { signal } = controller;
  const calls: Promise<Uint8Array>[] = [];
  const ended: Promise<unknown>[] = [];
  for (let i = 0; i < 30; i++) {
    if (i % 3 === 1) {
      ended.push(peer.recv(10, 0, { signal }).catch((error) => error));
    } else if (i % 3 === 2) {
      const call = peer.recv(10, MSG_DONTWAIT);
      ended.push(call.catch((error) => error.code));
    } else calls.push(peer.recv(10, MSG_WAITALL));
  }
  const codes = await within(
    Promise.all(ended.filter((_, i) => i % 2 === 1)),
  );
  assertEquals(new Set(codes), new Set(["EAGAIN"]));
  controller.abort(reason);
  const reasons = await Promise.all(ended.filter((_, i) => i % 2 === 0));
  assert(reasons.every((each) => each === reason));
  await client.sendall(numbered(100));
  assertSameBytes(join(await within(Promise.all(calls))), numbered(100));
});

Deno.test("recv() called while another is being served comes after those in the queue", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const got: [string, Uint8Array][] = [];
  const take = async (name: string) => {
    got.push([name, await peer.recv(5, MSG_WAITALL)]);
  };
  const first = take("first").then(() => take("third"));
  const second = take("second");
  for (const at of [0, 5, 10]) {
    await client.sendall(numbered(5, at));
    if (at === 5) await within(second);
  }
  await within(first);
  assertEquals(got.map(([name]) => name), ["first", "second", "third"]);
  assertEquals(join(got.map(([, data]) => data)), numbered(15));
});

Deno.test("recv() on duplicates and a file shares one queue", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  using copy = peer.dup();
  using file = peer.makefile("rb", 0);
  const calls = [
    peer.recv(2, MSG_WAITALL),
    copy.recv(2, MSG_WAITALL),
    file.read(2),
    peer.recv(2, MSG_WAITALL),
    copy.recv(2, MSG_WAITALL),
  ];
  // Two at a time, so that the file's one receive has two.
  for (let at = 0; at < 10; at += 2) await client.sendall(numbered(2, at));
  const parts = await within(Promise.all(calls));
  assertEquals(join(parts.map((part) => part!)), numbered(10));
});

Deno.test("recv() during a connect is served before one that is called after it", async () => {
  using server = listener();
  using client = socket.socket();
  const connecting = client.connect(server.getsockname());
  const early = [client.recv(2, MSG_WAITALL), client.recv(2, MSG_WAITALL)];
  const sent = [client.sendall(numbered(3)), client.sendall(numbered(3, 3))];
  await within(connecting);
  const late = client.recv(2, MSG_WAITALL);
  const lateSent = client.sendall(numbered(3, 6));
  const [peer] = await within(server.accept());
  await peer.sendall(numbered(6));
  const parts = await within(Promise.all([...early, late]));
  assertEquals(join(parts), numbered(6));
  assertEquals(await within(peer.recv(9, MSG_WAITALL)), numbered(9));
  await Promise.all([...sent, lateSent]);
  peer.close();
});

Deno.test("concurrent accept() calls are served in the order of the calls and connections", async () => {
  using server = listener();
  const settled = new Settled();
  const calls = Array.from(
    { length: 20 },
    (_, i) => settled.watch(String(i), server.accept()),
  );
  const clients: TcpSocket[] = [];
  for (let i = 0; i < 20; i++) {
    const client = socket.socket();
    clients.push(client);
    await within(client.connect(server.getsockname()));
  }
  const accepted = await within(Promise.all(calls));
  assertEquals(settled.order, calls.map((_, i) => String(i)));
  accepted.forEach(([conn, address], i) => {
    assertEquals(address, clients[i]!.getsockname());
    assertEquals(conn.getpeername(), clients[i]!.getsockname());
    conn.close();
    clients[i]!.close();
  });
});

Deno.test("accept() that is cancelled in the middle of the queue loses no connection", async () => {
  using server = listener();
  const controller = new AbortController();
  const { signal } = controller;
  const calls: Promise<[TcpSocket, socket.InetAddress]>[] = [];
  const ended: Promise<unknown>[] = [];
  for (let i = 0; i < 10; i++) {
    if (i % 2 === 1) calls.push(server.accept());
    else ended.push(server.accept({ signal }).catch((error) => error));
  }
  controller.abort("given up");
  assertEquals(new Set(await Promise.all(ended)), new Set(["given up"]));
  const ports: number[] = [];
  for (let i = 0; i < 5; i++) {
    const client = socket.socket();
    await within(client.connect(server.getsockname()));
    ports.push(client.getsockname()[1]);
    client.close();
  }
  const accepted = await within(Promise.all(calls));
  assertEquals(accepted.map(([, [, port]]) => port), ports);
  for (const [conn] of accepted) conn.close();
});

Deno.test("concurrent send() calls are sent in call order", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const settled = new Settled();
  const messages = Array.from(
    { length: 30 },
    (_, i) => numbered(1 + (i * 7919) % 200_000, i * 17),
  );
  const { signal } = new AbortController();
  const calls = messages.map((message, i) => {
    const options = i % 3 === 0 ? { signal } : {};
    const call = i % 2 === 0
      ? client.sendall(message, options)
      : client.sendall(message, 0, options);
    return settled.watch(String(i), call);
  });
  const ended = settled.watch("shutdown", client.shutdown(socket.SHUT_WR));
  assertSameBytes(await receiveToEnd(peer), join(messages));
  await within(Promise.all([...calls, ended]));
  assertEquals(settled.order, [...messages.keys(), "shutdown"].map(String));
});

Deno.test("concurrent send() calls on duplicates and a file are sent in call order", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  using copy = client.dup();
  using file = client.makefile("wb", 0);
  const messages = Array.from({ length: 30 }, (_, i) => numbered(1000, i * 17));
  const calls = messages.map((message, i) =>
    i === 7
      ? file.write(message)
      : i % 2 === 0
      ? client.send(message)
      : copy.sendall(message)
  );
  // The connection ends with its last holder.
  client.close();
  await within(Promise.all(calls));
  void file.close();
  copy.close();
  assertSameBytes(await receiveToEnd(peer), join(messages));
});

Deno.test("concurrent send() calls report in order what they have committed", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const messages = Array.from(
    { length: 100 },
    (_, i) => numbered(100_000, i * 17),
  );
  client.settimeout(0.05);
  const calls = messages.map((message) => client.send(message).catch(() => 0));
  const counts = await within(Promise.all(calls));
  client.close();
  const expected = messages.map((message, i) => message.subarray(0, counts[i]));
  assertSameBytes(await receiveToEnd(peer), join(expected));
  // The peer read nothing, so not all of them had room.
  assertEquals(counts.at(-1), 0);
});

Deno.test("concurrent recvfrom() calls return datagrams in order, each once", async () => {
  using a = udpSocket();
  using b = udpSocket();
  const controller = new AbortController();
  const { signal } = controller;
  const calls: Promise<[Uint8Array, socket.InetAddress]>[] = [];
  const ended: Promise<unknown>[] = [];
  for (let i = 0; i < 40; i++) {
    if (i % 4 === 1) {
      ended.push(b.recvfrom(100, 0, { signal }).catch((error) => error));
    } else calls.push(b.recvfrom(100, i % 4 === 2 ? MSG_PEEK : 0));
  }
  controller.abort("given up");
  assertEquals(new Set(await Promise.all(ended)), new Set(["given up"]));
  const to = b.getsockname();
  for (let i = 0; i < 20; i++) await a.sendto(Uint8Array.of(i), to);
  const datagrams = await within(Promise.all(calls));
  // Of each three calls the second one looks at what the third one takes.
  const expected = Array.from({ length: 10 }, (_, i) => [2 * i, 2 * i + 1])
    .flatMap(([first, second]) => [first, second, second]);
  assertEquals(datagrams.map(([data]) => data[0]), expected);
  assert(datagrams.every(([, from]) => from[1] === a.getsockname()[1]));
});

Deno.test("concurrent sendto() calls are sent in call order", async () => {
  using a = udpSocket();
  using b = udpSocket();
  const to = b.getsockname();
  const calls = Array.from(
    { length: 100 },
    (_, i) => a.sendto(Uint8Array.of(i), i % 3 ? to : ["localhost", to[1]]),
  );
  for (let i = 0; i < 100; i++) {
    assertEquals(await within(b.recv(10)), Uint8Array.of(i));
  }
  assertEquals(new Set(await within(Promise.all(calls))), new Set([1]));
});

Deno.test("settimeout() does not change a pending call", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const unlimited = peer.recv(5, MSG_WAITALL);
  peer.settimeout(0.01);
  const limited = peer.recv(5);
  peer.settimeout(null);
  await assertRejects(() => within(limited), socket.TimeoutError, "timed out");
  peer.setblocking(false);
  await client.sendall(numbered(5));
  assertEquals(await within(unlimited), numbered(5));
});

Deno.test("settimeout() with a long timeout leaves no timer behind", async () => {
  const pair = await tcpPair();
  const { client, peer } = pair;
  for (const each of [client, peer]) each.settimeout(30);
  for (let i = 0; i < 20; i++) {
    const call = peer.recv(10);
    await client.sendall(numbered(10));
    assertEquals(await within(call), numbered(10));
  }
  const pending = peer.recv(1).catch((error) => error.code);
  await pair[Symbol.asyncDispose]();
  // The sanitizer of this test would tell of a timer.
  assertEquals(await within(pending), "EBADF");
});
