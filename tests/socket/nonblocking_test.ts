import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "../support/bytes.ts";
import { ticksUntil } from "../support/event_loop.ts";
import {
  listener,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { within } from "../support/within.ts";

const { MSG_DONTWAIT, MSG_PEEK } = socket;

/** Lets the program be too busy to look at its sockets. */
function beBusy(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

/** A call that finds something at once, or would have to wait. */
interface Case extends AsyncDisposable {
  readonly s: TcpSocket;
  /** Lets something arrive, in the kernel when this has resolved. */
  arrive(): Promise<void>;
  call(): Promise<Uint8Array>;
}

async function onStream(
  call: (s: TcpSocket) => Promise<Uint8Array>,
): Promise<Case> {
  const pair = await tcpPair();
  return {
    s: pair.peer,
    arrive: () => pair.client.sendall(numbered(1)),
    call: () => call(pair.peer),
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

const cases: Readonly<Record<string, () => Promise<Case>>> = {
  "recv()": () => onStream((s) => s.recv(10)),
  "recv_into()": () =>
    onStream(async (s) => {
      const buffer = new Uint8Array(10);
      return buffer.slice(0, await s.recv_into(buffer));
    }),
  "recv() with MSG_DONTWAIT": () =>
    onStream((s) => {
      s.setblocking(true);
      return s.recv(10, MSG_DONTWAIT);
    }),
  "read() of a file": () =>
    onStream(async (s) => {
      await using file = s.makefile("rb", 0);
      const data = await file.read(10);
      if (data !== null) return data;
      throw new socket.BlockingIOError(11);
    }),
  // deno-lint-ignore require-await
  "recvfrom() of a datagram": async () => {
    const a = udpSocket();
    const b = udpSocket();
    return {
      s: b,
      async arrive() {
        await a.sendto(numbered(1), b.getsockname());
      },
      call: async () => (await b.recvfrom(10))[0],
      async [Symbol.asyncDispose]() {
        a.close();
        await b[Symbol.asyncDispose]();
      },
    };
  },
  // deno-lint-ignore require-await
  "accept()": async () => {
    const server = listener();
    return {
      s: server,
      async arrive() {
        const client = socket.socket();
        await within(client.connect(server.getsockname()));
        await client.sendall(numbered(1));
        client.close();
      },
      async call() {
        const [conn] = await server.accept();
        const data = await within(conn.recv(10));
        conn.close();
        return data;
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

for (const [name, open] of Object.entries(cases)) {
  Deno.test(`non-blocking ${name} returns data that the kernel holds, every time`, async () => {
    await using it = await open();
    for (let i = 0; i < 25; i++) {
      await it.arrive();
      it.s.setblocking(false);
      assertEquals(await within(it.call()), numbered(1), `${i}`);
    }
  });

  Deno.test(`non-blocking ${name} finds the data that the kernel has, however busy the program is`, async () => {
    await using it = await open();
    for (const ms of [0.5, 1, 2, 5]) {
      await it.arrive();
      it.s.setblocking(false);
      const call = it.call();
      beBusy(ms);
      assertEquals(await within(call), numbered(1), `${ms} ms`);
    }
  });

  Deno.test(`${name} with a timeout finds the data that the kernel had in time, however busy the program is`, async () => {
    if (name.includes("DONTWAIT")) return;
    await using it = await open();
    it.s.settimeout(0.01);
    const call = it.call();
    await it.arrive();
    beBusy(30);
    assertEquals(await within(call), numbered(1));
  });

  Deno.test(`non-blocking ${name} fails soon, and consumes nothing`, async () => {
    await using it = await open();
    it.s.setblocking(false);
    for (let i = 0; i < 10; i++) {
      const call = it.call();
      const ticks = await ticksUntil(call);
      const error = await assertRejects(() => call, socket.BlockingIOError);
      assertEquals(error.code, "EAGAIN");
      // The reactor is polled after 61 ticks at the latest.
      assertLess(ticks, 500);
    }
    await it.arrive();
    assertEquals(await within(it.call()), numbered(1));
  });
}

Deno.test("non-blocking recv() returns the end of the stream, and does not fail with EAGAIN", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  peer.setblocking(false);
  // A close ends the stream only once no child that is starting has a copy.
  await client.shutdown(socket.SHUT_WR);
  for (let i = 0; i < 3; i++) {
    const call = peer.recv(10, i === 0 ? MSG_PEEK : 0);
    beBusy(3);
    assertEquals(await within(call), new Uint8Array(0));
  }
});

Deno.test("non-blocking recv() returns all the data that is there, in order", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  peer.setblocking(false);
  await client.sendall(numbered(5000));
  const got: number[] = [];
  for (;;) {
    const data = await peer.recv(700).catch((error) => error);
    if (!(data instanceof Uint8Array)) {
      assertInstanceOf(data, socket.BlockingIOError);
      break;
    }
    got.push(...data);
  }
  assertEquals(Uint8Array.from(got), numbered(5000));
});

Deno.test("non-blocking send() succeeds without the event loop while there is room", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  client.setblocking(false);
  for (let i = 0; i < 100; i++) {
    const call = client.send(numbered(10, i * 10));
    beBusy(i % 10 === 0 ? 3 : 0);
    assertEquals(await within(call), 10);
  }
  const all = await within(peer.recv(1000, socket.MSG_WAITALL));
  assertEquals(all, numbered(1000));
});

Deno.test("non-blocking sendall() sends as much as there is room for", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  client.setblocking(false);
  await within(client.sendall(numbered(100_000)));
  const all = await within(peer.recv(100_000, socket.MSG_WAITALL));
  assertEquals(all.length, 100_000);
  await assertRejects(
    () => within(client.sendall(new Uint8Array(20_000_000))),
    socket.BlockingIOError,
  );
});

Deno.test("non-blocking calls of one socket do not delay those of another", async () => {
  await using pair = await tcpPair();
  await using other = await tcpPair();
  const { client, peer } = pair;
  peer.setblocking(false);
  const waiting = other.peer.recv(10);
  const ended = Array.from(
    { length: 50 },
    () => peer.recv(10).catch((error) => error.code),
  );
  await other.client.sendall(numbered(4));
  assertEquals(await within(waiting), numbered(4));
  assertEquals(new Set(await within(Promise.all(ended))), new Set(["EAGAIN"]));
  await client.sendall(numbered(4));
  assertEquals(await within(peer.recv(10)), numbered(4));
  assert(!peer.getblocking());
});
