import { assert, assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import type { TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";
import { Random } from "./random.ts";

/** What a client says first: how it will go on, and its number. */
const HEAD_BYTES = 5;

/** How many clients there are at once, each with a server of its own. */
const CONCURRENCY = 16;

/** What a client and its server do with their connection. */
interface Life {
  readonly client: (
    s: TcpSocket,
    number: Uint8Array,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly server: (
    conn: TcpSocket,
    number: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ) => Promise<void>;
}

async function receiveNumber(s: TcpSocket, number: Uint8Array): Promise<void> {
  const data = await s.recv(number.length, socket.MSG_WAITALL);
  assertEquals(data, number);
}

const answer: Life["server"] = async (conn, number) => {
  await conn.sendall(number);
  assertEquals((await conn.recv(1)).length, 0);
};

const lives: readonly Life[] = [
  // The client closes first.
  { client: receiveNumber, server: answer },
  // The server does.
  {
    async client(s, number, signal) {
      await receiveNumber(s, number);
      assertEquals((await s.recv(1, { signal })).length, 0);
    },
    server: (conn, number, signal) => conn.sendall(number, { signal }),
  },
  // A timeout and a signal that end a wait.
  {
    async client(s, number, signal) {
      s.settimeout(0.001);
      await s.recv(9, { signal }).catch((error) => {
        assert(error instanceof socket.TimeoutError, `${error}`);
      });
      s.settimeout(30);
      const controller = new AbortController();
      const call = s.recv(9, controller).catch((error) => error);
      controller.abort("given up");
      assertEquals(await call, "given up");
      await s.sendall(number, { signal });
      await receiveNumber(s, number);
    },
    async server(conn, number, signal) {
      conn.settimeout(30);
      await receiveNumber(conn, number);
      await conn.sendall(number, { signal });
    },
  },
  // Files.
  {
    async client(s, number, signal) {
      const file = s.makefile("rw");
      await file.write(`${number}\n`);
      await file.flush({ signal });
      assertEquals(await file.readline({ signal }), `${number}\n`);
      await file.close();
    },
    async server(conn, _number, signal) {
      const file = conn.makefile("rwb");
      const line = await file.readline({ signal });
      await file.write(line!, { signal });
      await file.close();
    },
  },
  // Duplicates, of which one is closed under its call.
  {
    async client(s, number) {
      const copy = s.dup();
      const waiting = copy.recv(1).catch((error) => error.code);
      copy.close();
      assertEquals(await waiting, "EBADF");
      const again = socket.fromfd(s.fileno(), s.family, s.type) as TcpSocket;
      await receiveNumber(again, number);
      again.close();
    },
    server: answer,
  },
  // A client that leaves much unread.
  {
    async client(s, number) {
      await receiveNumber(s, number);
    },
    async server(conn, number) {
      await conn.sendall(number);
      await conn.sendall(new Uint8Array(3000)).catch(() => {});
      await conn.recv(1).catch(() => {});
    },
  },
  // Streams, and a half-close.
  {
    async client(s, number) {
      const writer = s.writable.getWriter();
      await writer.write(number);
      await writer.close();
      let length = 0;
      for await (const chunk of s.readable) length += chunk.length;
      assertEquals(length, number.length);
    },
    server: (conn) => conn.readable.pipeTo(conn.writable),
  },
  // Readiness.
  {
    async client(s, number, signal) {
      const [readable] = await select([s], [], [], 30, { signal });
      assertEquals(readable.length, 1);
      s.setblocking(false);
      assertEquals(await s.recv(99), number);
    },
    server: answer,
  },
];

/** Serves connections by what they say first. */
async function serve(server: TcpSocket, signal: AbortSignal): Promise<void> {
  const serving = new Set<Promise<void>>();
  for await (const [conn] of server) {
    const served = serveOne(conn, signal).finally(() => serving.delete(served));
    serving.add(served);
  }
  await Promise.all(serving);
}

async function serveOne(conn: TcpSocket, signal: AbortSignal): Promise<void> {
  try {
    const head = await conn.recv(HEAD_BYTES, socket.MSG_WAITALL);
    // One that was called off brings nothing.
    if (head.length < HEAD_BYTES) return;
    await lives[head[0]!]!.server(conn, head.slice(1), signal);
  } catch (error) {
    if (!(error instanceof socket.ConnectionError)) throw error;
  } finally {
    conn.close();
  }
}

/** One connection from its beginning to its end. */
async function live(
  address: socket.InetAddress,
  random: Random,
  n: number,
  signal: AbortSignal,
): Promise<void> {
  const s = socket.socket();
  if (random.chance(5)) {
    const controller = new AbortController();
    const connecting = s.connect(address, controller);
    controller.abort("called off");
    await connecting.catch((error) => assertEquals(error, "called off"));
    if (random.chance(50)) {
      s.close();
      return;
    }
  }
  if (random.chance(20)) s.settimeout(30);
  await s.connect(address, { signal }).catch((error) => {
    if (error.code !== "EISCONN") throw error;
  });
  const kind = random.below(lives.length);
  const head = new Uint8Array(HEAD_BYTES);
  head[0] = kind;
  new DataView(head.buffer).setUint32(1, n);
  await s.sendall(head);
  await lives[kind]!.client(s, head.subarray(1), signal);
  if (random.chance(50)) s.close();
  else await s[Symbol.asyncDispose]();
}

/**
 * Opens, uses and closes so many connections in every way.
 *
 * @param seed What all that is random in it follows from.
 * @param count How many connections.
 * @param signal One that is given to many calls.
 */
export async function churn(
  seed: number,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const random = new Random(seed);
  let begun = 0;
  const work = async (index: number) => {
    // One address has few ports for those that have closed and wait.
    const host = Deno.build.os === "linux"
      ? `127.0.0.${1 + index}`
      : "127.0.0.1";
    const server = socket.create_server([host, 0], { backlog: 128 });
    const serving = serve(server, signal);
    while (begun < count) {
      await within(
        live(server.getsockname(), random, begun++, signal),
        "the end of a connection",
      );
    }
    await server[Symbol.asyncDispose]();
    await within(serving, "the end of a server");
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, (_, i) => work(i)));
}
