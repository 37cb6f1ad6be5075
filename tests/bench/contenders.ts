import { stripTypeScriptTypes } from "node:module";
import { python } from "../support/python.ts";
import type { Start } from "./agent.ts";

/** The name of a contender. */
export type ContenderId =
  | "ours"
  | "before"
  | "own"
  | "raw"
  | "byHand"
  | "denoNode"
  | "node"
  | "python"
  | "asyncio";

/** How the tables call the contenders. */
export const titles: Readonly<Record<ContenderId, string>> = {
  ours: "this module",
  before: "before",
  own: "Deno, own arrays",
  raw: "Deno, one buffer",
  byHand: "Deno, cut by hand",
  denoNode: "`node:net` in Deno",
  node: "Node.js",
  python: "CPython, threads",
  asyncio: "asyncio",
};

/** A program and the contenders that it runs, which share its process. */
export interface Host extends Start {
  contenders: readonly ContenderId[];
}

/** The folder with the certificates of the rows of TLS. */
export const certificates: string = pathOf(
  new URL("../ssl/certificates", import.meta.url),
);

/** How programs are started. */
export interface StartOptions {
  /** The entry point of the module under test. */
  module: URL;
  /** The entry point of another version of it, which takes part as well. */
  before?: URL | undefined;
  /** Whether programs have to collect garbage when asked for their memory. */
  collect?: boolean;
  /** Whether other programs than Deno's own sockets take part. */
  peers: boolean;
  /** Where the process with this module writes a CPU profile when it ends. */
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
  `--allow-read=${certificates}`,
];

/** The program of the clients of servers, and of the peer of idle ends. */
export const load: Start = {
  title: "the load",
  command: [Deno.execPath(), ...denoFlags, fileOf("load.ts")],
};

/**
 * The programs that this machine can run.
 *
 * @param options How they are started.
 * @returns The programs, and why others are missing.
 */
export async function findHosts(
  options: StartOptions,
): Promise<{ hosts: Host[]; missing: string[] }> {
  const { module, before, collect, peers } = options;
  const deno = (file: string, flags: readonly string[], args: string[]) => {
    const gc = collect ? ["--v8-flags=--expose-gc"] : [];
    const all = [...denoFlags, ...gc, ...flags, fileOf(file), ...args];
    return [Deno.execPath(), ...all] as const;
  };
  const versions = [module, ...(before === undefined ? [] : [before])];
  const roots = versions.map((url) =>
    `--allow-read=${pathOf(new URL(".", url))}`
  );
  const hosts: Host[] = [{
    title: "Deno",
    command: deno(
      "deno.ts",
      [...roots, ...profileFlags(options)],
      versions.map(({ href }) => href),
    ),
    contenders: [
      "ours",
      ...(before === undefined ? [] : ["before"] as const),
      "own",
      "raw",
      "byHand",
    ],
  }];
  const missing: string[] = [];
  if (!peers) return { hosts, missing };
  hosts.push({
    title: titles.denoNode,
    command: deno("node.ts", [], []),
    contenders: ["denoNode"],
  });
  const node = await nodeCommand(collect);
  if (node === null) missing.push("Node.js: there is no node 18 or newer");
  else hosts.push({ title: titles.node, command: node, contenders: ["node"] });
  for (
    const [id, file, least] of [
      ["python", "blocking.py", 10],
      ["asyncio", "asyncio_streams.py", 11],
    ] as const
  ) {
    if (python !== null && await isPython(python, least)) {
      const command = [python, "-B", "-X", "utf8", fileOf(file)] as const;
      hosts.push({ title: titles[id], command, contenders: [id] });
    } else {missing.push(
        `${titles[id]}: there is no Python 3.${least} or newer`,
      );}
  }
  return { hosts, missing };
}

/**
 * The versions of the programs that take part.
 *
 * @returns The version of Deno, and of Node.js and CPython if they are there.
 */
export async function versions(): Promise<string[]> {
  const found = [`Deno ${Deno.version.deno}`];
  const node = await outputOf("node", "--version");
  if (node !== null) found.push(`Node.js ${node.replace(/^v/, "")}`);
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
  return pathOf(new URL(name, programs));
}

function pathOf(url: URL): string {
  // Windows has a drive before the path.
  return decodeURIComponent(url.pathname).replace(/^\/(?=[A-Z]:)/, "");
}

async function isPython(command: string, minor: number): Promise<boolean> {
  const code = `import sys; print(sys.version_info >= (3, ${minor}))`;
  return await outputOf(command, "-c", code) === "True";
}

async function nodeCommand(
  collect: boolean = false,
): Promise<[string, ...string[]] | null> {
  const version = await outputOf("node", "--version");
  const major = Number(/^v(\d+)\./.exec(version ?? "")?.[1] ?? 0);
  if (major < 18) return null;
  const code = `import ${JSON.stringify(await toDataUrl("node.ts"))}`;
  return [
    "node",
    ...(collect ? ["--expose-gc"] : []),
    "--input-type=module",
    "-e",
    code,
  ];
}

/**
 * A program that any Node.js runs: before version 22.18 it cannot read
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
