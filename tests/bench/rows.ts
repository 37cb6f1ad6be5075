import { certificates, type ContenderId } from "./contenders.ts";
import type { Task } from "./programs/types.ts";
import type { Length } from "./turns.ts";

/** A row of the tables: work, the contenders that do it, and a goal. */
export interface Row {
  id: string;
  title: string;
  /** What is counted. */
  unit: string;
  /** What the table of rates counts, where it is not the unit, and how many. */
  rate?: { unit: string; perUnit: number };
  task: Task;
  length: Length;
  contenders: readonly ContenderId[];
  /** The contender that does the same for its caller, which goals refer to. */
  like: "own" | "raw" | "byHand";
  /** The least ratio of its CPU time to this module's. */
  goal?: number;
  /** The most microseconds of CPU time for a unit, where the goal is not a ratio. */
  goalUs?: number;
  /** Whether this module must not lose more than that contender. */
  loses?: boolean;
}

const KIB = 1024;
const TIMEOUT = 30;
const CHUNK = 64 * KIB;

const module = ["ours", "before"] as const;
const nodes = ["denoNode", "node"] as const;
const peers = [...nodes, "python", "asyncio"] as const;

const plain: Task = {
  kind: "roundTrip",
  port: 0,
  size: 64,
  bufsize: KIB,
  way: "recv",
  connections: 1,
  timeout: null,
  burst: 0,
  certificates,
};

/** A row's parts that differ from the others of its kind. */
type Part =
  & Pick<Row, "id" | "title">
  & Partial<Omit<Row, "task" | "length">>
  & { task?: Partial<Task>; length?: Partial<Length> };

function roundTrip(part: Part): Row {
  return {
    unit: "round trip",
    contenders: [...module, "own", "raw", ...peers],
    like: "own",
    ...part,
    task: { ...plain, ...part.task },
    length: { first: 300, ...part.length },
  };
}

function stream(part: Part): Row {
  return {
    unit: "64 KiB",
    rate: { unit: "MB", perUnit: CHUNK / 1e6 },
    contenders: [...module, "own", "raw", ...peers],
    like: "own",
    ...part,
    task: { ...plain, kind: "stream", bufsize: CHUNK, ...part.task },
    length: { first: 64, ...part.length },
  };
}

function connect(part: Part): Row {
  return {
    unit: "connection",
    contenders: [...module, "raw", ...peers],
    like: "raw",
    ...part,
    task: { ...plain, kind: "connect", ...part.task },
    // Each leaves a port in TIME_WAIT for a minute.
    length: { first: 50, most: 2000, ...part.length },
  };
}

function records(part: Part): Row {
  return {
    unit: "record",
    contenders: [...module, "byHand"],
    like: "byHand",
    ...part,
    task: { ...plain, kind: "records", size: 16, ...part.task },
    length: { first: CHUNK / 16, step: CHUNK / 16, ...part.length },
  };
}

function lines(part: Part): Row {
  return {
    unit: "line",
    contenders: [...module, "byHand", ...peers],
    like: "byHand",
    ...part,
    task: { ...plain, kind: "lines", ...part.task },
    length: { first: 10_000, step: 1000, ...part.length },
  };
}

function tls(part: Part): Row {
  return {
    unit: "round trip",
    contenders: [...module, "raw", ...nodes],
    like: "raw",
    ...part,
    task: { ...plain, kind: "tlsRoundTrip", bufsize: CHUNK, ...part.task },
    length: { first: 300, ...part.length },
  };
}

/** The rows, in the order of the tables. */
export const rows: readonly Row[] = [
  roundTrip({
    id: "round-trip-64",
    title: "64 B there and back, recv(64)",
    task: { bufsize: 64 },
    goal: 0.97,
  }),
  roundTrip({
    id: "round-trip-1024",
    title: "64 B there and back, recv(1024)",
    goal: 0.97,
  }),
  roundTrip({
    id: "round-trip-65536",
    title: "64 B there and back, recv(65536)",
    task: { bufsize: CHUNK },
    goal: 0.97,
  }),
  roundTrip({
    id: "round-trip-timeout",
    title: "64 B there and back, settimeout(30)",
    task: { timeout: TIMEOUT },
    goal: 0.93,
  }),
  roundTrip({
    id: "round-trip-4k",
    title: "4 KiB there and back, recv(4096)",
    task: { size: 4 * KIB, bufsize: 4 * KIB },
    goal: 0.95,
  }),
  roundTrip({
    id: "thousand",
    title: "1,000 connections, 20 round trips each",
    task: { bufsize: 64, connections: 1000 },
    length: { first: 20_000, step: 20_000, most: 20_000 },
    // CPython would need two thousand threads.
    contenders: [...module, "own", "raw", ...nodes, "asyncio"],
    goal: 0.92,
  }),
  connect({
    id: "connect",
    title: "connect, 1 B each way, close; one at a time",
    goal: 0.9,
  }),
  connect({
    id: "connect-100",
    title: "connect, 1 B each way, close; 100 at once",
    task: { connections: 100 },
    length: { first: 200, step: 100 },
    goal: 0.9,
  }),
  stream({
    id: "stream-64k",
    title: "stream, sendall of 64 KiB, recv(65536)",
    goal: 0.97,
  }),
  stream({
    id: "stream-64k-timeout",
    title: "stream, recv(65536), settimeout(30)",
    task: { timeout: TIMEOUT },
    goal: 0.9,
  }),
  stream({
    id: "streams",
    title: "128 streams at once, recv(65536)",
    task: { connections: 128 },
    length: { first: 2048, step: 128 },
    contenders: [...module, "own", "raw"],
    goal: 0.9,
  }),
  stream({
    id: "stream-4k",
    title: "stream, recv(4096)",
    task: { bufsize: 4 * KIB },
    goal: 1.8,
  }),
  stream({
    id: "stream-1k",
    title: "stream, recv(1024)",
    task: { bufsize: KIB },
    length: { first: 16 },
    goal: 2.2,
  }),
  stream({
    id: "into",
    title: "stream, recv_into() 256 KiB",
    task: { way: "into", bufsize: 256 * KIB },
    contenders: [...module, "raw", ...peers],
    like: "raw",
    goal: 1,
  }),
  stream({
    id: "into-timeout",
    title: "stream, recv_into() 256 KiB, settimeout(30)",
    task: { way: "into", bufsize: 256 * KIB, timeout: TIMEOUT },
    contenders: [...module, "raw", ...peers],
    like: "raw",
    goal: 0.8,
  }),
  records({
    id: "records",
    title: "16 B records, recv(16, MSG_WAITALL)",
    contenders: [...module, "byHand", "raw", ...peers],
    goal: 1.1,
  }),
  records({
    id: "records-into",
    title: "16 B records, recv_into()",
    task: { way: "into" },
    goalUs: 0.5,
  }),
  records({
    id: "records-into-all",
    title: "16 B records, recv_into() with MSG_WAITALL",
    task: { way: "intoAll" },
    goalUs: 0.4,
  }),
  records({
    id: "records-read",
    title: '16 B records, makefile("rb").read(16)',
    task: { way: "read" },
    goalUs: 1.2,
  }),
  records({
    id: "records-readinto",
    title: '16 B records, makefile("rb").readinto()',
    task: { way: "readinto" },
    goalUs: 0.5,
  }),
  lines({
    id: "readline",
    title: 'lines of 44 B, makefile("r").readline()',
    task: { way: "readline" },
    goal: 1,
  }),
  lines({
    id: "for-await",
    title: 'lines of 44 B, for await of makefile("r")',
    task: { way: "iterate" },
    goal: 1,
  }),
  {
    id: "datagram",
    title: "UDP, 64 B there and back",
    unit: "round trip",
    task: { ...plain, kind: "datagram", bufsize: 2 * KIB },
    length: { first: 300 },
    contenders: [...module, "own", "raw", ...peers],
    like: "own",
    goal: 0.97,
  },
  {
    id: "flood",
    title: "UDP, a flood of 64 B one way",
    unit: "datagram",
    task: { ...plain, kind: "flood", bufsize: 2 * KIB },
    length: { first: 2000 },
    contenders: [...module, "raw", ...peers],
    like: "raw",
    goal: 1,
    loses: true,
  },
  tls({
    id: "tls-connect",
    title: "TLS: handshake, 1 B each way, close",
    unit: "connection",
    task: { kind: "tlsConnect" },
    // Each leaves a port in TIME_WAIT for a minute.
    length: { first: 10, most: 1000 },
  }),
  tls({
    id: "tls-round-trip",
    title: "TLS: 64 B there and back",
  }),
  tls({
    id: "tls-stream",
    title: "TLS: stream, sendall of 64 KiB, recv(65536)",
    unit: "64 KiB",
    rate: { unit: "MB", perUnit: CHUNK / 1e6 },
    task: { kind: "tlsStream" },
    length: { first: 64 },
  }),
  {
    id: "http",
    title: "HTTP keep-alive, 64 connections, server's side",
    unit: "request",
    task: { ...plain, kind: "http", bufsize: 4 * KIB, connections: 64 },
    length: { first: 6400, step: 64 },
    contenders: [...module, "own", "raw", ...peers],
    like: "own",
  },
];

/** Idle connections: what each has received before it waits. */
export interface IdleRow {
  id: string;
  title: string;
  task: Task;
  contenders: readonly ContenderId[];
  /** The most bytes that this module may hold for one. */
  goal: number;
}

function idle(id: string, after: string, task: Partial<Task>): IdleRow {
  return {
    id,
    title: `idle connection, after ${after}`,
    task: { ...plain, kind: "idle", bufsize: CHUNK, ...task },
    contenders: [...module, "raw", ...nodes, "asyncio"],
    goal: 8 * KIB,
  };
}

/** The rows of idle connections. */
export const idleRows: readonly IdleRow[] = [
  idle("idle", "nothing", {}),
  idle("idle-1024", "1,024 B", { burst: KIB }),
  idle("idle-1m", "1 MB", { burst: 1e6 }),
  idle("idle-timeout", "nothing, with a timeout", { timeout: 600 }),
];
