/**
 * The errors of the module, with the names and properties of Python's.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#os-exceptions | Python: OS exceptions}
 */

import {
  codeOf,
  type ErrnoCode,
  errnoOf,
  gaiCodeOf,
  gaiStrerror,
  hostCodeOf,
  hostStrerror,
  strerror as textOf,
} from "./errno_table.ts";

/**
 * Names the errors of a class. Where a program has frozen `Error.prototype`, its
 * `name` is read-only, and an assignment to that of a subclass would throw.
 */
function nameErrors(prototype: object, name: string): void {
  const property = { value: name, writable: true, configurable: true };
  Object.defineProperty(prototype, "name", property);
}

/**
 * An error of the system. Every operation of a socket fails with one, unless its
 * arguments are wrong: a wrong type is a `TypeError`, a wrong value a
 * `RangeError`, both before anything is done.
 *
 * As in Python, `new OSError(...)` makes an error of the subclass that the number
 * has. Unlike in Python there is always a number.
 *
 * - {@linkcode BlockingIOError}
 * - {@linkcode ConnectionError}
 *   - {@linkcode BrokenPipeError}
 *   - {@linkcode ConnectionAbortedError}
 *   - {@linkcode ConnectionRefusedError}
 *   - {@linkcode ConnectionResetError}
 * - {@linkcode FileExistsError}
 * - {@linkcode FileNotFoundError}
 * - {@linkcode InterruptedError}
 * - {@linkcode PermissionError}
 * - {@linkcode TimeoutError}
 * - {@linkcode UnsupportedOperation}
 * - {@linkcode gaierror}
 * - {@linkcode herror}
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#OSError | Python: OSError}
 *
 * @example By number, name or class
 * ```ts
 * import { ConnectionRefusedError, OSError } from "@pystd/socket";
 * import { ECONNREFUSED } from "@pystd/socket/errno";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const error = new OSError(ECONNREFUSED, "Connection refused");
 * assertEquals(error.errno, ECONNREFUSED);
 * assertEquals(error.code, "ECONNREFUSED");
 * assertEquals(error.message, `[Errno ${ECONNREFUSED}] Connection refused`);
 * assertInstanceOf(error, ConnectionRefusedError);
 * ```
 */
export class OSError extends Error {
  static {
    nameErrors(this.prototype, "OSError");
  }

  /** The system's number of the error. */
  readonly errno: number;

  /** The system's text for the error. */
  readonly strerror: string;

  /** The name of the number, such as `"ECONNREFUSED"`; or `"UNKNOWN"`. */
  readonly code: string;

  /**
   * Makes an error.
   *
   * @param errno The number, one of `@pystd/socket/errno`.
   * @param strerror The text; the system's by default.
   * @param options `cause`: what led to the error.
   */
  constructor(errno: number, strerror?: string, options?: ErrorOptions) {
    const text = strerror ?? textOf(errno);
    super(`[Errno ${errno}] ${text}`, options);
    this.errno = errno;
    this.strerror = text;
    this.code = codeOf(errno) ?? "UNKNOWN";
    if (new.target === OSError) {
      const Class = classes.get(errno);
      // Cheaper than making another error, which would capture the stack again.
      if (Class !== undefined) Object.setPrototypeOf(this, Class.prototype);
    }
  }

  /** The number and the text, which Python programs unpack. */
  get args(): [errno: number, strerror: string] {
    return [this.errno, this.strerror];
  }
}

/**
 * The call would have to wait, but the socket is non-blocking: EAGAIN,
 * EWOULDBLOCK, EALREADY, EINPROGRESS.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#BlockingIOError | Python: BlockingIOError}
 */
export class BlockingIOError extends OSError {
  /** The number of bytes of a buffered write that were accepted. */
  declare characters_written?: number;

  static {
    nameErrors(this.prototype, "BlockingIOError");
  }
}

/**
 * The connection has failed; each cause has a subclass.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#ConnectionError | Python: ConnectionError}
 */
export class ConnectionError extends OSError {
  static {
    nameErrors(this.prototype, "ConnectionError");
  }
}

/**
 * A send on a connection whose other end is closed, or after
 * `shutdown(SHUT_WR)`: EPIPE, ESHUTDOWN.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#BrokenPipeError | Python: BrokenPipeError}
 */
export class BrokenPipeError extends ConnectionError {
  static {
    nameErrors(this.prototype, "BrokenPipeError");
  }
}

/**
 * The connection was aborted on this side: ECONNABORTED.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#ConnectionAbortedError | Python: ConnectionAbortedError}
 */
export class ConnectionAbortedError extends ConnectionError {
  static {
    nameErrors(this.prototype, "ConnectionAbortedError");
  }
}

/**
 * No socket is listening at the address: ECONNREFUSED.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#ConnectionRefusedError | Python: ConnectionRefusedError}
 */
export class ConnectionRefusedError extends ConnectionError {
  static {
    nameErrors(this.prototype, "ConnectionRefusedError");
  }
}

/**
 * The peer reset the connection: ECONNRESET.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#ConnectionResetError | Python: ConnectionResetError}
 */
export class ConnectionResetError extends ConnectionError {
  static {
    nameErrors(this.prototype, "ConnectionResetError");
  }
}

/**
 * The file to be made exists already: EEXIST.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#FileExistsError | Python: FileExistsError}
 */
export class FileExistsError extends OSError {
  static {
    nameErrors(this.prototype, "FileExistsError");
  }
}

/**
 * A file does not exist, such as that of a Unix socket: ENOENT.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#FileNotFoundError | Python: FileNotFoundError}
 */
export class FileNotFoundError extends OSError {
  static {
    nameErrors(this.prototype, "FileNotFoundError");
  }
}

/**
 * A signal came during the call: EINTR.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#InterruptedError | Python: InterruptedError}
 */
export class InterruptedError extends OSError {
  static {
    nameErrors(this.prototype, "InterruptedError");
  }
}

/**
 * The system does not allow the call, or Deno's permission is missing; then the
 * message names the flag to grant: EACCES, EPERM.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#PermissionError | Python: PermissionError}
 */
export class PermissionError extends OSError {
  static {
    nameErrors(this.prototype, "PermissionError");
  }
}

/**
 * The socket's timeout has expired, with the message `timed out`, or that of the
 * system: ETIMEDOUT.
 *
 * @see {@link https://docs.python.org/3/library/exceptions.html#TimeoutError | Python: TimeoutError}
 */
export class TimeoutError extends OSError {
  static {
    nameErrors(this.prototype, "TimeoutError");
  }
}

/**
 * A file object does not support the call, such as a read from one that was
 * opened for writing. It has the number EOPNOTSUPP, where Python's has none.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.UnsupportedOperation | Python: io.UnsupportedOperation}
 *
 * @example The message alone
 * ```ts
 * import { OSError, UnsupportedOperation } from "@pystd/socket";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const error = new UnsupportedOperation("not readable");
 * assertInstanceOf(error, OSError);
 * assertEquals(`${error}`, "UnsupportedOperation: not readable");
 * ```
 */
export class UnsupportedOperation extends OSError {
  static {
    nameErrors(this.prototype, "UnsupportedOperation");
  }

  /**
   * Makes an error.
   *
   * @param message The reason, such as `"not readable"`.
   * @param options `cause`: what led to the error.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(errnoOf("EOPNOTSUPP"), message, options);
    this.message = message;
  }
}

/**
 * A name cannot be resolved to an address, or an address to a name. The numbers
 * are those of `getaddrinfo`: `EAI_NONAME` and so on.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket.gaierror | Python: socket.gaierror}
 *
 * @example An unknown host
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new socket.gaierror(socket.EAI_NONAME);
 * assertEquals(error.errno, socket.EAI_NONAME);
 * assertEquals(error.code, "EAI_NONAME");
 * ```
 */
export class gaierror extends OSError {
  static {
    nameErrors(this.prototype, "gaierror");
  }

  /** The name of the number, such as `"EAI_NONAME"`; `"UNKNOWN"` without one. */
  override readonly code: string = gaiCodeOf(this.errno) ?? "UNKNOWN";

  /**
   * Makes an error.
   *
   * @param errno The number, `EAI_NONAME` or another.
   * @param strerror The text; the system's by default.
   * @param options `cause`: what led to the error.
   */
  constructor(errno: number, strerror?: string, options?: ErrorOptions) {
    super(errno, strerror ?? gaiStrerror(errno), options);
  }
}

/**
 * One of the older functions of name resolution, such as `gethostbyaddr`, has
 * failed. The numbers are those of C's `h_errno`.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket.herror | Python: socket.herror}
 */
export class herror extends OSError {
  static {
    nameErrors(this.prototype, "herror");
  }

  /** The name of the number, such as `"HOST_NOT_FOUND"`; or `"UNKNOWN"`. */
  override readonly code: string = hostCodeOf(this.errno) ?? "UNKNOWN";

  /**
   * Makes an error.
   *
   * @param errno The number.
   * @param strerror The text; the system's by default.
   * @param options `cause`: what led to the error.
   */
  constructor(errno: number, strerror?: string, options?: ErrorOptions) {
    super(errno, strerror ?? hostStrerror(errno), options);
  }
}

export { OSError as error, TimeoutError as timeout };

const classesByCode: Partial<Record<ErrnoCode, typeof OSError>> = {
  EAGAIN: BlockingIOError,
  EALREADY: BlockingIOError,
  EINPROGRESS: BlockingIOError,
  EWOULDBLOCK: BlockingIOError,
  EPIPE: BrokenPipeError,
  ESHUTDOWN: BrokenPipeError,
  ECONNABORTED: ConnectionAbortedError,
  ECONNREFUSED: ConnectionRefusedError,
  ECONNRESET: ConnectionResetError,
  EEXIST: FileExistsError,
  ENOENT: FileNotFoundError,
  EINTR: InterruptedError,
  EACCES: PermissionError,
  EPERM: PermissionError,
  ETIMEDOUT: TimeoutError,
};

const classes = new Map<number, typeof OSError>();
for (const [code, Class] of Object.entries(classesByCode)) {
  classes.set(errnoOf(code as ErrnoCode), Class);
}
