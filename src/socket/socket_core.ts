import { MSG_DONTWAIT } from "../base/constants.ts";
import {
  type Bytes,
  checkBytes,
  checkSize,
  checkTimeout,
  optionalArguments,
} from "../base/checks.ts";
import { osError } from "../base/os_error.ts";
import { isPath, type Sockaddr } from "../base/sockaddr.ts";
import type { Connected } from "../endpoint/connected.ts";
import type { Datagram } from "../endpoint/datagram.ts";
import type { Description, Descriptor } from "../endpoint/description.ts";
import {
  type From,
  type Operation,
  type Received,
  type ReceiveSink,
  ScatterSink,
} from "../endpoint/endpoint.ts";
import type { ByteStream } from "../file/open_file.ts";
import {
  FileHold,
  type FileSource,
  type Overrides,
  type Ready,
} from "./streams.ts";
import { answer, timers } from "../wait/event_loop.ts";
import { type CallContext, CallOwner, failure } from "../wait/waiter.ts";
import {
  checkFlags,
  checkTarget,
  type FlagsOption,
  type ReceiveIntoOptions,
} from "./arguments.ts";

let defaultTimeout: number | null = null;

/**
 * Returns the timeout of new sockets, in seconds. It is null by default, which
 * means that their calls block.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(socket.getdefaulttimeout(), null);
 * ```
 *
 * @returns The timeout in seconds, or null if there is none.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getdefaulttimeout | Python: getdefaulttimeout}
 */
export function getdefaulttimeout(): number | null {
  return defaultTimeout;
}

/**
 * Sets the timeout of all sockets that are created from now on, including
 * accepted ones.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * socket.setdefaulttimeout(2.5);
 * using s = socket.socket();
 * assertEquals(s.gettimeout(), 2.5);
 * socket.setdefaulttimeout(null);
 * ```
 *
 * @param timeout The timeout in seconds; 0 for non-blocking sockets, null for
 * no timeout.
 * @throws {TypeError} If `timeout` is neither a number nor null.
 * @throws {RangeError} If `timeout` is negative, NaN or too large.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.setdefaulttimeout | Python: setdefaulttimeout}
 */
export function setdefaulttimeout(timeout: number | null): void {
  checkTimeout("set the default timeout", timeout);
  defaultTimeout = timeout;
}

/**
 * The implementation of a socket: its descriptor, its pending calls and its
 * timeout. The methods of `Socket` have Python's signatures, and call it.
 */
export class SocketCore implements FileSource {
  readonly owner: CallOwner = new CallOwner();
  readonly descriptor: Descriptor;
  /** The timeout in seconds, exactly as it was set. */
  #timeout: number | null = null;
  /** The context of calls without flags and without a signal. */
  #context!: CallContext;
  /** The context of the last call that had flags but no signal. */
  #flagged: CallContext | undefined;
  #files: Set<FileHold> | undefined;
  /**
   * The number of running calls that file objects have made to methods of a
   * subclass.
   */
  #fileCalls = 0;
  #closed = false;
  #released: Promise<void> | undefined;

  constructor(descriptor: Descriptor, timeout: number | null) {
    this.descriptor = descriptor;
    this.timeout = timeout;
    descriptor.watch(this.owner);
  }

  get timeout(): number | null {
    return this.#timeout;
  }

  set timeout(timeout: number | null) {
    this.#timeout = timeout;
    const timeoutMs = timeout === null ? null : timeout * 1000;
    const { owner } = this;
    this.#flagged = undefined;
    this.#context = { owner, timeoutMs, signal: undefined, flags: 0 };
  }

  /** The number of the descriptor, or -1 if it is closed. */
  get fileno(): number {
    return this.#closed || this.descriptor.closed ? -1 : this.descriptor.number;
  }

  /**
   * Whether the socket is closed. File objects may still hold its descriptor.
   */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The open description. Reading it fails with EBADF if the socket is closed.
   */
  get description(): Description {
    const isClosed = this.descriptor.closed ||
      (this.#closed && this.#fileCalls === 0);
    if (isClosed) throw osError("EBADF");
    return this.descriptor.description;
  }

  /** Fails with EBADF if the socket is closed. */
  checkOpen(): void {
    void this.description;
  }

  /** Creates the context of a call. */
  context(
    operation: "recv" | "send",
    flags: number,
    signal: AbortSignal | undefined,
  ): CallContext {
    const { owner } = this;
    if ((flags & MSG_DONTWAIT) !== 0) {
      return { owner, timeoutMs: 0, signal, flags };
    }
    if (this.#timeout === null) {
      const { options } = this.descriptor.description;
      const timeoutMs = operation === "recv"
        ? options.receiveTimeoutMs
        : options.sendTimeoutMs;
      if (timeoutMs !== null) {
        const timeoutError = wouldBlock;
        return { owner, timeoutMs, signal, flags, timeoutError };
      }
    }
    if (signal !== undefined) return { ...this.#context, signal, flags };
    if (flags === 0) return this.#context;
    // Most programs use the same flags again and again.
    if (this.#flagged?.flags !== flags) {
      this.#flagged = { ...this.#context, flags };
    }
    return this.#flagged;
  }

  /**
   * Creates the context of a call whose flags are given by position or by name.
   */
  #contextFor(
    operation: "recv" | "send",
    flags: number | FlagsOption | undefined,
    options: FlagsOption | undefined,
  ): CallContext {
    if (options === undefined) {
      if (flags === undefined || flags === 0) {
        return this.context(operation, 0, undefined);
      }
      if (typeof flags === "number") {
        return this.context(operation, checkFlags(operation, flags), undefined);
      }
    }
    const action = operation === "recv" ? "receive" : "send";
    const [value = 0, signal] = optionalArguments(action, FLAGS, [
      flags,
      options,
    ]);
    return this.context(
      operation,
      checkFlags(operation, value),
      signal as AbortSignal | undefined,
    );
  }

  /**
   * The endpoint for an operation, or undefined while a connect is in progress.
   */
  #endpoint(operation: Operation): Connected | Datagram | undefined {
    const { description } = this;
    return description.connecting
      ? undefined
      : description.endpointFor(operation);
  }

  /**
   * Waits until the connect in progress has ended, and returns the endpoint and
   * a context with the time that is left.
   */
  async ready(
    operation: "recv" | "send",
    context: CallContext,
    description: Description = this.description,
  ): Promise<Ready> {
    if (!description.connecting) {
      return { endpoint: description.endpointFor(operation), context };
    }
    const startMs = timers.now();
    await description.connected(context, operation === "send");
    const passedMs = timers.now() - startMs;
    const endpoint = description.endpointFor(operation);
    const { timeoutMs } = context;
    if (timeoutMs === null || timeoutMs === 0) return { endpoint, context };
    // The rest must not be 0, which would mean a non-blocking call.
    const left = Math.max(timeoutMs - passedMs, 0.001);
    return { endpoint, context: { ...context, timeoutMs: left } };
  }

  /**
   * Returns the result of a call that receives no bytes. CPython does not ask
   * the system for it, so the socket need not be connected.
   */
  #nothing<T>({ signal }: CallContext, result: T): Promise<T> {
    this.checkOpen();
    return signal?.aborted ? failure(signal.reason, signal) : answer(result);
  }

  recv(
    bufsize: number,
    flags: number | FlagsOption | undefined,
    options: FlagsOption | undefined,
  ): Promise<Bytes> {
    try {
      const size = checkSize("receive", "bufsize", bufsize);
      const context = this.#contextFor("recv", flags, options);
      if (size === 0) return this.#nothing(context, new Uint8Array(0));
      const endpoint = this.#endpoint("recv");
      return endpoint !== undefined
        ? endpoint.recv(context, size)
        : this.ready("recv", context).then(({ endpoint, context }) =>
          endpoint.recv(context, size)
        );
    } catch (error) {
      return failure(error);
    }
  }

  recvInto(
    buffer: Uint8Array,
    nbytes: number | ReceiveIntoOptions | undefined,
    flags: number | FlagsOption | undefined,
    options: FlagsOption | undefined,
  ): Promise<number> {
    try {
      const { target, context } = this.#intoArguments(
        buffer,
        nbytes,
        flags,
        options,
      );
      if (target.length === 0) return this.#nothing(context, 0);
      const endpoint = this.#endpoint("recv");
      return endpoint !== undefined
        ? endpoint.recvInto(context, target)
        : this.ready("recv", context).then(({ endpoint, context }) =>
          endpoint.recvInto(context, target)
        );
    } catch (error) {
      return failure(error);
    }
  }

  /** Receives bytes, and returns them with their source address. */
  recvFrom(
    bufsize: number,
    flags: number | FlagsOption | undefined,
    options: FlagsOption | undefined,
  ): Promise<From> {
    try {
      const size = checkSize("receive", "bufsize", bufsize);
      const context = this.#contextFor("recv", flags, options);
      const endpoint = this.#endpoint("recv");
      return endpoint !== undefined
        ? endpoint.recvFrom(context, size)
        : this.ready("recv", context).then(({ endpoint, context }) =>
          endpoint.recvFrom(context, size)
        );
    } catch (error) {
      return failure(error);
    }
  }

  /** Like `recvFrom`, but receives into the first bytes of a buffer. */
  recvFromInto(
    buffer: Uint8Array,
    nbytes: number | ReceiveIntoOptions | undefined,
    flags: number | FlagsOption | undefined,
    options: FlagsOption | undefined,
  ): Promise<Received> {
    try {
      const { target, context } = this.#intoArguments(
        buffer,
        nbytes,
        flags,
        options,
      );
      const sink = new ScatterSink([target]);
      return this.recvMessage(target.length, context, sink);
    } catch (error) {
      return failure(error);
    }
  }

  #intoArguments(
    buffer: Uint8Array,
    nbytes: number | ReceiveIntoOptions | undefined,
    flags: number | FlagsOption | undefined,
    options: FlagsOption | undefined,
  ): { target: Uint8Array; context: CallContext } {
    if (nbytes === undefined) {
      const context = this.#contextFor("recv", flags, options);
      return { target: checkTarget(buffer, 0), context };
    }
    const [size = 0, value = 0, signal] = optionalArguments("receive", INTO, [
      nbytes,
      flags,
      options,
    ]);
    const target = checkTarget(buffer, size);
    const context = this.context(
      "recv",
      checkFlags("recv", value),
      signal as AbortSignal | undefined,
    );
    return { target, context };
  }

  /** Receives a message. The arguments have been checked. */
  recvMessage(
    size: number,
    context: CallContext,
    sink?: ReceiveSink,
  ): Promise<Received> {
    try {
      const endpoint = this.#endpoint("recv");
      return endpoint !== undefined
        ? endpoint.recvMessage(context, size, sink)
        : this.ready("recv", context).then(({ endpoint, context }) =>
          endpoint.recvMessage(context, size, sink)
        );
    } catch (error) {
      return failure(error, context.signal);
    }
  }

  send(
    data: Uint8Array,
    flags: number | FlagsOption | undefined,
    options: FlagsOption | undefined,
  ): Promise<number> {
    try {
      const bytes = checkBytes("send", "data", data);
      const context = this.#contextFor("send", flags, options);
      const endpoint = this.#endpoint("send");
      return endpoint !== undefined
        ? endpoint.send(context, bytes)
        : this.ready("send", context).then(({ endpoint, context }) =>
          endpoint.send(context, bytes)
        );
    } catch (error) {
      return failure(error);
    }
  }

  sendAll(
    data: Uint8Array,
    flags: number | FlagsOption | undefined,
    options: FlagsOption | undefined,
  ): Promise<void> {
    try {
      const bytes = checkBytes("send", "data", data);
      const context = this.#contextFor("send", flags, options);
      const endpoint = this.#endpoint("send");
      return endpoint !== undefined
        ? endpoint.sendAll(context, bytes)
        : this.ready("send", context).then(({ endpoint, context }) =>
          endpoint.sendAll(context, bytes)
        );
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Sends a message, to an address if one is given. On a stream, a part of it
   * may have been sent when the call is cancelled.
   */
  sendMessage(
    data: Uint8Array,
    context: CallContext,
    sockaddr?: Sockaddr,
  ): Promise<number> {
    const endpoint = this.#endpoint("send");
    return endpoint !== undefined
      ? sendMessage(endpoint, context, data, sockaddr)
      : this.ready("send", context).then(({ endpoint, context }) =>
        sendMessage(endpoint, context, data, sockaddr)
      );
  }

  /**
   * Creates the hold of a file object, which calls the overridden methods of a
   * subclass.
   */
  byteStream(overrides: Overrides): ByteStream {
    const hold = new FileHold(this, overrides);
    (this.#files ??= new Set()).add(hold);
    return hold;
  }

  /**
   * Called when a hold is released. Returns false if it was released before.
   */
  leave(hold: FileHold): boolean {
    return this.#files?.delete(hold) === true;
  }

  /**
   * Runs a method of a subclass for a file object. The call may go on after the
   * socket has been closed: until it ends, the method may use the socket.
   */
  async forFile<T>(call: () => Promise<T>): Promise<T> {
    this.#fileCalls++;
    try {
      return await call();
    } finally {
      this.#fileCalls--;
    }
  }

  /** Sets whether pending calls keep the process alive. */
  set referenced(referenced: boolean) {
    this.owner.referenced = referenced;
    this.descriptor.referenced = referenced;
    for (const { owner } of this.#files ?? []) owner.referenced = referenced;
  }

  /**
   * Closes the socket. Resolves when the bytes that were sent have been handed
   * to the kernel.
   *
   * @throws {OSError} EBADF if the descriptor was closed under the socket.
   */
  close(): Promise<void> {
    if (this.#released === undefined) {
      this.#closed = true;
      if (this.descriptor.closed) {
        this.#released = Promise.resolve();
        throw osError("EBADF");
      }
      this.owner.close();
      this.#released = this.descriptor.release(this.owner);
    }
    return this.#released;
  }

  /**
   * Closes the socket once no call is pending. Called when the program has
   * dropped the socket.
   */
  drop(): void {
    this.owner.whenIdle(() => {
      if (this.fileno >= 0) this.close().catch(() => {});
    });
  }

  /** Detaches the descriptor without closing it. */
  detach(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#released = Promise.resolve();
    this.descriptor.unwatch(this.owner);
    this.owner.close();
  }
}

const FLAGS = ["flags"];
const INTO = ["nbytes", "flags"];

function sendMessage(
  endpoint: Connected | Datagram,
  context: CallContext,
  data: Uint8Array,
  sockaddr: Sockaddr | undefined,
): Promise<number> {
  if (sockaddr === undefined) return endpoint.sendMost(context, data);
  if (endpoint.state === "datagram") {
    return endpoint.send(context, data, sockaddr);
  }
  // TCP ignores the address, as in Linux; a Unix stream does not.
  return isPath(sockaddr)
    ? failure(osError("EISCONN"))
    : endpoint.send(context, data);
}

/** The kernel's own timeout is reported as EAGAIN, socket(7). */
function wouldBlock(): Error {
  return osError("EAGAIN");
}
