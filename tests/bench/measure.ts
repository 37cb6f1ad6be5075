import type { Contender, ContenderId } from "./contenders.ts";
import { type Agent, Ends, type Run, startAgents } from "./ends.ts";
import type { Row } from "./rows.ts";

/** How long everything takes. */
export interface Plan {
  /** Rounds, in each of which every contender runs once. */
  rounds: number;
  /** About how long one run takes. */
  runMs: number;
  /** How long each contender runs before it counts. */
  warmUpMs: number;
  /** How long all rounds of a row may take, unless they are only three. */
  rowMs: number;
}

/** The runs of one contender, by round. */
export interface Series {
  id: ContenderId;
  title: string;
  runs: Run[];
}

/** A row's figures. */
export interface Measured {
  row: Row;
  series: Series[];
  /** Contenders that could not do it, and why. */
  failed: string[];
}

/** A contender that takes part in a row. */
class Entrant implements Series {
  readonly id: ContenderId;
  readonly title: string;
  readonly runs: Run[] = [];
  readonly #row: Row;
  readonly #contender: Contender;
  readonly #own: Agent[];
  readonly #helper: Agent | undefined;
  #ends: Ends | undefined;
  #n = 0;

  constructor(row: Row, contender: Contender, raw: Contender) {
    this.id = contender.id;
    this.title = contender.title;
    this.#row = row;
    this.#contender = contender;
    const { own, helper } = startAgents(row, contender, raw);
    this.#own = own;
    this.#helper = helper;
  }

  async warmUp(plan: Plan): Promise<void> {
    this.#ends = await Ends.open(
      this.#row,
      this.#contender,
      this.#own,
      this.#helper,
    );
    this.#n = await warmUp(this.#ends, this.#row, plan);
  }

  async run(): Promise<void> {
    this.runs.push(await this.#ends!.run(this.#n, false));
  }

  /** Lets its own processes write a profile. */
  async end(): Promise<void> {
    for (const agent of this.#own) await agent.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#own) await agent[Symbol.asyncDispose]();
    await this.#helper?.[Symbol.asyncDispose]();
  }
}

/**
 * Runs a row's contenders in turns. One that fails does not stop the others.
 *
 * @param row The workload.
 * @param contenders All that there are.
 * @param plan How long.
 * @returns What each run took.
 */
export async function measure(
  row: Row,
  contenders: readonly Contender[],
  plan: Plan,
): Promise<Measured> {
  await using processes = new AsyncDisposableStack();
  const raw = contenders.find(({ id }) => id === "raw")!;
  const all = takingPart(row, contenders).map((contender) =>
    processes.use(new Entrant(row, contender, raw))
  );
  let entrants = [...all];
  const failed: string[] = [];
  /** Has every entrant do something, some at a time. */
  const each = async (
    act: (entrant: Entrant) => Promise<void>,
    atOnce: number = 1,
  ) => {
    const waiting = entrants.values();
    const work = async () => {
      for (const entrant of waiting) {
        try {
          await act(entrant);
        } catch (error) {
          entrants = entrants.filter((other) => other !== entrant);
          failed.push(error instanceof Error ? error.message : String(error));
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  };
  // What this takes decides only on the length of the runs.
  await each((entrant) => entrant.warmUp(plan), navigator.hardwareConcurrency);
  let rounds = plan.rounds;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await each((entrant) => entrant.run());
    // Nobody runs always after the same one.
    entrants.push(...entrants.splice(0, 1));
    const fitting = Math.floor(plan.rowMs / (performance.now() - start));
    rounds = Math.min(rounds, Math.max(3, fitting));
  }
  await entrants.find(({ id }) => id === "ours")?.end();
  const series = all.filter((entrant) => entrants.includes(entrant));
  return { row, series, failed };
}

/**
 * The contenders of a row.
 *
 * @param row The row.
 * @param contenders All that there are.
 * @returns Ours, raw and the row's peers, as far as they are there.
 */
export function takingPart(
  row: Row,
  contenders: readonly Contender[],
): Contender[] {
  return contenders.filter(({ id }) =>
    id === "ours" || id === "raw" || row.peers.includes(id)
  );
}

/**
 * Runs until the code is compiled, and finds how long a run must be.
 *
 * @param ends What to run.
 * @param row Its workload.
 * @param plan How long.
 * @returns The length of a run.
 */
async function warmUp(ends: Ends, row: Row, plan: Plan): Promise<number> {
  const { step = 1, most = Infinity } = row;
  const lengthOf = (n: number) =>
    Math.max(step, Math.floor(Math.min(n, most) / step) * step);
  await ends.run(lengthOf(row.warmUp), true);
  let n = row.fixed ?? lengthOf(row.warmUp);
  let spent = 0;
  while (true) {
    const { ms } = await ends.run(n, false);
    spent += ms;
    const enough = spent >= plan.warmUpMs;
    if (row.fixed !== undefined) {
      if (enough) return n;
      continue;
    }
    const wanted = lengthOf(n * plan.runMs / Math.max(ms, 0.01));
    // What a much shorter run took says little about a long one.
    if (enough && wanted <= 3 * n) return wanted;
    n = Math.min(wanted, lengthOf(4 * n));
  }
}

/** Figures of runs, more of which is better. */
export type Rate = (run: Run) => number;

/**
 * What a row counts, per second of processor time.
 *
 * @param row The workload.
 * @returns The rate of a run.
 */
export function perCpuSecond(row: Row): Rate {
  return (run) => amountOf(run, row) / run.cpuMs * 1000;
}

/**
 * What a row counts, per second on the clock.
 *
 * @param row The workload.
 * @returns The rate of a run.
 */
export function perWallSecond(row: Row): Rate {
  return (run) => amountOf(run, row) / run.ms * 1000;
}

/**
 * The part of the datagrams that did not arrive.
 *
 * @param run A run.
 * @returns 0 to 1.
 */
export function lossOf({ n, received = n }: Run): number {
  return 1 - received / n;
}

function amountOf({ n, received = n }: Run, { amount = 1 }: Row): number {
  return received * amount;
}
