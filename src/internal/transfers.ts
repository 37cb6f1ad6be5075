/** What a socket's calls do with its endpoint, their arguments checked. */

import type { Address } from "../address.ts";
import { MSG_TRUNC } from "../constants.ts";
import type { Place } from "./address.ts";
import { checkTarget } from "./arguments.ts";
import { checkBytes, checkSize } from "./checks.ts";
import type { Connected } from "./connected.ts";
import type { Datagram } from "./datagram.ts";
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
    : endpoint.recv(limits, size, flags).then(dataOf);
};

function dataOf({ data }: { data: Bytes }): Bytes {
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
    : endpoint.recvInto(limits, view, flags).then(({ n }) => n);
};

// A connected stream has no address to give: it is null, as in CPython.

export const receiveFrom: Transfer<number, [Bytes, Address | null]> = async (
  endpoint,
  limits,
  size,
  flags,
) => {
  if (endpoint.kind === "connected") {
    return [await endpoint.recv(limits, size, flags), null];
  }
  const { data, address } = await endpoint.recv(limits, size, flags);
  return [data, address];
};

export const receiveFromInto: Transfer<Uint8Array, [number, Address | null]> =
  async (
    endpoint,
    limits,
    view,
    flags,
  ) => {
    if (endpoint.kind === "connected") {
      return [await endpoint.recvInto(limits, view, flags), null];
    }
    const { n, address } = await endpoint.recvInto(limits, view, flags);
    return [n, address];
  };

/** Data, ancillary data, flags and address. */
export type ReceivedMessage = [Bytes, [], number, Address | null];

export const receiveMessage: Transfer<number, ReceivedMessage> = async (
  endpoint,
  limits,
  size,
  flags,
) => {
  if (endpoint.kind === "connected") {
    return [await endpoint.recv(limits, size, flags), [], 0, null];
  }
  const got = await endpoint.recv(limits, size, flags);
  return [got.data, [], got.truncated ? MSG_TRUNC : 0, got.address];
};

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
