import { assertEquals } from "@std/assert";
import { runDeno } from "./child.ts";

/** What a process does with the permissions that it still has. */
export interface GrantedStep {
  /** The permissions that it revokes first. */
  readonly revoke?: readonly Deno.PermissionDescriptor[];
  /** What the module's function is given. */
  readonly given: unknown;
}

/**
 * Runs a module in a process with permissions of its own. A process costs more
 * than all that it is asked, so one takes several steps, each with fewer
 * permissions; a worker with fewer would cost nearly as much as a process.
 *
 * @param file A module that calls {@linkcode answerGranted}.
 * @param flags The permission flags.
 * @param steps What it does, in this order.
 * @returns What each step came to.
 */
export async function runGranted<T>(
  file: string,
  flags: readonly string[],
  steps: readonly GrantedStep[],
): Promise<T[]> {
  const { code, stdout, stderr } = await runDeno({
    file,
    permissions: flags,
    args: [JSON.stringify(steps)],
    unstable: true,
  });
  assertEquals([code, stderr], [0, ""], flags.join(" "));
  const outcomes = JSON.parse(stdout);
  assertEquals(outcomes.length, steps.length);
  return outcomes;
}

/**
 * Ends a module for {@linkcode runGranted}.
 *
 * @param outcomeOf Does what the module is for, with what a step is given.
 */
export async function answerGranted<T>(
  outcomeOf: (given: T) => Promise<unknown>,
): Promise<void> {
  const outcomes = [];
  for (const { revoke = [], given } of JSON.parse(Deno.args[0] ?? "[]")) {
    for (const each of revoke) Deno.permissions.revokeSync(each);
    outcomes.push(await outcomeOf(given));
  }
  console.log(JSON.stringify(outcomes));
}
