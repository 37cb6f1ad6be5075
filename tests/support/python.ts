import { textArgument } from "./arguments.ts";
import { canRun, ChildProcess } from "./process.ts";

/**
 * The command that starts CPython 3, null where there is none. `deno task test`
 * looks for it once and gives `--python=PATH`: each file of tests would start it
 * to do so, which takes half a second behind a version manager's script.
 */
export const python: string | null = canRun
  ? textArgument("python") || await findPython()
  : null;

/**
 * Runs a Python program to its end.
 *
 * @param code The program's text.
 * @param args Its arguments, from `sys.argv[1]`.
 * @returns What it printed.
 * @throws {Error} If it fails, with what it said, or takes too long.
 */
export async function runPython(
  code: string,
  args: readonly string[] = [],
): Promise<string> {
  await using child = startPython(code, args);
  const { code: status, stdout, stderr } = await child.result();
  if (status !== 0) {
    throw new Error(`python3 ended with ${status}, and said:\n${stderr}`);
  }
  return stdout;
}

/**
 * Starts a Python program as peer, for `await using`: it is killed at the end
 * of the block. What it prints arrives line by line as it prints.
 *
 * @param code The program's text.
 * @param args Its arguments, from `sys.argv[1]`.
 * @returns The process, to read line by line.
 */
export function startPython(
  code: string,
  args: readonly string[] = [],
): ChildProcess {
  if (python === null) throw new Error("There is no python3 on this machine");
  // Without the packages of the machine it starts in two thirds of the time.
  return new ChildProcess("a Python program", python, [
    "-I",
    "-S",
    "-u",
    "-X",
    "utf8",
    "-c",
    code,
    ...args,
  ]);
}

/**
 * Runs Python statements, each in a scope of its own, with `socket`'s names at
 * hand as `from socket import *` gives them.
 *
 * @param programs Statements separated by newlines or `;`. The last one's value
 * is the outcome, if it is an expression.
 * @param setup Statements that come before each program.
 * @returns The outcome of each, as `outcomeOf()` writes it; nothing
 * where there is no Python.
 */
export async function pythonOutcomes(
  programs: readonly string[],
  setup = "",
): Promise<string[]> {
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

async function findPython(): Promise<string | null> {
  const code = "import sys; assert sys.version_info >= (3, 8); " +
    "print(sys.executable)";
  for (const command of ["python3", "python"]) {
    try {
      const { success, stdout } = await new Deno.Command(command, {
        args: ["-c", code],
        stdin: "null",
      }).output();
      if (success) return new TextDecoder().decode(stdout).trim();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}
