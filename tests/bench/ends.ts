import { ChildProcess } from "../support/process.ts";
import type { Contender } from "./contenders.ts";
import type { Command, Reply, Task } from "./programs/types.ts";
import { plainTask, type Row } from "./rows.ts";

/** What one run of a workload took. */
export interface Run {
  /** Units of work. */
  n: number;
  /** Datagrams that arrived, where some may be lost. */
  received?: number;
  /** Wall time in milliseconds. */
  ms: number;
  /** User and system time of the contender's processes in milliseconds. */
  cpuMs: number;
}

/** A process that runs a contender's program. */
export class Agent implements AsyncDisposable {
  readonly title: string;
  readonly #process: ChildProcess;
  readonly #limitMs: number;

  /** Starts it; no answer may take longer than `limitMs`. */
  constructor(
    { title, command: [file, ...args] }: Contender,
    limitMs: number = 60_000,
  ) {
    this.title = title;
    this.#limitMs = limitMs;
    const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    this.#process = new ChildProcess(title, file, args, { env });
  }

  /**
   * Has it obey a command.
   *
   * @param command What to do.
   * @returns Its answer.
   * @throws {Error} If it fails, or takes too long.
   */
  async ask(command: Command): Promise<Reply> {
    // If it has ended there is no line, and more to tell.
    await this.#process.write(`${JSON.stringify(command)}\n`).catch(() => {});
    const line = await this.#process.readLine(this.#limitMs);
    if (line === null) {
      const { code, stderr } = await this.#process.result();
      // Node's programs have their own text as a name.
      const said = stderr.replaceAll(/data:[\w/;,+=]+/g, "(program)");
      throw new Error(`${this.title} ended with ${code}, and said:\n${said}`);
    }
    const reply: Reply = JSON.parse(line);
    if (reply.error !== undefined) {
      throw new Error(`${this.title}: ${reply.error}`);
    }
    return reply;
  }

  /** Lets it end by itself, so that it can write a profile. */
  async end(): Promise<void> {
    await this.#process.closeStdin();
    await this.#process.result();
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

/** The processes of a workload with one contender, with both ends open. */
export class Ends {
  readonly #server: Agent;
  readonly #client: Agent;
  /** Those whose time counts. */
  readonly #own: readonly Agent[];
  readonly #oneAfterTheOther: boolean;

  private constructor(
    server: Agent,
    client: Agent,
    own: readonly Agent[],
    oneAfterTheOther: boolean,
  ) {
    this.#server = server;
    this.#client = client;
    this.#own = own;
    this.#oneAfterTheOther = oneAfterTheOther;
  }

  /**
   * Opens a row's ends in processes that have been started.
   *
   * @param row The workload.
   * @param contender Whose processes they are.
   * @param own Its process, and if the layout needs it another.
   * @param helper A process of raw Deno, if the layout needs it.
   * @returns The ends.
   */
  static async open(
    row: Row,
    contender: Contender,
    own: readonly Agent[],
    helper?: Agent,
  ): Promise<Ends> {
    const { buffers } = contender;
    const task: Task = { ...plainTask, buffers, ...row.task };
    const [first, second] = own;
    const [server, client] = {
      "one process": [first, first],
      "two processes": [first, second],
      "to a helper": [helper, first],
      "from a helper": [first, helper],
    }[row.layout];
    if (server === undefined || client === undefined) {
      throw new Error(`The row ${row.id} needs another process`);
    }
    if (server === client) {
      await server.ask({ do: "open", task });
    } else {
      const role = (role: Task["role"], port = 0, agent = server) =>
        agent.ask({ do: "open", task: { ...task, role, port } });
      const { port } = await role("server");
      await role("client", port, client);
    }
    const counted = [server, client].filter((agent) => agent !== helper);
    return new Ends(
      server,
      client,
      [...new Set(counted)],
      row.task.kind === "udpSend",
    );
  }

  /**
   * Does `n` units of work.
   *
   * @param n How many.
   * @param thorough Whether every byte is looked at.
   * @returns What it took.
   */
  async run(n: number, thorough: boolean): Promise<Run> {
    const command = { do: "run", n, thorough } as const;
    const before = await this.#cpuMs();
    const replies = new Map<Agent, Reply>();
    if (this.#oneAfterTheOther) {
      replies.set(this.#client, await this.#client.ask(command));
      await this.#server.ask(command);
    } else {
      const agents = new Set([this.#server, this.#client]);
      await Promise.all(
        [...agents].map(async (agent) =>
          replies.set(agent, await agent.ask(command))
        ),
      );
    }
    const cpuMs = await this.#cpuMs() - before;
    // A server has often nothing to do but to go on serving.
    const ms = Math.max(
      ...this.#own.map((agent) => replies.get(agent)?.ms ?? 0),
    );
    const received = replies.get(this.#server)?.received;
    return { n, ms, cpuMs, ...(received !== undefined && { received }) };
  }

  async #cpuMs(): Promise<number> {
    let sum = 0;
    for (const agent of this.#own) {
      sum += (await agent.ask({ do: "cpu" })).cpuMs ?? NaN;
    }
    return sum;
  }

  /**
   * Opens idle connections.
   *
   * @param n How many more.
   * @returns The resident bytes of the client.
   */
  async hold(n: number): Promise<number> {
    await this.#client.ask({ do: "run", n, thorough: false });
    return (await this.#client.ask({ do: "memory" })).bytes ?? NaN;
  }

  /**
   * Ends the wait on all idle connections, and checks what they received.
   *
   * @param n How many there are.
   */
  async wake(n: number): Promise<void> {
    await this.#server.ask({ do: "run", n, thorough: true });
    await this.#client.ask({ do: "finish" });
  }
}

/**
 * Starts the processes that a row needs.
 *
 * @param row The workload.
 * @param contender Whose processes they are.
 * @param raw Raw Deno, for a helper.
 * @returns The processes, to be ended by the caller, and a helper.
 */
export function startAgents(
  row: Row,
  contender: Contender,
  raw: Contender,
): { own: Agent[]; helper: Agent | undefined } {
  const own = [new Agent(contender)];
  if (row.layout === "two processes") own.push(new Agent(contender));
  const needsHelper = row.layout.endsWith("helper");
  return { own, helper: needsHelper ? new Agent(raw) : undefined };
}
