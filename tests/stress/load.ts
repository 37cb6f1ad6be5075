/**
 * Much at once, and for long: as many connections as are wanted held and
 * echoed, and a million small messages. What was opened is closed again, and
 * what was in use is free.
 */

import { assertEquals } from "@std/assert";
import {
  canLimitFiles,
  mostFiles,
  socketsOf,
  startWithFileLimit,
} from "../support/file_limit.ts";
import type { ChildProcess } from "../support/process.ts";
import type { Part } from "./part.ts";

/** How many files a process has open beside its connections, at most. */
const OTHER_FILES = 100;

const LIMIT_MS = 600_000;

/**
 * Starts one of the programs of `load_main.ts`.
 *
 * @param limit How many files it may have open.
 * @param args Its arguments.
 * @returns The process.
 */
export function startLoad(
  limit: number,
  ...args: readonly (string | number)[]
): ChildProcess {
  return startWithFileLimit(
    limit,
    ["tests/stress/load_main.ts", ...args.map(String)],
    [
      "--unstable-net",
      "--v8-flags=--expose-gc",
      "--allow-net=127.0.0.0/8",
    ],
  );
}

/** Lets a program go on that waits. */
export async function go(child: ChildProcess): Promise<void> {
  await child.write("\n");
}

/**
 * Lets a program end, which has as many sockets open as when it began, and
 * checks what it has left.
 *
 * @param child The program.
 * @param before How many that were.
 * @param log Takes what it says.
 */
export async function end(
  child: ChildProcess,
  before: number | undefined,
  log: (line: string) => void,
): Promise<void> {
  for (;;) {
    const [, piece, report] = await child.readMatch(
      /^(?:\| (.*)|ended (.*))$/,
      LIMIT_MS,
    );
    log(piece ?? report!);
    if (report !== undefined) break;
  }
  assertEquals(await socketsOf(child.pid), before, "open sockets");
  await go(child);
  // By itself, since nothing is left that it would wait for.
  const { code, stderr } = await child.result(LIMIT_MS);
  assertEquals([code, stderr], [0, ""]);
}

/** Connections that are there at once, each with its own bytes. */
async function hold(
  wanted: number,
  log: (line: string) => void,
): Promise<void> {
  const most = await mostFiles() ?? 0;
  const count = Math.min(wanted, most - OTHER_FILES);
  if (count < wanted) {
    log(`${count} connections, not ${wanted}: no more than ${most} files`);
  }
  await using server = startLoad(count + OTHER_FILES, "serve", count);
  const [port = ""] = await server.readMatch(/^\d+$/);
  await using client = startLoad(count + OTHER_FILES, "hold", port, count);
  await client.readMatch(/^started$/);
  const before = [await socketsOf(server.pid), await socketsOf(client.pid)];
  await go(server);
  await go(client);
  const startMs = performance.now();
  await client.readMatch(/^held$/, LIMIT_MS);
  await server.readMatch(/^held$/, LIMIT_MS);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  log(`${count} connections held after ${seconds} s`);
  const held = await socketsOf(server.pid);
  if (held !== undefined) assertEquals(held, before[0]! + count);
  await go(server);
  await go(client);
  await end(client, before[1], (line) => log(`client: ${line}`));
  // The listener is closed, which it had before.
  const sockets = before[0] === undefined ? undefined : before[0] - 1;
  await end(server, sockets, (line) => log(`server: ${line}`));
}

/** Small messages, which leave nothing. */
async function send(count: number, log: (line: string) => void): Promise<void> {
  await using child = startLoad(1000, "messages", count);
  await child.readMatch(/^started$/);
  const before = await socketsOf(child.pid);
  await go(child);
  await end(child, before, log);
}

export const load: Part = {
  name: "load",
  async run(_seed, log, size = 10_000) {
    if (!canLimitFiles) {
      log("skipped: no limit on files");
      return;
    }
    await hold(size, log);
    await send(size * 100, log);
  },
};
