/**
 * The events of `poll`, poll(2), with the values that Python has on the system
 * that the program runs on. What this module reports by itself where Python
 * lacks the name, as POLLRDHUP on macOS and everything on Windows, has Linux's.
 */

import { ABSENT, pick } from "./platform.ts";

/** There is something to receive, or to accept, or the end of it. */
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
export const POLLWRNORM: number = pick(0x100, POLLOUT, 0x100);
/** Priority data could be sent: of datagram and Unix sockets as POLLOUT. */
export const POLLWRBAND: number = pick(0x200, 0x100, 0x200);
/** A message of Linux's own, never reported; -1 elsewhere. */
export const POLLMSG: number = pick(0x400, ABSENT, ABSENT);
/** Nothing more will be received: the peer has ended its half, or it was shut. */
export const POLLRDHUP: number = 0x2000;
