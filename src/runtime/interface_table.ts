/** The network interfaces of this machine. */

import { fromDeno, osError } from "../base/os_error.ts";

const FOLDER = "/sys/class/net";

/**
 * Indices and names, in order of the indices. Deno has no function that tells an
 * index, so they are read from where Linux shows them.
 *
 * @throws {OSError} EOPNOTSUPP on a system other than Linux.
 * @throws {PermissionError} EACCES without `--allow-all`: Deno 2.9 asks for that
 * wherever `/sys` is read, whatever `--allow-read` says.
 */
export function listInterfaces(): [index: number, name: string][] {
  if (Deno.build.os !== "linux") {
    throw osError("EOPNOTSUPP", "interfaces can be listed on Linux only");
  }
  const found: [number, string][] = [];
  try {
    for (const { name, isFile } of Deno.readDirSync(FOLDER)) {
      // A file among the folders: the list of bonds.
      if (isFile) continue;
      const index = readIndex(name);
      if (index !== undefined) found.push([index, name]);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw fromDeno(error);
    // The hint alone leads to --allow-read, which is then not enough.
    throw osError(
      "EACCES",
      `${error.message}; for /sys Deno 2.9 takes --allow-all only`,
      { cause: error },
    );
  }
  return found.sort(([a], [b]) => a - b);
}

/** The index, undefined for an interface that has just gone. */
function readIndex(name: string): number | undefined {
  try {
    return Number(Deno.readTextFileSync(`${FOLDER}/${name}/ifindex`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The index of an interface, undefined if there is none of the name. */
export function interfaceIndex(name: string): number | undefined {
  return listInterfaces().find(([, each]) => each === name)?.[0];
}

/** The name of an interface, undefined if there is none of the index. */
export function interfaceName(index: number): string | undefined {
  return listInterfaces().find(([each]) => each === index)?.[1];
}

/**
 * The IPv4 address of an interface, undefined if it has none. That of loopback,
 * always the first on Linux, needs no permission.
 */
export function interfaceAddress(index: number): string | undefined {
  if (index === 1 && Deno.build.os === "linux") return "127.0.0.1";
  const name = interfaceName(index);
  return name === undefined
    ? undefined
    : Deno.networkInterfaces().find((each) =>
      each.name === name && each.family === "IPv4"
    )?.address;
}

const EVERY_PERMISSION = [
  "read",
  "write",
  "net",
  "env",
  "sys",
  "run",
  "ffi",
] as const;

/**
 * As {@linkcode interfaceName}, undefined too where it cannot be found out. The
 * user is not asked for a permission.
 */
export function interfaceNameIfGranted(index: number): string | undefined {
  const all = EVERY_PERMISSION.every((name) =>
    Deno.permissions.querySync({ name }).state === "granted"
  );
  if (!all || Deno.build.os !== "linux") return undefined;
  return interfaceName(index);
}

/** The kinds of addresses that this machine has beside its loopback ones. */
export interface Configured {
  readonly inet: boolean;
  readonly inet6: boolean;
}

/**
 * The families that AI_ADDRCONFIG leaves.
 *
 * @throws {PermissionError} EACCES without `--allow-sys=networkInterfaces`.
 */
export function configuredFamilies(): Configured {
  let all: Deno.NetworkInterfaceInfo[];
  try {
    all = Deno.networkInterfaces();
  } catch (error) {
    throw fromDeno(error);
  }
  return {
    // As glibc: of IPv4's loopback addresses it knows one only.
    inet: all.some((each) =>
      each.family === "IPv4" && each.address !== "127.0.0.1"
    ),
    inet6: all.some((each) => each.family === "IPv6" && each.address !== "::1"),
  };
}
