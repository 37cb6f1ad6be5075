import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import {
  againIfTaken,
  canTakePort,
  withTakenPort,
} from "../support/addresses.ts";
import { checkTogether, processTest, runDeno } from "../support/child.ts";
import { eventually } from "../support/event_loop.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

function bound(address: socket.InetAddress = ["127.0.0.1", 0]): TcpSocket {
  const s = socket.socket();
  try {
    s.bind(address);
    return s;
  } catch (error) {
    s.close();
    throw error;
  }
}

function assertInUse(address: socket.InetAddress): void {
  using s = socket.socket();
  const error = assertThrows(() => s.bind(address), socket.OSError);
  assertEquals(error.code, "EADDRINUSE");
}

/** Connects, and leaves the connection to wait in the listener's queue. */
async function queuedAt(address: socket.InetAddress): Promise<TcpSocket> {
  const client = socket.socket();
  await within(client.connect(address));
  return client;
}

Deno.test("bind() takes a free port, which getsockname() returns", () => {
  using s = socket.socket();
  assertEquals(s.getsockname(), ["0.0.0.0", 0]);
  s.bind(["127.0.0.1", 0]);
  const [host, port] = s.getsockname();
  assertEquals(host, "127.0.0.1");
  assert(port > 0);
});

Deno.test("bind() over IPv6 takes a free port", () => {
  using s = socket.socket(socket.AF_INET6);
  assertEquals(s.getsockname(), ["::", 0, 0, 0]);
  s.bind(["::1", 0]);
  const [host, port, flowinfo, scopeId] = s.getsockname();
  assertEquals([host, flowinfo, scopeId], ["::1", 0, 0]);
  assert(port > 0);
});

for (const host of ["127.1", "0x7f.1", "017700000001", "localhost"]) {
  Deno.test(`bind() to host "${host}" binds to 127.0.0.1`, () => {
    using s = bound([host, 0]);
    assertEquals(s.getsockname()[0], "127.0.0.1");
  });
}

Deno.test("bind() to an address where another socket is bound or listens fails", () => {
  using first = bound();
  assertInUse(first.getsockname());
  first.listen();
  assertInUse(first.getsockname());
});

Deno.test("bind() that failed leaves the socket unbound", () => {
  using first = bound();
  using second = socket.socket();
  assertThrows(() => second.bind(first.getsockname()), socket.OSError);
  assertEquals(second.getsockname(), ["0.0.0.0", 0]);
  second.bind(["127.0.0.1", 0]);
  assertNotEquals(second.getsockname(), first.getsockname());
});

Deno.test("bind() takes an address again once it is closed", async () => {
  await againIfTaken(() => {
    const first = listener();
    const address = first.getsockname();
    first.close();
    using second = bound(address);
    assertEquals(second.getsockname(), address);
  });
});

Deno.test("bind() takes an address again although it had connections", async () => {
  await againIfTaken(async () => {
    const first = listener();
    const address = first.getsockname();
    await using client = socket.socket();
    await within(client.connect(address));
    const [conn] = await within(first.accept());
    // Closed first, so that the connection lingers at this address.
    await conn[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    using second = bound(address);
    assertEquals(second.getsockname(), address);
  });
});

const outstanding: readonly [
  what: string,
  start: (server: TcpSocket) => Promise<unknown>,
][] = [
  ["an accept outstanding", (server) => server.accept()],
  ["an accept outstanding that timed out", async (server) => {
    server.settimeout(0.001);
    await assertRejects(() => server.accept(), socket.TimeoutError);
  }],
  ["an accept outstanding that found nothing", async (server) => {
    server.settimeout(0);
    await assertRejects(() => server.accept(), socket.BlockingIOError);
  }],
];
for (const [what, start] of outstanding) {
  Deno.test(`close() with ${what} frees the address soon`, async () => {
    const server = listener();
    const address = server.getsockname();
    const started = start(server).catch(() => {});
    if (what !== "an accept outstanding") await within(started);
    server.close();
    using again = await eventually(() => bound(address));
    assertEquals(again.getsockname(), address);
    await started;
  });

  Deno.test(`"await using" with ${what} frees the address`, async () => {
    await againIfTaken(async () => {
      let address: socket.InetAddress;
      let started: Promise<unknown>;
      {
        await using server = listener();
        address = server.getsockname();
        started = start(server).catch(() => {});
        if (what !== "an accept outstanding") await within(started);
      }
      using again = bound(address);
      assertEquals(again.getsockname(), address);
      await started;
    });
  });
}

Deno.test("listen() keeps the address, whatever the backlog", () => {
  for (const backlog of [undefined, 0, 1, 5, 128, 1000, -3]) {
    using server = bound();
    const address = server.getsockname();
    server.listen(backlog);
    assertEquals(server.getsockname(), address, String(backlog));
    assertInUse(address);
  }
});

/**
 * Binds a socket, and lets `listen(5)` fail: with another backlog the port is
 * bound again, and `other` has it by then.
 */
function failedToListen(): { s: TcpSocket; other: Deno.Listener } {
  const { bound: s, other } = withTakenPort();
  const error = assertThrows(() => s.listen(5), socket.OSError);
  assertEquals(error.code, "EADDRINUSE");
  return { s, other };
}

Deno.test({
  name: "listen() that failed to take its port again may be called again",
  ignore: !canTakePort,
  fn: () => {
    const { s, other } = failedToListen();
    const address = s.getsockname();
    other.close();
    s.listen(5);
    assertEquals(s.getsockname(), address);
    assertInUse(address);
    s.close();
  },
});

Deno.test({
  name: "close() after a listen() that failed to take its port again",
  ignore: !canTakePort,
  fn: () => {
    const { s, other } = failedToListen();
    s.close();
    assertEquals(s.fileno(), -1);
    other.close();
  },
});

Deno.test("listen() waits for its port, of which a child that is starting has a copy", () => {
  using s = bound();
  const address = s.getsockname();
  const listen = Deno.listen;
  let attempts = 0;
  Deno.listen = ((options: Deno.TcpListenOptions) => {
    if (++attempts < 4) throw new Deno.errors.AddrInUse("Address in use");
    return listen(options);
  }) as typeof Deno.listen;
  try {
    s.listen(5);
  } finally {
    Deno.listen = listen;
  }
  assertEquals(attempts, 4);
  assertEquals(s.getsockname(), address);
});

Deno.test("listen() lets one more connection wait than its backlog", async () => {
  for (const backlog of [0, 1, 3]) {
    await using server = listener(backlog);
    const waiting: TcpSocket[] = [];
    for (let n = 0; n <= backlog; n++) {
      waiting.push(await queuedAt(server.getsockname()));
    }
    await using extra = socket.socket();
    extra.settimeout(0.1);
    await assertRejects(
      () => within(extra.connect(server.getsockname())),
      socket.TimeoutError,
      "timed out",
      `backlog ${backlog}`,
    );
    for (const each of waiting) each.close();
  }
});

Deno.test("listen() called again changes nothing, and loses no connection", async () => {
  await using server = listener();
  await using client = await queuedAt(server.getsockname());
  server.listen(1);
  server.listen();
  const [conn, address] = await within(server.accept());
  await using _ = conn;
  assertEquals(address, client.getsockname());
});

Deno.test("listen() accepts connections that were made after bind()", async () => {
  await using server = bound();
  await using client = await queuedAt(server.getsockname());
  server.listen();
  const [conn, address] = await within(server.accept());
  await using _ = conn;
  assertEquals(address, client.getsockname());
});

Deno.test("listen() of one duplicate lets the other accept", async () => {
  await using first = bound();
  await using second = first.dup();
  assertEquals(second.getsockname(), first.getsockname());
  first.listen();
  await using client = await queuedAt(second.getsockname());
  const [conn, address] = await within(second.accept());
  await using _ = conn;
  assertEquals(address, client.getsockname());
});

/** Programs that need a grant for every interface or for another machine. */
const granted: readonly [what: string, code: string, prints: string[]][] = [
  [
    "listen() binds an unbound socket to a port on every interface",
    `
      for (const [family, host] of [[AF_INET, "127.0.0.1"], [AF_INET6, "::1"]]) {
        await using server = socket.socket(family);
        server.listen();
        const [any, port, ...rest] = server.getsockname();
        await using client = socket.socket(family);
        await client.connect([host, port]);
        const [conn, [from]] = await server.accept();
        await using _ = conn;
        console.log(any, port > 0, rest, from, conn.getsockname()[0]);
      }
      await using server = socket.socket(AF_INET6);
      server.listen();
      await using client = socket.socket(AF_INET);
      await client.connect(["127.0.0.1", server.getsockname()[1]]);
      const [conn, [from]] = await server.accept();
      await using _ = conn;
      console.log(from, conn.getsockname()[0]);`,
    [
      "0.0.0.0 true [] 127.0.0.1 127.0.0.1",
      ":: true [ 0, 0 ] ::1 ::1",
      "::ffff:127.0.0.1 ::ffff:127.0.0.1",
    ],
  ],
  [
    'bind() to host "" is to every interface',
    `
      for (const type of [socket.SOCK_STREAM, socket.SOCK_DGRAM]) {
        for (const family of [AF_INET, AF_INET6]) {
          using s = socket.socket(family, type);
          s.bind(["", 0]);
          console.log(s.getsockname()[0], s.getsockname()[1] > 0);
        }
      }`,
    ["0.0.0.0 true", ":: true", "0.0.0.0 true", ":: true"],
  ],
  [
    "bind() to an address of another machine fails with EADDRNOTAVAIL",
    `
      try {
        socket.socket().bind(["192.0.2.77", 0]);
      } catch (error) {
        console.log(error.name, error.code);
      }`,
    ["OSError EADDRNOTAVAIL"],
  ],
];
processTest(
  "bind() and listen() take the addresses that the kernel allows",
  () =>
    checkTogether(granted, async (some) => {
      const { stdout, stderr } = await runDeno({
        permissions: ["--allow-net=0.0.0.0,127.0.0.1,[::],[::1],192.0.2.77"],
        code: `
          import * as socket from "@pystd/socket";
          const { AF_INET, AF_INET6 } = socket;
          ${
          some.map(([what, code]) =>
            `console.log(${JSON.stringify(what)}); {${code}}`
          ).join("\n")
        }`,
      });
      assertEquals(stderr, "");
      assertEquals(
        stdout.trimEnd().split("\n"),
        some.flatMap(([what, , prints]) => [what, ...prints]),
      );
    }),
);

Deno.test("bind() and connect() take the address as one argument", async () => {
  using s = socket.socket();
  const bind = s.bind as (...args: unknown[]) => void;
  assertThrows(() => bind.call(s, "127.0.0.1", 0), TypeError);
  assertThrows(() => bind.call(s, ["127.0.0.1", 0], 1), TypeError);
  const connect = s.connect as (...args: unknown[]) => Promise<void>;
  await assertRejects(
    () => within(connect.call(s, "127.0.0.1", 1)),
    TypeError,
  );
});

Deno.test("listen() takes an integer", () => {
  using s = bound();
  for (const backlog of ["5", 1.5, null, NaN, 5n]) {
    assertThrows(() => s.listen(backlog as number), TypeError);
  }
  assertThrows(() => s.listen(2 ** 31), RangeError);
  s.listen();
});
