import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as socket from "../mod.ts";
import { codeOf } from "./_support/outcome.ts";
import { udpSocket } from "./_support/pair.ts";
import { bytes, nextText, text, udp6Socket, udpPair } from "./_support/udp.ts";
import { within } from "./_support/within.ts";

const linux = Deno.build.os === "linux";
const one = bytes("1");

function unbound(): socket.Socket<socket.InetAddress> {
  return socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
}

Deno.test("bind() takes a free port at once", () => {
  using s = udpSocket();
  const [host, port] = s.getsockname();
  assertEquals(host, "127.0.0.1");
  assertGreater(port, 0);
});

Deno.test("bind() twice is EINVAL, also after a first sendto()", async () => {
  using s = udpSocket();
  assertEquals(await codeOf(() => s.bind(["127.0.0.1", 0])), "EINVAL");
  using sender = unbound();
  await sender.sendto(one, s.getsockname());
  assertEquals(await codeOf(() => sender.bind(["127.0.0.1", 0])), "EINVAL");
});

Deno.test("bind() to a datagram address in use is EADDRINUSE", () => {
  using first = udpSocket();
  using second = unbound();
  const error = assertThrows(
    () => second.bind(first.getsockname()),
    socket.OSError,
    "Address already in use",
  );
  assertEquals(error.code, "EADDRINUSE");
  second.bind(["127.0.0.1", 0]);
});

Deno.test("bind() to a datagram address without a grant is EACCES with the hint", () => {
  using s = unbound();
  const error = assertThrows(() => s.bind(["", 0]), socket.PermissionError);
  assertStringIncludes(error.message, "[Errno 13] Permission denied");
  assertStringIncludes(error.message, "--allow-net");
});

for (
  const [family, address] of [
    [socket.AF_INET, ["127.0.0.1"]],
    [socket.AF_INET6, ["::1"]],
  ] as const
) {
  Deno.test(`bind() of a datagram socket to localhost is ${address[0]}`, () => {
    using s = socket.socket(family, socket.SOCK_DGRAM);
    s.bind(["localhost", 0]);
    assertEquals(s.getsockname()[0], address[0]);
  });
}

Deno.test("bind() to the address of a closed datagram socket works a turn later", async () => {
  const first = udpSocket();
  const address = first.getsockname();
  const pending = assertRejects(() => first.recv(1), socket.OSError);
  first.close();
  await pending;
  await new Promise((resolve) => setTimeout(resolve, 0));
  using second = unbound();
  second.bind(address);
});

Deno.test("bind() to the address of a datagram socket works after `await using`", async () => {
  let address;
  {
    await using first = udpSocket();
    address = first.getsockname();
    await first.recv(1, socket.MSG_DONTWAIT).catch(() => {});
  }
  using second = unbound();
  second.bind(address);
});

Deno.test("sendto() binds a socket that is not bound", async () => {
  using server = udpSocket();
  using client = unbound();
  assertEquals(client.getsockname(), ["0.0.0.0", 0]);
  assertEquals(await client.sendto(bytes("hello"), server.getsockname()), 5);
  const [data, address] = await within(server.recvfrom(100));
  assertEquals(text(data), "hello");
  assertEquals(address, client.getsockname());
  assertEquals(await server.sendto(bytes("you too"), address), 7);
  assertEquals(await nextText(client), "you too");
});

const sizes: readonly [string, () => socket.Socket, number][] = [
  ["IPv4", udpSocket, 65507],
  ["IPv6", udp6Socket, linux ? 65527 : 65507],
];

for (const [version, open, largest] of sizes) {
  for (const size of [0, 1, 1472, largest]) {
    Deno.test(`sendto() carries ${size} bytes over ${version}`, async () => {
      using server = open();
      using client = open();
      const data = crypto.getRandomValues(
        new Uint8Array(Math.min(size, 65536)),
      );
      assertEquals(await client.sendto(data, server.getsockname()), size);
      const [received, address] = await within(server.recvfrom(65536));
      assertEquals(received, data);
      assertEquals(address, client.getsockname());
      assertEquals(received.buffer.byteLength, size);
    });
  }

  Deno.test(`sendto() of more than ${largest} bytes over ${version} is EMSGSIZE`, async () => {
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

Deno.test("recv() cuts a datagram to bufsize, and the rest is gone", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const buffer = new Uint8Array(3);
  const calls: [string, () => Promise<unknown>, unknown][] = [
    ["recv", () => server.recv(3), bytes("abc")],
    ["recvfrom", () => server.recvfrom(2), [bytes("ab"), client.getsockname()]],
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
      bytes("ab"),
      [],
      socket.MSG_TRUNC,
      client.getsockname(),
    ]],
  ];
  for (const [name, call, expected] of calls) {
    await client.send(bytes("abcdef"));
    await client.send(bytes("next"));
    assertEquals(await within(call()), expected, name);
    const [data, , flags] = await within(server.recvmsg(4));
    assertEquals([text(data), flags], ["next", 0], name);
  }
  assertEquals(buffer, bytes("abc"));
});

Deno.test("recv(0) and recv_into() of no room take no datagram", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  await client.send(one);
  assertEquals((await within(server.recv(0))).length, 0);
  assertEquals(await within(server.recv_into(new Uint8Array(0))), 0);
  assertEquals(await nextText(server), "1");
});

Deno.test("recv() with MSG_PEEK leaves the whole datagram", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const waiting = server.recvfrom(2, socket.MSG_PEEK);
  await client.send(bytes("abcdef"));
  await client.send(bytes("next"));
  const [data, address] = await within(waiting);
  assertEquals(text(data), "ab");
  assertEquals(address, client.getsockname());
  const peeked = await server.recv(100, socket.MSG_PEEK);
  peeked.fill(0);
  assertEquals(await nextText(server), "abcdef");
  assertEquals(await nextText(server, socket.MSG_PEEK), "next");
  assertEquals(await nextText(server), "next");
});

Deno.test("recv() gives memory that nothing else uses", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  await client.send(bytes("first"));
  const first = await within(server.recv(100));
  await client.send(bytes("other"));
  const second = await within(server.recv(100));
  assertEquals([text(first), text(second)], ["first", "other"]);
  assertNotEquals(first.buffer, second.buffer);
});

Deno.test("connect() sets the peer of a datagram socket", async () => {
  using server = udpSocket();
  using client = unbound();
  assertEquals(await codeOf(() => client.getpeername()), "ENOTCONN");
  assertEquals(await codeOf(() => client.send(one)), "EDESTADDRREQ");
  await client.connect(server.getsockname());
  assertEquals(client.getpeername(), server.getsockname());
  assertEquals(client.getsockname()[0], "127.0.0.1");
  await client.sendall(bytes("to the peer"));
  const [data, address] = await within(server.recvfrom(100));
  assertEquals(text(data), "to the peer");
  assertEquals(address, client.getsockname());
});

Deno.test("connect() lets only the peer's datagrams in", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  using stranger = udpSocket();
  const waiting = client.recv(100);
  for (let n = 0; n < 5; n++) {
    await stranger.sendto(bytes("stranger"), client.getsockname());
  }
  await server.sendto(bytes("peer"), client.getsockname());
  assertEquals(text(await within(waiting)), "peer");
  await stranger.sendto(bytes("stranger"), client.getsockname());
  await server.sendto(bytes("again"), client.getsockname());
  client.setblocking(false);
  assertEquals(await nextText(client), "again");
  assertEquals(await codeOf(() => client.recv(1)), "EAGAIN");
});

Deno.test("connect() again changes the peer of a datagram socket", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  using other = udpSocket();
  const port = client.getsockname()[1];
  await client.connect(other.getsockname());
  assertEquals(client.getpeername(), other.getsockname());
  assertEquals(client.getsockname()[1], port);
  await client.send(bytes("hello"));
  assertEquals(await nextText(other), "hello");
  await server.sendto(bytes("no more"), client.getsockname());
  await other.sendto(bytes("hello too"), client.getsockname());
  assertEquals(await nextText(client), "hello too");
});

Deno.test("sendto() reaches others from a connected datagram socket", async () => {
  using pair = await udpPair();
  using other = udpSocket();
  await pair.client.sendto(bytes("hello"), 0, other.getsockname());
  assertEquals(await nextText(other), "hello");
});

Deno.test("connect() to localhost and the wildcard reaches this machine", async () => {
  using server = udpSocket();
  const port = server.getsockname()[1];
  for (const host of ["localhost", "0.0.0.0", "", "127.1"]) {
    using client = unbound();
    await client.connect([host, port]);
    assertEquals(client.getpeername(), ["127.0.0.1", port], host);
    assertEquals(await client.connect_ex([host, port]), 0);
    await client.send(bytes(host));
    assertEquals(await nextText(server), host);
  }
});

Deno.test("IPv6 datagrams have addresses of four parts", async () => {
  using server = udp6Socket();
  using client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
  await client.connect(server.getsockname());
  await client.send(bytes("hello"));
  const [data, address] = await within(server.recvfrom(100));
  assertEquals(text(data), "hello");
  assertEquals(address, ["::1", client.getsockname()[1], 0, 0]);
  await server.sendto(bytes("you too"), address);
  assertEquals(await nextText(client), "you too");
});

Deno.test("an IPv6 datagram socket reaches IPv4 by mapped addresses", async () => {
  using server = udpSocket();
  using client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
  const mapped = ["::ffff:127.0.0.1", server.getsockname()[1]] as const;
  await client.sendto(bytes("hello"), mapped);
  const [data, address] = await within(server.recvfrom(100));
  assertEquals(text(data), "hello");
  await client.connect(mapped);
  assertEquals(client.getsockname()[0], "::ffff:127.0.0.1");
  await server.sendto(bytes("you too"), address);
  const [answer, from] = await within(client.recvfrom(100));
  assertEquals(text(answer), "you too");
  assertEquals(from, [...mapped, 0, 0]);
});

const bad: [string, (s: socket.Socket) => unknown, string][] = [
  ["listen()", (s) => s.listen(), "EOPNOTSUPP"],
  ["accept()", (s) => s.accept(), "EOPNOTSUPP"],
  ["sendto() port 0", (s) => s.sendto(one, ["127.0.0.1", 0]), "EINVAL"],
  ["shutdown() without a peer", (s) => s.shutdown(socket.SHUT_RD), "ENOTCONN"],
  ["shutdown(3)", (s) => s.shutdown(3), "EINVAL"],
  ["recv() with MSG_OOB", (s) => s.recv(1, socket.MSG_OOB), "EOPNOTSUPP"],
  ["sendto() with MSG_OOB", (s) => {
    return s.sendto(one, socket.MSG_OOB, ["127.0.0.1", 9]);
  }, "EOPNOTSUPP"],
  [
    "sendto() without a grant",
    (s) => s.sendto(one, ["192.0.2.1", 9]),
    "EACCES",
  ],
];

for (const [what, call, code] of bad) {
  Deno.test(`${what} of a datagram socket is ${code}`, async () => {
    using s = udpSocket();
    assertEquals(await codeOf(() => call(s)), code);
  });
}

Deno.test("sendto() without a grant keeps the hint which flag to grant", async () => {
  using s = udpSocket();
  const error = await assertRejects(
    () => s.sendto(one, ["192.0.2.1", 9]),
    socket.PermissionError,
    'Requires net access to "192.0.2.1:9", run again with the --allow-net flag',
  );
  assertInstanceOf(error.cause, Error);
});

Deno.test("a closed datagram socket is EBADF", async () => {
  const s = udpSocket();
  const address = s.getsockname();
  s.close();
  s.close();
  assertEquals(s.fileno(), -1);
  for (
    const call of [
      () => s.bind(address),
      () => s.connect(address),
      () => s.recvfrom(1),
      () => s.sendto(one, address),
      () => s.send(one),
      () => s.getsockname(),
    ]
  ) assertEquals(await codeOf(call), "EBADF");
});

Deno.test("shutdown(SHUT_WR) of a datagram socket is EPIPE for later sends", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const sent = client.send(bytes("before"));
  await client.shutdown(socket.SHUT_WR);
  assertEquals(await within(sent), 6);
  await assertRejects(() => client.send(one), socket.BrokenPipeError);
  await assertRejects(
    () => client.sendto(one, server.getsockname()),
    socket.BrokenPipeError,
  );
  assertEquals(await nextText(server), "before");
  await server.sendto(bytes("still"), client.getsockname());
  assertEquals(await nextText(client), "still");
});

Deno.test("shutdown(SHUT_RD) of a datagram socket ends pending receives with 0 bytes", async () => {
  using pair = await udpPair();
  const { client } = pair;
  const pending = [client.recvfrom(10), client.recvfrom(10)];
  await client.shutdown(socket.SHUT_RD);
  for (const each of [...pending, client.recvfrom(10)]) {
    const [data, address] = await within(each);
    assertEquals(data.length, 0);
    assertStrictEquals<unknown>(address, null);
  }
  await client.send(bytes("out"));
  assertEquals(await nextText(pair.server), "out");
});

Deno.test("send() to a peer that has closed is not refused", async () => {
  using client = unbound();
  {
    await using server = udpSocket();
    await client.connect(server.getsockname());
  }
  assertEquals(await client.send(one), 1);
  assertEquals(await client.send(one), 1);
  client.settimeout(0.05);
  await assertRejects(() => client.recv(1), socket.TimeoutError, "timed out");
});

Deno.test("a flood that nobody receives is bounded, and the oldest stay", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const data = new Uint8Array(60_000);
  const count = 100;
  for (let n = 0; n < count; n++) {
    data[0] = n;
    await client.send(data);
  }
  server.setblocking(false);
  const received = [];
  for (let last; (last = await server.recv(1).catch(() => null)) !== null;) {
    received.push(last[0]);
  }
  assertLess(received.length, count);
  assert(received.length > 0);
  assertEquals(received, received.map((_, n) => n));
});
