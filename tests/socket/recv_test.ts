import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "../support/bytes.ts";
import { tcpPair, type TcpSocket, udpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

const { MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL } = socket;

/** The receiving calls, as one: what each gives of `n` bytes. */
const receives: Readonly<
  Record<
    string,
    (s: TcpSocket, n: number, flags?: number) => Promise<Uint8Array>
  >
> = {
  recv: (s, n, flags) => s.recv(n, flags),
  recv_into: async (s, n, flags) => {
    const buffer = new Uint8Array(n);
    return buffer.slice(0, await s.recv_into(buffer, 0, flags));
  },
  recvfrom: async (s, n, flags) => (await s.recvfrom(n, flags))[0],
  recvfrom_into: async (s, n, flags) => {
    const buffer = new Uint8Array(n);
    return buffer.slice(0, (await s.recvfrom_into(buffer, 0, flags))[0]);
  },
};

/** Receives until there are `n` bytes. */
async function receiveAll(s: TcpSocket, n: number): Promise<Uint8Array> {
  const data = await within(s.recv(n, MSG_WAITALL));
  assertEquals(data.length, n);
  return data;
}

/** Waits until the kernel has `n` bytes for `s`. */
async function arrived(s: TcpSocket, n: number): Promise<void> {
  const data = await within(s.recv(n, MSG_PEEK | MSG_WAITALL));
  assertEquals(data.length, n);
}

Deno.test("recv(65536) returns the whole of a 2 KiB request that had arrived", async () => {
  for (const size of [1, 1024, 1025, 2048, 3000, 60_000]) {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await client.sendall(numbered(size));
    assertEquals(await within(peer.recv(65_536)), numbered(size));
    await client.sendall(numbered(size));
    await arrived(peer, size);
    assertEquals(await within(peer.recv(1_000_000)), numbered(size));
  }
});

Deno.test("recv() returns the whole of each request, one after another", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  for (let i = 0; i < 200; i++) {
    const request = numbered(1 + (i * 97) % 5000, i);
    await client.sendall(request);
    assertEquals(await within(peer.recv(65_536)), request);
    await peer.sendall(request.subarray(0, 1 + i));
    assertEquals(
      await within(client.recv(65_536)),
      request.subarray(0, 1 + i),
    );
  }
});

Deno.test("recv(0) returns nothing at once, and consumes nothing", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  assertEquals(await within(peer.recv(0)), new Uint8Array(0));
  peer.setblocking(false);
  assertEquals(await within(peer.recv(0)), new Uint8Array(0));
  assertEquals(await within(peer.recv(0, MSG_PEEK)), new Uint8Array(0));
  assertEquals(await within(peer.recv_into(new Uint8Array(0))), 0);
  peer.setblocking(true);
  await client.sendall(numbered(3));
  await arrived(peer, 3);
  assertEquals(await peer.recv(0), new Uint8Array(0));
  assertEquals(await peer.recv(3), numbered(3));
});

Deno.test("recvfrom(0) waits for data, and consumes none", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await assertRejects(
    () => within(peer.recvfrom(0, MSG_DONTWAIT)),
    socket.BlockingIOError,
  );
  const waiting = peer.recvfrom(0);
  await client.sendall(numbered(3));
  const [data] = await within(waiting);
  assertEquals(data, new Uint8Array(0));
  assertEquals(await within(peer.recv(9)), numbered(3));
});

for (const [name, receive] of Object.entries(receives)) {
  Deno.test(`${name}() returns at most bufsize bytes, and the rest later`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await client.sendall(numbered(100));
    await arrived(peer, 100);
    assertEquals(await within(receive(peer, 30)), numbered(30));
    assertEquals(await within(receive(peer, 1)), numbered(1, 30));
    assertEquals(await within(receive(peer, 1000)), numbered(69, 31));
  });

  Deno.test(`${name}() returns nothing at the end of the stream, every time`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await client.sendall(numbered(10));
    client.close();
    assertEquals(await within(receive(peer, 10, MSG_WAITALL)), numbered(10));
    for (const flags of [0, MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT]) {
      const data = await within(receive(peer, 10, flags));
      assertEquals(data, new Uint8Array(0));
    }
  });

  Deno.test(`${name}() with MSG_PEEK leaves the bytes that it returns`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await client.sendall(numbered(10));
    assertEquals(await within(receive(peer, 4, MSG_PEEK)), numbered(4));
    assertEquals(await within(receive(peer, 100, MSG_PEEK)), numbered(10));
    assertEquals(await within(receive(peer, 6)), numbered(6));
    assertEquals(await within(receive(peer, 100, MSG_PEEK)), numbered(4, 6));
    assertEquals(await within(receive(peer, 100)), numbered(4, 6));
  });

  Deno.test(`${name}() with MSG_WAITALL waits for all bytes, or the end`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const call = receive(peer, 5000, MSG_WAITALL);
    for (let at = 0; at < 5000; at += 1000) {
      await client.sendall(numbered(1000, at));
      // A turn passes, in which a call that does not wait for all would settle.
      await assertRejects(() => client.recv(1, MSG_DONTWAIT));
    }
    assertEquals(await within(call), numbered(5000));
    const last = receive(peer, 5000, MSG_WAITALL);
    await client.sendall(numbered(7));
    client.close();
    assertEquals(await within(last), numbered(7));
  });

  Deno.test(`${name}() with MSG_WAITALL that is cancelled leaves its part queued`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await client.sendall(numbered(600));
    await arrived(peer, 600);
    peer.settimeout(0.02);
    await assertRejects(
      () => receive(peer, 5000, MSG_WAITALL),
      socket.TimeoutError,
      "timed out",
    );
    await client.sendall(numbered(400, 600));
    await assertRejects(
      () => receive(peer, 5000, MSG_WAITALL),
      socket.TimeoutError,
    );
    peer.settimeout(null);
    assertEquals(await within(receive(peer, 5000)), numbered(1000));
  });

  Deno.test(`${name}() with MSG_DONTWAIT never waits on a blocking socket`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const flagSets = [
      MSG_DONTWAIT,
      MSG_DONTWAIT | MSG_PEEK,
      MSG_DONTWAIT | MSG_WAITALL,
      MSG_DONTWAIT | MSG_WAITALL | MSG_PEEK,
    ];
    for (const flags of flagSets) {
      const error = await assertRejects(
        () => within(receive(peer, 10, flags)),
        socket.BlockingIOError,
      );
      assertEquals(error.code, "EAGAIN");
    }
    assertEquals(peer.getblocking(), true);
    await client.sendall(numbered(4));
    for (const flags of flagSets.toReversed()) {
      const data = await within(receive(peer, 10, flags));
      assertEquals(data, numbered(4));
      if ((flags & MSG_PEEK) === 0) await client.sendall(numbered(4));
    }
  });
}

Deno.test("recv() with MSG_PEEK and MSG_WAITALL waits for all bytes and leaves them", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const call = peer.recv(2000, MSG_PEEK | MSG_WAITALL);
  await client.sendall(numbered(1500));
  await client.sendall(numbered(1500, 1500));
  assertEquals(await within(call), numbered(2000));
  assertEquals(await receiveAll(peer, 3000), numbered(3000));
});

const known = ["MSG_PEEK", "MSG_WAITALL", "MSG_DONTWAIT"];
for (const [name, flag] of Object.entries(socket.MsgFlag)) {
  if (known.includes(name)) continue;
  Deno.test(`recv() with ${name} fails with EOPNOTSUPP and its name, and consumes nothing`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await client.sendall(numbered(4));
    for (const flags of [flag, flag | MSG_PEEK, flag | MSG_DONTWAIT]) {
      const error = await assertRejects(
        () => peer.recv(10, flags),
        socket.OSError,
        name,
      );
      assertEquals(error.code, "EOPNOTSUPP");
    }
    assertEquals(await within(peer.recv(10)), numbered(4));
  });
}

Deno.test("recv_into() fills nbytes of the buffer, and no more", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await client.sendall(numbered(20));
  await arrived(peer, 20);
  const buffer = new Uint8Array(10).fill(255);
  assertEquals(await within(peer.recv_into(buffer, 4)), 4);
  assertEquals(buffer, Uint8Array.of(...numbered(4), ...Array(6).fill(255)));
  assertEquals(await within(peer.recv_into(buffer, 0)), 10);
  assertEquals(buffer, numbered(10, 4));
  assertEquals(await within(peer.recv_into(buffer, 10)), 6);
  assertEquals(buffer.subarray(0, 6), numbered(6, 14));
});

Deno.test("recv_into() fills a part of a larger buffer, and nothing around it", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  for (const timeout of [null, 5]) {
    peer.settimeout(timeout);
    const memory = new Uint8Array(30).fill(255);
    const call = peer.recv_into(memory.subarray(10, 20));
    await client.sendall(numbered(12));
    assertEquals(await within(call), 10);
    assertEquals(memory.subarray(10, 20), numbered(10));
    assert(memory.subarray(0, 10).every((byte) => byte === 255));
    assert(memory.subarray(20).every((byte) => byte === 255));
    assertEquals(await within(peer.recv(10)), numbered(2, 10));
  }
});

Deno.test("recv_into() that is cancelled never writes to its buffer", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const buffer = new Uint8Array(8).fill(255);
  peer.settimeout(0.01);
  await assertRejects(() => peer.recv_into(buffer), socket.TimeoutError);
  peer.settimeout(null);
  const controller = new AbortController();
  const call = peer.recv_into(buffer, 0, 0, { signal: controller.signal });
  controller.abort(new Error("given up"));
  await assertRejects(() => call, Error, "given up");
  await client.sendall(numbered(8));
  assertEquals(await within(peer.recv(8)), numbered(8));
  assertEquals(buffer, new Uint8Array(8).fill(255));
});

Deno.test("recvfrom() on a stream returns no address", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await client.sendall(numbered(4));
  const [data, address] = await within(peer.recvfrom(2));
  assertEquals(data, numbered(2));
  assertEquals(address as unknown, null);
  const [n, none] = await within(peer.recvfrom_into(new Uint8Array(10)));
  assertEquals(n, 2);
  assertEquals(none as unknown, null);
});

Deno.test("recv() returns memory that holds exactly the data, however it arrived", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const seen = new Set<ArrayBufferLike>();
  let from = 0;
  const results: [Uint8Array, number][] = [];
  const take = async (n: number, flags = 0): Promise<void> => {
    const data = await within(peer.recv(n, flags));
    assertEquals(data.byteOffset, 0);
    assertEquals(data.buffer.byteLength, data.length);
    assertEquals(data, numbered(data.length, from));
    assert(!seen.has(data.buffer));
    seen.add(data.buffer);
    results.push([data, from]);
    if ((flags & MSG_PEEK) === 0) from += data.length;
  };
  await client.sendall(numbered(100_000));
  for (const n of [1, 16, 1024, 100, 1024, 4096, 2, 65_536]) {
    await take(n);
    await take(n, MSG_PEEK);
  }
  await take(3000, MSG_WAITALL);
  while (from < 100_000) await take(16 + from % 5000);
  for (const [data, start] of results) {
    assertEquals(data, numbered(data.length, start));
  }
});

Deno.test("recv() returns bytes that the caller may overwrite", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await client.sendall(numbered(3000));
  await arrived(peer, 3000);
  const peeked = await peer.recv(3000, MSG_PEEK);
  peeked.fill(255);
  for (let at = 0; at < 3000; at += 100) {
    const data = await within(peer.recv(100));
    assertEquals(data, numbered(100, at));
    data.fill(255);
  }
  const [a, b] = await Promise.all([
    client.sendall(numbered(10)).then(() => within(peer.recv(5))),
    within(peer.recv(5)),
  ]);
  assertNotStrictEquals(a.buffer, b.buffer);
});

Deno.test("recv() returns datagrams in memory of their own", async () => {
  using a = udpSocket();
  using b = udpSocket();
  const to = b.getsockname();
  for (const size of [0, 1, 1000, 60_000]) {
    await a.sendto(numbered(size), to);
    const peeked = await within(b.recv(65_536, MSG_PEEK));
    peeked.fill(255);
    const data = await within(b.recv(65_536));
    assertEquals(data, numbered(size));
    assertEquals(data.buffer.byteLength, size);
    await a.sendto(numbered(size), to);
    const cut = await within(b.recv(10));
    assertEquals(cut, numbered(Math.min(10, size)));
    assertEquals(cut.buffer.byteLength, cut.length);
  }
});
