import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { once } from "node:events";
import * as net from "node:net";
import * as socket from "@pystd/socket";
import { assertSameBytes } from "../support/bytes.ts";
import { freshLoop, microtasks } from "../support/event_loop.ts";
import { codeOf } from "../support/outcome.ts";
import {
  listener,
  receiveToEnd,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array(1);

/** More than the kernel takes while nobody reads. */
const BULK_BYTES = 12_000_000;

function bulk(): Uint8Array {
  const numbers = new Uint32Array(BULK_BYTES / 4);
  for (let i = 0; i < numbers.length; i++) numbers[i] = i;
  return new Uint8Array(numbers.buffer);
}

/** Fails unless the call ends with EBADF without a turn of the event loop. */
async function assertEndsAtOnce(
  pending: Promise<unknown>,
  close: () => void,
): Promise<void> {
  let code: unknown;
  pending.catch((error) => code = error.code);
  await freshLoop();
  assertEquals(code, undefined);
  close();
  await microtasks(20);
  assertEquals(code, "EBADF");
}

const receives: readonly [
  name: string,
  call: (s: TcpSocket) => Promise<unknown>,
][] = [
  ["recv()", (s) => s.recv(10)],
  ["recv() of all bytes", (s) => s.recv(10, socket.MSG_WAITALL)],
  ["recv() that looks ahead", (s) => s.recv(10, socket.MSG_PEEK)],
  ["recv() with a timeout", (s) => {
    s.settimeout(60);
    return s.recv(10);
  }],
  ["recv() with a signal", (s) => {
    const { signal } = new AbortController();
    return s.recv(10, { signal });
  }],
  ["recv_into()", (s) => s.recv_into(new Uint8Array(10))],
  ["recvfrom()", (s) => s.recvfrom(10)],
  ["recvfrom_into()", (s) => s.recvfrom_into(new Uint8Array(10))],
  ["recvmsg()", (s) => s.recvmsg(10)],
];
for (const [name, call] of receives) {
  Deno.test(`close() rejects a pending ${name} at once`, async () => {
    await using both = await tcpPair();
    const { client } = both;
    await assertEndsAtOnce(call(client), () => client.close());
  });

  Deno.test(`close() rejects a pending ${name} of a datagram socket at once`, async () => {
    await using s = udpSocket();
    await assertEndsAtOnce(call(s), () => s.close());
  });
}

Deno.test("close() rejects a pending accept() at once", async () => {
  await using server = listener();
  await assertEndsAtOnce(server.accept(), () => server.close());
});

Deno.test("close() rejects every pending call", async () => {
  await using both = await tcpPair();
  const { client } = both;
  const calls = Array.from({ length: 5 }, () => client.recv(1));
  const codes = Promise.all(calls.map((call) => codeOf(() => call)));
  client.close();
  assertEquals(await within(codes), Array(5).fill("EBADF"));
});

Deno.test("close() called a second time does nothing", async () => {
  const s = listener();
  s.close();
  assertEquals(s.fileno(), -1);
  using other = listener();
  s.close();
  await s[Symbol.asyncDispose]();
  s[Symbol.dispose]();
  // The number belongs to another socket by now.
  assert(other.fileno() >= 0);
  assert(other.getsockname()[1] > 0);
});

Deno.test("close() ends the stream for the peer", async () => {
  await using both = await tcpPair();
  both.client.close();
  assertEquals(await within(both.peer.recv(1)), new Uint8Array(0));
});

Deno.test('"using" closes the socket', async () => {
  await using both = await tcpPair();
  let inside: TcpSocket;
  {
    using copy = both.client.dup();
    inside = copy;
    both.client.close();
    assert(copy.fileno() >= 0);
  }
  assertEquals(inside.fileno(), -1);
  assertEquals(await within(both.peer.recv(1)), new Uint8Array(0));
});

Deno.test("close() lets started sends finish", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const data = bulk();
  const first = client.sendall(data);
  const second = client.sendall(one);
  client.close();
  assertEquals(await codeOf(() => client.send(one)), "EBADF");
  const received = await receiveToEnd(peer);
  assertSameBytes(received.subarray(0, data.length), data);
  assertEquals(received.length, data.length + 1);
  await within(Promise.all([first, second]));
});

Deno.test("close() after sendall() that is not awaited loses nothing", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const data = bulk();
  client.sendall(data);
  client.close();
  assertSameBytes(await receiveToEnd(peer), data);
});

Deno.test("close() lets bytes be sent that a timed-out send() has committed", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  client.settimeout(0.01);
  let taken = 0;
  const piece = new Uint8Array(50_000);
  try {
    for (;;) taken += await within(client.send(piece));
  } catch (error) {
    assert(error instanceof socket.TimeoutError);
  }
  client.close();
  assertEquals((await receiveToEnd(peer)).length, taken);
});

Deno.test('"await using" waits until what was sent is with the kernel', async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  let closed = false;
  const sending = client.sendall(bulk());
  const closing = client[Symbol.asyncDispose]().then(() => closed = true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(closed, false);
  assertEquals((await receiveToEnd(peer)).length, BULK_BYTES);
  await within(Promise.all([closing, sending]));
});

Deno.test('"await using" rejects with why taken bytes did not go out', async () => {
  const server = net.createServer({ pauseOnConnect: true });
  const accepted = once(server, "connection");
  server.listen(0, "127.0.0.1");
  await within(once(server, "listening"));
  const { port } = server.address() as net.AddressInfo;
  const client = socket.socket();
  await within(client.connect(["127.0.0.1", port]));
  const [peer] = await within(accepted) as [net.Socket];
  server.close();
  client.settimeout(0.01);
  try {
    for (;;) await within(client.send(new Uint8Array(50_000)));
  } catch (error) {
    assert(error instanceof socket.TimeoutError);
  }
  const closing = client[Symbol.asyncDispose]();
  const gone = once(peer, "close");
  peer.resetAndDestroy();
  await assertRejects(() => within(closing), socket.ConnectionError);
  await within(gone);
});

Deno.test("await using waits for sent bytes, even if another holder keeps the connection open", async () => {
  for (const keep of ["dup", "makefile"] as const) {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await using _ = keep === "dup" ? client.dup() : client.makefile("rb");
    let sent = false;
    const sending = client.sendall(new Uint8Array(BULK_BYTES))
      .then(() => sent = true);
    const disposed = client[Symbol.asyncDispose]().then(() => sent);
    let received = 0;
    while (received < BULK_BYTES) {
      received += (await within(peer.recv(1_000_000))).length;
    }
    await within(sending);
    assertEquals(await within(disposed), true);
  }
});

Deno.test("await using does not wait for the bytes of another holder", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  using other = client.dup();
  const sending = other.sendall(new Uint8Array(BULK_BYTES));
  await within(client[Symbol.asyncDispose]());
  let received = 0;
  while (received < BULK_BYTES) {
    received += (await within(peer.recv(1_000_000))).length;
  }
  await within(sending);
});

Deno.test("a connection is closed with its last duplicate", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const copies = [client.dup(), client.dup()];
  client.close();
  copies[0]!.close();
  await within(copies[1]!.sendall(one));
  assertEquals(await within(peer.recv(10)), one);
  peer.settimeout(0.02);
  await assertRejects(() => within(peer.recv(10)), socket.TimeoutError);
  peer.settimeout(null);
  copies[1]!.close();
  assertEquals(await within(peer.recv(10)), new Uint8Array(0));
});

Deno.test("a connection is closed with its last file object", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const reader = client.makefile("rb");
  const writer = client.makefile("wb");
  const number = client.fileno();
  client.close();
  assertEquals(client.fileno(), -1);
  assertThrows(() => client.getsockname(), socket.OSError);

  await within(peer.sendall(new TextEncoder().encode("line\n")));
  assertEquals(
    await within(reader.readline()),
    new TextEncoder().encode("line\n"),
  );
  await within(reader.close());
  await within(writer.write(one));
  assertEquals(writer.fileno(), number);
  await within(writer.close());
  assertEquals(await receiveToEnd(peer), one);
});

Deno.test("close() of a listener ends the connections that wait in it", async () => {
  const server = listener();
  await using client = socket.socket();
  await within(client.connect(server.getsockname()));
  await server[Symbol.asyncDispose]();
  await assertRejects(
    () => within(client.recv(1)),
    socket.ConnectionResetError,
  );
});

Deno.test("close() of a listener ends a connection that is not accepted", async () => {
  const server = listener();
  server.settimeout(0.01);
  await assertRejects(() => within(server.accept()), socket.TimeoutError);
  // Taken from the kernel by what the call has left behind.
  await using client = socket.socket();
  await within(client.connect(server.getsockname()));
  await new Promise((resolve) => setTimeout(resolve, 10));
  await server[Symbol.asyncDispose]();
  const outcome = await within(
    client.recv(1).then(({ length }) => length, (error) => error.code),
  );
  assert(outcome === 0 || outcome === "ECONNRESET", String(outcome));
});
