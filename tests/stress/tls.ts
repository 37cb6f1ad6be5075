/**
 * Connections that speak TLS, hundreds at once, through one listening socket:
 * both ways with every call cancelled at random moments, cut off within a
 * record, given up in the handshake, garbage. What was exchanged is what was
 * sent, no connection is reset that was not cut off, and the server goes on.
 */

import { assert, assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
import { clientContext, only, serverContext } from "../support/tls.ts";
import { within } from "../support/within.ts";
import type { Part } from "./part.ts";
import { Random } from "./random.ts";
import { bulk } from "./tls_bulk.ts";

type Tls = ssl.SSLSocket;

/** How many connections there are at once. */
const CONCURRENCY = 40;
const LIMIT_MS = 120_000;
/** The most bytes that go one way. */
const MOST = 200_000;
/** How many bytes go each way on a connection that is not cut off. */
const BULK_BYTES = 50 << 20;

/** What a client says first: how it will go on, and the seed of the data. */
const HEAD_BYTES = 5;
/** All that is sent comes, in both directions. */
const WHOLE = 1;
/** What comes is the beginning of what is sent. */
const CUT = 2;
/** All that the client sends comes, which closes then. */
const ONE_WAY = 3;

/** Numbered bytes, of which each depends on where it is. */
function fill(data: Uint8Array, seed: number, at: number): Uint8Array {
  for (let i = 0; i < data.length; i++) {
    const n = at + i;
    data[i] = n * 31 + (n >> 8) * 7 + seed;
  }
  return data;
}

/** How many bytes a side sends. */
function totalOf(seed: number): number {
  return new Random(seed).below(MOST);
}

/** A signal that aborts soon, at a moment that chance decides; or none. */
function interruption(random: Random): { signal?: AbortSignal } {
  if (random.chance(60)) return {};
  const controller = new AbortController();
  const abort = () => controller.abort(INTERRUPTED);
  const kind = random.below(4);
  if (kind === 0) abort();
  else if (kind === 1) queueMicrotask(abort);
  else if (kind === 2) setImmediate(abort);
  else setTimeout(abort, random.below(3));
  return controller;
}

const INTERRUPTED = new Error("interrupted");

/** The result of a call, or undefined if it was interrupted. */
async function unless<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error === INTERRUPTED || error instanceof socket.TimeoutError) {
      return undefined;
    }
    throw error;
  }
}

async function send(conn: Tls, seed: number, random: Random): Promise<void> {
  const total = totalOf(seed);
  for (let at = 0; at < total;) {
    const length = Math.min(1 + random.below(60_000), total - at);
    const data = fill(new Uint8Array(length), seed, at);
    if (random.chance(30)) {
      await conn.sendall(data);
      at += length;
    } else at += await unless(conn.send(data, interruption(random))) ?? 0;
  }
}

/** Receives what a side sends; fewer bytes only where that may be. */
async function receive(
  conn: Tls,
  seed: number,
  random: Random,
  isWhole: boolean,
): Promise<void> {
  const total = totalOf(seed);
  let at = 0;
  while (at < total) {
    const size = 1 + random.below(random.chance(50) ? 100 : 100_000);
    const most = Math.min(size, total - at);
    const data = await unless(conn.recv(most, interruption(random)));
    if (data === undefined) continue;
    if (data.length === 0) break;
    assertEquals(data, fill(new Uint8Array(data.length), seed, at));
    at += data.length;
  }
  if (isWhole) assertEquals(at, total, "bytes received");
}

/** Ends a connection on which all has been received, in one of the ways. */
async function end(conn: Tls, seed: number): Promise<void> {
  if (seed % 3 === 0) {
    await using plain = await conn.unwrap();
    await plain.sendall(new Uint8Array(3));
    assertEquals((await plain.recv(3, socket.MSG_WAITALL)).length, 3);
    return;
  }
  await conn.shutdown(socket.SHUT_WR);
  assertEquals((await conn.recv(1)).length, 0);
  if (seed % 3 === 1) conn.close();
  else await conn[Symbol.asyncDispose]();
}

/** One side of a connection; the seeds of the two sides are neighbours. */
async function exchange(
  conn: Tls,
  seed: number,
  isClient: boolean,
  isWhole: boolean,
): Promise<void> {
  const [own, peers] = isClient ? [seed, seed + 1] : [seed + 1, seed];
  const random = new Random(own);
  if (random.chance(30)) conn.settimeout(LIMIT_MS / 1000);
  const both = await Promise.allSettled([
    send(conn, own, new Random(own + 2)),
    receive(conn, peers, random, isWhole),
  ]);
  for (const each of both) if (each.status === "rejected") throw each.reason;
  if (isWhole) await end(conn, seed);
}

/** Whether a connection that was cut off may fail so. */
function isCutOff(error: unknown): boolean {
  return error instanceof ssl.SSLEOFError ||
    error instanceof socket.ConnectionError;
}

async function serveOne(conn: Tls): Promise<void> {
  let kind = CUT;
  try {
    const head = new Uint8Array(HEAD_BYTES);
    for (let at = 0; at < HEAD_BYTES;) {
      const n = await conn.recv_into(head.subarray(at));
      if (n === 0) return;
      at += n;
    }
    kind = head[0]!;
    const seed = new DataView(head.buffer).getUint32(1);
    if (kind === ONE_WAY) {
      await receive(conn, seed, new Random(seed), true);
      assertEquals((await conn.recv(1)).length, 0);
    } else await exchange(conn, seed, false, kind === WHOLE);
  } catch (error) {
    if (kind !== CUT || !isCutOff(error)) throw error;
  } finally {
    conn.close();
  }
}

/** Copies so many bytes each way, and then cuts the connection off. */
function cutter(
  target: socket.InetAddress,
  bytes: number,
): { address: socket.InetAddress; done: Promise<void> } {
  const listener = socket.create_server(["127.0.0.1", 0]);
  const run = async () => {
    const [near] = await listener.accept();
    listener.close();
    const far = await socket.create_connection(target);
    let left = bytes;
    const copy = async (from: socket.Socket, to: socket.Socket) => {
      while (left > 0) {
        const data = await from.recv(Math.min(left, 4096));
        if (data.length === 0) break;
        left -= data.length;
        await to.sendall(data);
      }
      near.close();
      far.close();
    };
    await Promise.allSettled([copy(near, far), copy(far, near)]);
  };
  return { address: listener.getsockname(), done: run() };
}

const contexts = [
  clientContext(only(ssl.TLSVersion.TLSv1_2)),
  clientContext(),
];

/** A client, from its beginning to its end. */
class Client {
  readonly #random: Random;
  readonly #seed: number;
  readonly #address: socket.InetAddress;
  readonly #context: ssl.SSLContext;

  constructor(address: socket.InetAddress, seed: number) {
    this.#address = address;
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#context = this.#random.pick(contexts);
  }

  /** What it does; the name of that is for the log. */
  async live(): Promise<string> {
    const chance = this.#random.below(100);
    if (chance < 40) return await this.#exchange();
    if (chance < 55) return await this.#sendOnly();
    if (chance < 75) return await this.#cutOff();
    if (chance < 85) return await this.#giveUp();
    if (chance < 92) return await this.#refuse();
    return await this.#talkNonsense();
  }

  async #speak(
    address: socket.InetAddress,
    kind: number,
  ): Promise<void> {
    const plain = await socket.create_connection(address);
    const conn = await this.#context.wrap_socket(plain, {
      server_hostname: "localhost",
    });
    try {
      const head = new Uint8Array(HEAD_BYTES);
      head[0] = kind;
      new DataView(head.buffer).setUint32(1, this.#seed);
      await conn.sendall(head);
      if (kind === ONE_WAY) await send(conn, this.#seed, this.#random);
      else await exchange(conn, this.#seed, true, kind === WHOLE);
    } finally {
      if (this.#random.chance(50)) conn.close();
      else await conn[Symbol.asyncDispose]();
    }
  }

  async #exchange(): Promise<string> {
    await this.#speak(this.#address, WHOLE);
    return "exchanged";
  }

  async #sendOnly(): Promise<string> {
    await this.#speak(this.#address, ONE_WAY);
    return "sent one way";
  }

  async #cutOff(): Promise<string> {
    const bytes = this.#random.below(this.#random.chance(30) ? 5000 : MOST);
    const { address, done } = cutter(this.#address, bytes);
    await this.#speak(address, CUT).catch((error) => {
      if (!isCutOff(error)) throw error;
    });
    await done;
    return "cut off";
  }

  async #giveUp(): Promise<string> {
    const plain = await socket.create_connection(this.#address);
    const controller = new AbortController();
    const wrapping = this.#context.wrap_socket(plain, {
      server_hostname: "localhost",
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(INTERRUPTED), this.#random.below(20));
    const conn = await unless(wrapping);
    conn?.close();
    return "given up";
  }

  async #refuse(): Promise<string> {
    const plain = await socket.create_connection(this.#address);
    const error = await this.#context.wrap_socket(plain, {
      server_hostname: "other.test",
    }).catch((error) => error);
    assert(error instanceof ssl.SSLCertVerificationError, `${error}`);
    return "refused";
  }

  async #talkNonsense(): Promise<string> {
    const plain = await socket.create_connection(this.#address);
    const data = new Uint8Array(3 + this.#random.below(3000));
    for (let i = 0; i < data.length; i++) data[i] = this.#random.below(256);
    if (this.#random.chance(50)) data.set([22, 3, 1]);
    await plain.sendall(data);
    await plain.shutdown(socket.SHUT_WR);
    try {
      while ((await plain.recv(4096)).length > 0);
    } catch (error) {
      if (!(error instanceof socket.ConnectionError)) throw error;
    }
    plain.close();
    return "nonsense";
  }
}

/**
 * Runs so many connections.
 *
 * @param seed What all that is random in them follows from.
 * @param count How many.
 * @returns How many there were of each kind.
 */
export async function connections(
  seed: number,
  count: number,
): Promise<Map<string, number>> {
  const listener = socket.create_server(["127.0.0.1", 0], { backlog: 512 });
  const server = await serverContext().wrap_socket(listener, {
    server_side: true,
  });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const serving = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const [conn] of server) {
      const served: Promise<void> = serveOne(conn).catch(failed.reject)
        .finally(() => serving.delete(served));
      serving.add(served);
    }
  })();
  const kinds = new Map<string, number>();
  let begun = 0;
  const work = async () => {
    while (begun < count) {
      // Two seeds for each connection, so that no side sends another's data.
      const own = seed + 2 * begun++;
      try {
        const kind = await new Client(server.getsockname(), own).live();
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      } catch (error) {
        throw new Error(`connection ${(own - seed) / 2}`, { cause: error });
      }
    }
  };
  const all = Promise.all(Array.from({ length: CONCURRENCY }, work));
  await within(Promise.race([all, failed.promise]), "clients", LIMIT_MS * 5);
  await server[Symbol.asyncDispose]();
  const ended = Promise.all([accepting, ...serving]);
  await within(Promise.race([ended, failed.promise]), "servers", LIMIT_MS);
  return kinds;
}

export const tls: Part = {
  name: "tls",
  async run(seed, log, size = 2000) {
    const kinds = await connections(seed, size);
    for (const [kind, count] of [...kinds].sort()) log(`${kind}: ${count}`);
    await bulk(BULK_BYTES);
    log(`${BULK_BYTES >> 20} MiB both ways at once`);
  },
};
