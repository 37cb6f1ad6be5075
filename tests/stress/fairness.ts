/**
 * Floods of all kinds, several at once, beside timers and a client. Nothing is
 * judged by a clock: calls and bytes are counted between two turns of the event
 * loop, and turns until a timer that is due fires and until the client is
 * answered.
 */

import { assertEquals, assertLess } from "@std/assert";
import * as socket from "@pystd/socket";
import { startDeno } from "../support/child.ts";
import { TurnCounter } from "../support/event_loop.ts";
import { listener } from "../support/pair.ts";
import type { ChildProcess } from "../support/process.ts";
import { within } from "../support/within.ts";
import { type Flood, floods, Scene } from "./fairness_floods.ts";
import type { Part } from "./part.ts";
import { Random } from "./random.ts";

/** How many calls each loop of a round makes at least, and the client. */
const CALLS = 100;
const QUESTIONS = 20;

/**
 * How much may happen between two turns. Calls are answered at once 256 times,
 * and move 1 MiB; those that the runtime settles count besides.
 */
const MOST_CALLS = 1024;
const MOST_BYTES = 4 << 20;

/**
 * In how many turns a timer that is due has fired, and a client its answer. The
 * runtime polls its reactor every 61 turns or so, and looks at its timers there.
 */
const TIMER_TURNS = 5000;
const ANSWER_TURNS = 5000;

/** What happens beside the floods, for `await using`. */
class Bystanders implements AsyncDisposable {
  readonly calls: TurnCounter = new TurnCounter();
  readonly bytes: TurnCounter = new TurnCounter();
  /** The most turns that a timer that was due, and an answer, took. */
  timerTurns = 0;
  answerTurns = 0;
  answers = 0;
  timers = 0;
  readonly #ended: Promise<unknown>;
  #stopped = false;

  constructor() {
    this.#ended = Promise.all([this.#watchTimers(), this.#ask()]);
    // A round that has failed looks at it only at its end.
    this.#ended.catch(() => {});
  }

  async #watchTimers(): Promise<void> {
    while (!this.#stopped) {
      const dueMs = performance.now() + 1;
      let fired = false;
      let turns = 0;
      // Of the turns only those count that begin when it is due.
      const count = () => {
        if (fired) return;
        if (performance.now() > dueMs) turns++;
        setImmediate(count);
      };
      count();
      await new Promise((resolve) => setTimeout(resolve, 1));
      fired = true;
      this.timers++;
      this.timerTurns = Math.max(this.timerTurns, turns);
    }
  }

  /** Asks a server of this process. */
  async #ask(): Promise<void> {
    await using server = listener();
    const [client, [conn]] = await within(Promise.all([
      socket.create_connection(server.getsockname()),
      server.accept(),
    ]));
    const answering = (async () => {
      for (let data; (data = await conn.recv(10)).length > 0;) {
        await conn.sendall(data);
      }
      conn.close();
    })();
    while (!this.#stopped) {
      const before = this.calls.turns;
      const question = new Uint8Array([this.answers % 256]);
      await client.sendall(question);
      assertEquals(await client.recv(10), question);
      this.answers++;
      this.answerTurns = Math.max(
        this.answerTurns,
        this.calls.turns - before,
      );
    }
    client.close();
    await answering;
  }

  /** Waits for all to end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await within(this.#ended, "the client and the timers");
    this.calls[Symbol.dispose]();
    this.bytes[Symbol.dispose]();
  }
}

/** Runs some floods at once, until each has made its calls. */
async function runTogether(
  some: readonly Flood[],
  random: Random,
  peers: ChildProcess,
): Promise<Bystanders> {
  await using scene = new Scene(random, peers);
  const calls: [string, () => Promise<number>][] = [];
  for (const { name, open } of some) calls.push([name, await open(scene)]);
  await using bystanders = new Bystanders();
  const made = calls.map(() => 0);
  let failed = false;
  const isDone = () =>
    failed || bystanders.answers >= QUESTIONS && bystanders.timers > 0 &&
      made.every((n) => n >= CALLS);
  let largest = 0;
  await within(
    Promise.all(calls.map(async ([name, call], i) => {
      try {
        while (!isDone()) {
          const n = await call();
          made[i]!++;
          largest = Math.max(largest, n);
          bystanders.calls.add(1);
          bystanders.bytes.add(n);
        }
      } catch (error) {
        failed = true;
        throw new Error(`${name} failed`, { cause: error });
      }
    })),
    `${CALLS} calls of each of ${calls.map(([name]) => name).join(", ")}`,
    300_000,
  );
  const { answerTurns, timerTurns } = bystanders;
  assertLess(bystanders.calls.most, MOST_CALLS, "calls between two turns");
  const mostBytes = MOST_BYTES + 2 * calls.length * largest;
  assertLess(bystanders.bytes.most, mostBytes, "bytes between two turns");
  assertLess(timerTurns, TIMER_TURNS, "turns until a timer fires");
  assertLess(answerTurns, ANSWER_TURNS, "turns until an answer");
  return bystanders;
}

export const fairness: Part = {
  name: "fairness",
  async run(seed, log, size = 30) {
    await using peers = startDeno({
      file: "tests/stress/fairness_peers.ts",
      permissions: ["--allow-net=127.0.0.1"],
      unstable: true,
    });
    const most = { calls: 0, bytes: 0, timer: 0, answer: 0 };
    const times = new Map(floods.map(({ name }) => [name, 0]));
    for (let own = seed; own < seed + size; own++) {
      const random = new Random(own);
      const some = Array.from(
        { length: 1 + random.below(4) },
        () => random.pick(floods),
      );
      const names = some.map(({ name }) => name).join(", ");
      try {
        const found = await runTogether(some, random, peers);
        most.calls = Math.max(most.calls, found.calls.most);
        most.bytes = Math.max(most.bytes, found.bytes.most);
        most.timer = Math.max(most.timer, found.timerTurns);
        most.answer = Math.max(most.answer, found.answerTurns);
      } catch (error) {
        log(`${names}: fails with --seed ${own} --sequences 1`);
        throw error;
      }
      for (const { name } of some) times.set(name, times.get(name)! + 1);
    }
    const never = [...times].filter(([, n]) => n === 0).map(([name]) => name);
    log(`${size} rounds of ${floods.length} kinds`);
    if (never.length > 0) log(`not among them: ${never.join(", ")}`);
    log(`at most ${most.calls} calls and ${most.bytes} bytes between turns`);
    log(`a timer after ${most.timer} turns, an answer after ${most.answer}`);
  },
};
