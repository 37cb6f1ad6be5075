import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { assertSameBytes, join, numbered } from "../support/bytes.ts";
import { receiveToEnd, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";
import { type Fault, Scene, withoutPython } from "./fault.ts";
import type { Random } from "./random.ts";

/** What a call that receives on a connection got; none at the end. */
type Receiving = (s: TcpSocket) => Promise<Uint8Array>;

const receiving: readonly Receiving[] = [
  (s) => s.recv(1000),
  (s) => s.recv(10, socket.MSG_WAITALL),
  async (s) => {
    const buffer = new Uint8Array(500);
    return buffer.subarray(0, await s.recv_into(buffer));
  },
  async (s) => (await s.recvfrom(100))[0],
  async (s) => (await s.recvmsg(100))[0],
  async (s) => {
    const buffer = new Uint8Array(10);
    const n = await s.read(buffer);
    return buffer.subarray(0, n ?? 0);
  },
  async (s) => {
    const file = s.makefile("rb", 0);
    try {
      return await file.read(100) ?? new Uint8Array(0);
    } finally {
      await file.close();
    }
  },
  async (s) => {
    await select([s], [], []);
    return await s.recv(100);
  },
  async (s) => {
    const reader = s.readable.getReader();
    try {
      return (await reader.read()).value ?? new Uint8Array(0);
    } finally {
      reader.releaseLock();
    }
  },
];

const much = new Uint8Array(20_000_000);

const sending: readonly ((s: TcpSocket) => Promise<unknown>)[] = [
  (s) => s.sendall(much),
  (s) => s.sendmsg([much, much.subarray(0, 100)]).then(() => s.sendall(much)),
  (s) => {
    let left = 1000;
    const read = (p: Uint8Array) =>
      Promise.resolve(left-- > 0 ? p.length : null);
    return s.sendfile({ read });
  },
  async (s) => {
    const file = s.makefile("wb");
    try {
      await file.write(much);
      await file.flush();
    } finally {
      await file.close().catch(() => {});
    }
  },
  async (s) => {
    const writer = s.writable.getWriter();
    try {
      await writer.write(much);
    } finally {
      writer.releaseLock();
    }
  },
];

/** Up to two of several, each once. */
function some<T>(items: readonly T[], random: Random): T[] {
  const first = random.below(items.length);
  const second = (first + 1 + random.below(items.length - 1)) % items.length;
  return [items[first]!, items[second]!].slice(0, random.below(3));
}

function assertGone(error: unknown): void {
  const gone = error instanceof socket.ConnectionResetError ||
    error instanceof socket.BrokenPipeError;
  if (!gone) throw error;
}

/** Calls of every kind, side by side, when the peer resets. */
async function resetWhileWaiting(random: Random): Promise<void> {
  await using scene = await Scene.open();
  for (let n = 0; n < 12; n++) {
    await using s = await scene.connect();
    const got: Uint8Array[] = [];
    const errors: unknown[] = [];
    const calls: Promise<void>[] = [];
    // Not the same twice: a stream has one reader.
    for (const receive of some(receiving, random)) {
      const slot = got.push(new Uint8Array(0)) - 1;
      calls.push(
        receive(s).then((data) => {
          got[slot] = data;
        }, (error) => void errors.push(error)),
      );
    }
    for (const send of some(sending, random)) {
      calls.push(
        send(s).then(
          () => assert(false, "it sent all to a peer that reads nothing"),
          (error) => void errors.push(error),
        ),
      );
    }
    // Between two receives of one stream there may be a read of it.
    if (calls.length === 0 || random.chance(30)) {
      await new Promise((resolve) => setTimeout(resolve, random.below(4)));
    }
    const sent = random.pick([0, 0, 3, 2000]);
    if (sent > 0) await scene.peer.run(`p.sendall(numbered(${sent}))`);
    await scene.peer.run("reset(p)");
    await within(Promise.all(calls), "the calls when the peer has reset");
    // What came before the reset is received before it is told, and it is told
    // once, then there is the end.
    for (;;) {
      const data = await within(s.recv(1000)).catch((error) => error);
      if (!(data instanceof Uint8Array)) errors.push(data);
      else if (data.length === 0) break;
      else got.push(data);
      assertLessOrEqual(errors.length, calls.length + 1);
    }
    errors.forEach(assertGone);
    // A stream begins to read, and a select() to receive, behind the other.
    const [first, second, ...rest] = got;
    const data = join(got);
    if (second !== undefined && data[0] !== 0) {
      data.set(join([second, first!, ...rest]));
    }
    assertSameBytes(data, numbered(data.length));
    assertLessOrEqual(data.length, sent);
    await s.send(numbered(1)).then(() => s.send(numbered(1))).then(
      () => assert(false, "it sends to nobody"),
      assertGone,
    );
  }
}

/** Connections of which some are reset before anybody accepts them. */
async function resetInQueue(random: Random): Promise<void> {
  await using scene = await Scene.open();
  const { server, peer } = scene;
  server.settimeout(60);
  const loop = accepted(server);
  for (let round = 0; round < 3; round++) {
    const fates = Array.from(
      { length: 20 },
      () => random.pick(["reset", "reset with data", "close", "live"]),
    );
    // Somebody who waits already, or nobody.
    const first = random.chance(50) ? loop.next() : undefined;
    await peer.run(`
conns = []
for i, fate in enumerate(${JSON.stringify(fates)}):
    c = create_connection(address)
    c.settimeout(60)
    if fate != "reset":
        c.sendall(bytes([i]))
    if fate.startswith("reset"):
        reset(c)
    elif fate == "close":
        c.close()
    else:
        conns.append((i, c))
last = create_connection(address)
last.sendall(b"\\xff")`);
    const served: number[] = [];
    let next = first ?? loop.next();
    for (;;) {
      const [conn] = (await within(next)).value!;
      await using _ = conn;
      const data = await within(conn.recv(1)).catch((error) => {
        assertGone(error);
        return new Uint8Array(0);
      });
      if (data[0] === 255) break;
      if (data.length > 0) {
        served.push(data[0]!);
        if (fates[data[0]!] === "live") await conn.sendall(data);
      }
      next = loop.next();
    }
    assertEquals(served, served.toSorted((a, b) => a - b));
    const expected = fates.flatMap((fate, i) =>
      fate === "live" || fate === "close" ? [i] : []
    );
    assertEquals(served.filter((i) => !fates[i]!.startsWith("r")), expected);
    assertEquals(
      await peer.run("out = all(c.recv(9) == bytes([i]) for i, c in conns)"),
      true,
    );
  }
  await loop.return();
}

async function* accepted(
  server: TcpSocket,
): AsyncGenerator<[TcpSocket, unknown], void> {
  for await (const [conn, address] of server) yield [conn, address];
}

/** A reset behind much that has come and that nobody has received. */
async function resetBehindData(random: Random): Promise<void> {
  await using scene = await Scene.open();
  for (let n = 0; n < 5; n++) {
    await using s = await scene.connect();
    // What has not come yet is dropped: this is less than the first window.
    const sent = 1 + random.below(30_000);
    await scene.peer.run(`p.sendall(numbered(${sent}))`);
    const got: Uint8Array[] = [];
    // Something may have been read ahead.
    if (random.chance(50)) await within(s.recv(1, socket.MSG_PEEK));
    if (random.chance(50)) got.push(await within(s.recv(10)));
    await scene.peer.run("reset(p)");
    const error = await (async () => {
      for (;;) {
        const data = await within(s.recv(1 + random.below(9000)));
        if (data.length === 0) return undefined;
        got.push(data);
      }
    })().catch((error) => error);
    assert(error instanceof socket.ConnectionResetError, `${error}`);
    assertSameBytes(join(got), numbered(sent));
    assertEquals(await receiveToEnd(s), new Uint8Array(0));
  }
}

/** What a peer that resets must not do harm to. */
export const resets: readonly Fault[] = [
  {
    name: "a reset rejects concurrent calls of every kind",
    skipped: withoutPython,
    run: resetWhileWaiting,
  },
  {
    name: "a reset in a listener's queue harms no other connection",
    skipped: withoutPython,
    run: resetInQueue,
  },
  {
    name: "a reset is reported after all the unreceived bytes before it",
    skipped: withoutPython,
    run: resetBehindData,
  },
];
