/**
 * The state of an open socket. A description holds exactly one endpoint, and
 * replaces it when the state changes.
 */

import type { Address } from "../base/constants.ts";
import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import type { ErrnoCode } from "../base/errno_table.ts";
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

/** The members that the endpoints of all states have. */
export interface Endpoint {
  readonly state: State;
  /** Returns the local address, or the unspecified address if there is none. */
  localAddress(): Address;
  /** Returns the peer's address. */
  peerAddress(): Address | undefined;
  /**
   * Applies an option that has just been stored. `before` says whether it was
   * set before.
   */
  applyOption(level: number, option: number, before: boolean): void;
  /** Returns the pending error, for SO_ERROR, and clears it. */
  takeError(): Error | undefined;
  readonly readable: boolean;
  readonly writable: boolean;
  /** Whether an error is pending, which the next call or SO_ERROR returns. */
  readonly failed?: boolean;
  /** Whether nothing will be received after the bytes that are queued. */
  readonly ended?: boolean;
  /** Whether both directions have ended. */
  readonly hungUp?: boolean;
  whenReadable(context: CallContext): Promise<true>;
  whenWritable(context: CallContext): Promise<true>;
  /**
   * Sends the unsent bytes, and releases the connection. Rejects if they could
   * not be sent.
   */
  close(): Promise<void>;
}

/** An endpoint that will be replaced by another without a further call. */
export interface Opening extends Endpoint {
  readonly state: "connecting";
  /**
   * Waits for the outcome. A call that sends waits even after the socket has
   * been closed.
   */
  whenSettled(context: CallContext, toSend: boolean): Promise<true>;
}

/** Returns whether an endpoint will be replaced without a further call. */
export function isOpening(endpoint: Endpoint): endpoint is Opening {
  return endpoint.state === "connecting";
}

/** A received datagram or message, or the part of it that was asked for. */
export interface Received {
  readonly data: Bytes;
  readonly address: Address | null;
  readonly truncated: boolean;
}

/**
 * Received bytes, and the address of their sender, which is null on a connected
 * stream.
 */
export type From = [data: Bytes, address: Address | null];

/** Returns the result of a receive after the end of the stream. */
export function noDatagram(): Received {
  return { data: EMPTY_BYTES, address: null, truncated: false };
}

/**
 * A sink that gets received bytes in the same step in which they leave the
 * queue. A promise would deliver them some microtasks later, when the reader
 * may have left.
 */
export interface ReceiveSink {
  /** Whether the sink still accepts bytes. If not, the next call gets them. */
  readonly active: boolean;
  /** Delivers bytes, or null at the end of the stream. */
  push(data: Bytes | null): void;
  /** Whether the bytes have reached a reader; until then they stay queued. */
  readonly taken: boolean;
  /** Withdraws bytes that no reader has taken, since another call gets them. */
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

/** The operations whose error depends on the state. */
export type Operation =
  | "accept"
  | "bind"
  | "connect"
  | "listen"
  | "recv"
  | "send"
  | "shutdown";

/**
 * The errno of each operation in a state that does not support it, as in Linux.
 */
const STATE_ERRNO: Record<Operation, Partial<Record<State, ErrnoCode>>> = {
  accept: {
    unconnected: "EINVAL",
    connecting: "EINVAL",
    connected: "EINVAL",
    datagram: "EOPNOTSUPP",
  },
  // Unconnected and datagram endpoints fail so only for a second bind.
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

const BOUND_ALREADY = "the socket is already bound";
const ACCEPT_FIRST = "the socket listens; accept() returns the connected one";

/** Hints for mistakes that programs often make. */
const STATE_HINT: Partial<Record<Operation, Partial<Record<State, string>>>> = {
  accept: { unconnected: "call listen() first" },
  bind: {
    unconnected: BOUND_ALREADY,
    listening: BOUND_ALREADY,
    datagram: BOUND_ALREADY,
  },
  recv: { listening: ACCEPT_FIRST },
  send: { listening: ACCEPT_FIRST },
};

/** Creates the error of an operation in a state that does not support it. */
export function stateError(operation: Operation, kind: State): Error {
  const code = STATE_ERRNO[operation][kind] ?? "EBADF";
  return osError(code, STATE_HINT[operation]?.[kind]);
}

/** The endpoint after the last descriptor has closed: every call fails. */
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
