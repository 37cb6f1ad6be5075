import { denoCommand } from "./child.ts";
import { canRun, ChildProcess, type ProcessResult } from "./process.ts";

const script = `
  file=$(mktemp) && printf %s "$1" >"$file" &&
  mount --bind "$file" /etc/hosts && rm -f "$file" && shift && exec "$@"`;

/**
 * Whether a process can have a hosts file of its own: on Linux, where the user
 * may make a mount namespace.
 */
export const canChooseHosts: boolean = await tryHosts();

/**
 * Runs a Deno program that sees another hosts file, and may write to it.
 *
 * @param hosts The text of the hosts file.
 * @param code The program.
 * @param permissions Its further permission flags.
 * @param args Its arguments.
 * @returns Its exit code and what it printed.
 */
export async function runWithHosts(
  hosts: string,
  code: string,
  permissions: readonly string[],
  args: readonly string[],
): Promise<ProcessResult> {
  const command = denoCommand({
    code,
    permissions: ["--allow-write=/etc/hosts", ...permissions],
    args,
  });
  await using child = startWithHosts(hosts, code, command);
  return await child.result();
}

function startWithHosts(
  hosts: string,
  stdin: string,
  command: readonly string[],
): ChildProcess {
  const args = ["-rm", "sh", "-c", script, "sh", hosts, ...command];
  return new ChildProcess("a program with its own hosts", "unshare", args, {
    stdin,
    env: { NO_COLOR: "1" },
  });
}

async function tryHosts(): Promise<boolean> {
  if (!canRun || Deno.build.os !== "linux") return false;
  try {
    await using child = startWithHosts("127.0.0.1 localhost\n", "", ["true"]);
    const { code } = await child.result();
    return code === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
