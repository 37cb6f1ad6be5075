import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { encode } from "../support/bytes.ts";
import { codeOf } from "../support/outcome.ts";
import { udpSocket } from "../support/pair.ts";
import { nextText, udpPair } from "../support/udp.ts";
import { within } from "../support/within.ts";

const one = encode("1");

const bad: [string, (s: socket.Socket) => unknown, string][] = [
  ["listen()", (s) => s.listen(), "EOPNOTSUPP"],
  ["accept()", (s) => s.accept(), "EOPNOTSUPP"],
  ["sendto() port 0", (s) => s.sendto(one, ["127.0.0.1", 0]), "EINVAL"],
  ["shutdown() without a peer", (s) => s.shutdown(socket.SHUT_RD), "ENOTCONN"],
  ["shutdown(3)", (s) => s.shutdown(3), "EINVAL"],
  ["recv() with MSG_OOB", (s) => s.recv(1, socket.MSG_OOB), "EOPNOTSUPP"],
  ["sendto() with MSG_OOB", (s) => {
    return s.sendto(one, socket.MSG_OOB, ["127.0.0.1", 9]);
  }, "EOPNOTSUPP"],
  [
    "sendto() without a grant",
    (s) => s.sendto(one, ["192.0.2.1", 9]),
    "EACCES",
  ],
];

for (const [what, call, code] of bad) {
  Deno.test(`${what} of a datagram socket fails with ${code}`, async () => {
    using s = udpSocket();
    assertEquals(await codeOf(() => call(s)), code);
  });
}

Deno.test("sendto() of more than a packet holds fails with EMSGSIZE and binds the socket", async () => {
  using s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  const large = new Uint8Array(70_000);
  assertEquals(
    await codeOf(() => s.sendto(large, ["127.0.0.1", 9])),
    "EMSGSIZE",
  );
  assertGreater(s.getsockname()[1], 0);
});

Deno.test("sendto() without a grant keeps the hint which flag to grant", async () => {
  using s = udpSocket();
  const error = await assertRejects(
    () => s.sendto(one, ["192.0.2.1", 9]),
    socket.PermissionError,
    'Requires net access to "192.0.2.1:9", run again with the --allow-net flag',
  );
  assertInstanceOf(error.cause, Error);
});

Deno.test("a closed datagram socket fails with EBADF", async () => {
  const s = udpSocket();
  const address = s.getsockname();
  s.close();
  s.close();
  assertEquals(s.fileno(), -1);
  for (
    const call of [
      () => s.bind(address),
      () => s.connect(address),
      () => s.recvfrom(1),
      () => s.sendto(one, address),
      () => s.send(one),
      () => s.getsockname(),
    ]
  ) assertEquals(await codeOf(call), "EBADF");
});

Deno.test("shutdown(SHUT_WR) of a datagram socket fails with EPIPE for later sends", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const sent = client.send(encode("before"));
  await client.shutdown(socket.SHUT_WR);
  assertEquals(await within(sent), 6);
  await assertRejects(() => client.send(one), socket.BrokenPipeError);
  await assertRejects(
    () => client.sendto(one, server.getsockname()),
    socket.BrokenPipeError,
  );
  assertEquals(await nextText(server), "before");
  await server.sendto(encode("still"), client.getsockname());
  assertEquals(await nextText(client), "still");
});

Deno.test("shutdown(SHUT_RD) of a datagram socket ends pending receives with 0 bytes", async () => {
  using pair = await udpPair();
  const { client } = pair;
  const pending = [client.recvfrom(10), client.recvfrom(10)];
  await client.shutdown(socket.SHUT_RD);
  for (const each of [...pending, client.recvfrom(10)]) {
    const [data, address] = await within(each);
    assertEquals(data.length, 0);
    assertStrictEquals<unknown>(address, null);
  }
  await client.send(encode("out"));
  assertEquals(await nextText(pair.server), "out");
});
