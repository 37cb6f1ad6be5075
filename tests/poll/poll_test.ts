import {
  assertEquals,
  assertGreaterOrEqual,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
import { openAt } from "../support/descriptor.ts";
import { listener, tcpPair } from "../support/pair.ts";
import { python, runPython } from "../support/python.ts";
import { within } from "../support/within.ts";

const { POLLIN, POLLOUT, POLLPRI, POLLNVAL, POLLRDHUP } = select;
const one = new Uint8Array([1]);

Deno.test("poll() reports the end of a connection after the bytes before it", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await peer.sendall(one);
  await peer.shutdown(socket.SHUT_WR);
  const poller = select.poll();
  poller.register(client, POLLRDHUP);
  assertEquals(await within(poller.poll(10)), []);
  poller.modify(client, POLLIN | POLLRDHUP);
  assertEquals(await within(poller.poll()), [[client.fileno(), POLLIN]]);
  assertEquals((await client.recv(10)).length, 1);
  poller.modify(client, POLLRDHUP);
  assertEquals(await within(poller.poll()), [[client.fileno(), POLLRDHUP]]);
});

Deno.test("poll() reports only the events of the mask", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const poller = select.poll();
  poller.register(peer, 0);
  poller.register(client.fileno(), POLLPRI);
  await client.sendall(one);
  assertEquals(await within(poller.poll(10)), []);
  poller.modify(peer, select.POLLRDNORM | select.POLLWRNORM);
  assertEquals(await within(poller.poll()), [
    [peer.fileno(), select.POLLRDNORM | select.POLLWRNORM],
  ]);
  poller.register(peer);
  assertEquals(await within(poller.poll()), [[
    peer.fileno(),
    POLLIN | POLLOUT,
  ]]);
});

Deno.test("poll() reports descriptors in the order of registration", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const poller = select.poll();
  poller.register(peer, POLLOUT);
  poller.register(client, POLLOUT);
  poller.register(peer, POLLOUT | POLLIN);
  assertEquals(await within(poller.poll()), [
    [peer.fileno(), POLLOUT],
    [client.fileno(), POLLOUT],
  ]);
  poller.unregister(peer.fileno());
  assertEquals(await within(poller.poll()), [[client.fileno(), POLLOUT]]);
});

Deno.test("poll() reports POLLNVAL for a descriptor that is not open, or is closed meanwhile", async () => {
  await using s = listener();
  const number = s.fileno();
  const poller = select.poll();
  poller.register(s, POLLIN);
  const waiting = poller.poll();
  await new Promise((resolve) => setTimeout(resolve, 0));
  await s[Symbol.asyncDispose]();
  assertEquals(await within(waiting), [[number, POLLNVAL]]);

  // The next socket gets the number; what was registered is not this one.
  using stack = new DisposableStack();
  const other = openAt(number, listener, stack);
  await using client = socket.socket();
  await client.connect(other.getsockname());
  assertEquals(await within(poller.poll()), [[number, POLLNVAL]]);
  await assertRejects(
    async () => poller.modify(other, POLLIN),
    socket.FileNotFoundError,
  );
  poller.register(other, POLLIN);
  assertEquals(await within(poller.poll()), [[number, POLLIN]]);

  poller.register(987_654);
  assertEquals(await within(poller.poll()), [
    [number, POLLIN],
    [987_654, POLLNVAL],
  ]);
});

Deno.test("poll() takes milliseconds; null and negative mean no limit", async () => {
  await using s = listener();
  const poller = select.poll();
  poller.register(s);
  const start = performance.now();
  // A timer that is set after the call must not fire before its end.
  assertEquals(await within(poller.poll(30), "the timeout", 10_000), []);
  assertGreaterOrEqual(performance.now() - start, 29);
  assertEquals(await within(poller.poll(0)), []);

  const reason = new Error("enough");
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = [null, -1, undefined].map((timeout) =>
    assertRejects(() => within(poller.poll(timeout, { signal })))
  );
  assertEquals(await within(poller.poll(10)), []);
  controller.abort(reason);
  for (const each of waiting) assertStrictEquals(await each, reason);
});

Deno.test("poll() notices sockets that are registered and unregistered while it waits", async () => {
  await using idle = listener();
  await using pair = await tcpPair();
  const poller = select.poll();
  poller.register(idle);
  const waiting = poller.poll();
  await new Promise((resolve) => setTimeout(resolve, 0));
  poller.unregister(idle);
  idle.close();
  poller.register(pair.client, POLLOUT);
  assertEquals(await within(waiting), [[pair.client.fileno(), POLLOUT]]);
});

const elsewhere = python === null || Deno.build.os !== "linux";
const pythons: Record<string, number> = elsewhere ? {} : JSON.parse(
  await runPython(`
import json, select
print(json.dumps({name: value for name, value in vars(select).items()
                  if name.startswith("POLL")}))`),
);
Deno.test({
  name: `poll() has the constants of Python${
    elsewhere ? " (skipped: no python3 on Linux)" : ""
  }`,
  ignore: elsewhere,
  fn: () => {
    const ours = Object.fromEntries(
      Object.entries(select).filter(([name]) => name.startsWith("POLL")),
    );
    assertEquals(ours, pythons as typeof ours);
    assertStrictEquals(select.error, socket.OSError);
  },
});
