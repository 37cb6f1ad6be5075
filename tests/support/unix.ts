import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runDeno } from "./child.ts";
import { canRun } from "./process.ts";
import { TemporaryDirectory } from "./temporary.ts";

/** Whether there are abstract names, and processes to try them in. */
export const onLinux: boolean = canRun && Deno.build.os === "linux";
/** Whether there are no Unix sockets, or no processes to try them in. */
export const ignore: boolean = !canRun || Deno.build.os === "windows";

/** What programs begin with: `dir` is their directory, `print` shows what a call comes to. */
export const prelude: string = `
  import * as socket from "@pystd/socket";
  const { AF_UNIX, SOCK_STREAM, SOCK_DGRAM } = socket;
  const [dir] = Deno.args;
  const bytes = (text) => new TextEncoder().encode(text);
  const text = (data) => new TextDecoder().decode(data);
  const unix = (type = SOCK_STREAM, name) => {
    const s = socket.socket(AF_UNIX, type);
    if (name !== undefined) s.bind(name);
    s.settimeout(60);
    return s;
  };
  const outcome = async (call) => {
    try {
      const value = await call() ?? null;
      return JSON.stringify(value instanceof Uint8Array ? [...value] : value);
    } catch (error) {
      return error.name + ": " + error.message;
    }
  };
  const print = async (call) => console.log(await outcome(call));
  const pair = async (name) => {
    using server = unix(SOCK_STREAM, name);
    server.listen();
    const client = unix();
    await client.connect(name);
    return [client, ...await server.accept()];
  };
`;

/** Values of permission flags; an empty one grants all. */
export interface Grants {
  readonly read?: string;
  readonly write?: string;
  readonly net?: string;
}

/** The flags of grants. */
export function flags(grants: Grants): string[] {
  return Object.entries(grants).map(([name, value]) =>
    value === "" ? `--allow-${name}` : `--allow-${name}=${value}`
  );
}

/** Runs a program with all that its directory and abstract names need. */
export async function run(
  code: string,
  options: { dir?: string; grants?: Grants; unstable?: boolean } = {},
): Promise<string[]> {
  const { dir = "", unstable = true } = options;
  const grants = options.grants ??
    (dir === "" ? { net: "" } : { net: "", read: dir, write: dir });
  const { stdout, stderr, code: status } = await runDeno({
    code: prelude + code,
    permissions: flags(grants),
    args: [dir],
    unstable,
  });
  assertEquals([status, stderr], [0, ""], stdout);
  return stdout.trimEnd().split("\n");
}

/** Runs a test with a directory. */
export async function withDirectory(
  test: (dir: string) => Promise<void>,
): Promise<void> {
  await using directory = await TemporaryDirectory.make();
  await test(fileURLToPath(directory.url));
}
