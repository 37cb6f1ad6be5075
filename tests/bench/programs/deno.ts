// The contenders that take turns in one process of Deno. The arguments are the
// URL of the module under test, and of another version of it to compare with.

import { byHand } from "./by_hand.ts";
import { serve } from "./control.ts";
import { ours, type SocketModule } from "./ours.ts";
import { own, raw } from "./raw.ts";
import type { Program } from "./types.ts";

async function load(url: string): Promise<Program> {
  const module: SocketModule = await import(url);
  return ours(module, url);
}

const [url, before] = Deno.args;
await serve({
  ours: await load(url!),
  ...(before !== undefined && { before: await load(before) }),
  own,
  raw,
  byHand,
});
