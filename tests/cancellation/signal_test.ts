import {
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "../support/bytes.ts";
import { externalMemory } from "../support/memory.ts";
import {
  listener,
  receiveToEnd,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { within } from "../support/within.ts";

type Options = socket.SignalOption;

/** Every call on a connected socket that takes a signal. */
const calls: Readonly<
  Record<string, (s: TcpSocket, options: Options) => Promise<unknown>>
> = {
  "recv()": (s, options) => s.recv(10, options),
  "recv() with flags": (s, options) => s.recv(10, socket.MSG_PEEK, options),
  "recv_into()": (s, options) => s.recv_into(new Uint8Array(10), options),
  "recv_into() with nbytes and flags": (s, options) =>
    s.recv_into(new Uint8Array(10), 5, 0, options),
  "recv() of no bytes": (s, options) => s.recv(0, options),
  "recv_into() of no bytes": (s, options) =>
    s.recv_into(new Uint8Array(0), options),
  "recvfrom()": (s, options) => s.recvfrom(10, options),
  "recvfrom_into()": (s, options) =>
    s.recvfrom_into(new Uint8Array(10), options),
  "recvmsg()": (s, options) => s.recvmsg(10, options),
  "send()": (s, options) => s.send(numbered(10), options),
  "send() with flags": (s, options) =>
    s.send(numbered(10), socket.MSG_NOSIGNAL, options),
  "send() of no bytes": (s, options) => s.send(numbered(0), options),
  "sendall() of no bytes": (s, options) => s.sendall(numbered(0), options),
  "sendmsg() of no bytes": (s, options) => s.sendmsg([], [], 0, null, options),
  "sendall()": (s, options) => s.sendall(numbered(10), options),
  "sendto()": (s, options) => s.sendto(numbered(10), ["127.0.0.1", 9], options),
  "sendmsg()": (s, options) => s.sendmsg([numbered(10)], [], 0, null, options),
  "read() of a file": async (s, options) => {
    await using file = s.makefile("rb");
    return await file.read(5, options);
  },
  "readline() of a file": async (s, options) => {
    await using file = s.makefile("r");
    return await file.readline(options);
  },
  "write() to a file": async (s, options) => {
    await using file = s.makefile("wb", 0);
    return await file.write(numbered(10), options);
  },
};

for (const [name, call] of Object.entries(calls)) {
  Deno.test(`${name} does nothing for a signal that has aborted, and rejects with its reason`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await client.sendall(numbered(5));
    await within(peer.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL));
    for (const reason of [new Error("mine"), "text", null, { a: 1 }]) {
      const signal = AbortSignal.abort(reason);
      const outcome = call(peer, { signal }).then(
        () => "resolved",
        (error) => error,
      );
      assertStrictEquals(await within(outcome), reason);
    }
    // Nothing was taken, and nothing sent.
    assertEquals(await within(peer.recv(10)), numbered(5));
    await peer.shutdown(socket.SHUT_WR);
    assertEquals(await receiveToEnd(client), new Uint8Array(0));
  });
}

Deno.test("accept() and connect() do nothing for a signal that has aborted", async () => {
  using server = listener();
  using client = socket.socket();
  const signal = AbortSignal.abort("cancelled");
  const to = server.getsockname();
  for (
    const call of [
      () => server.accept({ signal }),
      () => client.connect(to, { signal }),
      () => client.connect_ex(to, { signal }),
    ]
  ) assertEquals(await within(call().catch((error) => error)), "cancelled");
  await within(client.connect(to));
  const [conn] = await within(server.accept());
  assertEquals(conn.getpeername(), client.getsockname());
  conn.close();
});

Deno.test("recv() ignores a signal that aborts after it has settled", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const controller = new AbortController();
  const call = peer.recv(10, controller);
  await client.sendall(numbered(3));
  assertEquals(await within(call), numbered(3));
  controller.abort(new Error("late"));
  await client.sendall(numbered(3, 3));
  assertEquals(await within(peer.recv(10)), numbered(3, 3));
});

Deno.test("one signal cancels all of its calls, and no others", async () => {
  await using pair = await tcpPair();
  await using server = listener();
  await using udp = udpSocket();
  const { client, peer } = pair;
  const controller = new AbortController();
  const { signal } = controller;
  const cancelled = [
    peer.recv(1, { signal }),
    client.recv(1, { signal }),
    server.accept({ signal }),
    udp.recvfrom(1, { signal }),
    peer.recv_into(new Uint8Array(1), { signal }),
  ];
  const outcomes = Promise.allSettled(cancelled);
  const other = peer.recv(1);
  controller.abort("cancelled");
  for (const outcome of await within(outcomes)) {
    assertEquals((outcome as PromiseRejectedResult).reason, "cancelled");
  }
  await client.sendall(numbered(1));
  assertEquals(await within(other), numbered(1));
});

Deno.test("AbortSignal.timeout() cancels a call with its own error", async () => {
  await using pair = await tcpPair();
  const { peer } = pair;
  const signal = AbortSignal.timeout(20);
  const error = await within(
    peer.recv(1, { signal }).catch((error: unknown) => error),
  ) as DOMException;
  assertEquals(error.name, "TimeoutError");
  assertEquals(error instanceof socket.OSError, false);
});

Deno.test("a signal that is not an AbortSignal fails with a TypeError", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await client.sendall(numbered(3));
  for (const bad of [{}, "abort", 1, new AbortController()]) {
    const signal = bad as unknown as AbortSignal;
    await assertRejects(() => peer.recv(1, { signal }), TypeError);
    await assertRejects(() => peer.send(numbered(1), { signal }), TypeError);
  }
  assertEquals(await within(peer.recv(10)), numbered(3));
});

Deno.test("recv() stays bounded and correct over thousands of aborted calls", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const before = await externalMemory();
  const got: number[] = [];
  let sent = 0;
  for (let i = 0; i < 5000; i++) {
    const controller = new AbortController();
    const call = peer.recv(65_536, controller);
    if (i % 10 === 0) await client.sendall(numbered(7, sent));
    if (i % 10 === 0) sent += 7;
    controller.abort("cancelled");
    const data = await call.catch(() => undefined);
    if (data !== undefined) got.push(...data);
  }
  while (got.length < sent) got.push(...await within(peer.recv(65_536)));
  assertEquals(Uint8Array.from(got), numbered(sent));
  // A read left behind by each would hold 300 MB.
  assertLess(await externalMemory() - before, 20_000_000);
});

Deno.test("one signal cancels thousands of concurrent calls, with one listener for all", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    listeners++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--;
    Reflect.apply(removeEventListener, signal, args);
  };
  for (let i = 0; i < 1000; i++) {
    const call = peer.recv(1, { signal });
    await client.send(numbered(1, i), { signal });
    assertEquals(await within(call), numbered(1, i));
  }
  assertEquals(listeners, 0);
  const cancelled = Array.from(
    { length: 3000 },
    () => peer.recv(1, { signal }).catch((error) => error),
  );
  // Adding one costs in proportion to those that there are.
  assertEquals(listeners, 1);
  controller.abort("cancelled");
  assertEquals(
    new Set(await within(Promise.all(cancelled))),
    new Set(["cancelled"]),
  );
  assertEquals(listeners, 0);
  await client.sendall(numbered(2));
  assertEquals(await within(peer.recv(2, socket.MSG_WAITALL)), numbered(2));
});
