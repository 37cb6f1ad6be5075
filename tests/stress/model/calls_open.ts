/** Calls that make connections. */

import { type FamilyName, LOOPBACK } from "./calls.ts";
import { type Draft, flags } from "./program_builder.ts";
import { Description, type Handle } from "./state.ts";

/** How many sockets are open at once, but for accepted ones. */
export const MOST_SOCKETS = 6;

/** Makes a socket, if there are not too many. */
export function openSocket(
  draft: Draft,
  stream: boolean,
  family: FamilyName = draft.handles[0]?.description.family ?? "AF_INET",
): Handle | undefined {
  if (draft.open.length >= MOST_SOCKETS) return undefined;
  const description = new Description(family, stream);
  const args = [flags(family), flags(description.type)];
  return draft.made("socket", "socket", args, description);
}

/** Binds a socket, now and then to an address that is taken. */
export function bind(
  draft: Draft,
  handle: Handle | undefined = draft.any((each) => each.state === "new"),
): void {
  const random = draft.random;
  if (handle === undefined) return;
  const { description, name } = handle;
  // Deno sets SO_REUSEADDR for no client, so those are left out.
  const other = random.chance(15)
    ? draft.any(({ state, stream }) =>
      stream === description.stream && state !== "new" && state !== "connected"
    )
    : undefined;
  if (other !== undefined) {
    draft.call(name, "bind", [draft.address(other)]);
  } else {
    const host = LOOPBACK[description.family];
    draft.call(name, "bind", [{ tuple: [host, 0] }]);
  }
  if (description.state === "new") description.state = "bound";
}

/** Lets a bound socket listen. */
export function listen(
  draft: Draft,
  handle: Handle | undefined = draft.any((each) =>
    each.stream && each.state === "bound"
  ),
): void {
  if (handle === undefined) return;
  const backlog = draft.random.pick([[], [], [], [5], [128], [10]]);
  draft.call(handle.name, "listen", backlog);
  const { description } = handle;
  if (description.state === "bound") description.state = "listening";
}

/** Connects a socket, as a rule to one that listens. */
export function connect(draft: Draft, handle?: Handle, to?: Handle): void {
  const random = draft.random;
  handle ??= draft.any(({ state, stream, target }) =>
    (stream ? state === "new" : target === undefined) || random.chance(8)
  );
  if (handle === undefined) return;
  const { description, name } = handle;
  to ??= draft.any(({ stream, state }) =>
    stream === description.stream &&
    (state === "listening" || state === "closed" || !stream)
  );
  const full = to !== undefined && to.description.queue.length >= 4;
  // A datagram of another that is there already gets lost, or it does not.
  const queued = description.datagrams.length > 0;
  if (full || queued || to?.description.family !== description.family) return;
  const call = random.chance(25) ? "connect_ex" : "connect";
  const address = random.chance(8) ? draft.nobody(handle) : draft.address(to);
  draft.call(name, call, [address]);
  if (!description.stream) {
    description.target = to.description;
    if (description.state === "new") description.state = "bound";
  } else if (
    to.description.state === "listening" &&
    (description.state === "new" || description.state === "bound")
  ) {
    description.state = "connected";
    to.description.queue.push(description);
  }
}

/** Accepts a connection. */
export function accept(
  draft: Draft,
  handle: Handle | undefined = draft.any(({ state }) =>
    state === "listening" || draft.random.chance(3)
  ),
): void {
  if (handle === undefined) return;
  const { description } = handle;
  if (description.state === "listening" && !draft.worth(handle)) return;
  const conn = new Description(description.family, true);
  const client = description.queue.shift();
  if (client === undefined) {
    draft.call(handle.name, "accept", [], draft.newName());
    return;
  }
  conn.state = "connected";
  conn.input = client.output;
  conn.output = client.input;
  draft.made(handle.name, "accept", [], conn);
}
