import { type Bytes, show } from "../base/checks.ts";
import { SHUT_WR } from "../base/constants.ts";
import { OSError } from "../base/errors.ts";
import { osError } from "../base/os_error.ts";
import type { Connected } from "../endpoint/connected.ts";
import type { Datagram } from "../endpoint/datagram.ts";
import type { Description, Descriptor } from "../endpoint/description.ts";
import type { ReceiveSink } from "../endpoint/endpoint.ts";
import type { ByteStream } from "../file/open_file.ts";
import {
  type CallContext,
  CallOwner,
  failure,
  type SignalOption,
} from "../wait/waiter.ts";

/**
 * The overridden methods of a subclass, which file objects call as in CPython.
 */
export interface Overrides {
  recv_into?(buffer: Uint8Array, options: SignalOption): Promise<number>;
  send?(data: Uint8Array, options?: SignalOption): Promise<number>;
  close?(): void;
}

/** The most that is asked of an overridden `recv_into`, as in CPython. */
const OVERRIDE_BUFFER = 8192;

/**
 * An endpoint that is ready for a call, and the call's context with the time
 * that is left.
 */
export interface Ready {
  readonly endpoint: Connected | Datagram;
  readonly context: CallContext;
}

/** The part of `SocketCore` that the hold of a file object uses. */
export interface FileSource {
  readonly owner: CallOwner;
  /** Whether the socket itself has been closed. */
  readonly closed: boolean;
  readonly descriptor: Descriptor;
  readonly description: Description;
  context(
    operation: "recv" | "send",
    flags: number,
    signal: AbortSignal | undefined,
  ): CallContext;
  ready(
    operation: "recv" | "send",
    context: CallContext,
    description: Description,
  ): Promise<Ready>;
  /**
   * Runs a method of a subclass, which may use the socket until the method
   * ends.
   */
  forFile<T>(call: () => Promise<T>): Promise<T>;
  /**
   * Called when a hold is released. Returns false if it was released before.
   */
  leave(hold: FileHold): boolean;
}

/**
 * The hold of a file object on a socket's descriptor. Its calls are its own,
 * and go on when the socket is closed.
 */
export class FileHold implements ByteStream {
  readonly owner: CallOwner = new CallOwner();
  readonly #core: FileSource;
  readonly #overrides: Overrides;
  readonly #descriptor: Descriptor;
  readonly #description: Description;
  /** Cancels the pending calls of an overridden `recv_into`. */
  #ending: AbortController | undefined;

  constructor(core: FileSource, overrides: Overrides) {
    this.#core = core;
    this.#overrides = overrides;
    this.#description = core.description;
    this.#descriptor = core.descriptor;
    this.owner.referenced = core.owner.referenced;
    this.#descriptor.hold();
    this.#descriptor.watch(this.owner);
  }

  recv(size: number, options?: SignalOption): Promise<Bytes> {
    return this.#overrides.recv_into === undefined
      ? this.#run(
        "recv",
        options,
        (endpoint, context) => endpoint.recv(context, size),
      )
      : this.#recvBy(size, options);
  }

  recvInto(buffer: Uint8Array, options?: SignalOption): Promise<number> {
    return this.#overrides.recv_into === undefined
      ? this.#run(
        "recv",
        options,
        (endpoint, context) => endpoint.recvInto(context, buffer),
      )
      : this.#recvIntoBy(buffer, options);
  }

  send(data: Uint8Array, options?: SignalOption): Promise<number> {
    return this.#overrides.send === undefined
      ? this.#run(
        "send",
        options,
        (endpoint, context) => endpoint.send(context, data),
      )
      : this.#sendBy(data, options);
  }

  /**
   * Calls the endpoint. The call joins the endpoint's queue before anything is
   * awaited.
   */
  #run<T>(
    operation: "recv" | "send",
    options: SignalOption | undefined,
    call: (endpoint: Connected | Datagram, context: CallContext) => Promise<T>,
  ): Promise<T> {
    try {
      if (this.#descriptor.closed) throw osError("EBADF");
      const { owner } = this;
      const core = this.#core;
      const description = this.#description;
      const context = {
        ...core.context(operation, 0, options?.signal),
        owner,
      };
      return description.connecting
        ? core.ready(operation, context, description)
          .then(({ endpoint, context }) => call(endpoint, context))
        : call(description.endpointFor(operation), context);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #recvBy(
    size: number,
    options: SignalOption | undefined,
  ): Promise<Bytes> {
    const buffer = new Uint8Array(Math.min(size, OVERRIDE_BUFFER));
    return buffer.slice(0, await this.#recvIntoBy(buffer, options));
  }

  async #recvIntoBy(
    buffer: Uint8Array,
    options: SignalOption | undefined,
  ): Promise<number> {
    const core = this.#core;
    const receive = this.#overrides.recv_into!;
    const ended = (this.#ending ??= new AbortController()).signal;
    const signal = options?.signal === undefined
      ? ended
      : AbortSignal.any([options.signal, ended]);
    for (;;) {
      if (this.#descriptor.closed) throw osError("EBADF");
      const wasClosed = core.closed;
      try {
        const call = core.forFile(() => receive(buffer, { signal }));
        return checkCount("recv_into", await orEnded(call, ended), buffer);
      } catch (error) {
        // Closing the socket cancels its own calls, but not those of its file
        // objects.
        const isClose = core.closed && !wasClosed && !ended.aborted &&
          error instanceof OSError && error.code === "EBADF";
        if (!isClose) throw error;
      }
    }
  }

  async #sendBy(
    data: Uint8Array,
    options: SignalOption | undefined,
  ): Promise<number> {
    if (this.#descriptor.closed) throw osError("EBADF");
    const send = this.#overrides.send!;
    const n = await this.#core.forFile(() => send(data, options));
    return checkCount("send", n, data);
  }

  fileno(): number {
    return this.#descriptor.closed ? -1 : this.#descriptor.number;
  }

  endReceive(): void {
    this.#ending?.abort(osError("EBADF"));
    this.owner.close();
  }

  release(): void {
    if (!this.#core.leave(this)) return;
    this.#descriptor.unwatch(this.owner);
    this.endReceive();
    this.#descriptor.release().catch(() => {});
    // As in CPython, a file object calls `close` of a socket that is already
    // closed a second time. There, only that call closes the descriptor.
    if (this.#core.closed) this.#overrides.close?.();
  }
}

/**
 * Settles as `call` does, or rejects as soon as `ended` aborts, even if `call`
 * is still pending.
 */
async function orEnded<T>(call: Promise<T>, ended: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(ended.reason);
  ended.addEventListener("abort", end);
  try {
    return await Promise.race([call, promise]);
  } finally {
    ended.removeEventListener("abort", end);
  }
}

/** Checks the number of bytes that a subclass's method has returned. */
function checkCount(
  method: string,
  n: unknown,
  { length }: Uint8Array,
): number {
  if (typeof n === "number" && n >>> 0 === n && n <= length) return n;
  throw new RangeError(
    `Cannot use a file: ${method}() of the socket must return 0 to ${length}, received ${
      show(n)
    }`,
  );
}

/** The part of a listening socket that a loop over its connections needs. */
interface Listener<T> {
  fileno(): number;
  accept(): Promise<T>;
}

/**
 * Accepts connections until the socket is closed. Errors for which `skips`
 * returns true are ignored. This is not a generator, whose frames would come
 * before the program's in the stacks of errors.
 */
export function toConnections<T>(
  socket: Listener<T>,
  skips: (error: unknown) => boolean = () => false,
): AsyncIterableIterator<T, void> {
  const end: IteratorReturnResult<void> = { done: true, value: undefined };
  let done = false;
  const onError = (
    error: unknown,
  ): IteratorResult<T, void> | Promise<IteratorResult<T, void>> => {
    if (socket.fileno() >= 0 && skips(error)) return next();
    done = true;
    return socket.fileno() < 0 ? end : failure(error);
  };
  const next = (): Promise<IteratorResult<T, void>> =>
    done || socket.fileno() < 0
      ? Promise.resolve(end)
      : socket.accept().then((value) => ({ done: false, value }), onError);
  return {
    next,
    return() {
      done = true;
      return Promise.resolve(end);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Receives once, and delivers the bytes to the sink. */
type Receive = (signal: AbortSignal, sink: ReceiveSink) => Promise<unknown>;

/**
 * Creates a stream of received bytes. It makes one receive for each read and
 * none ahead, so all other bytes stay in the socket for later calls. `onEnd` is
 * called when the stream has been cancelled, has failed, or had to return bytes
 * to the socket.
 */
export function toReadable(
  receive: Receive,
  onEnd: () => void,
): ReadableStream<Bytes> {
  const cancelling = new AbortController();
  const { signal } = cancelling;
  /**
   * The pending receive, and whether another read has begun in the meantime.
   */
  let current: ReceiveSink | undefined;
  let readAgain = false;

  function begin(stream: ReadableStreamDefaultController<Bytes>): void {
    readAgain = false;
    let isEnd = false;
    const sink: ReceiveSink = current = {
      // The reader that was waiting may have released the lock.
      get active() {
        return readable.locked;
      },
      push(data) {
        current = undefined;
        isEnd = data === null;
        if (data !== null) stream.enqueue(data);
        else stream.close();
      },
      // A chunk in the stream's own queue has no reader yet: the reader that
      // asked for it has released the lock, and no other reader has asked.
      get taken() {
        return isEnd || stream.desiredSize === 0;
      },
      withdraw() {
        if (signal.aborted) return;
        onEnd();
        stream.error(new TypeError("Another call has received the bytes"));
      },
    };
    receive(signal, sink).then(() => {
      if (current !== sink) return;
      current = undefined;
      if (readAgain) begin(stream);
    }, (error) => {
      if (signal.aborted) return;
      onEnd();
      stream.error(error);
    });
  }

  const readable = new ReadableStream<Bytes>({
    // This does not wait. While a pull is pending, the stream would delay the
    // next read until after calls that were made later.
    pull(stream) {
      if (current === undefined) begin(stream);
      else readAgain = true;
    },
    cancel() {
      onEnd();
      // Cancels a pending receive. Its bytes stay in the socket.
      cancelling.abort();
    },
  }, { highWaterMark: 0 });
  return readable;
}

/** The part of a connected socket that a writable stream needs. */
interface Connection {
  sendall(data: Uint8Array): Promise<void>;
  shutdown(how: number): Promise<void>;
}

/**
 * Creates a stream whose chunks are sent. Closing it half-closes the
 * connection.
 */
export function toWritable(
  socket: Connection,
  reset: () => void,
  onError: () => void,
): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start(stream) {
      // The signal aborts at once, whereas `abort` is called only after a
      // pending write.
      stream.signal.addEventListener("abort", () => {
        onError();
        reset();
      });
    },
    async write(chunk) {
      try {
        await socket.sendall(chunk);
      } catch (error) {
        onError();
        return failure(error);
      }
    },
    async close() {
      try {
        await socket.shutdown(SHUT_WR);
      } catch (error) {
        onError();
        return failure(error);
      }
    },
  });
}
