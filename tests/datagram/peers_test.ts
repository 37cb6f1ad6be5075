import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode } from "../support/bytes.ts";
import { codeOf } from "../support/outcome.ts";
import { udpSocket } from "../support/pair.ts";
import { nextText, udp6Socket, udpPair, unboundUdp } from "../support/udp.ts";
import { within } from "../support/within.ts";

const one = encode("1");

Deno.test("connect() sets the peer of a datagram socket", async () => {
  using server = udpSocket();
  using client = unboundUdp();
  assertEquals(await codeOf(() => client.getpeername()), "ENOTCONN");
  assertEquals(await codeOf(() => client.send(one)), "EDESTADDRREQ");
  await client.connect(server.getsockname());
  assertEquals(client.getpeername(), server.getsockname());
  assertEquals(client.getsockname()[0], "127.0.0.1");
  await client.sendall(encode("to the peer"));
  const [data, address] = await within(server.recvfrom(100));
  assertEquals(decode(data), "to the peer");
  assertEquals(address, client.getsockname());
});

Deno.test("connect() makes the socket accept datagrams of the peer only", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  using stranger = udpSocket();
  const waiting = client.recv(100);
  for (let n = 0; n < 5; n++) {
    await stranger.sendto(encode("stranger"), client.getsockname());
  }
  await server.sendto(encode("peer"), client.getsockname());
  assertEquals(decode(await within(waiting)), "peer");
  await stranger.sendto(encode("stranger"), client.getsockname());
  await server.sendto(encode("again"), client.getsockname());
  assertEquals(await nextText(client), "again");
  client.setblocking(false);
  assertEquals(await codeOf(() => client.recv(1)), "EAGAIN");
});

Deno.test("connect() again changes the peer of a datagram socket", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  using other = udpSocket();
  const port = client.getsockname()[1];
  await client.connect(other.getsockname());
  assertEquals(client.getpeername(), other.getsockname());
  assertEquals(client.getsockname()[1], port);
  await client.send(encode("hello"));
  assertEquals(await nextText(other), "hello");
  await server.sendto(encode("no more"), client.getsockname());
  await other.sendto(encode("hello too"), client.getsockname());
  assertEquals(await nextText(client), "hello too");
});

Deno.test("sendto() on a connected datagram socket reaches other addresses", async () => {
  using pair = await udpPair();
  using other = udpSocket();
  await pair.client.sendto(encode("hello"), 0, other.getsockname());
  assertEquals(await nextText(other), "hello");
});

Deno.test("connect() to localhost and the wildcard reaches this machine", async () => {
  using server = udpSocket();
  const port = server.getsockname()[1];
  for (const host of ["localhost", "0.0.0.0", "", "127.1"]) {
    using client = unboundUdp();
    await client.connect([host, port]);
    assertEquals(client.getpeername(), ["127.0.0.1", port], host);
    assertEquals(await client.connect_ex([host, port]), 0);
    await client.send(encode(host));
    assertEquals(await nextText(server), host);
  }
});

Deno.test("IPv6 datagrams have addresses of four parts", async () => {
  using server = udp6Socket();
  using client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
  await client.connect(server.getsockname());
  await client.send(encode("hello"));
  const [data, address] = await within(server.recvfrom(100));
  assertEquals(decode(data), "hello");
  assertEquals(address, ["::1", client.getsockname()[1], 0, 0]);
  await server.sendto(encode("you too"), address);
  assertEquals(await nextText(client), "you too");
});

Deno.test("an IPv6 datagram socket reaches IPv4 by mapped addresses", async () => {
  using server = udpSocket();
  using client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
  const mapped = ["::ffff:127.0.0.1", server.getsockname()[1]] as const;
  await client.sendto(encode("hello"), mapped);
  const [data, address] = await within(server.recvfrom(100));
  assertEquals(decode(data), "hello");
  await client.connect(mapped);
  assertEquals(client.getsockname()[0], "::ffff:127.0.0.1");
  await server.sendto(encode("you too"), address);
  const [answer, from] = await within(client.recvfrom(100));
  assertEquals(decode(answer), "you too");
  assertEquals(from, [...mapped, 0, 0]);
});

Deno.test("send() to a peer that has closed does not fail", async () => {
  using client = unboundUdp();
  {
    await using server = udpSocket();
    await client.connect(server.getsockname());
  }
  assertEquals(await client.send(one), 1);
  assertEquals(await client.send(one), 1);
  client.settimeout(0.05);
  await assertRejects(() => client.recv(1), socket.TimeoutError, "timed out");
});
