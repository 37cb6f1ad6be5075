import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Agent } from "../bench/agent.ts";
import { drawChart } from "../bench/chart.ts";
import {
  type ContenderId,
  findHosts,
  type Host,
  load,
} from "../bench/contenders.ts";
import { measure, type Measured, takingPart } from "../bench/measure.ts";
import { measureMemory } from "../bench/memory.ts";
import { checkPages, replaceMarked } from "../bench/pages.ts";
import {
  cpuRatio,
  denoTable,
  httpSentence,
  lossTable,
  peerTable,
  rateTable,
  toMarkdown,
} from "../bench/report.ts";
import { idleRows, type Row, rows } from "../bench/rows.ts";
import { ratioOf, spreadOf } from "../bench/statistics.ts";
import { type Entrant, takeTurns, type Turn } from "../bench/turns.ts";
import { root } from "../support/process.ts";

const module = new URL("mod.ts", root);

Deno.test("spreadOf() returns the median and the quartiles", () => {
  assertEquals(spreadOf([5, 1, 2, 4, 3]), { median: 3, lower: 2, upper: 4 });
  assertEquals(spreadOf([1, 2]), { median: 1.5, lower: 1.25, upper: 1.75 });
  assertEquals(spreadOf([7]), { median: 7, lower: 7, upper: 7 });
});

Deno.test("ratioOf() divides figures of the same round", () => {
  assertEquals(ratioOf([2, 30, 4], [1, 10, 4]).median, 2);
});

/** A contender whose unit takes so many milliseconds, and its turns in order. */
function fakeEntrant(
  id: ContenderId,
  msPerUnit: number,
  order: [ContenderId, number][],
  group: unknown = "one process",
): Entrant {
  const run = (n: number) => {
    order.push([id, n]);
    return Promise.resolve({ n, ms: 1000, cpuMs: n * msPerUnit });
  };
  return { id, group, run };
}

const plan = { warmUps: 2, rounds: 3, turnMs: 100 };

Deno.test("takeTurns() has the opposite order in every other round", async () => {
  const order: [ContenderId, number][] = [];
  const entrants = (["ours", "own", "raw"] as const)
    .map((id) => fakeEntrant(id, 1, order));
  const { series, failed } = await takeTurns(entrants, { first: 100 }, plan);
  assertEquals(failed, []);
  const names = order.map(([id]) => id).join(" ");
  // Before the rounds the first one runs three turns for the code to be compiled.
  assertEquals(
    names,
    "ours ours ours ours own raw raw own ours ours own raw raw own ours " +
      "ours own raw",
  );
  assertEquals(series.map(({ turns }) => turns.length), [3, 3, 3]);
});

Deno.test("takeTurns() finds the length of turns by their CPU time, for each process", async () => {
  const order: [ContenderId, number][] = [];
  const entrants = [
    fakeEntrant("ours", 0.5, order),
    fakeEntrant("own", 1.5, order),
    fakeEntrant("raw", 4, order),
    fakeEntrant("node", 0.05, order, "another process"),
    fakeEntrant("asyncio", 30, order, "a third process"),
  ];
  const { series } = await takeTurns(
    entrants,
    { first: 3, step: 3, most: 600 },
    plan,
  );
  const lengths = series.map(({ turns }) => turns.map(({ n }) => n));
  // 100 ms are 200 units, of which 198 are a multiple of 3; 2,000 are too many.
  assertEquals(lengths, [
    [198, 198, 198],
    [198, 198, 198],
    // Turns of 792 ms would be too long, so this one has 25 units, or 24.
    [24, 24, 24],
    [600, 600, 600],
    [3, 3, 3],
  ]);
});

Deno.test("takeTurns() goes on after a contender has failed", async () => {
  const order: [ContenderId, number][] = [];
  let turns = 0;
  const failing: Entrant = {
    ...fakeEntrant("own", 1, order),
    run: (n) =>
      ++turns < 4
        ? Promise.resolve({ n, ms: 1, cpuMs: 1 })
        : Promise.reject(new Error("No more")),
  };
  const never: Entrant = {
    ...fakeEntrant("node", 1, order, "another process"),
    run: () => Promise.reject(new Error("No node")),
  };
  const ours = fakeEntrant("ours", 1, order);
  const { series, failed } = await takeTurns(
    [ours, failing, never],
    { first: 100 },
    plan,
  );
  assertEquals(series.map(({ id, turns }) => [id, turns.length]), [[
    "ours",
    3,
  ]]);
  assertEquals(failed, ["node: No node", "own: No more"]);
});

/** Figures of a row, given the CPU milliseconds of each contender. */
function fakeRow(
  row: Partial<Row>,
  cpuMs: Partial<Record<ContenderId, number>>,
  received = 100,
): Measured {
  const turn = (cpuMs: number): Turn => ({ n: 100, ms: 50, cpuMs, received });
  const series = (Object.keys(cpuMs) as ContenderId[])
    .map((id) => ({ id, turns: [turn(cpuMs[id]!)] }));
  return { row: { ...rows[0]!, ...row }, series, failed: [] };
}

Deno.test("cpuRatio() is more than 1 where the other takes more CPU time", () => {
  const measured = fakeRow({}, { ours: 2, before: 5, own: 3 });
  assertEquals(cpuRatio(measured, "own")?.median, 1.5);
  assertEquals(cpuRatio(measured, "own", "before")?.median, 0.6);
  assertEquals(cpuRatio(measured, "node"), null);
});

Deno.test("denoTable() judges each row by its goal", () => {
  const lost = fakeRow({ loses: true, goal: 1 }, { ours: 1, own: 2 });
  lost.series[0]!.turns[0]!.received = 50;
  const verdicts = ([
    [fakeRow({ goal: 0.9 }, { ours: 10, own: 9 }), "reached"],
    [fakeRow({ goal: 0.9 }, { ours: 11, own: 9 }), "short"],
    [fakeRow({ goal: 0.9 }, { ours: 11 }), "failed"],
    [fakeRow({ goal: 0.9 }, { own: 11 }), "failed"],
    [{ ...fakeRow({}, { ours: 1, own: 9 }), row: rows.at(-1)! }, ""],
    [fakeRow({ goal: 0, goalUs: 20 }, { ours: 2, own: 1 }), "reached"],
    [fakeRow({ goal: 0, goalUs: 19 }, { ours: 2, own: 1 }), "short"],
    [lost, "short: loses more"],
  ] as const).map(([measured, expected]) => {
    const { lines: [line] } = denoTable([measured]);
    return [line!.at(-1), expected];
  });
  for (const [found, expected] of verdicts) assertEquals(found, expected);
});

Deno.test("denoTable() has a column for a version from before", () => {
  const { head, lines: [line] } = denoTable([
    fakeRow({}, { ours: 2, before: 4, own: 2, raw: 1 }),
  ]);
  assertEquals(line!.length, head.length);
  assertEquals(line![head.indexOf("before")], "0.50");
  assertEquals(line![head.indexOf("to one buffer")], "0.50");
  assert(!denoTable([fakeRow({}, { ours: 2 })]).head.includes("before"));
});

Deno.test("peerTable() says where node:net in Deno takes less", () => {
  const behind = fakeRow({}, { ours: 2, denoNode: 1 });
  const ahead = fakeRow({}, { ours: 2, denoNode: 3, node: 1 });
  const { lines } = peerTable([behind, ahead, fakeRow({}, { ours: 1 })]);
  assertEquals(lines.map((line) => line.at(-1)), [
    "behind `node:net` in Deno",
    "",
  ]);
});

Deno.test("rateTable() and lossTable() count what arrived", () => {
  const measured = fakeRow({ loses: true }, { ours: 2, raw: 1 }, 25);
  assertEquals(rateTable([measured]).lines[0]!.slice(1), ["500", "500"]);
  const rate = { unit: "MB", perUnit: 0.5 };
  const stream = fakeRow({ rate }, { ours: 2 });
  assertEquals(rateTable([stream]).lines[0]!.slice(1), ["1000"]);
  assertEquals(lossTable([measured]).lines[0]!.slice(1), ["75 %", "75 %"]);
});

Deno.test("httpSentence() names all servers that answered", () => {
  const row = rows.find(({ id }) => id === "http")!;
  const cpuMs = { ours: 1, raw: 1, denoNode: 1, asyncio: 1 };
  assertEquals(
    httpSentence([fakeRow(row, cpuMs)]),
    "An HTTP server with 64 keep-alive connections answers 2000 requests a " +
      "second with this module, 2000 with `Deno.listen` itself, 2000 with " +
      "`node:net` in Deno and 2000 with Python's asyncio.",
  );
  assertEquals(httpSentence([fakeRow(row, { ours: 1 })]), null);
  assertEquals(httpSentence([]), null);
});

Deno.test("toMarkdown() makes columns of one width", () => {
  const table = { head: ["a", ""], lines: [["long", "b"]] };
  assertEquals(
    toMarkdown(table),
    "| a    |   |\n| ---- | - |\n| long | b |",
  );
});

Deno.test("replaceMarked() writes between the markers of a page", () => {
  const page = "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n";
  assertEquals(
    replaceMarked(page, "new"),
    "a\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\nb\n",
  );
  assertThrows(() => replaceMarked("a <!-- /bench --> <!-- bench -->", ""));
});

Deno.test("checkPages() finds the place for the figures in both pages", async () => {
  await checkPages();
});

Deno.test("drawChart() draws a bar for each row, on the scale of the longest", () => {
  const bars = [
    { title: "a < b & c", ratio: 2 },
    { title: "half", ratio: 1 },
  ];
  const widths = (["light", "dark"] as const).map((theme) => {
    const svg = drawChart(bars, theme);
    assert(svg.includes(">a &lt; b &amp; c</text>"), svg);
    return [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map((match) =>
      Number(match[1])
    );
  });
  for (const [whole, half] of widths as [number, number][]) {
    assertEquals(half, whole / 2);
  }
});

/** The row with so little work that it takes milliseconds. */
function small(row: Row): { row: Row; n: number } {
  const connections = Math.min(row.task.connections, 20);
  const { step = 1 } = row.length;
  const n = row.task.connections > connections ? 20 : step * connections;
  return { row: { ...row, task: { ...row.task, connections } }, n };
}

const { hosts } = await findHosts({
  module,
  before: module,
  peers: true,
  collect: true,
});

Deno.test("bench measures every row with each program", async (t) => {
  await using peer = new Agent(load, 60_000);
  const datagrams = rows.filter(({ task }) => task.kind === "datagram");
  const others = rows.filter(({ task }) => task.kind !== "datagram");
  for (const host of hosts) {
    await t.step(host.title, async () => {
      await measureEach(others, host, peer);
      // Linux drops datagrams of loopback too, while over 1,000 packets wait for a
      // processor. Nobody sends a lost one again.
      const measureDatagrams = () => measureEach(datagrams, host, peer);
      await measureDatagrams().catch(measureDatagrams);
    });
  }
});

/** Measures rows with a program, and with `peer` as client of servers. */
async function measureEach(
  rows: readonly Row[],
  host: Host,
  peer: Agent,
): Promise<void> {
  await using agent = new Agent(host, 60_000);
  for (const whole of rows) {
    const [part] = takingPart(whole.contenders, [host]);
    const { row: { task }, n } = small(whole);
    for (const contender of part?.ids ?? []) {
      if (task.kind === "http" || task.kind === "flood") {
        const { port } = await agent.ask({ do: "serve", contender, task });
        await peer.ask({
          do: "batch",
          contender: "load",
          task: { ...task, port: port! },
          n,
        });
        const { received } = await agent.ask({ do: "stop" });
        assert(received! <= n, whole.id);
        if (task.kind === "http") assertEquals(received, n);
      } else {
        const reply = await agent.ask({ do: "batch", contender, task, n });
        assert(reply.ms! > 0 && reply.cpuMs! > 0, JSON.stringify(reply));
      }
    }
  }
}

Deno.test("measureMemory() holds connections that all wait", async () => {
  const row = idleRows.find(({ id }) => id === "idle-1024")!;
  const contenders = row.contenders.filter((id) => id !== "before");
  const { bytes, failed } = await measureMemory(
    { ...row, contenders },
    hosts,
    10,
  );
  // Only Linux reports the resident memory of CPython.
  if (Deno.build.os === "linux") assertEquals(failed, []);
  for (const id of ["ours", "raw", "denoNode"] as const) {
    assert(Number.isFinite(bytes[id]), `${id}: ${bytes[id]}`);
  }
});

Deno.test("measure() compares contenders of one process", async () => {
  const row = rows.find(({ id }) => id === "readline")!;
  const { hosts } = await findHosts({ module, peers: false });
  const plan = { warmUps: 1, rounds: 2, turnMs: 5 };
  const measured = await measure(row, hosts, plan);
  assertEquals(measured.failed, []);
  assertEquals(
    measured.series.map(({ id, turns }) => [id, turns.length]),
    [["ours", 2], ["byHand", 2]],
  );
  assert(cpuRatio(measured, "byHand")!.median > 0);
});

Deno.test("measure() reports why a module could not be measured", async () => {
  const { hosts } = await findHosts({
    module: new URL("absent.ts", root),
    peers: false,
  });
  const plan = { warmUps: 1, rounds: 2, turnMs: 5 };
  const { series, failed } = await measure(rows[0]!, hosts, plan);
  assertEquals(series, []);
  assert(failed[0]!.includes("absent.ts"), failed[0]);
});

Deno.test("bench fails a turn in which data is missing", async () => {
  // A module whose recv_into() reports fewer bytes than came.
  const wrong = `data:text/javascript,${
    encodeURIComponent(`
      export * from ${JSON.stringify(module.href)};
      import { Socket } from ${JSON.stringify(module.href)};
      const { recv_into } = Socket.prototype;
      Socket.prototype.recv_into = async function (buffer) {
        const n = await recv_into.call(this, buffer);
        return n > 1 ? n - 1 : n;
      };
    `)
  }`;
  const { hosts: [host] } = await findHosts({ module, peers: false });
  const command = host!.command.map((part) =>
    part === module.href ? wrong : part
  );
  await using agent = new Agent({
    title: "a wrong module",
    command: command as [string, ...string[]],
  });
  const { task } = rows.find(({ id }) => id === "into")!;
  const batch = { do: "batch", task, n: 4 } as const;
  await agent.ask({ ...batch, contender: "raw" });
  await assertRejects(
    () => agent.ask({ ...batch, contender: "ours" }),
    Error,
    `of ${4 * 65536}`,
  );
  await assertRejects(
    () => agent.ask({ ...batch, contender: "unknown" }),
    Error,
    "There is no unknown here",
  );
});

Deno.test("bench prints a report", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-remote",
      "--allow-run",
      "--allow-read=.",
      "--allow-sys=cpus,loadavg",
      "tests/bench/main.ts",
      "--only",
      "none",
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const [out, err] = [stdout, stderr].map((each) =>
    new TextDecoder().decode(each)
  );
  assert(success, err);
  assert(out!.includes(`Deno ${Deno.version.deno}`), out);
});
