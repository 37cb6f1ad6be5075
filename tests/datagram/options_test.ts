import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { encode } from "../support/bytes.ts";
import { codeOf } from "../support/outcome.ts";
import { type TcpSocket, udpSocket } from "../support/pair.ts";
import { nextText, unboundUdp } from "../support/udp.ts";

const { SOL_SOCKET, SO_BROADCAST, SO_REUSEADDR, SO_REUSEPORT } = socket;
const linux = Deno.build.os === "linux";
const one = encode("1");

// Loopback has a broadcast address of its own on Linux.
const broadcasts = [
  "255.255.255.255",
  "<broadcast>",
  ...(linux ? ["127.255.255.255"] : []),
];

for (const host of broadcasts) {
  Deno.test(`sendto() and connect() to ${host} need SO_BROADCAST`, async () => {
    using s = udpSocket();
    for (
      const call of [() => s.sendto(one, [host, 9]), () => s.connect([host, 9])]
    ) {
      const error = await assertRejects(call, socket.PermissionError);
      assertEquals(
        error.message,
        "[Errno 13] Permission denied: SO_BROADCAST is not set",
      );
    }
    assertEquals(await codeOf(() => s.getpeername()), "ENOTCONN");
  });
}

Deno.test({
  name: "SO_BROADCAST allows a broadcast",
  ignore: !linux,
  fn: async () => {
    using receiver = unboundUdp();
    receiver.bind(["127.255.255.255", 0]);
    using sender = udpSocket();
    sender.setsockopt(SOL_SOCKET, SO_BROADCAST, 1);
    assertEquals(sender.getsockopt(SOL_SOCKET, SO_BROADCAST), 1);
    await sender.sendto(encode("to all"), receiver.getsockname());
    assertEquals(await nextText(receiver), "to all");
    await sender.connect(receiver.getsockname());
    await sender.send(encode("to all again"));
    assertEquals(await nextText(receiver), "to all again");
    sender.setsockopt(SOL_SOCKET, SO_BROADCAST, 0);
    const send = () => sender.sendto(one, receiver.getsockname());
    assertEquals(await codeOf(send), "EACCES");
  },
});

const sharing: readonly [string, number | undefined][] = [
  ["SO_REUSEADDR", SO_REUSEADDR],
  ["SO_REUSEPORT", SO_REUSEPORT],
];

for (const [name, option] of sharing) {
  Deno.test({
    name: `${name} lets datagram sockets share an address`,
    ignore: option === undefined || Deno.build.os === "windows",
    fn: async () => {
      using first = unboundUdp();
      using second = unboundUdp();
      first.setsockopt(SOL_SOCKET, option!, 1);
      second.setsockopt(SOL_SOCKET, option!, 1);
      first.bind(["127.0.0.1", 0]);
      const address = first.getsockname();
      using third = unboundUdp();
      assertEquals(await codeOf(() => third.bind(address)), "EADDRINUSE");
      second.bind(address);
      assertEquals(second.getsockname(), address);

      using sender = udpSocket();
      const sent = Array.from({ length: 10 }, (_, n) => `${n}`);
      for (const each of sent) await sender.sendto(encode(each), address);
      // Which of them the kernel chooses is its affair.
      const texts: string[] = [];
      const count = async (receiver: TcpSocket) => {
        for (;;) texts.push(await nextText(receiver));
      };
      first.settimeout(0.1);
      second.settimeout(0.1);
      await Promise.allSettled([count(first), count(second)]);
      assertEquals(texts.toSorted(), sent);
    },
  });

  Deno.test({
    name: `${name} must be set by all that share an address`,
    ignore: option === undefined || Deno.build.os === "windows",
    fn: async () => {
      using first = udpSocket();
      using second = unboundUdp();
      second.setsockopt(SOL_SOCKET, option!, 1);
      const bind = () => second.bind(first.getsockname());
      assertEquals(await codeOf(bind), "EADDRINUSE");
    },
  });
}

Deno.test("getsockopt() reports the type of a datagram socket", () => {
  using s = udpSocket();
  const option = (name: number) => s.getsockopt(SOL_SOCKET, name);
  assertEquals(option(socket.SO_TYPE), socket.SOCK_DGRAM);
  assertEquals(option(socket.SO_ERROR), 0);
  assertEquals(option(SO_BROADCAST), 0);
  assertEquals(option(SO_REUSEADDR), 0);
});

Deno.test("SO_RCVTIMEO bounds the receives of a datagram socket", async () => {
  using s = udpSocket();
  const timeval = new DataView(new ArrayBuffer(16));
  timeval.setBigInt64(8, 20_000n, true);
  const value = Deno.build.os === "windows"
    ? 20
    : new Uint8Array(timeval.buffer);
  s.setsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, value);
  assertEquals(await codeOf(() => s.recv(1)), "EAGAIN");
});
