import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { once } from "node:events";
import { connect } from "node:net";
import { closedAddress, fullListener } from "../support/addresses.ts";
import { tick } from "../support/event_loop.ts";
import { codeOf } from "../support/outcome.ts";
import { listener, tcpPair, udpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array([1]);

/** What of each list is ready, by its place there. */
async function places(
  rlist: readonly socket.Socket[],
  wlist: readonly socket.Socket[] = [],
  timeout: number | null = null,
): Promise<[readable: number[], writable: number[]]> {
  const [r, w] = await within(select(rlist, wlist, [], timeout));
  return [r.map((s) => rlist.indexOf(s)), w.map((s) => wlist.indexOf(s))];
}

Deno.test("select() returns the objects that are ready, as they were given", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const file = peer.makefile("rb");
  const custom = { fileno: () => peer.fileno() };
  const items = [client, peer, peer.fileno(), file, custom, peer];
  await client.sendall(one);
  const [r, w, x] = await within(select(items, new Set(items), items));
  assertEquals(r.length, 5);
  for (const [i, item] of r.entries()) assertStrictEquals(item, items[i + 1]);
  assertEquals(w.length, 5);
  for (const [i, item] of w.entries()) assertStrictEquals(item, items[i]);
  assertEquals(x, []);
  await file.close();
});

Deno.test("select() reports a socket as readable until its bytes are received", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await client.sendall(new Uint8Array([1, 2, 3]));
  assertEquals(await places([peer]), [[0], []]);
  assertEquals(await peer.recv(2), new Uint8Array([1, 2]));
  assertEquals(await places([peer]), [[0], []]);
  assertEquals(await peer.recv(2), new Uint8Array([3]));
  assertEquals(await places([peer], [], 0), [[], []]);
});

Deno.test("select() reports a socket as readable at the end of a connection and after a reset", async () => {
  await using pair = await tcpPair();
  await pair.peer.shutdown(socket.SHUT_WR);
  assertEquals(await places([pair.client]), [[0], []]);
  assertEquals((await pair.client.recv(1)).length, 0);
  assertEquals(await places([pair.client]), [[0], []]);

  await using server = listener();
  const peer = connect(server.getsockname()[1], "127.0.0.1");
  await within(once(peer, "connect"));
  await using conn = (await within(server.accept()))[0];
  peer.resetAndDestroy();
  assertEquals(await places([conn]), [[0], []]);
  assertEquals(await codeOf(() => conn.recv(1)), "ECONNRESET");
});

Deno.test("select() reports a listening socket with a connection as readable", async () => {
  await using server = listener();
  server.setblocking(false);
  assertEquals(await places([server], [server], 0), [[], []]);
  await using client = socket.socket();
  await client.connect(server.getsockname());
  assertEquals(await places([server], [server]), [[0], []]);
  await using conn = (await server.accept())[0];
  assertEquals(conn.getpeername(), client.getsockname());
});

Deno.test("select() reports a datagram socket as readable, even if it is bound meanwhile", async () => {
  await using receiver = udpSocket();
  await using late = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  await using sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  assertEquals(await places([receiver, late], [late], 0), [[], [0]]);
  await sender.sendto(one, receiver.getsockname());
  assertEquals(await places([receiver, late]), [[0], []]);
  assertEquals(await receiver.recv(10), one);

  const ready = places([receiver, late]);
  late.bind(["127.0.0.1", 0]);
  await sender.sendto(one, late.getsockname());
  assertEquals(await ready, [[1], []]);
});

Deno.test("select() reports all ready sockets, not only those already known to be ready", async () => {
  await using first = await tcpPair();
  await using second = await tcpPair();
  const peers = [first.peer, second.peer];
  for (let round = 0; round < 20; round++) {
    await first.client.sendall(one);
    // Known from the second round on, while the other has to be found out.
    if (round > 0) assertEquals(await places([first.peer]), [[0], []]);
    await second.client.sendall(one);
    assertEquals(await places(peers, [first.peer]), [[0, 1], [0]]);
    for (const peer of peers) assertEquals(await peer.recv(10), one);
  }
});

Deno.test("select() on always-ready sockets does not starve timers and I/O", async () => {
  await using pair = await tcpPair();
  let timer = false;
  setTimeout(() => timer = true, 5);
  const answer = pair.peer.recv(1).then((data) => pair.peer.sendall(data));
  await pair.client.sendall(one);
  let readable: socket.Socket[] = [];
  let turns = 0;
  while (readable.length === 0 || !timer) {
    [readable] = await within(select([pair.client], [pair.client], []));
    assertLess(turns++, 100_000);
  }
  assertEquals(await pair.client.recv(10), one);
  await answer;
});

Deno.test("select() waits no longer than its timeout", async () => {
  await using pair = await tcpPair();
  for (const rlist of [[pair.peer], []]) {
    const start = performance.now();
    // A timer that is set after the call must not fire before its end.
    const call = places(rlist, [], 0.05);
    assertEquals(await within(call, "the timeout", 10_000), [[], []]);
    assertGreaterOrEqual(performance.now() - start, 49);
    const soon = places(rlist, [], 0);
    assertEquals(await within(soon, "a timeout of 0", 10_000), [[], []]);
  }
});

Deno.test("select() with timeout 0 finds what the kernel has", async () => {
  await using pair = await tcpPair();
  for (let round = 0; round < 20; round++) {
    await pair.client.sendall(one);
    assertEquals(await places([pair.peer], [], 0), [[0], []]);
    assertEquals(await pair.peer.recv(10), one);
  }
});

Deno.test("select() reports a socket as writable when a connect has succeeded", async () => {
  await using full = await fullListener();
  await using client = socket.socket();
  client.setblocking(false);
  assert(await client.connect_ex(full.address) !== 0);
  assertEquals(await places([client], [client], 0.05), [[], []]);
  const ready = places([client], [client]);
  await full.makeRoom();
  assertEquals(await ready, [[], [0]]);
  const error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
  assertEquals(error, 0);
  assertEquals(client.getpeername(), full.address);
});

Deno.test("select() reports a socket as writable when a connect has failed", async () => {
  await using client = socket.socket();
  client.setblocking(false);
  const told = codeOf(() => client.connect(closedAddress()));
  assertEquals(await places([client], [client]), [[0], [0]]);
  const error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
  // Loopback may have been fast enough for the call itself to tell.
  const code = error === 0 ? await told : new socket.OSError(error).code;
  assertEquals(code, "ECONNREFUSED");
  await told;
});

Deno.test("select() reports a socket as writable only when all sent bytes are with the kernel", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  client.setblocking(false);
  assertEquals(await places([], [client]), [[], [0]]);
  let sent = 0;
  while (true) {
    try {
      sent += await client.send(new Uint8Array(65536));
    } catch (error) {
      assert(error instanceof socket.BlockingIOError);
      break;
    }
  }
  assertEquals(await places([], [client], 0), [[], []]);
  let received = 0;
  const ready = places([], [client]).then((result) => [result, received]);
  while (received < sent) received += (await peer.recv(1 << 20)).length;
  const [result, before] = await ready;
  assertEquals(result, [[], [0]]);
  assertLess(before as number, sent + 1);
});

Deno.test("select() reads no more than one piece ahead", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  client.setblocking(false);
  const fill = async () => {
    let sent = 0;
    // Until no room comes any more: the kernel's buffers grow by themselves.
    while ((await within(select([], [client], [], 0.1)))[1].length > 0) {
      sent += await client.send(new Uint8Array(65536)).catch(() => 0);
    }
    return sent;
  };
  const filled = await fill();
  for (let n = 0; n < 100; n++) {
    assertEquals(await places([peer]), [[0], []]);
  }
  const more = await fill();
  assertLess(more, 262_144);
  peer.setblocking(true);
  let received = 0;
  client.close();
  while (true) {
    const { length } = await within(peer.recv(1 << 20));
    if (length === 0) break;
    received += length;
  }
  assertEquals(received, filled + more);
});

Deno.test("select() that is cancelled leaves later bytes to the next call", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const received: number[] = [];
  for (let n = 0; n < 100; n++) {
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = Promise.allSettled([
      select([peer], [], [], n % 3 === 0 ? 0 : 0.001),
      select([peer], [], [], null, { signal }),
    ]);
    // In the very turn in which it gives up, now before and now after.
    if (n % 2 === 0) controller.abort();
    await client.sendall(new Uint8Array([n]));
    controller.abort();
    await within(waiting);
    received.push(...await within(peer.recv(10)));
  }
  assertEquals(received, Array.from({ length: 100 }, (_, n) => n));
});

Deno.test("select() leaves connections and datagrams to the next call", async () => {
  await using server = listener();
  await using receiver = udpSocket();
  assertEquals(await places([server, receiver], [], 0.001), [[], []]);
  await using client = socket.socket();
  await using sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  await client.connect(server.getsockname());
  await sender.sendto(one, receiver.getsockname());
  await using conn = (await within(server.accept()))[0];
  assertEquals(conn.getpeername(), client.getsockname());
  assertEquals(await within(receiver.recv(10)), one);
});

Deno.test("select() called after recv() reports only the bytes after those of recv()", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const data = peer.recv(10);
  const ready = places([peer]);
  await client.sendall(one);
  assertEquals(await within(data), one);
  await client.sendall(new Uint8Array([2]));
  assertEquals(await ready, [[0], []]);
  assertEquals(await within(peer.recv(10)), new Uint8Array([2]));
});

Deno.test("select() rejects with the signal's reason", async () => {
  await using server = listener();
  const reason = new Error("no longer");
  const late = new AbortController();
  const waiting = select([server], [], [], null, { signal: late.signal });
  late.abort(reason);
  assertStrictEquals(await assertRejects(() => within(waiting)), reason);

  const signal = AbortSignal.abort(reason);
  assertStrictEquals(
    await assertRejects(() => select([], [], [], 10, { signal })),
    reason,
  );
});

const closings: [string, (s: socket.Socket) => unknown][] = [
  ["the socket is closed", (s) => s.close()],
  ["its descriptor is closed", (s) => socket.close(s.fileno())],
];
for (const [what, close] of closings) {
  Deno.test(`select() rejects at once with EBADF when ${what}`, async () => {
    await using pair = await tcpPair();
    await using server = listener();
    await using other = listener();
    for (const s of [pair.client, server]) {
      // The connection stays open by it.
      await using _duplicate = s.dup();
      const waiting = [
        select([other, s], [], []),
        select([], [], [s]),
        select([s], [], [], 100),
      ].map((each) => codeOf(() => each));
      await tick();
      close(s);
      const code = "EBADF";
      assertEquals(await within(Promise.all(waiting)), [code, code, code]);
      if (s.fileno() < 0) {
        assertEquals(
          await codeOf(() => s.close()),
          what === "its descriptor is closed" ? "EBADF" : undefined,
        );
      }
    }
  });
}

Deno.test("select() goes on while another descriptor keeps the socket open", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await using copy = peer.dup();
  const file = client.makefile("rb");
  const ready = select([copy, file], [], []);
  peer.close();
  client.close();
  const writer = copy.makefile("wb");
  await writer.write(one);
  await writer.flush();
  const [readable] = await within(ready);
  assertStrictEquals(readable[0], file);
  assertEquals(await file.read(1), one);
  await writer.close();
  await file.close();
});

Deno.test("select() wakes up when a listening socket is shut down", async () => {
  await using server = listener();
  const waiting = [places([server]), places([], [server])];
  await tick();
  await server.shutdown(socket.SHUT_RD);
  assertEquals(await Promise.all(waiting), [[[0], []], [[], [0]]]);
  await tick();
});

Deno.test("select() serves the example of Python's socket programming HOWTO", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(one);

  const potential_readers = [pair.client, pair.peer];
  const potential_writers = [pair.client];
  const potential_errs = potential_readers;
  const timeout = 60;
  const [ready_to_read, ready_to_write, in_error] = await select(
    potential_readers,
    potential_writers,
    potential_errs,
    timeout,
  );

  assertEquals(ready_to_read.length, 1);
  assertStrictEquals(ready_to_read[0], pair.peer);
  assertStrictEquals(ready_to_write[0], pair.client);
  assertEquals(in_error, []);
});
