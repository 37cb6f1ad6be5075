import {
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { againIfTaken } from "../support/addresses.ts";
import { decode, encode } from "../support/bytes.ts";
import { eventually } from "../support/event_loop.ts";
import { codeOf } from "../support/outcome.ts";
import { udpSocket } from "../support/pair.ts";
import { nextText, unboundUdp } from "../support/udp.ts";
import { within } from "../support/within.ts";

const one = encode("1");

Deno.test("bind() takes a free port at once", () => {
  using s = udpSocket();
  const [host, port] = s.getsockname();
  assertEquals(host, "127.0.0.1");
  assertGreater(port, 0);
});

Deno.test("bind() fails with EINVAL the second time, and after a first sendto()", async () => {
  using s = udpSocket();
  assertEquals(await codeOf(() => s.bind(["127.0.0.1", 0])), "EINVAL");
  using sender = unboundUdp();
  await sender.sendto(one, s.getsockname());
  assertEquals(await codeOf(() => sender.bind(["127.0.0.1", 0])), "EINVAL");
});

Deno.test("bind() to a datagram address in use fails with EADDRINUSE", () => {
  using first = udpSocket();
  using second = unboundUdp();
  const error = assertThrows(
    () => second.bind(first.getsockname()),
    socket.OSError,
    "Address already in use",
  );
  assertEquals(error.code, "EADDRINUSE");
  second.bind(["127.0.0.1", 0]);
});

Deno.test("bind() to a datagram address without a grant fails with EACCES and the hint", () => {
  using s = unboundUdp();
  const error = assertThrows(() => s.bind(["", 0]), socket.PermissionError);
  assertStringIncludes(error.message, "[Errno 13] Permission denied");
  assertStringIncludes(error.message, "--allow-net");
});

for (
  const [family, address] of [
    [socket.AF_INET, ["127.0.0.1"]],
    [socket.AF_INET6, ["::1"]],
  ] as const
) {
  Deno.test(`bind() of a datagram socket to localhost is ${address[0]}`, () => {
    using s = socket.socket(family, socket.SOCK_DGRAM);
    s.bind(["localhost", 0]);
    assertEquals(s.getsockname()[0], address[0]);
  });
}

Deno.test("bind() to the address of a closed datagram socket works soon", async () => {
  const first = udpSocket();
  const address = first.getsockname();
  const pending = assertRejects(() => first.recv(1), socket.OSError);
  first.close();
  await pending;
  using second = unboundUdp();
  // Deno closes a little later; the port may be another program's for a moment.
  await eventually(() => second.bind(address));
});

Deno.test("bind() to the address of a datagram socket works after `await using`", async () => {
  await againIfTaken(async () => {
    let address;
    {
      await using first = udpSocket();
      address = first.getsockname();
      await first.recv(1, socket.MSG_DONTWAIT).catch(() => {});
    }
    using second = unboundUdp();
    second.bind(address);
  });
});

Deno.test("sendto() binds a socket that is not bound", async () => {
  using server = udpSocket();
  using client = unboundUdp();
  assertEquals(client.getsockname(), ["0.0.0.0", 0]);
  assertEquals(await client.sendto(encode("hello"), server.getsockname()), 5);
  const [data, address] = await within(server.recvfrom(100));
  assertEquals(decode(data), "hello");
  assertEquals(address, client.getsockname());
  assertEquals(await server.sendto(encode("you too"), address), 7);
  assertEquals(await nextText(client), "you too");
});

Deno.test("recv() before bind() waits as long as it may", async () => {
  using s = unboundUdp();
  s.settimeout(0.01);
  await assertRejects(() => within(s.recv(1)), socket.TimeoutError);
  s.setblocking(false);
  assertEquals(await codeOf(() => s.recv(1)), "EAGAIN");
  s.setblocking(true);
  using other = udpSocket();
  const pending = s.recv(10);
  await s.sendto(one, other.getsockname());
  const [, address] = await within(other.recvfrom(1));
  await other.sendto(encode("answer"), address);
  assertEquals(decode(await within(pending)), "answer");
});
