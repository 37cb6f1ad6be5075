import { assert, assertEquals } from "@std/assert";
import { select } from "@pystd/socket/select";
import { assertGrowsLinearly } from "../support/cost.ts";
import {
  listener,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { within } from "../support/within.ts";

const MANY = 10_000;

/** Calls of one kind that wait side by side on one object. */
interface Waiters extends AsyncDisposable {
  /** Makes one call of those that wait. */
  call(n: number): Promise<unknown>;
  /** Ends them all. */
  close(): void;
}

async function onPair(
  make: (s: TcpSocket) => Omit<Waiters, keyof AsyncDisposable>,
): Promise<Waiters> {
  const pair = await tcpPair();
  return {
    ...make(pair.client),
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

const rows: Readonly<Record<string, () => Promise<Waiters>>> = {
  "recv()": () =>
    onPair((s) => ({ call: () => s.recv(1), close: () => s.close() })),
  "recv() of an unreferenced socket": () =>
    onPair((s) => {
      s.unref();
      return { call: () => s.recv(1), close: () => s.close() };
    }),
  "recv() with a timeout": () =>
    onPair((s) => {
      s.settimeout(60);
      return { call: () => s.recv(1), close: () => s.close() };
    }),
  "recv() with a signal each": () =>
    onPair((s) => ({
      call: () => s.recv(1, { signal: new AbortController().signal }),
      close: () => s.close(),
    })),
  "readline()": () =>
    onPair((s) => {
      const file = s.makefile("rb");
      return { call: () => file.readline(), close: () => void file.close() };
    }),
  "select()": () =>
    onPair((s) => ({
      call: () => select([s], [], []),
      close: () => s.close(),
    })),
  "accept()": () => {
    const s = listener();
    return Promise.resolve({
      call: () => s.accept(),
      close: () => s.close(),
      [Symbol.asyncDispose]: () => s[Symbol.asyncDispose](),
    });
  },
  "recvfrom() of a datagram socket": () => {
    const s = udpSocket();
    return Promise.resolve({
      call: () => s.recvfrom(1),
      close: () => s.close(),
      [Symbol.asyncDispose]: () => s[Symbol.asyncDispose](),
    });
  },
};

/** How long it takes to make so many calls, and to end them by a close. */
async function timeOf(
  make: () => Promise<Waiters>,
  count: number,
): Promise<number> {
  await using waiters = await make();
  const startMs = performance.now();
  const all = Promise.allSettled(
    Array.from({ length: count }, (_, n) => waiters.call(n)),
  );
  // Some begin in a turn of their own.
  await new Promise((resolve) => setTimeout(resolve));
  waiters.close();
  const settled = await within(all);
  assert(settled.every(({ status }) => status === "rejected"));
  return performance.now() - startMs;
}

for (const [name, make] of Object.entries(rows)) {
  Deno.test(`10,000 concurrent calls of ${name} cost ten times as much as 1,000`, async () => {
    await assertGrowsLinearly((count) => timeOf(make, count), MANY);
  });
}

Deno.test("10,000 concurrent calls of recv() are served in order", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const all = Array.from({ length: MANY }, () => client.recv(2));
  const numbers = Uint16Array.from({ length: MANY }, (_, n) => n);
  await peer.sendall(new Uint8Array(numbers.buffer));
  const got = await within(Promise.all(all));
  const found = got.map(({ buffer }) => new Uint16Array(buffer)[0]);
  assertEquals(found, [...numbers]);
});
