/** Makes random programs: mostly sensible calls, and some that are not. */

import { askName, makeMistake, useOption, useSelect } from "./calls_query.ts";
import type { Call } from "./calls.ts";
import { Draft } from "./program_builder.ts";
import { makefile, useFile } from "./calls_files.ts";
import {
  changeTimeout,
  close,
  detach,
  dup,
  shutdown,
} from "./calls_lifecycle.ts";
import { accept, bind, connect, listen, openSocket } from "./calls_open.ts";
import { receive, send } from "./calls_io.ts";
import { Random } from "../random.ts";

/** What comes next, and how often in a hundred. */
const STEPS: readonly (readonly [number, (draft: Draft) => void])[] = [
  [3, (draft) => openSocket(draft, draft.handles[0]?.type !== "datagram")],
  [1, (draft) => openSocket(draft, draft.random.chance(30))],
  [2, (draft) => bind(draft)],
  [2, (draft) => listen(draft)],
  [5, (draft) => connect(draft)],
  [4, (draft) => accept(draft)],
  [17, send],
  [20, receive],
  [4, shutdown],
  [5, (draft) => changeTimeout(draft)],
  [3, close],
  [2, detach],
  [2, dup],
  [3, makefile],
  [10, useFile],
  [3, askName],
  [5, (draft) => useOption(draft)],
  [5, useSelect],
  [4, makeMistake],
];

/**
 * Makes a program.
 *
 * @param seed Which.
 * @returns The same calls for the same seed.
 */
export function generate(seed: number): Call[] {
  const random = new Random(seed);
  const draft = new Draft(random);
  const kind = random.below(100);
  if (kind < 72) beginConnected(draft);
  else if (kind < 94) beginWithDatagrams(draft);
  const length = draft.calls.length + 5 + random.below(25);
  // Not every step applies to what there is.
  for (let i = 0; i < 1000 && draft.calls.length < length; i++) step(draft);
  return draft.calls;
}

function step(draft: Draft): void {
  let roll = draft.random.below(100);
  for (const [percent, take] of STEPS) {
    roll -= percent;
    if (roll < 0) {
      take(draft);
      return;
    }
  }
}

function beginConnected(draft: Draft): void {
  const { random } = draft;
  const family = random.chance(15) ? "AF_INET6" : "AF_INET";
  const server = openSocket(draft, true, family)!;
  if (random.chance(20)) useOption(draft, server);
  bind(draft, server);
  listen(draft, server);
  const client = openSocket(draft, true, family)!;
  if (random.chance(15)) changeTimeout(draft, client);
  if (random.chance(15)) bind(draft, client);
  if (random.chance(15)) useOption(draft, client);
  connect(draft, client, server);
  if (random.chance(90)) accept(draft, server);
}

function beginWithDatagrams(draft: Draft): void {
  const { random } = draft;
  const family = random.chance(15) ? "AF_INET6" : "AF_INET";
  const a = openSocket(draft, false, family)!;
  const b = openSocket(draft, false, family)!;
  bind(draft, a);
  if (random.chance(70)) bind(draft, b);
  if (random.chance(40)) connect(draft, b, a);
}
