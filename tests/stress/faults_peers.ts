import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { againIfTaken } from "../support/addresses.ts";
import { assertSameBytes, numbered } from "../support/bytes.ts";
import { externalMemory } from "../support/memory.ts";
import type { TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";
import { type Fault, Scene, withoutPython } from "./fault.ts";
import type { Random } from "./random.ts";

const MiB = 1 << 20;

/** More than the kernel takes for a peer that does nothing. */
const KERNEL_BYTES = 16 * MiB;

/** More than a connection holds of its own: a piece to send, one read ahead. */
const OWN_BYTES = 4 * MiB;

const period = numbered(251 * 4096);

/** Numbered bytes from anywhere on, which are not made each time. */
function part(from: number, length: number): Uint8Array {
  return period.subarray(from % 251, from % 251 + length);
}

/** Sends numbered bytes until a call is ended; how many were taken. */
async function sendUntilEnded(s: TcpSocket, from: number): Promise<number> {
  let sent = from;
  try {
    for (;;) sent += await within(s.send(part(sent, 65_536)));
  } catch (error) {
    if (!(error instanceof socket.TimeoutError)) throw error;
    return sent;
  }
}

/** What the peer receives until the end: how much, and if it is numbered. */
const RECEIVE_ALL = `
long = numbered(251) * 5000
n, right = 0, True
while True:
    data = p.recv(1 << 20)
    if not data:
        break
    right = right and data == long[n % 251:n % 251 + len(data)]
    n += len(data)
out = [n, right]`;

/** A direction that the peer has ended, or that it has never used. */
async function halfOpen(random: Random): Promise<void> {
  await using scene = await Scene.open();
  for (let n = 0; n < 5; n++) {
    const s = await scene.connect();
    const text = random.below(2000);
    await scene.peer.run(`p.sendall(numbered(${text})); p.shutdown(SHUT_WR)`);
    const file = s.makefile("rb");
    const got = await within(file.read());
    assertSameBytes(got!, numbered(text));
    // The other direction goes on, whatever is done with the one that ended.
    assertEquals((await within(s.recv(1))).length, 0);
    const [readable] = await select([s], [], [], 0);
    assertEquals(readable.length, 1);
    const received = scene.peer.run(RECEIVE_ALL);
    const size = random.below(3 * MiB);
    for (let sent = 0; sent < size;) {
      sent += await within(s.send(part(sent, Math.min(65_536, size - sent))));
    }
    await file.close();
    await within(s[Symbol.asyncDispose]());
    assertEquals(await received, [size, true]);
    await scene.peer.run("p.close()");
  }
}

/** A peer that is there and does nothing: nobody else waits for it. */
async function silent(random: Random): Promise<void> {
  await using scene = await Scene.open();
  const { server } = scene;
  const port = server.getsockname()[1];
  await scene.peer.run(
    `quiet = [create_connection(("127.0.0.1", ${port})) for _ in range(20)]`,
  );
  let timedOut = 0;
  const serve = async (conn: TcpSocket, timeout: number) => {
    conn.settimeout(timeout);
    try {
      await conn.sendall(await conn.recv(100));
    } catch (error) {
      if (!(error instanceof socket.TimeoutError)) throw error;
      timedOut++;
    } finally {
      conn.close();
    }
  };
  const served: Promise<void>[] = [];
  for (let n = 0; n < 20; n++) {
    const [conn] = await within(server.accept());
    served.push(serve(conn, 0.1 + random.below(10) / 100));
  }
  using client = socket.socket();
  await within(client.connect(server.getsockname()));
  served.push(serve((await within(server.accept()))[0], 60));
  await client.sendall(numbered(7));
  assertEquals(await within(client.recv(100)), numbered(7));
  await within(Promise.all(served));
  assertEquals(timedOut, 20);
  assertEquals(
    await scene.peer.run("out = [len(s.recv(1)) for s in quiet]"),
    new Array(20).fill(0),
  );
}

/** A peer whose process stops, with all that it had promised to read. */
async function frozen(random: Random): Promise<void> {
  await using scene = await Scene.open();
  const s = await scene.connect();
  await scene.peer.run("p.sendall(b'x')");
  scene.peer.freeze();
  s.settimeout(0.05 + random.below(10) / 100);
  assertEquals((await within(s.recv(10))).length, 1);
  await assertRejects(() => within(s.recv(10)), socket.TimeoutError);
  const before = await externalMemory();
  let sent = 0;
  for (let n = 0; n < 5; n++) sent = await sendUntilEnded(s, sent);
  assertGreater(sent, 65_536);
  assertLess(sent, KERNEL_BYTES);
  assertLess(await externalMemory() - before, OWN_BYTES);
  scene.peer.thaw();
  const received = scene.peer.run(RECEIVE_ALL);
  await within(s[Symbol.asyncDispose]());
  assertEquals(await received, [sent, true]);
}

/** A peer that receives so slowly that a sendall() cannot be done in time. */
async function slow(random: Random): Promise<void> {
  await using scene = await Scene.open();
  const s = await scene.connect();
  const piece = random.pick([1, 1000, 65_536]);
  const slowly = scene.peer.run(`
end = time.monotonic() + 0.8
first = 0
while time.monotonic() < end:
    data = p.recv(${piece})
    assert data == numbered(len(data), first)
    first += len(data)
    time.sleep(0.01)
out = first`);
  const limitS = 0.2 + random.below(20) / 100;
  s.settimeout(limitS);
  const much = new Uint8Array(period.length * 30);
  for (let at = 0; at < much.length; at += period.length) much.set(period, at);
  const before = await externalMemory();
  const startMs = performance.now();
  await assertRejects(
    () => within(s.sendall(much)),
    socket.TimeoutError,
    "timed out",
  );
  assertGreaterOrEqual(performance.now() - startMs, limitS * 1000 - 1);
  assertLess(await externalMemory() - before, OWN_BYTES);
  assertGreater(await slowly as number, 0);
  await scene.peer.run("p.close()");
  // Nobody takes what is unsent: that is no reason to wait for it.
  await within(
    s[Symbol.asyncDispose]().catch((error) => {
      assert(error instanceof socket.ConnectionError, `${error}`);
    }),
  );
}

/** A peer that writes without end while nobody receives. */
async function flood(random: Random): Promise<void> {
  await using scene = await Scene.open();
  await using s = await scene.connect();
  // Somebody has waited, and given up.
  s.settimeout(0.01);
  const looked = random.pick([
    () => s.recv(1),
    () => s.recv(MiB),
    () => select([s], [], [], 0.01),
    async () => {
      const file = s.makefile("rb");
      await file.read(1).finally(() => file.close());
    },
  ]);
  await within<unknown>(
    looked().catch((error) => {
      assert(error instanceof socket.TimeoutError, `${error}`);
    }),
  );
  s.settimeout(null);
  const before = await externalMemory();
  const sent = await scene.peer.run(`
long = numbered(251) * 5000
n = 0
while select.select([], [p], [], 0.3)[1]:
    n += p.send(long[n % 251:][:1 << 18], MSG_DONTWAIT)
p.close()
out = n`) as number;
  assertGreater(sent, 65_536);
  assertLess(sent, KERNEL_BYTES);
  assertLess(await externalMemory() - before, OWN_BYTES);
  let received = 0;
  for (;;) {
    const data = await within(s.recv(random.pick([10_000, 300_000])));
    if (data.length === 0) break;
    assertSameBytes(data, part(received, data.length));
    received += data.length;
  }
  assertEquals(received, sent);
}

/** Listeners that are closed under those who wait in their queues. */
async function closedListener(random: Random): Promise<void> {
  await using scene = await Scene.open();
  for (let n = 0; n < 5; n++) {
    await againIfTaken(() => closeListener(scene, random));
  }
}

async function closeListener(scene: Scene, random: Random): Promise<void> {
  const server = socket.socket();
  server.bind(["127.0.0.1", 0]);
  server.listen();
  const [, port] = server.getsockname();
  const waiting = random.chance(50) ? server.accept() : undefined;
  const ended = waiting === undefined ? undefined : waiting.then(
    ([conn]) => conn.close(),
    (error) => assertEquals(error.code, "EBADF"),
  );
  const count = 1 + random.below(30);
  await scene.peer.run(`
queued = []
for i in range(${count}):
    c = create_connection(("127.0.0.1", ${port}))
    c.settimeout(60)
    c.sendall(b"hello")
    queued.append(c)`);
  // What is found ready here has been taken from the kernel.
  if (random.chance(50)) await select([server], [], [], 0);
  server.close();
  await within(Promise.resolve(ended));
  await within(server[Symbol.asyncDispose]());
  assertEquals(
    await scene.peer.run(`
def end(c):
    try:
        return c.recv(1) == b""
    except ConnectionResetError:
        return True
out = all([end(c) for c in queued])`),
    true,
  );
  // The address is free, and whoever takes it has a queue of his own.
  using next = socket.create_server(["127.0.0.1", port]);
  await scene.peer.run(`
c = create_connection(("127.0.0.1", ${port}))
c.sendall(b"again")`);
  const [conn] = await within(next.accept());
  assertEquals(new TextDecoder().decode(await within(conn.recv(9))), "again");
  conn.close();
}

/** Peers that do not do what peers should. */
export const peers: readonly Fault[] = [
  {
    name: "a half-open connection goes on in the direction that is open",
    skipped: withoutPython,
    run: halfOpen,
  },
  {
    name: "silent peers time out, and no other call waits for them",
    skipped: withoutPython,
    run: silent,
  },
  {
    name:
      "a peer that pauses blocks the sender, and gets all bytes when it goes on",
    skipped: withoutPython ??
      (Deno.build.os === "windows" ? "no signal to stop with" : undefined),
    run: frozen,
  },
  {
    name: "a peer that receives slowly blocks sendall() until its timeout",
    skipped: withoutPython,
    run: slow,
  },
  {
    name: "a peer that writes without end is blocked while no call receives",
    skipped: withoutPython,
    run: flood,
  },
  {
    name: "a listener that is closed ends the connections in its queue",
    skipped: withoutPython,
    run: closedListener,
  },
];
