import type { Address } from "../base/address.ts";
import { toPythonAddress } from "../base/sockaddr.ts";
import { AF_UNIX, MSG_PEEK } from "../base/constants.ts";
import { fromDeno } from "../base/os_error.ts";
import { noDatagram, type Received, type ReceiveSink } from "./endpoint.ts";
import type { MulticastState } from "./options.ts";
import { type DatagramConn, EventLoopHold } from "../runtime/deno_net.ts";
import { isSameAddress } from "../runtime/resolver.ts";
import {
  OperationQueue,
  type OperationSource,
} from "../wait/operation_queue.ts";
import { type CallContext, ConditionWaiter, Waiter } from "../wait/waiter.ts";

/** Room for the largest UDP datagram. */
export const LARGEST_UDP = 65_536;

/**
 * Room for what a Unix socket can send: twice the largest SO_SNDBUF that Linux
 * grants by default. Only what is touched of so large an array takes memory: on
 * Deno 2.9.6 10 KiB, where one of 256 KiB takes 137.
 */
const LARGEST_UNIX = 524_288;

/** How many bytes a receive has to make room for. */
export function receiveBufferSize(family: number): number {
  return family === AF_UNIX ? LARGEST_UNIX : LARGEST_UDP;
}

/** Makes what a call returns of what is received. */
export type Shape<T> = (received: Received) => T;

/** A call that waits for a datagram. */
class Receive<T> extends Waiter<T> {
  readonly #receiver: DatagramReceiver;
  readonly #n: number;
  readonly #flags: number;
  readonly #shape: Shape<T>;
  readonly #sink: ReceiveSink | undefined;

  constructor(
    context: CallContext,
    receiver: DatagramReceiver,
    n: number,
    flags: number,
    shape: Shape<T>,
    sink: ReceiveSink | undefined,
  ) {
    super(context);
    this.#receiver = receiver;
    this.#n = n;
    this.#flags = flags;
    this.#shape = shape;
    this.#sink = sink;
  }

  attempt(): T | undefined {
    const received = this.#receiver.take(this.#n, this.#flags, this.#sink);
    return received === undefined ? undefined : this.#shape(received);
  }
}

/** The receiving half of a datagram socket, which may have no port yet. */
export class DatagramReceiver implements OperationSource {
  /** Nothing is received but from there; undefined for anywhere. */
  peer: Address | undefined;
  /** Settles with the receive in flight. */
  receiving: Promise<void> | undefined;
  readonly #family: number;
  readonly #operations: OperationQueue = new OperationQueue(this);
  readonly #queue: Received[] = [];
  #port: DatagramConn | undefined;
  #multicast: MulticastState | undefined;
  /** Stands in for the receive in flight while there is no port. */
  #unbound: EventLoopHold | undefined;
  #referenced = true;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #error: Error | undefined;
  #shut = false;
  #closed = false;

  constructor(family: number) {
    this.#family = family;
  }

  /** Receives from a port, and tells what its multicast fails with. */
  open(port: DatagramConn, multicast: MulticastState | undefined): void {
    this.#port = port;
    this.#multicast = multicast;
    if (!this.#referenced) port.unref();
    // Somebody may have been waiting for a datagram since before the bind.
    if (this.#unbound === undefined) return;
    this.#unbound.end();
    this.#unbound = undefined;
    this.#operations.operationDone();
  }

  takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error ?? this.#multicast?.takeError();
  }

  get readable(): boolean {
    return this.#queue.length > 0 || this.#shut ||
      this.#error !== undefined || this.#multicast?.failed === true;
  }

  get failed(): boolean {
    return this.#error !== undefined;
  }

  get ended(): boolean {
    return this.#shut;
  }

  whenReadable(context: CallContext): Promise<true> {
    const find = () => this.readable ? true as const : undefined;
    return this.#operations.run(new ConditionWaiter(context, find));
  }

  /** One datagram, cut to `n` bytes; none if the sink left. */
  recv<T>(
    context: CallContext,
    n: number,
    flags: number,
    shape: Shape<T>,
    sink: ReceiveSink | undefined,
  ): Promise<T> {
    return this.#operations.run(
      new Receive(context, this, n, flags, shape, sink),
    );
  }

  /** What a call gets that receives now; undefined if it has to wait. */
  take(n: number, flags: number, sink?: ReceiveSink): Received | undefined {
    const first = this.#queue[0];
    if (first === undefined) return this.#nothing(sink);
    if (sink?.active === false) return noDatagram();
    const { data, address } = first;
    const truncated = data.length > n;
    const peek = (flags & MSG_PEEK) !== 0;
    const received = !truncated && !peek
      ? first
      : { data: data.slice(0, n), address, truncated };
    sink?.push(received.data);
    if (!peek) this.#queue.shift();
    return received;
  }

  #nothing(sink: ReceiveSink | undefined): Received | undefined {
    const error = this.takeError();
    if (error !== undefined) throw error;
    if (!this.#shut) return undefined;
    if (sink?.active) sink.push(null);
    return noDatagram();
  }

  /** Lets those who wait look again. */
  serve(): void {
    this.#operations.wakeWaiters();
  }

  /** Ends it: who waits gets the end. */
  shut(): void {
    this.#shut = true;
    this.#operations.wakeWaiters();
  }

  start(): boolean {
    if (this.#closed) return false;
    if (this.#port === undefined) {
      this.#unbound = new EventLoopHold();
      if (!this.#referenced) this.#unbound.unref();
      return true;
    }
    this.#buffer ??= new Uint8Array(receiveBufferSize(this.#family));
    this.receiving = this.#port.receive(this.#buffer)
      .then(this.#onReceived, this.#onError);
    return true;
  }

  ref(): void {
    this.#referenced = true;
    (this.#unbound ?? this.#port)?.ref();
  }

  unref(): void {
    this.#referenced = false;
    (this.#unbound ?? this.#port)?.unref();
  }

  readonly #onReceived = ([data, addr]: [Uint8Array, Deno.Addr]): void => {
    const address = toPythonAddress(this.#family, addr);
    if (!this.#closed && this.#isWanted(address)) {
      this.#queue.push({ data: data.slice(), address, truncated: false });
    }
    if (data.length > LARGEST_UDP) this.#buffer = undefined;
    this.#operations.operationDone();
  };

  #isWanted(address: Address): boolean {
    return this.peer === undefined || isSameAddress(this.peer, address);
  }

  readonly #onError = (reason: unknown): void => {
    const error = fromDeno(reason);
    const code = "code" in error ? error.code : undefined;
    // On Windows an ICMP error for a datagram sent earlier fails a receive.
    const icmp = code === "ECONNRESET" || code === "ECONNREFUSED";
    if (!icmp && this.#operations.hasWaiters && !this.#closed) {
      this.#error = error;
    }
    this.#operations.operationDone();
  };

  /** Rejects who waits; the receive in flight ends with the port. */
  close(): void {
    this.#closed = true;
    this.#operations.rejectAll();
    this.#unbound?.end();
  }
}
