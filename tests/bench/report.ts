import type { ContenderId } from "./contenders.ts";
import {
  lossOf,
  type Measured,
  perCpuSecond,
  perWallSecond,
  type Rate,
} from "./measure.ts";
import type { MemoryFigures } from "./memory.ts";
import type { StartupFigures } from "./startup.ts";
import { ratioOf, type Spread, spreadOf } from "./statistics.ts";

/** Lines of a table whose cells are text. */
export interface Table {
  head: readonly string[];
  lines: readonly (readonly string[])[];
}

/** All that was measured. */
export interface Figures {
  rows: readonly Measured[];
  growth: readonly Measured[];
  memory: readonly MemoryFigures[];
  startup: readonly StartupFigures[];
}

/** How much more datagrams than raw's may be lost: what floods leave to luck. */
const LOSS_MARGIN = 0.02;
/** How much faster than raw's the cost may seem to grow. */
const GROWTH_MARGIN = 1.05;
const MEMORY_FLOOR = 12 * 1024;
const MEMORY_AIM = 8 * 1024;
const STARTUP_FLOOR_MS = 5;
const STARTUP_AIM_MS = 2;

const others: readonly [ContenderId, string][] = [
  ["fresh", "raw, fresh buffers"],
  ["byHand", "raw, split by hand"],
  ["denoNode", "`node:` in Deno"],
  ["node", "Node"],
  ["python", "CPython"],
  ["asyncio", "asyncio"],
];
/** Those that ours must not be behind where raw Deno is ahead of them. */
const rivals: readonly ContenderId[] = ["denoNode", "node", "asyncio"];

/**
 * How ours does beside raw Deno, with the floors.
 *
 * @param rows What was measured.
 * @returns A table.
 */
export function rawTable(rows: readonly Measured[]): Table {
  return {
    head: [
      "workload",
      "ours per CPU second",
      "ours : raw per CPU second",
      "per wall second",
      "floor",
      "aim",
      "",
    ],
    lines: rows.map((measured) => {
      const { row } = measured;
      if (!has(measured, "ours") || !has(measured, "raw")) {
        return [row.title, "", "", "", "", "", "failed"];
      }
      const rate = spreadOf(ratesOf(measured, "ours", perCpuSecond(row)));
      return [
        row.title,
        `${short(rate.median)} ${row.unit}`,
        range(ratio(measured, "ours", "raw", perCpuSecond(row))),
        range(ratio(measured, "ours", "raw", perWallSecond(row))),
        row.floor?.toFixed(2) ?? "",
        row.aim?.toFixed(2) ?? "",
        verdict(measured),
      ];
    }),
  };
}

/**
 * How ours does beside everything else, per CPU second and per wall second.
 *
 * @param rows What was measured.
 * @returns A table.
 */
export function otherTable(rows: readonly Measured[]): Table {
  return {
    head: ["ours to", ...others.map(([, title]) => title), ""],
    lines: rows.filter((row) => has(row, "ours")).map((measured) => [
      measured.row.title,
      ...others.map(([id]) => {
        if (!has(measured, id)) return "";
        const cpu = ratio(measured, "ours", id, perCpuSecond(measured.row));
        const wall = ratio(measured, "ours", id, perWallSecond(measured.row));
        return `${figure(cpu.median)} / ${figure(wall.median)}`;
      }),
      comparison(measured),
    ]),
  };
}

/** What a connection costs that waits, in KiB. */
export function memoryTable(memory: readonly MemoryFigures[]): Table {
  const ids = ["ours", "raw", "denoNode", "node", "asyncio"];
  const kib = (bytes: number) => (bytes / 1024).toFixed(1);
  return {
    head: [
      "KiB per connection",
      "ours",
      "raw",
      ...others.filter(([id]) => ids.includes(id)).map(([, title]) => title),
      "floor",
      "aim",
      "",
    ],
    lines: memory.map(({ row, connections, perConnection }) => {
      const of = (id: string) =>
        perConnection.find((each) => each.id === id)?.bytes;
      const ours = of("ours")?.median ?? NaN;
      return [
        `${connections.toLocaleString("en")} × ${row.title}`,
        ...ids.map((id) => {
          const bytes = of(id);
          return bytes === undefined ? "" : kib(bytes.median);
        }),
        kib(MEMORY_FLOOR),
        kib(MEMORY_AIM),
        judge(ours <= MEMORY_FLOOR, ours <= MEMORY_AIM),
      ];
    }),
  };
}

/** What an import adds to the start of a program. */
export function startupTable(startup: readonly StartupFigures[]): Table {
  return {
    head: ["start", "CPU ms", "wall ms", "floor", "aim", ""],
    lines: startup.map(({ id, title, cpuMs, wallMs }) => {
      const sign = id === "empty" ? "" : "+";
      const isOurs = id === "ours";
      return [
        title,
        sign + range(cpuMs, 1),
        sign + range(wallMs, 1),
        isOurs ? `+${STARTUP_FLOOR_MS}` : "",
        isOurs ? `+${STARTUP_AIM_MS}` : "",
        isOurs
          ? judge(
            cpuMs.median <= STARTUP_FLOOR_MS,
            cpuMs.median <= STARTUP_AIM_MS,
          )
          : "",
      ];
    }),
  };
}

/** How the cost of a round trip grows with the number of connections. */
export function growthTable(growth: readonly Measured[]): Table {
  const microseconds = (measured: Measured, id: ContenderId) =>
    1e6 / spreadOf(ratesOf(measured, id, perCpuSecond(measured.row))).median;
  const least = growth[0];
  return {
    head: [
      "CPU µs per round trip, two processes",
      "ours",
      "raw",
      "growth of ours",
      "of raw",
      "",
    ],
    lines: growth.map((measured) => {
      const [ours, raw] = (["ours", "raw"] as const).map((id) => ({
        cost: microseconds(measured, id),
        growth: microseconds(measured, id) / microseconds(least!, id),
      }));
      return [
        measured.row.title,
        ours!.cost.toFixed(1),
        raw!.cost.toFixed(1),
        `× ${figure(ours!.growth)}`,
        `× ${figure(raw!.growth)}`,
        ours!.growth <= raw!.growth * GROWTH_MARGIN ? "ok" : "short",
      ];
    }),
  };
}

/**
 * A table in Markdown, which is readable as text too.
 *
 * @param table The table.
 * @returns Its lines.
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

/**
 * All ratios of a row, ours to each other contender's.
 *
 * @param measured What was measured.
 * @returns Them by contender.
 */
export function ratios(
  measured: Measured,
): Record<string, { perCpuSecond: Spread; perWallSecond: Spread }> {
  const { row, series } = measured;
  return Object.fromEntries(
    series.filter(({ id }) => id !== "ours").map(({ id }) => [id, {
      perCpuSecond: ratio(measured, "ours", id, perCpuSecond(row)),
      perWallSecond: ratio(measured, "ours", id, perWallSecond(row)),
    }]),
  );
}

function ratio(
  measured: Measured,
  a: ContenderId,
  b: ContenderId,
  rate: Rate,
): Spread {
  return ratioOf(ratesOf(measured, a, rate), ratesOf(measured, b, rate));
}

function ratesOf(measured: Measured, of: ContenderId, rate: Rate): number[] {
  return measured.series.find(({ id }) => id === of)?.runs.map(rate) ?? [];
}

function has({ series }: Measured, of: ContenderId): boolean {
  return series.some(({ id }) => id === of);
}

function verdict(measured: Measured): string {
  const { row } = measured;
  const { floor, aim = Infinity } = row;
  const { median } = ratio(measured, "ours", "raw", perCpuSecond(row));
  const reasons: string[] = [];
  if (row.likeFresh) {
    const fresh = ratio(measured, "ours", "fresh", perCpuSecond(row)).median;
    if (fresh < 1) reasons.push(`${figure(fresh)} of raw with fresh buffers`);
  }
  if (row.loses) {
    const [ours, raw] = (["ours", "raw"] as const).map((id) =>
      spreadOf(ratesOf(measured, id, lossOf)).median
    );
    const losses = `loses ${percent(ours!)}, raw ${percent(raw!)}`;
    if (ours! > raw! + LOSS_MARGIN) reasons.push(losses);
    else if (floor !== undefined) {
      return `${judge(median >= floor, median >= aim)}; ${losses}`;
    }
  }
  if (floor === undefined) return "";
  if (reasons.length > 0) return `short: ${reasons.join(", ")}`;
  return judge(median >= floor, median >= aim);
}

function judge(reached: boolean, aimed: boolean): string {
  return aimed ? "ok, aim reached" : reached ? "ok" : "short";
}

function comparison(measured: Measured): string {
  const cpu = perCpuSecond(measured.row);
  const behind: string[] = [];
  const rawBehind: string[] = [];
  for (const [id, title] of others) {
    if (!has(measured, id) || id === "fresh" || id === "byHand") continue;
    if (!has(measured, "raw")) continue;
    if (ratio(measured, "raw", id, cpu).median < 1) rawBehind.push(title);
    else if (
      rivals.includes(id) && ratio(measured, "ours", id, cpu).median < 1
    ) behind.push(title);
  }
  return [
    ...behind.map((title) => `short: behind ${title}`),
    ...(rawBehind.length > 0 ? [`raw is behind ${rawBehind.join(", ")}`] : []),
  ].join("; ");
}

function range({ median, least, most }: Spread, digits = 2): string {
  const [a, b, c] = [median, least, most].map((each) => each.toFixed(digits));
  return `${a} (${b} to ${c})`;
}

function figure(value: number): string {
  return value.toFixed(value < 9.95 ? 2 : 1);
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
