/** Runs a random program on the module. */

import * as socket from "@pystd/socket";
import { EINPROGRESS } from "@pystd/socket/errno";
import * as select from "@pystd/socket/select";
import { within } from "../../support/within.ts";
import {
  type Argument,
  type Call,
  isList,
  LOOPBACK,
  type Nobody,
  type Outcome,
  TIMEOUT_S,
} from "./calls.ts";

type Methods = Readonly<Record<string, (...args: unknown[]) => unknown>>;

/** How long a call may take; those that wait give up long before. */
const HANG_MS = 30_000;

/**
 * Runs a program on the module.
 *
 * @param calls What to call.
 * @param nobody Where nobody is.
 * @returns What each call came to.
 */
export async function runHere(
  calls: readonly Call[],
  nobody: Nobody,
): Promise<Outcome[]> {
  const program = new Program(nobody);
  const outcomes: Outcome[] = [];
  try {
    for (const call of calls) outcomes.push(await program.run(call));
  } finally {
    await program.close();
  }
  return outcomes;
}

/** The sockets, files and descriptors of one program. */
class Program {
  readonly #nobody: Nobody;
  readonly #made = new Map<string, unknown>();
  readonly #addresses = new Map<string, Address>();
  /** What the ports are called in outcomes, in the order that they come up. */
  readonly #ports = new Map<number, string>();

  constructor(nobody: Nobody) {
    this.#nobody = nobody;
  }

  async run(call: Call): Promise<Outcome> {
    const { on, as } = call;
    const known = on === "socket" || on === "select" || this.#made.has(on);
    if (!known) return { absent: true };
    let outcome: Outcome;
    try {
      const value = await within(
        Promise.resolve(this.#invoke(call)),
        `the end of ${call.call}()`,
        HANG_MS,
      );
      outcome = { value: this.#plain(value, call) };
    } catch (error) {
      outcome = failureOf(error);
    }
    await this.#settle(call, outcome);
    this.#look(on);
    if (as !== undefined) this.#look(as);
    return outcome;
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    for (const [name, made] of [...this.#made].reverse()) {
      try {
        if (made instanceof socket.Socket) {
          await within(made[Symbol.asyncDispose](), `close ${name}`, HANG_MS);
        } else if (typeof made === "number") socket.close(made);
        else {
          const file = made as socket.SocketFile;
          await within(file.close(), `close ${name}`, HANG_MS);
        }
      } catch (error) {
        // A file whose bytes nobody takes any more says so.
        if (failureOf(error).error === "Error") throw error;
      }
    }
  }

  async #invoke(call: Call): Promise<unknown> {
    const { on, call: method } = call;
    const args = call.args.map((each) => this.#argument(each));
    if (on === "socket") {
      return await (socket as unknown as Methods)[method]!(...args);
    }
    if (on === "select") {
      const [rlist, wlist, xlist, timeout] = args as [[], [], [], number];
      return await select.select(rlist, wlist, xlist, timeout);
    }
    const target = this.#made.get(on);
    if (method === "adopt") {
      this.#made.delete(on);
      const [family, type, proto] = args as [number, number, number];
      return socket.socket(family, type, proto, target as number);
    }
    if (typeof target === "number") {
      throw new RangeError("a descriptor has no methods");
    }
    const value = await (target as Methods)[method]!(...args);
    const buffer = args[0];
    if (method === "recvmsg_into") return [value, buffer];
    return method.endsWith("into") ? [value, buffer] : value;
  }

  /** Waits for what the system does after a call has returned. */
  async #settle({ on, call }: Call, outcome: Outcome): Promise<void> {
    const target = this.#made.get(on);
    // With a read in flight Deno closes a connection one turn later.
    if (call === "close") await new Promise((after) => setTimeout(after, 0));
    if (!(target instanceof socket.Socket)) return;
    if (call === "close") {
      await within(target[Symbol.asyncDispose](), "the close", HANG_MS)
        .catch(() => {});
    }
    const { error, errno, value } = outcome;
    if (
      error === "BlockingIOError"
        ? errno === EINPROGRESS
        : call === "connect_ex" && value === EINPROGRESS
    ) {
      await within(select.select([], [target], []), "the connect", HANG_MS);
    }
  }

  #plain(value: unknown, { on, call, as }: Call): unknown {
    if (as === undefined) {
      if (call === "fileno") return value as number < 0 ? value : "open";
      if (on !== "select") return this.#shown(value);
      return (value as unknown[][]).map((ready) =>
        ready.map((each) => this.#named(each))
      );
    }
    let rest: unknown = null;
    if (Array.isArray(value)) [value, rest] = value;
    this.#made.set(as, value);
    if (!(value instanceof socket.Socket)) return "made";
    const { family, type, proto } = value;
    const shown = [
      [family, type, proto],
      value.gettimeout(),
      this.#shown(rest),
    ];
    if (call === "socket" || call === "accept") {
      value.settimeout(TIMEOUT_S);
      const bound = new Uint8Array(16);
      new DataView(bound.buffer).setInt32(8, TIMEOUT_S * 1e6, true);
      for (const option of [socket.SO_RCVTIMEO, socket.SO_SNDTIMEO]) {
        value.setsockopt(socket.SOL_SOCKET, option, bound);
      }
      if (type === socket.SOCK_STREAM) {
        // Otherwise the system keeps small pieces back for a while.
        value.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1);
      }
    }
    return shown;
  }

  #shown(value: unknown): unknown {
    if (value instanceof Uint8Array) {
      const text = Array.from(value, (each) => String.fromCharCode(each))
        .join("");
      if (text.length <= 64) return { bytes: text };
      const start = text.slice(0, 16);
      return { length: text.length, sum: checksum(value), start };
    }
    if (Array.isArray(value)) {
      return isAddress(value)
        ? this.#shownAddress(value)
        : value.map((each) => this.#shown(each));
    }
    return value;
  }

  /** What is called so: descriptors have other numbers in CPython. */
  #named(value: unknown): unknown {
    for (const [name, made] of this.#made) if (made === value) return name;
    return value;
  }

  #shownAddress([host, port, ...rest]: Address): unknown {
    if (port === 0) return [host, port, ...rest];
    const name = this.#ports.get(port) ?? `port ${this.#ports.size}`;
    this.#ports.set(port, name);
    return [onLoopback(host), name, ...rest];
  }

  #argument(argument: Argument): unknown {
    if (isList(argument)) return argument.map((each) => this.#argument(each));
    if (typeof argument !== "object" || argument === null) return argument;
    if ("bytes" in argument) {
      const text = argument.bytes.repeat(argument.times ?? 1);
      return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    }
    if ("flags" in argument) {
      const constants = socket as unknown as Readonly<Record<string, number>>;
      return argument.flags.reduce((all, name) => all | constants[name]!, 0);
    }
    if ("tuple" in argument) return argument.tuple;
    if ("buffer" in argument) return new Uint8Array(argument.buffer);
    if ("options" in argument) return argument.options;
    if ("made" in argument) return this.#made.get(argument.made) ?? null;
    const address = this.#addresses.get(argument.address);
    if (address === undefined) {
      const { family, type } = argument;
      return [LOOPBACK[family], this.#nobody[type][family]];
    }
    const [host, ...rest] = address;
    return [onLoopback(host), ...rest];
  }

  /** Notes the address of a socket, which others may be told later. */
  #look(name: string): void {
    const made = this.#made.get(name);
    if (!(made instanceof socket.Socket) || made.fileno() < 0) return;
    const address = made.getsockname() as Address;
    if (address[1] !== 0) this.#addresses.set(name, address);
  }
}

type Address = readonly [string, number, ...number[]];

function isAddress(value: readonly unknown[]): value is Address {
  return (value.length === 2 || value.length === 4) &&
    typeof value[0] === "string" && typeof value[1] === "number";
}

/** A socket that was not bound to an address has one of its own choice. */
function onLoopback(host: string): string {
  if (host === "0.0.0.0") return LOOPBACK.AF_INET;
  return host === "::" ? LOOPBACK.AF_INET6 : host;
}

function checksum(bytes: Uint8Array): number {
  return bytes.reduce((total, each) => (total * 31 + each) % 1_000_003, 0);
}

function failureOf(error: unknown): Outcome {
  if (error instanceof socket.UnsupportedOperation) {
    return { error: "UnsupportedOperation" };
  }
  if (error instanceof socket.TimeoutError) return { error: "TimeoutError" };
  if (error instanceof socket.OSError) {
    return { error: error.name, errno: error.errno };
  }
  if (error instanceof RangeError || error instanceof TypeError) {
    return { error: error.name };
  }
  // A hang, and what no caller may ever get.
  return { error: "Error", value: String(error) };
}
