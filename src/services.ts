/**
 * Well-known services and protocols, from a table of the module's own: no file
 * is read and no permission needed.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getservbyname | Python: getservbyname}
 */

import { checkPort, checkText } from "./internal/checks.ts";
import { osError } from "./internal/os_error.ts";
import { portOf, protocolOf, serviceOf } from "./internal/service_table.ts";

/**
 * Gives the port of a service.
 *
 * @example A web server's port
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(socket.getservbyname("http"), 80);
 * assertEquals(socket.getservbyname("domain", "udp"), 53);
 * ```
 *
 * @param servicename The name, as `"http"`, or one of its aliases.
 * @param protocolname `"tcp"` or `"udp"`; left out for any.
 * @returns The port.
 * @throws {OSError} EINVAL, `service/proto not found`, if there is no such
 * service; in Python without a number.
 * @throws {TypeError} If an argument is not a string.
 * @throws {RangeError} If an argument has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getservbyname | Python: getservbyname}
 * @see {@link https://man7.org/linux/man-pages/man3/getservbyname.3.html | getservbyname(3)}
 */
export function getservbyname(
  servicename: string,
  protocolname?: string,
): number {
  const action = "call getservbyname";
  const name = checkText(action, "servicename", servicename);
  const port = portOf(name, checkProtocol(action, protocolname));
  if (port === undefined) throw osError("EINVAL", "service/proto not found");
  return port;
}

/**
 * Gives the name of the service of a port.
 *
 * @example What listens on a port
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(socket.getservbyport(443), "https");
 * assertEquals(socket.getservbyport(53, "udp"), "domain");
 * ```
 *
 * @param port The port.
 * @param protocolname `"tcp"` or `"udp"`; left out for any.
 * @returns The service's name.
 * @throws {OSError} EINVAL, `port/proto not found`, if the port has no service;
 * in Python without a number.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If the port is not 0 to 65535, Python's `OverflowError`,
 * or the protocol has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getservbyport | Python: getservbyport}
 * @see {@link https://man7.org/linux/man-pages/man3/getservbyport.3.html | getservbyport(3)}
 */
export function getservbyport(port: number, protocolname?: string): string {
  const action = "call getservbyport";
  const number = checkPort(action, port);
  const name = serviceOf(number, checkProtocol(action, protocolname));
  if (name === undefined) throw osError("EINVAL", "port/proto not found");
  return name;
}

/**
 * Gives the number of a protocol, as the third argument of `socket()` takes it.
 *
 * @example TCP
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 *
 * assertEquals(socket.getprotobyname("tcp"), socket.IPPROTO_TCP);
 * ```
 *
 * @param protocolname The name, as `"tcp"`, or one of its aliases, as `"TCP"`.
 * @returns The number.
 * @throws {OSError} EINVAL, `protocol not found`, if there is no such protocol;
 * in Python without a number.
 * @throws {TypeError} If the name is not a string.
 * @throws {RangeError} If the name has a null character.
 * @see {@link https://docs.python.org/3/library/socket.html#socket.getprotobyname | Python: getprotobyname}
 * @see {@link https://man7.org/linux/man-pages/man3/getprotobyname.3.html | getprotobyname(3)}
 */
export function getprotobyname(protocolname: string): number {
  const action = "call getprotobyname";
  const number = protocolOf(checkText(action, "protocolname", protocolname));
  if (number === undefined) throw osError("EINVAL", "protocol not found");
  return number;
}

function checkProtocol(action: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return checkText(action, "protocolname", value);
}
