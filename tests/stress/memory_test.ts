import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { poll, POLLIN, select } from "@pystd/socket/select";
import { runDeno } from "../support/child.ts";
import { assertGrowsLinearly } from "../support/cost.ts";
import { externalMemory } from "../support/memory.ts";
import { fill, tcpPair, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

const MiB = 1 << 20;

const chunk = new Uint8Array(1 << 16).fill(0x61);

/** How much the kernel takes for a peer that does nothing. */
async function kernelTakes(): Promise<number> {
  await using pair = await tcpPair();
  return await fill(pair.client);
}

/** What a program does on a connection before it stops to receive. */
const idle: Readonly<
  Record<string, (s: TcpSocket) => Promise<socket.SocketFile | void>>
> = {
  "after nothing": async () => {},
  "after recv()": async (s) => {
    await s.recv(10);
  },
  "after recv() of much": async (s) => {
    for (let n = 0; n < 10; n++) await s.recv(MiB);
  },
  "after a recv() that was given up": async (s) => {
    s.settimeout(0);
    for (let n = 0; n < 10; n++) await s.recv(10).catch(() => {});
  },
  "after MSG_PEEK": async (s) => {
    await s.recv(100, socket.MSG_PEEK);
  },
  "after select()": async (s) => {
    for (let n = 0; n < 10; n++) await select([s], [], []);
  },
  "after poll()": async (s) => {
    const poller = poll();
    poller.register(s, POLLIN);
    for (let n = 0; n < 10; n++) await poller.poll();
  },
  "with a file object": async (s) => {
    const file = s.makefile("rb");
    for (let n = 0; n < 10; n++) await file.read(1000);
    return file;
  },
  "with a text file object": async (s) => {
    const file = s.makefile("r");
    for (let n = 0; n < 10; n++) await file.read(1000);
    return file;
  },
  "with a readable stream": async (s) => {
    const reader = s.readable.getReader();
    for (let n = 0; n < 10; n++) await reader.read();
    reader.releaseLock();
  },
};

for (const [name, use] of Object.entries(idle)) {
  Deno.test(`a peer that writes without end is blocked ${name}`, async () => {
    const most = await kernelTakes();
    await using pair = await tcpPair();
    const { client, peer } = pair;
    let sent = await fill(client);
    let used = false;
    const using = use(peer).finally(() => used = true);
    while (!used) sent += await fill(client);
    const theirs = await within(using);
    for (let n = 0; n < 20; n++) sent += await fill(client);
    // What was received is counted out, and what may have been read ahead is
    // less than a MiB.
    peer.settimeout(0.1);
    let left = 0;
    const file = peer.makefile("rb", 0);
    for (let n; (n = (await file.read(MiB).catch(() => null))?.length);) {
      left += n;
      if (left > 3 * most + 8 * MiB) break;
    }
    await file.close();
    await theirs?.close();
    assertLess(left, 3 * most + 8 * MiB, `of ${sent}`);
    assertLess(sent, 3 * most + 64 * MiB);
  });
}

/** What sends the same bytes until its socket or its peer is closed. */
class Hose {
  /** How many bytes were sent. */
  sent = 0;
  readonly done: Promise<void>;

  constructor(s: TcpSocket) {
    this.done = this.#run(s);
  }

  async #run(s: TcpSocket): Promise<void> {
    try {
      for (;;) this.sent += await s.send(chunk);
    } catch (error) {
      if (!(error instanceof socket.OSError)) throw error;
    }
  }
}

const LIMIT = 1000;

for (const [mode, buffering] of [["rb", -1], ["rb", 0], ["r", -1]] as const) {
  const kind = mode === "r" ? "text" : buffering === 0 ? "raw" : "buffered";
  const what = `readline(limit) of a ${kind} file`;
  Deno.test(`${what} returns an endless line in pieces, and blocks its peer`, async () => {
    const most = await kernelTakes();
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const endless = new Hose(client);
    const file: socket.SocketFile = peer.makefile(mode, buffering);
    for (let n = 1; n <= (buffering === 0 ? 5 : 2000); n++) {
      const piece = await within<string | Uint8Array | null>(
        file.readline(LIMIT),
      );
      assertEquals(piece?.length, LIMIT);
      const ahead = endless.sent - n * LIMIT;
      assertLess(ahead, 2 * most + 4 * MiB, `after ${n} pieces`);
    }
    await file.close();
    peer.close();
    await within(endless.done);
  });

  if (buffering === 0) continue;
  Deno.test(`readline() of a ${kind} file costs ten times as much for a line that is ten times as long`, async () => {
    await assertGrowsLinearly(async (size) => {
      await using pair = await tcpPair();
      const { client, peer } = pair;
      const line = new Uint8Array(size).fill(0x61);
      line[size - 1] = 0x0a;
      const startMs = performance.now();
      const sending = client.sendall(line);
      const file: socket.SocketFile = peer.makefile(mode);
      const got = await within<string | Uint8Array | null>(file.readline());
      assertEquals(got?.length, size);
      await sending;
      const tookMs = performance.now() - startMs;
      await file.close();
      return tookMs;
    }, 10 * MiB);
  });

  Deno.test(`readline() of a ${kind} file with a timeout goes on while bytes come, until its signal aborts`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const file: socket.SocketFile = peer.makefile(mode);
    peer.settimeout(1);
    const drip = new AbortController();
    const dripping = (async () => {
      while (!drip.signal.aborted) {
        await client.send(chunk.subarray(0, 1));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    // As in Python the timeout is one for each receive: a signal bounds the call.
    const signal = AbortSignal.timeout(1200);
    await assertRejects(
      () => within<unknown>(file.readline({ signal })),
      DOMException,
      "timeout",
    );
    drip.abort();
    await dripping;
    client.close();
    const rest = await within<string | Uint8Array | null>(file.readline());
    assert(rest !== null && rest.length > 1);
    await file.close();
  });
}

Deno.test("thousands of aborted sends leave at most 64 KiB to be sent", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const filled = await fill(client);
  const big = new Uint8Array(4 * MiB);
  let taken = 0;
  for (let round = 0; round < 50; round++) {
    const controller = new AbortController();
    const { signal } = controller;
    const sends = Array.from(
      { length: 100 },
      () => client.send(big, { signal }),
    );
    controller.abort();
    for (const each of await within(Promise.allSettled(sends))) {
      if (each.status === "fulfilled") taken += each.value;
    }
  }
  // `fill` has left a piece of its own, which was reported as sent.
  assert(taken <= 65_536, `${taken}`);
  client.close();
  let received = 0;
  for (let n; (n = (await within(peer.recv(MiB))).length) > 0;) received += n;
  assertEquals(received, filled + taken);
});

Deno.test("sends to a peer that never reads time out, and keep no copies", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  await fill(client);
  client.settimeout(0.01);
  const data = new Uint8Array(MiB);
  const before = await externalMemory();
  let count = 0;
  for (let n = 0; n < 50; n++) {
    const sends = Array.from(
      { length: 40 },
      () => client.sendall(data),
    );
    for (const { status } of await within(Promise.allSettled(sends))) {
      if (status === "rejected") count++;
    }
  }
  assertEquals(count, 2000);
  assertLess(await externalMemory() - before, 32 * MiB);
});

const flood = `
  import * as socket from "@pystd/socket";
  const make = () => {
    const s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
    s.bind(["127.0.0.1", 0]);
    return s;
  };
  const server = make();
  const client = make();
  await client.connect(server.getsockname());
  // Somebody has waited, and given up.
  server.settimeout(0);
  await server.recv(10).catch(() => {});
  // The first leaves array buffers to a sweeper that the second waits for.
  const collect = async () => {
    gc();
    await new Promise((resolve) => setTimeout(resolve));
    gc();
  };
  const COUNT = 2500;
  const sizes = { small: 16, large: 1400 };
  for (const [name, size] of Object.entries(sizes)) {
    await collect();
    const before = Deno.memoryUsage();
    const data = new Uint8Array(size);
    const view = new DataView(data.buffer);
    for (let n = 0; n < COUNT; n++) {
      view.setUint32(0, n);
      await client.send(data);
      // What arrives is seen in turns of the event loop.
      if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    await collect();
    const after = Deno.memoryUsage();
    const numbers = [];
    server.settimeout(0.2);
    for (;;) {
      const got = await server.recv(2000).catch((error) => {
        if (!(error instanceof socket.TimeoutError)) throw error;
        return null;
      });
      if (got === null) break;
      numbers.push(new DataView(got.buffer).getUint32(0));
    }
    console.log(JSON.stringify({
      name,
      received: numbers.length,
      // The oldest stay, in order, as in a kernel.
      first: numbers.slice(0, 10),
      inOrder: numbers.every((each, i) => i === 0 || each > numbers[i - 1]),
      grown: Math.max(after.external - before.external,
        after.heapUsed - before.heapUsed),
    }));
    await client.send(new Uint8Array(4).fill(7));
    console.log(String(await server.recv(10)));
  }
  server.close();
  client.close();`;

for (const unstable of [false, true]) {
  Deno.test(
    `a UDP flood that is not received is dropped, ${
      unstable ? "with" : "without"
    } --unstable-net`,
    async () => {
      const { stdout, stderr } = await runDeno({
        code: flood,
        // What is held is measured, not what is yet to be collected.
        flags: ["--v8-flags=--expose-gc"],
        permissions: ["--allow-net=127.0.0.1"],
        unstable,
      });
      assertEquals(stderr, "");
      const [small, afterSmall, large, afterLarge] = stdout.trim().split("\n");
      assertEquals([afterSmall, afterLarge], ["7,7,7,7", "7,7,7,7"]);
      for (const each of [small!, large!]) {
        const { received, first, inOrder, grown } = JSON.parse(each);
        assertEquals(first, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert(inOrder, each);
        assertLess(received, 1500, each);
        assertLess(grown, 32 * MiB, each);
      }
    },
  );
}

Deno.test("sendfile() checks the number that a reader returns", async () => {
  // In a process of its own: a loop without an end could not be left here.
  const { stdout } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      const bad = [-1, NaN, 0.5, Infinity, 1e9, 65_537, "5", true, {}, undefined];
      for (const n of bad) {
        const [a, b] = await socket.socketpair();
        let calls = 0;
        const read = async () => ++calls > 3 ? null : n;
        const outcome = await a.sendfile({ read }).then(
          (sent) => "sent " + sent,
          (error) =>
            error instanceof TypeError || error instanceof RangeError
              ? "refused"
              : String(error),
        );
        console.log(String(n), outcome);
        a.close();
        b.close();
      }`,
    permissions: ["--allow-net=127.0.0.1"],
  });
  assertEquals(
    stdout.trim().split("\n").filter((line) => !line.endsWith(" refused")),
    [],
  );
});
