import { assert, assertEquals, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import { processTest, runDeno } from "../support/child.ts";
import { codeOf } from "../support/outcome.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import { canSeeRealOptions, realOption } from "../support/real_option.ts";
import { within } from "../support/within.ts";

const { AF_INET, AF_INET6, SOCK_DGRAM, SOL_SOCKET, IPPROTO_TCP } = socket;
const one = new Uint8Array(1);

/**
 * The ways to a connected socket; each sets the option when it says so, and
 * leaves what is to be closed on the stack.
 */
const ways: readonly [
  way: string,
  connect: (
    set: (s: TcpSocket) => void,
    stack: AsyncDisposableStack,
  ) => Promise<TcpSocket>,
][] = [
  ["set before connect()", async (set, stack) => {
    const server = stack.use(listener());
    const s = stack.use(socket.socket());
    set(s);
    await within(s.connect(server.getsockname()));
    return s;
  }],
  ["set after connect()", async (set, stack) => {
    const server = stack.use(listener());
    const s = stack.use(socket.socket());
    await within(s.connect(server.getsockname()));
    set(s);
    return s;
  }],
  ["set on a bound socket", async (set, stack) => {
    const server = stack.use(listener());
    const s = stack.use(socket.socket());
    s.bind(["127.0.0.1", 0]);
    set(s);
    await within(s.connect(server.getsockname()));
    return s;
  }],
  ["set after connect() from a bound socket", async (set, stack) => {
    const server = stack.use(listener());
    const s = stack.use(socket.socket());
    s.bind(["127.0.0.1", 0]);
    await within(s.connect(server.getsockname()));
    set(s);
    return s;
  }],
  ["set on the listener", async (set, stack) => {
    const server = stack.use(listener());
    set(server);
    const client = stack.use(socket.socket());
    await within(client.connect(server.getsockname()));
    const [conn] = await within(server.accept());
    return stack.use(conn);
  }],
];

const visible = canSeeRealOptions ? "" : " (skipped: it cannot be seen)";
for (
  const [name, level, levelName] of [
    ["TCP_NODELAY", IPPROTO_TCP, "IPPROTO_TCP"],
    ["SO_KEEPALIVE", SOL_SOCKET, "SOL_SOCKET"],
  ] as const
) {
  for (const [way, connect] of ways) {
    Deno.test({
      name: `${name} ${way} takes effect${visible}`,
      ignore: !canSeeRealOptions,
      fn: async () => {
        await using stack = new AsyncDisposableStack();
        const s = await connect(
          (each) => each.setsockopt(level, socket[name], 1),
          stack,
        );
        assertEquals(await realOption(s, levelName, name), 1);
        s.setsockopt(level, socket[name], 0);
        assertEquals(await realOption(s, levelName, name), 0);
      },
    });
  }
}

/** Binds two sockets to one address; the second one's outcome. */
function bindBoth(
  type: number,
  option: "SO_REUSEADDR" | "SO_REUSEPORT",
  values: readonly [number, number],
): string {
  using first = socket.socket(AF_INET, type);
  using second = socket.socket(AF_INET, type);
  first.setsockopt(SOL_SOCKET, socket[option], values[0]);
  second.setsockopt(SOL_SOCKET, socket[option], values[1]);
  first.bind(["127.0.0.1", 0]);
  try {
    second.bind(first.getsockname());
    return "bound";
  } catch (error) {
    assert(error instanceof socket.OSError);
    return error.code;
  }
}

const linux = Deno.build.os === "linux";
for (
  const [what, type] of [
    ["stream", socket.SOCK_STREAM],
    ["datagram", SOCK_DGRAM],
  ] as const
) {
  Deno.test({
    name: `SO_REUSEPORT lets two ${what} sockets bind to one address`,
    ignore: !linux,
    fn: () => {
      assertEquals(bindBoth(type, "SO_REUSEPORT", [1, 1]), "bound");
      assertEquals(bindBoth(type, "SO_REUSEPORT", [1, 0]), "EADDRINUSE");
      assertEquals(bindBoth(type, "SO_REUSEPORT", [0, 1]), "EADDRINUSE");
    },
  });
}

Deno.test({
  name: "SO_REUSEPORT distributes connections over the listeners",
  ignore: !linux,
  fn: async () => {
    const servers = [socket.socket(), socket.socket()] as const;
    for (const each of servers) {
      each.setsockopt(SOL_SOCKET, socket.SO_REUSEPORT, 1);
    }
    servers[0].bind(["127.0.0.1", 0]);
    const address = servers[0].getsockname();
    servers[1].bind(address);
    servers.forEach((each) => each.listen());
    const accepted = [0, 0];
    const loops = servers.map(async (each, i) => {
      for await (const [conn] of each) {
        accepted[i]!++;
        conn.close();
      }
    });
    for (let n = 0; n < 64; n++) {
      await using client = socket.socket();
      await within(client.connect(address));
      assertEquals(await within(client.recv(1)), new Uint8Array(0));
    }
    await Promise.all(servers.map((each) => each[Symbol.asyncDispose]()));
    await within(Promise.all(loops));
    assert(accepted[0]! > 0 && accepted[1]! > 0, String(accepted));
    assertEquals(accepted[0]! + accepted[1]!, 64);
  },
});

Deno.test({
  name: "SO_REUSEADDR lets two datagram sockets bind to one address",
  ignore: !linux,
  fn: () => {
    assertEquals(bindBoth(SOCK_DGRAM, "SO_REUSEADDR", [1, 1]), "bound");
    assertEquals(bindBoth(SOCK_DGRAM, "SO_REUSEADDR", [0, 1]), "EADDRINUSE");
  },
});

Deno.test("SO_REUSEADDR lets no second socket listen at an address", () => {
  assertEquals(
    bindBoth(socket.SOCK_STREAM, "SO_REUSEADDR", [1, 1]),
    "EADDRINUSE",
  );
});

for (const host of ["<broadcast>", "255.255.255.255"]) {
  Deno.test(`sendto() to ${host} fails without SO_BROADCAST`, async () => {
    using s = socket.socket(AF_INET, SOCK_DGRAM);
    assertEquals(await codeOf(() => s.sendto(one, [host, 9])), "EACCES");
    s.setsockopt(SOL_SOCKET, socket.SO_BROADCAST, 1);
    s.setsockopt(SOL_SOCKET, socket.SO_BROADCAST, 0);
    assertEquals(await codeOf(() => s.sendto(one, [host, 9])), "EACCES");
  });
}

/** Two clients, of each family, at a listener on every interface; with both values. */
const dualStack = `
  import * as socket from "@pystd/socket";
  const { AF_INET, AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY } = socket;
  for (const only of [0, 1]) {
    await using server = socket.socket(AF_INET6);
    server.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, only);
    server.bind(["", 0]);
    server.listen();
    const [, port] = server.getsockname();
    await using v4 = socket.socket(AF_INET);
    await v4.connect(["127.0.0.1", port]).catch(() => {});
    await using v6 = socket.socket(AF_INET6);
    await v6.connect(["::1", port]);
    server.settimeout(0.2);
    const hosts = [];
    const conns = [];
    try {
      for (;;) {
        const [conn, [host]] = await server.accept();
        conns.push(conn);
        hosts.push(host);
        console.log(host, conn.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY));
      }
    } catch (error) {
      console.log(error.message);
    }
    for (const conn of conns) conn.close();
  }`;

processTest(
  "IPV6_V6ONLY of 0 lets in IPv4 peers, and of 1 turns them away",
  async () => {
    const { stdout, stderr } = await runDeno({
      code: dualStack,
      permissions: ["--allow-net=[::],[::1],127.0.0.1"],
    });
    assertEquals(stderr, "");
    assertEquals(stdout.trimEnd().split("\n"), [
      "::ffff:127.0.0.1 0",
      "::1 0",
      "timed out",
      "::1 1",
      "timed out",
    ]);
  },
);

Deno.test("IPV6_V6ONLY cannot be changed once the socket has an address", () => {
  using s = socket.socket(AF_INET6);
  const set = () => s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1);
  const get = () => s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY);
  s.bind(["::1", 0]);
  const error = assertThrows(set, socket.OSError);
  assertEquals(error.code, "EINVAL");
  assertEquals(get(), 0);
});
