import { numberArgument } from "../support/arguments.ts";
import { connections } from "./tls.ts";

/** `deno task soak` makes more; `-- --seed=N` chooses others. */
const seed = numberArgument("seed", 1);

Deno.test(`TLS connections whose calls are cancelled, and which are cut off, lose nothing, --seed=${seed}`, async () => {
  await connections(seed, 60);
});
