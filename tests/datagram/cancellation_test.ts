import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode } from "../support/bytes.ts";
import { freshLoop, microtasks } from "../support/event_loop.ts";
import { codeOf } from "../support/outcome.ts";
import { type TcpSocket, udpSocket } from "../support/pair.ts";
import { nextText, received, udpPair, unboundUdp } from "../support/udp.ts";
import { within } from "../support/within.ts";

/** Ways to begin a receive that ends without a datagram. */
const ways: readonly [string, (s: TcpSocket) => Promise<unknown>][] = [
  ["a timeout", (s) => {
    s.settimeout(0.02);
    const pending = s.recv(10);
    s.settimeout(null);
    return assertRejects(() => pending, socket.TimeoutError, "timed out");
  }],
  ["an abort", async (s) => {
    const controller = new AbortController();
    const pending = s.recvfrom(10, { signal: controller.signal });
    const reason = new Error("on purpose");
    queueMicrotask(() => controller.abort(reason));
    assertStrictEquals(await assertRejects(() => pending), reason);
  }],
  ["a signal that was aborted", async (s) => {
    const reason = new Error("on purpose");
    const signal = AbortSignal.abort(reason);
    const error = await assertRejects(() => s.recv(10, { signal }));
    assertStrictEquals(error, reason);
  }],
  ["EAGAIN by MSG_DONTWAIT", async (s) => {
    const receive = () =>
      s.recv_into(new Uint8Array(9), 9, socket.MSG_DONTWAIT);
    assertEquals(await codeOf(receive), "EAGAIN");
  }],
  ["EAGAIN by setblocking(false)", async (s) => {
    s.setblocking(false);
    assertEquals(await codeOf(() => s.recvfrom(10)), "EAGAIN");
    s.setblocking(true);
  }],
  ["the close of a duplicate", async (s) => {
    const copy = s.dup();
    const pending = assertRejects(() => copy.recv(10), socket.OSError);
    copy.close();
    assertEquals((await pending).code, "EBADF");
  }],
];

for (const [what, giveUp] of ways) {
  Deno.test(`recv() leaves a datagram that arrives after ${what} to the next call`, async () => {
    using pair = await udpPair();
    const { server, client } = pair;
    await within(giveUp(server));
    await client.send(encode("late"));
    await client.send(encode("later"));
    assertEquals(await nextText(server), "late");
    assertEquals(await nextText(server), "later");
  });
}

Deno.test("recv() with an aborted signal receives no datagram", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  await client.send(encode("kept"));
  assertEquals(await nextText(server, socket.MSG_PEEK), "kept");
  await assertRejects(() => server.recv(9, { signal: AbortSignal.abort() }));
  assertEquals(await nextText(server), "kept");
});

/** What passes between a send and the end of the receive that waits for it. */
const distances: readonly [string, () => Promise<unknown>][] = [
  ["at once", () => Promise.resolve()],
  [
    "a microtask later",
    () => new Promise((done) => queueMicrotask(() => done(0))),
  ],
  ["an immediate later", () => new Promise((done) => setImmediate(done))],
  ["two immediates later", async () => {
    await new Promise((done) => setImmediate(done));
    await new Promise((done) => setImmediate(done));
  }],
  ["a turn later", () => new Promise((done) => setTimeout(done, 0))],
];

for (const [when, pass] of distances) {
  Deno.test(`recv() aborted ${when} loses, doubles and reorders nothing`, async () => {
    using pair = await udpPair();
    const { server, client } = pair;
    const texts: string[] = [];
    const count = 60;
    for (let n = 0; n < count; n++) {
      const controller = new AbortController();
      const pending = server.recv(10, { signal: controller.signal })
        .then((data) => texts.push(decode(data)), () => {});
      const sent = client.send(encode(`${n}`));
      await pass();
      controller.abort();
      await within(Promise.all([pending, sent]));
    }
    texts.push(...await received(server, client));
    assertEquals(texts, Array.from({ length: count }, (_, n) => `${n}`));
  });
}

Deno.test("recv() whose timeout expires as the datagram arrives loses nothing", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  server.settimeout(0.002);
  const texts: string[] = [];
  const count = 60;
  for (let n = 0; n < count; n++) {
    const pending = server.recv(10)
      .then((data) => texts.push(decode(data)), () => {});
    await new Promise((done) => setTimeout(done, n % 4));
    await client.send(encode(`${n}`));
    await within(pending);
  }
  server.settimeout(null);
  texts.push(...await received(server, client));
  assertEquals(texts, Array.from({ length: count }, (_, n) => `${n}`));
});

Deno.test("a non-blocking recv() returns every datagram that the kernel has", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  server.setblocking(false);
  for (let round = 0; round < 5; round++) {
    const sent = Array.from({ length: 20 }, (_, n) => `${round} ${n}`);
    for (const each of sent) await client.send(encode(each));
    const texts = [];
    for (const _ of sent) texts.push(await nextText(server));
    assertEquals(texts, sent);
    assertEquals(await codeOf(() => server.recv(10)), "EAGAIN");
  }
});

Deno.test("a non-blocking recv() skips the datagrams of other senders", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  using stranger = udpSocket();
  client.setblocking(false);
  for (let n = 0; n < 20; n++) {
    await stranger.sendto(encode("stranger"), client.getsockname());
  }
  await server.sendto(encode("peer"), client.getsockname());
  assertEquals(await nextText(client), "peer");
});

Deno.test("concurrent recv() calls go on when one of them is aborted", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const controller = new AbortController();
  const first = server.recv(10);
  const second = server.recv(10, { signal: controller.signal });
  const third = server.recv(10);
  controller.abort();
  await assertRejects(() => within(second), DOMException);
  await client.send(encode("1"));
  await client.send(encode("2"));
  assertEquals(decode(await within(first)), "1");
  assertEquals(decode(await within(third)), "2");
});

Deno.test("close() rejects every pending receive of a datagram socket with EBADF at once", async () => {
  await freshLoop();
  const s = udpSocket();
  const calls = [
    s.recv(10),
    s.recvfrom(10),
    s.recv_into(new Uint8Array(9)),
    s.recvfrom_into(new Uint8Array(9)),
    s.recvmsg(10),
    s.recv(10, socket.MSG_PEEK),
  ];
  let open = calls.length;
  const codes = calls.map(async (call) => {
    const code = await codeOf(() => call);
    open--;
    return code;
  });
  s.close();
  await microtasks(20);
  assertEquals(open, 0);
  assertEquals(await Promise.all(codes), calls.map(() => "EBADF"));
});

Deno.test("close() lets datagrams that were sent before reach the kernel", async () => {
  using server = udpSocket();
  const client = udpSocket();
  const [, port] = server.getsockname();
  const texts = Array.from({ length: 20 }, (_, n) => `${n}`);
  const sent = texts.map((each, n) =>
    client.sendto(encode(each), [n % 2 ? "localhost" : "127.0.0.1", port])
  );
  client.close();
  assertEquals(await codeOf(() => client.send(encode("x"))), "EBADF");
  assertEquals(
    await within(Promise.all(sent)),
    texts.map((each) => each.length),
  );
  for (const each of texts) assertEquals(await nextText(server), each);
});

Deno.test("an aborted signal keeps sends and connect() from starting", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const reason = new Error("on purpose");
  const options = { signal: AbortSignal.abort(reason) };
  using other = udpSocket();
  const address = other.getsockname();
  for (
    const call of [
      () => client.send(encode("x"), options),
      () => client.sendall(encode("x"), options),
      () => client.sendto(encode("x"), server.getsockname(), options),
      () => client.sendto(encode("x"), ["localhost", address[1]], options),
      () => client.connect(address, options),
      () => client.connect(["localhost", address[1]], options),
    ]
  ) assertStrictEquals(await assertRejects(call), reason);
  assertEquals(client.getpeername(), server.getsockname());
  await client.send(encode("the first"));
  assertEquals(await nextText(server), "the first");
});

Deno.test("close() rejects a connect() that looks up a name with EBADF", async () => {
  const s = udpSocket();
  const pending = codeOf(() => s.connect(["localhost", 9]));
  s.close();
  assertEquals(await pending, "EBADF");
});

Deno.test("sendto() by name that is cancelled binds nothing", async () => {
  using s = unboundUdp();
  const controller = new AbortController();
  const sending = s.sendto(encode("x"), ["localhost", 9], controller);
  controller.abort();
  await assertRejects(() => within(sending));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(s.getsockname()[1], 0);
  s.bind(["127.0.0.1", 0]);
});
