/**
 * Network interfaces by name and index, on Linux, from `/sys/class/net`.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_nameindex | Python: if_nameindex}
 */

import {
  interfaceIndex,
  interfaceName,
  listInterfaces,
} from "./internal/interface_table.ts";
import { checkText, checkUnsigned } from "./internal/checks.ts";
import { osError } from "./internal/os_error.ts";

/**
 * Lists the network interfaces.
 *
 * @example With `--allow-all` on Linux; elsewhere none
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * function interfaces(): [number, string][] {
 *   try {
 *     return socket.if_nameindex();
 *   } catch (error) {
 *     if (error instanceof socket.OSError) return [];
 *     throw error;
 *   }
 * }
 *
 * for (const [index, name] of interfaces()) console.log(index, name);
 * ```
 *
 * @returns Index and name of each, in order of the indices.
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno asks for
 * where `/sys` is read.
 * @throws {OSError} EOPNOTSUPP on a system other than Linux.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_nameindex | Python: if_nameindex}
 * @see {@link https://man7.org/linux/man-pages/man3/if_nameindex.3.html | if_nameindex(3)}
 */
export function if_nameindex(): [index: number, name: string][] {
  return listInterfaces();
}

/**
 * Gives the index of a network interface, as IPv6 has it as `scope_id`.
 *
 * @example With `--allow-all` on Linux; elsewhere an error
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * try {
 *   console.log(socket.if_nametoindex("lo"));
 * } catch (error) {
 *   if (!(error instanceof socket.OSError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @param if_name The name, as `"lo"`.
 * @returns The index.
 * @throws {OSError} ENODEV, `no interface with this name`, if there is none, in
 * Python without a number; EOPNOTSUPP on a system other than Linux.
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno asks for
 * where `/sys` is read.
 * @throws {TypeError} If the name is not a string.
 * @throws {RangeError} If the name has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_nametoindex | Python: if_nametoindex}
 * @see {@link https://man7.org/linux/man-pages/man3/if_nametoindex.3.html | if_nametoindex(3)}
 */
export function if_nametoindex(if_name: string): number {
  const name = checkText("call if_nametoindex", "if_name", if_name);
  const index = interfaceIndex(name);
  if (index === undefined) {
    throw osError("ENODEV", "no interface with this name");
  }
  return index;
}

/**
 * Gives the name of a network interface.
 *
 * @example With `--allow-all` on Linux; elsewhere an error
 * ```ts
 * import * as socket from "@pystd/socket";
 *
 * try {
 *   console.log(socket.if_indextoname(1));
 * } catch (error) {
 *   if (!(error instanceof socket.OSError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 *
 * @param if_index The index.
 * @returns The name.
 * @throws {OSError} ENXIO if there is no interface of the index; EOPNOTSUPP on a
 * system other than Linux.
 * @throws {PermissionError} EACCES without `--allow-all`, which Deno asks for
 * where `/sys` is read.
 * @throws {TypeError} If the index is not an integer.
 * @throws {RangeError} If the index is not 0 to 4294967295, Python's
 * `OverflowError`.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.if_indextoname | Python: if_indextoname}
 * @see {@link https://man7.org/linux/man-pages/man3/if_indextoname.3.html | if_indextoname(3)}
 */
export function if_indextoname(if_index: number): string {
  const index = checkUnsigned(
    "call if_indextoname",
    "if_index",
    if_index,
    0xffffffff,
  );
  const name = interfaceName(index);
  if (name === undefined) throw osError("ENXIO");
  return name;
}
