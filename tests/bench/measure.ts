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
interface Entrant extends Series {
  own: Agent[];
  helper: Agent | undefined;
  contender: Contender;
  ends?: Ends;
  /** The length of a run. */
  n: number;
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
  await using agents = new AsyncDisposableStack();
  const raw = contenders.find(({ id }) => id === "raw")!;
  let entrants: Entrant[] = contenders.filter(({ id }) =>
    id === "ours" || id === "raw" || row.peers.includes(id)
  ).map((contender) => {
    const { own, helper } = startAgents(row, contender, raw);
    for (const agent of [...own, helper]) if (agent) agents.use(agent);
    const { id, title } = contender;
    return { id, title, runs: [], contender, own, helper, n: 0 };
  });
  const failed: string[] = [];
  const trying = async (entrant: Entrant, attempt: () => Promise<void>) => {
    try {
      await attempt();
    } catch (error) {
      entrants = entrants.filter((each) => each !== entrant);
      failed.push(error instanceof Error ? error.message : String(error));
    }
  };
  for (const entrant of entrants) {
    await trying(entrant, async () => {
      const { contender, own, helper } = entrant;
      entrant.ends = await Ends.open(row, contender, own, helper);
      entrant.n = await warmUp(entrant.ends, row, plan);
    });
  }
  let rounds = plan.rounds;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    // Nobody runs always after the same one.
    const first = round % Math.max(1, entrants.length);
    for (
      const entrant of [...entrants.slice(first), ...entrants.slice(0, first)]
    ) {
      await trying(entrant, async () => {
        entrant.runs.push(await entrant.ends!.run(entrant.n, false));
      });
    }
    const fitting = Math.floor(plan.rowMs / (performance.now() - start));
    rounds = Math.min(rounds, Math.max(3, fitting));
  }
  const ours = entrants.find(({ id }) => id === "ours");
  for (const agent of ours?.own ?? []) await agent.end();
  const series = entrants.map(({ id, title, runs }) => ({ id, title, runs }));
  return { row, series, failed };
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
