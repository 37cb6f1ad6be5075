import { numberArgument } from "../support/arguments.ts";
import { all } from "./faults.ts";
import { Random } from "./random.ts";

/** `deno task soak` does more; `-- --seed=N` chooses others. */
const seed = numberArgument("seed", 1);

for (const { name, skipped, run } of all) {
  const reason = skipped === undefined ? "" : ` (skipped: ${skipped})`;
  Deno.test({
    name: `${name}, --seed=${seed}${reason}`,
    ignore: skipped !== undefined,
    fn: () => run(new Random(seed)),
  });
}
