import { denoCommand } from "./child.ts";
import { canRun, ChildProcess } from "./process.ts";

/** Whether a shell can limit how many files a program may open. */
export const canLimitFiles: boolean = canRun && Deno.build.os !== "windows";

/**
 * Starts a Deno program that may have so many files open, for `await using`.
 *
 * @param limit How many; more than usual too, up to what the system allows.
 * @param program The text of the program, or its file and its arguments; a
 * file's standard input stays open.
 * @param permissions Its permission flags.
 * @returns The process, to read line by line.
 */
export function startWithFileLimit(
  limit: number,
  program: string | readonly [file: string, ...args: string[]],
  permissions: readonly string[],
): ChildProcess {
  const flags = ["--preload", "tests/support/early_signals.ts"];
  const text = typeof program === "string";
  const command = text
    ? denoCommand({ code: program, flags, permissions })
    : denoCommand({
      file: program[0],
      args: program.slice(1),
      flags,
      permissions,
    });
  return new ChildProcess("a program with a limit on files", "sh", [
    "-c",
    'ulimit -n "$1" && shift && exec "$@"',
    "sh",
    String(limit),
    ...command,
  ], { stdin: text ? program : undefined, env: { NO_COLOR: "1" } });
}

/**
 * The most files that a program may be allowed to have open.
 *
 * @returns How many; undefined if nobody can tell.
 */
export async function mostFiles(): Promise<number | undefined> {
  if (!canLimitFiles) return undefined;
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "ulimit -Hn"],
  }).output();
  const limit = new TextDecoder().decode(stdout).trim();
  return limit === "unlimited" ? Infinity : Number(limit);
}

/**
 * How many sockets of the network a process has open. The runtime opens other
 * files when it likes.
 *
 * @param pid The process.
 * @returns How many; undefined where that cannot be seen.
 */
export async function socketsOf(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const { success, stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      'ls -l /proc/"$1"/fd && cat /proc/"$1"/net/tcp /proc/"$1"/net/udp',
      "sh",
      String(pid),
    ],
  }).output();
  if (!success) throw new Error(`There is no process ${pid}`);
  const text = new TextDecoder().decode(stdout);
  // The tenth column of the tables.
  const rows = text.matchAll(/^ *\d+:(?: +\S+){8} +(\d+) /gm);
  const known = new Set(Array.from(rows, ([, inode]) => inode));
  const open = Array.from(text.matchAll(/socket:\[(\d+)\]/g));
  return open.filter(([, inode]) => known.has(inode)).length;
}
