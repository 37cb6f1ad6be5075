/**
 * The values that can be polled, and the events of `poll`.
 *
 * The events of poll(2) have the values that Python has on the system that the
 * program runs on. Where Python lacks a name that this module reports, such as
 * POLLRDHUP on macOS and all of them on Windows, they have Linux's values.
 */

import { isForeign, show, showObject } from "../base/checks.ts";
import { AF_UNIX, SOCK_DGRAM } from "../base/constants.ts";
import { ABSENT, byOs } from "../base/errno_table.ts";
import { osError } from "../base/os_error.ts";
import { type Descriptor, findDescriptor } from "../endpoint/description.ts";

/** Bytes, a connection or the end of the stream can be received. */
export const POLLIN: number = 0x001;
/** There is urgent data, which Deno cannot see: never reported. */
export const POLLPRI: number = 0x002;
/** A send would not wait. */
export const POLLOUT: number = 0x004;
/** An error is pending; reported whether asked for or not. */
export const POLLERR: number = 0x008;
/** Hung up, or never connected; reported whether asked for or not. */
export const POLLHUP: number = 0x010;
/** The descriptor is not open; reported whether asked for or not. */
export const POLLNVAL: number = 0x020;
/** The same as {@linkcode POLLIN}. */
export const POLLRDNORM: number = 0x040;
/** There is priority data, which no socket here has: never reported. */
export const POLLRDBAND: number = 0x080;
/** The same as {@linkcode POLLOUT}. */
export const POLLWRNORM: number = byOs(0x100, POLLOUT, 0x100);
/** Priority data could be sent: reported with POLLOUT, but not for TCP. */
export const POLLWRBAND: number = byOs(0x200, 0x100, 0x200);
/** An event of Linux alone, never reported; -1 elsewhere. */
export const POLLMSG: number = byOs(0x400, ABSENT, ABSENT);
/** Nothing more will be received, after the peer's end or a `shutdown(SHUT_RD)`. */
export const POLLRDHUP: number = 0x2000;

// The values that can be polled, and which of their events hold.

/** Something with a descriptor, such as a socket or a file object. */
export interface HasFileno {
  /** The descriptor's number; negative if it is closed. */
  fileno(): number;
}

/** A value that can be polled: an object with a descriptor, or the number. */
export type FileDescriptorLike = number | HasFileno;

/** The number of a descriptor, checked. */
export function toNumber(action: string, file: unknown): number {
  const number = hasFileno(file) ? file.fileno() : file;
  if (typeof number !== "number" || !Number.isInteger(number)) {
    throw new TypeError(
      hasFileno(file)
        ? `Cannot ${action}: fileno() must return an integer, returned ${
          show(number)
        }`
        : `Cannot ${action}: a file must be an integer or have a fileno() method, received ${
          showNoFile(file)
        }`,
    );
  }
  if (number < 0) {
    throw new RangeError(
      `Cannot ${action}: file descriptor must be 0 or more, received ${number}`,
    );
  }
  // The same number may belong to another socket of this copy.
  if (isForeign(file)) {
    throw new TypeError(
      `Cannot ${action}: the socket is of another copy of the package; import @pystd/socket and its other entry points in one version`,
    );
  }
  return number;
}

function hasFileno(file: unknown): file is HasFileno {
  return typeof file === "object" && file !== null &&
    typeof (file as Partial<HasFileno>).fileno === "function";
}

/** Shows a value that is not a socket, with advice. */
function showNoFile(file: unknown): string {
  const way = "which has no descriptor here; read it in a task of its own";
  for (const name of ["stdin", "stdout", "stderr"] as const) {
    if (file === Deno[name]) return `Deno.${name}, ${way}`;
  }
  if (file instanceof Deno.FsFile) return `a Deno.FsFile, ${way}`;
  return showObject(file, "give the socket itself");
}

/** The descriptor that is open now under the number of a file. */
export function toOpenDescriptor(action: string, file: unknown): Descriptor {
  const number = toNumber(action, file);
  const descriptor = findDescriptor(number);
  if (descriptor === undefined) throw osError("EBADF", `descriptor ${number}`);
  return descriptor;
}

const RECEIVABLE = POLLIN | POLLRDNORM;
const SENDABLE = POLLOUT | POLLWRNORM;

/** The events that hold now, as far as they are known, by the rules of Linux. */
export function eventsOf(descriptor: Descriptor | undefined): number {
  if (descriptor === undefined || descriptor.closed) return POLLNVAL;
  const { endpoint, family, type } = descriptor.description;
  let events = endpoint.failed ? POLLERR : 0;
  if (endpoint.state === "unconnected") {
    // Linux reports these for a stream socket that neither has nor awaits a peer.
    events |= SENDABLE | POLLHUP;
    if (endpoint.failed) events |= RECEIVABLE | POLLRDHUP;
  } else {
    if (endpoint.readable) events |= RECEIVABLE;
    if (endpoint.writable) events |= SENDABLE;
    if (endpoint.ended) events |= POLLRDHUP;
    if (endpoint.hungUp) events |= POLLHUP;
  }
  const hasBands = family === AF_UNIX || type === SOCK_DGRAM;
  return hasBands && (events & POLLOUT) !== 0 ? events | POLLWRBAND : events;
}

/** The direction from the peer. */
export const RECEIVING = 1;
/** The direction to the peer. */
export const SENDING = 2;

/** The directions in which events have to be awaited. */
export function directionsOf(events: number): number {
  const sending = (events & (SENDABLE | POLLWRBAND)) !== 0 ? SENDING : 0;
  const ends = sending === 0 ? POLLHUP : 0;
  const receiving = events & (RECEIVABLE | POLLRDHUP | ends);
  return receiving !== 0 ? sending | RECEIVING : sending;
}
