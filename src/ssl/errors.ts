/** The errors of TLS, shaped and named as those of Python's `ssl`. */

import { BlockingIOError, OSError } from "../base/errors.ts";

/** A failure of the protocol. */
export const SSL_ERROR_SSL = 1;
/** Bytes have to be received first. */
export const SSL_ERROR_WANT_READ = 2;
/** Bytes have to be sent first. */
export const SSL_ERROR_WANT_WRITE = 3;
/** A certificate has to be looked up first. */
export const SSL_ERROR_WANT_X509_LOOKUP = 4;
/** The system failed. */
export const SSL_ERROR_SYSCALL = 5;
/** TLS was ended in order. */
export const SSL_ERROR_ZERO_RETURN = 6;
/** The connection has to be made first. */
export const SSL_ERROR_WANT_CONNECT = 7;
/** The connection ended, and TLS had not been ended before. */
export const SSL_ERROR_EOF = 8;
/** An error of no known kind. */
export const SSL_ERROR_INVALID_ERROR_CODE = 10;

/** The kinds of an {@linkcode SSLError}: its `errno`, and by name its `code`. */
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

/** The options of an {@linkcode SSLError}, beside its text. */
export interface SSLErrorOptions extends ErrorOptions {
  /** The part of OpenSSL that Python would name, `"SSL"` by default. */
  library?: string | null;
  /** The cause by name, such as `"WRONG_VERSION_NUMBER"`. */
  reason?: string | null;
}

/**
 * An error of TLS. `errno` is one of `SSL_ERROR_*` and no number of the system,
 * `code` the name of that.
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

  /** The part of OpenSSL that Python names: `"SSL"`, `"X509"`; or null. */
  readonly library: string | null;

  /** The cause by name, such as `"CERTIFICATE_VERIFY_FAILED"`; or null. */
  readonly reason: string | null;

  /** The name of the number, such as `"SSL_ERROR_SSL"`. */
  override readonly code: string = codeOf(this.errno);

  /**
   * Makes an error.
   *
   * @param errno One of `SSL_ERROR_*`.
   * @param strerror The text.
   * @param options `library`, `reason`; `cause`: the error that led to it.
   */
  constructor(errno: number, strerror: string, options: SSLErrorOptions = {}) {
    const { reason = null, library = reason === null ? null : "SSL" } = options;
    const text = reason === null
      ? strerror
      : `[${library}: ${reason}] ${strerror}`;
    super(errno, text, options);
    this.message = text;
    this.library = library;
    this.reason = reason;
  }

  /**
   * Whether a value is an error of TLS. {@linkcode SSLWantReadError} and
   * {@linkcode SSLWantWriteError} are, although they inherit from
   * `BlockingIOError`, which they are too.
   *
   * @param value Anything.
   * @returns Whether it is one.
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
 * The certificate of the peer could not be verified.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLCertVerificationError | Python: SSLCertVerificationError}
 */
export class SSLCertVerificationError extends SSLError {
  static {
    this.prototype.name = "SSLCertVerificationError";
  }

  /** OpenSSL's number for the cause: 10 for a certificate that has expired. */
  readonly verify_code: number;

  /** OpenSSL's text for the cause. */
  readonly verify_message: string;

  /**
   * Makes an error.
   *
   * @param verify_code OpenSSL's number for the cause.
   * @param verify_message OpenSSL's text for it.
   * @param options `cause`: the error that led to it.
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
 * TLS was ended in order, and the call needs it.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLZeroReturnError | Python: SSLZeroReturnError}
 */
export class SSLZeroReturnError extends SSLError {
  static {
    this.prototype.name = "SSLZeroReturnError";
  }
}

/**
 * The connection ended without the end of TLS: the peer is gone, or the
 * stream was cut off.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLEOFError | Python: SSLEOFError}
 */
export class SSLEOFError extends SSLError {
  static {
    this.prototype.name = "SSLEOFError";
  }
}

/**
 * A non-blocking socket would have to wait until it can receive. It is an
 * {@linkcode SSLError}, and a `BlockingIOError` too.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLWantReadError | Python: SSLWantReadError}
 */
export class SSLWantReadError extends BlockingIOError {
  static {
    this.prototype.name = "SSLWantReadError";
  }

  /** Null, as with every error that OpenSSL has no entry for. */
  readonly library: string | null = null;

  /** Null, as with every error that OpenSSL has no entry for. */
  readonly reason: string | null = null;

  /** `"SSL_ERROR_WANT_READ"`. */
  override readonly code: string = "SSL_ERROR_WANT_READ";

  /** Makes an error. */
  constructor() {
    super(SSL_ERROR_WANT_READ, "The operation did not complete (read)");
    this.message = this.strerror;
  }
}

/**
 * A non-blocking socket would have to wait until it can send. It is an
 * {@linkcode SSLError}, and a `BlockingIOError` too.
 *
 * @see {@link https://docs.python.org/3/library/ssl.html#ssl.SSLWantWriteError | Python: SSLWantWriteError}
 */
export class SSLWantWriteError extends BlockingIOError {
  static {
    this.prototype.name = "SSLWantWriteError";
  }

  /** Null, as with every error that OpenSSL has no entry for. */
  readonly library: string | null = null;

  /** Null, as with every error that OpenSSL has no entry for. */
  readonly reason: string | null = null;

  /** `"SSL_ERROR_WANT_WRITE"`. */
  override readonly code: string = "SSL_ERROR_WANT_WRITE";

  /** Makes an error. */
  constructor() {
    super(SSL_ERROR_WANT_WRITE, "The operation did not complete (write)");
    this.message = this.strerror;
  }
}
export { SSLCertVerificationError as CertificateError };
