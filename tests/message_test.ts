import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair, udpSocket } from "./_support/pair.ts";
import { within } from "./_support/within.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

Deno.test("recvmsg() gives data, no ancillary data, no flags, and null on a stream", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(bytes(1, 2, 3));
  assertEquals(await within(pair.peer.recvmsg(10)), [
    bytes(1, 2, 3),
    [],
    0,
    null as never,
  ]);
});

Deno.test("recvmsg() sets MSG_TRUNC for a datagram that was cut, and gives its address", async () => {
  using receiver = udpSocket();
  using sender = udpSocket();
  await sender.sendto(bytes(1, 2, 3, 4), receiver.getsockname());
  await sender.sendto(bytes(5), receiver.getsockname());
  assertEquals(await within(receiver.recvmsg(2)), [
    bytes(1, 2),
    [],
    socket.MSG_TRUNC,
    sender.getsockname(),
  ]);
  assertEquals((await within(receiver.recvmsg(2)))[2], 0);
});

Deno.test("recvmsg() leaves the data with MSG_PEEK", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(bytes(1, 2));
  const [peeked] = await within(pair.peer.recvmsg(1, 0, socket.MSG_PEEK));
  assertEquals(peeked, bytes(1));
  assertEquals((await within(pair.peer.recvmsg(9)))[0], bytes(1, 2));
});

Deno.test("recvmsg_into() fills each buffer before the next", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(bytes(1, 2, 3, 4, 5));
  const buffers = [new Uint8Array(2), new Uint8Array(0), new Uint8Array(9)];
  const [n, ancdata, flags, address] = await within(
    pair.peer.recvmsg_into(buffers),
  );
  assertEquals([n, ancdata, flags, address], [5, [], 0, null as never]);
  assertEquals(buffers[0], bytes(1, 2));
  assertEquals(buffers[2]!.subarray(0, 3), bytes(3, 4, 5));
});

Deno.test("recvmsg_into() takes any iterable, and refuses what is no buffer", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(bytes(7, 8));
  const first = new Uint8Array(1);
  function* buffers() {
    yield first;
    yield new Uint8Array(1);
  }
  assertEquals((await within(pair.peer.recvmsg_into(buffers())))[0], 2);
  assertEquals(first, bytes(7));
  await assertRejects(
    () => pair.peer.recvmsg_into(["text"] as never),
    TypeError,
    "buffers[0] must be a Uint8Array",
  );
  await assertRejects(
    () => pair.peer.recvmsg_into(bytes(1) as never),
    TypeError,
    "must be an iterable of Uint8Array",
  );
});

Deno.test("sendmsg() sends several buffers as one datagram", async () => {
  using receiver = udpSocket();
  using sender = udpSocket();
  const parts = [bytes(1), bytes(), bytes(2, 3)];
  assertEquals(
    await sender.sendmsg(parts, [], 0, receiver.getsockname()),
    3,
  );
  assertEquals(await within(receiver.recv(10)), bytes(1, 2, 3));
});

Deno.test("sendmsg() sends to the peer without an address", async () => {
  await using pair = await tcpPair();
  assertEquals(await pair.client.sendmsg([bytes(1, 2), bytes(3)]), 3);
  assertEquals(
    await within(pair.peer.recv(3, socket.MSG_WAITALL)),
    bytes(1, 2, 3),
  );
});

Deno.test("sendmsg() refuses malformed ancillary items, and then all", async () => {
  await using pair = await tcpPair();
  const malformed: unknown[] = [[1, 2], 3, "abc", [1, 2, "3"], [
    "1",
    2,
    bytes(),
  ]];
  for (const item of malformed) {
    await assertRejects(
      () => pair.client.sendmsg([bytes(1)], [item] as never),
      TypeError,
    );
  }
  const error = await assertRejects(
    () =>
      pair.client.sendmsg([bytes(1)], [[
        socket.SOL_SOCKET,
        socket.SCM_RIGHTS,
        bytes(0),
      ]]),
    socket.OSError,
    "ancillary data",
  );
  assertEquals(error.code, "EOPNOTSUPP");
  // Nothing was sent by any of them.
  await pair.client.sendall(bytes(9));
  assertEquals(await within(pair.peer.recv(10)), bytes(9));
});

Deno.test("sendmsg() to no address on an unconnected datagram socket is EDESTADDRREQ", async () => {
  using sender = udpSocket();
  const error = await assertRejects(
    () => sender.sendmsg([bytes(1)]),
    socket.OSError,
  );
  assertEquals(error.code, "EDESTADDRREQ");
});

Deno.test("recvmsg() that times out loses nothing", async () => {
  await using pair = await tcpPair();
  pair.peer.settimeout(0.01);
  await assertRejects(() => pair.peer.recvmsg(10), socket.TimeoutError);
  const waiting = pair.peer.recvmsg(10, { signal: AbortSignal.timeout(5000) });
  pair.peer.settimeout(null);
  await pair.client.sendall(bytes(1));
  const [data] = await within(
    waiting.catch(() => pair.peer.recvmsg(10)),
  );
  assertEquals(data, bytes(1));
  assert(data.buffer.byteLength === 1);
});
