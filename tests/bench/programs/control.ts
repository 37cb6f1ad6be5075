// Runs a program in Deno or Node: commands come in, answers go out.

import process from "node:process";
import type { Command, End, Program, Reply, Task } from "./types.ts";

interface Ends {
  server?: End;
  client?: End;
}

const isDeno = "Deno" in globalThis;

/** Serves commands until the standard input ends. */
export async function serve(program: Program): Promise<void> {
  let ends: Ends = {};
  for await (const command of commands()) {
    try {
      if (command.do === "open") ends = await open(program, command.task);
      answer(await obey(command, ends));
    } catch (error) {
      answer({ error: String(error) });
    }
  }
  // Servers would go on waiting; an orderly exit lets profilers write.
  process.exit(0);
}

async function open(program: Program, task: Task): Promise<Ends> {
  const part = program[task.kind];
  if (part === undefined) throw new Error(`There is no ${task.kind} here`);
  const ends: Ends = {};
  if (task.role !== "client") ends.server = await part.server(task);
  if (task.role !== "server") {
    ends.client = await part.client(task, ends.server?.port ?? task.port);
  }
  return ends;
}

async function obey(
  command: Command,
  { server, client }: Ends,
): Promise<Reply> {
  switch (command.do) {
    case "open":
      return server?.port === undefined ? {} : { port: server.port };
    case "run": {
      const { n, thorough } = command;
      const start = performance.now();
      const outcomes = await Promise.all([
        client?.run?.(n, thorough),
        server?.run?.(n, thorough),
      ]);
      return Object.assign({ ms: performance.now() - start }, ...outcomes);
    }
    case "cpu": {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1000 };
    }
    case "memory":
      return { bytes: await residentBytes() };
    case "finish":
      await client?.finish?.();
      return {};
  }
}

async function residentBytes(): Promise<number> {
  // Reads that were just begun reach the system in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 100));
  (globalThis as { gc?: () => void }).gc?.();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return isDeno ? Deno.memoryUsage().rss : process.memoryUsage().rss;
}

async function* commands(): AsyncGenerator<Command, void> {
  const decoder = new TextDecoder();
  let text = "";
  const input: AsyncIterable<Uint8Array> = isDeno
    ? Deno.stdin.readable
    : process.stdin;
  for await (const chunk of input) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

function answer(reply: Reply): void {
  console.log(JSON.stringify(reply));
}
