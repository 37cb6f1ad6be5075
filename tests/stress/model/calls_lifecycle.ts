/** Calls that change what a socket is, and end it. */

import { TIMEOUT_S } from "./calls.ts";
import { type Draft, flags } from "./program_builder.ts";
import { MOST_SOCKETS } from "./calls_open.ts";
import { Handle } from "./state.ts";

/** Half-closes a connection. */
export function shutdown(draft: Draft): void {
  const random = draft.random;
  const handle = random.chance(85)
    ? draft.any(({ state, target }) =>
      state === "connected" || target !== undefined
    )
    : draft.any(() => true);
  if (handle === undefined) return;
  const how = random.pick(["SHUT_WR", "SHUT_WR", "SHUT_WR", "SHUT_RD"]);
  const both = random.chance(15);
  draft.call(handle.name, "shutdown", [flags(both ? "SHUT_RDWR" : how)]);
  const { description } = handle;
  if (description.state === "listening") description.state = "bound";
  if (both || how === "SHUT_WR") description.output.ended = true;
  if (both || how === "SHUT_RD") description.input.ended = true;
}

/** Changes or asks for a timeout. */
export function changeTimeout(
  draft: Draft,
  handle: Handle | undefined = draft.any(() => true),
): void {
  const random = draft.random;
  if (handle === undefined) return;
  const roll = random.below(10);
  if (roll < 2) draft.call(handle.name, "gettimeout", []);
  else if (roll < 3) draft.call(handle.name, "getblocking", []);
  else if (roll < 5) {
    const blocking = random.chance(50);
    draft.call(handle.name, "setblocking", [blocking]);
    handle.timeout = blocking ? null : 0;
  } else {
    handle.timeout = random.pick([null, 0, 0, TIMEOUT_S, TIMEOUT_S]);
    draft.call(handle.name, "settimeout", [handle.timeout]);
  }
}

/** Closes a socket. */
export function close(draft: Draft): void {
  const handle = draft.any(() => true);
  if (handle === undefined) return;
  draft.call(handle.name, "close", []);
  if (!handle.closed) handle.description.release();
  handle.closed = true;
}

/** Gives up a descriptor, or makes a socket of one. */
export function detach(draft: Draft): void {
  const detached = draft.handles.find((each) => each.detached);
  const handle = detached ?? draft.any(() => true);
  if (handle === undefined || handle.closed) return;
  const { description, name } = handle;
  if (detached !== undefined) {
    detached.detached = false;
    detached.closed = true;
    const kind = [flags(description.family), flags(description.type), 0];
    draft.made(name, "adopt", kind, description);
    return;
  }
  // With a file open Python gives the descriptor away under it.
  if (draft.files.some((each) => each.handle === handle)) return;
  const descriptor = new Handle(draft.newName(), description, null);
  draft.call(name, "detach", [], descriptor.name);
  handle.closed = true;
  descriptor.detached = true;
  draft.handles.push(descriptor);
}

/** Duplicates a socket. */
export function dup(draft: Draft): void {
  const handle = draft.any(() => true);
  if (handle === undefined || handle.closed) return;
  const { description, name, timeout } = handle;
  if (draft.open.length >= MOST_SOCKETS) return;
  description.holders++;
  draft.made(name, "dup", [], description, timeout);
}
