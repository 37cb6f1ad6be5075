import { within } from "./within.ts";

/** What a call came to, written as Python writes it. */
export type Outcome = string;

/**
 * Runs a call to its end.
 *
 * @param call What to run.
 * @returns The name and message of its error, or its value as JSON, with null
 * for none.
 */
export async function outcomeOf(call: () => unknown): Promise<Outcome> {
  try {
    const value = await within(Promise.resolve(call()));
    return JSON.stringify(value ?? null);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `${error.name}: ${error.message}`;
  }
}

/** The code of a call's error, or undefined if it has none or succeeds. */
export async function codeOf(call: () => unknown): Promise<string | undefined> {
  try {
    await within(Promise.resolve(call()));
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === "string") return code;
    throw error;
  }
  return undefined;
}
