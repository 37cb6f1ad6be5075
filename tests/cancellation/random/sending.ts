import { assert, assertEquals, assertGreater } from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { type Message, Messages } from "../fixtures/messages.ts";
import {
  ArrivalProbe,
  type Cancellation,
  cancellations,
} from "../../support/cancel.ts";
import { receiveToEnd, type TcpSocket } from "../../support/pair.ts";
import { by, byFile, type SendRow, sendRows } from "../fixtures/send.ts";
import { within } from "../../support/within.ts";
import {
  checkEnd,
  interrupt,
  pointOf,
  type Settled,
  Tally,
} from "./cancel_timings.ts";
import type { Random } from "../../stress/random.ts";

/** A sending call, and how it may be ended. */
export interface InterruptedSending extends SendRow {
  readonly name: string;
  readonly cancellations: readonly Cancellation[];
  /** Whether it is never made side by side with itself. */
  readonly alone: boolean;
  /** Whether a close ends it between two of its operations. */
  readonly closes: boolean;
}

const withoutSignal = cancellations.filter((each) => each !== "abort");

function row(
  name: string,
  row: SendRow,
  rest: Partial<InterruptedSending> = {},
): InterruptedSending {
  return { name, cancellations, alone: false, closes: false, ...row, ...rest };
}

/** A file in memory. */
class MemoryFile {
  readonly #data: Uint8Array;
  position = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  // deno-lint-ignore require-await
  async read(p: Uint8Array): Promise<number | null> {
    const part = this.#data.subarray(this.position, this.position + p.length);
    p.set(part);
    this.position += part.length;
    return part.length === 0 ? null : part.length;
  }

  // deno-lint-ignore require-await
  async seek(offset: number): Promise<number> {
    return this.position = offset;
  }
}

/** How much of its file a `sendfile()` says that it has sent. */
const positions = new WeakMap<object, number>();

const sendfile = by(async (s, message, options) => {
  const file = new MemoryFile(message);
  try {
    return await s.sendfile(file, options);
  } catch (error) {
    if (typeof error === "object" && error !== null) {
      positions.set(error, file.position);
    }
    throw error;
  }
});

const writable = by(async (s, message) => {
  const writer = s.writable.getWriter();
  try {
    await writer.write(message);
  } finally {
    writer.releaseLock();
  }
  return message.length;
});

/** A look for room, then a send that cannot have to wait. */
const selected = by(async (s, message, options) => {
  if (s.fileno() < 0) return await s.send(message);
  const timeout = s.gettimeout();
  const [, ready] = await select([], [s], [], timeout, options);
  if (ready.length > 0) return await s.send(message, socket.MSG_DONTWAIT);
  throw timeout === 0
    ? new socket.OSError(11)
    : Object.assign(new socket.TimeoutError(0), { message: "timed out" });
});

const usual = { size: 100_000, full: true, cancelled: () => 0 };
const undetermined = { ...usual, cancelled: () => null };

/** Every call that sends, or waits until there is room. */
export const sending: readonly InterruptedSending[] = [
  ...Object.entries(sendRows).map(([name, each]) =>
    row(name, each, { alone: name.includes("file") })
  ),
  row("sendto() on a stream", {
    ...usual,
    size: 50_000,
    open: by((s, message, options) =>
      s.sendto(message, ["127.0.0.1", 9], options)
    ),
  }),
  row("sendmsg()", {
    ...usual,
    open: by((s, message, options) =>
      s.sendmsg(
        [message.subarray(0, 3), message.subarray(3, 70), message.subarray(70)],
        options,
      )
    ),
  }),
  row("write() of a Writer", {
    ...usual,
    open: by((s, message) => s.write(message)),
  }, { cancellations: withoutSignal }),
  row("writable", { ...undetermined, open: writable }, {
    cancellations: withoutSignal,
    alone: true,
    // A stream begins a write some microtasks later.
    closes: true,
  }),
  row("sendfile()", {
    ...usual,
    size: 200_000,
    open: sendfile,
    cancelled: (error) => positions.get(error as object) ?? 0,
  }, {
    // A socket that does not block sends no files, as in Python.
    cancellations: cancellations.filter((each) => each !== "EAGAIN"),
    closes: true,
  }),
  row("flush() of a file", {
    size: 1_500_000,
    full: false,
    open: byFile(1 << 26, async (file, message, options) => {
      options.signal?.throwIfAborted();
      const n = await file.write(message);
      await file.flush(options);
      return n;
    }),
    // What was written is the file's, and goes out with the next.
    cancelled: (_, size) => size,
  }, { alone: true, closes: true }),
  row("select() for room", { ...usual, open: selected }, {
    alone: true,
    closes: true,
  }),
];

/** Two ends of one connection. */
export interface Pair extends AsyncDisposable {
  readonly client: TcpSocket;
  readonly peer: TcpSocket;
}

/**
 * Makes calls of one row on one connection, each ended at a point of its life;
 * the peer gets what they report, and nothing else. A message is no longer than
 * `most`.
 */
export async function runSending(
  row: InterruptedSending,
  random: Random,
  rounds: number,
  connect: () => Promise<Pair>,
  most: number,
): Promise<Tally> {
  using probe = await ArrivalProbe.open();
  await using pair = await connect();
  const { client, peer } = pair;
  const messages = new Messages();
  const tally = new Tally();
  let target = row.open(client.dup());
  for (let n = 0; n < rounds; n++) {
    const cancellation = random.pick(row.cancellations);
    const point = pointOf(random);
    if (row.full && random.chance(75)) await messages.fill(client);
    const size = Math.min(
      most,
      random.pick([row.size, row.size, 70_000, 300]),
    );
    const made: Message[] = [];
    let over = false;
    let reading: Promise<void> | undefined;
    const read = async () => {
      while (!over) await messages.receiveSome(peer);
    };
    const settled = await interrupt({
      target,
      cancellation,
      point,
      company: {
        before: !row.alone && random.chance(20),
        behind: !row.alone && random.chance(20),
      },
      timeoutS: (1 + random.below(40)) / 10_000,
      call: async (options) => {
        const message = messages.make(size);
        made.push(message);
        try {
          return await target.call(message.data, options);
        } finally {
          message.data.fill(254);
        }
      },
      // What it waits for is room. A close ends no send, so there has to be
      // enough for all of it then.
      arrive: async () => {
        if (cancellation === "close") reading ??= read();
        // Little makes no room.
        else await messages.receiveSome(peer, random.pick([1000, 2_000_000]));
      },
    }, probe);
    over = true;
    await reading;
    for (const [i, each] of settled.entries()) {
      const { outcome, role } = each;
      const never = point.first && role !== "before" &&
        (cancellation === "close" ||
          (cancellation === "abort" && role === "itself"));
      const taken = never
        ? untaken(cancellation, each)
        : takenOf(row, cancellation, each, size);
      messages.taken(made[i]!, taken);
      const cancelled = !("value" in outcome) || outcome.value === null;
      if (role === "itself") tally.add(cancellation, cancelled);
    }
    if (cancellation === "close") {
      target.close();
      await whileReading(target.closed?.(), messages, peer);
      target = row.open(client.dup());
    }
  }
  const finished = target.finish();
  client.close();
  messages.received(await receiveToEnd(peer));
  await within(finished);
  messages.check();
  return tally;
}

async function whileReading(
  settled: Promise<void> | undefined,
  messages: Messages,
  peer: TcpSocket,
): Promise<void> {
  if (settled === undefined) return;
  let waits = true;
  const done = settled.finally(() => waits = false);
  while (waits) await messages.receiveSome(peer);
  await done;
}

/** How much of its message a call took; null if that is not known. */
function takenOf(
  row: InterruptedSending,
  cancellation: Cancellation,
  { outcome, role }: Settled<number | null>,
  size: number,
): number | null {
  if ("value" in outcome) {
    if (outcome.value === null) assertEquals(cancellation, "EAGAIN");
    else assertGreater(outcome.value, 0);
    return outcome.value ?? 0;
  }
  checkEnd({ role }, cancellation, outcome.error);
  // A close ends no send.
  assert(cancellation !== "close" || row.closes, `${outcome.error}`);
  return row.cancelled(outcome.error, size);
}

/** A call that was ended before it was made took nothing. */
function untaken(
  cancellation: Cancellation,
  settled: Settled<number | null>,
): 0 {
  const { outcome } = settled;
  assert(!("value" in outcome), `${cancellation}: a result after the end`);
  checkEnd(settled, cancellation, outcome.error);
  return 0;
}
