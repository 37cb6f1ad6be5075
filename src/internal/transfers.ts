/** What a socket's calls do with its endpoint, their arguments checked. */

import type { Address } from "../address.ts";
import { MSG_TRUNC } from "../constants.ts";
import { isPath, type Place } from "./address.ts";
import { checkBuffers, checkTarget } from "./arguments.ts";
import { checkBytes, checkSize } from "./checks.ts";
import type { Connected } from "./connected.ts";
import type { Datagram } from "./datagram.ts";
import type { Description } from "./description.ts";
import type { Operation, Received, Taker } from "./endpoint.ts";
import { osError } from "./os_error.ts";
import type { Limits } from "./wait.ts";

/** A call that has an endpoint, and what its arguments were checked to be. */
export type Transfer<V, T> = (
  endpoint: Connected | Datagram,
  limits: Limits,
  checked: V,
  flags: number,
) => Promise<T>;

/** Runs a call with the endpoint; a connect under way is waited for. */
export function transfer<V, T>(
  description: Description,
  operation: Operation,
  limits: Limits,
  checked: V,
  flags: number,
  run: Transfer<V, T>,
): Promise<T> {
  if (!description.connecting) {
    return run(description.transferable(operation), limits, checked, flags);
  }
  const startMs = performance.now();
  const toSend = operation === "send";
  return description.whenConnected(limits, toSend).then(() => {
    const left = lessTime(limits, performance.now() - startMs);
    return run(description.transferable(operation), left, checked, flags);
  });
}

function lessTime(limits: Limits, passedMs: number): Limits {
  const { timeoutMs } = limits;
  if (timeoutMs === null || timeoutMs === 0) return limits;
  // Not 0, which would mean non-blocking.
  return { ...limits, timeoutMs: Math.max(timeoutMs - passedMs, 0.001) };
}

type Bytes = Uint8Array<ArrayBuffer>;

// What is here is not made anew for each call: on a round trip of 64 bytes the
// closures were 2 % of the time.

/** Checks how many bytes a call is to receive. */
export function checkBufsize(bufsize: number): number {
  return checkSize("receive", "bufsize", bufsize);
}

/** Checks a whole buffer to receive into. */
export function checkWholeTarget(buffer: Uint8Array): Uint8Array {
  return checkTarget(buffer, 0);
}

/** Checks the buffers to receive into. */
export function checkTargets(buffers: Iterable<Uint8Array>): Uint8Array[] {
  return checkBuffers("receive", buffers);
}

/** Checks what a call is to send. */
export function checkData(data: Uint8Array): Uint8Array {
  return checkBytes("send", "data", data);
}

export const receive: Transfer<number, Bytes> = (
  endpoint,
  limits,
  size,
  flags,
) => {
  if (size === 0) return Promise.resolve(new Uint8Array(0));
  return endpoint.kind === "connected"
    ? endpoint.recv(limits, size, flags)
    : endpoint.recv(limits, size, flags, dataOf);
};

function dataOf({ data }: Received): Bytes {
  return data;
}

export const receiveInto: Transfer<Uint8Array, number> = (
  endpoint,
  limits,
  view,
  flags,
) => {
  if (view.length === 0) return Promise.resolve(0);
  return endpoint.kind === "connected"
    ? endpoint.recvInto(limits, view, flags)
    : endpoint.recv(limits, view.length, flags, lengthOf, new Filling([view]));
};

function lengthOf({ data }: Received): number {
  return data.length;
}

// A connected stream has no address to give: it is null, as in CPython.

type From<T> = [T, Address | null];

export const receiveFrom: Transfer<number, From<Bytes>> = (
  endpoint,
  limits,
  size,
  flags,
) =>
  endpoint.kind === "connected"
    ? endpoint.recv(limits, size, flags).then(fromNowhere)
    : endpoint.recv(limits, size, flags, dataAndAddress);

function fromNowhere<T>(received: T): From<T> {
  return [received, null];
}

function dataAndAddress({ data, address }: Received): From<Bytes> {
  return [data, address];
}

export const receiveFromInto: Transfer<Uint8Array, From<number>> = (
  endpoint,
  limits,
  view,
  flags,
) =>
  endpoint.kind === "connected"
    ? endpoint.recvInto(limits, view, flags).then(fromNowhere)
    : endpoint.recv(
      limits,
      view.length,
      flags,
      lengthAndAddress,
      new Filling([view]),
    );

function lengthAndAddress({ data, address }: Received): From<number> {
  return [data.length, address];
}

/** Data or its length, ancillary data, flags and address. */
export type Message<T> = [T, [], number, Address | null];

export const receiveMessage: Transfer<number, Message<Bytes>> = async (
  endpoint,
  limits,
  size,
  flags,
) => {
  const got = await receiveWhole(endpoint, limits, size, flags);
  return [got.data, [], got.truncated ? MSG_TRUNC : 0, got.address];
};

export const receiveMessageInto: Transfer<
  readonly Uint8Array[],
  Message<number>
> = async (endpoint, limits, targets, flags) => {
  const size = targets.reduce((sum, each) => sum + each.length, 0);
  const taker = new Filling(targets);
  const got = await receiveWhole(endpoint, limits, size, flags, taker);
  return [got.data.length, [], got.truncated ? MSG_TRUNC : 0, got.address];
};

function whole(received: Received): Received {
  return received;
}

/** Receives, with what is known of it. */
export async function receiveWhole(
  endpoint: Connected | Datagram,
  limits: Limits,
  size: number,
  flags: number,
  taker?: Taker,
): Promise<Received> {
  if (endpoint.kind === "datagram") {
    return await endpoint.recv(limits, size, flags, whole, taker);
  }
  const data = await endpoint.recv(limits, size, flags, taker);
  return { data, address: null, truncated: false };
}

/**
 * Fills buffers when the bytes are there, in one step with their leaving the
 * queue. If one has been emptied meanwhile, nothing leaves it.
 */
class Filling implements Taker {
  readonly #targets: readonly Uint8Array[];
  readonly #lengths: readonly number[];

  constructor(targets: readonly Uint8Array[]) {
    this.#targets = targets;
    this.#lengths = targets.map(({ length }) => length);
  }

  get present(): boolean {
    for (let i = 0; i < this.#targets.length; i++) {
      const { length } = this.#targets[i]!;
      if (length >= this.#lengths[i]!) continue;
      throw new TypeError(
        `Cannot receive: the memory of buffer has changed meanwhile, to ${length} bytes`,
      );
    }
    return true;
  }

  take(data: Uint8Array | null): void {
    if (data === null) return;
    let offset = 0;
    for (let i = 0; offset < data.length; i++) {
      const end = offset + this.#lengths[i]!;
      const part = offset === 0 && end >= data.length
        ? data
        : data.subarray(offset, end);
      this.#targets[i]!.set(part);
      offset = end;
    }
  }
}

export const sendSome: Transfer<Uint8Array, number> = (
  endpoint,
  limits,
  data,
) => endpoint.send(limits, data);

export const sendMessage: Transfer<Uint8Array, number> = (
  endpoint,
  limits,
  data,
) =>
  endpoint.kind === "connected"
    ? endpoint.sendMost(limits, data)
    : endpoint.send(limits, data);

export const sendAll: Transfer<Uint8Array, void> = (endpoint, limits, data) =>
  endpoint.sendAll(limits, data);

/** TCP takes no notice of the address, as in Linux; a Unix stream minds it. */
export const sendTo: Transfer<{ data: Uint8Array; place: Place }, number> = (
  endpoint,
  limits,
  { data, place },
) =>
  endpoint.kind === "connected" && isPath(place)
    ? Promise.reject(osError("EISCONN"))
    : endpoint.send(limits, data, place);
