/** The errors of TLS, which are those of Python's `ssl`. */

import { BlockingIOError, OSError } from "../base/errors.ts";

/** The TLS protocol has failed. */
export const SSL_ERROR_SSL = 1;
/** The call has to wait until the socket is readable. */
export const SSL_ERROR_WANT_READ = 2;
/** The call has to wait until the socket is writable. */
export const SSL_ERROR_WANT_WRITE = 3;
/** The call has to wait until a certificate has been looked up. */
export const SSL_ERROR_WANT_X509_LOOKUP = 4;
/** A system call has failed. */
export const SSL_ERROR_SYSCALL = 5;
/** The peer has ended TLS with close_notify. */
export const SSL_ERROR_ZERO_RETURN = 6;
/** The call has to wait until the socket is connected. */
export const SSL_ERROR_WANT_CONNECT = 7;
/** The connection has ended without close_notify. */
export const SSL_ERROR_EOF = 8;
/** The number is none of the others. */
export const SSL_ERROR_INVALID_ERROR_CODE = 10;

/**
 * The numbers of an {@linkcode SSLError}: `errno` has the number, and `code`
 * its name.
 */
export const SSLErrorNumber: Readonly<Record<string, number>> = Object.freeze({
  SSL_ERROR_SSL,
  SSL_ERROR_WANT_READ,
  SSL_ERROR_WANT_WRITE,
  SSL_ERROR_WANT_X509_LOOKUP,
  SSL_ERROR_SYSCALL,
  SSL_ERROR_ZERO_RETURN,
  SSL_ERROR_WANT_CONNECT,
  SSL_ERROR_EOF,
  SSL_ERROR_INVALID_ERROR_CODE,
});

/** The options of the constructor of {@linkcode SSLError}. */
export interface SSLErrorOptions extends ErrorOptions {
  /**
   * The module of OpenSSL; `"SSL"` by default if there is a reason, else null.
   */
  library?: string | null;
  /** OpenSSL's name of the cause, such as `"WRONG_VERSION_NUMBER"`. */
  reason?: string | null;
}

/**
 * An error of TLS. Its `errno` is one of `SSL_ERROR_*`, not a number of the
 * system, and its `code` is the name of that.
 *
 * - {@linkcode SSLCertVerificationError}
 * - {@linkcode SSLZeroReturnError}
 * - {@linkcode SSLEOFError}
 * - {@linkcode SSLWantReadError}
 * - {@linkcode SSLWantWriteError}
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLError | Python: SSLError}
 *
 * @example By its reason
 * ```ts
 * import { SSLError } from "@pystd/socket/ssl";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new SSLError(1, "wrong version number", {
 *   reason: "WRONG_VERSION_NUMBER",
 * });
 * assertEquals(
 *   error.message,
 *   "[SSL: WRONG_VERSION_NUMBER] wrong version number",
 * );
 * assertEquals(error.code, "SSL_ERROR_SSL");
 * ```
 */
export class SSLError extends OSError {
  static {
    this.prototype.name = "SSLError";
  }

  /** The module of OpenSSL that Python names, such as `"SSL"`; or null. */
  readonly library: string | null;

  /**
   * OpenSSL's name of the cause, such as `"CERTIFICATE_VERIFY_FAILED"`; or
   * null.
   */
  readonly reason: string | null;

  /** The name of `errno`, such as `"SSL_ERROR_SSL"`. */
  override readonly code: string = codeOf(this.errno);

  /**
   * Creates an error.
   *
   * @param errno One of `SSL_ERROR_*`.
   * @param strerror The text.
   * @param options `library` and `reason`; `cause` is the error behind it.
   */
  constructor(errno: number, strerror: string, options: SSLErrorOptions = {}) {
    const { reason = null, library = reason === null ? null : "SSL" } = options;
    const names = reason === null ? library : `${library}: ${reason}`;
    const text = names === null ? strerror : `[${names}] ${strerror}`;
    super(errno, text, options);
    this.message = text;
    this.library = library;
    this.reason = reason;
  }

  /**
   * Returns whether a value is an instance of this class.
   * {@linkcode SSLWantReadError} and {@linkcode SSLWantWriteError} count as
   * instances of `SSLError`, but inherit from `BlockingIOError`.
   *
   * @param value Any value.
   * @returns Whether it is an instance.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    const isOne = Object.prototype.isPrototypeOf.call(
      this.prototype,
      value as object,
    );
    return isOne || this === SSLError &&
        (value instanceof SSLWantReadError ||
          value instanceof SSLWantWriteError);
  }
}

function codeOf(errno: number): string {
  const [code] = Object.entries(SSLErrorNumber)
    .find(([, each]) => each === errno) ?? ["SSL_ERROR_INVALID_ERROR_CODE"];
  return code;
}

/**
 * The peer's certificate could not be verified.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLCertVerificationError | Python: SSLCertVerificationError}
 */
export class SSLCertVerificationError extends SSLError {
  static {
    this.prototype.name = "SSLCertVerificationError";
  }

  /** OpenSSL's number of the cause, such as 10 for an expired certificate. */
  readonly verify_code: number;

  /** OpenSSL's text of the cause. */
  readonly verify_message: string;

  /**
   * Creates an error.
   *
   * @param verify_code OpenSSL's number of the cause.
   * @param verify_message OpenSSL's text of the cause.
   * @param options `cause` is the error behind it.
   */
  constructor(
    verify_code: number,
    verify_message: string,
    options?: ErrorOptions,
  ) {
    super(
      SSL_ERROR_SSL,
      `certificate verify failed: ${verify_message}`,
      { ...options, reason: "CERTIFICATE_VERIFY_FAILED" },
    );
    this.verify_code = verify_code;
    this.verify_message = verify_message;
  }
}

/**
 * The peer has ended TLS with close_notify. This module never throws it: a
 * receive returns an empty array instead.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLZeroReturnError | Python: SSLZeroReturnError}
 */
export class SSLZeroReturnError extends SSLError {
  static {
    this.prototype.name = "SSLZeroReturnError";
  }
}

/**
 * The connection ended without close_notify: the peer has gone, or the stream
 * was cut off.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLEOFError | Python: SSLEOFError}
 */
export class SSLEOFError extends SSLError {
  static {
    this.prototype.name = "SSLEOFError";
  }
}

/**
 * A call on a non-blocking socket would have to wait until it can receive. The
 * error is an {@linkcode SSLError} and a `BlockingIOError`.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLWantReadError | Python: SSLWantReadError}
 */
export class SSLWantReadError extends BlockingIOError {
  static {
    this.prototype.name = "SSLWantReadError";
  }

  /** Always null, as in Python. */
  readonly library: string | null = null;

  /** Always null, as in Python. */
  readonly reason: string | null = null;

  /** `"SSL_ERROR_WANT_READ"`. */
  override readonly code: string = "SSL_ERROR_WANT_READ";

  /** Creates an error. */
  constructor() {
    super(SSL_ERROR_WANT_READ, "The operation did not complete (read)");
    this.message = this.strerror;
  }
}

/**
 * A call on a non-blocking socket would have to wait until it can send. The
 * error is an {@linkcode SSLError} and a `BlockingIOError`.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLWantWriteError | Python: SSLWantWriteError}
 */
export class SSLWantWriteError extends BlockingIOError {
  static {
    this.prototype.name = "SSLWantWriteError";
  }

  /** Always null, as in Python. */
  readonly library: string | null = null;

  /** Always null, as in Python. */
  readonly reason: string | null = null;

  /** `"SSL_ERROR_WANT_WRITE"`. */
  override readonly code: string = "SSL_ERROR_WANT_WRITE";

  /** Creates an error. */
  constructor() {
    super(SSL_ERROR_WANT_WRITE, "The operation did not complete (write)");
    this.message = this.strerror;
  }
}
export { SSLCertVerificationError as CertificateError };
