/** Runs the same calls on CPython's file objects and on the module's. */

import {
  type FileOptions,
  openFile,
  type SocketFile,
} from "../../src/file/makefile.ts";
import { OSError } from "../../src/base/errors.ts";
import { runPython } from "./python.ts";
import { AGAIN, EOF, ScriptedStream } from "./scripted_stream.ts";

/** A step of a scenario: a method and its arguments, or what the peer does. */
export type Step =
  /** The peer sends this, bytes in hexadecimal. */
  | ["feed", string]
  /** The peer closes its end. */
  | ["eof"]
  /** How much has reached the peer, in hexadecimal. */
  | ["received"]
  /** The socket becomes non-blocking, and its peer's queue full. */
  | ["fill"]
  /** The socket becomes non-blocking. */
  | ["nonblocking"]
  | [method: string, ...args: (number | string | null | Hex | Hex[])[]];

/** Bytes as an argument, repeated `times` times. */
export type Hex = { hex: string; times?: number };

/** A file object and what is done with it. */
export interface Scenario {
  mode: string;
  buffering?: number | null;
  options?: FileOptions;
  steps: Step[];
}

const PROGRAM = String.raw`
import json, socket, sys, io

def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value

def argument(value):
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"]) * value.get("times", 1)
    if isinstance(value, list):
        return [argument(item) for item in value]
    return value

def name(error):
    if isinstance(error, BlockingIOError):
        return "BlockingIOError %d" % error.characters_written
    if isinstance(error, io.UnsupportedOperation):
        return "UnsupportedOperation " + str(error)
    if isinstance(error, (ValueError, LookupError)):
        return "RangeError"
    return type(error).__name__

def run(scenario):
    ours, peer = socket.socketpair()
    ours.settimeout(60)
    received = b""
    outcomes = []
    try:
        file = ours.makefile(scenario["mode"], scenario.get("buffering"), **scenario.get("options", {}))
    except Exception as error:
        return [name(error)]
    for method, *args in scenario["steps"]:
        try:
            if method == "feed":
                peer.sendall(bytes.fromhex(args[0]))
                continue
            if method == "eof":
                peer.close()
                continue
            if method == "nonblocking":
                ours.setblocking(False)
                continue
            if method == "fill":
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                ours.setblocking(False)
                for size in (1000, 1):
                    try:
                        while True:
                            ours.send(b"x" * size)
                    except BlockingIOError:
                        pass
                continue
            if method == "received":
                peer.setblocking(False)
                try:
                    while True:
                        received += peer.recv(100000)
                except BlockingIOError:
                    pass
                outcomes.append(received.hex())
                continue
            if method in ("readinto", "readinto1"):
                target = bytearray(args[0])
                n = getattr(file, method)(target)
                outcomes.append([n, target[:n or 0].hex()])
                continue
            if method == "lines":
                outcomes.append(plain(list(file)))
                continue
            if method in ("closed", "mode"):
                outcomes.append(getattr(file, method))
                continue
            outcomes.append(plain(getattr(file, method)(*map(argument, args))))
        except Exception as error:
            outcomes.append(name(error))
    try:
        file.close()
    except OSError:
        pass
    ours.close()
    peer.close()
    return outcomes

print(json.dumps([run(scenario) for scenario in json.loads(sys.argv[1])]))
`;

/** What CPython's file objects do. */
export async function runInPython(
  scenarios: readonly Scenario[],
): Promise<unknown[][]> {
  return JSON.parse(await runPython(PROGRAM, [JSON.stringify(scenarios)]));
}

/**
 * What the module's file objects do.
 *
 * @param scenario What to do.
 * @param piece How many bytes one receive brings at most.
 */
export async function runHere(
  scenario: Scenario,
  piece: number = Infinity,
): Promise<unknown[]> {
  const stream = new ScriptedStream();
  const outcomes: unknown[] = [];
  let file: SocketFile;
  try {
    file = openFile(
      stream,
      scenario.mode,
      scenario.buffering,
      scenario.options,
    );
  } catch (error) {
    return [nameOf(error)];
  }
  for (const [method, ...args] of scenario.steps) {
    try {
      if (method === "feed") feed(stream, args[0] as string, piece);
      else if (method === "eof") stream.play(EOF);
      else if (method === "nonblocking") stream.nonBlocking = true;
      else if (method === "fill") {
        stream.nonBlocking = true;
        stream.playSends(...new Array<typeof AGAIN>(1000).fill(AGAIN));
      } else if (method === "received") outcomes.push(toHex(stream.sent));
      else outcomes.push(await outcomeOf(file, method, args));
    } catch (error) {
      outcomes.push(nameOf(error));
    }
  }
  await file.close().catch(() => {});
  return outcomes;
}

function feed(stream: ScriptedStream, hex: string, piece: number): void {
  const bytes = fromHex(hex);
  for (let i = 0; i < bytes.length; i += piece) {
    stream.play(bytes.slice(i, i + piece));
  }
}

async function outcomeOf(
  file: SocketFile,
  method: string,
  args: unknown[],
): Promise<unknown> {
  if (method === "closed") return file.closed;
  if (method === "mode") return file.mode;
  if (method === "readinto" || method === "readinto1") {
    const target = new Uint8Array(args[0] as number);
    const call = (file as unknown as Methods)[method]!;
    const n = await call.call(file, target) as number | null;
    return [n, toHex(target.subarray(0, n ?? 0))];
  }
  if (method === "lines") {
    const lines: unknown[] = [];
    for await (const line of file) lines.push(plain(line));
    return lines;
  }
  const call = (file as unknown as Methods)[method]!;
  return plain(await call.call(file, ...args.map(argument))) ?? null;
}

type Methods = Record<string, (...args: unknown[]) => unknown>;

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Uint8Array ? { hex: toHex(value) } : value;
}

function argument(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(argument);
  if (typeof value !== "object" || value === null) return value;
  const { hex, times = 1 } = value as Hex;
  return fromHex(hex.repeat(times));
}

function nameOf(error: unknown): string {
  if (error instanceof OSError) {
    if (error.name === "UnsupportedOperation") {
      return `UnsupportedOperation ${error.message}`;
    }
    if (error.name === "BlockingIOError") {
      const { characters_written } = error as { characters_written?: number };
      return `BlockingIOError ${characters_written}`;
    }
  }
  return (error as Error).name;
}

/** The bytes of a text, in hexadecimal. */
export function hex(text: string): string {
  return toHex(new TextEncoder().encode(text));
}

/** Bytes in hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

/** The bytes that are written in hexadecimal. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const pairs = hex.match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
