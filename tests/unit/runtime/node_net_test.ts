import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { once } from "node:events";
import type { Socket } from "node:net";
import process from "node:process";
import { AF_INET, AF_INET6 } from "../../../src/base/constants.ts";
import { OSError } from "../../../src/base/errors.ts";
import type { InetSockaddr } from "../../../src/base/sockaddr.ts";
import type { StreamConn } from "../../../src/runtime/deno_net.ts";
import { connectWithNode } from "../../../src/runtime/node_net.ts";
import {
  againIfTaken,
  closedAddress,
  freePort,
} from "../../support/addresses.ts";
import { assertSameBytes } from "../../support/bytes.ts";
import { within } from "../../support/within.ts";

function place(family: number, host: string, port: number): InetSockaddr {
  return { family, host, port, flowinfo: 0, scopeId: 0, isHostname: false };
}

/** A connection whose one end is made by `node:net`. */
async function connection(local?: InetSockaddr) {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [ours, peer] = await within(Promise.all([
    connectWithNode(local, place(AF_INET, "127.0.0.1", port)).conn,
    listener.accept(),
  ]));
  return {
    ours,
    peer,
    port,
    [Symbol.dispose]() {
      ours.close();
      try {
        peer.close();
      } catch (error) {
        assert(error instanceof Deno.errors.BadResource);
      }
    },
  };
}

/** Bytes that tell where they belong. */
function numbered(size: number): Uint8Array<ArrayBuffer> {
  const numbers = new Uint32Array(size / 4);
  for (let i = 0; i < numbers.length; i++) numbers[i] = i;
  return new Uint8Array(numbers.buffer);
}

async function writeAll(
  conn: { write(data: Uint8Array): Promise<number> },
  data: Uint8Array,
): Promise<void> {
  let offset = 0;
  while (offset < data.length) {
    offset += await within(conn.write(data.subarray(offset)));
  }
}

async function readAll(
  conn: { read(buffer: Uint8Array): Promise<number | null> },
): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const buffer = new Uint8Array(100_000);
  while (true) {
    const n = await within(conn.read(buffer));
    if (n === null) break;
    chunks.push(buffer.slice(0, n));
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

Deno.test("connectWithNode() connects from the address that was asked for", async () => {
  await againIfTaken(async () => {
    const port = freePort();
    using both = await connection(place(AF_INET, "127.0.0.1", port));
    const { localAddr, remoteAddr } = both.ours;
    assertEquals((localAddr as Deno.NetAddr).port, port);
    assertEquals((remoteAddr as Deno.NetAddr).port, both.port);
    assertEquals((both.peer.remoteAddr as Deno.NetAddr).port, port);
  });
});

Deno.test("connectWithNode() connects over IPv6", async () => {
  using listener = Deno.listen({ hostname: "::1", port: 0 });
  const [ours, peer] = await within(Promise.all([
    connectWithNode(
      undefined,
      place(AF_INET6, "::1", listener.addr.port),
    ).conn,
    listener.accept(),
  ]));
  assertEquals((ours.remoteAddr as Deno.NetAddr).hostname, "::1");
  ours.close();
  peer.close();
});

Deno.test("connectWithNode() rejects with the system's error", async () => {
  const to = place(AF_INET, ...closedAddress());
  const error = await assertRejects(
    () => within(connectWithNode(undefined, to).conn),
    OSError,
  );
  assertEquals(error.code, "ECONNREFUSED");
});

Deno.test("connectWithNode() rejects with ECANCELED when it is cancelled", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const when of ["at once", "a tick later"]) {
    const { conn, cancel } = connectWithNode(
      undefined,
      place(AF_INET, "127.0.0.1", listener.addr.port),
    );
    if (when === "at once") cancel();
    else queueMicrotask(cancel);
    const error = await assertRejects(() => within(conn), OSError, "", when);
    assertEquals(error.code, "ECANCELED", when);
  }
});

Deno.test("a connection of node:net returns bytes as they arrive", async () => {
  using both = await connection();
  const { ours, peer } = both;
  const buffer = new Uint8Array(4);
  const reading = ours.read(buffer);
  await peer.write(new Uint8Array([1, 2, 3, 4, 5, 6]));
  assertEquals(await within(reading), 4);
  assertEquals(buffer, new Uint8Array([1, 2, 3, 4]));
  assertEquals(await within(ours.read(buffer)), 2);
  assertEquals(buffer.subarray(0, 2), new Uint8Array([5, 6]));
});

Deno.test("a connection of node:net carries bulk both ways at once", async () => {
  using both = await connection();
  const { ours, peer } = both;
  const data = numbered(6_000_000);
  const [got, theirs] = await Promise.all([
    readAll(ours),
    readAll(peer),
    writeAll(ours, data).then(() => ours.closeWrite()),
    writeAll(peer, data).then(() => peer.closeWrite()),
  ]);
  assertSameBytes(got, data);
  assertSameBytes(theirs, data);
});

Deno.test("a connection of node:net reads on after closeWrite()", async () => {
  using both = await connection();
  const { ours, peer } = both;
  await within(ours.closeWrite());
  assertEquals(await within(peer.read(new Uint8Array(1))), null);
  await peer.write(new Uint8Array([1]));
  const buffer = new Uint8Array(4);
  assertEquals(await within(ours.read(buffer)), 1);
  peer.close();
  assertEquals(await within(ours.read(buffer)), null);
  assertEquals(await within(ours.read(buffer)), null);
});

Deno.test("a connection of node:net writes on after the peer's end", async () => {
  using both = await connection();
  const { ours, peer } = both;
  await peer.closeWrite();
  assertEquals(await within(ours.read(new Uint8Array(1))), null);
  await within(ours.write(new Uint8Array([1, 2])));
  await within(ours.closeWrite());
  assertEquals(await readAll(peer), new Uint8Array([1, 2]));
});

Deno.test("a connection of node:net reads little ahead of its reader", async () => {
  using both = await connection();
  const { ours, peer } = both;
  const data = numbered(16_000_000);
  let written = 0;
  const writing = (async () => {
    while (written < data.length) {
      written += await peer.write(data.subarray(written));
    }
    await peer.closeWrite();
  })();
  // As far as it gets while nobody reads.
  for (let last = -1; last !== written;) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertLess(written, 12_000_000);
  const [got] = await Promise.all([readAll(ours), writing]);
  assertSameBytes(got, data);
});

/** A connection both of whose ends are made by `node:net`, which can reset. */
async function resettable() {
  const { createServer } = await import("node:net");
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const accepted = once(server, "connection");
  server.listen(0, "127.0.0.1");
  await within(once(server, "listening"));
  const { port } = server.address() as { port: number };
  const ours = await within(
    connectWithNode(undefined, place(AF_INET, "127.0.0.1", port)).conn,
  );
  const [peer] = await within(accepted) as [Socket];
  peer.on("error", () => {});
  server.close();
  return {
    ours,
    peer,
    [Symbol.asyncDispose]: async () => {
      ours.close();
      if (peer.closed) return;
      peer.destroy();
      await within(once(peer, "close"));
    },
  };
}

async function codeOfRejected(promise: Promise<unknown>): Promise<unknown> {
  const error = await assertRejects(() => within(promise), Error);
  return (error as { code?: unknown }).code;
}

/** Writes until that fails. */
async function writeOn(conn: StreamConn): Promise<never> {
  const data = new Uint8Array(20_000_000);
  for (;;) await conn.write(data);
}

Deno.test("a connection of node:net returns the bytes before a reset", async () => {
  await using both = await resettable();
  const { ours, peer } = both;
  const buffer = new Uint8Array(3);
  const reading = ours.read(buffer);
  peer.write("hello");
  assertEquals(await within(reading), 3);
  peer.resetAndDestroy();
  assertEquals(await within(ours.read(buffer)), 2);
  assertEquals(await codeOfRejected(ours.read(buffer)), "ECONNRESET");
  assertEquals(await within(ours.read(buffer)), null);
  await assertRejects(() => within(ours.write(buffer)));
});

Deno.test("a write of node:net reports that the peer has reset", async () => {
  await using both = await resettable();
  const { ours, peer } = both;
  const writing = writeOn(ours);
  await new Promise((resolve) => setTimeout(resolve, 20));
  peer.resetAndDestroy();
  assertEquals(await codeOfRejected(writing), "ECONNRESET");
});

Deno.test("a connection of node:net rejects pending operations when it closes", async () => {
  await using both = await resettable();
  const { ours } = both;
  const writing = writeOn(ours);
  const reading = ours.read(new Uint8Array(1));
  const codes = Promise.all([writing, reading].map(codeOfRejected));
  await new Promise((resolve) => setTimeout(resolve, 20));
  ours.close();
  assertEquals(await codes, ["EBADF", "EBADF"]);
});

Deno.test("a connection of node:net can reset", async () => {
  await using both = await resettable();
  const { ours, peer } = both;
  const failed = once(peer, "error");
  peer.resume();
  ours.reset!();
  const [error] = await within(failed);
  assertEquals(error.code, "ECONNRESET");
});

Deno.test("a connection of node:net leaves no listeners behind", async () => {
  await using both = await resettable();
  const { ours, peer } = both;
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on("warning", note);
  peer.destroy();
  for (let n = 0; n < 20; n++) {
    await within(ours.read(new Uint8Array(1)));
    await within(ours.write(new Uint8Array(1))).catch(() => {});
    ours.unref();
    ours.ref();
  }
  // The event comes a tick after what it is about.
  await new Promise((resolve) => setTimeout(resolve, 0));
  process.off("warning", note);
  assertEquals(warnings.map((each) => each.message), []);
});
