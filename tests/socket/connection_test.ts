import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { within } from "../support/within.ts";

/** A port of loopback that nobody listens on. */
function closedPort(): number {
  using taken = socket.create_server(["127.0.0.1", 0]);
  return taken.getsockname()[1];
}

Deno.test("create_connection() connects by number and by name", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const [, port] = server.getsockname();
  for (const host of ["127.0.0.1", "localhost"]) {
    using client = await within(socket.create_connection([host, port]));
    assertEquals(client.getpeername(), ["127.0.0.1", port]);
    (await server.accept())[0].close();
  }
});

Deno.test("create_connection() tries the next address when one refuses", async () => {
  using server = socket.create_server(["::1", 0], { family: socket.AF_INET6 });
  const [, port] = server.getsockname();
  using client = await within(socket.create_connection(["::1", port]));
  assertEquals(client.family, socket.AF_INET6 as number);
});

Deno.test("create_connection() sets the timeout, or leaves the default one", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  using timed = await socket.create_connection(server.getsockname(), 2.5);
  assertEquals(timed.gettimeout(), 2.5);
  using plain = await socket.create_connection(server.getsockname());
  assertEquals(plain.gettimeout(), null);
  socket.setdefaulttimeout(4);
  try {
    using defaulted = await socket.create_connection(server.getsockname());
    assertEquals(defaulted.gettimeout(), 4);
    using none = await socket.create_connection(server.getsockname(), null);
    assertEquals(none.gettimeout(), null);
  } finally {
    socket.setdefaulttimeout(null);
  }
});

Deno.test("create_connection() binds the source address and port", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const port = closedPort();
  using client = await within(
    socket.create_connection(server.getsockname(), null, ["127.0.0.1", port]),
  );
  assertEquals(client.getsockname(), ["127.0.0.1", port]);
  const [conn, address] = await within(server.accept());
  conn.close();
  assertEquals(address, ["127.0.0.1", port]);
});

Deno.test("create_connection() throws the last error, or all", async () => {
  const address = ["127.0.0.1", closedPort()] as const;
  await assertRejects(
    () => socket.create_connection(address),
    socket.ConnectionRefusedError,
  );
  const all = await assertRejects(
    () => socket.create_connection(address, 1, null, { all_errors: true }),
    AggregateError,
    "create_connection failed",
  );
  assertEquals(all.errors.length, 1);
  assertInstanceOf(all.errors[0], socket.ConnectionRefusedError);
});

Deno.test("create_connection() to an unknown host is gaierror", async () => {
  await assertRejects(
    () => socket.create_connection(["x".repeat(64) + ".invalid", 1]),
    socket.gaierror,
  );
});

Deno.test("create_connection() is called off by its signal", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const signal = AbortSignal.abort(new Error("enough"));
  const address = server.getsockname();
  await assertRejects(
    () => socket.create_connection(address, null, null, { signal }),
    Error,
    "enough",
  );
});

Deno.test("create_connection() checks its arguments", async () => {
  await assertRejects(
    () => socket.create_connection("127.0.0.1" as never),
    TypeError,
    "address must be [host, port]",
  );
  await assertRejects(
    () => socket.create_connection(["127.0.0.1", 80000]),
    RangeError,
  );
  await assertRejects(
    () => socket.create_connection(["127.0.0.1", 1], -1),
    RangeError,
  );
});

Deno.test("create_server() listens, with the options of its arguments", () => {
  using server = socket.create_server(["127.0.0.1", 0], {
    backlog: 3,
    reuse_port: true,
  });
  const get = (option: number) => server.getsockopt(socket.SOL_SOCKET, option);
  assertEquals(get(socket.SO_ACCEPTCONN), 1);
  assertEquals(get(socket.SO_REUSEPORT), 1);
  assertEquals(
    get(socket.SO_REUSEADDR),
    Deno.build.os === "windows" ? 0 : 1,
  );
  using plain = socket.create_server(["127.0.0.1", 0]);
  assertEquals(plain.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT), 0);
});

Deno.test("create_server() makes IPv6 sockets that take IPv4 only if told to", () => {
  const family = socket.AF_INET6;
  const v6only = (s: socket.Socket) =>
    s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY);
  using single = socket.create_server(["::1", 0], { family });
  assertEquals(v6only(single), 1);
  using dual = socket.create_server(["::1", 0], {
    family,
    dualstack_ipv6: true,
  });
  assertEquals(v6only(dual), 0);
  assertThrows(
    () => socket.create_server(["127.0.0.1", 0], { dualstack_ipv6: true }),
    RangeError,
    "requires AF_INET6",
  );
  assertEquals(socket.has_dualstack_ipv6(), true);
});

Deno.test("create_server() names the address that is in use, and closes its socket", () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const fd = socket.socket();
  const next = fd.fileno();
  fd.close();
  const error = assertThrows(
    () => socket.create_server(server.getsockname()),
    socket.OSError,
    "Address already in use (while attempting to bind on address",
  );
  assertEquals(error.code, "EADDRINUSE");
  assertStringIncludes(error.message, "127.0.0.1");
  using again = socket.socket();
  assertEquals(again.fileno(), next);
});

for (const family of [socket.AF_INET, socket.AF_INET6] as socket.Family[]) {
  Deno.test(`socketpair(${family}) is connected both ways`, async () => {
    const [a, b] = await within(socket.socketpair(family));
    assertEquals(a.getsockname(), b.getpeername());
    assertEquals(b.getsockname(), a.getpeername());
    await a.sendall(new Uint8Array([1]));
    await b.sendall(new Uint8Array([2]));
    assertEquals(await within(b.recv(1)), new Uint8Array([1]));
    assertEquals(await within(a.recv(1)), new Uint8Array([2]));
    a.close();
    b.close();
  });
}

Deno.test("socketpair() refuses other kinds", async () => {
  await assertRejects(() => socket.socketpair(socket.AF_UNIX), RangeError);
  await assertRejects(
    () => socket.socketpair(socket.AF_INET, socket.SOCK_DGRAM),
    RangeError,
  );
});

Deno.test("socketpair() does not take a connection that is not its own", async () => {
  // Somebody who connects to every listener of this process, as it is opened.
  const listen = Deno.listen;
  const strangers: Promise<Deno.Conn>[] = [];
  Deno.listen = ((options: Deno.TcpListenOptions) => {
    const listener = listen(options);
    const { port } = listener.addr as Deno.NetAddr;
    strangers.push(Deno.connect({ hostname: "127.0.0.1", port }));
    return listener;
  }) as typeof Deno.listen;
  try {
    const error = await assertRejects(() => within(socket.socketpair()));
    assertInstanceOf(error, socket.ConnectionError);
  } finally {
    Deno.listen = listen;
    for (const stranger of strangers) (await stranger).close();
  }
});
