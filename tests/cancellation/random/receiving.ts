import { assert, assertEquals, assertFalse, assertGreater } from "@std/assert";
import * as socket from "@pystd/socket";
import { poll, POLLIN, select } from "@pystd/socket/select";
import { DefaultSelector, EVENT_READ } from "@pystd/socket/selectors";
import { assertSameBytes, join, numbered } from "../../support/bytes.ts";
import {
  ArrivalProbe,
  type Cancellation,
  cancellations,
  findsBefore,
} from "../../support/cancel.ts";
import type { Outcome } from "../../support/outcome.ts";
import type { TcpSocket } from "../../support/pair.ts";
import {
  assertInOrder,
  connections,
  datagrams,
  numberOf,
  type Receive,
  type ReceiveCall,
  type ReceiveFixture,
  receiveRows,
  stream,
  streamOf,
} from "../fixtures/receive.ts";
import { within } from "../../support/within.ts";
import { checkEnd, interrupt, pointOf, Tally } from "./cancel_timings.ts";
import type { Random } from "../../stress/random.ts";

/** A receiving call, and how it may be ended. */
export interface ReceivingRow {
  readonly name: string;
  readonly open: () => Promise<ReceiveFixture>;
  readonly cancellations: readonly Cancellation[];
  /** Whether it is never made side by side with itself. */
  readonly alone: boolean;
}

const withoutSignal = cancellations.filter((each) => each !== "abort");

function row(
  name: string,
  open: () => Promise<ReceiveFixture>,
  { cancellations: ends = cancellations, alone = false } = {},
): ReceivingRow {
  return { name, open, cancellations: ends, alone };
}

/** A call by a file object of text whose characters are bytes. */
function byText(
  call: (
    file: socket.TextIOWrapper,
    options: socket.SignalOption,
  ) => Promise<string | null>,
): () => Promise<ReceiveFixture> {
  const open = (s: TcpSocket): ReceiveCall => {
    const file = s.makefile("r", null, {
      encoding: "latin-1",
      newline: "\n",
    });
    return {
      socket: s,
      async call(options) {
        const text = await call(file, options);
        if (text === null) return null;
        return Uint8Array.from(text, (each) => each.charCodeAt(0));
      },
      close() {
        void file.close();
        s.close();
      },
    };
  };
  return streamOf(open, true, true);
}

/** A look for readiness, then a receive that cannot have to wait. */
function byReadiness(
  isReady: (
    s: TcpSocket,
    timeoutS: number | null,
    options: socket.SignalOption,
  ) => Promise<boolean>,
): () => Promise<ReceiveFixture> {
  return stream(async (s, options) => {
    // Python's select() has an error of its own for what is closed.
    if (s.fileno() < 0) return await s.recv(1);
    const timeout = s.gettimeout();
    if (await isReady(s, timeout, options)) {
      return await s.recv(4000, socket.MSG_DONTWAIT);
    }
    if (timeout === 0) return null;
    throw Object.assign(new socket.TimeoutError(0), { message: "timed out" });
  });
}

const recvmsgInto: Receive = async (s, options) => {
  const parts = [new Uint8Array(3), new Uint8Array(1500)];
  const [n] = await s.recvmsg_into(parts, options);
  return join(parts).slice(0, n);
};

async function recvPeeked(
  s: TcpSocket,
  options: socket.SignalOption,
): Promise<Uint8Array> {
  const peeked = await s.recv(700, socket.MSG_PEEK, options);
  const data = await s.recv(peeked.length, socket.MSG_DONTWAIT);
  assertSameBytes(data, peeked);
  return data;
}

/**
 * By a stream and by the socket in turn; a signal ends the former by what it
 * does to the reader.
 */
function byReader(
  end: (reader: ReadableStreamDefaultReader) => unknown,
): () => Promise<ReceiveFixture> {
  let calls = 0;
  return stream(async (s, options) => {
    const { signal } = options;
    if (calls++ % 2 === 1) return await s.recv(4000, options);
    const reader = s.readable.getReader();
    const abort = () => void end(reader);
    signal?.addEventListener("abort", abort);
    try {
      const reading = reader.read();
      if (signal?.aborted) abort();
      const { done, value } = await reading;
      if (!done) return value;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
      reader.releaseLock();
    }
    signal?.throwIfAborted();
    return new Uint8Array(0);
  });
}

async function nextConnection(
  loop: AsyncIterator<[socket.Socket, unknown], void>,
): Promise<Uint8Array> {
  const { done, value } = await loop.next();
  if (!done) return await numberOf(value[0] as TcpSocket);
  throw new socket.OSError(9, "Bad file descriptor");
}

/** A loop that has thrown is over, so each call is one's first. */
function byAcceptLoop(): Promise<ReceiveFixture> {
  return connections((s) => ({
    socket: s,
    call: () => nextConnection(s[Symbol.asyncIterator]()),
    close: () => s.close(),
  }));
}

function byLines(): Promise<ReceiveFixture> {
  const open = (s: TcpSocket): ReceiveCall => {
    const file = s.makefile("rb");
    return {
      socket: s,
      async call() {
        const { value } = await file[Symbol.asyncIterator]().next();
        return value ?? null;
      },
      close() {
        void file.close();
        s.close();
      },
    };
  };
  return streamOf(open, true, true)();
}

/** Every call that receives, accepts, or waits until one would not wait. */
export const receiving: readonly ReceivingRow[] = [
  ...Object.entries(receiveRows).map(([name, open]) => row(name, open)),
  row(
    "recvmsg()",
    stream(async (s, options) => (await s.recvmsg(4000, options))[0]),
  ),
  row("recvmsg_into()", stream(recvmsgInto)),
  row(
    "recvmsg() of a datagram",
    datagrams(async (s, options) => (await s.recvmsg(10, options))[0]),
  ),
  row("recvmsg_into() of a datagram", datagrams(recvmsgInto)),
  row("recv() of what was peeked at", stream(recvPeeked), { alone: true }),
  row(
    "read() of a Reader",
    stream(async (s) => {
      const buffer = new Uint8Array(100);
      const n = await s.read(buffer);
      return buffer.subarray(0, n ?? 0);
    }),
    { cancellations: withoutSignal },
  ),
  row("readable", byReader((reader) => reader.cancel()), { alone: true }),
  row("readable that is left", byReader((reader) => reader.releaseLock()), {
    alone: true,
  }),
  row("for await of a listener", byAcceptLoop, {
    cancellations: withoutSignal,
    alone: true,
  }),
  row("for await of a file", byLines, { cancellations: withoutSignal }),
  row(
    "readline() of a text file",
    byText((file, options) => file.readline(options)),
  ),
  row(
    "read() of a text file",
    byText((file, options) => file.read(5, options)),
  ),
  row(
    "select()",
    byReadiness(async (s, timeoutS, options) => {
      const [ready] = await select([s], [], [], timeoutS, options);
      return ready.length > 0;
    }),
    { alone: true },
  ),
  row(
    "poll()",
    byReadiness(async (s, timeoutS, options) => {
      const poller = poll();
      poller.register(s, POLLIN);
      const timeoutMs = timeoutS === null ? null : timeoutS * 1000;
      return (await poller.poll(timeoutMs, options)).length > 0;
    }),
    { alone: true },
  ),
  row(
    "select() of a selector",
    byReadiness(async (s, timeoutS, options) => {
      using selector = new DefaultSelector();
      selector.register(s, EVENT_READ);
      return (await selector.select(timeoutS, options)).length > 0;
    }),
    { alone: true },
  ),
];

/**
 * Makes calls of one row on one fixture, each ended at a point of its life; all
 * that arrives is received in the end, once and in order.
 */
export async function runReceiving(
  row: ReceivingRow,
  random: Random,
  rounds: number,
): Promise<Tally> {
  using probe = await ArrivalProbe.open();
  await using fixture = await row.open();
  // What a file has read ahead goes with it: that is looked at on its own.
  const ends = !fixture.readsAhead
    ? row.cancellations
    : random.chance(25)
    ? ["close" as const]
    : row.cancellations.filter((each) => each !== "close");
  const tally = new Tally();
  const got: Uint8Array[] = [];
  let [arrived, count] = [0, 0];
  const take = (data: Uint8Array) => {
    got.push(data);
    count += data.length;
  };
  let target = fixture.open();
  for (let n = 0; n < rounds; n++) {
    const cancellation = random.pick(ends);
    const point = pointOf(random);
    const company = {
      // A file's calls take turns, and have their time in them.
      before: !row.alone && !fixture.partial && random.chance(20),
      behind: !row.alone && random.chance(20),
    };
    // A call waits only if there is nothing left of what came before.
    if (random.chance(80)) {
      for (const data of await drain(target)) take(data);
    }
    const nothing = count === arrived;
    const settled = await interrupt({
      target,
      cancellation,
      point,
      company,
      timeoutS: (1 + random.below(40)) / 10_000,
      call: (options) => target.call(options),
      arrive: async () => {
        arrived += await fixture.arrive(arrived);
      },
    }, probe);
    for (const each of settled) {
      const { outcome, role } = each;
      if (role === "itself") tally.add(cancellation, !isResult(outcome));
      if (!("value" in outcome)) checkEnd(each, cancellation, outcome.error);
      else if (outcome.value === null) assertEquals(cancellation, "EAGAIN");
      else take(outcome.value);
    }
    if (settled.length === 1) {
      const { outcome } = settled[0]!;
      const value = isResult(outcome);
      assertFalse(
        value && point.early && nothing,
        `${cancellation}: a result before it arrived`,
      );
      assertFalse(
        value && point.first &&
          (cancellation === "abort" || cancellation === "close"),
        `${cancellation}: a result after the end`,
      );
      assert(
        value || fixture.partial || !findsBefore(point, cancellation),
        `${cancellation} ${point.name}: what was there is not found`,
      );
    }
    if (cancellation === "close") {
      target.close();
      target = fixture.open();
    }
  }
  await fixture.finish();
  while (count < arrived) {
    const data = await within(target.call({}), "the rest");
    // A loop over lines has no last value, and nothing else says null here.
    if (data === null || data.length === 0) break;
    take(data);
  }
  target.close();
  assertGreater(count, 0);
  if (fixture.readsAhead && ends.includes("close")) assertInOrder(got, arrived);
  else assertSameBytes(join(got), numbered(arrived));
  return tally;
}

/** What can be received without waiting. */
async function drain({ socket: s, call }: ReceiveCall): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  s.setblocking(false);
  try {
    for (let data; (data = await call({})) !== null;) found.push(data);
  } catch (error) {
    if (!(error instanceof socket.BlockingIOError)) throw error;
  }
  s.setblocking(true);
  return found;
}

function isResult(outcome: Outcome<Uint8Array | null>): boolean {
  return "value" in outcome && outcome.value !== null;
}
