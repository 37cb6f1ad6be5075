import type { Address } from "../base/address.ts";
import { checkTimeout } from "../base/checks.ts";

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

/** A string as Python's `repr` writes it. */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll(
    // deno-lint-ignore no-control-regex
    /[\\'"\x00-\x1f\x7f]/g,
    (each) => {
      if (each === "\\") return "\\\\";
      if (each === mark) return `\\${each}`;
      if (each === "'" || each === '"') return each;
      const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[each];
      const hex = each.charCodeAt(0).toString(16).padStart(2, "0");
      return named ?? `\\x${hex}`;
    },
  );
  return `${mark}${escaped}${mark}`;
}

/** Python gives an abstract name as bytes. */
function quoteBytes(text: string): string {
  const latin1 = String.fromCharCode(...new TextEncoder().encode(text));
  const escaped = quote(latin1).replaceAll(
    /[\x80-\xff]/g,
    (each) => `\\x${each.charCodeAt(0).toString(16)}`,
  );
  return `b${escaped}`;
}

function tuple(address: Address): string {
  if (typeof address === "string") {
    return address.startsWith("\0") ? quoteBytes(address) : address;
  }
  const parts = address.map((each) =>
    typeof each === "string" ? quote(each) : String(each)
  );
  return `(${parts.join(", ")})`;
}

/** What a socket is, as Python prints it. */
export function repr(socket: {
  name: string;
  fd: number;
  family: number;
  type: number;
  proto: number;
  laddr: Address | undefined;
  raddr: Address | undefined;
}): string {
  const { name, fd, family, type, proto, laddr, raddr } = socket;
  const parts = [
    `<${name}${fd < 0 ? " [closed]" : ""} fd=${fd}`,
    `family=${family}`,
    `type=${type}`,
    `proto=${proto}`,
  ];
  if (laddr) parts.push(`laddr=${tuple(laddr)}`);
  if (raddr) parts.push(`raddr=${tuple(raddr)}`);
  return `${parts.join(", ")}>`;
}
