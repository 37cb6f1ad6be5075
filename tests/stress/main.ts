/**
 * What takes minutes: `deno task soak`, with `--seed N` to run the same again,
 * `--only REGEX` to choose parts by their names and `--sequences N` to do less
 * or more.
 */

import { badInput } from "./bad_input/soak.ts";
import { churn } from "./churn.ts";
import { fairness } from "./fairness.ts";
import { faults } from "./faults.ts";
import { interrupted } from "../cancellation/random/soak.ts";
import { load } from "./load.ts";
import { model, modelWithoutUnstable } from "./model/model.ts";
import type { Part } from "./part.ts";
import { socketserver } from "./socketserver.ts";
import { tls } from "./tls.ts";

const PARTS: readonly Part[] = [
  model,
  modelWithoutUnstable,
  interrupted,
  faults,
  badInput,
  load,
  churn,
  fairness,
  socketserver,
  tls,
];

interface Options {
  readonly seed: number;
  readonly only: RegExp;
  readonly size: number | undefined;
}

function parse(args: readonly string[]): Options {
  const given = new Map<string, string>();
  // Both `--seed 1` and `--seed=1`.
  const words = args.flatMap((each) => each.split("="));
  for (let i = 0; i < words.length; i += 2) {
    const [name, value] = [words[i]!, words[i + 1]];
    if (!["--seed", "--only", "--sequences"].includes(name)) {
      throw new Error(`No such option: ${name}`);
    }
    if (value === undefined) throw new Error(`${name} needs a value`);
    given.set(name, value);
  }
  const number = (name: string) => {
    const value = Number(given.get(name));
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new Error(`${name} needs a number, received ${given.get(name)}`);
  };
  return {
    seed: given.has("--seed")
      ? number("--seed")
      : Math.floor(Math.random() * 1e9),
    only: new RegExp(given.get("--only") ?? ""),
    size: given.has("--sequences") ? number("--sequences") : undefined,
  };
}

async function runPart(part: Part, { seed, size }: Options): Promise<boolean> {
  const { name } = part;
  console.log(`${name}: --only '^${name}$' --seed ${seed}`);
  const startMs = performance.now();
  const seconds = () =>
    `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
  try {
    await part.run(seed, (line) => console.log(`  ${line}`), size);
  } catch (error) {
    console.error(error);
    console.log(`${name}: FAILED after ${seconds()}`);
    return false;
  }
  console.log(`${name}: ok, ${seconds()}`);
  return true;
}

const options = parse(Deno.args);
const parts = PARTS.filter(({ name }) => options.only.test(name));
if (parts.length === 0) throw new Error(`No part matches ${options.only}`);
let failed = 0;
for (const part of parts) if (!await runPart(part, options)) failed++;
if (failed > 0) Deno.exit(1);
