import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertLessOrEqual,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "./_support/fake_conn.ts";
import {
  type Ending,
  endings,
  type Handle,
  isEnd,
  meet,
  moments,
  Sentinel,
} from "./_support/moments.ts";
import {
  assertSameBytes,
  join,
  listener,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "./_support/pair.ts";
import { within } from "./_support/within.ts";

/** What a receiving call is made on. */
interface Receiving extends Handle {
  /** The call; null if it would block, as file objects say it. */
  call(options: socket.SignalOption): Promise<Uint8Array | null>;
}

/** Where numbered bytes come from, and who takes them. */
interface Stage extends AsyncDisposable {
  /** Something new to call, on the same queue. */
  open(): Receiving;
  /** Lets the next bytes arrive, the first of which has this number. */
  arrive(from: number): Promise<number>;
  /** Nothing comes after what has arrived. */
  finish(): Promise<void> | void;
  /** Whether the call may wait for more than what arrives at once. */
  readonly partial: boolean;
  /** Whether what was read ahead goes with what is closed. */
  readonly readsAhead: boolean;
}

type Receive = (
  s: TcpSocket,
  options: socket.SignalOption,
) => Promise<Uint8Array>;

/** A stream whose bytes are received by a method of the socket. */
function stream(
  receive: Receive,
  partial = false,
): () => Promise<Stage> {
  const open = (s: TcpSocket): Receiving => ({
    socket: s,
    call: (options) => receive(s, options),
    close: () => s.close(),
  });
  return streamOf(open, partial, false);
}

type File = Pick<socket.BufferedReader, "close" | "read" | "readinto"> & {
  readline(options: socket.SignalOption): Promise<Uint8Array | null>;
};

/** A stream whose bytes are received by a method of a file object. */
function file(
  buffering: number,
  read: (
    file: File,
    options: socket.SignalOption,
  ) => Promise<Uint8Array | null>,
  readsAhead = buffering > 0,
): () => Promise<Stage> {
  const open = (s: TcpSocket): Receiving => {
    const file = s.makefile("rb", buffering) as File;
    return {
      socket: s,
      call: (options) => read(file, options),
      close() {
        void file.close();
        s.close();
      },
    };
  };
  return streamOf(open, true, readsAhead);
}

/** Bytes in runs of these sizes arrive; the long one needs several reads. */
const SIZES = [1, 5, 2, 3000, 7, 1];

function streamOf(
  open: (s: TcpSocket) => Receiving,
  partial: boolean,
  readsAhead: boolean,
): () => Promise<Stage> {
  return async () => {
    const pair = await tcpPair();
    let runs = 0;
    return {
      open: () => open(pair.peer.dup()),
      async arrive(from) {
        const size = SIZES[runs++ % SIZES.length]!;
        await pair.client.sendall(numbered(size, from));
        return size;
      },
      finish: () => pair.client.close(),
      partial,
      readsAhead,
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  };
}

/** Connections, numbered by the one byte that each brings. */
// deno-lint-ignore require-await
async function connections(): Promise<Stage> {
  const server = listener();
  return {
    open() {
      const s = server.dup();
      const call = async (options: socket.SignalOption) => {
        const [conn] = await s.accept(options);
        const data = await within(conn.recv(10));
        conn.close();
        return data;
      };
      return { socket: s, call, close: () => s.close() };
    },
    async arrive(from) {
      const client = socket.socket();
      await within(client.connect(server.getsockname()));
      await client.sendall(numbered(1, from));
      client.close();
      return 1;
    },
    finish() {},
    partial: false,
    readsAhead: false,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Datagrams of one byte each. */
function datagrams(receive: Receive): () => Promise<Stage> {
  // deno-lint-ignore require-await
  return async () => {
    const a = udpSocket();
    const b = udpSocket();
    return {
      open() {
        const s = b.dup();
        return {
          socket: s,
          call: (options) => receive(s, options),
          close: () => s.close(),
        };
      },
      arrive: (from) => a.sendto(numbered(1, from), b.getsockname()),
      finish() {},
      partial: false,
      readsAhead: false,
      async [Symbol.asyncDispose]() {
        a.close();
        await b[Symbol.asyncDispose]();
      },
    };
  };
}

const recvInto: Receive = async (s, options) => {
  const buffer = new Uint8Array(1500).fill(255);
  const n = await s.recv_into(buffer, 0, 0, options);
  const data = buffer.slice(0, n);
  assert(buffer.subarray(n).every((byte) => byte === 255));
  return data;
};

const recvfromInto: Receive = async (s, options) => {
  const buffer = new Uint8Array(10);
  const [n] = await s.recvfrom_into(buffer, 0, 0, options);
  return buffer.slice(0, n);
};

async function readInto(
  file: File,
  options: socket.SignalOption,
): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(3);
  const n = await file.readinto(buffer, options);
  return n === null ? null : buffer.slice(0, n);
}

const rows: Readonly<Record<string, () => Promise<Stage>>> = {
  "accept()": connections,
  "recv()": stream((s, options) => s.recv(4000, options)),
  "recv() of little": stream((s, options) => s.recv(3, options)),
  "recv() with MSG_WAITALL": stream(
    (s, options) => s.recv(6, socket.MSG_WAITALL, options),
    true,
  ),
  "recv_into()": stream(recvInto),
  "recvfrom()": stream(async (s, options) =>
    (await s.recvfrom(4000, options))[0]
  ),
  "recvfrom_into()": stream(recvfromInto),
  "recvfrom() of a datagram": datagrams(async (s, options) =>
    (await s.recvfrom(10, options))[0]
  ),
  "recv_into() of a datagram": datagrams(recvInto),
  "read() of a file": file(8192, (f, options) => f.read(4, options)),
  "read() of a file without a buffer": file(
    0,
    (f, options) => f.read(4, options),
  ),
  "readinto() of a file": file(16, readInto),
  "readline() of a file": file(8192, (f, options) => f.readline(options)),
  // The part of a line that it has goes with the file.
  "readline() of a file without a buffer": file(
    0,
    (f, options) => f.readline(options),
    true,
  ),
};

for (const [name, openStage] of Object.entries(rows)) {
  for (const ending of endings) {
    Deno.test(`${name} loses, doubles and disorders nothing when it meets ${ending}`, async () => {
      using sentinel = await Sentinel.open();
      await using stage = await openStage();
      await meetEverywhere(stage, ending, sentinel);
    });
  }
}

/** Makes the call meet its end at every moment; all that
 * arrives is received in the end, once and in order. */
async function meetEverywhere(
  stage: Stage,
  ending: Ending,
  sentinel: Sentinel,
): Promise<void> {
  const got: Uint8Array[] = [];
  let arrived = 0;
  let count = 0;
  let ended = 0;
  const take = (data: Uint8Array) => {
    got.push(data);
    count += data.length;
  };
  let handle = stage.open();
  for (const moment of [...moments, ...moments]) {
    const nothing = count === arrived;
    const outcome = await meet(
      handle,
      ending,
      moment,
      sentinel,
      (options) => handle.call(options),
      async () => {
        arrived += await stage.arrive(arrived);
      },
    );
    if ("value" in outcome && outcome.value !== null) {
      take(outcome.value);
      assertFalse(moment.early && nothing, `a result before it arrived`);
    } else {
      ended++;
      if ("value" in outcome) assertEquals(ending, "EAGAIN");
      else if (!isEnd(ending, outcome.error)) throw outcome.error;
      // Only a call for more than one byte could still have to wait.
      assertFalse(moment.before && !stage.partial, moment.name);
    }
    if (ending === "close") {
      handle.close();
      handle = stage.open();
    }
  }
  await stage.finish();
  while (count < arrived) {
    const data = await within(handle.call({}), 5000, "the rest");
    if (data!.length === 0) break;
    take(data!);
  }
  handle.close();
  assertGreater(ended, 0);
  if (stage.readsAhead && ending === "close") assertInOrder(got, arrived);
  else assertSameBytes(join(got), numbered(arrived));
}

/** Checks that the parts are parts of the numbered bytes, each behind the last. */
function assertInOrder(parts: readonly Uint8Array[], length: number): void {
  let end = 0;
  for (const part of parts) {
    const first = part[0]!;
    // The nearest place that has the part's first byte.
    const start = end + (first - end % 251 + 251) % 251;
    assertSameBytes(part, numbered(part.length, start));
    end = start + part.length;
  }
  assertLessOrEqual(end, length);
}
