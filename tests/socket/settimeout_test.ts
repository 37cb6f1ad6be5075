import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import { outcomeOf } from "../support/outcome.ts";
import { listener } from "../support/pair.ts";
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

Deno.test("setdefaulttimeout() applies to sockets that are created later", async () => {
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

Deno.test("setdefaulttimeout() applies to accepted sockets too, and bounds calls", async () => {
  using server = listener();
  await withDefault(0.05, async () => {
    using client = socket.socket();
    await within(client.connect(server.getsockname()));
    using conn = (await within(server.accept()))[0];
    assertEquals(conn.gettimeout(), 0.05);
    await assertRejects(() => within(conn.recv(1)), socket.TimeoutError);
  });
  assertEquals(server.gettimeout(), null);
});

Deno.test("setdefaulttimeout() of 0 makes new sockets non-blocking", async () => {
  await withDefault(0, () => {
    using s = socket.socket();
    assertEquals(s.getblocking(), false);
    assertEquals(s.gettimeout(), 0);
  });
});

Deno.test("SOCK_NONBLOCK takes precedence over the default timeout", async () => {
  const { AF_INET, SOCK_STREAM, SOCK_NONBLOCK } = socket;
  await withDefault(2, () => {
    using s = socket.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    assertEquals(s.gettimeout(), 0);
    assertEquals(s.type, SOCK_STREAM);
  });
});

Deno.test("gettimeout() returns exactly the argument of settimeout()", () => {
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

Deno.test("setblocking() sets a timeout of null or 0", () => {
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
  Deno.test(`settimeout() rejects ${Deno.inspect(value)}`, () => {
    using s = socket.socket();
    s.settimeout(7);
    assertThrows(() => s.settimeout(value as number), Class);
    assertEquals(s.gettimeout(), 7);
    assertThrows(() => socket.setdefaulttimeout(value as number), Class);
    assertEquals(socket.getdefaulttimeout(), null);
  });
}

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
  name: `timeouts are those of python3${
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
