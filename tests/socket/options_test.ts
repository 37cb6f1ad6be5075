import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import { listener, tcpPair, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

const { SOL_SOCKET, IPPROTO_TCP } = socket;

interface Flag {
  name: string;
  level: number;
  option: number;
}

const flags: readonly Flag[] = [
  { name: "SO_REUSEADDR", level: SOL_SOCKET, option: socket.SO_REUSEADDR },
  { name: "SO_REUSEPORT", level: SOL_SOCKET, option: socket.SO_REUSEPORT },
  { name: "SO_BROADCAST", level: SOL_SOCKET, option: socket.SO_BROADCAST },
  { name: "SO_KEEPALIVE", level: SOL_SOCKET, option: socket.SO_KEEPALIVE },
  { name: "TCP_NODELAY", level: IPPROTO_TCP, option: socket.TCP_NODELAY },
].filter(({ option }) => option !== undefined);

/** A socket in each state. */
const states: Readonly<
  Record<string, (use: (s: TcpSocket) => Promise<void> | void) => Promise<void>>
> = {
  async fresh(use) {
    using s = socket.socket();
    await use(s);
  },
  async bound(use) {
    using s = socket.socket();
    s.bind(["127.0.0.1", 0]);
    await use(s);
  },
  async listening(use) {
    using s = listener();
    await use(s);
  },
  async connected(use) {
    await using both = await tcpPair();
    await use(both.client);
  },
  async accepted(use) {
    await using both = await tcpPair();
    await use(both.peer);
  },
};

for (const { name, level, option } of flags) {
  for (const [state, withState] of Object.entries(states)) {
    Deno.test(`${name} of a ${state} socket is set and read back`, () =>
      withState((s) => {
        assertEquals(s.getsockopt(level, option), 0);
        for (
          const [value, read] of [
            [1, 1],
            [0, 0],
            [2, 1],
            [-1, 1],
            [false, 0],
            [true, 1],
            [new Uint8Array(4), 0],
            [new Uint8Array([0, 0, 1, 0]), 1],
            [new Uint8Array([0, 0, 0, 0, 1]), 0],
          ] as const
        ) {
          s.setsockopt(level, option, value);
          assertEquals(s.getsockopt(level, option), read, String(value));
        }
      }));
  }

  Deno.test(`${name} is shared by duplicates`, () => {
    using s = socket.socket();
    using copy = s.dup();
    copy.setsockopt(level, option, 1);
    assertEquals(s.getsockopt(level, option), 1);
  });

  Deno.test(`${name} is inherited by accepted sockets`, async () => {
    await using server = listener();
    server.setsockopt(level, option, 1);
    await using client = socket.socket();
    await within(client.connect(server.getsockname()));
    const [conn] = await within(server.accept());
    await using _ = conn;
    assertEquals(conn.getsockopt(level, option), 1);
    conn.setsockopt(level, option, 0);
    assertEquals(server.getsockopt(level, option), 1);
    assertEquals(client.getsockopt(level, option), 0);
  });
}

const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
Deno.test("getsockopt() returns bytes of the length that is asked for", () => {
  using s = socket.socket();
  s.setsockopt(SOL_SOCKET, socket.SO_KEEPALIVE, 1);
  const whole = little ? [1, 0, 0, 0] : [0, 0, 0, 1];
  for (const length of [1, 2, 3, 4]) {
    assertEquals(
      s.getsockopt(SOL_SOCKET, socket.SO_KEEPALIVE, length),
      new Uint8Array(whole.slice(0, length)),
    );
  }
  // The system says how long the value is.
  assertEquals(
    s.getsockopt(SOL_SOCKET, socket.SO_KEEPALIVE, 1024),
    new Uint8Array(whole),
  );
});

Deno.test("SO_TYPE, SO_DOMAIN and SO_PROTOCOL describe the socket", () => {
  const { SO_TYPE, SO_DOMAIN, SO_PROTOCOL, AF_INET, AF_INET6 } = socket;
  const { SOCK_STREAM, SOCK_DGRAM, SOCK_NONBLOCK } = socket;
  for (const family of [AF_INET, AF_INET6]) {
    for (const [type, proto] of [[SOCK_STREAM, 6], [SOCK_DGRAM, 17]] as const) {
      for (const given of [0, proto]) {
        using s = socket.socket(family, type | SOCK_NONBLOCK, given);
        assertEquals(s.getsockopt(SOL_SOCKET, SO_TYPE), type);
        assertEquals(s.getsockopt(SOL_SOCKET, SO_DOMAIN), family);
        assertEquals(s.getsockopt(SOL_SOCKET, SO_PROTOCOL), proto);
      }
    }
  }
});

Deno.test("SO_ACCEPTCONN reports whether a socket listens", async () => {
  using s = socket.socket();
  const listening = () => s.getsockopt(SOL_SOCKET, socket.SO_ACCEPTCONN);
  assertEquals(listening(), 0);
  s.bind(["127.0.0.1", 0]);
  assertEquals(listening(), 0);
  s.listen();
  assertEquals(listening(), 1);
  await within(s.shutdown(socket.SHUT_RDWR));
  assertEquals(listening(), 0);
});

Deno.test("SO_ERROR is 0 if nothing has failed", async () => {
  for (const withState of Object.values(states)) {
    await withState((s) => {
      assertEquals(s.getsockopt(SOL_SOCKET, socket.SO_ERROR), 0);
    });
  }
});

for (
  const name of [
    "SO_TYPE",
    "SO_DOMAIN",
    "SO_PROTOCOL",
    "SO_ERROR",
    "SO_ACCEPTCONN",
  ] as const
) {
  Deno.test(`${name} cannot be set`, () => {
    using s = socket.socket();
    const error = assertThrows(
      () => s.setsockopt(SOL_SOCKET, socket[name], 1),
      socket.OSError,
      name,
    );
    assertEquals(error.code, "ENOPROTOOPT");
  });
}

/** A `struct timeval`. */
function timeval(seconds: number, micros: number): Uint8Array {
  return new Uint8Array(
    new BigInt64Array([BigInt(seconds), BigInt(micros)]).buffer,
  );
}

const windows = Deno.build.os === "windows";
Deno.test({
  name: "SO_RCVTIMEO bounds receiving alone, and fails with EAGAIN",
  ignore: windows,
  fn: async () => {
    await using both = await tcpPair();
    const { client } = both;
    const value = timeval(0, 20_000);
    client.setsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, value);
    assertEquals(
      client.getsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, 16),
      value,
    );
    await assertRejects(
      () => within(client.recv(1)),
      socket.BlockingIOError,
      `[Errno ${errno.EAGAIN}]`,
    );
    const sending = client.sendall(new Uint8Array(10_000_000));
    const stuck = Symbol();
    const pause = new Promise((resolve) => setTimeout(resolve, 60, stuck));
    assertEquals(await Promise.race([sending, pause]), stuck);
    // Its own timeout goes before.
    client.settimeout(0.01);
    await assertRejects(
      () => within(client.recv(1)),
      socket.TimeoutError,
      "timed out",
    );
    both.peer.close();
    await assertRejects(() => within(sending), socket.OSError);
  },
});

Deno.test({
  name: "SO_RCVTIMEO bounds accept(), and is inherited",
  ignore: windows,
  fn: async () => {
    await using server = listener();
    server.setsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, timeval(0, 20_000));
    await assertRejects(
      () => within(server.accept()),
      socket.BlockingIOError,
    );
    await using client = socket.socket();
    await within(client.connect(server.getsockname()));
    const [conn] = await within(server.accept());
    await using _ = conn;
    await assertRejects(() => within(conn.recv(1)), socket.BlockingIOError);
  },
});

Deno.test({
  name: "SO_SNDTIMEO bounds sending alone, and fails with EAGAIN",
  ignore: windows,
  fn: async () => {
    await using both = await tcpPair();
    const { client, peer } = both;
    client.setsockopt(SOL_SOCKET, socket.SO_SNDTIMEO, timeval(0, 20_000));
    await assertRejects(
      () => within(client.sendall(new Uint8Array(10_000_000))),
      socket.BlockingIOError,
    );
    const receiving = client.recv(1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await within(peer.sendall(new Uint8Array([7])));
    assertEquals(await within(receiving), new Uint8Array([7]));
  },
});

Deno.test({
  name: "SO_RCVTIMEO of 0 means no limit, and below 0 no wait",
  ignore: windows,
  fn: async () => {
    await using both = await tcpPair();
    const { client, peer } = both;
    client.setsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, timeval(-1, 0));
    await assertRejects(() => within(client.recv(1)), socket.BlockingIOError);
    client.setsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, timeval(0, 0));
    const receiving = client.recv(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await within(peer.sendall(new Uint8Array([7])));
    assertEquals(await within(receiving), new Uint8Array([7]));
  },
});

const refused: readonly [
  what: string,
  value: number | Uint8Array,
  code: string,
][] = [
  ["a number", 1, "EINVAL"],
  ["too few bytes", new Uint8Array(15), "EINVAL"],
  ["a million microseconds", timeval(0, 1_000_000), "EDOM"],
  ["negative microseconds", timeval(0, -1), "EDOM"],
];
for (const [what, value, code] of refused) {
  Deno.test({
    name: `SO_RCVTIMEO of ${what} fails with ${code}`,
    ignore: windows,
    fn: () => {
      using s = socket.socket();
      const error = assertThrows(
        () => s.setsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, value),
        socket.OSError,
      );
      assertEquals(error.code, code);
      assertEquals(
        s.getsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, 16),
        new Uint8Array(16),
      );
    },
  });
}

Deno.test("getsockopt() and setsockopt() check their arguments", () => {
  using s = socket.socket();
  const set = s.setsockopt.bind(s) as (...args: unknown[]) => void;
  const get = s.getsockopt.bind(s) as (...args: unknown[]) => unknown;
  const { SO_KEEPALIVE } = socket;
  for (const value of ["1", 1.5, null, undefined, 1n, [1], NaN]) {
    assertThrows(() => set(SOL_SOCKET, SO_KEEPALIVE, value), TypeError);
    assertThrows(() => set(value, SO_KEEPALIVE, 1), TypeError);
    assertThrows(() => get(SOL_SOCKET, value), TypeError);
  }
  assertThrows(() => set(SOL_SOCKET, SO_KEEPALIVE, 2 ** 31), RangeError);
  assertThrows(() => get(SOL_SOCKET, SO_KEEPALIVE, -1), RangeError);
  assertThrows(() => get(SOL_SOCKET, SO_KEEPALIVE, 1025), RangeError);
  assertThrows(() => get(SOL_SOCKET, SO_KEEPALIVE, "4"), TypeError);
  assertEquals(s.getsockopt(SOL_SOCKET, SO_KEEPALIVE), 0);
});
