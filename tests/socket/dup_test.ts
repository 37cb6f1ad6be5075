import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode } from "../support/bytes.ts";
import { freshLoop, microtasks } from "../support/event_loop.ts";
import { codeOf } from "../support/outcome.ts";
import {
  listener,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { nextText } from "../support/udp.ts";
import { within } from "../support/within.ts";

/** The code that a call made now ends with, known when it has ended. */
function ending(call: Promise<unknown>): { code?: string | undefined } {
  const end: { code?: string | undefined } = {};
  codeOf(() => call).then((code) => end.code = code);
  return end;
}

Deno.test("dup() returns another socket with the same addresses", async () => {
  await using pair = await tcpPair();
  using copy = pair.client.dup();
  assertNotEquals(copy.fileno(), pair.client.fileno());
  for (const each of ["family", "type", "proto"] as const) {
    assertEquals(copy[each], pair.client[each]);
  }
  assertEquals(copy.getsockname(), pair.client.getsockname());
  assertEquals(copy.getpeername(), pair.client.getpeername());
});

Deno.test("dup() shares every change of state", async () => {
  using server = listener();
  using client = socket.socket();
  using copy = client.dup();

  client.bind(["127.0.0.1", 0]);
  assertEquals(copy.getsockname(), client.getsockname());
  assertEquals(await codeOf(() => copy.bind(["127.0.0.1", 0])), "EINVAL");
  assertEquals(await codeOf(() => copy.recv(1)), "ENOTCONN");

  await copy.connect(server.getsockname());
  assertEquals(client.getpeername(), server.getsockname());
  const again = () => client.connect(server.getsockname());
  assertEquals(await codeOf(again), "EISCONN");

  using conn = (await within(server.accept()))[0];
  await client.sendall(encode("one"));
  await copy.sendall(encode("two"));
  assertEquals(decode(await conn.recv(6, socket.MSG_WAITALL)), "onetwo");

  await copy.shutdown(socket.SHUT_WR);
  await assertRejects(() => client.send(encode("x")), socket.BrokenPipeError);
  assertEquals((await within(conn.recv(1))).length, 0);
});

Deno.test("dup() of a connecting socket is connected together with it", async () => {
  using server = listener();
  using client = socket.socket();
  const connecting = client.connect(server.getsockname());
  using copy = client.dup();
  const sent = copy.send(encode("early"));
  using conn = (await within(server.accept()))[0];
  await within(connecting);
  assertEquals(await within(sent), 5);
  assertEquals(decode(await within(conn.recv(10))), "early");
});

Deno.test("dup() of a listening socket listens and accepts too", async () => {
  using server = socket.socket();
  using copy = server.dup();
  server.bind(["127.0.0.1", 0]);
  copy.listen();
  const accepting = (s: TcpSocket) =>
    s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN);
  assertEquals([accepting(server), accepting(copy)], [1, 1]);

  const accepted = [server.accept(), copy.accept()];
  using first = socket.socket();
  using second = socket.socket();
  await first.connect(server.getsockname());
  await second.connect(copy.getsockname());
  const peers = [];
  for (const [conn, address] of await within(Promise.all(accepted))) {
    peers.push(address);
    conn.close();
  }
  assertEquals(peers, [first.getsockname(), second.getsockname()]);
});

Deno.test("dup() shares the options", () => {
  using s = socket.socket();
  using copy = s.dup();
  const options = [
    [socket.SOL_SOCKET, socket.SO_KEEPALIVE],
    [socket.SOL_SOCKET, socket.SO_REUSEADDR],
    [socket.IPPROTO_TCP, socket.TCP_NODELAY],
  ] as const;
  for (const [level, option] of options) {
    s.setsockopt(level, option, 1);
    assertEquals(copy.getsockopt(level, option), 1);
    copy.setsockopt(level, option, 0);
    assertEquals(s.getsockopt(level, option), 0);
  }
});

Deno.test("dup() shares the queued bytes", async () => {
  await using pair = await tcpPair();
  using copy = pair.client.dup();
  await pair.peer.sendall(encode("abcdefgh"));
  const peeked = await within(pair.client.recv(8, socket.MSG_PEEK));
  assertEquals(decode(peeked), "abcdefgh");
  assertEquals(decode(await copy.recv(3)), "abc");
  assertEquals(decode(await pair.client.recv(2)), "de");
  assertEquals(decode(await copy.recv(9)), "fgh");
  pair.peer.close();
  for (const each of [copy, pair.client]) {
    assertEquals((await within(each.recv(1))).length, 0);
  }
});

Deno.test("dup() shares the datagrams and the peer", async () => {
  using s = udpSocket();
  using copy = s.dup();
  using other = udpSocket();
  await other.sendto(encode("one"), s.getsockname());
  await other.sendto(encode("two"), s.getsockname());
  assertEquals(await nextText(copy, socket.MSG_PEEK), "one");
  assertEquals(await nextText(s), "one");
  assertEquals(await nextText(copy), "two");
  await copy.connect(other.getsockname());
  await s.send(encode("three"));
  assertEquals(await nextText(other), "three");
  await s.shutdown(socket.SHUT_RD);
  assertEquals((await within(copy.recv(1))).length, 0);
});

Deno.test("dup() copies the timeout, and then has its own", async () => {
  await using pair = await tcpPair();
  pair.client.settimeout(0.02);
  using copy = pair.client.dup();
  assertEquals(copy.gettimeout(), 0.02);
  copy.setblocking(false);
  assertEquals(pair.client.gettimeout(), 0.02);
  assertEquals(await codeOf(() => copy.recv(1)), "EAGAIN");
  await assertRejects(() => pair.client.recv(1), socket.TimeoutError);
  copy.settimeout(null);
  const waiting = copy.recv(1);
  await assertRejects(() => pair.client.recv(1), socket.TimeoutError);
  await pair.peer.sendall(encode("x"));
  assertEquals(decode(await within(waiting)), "x");
});

Deno.test("close() of a duplicate leaves the connection to the other", async () => {
  await using pair = await tcpPair();
  const copy = pair.client.dup();
  pair.client.close();
  assertEquals(await codeOf(() => pair.client.recv(1)), "EBADF");
  assertEquals(pair.client.fileno(), -1);
  await pair.peer.sendall(encode("x"));
  assertEquals(decode(await within(copy.recv(1))), "x");
  await copy.sendall(encode("y"));
  assertEquals(decode(await within(pair.peer.recv(1))), "y");
  const end = pair.peer.recv(1);
  copy.close();
  assertEquals((await within(end)).length, 0);
});

const receives: readonly [
  string,
  (s: TcpSocket) => Promise<unknown>,
][] = [
  ["recv()", (s) => s.recv(10)],
  ["recv_into()", (s) => s.recv_into(new Uint8Array(10))],
  ["recvfrom()", (s) => s.recvfrom(10)],
  ["recv() with MSG_PEEK", (s) => s.recv(10, socket.MSG_PEEK)],
];

for (const [what, receive] of receives) {
  Deno.test(`close() of a duplicate rejects only its own ${what}`, async () => {
    await using pair = await tcpPair();
    await freshLoop();
    const copy = pair.client.dup();
    const own = ending(receive(copy));
    const others = pair.client.recv(10);
    const behind = ending(receive(copy));
    copy.close();
    await microtasks(20);
    assertEquals([own.code, behind.code], ["EBADF", "EBADF"]);
    await pair.peer.sendall(encode("whole"));
    assertEquals(decode(await within(others)), "whole");
  });
}

Deno.test("close() under a recv_into() leaves the bytes to a duplicate", async () => {
  await using pair = await tcpPair();
  await freshLoop();
  const buffer = new Uint8Array(10);
  // Begun while there is no duplicate, it reads straight into the buffer.
  const pending = ending(pair.client.recv_into(buffer));
  using copy = pair.client.dup();
  pair.client.close();
  await microtasks(20);
  assertEquals(pending.code, "EBADF");
  await pair.peer.sendall(encode("abc"));
  await pair.peer.sendall(encode("def"));
  assertEquals(
    decode(await within(copy.recv(6, socket.MSG_WAITALL))),
    "abcdef",
  );
});

Deno.test("close() of one listener's duplicate rejects only its accept()", async () => {
  await freshLoop();
  using server = listener();
  const copy = server.dup();
  const own = ending(copy.accept());
  const other = server.accept();
  copy.close();
  await microtasks(20);
  assertEquals(own.code, "EBADF");
  using client = socket.socket();
  await client.connect(server.getsockname());
  const [conn, address] = await within(other);
  conn.close();
  assertEquals(address, client.getsockname());
});

Deno.test("close() of one datagram duplicate rejects only its recvfrom()", async () => {
  await freshLoop();
  using s = udpSocket();
  const copy = s.dup();
  const own = ending(copy.recvfrom(10));
  const other = s.recvfrom(10);
  copy.close();
  await microtasks(20);
  assertEquals(own.code, "EBADF");
  using sender = udpSocket();
  await sender.sendto(encode("x"), s.getsockname());
  const [data, address] = await within(other);
  assertEquals(decode(data), "x");
  assertEquals(address, sender.getsockname());
});

Deno.test("close() of a duplicate lets its send go on", async () => {
  await using pair = await tcpPair();
  const copy = pair.client.dup();
  const size = 8 << 20;
  const sent = copy.sendall(new Uint8Array(size));
  const after = pair.client.sendall(encode("end"));
  copy.close();
  let total = 0;
  while (total < size + 3) {
    total += (await within(pair.peer.recv(1 << 20))).length;
  }
  await within(Promise.all([sent, after]));
  assertEquals(total, size + 3);
});

Deno.test("dup() of a closed socket fails with EBADF", async () => {
  const s = socket.socket();
  s.close();
  assertEquals(await codeOf(() => s.dup()), "EBADF");
});
