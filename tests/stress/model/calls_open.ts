/** Calls that make connections. */

import { type FamilyName, LOOPBACK } from "./calls.ts";
import { flags, type ProgramBuilder } from "./program_builder.ts";
import { Description, type Handle } from "./state.ts";

/** How many sockets are open at once, but for accepted ones. */
export const MOST_SOCKETS = 6;

/** Makes a socket, if there are not too many. */
export function openSocket(
  builder: ProgramBuilder,
  stream: boolean,
  family: FamilyName = builder.handles[0]?.description.family ?? "AF_INET",
): Handle | undefined {
  if (builder.open.length >= MOST_SOCKETS) return undefined;
  const description = new Description(family, stream);
  const args = [flags(family), flags(description.type)];
  return builder.made("socket", "socket", args, description);
}

/** Binds a socket, now and then to an address that is taken. */
export function bind(
  builder: ProgramBuilder,
  handle: Handle | undefined = builder.any((each) => each.state === "new"),
): void {
  const random = builder.random;
  if (handle === undefined) return;
  const { description, name } = handle;
  // Deno sets SO_REUSEADDR for no client, so those are left out.
  const other = random.chance(15)
    ? builder.any(({ state, stream }) =>
      stream === description.stream && state !== "new" && state !== "connected"
    )
    : undefined;
  if (other !== undefined) {
    builder.call(name, "bind", [builder.address(other)]);
  } else {
    const host = LOOPBACK[description.family];
    builder.call(name, "bind", [{ tuple: [host, 0] }]);
  }
  if (description.state === "new") description.state = "bound";
}

/** Lets a bound socket listen. */
export function listen(
  builder: ProgramBuilder,
  handle: Handle | undefined = builder.any((each) =>
    each.stream && each.state === "bound"
  ),
): void {
  if (handle === undefined) return;
  const backlog = builder.random.pick([[], [], [], [5], [128], [10]]);
  builder.call(handle.name, "listen", backlog);
  const { description } = handle;
  if (description.state === "bound") description.state = "listening";
}

/** Connects a socket, as a rule to one that listens. */
export function connect(
  builder: ProgramBuilder,
  handle?: Handle,
  to?: Handle,
): void {
  const random = builder.random;
  handle ??= builder.any(({ state, stream, target }) =>
    (stream ? state === "new" : target === undefined) || random.chance(8)
  );
  if (handle === undefined) return;
  const { description, name } = handle;
  to ??= builder.any(({ stream, state }) =>
    stream === description.stream &&
    (state === "listening" || state === "closed" || !stream)
  );
  const full = to !== undefined && to.description.queue.length >= 4;
  // A datagram of another that is there already gets lost, or it does not.
  const queued = description.datagrams.length > 0;
  if (full || queued || to?.description.family !== description.family) return;
  const call = random.chance(25) ? "connect_ex" : "connect";
  const address = random.chance(8)
    ? builder.nobody(handle)
    : builder.address(to);
  builder.call(name, call, [address]);
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
  builder: ProgramBuilder,
  handle: Handle | undefined = builder.any(({ state }) =>
    state === "listening" || builder.random.chance(3)
  ),
): void {
  if (handle === undefined) return;
  const { description } = handle;
  if (description.state === "listening" && !builder.worth(handle)) return;
  const conn = new Description(description.family, true);
  const client = description.queue.shift();
  if (client === undefined) {
    builder.call(handle.name, "accept", [], builder.newName());
    return;
  }
  conn.state = "connected";
  conn.input = client.output;
  conn.output = client.input;
  builder.made(handle.name, "accept", [], conn);
}
