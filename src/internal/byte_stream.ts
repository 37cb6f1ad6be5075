import type { SignalOption } from "./wait.ts";

/**
 * What a file object reads from and writes to: its own hold on a socket, with
 * the socket's timeout.
 */
export interface ByteStream {
  /**
   * Receives into `buffer`. The number of bytes, 0 at the end of the stream.
   * Rejects with `TimeoutError`, the signal's reason or, if non-blocking,
   * `BlockingIOError`; what arrives later then goes to the next call. If
   * `endReceive` or `release` ends the call, what comes next may still be written
   * to `buffer`, and goes to the next holder.
   */
  recvInto(buffer: Uint8Array, options?: SignalOption): Promise<number>;

  /**
   * Sends; the number of bytes taken, which may be fewer than given. Rejects
   * as `recvInto`, having taken nothing. `data` is not read after the call has
   * settled.
   */
  send(data: Uint8Array, options?: SignalOption): Promise<number>;

  /** The descriptor. */
  fileno(): number;

  /**
   * Ends a receive that is pending on this hold with EBADF, whose bytes go to
   * the next holder's. One that has its bytes already gives them. Sends go on.
   */
  endReceive(): void;

  /**
   * Gives up this hold; the socket really closes with its last holder. Ends a
   * pending receive too. Doing it again does nothing.
   */
  release(): void;
}
