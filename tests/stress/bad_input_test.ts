import { assert, assertEquals, AssertionError } from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import * as select from "@pystd/socket/select";
import * as selectors from "@pystd/socket/selectors";
import { numberArgument } from "../support/arguments.ts";
import type { Outcome } from "../support/outcome.ts";
import { within } from "../support/within.ts";
import type { Call, Param } from "./bad_input/call.ts";
import { fileCalls, notMade } from "./bad_input/file_calls.ts";
import type { Verdict } from "./bad_input/kinds.ts";
import { moduleCalls } from "./bad_input/module_calls.ts";
import { Fixture } from "./bad_input/fixture.ts";
import { selectCalls } from "./bad_input/select_calls.ts";
import { socketCalls } from "./bad_input/socket_calls.ts";
import {
  groups,
  pick,
  randomFrom,
  randomValue,
  Trap,
  type Value,
} from "./bad_input/values.ts";

/** `deno task soak` takes others; `-- --seed=N` runs one of them again. */
const seed = numberArgument("seed", 1);

/** How many calls have several arguments replaced at once. */
const mixedCalls = numberArgument("mixed", 400);

/** The outcome of a call, and whether its error was thrown or rejected with. */
type CallOutcome = Outcome<unknown> & { readonly thrown?: boolean };

async function outcomeOfCall(
  call: Call,
  fixture: Fixture,
  args: readonly unknown[],
): Promise<CallOutcome> {
  let result: unknown;
  try {
    result = call.run(fixture, args);
  } catch (error) {
    return { error, thrown: true };
  }
  assertEquals(
    result instanceof Promise,
    call.waits ?? false,
    "whether there is a promise",
  );
  if (!(result instanceof Promise)) return { value: result };
  try {
    return { value: await within(result, "the call") };
  } catch (error) {
    return { error, thrown: false };
  }
}

function assertAsJudged(
  outcome: CallOutcome,
  verdict: Verdict,
  call: Call,
): void {
  if (!("error" in outcome)) {
    assertEquals(verdict, "fits", "it works");
    return;
  }
  const { error, thrown } = outcome;
  if (thrown && call.waits) throw new AssertionError(`It throws ${error}`);
  if (error instanceof Trap) return;
  const isType = error instanceof TypeError;
  const isValue = error instanceof RangeError ||
    error instanceof socket.OSError;
  if (!isType && !isValue) fail("an error of another kind", error);
  if (verdict === "type" && !isType) fail("no TypeError", error);
  if (verdict === "value" && !isValue) fail("a TypeError", error);
}

/** Only here is a stack written: for each of 30,000 errors that took seconds. */
function fail(what: string, error: unknown): never {
  const shown = error instanceof Error ? error.stack ?? error.message : error;
  throw new AssertionError(`${what}: ${shown}`);
}

/** What has to come of it; undefined if that cannot be told. */
function judge(
  call: Call,
  replaced: ReadonlyMap<number, Value>,
  args: readonly unknown[],
): Verdict | undefined {
  for (const [i, { hostile }] of replaced) {
    // To judge a value that runs code of its own would run that.
    if (hostile) return undefined;
    const isObject = typeof args[i] === "object" && args[i] !== null;
    const endsList = isObject && call.params[i]!.early;
    if (endsList && replaced.size > 1) return undefined;
  }
  const bad = [...replaced.keys()]
    .map((i) => call.params[i]!.kind(args[i]))
    .filter((each) => each !== "fits");
  if (bad.length === 0) return "fits";
  return replaced.size > 1 ? "wrong" : bad[0]!;
}

/** Makes the call with some arguments replaced; how much it has sent. */
async function tryOut(
  call: Call,
  fixture: Fixture,
  replaced: ReadonlyMap<number, Value>,
): Promise<number> {
  const args = call.params.map(({ good }, i) => {
    const value = replaced.get(i);
    return value === undefined ? good(fixture) : value.make();
  });
  const verdict = judge(call, replaced, args);
  const outcome = await outcomeOfCall(call, fixture, args);
  if (verdict !== undefined) assertAsJudged(outcome, verdict, call);
  else if ("error" in outcome) assertAsJudged(outcome, "fits", call);
  fixture.reset();
  if ("error" in outcome) {
    if (verdict !== undefined && verdict !== "fits") {
      await call.assertNoEffect?.(fixture);
    }
    return 0;
  }
  await call.cleanUp?.(outcome.value, fixture);
  if (call.datagrams) return 1;
  return call.sent?.(outcome.value, args) ?? 0;
}

async function tryAndTell(
  call: Call,
  fixture: Fixture,
  replaced: ReadonlyMap<number, Value>,
): Promise<number> {
  try {
    return await tryOut(call, fixture, replaced);
  } catch (error) {
    const what = [...replaced].map(([i, { name }]) => `${i}: ${name}`);
    throw new AssertionError(
      `${titleOf(call)} with ${what.join(", ")} (--seed=${seed}): ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  } finally {
    await fixture.clear();
  }
}

async function checkSent(
  call: Call,
  fixture: Fixture,
  sent: number,
): Promise<void> {
  await fixture.check(call.partial ? undefined : call.datagrams ? 0 : sent);
  if (call.datagrams) await fixture.checkDatagrams(sent);
}

function titleOf({ name, variant }: Call): string {
  const title = name.replace(".constructor", "");
  return variant === undefined ? `${title}()` : `${title}() (${variant})`;
}

/**
 * The values that an argument is replaced by. Where a whole group is of a wrong
 * type, some of it stand for the rest; `deno task soak` takes others.
 */
function valuesFor({ kind }: Param, random: () => number): Value[] {
  const isWrong = ({ hostile, make }: Value) =>
    !hostile && kind(make()) === "type";
  const chosen = groups.flatMap((group) =>
    group.every(isWrong)
      ? Array.from({ length: 3 }, () => pick(random, group))
      : group
  );
  return [...chosen, ...Array.from({ length: 3 }, () => randomValue(random))];
}

const calls = [...socketCalls, ...fileCalls, ...moduleCalls, ...selectCalls];

/** Names may be looked up on the network where that is granted. */
const isOpen = Deno.permissions.querySync({ name: "net" }).state === "granted";
const why = isOpen ? " (skipped: every host is granted)" : "";

const given = calls.filter(({ params }) => params.length > 0);

for (const [group, members] of Map.groupBy(given, ({ name }) => name)) {
  const title = group.replace(".constructor", "");
  Deno.test({
    name: `${title}() rejects arguments of the wrong type or range${why}`,
    ignore: isOpen,
    fn: async () => {
      await using fixture = await Fixture.make();
      const random = randomFrom(seed);
      const failures: unknown[] = [];
      for (const call of members) {
        let sent = 0;
        for (const i of call.params.keys()) {
          for (const value of valuesFor(call.params[i]!, random)) {
            try {
              sent += await tryAndTell(call, fixture, new Map([[i, value]]));
            } catch (error) {
              failures.push(error);
            }
          }
        }
        if (failures.length === 0) await checkSent(call, fixture, sent);
      }
      assertEquals(failures.map(String), []);
    },
  });
}

Deno.test("calls without arguments work, or fail as calls do", async () => {
  await using fixture = await Fixture.make();
  for (const call of calls.filter(({ params }) => params.length === 0)) {
    await tryAndTell(call, fixture, new Map());
  }
  await fixture.check(0);
});

Deno.test({
  name: `calls reject mixtures of wrong arguments${why}`,
  ignore: isOpen,
  fn: async () => {
    await using fixture = await Fixture.make();
    const random = randomFrom(seed);
    // With nothing in its lists, select() sleeps as long as it is told.
    const mixable = given.filter(({ name, params }) =>
      params.length > 1 && name !== "select"
    );
    for (let n = 0; n < mixedCalls; n++) {
      const call = pick(random, mixable);
      const replaced = new Map(
        call.params.flatMap((_, i): [number, Value][] =>
          random() < 0.5 ? [[i, randomValue(random)]] : []
        ),
      );
      await checkSent(call, fixture, await tryAndTell(call, fixture, replaced));
    }
  },
});

/** What a class has besides accessors, by the names that calls have. */
function methodsOf(Class: { name: string; prototype: object }): string[] {
  const { name, prototype } = Class;
  const all = Object.entries(Object.getOwnPropertyDescriptors(prototype));
  const symbols = Object.getOwnPropertySymbols(prototype).map((symbol) =>
    [symbol, Object.getOwnPropertyDescriptor(prototype, symbol)!] as const
  );
  return [...all, ...symbols]
    .filter(([, { value }]) => typeof value === "function")
    .map(([key]) => `${name}.${String(key)}`);
}

Deno.test("every public function and method is called with bad arguments", () => {
  const wanted = new Set<string>();
  const modules = [socket, errno, select, selectors];
  for (const each of modules.flatMap((module) => Object.values(module))) {
    if (typeof each !== "function") continue;
    const isClass = /^class\b/.test(Function.prototype.toString.call(each));
    const found = each as unknown as { name: string; prototype: object };
    if (!isClass) wanted.add(found.name);
    else for (const name of methodsOf(found)) wanted.add(name);
  }
  using selector = new selectors.DefaultSelector();
  const { constructor } = Object.getPrototypeOf(selector.get_map());
  for (const name of methodsOf(constructor)) wanted.add(name);
  // Objects that only the module makes.
  for (const name of [...notMade, "BaseSelector", "SelectorMapping"]) {
    assert(wanted.delete(`${name}.constructor`), name);
  }
  assertEquals(
    [...new Set(calls.map(({ name }) => name))].sort(),
    [...wanted].sort(),
  );
});
