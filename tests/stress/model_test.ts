import { numberArgument } from "../support/arguments.ts";
import { python } from "../support/python.ts";
import { runModel } from "./model/model.ts";

const unless = python === null ? " (skipped: no python3)" : "";

Deno.test({
  name: `socket() behaves as CPython's in random programs${unless}`,
  // The programs have the errnos, and the readiness, of Linux.
  ignore: python === null || Deno.build.os !== "linux",
  fn: async () => {
    // `deno task soak` runs more; `-- --seed=N --sequences=N` chooses others.
    const seed = numberArgument("seed", 20_000);
    const count = numberArgument("sequences", 150);
    console.log(`--seed=${seed} --sequences=${count}`);
    await runModel(seed, count, console.log);
  },
});
