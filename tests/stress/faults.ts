/**
 * What goes wrong outside: peers that reset, stop, say nothing or too much,
 * descriptors that run out, files and networks that go.
 */

import type { Fault } from "./fault.ts";
import { peers } from "./faults_peers.ts";
import { processes } from "./faults_process.ts";
import { resets } from "./faults_resets.ts";
import type { Part } from "./part.ts";
import { Random } from "./random.ts";

/** All of them. */
export const all: readonly Fault[] = [...resets, ...peers, ...processes];

export const faults: Part = {
  name: "faults",
  async run(seed, log, size = 20) {
    for (const { name, skipped, run } of all) {
      if (skipped !== undefined) {
        log(`${name}: skipped, ${skipped}`);
        continue;
      }
      const startMs = performance.now();
      for (let own = seed; own < seed + size; own++) {
        try {
          await run(new Random(own));
        } catch (error) {
          log(`${name} fails with --seed ${own} --sequences 1`);
          throw error;
        }
      }
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      log(`${name}: ${size} times, ${seconds} s`);
    }
  },
};
