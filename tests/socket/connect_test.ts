import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import {
  canTakePort,
  closedAddress,
  fullListener,
  withTakenPort,
} from "../support/addresses.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

/** A blocking Python program waits; a test does not wait for ever. */
function connect(client: TcpSocket, address: socket.InetAddress) {
  return within(client.connect(address), `a connection to ${address}`);
}

/** Fails unless bytes go from one socket to the other. */
async function assertTalks(from: TcpSocket, to: TcpSocket): Promise<void> {
  await within(from.sendall(new Uint8Array([1, 2, 3])));
  const got = await within(to.recv(3, socket.MSG_WAITALL));
  assertEquals(got, new Uint8Array([1, 2, 3]));
}

Deno.test("connect() reaches the peer, and both ends have the addresses", async () => {
  await using server = listener();
  await using client = socket.socket();
  await connect(client, server.getsockname());
  const [conn, address] = await within(server.accept());
  await using _ = conn;
  assertEquals(client.getpeername(), server.getsockname());
  assertEquals(address, client.getsockname());
  assertEquals(conn.getpeername(), client.getsockname());
  assertEquals(conn.getsockname(), server.getsockname());
  await assertTalks(client, conn);
  await assertTalks(conn, client);
});

Deno.test("connect() over IPv6 gives addresses of four parts", async () => {
  await using server = socket.socket(socket.AF_INET6);
  server.bind(["::1", 0]);
  server.listen();
  await using client = socket.socket(socket.AF_INET6);
  const [, port] = server.getsockname();
  await within(client.connect(["::1", port]));
  const [conn, address] = await within(server.accept());
  await using _ = conn;
  assertEquals(client.getpeername(), ["::1", port, 0, 0]);
  assertEquals(address, client.getsockname());
});

for (const host of ["", "0.0.0.0", "127.1", "0x7f.0.0.1", "localhost"]) {
  Deno.test(`connect() to host "${host}" reaches this machine`, async () => {
    await using server = listener();
    await using client = socket.socket();
    await connect(client, [host, server.getsockname()[1]]);
    assertEquals(client.getpeername(), server.getsockname());
  });
}

Deno.test("connect() to the IPv6 wildcard reaches this machine", async () => {
  await using server = socket.socket(socket.AF_INET6);
  server.bind(["::1", 0]);
  server.listen();
  await using client = socket.socket(socket.AF_INET6);
  await within(client.connect(["", server.getsockname()[1]]));
  assertEquals(client.getpeername(), server.getsockname());
});

Deno.test("connect() is refused where there is no listener", async () => {
  await using client = socket.socket();
  const error = await assertRejects(
    () => connect(client, closedAddress()),
    socket.ConnectionRefusedError,
  );
  assertEquals(
    error.message,
    `[Errno ${errno.ECONNREFUSED}] Connection refused`,
  );
  assert(error.cause instanceof Deno.errors.ConnectionRefused);
});

Deno.test("connect() works after a refused one", async () => {
  await using server = listener();
  await using client = socket.socket();
  await assertRejects(
    () => connect(client, closedAddress()),
    socket.ConnectionRefusedError,
  );
  await connect(client, server.getsockname());
  assertEquals(client.getpeername(), server.getsockname());
});

Deno.test("connect_ex() returns 0 or the errno", async () => {
  await using server = listener();
  await using client = socket.socket();
  assertEquals(
    await within(client.connect_ex(closedAddress())),
    errno.ECONNREFUSED,
  );
  assertEquals(await within(client.connect_ex(server.getsockname())), 0);
  assertEquals(
    await within(client.connect_ex(server.getsockname())),
    errno.EISCONN,
  );
  client.close();
  assertEquals(
    await within(client.connect_ex(server.getsockname())),
    errno.EBADF,
  );
});

Deno.test("connect_ex() returns EAGAIN for a timeout, as in Python", async () => {
  await using full = await fullListener();
  await using client = socket.socket();
  client.settimeout(0.05);
  assertEquals(await within(client.connect_ex(full.address)), errno.EAGAIN);
});

Deno.test("connect_ex() rejects wrong options, even with an address that has an errno", async () => {
  using client = socket.socket(socket.AF_UNIX);
  for (const path of ["", "x".repeat(200), "no/such/path"]) {
    const wrong = "127.0.0.1" as unknown as socket.SignalOption;
    await assertRejects(
      () => within(client.connect_ex(path, wrong)),
      TypeError,
      "options must be an object",
    );
  }
});

Deno.test("connect_ex() rejects with any error that is not the system's", async () => {
  await using client = socket.socket();
  await assertRejects(
    () => within(client.connect_ex(["no host", 1])),
    socket.gaierror,
  );
  await assertRejects(
    () => within(client.connect_ex(["127.0.0.1", 65536])),
    RangeError,
  );
  const reason = new Error("changed my mind");
  const error = await assertRejects(() =>
    within(
      client.connect_ex(closedAddress(), { signal: AbortSignal.abort(reason) }),
    )
  );
  assertStrictEquals(error, reason);
});

Deno.test("connect() on a connected socket fails with EISCONN", async () => {
  await using server = listener();
  await using client = socket.socket();
  await connect(client, server.getsockname());
  const error = await assertRejects(
    () => connect(client, server.getsockname()),
    socket.OSError,
  );
  assertEquals(error.code, "EISCONN");
});

Deno.test("connect() beside another fails with EALREADY", async () => {
  await using full = await fullListener();
  await using client = socket.socket();
  const controller = new AbortController();
  const { signal } = controller;
  const first = client.connect(full.address, { signal });
  const error = await assertRejects(
    () => connect(client, full.address),
    socket.BlockingIOError,
  );
  assertEquals(error.code, "EALREADY");
  controller.abort(new Error("enough"));
  await assertRejects(() => within(first), Error, "enough");
});

const endings: readonly [
  how: string,
  start: (client: TcpSocket, to: socket.InetAddress) => Promise<void>,
  message: string,
][] = [
  ["timed out", (client, to) => {
    client.settimeout(0.05);
    return client.connect(to);
  }, "timed out"],
  ["was aborted", (client, to) => {
    const controller = new AbortController();
    const { signal } = controller;
    const connecting = client.connect(to, { signal });
    controller.abort(new Error("changed my mind"));
    return connecting;
  }, "changed my mind"],
  ["was aborted while it hung", (client, to) => {
    const controller = new AbortController();
    const { signal } = controller;
    setTimeout(() => controller.abort(new Error("changed my mind")), 20);
    return client.connect(to, { signal });
  }, "changed my mind"],
];
for (const [how, start, message] of endings) {
  for (const bound of [false, true]) {
    const which = bound ? "of a bound socket that" : "that";
    Deno.test(`connect() ${which} ${how} is cancelled`, async () => {
      await using full = await fullListener();
      await using client = socket.socket();
      if (bound) client.bind(["127.0.0.1", 0]);
      const before = client.getsockname();
      await assertRejects(
        () => within(start(client, full.address)),
        Error,
        message,
      );

      assertEquals(client.getsockname(), before);
      const error = await assertRejects(
        () => within(client.recv(1)),
        socket.OSError,
      );
      assertEquals(error.code, "ENOTCONN");
      assertEquals(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0);

      client.settimeout(null);
      await full.makeRoom();
      await connect(client, full.address);
      assertEquals(client.getpeername(), full.address);
      if (bound) assertEquals(client.getsockname(), before);
    });
  }
}

for (const host of ["127.0.0.1", "localhost"]) {
  Deno.test(`connect() of a socket bound to ${host} keeps its port`, async () => {
    await using server = listener();
    await using client = socket.socket();
    client.bind([host, 0]);
    const before = client.getsockname();
    await connect(client, server.getsockname());
    assertEquals(client.getsockname(), before);
    const [conn, address] = await within(server.accept());
    await using _ = conn;
    assertEquals(address, before);
    await assertTalks(client, conn);
    await assertTalks(conn, client);
  });
}

Deno.test("connect() of a socket bound over IPv6 keeps its port", async () => {
  await using server = socket.socket(socket.AF_INET6);
  server.bind(["::1", 0]);
  server.listen();
  await using client = socket.socket(socket.AF_INET6);
  client.bind(["::1", 0]);
  const before = client.getsockname();
  await within(client.connect(server.getsockname()));
  assertEquals(client.getsockname(), before);
  assertEquals(client.getpeername(), server.getsockname());
});

Deno.test("connect() of a bound socket may be refused, and tried again", async () => {
  await using server = listener();
  await using client = socket.socket();
  client.bind(["127.0.0.1", 0]);
  const before = client.getsockname();
  await assertRejects(
    () => connect(client, closedAddress()),
    socket.ConnectionRefusedError,
  );
  assertEquals(client.getsockname(), before);
  await connect(client, server.getsockname());
  assertEquals(client.getsockname(), before);
});

/** Lets the first attempts of a connect fail, unless they have yet to come. */
async function letFail(connecting: Promise<void>): Promise<void> {
  connecting.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 20));
}

Deno.test({
  name:
    "connect() of a bound socket waits for its port, and then fails with EADDRINUSE",
  ignore: !canTakePort,
  fn: async () => {
    await using server = listener();
    const { bound: client, other } = withTakenPort();
    using _ = client;
    const before = client.getsockname();
    const error = await assertRejects(
      () => connect(client, server.getsockname()),
      socket.OSError,
    );
    assertEquals(error.code, "EADDRINUSE");
    const connecting = connect(client, server.getsockname());
    await letFail(connecting);
    other.close();
    await connecting;
    assertEquals(client.getsockname(), before);
  },
});

Deno.test({
  name: "connect() of a bound socket that waits for its port can be aborted",
  ignore: !canTakePort,
  fn: async () => {
    await using server = listener();
    const { bound: client, other } = withTakenPort();
    using _ = client;
    const controller = new AbortController();
    const { signal } = controller;
    const connecting = client.connect(server.getsockname(), { signal });
    await letFail(connecting);
    controller.abort(new Error("no more"));
    await assertRejects(() => within(connecting), Error, "no more");
    other.close();
    await connect(client, server.getsockname());
  },
});

Deno.test({
  name:
    "connect() of a bound socket fails with EADDRNOTAVAIL if its port is connected to the peer, and waits for that after a cancelled one",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname, port } = server.addr;
    const to: socket.InetAddress = [hostname, port];
    using former = socket.socket();
    former.bind(["127.0.0.1", 0]);
    await connect(former, to);
    const peer = await within(server.accept());
    using client = socket.socket();
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
    client.bind(former.getsockname());
    const error = await assertRejects(
      () => connect(client, to),
      socket.OSError,
    );
    assertEquals(error.code, "EADDRNOTAVAIL");
    const controller = new AbortController();
    const { signal } = controller;
    const cancelled = client.connect(to, { signal });
    controller.abort(new Error("changed my mind"));
    await assertRejects(() => within(cancelled), Error, "changed my mind");
    const connecting = connect(client, to);
    await letFail(connecting);
    await former.sendall(new Uint8Array(2));
    await within(peer.read(new Uint8Array(1)));
    // A connection that is closed with bytes unread is reset, and is gone.
    peer.close();
    await connecting;
    assertEquals(client.getsockname(), former.getsockname());
  },
});

Deno.test("connect() with an aborted signal never starts", async () => {
  await using server = listener();
  server.settimeout(0);
  await using client = socket.socket();
  const signal = AbortSignal.abort(new Error("too late"));
  await assertRejects(
    () => within(client.connect(server.getsockname(), { signal })),
    Error,
    "too late",
  );
  await assertRejects(() => within(server.accept()), socket.BlockingIOError);
});

Deno.test("connect() with a sufficient timeout connects", async () => {
  await using server = listener();
  await using client = socket.socket();
  client.settimeout(60);
  await connect(client, server.getsockname());
  assertEquals(client.gettimeout(), 60);
});

Deno.test("close() rejects a connect() at once with EBADF", async () => {
  await using full = await fullListener();
  const client = socket.socket();
  const connecting = client.connect(full.address);
  client.close();
  const error = await assertRejects(() => within(connecting), socket.OSError);
  assertEquals(error.code, "EBADF");
});

Deno.test("connect() of one duplicate connects the other", async () => {
  await using server = listener();
  await using client = socket.socket();
  await using copy = client.dup();
  await connect(client, server.getsockname());
  const [conn] = await within(server.accept());
  await using _ = conn;
  assertEquals(copy.getpeername(), server.getsockname());
  await assertTalks(copy, conn);
});
