/** Descriptors: numbers of this process's own table of sockets. */

import type { Address, Family } from "./address.ts";
import { toDescriptor } from "./internal/arguments.ts";
import { openDescriptor } from "./internal/descriptors.ts";
import { Socket } from "./socket.ts";

/**
 * Makes a socket on a duplicate of a descriptor.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using s = socket.socket();
 * s.bind(["127.0.0.1", 0]);
 * using copy = socket.fromfd(s.fileno(), socket.AF_INET, socket.SOCK_STREAM);
 * assertEquals(copy.getsockname(), s.getsockname());
 * ```
 *
 * @typeParam A The address that comes out of the socket.
 * @param fd The descriptor, also a detached one.
 * @param family The family, for the type only: the descriptor knows its own.
 * @param type The type; likewise.
 * @param proto The protocol; likewise.
 * @returns The socket.
 * @throws {OSError} EBADF if the descriptor is not open.
 * @throws {TypeError} If an argument is not an integer.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.fromfd | Python: fromfd}
 */
export function fromfd<A extends Address = Address>(
  fd: number,
  family: Family<A>,
  type: number,
  proto: number = 0,
): Socket<A> {
  const number = dup(fd);
  try {
    return new Socket<A>(family, type, proto, number);
  } catch (error) {
    close(number);
    throw error;
  }
}

/**
 * Duplicates a descriptor.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * using s = socket.socket();
 * const fd = socket.dup(s.fileno());
 * socket.close(fd);
 * assertEquals(s.fileno() !== fd, true);
 * ```
 *
 * @param fd The descriptor.
 * @returns The smallest free number, which stands for the same connection.
 * @throws {OSError} EBADF if the descriptor is not open.
 * @throws {TypeError} If `fd` is not an integer.
 * @see {@link https://docs.python.org/3/library/os.html#os.dup | Python: os.dup}
 */
export function dup(fd: number): number {
  const { description } = toDescriptor("duplicate a descriptor", fd);
  return openDescriptor(description).number;
}

/**
 * Closes a descriptor, also under a socket that has it: that one's calls are
 * EBADF then.
 *
 * @example A detached descriptor
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * const fd = socket.socket().detach();
 * socket.close(fd);
 * assertThrows(() => socket.close(fd), socket.OSError, "Bad file descriptor");
 * ```
 *
 * @param fd The descriptor.
 * @throws {OSError} EBADF if the descriptor is not open.
 * @throws {TypeError} If `fd` is not an integer.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.close | Python: close}
 */
export function close(fd: number): void {
  toDescriptor("close a descriptor", fd).close().catch(() => {});
}
