/** The arguments of a socket's calls, checked before anything is sent. */

import type { Address } from "../base/address.ts";
import { isPath, parseAddress, type Sockaddr } from "../base/sockaddr.ts";
import { checkBytes, checkInt, checkSize, show } from "../base/checks.ts";
import {
  AddressFamily,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_TCP,
  IPPROTO_UDP,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  MsgFlag,
  SOCK_DGRAM,
  SOCK_STREAM,
  SocketKind,
} from "../base/constants.ts";
import { osError } from "../base/os_error.ts";
import type { Connected } from "../endpoint/connected.ts";
import type { Datagram } from "../endpoint/datagram.ts";
import {
  type Description,
  type Descriptor,
  findDescriptor,
} from "../endpoint/description.ts";
import type { Operation, Received, ReceiveSink } from "../endpoint/endpoint.ts";
import type { CallContext } from "../wait/waiter.ts";

const KNOWN_FLAGS = {
  recv: MSG_PEEK | MSG_WAITALL | MSG_DONTWAIT,
  send: MSG_DONTWAIT | MSG_NOSIGNAL,
};

/** Flags of a call, of which those that Deno cannot provide are EOPNOTSUPP. */
export function checkFlags(operation: "recv" | "send", flags: number): void {
  const rest = checkInt(operation, "flags", flags) & ~KNOWN_FLAGS[operation];
  if (rest === 0) return;
  const names = Object.entries(MsgFlag)
    .filter(([, flag]) => (rest & flag) !== 0)
    .map(([name]) => name);
  throw osError("EOPNOTSUPP", names.join(", ") || `flag ${rest}`);
}

/** The part of a buffer to receive into; `nbytes` 0 means all of it. */
export function checkTarget(buffer: Uint8Array, nbytes: number): Uint8Array {
  checkBytes("receive", "buffer", buffer);
  const size = checkSize("receive", "nbytes", nbytes);
  if (size > buffer.length) {
    throw new RangeError(
      `Cannot receive: nbytes must be at most the ${buffer.length} bytes of buffer, received ${size}`,
    );
  }
  return size === 0 || size === buffer.length
    ? buffer
    : buffer.subarray(0, size);
}

/** A list of buffers. */
export function checkBuffers(
  action: string,
  buffers: Iterable<Uint8Array>,
): Uint8Array[] {
  if (
    typeof buffers !== "object" || buffers === null ||
    buffers instanceof Uint8Array || !(Symbol.iterator in buffers)
  ) {
    throw new TypeError(
      `Cannot ${action}: buffers must be an iterable of Uint8Array, received ${
        buffers instanceof Uint8Array
          ? "a Uint8Array; put it in an array"
          : show(buffers)
      }`,
    );
  }
  return Array.from(
    buffers,
    (each, i) => checkBytes(action, `buffers[${i}]`, each),
  );
}

/**
 * Ancillary data to send, of which Deno can send none: items must have Python's
 * form, and are EOPNOTSUPP then.
 */
export function checkAncillary(ancdata: Iterable<unknown>): void {
  const action = "send ancillary data";
  if (
    typeof ancdata !== "object" || ancdata === null ||
    !(Symbol.iterator in ancdata)
  ) {
    throw new TypeError(
      `Cannot ${action}: ancdata must be iterable, received ${show(ancdata)}`,
    );
  }
  const items = [...ancdata];
  for (const item of items) {
    if (!Array.isArray(item) || item.length !== 3) {
      const received = Array.isArray(item)
        ? `one of ${item.length}`
        : show(item);
      throw new TypeError(
        `Cannot ${action}: an item must be a sequence of length 3, [level, type, data], received ${received}`,
      );
    }
    checkInt(action, "level", item[0]);
    checkInt(action, "type", item[1]);
    checkBytes(action, "data", item[2]);
  }
  if (items.length > 0) throw osError("EOPNOTSUPP", "ancillary data");
}

/** Family, type and protocol of a new socket. */
export function checkKind(family: number, type: number, proto: number): void {
  if (family !== AF_INET && family !== AF_INET6 && family !== AF_UNIX) {
    throw osError("EAFNOSUPPORT", nameOf(AddressFamily, family, "family"));
  }
  if (type !== SOCK_STREAM && type !== SOCK_DGRAM) {
    throw osError("ESOCKTNOSUPPORT", nameOf(SocketKind, type, "type"));
  }
  const own = type === SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  if (proto !== 0 && (family === AF_UNIX || proto !== own)) {
    throw osError("EPROTONOSUPPORT", `protocol ${proto}`);
  }
}

function nameOf(
  group: Readonly<Record<string, number>>,
  value: number,
  what: string,
): string {
  const found = Object.entries(group).find(([, each]) => each === value);
  return found?.[0] ?? `${what} ${value}`;
}

/** Refuses a host and a port given as two arguments. */
export function checkOneAddress(
  action: string,
  address: unknown,
  next: unknown,
): void {
  if (typeof address !== "string" || typeof next !== "number") return;
  throw new TypeError(
    `Cannot ${action}: the address must be one argument, [host, port], received ${
      show(address)
    } and ${next}`,
  );
}

/** The place of an address, of which `next` must not be a part. */
export function parseSingleAddress(
  action: string,
  family: number,
  address: unknown,
  next: unknown,
): Sockaddr {
  if (family !== AF_UNIX) checkOneAddress(action, address, next);
  return parseAddress(action, family, address);
}

/** The open descriptor that a number stands for. */
export function toDescriptor(action: string, fileno: unknown): Descriptor {
  const descriptor = findDescriptor(checkInt(action, "fileno", fileno));
  if (descriptor === undefined) throw osError("EBADF");
  return descriptor;
}

// What a socket's calls do with its endpoint, their arguments checked.

/** A call that has an endpoint, and what its arguments were checked to be. */
export type Transfer<V, T> = (
  endpoint: Connected | Datagram,
  context: CallContext,
  checked: V,
  flags: number,
) => Promise<T>;

/** Runs a call with the endpoint; a connect under way is waited for. */
export function transfer<V, T>(
  description: Description,
  operation: Operation,
  context: CallContext,
  checked: V,
  flags: number,
  run: Transfer<V, T>,
): Promise<T> {
  if (!description.connecting) {
    return run(description.endpointFor(operation), context, checked, flags);
  }
  const startMs = performance.now();
  const toSend = operation === "send";
  return description.connected(context, toSend).then(() => {
    const left = lessTime(context, performance.now() - startMs);
    return run(description.endpointFor(operation), left, checked, flags);
  });
}

function lessTime(context: CallContext, passedMs: number): CallContext {
  const { timeoutMs } = context;
  if (timeoutMs === null || timeoutMs === 0) return context;
  // Not 0, which would mean non-blocking.
  return { ...context, timeoutMs: Math.max(timeoutMs - passedMs, 0.001) };
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
  context,
  size,
  flags,
) => {
  if (size === 0) return Promise.resolve(new Uint8Array(0));
  return endpoint.state === "connected"
    ? endpoint.recv(context, size, flags)
    : endpoint.recv(context, size, flags, dataOf);
};

function dataOf({ data }: Received): Bytes {
  return data;
}

export const receiveInto: Transfer<Uint8Array, number> = (
  endpoint,
  context,
  view,
  flags,
) => {
  if (view.length === 0) return Promise.resolve(0);
  return endpoint.state === "connected"
    ? endpoint.recvInto(context, view, flags)
    : endpoint.recv(
      context,
      view.length,
      flags,
      lengthOf,
      new ScatterSink([view]),
    );
};

function lengthOf({ data }: Received): number {
  return data.length;
}

// A connected stream has no address to give: it is null, as in CPython.

type From<T> = [T, Address | null];

export const receiveFrom: Transfer<number, From<Bytes>> = (
  endpoint,
  context,
  size,
  flags,
) =>
  endpoint.state === "connected"
    ? endpoint.recv(context, size, flags).then(fromNowhere)
    : endpoint.recv(context, size, flags, dataAndAddress);

function fromNowhere<T>(received: T): From<T> {
  return [received, null];
}

function dataAndAddress({ data, address }: Received): From<Bytes> {
  return [data, address];
}

export const receiveFromInto: Transfer<Uint8Array, From<number>> = (
  endpoint,
  context,
  view,
  flags,
) =>
  endpoint.state === "connected"
    ? endpoint.recvInto(context, view, flags).then(fromNowhere)
    : endpoint.recv(
      context,
      view.length,
      flags,
      lengthAndAddress,
      new ScatterSink([view]),
    );

function lengthAndAddress({ data, address }: Received): From<number> {
  return [data.length, address];
}

/** Data or its length, ancillary data, flags and address. */
export type Message<T> = [T, [], number, Address | null];

export const receiveMessage: Transfer<number, Message<Bytes>> = async (
  endpoint,
  context,
  size,
  flags,
) => {
  const got = await receiveWhole(endpoint, context, size, flags);
  return [got.data, [], got.truncated ? MSG_TRUNC : 0, got.address];
};

export const receiveMessageInto: Transfer<
  readonly Uint8Array[],
  Message<number>
> = async (endpoint, context, targets, flags) => {
  const size = targets.reduce((sum, each) => sum + each.length, 0);
  const sink = new ScatterSink(targets);
  const got = await receiveWhole(endpoint, context, size, flags, sink);
  return [got.data.length, [], got.truncated ? MSG_TRUNC : 0, got.address];
};

function whole(received: Received): Received {
  return received;
}

/** Receives, with what is known of it. */
export async function receiveWhole(
  endpoint: Connected | Datagram,
  context: CallContext,
  size: number,
  flags: number,
  sink?: ReceiveSink,
): Promise<Received> {
  if (endpoint.state === "datagram") {
    return await endpoint.recv(context, size, flags, whole, sink);
  }
  const data = await endpoint.recv(context, size, flags, sink);
  return { data, address: null, truncated: false };
}

/**
 * Fills buffers when the bytes are there, in one step with their leaving the
 * queue. If one has been emptied meanwhile, nothing leaves it.
 */
class ScatterSink implements ReceiveSink {
  readonly #targets: readonly Uint8Array[];
  readonly #lengths: readonly number[];

  constructor(targets: readonly Uint8Array[]) {
    this.#targets = targets;
    this.#lengths = targets.map(({ length }) => length);
  }

  get active(): boolean {
    for (let i = 0; i < this.#targets.length; i++) {
      const { length } = this.#targets[i]!;
      if (length >= this.#lengths[i]!) continue;
      throw new TypeError(
        `Cannot receive: the memory of buffer has changed meanwhile, to ${length} bytes`,
      );
    }
    return true;
  }

  push(data: Uint8Array | null): void {
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
  context,
  data,
) => endpoint.send(context, data);

export const sendMessage: Transfer<Uint8Array, number> = (
  endpoint,
  context,
  data,
) =>
  endpoint.state === "connected"
    ? endpoint.sendMost(context, data)
    : endpoint.send(context, data);

export const sendAll: Transfer<Uint8Array, void> = (endpoint, context, data) =>
  endpoint.sendAll(context, data);

/** TCP takes no notice of the address, as in Linux; a Unix stream minds it. */
export const sendTo: Transfer<
  { data: Uint8Array; sockaddr: Sockaddr },
  number
> = (
  endpoint,
  context,
  { data, sockaddr },
) =>
  endpoint.state === "connected" && isPath(sockaddr)
    ? Promise.reject(osError("EISCONN"))
    : endpoint.send(context, data, sockaddr);
