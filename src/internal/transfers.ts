/** What a socket's calls do with its endpoint, their arguments checked. */

import type { Address } from "../address.ts";
import { MSG_TRUNC } from "../constants.ts";
import type { Place } from "./address.ts";
import { checkBuffers, checkTarget } from "./arguments.ts";
import { checkBytes, checkSize } from "./checks.ts";
import type { Connected } from "./connected.ts";
import type { Datagram } from "./datagram.ts";
import type { Received, Taker } from "./endpoint.ts";
import type { Limits } from "./wait.ts";

/** A call that has an endpoint, and what its arguments were checked to be. */
export type Transfer<V, T> = (
  endpoint: Connected | Datagram,
  limits: Limits,
  checked: V,
  flags: number,
) => Promise<T>;

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
    : endpoint.recv(limits, view.length, flags, lengthOf, filling([view]));
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
      filling([view]),
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
  const taker = filling(targets);
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
function filling(targets: readonly Uint8Array[]): Taker {
  const lengths = targets.map(({ length }) => length);
  return {
    get present() {
      const changed = targets.find((each, i) => each.length < lengths[i]!);
      if (changed === undefined) return true;
      throw new TypeError(
        `Cannot receive: the memory of buffer has changed meanwhile, to ${changed.length} bytes`,
      );
    },
    take(data) {
      let offset = 0;
      for (const [i, target] of targets.entries()) {
        target.set(data?.subarray(offset, offset += lengths[i]!) ?? []);
      }
    },
  };
}

export const sendSome: Transfer<Uint8Array, number> = (
  endpoint,
  limits,
  data,
) => endpoint.send(limits, data);

export const sendAll: Transfer<Uint8Array, void> = (endpoint, limits, data) =>
  endpoint.sendAll(limits, data);

/** A connected stream takes no notice of the address, as in Linux. */
export const sendTo: Transfer<{ data: Uint8Array; place: Place }, number> = (
  endpoint,
  limits,
  { data, place },
) => endpoint.send(limits, data, place);
