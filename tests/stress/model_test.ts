import { python } from "../support/python.ts";
import { runModel } from "./model/model.ts";

const unless = python === null ? " (skipped: no python3)" : "";

/** `deno task soak` does more; `-- --seed=N --sequences=N` chooses others. */
function argument(name: string, otherwise: number): number {
  const start = `--${name}=`;
  const given = Deno.args.find((each) => each.startsWith(start));
  return given === undefined ? otherwise : Number(given.slice(start.length));
}

Deno.test({
  name: `socket() does what CPython's does in random programs${unless}`,
  // The programs have the errnos, and the readiness, of Linux.
  ignore: python === null || Deno.build.os !== "linux",
  fn: async () => {
    const seed = argument("seed", 20_000);
    const count = argument("sequences", 300);
    console.log(`--seed=${seed} --sequences=${count}`);
    await runModel(seed, count, console.log);
  },
});
