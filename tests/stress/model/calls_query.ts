/** Calls that only ask, and calls that are wrong. */

import { type Argument, LOOPBACK } from "./calls.ts";
import { bytes, flags, type ProgramBuilder } from "./program_builder.ts";
import type { Handle } from "./state.ts";

/** Asks for an address or the descriptor. */
export function askName(builder: ProgramBuilder): void {
  const handle = builder.any(() => true);
  if (handle === undefined) return;
  const call = builder.random.pick([
    "getsockname",
    "getpeername",
    "getpeername",
    "fileno",
  ]);
  builder.call(handle.name, call, []);
}

/** Sets or asks for an option. */
export function useOption(
  builder: ProgramBuilder,
  handle: Handle | undefined = builder.any(() => true),
): void {
  const random = builder.random;
  if (handle === undefined) return;
  const [level, name] = random.pick(
    [
      ["SOL_SOCKET", "SO_REUSEADDR"],
      ["SOL_SOCKET", "SO_KEEPALIVE"],
      ["SOL_SOCKET", "SO_BROADCAST"],
      ["IPPROTO_TCP", "TCP_NODELAY"],
    ] as const,
  );
  const option = [flags(level), flags(name)];
  if (random.chance(35)) {
    // TCP_NODELAY stays on, or it depends on the clock what has arrived.
    const value = name === "TCP_NODELAY" ? 1 : random.below(2);
    builder.call(handle.name, "setsockopt", [...option, value]);
  } else if (random.chance(50)) {
    const read = random.pick([
      "SO_TYPE",
      "SO_DOMAIN",
      "SO_PROTOCOL",
      "SO_ERROR",
      "SO_ACCEPTCONN",
    ]);
    const asked = [flags("SOL_SOCKET"), flags(read)];
    builder.call(handle.name, "getsockopt", asked);
  } else builder.call(handle.name, "getsockopt", option);
}

/** Looks which of some sockets and files are ready. */
export function useSelect(builder: ProgramBuilder): void {
  const random = builder.random;
  const names = [...builder.handles, ...builder.files]
    .filter((each) => !each.description.ahead)
    .filter((each) => !each.closed || random.chance(5))
    .map(({ name }): Argument => ({ made: name }));
  const some = () => names.filter(() => random.chance(50));
  const lists: Argument[] = [some(), some(), some()];
  if (lists.every((each) => (each as Argument[]).length === 0)) return;
  builder.call("select", "select", [...lists, 0]);
}

/** Calls what is wrong for most sockets, or for all. */
export function makeMistake(builder: ProgramBuilder): void {
  const handle = builder.any(() => true);
  if (handle === undefined) return;
  const host = LOOPBACK[handle.description.family];
  const [call, ...args] = builder.random.pick<[string, ...Argument[]]>([
    ["recv", -1],
    ["recv", "1"],
    ["recv", 0],
    ["send", "text"],
    ["send", null],
    ["sendall", bytes("")],
    ["bind", { tuple: [host, 80_000] }],
    ["bind", { tuple: [host] }],
    ["bind", null],
    ["connect", { tuple: [host, -1] }],
    ["connect_ex", { tuple: [host, "80"] }],
    ["listen", "5"],
    ["settimeout", -1],
    ["settimeout", "1"],
    ["shutdown", 7],
    ["shutdown", "1"],
    ["makefile", "x", null, { options: {} }],
    ["makefile", "r", 0, { options: {} }],
    ["recv_into", { buffer: 4 }, 5],
    ["recv_into", { buffer: 4 }, -1],
    ["sendto", bytes("a"), null],
    ["getsockopt", flags("SOL_SOCKET"), "1"],
    ["listen"],
    ["getpeername"],
  ]);
  builder.call(handle.name, call, args);
  if (call === "listen" && handle.description.state === "bound") {
    handle.description.state = "listening";
  }
}
