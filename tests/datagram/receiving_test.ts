import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode, numbered } from "../support/bytes.ts";
import { codeOf } from "../support/outcome.ts";
import { udpSocket } from "../support/pair.ts";
import { nextText, udp6Socket, udpPair } from "../support/udp.ts";
import { within } from "../support/within.ts";

const linux = Deno.build.os === "linux";
const one = encode("1");

const sizes: readonly [string, () => socket.Socket, number][] = [
  ["IPv4", udpSocket, 65507],
  ["IPv6", udp6Socket, linux ? 65527 : 65507],
];

for (const [version, open, largest] of sizes) {
  for (const size of [0, 1, 1472, largest]) {
    Deno.test(`sendto() carries ${size} bytes over ${version}`, async () => {
      using server = open();
      using client = open();
      const data = numbered(size);
      assertEquals(await client.sendto(data, server.getsockname()), size);
      const [received, address] = await within(server.recvfrom(65536));
      assertEquals(received, data);
      assertEquals(address, client.getsockname());
      assertEquals(received.buffer.byteLength, size);
    });
  }

  Deno.test(`sendto() of more than ${largest} bytes over ${version} fails with EMSGSIZE`, async () => {
    using server = open();
    using client = open();
    const data = new Uint8Array(largest + 1);
    for (const timeout of [null, 5, 0]) {
      client.settimeout(timeout);
      const send = () => client.sendto(data, server.getsockname());
      assertEquals(await codeOf(send), "EMSGSIZE", `timeout ${timeout}`);
    }
    await client.sendto(one, server.getsockname());
    assertEquals(await nextText(server), "1");
  });
}

Deno.test("recv() cuts a datagram to bufsize, and drops the rest", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const buffer = new Uint8Array(3);
  const calls: [string, () => Promise<unknown>, unknown][] = [
    ["recv", () => server.recv(3), encode("abc")],
    ["recvfrom", () => server.recvfrom(2), [
      encode("ab"),
      client.getsockname(),
    ]],
    ["recv_into", () => server.recv_into(buffer), 3],
    [
      "recvfrom_into",
      () => server.recvfrom_into(buffer, 2),
      [2, client.getsockname()],
    ],
    ["recvfrom(0)", () => server.recvfrom(0), [
      new Uint8Array(0),
      client.getsockname(),
    ]],
    ["recvmsg", () => server.recvmsg(2), [
      encode("ab"),
      [],
      socket.MSG_TRUNC,
      client.getsockname(),
    ]],
  ];
  for (const [name, call, expected] of calls) {
    await client.send(encode("abcdef"));
    await client.send(encode("next"));
    assertEquals(await within(call()), expected, name);
    const [data, , flags] = await within(server.recvmsg(4));
    assertEquals([decode(data), flags], ["next", 0], name);
  }
  assertEquals(buffer, encode("abc"));
});

Deno.test("recv(0) and recv_into() of an empty buffer receive no datagram", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  await client.send(one);
  assertEquals((await within(server.recv(0))).length, 0);
  assertEquals(await nextText(server, socket.MSG_PEEK), "1");
  assertEquals(await within(server.recv_into(new Uint8Array(0))), 0);
  assertEquals(decode(await server.recv(1, socket.MSG_DONTWAIT)), "1");
});

Deno.test("recv() with MSG_PEEK leaves the whole datagram", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const waiting = server.recvfrom(2, socket.MSG_PEEK);
  await client.send(encode("abcdef"));
  await client.send(encode("next"));
  const [data, address] = await within(waiting);
  assertEquals(decode(data), "ab");
  assertEquals(address, client.getsockname());
  const peeked = await server.recv(100, socket.MSG_PEEK);
  peeked.fill(0);
  assertEquals(await nextText(server), "abcdef");
  assertEquals(await nextText(server, socket.MSG_PEEK), "next");
  assertEquals(await nextText(server), "next");
});

Deno.test("recv() returns memory that nothing else uses", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  await client.send(encode("first"));
  const first = await within(server.recv(100));
  await client.send(encode("other"));
  const second = await within(server.recv(100));
  assertEquals([decode(first), decode(second)], ["first", "other"]);
  assertNotEquals(first.buffer, second.buffer);
});

Deno.test("a flood that is not received is bounded, and the oldest datagrams are kept", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const data = new Uint8Array(60_000);
  const count = 100;
  for (let n = 0; n < count; n++) {
    data[0] = n;
    await client.send(data);
  }
  server.settimeout(0.1);
  const received = [];
  for (let last; (last = await server.recv(1).catch(() => null)) !== null;) {
    received.push(last[0]);
  }
  assertLess(received.length, count);
  assert(received.length > 0);
  assertEquals(received, received.map((_, n) => n));
});
