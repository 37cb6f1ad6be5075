/** Calls that change what a socket is, and end it. */

import { TIMEOUT_S } from "./calls.ts";
import { flags, type ProgramBuilder } from "./program_builder.ts";
import { MOST_SOCKETS } from "./calls_open.ts";
import { Handle } from "./state.ts";

/** Half-closes a connection. */
export function shutdown(builder: ProgramBuilder): void {
  const random = builder.random;
  const handle = random.chance(85)
    ? builder.any(({ state, target }) =>
      state === "connected" || target !== undefined
    )
    : builder.any(() => true);
  if (handle === undefined) return;
  const how = random.pick(["SHUT_WR", "SHUT_WR", "SHUT_WR", "SHUT_RD"]);
  const both = random.chance(15);
  builder.call(handle.name, "shutdown", [flags(both ? "SHUT_RDWR" : how)]);
  const { description } = handle;
  if (description.state === "listening") description.state = "bound";
  if (both || how === "SHUT_WR") description.output.ended = true;
  if (both || how === "SHUT_RD") description.input.ended = true;
}

/** Changes or asks for a timeout. */
export function changeTimeout(
  builder: ProgramBuilder,
  handle: Handle | undefined = builder.any(() => true),
): void {
  const random = builder.random;
  if (handle === undefined) return;
  const roll = random.below(10);
  if (roll < 2) builder.call(handle.name, "gettimeout", []);
  else if (roll < 3) builder.call(handle.name, "getblocking", []);
  else if (roll < 5) {
    const blocking = random.chance(50);
    builder.call(handle.name, "setblocking", [blocking]);
    handle.timeout = blocking ? null : 0;
  } else {
    handle.timeout = random.pick([null, 0, 0, TIMEOUT_S, TIMEOUT_S]);
    builder.call(handle.name, "settimeout", [handle.timeout]);
  }
}

/** Closes a socket. */
export function close(builder: ProgramBuilder): void {
  const handle = builder.any(() => true);
  if (handle === undefined) return;
  builder.call(handle.name, "close", []);
  if (!handle.closed) handle.description.release();
  handle.closed = true;
}

/** Gives up a descriptor, or makes a socket of one. */
export function detach(builder: ProgramBuilder): void {
  const detached = builder.handles.find((each) => each.detached);
  const handle = detached ?? builder.any(() => true);
  if (handle === undefined || handle.closed) return;
  const { description, name } = handle;
  if (detached !== undefined) {
    detached.detached = false;
    detached.closed = true;
    const kind = [flags(description.family), flags(description.type), 0];
    builder.made(name, "adopt", kind, description);
    return;
  }
  // With a file open Python gives the descriptor away under it.
  if (builder.files.some((each) => each.handle === handle)) return;
  const descriptor = new Handle(builder.newName(), description, null);
  builder.call(name, "detach", [], descriptor.name);
  handle.closed = true;
  descriptor.detached = true;
  builder.handles.push(descriptor);
}

/** Duplicates a socket. */
export function dup(builder: ProgramBuilder): void {
  const handle = builder.any(() => true);
  if (handle === undefined || handle.closed) return;
  const { description, name, timeout } = handle;
  if (builder.open.length >= MOST_SOCKETS) return;
  description.holders++;
  builder.made(name, "dup", [], description, timeout);
}
