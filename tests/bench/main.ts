/**
 * Measures this module beside Deno's own sockets, Node.js and CPython. The
 * README.md beside this file has the method and the figures.
 *
 *     deno task bench [--full] [--only PATTERN] [--module FOLDER]
 *                     [--before FOLDER] [--json FILE] [--write]
 *                     [--cpu-prof FOLDER]
 */

import os from "node:os";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { findHosts, versions } from "./contenders.ts";
import { measure, type Measured } from "./measure.ts";
import { measureMemory } from "./memory.ts";
import { checkPages, writePages } from "./pages.ts";
import {
  denoTable,
  type Figures,
  lossTable,
  memoryTable,
  peerTable,
  rateTable,
  startupTable,
  type Table,
  toMarkdown,
} from "./report.ts";
import { idleRows, rows } from "./rows.ts";
import { measureStartup } from "./startup.ts";
import type { Plan } from "./turns.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    full: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    module: { type: "string", default: "." },
    before: { type: "string" },
    json: { type: "string" },
    write: { type: "boolean", default: false },
    "cpu-prof": { type: "string" },
  },
});

const plan: Plan = options.full
  ? { warmUps: 2, rounds: 15, turnMs: 250 }
  : { warmUps: 2, rounds: 11, turnMs: 120 };
const IDLE_CONNECTIONS = 5000;
const STARTS = 15;
/** Files that a process needs beside its connections. */
const SPARE_FILES = 200;

const chosen = new RegExp(options.only);
const notes: string[] = [];
// Errors of these options must not come after the measurements.
if (options.write) {
  if (options.only !== "") {
    throw new Error("Cannot write: --only leaves rows out");
  }
  await checkPages();
}
if (options.json !== undefined) await Deno.writeTextFile(options.json, "");
const start = {
  module: entryOf(options.module),
  before: options.before === undefined ? undefined : entryOf(options.before),
  peers: options.full,
  profileTo: options["cpu-prof"],
};
/** How busy the machine was at the start, and after each row. */
const loads = [os.loadavg()[0]!];

const figures: Figures = {
  rows: await rowFigures(),
  memory: await memoryFigures(),
  startup: await startupFigures(),
};
for (const { row, failed } of [...figures.rows, ...figures.memory]) {
  for (const reason of failed) {
    // The page must not name folders of the machine.
    const short = reason.replaceAll(/file:\/\/\S*\//g, "")
      .replaceAll(/\s+/g, " ").slice(0, 300);
    notes.push(`${row.title}: ${short}`);
    Deno.exitCode = 1;
  }
}

const report = await toReport();
console.log(report);
if (options.json !== undefined) {
  const content = { date: new Date(), loads, plan, ...figures, notes };
  await Deno.writeTextFile(options.json, JSON.stringify(content, null, 1));
}
if (options.write) await writePages(report, figures);

function entryOf(folder: string): URL {
  return new URL("mod.ts", `${pathToFileURL(folder)}/`);
}

async function rowFigures(): Promise<Measured[]> {
  const { hosts, missing } = await findHosts(start);
  notes.push(...missing);
  const measured: Measured[] = [];
  for (const row of rows.filter(({ id }) => chosen.test(id))) {
    measured.push(await timed(row.title, () => measure(row, hosts, plan)));
  }
  return measured;
}

async function memoryFigures(): Promise<Figures["memory"]> {
  const connections = Math.min(
    IDLE_CONNECTIONS,
    await openFiles() - SPARE_FILES,
  );
  const { hosts } = await findHosts({ ...start, collect: true });
  const memory: Figures["memory"][number][] = [];
  for (const row of idleRows.filter(({ id }) => chosen.test(id))) {
    const act = () => measureMemory(row, hosts, connections);
    memory.push(await timed(row.title, act));
  }
  return memory;
}

async function startupFigures(): Promise<Figures["startup"]> {
  if (!chosen.test("import")) return [];
  const { module, before } = start;
  return await timed("import", () => measureStartup(module, before, STARTS));
}

/** Shows how far the program is, which is not part of the report. */
async function timed<T>(title: string, act: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await act();
  const seconds = (performance.now() - start) / 1000;
  loads.push(os.loadavg()[0]!);
  console.error(`${seconds.toFixed(1).padStart(5)} s  ${title}`);
  return result;
}

/** How many files a process may have open. */
async function openFiles(): Promise<number> {
  if (Deno.build.os === "windows") return Infinity;
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "ulimit -n"],
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  return text === "unlimited" ? Infinity : Number(text);
}

async function toReport(): Promise<string> {
  const { rows, memory, startup } = figures;
  const tables = [
    denoTable(rows),
    peerTable(rows),
    rateTable(rows),
    lossTable(rows),
    memoryTable(memory),
    startupTable(startup),
  ].filter(({ lines }: Table) => lines.length > 0);
  const cpus = os.cpus();
  const about = [
    new Date().toISOString().slice(0, 10),
    options.full ? "full run" : "short run",
    Deno.build.target,
    `${cpus.length} × ${cpus[0]?.model.trim()}`,
    ...await versions(),
    `load average ${loads[0]!.toFixed(1)} before the run, ` +
    `at most ${Math.max(...loads).toFixed(1)} in it`,
  ];
  return [
    `${about.join(", ")}.`,
    ...tables.map(toMarkdown),
    ...(notes.length > 0 ? [notes.map((note) => `- ${note}`).join("\n")] : []),
  ].join("\n\n");
}
