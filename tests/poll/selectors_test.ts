import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as selectors from "@pystd/socket/selectors";
import { openAt } from "../support/descriptor.ts";
import { tick } from "../support/event_loop.ts";
import { codeOf } from "../support/outcome.ts";
import {
  listener,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { python, startPython } from "../support/python.ts";
import { within } from "../support/within.ts";

const { EVENT_READ, EVENT_WRITE } = selectors;
const BOTH = EVENT_READ | EVENT_WRITE;
const one = new Uint8Array([1]);

/** What is ready, by its data. */
async function ready(
  sel: selectors.BaseSelector,
  timeout: number | null = null,
): Promise<[data: unknown, events: number][]> {
  const found = await within(sel.select(timeout));
  return found.map(([{ data }, events]) => [data, events]);
}

const classes = [
  selectors.DefaultSelector,
  selectors.PollSelector,
  selectors.SelectSelector,
];
for (const Selector of new Set(classes)) {
  const { name } = Selector;
  Deno.test(`${name} waits for the events that were registered`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    using sel = new Selector();
    assert(sel instanceof selectors.BaseSelector);
    sel.register(client, EVENT_READ, "client");
    sel.register(peer.fileno(), EVENT_READ, "peer");
    assertEquals(await ready(sel, 0), []);
    await client.sendall(one);
    assertEquals(await ready(sel), [["peer", EVENT_READ]]);
    sel.modify(client, EVENT_WRITE, "client, for writing");
    sel.modify(peer, BOTH, "peer, for both");
    assertEquals(await ready(sel), [
      ["client, for writing", EVENT_WRITE],
      ["peer, for both", BOTH],
    ]);
    await peer.recv(10);
    sel.unregister(client);
    assertEquals(await ready(sel), [["peer, for both", EVENT_WRITE]]);
    sel.modify(peer, EVENT_READ);
    assertEquals(await ready(sel, 0.01), []);
    client.close();
    assertEquals(await ready(sel), [[null, EVENT_READ]]);
  });
}

Deno.test("register() returns a key, and so do get_key() and get_map()", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  using sel = new selectors.DefaultSelector<socket.Socket, string>();
  const map = sel.get_map()!;
  assertEquals(map.size, 0);
  const key = sel.register(client, EVENT_READ, "data");
  assert(key instanceof selectors.SelectorKey);
  assertStrictEquals(key.fileobj, client);
  assertEquals(
    [key.fd, key.events, key.data],
    [client.fileno(), EVENT_READ, "data"],
  );
  assertStrictEquals(sel.get_key(client), key);
  assertStrictEquals(sel.get_key(client.fileno()), key);
  sel.register(peer, EVENT_WRITE, "other");

  assertEquals(map.size, 2);
  assertStrictEquals(map.get(client), key);
  assertEquals(map.get(peer)?.data, "other");
  assertEquals([map.has(peer.fileno()), map.has(987_654)], [true, false]);
  assertEquals([...map.keys()], [client.fileno(), peer.fileno()]);
  assertEquals([...map.values()].map(({ data }) => data), ["data", "other"]);
  assertEquals([...map].map(([fd]) => fd), [...map.keys()]);
  assertStrictEquals([...map.entries()][0]?.[1], key);

  assertStrictEquals(sel.modify(client, EVENT_READ, "data"), key);
  const changed = sel.modify(client, EVENT_READ, "new");
  assertNotStrictEquals(changed, key);
  assertStrictEquals(sel.get_key(client), changed);
  assertStrictEquals(sel.unregister(client), changed);
  assertEquals([...map.keys()], [peer.fileno()]);
});

Deno.test("select() of a selector waits no longer than its timeout", async () => {
  await using server = listener();
  using sel = new selectors.DefaultSelector();
  sel.register(server, EVENT_READ);
  const start = performance.now();
  assertEquals(await ready(sel, 0.03), []);
  assertGreaterOrEqual(performance.now() - start, 29);
  assertEquals(await ready(sel, 0), []);
  assertEquals(await ready(sel, -5), []);

  const controller = new AbortController();
  const { signal } = controller;
  const waiting = sel.select(null, { signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => within(waiting), Error, "enough");
});

Deno.test("select() of a selector takes nothing from the sockets", async () => {
  await using pair = await tcpPair();
  await using receiver = udpSocket();
  await using sender = udpSocket();
  using sel = new selectors.DefaultSelector();
  sel.register(pair.peer, EVENT_READ, "stream");
  sel.register(receiver, EVENT_READ, "datagram");
  const received: number[] = [];
  for (let n = 0; n < 50; n++) {
    assertEquals(await ready(sel, 0), []);
    // Received now before it is asked again, and now after.
    await pair.client.sendall(new Uint8Array([n]));
    await sender.sendto(new Uint8Array([n]), receiver.getsockname());
    if (n % 2 === 0) {
      assertEquals(await ready(sel), [
        ["stream", EVENT_READ],
        ["datagram", EVENT_READ],
      ]);
    }
    received.push(...await within(pair.peer.recv(10)));
    received.push(...await within(receiver.recv(10)));
  }
  const numbers = Array.from({ length: 50 }, (_, n) => [n, n]).flat();
  assertEquals(received, numbers);
});

Deno.test("select() of a selector sees changes while it waits", async () => {
  await using pair = await tcpPair();
  await using idle = listener();
  using sel = new selectors.DefaultSelector();
  sel.register(idle, EVENT_READ, "idle");
  const first = ready(sel);
  await tick();
  sel.unregister(idle);
  idle.close();
  await tick();
  sel.register(pair.client, EVENT_READ, "reading");
  await tick();
  sel.modify(pair.client, EVENT_WRITE, "writing");
  assertEquals(await first, [["writing", EVENT_WRITE]]);
});

Deno.test("select() of a selector rejects with EBADF when a socket is closed", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await using copy = peer.dup();
  using sel = new selectors.DefaultSelector();
  sel.register(client, EVENT_READ);
  sel.register(peer, EVENT_READ);
  const waiting = codeOf(() => sel.select());
  await tick();
  peer.close();
  assertEquals(await within(waiting), "EBADF");
  assertEquals(await codeOf(() => sel.select(0)), "EBADF");
  sel.unregister(peer);
  assertEquals(await ready(sel, 0), []);
  assertEquals(copy.getsockname(), client.getpeername());
});

Deno.test("a selector never confuses a new socket with a closed one of the same number", async () => {
  await using server = listener();
  using sel = new selectors.DefaultSelector();
  const stale = udpSocket();
  const number = stale.fileno();
  sel.register(stale, EVENT_WRITE, "stale");
  await stale[Symbol.asyncDispose]();
  using stack = new DisposableStack();
  const fresh = openAt(number, udpSocket, stack);

  assertEquals(await codeOf(() => sel.select(0)), "EBADF");
  assertThrows(
    () => sel.register(fresh, EVENT_READ),
    RangeError,
    `descriptor ${number} is already registered, for a socket closed since`,
  );
  for (const use of [sel.get_key, sel.unregister]) {
    assertThrows(() => use.call(sel, fresh), RangeError, "is not registered");
  }
  assertThrows(() => sel.modify(number, EVENT_READ), RangeError);
  assertEquals([sel.get_map()?.has(fresh), sel.get_map()?.has(stale)], [
    false,
    true,
  ]);

  assertEquals(sel.unregister(stale).data, "stale");
  sel.register(fresh, EVENT_WRITE, "fresh");
  assertEquals(await ready(sel), [["fresh", EVENT_WRITE]]);
  sel.register(server, EVENT_READ);
});

Deno.test("close() of a selector leaves the sockets open and ends waiting calls", async () => {
  await using server = listener();
  const sel = new selectors.DefaultSelector();
  sel.register(server, EVENT_READ);
  const waiting = sel.select();
  await tick();
  sel.close();
  sel.close();
  await assertRejects(() => within(waiting), RangeError, "Selector is closed");
  assertEquals(sel.get_map(), null);
  await using client = socket.socket();
  await client.connect(server.getsockname());
  await using conn = (await within(server.accept()))[0];
  assertEquals(conn.getpeername(), client.getsockname());
});

Deno.test("several selectors may wait for one socket", async () => {
  await using pair = await tcpPair();
  const all = Array.from({ length: 3 }, () => new selectors.DefaultSelector());
  for (const sel of all) sel.register(pair.peer, EVENT_READ, "ready");
  const waiting = all.flatMap((sel) => [ready(sel), ready(sel)]);
  await tick();
  await pair.client.sendall(one);
  for (const found of await Promise.all(waiting)) {
    assertEquals(found, [["ready", EVENT_READ]]);
  }
  assertEquals(await pair.peer.recv(10), one);
  for (const sel of all) sel.close();
});

Deno.test("a selector serves 200 sockets at once", async () => {
  await using stack = new AsyncDisposableStack();
  using sel = new selectors.DefaultSelector<TcpSocket, number>();
  const clients: TcpSocket[] = [];
  for (let n = 0; n < 200; n++) {
    const { client, peer } = stack.use(await tcpPair());
    clients.push(client);
    sel.register(peer, EVENT_READ, n);
  }
  const sums = clients.map(() => 0);
  for (const [n, client] of clients.entries()) {
    await client.sendall(new Uint8Array(n).fill(1));
    await client.shutdown(socket.SHUT_WR);
  }
  while (sel.get_map()!.size > 0) {
    for (const [key] of await within(sel.select())) {
      const data = await key.fileobj.recv(100);
      sums[key.data]! += data.length;
      if (data.length === 0) sel.unregister(key.fileobj);
    }
  }
  assertEquals(sums, clients.map((_, n) => n));
});

Deno.test({
  name: `the echo server of Python's documentation serves${
    python === null ? " (skipped: no python3)" : " clients in Python"
  }`,
  ignore: python === null,
  fn: async () => {
    type Callback = (sock: socket.Socket, mask: number) => Promise<void>;
    const printed: string[] = [];

    // Line for line from here on; `print` and the end of the loop are the test's.
    const sel = new selectors.DefaultSelector<socket.Socket, Callback>();

    async function accept(sock: socket.Socket, _mask: number): Promise<void> {
      const [conn, addr] = await sock.accept(); // Should be ready
      print("accepted", conn, "from", addr);
      conn.setblocking(false);
      sel.register(conn, selectors.EVENT_READ, read);
    }

    async function read(conn: socket.Socket, _mask: number): Promise<void> {
      const data = await conn.recv(1000); // Should be ready
      if (data.length) {
        print("echoing", data, "to", conn);
        await conn.send(data); // Hope it won't block
      } else {
        print("closing", conn);
        sel.unregister(conn);
        conn.close();
      }
    }

    const sock = socket.socket();
    sock.bind(["localhost", 0]);
    sock.listen(100);
    sock.setblocking(false);
    sel.register(sock, selectors.EVENT_READ, accept);

    const [, port] = sock.getsockname();
    await using clients = startPython(`
import socket
conns = [socket.create_connection(("127.0.0.1", ${port})) for _ in range(3)]
for n in range(2):
    for i, conn in enumerate(conns):
        conn.sendall(b"message %d of %d" % (n, i))
    for conn in reversed(conns):
        print(conn.recv(100).decode(), flush=True)
for conn in conns:
    conn.close()
`);

    while (!(printed.length > 10 && sel.get_map()!.size === 1)) {
      const events = await within(sel.select());
      for (const [key, mask] of events) {
        const callback = key.data;
        await callback(key.fileobj, mask);
      }
    }
    sel.close();
    await sock[Symbol.asyncDispose]();

    function print(what: string, ..._more: unknown[]): void {
      printed.push(what);
    }
    const { code, stdout, stderr } = await clients.result();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      stdout,
      [0, 1].map((n) => [2, 1, 0].map((i) => `message ${n} of ${i}\n`))
        .flat().join(""),
    );
    assertEquals(printed.filter((what) => what === "accepted").length, 3);
    assertEquals(printed.filter((what) => what === "closing").length, 3);
  },
});
