import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { assertSameBytes, join } from "../support/bytes.ts";
import {
  receiveToEnd,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

Deno.test("recvmsg() on a stream returns data, no ancillary data, no flags, and null", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(bytes(1, 2, 3));
  assertEquals(await within(pair.peer.recvmsg(10)), [
    bytes(1, 2, 3),
    [],
    0,
    null as never,
  ]);
});

Deno.test("recvmsg() sets MSG_TRUNC for a datagram that was cut, and returns its address", async () => {
  using receiver = udpSocket();
  using sender = udpSocket();
  await sender.sendto(bytes(1, 2, 3, 4), receiver.getsockname());
  await sender.sendto(bytes(5), receiver.getsockname());
  assertEquals(await within(receiver.recvmsg(2)), [
    bytes(1, 2),
    [],
    socket.MSG_TRUNC,
    sender.getsockname(),
  ]);
  assertEquals((await within(receiver.recvmsg(2)))[2], 0);
});

Deno.test("recvmsg() leaves the data with MSG_PEEK", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(bytes(1, 2));
  const [peeked] = await within(pair.peer.recvmsg(1, 0, socket.MSG_PEEK));
  assertEquals(peeked, bytes(1));
  assertEquals((await within(pair.peer.recvmsg(9)))[0], bytes(1, 2));
});

Deno.test("recvmsg_into() fills each buffer before the next", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(bytes(1, 2, 3, 4, 5));
  const buffers = [new Uint8Array(2), new Uint8Array(0), new Uint8Array(9)];
  const [n, ancdata, flags, address] = await within(
    pair.peer.recvmsg_into(buffers),
  );
  assertEquals([n, ancdata, flags, address], [5, [], 0, null as never]);
  assertEquals(buffers[0], bytes(1, 2));
  assertEquals(buffers[2]!.subarray(0, 3), bytes(3, 4, 5));
});

Deno.test("recvmsg_into() takes any iterable, and rejects anything but buffers", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(bytes(7, 8));
  const first = new Uint8Array(1);
  function* buffers() {
    yield first;
    yield new Uint8Array(1);
  }
  assertEquals((await within(pair.peer.recvmsg_into(buffers())))[0], 2);
  assertEquals(first, bytes(7));
  await assertRejects(
    () => pair.peer.recvmsg_into(["text"] as never),
    TypeError,
    "buffers[0] must be a Uint8Array",
  );
  await assertRejects(
    () => pair.peer.recvmsg_into(bytes(1) as never),
    TypeError,
    "must be an iterable of Uint8Array",
  );
});

Deno.test("sendmsg() sends several buffers as one datagram", async () => {
  using receiver = udpSocket();
  using sender = udpSocket();
  const parts = [bytes(1), bytes(), bytes(2, 3)];
  assertEquals(
    await sender.sendmsg(parts, [], 0, receiver.getsockname()),
    3,
  );
  assertEquals(await within(receiver.recv(10)), bytes(1, 2, 3));
});

Deno.test("sendmsg() sends to the peer without an address", async () => {
  await using pair = await tcpPair();
  assertEquals(await pair.client.sendmsg([bytes(1, 2), bytes(3)]), 3);
  assertEquals(
    await within(pair.peer.recv(3, socket.MSG_WAITALL)),
    bytes(1, 2, 3),
  );
});

Deno.test("sendmsg() rejects malformed ancillary items with TypeError, and all others with EOPNOTSUPP", async () => {
  await using pair = await tcpPair();
  const malformed: [item: unknown, message: string][] = [
    [[1, 2], "must be a sequence of length 3, [level, type, data]"],
    [3, "must be a sequence of length 3, [level, type, data], received 3"],
    ["abc", 'received "abc"'],
    [[1, 2, "3"], "data must be a Uint8Array"],
    [["1", 2, bytes()], "level must be an integer"],
    [[1, 2 ** 40, bytes()], "type must"],
  ];
  for (const [item, message] of malformed) {
    await assertRejects(
      () => pair.client.sendmsg([bytes(1)], [item] as never),
      item === malformed[5]![0] ? RangeError : TypeError,
      message,
    );
  }
  const error = await assertRejects(
    () =>
      pair.client.sendmsg([bytes(1)], [[
        socket.SOL_SOCKET,
        socket.SCM_RIGHTS,
        bytes(0),
      ]]),
    socket.OSError,
    "ancillary data",
  );
  assertEquals(error.code, "EOPNOTSUPP");
  // Nothing was sent by any of them.
  await pair.client.sendall(bytes(9));
  assertEquals(await within(pair.peer.recv(10)), bytes(9));
});

Deno.test("sendmsg() to no address on an unconnected datagram socket fails with EDESTADDRREQ", async () => {
  using sender = udpSocket();
  const error = await assertRejects(
    () => sender.sendmsg([bytes(1)]),
    socket.OSError,
  );
  assertEquals(error.code, "EDESTADDRREQ");
});

Deno.test("recvmsg() that times out loses nothing", async () => {
  await using pair = await tcpPair();
  pair.peer.settimeout(0.01);
  await assertRejects(() => pair.peer.recvmsg(10), socket.TimeoutError);
  pair.peer.settimeout(null);
  await pair.client.sendall(bytes(1));
  const [data] = await within(pair.peer.recvmsg(10));
  assertEquals(data, bytes(1));
  assertEquals(data.buffer.byteLength, 1);
});

Deno.test("recvmsg_into() cuts a datagram that does not fit, and sets MSG_TRUNC", async () => {
  using receiver = udpSocket();
  using sender = udpSocket();
  const whole = bytes(1, 2, 3, 4, 5);
  await sender.sendto(whole, receiver.getsockname());
  await sender.sendto(whole, receiver.getsockname());
  const from = sender.getsockname();
  const buffers = [new Uint8Array(1), new Uint8Array(2)];
  assertEquals(
    await within(receiver.recvmsg_into(buffers, 0, socket.MSG_PEEK)),
    [3, [], socket.MSG_TRUNC, from],
  );
  assertEquals(
    await within(receiver.recvmsg_into(buffers)),
    [3, [], socket.MSG_TRUNC, from],
  );
  assertEquals(buffers, [bytes(1), bytes(2, 3)]);
  const room = [new Uint8Array(3), new Uint8Array(9)];
  assertEquals(
    await within(receiver.recvmsg_into(room)),
    [5, [], 0, from],
  );
  assertEquals(room, [bytes(1, 2, 3), bytes(4, 5, 0, 0, 0, 0, 0, 0, 0)]);
});

Deno.test("recvmsg() and recvmsg_into() fail with EBADF, ENOTCONN and EOPNOTSUPP as recv() does", async () => {
  using fresh = socket.socket();
  const closed = socket.socket();
  closed.close();
  await using pair = await tcpPair();
  const cases = [
    [closed, 0, "EBADF"],
    [fresh, 0, "ENOTCONN"],
    [pair.peer, socket.MSG_OOB, "EOPNOTSUPP"],
  ] as const;
  for (const [s, flags, code] of cases) {
    for (
      const call of [
        () => s.recvmsg(1, 0, flags),
        () => s.recvmsg_into([new Uint8Array(1)], 0, flags),
      ]
    ) {
      assertEquals((await assertRejects(call, socket.OSError)).code, code);
    }
  }
});

Deno.test("recvmsg(), recvmsg_into() and sendmsg() take options in place of omitted arguments", async () => {
  await using pair = await tcpPair();
  const reason = new Error("given up");
  const options = { signal: AbortSignal.abort(reason) };
  const { client, peer } = pair;
  const calls: (() => Promise<unknown>)[] = [
    () => peer.recvmsg(1, options),
    () => peer.recvmsg(1, 0, options),
    () => peer.recvmsg(1, 0, 0, options),
    () => peer.recvmsg_into([new Uint8Array(1)], options),
    () => peer.recvmsg_into([new Uint8Array(1)], 0, options),
    () => client.sendmsg([bytes(1)], options),
    () => client.sendmsg([bytes(1)], [], options),
    () => client.sendmsg([bytes(1)], [], 0, options),
    () => client.sendmsg([bytes(1)], [], 0, null, options),
  ];
  for (const call of calls) {
    assertStrictEquals(await assertRejects(call), reason);
  }
  await client.sendall(bytes(2));
  assertEquals((await within(peer.recvmsg(9)))[0], bytes(2));
});

Deno.test("sendmsg() on a stream sends all, with or without a timeout", async () => {
  for (const timeout of [null, 30]) {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    client.settimeout(timeout);
    const received = receiveToEnd(peer);
    const parts = [new Uint8Array(5_000_000), new Uint8Array(3).fill(7)];
    assertEquals(await within(client.sendmsg(parts)), 5_000_003);
    client.close();
    const all = await received;
    assertEquals(all.length, 5_000_003);
    assertEquals(all.subarray(-4), new Uint8Array([0, 7, 7, 7]));
  }
});

Deno.test("sendmsg() that is cancelled reports how much it has sent", async () => {
  await using pair = await tcpPair();
  const parts = Array.from(
    { length: 64 },
    (_, i) => new Uint8Array(1 << 18).fill(i),
  );
  pair.client.settimeout(0.05);
  const counts: number[] = [];
  await assertRejects(async () => {
    while (true) counts.push(await pair.client.sendmsg(parts));
  }, socket.TimeoutError);
  pair.client.close();
  const sent = counts.reduce((sum, n) => sum + n, 0);
  const received = await receiveToEnd(pair.peer);
  assertEquals(received.length, sent);
  assertSameBytes(
    received.subarray(0, counts[0]),
    join(parts).subarray(0, counts[0]),
  );
});

Deno.test("sendmsg() and recvmsg_into() call none of the methods that a subclass may override", async () => {
  class Strict extends socket.Socket<socket.InetAddress> {
    override send = () => Promise.reject(new Error("send() was called"));
    override sendto = () => Promise.reject(new Error("sendto() was called"));
    override recvmsg = () => Promise.reject(new Error("recvmsg() was called"));
  }
  using receiver = new Strict(socket.AF_INET, socket.SOCK_DGRAM);
  receiver.bind(["127.0.0.1", 0]);
  using sender = new Strict(socket.AF_INET, socket.SOCK_DGRAM);
  const to = receiver.getsockname();
  assertEquals(await sender.sendmsg([bytes(1)], [], 0, to), 1);
  await sender.connect(to);
  assertEquals(await sender.sendmsg([bytes(2)]), 1);
  for (const expected of [1, 2]) {
    const buffer = new Uint8Array(1);
    await within(receiver.recvmsg_into([buffer]));
    assertEquals(buffer, bytes(expected));
  }
});

/** Calls with wrong arguments here, and in Python on a connection `a`, `b`. */
const refused: [
  theirs: string,
  error: "TypeError" | "RangeError",
  ours: (a: TcpSocket, b: TcpSocket) => Promise<unknown>,
][] = [
  ["b.recvmsg(-1)", "RangeError", (_, b) => b.recvmsg(-1)],
  ["b.recvmsg(1, -1)", "RangeError", (_, b) => b.recvmsg(1, -1)],
  ["b.recvmsg('1')", "TypeError", (_, b) => b.recvmsg("1" as never)],
  ["b.recvmsg_into(3)", "TypeError", (_, b) => b.recvmsg_into(3 as never)],
  [
    "b.recvmsg_into(bytearray(3))",
    "TypeError",
    (_, b) => b.recvmsg_into(new Uint8Array(3) as never),
  ],
  [
    "b.recvmsg_into(['abc'])",
    "TypeError",
    (_, b) => b.recvmsg_into(["abc"] as never),
  ],
  [
    "b.recvmsg_into([bytearray(1)], -1)",
    "RangeError",
    (_, b) => b.recvmsg_into([bytes(0)], -1),
  ],
  ["a.sendmsg(b'abc')", "TypeError", (a) => a.sendmsg(bytes(1) as never)],
  ["a.sendmsg(['abc'])", "TypeError", (a) => a.sendmsg(["abc"] as never)],
  ["a.sendmsg('abc')", "TypeError", (a) => a.sendmsg("abc" as never)],
  [
    "a.sendmsg([b'a'], 3)",
    "TypeError",
    (a) => a.sendmsg([bytes(1)], 3 as never),
  ],
  [
    "a.sendmsg([b'a'], [3])",
    "TypeError",
    (a) => a.sendmsg([bytes(1)], [3] as never),
  ],
  [
    "a.sendmsg([b'a'], [(1, 2)])",
    "TypeError",
    (a) => a.sendmsg([bytes(1)], [[1, 2]] as never),
  ],
  [
    "a.sendmsg([b'a'], [(1, 2, 'x')])",
    "TypeError",
    (a) => a.sendmsg([bytes(1)], [[1, 2, "x"]] as never),
  ],
  [
    "a.sendmsg([b'a'], [('1', 2, b'')])",
    "TypeError",
    (a) => a.sendmsg([bytes(1)], [["1", 2, bytes()]] as never),
  ],
  [
    "a.sendmsg([b'a'], [], '0')",
    "TypeError",
    (a) => a.sendmsg([bytes(1)], [], "0" as never),
  ],
  [
    "a.sendmsg([b'a'], [], 0, 'localhost')",
    "TypeError",
    (a) => a.sendmsg([bytes(1)], [], 0, "localhost" as never),
  ],
];

const theirs = await pythonOutcomes(
  refused.map(([code]) => code),
  `
l = create_server(("127.0.0.1", 0))
a = create_connection(l.getsockname())
b, _ = l.accept()
b.settimeout(1)`,
);

for (const [i, [code, error, ours]] of refused.entries()) {
  Deno.test(`${code} fails with a ${error}, as in Python, and does nothing`, async () => {
    // Nothing to compare with where there is no Python.
    const expected = theirs[i] ?? error;
    assertEquals(expected.split(":")[0]!.replace("Value", "Range"), error);
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const failed = await assertRejects(() => ours(client, peer));
    assertEquals((failed as Error).name, error);
    await client.sendall(bytes(9));
    assertEquals(await within(peer.recv(10)), bytes(9));
  });
}
