import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
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
  type Outcome,
  Sentinel,
} from "./_support/moments.ts";
import {
  assertSameBytes,
  receiveToEnd,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "./_support/pair.ts";
import { within } from "./_support/within.ts";

/** What a sending call is made on. */
interface Sending extends Handle {
  /** The call; null if it would block, as file objects say it. */
  call(
    message: Uint8Array,
    options: socket.SignalOption,
  ): Promise<number | null>;
  /** Sends what is buffered, and closes. */
  finish(): Promise<void>;
}

interface Row {
  readonly open: (s: TcpSocket) => Sending;
  /** How long each message is. */
  readonly size: number;
  /** Whether the connection is full before the call. */
  readonly full: boolean;
  /** How much of a message goes out if the call ends early; null: unknown. */
  readonly ended: (error: unknown, size: number) => number | null;
}

/** Sending by a method of the socket. */
function by(
  call: (
    s: TcpSocket,
    message: Uint8Array,
    options: socket.SignalOption,
  ) => Promise<number>,
): (s: TcpSocket) => Sending {
  return (s) => ({
    socket: s,
    call: (message, options) => call(s, message, options),
    close: () => s.close(),
    // deno-lint-ignore require-await
    finish: async () => s.close(),
  });
}

/** Sending by a file object. */
function byFile(buffering: number): (s: TcpSocket) => Sending {
  return (s) => {
    const file = s.makefile("wb", buffering);
    return {
      socket: s,
      call: (message, options) => file.write(message, options),
      close() {
        void file.close();
        s.close();
      },
      async finish() {
        s.setblocking(true);
        await file.close();
        s.close();
      },
    };
  };
}

const sendall = by(async (s, message, options) => {
  await s.sendall(message, options);
  return message.length;
});

const rows: Readonly<Record<string, Row>> = {
  "send()": {
    open: by((s, message, options) => s.send(message, options)),
    size: 100_000,
    full: true,
    ended: () => 0,
  },
  "sendto() on a stream": {
    open: by((s, message, options) =>
      s.sendto(message, ["127.0.0.1", 9], options)
    ),
    size: 50_000,
    full: true,
    ended: () => 0,
  },
  "sendall() behind taken bytes": {
    open: sendall,
    size: 100_000,
    full: true,
    ended: () => null,
  },
  "sendall() of much": {
    open: sendall,
    size: 7_000_000,
    full: false,
    ended: () => null,
  },
  "write() to a file": {
    open: byFile(8192),
    size: 1_500_000,
    // What fills the connection would overtake what the file has buffered.
    full: false,
    ended: (error, size) =>
      error instanceof socket.BlockingIOError
        ? (error as { characters_written?: number }).characters_written ?? 0
        : size,
  },
  "write() to a file without a buffer": {
    open: byFile(0),
    size: 100_000,
    full: true,
    ended: () => 0,
  },
};

/** Begins each message, and is nowhere else: numbered bytes are less than 251. */
const MARK = 255;

const body = numbered(8_000_000);

/** A message that says which it is. */
function messageOf(index: number, size: number): Uint8Array {
  const message = new Uint8Array(size);
  const start = index * 7 % 251;
  message.set(body.subarray(start, start + size - 4), 4);
  message.set([MARK, Math.floor(index / 200), index % 200, 0]);
  return message;
}

/** A message and how much of it goes out; null if that is not known. */
type Sent = readonly [size: number, taken: number | null];

for (const [name, row] of Object.entries(rows)) {
  for (const ending of endings) {
    Deno.test(`${name} reports what the peer gets when it meets ${ending}`, async () => {
      using sentinel = await Sentinel.open();
      await using pair = await tcpPair();
      await meetEverywhere(row, ending, pair.client, pair.peer, sentinel);
    });
  }
}

async function meetEverywhere(
  row: Row,
  ending: Ending,
  client: TcpSocket,
  peer: TcpSocket,
  sentinel: Sentinel,
): Promise<void> {
  const sent: Sent[] = [];
  const received: Uint8Array[] = [];
  let handle = row.open(client.dup());
  for (const moment of moments) {
    if (row.full) await fill(client, sent);
    const message = messageOf(sent.length, row.size);
    let settled = false;
    let reading: Promise<void> | undefined;
    const outcome = await meet(
      handle,
      ending,
      moment,
      sentinel,
      (options) =>
        handle.call(message, options).finally(() => {
          settled = true;
        }),
      // What it waits for is room. A close ends no send, so there has to be
      // enough for all of it then.
      async () => {
        await readSome(peer, received);
        if (ending === "close") {
          reading = readWhile(() => !settled, peer, received);
        }
      },
    );
    await reading;
    message.fill(254);
    sent.push([row.size, takenOf(row, ending, outcome)]);
    if (ending === "close") handle = row.open(client.dup());
  }
  const finished = handle.finish();
  client.close();
  received.push(await receiveToEnd(peer));
  await within(finished);
  check(received, sent);
}

/** Receives while somebody waits for room. */
async function readWhile(
  waits: () => boolean,
  s: TcpSocket,
  received: Uint8Array[],
): Promise<void> {
  while (waits()) await readSome(s, received);
}

async function readSome(s: TcpSocket, received: Uint8Array[]): Promise<void> {
  try {
    received.push(await s.recv(2_000_000, socket.MSG_DONTWAIT));
  } catch (error) {
    assert(error instanceof socket.BlockingIOError);
  }
}

function takenOf(
  row: Row,
  ending: Ending,
  outcome: Outcome<number | null>,
): number | null {
  if ("value" in outcome) {
    if (outcome.value === null) assertEquals(ending, "EAGAIN");
    else assertGreater(outcome.value, 0);
    return outcome.value ?? 0;
  }
  // A close ends no send.
  assert(ending !== "close", `${outcome.error}`);
  if (!isEnd(ending, outcome.error)) throw outcome.error;
  return row.ended(outcome.error, row.size);
}

/** Sends until there is no room. */
async function fill(s: TcpSocket, sent: Sent[]): Promise<void> {
  const size = 65_536;
  for (;;) {
    try {
      const message = messageOf(sent.length, size);
      sent.push([size, await s.send(message, socket.MSG_DONTWAIT)]);
    } catch (error) {
      assert(error instanceof socket.BlockingIOError);
      return;
    }
  }
}

/** Checks that the peer got of each message what was to go out, in order. */
function check(received: readonly Uint8Array[], sent: readonly Sent[]): void {
  const got = new Map<number, Uint8Array>();
  let last = -1;
  for (const message of split(received)) {
    assertEquals(message[0], MARK);
    const index = message[1]! * 200 + message[2]!;
    assertGreater(index, last);
    last = index;
    got.set(index, message);
  }
  sent.forEach(([size, taken], index) => {
    const message = got.get(index) ?? new Uint8Array(0);
    if (taken !== null) assertEquals(message.length, taken, `${index}`);
    assertSameBytes(
      message,
      messageOf(index, size).subarray(0, message.length),
    );
  });
}

/** The messages, or the parts of them that came. */
function split(received: readonly Uint8Array[]): Uint8Array[] {
  const stream = new Uint8Array(
    received.reduce((sum, { length }) => sum + length, 0),
  );
  let offset = 0;
  for (const data of received) {
    stream.set(data, offset);
    offset += data.length;
  }
  const messages: Uint8Array[] = [];
  for (let start = 0; start < stream.length;) {
    const next = stream.indexOf(MARK, start + 1);
    const end = next < 0 ? stream.length : next;
    messages.push(stream.subarray(start, end));
    start = end;
  }
  return messages;
}

for (const ending of endings) {
  Deno.test(`sendto() of datagrams sends each whole or not at all when it meets ${ending}`, async () => {
    using sentinel = await Sentinel.open();
    using receiver = udpSocket();
    const to = receiver.getsockname();
    let sender = udpSocket();
    const taken: number[] = [];
    let number = 0;
    for (const moment of moments) {
      const before = taken.length;
      const handle = { socket: sender, close: () => sender.close() };
      const datagram = numbered(1000, ++number);
      const outcome = await meet(
        handle,
        ending,
        moment,
        sentinel,
        (options) => sender.sendto(datagram, to, options),
        async () => {},
      );
      datagram.fill(255);
      if ("value" in outcome) {
        assertEquals(outcome.value, 1000);
        taken.push(number);
      } else assert(ending !== "close" && isEnd(ending, outcome.error));
      if (ending === "close") {
        sender.close();
        sender = udpSocket();
      }
      if (taken.length > before) {
        const data = await within(receiver.recv(65_536));
        assertSameBytes(data, numbered(1000, number));
      }
    }
    sender.close();
    await assertRejects(
      () => receiver.recv(1, socket.MSG_DONTWAIT),
      socket.BlockingIOError,
    );
    assertGreater(taken.length, 0);
  });
}
