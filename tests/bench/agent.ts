import { ChildProcess } from "../support/process.ts";
import type { Command, Reply } from "./programs/types.ts";

/** How to start a program that obeys commands. */
export interface Start {
  /** What messages call it. */
  title: string;
  /** The command line. */
  command: readonly [string, ...string[]];
}

/** A process that runs contenders, or is the load of their servers. */
export class Agent implements AsyncDisposable {
  readonly #title: string;
  readonly #process: ChildProcess;
  readonly #limitMs: number;

  /** Starts the process; no answer may take longer than `limitMs`. */
  constructor(
    { title, command: [file, ...args] }: Start,
    limitMs: number = 120_000,
  ) {
    this.#title = title;
    this.#limitMs = limitMs;
    const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    this.#process = new ChildProcess(title, file, args, { env });
  }

  /**
   * Sends a command and waits for the answer.
   *
   * @param command What to do.
   * @returns The answer.
   * @throws {Error} If the program fails, ends, or takes too long.
   */
  async ask(command: Command): Promise<Reply> {
    // If the process has ended, its result below says why.
    await this.#process.write(`${JSON.stringify(command)}\n`).catch(() => {});
    const line = await this.#process.readLine(this.#limitMs);
    if (line === null) {
      const { code, stderr } = await this.#process.result();
      // A program of Node's has its own text as its name.
      const said = stderr.replaceAll(/data:[\w/;,+=]+/g, "(program)");
      throw new Error(`${this.#title} ended with ${code}, and said:\n${said}`);
    }
    const reply: Reply = JSON.parse(line);
    if (reply.error !== undefined) {
      throw new Error(`${this.#title}: ${reply.error}`);
    }
    return reply;
  }

  /** Lets the process end by itself, so that it can write a profile. */
  async end(): Promise<void> {
    await this.#process.closeStdin();
    await this.#process.result();
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
