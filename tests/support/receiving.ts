import { assert, assertLessOrEqual } from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "./fake_conn.ts";
import type { Handle } from "./moments.ts";
import {
  assertSameBytes,
  listener,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "./pair.ts";
import { within } from "./within.ts";

/** What a receiving call is made on. */
export interface Receiving extends Handle {
  /** The call; null if it would block, as file objects say it. */
  call(options: socket.SignalOption): Promise<Uint8Array | null>;
}

/** Where numbered bytes come from, and who takes them. */
export interface Stage extends AsyncDisposable {
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

/** A receiving method of a socket. */
export type Receive = (
  s: TcpSocket,
  options: socket.SignalOption,
) => Promise<Uint8Array | null>;

/** A stream whose bytes are received by a method of the socket. */
export function stream(
  receive: Receive,
  partial: boolean = false,
): () => Promise<Stage> {
  const open = (s: TcpSocket): Receiving => ({
    socket: s,
    call: (options) => receive(s, options),
    close: () => s.close(),
  });
  return streamOf(open, partial, false);
}

/** A binary file object. */
export type File =
  & Pick<socket.BufferedReader, "close" | "read" | "readinto">
  & {
    readline(options: socket.SignalOption): Promise<Uint8Array | null>;
  };

/** A stream whose bytes are received by a method of a file object. */
export function file(
  buffering: number,
  read: (
    file: File,
    options: socket.SignalOption,
  ) => Promise<Uint8Array | null>,
  readsAhead: boolean = buffering > 0,
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

/** A stream on a connection of its own. */
export function streamOf(
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
export async function connections(
  open: (server: TcpSocket) => Receiving = accepting,
): Promise<Stage> {
  const server = listener();
  return {
    open: () => open(server.dup()),
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

function accepting(s: TcpSocket): Receiving {
  return {
    socket: s,
    call: async (options) => await numberOf((await s.accept(options))[0]),
    close: () => s.close(),
  };
}

/** The byte that a connection brings. */
export async function numberOf(conn: TcpSocket): Promise<Uint8Array> {
  const data = await within(conn.recv(10));
  conn.close();
  return data;
}

/** Datagrams of one byte each. */
export function datagrams(receive: Receive): () => Promise<Stage> {
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

/** Receiving calls, by their names. */
export const receivingRows: Readonly<Record<string, () => Promise<Stage>>> = {
  "accept()": () => connections(),
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

/** Checks that the parts are parts of the numbered bytes, each behind the last. */
export function assertInOrder(
  parts: readonly Uint8Array[],
  length: number,
): void {
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
