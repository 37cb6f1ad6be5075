/** Checks the arguments of a socket's calls, before anything is sent. */

import {
  type Address,
  AddressFamily,
  type AddressInput,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  type Family,
  IPPROTO_TCP,
  IPPROTO_UDP,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_WAITALL,
  MsgFlag,
  SOCK_DGRAM,
  SOCK_STREAM,
  SocketKind,
} from "../base/constants.ts";
import { parseAddress, type Sockaddr } from "../base/sockaddr.ts";
import {
  checkBytes,
  checkInt,
  checkSize,
  isOptions,
  namedArguments,
  show,
} from "../base/checks.ts";
import { osError } from "../base/os_error.ts";
import { type Descriptor, findDescriptor } from "../endpoint/description.ts";
import type { SignalOption } from "../wait/waiter.ts";

const KNOWN_FLAGS = {
  recv: MSG_PEEK | MSG_WAITALL | MSG_DONTWAIT,
  send: MSG_DONTWAIT | MSG_NOSIGNAL,
};

/**
 * Checks the flags of a call. Flags that Deno cannot provide fail with
 * EOPNOTSUPP.
 */
export function checkFlags(
  operation: "recv" | "send",
  value: unknown,
): number {
  const flags = checkInt(operation, "flags", value);
  const rest = flags & ~KNOWN_FLAGS[operation];
  if (rest === 0) return flags;
  const names = Object.entries(MsgFlag)
    .filter(([, flag]) => (rest & flag) !== 0)
    .map(([name]) => name);
  throw osError("EOPNOTSUPP", names.join(", ") || `flag ${rest}`);
}

/**
 * Returns the part of a buffer to receive into. If `nbytes` is 0, that is all
 * of it.
 */
export function checkTarget(buffer: Uint8Array, nbytes: unknown): Uint8Array {
  const view = checkBytes("receive", "buffer", buffer);
  const size = checkSize("receive", "nbytes", nbytes);
  if (size > view.length) {
    throw new RangeError(
      `Cannot receive: nbytes must be at most the ${view.length} bytes of buffer, received ${size}`,
    );
  }
  return size === 0 || size === view.length ? view : view.subarray(0, size);
}

/** Checks a list of buffers, and copies it to an array. */
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
 * Checks ancillary data to send. Deno can send none: each item must have
 * Python's form, and the call then fails with EOPNOTSUPP.
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

/** The checked arguments of a new socket. */
interface NewSocket {
  readonly family: number;
  readonly type: number;
  readonly proto: number;
  /** The descriptor to take over, or null. */
  readonly fileno: number | null;
}

const NEW_SOCKET: NewSocket = {
  family: AF_INET,
  type: SOCK_STREAM,
  proto: 0,
  fileno: null,
};
const SOCKET_ARGUMENTS = ["family", "type", "proto", "fileno"] as const;

/**
 * Checks the arguments of a new socket, given by position or by name. A
 * constant that does not exist here is undefined, and does not stand for the
 * default.
 */
export function socketArguments(
  action: string,
  given: readonly unknown[],
): NewSocket {
  const values: Record<string, unknown> = { ...NEW_SOCKET };
  const at = given.findIndex(isOptions);
  const count = at < 0 ? given.length : at;
  for (const [i, name] of SOCKET_ARGUMENTS.slice(0, count).entries()) {
    values[name] = given[i];
  }
  if (at >= 0) {
    namedArguments(action, SOCKET_ARGUMENTS, given);
    Object.assign(values, given[at]);
  }
  values["fileno"] ??= null;
  for (const name of SOCKET_ARGUMENTS) {
    if (name !== "fileno" || values["fileno"] !== null) {
      checkInt(action, name, values[name]);
    }
  }
  return values as unknown as NewSocket;
}

/** Checks the family, type and protocol of a new socket. */
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

/** Rejects a host and a port that are given as two arguments. */
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

/**
 * Parses an address. The argument after it, `next`, must not be a part of it.
 */
export function parseSingleAddress(
  action: string,
  family: number,
  address: unknown,
  next: unknown,
): Sockaddr {
  if (family !== AF_UNIX) checkOneAddress(action, address, next);
  return parseAddress(action, family, address);
}

/** Returns the open descriptor with a number. */
export function toDescriptor(action: string, fileno: unknown): Descriptor {
  const descriptor = findDescriptor(checkInt(action, "fileno", fileno));
  if (descriptor === undefined) throw osError("EBADF");
  return descriptor;
}

/**
 * The arguments of a new socket by name.
 *
 * @typeParam A The address type of the socket.
 */
export interface SocketOptions<A extends Address = Address> {
  /** The family: `AF_INET`, which is the default, `AF_INET6` or `AF_UNIX`. */
  family?: Family<A>;
  /** The type: `SOCK_STREAM`, which is the default, or `SOCK_DGRAM`. */
  type?: number;
  /**
   * The protocol: 0, which is the default, or the number of that type's
   * protocol.
   */
  proto?: number;
  /** The descriptor to take over, or null. */
  fileno?: number | null | undefined;
}

/** The last argument of calls with flags. */
export interface FlagsOption extends SignalOption {
  /** The `MSG_*` flags, if they are not given by position. */
  flags?: number | undefined;
}

/** The last argument of calls that receive into a buffer. */
export interface ReceiveIntoOptions extends FlagsOption {
  /** The maximum number of bytes to receive, if it is not given by position. */
  nbytes?: number | undefined;
}

/** The last argument of calls that receive a message. */
export interface ReceiveMessageOptions extends FlagsOption {
  /**
   * The size of the buffer for ancillary data, if it is not given by position.
   */
  ancbufsize?: number | undefined;
}

/**
 * The last argument of `sendmsg`.
 *
 * @typeParam A The address type of the socket.
 */
export interface SendMessageOptions<A extends Address = Address>
  extends FlagsOption {
  /** Ancillary data. It must be empty, since Deno can send none. */
  ancdata?: Iterable<readonly [number, number, Uint8Array]> | undefined;
  /** The destination of a datagram, if it is not given by position. */
  address?: AddressInput<A> | null | undefined;
}
