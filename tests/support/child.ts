import { canRun, ChildProcess, type ProcessResult, root } from "./process.ts";

/** A program for a Deno process of its own: a file or the text of one. */
export type DenoProgram = ({ file: string } | { code: string }) & {
  /** Permission flags, as `--allow-net=127.0.0.1`; none by default. */
  permissions?: readonly string[];
  /** Arguments of the program. */
  args?: readonly string[];
  /** Further flags of `deno run`. */
  flags?: readonly string[];
  /** Whether to run with `--unstable-net`; false by default. */
  unstable?: boolean;
  /** An import map; that of the running suite by default, null for none. */
  importMap?: string | null;
  /** Environment variables, added to those of this process. */
  env?: Record<string, string>;
  /** Where to run; in the repository's root by default. */
  cwd?: URL;
  /** How long it may run, for {@linkcode runDeno}. */
  timeoutMs?: number;
};

/** A test that starts processes; ignored where it may not. */
export function processTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRun, fn });
}

/**
 * Checks several programs in one process, since to start one costs more than to
 * run them. Where that fails each has a process of its own, so that the failure
 * is that of the one that is to blame.
 *
 * @param programs The programs.
 * @param check Runs some of them in one process, and checks what they do.
 */
export async function checkTogether<T>(
  programs: readonly T[],
  check: (some: readonly T[]) => Promise<void>,
): Promise<void> {
  try {
    await check(programs);
  } catch (error) {
    for (const each of programs) {
      await check([each]).catch((alone) => {
        throw Object.assign(alone, { cause: error });
      });
    }
    throw error;
  }
}

/**
 * Runs a program to its end.
 *
 * @param program What to run and how.
 * @returns Its exit code and all that it printed.
 * @throws {Error} If it runs longer than `timeoutMs`.
 */
export async function runDeno(program: DenoProgram): Promise<ProcessResult> {
  await using child = startDeno(program);
  return await child.result(program.timeoutMs);
}

/**
 * Starts a program, for `await using`: it is killed at the end of the block.
 *
 * @param program What to run and how. The text of one is its standard input.
 * @returns The process, to read line by line.
 */
export function startDeno(program: DenoProgram): ChildProcess {
  const [command, ...args] = denoCommand(program);
  const name = "file" in program ? program.file : "a Deno program";
  return new ChildProcess(name, command, args, {
    stdin: "code" in program ? program.code : undefined,
    env: { NO_COLOR: "1", ...program.env },
    cwd: program.cwd,
  });
}

/**
 * Returns the command that runs a program, for others that start it. The text of
 * one has to be its standard input.
 */
export function denoCommand(
  program: DenoProgram,
): [command: string, ...args: string[]] {
  const importMap = program.importMap === undefined
    ? suiteImportMap()
    : program.importMap;
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    ...(importMap === null ? [] : ["--import-map", importMap]),
    ...(program.unstable ? ["--unstable-net"] : []),
    ...(program.flags ?? []),
    ...(program.permissions ?? []),
    "file" in program ? program.file : "-",
    ...(program.args ?? []),
  ];
}

/** The import map of the running suite, null for the packages of JSR. */
export function suiteImportMap(): string | null {
  return import.meta.resolve("@std/assert").startsWith("file:")
    ? new URL("tests/offline/import_map.json", root).href
    : null;
}
