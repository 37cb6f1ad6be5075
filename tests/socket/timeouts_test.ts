import {
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { outcomeOf } from "../support/outcome.ts";
import { listener, tcpPair, udpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

/** Runs with a default timeout, and sets it back. */
async function withDefault(
  timeout: number | null,
  use: () => Promise<void> | void,
): Promise<void> {
  socket.setdefaulttimeout(timeout);
  try {
    await use();
  } finally {
    socket.setdefaulttimeout(null);
  }
}

Deno.test("getdefaulttimeout() is null at first", () => {
  assertEquals(socket.getdefaulttimeout(), null);
  using s = socket.socket();
  assertEquals(s.gettimeout(), null);
  assertEquals(s.timeout, null);
  assertEquals(s.getblocking(), true);
});

Deno.test("setdefaulttimeout() is for sockets made from then on", async () => {
  using before = socket.socket();
  await withDefault(2.5, () => {
    assertEquals(socket.getdefaulttimeout(), 2.5);
    using s = socket.socket();
    assertEquals(s.gettimeout(), 2.5);
    using datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
    assertEquals(datagram.gettimeout(), 2.5);
    assertEquals(before.gettimeout(), null);
  });
  using after = socket.socket();
  assertEquals(after.gettimeout(), null);
});

Deno.test("setdefaulttimeout() of 0 makes sockets that do not block", async () => {
  await withDefault(0, () => {
    using s = socket.socket();
    assertEquals(s.getblocking(), false);
    assertEquals(s.gettimeout(), 0);
  });
});

Deno.test("setdefaulttimeout() bounds calls", async () => {
  await withDefault(0.01, async () => {
    await using server = listener();
    await assertRejects(
      () => within(server.accept()),
      socket.TimeoutError,
      "timed out",
    );
  });
});

Deno.test("SOCK_NONBLOCK goes before the default timeout", async () => {
  const { AF_INET, SOCK_STREAM, SOCK_NONBLOCK } = socket;
  await withDefault(2, () => {
    using s = socket.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    assertEquals(s.gettimeout(), 0);
    assertEquals(s.type, SOCK_STREAM);
  });
});

Deno.test("gettimeout() gives exactly what settimeout() was given", () => {
  using s = socket.socket();
  for (
    const value of [0, 1, 0.1, 0.3, 1.001, 2.3, 1e-9, 4.35, 1e9, null]
  ) {
    s.settimeout(value);
    assertEquals(s.gettimeout(), value);
    assertEquals(s.timeout, value);
    assertEquals(s.getblocking(), value !== 0);
  }
});

Deno.test("setblocking() is a timeout of null or 0", () => {
  using s = socket.socket();
  s.setblocking(false);
  assertEquals([s.gettimeout(), s.getblocking()], [0, false]);
  s.setblocking(true);
  assertEquals([s.gettimeout(), s.getblocking()], [null, true]);
});

const wrong: readonly [value: unknown, Class: typeof TypeError][] = [
  [-1, RangeError],
  [-0.001, RangeError],
  [NaN, RangeError],
  [Infinity, RangeError],
  [1e10, RangeError],
  ["1", TypeError],
  [undefined, TypeError],
  [true, TypeError],
  [{}, TypeError],
  [1n, TypeError],
];
for (const [value, Class] of wrong) {
  Deno.test(`settimeout() refuses ${Deno.inspect(value)}`, () => {
    using s = socket.socket();
    s.settimeout(7);
    assertThrows(() => s.settimeout(value as number), Class);
    assertEquals(s.gettimeout(), 7);
    assertThrows(() => socket.setdefaulttimeout(value as number), Class);
    assertEquals(socket.getdefaulttimeout(), null);
  });
}

Deno.test("a timeout ends a call neither early nor much too late", async () => {
  await using both = await tcpPair();
  using datagram = udpSocket();
  await using server = listener();
  for (
    const call of [
      () => both.client.recv(1),
      () => datagram.recv(1),
      () => server.accept(),
    ]
  ) {
    for (const s of [both.client, datagram, server]) s.settimeout(0.05);
    const startMs = performance.now();
    await assertRejects(() => within<unknown>(call()), socket.TimeoutError);
    const tookMs = performance.now() - startMs;
    assertGreaterOrEqual(tookMs, 49.9);
    assertLess(tookMs, 1000);
  }
});

Deno.test("a timeout bounds each call, not the socket", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  client.settimeout(0.2);
  for (let n = 0; n < 5; n++) {
    const receiving = client.recv(1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await within(peer.sendall(new Uint8Array([n])));
    assertEquals(await within(receiving), new Uint8Array([n]));
  }
});

Deno.test("a timeout bounds the whole of sendall() and of MSG_WAITALL", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  client.settimeout(0.1);
  const drip = (async () => {
    for (let n = 0; n < 10; n++) {
      await peer.sendall(new Uint8Array(1));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  })();
  const startMs = performance.now();
  await assertRejects(
    () => within(client.recv(10, socket.MSG_WAITALL)),
    socket.TimeoutError,
  );
  assertLess(performance.now() - startMs, 250);
  await drip;
});

Deno.test("settimeout() leaves the calls that wait already", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const waiting = client.recv(1);
  client.settimeout(0.01);
  await assertRejects(() => within(client.recv(1)), socket.TimeoutError);
  await within(peer.sendall(new Uint8Array([7])));
  assertEquals(await within(waiting), new Uint8Array([7]));

  client.settimeout(0.05);
  const bounded = client.recv(1);
  client.settimeout(null);
  await assertRejects(() => within(bounded), socket.TimeoutError);
});

Deno.test("calls of one socket end each at its own time", async () => {
  await using both = await tcpPair();
  const { client } = both;
  const startMs = performance.now();
  const calls = [0.6, 0.02, 0.3].map(async (seconds) => {
    client.settimeout(seconds);
    await assertRejects(() => client.recv(1), socket.TimeoutError);
    return performance.now() - startMs - seconds * 1000;
  });
  for (const lateMs of await within(Promise.all(calls))) {
    assertGreaterOrEqual(lateMs, -0.1);
    assertLess(lateMs, 250);
  }
});

const programs = [
  ["s.gettimeout()", (s) => s.gettimeout()],
  ["s.settimeout(1.5); s.gettimeout()", (s) => {
    s.settimeout(1.5);
    return s.gettimeout();
  }],
  ["s.setblocking(False); s.gettimeout()", (s) => {
    s.setblocking(false);
    return s.gettimeout() === 0 ? "zero" : "other";
  }],
  ["s.settimeout(0); s.getblocking()", (s) => {
    s.settimeout(0);
    return s.getblocking();
  }],
  ["s.settimeout(5); s.getblocking()", (s) => {
    s.settimeout(5);
    return s.getblocking();
  }],
  ["s.settimeout(5); s.setblocking(True); s.gettimeout()", (s) => {
    s.settimeout(5);
    s.setblocking(true);
    return s.gettimeout();
  }],
  ["s.settimeout(1.001); s.gettimeout()", (s) => {
    s.settimeout(1.001);
    return s.gettimeout();
  }],
] satisfies [string, (s: socket.Socket) => unknown][];
Deno.test({
  name: `timeouts are as python3's${
    python === null ? " (skipped: no python3)" : ""
  }`,
  ignore: python === null,
  fn: async () => {
    const theirs = await pythonOutcomes(
      programs.map(([each]) => each),
      "s = socket()",
    );
    for (const [i, [program, ours]] of programs.entries()) {
      using s = socket.socket();
      // Python writes 0.0 for what is 0 here.
      const outcome = (await outcomeOf(() => ours(s))).replace('"zero"', "0.0");
      assertEquals(outcome, theirs[i], program);
    }
  },
});
