import type { Address } from "../base/address.ts";
import { toPythonAddress } from "../base/sockaddr.ts";
import { AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY } from "../base/constants.ts";
import { byOs } from "../base/errno_table.ts";
import { fromDeno } from "../base/os_error.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Options } from "./options.ts";
import type { StreamConn, StreamListener } from "../runtime/deno_net.ts";
import {
  OperationQueue,
  type OperationSource,
} from "../wait/operation_queue.ts";
import {
  type CallContext,
  ConditionWaiter,
  DeferredWaiter,
} from "../wait/waiter.ts";

/** A listening stream socket: connections, in the order they came. */
export class Listening implements Endpoint, OperationSource {
  readonly state = "listening";
  readonly writable = false;
  readonly afterShutdown: Endpoint;
  readonly #listener: StreamListener;
  readonly #family: number;
  readonly #options: Options;
  readonly #operations: OperationQueue = new OperationQueue(this);
  readonly #writers: OperationQueue = new OperationQueue(IDLE);
  readonly #accepted: StreamConn[] = [];
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
    this.afterShutdown = afterShutdown;
    this.#listener = listener;
    this.#family = family;
    this.#options = options;
    this.#address = toPythonAddress(family, listener.addr);
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
    return this.#accepted.length > 0 || this.#error !== undefined;
  }

  /** The next connection. */
  accept(context: CallContext): Promise<StreamConn> {
    const find = () => {
      const conn = this.#accepted.shift();
      if (conn !== undefined || this.#error === undefined) return conn;
      const error = this.#error;
      this.#error = undefined;
      throw error;
    };
    return this.#operations.run(new ConditionWaiter(context, find));
  }

  whenReadable(context: CallContext): Promise<true> {
    const find = () => this.readable ? true as const : undefined;
    return this.#operations.run(new ConditionWaiter(context, find));
  }

  /** Never, as in Linux: there is nothing to write to. */
  whenWritable(context: CallContext): Promise<true> {
    return this.#writers.run(new DeferredWaiter<true>(context));
  }

  start(): boolean {
    if (this.#closed) return false;
    this.#accepting = this.#listener.accept()
      .then(this.#onAccepted, this.#onError);
    return true;
  }

  ref(): void {
    this.#listener.ref();
  }

  unref(): void {
    this.#listener.unref();
  }

  readonly #onAccepted = (conn: StreamConn): void => {
    if (this.#closed || this.#isTurnedAway(conn)) conn.close();
    else this.#accepted.push(conn);
    this.#operations.operationDone();
  };

  readonly #onError = (reason: unknown): void => {
    const error = fromDeno(reason);
    // The peer of that connection is gone already; others may be waiting.
    const gone = "code" in error && PEER_GONE.includes(error.code);
    // An error is for a call that waits. EMFILE with none is tried again.
    if (!gone && this.#operations.hasWaiters && !this.#closed) {
      this.#error = error;
    }
    this.#operations.operationDone();
  };

  /** `Deno.listen` on `::` is always dual-stack. */
  #isTurnedAway(conn: StreamConn): boolean {
    return this.#family === AF_INET6 &&
      this.#options.isSet(IPPROTO_IPV6, IPV6_V6ONLY) &&
      /^::ffff:\d+\./i.test((conn.remoteAddr as Deno.NetAddr).hostname);
  }

  /**
   * Stops listening; those who wait get `reason`. Resolves when the address is
   * free: with an accept in flight that is one turn of the event loop later.
   */
  stop(reason?: Error): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    const accepting = this.#operations.inFlight ? this.#accepting : undefined;
    // The accept in flight is waited for, also if nobody else waits.
    if (accepting !== undefined) this.#listener.ref();
    this.#listener.close();
    for (const conn of this.#accepted.splice(0)) conn.close();
    this.#operations.rejectAll(reason);
    this.#writers.rejectAll(reason);
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

const IDLE: OperationSource = { start: () => false, ref() {}, unref() {} };
