import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { encode } from "./bytes.ts";
import { checkTogether, runDeno, startDeno } from "./child.ts";
import { type ChildProcess, root } from "./process.ts";

/** Where the examples are. */
export const examples: URL = new URL("examples/", root);

/** What is run of which examples, and what it shows. */
export type ExampleTest = readonly [
  files: string,
  criterion: string,
  run: () => Promise<void>,
  ignore?: boolean,
];

/** The flags of each command in an example's header, by what it runs. */
export async function commandsOf(
  example: string,
): Promise<Map<string, string[]>> {
  const source = await Deno.readTextFile(new URL(`${example}.ts`, examples));
  const command = /^ \* {5}deno run ((?:--\S+ )*)examples\/(\w+)\.ts/gm;
  return new Map(
    [...source.matchAll(command)].map((
      [, flags, name],
    ) => [name!, flags!.split(" ").slice(0, -1)]),
  );
}

/** The flags that an example's header gives it. */
export async function flagsOf(example: string): Promise<string[]> {
  const flags = (await commandsOf(example)).get(example);
  if (flags === undefined) throw new Error(`${example} has no command`);
  return flags;
}

/** Starts an example with the flags of its header. */
export async function start(
  example: string,
  ...args: string[]
): Promise<ChildProcess> {
  return await startIn(root, example, ...args);
}

/** Starts an example in another directory than the repository's. */
export async function startIn(
  cwd: URL,
  example: string,
  ...args: string[]
): Promise<ChildProcess> {
  return startDeno({
    file: new URL(`${example}.ts`, examples).href,
    permissions: await flagsOf(example),
    args,
    cwd,
  });
}

/** Starts a server on a free port; the address that it says to listen on. */
export async function serve(
  example: string,
  cwd: URL = root,
): Promise<[ChildProcess, [host: string, port: number]]> {
  const server = await startIn(cwd, example, "127.0.0.1", "0");
  const [, port] = await server.readMatch(/^Listening on 127\.0\.0\.1:(\d+)$/);
  return [server, ["127.0.0.1", Number(port)]];
}

/** Runs an example to its end; what it prints. */
export async function output(
  example: string,
  ...args: unknown[]
): Promise<string> {
  await using child = await start(example, ...args.map(String));
  return await ended(child);
}

/**
 * Runs examples to their ends in one process, one after the other, and checks
 * what each of them prints. They have the same flags and the same arguments.
 */
export async function checkOutputs(
  checks: Readonly<Record<string, (printed: string) => void>>,
  ...args: string[]
): Promise<void> {
  await checkTogether(Object.keys(checks), async (names) => {
    const permissions = await flagsOf(names[0]!);
    for (const name of names) assertEquals(await flagsOf(name), permissions);
    const { code, stdout, stderr } = await runDeno({
      code: names.map((name) => `
        await import(${JSON.stringify(new URL(`${name}.ts`, examples).href)});
        console.log("\\f");`).join(""),
      permissions,
      args,
    });
    assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout);
    const printed = stdout.split("\f\n");
    for (const [i, name] of names.entries()) checks[name]!(printed[i]!);
  });
}

/** Connects to an example's server. */
export async function connect(
  address: readonly [host: string, port: number],
): Promise<socket.Socket<socket.InetAddress>> {
  const s = socket.socket();
  s.settimeout(60);
  await s.connect(address);
  return s;
}

/** What a server answers to a client such as `echo_client`. */
export async function askEcho(
  address: readonly [host: string, port: number],
  message: string,
): Promise<string> {
  using s = await connect(address);
  await s.sendall(encode(message));
  await s.shutdown(socket.SHUT_WR);
  await using file = s.makefile();
  return await file.read() ?? "";
}

/** Waits for the end of an example; what it still prints. */
export async function ended(child: ChildProcess): Promise<string> {
  const { code, stdout, stderr } = await child.result();
  assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout);
  return stdout;
}

/** Stops a server as Ctrl-C does; what it still prints. */
export async function interrupt(child: ChildProcess): Promise<string> {
  child.kill("SIGINT");
  // There such a signal ends a process without asking it.
  if (Deno.build.os === "windows") return (await child.result()).stdout;
  return await ended(child);
}
