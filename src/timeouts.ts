import { checkTimeout } from "./internal/checks.ts";

let defaultTimeout: number | null = null;

/**
 * The timeout, in seconds, that new sockets have: null, which is the default,
 * means that they block.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(socket.getdefaulttimeout(), null);
 * ```
 *
 * @returns Seconds, or null.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getdefaulttimeout | Python: getdefaulttimeout}
 */
export function getdefaulttimeout(): number | null {
  return defaultTimeout;
}

/**
 * Sets the timeout, in seconds, of the sockets that will be made from now on,
 * accepted ones included.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * socket.setdefaulttimeout(2.5);
 * using s = socket.socket();
 * assertEquals(s.gettimeout(), 2.5);
 * socket.setdefaulttimeout(null);
 * ```
 *
 * @param timeout Seconds; 0 for non-blocking, null for no timeout.
 * @throws {TypeError} If `timeout` is neither a number nor null.
 * @throws {RangeError} If `timeout` is negative, not a number or too large.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.setdefaulttimeout | Python: setdefaulttimeout}
 */
export function setdefaulttimeout(timeout: number | null): void {
  checkTimeout("set the default timeout", timeout);
  defaultTimeout = timeout;
}
