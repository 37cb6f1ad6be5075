import { all } from "./faults.ts";
import { Random } from "./random.ts";

/** `deno task soak` does more; `-- --seed=N` chooses others. */
const given = Deno.args.find((each) => each.startsWith("--seed="));
const seed = Number(given?.slice("--seed=".length) ?? 1);

for (const { name, skipped, run } of all) {
  const reason = skipped === undefined ? "" : ` (skipped: ${skipped})`;
  Deno.test({
    name: `${name}, --seed=${seed}${reason}`,
    ignore: skipped !== undefined,
    fn: () => run(new Random(seed)),
  });
}
