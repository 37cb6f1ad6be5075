/**
 * The types of socket addresses, shaped as in Python.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket-families | Python: Socket families}
 */

/**
 * The address of an IPv4 socket, as Python's `(host, port)`. The host is a name
 * or `"127.0.0.1"`, `""` for every interface, `"<broadcast>"`; the port 0 to
 * 65535.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket-families | Python: Socket families}
 * @see {@link https://man7.org/linux/man-pages/man7/ip.7.html | ip(7)}
 */
export type InetAddress = [host: string, port: number];

/**
 * The address of an IPv6 socket, as Python's `(host, port, flowinfo, scope_id)`.
 * The scope is the index of an interface.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket-families | Python: Socket families}
 * @see {@link https://man7.org/linux/man-pages/man7/ipv6.7.html | ipv6(7)}
 */
export type Inet6Address = [
  host: string,
  port: number,
  flowinfo: number,
  scope_id: number,
];

/**
 * The address of a Unix socket: a path, or after a `"\0"` an abstract name. It
 * is empty for a socket that has none.
 *
 * @see {@link https://docs.python.org/3/library/socket.html#socket-families | Python: Socket families}
 * @see {@link https://man7.org/linux/man-pages/man7/unix.7.html | unix(7)}
 */
export type UnixAddress = string;

/** An address of any family. */
export type Address = InetAddress | Inet6Address | UnixAddress;

/**
 * An address family: a number that says, for the compiler only, which addresses
 * its sockets have. Every number is one.
 *
 * @typeParam A The addresses of the family.
 */
export type Family<A extends Address = Address> =
  & number
  // With null, the compiler lets families be compared, as programs do.
  & { readonly "~address"?: A | null };

/**
 * What methods take as an address: a tuple that may be read-only, with the parts
 * left out that have a default. One kept in a variable is written `as const`.
 *
 * @typeParam A The address that comes out.
 */
export type AddressInput<A extends Address = Address> =
  | A
  | (A extends Inet6Address ? readonly [
      host: string,
      port: number,
      flowinfo?: number,
      scope_id?: number,
    ]
    : A extends InetAddress ? readonly [host: string, port: number]
    : A extends UnixAddress ? string
    : never);
