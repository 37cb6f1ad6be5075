/** Compares what a random program comes to, and shortens one that differs. */

import { allowed } from "./known_differences.ts";
import { type Call, type Outcome, writeCall, writeOutcome } from "./calls.ts";
import { runHere } from "./run_deno.ts";
import type { Reference } from "./reference.ts";

/** The first call of a program that should not differ and does. */
export interface Disagreement {
  /** The program up to that call. */
  readonly calls: readonly Call[];
  readonly ours: Outcome;
  readonly theirs: Outcome;
}

/**
 * Runs a program on both.
 *
 * @param reference CPython.
 * @param calls The program.
 * @returns Where they disagree, null if they do not.
 */
export async function compare(
  reference: Reference,
  calls: readonly Call[],
): Promise<Disagreement | null> {
  const [ours, theirs] = await Promise.all([
    runHere(calls, reference.nobody),
    reference.run(calls),
  ]);
  for (const [index, call] of calls.entries()) {
    const [here, there] = [ours[index]!, theirs[index]!];
    if (there.unlike !== undefined) continue;
    if (writeOutcome(here) === writeOutcome(there)) continue;
    const before = calls.slice(0, index);
    const rule = allowed.find(({ matches }) =>
      matches(call, here, there, before)
    );
    if (rule?.ends) return null;
    if (rule !== undefined) continue;
    return { calls: [...before, call], ours: here, theirs: there };
  }
  return null;
}

/** What kind of disagreement it is, to tell whether a shorter one is the same. */
function kindOf({ calls, ours, theirs }: Disagreement): string {
  const kind = (outcome: Outcome) =>
    outcome.error === undefined ? "a value" : writeOutcome(outcome);
  return `${calls.at(-1)!.call} ${kind(ours)} ${kind(theirs)}`;
}

/** How often a program runs to see whether its disagreement comes again. */
const AGAIN = 5;

/** How many of them run at once if that does not bring it. */
const CROWD = 40;

/**
 * Looks whether a disagreement comes again, and leaves out the calls that it
 * does without.
 *
 * @param reference CPython.
 * @param found The disagreement.
 * @returns The shortest program found, null if it does not come again.
 */
export async function shorten(
  reference: Reference,
  found: Disagreement,
): Promise<Disagreement | null> {
  const kind = kindOf(found);
  const attempt = async (calls: readonly Call[]) => {
    const again = await compare(reference, calls);
    return again !== null && kindOf(again) === kind ? again : null;
  };
  for (let i = 0; i < AGAIN; i++) {
    const again = await attempt(found.calls);
    if (again !== null) return await shortenBy(attempt, again);
  }
  // Some come only when the event loop has much to do.
  const crowd = Array.from({ length: CROWD }, () => attempt(found.calls));
  return (await Promise.all(crowd)).find((again) => again !== null) ?? null;
}

async function shortenBy(
  attempt: (calls: readonly Call[]) => Promise<Disagreement | null>,
  found: Disagreement,
): Promise<Disagreement> {
  let best = found;
  for (let shorter = true; shorter;) {
    shorter = false;
    for (let i = best.calls.length - 2; i >= 0; i--) {
      const again = await attempt(best.calls.toSpliced(i, 1));
      if (again === null) continue;
      best = again;
      shorter = true;
      i = Math.min(i, best.calls.length - 1);
    }
  }
  return best;
}

/** A disagreement as it is printed. */
export function writeDisagreement(found: Disagreement): string {
  return [
    ...found.calls.map((call) => `    ${writeCall(call)}`),
    `  here:    ${writeOutcome(found.ours)}`,
    `  CPython: ${writeOutcome(found.theirs)}`,
  ].join("\n");
}
