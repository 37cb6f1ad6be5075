import { ChildProcess } from "./process.ts";

/** The command that starts CPython 3, null where there is none. */
export const python: string | null = await findPython();

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
  return new ChildProcess("a Python program", python, [
    "-u",
    "-X",
    "utf8",
    "-c",
    code,
    ...args,
  ]);
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
