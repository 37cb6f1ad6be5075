/** The methods of file objects. */

import type * as socket from "@pystd/socket";
import { type Call, early, invoke, type Param, param } from "./call.ts";
import {
  anyInteger,
  anyText,
  anything,
  bytes,
  itemsOf,
  nullable,
  options,
  orOptions,
} from "./kinds.ts";
import type { Fixture } from "./fixture.ts";

/** File objects of the connected socket, each of which is closed after a call. */
const kinds: readonly [name: string, mode: string, buffering: number][] = [
  ["SocketIO", "rwb", 0],
  ["BufferedReader", "rb", -1],
  ["BufferedWriter", "wb", -1],
  ["BufferedRWPair", "rwb", -1],
  ["TextIOWrapper", "rw", -1],
];

const size = early(orOptions(nullable(anyInteger)), 2);
const last = param(options);

interface Method {
  readonly name: PropertyKey;
  /** The class that has it. */
  readonly of: string;
  /** The file objects that it is called on; all by default. */
  readonly on?: readonly string[];
  readonly params?: readonly Param[];
  readonly waits?: boolean;
  /** Whether it sends what it is given, or perhaps some of it. */
  readonly sends?: true | "some";
}

const buffered = ["BufferedReader", "BufferedRWPair"];
const readable = ["SocketIO", ...buffered, "TextIOWrapper"];

const methods: readonly Method[] = [
  ...["read", "readline", "readlines"].map((name) => ({
    name,
    of: "IOBase",
    on: readable,
    params: [size, last],
    waits: true,
  })),
  {
    name: "readinto",
    of: "IOBase",
    on: ["SocketIO", ...buffered],
    params: [param(bytes, () => new Uint8Array(3)), last],
    waits: true,
  },
  {
    name: "write",
    of: "IOBase",
    on: ["SocketIO", "BufferedWriter", "BufferedRWPair"],
    params: [param(bytes, () => new Uint8Array(3)), last],
    waits: true,
    sends: true,
  },
  {
    name: "write",
    of: "IOBase",
    on: ["TextIOWrapper"],
    params: [param(anyText, "three"), last],
    waits: true,
    sends: true,
  },
  {
    name: "writelines",
    of: "IOBase",
    on: ["BufferedWriter"],
    params: [param(itemsOf(bytes), () => [new Uint8Array(3)]), last],
    waits: true,
    sends: "some",
  },
  {
    name: "writelines",
    of: "IOBase",
    on: ["TextIOWrapper"],
    params: [param(itemsOf(anyText), () => ["one\n"]), last],
    waits: true,
    sends: "some",
  },
  ...["flush", "close"].map((name) => ({
    name,
    of: "IOBase",
    params: [last],
    waits: true,
  })),
  ...["seek", "truncate"].map((name) => ({
    name,
    of: "IOBase",
    params: [param(anything, 0)],
  })),
  ...[
    "fileno",
    "readable",
    "writable",
    "seekable",
    "tell",
    Symbol.asyncIterator,
  ].map((name) => ({ name, of: "IOBase" })),
  { name: Symbol.asyncDispose, of: "IOBase", waits: true },
  ...["read1", "peek"].map((name) => ({
    name,
    of: "BufferedIOBase",
    on: buffered,
    params: [size, last],
    waits: true,
  })),
  {
    name: "readinto1",
    of: "BufferedIOBase",
    on: buffered,
    params: [param(bytes, () => new Uint8Array(3)), last],
    waits: true,
  },
  ...["BufferedReader", "BufferedWriter", "TextIOWrapper"].map((of) => ({
    name: "detach",
    of,
    on: [of],
    waits: true,
  })),
  {
    name: "readall",
    of: "SocketIO",
    on: ["SocketIO"],
    params: [last],
    waits: true,
  },
  ...["SocketIO", "BufferedReader"].map((of) => ({
    name: Symbol.dispose,
    of,
    on: [of],
  })),
];

function open(fixture: Fixture, kind: string): socket.SocketFile {
  const [, mode, buffering] = kinds.find(([name]) => name === kind)!;
  const file = fixture.client.makefile(mode, buffering);
  // What a file has taken goes out when it is closed, or not at all.
  fixture.own({
    close: () => file.close().catch(() => {}),
  });
  return file;
}

/** Closes the file object that another has left. */
function closed(file: unknown): Promise<void> {
  return (file as socket.SocketFile).close();
}

/** How much a file has taken that will be sent, written here in UTF-8. */
function lengthOf(result: unknown, [data]: readonly unknown[]): number {
  if (typeof result !== "number") return 0;
  return typeof data === "string"
    ? new TextEncoder().encode(data).length
    : result;
}

export const fileCalls: readonly Call[] = methods.flatMap((method) =>
  (method.on ?? kinds.map(([name]) => name)).map((kind): Call => ({
    name: `${method.of}.${String(method.name)}`,
    variant: `of a ${kind}`,
    waits: method.waits ?? false,
    params: method.params ?? [],
    run: (fixture, args) => invoke(open(fixture, kind), method.name, args),
    ...(method.sends === true ? { sent: lengthOf } : {}),
    ...(method.sends === "some" ? { partial: true } : {}),
    ...(method.name === "detach" ? { cleanUp: closed } : {}),
  }))
);

/** The classes that programs do not make objects of. */
export const notMade: readonly string[] = [
  "IOBase",
  "BufferedIOBase",
  ...kinds.map(([name]) => name),
];
