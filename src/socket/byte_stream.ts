import type { Bytes } from "../base/checks.ts";
import { osError } from "../base/os_error.ts";
import type { Description, Descriptor } from "../endpoint/description.ts";
import type { ByteStream } from "../file/raw_stream.ts";
import {
  type CallContext,
  CallOwner,
  type SignalOption,
} from "../wait/waiter.ts";
import type { SocketCore } from "./socket_core.ts";

/** The methods of a subclass that file objects have to call. */
export interface Overrides {
  recv_into?(buffer: Uint8Array, options: SignalOption): Promise<number>;
  send?(data: Uint8Array, options: SignalOption): Promise<number>;
}

/** The hold of a file object on a socket's descriptor, with calls of its own. */
export class FileHold implements ByteStream {
  readonly owner: CallOwner = new CallOwner();
  readonly #core: SocketCore;
  readonly #overrides: Overrides;
  readonly #descriptor: Descriptor;
  readonly #description: Description;
  /** Cancels a receive that is a subclass's own call. */
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

  #context(
    operation: "recv" | "send",
    options: SignalOption | undefined,
  ): CallContext {
    if (this.#descriptor.closed) throw osError("EBADF");
    const { owner } = this;
    return { ...this.#core.context(operation, 0, options?.signal), owner };
  }

  // A call enters the queue before anything is awaited.
  async recv(size: number, options?: SignalOption): Promise<Bytes> {
    if (this.#overrides.recv_into !== undefined) {
      const buffer = new Uint8Array(size);
      return buffer.slice(0, await this.#receiveBy(buffer, options));
    }
    const context = this.#context("recv", options);
    const description = this.#description;
    if (!description.connecting) {
      return await description.endpointFor("recv").recv(context, size);
    }
    const ready = await this.#core.ready("recv", context, description);
    return await ready.endpoint.recv(ready.context, size);
  }

  async recvInto(
    buffer: Uint8Array,
    options?: SignalOption,
  ): Promise<number> {
    if (this.#overrides.recv_into !== undefined) {
      return await this.#receiveBy(buffer, options);
    }
    const context = this.#context("recv", options);
    const description = this.#description;
    if (!description.connecting) {
      return await description.endpointFor("recv").recvInto(context, buffer);
    }
    const ready = await this.#core.ready("recv", context, description);
    return await ready.endpoint.recvInto(ready.context, buffer);
  }

  async send(data: Uint8Array, options: SignalOption = {}): Promise<number> {
    const { send } = this.#overrides;
    if (send !== undefined) {
      return await this.#core.forFile(() => send(data, options));
    }
    const context = this.#context("send", options);
    const description = this.#description;
    if (!description.connecting) {
      return await description.endpointFor("send").send(context, data);
    }
    const ready = await this.#core.ready("send", context, description);
    return await ready.endpoint.send(ready.context, data);
  }

  async #receiveBy(
    buffer: Uint8Array,
    options: SignalOption | undefined,
  ): Promise<number> {
    if (this.#descriptor.closed) throw osError("EBADF");
    const ending = this.#ending = new AbortController();
    const signal = options?.signal === undefined
      ? ending.signal
      : AbortSignal.any([options.signal, ending.signal]);
    const receive = this.#overrides.recv_into!;
    return await this.#core.forFile(() => receive(buffer, { signal }));
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
  }
}
