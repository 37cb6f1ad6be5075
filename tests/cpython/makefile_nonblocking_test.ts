import { assert, assertEquals } from "@std/assert";
import {
  hex,
  runHere,
  runInPython,
  type Scenario,
  type Step,
} from "../support/file_scenario.ts";
import { python } from "../support/python.ts";

const unless = python === null ? " (skipped: no python3)" : "";

/** What Python gives where a read would block and the module gives null. */
const blocked: [Scenario, unknown[]][] = ["rb", "rwb", "r"].flatMap((mode) => {
  const nothing = mode === "r" ? "" : { hex: "" };
  const ab = mode === "r" ? "ab" : { hex: "6162" };
  const l1 = mode === "r" ? "l1\n" : { hex: "6c310a" };
  const scenario = (...steps: Step[]): Scenario => ({
    mode,
    steps: [["nonblocking"], ...steps],
  });
  const feed: Step = ["feed", hex("l1\nab")];
  const cases: [Scenario, unknown[]][] = [
    [scenario(["read", 5], feed, ["read", 5], ["read", 5]), [
      null,
      mode === "r" ? "l1\nab" : { hex: "6c310a6162" },
      null,
    ]],
    [scenario(["read"], feed, ["read"], ["read"]), [
      null,
      mode === "r" ? "l1\nab" : { hex: "6c310a6162" },
      null,
    ]],
    [scenario(["read", 0]), [nothing]],
    [scenario(["readline"], feed, ["readline"], ["readline"], ["readline"]), [
      null,
      l1,
      ab,
      null,
    ]],
    [scenario(["readlines"], feed, ["readlines"], ["readlines"]), [
      null,
      [l1, ab],
      null,
    ]],
    [scenario(["lines"], feed, ["lines"], ["lines"]), [[], [l1, ab], []]],
  ];
  if (mode === "r") return cases;
  return [
    ...cases,
    [scenario(["read1"], feed, ["read1"], ["read1", 3]), [
      null,
      { hex: "6c310a6162" },
      null,
    ]],
    [scenario(["peek"], feed, ["peek"], ["read1", 2], ["peek", 1]), [
      null,
      { hex: "6c310a6162" },
      { hex: "6c31" },
      { hex: "0a6162" },
    ]],
    [scenario(["readinto", 4], feed, ["readinto", 4], ["readinto", 4]), [
      [null, ""],
      [4, "6c310a61"],
      [1, "62"],
    ]],
  ] as [Scenario, unknown[]][];
});

Deno.test("makefile() returns the data that is there, or null where it would block", async () => {
  for (const [scenario, expected] of blocked) {
    const name = JSON.stringify(scenario);
    assertEquals(await runHere(scenario), expected, name);
  }
});

Deno.test({
  name:
    `makefile() returns null only where python3 returns nothing or fails${unless}`,
  ignore: python === null || Deno.build.os === "windows",
  fn: async () => {
    const outcomes = await runInPython(blocked.map(([scenario]) => scenario));
    const nothing = [
      '""',
      '{"hex":""}',
      "null",
      "[]",
      '"TypeError"',
      '"OSError"',
    ];
    for (const [i, [scenario, expected]] of blocked.entries()) {
      for (const [j, ours] of expected.entries()) {
        const theirs = outcomes[i]![j];
        const name = `${JSON.stringify(scenario)}: ${JSON.stringify(theirs)}`;
        if (ours === null) {
          assert(nothing.includes(JSON.stringify(theirs)), name);
        } else if (theirs !== "OSError") assertEquals(ours, theirs, name);
      }
    }
  },
});
