import { type Bytes, show } from "../base/checks.ts";
import { OSError } from "../base/errors.ts";
import { osError } from "../base/os_error.ts";
import type { Connected } from "../endpoint/connected.ts";
import type { Datagram } from "../endpoint/datagram.ts";
import type { Description, Descriptor } from "../endpoint/description.ts";
import type { ByteStream } from "../file/raw_stream.ts";
import {
  type CallContext,
  CallOwner,
  type SignalOption,
} from "../wait/waiter.ts";
import type { SocketCore } from "./socket_core.ts";

/** The methods of a subclass that file objects have to call, as in CPython. */
export interface Overrides {
  recv_into?(buffer: Uint8Array, options: SignalOption): Promise<number>;
  send?(data: Uint8Array, options?: SignalOption): Promise<number>;
  close?(): void;
}

/** How much an overridden `recv_into` is asked for at most, as in CPython. */
const OVERRIDE_BUFFER = 8192;

/**
 * The hold of a file object on a socket's descriptor, with calls of its own,
 * which go on when the socket is closed.
 */
export class FileHold implements ByteStream {
  readonly owner: CallOwner = new CallOwner();
  readonly #core: SocketCore;
  readonly #overrides: Overrides;
  readonly #descriptor: Descriptor;
  readonly #description: Description;
  /** Cancels the receives that are a subclass's own calls. */
  #ending: AbortController | undefined;

  constructor(core: SocketCore, overrides: Overrides) {
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
