import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Contender,
  type ContenderId,
  findContenders,
} from "../bench/contenders.ts";
import { drawChart } from "../bench/chart.ts";
import { Agent, Ends } from "../bench/ends.ts";
import {
  DatagramWriter,
  lineBlock,
  streamBytes,
} from "../bench/programs/data.ts";
import type { Task } from "../bench/programs/types.ts";
import { idleRow, plainTask, type Row, rows } from "../bench/rows.ts";
import { ratioOf, spreadOf } from "../bench/statistics.ts";

const { contenders, missing } = await findContenders();
const raw = contenders.find(({ id }) => id === "raw")!;
const LIMIT_MS = 10_000;

const titles: Record<ContenderId, string> = {
  ours: "ours",
  raw: "raw Deno",
  fresh: "raw Deno with fresh buffers",
  byHand: "raw Deno that splits by hand",
  denoNode: "node:net in Deno",
  node: "Node",
  python: "blocking CPython",
  asyncio: "asyncio",
};

function benchTest(
  id: ContenderId,
  criterion: string,
  fn: (contender: Contender) => Promise<void>,
): void {
  const contender = contenders.find((each) => each.id === id);
  const why = contender === undefined
    ? ` (skipped: ${missing.join("; ")})`
    : "";
  Deno.test({
    name: `bench ${criterion} with ${titles[id]}${why}`,
    ignore: contender === undefined,
    fn: () => fn(contender!),
  });
}

/** The row with so little work that it takes milliseconds. */
function small(row: Row): { row: Row; n: number } {
  const { kind, connections = 1 } = row.task;
  const n = { stream: 2, lines: 1 }[kind as string] ?? 100;
  const task = { ...row.task, connections: Math.min(connections, 20) };
  return { row: { ...row, task }, n: row.task.read === "exact" ? 5000 : n };
}

for (const id of Object.keys(titles) as ContenderId[]) {
  benchTest(id, "does every workload", async (contender) => {
    await using first = new Agent(contender, LIMIT_MS);
    await using second = new Agent(contender, LIMIT_MS);
    await using helper = new Agent(raw, LIMIT_MS);
    let count = 0;
    for (const whole of rows) {
      const { peers, slowPeers = [] } = whole;
      if (!["ours", "raw", ...peers, ...slowPeers].includes(id)) continue;
      const { row, n } = small(whole);
      const ends = await Ends.open(row, contender, [first, second], helper);
      await ends.run(n, true);
      const run = await ends.run(n, false);
      assertEquals(run.n, n);
      assert(run.ms > 0 && run.cpuMs > 0, `${row.id}: ${JSON.stringify(run)}`);
      count++;
    }
    assert(count > 0);
  });
}

for (const timeout of [null, 60]) {
  const row = idleRow(timeout);
  for (const id of ["ours", "raw", ...row.slowPeers ?? []] as const) {
    benchTest(
      id,
      `holds connections, timeout ${timeout},`,
      async (contender) => {
        await using own = new Agent(contender, LIMIT_MS);
        await using helper = new Agent(raw, LIMIT_MS);
        const ends = await Ends.open(row, contender, [own], helper);
        assert(await ends.hold(10) > 1e6);
        await ends.hold(10);
        await ends.wake(20);
      },
    );
  }
}

type Handle = (conn: Deno.Conn) => Promise<void>;

/** A peer that does something wrong, and what it then is to a client. */
interface Fault {
  what: string;
  task: Partial<Task> & Pick<Task, "kind">;
  thorough: boolean;
  handle: Handle;
}

/** Sends back what comes, with a wrong byte. */
function echoWith(wrongAt: number): Handle {
  return async (conn) => {
    const buffer = new Uint8Array(64);
    while (await conn.read(buffer) !== null) {
      buffer[wrongAt]! ^= 1;
      await conn.write(buffer);
    }
  };
}

function sendWrong(bytes: Uint8Array): Handle {
  return async (conn) => {
    for (let sent = 0; sent < bytes.length;) {
      sent += await conn.write(bytes.subarray(sent));
    }
  };
}

const KIB = 1024;
const stream = streamBytes(400 * KIB);
const text = new TextDecoder().decode(lineBlock());

/** The stream with one byte that is wrong within every piece of it. */
const wrongStream = stream.with(1000, 0);
/** The stream without one byte, which shows at the edges of pieces. */
const shortStream = new Uint8Array([
  ...stream.subarray(0, 1000),
  ...stream.subarray(1001),
]);
const encode = (text: string) => new TextEncoder().encode(text);
const wrongText = encode(text.replace("quick brown", "quick crown"));
const shortText = encode(text.slice(text.indexOf("\n") + 1) + text);

const bulk = { kind: "stream", size: 64 * KIB, bufsize: 64 * KIB } as const;
const records = {
  kind: "stream",
  size: 16,
  bufsize: 16,
  read: "exact",
} as const;
const into = { ...bulk, read: "into", bufsize: 256 * KIB } as const;
const readline = { kind: "lines", read: "readline" } as const;
const iterate = { kind: "lines", read: "iterate" } as const;

/** Whether it comes in larger pieces than it is asked for. */
function isSplit({ kind, bufsize = KIB }: Partial<Task>): boolean {
  return kind === "lines" || kind === "stream" && bufsize <= KIB;
}

const faults: readonly Fault[] = [
  {
    what: "a wrong byte within an echo",
    task: { kind: "pingpong" },
    thorough: true,
    handle: echoWith(40),
  },
  {
    what: "a wrong first byte of an echo",
    task: { kind: "pingpong" },
    thorough: false,
    handle: echoWith(0),
  },
  {
    what: "a wrong last byte of an echo",
    task: { kind: "pingpong" },
    thorough: false,
    handle: echoWith(63),
  },
  ...[bulk, { ...bulk, bufsize: KIB }, records, into].flatMap((task) => {
    const what = `a stream received by ${task.bufsize} bytes`;
    return [
      { thorough: true, bytes: wrongStream, what: `a wrong byte in ${what}` },
      {
        thorough: false,
        bytes: shortStream,
        what: `a byte missing in ${what}`,
      },
    ].map(({ bytes, ...rest }) => ({
      ...rest,
      task,
      handle: sendWrong(bytes),
    }));
  }),
  ...[readline, iterate].flatMap((task) => [
    {
      what: `a wrong character in a line, ${task.read}`,
      task,
      thorough: true,
      handle: sendWrong(wrongText),
    },
    {
      what: `a line missing, ${task.read}`,
      task,
      thorough: false,
      handle: sendWrong(shortText),
    },
  ]),
  {
    what: "a wrong answer",
    task: { kind: "connect" },
    thorough: false,
    handle: echoWith(0),
  },
];

const SIZE = 512;
const datagram = new DatagramWriter(SIZE).write(0, 1);
const wrongDatagrams = [
  ["a wrong byte within", datagram.with(40, 0), true],
  ["a wrong last byte", datagram.with(SIZE - 1, 0), false],
  ["a wrong length", datagram.subarray(1), false],
] as const;

for (const id of Object.keys(titles) as ContenderId[]) {
  benchTest(id, "notices wrong bytes", async (contender) => {
    const { buffers } = contender;
    await using agent = new Agent(contender, LIMIT_MS);
    for (const { what, task, thorough, handle } of faults) {
      if (id === "byHand" && !isSplit(task)) continue;
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const accepted = listener.accept();
      const { port } = listener.addr as Deno.NetAddr;
      const role = "client";
      await agent.ask({
        do: "open",
        task: { ...plainTask, buffers, ...task, role, port },
      });
      const n = task === records ? 5000 : 2;
      const run = agent.ask({ do: "run", n, thorough });
      using conn = await accepted;
      const handled = handle(conn).catch(() => {});
      await assertRejects(() => run, Error, "Wrong", what);
      conn.close();
      await handled;
    }
  });

  benchTest(id, "notices wrong datagrams", async (contender) => {
    await using agent = new Agent(contender, LIMIT_MS);
    // Raw Deno is also the helper that looks at what others have sent.
    const kinds = id === "raw" ? ["udpReceive", "udpSend"] as const : [
      "udpReceive",
    ] as const;
    for (const kind of kinds) {
      for (const [what, bytes, thorough] of wrongDatagrams) {
        const { buffers } = contender;
        const role = "server";
        const task = { ...plainTask, kind, role, buffers, size: SIZE } as const;
        const { port } = await agent.ask({ do: "open", task });
        const run = agent.ask({ do: "run", n: 1, thorough });
        const rejected = assertRejects(() => run, Error, "Wrong", what);
        await sendUntil(rejected, bytes, port!);
      }
    }
  });

  benchTest(id, "notices a wrong echo of a datagram", async (contender) => {
    await using agent = new Agent(contender, LIMIT_MS);
    const conn = bindDatagrams();
    const { port } = conn.addr as Deno.NetAddr;
    const { buffers } = contender;
    const task = { ...plainTask, buffers, kind: "udpPingpong", port } as const;
    await agent.ask({ do: "open", task: { ...task, role: "client" } });
    const run = agent.ask({ do: "run", n: 2, thorough: true });
    const [data, from] = await conn.receive();
    await conn.send(data.with(40, 0), from);
    await assertRejects(() => run, Error, "Wrong");
    conn.close();
  });
}

/** Sends one datagram again and again: one that nobody waits for is lost. */
async function sendUntil(
  done: Promise<unknown>,
  bytes: Uint8Array,
  port: number,
): Promise<void> {
  const conn = bindDatagrams();
  let settled = false;
  const finished = done.finally(() => settled = true);
  while (!settled) {
    await conn.send(bytes, { transport: "udp", hostname: "127.0.0.1", port });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  conn.close();
  await finished;
}

function bindDatagrams(): Deno.DatagramConn {
  return Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: 0,
  });
}

Deno.test("bench compares figures of the same round", () => {
  assertEquals(spreadOf([3, 1, 2]), { median: 2, least: 1, most: 3 });
  assertEquals(spreadOf([4, 1, 2, 3]), { median: 2.5, least: 1, most: 4 });
  assertEquals(ratioOf([2, 30, 4], [1, 10, 4]), {
    median: 2,
    least: 1,
    most: 3,
  });
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
