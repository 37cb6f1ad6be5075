import * as socket from "@pystd/socket";
import type { Handle } from "./moments.ts";
import type { TcpSocket } from "./pair.ts";

/** What a sending call is made on. */
export interface Sending extends Handle {
  /** The call; null if it would block, as file objects say it. */
  call(
    message: Uint8Array,
    options: socket.SignalOption,
  ): Promise<number | null>;
  /** Sends what is buffered, and closes. */
  finish(): Promise<void>;
  /** Settles once what it had buffered has been sent, if it is closed. */
  closed?(): Promise<void>;
}

/** A sending call. */
export interface SendingRow {
  readonly open: (s: TcpSocket) => Sending;
  /** How long each message is. */
  readonly size: number;
  /** Whether the connection is full before the call. */
  readonly full: boolean;
  /** How much of a message goes out if the call ends early; null: unknown. */
  readonly ended: (error: unknown, size: number) => number | null;
}

/** Sending by a method of the socket. */
export function by(
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

type Writer = Pick<socket.BufferedWriter, "close" | "flush" | "write">;

/** Sending by a file object. */
export function byFile(
  buffering: number,
  call: (
    file: Writer,
    message: Uint8Array,
    options: socket.SignalOption,
  ) => Promise<number | null> = (file, message, options) =>
    file.write(message, options),
): (s: TcpSocket) => Sending {
  return (s) => {
    const file: Writer = s.makefile("wb", buffering);
    return {
      socket: s,
      call: (message, options) => call(file, message, options),
      close() {
        void file.close();
        s.close();
      },
      closed: () => file.close(),
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

/** Sending calls, by their names. */
export const sendingRows: Readonly<Record<string, SendingRow>> = {
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
