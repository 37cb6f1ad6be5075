/**
 * Random programs on CPython's `socket` and on the module: results, errnos and
 * bytes have to be the same, but for the differences that
 * examples/porting/DIFFERENCES.md lists.
 */

import { runDeno } from "../../support/child.ts";
import { python } from "../../support/python.ts";
import {
  compare,
  type Disagreement,
  shorten,
  writeDisagreement,
} from "./compare.ts";
import { generate } from "./generator.ts";
import { Reference } from "./reference.ts";
import type { Part } from "../part.ts";

/** How many programs run side by side: most of their time they wait. */
const CONCURRENCY = 12;

/** It stops at so many disagreements. */
const MAX_DISAGREEMENTS = 8;

/**
 * One of so many programs may disagree once and not again: a busy machine lets
 * bytes arrive late, and gives a closed port to another program.
 */
const FLAKES_PER = 100;

/**
 * Runs programs on both.
 *
 * @param seed The seed of the first program; each next one has the next.
 * @param count How many.
 * @param log Takes lines that tell how far it is, and what happened but once.
 * @throws {Error} If they disagree, with the shortest programs found.
 */
export async function runModel(
  seed: number,
  count: number,
  log: (line: string) => void,
): Promise<void> {
  await using reference = await Reference.start();
  const found: (Disagreement & { seed: number })[] = [];
  let next = 0;
  let calls = 0;
  const work = async () => {
    while (next < count && found.length < MAX_DISAGREEMENTS) {
      const own = seed + next++;
      if (next % 1000 === 0) log(`${next} of ${count} programs`);
      const program = generate(own);
      calls += program.length;
      const disagreement = await compare(reference, program);
      if (disagreement !== null) found.push({ ...disagreement, seed: own });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  log(`${next} programs of ${calls} calls`);
  const real: string[] = [];
  const passing: string[] = [];
  for (const each of found) {
    const shortest = await shorten(reference, each);
    const report = `--seed ${each.seed} --sequences 1\n` +
      writeDisagreement(shortest ?? each);
    (shortest === null ? passing : real).push(report);
  }
  for (const report of passing) log(`Did not come again: ${report}`);
  if (real.length > 0 || passing.length > 1 + count / FLAKES_PER) {
    throw new Error(`CPython disagrees:\n${[...real, ...passing].join("\n")}`);
  }
}

/** The programs with UDP on `Deno.listenDatagram`, if that is there. */
export const model: Part = {
  name: "model",
  async run(seed, log, size = 10_000) {
    if (python === null) log("skipped: no python3");
    else await runModel(seed, size, log);
  },
};

/** The same with UDP on `node:dgram`. */
export const modelWithoutUnstable: Part = {
  name: "model_without_unstable",
  async run(seed, log, size = 2000) {
    const { code, stdout, stderr } = await runDeno({
      file: "tests/stress/main.ts",
      args: ["--only=^model$", `--seed=${seed}`, `--sequences=${size}`],
      permissions: [
        "--allow-net=127.0.0.0/8,[::1],localhost",
        "--allow-run",
        "--allow-read=.",
      ],
      unstable: false,
      timeoutMs: 600_000,
    });
    if (code !== 0) throw new Error(stdout + stderr);
    log(stdout.trim().split("\n").at(-1)!);
  },
};
