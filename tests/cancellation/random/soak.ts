/**
 * Each call that waits, given a timeout, an abort and a close at every point of
 * its life, with numbered payloads: nothing is lost, doubled or out of order,
 * nobody is left waiting, and no rejection goes unheard.
 */

import { startDeno } from "../../support/child.ts";
import type { Part } from "../../stress/part.ts";

/** How many processes share the calls: most of the time one waits. */
const CONCURRENCY = 2;

export const interrupted: Part = {
  name: "interrupted",
  async run(seed, log, size = 1000) {
    const work = async (index: number) => {
      // Abstract Unix names need a grant without a list.
      await using child = startDeno({
        file: "tests/cancellation/random/main.ts",
        args: [seed, size, index, CONCURRENCY].map(String),
        permissions: ["--allow-net"],
        unstable: true,
      });
      for (;;) {
        const line = await child.readLine(600_000);
        if (line === null) break;
        log(line);
      }
      const { code, stderr } = await child.result();
      if (code !== 0) throw new Error(stderr);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, (_, i) => work(i)));
  },
};
