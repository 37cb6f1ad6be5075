/**
 * What the system says of an error number, as `strerror(3)` and, for Winsock's
 * numbers, `FormatMessage`.
 */

import { codeOf, type ErrnoCode, linuxText } from "./errno_table.ts";
import { pick } from "./platform.ts";

type Texts = Partial<Record<ErrnoCode, string>>;

const DARWIN: Texts = {
  ENXIO: "Device not configured",
  EBUSY: "Resource busy",
  EXDEV: "Cross-device link",
  ENODEV: "Operation not supported by device",
  ERANGE: "Result too large",
  ENOSTR: "Not a STREAM",
  ENODATA: "No message available on STREAM",
  ETIME: "STREAM ioctl timeout",
  ENOSR: "No STR resources",
  EREMOTE: "Too many levels of remote in path",
  ENOLINK: "ENOLINK (Reserved)",
  EMULTIHOP: "EMULTIHOP (Reserved)",
  EOVERFLOW: "Value too large to be stored in data type",
  EILSEQ: "Illegal byte sequence",
  EOPNOTSUPP: "Operation not supported on socket",
  EAFNOSUPPORT: "Address family not supported by protocol family",
  EADDRNOTAVAIL: "Can't assign requested address",
  EISCONN: "Socket is already connected",
  ENOTCONN: "Socket is not connected",
  ESHUTDOWN: "Can't send after socket shutdown",
  ETOOMANYREFS: "Too many references: can't splice",
  ETIMEDOUT: "Operation timed out",
  ESTALE: "Stale NFS file handle",
  EDQUOT: "Disc quota exceeded",
  EOWNERDEAD: "Previous owner died",
};

const WINDOWS: Texts = {
  EINTR: "Interrupted function call",
  E2BIG: "Arg list too long",
  ENOMEM: "Not enough space",
  EBUSY: "Resource device",
  EXDEV: "Improper link",
  ENOTTY: "Inappropriate I/O control operation",
  ETXTBSY: "text file busy",
  ESPIPE: "Invalid seek",
  EDOM: "Domain error",
  ERANGE: "Result too large",
  ENAMETOOLONG: "Filename too long",
  ENOMSG: "no message",
  EIDRM: "identifier removed",
  ENOSTR: "not a stream",
  ENODATA: "no message available",
  ETIME: "stream timeout",
  ENOSR: "no stream resources",
  ENOLINK: "no link",
  EPROTO: "protocol error",
  EBADMSG: "bad message",
  EOVERFLOW: "value too large",
  EILSEQ: "Illegal byte sequence",
  ENOTSUP: "not supported",
  ECANCELED: "operation canceled",
  EOWNERDEAD: "owner dead",
  ENOTRECOVERABLE: "state not recoverable",
  EWOULDBLOCK:
    "A non-blocking socket operation could not be completed immediately",
  EINPROGRESS: "A blocking operation is currently executing",
  EALREADY:
    "An operation was attempted on a non-blocking socket that already had an operation in progress",
  ENOTSOCK: "An operation was attempted on something that is not a socket",
  EDESTADDRREQ: "A required address was omitted from an operation on a socket",
  EMSGSIZE:
    "A message sent on a datagram socket was larger than the internal message buffer or some other network limit, or the buffer used to receive a datagram into was smaller than the datagram itself",
  EPROTOTYPE:
    "A protocol was specified in the socket function call that does not support the semantics of the socket type requested",
  ENOPROTOOPT:
    "An unknown, invalid, or unsupported option or level was specified in a getsockopt or setsockopt call",
  EPROTONOSUPPORT:
    "The requested protocol has not been configured into the system, or no implementation for it exists",
  ESOCKTNOSUPPORT:
    "The support for the specified socket type does not exist in this address family",
  EOPNOTSUPP:
    "The attempted operation is not supported for the type of object referenced",
  EPFNOSUPPORT:
    "The protocol family has not been configured into the system or no implementation for it exists",
  EAFNOSUPPORT: "An address incompatible with the requested protocol was used",
  EADDRINUSE:
    "Only one usage of each socket address (protocol/network address/port) is normally permitted",
  EADDRNOTAVAIL: "The requested address is not valid in its context",
  ENETDOWN: "A socket operation encountered a dead network",
  ENETUNREACH: "A socket operation was attempted to an unreachable network",
  ENETRESET:
    "The connection has been broken due to keep-alive activity detecting a failure while the operation was in progress",
  ECONNABORTED:
    "An established connection was aborted by the software in your host machine",
  ECONNRESET: "An existing connection was forcibly closed by the remote host",
  ENOBUFS:
    "An operation on a socket could not be performed because the system lacked sufficient buffer space or because a queue was full",
  EISCONN: "A connect request was made on an already connected socket",
  ENOTCONN:
    "A request to send or receive data was disallowed because the socket is not connected and (when sending on a datagram socket using a sendto call) no address was supplied",
  ESHUTDOWN:
    "A request to send or receive data was disallowed because the socket had already been shut down in that direction with a previous shutdown call",
  ETOOMANYREFS: "Too many references to some kernel object",
  ETIMEDOUT:
    "A connection attempt failed because the connected party did not properly respond after a period of time, or established connection failed because connected host has failed to respond",
  ECONNREFUSED:
    "No connection could be made because the target machine actively refused it",
  ELOOP: "Cannot translate name",
  EHOSTDOWN: "A socket operation failed because the destination host was down",
  EHOSTUNREACH: "A socket operation was attempted to an unreachable host",
  EUSERS: "Ran out of user quota",
  EDQUOT: "Ran out of disk quota",
  ESTALE: "File handle reference is no longer available",
  EREMOTE: "Item is not available locally",
};

const texts = pick<Texts>({}, DARWIN, WINDOWS);
const unknown = pick("Unknown error ", "Unknown error: ", "Unknown error ");

/** The text of an error number on this system. */
export function strerror(errno: number): string {
  const code = codeOf(errno);
  if (code === undefined) return `${unknown}${errno}`;
  return texts[code] ?? linuxText(code);
}
