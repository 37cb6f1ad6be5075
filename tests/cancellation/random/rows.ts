import { assertLessOrEqual } from "@std/assert";
import * as socket from "@pystd/socket";
import { nextDescriptor } from "../../support/descriptor.ts";
import { tcpPair, type TcpSocket } from "../../support/pair.ts";
import {
  connecting,
  runConnecting,
  runConnectingTogether,
  runShutdown,
} from "./connecting.ts";
import type { Tally } from "./cancel_timings.ts";
import { receiving, runReceiving } from "./receiving.ts";
import { type Pair, runSending, sending } from "./sending.ts";
import { Random } from "../../stress/random.ts";

/** A call that waits, for as many rounds as are wanted. */
export interface Row {
  readonly name: string;
  /** How many rounds it takes as long as 100 of the quickest. */
  readonly rounds: number;
  readonly run: (random: Random, rounds: number) => Promise<Tally>;
}

/** The calls that wait for something to come, or for a connection. */
const waiting: readonly Row[] = [
  ...receiving.map((each) => ({
    name: each.name,
    rounds: 100,
    run: (random: Random, rounds: number) => runReceiving(each, random, rounds),
  })),
  ...connecting.map((each) => ({
    name: each.name,
    rounds: 50,
    run: (random: Random, rounds: number) =>
      runConnecting(each, random, rounds),
  })),
  { name: "connect() side by side", rounds: 50, run: runConnectingTogether },
];

/**
 * The calls that wait for room, on connections of one kind, which are full with
 * less than `most` bytes.
 */
function sendingOn(
  kind: string,
  connect: () => Promise<Pair>,
  most: number,
): Row[] {
  const rows: Row[] = sending.map((each) => ({
    name: `${each.name}${kind}`,
    rounds: 20,
    run: (random, rounds) => runSending(each, random, rounds, connect, most),
  }));
  rows.push({
    name: `shutdown()${kind}`,
    rounds: 10,
    run: (random, rounds) => runShutdown(random, rounds, connect),
  });
  return rows;
}

/** Every call that waits, over TCP or UDP. */
export const rows: readonly Row[] = [
  ...waiting,
  ...sendingOn("", tcpPair, 8_000_000),
];

/**
 * The calls that wait for room, on Unix sockets with abstract names: these are
 * full with a tenth of the bytes.
 */
export const unixRows: readonly Row[] = sendingOn(
  " over Unix",
  unixPair,
  600_000,
)
  .filter(({ name }) => !name.startsWith("sendto()"));

let names = 0;

async function unixPair(): Promise<Pair> {
  const name = `\0pystd_socket_${Deno.pid}_${names++}`;
  await using server = socket.socket(socket.AF_UNIX);
  server.bind(name);
  server.listen();
  const client = socket.socket(socket.AF_UNIX);
  await client.connect(name);
  const [peer] = await server.accept();
  // Of the addresses, in which they differ, no use is made.
  return {
    client: client as socket.Socket as TcpSocket,
    peer: peer as socket.Socket as TcpSocket,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([
        client[Symbol.asyncDispose](),
        peer[Symbol.asyncDispose](),
      ]);
    },
  };
}

/** Runs a row, and checks that nothing of it is left. */
export async function runRow(
  row: Row,
  seed: number,
  rounds: number,
): Promise<Tally> {
  const before = nextDescriptor();
  const tally = await row.run(new Random(seed), rounds);
  assertLessOrEqual(nextDescriptor(), before, "the next descriptor");
  return tally;
}
