import { type ContenderId, titles } from "./contenders.ts";
import type { Measured } from "./measure.ts";
import type { MemoryFigures } from "./memory.ts";
import type { StartupFigures } from "./startup.ts";
import { ratioOf, type Spread, spreadOf } from "./statistics.ts";
import { cpuPerUnit, type Figure, loss, perSecond } from "./turns.ts";

/** A table whose cells are text. */
export interface Table {
  head: readonly string[];
  lines: readonly (readonly string[])[];
}

/** All that was measured. */
export interface Figures {
  rows: readonly Measured[];
  memory: readonly MemoryFigures[];
  startup: readonly StartupFigures[];
}

/** How much more of a flood may be lost: chance decides on so much. */
const LOSS_MARGIN = 0.02;
/** The most milliseconds of CPU time that the import may take. */
const STARTUP_GOAL_MS = 22;

const peers = ["denoNode", "node", "python", "asyncio"] as const;

/**
 * How much of a contender's CPU time this module takes for the same work.
 *
 * @param measured A row's figures.
 * @param of The contender.
 * @param by Instead of this module, another contender.
 * @returns The ratio by round, more than 1 where the contender takes more; null
 * where one of the two is missing.
 */
export function cpuRatio(
  measured: Measured,
  of: ContenderId,
  by: ContenderId = "ours",
): Spread | null {
  const theirs = figuresOf(measured, of, cpuPerUnit);
  const ours = figuresOf(measured, by, cpuPerUnit);
  if (theirs === null || ours === null) return null;
  return ratioOf(theirs, ours);
}

/**
 * This module beside Deno's own sockets, with the goals.
 *
 * @param rows What was measured.
 * @returns A table.
 */
export function denoTable(rows: readonly Measured[]): Table {
  const hasBefore = rows.some((row) => cpuRatio(row, "before") !== null);
  return {
    head: [
      "work",
      "CPU time here",
      "compared with",
      "ratio (quartiles)",
      ...(hasBefore ? ["before"] : []),
      "goal",
      "to one buffer",
      "",
    ],
    lines: rows.map((measured) => {
      const { row } = measured;
      const { like, goal, goalUs } = row;
      const before = cpuRatio(measured, like, "before");
      const one = like === "raw" ? null : cpuRatio(measured, "raw");
      const ours = medianOf(measured, "ours", cpuPerUnit);
      return [
        row.title,
        ours === null ? "" : `${figure(ours)} µs per ${row.unit}`,
        titles[like],
        range(cpuRatio(measured, like)),
        ...(hasBefore ? [before === null ? "" : before.median.toFixed(2)] : []),
        goalUs === undefined ? goal?.toFixed(2) ?? "" : `${goalUs} µs`,
        one === null ? "" : one.median.toFixed(2),
        verdict(measured),
      ];
    }),
  };
}

/**
 * This module beside other programs.
 *
 * @param rows What was measured.
 * @returns A table of ratios, and where `node:net` in Deno takes less CPU time.
 */
export function peerTable(rows: readonly Measured[]): Table {
  return {
    head: ["CPU time of others to this module's", ...names(peers), ""],
    lines: rows.filter(hasPeers).map((measured) => {
      const node = cpuRatio(measured, "denoNode");
      return [
        measured.row.title,
        ...peers.map((id) => {
          const ratio = cpuRatio(measured, id);
          return ratio === null ? "" : ratio.median.toFixed(2);
        }),
        node !== null && node.median < 1 ? `behind ${titles.denoNode}` : "",
      ];
    }),
  };
}

/**
 * What a user sees: the work done in a second on the clock.
 *
 * @param rows What was measured.
 * @returns A table.
 */
export function rateTable(rows: readonly Measured[]): Table {
  const ids = columns(rows, [
    "ours",
    "before",
    "own",
    "raw",
    "byHand",
    ...peers,
  ]);
  return {
    head: ["a second on the clock", ...names(ids)],
    lines: rows.map((measured) => {
      const { title, unit, rate = { unit: `${unit}s`, perUnit: 1 } } =
        measured.row;
      return [
        `${title}: ${rate.unit}`,
        ...ids.map((id) => {
          const median = medianOf(measured, id, perSecond);
          return median === null ? "" : short(median * rate.perUnit);
        }),
      ];
    }),
  };
}

/**
 * How much was lost where nothing holds a sender back.
 *
 * @param rows What was measured.
 * @returns A table of the rows in which something may be lost.
 */
export function lossTable(rows: readonly Measured[]): Table {
  const lossy = rows.filter(({ row }) => row.loses);
  const ids = columns(lossy, ["ours", "before", "raw", ...peers]);
  return {
    head: ["lost", ...names(ids)],
    lines: lossy.map((measured) => [
      measured.row.title,
      ...ids.map((id) => {
        const lost = medianOf(measured, id, loss);
        return lost === null ? "" : percent(lost);
      }),
    ]),
  };
}

/**
 * What a connection costs that waits.
 *
 * @param memory What was measured.
 * @returns A table of KiB.
 */
export function memoryTable(memory: readonly MemoryFigures[]): Table {
  const ids =
    (["ours", "before", "raw", "denoNode", "node", "asyncio"] as const)
      .filter((id) => memory.some(({ bytes }) => bytes[id] !== undefined));
  return {
    head: [
      "KiB of a connection",
      ...ids.map((id) =>
        id === "raw" ? "Deno, 1 KiB to read into" : titles[id]
      ),
      "goal",
      "",
    ],
    lines: memory.map(({ row, connections, bytes }) => [
      `${connections.toLocaleString("en")} × ${row.title}`,
      ...ids.map((id) => bytes[id] === undefined ? "" : kib(bytes[id])),
      kib(row.goal),
      bytes.ours === undefined ? "failed" : judge(bytes.ours <= row.goal),
    ]),
  };
}

/**
 * What an import adds to the start of a program.
 *
 * @param startup What was measured.
 * @returns A table.
 */
export function startupTable(startup: readonly StartupFigures[]): Table {
  return {
    head: ["start", "CPU ms (quartiles)", "wall ms (quartiles)", "goal", ""],
    lines: startup.map(({ id, title, cpuMs, wallMs }) => {
      const sign = id === "empty" ? "" : "+";
      const isOurs = id === "ours";
      return [
        title,
        sign + range(cpuMs, 1),
        sign + range(wallMs, 1),
        isOurs ? `+${STARTUP_GOAL_MS}` : "",
        isOurs ? judge(cpuMs.median <= STARTUP_GOAL_MS) : "",
      ];
    }),
  };
}

/**
 * The sentence of the front page: what a server answers in a second.
 *
 * @param rows What was measured.
 * @returns The sentence; null where the server was not measured.
 */
export function httpSentence(rows: readonly Measured[]): string | null {
  const measured = rows.find(({ row }) => row.id === "http");
  if (measured === undefined) return null;
  const of = (id: ContenderId, name: string) => {
    const rate = medianOf(measured, id, perSecond);
    return rate === null ? [] : [`${short(rate)} with ${name}`];
  };
  const [ours, ...others] = [
    ...of("ours", "this module"),
    ...of("raw", "`Deno.listen` itself"),
    ...of("denoNode", titles.denoNode),
    ...of("asyncio", "Python's asyncio"),
  ];
  if (ours === undefined || others.length === 0) return null;
  const list = others.length === 1
    ? others[0]
    : `${others.slice(0, -1).join(", ")} and ${others.at(-1)}`;
  return `An HTTP server with ${measured.row.task.connections} keep-alive ` +
    `connections answers ${
      ours.replace(" with", " requests a second with")
    }, ${list}.`;
}

/**
 * A table in Markdown, which is readable as text too.
 *
 * @param table The table.
 * @returns Its text.
 */
export function toMarkdown({ head, lines }: Table): string {
  const widths = head.map((cell, column) =>
    Math.max(1, cell.length, ...lines.map((line) => line[column]!.length))
  );
  const toLine = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...lines].map(toLine).join("\n");
}

function figuresOf(
  { series }: Measured,
  of: ContenderId,
  figure: Figure,
): number[] | null {
  return series.find(({ id }) => id === of)?.turns.map(figure) ?? null;
}

function medianOf(
  measured: Measured,
  of: ContenderId,
  figure: Figure,
): number | null {
  const figures = figuresOf(measured, of, figure);
  return figures === null ? null : spreadOf(figures).median;
}

function hasPeers({ series }: Measured): boolean {
  return series.some(({ id }) => peers.some((peer) => peer === id));
}

function columns(
  rows: readonly Measured[],
  ids: readonly ContenderId[],
): ContenderId[] {
  return ids.filter((id) =>
    rows.some(({ series }) => series.some((each) => each.id === id))
  );
}

function names(ids: readonly ContenderId[]): string[] {
  return ids.map((id) => titles[id]);
}

function verdict(measured: Measured): string {
  const { like, goal, goalUs, loses } = measured.row;
  const ratio = cpuRatio(measured, like);
  if (ratio === null) return "failed";
  const reached: boolean[] = [];
  if (goal !== undefined) reached.push(ratio.median >= goal);
  if (goalUs !== undefined) {
    reached.push(medianOf(measured, "ours", cpuPerUnit)! <= goalUs);
  }
  if (loses) {
    const most = medianOf(measured, like, loss)! + LOSS_MARGIN;
    if (medianOf(measured, "ours", loss)! > most) return "short: loses more";
  }
  return reached.length === 0 ? "" : judge(reached.every(Boolean));
}

function judge(reached: boolean): string {
  return reached ? "reached" : "short";
}

function range(spread: Spread | null, digits = 2): string {
  if (spread === null) return "";
  const { median, lower, upper } = spread;
  const [a, b, c] = [median, lower, upper].map((each) => each.toFixed(digits));
  return `${a} (${b} to ${c})`;
}

function figure(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(1);
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
