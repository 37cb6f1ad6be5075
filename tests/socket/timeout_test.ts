import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "../support/bytes.ts";
import {
  fill,
  listener,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { within } from "../support/within.ts";

/** Longer than a busy machine is late, and shorter than for ever. */
const LATE_MS = 10_000;

/** Checks that a call is ended, and not early. */
async function assertEnds(
  call: () => Promise<unknown>,
  leastMs: number,
): Promise<socket.OSError> {
  const startMs = performance.now();
  const error = await assertRejects(
    () => within(call(), "the call", LATE_MS),
    socket.OSError,
  );
  // Timers may be a fraction of a millisecond early.
  assertGreaterOrEqual(performance.now() - startMs, leastMs - 1);
  return error;
}

async function assertTimesOut(
  call: () => Promise<unknown>,
  leastMs: number,
): Promise<void> {
  const error = await assertEnds(call, leastMs);
  assertInstanceOf(error, socket.TimeoutError);
  assertEquals(error.message, "timed out");
  assertEquals(error.code, "ETIMEDOUT");
}

type Calls = Readonly<
  Record<string, (s: TcpSocket) => Promise<unknown>>
>;

const receiving: Calls = {
  "recv()": (s) => s.recv(1),
  "recv() with MSG_PEEK": (s) => s.recv(1, socket.MSG_PEEK),
  "recv() with MSG_WAITALL": (s) => s.recv(9, socket.MSG_WAITALL),
  "recv_into()": (s) => s.recv_into(new Uint8Array(1)),
  "recvfrom()": (s) => s.recvfrom(1),
  "recvfrom_into()": (s) => s.recvfrom_into(new Uint8Array(1)),
  "recvmsg()": (s) => s.recvmsg(1),
  "readline() of a file": async (s) => {
    await using file = s.makefile("rb");
    return await file.readline();
  },
};

const sending: Calls = {
  "send()": (s) => s.send(numbered(10)),
  "sendall()": (s) => s.sendall(numbered(10)),
  "sendto() on a stream": (s) => s.sendto(numbered(10), ["127.0.0.1", 9]),
  "sendmsg()": (s) => s.sendmsg([numbered(10)]),
  "write() to a file": async (s) => {
    await using file = s.makefile("wb", 0);
    return await file.write(numbered(10));
  },
};

for (const [name, call] of Object.entries({ ...receiving, ...sending })) {
  Deno.test(`${name} fails with TimeoutError when its timeout expires, not before`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    if (name in sending) await fill(peer);
    peer.settimeout(0.05);
    for (let i = 0; i < 2; i++) {
      await assertTimesOut(() => call(peer), 50);
    }
    // What is left is unsent on purpose, and nobody is to wait for it.
    client.close();
  });
}

Deno.test("accept() and recvfrom() fail with TimeoutError", async () => {
  await using server = listener();
  await using udp = udpSocket();
  for (const s of [server, udp]) s.settimeout(0.05);
  for (const call of [() => server.accept(), () => udp.recvfrom(10)]) {
    await assertTimesOut(call, 50);
  }
});

Deno.test("the timeout of sendall() bounds the whole call, although each part is in time", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  client.settimeout(0.3);
  let ended = false;
  const reading = (async () => {
    // Steadily, but never all of it in time.
    while (!ended) {
      await peer.recv(200_000, socket.MSG_DONTWAIT).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const call = () => client.sendall(new Uint8Array(40_000_000));
  await assertTimesOut(call, 300);
  ended = true;
  await reading;
});

Deno.test("the timeout of recv() with MSG_WAITALL bounds the whole call, although bytes keep coming", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  peer.settimeout(0.1);
  let sent = 0;
  const timer = setInterval(() => {
    client.sendall(numbered(1, sent++)).catch(() => {});
  }, 10);
  const call = () => peer.recv(1_000_000, socket.MSG_WAITALL);
  await assertTimesOut(call, 100);
  clearInterval(timer);
  peer.settimeout(60);
  assertEquals(await peer.recv(sent, socket.MSG_WAITALL), numbered(sent));
});

/** How long a receive with a timeout of 1.3 s takes that begins during a connect. */
async function receiveDuringConnectMs(): Promise<number> {
  await using server = listener(1);
  // What would be one more than a full queue is asked for again a second later.
  const clients: TcpSocket[] = [];
  for (;;) {
    const client = socket.socket();
    clients.push(client);
    client.settimeout(0.1);
    try {
      await client.connect(server.getsockname());
    } catch (error) {
      assertInstanceOf(error, socket.TimeoutError);
      break;
    }
  }
  const last = clients.at(-1)!;
  last.settimeout(null);
  const connecting = last.connect(server.getsockname());
  last.settimeout(1.3);
  const startMs = performance.now();
  const receiving = assertTimesOut(() => last.recv(1), 1300)
    .then(() => performance.now() - startMs);
  for (const _ of clients.slice(1)) {
    (await within(server.accept()))[0].close();
  }
  const tookMs = await receiving;
  await within(connecting);
  for (const client of clients) client.close();
  return tookMs;
}

Deno.test({
  name: "the timeout of recv() during a connect bounds the whole call",
  // Elsewhere a full queue refuses, or takes more than it was told.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    // The connect takes a second of it, or each time one on top. A busy machine
    // may keep the program from running for as long, but not each time.
    for (let round = 1;; round++) {
      const tookMs = await receiveDuringConnectMs();
      if (tookMs < 2200) return;
      assert(round < 5, `${tookMs} ms`);
    }
  },
});

Deno.test("a timeout that is longer than a timer can be does not expire at once", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  for (const timeout of [30, 2_147_484, 100_000_000]) {
    peer.settimeout(timeout);
    assertEquals(peer.gettimeout(), timeout);
    const call = peer.recv(1);
    peer.settimeout(0.02);
    await assertRejects(() => peer.recv(1), socket.TimeoutError);
    await client.sendall(numbered(1));
    assertEquals(await within(call), numbered(1));
  }
});

Deno.test("long timeouts leave nothing behind once the socket is closed", async () => {
  await using server = listener();
  await using udp = udpSocket();
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const calls: Promise<unknown>[] = [];
  for (const s of [server, udp, client, peer]) s.settimeout(30);
  calls.push(server.accept(), udp.recvfrom(1), client.recv(1), peer.recv(1));
  const copy = peer.dup();
  assertEquals(copy.gettimeout(), 30);
  calls.push(copy.recv(1));
  const file = client.makefile("rb");
  calls.push(file.read(1));
  const outcomes = Promise.allSettled(calls);
  void file.close();
  for (const s of [server, udp, client, peer, copy]) s.close();
  // The sanitizer of this test would tell of a timer.
  for (const { status } of await within(outcomes)) {
    assertEquals(status, "rejected");
  }
});

Deno.test("a duplicate has its own timeout", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  peer.settimeout(0.02);
  using copy = peer.dup();
  copy.settimeout(null);
  const unlimited = copy.recv(1);
  await assertRejects(() => peer.recv(1), socket.TimeoutError);
  await client.sendall(numbered(1));
  assertEquals(await within(unlimited), numbered(1));
});

Deno.test({
  name:
    "SO_RCVTIMEO and SO_SNDTIMEO reject the calls of one direction with EAGAIN",
  // There it is a number of milliseconds, not a struct timeval.
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await fill(peer);
    const time = new Uint8Array(16);
    new DataView(time.buffer).setBigInt64(8, 50_000n, true);
    for (
      const [option, call] of [
        [socket.SO_RCVTIMEO, () => peer.recv(1)],
        [socket.SO_SNDTIMEO, () => peer.send(numbered(1))],
      ] as const
    ) {
      peer.setsockopt(socket.SOL_SOCKET, option, time);
      const error = await assertEnds(call, 50);
      assertInstanceOf(error, socket.BlockingIOError);
      assertEquals(error.code, "EAGAIN");
    }
    // A timeout of the socket's comes before.
    peer.settimeout(0.02);
    await assertTimesOut(() => peer.recv(1), 20);
    client.close();
  },
});

Deno.test("a timeout bounds each call, not the socket", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  await within(peer.sendall(new Uint8Array(1)));
  await within(client.recv(1, socket.MSG_PEEK));
  client.settimeout(0.05);
  const first: readonly (() => Promise<unknown>)[] = [
    async () => assertEquals(await client.recv(1), new Uint8Array(1)),
    () => assertRejects(() => client.recv(1), socket.TimeoutError),
  ];
  for (const call of first) {
    await within(call());
    // The time of the first call passes.
    await new Promise((resolve) => setTimeout(resolve, 60));
    const order: string[] = [];
    // It fires in the middle of the second one's time. It is started first, so
    // that it is due first, however long the process is kept from running.
    const timer = setTimeout(() => order.push("timer"), 25);
    const second = client.recv(1).catch(({ name }) => order.push(name));
    await within(second);
    clearTimeout(timer);
    assertEquals(order, ["timer", "TimeoutError"]);
  }
});

Deno.test("settimeout() leaves the timeouts of pending calls", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const waiting = client.recv(1);
  client.settimeout(0.01);
  await assertRejects(() => within(client.recv(1)), socket.TimeoutError);
  await within(peer.sendall(new Uint8Array([7])));
  assertEquals(await within(waiting), new Uint8Array([7]));

  client.settimeout(0.05);
  const bounded = client.recv(1);
  client.settimeout(null);
  await assertRejects(() => within(bounded), socket.TimeoutError);
});

Deno.test("calls of one socket time out each at its own time", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  // Timeouts that have all passed when the machine lets the program go on end
  // their calls in the order of the calls: then it is tried again.
  for (let round = 1;; round++) {
    const ended: number[] = [];
    const calls = [0.6, 0.02, 0.3].map(async (seconds) => {
      client.settimeout(seconds);
      await assertTimesOut(() => client.recv(1), seconds * 1000);
      ended.push(seconds);
    });
    await Promise.all(calls);
    if (ended.join() === "0.02,0.3,0.6") return;
    assert(round < 10, ended.join());
  }
});
