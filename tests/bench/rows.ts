import type { ContenderId } from "./contenders.ts";
import type { Task } from "./programs/types.ts";

/**
 * Which processes take part. All CPU time of the contender's own ones counts;
 * a helper is raw Deno's, the same for every contender, and does not.
 */
export type Layout =
  /** One process is both ends. */
  | "one process"
  /** The server and the client are processes of the contender. */
  | "two processes"
  /** The contender is the client; a helper looks at what came, afterwards. */
  | "to a helper"
  /** The contender is the server, a helper the client. */
  | "from a helper";

/** A workload, and what ours must reach. */
export interface Row {
  id: string;
  title: string;
  layout: Layout;
  task: Partial<Task> & Pick<Task, "kind">;
  /** What is counted. */
  unit: string;
  /** How many of that one unit of a run is. */
  amount?: number;
  /** The length of the run that is checked byte by byte. */
  warmUp: number;
  /** A run's length is a multiple of this. */
  step?: number;
  /** A run's length, if it is not to depend on the contender's speed. */
  fixed?: number;
  /** The longest run. */
  most?: number;
  /** Contenders beside ours and raw. */
  peers: readonly ContenderId[];
  /** Those that are so slow that only a full run waits for them. */
  slowPeers?: readonly ContenderId[];
  /** The least ratio of ours to raw per CPU second. */
  floor?: number;
  /** The ratio to aim for. */
  aim?: number;
  /** Whether ours must not be slower than raw with fresh buffers. */
  likeFresh?: boolean;
  /** Whether ours must not lose more datagrams than raw. */
  loses?: boolean;
  /** Whether only a full run has it. */
  onlyFull?: boolean;
}

const nodes = ["denoNode", "node"] as const;
const pythons = ["python", "asyncio"] as const;
const all = ["fresh", ...nodes, ...pythons] as const;

const KIB = 1024;
const MB = 1e6;
const TIMEOUT = 30;

const pingpong = {
  layout: "one process",
  unit: "round trips",
  warmUp: 300,
  peers: all,
} as const;

const bulk = {
  layout: "one process",
  unit: "MB",
  amount: 64 * KIB / MB,
  warmUp: 64,
  peers: all,
} as const;

const lines = {
  layout: "one process",
  unit: "lines",
  amount: 970,
  warmUp: 20,
  peers: ["byHand", ...nodes, ...pythons],
} as const;

const connect = {
  layout: "one process",
  unit: "connections",
  // Each leaves a port in TIME_WAIT for a minute.
  most: 2000,
  peers: [...nodes, ...pythons],
} as const;

const stream = { kind: "stream", size: 64 * KIB, bufsize: 64 * KIB } as const;
const into = {
  ...stream,
  read: "into",
  bufsize: 256 * KIB,
  chunk: 256 * KIB,
} as const;
const udp = { size: 512, bufsize: 2048 } as const;

/** The workloads, in the order of the table. */
export const rows: readonly Row[] = [
  {
    ...pingpong,
    id: "pingpong",
    title: "ping-pong of 64 B, one process",
    task: { kind: "pingpong" },
    floor: 0.92,
    aim: 0.97,
  },
  {
    ...pingpong,
    id: "pingpong-exact",
    title: "ping-pong of 64 B, recv(64)",
    task: { kind: "pingpong", bufsize: 64 },
    onlyFull: true,
  },
  {
    ...pingpong,
    id: "pingpong-two",
    title: "ping-pong of 64 B, two processes",
    layout: "two processes",
    task: { kind: "pingpong" },
    floor: 0.90,
    aim: 0.97,
  },
  {
    ...pingpong,
    id: "pingpong-timeout",
    title: "ping-pong with settimeout(30), raw without",
    task: { kind: "pingpong", timeout: TIMEOUT },
    floor: 0.85,
    aim: 0.93,
  },
  {
    ...bulk,
    id: "bulk",
    title: "bulk: sendall of 64 KiB, recv(65536)",
    task: stream,
    floor: 0.68,
    aim: 0.85,
    likeFresh: true,
  },
  {
    ...bulk,
    id: "bulk-two",
    title: "bulk, two processes",
    layout: "two processes",
    task: stream,
    onlyFull: true,
  },
  {
    ...bulk,
    id: "bulk-timeout",
    title: "bulk with settimeout(30), raw without",
    task: { ...stream, timeout: TIMEOUT },
    floor: 0.60,
    aim: 0.80,
  },
  {
    ...bulk,
    id: "bulk-small",
    title: "bulk, recv(1024)",
    task: { ...stream, bufsize: KIB },
    warmUp: 16,
    peers: ["fresh", "byHand", ...nodes, ...pythons],
    floor: 1.4,
    aim: 2,
  },
  {
    ...bulk,
    id: "records",
    title: "records of 16 B, recv(16, MSG_WAITALL)",
    unit: "records",
    amount: 1,
    task: { kind: "stream", read: "exact", size: 16, bufsize: 16 },
    warmUp: 8192,
    peers: ["fresh", "byHand", ...nodes, ...pythons],
    floor: 2.5,
    aim: 4,
  },
  {
    ...lines,
    id: "readline",
    title: 'lines: makefile("r"), readline()',
    task: { kind: "lines", read: "readline" },
    floor: 1.5,
    aim: 3,
  },
  {
    ...lines,
    id: "for-await",
    title: 'lines: makefile("r"), for await',
    task: { kind: "lines", read: "iterate" },
    floor: 1.5,
    aim: 3,
  },
  {
    ...bulk,
    id: "into",
    title: "recv_into() a buffer of 256 KiB",
    task: into,
    peers: [...nodes, ...pythons],
    floor: 0.95,
    aim: 1,
  },
  {
    ...bulk,
    id: "into-timeout",
    title: "recv_into() with settimeout(30), raw without",
    task: { ...into, timeout: TIMEOUT },
    peers: [...nodes, ...pythons],
    floor: 0.55,
    aim: 0.80,
  },
  {
    ...connect,
    id: "connect",
    title: "connect, 1 B each way, close; one at a time",
    task: { kind: "connect" },
    warmUp: 50,
    floor: 0.88,
    aim: 0.95,
  },
  {
    ...connect,
    id: "connect-100",
    title: "connect, 1 B each way, close; 100 at once",
    task: { kind: "connect", connections: 100 },
    warmUp: 200,
    step: 100,
    floor: 0.88,
    aim: 0.95,
  },
  {
    ...pingpong,
    id: "udp-pingpong",
    title: "UDP ping-pong of 64 B",
    task: { kind: "udpPingpong" },
    floor: 0.92,
    aim: 1,
  },
  {
    id: "udp-send",
    title: "UDP, sending 512 B one way",
    layout: "to a helper",
    task: { ...udp, kind: "udpSend" },
    unit: "datagrams",
    // The kernel must keep them all until they are looked at.
    warmUp: 100,
    peers: [...nodes, ...pythons],
    floor: 0.92,
    aim: 1,
  },
  {
    id: "udp-receive",
    title: "UDP, receiving 512 B one way",
    layout: "from a helper",
    task: { ...udp, kind: "udpReceive" },
    unit: "datagrams",
    warmUp: 100,
    fixed: 10_000,
    peers: all,
    floor: 0.92,
    aim: 1,
    loses: true,
  },
  {
    ...pingpong,
    id: "thousand",
    title: "1,000 connections, 20 round trips each",
    task: { kind: "pingpong", connections: 1000 },
    step: 1000,
    warmUp: 2000,
    fixed: 20_000,
    // Blocking sockets would need two thousand threads.
    peers: nodes,
    slowPeers: ["asyncio"],
    floor: 0.92,
    aim: 0.97,
  },
];

/** The ping-pong between two processes on so many connections. */
export function growthRow(connections: number): Row {
  return {
    ...pingpong,
    id: `growth-${connections}`,
    title: `${connections.toLocaleString("en")} connections`,
    layout: "two processes",
    task: { kind: "pingpong", connections },
    step: connections,
    warmUp: Math.max(300, connections),
    peers: [],
  };
}

/** Idle connections of the contender's to a helper. */
export function idleRow(timeout: number | null): Row {
  return {
    id: timeout === null ? "idle" : "idle-timeout",
    title: `idle connection with a pending recv(65536)${
      timeout === null ? "" : " and a timeout"
    }`,
    layout: "to a helper",
    task: { kind: "idle", bufsize: 64 * KIB, timeout },
    unit: "connections",
    warmUp: 0,
    peers: [],
    // Blocking sockets would need thousands of threads; CPython knows its
    // resident memory only where there is a /proc.
    slowPeers: Deno.build.os === "linux" ? [...nodes, "asyncio"] : nodes,
  };
}

/** All of a task that a row leaves out. */
export const plainTask: Omit<Task, "kind"> = {
  role: "both",
  port: 0,
  size: 64,
  chunk: 64 * KIB,
  bufsize: KIB,
  timeout: null,
  connections: 1,
  read: "some",
  buffers: "reused",
};
