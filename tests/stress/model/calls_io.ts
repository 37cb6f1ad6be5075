/** Calls that send and receive. */

import type { Argument } from "./calls.ts";
import {
  bytes,
  flags,
  MOST_UNREAD,
  type ProgramBuilder,
} from "./program_builder.ts";
import type { Handle } from "./state.ts";

/** Sends on a stream, or a datagram. */
export function send(builder: ProgramBuilder): void {
  const random = builder.random;
  const handle = random.chance(93)
    ? builder.any((each) => each.state === "connected" || !each.stream)
    : builder.any(() => true);
  if (handle === undefined) return;
  const { name, description } = handle;
  if (!description.stream) return sendDatagram(builder, handle);
  if (description.output.data.length > MOST_UNREAD) return;
  const text = builder.text();
  const extra = random.chance(10)
    ? [flags(random.pick(["MSG_NOSIGNAL", "MSG_DONTWAIT"]))]
    : [];
  const call = random.pick(["send", "sendall", "sendall", "sendmsg", "send"]);
  if (call === "sendmsg") {
    const middle = Math.floor(text.length / 2);
    const parts = [text.slice(0, middle), text.slice(middle), ""].map(bytes);
    builder.call(name, call, [parts, ...(extra.length ? [[], ...extra] : [])]);
  } else if (random.chance(4)) {
    builder.call(name, "sendto", [bytes(text), builder.address(handle)]);
  } else builder.call(name, call, [bytes(text), ...extra]);
  if (!description.output.ended) description.output.data += text;
}

function sendDatagram(
  builder: ProgramBuilder,
  { name, description }: Handle,
): void {
  const random = builder.random;
  const text = random.chance(6)
    ? ""
    : random.chance(4)
    ? "x".repeat(70_000)
    : builder.text();
  const to = builder.any((each) =>
    !each.stream && each.family === description.family
  );
  const direct = description.target !== undefined && random.chance(60);
  const part = direct ? [] : [builder.address(to)];
  if (direct || random.chance(3)) {
    const call = random.pick(["send", "sendall"]);
    builder.call(name, call, [bytes(text)]);
  } else if (random.chance(20)) {
    builder.call(name, "sendmsg", [[bytes(text), bytes("!")], [], 0, ...part]);
  } else builder.call(name, "sendto", [bytes(text), ...part]);
  const reached = direct ? description.target : to?.description;
  if (reached === undefined || text.length > 60_000) return;
  if (description.state === "new") description.state = "bound";
  const open = reached.target === undefined || reached.target === description;
  if (reached.state !== "new" && open) reached.datagrams.push(description);
}

/** Receives from a stream, or a datagram. */
export function receive(builder: ProgramBuilder): void {
  const random = builder.random;
  const handle = random.chance(90)
    ? builder.any((each) =>
      each.state !== "listening" && each.readable && !each.ahead
    )
    : builder.any(() => true);
  if (handle === undefined || !builder.worth(handle)) return;
  if (handle.description.ahead) return;
  const { name, description } = handle;
  const { stream, input } = description;
  const n = random.pick([1, 2, 3, 5, 10, 100, 4096, 65_536]);
  const flag = receiveFlags(builder, handle, n);
  const peek = flag.includes("MSG_PEEK");
  const extra = flag.length === 0 ? [] : [flags(...flag)];
  const call = flag.includes("MSG_WAITALL") ? "recv" : random.pick([
    "recv",
    "recv",
    "recv",
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
  ]);
  const buffer = { buffer: n };
  const args: Argument[] = call === "recvmsg_into"
    ? [[{ buffer: 2 }, buffer], 0, ...extra]
    : call === "recvmsg"
    ? [n, 0, ...extra]
    : call.endsWith("into")
    ? [buffer, random.chance(20) ? Math.ceil(n / 2) : 0, ...extra]
    : [n, ...extra];
  builder.call(name, call, args);
  if (peek) return;
  if (stream) input.take(call === "recvmsg_into" ? n + 2 : n);
  else description.datagrams.shift();
}

function receiveFlags(
  builder: ProgramBuilder,
  { description, timeout }: Handle,
  n: number,
): string[] {
  const roll = builder.random.below(100);
  if (roll < 12) return ["MSG_PEEK"];
  if (roll < 18) return ["MSG_DONTWAIT"];
  const { input, stream } = description;
  const whole = stream && (input.data.length >= n || input.ended);
  if (roll < 26 && whole && timeout !== 0) return ["MSG_WAITALL"];
  return roll < 28 ? ["MSG_PEEK", "MSG_DONTWAIT"] : [];
}
