import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import {
  assertCancelled,
  assertWorks,
  fillQueue,
} from "../fixtures/connect.ts";
import { Messages } from "../fixtures/messages.ts";
import { numbered } from "../../support/bytes.ts";
import {
  ArrivalProbe,
  cancelAt,
  type Cancellation,
  cancellations,
  isCancelled,
} from "../../support/cancel.ts";
import { listener, receiveToEnd, type TcpSocket } from "../../support/pair.ts";
import { within } from "../../support/within.ts";
import { pointOf, Tally } from "./cancel_timings.ts";
import type { Pair } from "./sending.ts";
import type { Random } from "../../stress/random.ts";

/** A call that connects, and how it may be ended. */
export interface ConnectingRow {
  readonly name: string;
  readonly cancellations: readonly Cancellation[];
  /** Whether one that may not wait leaves a socket that goes on by itself. */
  readonly goesOn: boolean;
  /** The connected socket, which need not be the one that it was called on. */
  readonly call: (
    client: TcpSocket,
    address: socket.InetAddress,
    options: socket.SignalOption,
  ) => Promise<TcpSocket>;
}

const timedOut = () =>
  Object.assign(new socket.TimeoutError(0), { message: "timed out" });

/** Every call that connects. */
export const connecting: readonly ConnectingRow[] = [
  {
    name: "connect()",
    cancellations,
    goesOn: true,
    async call(client, address, options) {
      await client.connect(address, options);
      return client;
    },
  },
  {
    name: "connect_ex()",
    cancellations,
    goesOn: true,
    async call(client, address, options) {
      const code = await client.connect_ex(address, options);
      if (code === 0) return client;
      throw code === errno.EAGAIN ? timedOut() : new socket.OSError(code);
    },
  },
  {
    name: "create_connection()",
    // There is nothing to close before there is a connection.
    cancellations: cancellations.filter((each) => each !== "close"),
    goesOn: false,
    async call(client, address, options) {
      return await socket.create_connection(
        address,
        client.gettimeout(),
        null,
        options,
      ) as TcpSocket;
    },
  },
];

/** Connects again and again, each time ended at a point of the call's life. */
export async function runConnecting(
  row: ConnectingRow,
  random: Random,
  rounds: number,
): Promise<Tally> {
  using probe = await ArrivalProbe.open();
  await using server = listener();
  await using silent = await Silent.open();
  const tally = new Tally();
  for (let n = 0; n < rounds; n++) {
    const cancellation = random.pick(row.cancellations);
    await using client = socket.socket();
    const answers = silent.address === undefined || random.chance(80);
    const address = answers ? server.getsockname() : silent.address!;
    let open: TcpSocket | undefined;
    const outcome = await cancelAt(
      { socket: client, close: () => client.close() },
      cancellation,
      answers ? pointOf(random) : random.pick(unanswered),
      probe,
      async (options) => {
        open = await row.call(client, address, options);
      },
      async () => {},
      (1 + random.below(40)) / 10_000,
    );
    const cancelled = "error" in outcome;
    tally.add(cancellation, cancelled);
    if (cancelled) assertCancelled(cancellation, outcome.error);
    if (cancellation === "close") {
      await assertRejects(() => client.send(numbered(1)), socket.OSError);
    } else if (cancelled && cancellation !== "EAGAIN") {
      // It was cancelled: the socket is as before, and connects.
      assertThrows(() => client.getpeername(), socket.OSError);
      assertEquals(client.getsockname(), ["0.0.0.0", 0]);
      await within(client.connect(server.getsockname()));
      open = client;
    } else if (cancelled && answers && row.goesOn) {
      open = client;
    }
    if (open !== undefined && cancellation !== "close") {
      open.settimeout(null);
      await assertWorks(open, server, n % 200);
      await open[Symbol.asyncDispose]();
    }
    await turnAway(server);
  }
  return tally;
}

/** Points in the life of a call that has no answer. */
const unanswered = [{
  name: "while no peer answers",
  run: async (_: unknown, end: () => void) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    end();
  },
}];

/** Accepts and closes the connections that were cancelled. */
async function turnAway(server: TcpSocket): Promise<void> {
  server.setblocking(false);
  try {
    for (;;) (await server.accept())[0].close();
  } catch (error) {
    assert(error instanceof socket.BlockingIOError);
  }
  server.setblocking(true);
}

/** How many connects are made side by side. */
const SIDE_BY_SIDE = 40;

/**
 * Connects many at once, each of which is ended in a timer of its own: at their
 * server every one that was cancelled ends, too.
 */
export async function runConnectingTogether(
  random: Random,
  rounds: number,
): Promise<Tally> {
  const tally = new Tally();
  for (let n = 0; n < rounds; n++) {
    await using server = listener();
    const ends: Promise<void>[] = [];
    const serving = (async () => {
      for await (const [conn] of server) ends.push(endOf(conn));
    })();
    // A timeout looks first, and finds them connected.
    const cancellation = random.pick(["abort", "close"] as const);
    const connect = async () => {
      using client = socket.socket();
      const controller = new AbortController();
      const made = client.connect(server.getsockname(), controller);
      if (cancellation === "abort") {
        setTimeout(() => controller.abort(new Error("cancelled")), 0);
      } else setTimeout(() => client.close(), 0);
      try {
        await made;
        tally.add(cancellation, false);
      } catch (error) {
        assertCancelled(cancellation, error);
        tally.add(cancellation, true);
      }
    };
    await within(Promise.all(Array.from({ length: SIDE_BY_SIDE }, connect)));
    // It comes behind those that were cancelled.
    using last = socket.socket();
    await within(last.connect(server.getsockname()));
    last.close();
    await within(Promise.all(ends), `all ends, when they met ${cancellation}`);
    await server[Symbol.asyncDispose]();
    await within(serving);
  }
  return tally;
}

/** Waits for the end of a connection that brings nothing. */
async function endOf(conn: TcpSocket): Promise<void> {
  using _ = conn;
  const data = await conn.recv(1).catch((error) => {
    if (error instanceof socket.ConnectionResetError) return [];
    throw error;
  });
  assertEquals(data.length, 0);
}

/** A listener that does not answer: its queue is full. */
class Silent implements AsyncDisposable {
  readonly #server: TcpSocket;
  readonly #queued: readonly TcpSocket[];

  private constructor(server: TcpSocket, queued: readonly TcpSocket[]) {
    this.#server = server;
    this.#queued = queued;
  }

  static async open(): Promise<Silent> {
    const server = listener(1);
    // Elsewhere a full queue refuses, or takes more than it was told.
    const linux = Deno.build.os === "linux";
    return new Silent(server, linux ? await fillQueue(server) : []);
  }

  get address(): socket.InetAddress | undefined {
    return this.#queued.length > 0 ? this.#server.getsockname() : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#queued) each.close();
    await this.#server[Symbol.asyncDispose]();
  }
}

/** Half-closes again and again, each time ended at a point of the call's life. */
export async function runShutdown(
  random: Random,
  rounds: number,
  connect: () => Promise<Pair>,
): Promise<Tally> {
  using probe = await ArrivalProbe.open();
  const tally = new Tally();
  for (let n = 0; n < rounds; n++) {
    await using pair = await connect();
    const { client, peer } = pair;
    const cancellation = random.pick(cancellations);
    const point = pointOf(random);
    const how = random.pick([socket.SHUT_WR, socket.SHUT_RDWR]);
    const messages = new Messages();
    if (random.chance(60)) await messages.fill(client);
    const message = messages.make(random.pick([1000, 100_000]));
    const sending = client.sendall(message.data);
    messages.taken(message, message.data.length);
    // A close lets it go on, behind what was sent.
    let rest: Promise<Uint8Array> | undefined;
    const close = () => {
      client.close();
      rest ??= receiveToEnd(peer);
    };
    const outcome = await cancelAt(
      { socket: client, close },
      cancellation,
      point,
      probe,
      (options) => client.shutdown(how, options),
      async () => {
        if (rest === undefined) await messages.receiveSome(peer);
      },
      (1 + random.below(40)) / 10_000,
    );
    const cancelled = "error" in outcome;
    tally.add(cancellation, cancelled);
    if (cancelled) {
      // It comes all the same, so that its time is over is no error: a signal
      // ends the wait, not the shutdown.
      assert(
        cancellation === "abort" || cancellation === "close",
        `${outcome.error}`,
      );
      if (!isCancelled(cancellation, outcome.error)) throw outcome.error;
    }
    if (cancellation === "close") client.close();
    else {
      await assertRejects(
        () => client.send(numbered(1)),
        socket.BrokenPipeError,
      );
    }
    messages.received(await (rest ?? receiveToEnd(peer)));
    await within(sending);
    messages.check();
  }
  return tally;
}
