import { stripTypeScriptTypes } from "node:module";
import { python } from "../support/python.ts";
import type { Task } from "./programs/types.ts";

/** The name of a contender in tables of this program. */
export type ContenderId =
  | "ours"
  | "raw"
  | "fresh"
  | "byHand"
  | "denoNode"
  | "node"
  | "python"
  | "asyncio";

/** Something that workloads are run with. */
export interface Contender {
  id: ContenderId;
  /** What the tables call it. */
  title: string;
  /** What starts its program. */
  command: readonly [string, ...string[]];
  /** What raw Deno receives into. */
  buffers: Task["buffers"];
}

/** How programs are started. */
export interface StartOptions {
  /** Whether they are to collect garbage when asked for their memory. */
  collect?: boolean;
  /** Where our program is to write a CPU profile when it ends. */
  profileTo?: string | undefined;
}

const programs = new URL("programs/", import.meta.url);

/** Deno's flags in all programs; none may reach anything but loopback. */
export const denoFlags: readonly string[] = [
  "run",
  "--quiet",
  "--no-prompt",
  "--no-check",
  "--no-remote",
  "--unstable-net",
  "--allow-net=127.0.0.1",
];

/**
 * The contenders that this machine has.
 *
 * @param options How their programs are to be started.
 * @returns Them, and why the others are not there.
 */
export async function findContenders(
  options: StartOptions = {},
): Promise<{ contenders: Contender[]; missing: string[] }> {
  const deno = (
    id: ContenderId,
    title: string,
    file: string,
    buffers: Task["buffers"] = "reused",
    flags: readonly string[] = [],
  ): Contender => {
    const collect = options.collect ? ["--v8-flags=--expose-gc"] : [];
    const args = [...denoFlags, ...collect, ...flags, fileOf(file)];
    return { id, title, command: [Deno.execPath(), ...args], buffers };
  };
  const contenders = [
    deno("ours", "ours", "ours.ts", "reused", profileFlags(options)),
    deno("raw", "raw Deno", "raw.ts"),
    deno("fresh", "raw, fresh buffers", "raw.ts", "fresh"),
    deno("byHand", "raw, split by hand", "raw.ts", "by hand"),
    deno("denoNode", "node: in Deno", "node_net.ts"),
  ];
  const missing: string[] = [];
  const node = await nodeCommand(options);
  if (node === null) missing.push("Node: there is no node 18 or newer");
  else {
    const title = "Node";
    contenders.push({ id: "node", title, command: node, buffers: "reused" });
  }
  for (
    const [id, title, file, least] of [
      ["python", "CPython, blocking", "blocking.py", 10],
      ["asyncio", "asyncio", "asyncio_streams.py", 11],
    ] as const
  ) {
    if (python !== null && await isPython(python, least)) {
      const command = [python, "-B", "-X", "utf8", fileOf(file)] as const;
      contenders.push({ id, title, command: [...command], buffers: "reused" });
    } else missing.push(`${title}: there is no python3 of 3.${least} or newer`);
  }
  return { contenders, missing };
}

/**
 * What the table says about the machine.
 *
 * @returns The versions of Deno, and of Node and CPython if they are there.
 */
export async function versions(): Promise<string[]> {
  const found = [`Deno ${Deno.version.deno}`];
  const node = await outputOf("node", "--version");
  if (node !== null) found.push(`Node ${node.replace(/^v/, "")}`);
  const cpython = python && await outputOf(python, "--version");
  if (cpython) found.push(cpython.replace("Python", "CPython"));
  return found;
}

function profileFlags({ profileTo }: StartOptions): string[] {
  return profileTo === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-dir=${profileTo}`];
}

function fileOf(name: string): string {
  // Windows has a drive before the path.
  return decodeURIComponent(new URL(name, programs).pathname)
    .replace(/^\/(?=[A-Z]:)/, "");
}

async function isPython(command: string, minor: number): Promise<boolean> {
  const code = `import sys; print(sys.version_info >= (3, ${minor}))`;
  return await outputOf(command, "-c", code) === "True";
}

async function nodeCommand(
  { collect }: StartOptions,
): Promise<[string, ...string[]] | null> {
  const version = await outputOf("node", "--version");
  const major = Number(/^v(\d+)\./.exec(version ?? "")?.[1] ?? 0);
  if (major < 18) return null;
  const code = `import ${JSON.stringify(await toDataUrl("node_net.ts"))}`;
  return [
    "node",
    ...(collect ? ["--expose-gc"] : []),
    "--input-type=module",
    "-e",
    code,
  ];
}

/**
 * A program that any Node runs: before version 22.18 Node cannot read
 * TypeScript, and files of our own making would need a permission to write.
 */
async function toDataUrl(name: string): Promise<string> {
  const source = await Deno.readTextFile(new URL(name, programs));
  let code = stripTypeScriptTypes(source);
  for (const [from, file] of code.matchAll(/(?<= from )"\.\/(\w+\.ts)"/g)) {
    code = code.replaceAll(from, JSON.stringify(await toDataUrl(file!)));
  }
  return `data:text/javascript;base64,${
    new TextEncoder().encode(code).toBase64()
  }`;
}

async function outputOf(
  command: string,
  ...args: string[]
): Promise<string | null> {
  try {
    const child = new Deno.Command(command, { args, stdin: "null" });
    const { success, stdout } = await child.output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
