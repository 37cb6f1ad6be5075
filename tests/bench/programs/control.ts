// Runs contenders in Deno or Node: commands come in, answers go out.

import process from "node:process";
import type { Command, Idle, Program, Reply, Service, Task } from "./types.ts";

const isDeno = "Deno" in globalThis;

/** The time on both clocks, in milliseconds. */
interface Clocks {
  ms: number;
  cpuMs: number;
}

/** Serves commands until the standard input ends. */
export async function serve(
  contenders: Record<string, Program>,
): Promise<void> {
  const control = new Control(contenders);
  for await (const command of commands()) {
    try {
      answer(await control.obey(command));
    } catch (error) {
      answer({ error: error instanceof Error ? error.stack! : String(error) });
    }
  }
  // Idle connections would keep the process; an orderly exit lets profilers write.
  process.exit(0);
}

class Control {
  readonly #contenders: Record<string, Program>;
  #service: Service | undefined;
  #serviceStart: Clocks | undefined;
  #idle: Idle | undefined;

  constructor(contenders: Record<string, Program>) {
    this.#contenders = contenders;
  }

  async obey(command: Command): Promise<Reply> {
    switch (command.do) {
      case "batch": {
        const batch = this.#program(command).batches[command.task.kind];
        if (batch === undefined) throw missing(command);
        const start = clocks();
        await batch(command.task, command.n);
        return since(start);
      }
      case "serve": {
        const { services } = this.#program(command);
        const start = services[command.task.kind];
        if (start === undefined) throw missing(command);
        this.#service = await start(command.task);
        this.#serviceStart = clocks();
        return { port: this.#service.port };
      }
      case "stop": {
        const received = await this.#service!.stop();
        return { ...since(this.#serviceStart!), received };
      }
      case "idle": {
        const { idle } = this.#program(command);
        if (idle === undefined) throw missing(command);
        this.#idle = idle(command.task);
        return {};
      }
      case "hold":
        await this.#idle!.hold(command.n);
        return {};
      case "memory":
        return { bytes: await residentBytes() };
      case "finish":
        await this.#idle!.finish();
        return {};
    }
  }

  #program({ contender }: { contender: string }): Program {
    const program = this.#contenders[contender];
    if (program === undefined) throw new Error(`There is no ${contender} here`);
    return program;
  }
}

function missing(
  { contender, task }: { contender: string; task: Task },
): Error {
  return new Error(`${contender} has no ${task.kind}`);
}

function clocks(): Clocks {
  // The CPU time of the whole process: all threads count, those that the
  // runtime has started too.
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), cpuMs: (user + system) / 1000 };
}

function since(start: Clocks): Clocks {
  const now = clocks();
  return { ms: now.ms - start.ms, cpuMs: now.cpuMs - start.cpuMs };
}

async function residentBytes(): Promise<number> {
  // Reads that were just begun reach the kernel in a later turn of the loop, and
  // memory that a collection has freed is returned in the background.
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    (globalThis as { gc?: () => void }).gc?.();
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
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
