/**
 * Servers of `socketserver` with clients of every kind: handlers that answer,
 * throw, hang, and close what they have, clients that leave in the middle,
 * shutdowns while all this goes on, and fewer descriptors than clients.
 */

import { assertEquals, assertLess } from "@std/assert";
import { canLimitFiles, socketsOf } from "../support/file_limit.ts";
import { within } from "../support/within.ts";
import { end, go, startLoad } from "./load.ts";
import type { Part } from "./part.ts";
import { askAll } from "./socketserver_clients.ts";

/** How many files a server may open, and how many clients want to be served. */
const FILES = 100;
const CLIENTS = 300;

/** A server is pausing for so long when it may open no more files. */
const PAUSE_MS = 100;

/** All clients are served, and a server that cannot accept does not spin. */
async function withFewFiles(seed: number): Promise<number> {
  await using child = startLoad(FILES, "few_files");
  const startMs = performance.now();
  const [port] = await child.readMatch(/^\d+$/);
  await within(askAll(Number(port), CLIENTS, seed), "the clients", 300_000);
  await go(child);
  const [, attempts] = await child.readMatch(/^attempts (\d+)$/);
  const { code, stderr } = await child.result();
  assertEquals([code, stderr], [0, ""]);
  const pauses = (performance.now() - startMs) / PAUSE_MS;
  // Some clients cancel a connect and come again.
  assertLess(Number(attempts), 2 * CLIENTS + pauses);
  return Number(attempts);
}

export const socketserver: Part = {
  name: "socketserver",
  async run(seed, log, size = 500) {
    if (!canLimitFiles) {
      log("skipped: no limit on files");
      return;
    }
    {
      await using child = startLoad(1000, "servers", seed, size);
      await child.readMatch(/^started$/);
      const before = await socketsOf(child.pid);
      await go(child);
      await end(child, before, log);
      log(`${size} servers`);
    }
    const rounds = Math.ceil(size / 50);
    let attempts = 0;
    for (let own = seed; own < seed + rounds; own++) {
      attempts += await withFewFiles(own);
    }
    log(
      `${rounds} times ${CLIENTS} clients with ${FILES} files, accepted in ${attempts} attempts`,
    );
  },
};
