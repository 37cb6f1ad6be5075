import {
  type Address,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
} from "../base/constants.ts";
import { byOs } from "../base/errno_table.ts";
import { fromDeno } from "../base/os_error.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Options } from "./options.ts";
import type { StreamConn, StreamListener } from "../runtime/deno_net.ts";
import { OperationQueue } from "../wait/operation_queue.ts";
import { type CallContext, ConditionWaiter, deferred } from "../wait/waiter.ts";

/**
 * A listening stream socket. Connections are accepted in the order in which
 * they arrive.
 */
export class Listening extends OperationQueue implements Endpoint {
  readonly state = "listening";
  readonly writable = false;
  readonly afterShutdown: Endpoint;
  readonly listener: StreamListener;
  readonly #family: number;
  readonly #options: Options;
  readonly #writers = new Writers();
  /** The accepted connection that no call has returned yet. */
  #accepted: StreamConn | undefined;
  readonly #address: Address;
  /** Settles with the accept in flight. */
  #accepting: Promise<void> | undefined;
  #error: Error | undefined;
  #closed = false;

  /**
   * `afterShutdown` is the endpoint to which the socket returns after a
   * shutdown.
   */
  constructor(
    listener: StreamListener,
    family: number,
    options: Options,
    afterShutdown: Endpoint,
  ) {
    super();
    this.afterShutdown = afterShutdown;
    this.listener = listener;
    this.#family = family;
    this.#options = options;
    this.#address = afterShutdown.localAddress();
  }

  localAddress(): Address {
    return this.#address;
  }

  peerAddress(): undefined {
    return undefined;
  }

  applyOption(): void {}

  takeError(): undefined {
    return undefined;
  }

  get readable(): boolean {
    return this.#accepted !== undefined || this.#error !== undefined;
  }

  /** Waits for the next connection. */
  accept(context: CallContext): Promise<StreamConn> {
    const find = () => {
      const conn = this.#accepted;
      this.#accepted = undefined;
      if (conn !== undefined || this.#error === undefined) return conn;
      const error = this.#error;
      this.#error = undefined;
      throw error;
    };
    return this.run(new ConditionWaiter(context, find));
  }

  whenReadable(context: CallContext): Promise<true> {
    const find = () => this.readable ? true as const : undefined;
    return this.run(new ConditionWaiter(context, find));
  }

  /** Never resolves, as in Linux: a listener cannot be written to. */
  whenWritable(context: CallContext): Promise<true> {
    return this.#writers.join(deferred<true>(context, false));
  }

  start(): boolean {
    if (this.#closed) return false;
    this.#accepting = this.listener.accept()
      .then(this.#onAccepted, this.#onError);
    return true;
  }

  ref(): void {
    this.listener.ref();
  }

  unref(): void {
    this.listener.unref();
  }

  readonly #onAccepted = (conn: StreamConn): void => {
    if (this.#closed || this.#isTurnedAway(conn)) conn.close();
    else this.#accepted = conn;
    this.operationDone();
  };

  readonly #onError = (reason: unknown): void => {
    const error = fromDeno(reason);
    // The peer has already closed that connection; others may be waiting.
    const gone = "code" in error && PEER_GONE.includes(error.code);
    // An error is reported only to a call that waits. Without one, the next
    // call tries again, for example after EMFILE.
    if (!gone && this.hasWaiters && !this.#closed) {
      this.#error = error;
    }
    this.operationDone();
  };

  /**
   * Whether to reject an IPv4 connection. `Deno.listen` on `::` is always
   * dual-stack.
   */
  #isTurnedAway(conn: StreamConn): boolean {
    return this.#family === AF_INET6 &&
      this.#options.isSet(IPPROTO_IPV6, IPV6_V6ONLY) &&
      /^::ffff:\d+\./i.test((conn.remoteAddr as Deno.NetAddr).hostname);
  }

  /**
   * Stops listening and rejects the pending calls. Resolves when the address is
   * free, which is one turn of the event loop later if an accept is in flight.
   */
  stop(makeReason?: () => Error): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    const accepting = this.inFlight ? this.#accepting : undefined;
    // The accept in flight is waited for, even if no call waits.
    if (accepting !== undefined) this.listener.ref();
    this.listener.close();
    this.#accepted?.close();
    this.#accepted = undefined;
    this.rejectAll(makeReason);
    this.#writers.rejectAll(makeReason);
    return accepting ?? Promise.resolve();
  }

  close(): Promise<void> {
    return this.stop();
  }
}

/**
 * The errors of a connection whose peer has left. Deno asks an accepted socket
 * for its peer's address, which fails with ENOTCONN after a reset (2.9), and
 * with EINVAL on macOS, getpeername(2).
 */
const PEER_GONE: readonly unknown[] = [
  "ECONNABORTED",
  "ENOTCONN",
  byOs("", "EINVAL", ""),
];

/** The queue of calls that wait to write to a listening socket. */
class Writers extends OperationQueue {
  start(): boolean {
    return false;
  }

  ref(): void {}
  unref(): void {}
}
