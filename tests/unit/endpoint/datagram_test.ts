import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  MSG_PEEK,
  SHUT_RD,
  SHUT_WR,
  SO_BROADCAST,
  SO_REUSEADDR,
  SOL_SOCKET,
} from "../../../src/base/constants.ts";
import { OSError } from "../../../src/base/errors.ts";
import { osError } from "../../../src/base/os_error.ts";
import { settle } from "../../support/event_loop.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { DatagramRig, place } from "../../support/fake_datagram.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

/** Sends a datagram that is committed: the call is cancelled during the send. */
async function commit(rig: DatagramRig, data: Uint8Array): Promise<void> {
  const controller = new AbortController();
  const call = rig.send(data, 8, { signal: controller.signal });
  await settle();
  controller.abort();
  assertEquals(await call, data.length);
}

function systemError(code: string): Error {
  return Object.assign(new Error("on purpose"), { code });
}

Deno.test("Datagram receives one at a time, and only while a call waits", async () => {
  using rig = new DatagramRig().bind();
  const { port } = rig;
  assertFalse(port.receiving);
  const first = rig.recv();
  const second = rig.recv();
  assertEquals(port.receives, 1);
  port.deliver(bytes(1));
  assertEquals(await first, [1]);
  port.deliver(bytes(2));
  assertEquals(await second, [2]);
  await settle();
  assertFalse(port.receiving);
});

Deno.test("Datagram leaves a receive in flight to the next call", async () => {
  using rig = new DatagramRig().bind();
  const { port } = rig;
  const controller = new AbortController();
  const cancelled = rig.recv({ signal: controller.signal });
  controller.abort();
  await assertRejects(() => cancelled);
  assertEquals([port.receiving, port.referenced], [true, false]);
  port.deliver(bytes(1));
  await settle();
  assert(rig.endpoint.readable);
  assertEquals(await rig.recv(), [1]);
  const next = rig.recv();
  assertEquals([port.receives, port.referenced], [2, true]);
  port.deliver(bytes(2));
  assertEquals(await next, [2]);
});

Deno.test("Datagram copies received bytes out of its one buffer", async () => {
  using rig = new DatagramRig().bind();
  const { port, endpoint } = rig;
  const pending = endpoint.recvMessage(rig.context({ flags: MSG_PEEK }), 2);
  port.deliver(bytes(1, 2, 3));
  const peeked = await pending;
  assertEquals([...peeked.data], [1, 2]);
  assertEquals([peeked.truncated, peeked.address], [true, ["127.0.0.1", 2]]);
  peeked.data.fill(9);
  const controller = new AbortController();
  const behind = rig.recv({ signal: controller.signal });
  assertEquals(await behind, [1, 2, 3]);
  const target = new Uint8Array(2);
  const into = endpoint.recvInto(rig.context(), target);
  port.deliver(bytes(4, 5, 6));
  assertEquals([await into, ...target], [2, 4, 5]);
});

for (const code of ["ECONNRESET", "ECONNREFUSED"]) {
  Deno.test(`Datagram goes on after ${code}, an ICMP error for an earlier datagram`, async () => {
    using rig = new DatagramRig().bind();
    const pending = rig.recv();
    rig.port.failReceive(systemError(code));
    await settle();
    rig.port.deliver(bytes(1));
    assertEquals(await pending, [1]);
  });
}

Deno.test("Datagram reports any other error to one call, and goes on", async () => {
  using rig = new DatagramRig().bind();
  const failing = rig.recv();
  const waiting = rig.recv();
  rig.port.failReceive(systemError("ENOMEM"));
  assertEquals((await assertRejects(() => failing, OSError)).code, "ENOMEM");
  rig.port.deliver(bytes(1));
  assertEquals(await waiting, [1]);
});

Deno.test("Datagram forgets an error that no call waits for", async () => {
  using rig = new DatagramRig().bind();
  const controller = new AbortController();
  const cancelled = rig.recv({ signal: controller.signal });
  controller.abort();
  await assertRejects(() => cancelled);
  rig.port.failReceive(systemError("ENOMEM"));
  await settle();
  assertFalse(rig.endpoint.readable);
});

Deno.test("Datagram without a port keeps the process alive for a waiting call", async () => {
  using clock = await FakeClock.install();
  using rig = new DatagramRig();
  const pending = rig.recv();
  assertEquals(clock.referenced, 1);
  rig.bind();
  assertEquals(clock.pending, []);
  assertEquals([rig.port.receiving, rig.port.referenced], [true, true]);
  rig.port.deliver(bytes(1));
  assertEquals(await pending, [1]);
});

Deno.test("Datagram does not keep the process alive for an unreferenced call, bound or not", async () => {
  using clock = await FakeClock.install();
  using rig = new DatagramRig();
  rig.owner.referenced = false;
  const pending = rig.recv();
  assertEquals([clock.referenced, clock.pending.length], [0, 1]);
  rig.bind();
  assertEquals([rig.port.receiving, rig.port.referenced], [true, false]);
  rig.port.deliver(bytes(1));
  assertEquals(await pending, [1]);
});

Deno.test("Datagram without a port leaves no timer behind when it closes", async () => {
  using clock = await FakeClock.install();
  using rig = new DatagramRig();
  const pending = rig.recv();
  await rig.endpoint.close();
  assertEquals((await assertRejects(() => pending, OSError)).code, "EBADF");
  assertEquals(clock.pending, []);
});

Deno.test("Datagram sends one at a time, in order", async () => {
  using rig = new DatagramRig().bind();
  const { port } = rig;
  const sent = [rig.send(bytes(1), 8), rig.send(bytes(2), 9)];
  for (let n = 0; n < 2; n++) {
    assert(port.sending);
    port.take();
    await settle();
  }
  assertEquals(await Promise.all(sent), [1, 1]);
  assertEquals(port.sent, [[8, [1]], [9, [2]]]);
});

Deno.test("Datagram counts a datagram as sent that is pending when its call is cancelled", async () => {
  using rig = new DatagramRig().bind();
  const { port, endpoint } = rig;
  const controller = new AbortController();
  const { signal } = controller;
  const data = bytes(1, 2);
  const first = rig.send(data, 8, { signal });
  const second = rig.send(bytes(3), 8, { signal });
  await settle();
  controller.abort();
  data.fill(9);
  assertEquals(await first, 2);
  await assertRejects(() => second, DOMException);
  assertFalse(endpoint.writable);
  const third = rig.send(bytes(4), 8);
  port.take();
  await settle();
  port.take();
  assertEquals(await third, 1);
  assertEquals(port.sent, [[8, [1, 2]], [8, [4]]]);
});

Deno.test("Datagram reports the failure of a committed datagram to the next call", async () => {
  using rig = new DatagramRig().bind();
  await commit(rig, bytes(1));
  rig.port.failSend(systemError("ENOBUFS"));
  await settle();
  const next = await assertRejects(() => rig.send(bytes(2), 8), OSError);
  assertEquals(next.code, "ENOBUFS");
  const after = rig.send(bytes(3), 8);
  rig.port.take();
  assertEquals(await after, 1);
});

Deno.test("Datagram closes its port when all is sent and the receive has ended", async () => {
  using rig = new DatagramRig().bind();
  const { port, endpoint } = rig;
  const received = rig.recv();
  const sent = [rig.send(bytes(1), 8), rig.send(bytes(2), 8)];
  const closed = endpoint.close();
  assertEquals((await assertRejects(() => received, OSError)).code, "EBADF");
  for (let n = 0; n < 2; n++) {
    assertFalse(port.closed);
    port.take();
    await settle();
  }
  assertEquals(await Promise.all(sent), [1, 1]);
  assert(port.closed);
  let released = false;
  closed.then(() => released = true);
  await settle();
  // The address is free only then, and until then the process must not end.
  assertEquals([released, port.referenced], [false, true]);
  port.failReceive(new Deno.errors.Interrupted("operation canceled"));
  await closed;
});

Deno.test("Datagram closes its port at once if nothing is in flight", () => {
  using rig = new DatagramRig().bind();
  rig.endpoint.close();
  assert(rig.port.closed);
});

Deno.test("Datagram rejects its close with the failure of a committed datagram", async () => {
  using rig = new DatagramRig().bind();
  await commit(rig, bytes(1));
  const closed = assertRejects(() => rig.endpoint.close(), OSError);
  await settle();
  assertFalse(rig.port.closed);
  rig.port.failSend(systemError("ENOBUFS"));
  assertEquals((await closed).code, "ENOBUFS");
  assert(rig.port.closed);
});

Deno.test("Datagram receives from its peer only, and datagrams that came before it had one", async () => {
  using rig = new DatagramRig().bind();
  const { port, endpoint } = rig;
  const peeked = endpoint.recvMessage(rig.context({ flags: MSG_PEEK }), 10);
  port.deliver(bytes(1), 7);
  await peeked;
  await endpoint.connect(place(8), rig.context());
  assertEquals(endpoint.peerAddress(), ["127.0.0.1", 8]);
  assertEquals(await rig.recv(), [1]);
  const pending = rig.recv();
  for (const [data, from] of [[2, 7], [3, 7], [4, 8]] as const) {
    port.deliver(bytes(data), from);
    await settle();
  }
  assertEquals(await pending, [4]);
});

Deno.test("Datagram wakes the calls that wait until it is readable or writable", async () => {
  using rig = new DatagramRig().bind();
  const { port, endpoint } = rig;
  assert(await endpoint.whenWritable(rig.context()));
  const readable = endpoint.whenReadable(rig.context());
  port.deliver(bytes(1));
  assert(await readable);
  assertEquals(await rig.recv(), [1]);
  const sent = rig.send(bytes(1), 8);
  const writable = endpoint.whenWritable(rig.context());
  assertFalse(endpoint.writable);
  port.take();
  assert(await writable);
  await sent;
});

Deno.test("Datagram that is shut down is readable and writable", async () => {
  using rig = new DatagramRig().bind();
  const { endpoint } = rig;
  await endpoint.connect(place(8), rig.context());
  await endpoint.shutdown(rig.context(), SHUT_RD);
  assert(endpoint.readable);
  assertEquals(await rig.recv(), []);
  await endpoint.shutdown(rig.context(), SHUT_WR);
  assert(endpoint.writable);
  const send = () => rig.send(bytes(1));
  assertEquals((await assertRejects(send, OSError)).code, "EPIPE");
});

Deno.test("Datagram opens its port with the options that were set", () => {
  using rig = new DatagramRig();
  rig.options.set(SOL_SOCKET, SO_REUSEADDR, 1);
  rig.bind();
  assertEquals(rig.opened, [{
    transport: "udp",
    hostname: "127.0.0.1",
    port: 0,
    reuseAddress: true,
    loopback: true,
  }]);
  assertEquals(assertThrows(() => rig.bind(), OSError).code, "EINVAL");
});

Deno.test("Datagram checks SO_BROADCAST before it sends or binds", async () => {
  using rig = new DatagramRig();
  const { endpoint, options } = rig;
  const to = place(9, "255.255.255.255");
  const send = () => endpoint.send(rig.context(), bytes(1), to);
  assertEquals((await assertRejects(send, OSError)).code, "EACCES");
  assertEquals(rig.opened, []);
  options.set(SOL_SOCKET, SO_BROADCAST, 1);
  const sent = send();
  rig.port.take();
  assertEquals(await sent, 1);
});

Deno.test("Datagram does not connect for a call that a close has cancelled", async () => {
  using rig = new DatagramRig().bind();
  const named = { ...place(9, "localhost"), isHostname: true };
  const pending = rig.endpoint.connect(named, rig.context());
  rig.owner.close(osError("EBADF"));
  assertEquals((await assertRejects(() => pending, OSError)).code, "EBADF");
  await settle();
  assertEquals(rig.endpoint.peerAddress(), undefined);
});
