import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { againIfTaken, assertRefuses } from "../support/addresses.ts";
import { assertSameBytes, numbered } from "../support/bytes.ts";
import { freshLoop, tick } from "../support/event_loop.ts";
import { codeOf, outcomeOf } from "../support/outcome.ts";
import {
  listener,
  receiveToEnd,
  tcpPair,
  type TcpSocket,
} from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { udpPair, unboundUdp } from "../support/udp.ts";
import { within } from "../support/within.ts";

const { SHUT_RD, SHUT_RDWR, SHUT_WR } = socket;
const none = new Uint8Array(0);
const one = new Uint8Array(1);

Deno.test("shutdown(SHUT_WR) ends the stream for the peer, and receiving goes on", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  await within(client.sendall(new Uint8Array([1, 2])));
  await within(client.shutdown(SHUT_WR));
  assertEquals(await receiveToEnd(peer), new Uint8Array([1, 2]));
  await assertRejects(() => within(client.send(one)), socket.BrokenPipeError);
  await assertRejects(
    () => within(client.sendall(one)),
    socket.BrokenPipeError,
  );

  await within(peer.sendall(new Uint8Array([3])));
  assertEquals(await within(client.recv(10)), new Uint8Array([3]));
  peer.close();
  assertEquals(await within(client.recv(10)), none);
});

Deno.test("shutdown(SHUT_WR) that is not awaited comes after the sends", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const data = numbered(5_000_000);
  const sending = client.sendall(data);
  const shutting = client.shutdown(SHUT_WR);
  assertEquals(await codeOf(() => client.send(one)), "EPIPE");
  assertSameBytes(await receiveToEnd(peer), data);
  await within(Promise.all([sending, shutting]));
});

Deno.test("shutdown() that is not awaited is made before a close()", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const sending = client.sendall(new Uint8Array(1_000_000));
  const shutting = client.shutdown(SHUT_RDWR);
  client.close();
  assertEquals((await receiveToEnd(peer)).length, 1_000_000);
  await within(Promise.all([sending, shutting]));
});

Deno.test("shutdown(SHUT_WR) comes after bytes that a send() has committed", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  client.settimeout(0.01);
  let taken = 0;
  await assertRejects(async () => {
    for (;;) taken += await within(client.send(new Uint8Array(50_000)));
  }, socket.TimeoutError);
  // It will be done, so that time is over is no failure.
  await within(client.shutdown(SHUT_WR));
  assertEquals((await receiveToEnd(peer)).length, taken);
});

Deno.test("shutdown(SHUT_RD) ends pending receives with 0 bytes", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const calls = [
    client.recv(10).then(({ length }) => length),
    client.recv(10, socket.MSG_WAITALL).then(({ length }) => length),
    client.recv_into(new Uint8Array(10)),
  ];
  await tick();
  await within(client.shutdown(SHUT_RD));
  assertEquals(await within(Promise.all(calls)), [0, 0, 0]);
  assertEquals(await within(client.recv(10)), none);
  await within(client.sendall(one));
  assertEquals(await within(peer.recv(10)), one);
});

Deno.test("shutdown(SHUT_RD) leaves the received bytes", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  await within(peer.sendall(new Uint8Array([1, 2, 3])));
  assertEquals(
    await within(client.recv(1, socket.MSG_PEEK)),
    new Uint8Array([1]),
  );
  const seen = await within(client.recv(3, socket.MSG_PEEK));
  assertEquals(seen.length, 3);
  await within(client.shutdown(SHUT_RD));
  assertEquals(await within(client.recv(2)), new Uint8Array([1, 2]));
  assertEquals(await within(client.recv(2)), new Uint8Array([3]));
  assertEquals(await within(client.recv(2)), none);
});

for (const bound of [false, true]) {
  const which = bound ? " from a bound socket" : "";
  Deno.test(`shutdown(SHUT_RD) leaves all bytes that have come, at different times, on a connection${which}`, async () => {
    await using server = listener();
    await using client = socket.socket();
    if (bound) client.bind(["127.0.0.1", 0]);
    await within(client.connect(server.getsockname()));
    const [peer] = await within(server.accept());
    await using _ = peer;
    await within(peer.sendall(numbered(12)));
    // The runtime may take these bytes, and leave the next ones to the kernel.
    await freshLoop();
    await within(peer.send(numbered(5)));
    await within(client.shutdown(SHUT_RD));
    assertEquals(
      await receiveToEnd(client),
      new Uint8Array([...numbered(12), ...numbered(5)]),
    );
  });
}

Deno.test("shutdown(SHUT_RDWR) ends both directions", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const receiving = client.recv(10);
  await within(client.shutdown(SHUT_RDWR));
  assertEquals(await within(receiving), none);
  await assertRejects(() => within(client.send(one)), socket.BrokenPipeError);
  assertEquals(await within(peer.recv(10)), none);
});

for (const how of [SHUT_RD, SHUT_WR, SHUT_RDWR]) {
  Deno.test(`shutdown(${how}) may be repeated`, async () => {
    await using both = await tcpPair();
    for (const again of [how, how, SHUT_RDWR, SHUT_RD, SHUT_WR]) {
      await within(both.client.shutdown(again));
    }
  });
}

Deno.test("shutdown() of one duplicate shuts down the connection", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  await using copy = client.dup();
  await within(client.shutdown(SHUT_WR));
  await assertRejects(() => within(copy.send(one)), socket.BrokenPipeError);
  assertEquals(await within(peer.recv(10)), none);
});

Deno.test("shutdown(SHUT_RD) of a listener rejects its accepts with EINVAL", async () => {
  for (const how of [SHUT_RD, SHUT_RDWR]) {
    await using server = listener();
    const address = server.getsockname();
    const calls = [server.accept(), server.accept()].map((call) =>
      codeOf(() => call)
    );
    await within(server.shutdown(how));
    assertEquals(await within(Promise.all(calls)), ["EINVAL", "EINVAL"]);
    assertEquals(await codeOf(() => server.accept()), "EINVAL");
    assertEquals(
      server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
      0,
    );
    assertEquals(server.getsockname(), address);
    await assertRefuses(address);
  }
});

Deno.test("shutdown(SHUT_WR) of a listener changes nothing", async () => {
  await using server = listener();
  const accepting = server.accept();
  await within(server.shutdown(SHUT_WR));
  await using client = socket.socket();
  await within(client.connect(server.getsockname()));
  const [conn, address] = await within(accepting);
  await using _ = conn;
  assertEquals(address, client.getsockname());
});

Deno.test("listen() works again after shutdown() of a listener", async () => {
  await againIfTaken(async () => {
    await using server = listener();
    const address = server.getsockname();
    await within(server.shutdown(SHUT_RD));
    server.listen();
    assertEquals(server.getsockname(), address);
    await using client = socket.socket();
    await within(client.connect(address));
    const [conn] = await within(server.accept());
    await using _ = conn;
    assertEquals(conn.getpeername(), client.getsockname());
  });
});

Deno.test("shutdown() resets the connections that wait in a listener", async () => {
  await using server = listener();
  await using client = socket.socket();
  await within(client.connect(server.getsockname()));
  await within(server.shutdown(SHUT_RD));
  await assertRejects(
    () => within(client.recv(1)),
    socket.ConnectionResetError,
  );
});

Deno.test("shutdown() of a connected datagram socket ends a direction", async () => {
  using both = await udpPair();
  const { client, server } = both;
  const receiving = client.recv(10);
  await within(client.shutdown(SHUT_RD));
  assertEquals(await within(receiving), none);
  assertEquals(await within(client.recv(10)), none);
  await within(client.send(one));
  assertEquals(await within(server.recv(10)), one);
  await within(client.shutdown(SHUT_WR));
  await assertRejects(() => within(client.send(one)), socket.BrokenPipeError);
});

Deno.test("shutdown() of a datagram socket without peer fails with ENOTCONN", async () => {
  using s = unboundUdp();
  assertEquals(await codeOf(() => s.shutdown(SHUT_RD)), "ENOTCONN");
});

Deno.test("shutdown() takes one of its three constants", async () => {
  await using both = await tcpPair();
  const { client } = both;
  for (const how of [-1, 3]) {
    assertEquals(await codeOf(() => client.shutdown(how)), "EINVAL");
  }
  for (const how of ["2", 0.5, null, undefined]) {
    await assertRejects(
      () => within(client.shutdown(how as number)),
      TypeError,
    );
  }
  await within(client.sendall(one));
});

const programs: readonly [
  what: string,
  ours: (client: TcpSocket, peer: TcpSocket) => unknown,
  theirs: string,
][] = [
  ["send() after SHUT_WR", async (client) => {
    await client.shutdown(SHUT_WR);
    await client.send(one);
  }, "c.shutdown(SHUT_WR); c.send(b'x')"],
  ["SHUT_WR twice", async (client) => {
    await client.shutdown(SHUT_WR);
    await client.shutdown(SHUT_WR);
  }, "c.shutdown(SHUT_WR); c.shutdown(SHUT_WR)"],
  ["SHUT_RD, then recv()", async (client) => {
    await client.shutdown(SHUT_RD);
    return [...await client.recv(1)];
  }, "c.shutdown(SHUT_RD); c.recv(1)"],
  ["SHUT_RD, then what had come", async (client, peer) => {
    await peer.sendall(new Uint8Array([7]));
    await client.recv(1, socket.MSG_PEEK);
    await client.shutdown(SHUT_RD);
    return [...await client.recv(2)];
  }, "p.sendall(b'\\7'); c.recv(1, MSG_PEEK); c.shutdown(SHUT_RD); c.recv(2)"],
  ["SHUT_WR after the peer's end", async (client, peer) => {
    peer.close();
    await client.recv(1);
    await client.shutdown(SHUT_WR);
  }, "p.close(); c.recv(1); c.shutdown(SHUT_WR)"],
  ["SHUT_RDWR after the peer's end", async (client, peer) => {
    await peer.shutdown(SHUT_WR);
    await client.recv(1);
    await client.shutdown(SHUT_RDWR);
  }, "p.shutdown(SHUT_WR); c.recv(1); c.shutdown(SHUT_RDWR)"],
  ["a wrong constant", (client) => client.shutdown(7), "c.shutdown(7)"],
];
const setup = `
s = socket(); s.bind(("127.0.0.1", 0)); s.listen()
c = socket(); c.connect(s.getsockname()); p, _ = s.accept()
`;
const skipped = python === null || Deno.build.os !== "linux";
Deno.test({
  name: `shutdown() ends as in python3${
    skipped ? " (skipped: no python3, or not Linux)" : ""
  }`,
  ignore: skipped,
  fn: async () => {
    const theirs = await pythonOutcomes(
      programs.map(([, , program]) => program),
      setup,
    );
    for (const [i, [what, program]] of programs.entries()) {
      await using both = await tcpPair();
      const ours = await outcomeOf(() => program(both.client, both.peer));
      assertEquals(
        ours.replace(
          /: how must be SHUT_RD, SHUT_WR or SHUT_RDWR, received 7$/,
          "",
        ),
        theirs[i],
        what,
      );
    }
  },
});
