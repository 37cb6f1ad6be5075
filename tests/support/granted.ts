import { assertEquals } from "@std/assert";
import { runDeno } from "./child.ts";

/** A step of a process, made with the permissions that it still has. */
export interface GrantedStep {
  /** The permissions that it revokes first. */
  readonly revoke?: readonly Deno.PermissionDescriptor[];
  /** The argument of the module's function. */
  readonly given: unknown;
}

/**
 * Runs a module in a process with permissions of its own. To start a process
 * costs more than all steps, so one process makes several, each with fewer
 * permissions; a worker with fewer would cost nearly as much as a process.
 *
 * @param file A module that calls {@linkcode answerGranted}.
 * @param flags The permission flags.
 * @param steps The steps, in this order.
 * @returns The outcome of each step.
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
 * @param outcomeOf Makes a step with its argument, and returns the outcome.
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
