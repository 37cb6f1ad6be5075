import { ChildProcess } from "./process.ts";

/** Whether a shell can limit how many files a program may open. */
export const canLimitFiles: boolean = Deno.build.os !== "windows";

/**
 * Starts a Deno program that may have few files open, for `await using`.
 *
 * @param limit How many.
 * @param code The program.
 * @param permissions Its permission flags.
 * @returns The process, to read line by line.
 */
export function startWithFileLimit(
  limit: number,
  code: string,
  permissions: readonly string[],
): ChildProcess {
  const run = ["run", "--quiet", "--no-prompt", "--no-check", ...permissions];
  return new ChildProcess("a program with few files", "sh", [
    "-c",
    'ulimit -n "$1" && shift && exec "$@"',
    "sh",
    String(limit),
    Deno.execPath(),
    ...run,
    "--import-map",
    "tests/offline/import_map.json",
    "-",
  ], { stdin: code, env: { NO_COLOR: "1" } });
}
