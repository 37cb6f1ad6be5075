import { type Address, AF_UNIX, MSG_PEEK } from "../base/constants.ts";
import { fromDeno } from "../base/os_error.ts";
import { noDatagram, type Received, type ReceiveSink } from "./endpoint.ts";
import type { MulticastState, Options } from "./options.ts";
import { type DatagramConn, EventLoopHold } from "../runtime/deno_net.ts";
import { toScopedAddress } from "../runtime/interface_table.ts";
import { isSameAddress } from "../runtime/resolver.ts";
import { countBytes } from "../wait/event_loop.ts";
import { OperationQueue } from "../wait/operation_queue.ts";
import { type CallContext, ConditionWaiter, Waiter } from "../wait/waiter.ts";

/** The size of a buffer for the largest UDP datagram. */
export const LARGEST_UDP = 65_536;

/**
 * The size of a buffer for the largest Unix datagram: twice the largest
 * SO_SNDBUF that Linux allows by default. Of so large an array only the touched
 * pages take memory: 10 KiB on Deno 2.9.6, whereas an array of 256 KiB takes
 * 137.
 */
const LARGEST_UNIX = 524_288;

/** Returns the size of the buffer that a receive needs. */
export function receiveBufferSize(family: number): number {
  return family === AF_UNIX ? LARGEST_UNIX : LARGEST_UDP;
}

/** A call that receives a datagram, cut to `n` bytes. */
class DatagramWaiter<T> extends Waiter<T> {
  readonly #receiver: DatagramReceiver;
  readonly #n: number;
  readonly #shape: (received: Received) => T;
  readonly #sink: ReceiveSink | undefined;

  constructor(
    context: CallContext,
    receiver: DatagramReceiver,
    n: number,
    shape: (received: Received) => T,
    sink: ReceiveSink | undefined,
  ) {
    super(context);
    this.#receiver = receiver;
    this.#n = n;
    this.#shape = shape;
    this.#sink = sink;
  }

  attempt(): T | undefined {
    const peeks = ((this.context.flags ?? 0) & MSG_PEEK) !== 0;
    const received = this.#receiver.take(this.#n, peeks, this.#sink);
    return received === undefined ? undefined : this.#shape(received);
  }
}

/** The receiving half of a datagram socket, which may not be bound yet. */
export class DatagramReceiver extends OperationQueue {
  /**
   * The only address that datagrams are accepted from; undefined for any
   * address.
   */
  peer: Address | undefined;
  /** Settles with the receive in flight. */
  receiving: Promise<void> | undefined;
  readonly #family: number;
  readonly #options: Options;
  /** The received datagram that no call has returned yet. */
  #received: Received | undefined;
  #lent: ReceiveSink | undefined;
  #port: DatagramConn | undefined;
  #multicast: MulticastState | undefined;
  /**
   * Keeps the process alive in place of a receive in flight, while the socket
   * is not bound.
   */
  #unbound: EventLoopHold | undefined;
  #referenced = true;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #error: Error | undefined;
  #shut = false;
  #closed = false;

  constructor(family: number, options: Options) {
    super();
    this.#family = family;
    this.#options = options;
  }

  /**
   * Begins to receive from an open socket of the runtime. Failures of its
   * multicast are reported too.
   */
  open(port: DatagramConn, multicast: MulticastState | undefined): void {
    this.#port = port;
    this.#multicast = multicast;
    if (!this.#referenced) port.unref();
    // A call may have been waiting for a datagram since before the bind.
    if (this.#unbound === undefined) return;
    this.#unbound.end();
    this.#unbound = undefined;
    this.operationDone();
  }

  takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error ?? this.#multicast?.takeError();
  }

  get readable(): boolean {
    if (this.#lent?.taken) this.#settleLoan();
    return this.#received !== undefined || this.#shut ||
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
    return this.run(new ConditionWaiter(context, find));
  }

  /**
   * Receives one datagram, cut to `n` bytes. `shape` makes the result of it.
   */
  recv<T>(
    context: CallContext,
    n: number,
    shape: (received: Received) => T,
    sink?: ReceiveSink,
  ): Promise<T> {
    return this.run(new DatagramWaiter(context, this, n, shape, sink));
  }

  /**
   * Returns the result of a call that receives now, or undefined if it has to
   * wait.
   */
  take(n: number, peeks: boolean, sink?: ReceiveSink): Received | undefined {
    if (this.#lent !== undefined) this.#settleLoan();
    const first = this.#received;
    if (first === undefined) return this.#nothing(sink);
    if (sink?.active === false) return noDatagram();
    const { data, address } = first;
    const truncated = data.length > n;
    const received = !truncated && !peeks && sink === undefined ? first : {
      data: data.slice(0, n),
      address: Array.isArray(address) ? [...address] as Address : address,
      truncated,
    };
    if (sink !== undefined) {
      sink.push(received.data);
      if (!sink.taken) {
        this.#lent = sink;
        return received;
      }
    }
    if (!peeks) this.#received = undefined;
    countBytes(data.length);
    return received;
  }

  /**
   * Settles a datagram that a web stream holds, but that no reader may have
   * asked for.
   */
  #settleLoan(): void {
    const sink = this.#lent!;
    this.#lent = undefined;
    if (sink.taken) this.#received = undefined;
    else sink.withdraw();
  }

  #nothing(sink: ReceiveSink | undefined): Received | undefined {
    const error = this.takeError();
    if (error !== undefined) throw error;
    if (!this.#shut) return undefined;
    if (sink?.active) sink.push(null);
    return noDatagram();
  }

  /** Ends the stream of datagrams, for the waiters and for later calls. */
  shut(): void {
    this.#shut = true;
    this.wakeWaiters();
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

  readonly #onReceived = (received: [Uint8Array, Deno.Addr]): void => {
    // Destructuring would create an iterator for each datagram.
    const data = received[0];
    const addr = received[1];
    const { boundInterface } = this.#options;
    const address = toScopedAddress(this.#family, addr, boundInterface);
    if (!this.#closed && this.#isWanted(address)) {
      this.#received = {
        data: data.slice(),
        // As in CPython, the address of an unnamed Unix socket is null.
        address: address === "" ? null : address,
        truncated: false,
      };
    }
    if (data.length > LARGEST_UDP) this.#buffer = undefined;
    this.operationDone();
  };

  #isWanted(address: Address): boolean {
    return this.peer === undefined || isSameAddress(this.peer, address);
  }

  readonly #onError = (reason: unknown): void => {
    const error = fromDeno(reason);
    const code = "code" in error ? error.code : undefined;
    // On Windows a receive fails with the ICMP error for a datagram that was
    // sent earlier.
    const icmp = code === "ECONNRESET" || code === "ECONNREFUSED";
    if (!icmp && this.hasWaiters && !this.#closed) {
      this.#error = error;
    }
    this.operationDone();
  };

  /**
   * Rejects the waiters. The receive in flight ends when the runtime's socket
   * is closed.
   */
  close(): void {
    this.#closed = true;
    this.rejectAll();
    this.#unbound?.end();
  }
}
