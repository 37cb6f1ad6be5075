import { assert } from "@std/assert";
import type * as socket from "@pystd/socket";
import {
  type ArrivalProbe,
  type CallTarget,
  cancelAt,
  type Cancellation,
  isCancelled,
  type Timing,
  timings,
} from "../../support/cancel.ts";
import type { Outcome } from "../../support/outcome.ts";
import { within } from "../../support/within.ts";
import type { Random } from "../../stress/random.ts";

/** How often something is let arrive before a call counts as left waiting. */
const ARRIVALS = 500;

/** Lets something arrive until it is what the promise waited for. */
export async function arriveUntil(
  settled: Promise<unknown>,
  arrive: () => Promise<void>,
): Promise<void> {
  let waits = true;
  const done = settled.then(() => {}, () => {}).finally(() => waits = false);
  for (let n = 0;; n++) {
    const turn = Promise.withResolvers<void>();
    const timer = setTimeout(turn.resolve, 0);
    await Promise.race([done, turn.promise]);
    clearTimeout(timer);
    if (!waits) return;
    assert(n < ARRIVALS, "a call is left waiting");
    await arrive();
  }
}

/** The event loop goes on until then, which a timer is too coarse for. */
async function pass(ms: number): Promise<void> {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const beforeIt: Timing = {
  name: "before it is made",
  first: true,
  run: (arrive) => arrive(),
};

const afterIt: Timing = {
  name: "after it has settled",
  run: async (arrive, end, _, settled) => {
    await arriveUntil(settled, arrive);
    end();
  },
};

/** A point in the life of a call at which it may be ended. */
export function pointOf(random: Random): Timing {
  const kind = random.below(10);
  if (kind === 0) return beforeIt;
  if (kind === 1) return afterIt;
  if (kind > 3) return random.pick(timings);
  const [arrival, end] = [random.below(600) / 100, random.below(600) / 100];
  return {
    name:
      `${end} ms after it is made, and its result arrives after ${arrival} ms`,
    run: async (arrive, endIt) => {
      await Promise.all([
        pass(arrival).then(arrive),
        // Without the busy wait that other points have: the timer is early,
        // late or in time.
        pass(end).then(() => end > 4 ? endIt() : undefined),
      ]);
      endIt();
    },
  };
}

/** Who else calls in a round. */
export interface Company {
  /** Whether a call without an end is made before. */
  readonly before: boolean;
  /** Whether a call is made behind it in the same turn. */
  readonly behind: boolean;
}

/** What a call in a round came to. */
export interface Settled<T> {
  readonly role: "before" | "itself" | "behind";
  readonly outcome: Outcome<T>;
}

/** A call, what ends it and when. */
export interface Round<T> {
  readonly target: CallTarget;
  readonly cancellation: Cancellation;
  readonly point: Timing;
  readonly company: Company;
  readonly timeoutS: number;
  readonly call: (options: socket.SignalOption) => Promise<T>;
  /** Lets come what calls wait for. */
  readonly arrive: () => Promise<void>;
}

/** Makes a round's calls and ends one; the outcomes in the order of the calls. */
export async function interrupt<T>(
  round: Round<T>,
  probe: ArrivalProbe,
): Promise<Settled<T>[]> {
  const { target, cancellation, point, company, timeoutS, call, arrive } =
    round;
  const others: [role: "before" | "behind", Promise<Outcome<T>>][] = [];
  const callToo = (role: "before" | "behind") => {
    const outcome = call({}).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    others.push([role, outcome]);
  };
  if (company.before) callToo("before");
  const outcome = await cancelAt(
    target,
    cancellation,
    point,
    probe,
    (options) => {
      const promise = call(options);
      if (company.behind) callToo("behind");
      return promise;
    },
    arrive,
    timeoutS,
  );
  await arriveUntil(Promise.all(others.map(([, each]) => each)), arrive);
  const settled: Settled<T>[] = [];
  for (const [role, each] of others) {
    settled.push({ role, outcome: await within(each) });
  }
  settled.splice(company.before ? 1 : 0, 0, { role: "itself", outcome });
  return settled;
}

/** How many calls had their result, and how many were cancelled before, by what. */
export class Tally {
  readonly #counts = new Map<Cancellation, [results: number, ends: number]>();

  add(cancellation: Cancellation, cancelled: boolean): void {
    const counts = this.#counts.get(cancellation) ?? [0, 0];
    this.#counts.set(cancellation, counts);
    counts[cancelled ? 1 : 0]++;
  }

  /** How many there were. */
  get total(): number {
    return this.#counts.values().reduce((sum, [a, b]) => sum + a + b, 0);
  }

  /** Adds those of another. */
  addAll(other: Tally): void {
    for (const [cancellation, [results, ends]] of other.#counts) {
      const counts = this.#counts.get(cancellation) ?? [0, 0];
      this.#counts.set(cancellation, [counts[0] + results, counts[1] + ends]);
    }
  }

  toString(): string {
    return Array.from(
      this.#counts,
      ([cancellation, [results, ends]]) =>
        `${cancellation} ${ends} of ${results + ends}`,
    ).toSorted().join(", ");
  }
}

/** Throws an error that the call of this role cannot have been ended with. */
export function checkEnd(
  { role }: { readonly role: Settled<unknown>["role"] },
  cancellation: Cancellation,
  error: unknown,
): void {
  // The signal is one call's, the timeout that of those made since.
  const ends = isCancelled(cancellation, error) &&
    (role === "itself" || cancellation === "close" ||
      (role === "behind" && cancellation !== "abort"));
  if (!ends) throw error;
}
