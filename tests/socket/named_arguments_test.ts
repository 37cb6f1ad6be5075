import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode } from "../support/bytes.ts";
import { nextDescriptor } from "../support/descriptor.ts";
import { listener, tcpPair, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

// Programs of Python name optional arguments. Each may also stand in the last
// object, once.

const { MSG_PEEK } = socket;
const buffer = () => new Uint8Array(8);

/** Calls that only peek if their flags arrive, and what they return. */
const peeks: Record<string, (s: TcpSocket) => Promise<number>> = {
  "recv(n, { flags })": async (s) =>
    (await s.recv(4, { flags: MSG_PEEK })).length,
  "recv(n, 0, {})": async (s) => (await s.recv(4, MSG_PEEK, {})).length,
  "recv_into(buffer, { nbytes, flags })": (s) =>
    s.recv_into(buffer(), { nbytes: 4, flags: MSG_PEEK }),
  "recv_into(buffer, nbytes, { flags })": (s) =>
    s.recv_into(buffer(), 4, { flags: MSG_PEEK }),
  "recvfrom(n, { flags })": async (s) =>
    (await s.recvfrom(4, { flags: MSG_PEEK }))[0].length,
  "recvfrom_into(buffer, { nbytes, flags })": async (s) =>
    (await s.recvfrom_into(buffer(), { nbytes: 4, flags: MSG_PEEK }))[0],
  "recvmsg(n, { flags })": async (s) =>
    (await s.recvmsg(4, { flags: MSG_PEEK }))[0].length,
  "recvmsg(n, { ancbufsize, flags })": async (s) =>
    (await s.recvmsg(4, { ancbufsize: 16, flags: MSG_PEEK }))[0].length,
  "recvmsg(n, ancbufsize, { flags })": async (s) =>
    (await s.recvmsg(4, 16, { flags: MSG_PEEK }))[0].length,
  "recvmsg_into(buffers, { flags })": async (s) =>
    (await s.recvmsg_into([new Uint8Array(4)], { flags: MSG_PEEK }))[0],
};

for (const [name, call] of Object.entries(peeks)) {
  Deno.test(`${name} takes its optional arguments by name`, async () => {
    await using pair = await tcpPair();
    await pair.peer.sendall(encode("abcdefgh"));
    await pair.client.recv(8, MSG_PEEK | socket.MSG_WAITALL);
    assertEquals(await within(call(pair.client)), 4);
    assertEquals(decode(await within(pair.client.recv(8))), "abcdefgh");
  });
}

const sends: Record<string, (s: TcpSocket) => Promise<unknown>> = {
  "send(data, { flags })": (s) =>
    s.send(encode("x"), { flags: socket.MSG_NOSIGNAL }),
  "sendall(data, { flags })": (s) =>
    s.sendall(encode("x"), { flags: socket.MSG_NOSIGNAL }),
  "sendmsg(buffers, { ancdata, flags })": (s) =>
    s.sendmsg([encode("x")], { ancdata: [], flags: socket.MSG_NOSIGNAL }),
  "sendmsg(buffers, ancdata, { flags })": (s) =>
    s.sendmsg([encode("x")], [], { flags: socket.MSG_NOSIGNAL }),
};
const empty: socket.Readable = { read: () => Promise.resolve(null) };
const UNKNOWN_FLAG = 1 << 20;

for (const [name, call] of Object.entries(sends)) {
  Deno.test(`${name} takes its optional arguments by name, and checks them`, async () => {
    await using pair = await tcpPair();
    await within(call(pair.client));
    assertEquals(decode(await within(pair.peer.recv(8))), "x");
  });
}

/** Options that the types do not let a call have. */
function untyped(options: object): socket.SignalOption {
  return options;
}

/** Calls with an argument that is given twice, or that there is not. */
const refused: Record<string, (s: TcpSocket) => Promise<unknown>> = {
  "recv(): flags was given twice": (s) => s.recv(1, 0, untyped({ flags: 0 })),
  "recv_into(): nbytes was given twice": (s) =>
    s.recv_into(buffer(), 1, untyped({ nbytes: 1 })),
  "recv_into(): flags was given twice": (s) =>
    s.recv_into(buffer(), 1, 0, untyped({ flags: 0 })),
  "recvfrom(): flags was given twice": (s) =>
    s.recvfrom(1, 0, untyped({ flags: 0 })),
  "recvfrom_into(): flags was given twice": (s) =>
    s.recvfrom_into(buffer(), 1, 0, untyped({ flags: 0 })),
  "recvmsg(): flags was given twice": (s) =>
    s.recvmsg(1, 0, 0, untyped({ flags: 0 })),
  "recvmsg_into(): flags was given twice": (s) =>
    s.recvmsg_into([buffer()], 0, 0, untyped({ flags: 0 })),
  "send(): flags was given twice": (s) =>
    s.send(buffer(), 0, untyped({ flags: 0 })),
  "sendall(): flags was given twice": (s) =>
    s.sendall(buffer(), 0, untyped({ flags: 0 })),
  "sendmsg(): flags was given twice": (s) =>
    s.sendmsg([buffer()], [], 0, null, untyped({ flags: 0 })),
  "sendfile(): offset was given twice": (s) =>
    s.sendfile(empty, 0, { offset: 0 }),
  "recv(): options come last": (s) => s.recv(1, {}, {}),
};

for (const [name, call] of Object.entries(refused)) {
  Deno.test(`${name}, which is a TypeError that consumes nothing`, async () => {
    await using pair = await tcpPair();
    await pair.peer.sendall(encode("kept"));
    await pair.client.recv(4, MSG_PEEK | socket.MSG_WAITALL);
    const [, what] = name.split(": ");
    await assertRejects(
      () => within<unknown>(call(pair.client)),
      TypeError,
      what!,
    );
    assertEquals(decode(await within(pair.client.recv(8))), "kept");
  });
}

Deno.test("flags by name are checked as by position", async () => {
  await using pair = await tcpPair();
  for (
    const call of [
      () => pair.client.recv(1, { flags: UNKNOWN_FLAG }),
      () => pair.client.send(encode("x"), { flags: UNKNOWN_FLAG }),
    ]
  ) {
    const error = await assertRejects(
      () => within<unknown>(call()),
      socket.OSError,
    );
    assertEquals(error.code, "EOPNOTSUPP");
  }
});

Deno.test("sendfile() takes offset and count by name", async () => {
  const content = encode("0123456789");
  for (
    const call of [
      (s: TcpSocket, file: socket.Readable) =>
        s.sendfile(file, { offset: 2, count: 5 }),
      (s: TcpSocket, file: socket.Readable) =>
        s.sendfile(file, 2, { count: 5 }),
      (s: TcpSocket, file: socket.Readable) => s.sendfile(file, 2, 5),
    ]
  ) {
    await using pair = await tcpPair();
    let position = 0;
    const file: socket.Readable = {
      read(p) {
        const part = content.subarray(position, position + p.length);
        p.set(part);
        position += part.length;
        return Promise.resolve(part.length || null);
      },
      seek: (offset) => Promise.resolve(position = Number(offset)),
    };
    assertEquals(await within(call(pair.client, file)), 5);
    assertEquals(decode(await within(pair.peer.recv(10))), "23456");
  }
});

Deno.test("create_connection() takes its optional arguments by name", async () => {
  await using server = listener();
  const address = server.getsockname();
  const source_address = ["127.0.0.1", 0] as const;
  for (
    const [call, timeout] of [
      [() => socket.create_connection(address, { timeout: 5 }), 5],
      [() => socket.create_connection(address, { source_address }), null],
      [() => socket.create_connection(address, 5, { source_address }), 5],
      [
        () => socket.create_connection(address, null, { all_errors: true }),
        null,
      ],
      [
        () => socket.create_connection(address, { timeout: 5, source_address }),
        5,
      ],
      [() => socket.create_connection(address, 5, source_address, {}), 5],
    ] as const
  ) {
    await using client = await within(call());
    assertEquals(client.gettimeout(), timeout);
    assertEquals(client.getpeername(), address);
  }
});

const { AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM } = socket;

/** Sockets made with names: a datagram socket over IPv6 each. */
const made: Record<string, () => socket.Socket> = {
  "socket({ family, type, proto })": () =>
    socket.socket({
      family: AF_INET6,
      type: SOCK_DGRAM,
      proto: socket.IPPROTO_UDP,
    }),
  "socket(family, { type, proto })": () =>
    socket.socket(AF_INET6, { type: SOCK_DGRAM, proto: socket.IPPROTO_UDP }),
  "socket(family, type, { proto })": () =>
    socket.socket(AF_INET6, SOCK_DGRAM, { proto: socket.IPPROTO_UDP }),
  "socket(family, type, proto, {})": () =>
    socket.socket(AF_INET6, SOCK_DGRAM, socket.IPPROTO_UDP, {}),
  "new Socket({ family, type, proto })": () =>
    new socket.Socket({
      family: AF_INET6,
      type: SOCK_DGRAM,
      proto: socket.IPPROTO_UDP,
      fileno: null,
    }),
};

for (const [name, make] of Object.entries(made)) {
  Deno.test(`${name} takes its arguments by name`, () => {
    using s = make();
    assertEquals(
      [s.family, s.type, s.proto],
      [AF_INET6, SOCK_DGRAM, socket.IPPROTO_UDP],
    );
  });
}

Deno.test("socket() takes a descriptor by name, and has its family and type", () => {
  const fileno = socket.socket(AF_UNIX, SOCK_DGRAM).detach();
  using all = socket.socket({ fileno });
  assertEquals([all.family, all.type], [AF_UNIX, SOCK_DGRAM] as const);
  assertEquals(all.fileno(), fileno);
  all.detach();
  using last = socket.socket(AF_UNIX, SOCK_STREAM, 0, { fileno });
  assertEquals(last.type, SOCK_DGRAM);
});

Deno.test("fromfd() takes proto by name", () => {
  using s = socket.socket();
  using copy = socket.fromfd(s.fileno(), socket.AF_INET, SOCK_STREAM, {
    proto: 0,
  });
  assertEquals(copy.family, socket.AF_INET);
});

Deno.test("socketpair() takes its arguments by name", async () => {
  for (
    const call of [
      () => socket.socketpair({ type: SOCK_DGRAM }),
      () => socket.socketpair({ family: AF_UNIX, type: SOCK_DGRAM, proto: 0 }),
      () => socket.socketpair(AF_UNIX, { type: SOCK_DGRAM }),
      () => socket.socketpair(AF_UNIX, SOCK_DGRAM, { proto: 0 }),
    ]
  ) {
    const [a, b] = await within(call());
    assertEquals([a.type, b.family], [SOCK_DGRAM, AF_UNIX]);
    a.close();
    b.close();
  }
});

Deno.test("listen() takes backlog by name", () => {
  using s = socket.socket();
  s.bind(["127.0.0.1", 0]);
  s.listen({ backlog: 5 });
  s.listen({});
  assertEquals(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1);
});

Deno.test("getsockopt() takes buflen by name", () => {
  using s = socket.socket();
  const bytes = s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, {
    buflen: 4,
  });
  assertEquals(bytes, new Uint8Array(4));
});

/** Synchronous calls with an argument that is given twice, or does not exist. */
const refusedAtOnce: Record<string, (s: socket.Socket) => unknown> = {
  "socket(): family was given twice": () =>
    socket.socket(AF_INET6, { family: AF_INET6 }),
  "socket(): type was given twice": () =>
    socket.socket(AF_INET6, SOCK_DGRAM, { type: SOCK_DGRAM }),
  'socket(): no option "timeout"': () =>
    socket.socket({ timeout: 5 } as socket.SocketOptions),
  'socket(): no option "signal"': () =>
    socket.socket({
      signal: new AbortController().signal,
    } as socket.SocketOptions),
  "socket(): options come last": () =>
    socket.socket({ type: SOCK_DGRAM } as unknown as socket.Family, 1),
  "socket(): family must be an integer, received undefined": () =>
    socket.socket(undefined as unknown as socket.Family, { type: SOCK_DGRAM }),
  "socket(): type must be an integer, received undefined": () =>
    socket.socket(AF_INET6, { type: undefined as unknown as number }),
  "socket(): fileno must be an integer": () =>
    socket.socket({ fileno: "3" as unknown as number }),
  "fromfd(): proto must be an integer": (s) =>
    socket.fromfd(s.fileno(), AF_INET6, SOCK_STREAM, {
      proto: "0" as unknown as number,
    }),
  "listen(): backlog was given twice": (s) => s.listen(5, { backlog: 5 }),
  'listen(): no option "size"': (s) => s.listen({ size: 5 } as object),
  'getsockopt(): no option "len"': (s) =>
    s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE, { len: 5 } as never),
};

for (const [name, call] of Object.entries(refusedAtOnce)) {
  Deno.test(`${name}, which is a TypeError that opens nothing`, () => {
    using s = socket.socket(AF_INET6);
    const next = nextDescriptor();
    const [, what] = name.split(": ");
    assertThrows(() => call(s), TypeError, what!);
    assertEquals(nextDescriptor(), next);
  });
}

Deno.test("socketpair() rejects an argument that is given twice", async () => {
  await assertRejects(
    () => within(socket.socketpair(AF_UNIX, { family: AF_UNIX })),
    TypeError,
    "family was given twice",
  );
});
