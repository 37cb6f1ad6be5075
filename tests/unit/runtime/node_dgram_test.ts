import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { AF_INET, AF_INET6 } from "../../../src/base/constants.ts";
import { OSError, PermissionError } from "../../../src/base/errors.ts";
import type { InetSockaddr } from "../../../src/base/sockaddr.ts";
import type { DatagramConn } from "../../../src/runtime/deno_net.ts";
import { openNodeDatagram } from "../../../src/runtime/node_dgram.ts";
import { fromDeno } from "../../../src/base/os_error.ts";
import { againIfTaken } from "../../support/addresses.ts";
import { within } from "../../support/within.ts";

const plain = { reuseAddress: false, v6Only: false };

function place(host = "127.0.0.1", port = 0): InetSockaddr {
  const family = host.includes(":") ? AF_INET6 : AF_INET;
  return { family, host, port, flowinfo: 0, scopeId: 0, isHostname: false };
}

/** Opens a port, for `await using`. */
function open(at: InetSockaddr = place(), options = plain) {
  const port = openNodeDatagram(at, options);
  return Object.assign(port, {
    [Symbol.asyncDispose]: async () => await port.close(),
  });
}

function portOf({ addr }: DatagramConn): number {
  return (addr as Deno.NetAddr).port;
}

/** The bytes of the next datagram, and where they came from. */
async function next(
  port: DatagramConn,
  size = 65536,
): Promise<[number[], number]> {
  const [data, from] = await within(port.receive(new Uint8Array(size)));
  return [[...data], (from as Deno.NetAddr).port];
}

async function codeOf(call: () => unknown): Promise<string | undefined> {
  try {
    await within(Promise.resolve(call()));
  } catch (error) {
    const translated = fromDeno(error);
    assertInstanceOf(translated, OSError);
    return translated.code;
  }
  return undefined;
}

for (const host of ["127.0.0.1", "::1"]) {
  Deno.test(`openNodeDatagram() at ${host} has its address at once, and carries datagrams`, async () => {
    await using a = open(place(host));
    await using b = open(place(host));
    assertEquals((a.addr as Deno.NetAddr).hostname, host);
    assertGreater(portOf(a), 0);
    const largest = 65507;
    for (const size of [0, 1, largest]) {
      assertEquals(await a.send(new Uint8Array(size).fill(7), b.addr), size);
      const [data, from] = await next(b);
      assertEquals(data.length, size);
      assertEquals(new Set(data).size, Math.min(size, 1));
      assertEquals(from, portOf(a));
    }
  });
}

Deno.test("openNodeDatagram() returns datagrams in order, cut to the buffer", async () => {
  await using a = open();
  await using b = open();
  const received = next(b, 2);
  for (let n = 0; n < 10; n++) await a.send(new Uint8Array([n, n, n]), b.addr);
  assertEquals((await received)[0], [0, 0]);
  for (let n = 1; n < 10; n++) assertEquals((await next(b, n))[0][0], n);
});

Deno.test("openNodeDatagram() keeps datagrams that arrived before a receive, in memory of its own", async () => {
  await using a = open();
  await using b = open();
  const data = new Uint8Array([1, 2, 3]);
  await a.send(data, b.addr);
  data.fill(9);
  await a.send(data, b.addr);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals((await next(b))[0], [1, 2, 3]);
  assertEquals((await next(b))[0], [9, 9, 9]);
});

for (const size of [0, 60_000]) {
  Deno.test(`openNodeDatagram() keeps a bounded number of datagrams of ${size} bytes, the oldest`, async () => {
    await using a = open();
    await using b = open();
    const count = size === 0 ? 1200 : 50;
    const last = new Uint8Array(1);
    for (let n = 0; n < count; n++) {
      const data = new Uint8Array(Math.max(4, size));
      new DataView(data.buffer).setUint32(0, n);
      await a.send(data, b.addr);
      // Each is in the queue, or dropped, before the next: the kernel's own
      // queue never fills.
      if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    const numbers: number[] = [];
    for (;;) {
      const pending = b.receive(new Uint8Array(65536));
      const timer = setTimeout(() => a.send(last, b.addr), 20);
      const [data] = await within(pending);
      clearTimeout(timer);
      if (data.length === 1) break;
      numbers.push(new DataView(data.buffer).getUint32(0));
    }
    assertLess(numbers.length, count);
    assertGreater(numbers.length, 0);
    assertEquals(numbers[0], 0);
    assertEquals(numbers, numbers.toSorted((x, y) => x - y));
  });
}

Deno.test("openNodeDatagram() rejects a pending receive when it closes, and later ones", async () => {
  const port = openNodeDatagram(place(), plain);
  const pending = codeOf(() => port.receive(new Uint8Array(1)));
  const closed = port.close();
  assertEquals(await pending, "EBADF");
  assertEquals(await codeOf(() => port.receive(new Uint8Array(1))), "EBADF");
  await closed;
});

Deno.test("openNodeDatagram() has freed its address when close() resolves", async () => {
  await againIfTaken(async () => {
    let port = 0;
    for (let n = 0; n < 5; n++) {
      const opened = openNodeDatagram(place("127.0.0.1", port), plain);
      port = portOf(opened);
      const pending = n % 2
        ? codeOf(() => opened.receive(new Uint8Array(1)))
        : 0;
      await opened.close();
      await pending;
    }
  });
});

const failures: [string, InetSockaddr, string][] = [
  ["no permission", place("192.0.2.1"), "EACCES"],
  ["a host that does not exist", {
    ...place("x".repeat(64) + ".localhost"),
    isHostname: true,
  }, "EACCES"],
];

for (const [what, at, code] of failures) {
  Deno.test(`openNodeDatagram() with ${what} fails with ${code}, and names the flag`, () => {
    const error = assertThrows(() => open(at), PermissionError);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, "--allow-net");
  });
}

Deno.test("openNodeDatagram() of an address in use fails with EADDRINUSE", async () => {
  await using a = open();
  const again = () => open(place("127.0.0.1", portOf(a)));
  assertEquals(assertThrows(again, OSError).code, "EADDRINUSE");
});

Deno.test("openNodeDatagram() shares an address that is to be reused", async () => {
  const options = { ...plain, reuseAddress: true };
  await using a = open(place(), options);
  await using b = open(place("127.0.0.1", portOf(a)), options);
  assertEquals(portOf(b), portOf(a));
});

const wrong: [string, Uint8Array, string, number, string][] = [
  ["too much", new Uint8Array(65508), "127.0.0.1", 9, "EMSGSIZE"],
  ["without a permission", new Uint8Array(1), "192.0.2.1", 9, "EACCES"],
];

for (const [what, data, hostname, port, code] of wrong) {
  Deno.test(`openNodeDatagram() that sends ${what} fails with ${code}`, async () => {
    await using a = open();
    const to = { transport: "udp", hostname, port } as const;
    assertEquals(await codeOf(() => a.send(data, to)), code);
  });
}
