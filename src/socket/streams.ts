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

/** The methods of a subclass that file objects have to call, as in CPython. */
export interface Overrides {
  recv_into?(buffer: Uint8Array, options: SignalOption): Promise<number>;
  send?(data: Uint8Array, options?: SignalOption): Promise<number>;
  close?(): void;
}

/** How much an overridden `recv_into` is asked for at most, as in CPython. */
const OVERRIDE_BUFFER = 8192;

/** An endpoint that is ready for a call, and what is left of its time. */
export interface Ready {
  readonly endpoint: Connected | Datagram;
  readonly context: CallContext;
}

/** The part of a socket's core that the hold of a file object uses. */
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
  /** Runs a method of a subclass, which may use the socket until its end. */
  forFile<T>(call: () => Promise<T>): Promise<T>;
  /** Called by a hold that is released; false if it was released before. */
  leave(hold: FileHold): boolean;
}

/**
 * The hold of a file object on a socket's descriptor, with calls of its own,
 * which go on when the socket is closed.
 */
export class FileHold implements ByteStream {
  readonly owner: CallOwner = new CallOwner();
  readonly #core: FileSource;
  readonly #overrides: Overrides;
  readonly #descriptor: Descriptor;
  readonly #description: Description;
  /** Cancels the receives that are a subclass's own calls. */
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

  /** Calls the endpoint. The call is queued there before anything is awaited. */
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
        // The close of the socket ends its own calls, not those of its files.
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
    // CPython's files close a closed socket again, which then really closes.
    if (this.#core.closed) this.#overrides.close?.();
  }
}

/** Settles like `call`, or rejects when `ended` aborts, whatever `call` does. */
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

/** What a loop over connections needs of a listening socket. */
interface Listener<T> {
  fileno(): number;
  accept(): Promise<T>;
}

/**
 * Accepts connections until the socket is closed; an error that `skips` passes
 * over. It is no generator, whose frames would stand before the program's in the
 * stacks of errors.
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

/** Receives once, and delivers to the sink. */
type Receive = (signal: AbortSignal, sink: ReceiveSink) => Promise<unknown>;

/**
 * A stream of received bytes: one receive for each read and none ahead, so that
 * everything else stays in the socket for those who come after. When it has been
 * cancelled, has failed, or had to give bytes back, `onEnd` is called.
 */
export function toReadable(
  receive: Receive,
  onEnd: () => void,
): ReadableStream<Bytes> {
  const cancelling = new AbortController();
  const { signal } = cancelling;
  /** The receive under way, and whether another read has begun meanwhile. */
  let current: ReceiveSink | undefined;
  let readAgain = false;

  function begin(stream: ReadableStreamDefaultController<Bytes>): void {
    readAgain = false;
    let isEnd = false;
    const sink: ReceiveSink = current = {
      // The reader that waited may have released the lock.
      get active() {
        return readable.locked;
      },
      push(data) {
        current = undefined;
        isEnd = data === null;
        if (data !== null) stream.enqueue(data);
        else stream.close();
      },
      // A chunk in the stream's own queue has no reader yet: the one that asked
      // has released the lock, and another one has not read.
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
    // Does not wait: while a pull is under way the stream would put the next
    // read off, behind calls that are made after it.
    pull(stream) {
      if (current === undefined) begin(stream);
      else readAgain = true;
    },
    cancel() {
      onEnd();
      // Cancels a pending receive; its bytes stay in the socket.
      cancelling.abort();
    },
  }, { highWaterMark: 0 });
  return readable;
}

/** What a writable stream needs of a connected socket. */
interface Connection {
  sendall(data: Uint8Array): Promise<void>;
  shutdown(how: number): Promise<void>;
}

/** A stream whose chunks are sent; closing it half-closes the connection. */
export function toWritable(
  socket: Connection,
  reset: () => void,
  onError: () => void,
): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start(stream) {
      // At once: `abort` itself is called only after a pending write.
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
