/** Makes random programs: mostly sensible calls, and some that are not. */

import { askName, makeMistake, useOption, useSelect } from "./calls_query.ts";
import type { Call } from "./calls.ts";
import { ProgramBuilder } from "./program_builder.ts";
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
const STEPS: readonly (readonly [number, (builder: ProgramBuilder) => void])[] =
  [
    [
      3,
      (builder) => openSocket(builder, builder.handles[0]?.type !== "datagram"),
    ],
    [1, (builder) => openSocket(builder, builder.random.chance(30))],
    [2, (builder) => bind(builder)],
    [2, (builder) => listen(builder)],
    [5, (builder) => connect(builder)],
    [4, (builder) => accept(builder)],
    [17, send],
    [20, receive],
    [4, shutdown],
    [5, (builder) => changeTimeout(builder)],
    [3, close],
    [2, detach],
    [2, dup],
    [3, makefile],
    [10, useFile],
    [3, askName],
    [5, (builder) => useOption(builder)],
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
  const builder = new ProgramBuilder(random);
  const kind = random.below(100);
  if (kind < 72) beginConnected(builder);
  else if (kind < 94) beginWithDatagrams(builder);
  const length = builder.calls.length + 5 + random.below(25);
  // Not every step applies to what there is.
  for (let i = 0; i < 1000 && builder.calls.length < length; i++) step(builder);
  return builder.calls;
}

function step(builder: ProgramBuilder): void {
  let roll = builder.random.below(100);
  for (const [percent, take] of STEPS) {
    roll -= percent;
    if (roll < 0) {
      take(builder);
      return;
    }
  }
}

function beginConnected(builder: ProgramBuilder): void {
  const { random } = builder;
  const family = random.chance(15) ? "AF_INET6" : "AF_INET";
  const server = openSocket(builder, true, family)!;
  if (random.chance(20)) useOption(builder, server);
  bind(builder, server);
  listen(builder, server);
  const client = openSocket(builder, true, family)!;
  if (random.chance(15)) changeTimeout(builder, client);
  if (random.chance(15)) bind(builder, client);
  if (random.chance(15)) useOption(builder, client);
  connect(builder, client, server);
  if (random.chance(90)) accept(builder, server);
}

function beginWithDatagrams(builder: ProgramBuilder): void {
  const { random } = builder;
  const family = random.chance(15) ? "AF_INET6" : "AF_INET";
  const a = openSocket(builder, false, family)!;
  const b = openSocket(builder, false, family)!;
  bind(builder, a);
  if (random.chance(70)) bind(builder, b);
  if (random.chance(40)) connect(builder, b, a);
}
