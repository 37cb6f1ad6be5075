/**
 * Creates this module's errors, and translates Deno's and Node's into them.
 *
 * In Deno 2.9 most failures of the system have their name in `code`, whatever the
 * class (EINVAL is a `TypeError`, EMSGSIZE an `Error`). A closed resource, a
 * missing permission, a second accept beside a first, and a failed lookup have
 * none. Errors of the `node:` modules have Node's codes.
 */

import {
  codesByErrno,
  type ErrnoCode,
  errnoOf,
  type GaiCode,
  gaiCodeOf,
  gaiCodeOfText,
  gaiErrnoOf,
  type HostCode,
  hostErrnoOf,
  isErrnoCode,
  isGaiCode,
  osName,
} from "./errno_table.ts";
import { gaierror, herror, OSError, TimeoutError } from "./errors.ts";

/**
 * Creates the error of a code, of the class that Python has for it.
 *
 * @param code The name of the error.
 * @param detail Text that helps, after the text of the system.
 * @param options `cause`: the error that led to it.
 */
export function osError(
  code: ErrnoCode,
  detail?: string,
  options?: ErrorOptions,
): OSError {
  return withDetail(new OSError(errnoOf(code), undefined, options), detail);
}

/**
 * Lets the stack of an error begin where the program called a public function,
 * which passes itself: no frame of this package precedes that line. The reason
 * of an abort is the program's own, and is left as it is.
 *
 * V8 leaves out the frames up to a function only if that function is running. So
 * an asynchronous one has to do this in its own `catch`, from where the callers
 * that await it are known as well.
 */
export function atCaller(
  error: unknown,
  // deno-lint-ignore ban-types -- any public function.
  call: Function,
  signal?: AbortSignal,
): unknown {
  if (error instanceof OSError && !isReason(error, signal)) {
    Error.captureStackTrace(error, call);
  }
  return error;
}

/** Returns whether an error is the reason with which a signal has aborted. */
export function isReason(
  error: unknown,
  signal: AbortSignal | undefined,
): boolean {
  return signal?.aborted === true && error === signal.reason;
}

const [major = 0, running = 0] = Deno.version.deno.split(".").map(Number);

/** Returns whether this Deno is older than a minor version of Deno 2. */
export function isOlderThan(minor: number): boolean {
  return major < 2 || (major === 2 && running < minor);
}

/**
 * Refuses a call that an older Deno would answer wrongly, or never.
 *
 * @param minor The first minor version of Deno 2 that can do it.
 * @param what The beginning of a sentence that names the call.
 * @throws {OSError} EOPNOTSUPP if this Deno is older.
 */
export function requireDeno(minor: number, what: string): void {
  if (!isOlderThan(minor)) return;
  const version = Deno.version.deno;
  const text = `${what} needs Deno 2.${minor} or newer, this is ${version}`;
  throw osError("EOPNOTSUPP", text);
}

/** Creates the error of a timeout. */
export function timedOut(): TimeoutError {
  const error = new TimeoutError(errnoOf("ETIMEDOUT"), "timed out");
  error.message = "timed out";
  return error;
}

/** Creates the error of a failed lookup, like {@linkcode osError}. */
export function gaiError(
  code: GaiCode,
  detail?: string,
  options?: ErrorOptions,
): gaierror {
  const error = new gaierror(gaiErrnoOf(code), undefined, options);
  return withDetail(error, detail);
}

/** Creates the error of a failed `gethostby*`, like {@linkcode osError}. */
export function hostError(
  code: HostCode,
  detail?: string,
  options?: ErrorOptions,
): herror {
  const error = new herror(hostErrnoOf(code), undefined, options);
  return withDetail(error, detail);
}

/**
 * Creates the error of a missing grant, with Deno's text.
 *
 * @param target The host, and the port if the grant is for one.
 * @param cause The error that led to it; by default, the one of Deno.
 * @param more Text after the target.
 */
export function netDenied(
  target: string,
  cause?: unknown,
  more: string = "",
): OSError {
  const text =
    `Requires net access to "${target}"${more}, run again with the --allow-net flag`;
  const options = { cause: cause ?? new Deno.errors.NotCapable(text) };
  return osError("EACCES", text + grantedName(text), options);
}

/** Names by the addresses that they have been resolved to. */
const names = new Map<string, string>();

/** How many are kept, so that a program that resolves many names keeps little. */
const MAX_NAMES = 64;

/**
 * Remembers that a name, which is granted, has been resolved to an address. A
 * grant for a name does not cover its addresses, which users do not expect; so an
 * error about the address names both.
 */
export function rememberName(address: string, name: string): void {
  names.delete(address);
  names.set(address, name);
  if (names.size > MAX_NAMES) names.delete(names.keys().next().value!);
}

/** The hint in the error of an address without a grant whose name is granted. */
function grantedName(text: string): string {
  const [, ipv6, ipv4 = "", port = ""] =
    /net access to "(?:\[([^\]%]+)[^\]]*\]|([\d.]+))(:\d+)?"/.exec(text) ?? [];
  const address = ipv6 ?? ipv4;
  const name = names.get(address);
  if (name === undefined) return "";
  const descriptor = { name: "net", host: name + port } as const;
  const { state } = Deno.permissions.querySync(descriptor);
  if (state !== "granted") return "";
  const shown = ipv6 === undefined ? address : `[${address}]`;
  return `; "${name}" is granted, its address is not: add --allow-net=${shown}${port}, or use the name`;
}

function withDetail<E extends OSError>(error: E, detail?: string): E {
  if (detail) error.message += `: ${detail}`;
  return error;
}

/** Node's errors about the state of a socket. */
const NODE_CODES: Readonly<Record<string, ErrnoCode>> = {
  ERR_SERVER_ALREADY_LISTEN: "EINVAL",
  ERR_SERVER_NOT_RUNNING: "EBADF",
  ERR_SOCKET_ALREADY_BOUND: "EINVAL",
  ERR_SOCKET_CLOSED: "EBADF",
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION: "EBADF",
  ERR_SOCKET_CONNECTION_TIMEOUT: "ETIMEDOUT",
  ERR_SOCKET_DGRAM_IS_CONNECTED: "EISCONN",
  ERR_SOCKET_DGRAM_NOT_CONNECTED: "ENOTCONN",
  ERR_SOCKET_DGRAM_NOT_RUNNING: "EBADF",
  ERR_STREAM_DESTROYED: "EPIPE",
  ERR_STREAM_PREMATURE_CLOSE: "ECONNRESET",
  ERR_STREAM_WRITE_AFTER_END: "EPIPE",
};

/** Deno's classes, for errors without a code. */
const DENO_CLASSES: Readonly<Record<string, ErrnoCode>> = {
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  AlreadyExists: "EEXIST",
  BrokenPipe: "EPIPE",
  Busy: "EBUSY",
  ConnectionAborted: "ECONNABORTED",
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  // A TLS error: a certificate, an alert, or bytes that are not TLS.
  InvalidData: "EPROTO",
  IsADirectory: "EISDIR",
  NetworkUnreachable: "ENETUNREACH",
  NotADirectory: "ENOTDIR",
  NotConnected: "ENOTCONN",
  NotFound: "ENOENT",
  NotSupported: "EOPNOTSUPP",
  PermissionDenied: "EACCES",
  TimedOut: "ETIMEDOUT",
  // A TLS connection that ended without the peer's close_notify.
  UnexpectedEof: "ECONNRESET",
  WouldBlock: "EAGAIN",
};

/**
 * Translates an error of Deno's network functions or of the modules `node:net`,
 * `node:dgram` and `node:dns`. The result has the given error as its `cause`.
 *
 * Some are returned as they are: the module's own errors, an abort and any other
 * `DOMException`, which are the reason of a signal, and a `TypeError` or
 * `RangeError` about an argument. An unknown error becomes EIO with its text, so
 * that `instanceof OSError` covers it.
 */
export function fromDeno(error: unknown): Error {
  if (!(error instanceof Error)) {
    return osError("EIO", String(error), { cause: error });
  }
  if (isOurs(error)) return error;
  const options = { cause: error };
  if (error instanceof Deno.errors.NotCapable) {
    const { message } = error;
    return osError("EACCES", message + grantedName(message), options);
  }
  const denied = deniedLookup(error);
  if (denied !== undefined) return netDenied(denied, error);
  const lookup = lookupCode(error);
  if (lookup !== undefined) return gaiError(lookup, undefined, options);
  const code = errnoCodeOf(error);
  if (code !== undefined) return osError(code, detailOf(error), options);
  if (error instanceof TypeError || error instanceof RangeError) return error;
  return osError("EIO", error.message, options);
}

function isOurs(error: Error): boolean {
  return error instanceof OSError || error instanceof DOMException ||
    error.name === "AbortError";
}

/** The host of a denied lookup; node:dns names neither permission nor flag. */
function deniedLookup(error: Error): string | undefined {
  if (!isLookup(error) || codeIn(error) !== "EPERM") return undefined;
  const { hostname } = error as { hostname?: unknown };
  return typeof hostname === "string"
    ? hostname
    : error.message.split(" ").at(-1);
}

function lookupCode(error: Error): GaiCode | undefined {
  // A host that Deno cannot parse, such as one with a space.
  if (error instanceof URIError) return "EAI_NONAME";
  if (isLookup(error)) {
    const code = codeIn(error);
    if (isGaiCode(code)) return code;
    if (code === "ENOTFOUND") return "EAI_NONAME";
    return code === "ENODATA" ? "EAI_NODATA" : "EAI_FAIL";
  }
  const [, text] =
    /^failed to lookup address information: (.*)$/.exec(error.message) ?? [];
  if (text !== undefined) return gaiCodeOfText(text) ?? "EAI_NONAME";
  if (error.message === "No resolved address found") return "EAI_NONAME";
  // Only Winsock's numbers of lookups differ from all numbers of the system.
  const number = systemNumber(error);
  if (osName !== "windows" || number === undefined || number < 11000) {
    return undefined;
  }
  return gaiCodeOf(number) ?? "EAI_NONAME";
}

/** What there is too little of when a connection cannot be accepted. */
const SHORTAGES: readonly string[] = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/** Whether a call has failed because there is too little of something. */
export function isShortage({ code }: OSError): boolean {
  return SHORTAGES.includes(code ?? "");
}

function isLookup(error: Error): boolean {
  const { syscall } = error as { syscall?: unknown };
  return typeof syscall === "string" &&
    /^(getaddrinfo|getnameinfo|getHostByAddr|query)/.test(syscall);
}

function errnoCodeOf(error: Error): ErrnoCode | undefined {
  if (error instanceof Deno.errors.BadResource) return "EBADF";
  const number = systemNumber(error);
  // Deno reports so that a close has cancelled the operation; the system's EINTR
  // has a number.
  if (error instanceof Deno.errors.Interrupted && number === undefined) {
    return "EBADF";
  }
  const code = codeIn(error);
  if (isErrnoCode(code)) return code;
  if (code !== undefined && Object.hasOwn(NODE_CODES, code)) {
    return NODE_CODES[code];
  }
  if (number !== undefined && codesByErrno.has(number)) {
    return codesByErrno.get(number);
  }
  // Rust's text about an address of a multicast group.
  if (/^invalid IP(v[46])? address syntax$/.test(error.message)) {
    return "EINVAL";
  }
  return Object.hasOwn(DENO_CLASSES, error.name)
    ? DENO_CLASSES[error.name]
    : undefined;
}

/** The text of an error beside the system's text and number. */
function detailOf(error: Error): string | undefined {
  if (systemNumber(error) !== undefined || "syscall" in error) return undefined;
  if (error instanceof Deno.errors.BadResource) return undefined;
  if (error instanceof Deno.errors.Interrupted) return undefined;
  const code = codeIn(error);
  return code?.startsWith("ERR_") ? undefined : error.message;
}

function codeIn(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

function systemNumber(error: Error): number | undefined {
  const [, number] = /\(os error (\d+)\)(?:$|:)/.exec(error.message) ?? [];
  return number === undefined ? undefined : Number(number);
}
