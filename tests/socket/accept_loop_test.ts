import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { listener, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

/** Opens a listener that is listened to under a limit. */
function limited(): TcpSocket {
  const server = listener();
  server.settimeout(60);
  return server;
}

async function visit(server: TcpSocket): Promise<TcpSocket> {
  const client = socket.socket();
  await within(client.connect(server.getsockname()));
  return client;
}

Deno.test("for await over a listener returns connections in order, with their addresses", async () => {
  using server = limited();
  const expected: socket.InetAddress[] = [];
  for (let n = 0; n < 3; n++) {
    using client = await visit(server);
    expected.push(client.getsockname());
  }
  const got: socket.InetAddress[] = [];
  for await (const [conn, address] of server) {
    assertEquals(conn.getpeername(), address);
    conn.close();
    got.push(address);
    if (got.length === 3) break;
  }
  assertEquals(got, expected);
});

Deno.test("leaving for await leaves the socket listening, for accept() and for another loop", async () => {
  using server = limited();
  using first = await visit(server);
  for await (const [conn, address] of server) {
    assertEquals(address, first.getsockname());
    conn.close();
    break;
  }
  using second = await visit(server);
  using third = await visit(server);
  const [conn, address] = await server.accept();
  conn.close();
  assertEquals(address, second.getsockname());
  await assertRejects(
    async () => {
      for await (const [conn] of server) {
        conn.close();
        throw new Error("left by an error");
      }
    },
    Error,
    "left by an error",
  );
  await assertRejects(
    () => server.accept({ signal: AbortSignal.timeout(5) }),
    DOMException,
  );
  using fourth = await visit(server);
  for await (const [conn, address] of server) {
    assertEquals(address, fourth.getsockname());
    conn.close();
    return;
  }
  third.close();
});

/** Ways to close a listener, and what a loop over it comes to. */
const closings: [how: string, close: (server: TcpSocket) => void][] = [
  ["close()", (server) => server.close()],
  ["Symbol.asyncDispose", (server) => void server[Symbol.asyncDispose]()],
  ["close(fd)", (server) => socket.close(server.fileno())],
  ["detach()", (server) => socket.close(server.detach())],
];

for (const [how, close] of closings) {
  Deno.test(`for await ends cleanly with ${how} while it waits`, async () => {
    const server = listener();
    const loop = async () => {
      for await (const _ of server) throw new Error("nobody connects");
    };
    const waiting = loop();
    close(server);
    await within(waiting);
    await within(loop());
  });

  Deno.test(`for await ends cleanly with ${how} in its body`, async () => {
    const server = listener();
    using client = await visit(server);
    using unserved = await visit(server);
    let served = 0;
    const loop = async () => {
      for await (const [conn] of server) {
        served++;
        close(server);
        await conn.sendall(new Uint8Array([1]));
        conn.close();
      }
    };
    await within(loop());
    assertEquals(served, 1);
    assertEquals(await within(client.recv(9)), new Uint8Array([1]));
    // The kernel turns away whoever it had not handed over.
    await assertRejects(
      () => within(unserved.recv(1)),
      socket.ConnectionResetError,
    );
  });
}

Deno.test("for await throws a timeout, and loses no connection by it", async () => {
  using server = listener();
  server.settimeout(0.02);
  const loop = async () => {
    for await (const [conn, address] of server) {
      conn.close();
      return address;
    }
    throw new Error("it is not closed");
  };
  await assertRejects(() => within(loop()), socket.TimeoutError, "timed out");
  server.setblocking(false);
  await assertRejects(() => within(loop()), socket.BlockingIOError);
  server.settimeout(60);
  using client = await visit(server);
  assertEquals(await loop(), client.getsockname());
});

Deno.test("for await over a socket that does not listen throws the error of accept()", async () => {
  using fresh = socket.socket();
  using datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  using stopped = listener();
  await stopped.shutdown(socket.SHUT_RD);
  const cases = [
    [fresh, "EINVAL"],
    [datagrams, "EOPNOTSUPP"],
    [stopped, "EINVAL"],
  ] as const;
  for (const [s, code] of cases) {
    const error = await assertRejects(async () => {
      for await (const _ of s) break;
    }, socket.OSError);
    assertEquals(error.code, code);
  }
});

Deno.test("for await that is stopped by shutdown() fails with EINVAL", async () => {
  using server = limited();
  const loop = (async () => {
    for await (const _ of server) throw new Error("nobody connects");
  })();
  const failed = assertRejects(() => within(loop), socket.OSError);
  await server.shutdown(socket.SHUT_RDWR);
  assertEquals((await failed).code, "EINVAL");
});

Deno.test("for await calls the accept() of a subclass", async () => {
  class Counting extends socket.Socket<socket.InetAddress> {
    accepted = 0;
    override accept(options?: socket.SignalOption) {
      this.accepted++;
      return super.accept(options);
    }
  }
  using server = new Counting();
  server.bind(["127.0.0.1", 0]);
  server.listen();
  using _client = await visit(server);
  for await (const [conn] of server) {
    conn.close();
    break;
  }
  assertEquals(server.accepted, 1);
});

Deno.test("for await and concurrent accept() calls share the connections", async () => {
  using server = limited();
  const got: Promise<socket.InetAddress>[] = [];
  const iterator = server[Symbol.asyncIterator]();
  got.push(
    iterator.next().then(({ value }) => {
      value![0].close();
      return value![1];
    }),
  );
  got.push(
    server.accept().then(([conn, address]) => {
      conn.close();
      return address;
    }),
  );
  using first = await visit(server);
  using second = await visit(server);
  assertEquals(await within(Promise.all(got)), [
    first.getsockname(),
    second.getsockname(),
  ]);
  await iterator.return?.();
  assertEquals((await iterator.next()).done, true);
  assertEquals(server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1);
});
