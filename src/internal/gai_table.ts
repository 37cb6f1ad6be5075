/**
 * The error codes of name resolution: `getaddrinfo` has its own numbers, the
 * older `gethostbyname` and `gethostbyaddr` others.
 *
 * Windows has no number for three of them. There they have Linux's, which are
 * negative and so no number of Windows.
 */

import { pick } from "./platform.ts";

/** A code of `getaddrinfo`, as `"EAI_NONAME"`. */
export type GaiCode =
  | "EAI_ADDRFAMILY"
  | "EAI_AGAIN"
  | "EAI_BADFLAGS"
  | "EAI_FAIL"
  | "EAI_FAMILY"
  | "EAI_MEMORY"
  | "EAI_NODATA"
  | "EAI_NONAME"
  | "EAI_OVERFLOW"
  | "EAI_SERVICE"
  | "EAI_SOCKTYPE"
  | "EAI_SYSTEM";

/** A code of `gethostbyname`, as `"HOST_NOT_FOUND"`. */
export type HostCode =
  | "HOST_NOT_FOUND"
  | "TRY_AGAIN"
  | "NO_RECOVERY"
  | "NO_DATA";

type Row = readonly [errno: number, text: string];

// CPython on Windows has one text for all codes of a kind.
const FAILED = "getaddrinfo failed";
const NOT_FOUND = "host not found";

const LINUX: Readonly<Record<GaiCode, Row>> = {
  EAI_BADFLAGS: [-1, "Bad value for ai_flags"],
  EAI_NONAME: [-2, "Name or service not known"],
  EAI_AGAIN: [-3, "Temporary failure in name resolution"],
  EAI_FAIL: [-4, "Non-recoverable failure in name resolution"],
  EAI_NODATA: [-5, "No address associated with hostname"],
  EAI_FAMILY: [-6, "ai_family not supported"],
  EAI_SOCKTYPE: [-7, "ai_socktype not supported"],
  EAI_SERVICE: [-8, "Servname not supported for ai_socktype"],
  EAI_ADDRFAMILY: [-9, "Address family for hostname not supported"],
  EAI_MEMORY: [-10, "Memory allocation failure"],
  EAI_SYSTEM: [-11, "System error"],
  EAI_OVERFLOW: [-12, "Result too large for supplied buffer"],
};

const DARWIN: Readonly<Record<GaiCode, Row>> = {
  EAI_ADDRFAMILY: [1, "Address family for nodename not supported"],
  EAI_AGAIN: [2, "Temporary failure in name resolution"],
  EAI_BADFLAGS: [3, "Invalid value for ai_flags"],
  EAI_FAIL: [4, "Non-recoverable failure in name resolution"],
  EAI_FAMILY: [5, "ai_family not supported"],
  EAI_MEMORY: [6, "Memory allocation failure"],
  EAI_NODATA: [7, "No address associated with nodename"],
  EAI_NONAME: [8, "nodename nor servname provided, or not known"],
  EAI_SERVICE: [9, "servname not supported for ai_socktype"],
  EAI_SOCKTYPE: [10, "ai_socktype not supported"],
  EAI_SYSTEM: [11, "System error"],
  EAI_OVERFLOW: [14, "argument buffer overflow"],
};

const WINDOWS: Readonly<Record<GaiCode, Row>> = {
  EAI_MEMORY: [8, FAILED],
  EAI_BADFLAGS: [10022, FAILED],
  EAI_SOCKTYPE: [10044, FAILED],
  EAI_FAMILY: [10047, FAILED],
  EAI_SERVICE: [10109, FAILED],
  EAI_NONAME: [11001, FAILED],
  EAI_NODATA: [11001, FAILED],
  EAI_AGAIN: [11002, FAILED],
  EAI_FAIL: [11003, FAILED],
  EAI_ADDRFAMILY: [-9, FAILED],
  EAI_SYSTEM: [-11, FAILED],
  EAI_OVERFLOW: [-12, FAILED],
};

const POSIX_HOST: Readonly<Record<HostCode, Row>> = {
  HOST_NOT_FOUND: [1, "Unknown host"],
  TRY_AGAIN: [2, "Host name lookup failure"],
  NO_RECOVERY: [3, "Unknown server error"],
  NO_DATA: [4, "No address associated with name"],
};

const WINDOWS_HOST: Readonly<Record<HostCode, Row>> = {
  HOST_NOT_FOUND: [11001, NOT_FOUND],
  TRY_AGAIN: [11002, NOT_FOUND],
  NO_RECOVERY: [11003, NOT_FOUND],
  NO_DATA: [11004, NOT_FOUND],
};

const gai = pick(LINUX, DARWIN, WINDOWS);
const host = pick(POSIX_HOST, POSIX_HOST, WINDOWS_HOST);

/** The number of a code on this system. */
export function gaiErrnoOf(code: GaiCode): number {
  return gai[code][0];
}

/** The name of a number of `getaddrinfo`. */
export function gaiCodeOf(errno: number): GaiCode | undefined {
  return find(gai, ([number]) => number === errno);
}

/** The name of the code for which `getaddrinfo` has this text. */
export function gaiCodeOfText(text: string): GaiCode | undefined {
  return find(gai, ([, known]) => known === text);
}

/** The text of a number of `getaddrinfo`, as `gai_strerror(3)`. */
export function gaiStrerror(errno: number): string {
  const code = gaiCodeOf(errno);
  return code === undefined
    ? pick("Unknown error", "Unknown error", FAILED)
    : gai[code][1];
}

/** Whether a value is the name of a code of `getaddrinfo`. */
export function isGaiCode(value: unknown): value is GaiCode {
  return typeof value === "string" && Object.hasOwn(gai, value);
}

/** The number of a code of `gethostbyname` on this system. */
export function hostErrnoOf(code: HostCode): number {
  return host[code][0];
}

/** The name of a number of `gethostbyname`. */
export function hostCodeOf(errno: number): HostCode | undefined {
  return find(host, ([number]) => number === errno);
}

/** The text of a number of `gethostbyname`, as `hstrerror(3)`. */
export function hostStrerror(errno: number): string {
  const code = hostCodeOf(errno);
  return code === undefined
    ? pick("Unknown resolver error", "Unknown resolver error", NOT_FOUND)
    : host[code][1];
}

function find<C extends string>(
  table: Readonly<Record<C, Row>>,
  matches: (row: Row) => boolean,
): C | undefined {
  for (const code in table) {
    if (matches(table[code])) return code;
  }
  return undefined;
}
