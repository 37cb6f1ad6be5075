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

/** A listening stream socket: connections, in the order they came. */
export class Listening extends OperationQueue implements Endpoint {
  readonly state = "listening";
  readonly writable = false;
  readonly afterShutdown: Endpoint;
  readonly listener: StreamListener;
  readonly #family: number;
  readonly #options: Options;
  readonly #writers = new Writers();
  /** The connection that no call has taken yet. */
  #accepted: StreamConn | undefined;
  readonly #address: Address;
  /** Settles with the accept in flight. */
  #accepting: Promise<void> | undefined;
  #error: Error | undefined;
  #closed = false;

  /** `afterShutdown` is what the socket is again after a shutdown. */
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

  /** The next connection. */
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

  /** Never, as in Linux: there is nothing to write to. */
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
    // The peer of that connection is gone already; others may be waiting.
    const gone = "code" in error && PEER_GONE.includes(error.code);
    // An error is for a call that waits. EMFILE with none is tried again.
    if (!gone && this.hasWaiters && !this.#closed) {
      this.#error = error;
    }
    this.operationDone();
  };

  /** `Deno.listen` on `::` is always dual-stack. */
  #isTurnedAway(conn: StreamConn): boolean {
    return this.#family === AF_INET6 &&
      this.#options.isSet(IPPROTO_IPV6, IPV6_V6ONLY) &&
      /^::ffff:\d+\./i.test((conn.remoteAddr as Deno.NetAddr).hostname);
  }

  /**
   * Stops listening; its calls are rejected. Resolves when the address is
   * free: with an accept in flight that is one turn of the event loop later.
   */
  stop(makeReason?: () => Error): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    const accepting = this.inFlight ? this.#accepting : undefined;
    // The accept in flight is waited for, also if nobody else waits.
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
 * Deno asks an accepted socket for its peer: ENOTCONN after a reset (2.9), and
 * on macOS EINVAL, getpeername(2).
 */
const PEER_GONE: readonly unknown[] = [
  "ECONNABORTED",
  "ENOTCONN",
  byOs("", "EINVAL", ""),
];

/** The calls that wait to write to a listening socket. */
class Writers extends OperationQueue {
  start(): boolean {
    return false;
  }

  ref(): void {}
  unref(): void {}
}
