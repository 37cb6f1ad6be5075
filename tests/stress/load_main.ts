/**
 * The programs behind `load.ts`, by their first argument: `serve COUNT`,
 * `hold PORT COUNT`, `messages COUNT`, `churn SEED COUNT`, `servers SEED COUNT`
 * and `few_files`. Each line of their standard input lets them go on.
 */

import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import type { TcpSocket } from "../support/pair.ts";
import { churn } from "./churn_clients.ts";
import { sendMessages } from "./load_messages.ts";
import { Watch } from "./load_watch.ts";
import { serveAll, serveWithFewFiles } from "./socketserver_clients.ts";

const line = new Uint8Array(1);

/** Says where it is, and waits until it may go on. */
async function pause(where: string | number): Promise<void> {
  console.log(where);
  await Deno.stdin.read(line);
}

async function echo(conn: TcpSocket): Promise<void> {
  for (let data; (data = await conn.recv(256)).length > 0;) {
    await conn.sendall(data);
  }
  conn.close();
}

async function serve(count: number): Promise<void> {
  const server = socket.create_server(["127.0.0.1", 0], { backlog: 4096 });
  await pause(server.getsockname()[1]);
  const echoes: Promise<void>[] = [];
  for await (const [conn] of server) {
    echoes.push(echo(conn));
    if (echoes.length === count) break;
  }
  await pause("held");
  await Promise.all(echoes);
  await server[Symbol.asyncDispose]();
}

/** How many connects are under way at once. */
const CONCURRENCY = 100;

async function hold(port: number, count: number): Promise<void> {
  await pause("started");
  const clients: TcpSocket[] = [];
  const connect = async () => {
    while (clients.length < count) {
      const client = socket.socket();
      clients.push(client);
      await client.connect(["127.0.0.1", port]);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, connect));
  await pause("held");
  for (let round = 0; round < 3; round++) {
    await Promise.all(clients.map(async (client, n) => {
      const message = Uint8Array.from(
        { length: 40 + n % 50 },
        (_, i) => (n * 7 + i + round) % 256,
      );
      await client.sendall(message);
      const data = await client.recv(message.length, socket.MSG_WAITALL);
      assertEquals(data, message);
    }));
  }
  for (const client of clients) await client[Symbol.asyncDispose]();
}

const [what, ...args] = Deno.args;
const [first = 0, second = 0] = args.map(Number);
const watch = new Watch();

/** Runs the parts of `count` rounds, over which no memory may be lost. */
async function repeat(
  run: (seed: number, count: number, signal: AbortSignal) => Promise<void>,
  warmUp: number,
): Promise<void> {
  let seed = first;
  await run(seed++, warmUp, watch.signal);
  await pause("started");
  const count = Math.ceil(second / 5);
  await watch.flat(5, async () => {
    await run(seed, count, watch.signal);
    seed += count;
  });
}

if (what === "serve") await serve(first);
else if (what === "hold") await hold(first, second);
else if (what === "few_files") {
  const attempts = await serveWithFewFiles(
    (port) => console.log(port),
    () => Deno.stdin.read(line),
  );
  console.log(`attempts ${attempts}`);
  Deno.exit();
} else if (what === "messages") {
  // The runtime opens some files of its own at first.
  await sendMessages(1000);
  await pause("started");
  await watch.flat(
    4,
    () => sendMessages(first / 4, (line) => console.log(`| ${line}`)),
  );
} else if (what === "servers") await repeat(serveAll, 20);
else await repeat(churn, 1000);
await watch.settle();
await pause(`ended ${watch.report()}`);
watch.check();
