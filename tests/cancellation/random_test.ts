import { assertGreater } from "@std/assert";
import { numberArgument } from "../support/arguments.ts";
import { rows, runRow } from "./random/rows.ts";

/** `deno task soak` takes many more rounds; `-- --seed=N` chooses others. */
const seed = numberArgument("seed", 1);

for (const row of rows) {
  Deno.test(`${row.name} delivers every byte once and in order when cancelled at random times, --seed=${seed}`, async () => {
    // One would be cancelled in a single way, or not at all.
    const rounds = Math.max(3, Math.ceil(row.rounds * 0.05));
    const tally = await runRow(row, seed, rounds);
    assertGreater(tally.total, 0);
  });
}
