import type { ContenderId } from "./contenders.ts";

/** What one turn of a contender took. */
export interface Turn {
  /** Units of work. */
  n: number;
  /** Wall time in milliseconds. */
  ms: number;
  /** CPU time of all threads of the contender's process in milliseconds. */
  cpuMs: number;
  /** Units that arrived, where some may be lost. */
  received?: number;
}

/** Something that takes turns. */
export interface Entrant {
  id: ContenderId;
  /** Entrants of the same process, which have turns of about the same length. */
  group: unknown;
  /** Does `n` units of work. */
  run: (n: number) => Promise<Turn>;
}

/** How long the turns of a row are, in units of work. */
export interface Length {
  /** The first turn, from which the others are worked out. */
  first: number;
  /** A turn's length is a multiple of this. */
  step?: number;
  /** The longest turn. */
  most?: number;
}

/** How long everything takes. */
export interface Plan {
  /** Rounds before those that count: code is compiled in them. */
  warmUps: number;
  /** Rounds that count, in each of which every contender has one turn. */
  rounds: number;
  /** About how much CPU time one turn takes. */
  turnMs: number;
}

/** The turns of one contender, by round. */
export interface Series {
  id: ContenderId;
  turns: Turn[];
}

/** What a row's rounds have given. */
export interface Rounds {
  series: Series[];
  /** Contenders that could not do the work, and why. */
  failed: string[];
}

/** A turn that is shorter than this part of the plan is not long enough. */
const ENOUGH = 0.5;
/** A contender whose turn takes so many times the plan's has shorter ones. */
const TOO_LONG = 4;
/** A turn may be at most this much longer than the one it is worked out from. */
const MOST_GROWTH = 8;
/** Turns of the plan's length in which the code of a program is compiled. */
const COLD_TURNS = 3;

/**
 * Lets contenders take turns. Two things make their ratio steady where the
 * machine is not: what slows one down slows down the others in the same round,
 * and no contender always runs after the same one, since every other round has
 * the opposite order. One that fails does not stop the others.
 *
 * @param entrants The contenders.
 * @param length How long the turns are, in units of work.
 * @param plan How long the turns are in time, and how many there are.
 * @returns The turns by contender.
 */
export async function takeTurns(
  entrants: readonly Entrant[],
  length: Length,
  plan: Plan,
): Promise<Rounds> {
  const failed: string[] = [];
  const turns = new Map<Entrant, Turn[]>(entrants.map((each) => [each, []]));
  const run = async (entrant: Entrant, n: number) => {
    try {
      return await entrant.run(n);
    } catch (error) {
      turns.delete(entrant);
      const reason = error instanceof Error ? error.message : String(error);
      failed.push(`${entrant.id}: ${reason}`);
      return null;
    }
  };
  const groups = new Map<unknown, number>();
  for (const entrant of entrants) {
    if (groups.has(entrant.group)) continue;
    const n = await findLength((n) => run(entrant, n), length, plan.turnMs);
    if (n !== null) groups.set(entrant.group, n);
  }
  const lengths = new Map(
    entrants.map((each) => [each, groups.get(each.group)]),
  );
  for (let round = -plan.warmUps; round < plan.rounds; round++) {
    const order = [...turns.keys()];
    if (round % 2 !== 0) order.reverse();
    for (const entrant of order) {
      const turn = await run(entrant, lengths.get(entrant)!);
      if (turn === null) continue;
      if (round >= 0) turns.get(entrant)!.push(turn);
      else if (turn.cpuMs > plan.turnMs * TOO_LONG) {
        lengths.set(entrant, fitting(turn, length, plan.turnMs));
      }
    }
  }
  const series = [...turns].map(([{ id }, turns]) => ({ id, turns }));
  return { series, failed };
}

/**
 * The length of turns that take about as much CPU time as they are to. Time on
 * the clock would make them short on a busy machine, and a turn in which no
 * garbage is collected says nothing about a stream.
 */
async function findLength(
  run: (n: number) => Promise<Turn | null>,
  length: Length,
  turnMs: number,
): Promise<number | null> {
  let n = allowed(length.first, length);
  let spentMs = 0;
  while (true) {
    const turn = await run(n);
    if (turn === null) return null;
    spentMs += turn.cpuMs;
    const wanted = fitting(turn, length, turnMs);
    const isLong = turn.cpuMs >= turnMs * ENOUGH || wanted <= n;
    if (isLong && spentMs >= turnMs * COLD_TURNS) return wanted;
    n = wanted;
  }
}

/** The length of turns that take as long as they are to, judged by one turn. */
function fitting({ n, cpuMs }: Turn, length: Length, turnMs: number): number {
  const growth = turnMs / Math.max(cpuMs, 0.01);
  return allowed(n * Math.min(growth, MOST_GROWTH), length);
}

/** The longest length that a row allows, at most so long. */
function allowed(n: number, { step = 1, most = Infinity }: Length): number {
  return Math.max(step, Math.floor(Math.min(n, most) / step) * step);
}

/** Figures of turns. */
export type Figure = (turn: Turn) => number;

/** CPU time for each unit that arrived, in microseconds. */
export const cpuPerUnit: Figure = ({ n, cpuMs, received = n }) =>
  cpuMs / received * 1000;

/** Units that arrive in a second on the clock. */
export const perSecond: Figure = ({ n, ms, received = n }) =>
  received / ms * 1000;

/** The part of the units that did not arrive, 0 to 1. */
export const loss: Figure = ({ n, received = n }) => 1 - received / n;
