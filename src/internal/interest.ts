/** What can be waited for, and which of its events hold. */

import { AF_UNIX, SOCK_DGRAM } from "../constants.ts";
import { show } from "./checks.ts";
import { type Descriptor, findDescriptor } from "./descriptors.ts";
import { osError } from "./os_error.ts";
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from "./poll_events.ts";

/** Something with a descriptor, as a socket or a file object. */
export interface HasFileno {
  /** The descriptor's number; negative if it is closed. */
  fileno(): number;
}

/** What can be waited for: something with a descriptor, or its number. */
export type FileDescriptorLike = number | HasFileno;

/** What is waited for on one descriptor. */
export interface Interest {
  /** Held by identity; undefined if the number was not open. */
  readonly descriptor: Descriptor | undefined;
  /**
   * The events that end the wait. If POLLNVAL is not among them, a descriptor
   * that is closed is an error.
   */
  readonly events: number;
}

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
          show(file)
        }`,
    );
  }
  if (number < 0) {
    throw new RangeError(
      `Cannot ${action}: file descriptor must be 0 or more, received ${number}`,
    );
  }
  return number;
}

function hasFileno(file: unknown): file is HasFileno {
  return typeof file === "object" && file !== null &&
    typeof (file as Partial<HasFileno>).fileno === "function";
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

/** The events that hold now, as far as they are known, as Linux has them. */
export function eventsOf(descriptor: Descriptor | undefined): number {
  if (descriptor === undefined || descriptor.closed) return POLLNVAL;
  const { endpoint, family, type } = descriptor.description;
  let events = endpoint.failed ? POLLERR : 0;
  if (endpoint.kind === "unconnected") {
    // Linux says so of a stream socket that has no peer and waits for none.
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

/** A direction to be watched: what comes from the peer. */
export const RECEIVING = 1;
/** A direction to be watched: room for what goes there. */
export const SENDING = 2;

/** The directions to be watched in order to see events come. */
export function directionsOf(events: number): number {
  const sending = (events & (SENDABLE | POLLWRBAND)) !== 0 ? SENDING : 0;
  const ends = sending === 0 ? POLLHUP : 0;
  const receiving = events & (RECEIVABLE | POLLRDHUP | ends);
  return receiving !== 0 ? sending | RECEIVING : sending;
}
