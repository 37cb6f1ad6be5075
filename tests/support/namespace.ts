import { canRun, ChildProcess, type ProcessResult } from "./process.ts";

/** Runs its arguments after the first, which is the text of the hosts file. */
const script = `
set -e
mount -t tmpfs tmpfs /mnt
printf '%s' "$1" > /mnt/hosts
printf 'hosts: files\\n' > /mnt/nsswitch.conf
mount --bind /mnt/hosts /etc/hosts
mount --bind /mnt/nsswitch.conf /etc/nsswitch.conf
ip link set lo up
shift
exec "$@"`;

/**
 * Whether a process may have a network and files of its own: on Linux, where
 * namespaces are allowed to every user.
 */
export const hasNamespaces: boolean = await findNamespaces();

/**
 * Runs a command to its end where there is no network but loopback, and names
 * are those of a given hosts file: no server is asked.
 *
 * @param hosts The text of `/etc/hosts`.
 * @param command The program and its arguments.
 * @param stdin Text for its standard input.
 * @returns Its exit code and all that it printed.
 */
export async function runOffline(
  hosts: string,
  command: readonly string[],
  stdin?: string,
): Promise<ProcessResult> {
  await using child = new ChildProcess(
    `${command[0]} in a namespace`,
    "unshare",
    ["-rnm", "sh", "-c", script, "sh", hosts, ...command],
    { stdin, env: { NO_COLOR: "1" } },
  );
  return await child.result();
}

async function findNamespaces(): Promise<boolean> {
  if (!canRun || Deno.build.os !== "linux") return false;
  try {
    const { code } = await runOffline("", ["true"]);
    return code === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
