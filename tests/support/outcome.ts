import { python, runPython } from "./python.ts";
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

/**
 * Runs Python statements, each in a scope of its own, with `socket`'s names at
 * hand as `from socket import *` gives them.
 *
 * @param programs Statements separated by newlines or `;`. The last one's value
 * is the outcome, if it is an expression.
 * @param setup Statements that come before each program.
 * @returns The outcome of each, as {@linkcode outcomeOf} writes it; nothing
 * where there is no Python.
 */
export async function pythonOutcomes(
  programs: readonly string[],
  setup = "",
): Promise<Outcome[]> {
  if (python === null) return [];
  const text = JSON.stringify(JSON.stringify({ programs, setup }));
  return JSON.parse(
    await runPython(`
import ast, json

def outcome(setup, program):
    scope = {}
    exec("import errno, select, struct, time\\nfrom socket import *", scope)
    exec(setup, scope)
    *body, last = ast.parse(program).body
    try:
        exec(compile(ast.Module(body, []), "program", "exec"), scope)
        if not isinstance(last, ast.Expr):
            exec(compile(ast.Module([last], []), "program", "exec"), scope)
            return "null"
        last = compile(ast.Expression(last.value), "program", "eval")
        value = eval(last, scope)
        if isinstance(value, bytes):
            value = list(value)
        return json.dumps(value, separators=(",", ":"))
    except Exception as error:
        return f"{type(error).__name__}: {error}"

given = json.loads(${text})
print(json.dumps([outcome(given["setup"], each) for each in given["programs"]]))
`),
  );
}
