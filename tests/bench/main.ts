/**
 * Measures this module beside raw Deno, Node and CPython.
 *
 *     deno task bench [--full] [--only PATTERN] [--json FILE] [--readme]
 *                     [--cpu-prof FOLDER]
 *
 * By default it takes about a minute; `--full` takes several and gives narrower
 * ranges. `--readme` writes the tables and the chart of the README, `--only`
 * chooses rows by a regular expression for their names, `--cpu-prof` writes
 * profiles of this module's processes.
 */

import { parseArgs } from "node:util";
import os from "node:os";
import { drawChart } from "./chart.ts";
import { findContenders, versions } from "./contenders.ts";
import { measure, type Measured, type Plan } from "./measure.ts";
import { measureMemory } from "./memory.ts";
import {
  type Figures,
  growthTable,
  memoryTable,
  otherTable,
  ratios,
  rawTable,
  startupTable,
  toMarkdown,
} from "./report.ts";
import { growthRow, idleRow, type Row, rows } from "./rows.ts";
import { measureStartup } from "./startup.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    full: { type: "boolean", default: false },
    readme: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    json: { type: "string" },
    "cpu-prof": { type: "string" },
  },
});

// Other work on the machine comes and goes within seconds, so many short rounds
// give a steadier median than few long ones.
const plan: Plan & {
  memoryRounds: number;
  startRounds: number;
  starts: number;
} = options.full
  ? {
    rounds: 31,
    runMs: 60,
    warmUpMs: 2000,
    rowMs: 40_000,
    memoryRounds: 3,
    startRounds: 11,
    starts: 10,
  }
  : {
    rounds: 15,
    runMs: 20,
    warmUpMs: 400,
    rowMs: 3000,
    memoryRounds: 1,
    startRounds: 5,
    starts: 5,
  };

/** Files that a process needs beside its connections. */
const SPARE_FILES = 200;
const IDLE_CONNECTIONS = 5000;
const GROWTH = options.full ? [10, 100, 1000, 10_000] : [10, 100, 1000];
/** Longer than the measurement. */
const IDLE_TIMEOUT = 600;

const readme = new URL("../../README.md", import.meta.url);
const markers = ["<!-- bench -->", "<!-- /bench -->"] as const;

const legend =
  "Each figure is the median of several rounds, in which all take turns, with " +
  "its range. Ratios above 1 mean that ours does more. CPU seconds are user and system time of both " +
  "ends; of one where UDP goes one way. Pairs are per CPU second / per wall " +
  "second.";

const notes: string[] = [];
const chosen = new RegExp(options.only);
// Better now than after the measurements.
if (options.readme) await readmeParts();
if (options.json !== undefined) await Deno.writeTextFile(options.json, "");
const most = await openFiles() - SPARE_FILES;

const { contenders, missing } = await findContenders({
  profileTo: options["cpu-prof"],
});
notes.push(...missing);

const figures: Figures = {
  rows: await measureAll(rows),
  growth: await measureAll(growthSizes().map(growthRow)),
  memory: await memoryFigures(),
  startup: await startupFigures(),
};
for (
  const { row, failed } of [
    ...figures.rows,
    ...figures.growth,
    ...figures.memory,
  ]
) {
  for (const each of failed) {
    notes.push(`${row.title}: ${each.replaceAll(/\s+/g, " ").slice(0, 300)}`);
  }
  if (failed.length > 0) Deno.exitCode = 1;
}

const report = await toReport();
console.log(report);
if (options.json !== undefined) {
  const content = {
    date: new Date().toISOString(),
    processors: processors(),
    versions: await versions(),
    plan,
    ...figures,
    rows: figures.rows.map((row) => ({ ...row, ratios: ratios(row) })),
    notes,
  };
  await Deno.writeTextFile(
    options.json,
    `${JSON.stringify(content, null, 2)}\n`,
  );
}
if (options.readme) {
  const [before, after] = await readmeParts();
  await Deno.writeTextFile(
    readme,
    `${before}${markers[0]}\n\n${report}\n\n${markers[1]}${after}`,
  );
  const bars = figures.rows.flatMap((measured) => {
    const ratio = ratios(measured)["raw"]?.perCpuSecond.median;
    return ratio === undefined ? [] : [{ title: measured.row.title, ratio }];
  });
  for (const theme of ["light", "dark"] as const) {
    const file = new URL(`../../.github/bench-${theme}.svg`, import.meta.url);
    await Deno.writeTextFile(file, drawChart(bars, theme));
  }
}

async function measureAll(all: readonly Row[]): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const row of choose(all)) {
    measured.push(
      await timed(row.title, () => measure(row, contenders, plan)),
    );
  }
  return measured;
}

/** The rows that are asked for, with the contenders that are. */
function choose(all: readonly Row[]): Row[] {
  return all
    .filter(({ id, onlyFull }) =>
      chosen.test(id) && (options.full || !onlyFull)
    )
    .map((row) =>
      options.full
        ? { ...row, peers: [...row.peers, ...row.slowPeers ?? []] }
        : row
    );
}

/** Shows what is going on, which is not part of the report. */
async function timed<T>(what: string, act: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await act();
  const seconds = (performance.now() - start) / 1000;
  console.error(`${seconds.toFixed(1).padStart(5)} s  ${what}`);
  return result;
}

/** Numbers of connections up to what this system lets a process open. */
function growthSizes(): number[] {
  const sizes = GROWTH.filter((size) => size <= most);
  const largest = GROWTH.at(-1)!;
  if (most >= largest) return sizes;
  notes.push(limited(largest, most));
  return [...sizes, most];
}

async function memoryFigures(): Promise<Figures["memory"]> {
  const all = [idleRow(null), idleRow(IDLE_TIMEOUT)];
  const connections = Math.min(IDLE_CONNECTIONS, most);
  const found: Figures["memory"][number][] = [];
  const { contenders } = await findContenders({ collect: true });
  for (const row of choose(all)) {
    found.push(
      await timed(
        row.title,
        () => measureMemory(row, contenders, connections, plan.memoryRounds),
      ),
    );
  }
  if (connections < IDLE_CONNECTIONS && found.length > 0) {
    notes.push(limited(IDLE_CONNECTIONS, connections));
  }
  return found;
}

async function startupFigures(): Promise<Figures["startup"]> {
  if (!chosen.test("import")) return [];
  return await timed(
    "import",
    () => measureStartup(plan.startRounds, plan.starts),
  );
}

function limited(wanted: number, possible: number): string {
  return `${possible} connections instead of ${wanted}: a process may open ` +
    `${most + SPARE_FILES} files here (ulimit -n)`;
}

async function openFiles(): Promise<number> {
  if (Deno.build.os === "windows") return Infinity;
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "ulimit -n"],
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  return text === "unlimited" ? Infinity : Number(text);
}

function processors(): string {
  const cpus = os.cpus();
  return `${cpus.length} × ${cpus[0]?.model}`;
}

async function toReport(): Promise<string> {
  const { rows, growth, memory, startup } = figures;
  const tables = [
    rows.length > 0 && toMarkdown(rawTable(rows)),
    rows.length > 0 && toMarkdown(otherTable(rows)),
    growth.length > 0 && toMarkdown(growthTable(growth)),
    memory.length > 0 && toMarkdown(memoryTable(memory)),
    startup.length > 0 && toMarkdown(startupTable(startup)),
  ].filter((table) => table !== false);
  const date = new Date().toISOString().slice(0, 10);
  const kind = options.full ? "full run" : "short run";
  return [
    `${date}, ${kind}, ${Deno.build.target}, ${processors()}; ` +
    `${(await versions()).join(", ")}.`,
    legend,
    ...tables,
    ...(notes.length > 0 ? [notes.map((note) => `- ${note}`).join("\n")] : []),
  ].join("\n\n");
}

/** What comes before and after the figures in the README. */
async function readmeParts(): Promise<[string, string]> {
  const text = await Deno.readTextFile(readme);
  const [start, end] = markers.map((marker) => text.indexOf(marker));
  if (start! < 0 || end! < start!) {
    throw new Error(
      `Cannot write the README: it needs ${markers.join(" and ")}`,
    );
  }
  return [text.slice(0, start), text.slice(end! + markers[1].length)];
}
