/**
 * Converts Internet addresses between text and bytes, and numbers between byte
 * orders.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket.htonl | Python: socket}
 */

import { checkBytes, checkInt, checkText, checkUnsigned } from "./checks.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { atCaller, osError } from "./os_error.ts";

/**
 * Packs an IPv4 address, in any notation of C: one to four parts, each decimal,
 * octal after `0` or hexadecimal after `0x`; the last one fills the remaining
 * bytes. White space and anything after it is ignored.
 *
 * {@linkcode inet_pton} accepts the usual notation only.
 *
 * @param ip_string The address, such as `"127.0.0.1"` or `"127.1"`.
 * @returns Four bytes.
 * @throws {OSError} EINVAL if it is not an address.
 * @throws {TypeError} If it is not a string.
 * @throws {RangeError} If it contains a NUL.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.inet_aton | Python: inet_aton}
 * @see {@link https://man7.org/linux/man-pages/man3/inet.3.html | inet(3)}
 *
 * @example Full and short
 * ```ts
 * import { inet_aton } from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(inet_aton("192.168.1.10"), new Uint8Array([192, 168, 1, 10]));
 * assertEquals(inet_aton("127.1"), new Uint8Array([127, 0, 0, 1]));
 * ```
 */
export function inet_aton(ip_string: string): Uint8Array<ArrayBuffer> {
  const text = checkText("call inet_aton", "ip_string", ip_string);
  const [, address = ""] = /^([^ \t\n\v\f\r]*)/.exec(text) ?? [];
  const parts = address.split(".");
  const last = parseCNumber(parts.pop());
  const packed = new Uint8Array(4);
  const rest = 4 - parts.length;
  if (rest < 1 || last === undefined || last >= 256 ** rest) {
    throw malformed(inet_aton);
  }
  new DataView(packed.buffer).setUint32(0, last);
  for (const [index, part] of parts.entries()) {
    const value = parseCNumber(part);
    if (value === undefined || value > 255) throw malformed(inet_aton);
    packed[index] = value;
  }
  return packed;
}

function parseCNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^0x[0-9a-f]+$/i.test(text)) return parseInt(text, 16);
  if (/^0[0-7]*$/.test(text)) return parseInt(text, 8);
  return /^[1-9][0-9]*$/.test(text) ? parseInt(text, 10) : undefined;
}

/**
 * Unpacks an IPv4 address.
 *
 * @param packed_ip Four bytes.
 * @returns The address, such as `"127.0.0.1"`.
 * @throws {OSError} EINVAL if there are not four bytes.
 * @throws {TypeError} If they are not a `Uint8Array`.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.inet_ntoa | Python: inet_ntoa}
 *
 * @example An address
 * ```ts
 * import { inet_ntoa } from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(inet_ntoa(new Uint8Array([127, 0, 0, 1])), "127.0.0.1");
 * ```
 */
export function inet_ntoa(packed_ip: Uint8Array): string {
  const packed = checkBytes("call inet_ntoa", "packed_ip", packed_ip);
  if (packed.length !== 4) {
    throw atCaller(
      osError("EINVAL", "packed IP wrong length for inet_ntoa"),
      inet_ntoa,
    );
  }
  return packed.join(".");
}

/**
 * Packs an IPv4 or IPv6 address.
 *
 * @param address_family AF_INET or AF_INET6.
 * @param ip_string The address, such as `"127.0.0.1"` or `"::1"`, without a scope.
 * @returns Four bytes or sixteen.
 * @throws {OSError} EINVAL if it is not an address of the family.
 * @throws {OSError} EAFNOSUPPORT if it is another family.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If the address contains a NUL.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.inet_pton | Python: inet_pton}
 * @see {@link https://man7.org/linux/man-pages/man3/inet_pton.3.html | inet_pton(3)}
 *
 * @example Both families
 * ```ts
 * import { AF_INET, AF_INET6, inet_pton } from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(inet_pton(AF_INET, "127.0.0.1"), new Uint8Array([127, 0, 0, 1]));
 * assertEquals(inet_pton(AF_INET6, "::1").length, 16);
 * ```
 */
export function inet_pton(
  address_family: number,
  ip_string: string,
): Uint8Array<ArrayBuffer> {
  const family = checkInt("call inet_pton", "address_family", address_family);
  const text = checkText("call inet_pton", "ip_string", ip_string);
  if (family !== AF_INET && family !== AF_INET6) {
    throw atCaller(
      osError("EAFNOSUPPORT", `inet_pton of family ${family}`),
      inet_pton,
    );
  }
  const bytes = family === AF_INET ? parseInet(text) : parseInet6(text);
  if (bytes === undefined) throw malformed(inet_pton);
  return new Uint8Array(bytes);
}

function parseInet(text: string): number[] | undefined {
  const parts = text.split(".");
  const regular = parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part));
  const bytes = parts.map(Number);
  return parts.length === 4 && regular && bytes.every((byte) => byte < 256)
    ? bytes
    : undefined;
}

function parseInet6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  const before = parseGroups(head, tail === undefined);
  const after = parseGroups(tail ?? "", true);
  if (before === undefined || after === undefined) return undefined;
  const missing = 16 - before.length - after.length;
  // "::" means one group at least.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...after];
}

function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  const last = groups.length - 1;
  for (const [index, group] of groups.entries()) {
    const inet = atEnd && index === last ? parseInet(group) : undefined;
    if (inet !== undefined) {
      bytes.push(...inet);
    } else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else {
      return undefined;
    }
  }
  return bytes;
}

/**
 * Unpacks an IPv4 or IPv6 address. IPv6 has its shortest notation: lower case,
 * `::` for the longest run of zero groups, dots for IPv4 inside it.
 *
 * @param address_family AF_INET or AF_INET6.
 * @param packed_ip Four bytes or sixteen.
 * @returns The address, such as `"127.0.0.1"` or `"::1"`.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If it is another family, or another number of bytes.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.inet_ntop | Python: inet_ntop}
 * @see {@link https://man7.org/linux/man-pages/man3/inet_ntop.3.html | inet_ntop(3)}
 *
 * @example Both families
 * ```ts
 * import { AF_INET, AF_INET6, inet_ntop, inet_pton } from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(inet_ntop(AF_INET, new Uint8Array([10, 0, 0, 1])), "10.0.0.1");
 * const packed = inet_pton(AF_INET6, "2001:DB8:0:0:0:0:0:1");
 * assertEquals(inet_ntop(AF_INET6, packed), "2001:db8::1");
 * ```
 */
export function inet_ntop(
  address_family: number,
  packed_ip: Uint8Array,
): string {
  const family = checkInt("call inet_ntop", "address_family", address_family);
  const packed = checkBytes("call inet_ntop", "packed_ip", packed_ip);
  if (family !== AF_INET && family !== AF_INET6) {
    throw new RangeError(
      `Cannot call inet_ntop: address_family must be AF_INET or AF_INET6, received ${family}`,
    );
  }
  const length = family === AF_INET ? 4 : 16;
  if (packed.length !== length) {
    throw new RangeError(
      `Cannot call inet_ntop: packed_ip must have ${length} bytes, received ${packed.length}`,
    );
  }
  return family === AF_INET ? packed.join(".") : formatInet6(packed);
}

function formatInet6(packed: Uint8Array): string {
  const view = new DataView(packed.buffer, packed.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(i * 2));
  const run = longestZeros(groups);
  // ::ffff:1.2.3.4, and the older ::1.2.3.4, have dots.
  const dotted = run.start === 0 &&
    (run.length === 6 || (run.length === 5 && groups[5] === 0xffff));
  const words = groups.map((group) => group.toString(16));
  if (dotted) words.splice(6, 2, packed.subarray(12).join("."));
  if (run.length < 2) return words.join(":");
  const before = words.slice(0, run.start).join(":");
  return `${before}::${words.slice(run.start + run.length).join(":")}`;
}

function longestZeros(groups: number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > longest.length) {
      longest = { start: index - length + 1, length };
    }
  }
  return longest;
}

/**
 * Converts a 16-bit number from the machine's byte order to the network's.
 *
 * @param x The number, 0 to 65535.
 * @returns The number whose bytes in memory are those of `x`, highest first.
 * @throws {TypeError} If it is not an integer.
 * @throws {RangeError} If it is out of range, Python's `OverflowError`.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.htons | Python: htons}
 *
 * @example There and back
 * ```ts
 * import { htons, ntohs } from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ntohs(htons(8000)), 8000);
 * ```
 */
export function htons(x: number): number {
  return swap16(checkUnsigned("call htons", "x", x, 0xffff));
}

/**
 * Converts a 16-bit number from the network's byte order to the machine's.
 *
 * @param x The number, 0 to 65535.
 * @returns The number that {@linkcode htons} was given.
 * @throws {TypeError} If it is not an integer.
 * @throws {RangeError} If it is out of range, Python's `OverflowError`.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.ntohs | Python: ntohs}
 *
 * @example Bytes of a packet
 * ```ts
 * import { ntohs } from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * const packet = new Uint8Array([0x1f, 0x40]);
 * assertEquals(ntohs(new Uint16Array(packet.buffer)[0]!), 8000);
 * ```
 */
export function ntohs(x: number): number {
  return swap16(checkUnsigned("call ntohs", "x", x, 0xffff));
}

/**
 * Converts a 32-bit number from the machine's byte order to the network's.
 *
 * @param x The number, 0 to 4294967295.
 * @returns The number whose bytes in memory are those of `x`, highest first.
 * @throws {TypeError} If it is not an integer.
 * @throws {RangeError} If it is out of range, Python's `OverflowError`.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.htonl | Python: htonl}
 *
 * @example There and back
 * ```ts
 * import { htonl, INADDR_LOOPBACK, ntohl } from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ntohl(htonl(INADDR_LOOPBACK)), 0x7f000001);
 * ```
 */
export function htonl(x: number): number {
  return swap32(checkUnsigned("call htonl", "x", x, 0xffffffff));
}

/**
 * Converts a 32-bit number from the network's byte order to the machine's.
 *
 * @param x The number, 0 to 4294967295.
 * @returns The number that {@linkcode htonl} was given.
 * @throws {TypeError} If it is not an integer.
 * @throws {RangeError} If it is out of range, Python's `OverflowError`.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.ntohl | Python: ntohl}
 *
 * @example Bytes of an address
 * ```ts
 * import { inet_aton, ntohl } from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * const packed = inet_aton("127.0.0.1");
 * assertEquals(ntohl(new Uint32Array(packed.buffer)[0]!), 0x7f000001);
 * ```
 */
export function ntohl(x: number): number {
  return swap32(checkUnsigned("call ntohl", "x", x, 0xffffffff));
}

const bigEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0;

function swap16(x: number): number {
  return bigEndian ? x : (x << 8 | x >>> 8) & 0xffff;
}

function swap32(x: number): number {
  if (bigEndian) return x;
  return (swap16(x & 0xffff) << 16 | swap16(x >>> 16)) >>> 0;
}

function malformed(call: typeof inet_aton | typeof inet_pton): unknown {
  return atCaller(
    osError("EINVAL", `illegal IP address string passed to ${call.name}`),
    call,
  );
}
