import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import { closedAddress, fullListener } from "../support/addresses.ts";
import { numbered } from "../support/bytes.ts";
import { outcomeOf } from "../support/outcome.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array(1);

/** A socket whose connect is under way. */
async function connecting(to: socket.InetAddress): Promise<TcpSocket> {
  const client = socket.socket();
  client.setblocking(false);
  const code = await within(client.connect_ex(to));
  assertEquals(code, errno.EINPROGRESS);
  return client;
}

function socketError(client: TcpSocket): number {
  return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
}

Deno.test("connect() on a non-blocking socket fails with EINPROGRESS, and goes on", async () => {
  await using full = await fullListener();
  await using client = socket.socket();
  client.setblocking(false);
  await assertRejects(
    () => within(client.connect(full.address)),
    socket.BlockingIOError,
    `[Errno ${errno.EINPROGRESS}] Operation now in progress`,
  );
  await full.makeRoom();
  client.settimeout(60);
  assertEquals(await within(client.send(one)), 1);
  assertEquals(client.getpeername(), full.address);
});

const beside: readonly [
  call: (client: TcpSocket, to: socket.InetAddress) => unknown,
  theirs: string,
][] = [
  [(client, to) => client.connect(to), "s.connect(full)"],
  [(client, to) => client.connect_ex(to), "s.connect_ex(full)"],
  [(client) => client.recv(1), "s.recv(1)"],
  [(client) => client.recv_into(one.slice()), "s.recv_into(bytearray(1))"],
  [(client) => client.send(one), "s.send(b'x')"],
  [(client) => client.sendall(one), "s.sendall(b'x')"],
  [(client) => client.getpeername(), "s.getpeername()"],
  [(client) => client.bind(["127.0.0.1", 0]), "s.bind(('127.0.0.1', 0))"],
  [(client) => client.listen(), "s.listen()"],
  [(client) => client.accept(), "s.accept()"],
  [socketError, "s.getsockopt(SOL_SOCKET, SO_ERROR)"],
];
const setup = `
server = socket(); server.bind(("127.0.0.1", 0)); server.listen(0)
full = server.getsockname()
fill = socket(); fill.connect(full)
s = socket(); s.setblocking(False); s.connect_ex(full)
`;
const skipped = python === null || Deno.build.os !== "linux";
Deno.test({
  name: `calls during a connect end as in python3${
    skipped ? " (skipped: no python3, or not Linux)" : ""
  }`,
  ignore: skipped,
  fn: async () => {
    await using full = await fullListener();
    await using client = await connecting(full.address);
    const theirs = await pythonOutcomes(beside.map(([, each]) => each), setup);
    for (const [i, [call, program]] of beside.entries()) {
      const ours = await outcomeOf(() => call(client, full.address));
      assertEquals(ours, theirs[i], program);
    }
  },
});

Deno.test("SO_ERROR is 0 after a non-blocking connect has succeeded", async () => {
  await using full = await fullListener();
  await using client = await connecting(full.address);
  await full.makeRoom();
  client.settimeout(60);
  await within(client.sendall(one));
  assertEquals(socketError(client), 0);
  // As on Linux, the next connect reports the success, once.
  const again = () => within(client.connect_ex(full.address));
  assertEquals(await again(), 0);
  assertEquals(await again(), errno.EISCONN);
});

/** A socket whose connect has been refused while no call waited. */
async function refused(): Promise<TcpSocket> {
  const client = socket.socket();
  // The error is kept for the next call if the call that connected has ended,
  // however fast the refusal comes.
  const first = client.dup();
  const connecting = first.connect(closedAddress());
  first.close();
  const error = await assertRejects(() => within(connecting), socket.OSError);
  assertEquals(error.code, "EBADF");
  return client;
}

Deno.test("SO_ERROR reports the failure of a connect once", async () => {
  await using client = await refused();
  const found = await within((async () => {
    while (true) {
      const error = socketError(client);
      if (error !== 0) return error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })());
  assertEquals(found, errno.ECONNREFUSED);
  assertEquals(socketError(client), 0);
});

for (
  const [name, call] of [
    ["recv()", (client) => client.recv(1)],
    ["send()", (client) => client.send(one)],
  ] satisfies [string, (client: TcpSocket) => Promise<unknown>][]
) {
  Deno.test(`${name} waits for a connect and rejects with its error`, async () => {
    await using client = await refused();
    await assertRejects(
      () => within<unknown>(call(client)),
      socket.ConnectionRefusedError,
    );
    assertEquals(socketError(client), 0);
  });
}

Deno.test("connect() rejects with the error of an earlier one that no call has reported", async () => {
  await using server = listener();
  await using client = await refused();
  // A program that polls with connect_ex() would go round for ever otherwise.
  const codes: number[] = [];
  client.setblocking(false);
  while (codes.at(-1) !== errno.ECONNREFUSED) {
    assert(codes.length < 1000);
    codes.push(await within(client.connect_ex(server.getsockname())));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert(codes.slice(0, -1).every((code) => code === errno.EALREADY));
  client.settimeout(60);
  await within(client.connect(server.getsockname()));
  assertEquals(client.getpeername(), server.getsockname());
});

Deno.test("connect_ex() on a non-blocking socket returns EINPROGRESS even if a listener accepts", async () => {
  await using server = listener();
  await using client = socket.socket();
  client.setblocking(false);
  const first = await within(client.connect_ex(server.getsockname()));
  assertEquals(first, errno.EINPROGRESS);
  const [conn] = await within(server.accept());
  await using _ = conn;
  client.settimeout(60);
  await within(client.sendall(one));
  assertEquals(await within(conn.recv(10)), one);
});

Deno.test("close() cancels a connect in progress", async () => {
  await using full = await fullListener();
  const client = await connecting(full.address);
  const waiting = client.dup();
  waiting.settimeout(60);
  const receiving = waiting.recv(1);
  client.close();
  waiting.close();
  const error = await assertRejects(() => within(receiving), socket.OSError);
  assertEquals(error.code, "EBADF");
});

Deno.test("close() of one duplicate leaves the connect to the other", async () => {
  await using server = listener();
  const first = socket.socket();
  await using second = first.dup();
  // The event loop has not turned when it closes, so it is still connecting.
  const connecting = first.connect(server.getsockname());
  first.close();
  const error = await assertRejects(() => within(connecting), socket.OSError);
  assertEquals(error.code, "EBADF");
  assertEquals(await within(second.send(one)), 1);
  assertEquals(second.getpeername(), server.getsockname());
});

Deno.test("bytes arrive in order on a connection made without blocking", async () => {
  await using full = await fullListener();
  await using client = await connecting(full.address);
  const size = 3_000_000;
  const sent = numbered(size);
  client.settimeout(60);
  await full.makeRoom();
  // Queued until the connection is there.
  const sending = Promise.all([
    client.sendall(sent.subarray(0, 1_000_000)),
    client.sendall(sent.subarray(1_000_000)),
  ]).then(() => client.shutdown(socket.SHUT_WR));
  const conn = await full.accept();
  let got = 0;
  while (true) {
    const data = await within(conn.recv(100_000));
    if (data.length === 0) break;
    for (let i = 0; i < data.length; i++) {
      if (data[i] !== (got + i) % 251) throw new Error(`Wrong at ${got + i}`);
    }
    got += data.length;
  }
  await within(sending);
  assertEquals(got, size);
});
