import { within } from "./within.ts";

/** The outcome of a call: its value or its error. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * Runs a call to its end.
 *
 * @param call What to run.
 * @returns The name and message of its error, or its value as JSON, with null
 * for none.
 */
export async function outcomeOf(call: () => unknown): Promise<string> {
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
