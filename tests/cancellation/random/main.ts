/**
 * The program behind `interrupted.ts`. Its arguments are a seed and a size, and
 * which part of the calls it takes of how many.
 */

import { Tally } from "./cancel_timings.ts";
import { type Row, rows, runRow, unixRows } from "./rows.ts";

const [seed = 0, size = 1000, part = 0, parts = 1] = Deno.args.map(Number);

/** How many ways there are to end a call. */
const ENDINGS = 4;

/** Runs a row on one connection after another, each with a seed of its own. */
async function runAll(row: Row, rounds: number): Promise<void> {
  const tally = new Tally();
  const startMs = performance.now();
  let own = seed;
  for (let done = 0; done < rounds; own++) {
    const count = Math.min(row.rounds, rounds - done);
    try {
      tally.addAll(await runRow(row, own, count));
    } catch (error) {
      console.error(`${row.name} fails with --seed ${own}`);
      throw error;
    }
    done += count;
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${row.name}: ended by ${tally}; ${seconds} s`);
}

const linux = Deno.build.os === "linux";
const sendingOverUnix = linux ? unixRows : [];
const names = new Set(
  sendingOverUnix.map(({ name }) => name.replace(" over Unix", "")),
);
for (const [index, row] of [...rows, ...sendingOverUnix].entries()) {
  if (index % parts !== part) continue;
  // Over Unix it is done as often as the others, and here for a tenth.
  await runAll(row, size * ENDINGS / (names.has(row.name) ? 10 : 1));
}
