import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { once } from "node:events";
import * as net from "node:net";
import * as socket from "@pystd/socket";
import { canLimitFiles, startWithFileLimit } from "../support/file_limit.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

/** Connects, and leaves the connection to wait in the listener's queue. */
async function queuedAt(server: TcpSocket): Promise<TcpSocket> {
  const client = socket.socket();
  await within(client.connect(server.getsockname()));
  return client;
}

function closeAll(sockets: readonly TcpSocket[]): Promise<unknown> {
  return Promise.all(sockets.map((each) => each[Symbol.asyncDispose]()));
}

Deno.test("accept() returns the socket and the address of the peer", async () => {
  await using server = listener();
  await using client = await queuedAt(server);
  const [conn, address] = await within(server.accept());
  await using _ = conn;
  assertEquals(address, client.getsockname());
  assertEquals(conn.getpeername(), address);
  const { family, type, proto } = conn;
  assertEquals([family, type, proto], [
    socket.AF_INET,
    socket.SOCK_STREAM,
    server.proto,
  ]);
});

Deno.test("accept() waits for a connection", async () => {
  await using server = listener();
  const accepting = server.accept();
  await using client = await queuedAt(server);
  const [conn, address] = await within(accepting);
  await using _ = conn;
  assertEquals(address, client.getsockname());
});

Deno.test("accept() returns connections in the order in which they arrived", async () => {
  await using server = listener();
  const clients: TcpSocket[] = [];
  for (let n = 0; n < 5; n++) clients.push(await queuedAt(server));
  const accepted: TcpSocket[] = [];
  for (const client of clients) {
    const [conn, address] = await within(server.accept());
    accepted.push(conn);
    assertEquals(address, client.getsockname());
  }
  await closeAll([...clients, ...accepted]);
});

Deno.test("concurrent accept() calls are served in call order", async () => {
  await using server = listener();
  const calls = Array.from({ length: 5 }, () => server.accept());
  const clients: TcpSocket[] = [];
  for (let n = 0; n < 5; n++) clients.push(await queuedAt(server));
  const accepted = await within(Promise.all(calls));
  assertEquals(
    accepted.map(([, address]) => address),
    clients.map((client) => client.getsockname()),
  );
  await closeAll([...clients, ...accepted.map(([conn]) => conn)]);
});

const givenUp: readonly [
  how: string,
  call: (server: TcpSocket) => Promise<unknown>,
][] = [
  ["timed out", (server) => {
    server.settimeout(0.01);
    return assertRejects(
      () => server.accept(),
      socket.TimeoutError,
      "timed out",
    );
  }],
  ["was aborted", (server) => {
    const signal = AbortSignal.timeout(10);
    return assertRejects(() => server.accept({ signal }), DOMException);
  }],
  ["found nobody", (server) => {
    server.setblocking(false);
    return assertRejects(() => server.accept(), socket.BlockingIOError);
  }],
];
for (const [how, giveUp] of givenUp) {
  Deno.test(`accept() that ${how} leaves the connection to the next`, async () => {
    await using server = listener();
    for (let n = 0; n < 3; n++) await within(giveUp(server));
    await using client = await queuedAt(server);
    server.settimeout(60);
    const [conn, address] = await within(server.accept());
    await using _ = conn;
    assertEquals(address, client.getsockname());
    await within(giveUp(server));
  });

  Deno.test(`accept() that ${how} leaves the later waiters in the queue`, async () => {
    await using server = listener();
    const first = within(giveUp(server));
    server.settimeout(60);
    const second = server.accept();
    await first;
    await using client = await queuedAt(server);
    const [conn, address] = await within(second);
    await using _ = conn;
    assertEquals(address, client.getsockname());
  });
}

Deno.test("accept() without blocking returns a connection that is there", async () => {
  await using server = listener();
  server.setblocking(false);
  const clients = [await queuedAt(server), await queuedAt(server)];
  const accepted: TcpSocket[] = [];
  for (const client of clients) {
    const [conn, address] = await within(server.accept());
    accepted.push(conn);
    assertEquals(address, client.getsockname());
  }
  await assertRejects(() => within(server.accept()), socket.BlockingIOError);
  await closeAll([...clients, ...accepted]);
});

Deno.test("accept() returns a blocking socket, or one with the default timeout", async () => {
  await using server = listener();
  server.settimeout(60);
  await using first = await queuedAt(server);
  const [blocking] = await within(server.accept());
  await using _ = blocking;
  assertEquals(blocking.gettimeout(), null);
  try {
    socket.setdefaulttimeout(3);
    await using second = await queuedAt(server);
    const [timed] = await within(server.accept());
    await using __ = timed;
    assertEquals(timed.gettimeout(), 3);
    assertEquals([first, second].map((each) => each.gettimeout()), [null, 3]);
  } finally {
    socket.setdefaulttimeout(null);
  }
});

Deno.test("accept() returns a connection whose peer has already closed it", async () => {
  await using server = listener();
  const client = await queuedAt(server);
  await client.sendall(new Uint8Array([1, 2]));
  await client[Symbol.asyncDispose]();
  const [conn] = await within(server.accept());
  await using _ = conn;
  assertEquals(await within(conn.recv(10)), new Uint8Array([1, 2]));
  assertEquals(await within(conn.recv(10)), new Uint8Array(0));
});

Deno.test("accept() skips a connection that has been reset", async () => {
  await using server = listener();
  const [host, port] = server.getsockname();
  const gone = net.connect(port, host);
  await within(once(gone, "connect"));
  gone.resetAndDestroy();
  await within(once(gone, "close"));
  await using client = await queuedAt(server);
  const [conn, address] = await within(server.accept());
  await using _ = conn;
  assertEquals(address, client.getsockname());
});

Deno.test("accept() of two duplicates returns each connection once", async () => {
  await using first = listener();
  await using second = first.dup();
  const calls = [first.accept(), second.accept()];
  const clients = [await queuedAt(first), await queuedAt(first)];
  const accepted = await within(Promise.all(calls));
  assertEquals(
    accepted.map(([, address]) => address),
    clients.map((client) => client.getsockname()),
  );
  await closeAll([...clients, ...accepted.map(([conn]) => conn)]);
});

Deno.test("accept() that waits on a closed duplicate fails, and that of the other goes on", async () => {
  const first = listener();
  await using second = first.dup();
  const given = first.accept();
  const kept = second.accept();
  first.close();
  const error = await assertRejects(() => within(given), socket.OSError);
  assertEquals(error.code, "EBADF");
  await using client = await queuedAt(second);
  const [conn, address] = await within(kept);
  await using _ = conn;
  assertEquals(address, client.getsockname());
});

Deno.test({
  name: "accept() without free descriptors rejects, and later works again",
  ignore: !canLimitFiles,
  fn: async () => {
    await using server = startWithFileLimit(
      100,
      `
      import * as socket from "@pystd/socket";
      const server = socket.create_server(["127.0.0.1", 0]);
      console.log(server.getsockname()[1]);
      server.settimeout(60);
      const conns = [(await server.accept())[0]];
      await conns[0].recv(1);
      for (let n = 0; n < 120; n++) {
        try {
          conns.push((await server.accept())[0]);
        } catch (error) {
          console.log(error.code);
          break;
        }
      }
      const { length } = conns;
      for (const conn of conns.splice(0)) conn.close();
      conns.push((await server.accept())[0]);
      console.log(length);`,
      ["--allow-net=127.0.0.1"],
    );
    const port = Number(await server.readLine());
    const clients: TcpSocket[] = [];
    for (let n = 0; n < 120; n++) {
      const client = socket.socket();
      clients.push(client);
      await within(client.connect(["127.0.0.1", port]));
    }
    // All are in the queue before the program goes on.
    await clients[0]!.sendall(new Uint8Array(1));
    assertEquals(await server.readLine(), "EMFILE");
    assertLess(Number(await server.readLine()), 100);
    const { code, stderr } = await server.result();
    assertEquals([code, stderr], [0, ""]);
    await closeAll(clients);
  },
});
