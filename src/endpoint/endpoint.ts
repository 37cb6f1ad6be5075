/**
 * What a description is at the moment: it holds one endpoint, and replaces it on
 * a change of state.
 */

import type { Address } from "../base/constants.ts";
import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import type { ErrnoCode } from "../base/errno.ts";
import { osError } from "../base/os_error.ts";
import type { CallContext } from "../wait/waiter.ts";

/** The states of a socket. */
export type State =
  | "unconnected"
  | "connecting"
  | "listening"
  | "connected"
  | "datagram"
  | "closed";

/** What every endpoint can be asked. */
export interface Endpoint {
  readonly state: State;
  /** The local address; the unspecified one if there is none. */
  localAddress(): Address;
  /** The peer's address. */
  peerAddress(): Address | undefined;
  /** Puts an option in force that has just been stored. */
  applyOption(level: number, option: number): void;
  /** The state's own error, for SO_ERROR, taken. */
  takeError(): Error | undefined;
  readonly readable: boolean;
  readonly writable: boolean;
  /** Whether an error is pending, which the next call or SO_ERROR takes. */
  readonly failed?: boolean;
  /** Whether nothing more will be received than what is there. */
  readonly ended?: boolean;
  /** Whether neither direction carries anything any more. */
  readonly hungUp?: boolean;
  whenReadable(context: CallContext): Promise<true>;
  whenWritable(context: CallContext): Promise<true>;
  /** Lets what is unsent go out, then releases; rejects with why it did not. */
  close(): Promise<void>;
}

/** An endpoint that is about to become another, by itself. */
export interface Opening extends Endpoint {
  readonly state: "connecting";
  /** Waits for the outcome; a call that sends does also when it is closed. */
  whenSettled(context: CallContext, toSend: boolean): Promise<true>;
}

/** Whether an endpoint is about to become another. */
export function isOpening(endpoint: Endpoint): endpoint is Opening {
  return endpoint.state === "connecting";
}

/** A datagram, or the part of it that was asked for. */
export interface Received {
  readonly data: Bytes;
  readonly address: Address | null;
  readonly truncated: boolean;
}

/** Received bytes and where they came from; null on a connected stream. */
export type From = [data: Bytes, address: Address | null];

/** What is received after the end. */
export function noDatagram(): Received {
  return { data: EMPTY_BYTES, address: null, truncated: false };
}

/**
 * Gets received bytes in the same step in which they leave the queue. A promise
 * would deliver them some microtasks later, when the reader may be gone.
 */
export interface ReceiveSink {
  /** Whether it still wants bytes; if not, the next call gets them. */
  readonly active: boolean;
  /** Delivers bytes, or null at the end. */
  push(data: Bytes | null): void;
  /** Whether the bytes have reached a reader; until then they stay queued. */
  readonly taken: boolean;
  /** Takes back bytes that no reader has taken: another call gets them. */
  withdraw(): void;
}

/**
 * Scatters bytes over the buffers of a call in the step in which they leave the
 * queue. If a buffer has been detached, nothing leaves it.
 */
export class ScatterSink implements ReceiveSink {
  readonly taken = true;
  readonly #targets: readonly Uint8Array[];
  readonly #lengths: readonly number[];

  constructor(targets: readonly Uint8Array[]) {
    this.#targets = targets;
    this.#lengths = targets.map(({ length }) => length);
  }

  get active(): boolean {
    for (let i = 0; i < this.#targets.length; i++) {
      const { length } = this.#targets[i]!;
      if (length >= this.#lengths[i]!) continue;
      throw new TypeError(
        `Cannot receive: buffer was detached or resized during the call, to ${length} bytes`,
      );
    }
    return true;
  }

  push(data: Bytes | null): void {
    if (data === null) return;
    let offset = 0;
    for (let i = 0; offset < data.length; i++) {
      const end = offset + this.#lengths[i]!;
      const part = offset === 0 && end >= data.length
        ? data
        : data.subarray(offset, end);
      this.#targets[i]!.set(part);
      offset = end;
    }
  }

  withdraw(): void {}
}

/** What a call needs a socket to be. */
export type Operation =
  | "accept"
  | "bind"
  | "connect"
  | "listen"
  | "recv"
  | "send"
  | "shutdown";

/** The errno of a call on a socket of another kind, as Linux has it. */
const STATE_ERRNO: Record<Operation, Partial<Record<State, ErrnoCode>>> = {
  accept: {
    unconnected: "EINVAL",
    connecting: "EINVAL",
    connected: "EINVAL",
    datagram: "EOPNOTSUPP",
  },
  // One that is unconnected or of datagrams is not bound twice.
  bind: {
    unconnected: "EINVAL",
    connecting: "EINVAL",
    listening: "EINVAL",
    connected: "EINVAL",
    datagram: "EINVAL",
  },
  connect: {
    connecting: "EALREADY",
    listening: "EISCONN",
    connected: "EISCONN",
  },
  listen: {
    connecting: "EINVAL",
    connected: "EINVAL",
    datagram: "EOPNOTSUPP",
  },
  recv: {
    unconnected: "ENOTCONN",
    connecting: "ENOTCONN",
    listening: "ENOTCONN",
  },
  send: {
    unconnected: "ENOTCONN",
    connecting: "ENOTCONN",
    listening: "ENOTCONN",
  },
  shutdown: { unconnected: "ENOTCONN", connecting: "ENOTCONN" },
};

const BOUND_ALREADY = "the socket is bound already";
const ACCEPT_FIRST = "it listens; accept() gives the connected one";

/** What to call instead, where a program often has it wrong. */
const STATE_HINT: Partial<Record<Operation, Partial<Record<State, string>>>> = {
  accept: { unconnected: "listen() comes first" },
  bind: {
    unconnected: BOUND_ALREADY,
    listening: BOUND_ALREADY,
    datagram: BOUND_ALREADY,
  },
  recv: { listening: ACCEPT_FIRST },
  send: { listening: ACCEPT_FIRST },
};

/** The error of a call on a socket of the wrong kind. */
export function stateError(operation: Operation, kind: State): Error {
  const code = STATE_ERRNO[operation][kind] ?? "EBADF";
  return osError(code, STATE_HINT[operation]?.[kind]);
}

/** What is left after the last holder has closed: every call fails. */
export class Closed implements Endpoint {
  readonly state = "closed";
  readonly readable = true;
  readonly writable = true;

  localAddress(): Address {
    throw osError("EBADF");
  }

  peerAddress(): Address {
    throw osError("EBADF");
  }

  applyOption(): void {}

  takeError(): undefined {
    return undefined;
  }

  whenReadable(): Promise<true> {
    return Promise.reject(osError("EBADF"));
  }

  whenWritable(): Promise<true> {
    return Promise.reject(osError("EBADF"));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
