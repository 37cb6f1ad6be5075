// @ts-check
// Runs a program in Deno or Node: commands come in, answers go out.

import process from "node:process";

/** @import { Command, End, Outcome, Program, Reply, Task } from "./types.ts" */

const isDeno = "Deno" in globalThis;

/**
 * Serves commands until the standard input ends.
 *
 * @param {Program} program What can be run.
 * @returns {Promise<void>}
 */
export async function serve(program) {
  /** @type {{ server?: End, client?: End }} */
  let ends = {};
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

/**
 * @param {Program} program
 * @param {Task} task
 */
async function open(program, task) {
  const part = program[task.kind];
  if (part === undefined) throw new Error(`There is no ${task.kind}`);
  /** @type {{ server?: End, client?: End }} */
  const ends = {};
  if (task.role !== "client") ends.server = await part.server(task);
  if (task.role !== "server") {
    ends.client = await part.client(task, ends.server?.port ?? task.port);
  }
  return ends;
}

/**
 * @param {Command} command
 * @param {{ server?: End, client?: End }} ends
 * @returns {Promise<Reply>}
 */
async function obey(command, { server, client }) {
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

async function residentBytes() {
  // Reads that were just begun reach the system in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 100));
  /** @type {{ gc?: () => void }} */ (globalThis).gc?.();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return isDeno ? Deno.memoryUsage().rss : process.memoryUsage().rss;
}

/** @returns {AsyncGenerator<Command, void>} */
async function* commands() {
  const decoder = new TextDecoder();
  let text = "";
  const input = isDeno ? Deno.stdin.readable : process.stdin;
  for await (const chunk of input) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

/** @param {Reply} reply */
function answer(reply) {
  console.log(JSON.stringify(reply));
}
