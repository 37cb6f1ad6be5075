/**
 * The numbers and texts of errors on each system, and the choice between systems.
 */

/** A system whose numbers and texts are known. */
export type OsName = "linux" | "darwin" | "windows";

/** The value of a constant that the system lacks. */
export const ABSENT = -1;

/** The system whose numbers apply to a value of `Deno.build.os`. */
export function osNameOf(os: typeof Deno.build.os): OsName {
  switch (os) {
    case "windows":
      return "windows";
    // The BSDs are closest to macOS, which took these numbers from them.
    case "darwin":
    case "freebsd":
    case "netbsd":
      return "darwin";
    default:
      return "linux";
  }
}

/** The system that this program runs on. */
export const osName: OsName = osNameOf(Deno.build.os);

/** Chooses the value for this system. */
export function byOs<T>(linux: T, darwin: T, windows: T): T {
  if (osName === "linux") return linux;
  return osName === "darwin" ? darwin : windows;
}

// The error codes: their numbers on Linux, macOS and Windows, and their texts on
// Linux. If two names have one number, `errorcode` has the later one, as in
// Python.
//
// Python on Windows takes the socket codes from Winsock (`WSAECONNREFUSED`) and
// the others from the C runtime.

/** The name of an error code, such as `"ECONNREFUSED"`: the names of Python's `errno` on Linux. */
export type ErrnoCode =
  | "E2BIG"
  | "EACCES"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EADV"
  | "EAFNOSUPPORT"
  | "EAGAIN"
  | "EALREADY"
  | "EBADE"
  | "EBADF"
  | "EBADFD"
  | "EBADMSG"
  | "EBADR"
  | "EBADRQC"
  | "EBADSLT"
  | "EBFONT"
  | "EBUSY"
  | "ECANCELED"
  | "ECHILD"
  | "ECHRNG"
  | "ECOMM"
  | "ECONNABORTED"
  | "ECONNREFUSED"
  | "ECONNRESET"
  | "EDEADLK"
  | "EDEADLOCK"
  | "EDESTADDRREQ"
  | "EDOM"
  | "EDOTDOT"
  | "EDQUOT"
  | "EEXIST"
  | "EFAULT"
  | "EFBIG"
  | "EHOSTDOWN"
  | "EHOSTUNREACH"
  | "EIDRM"
  | "EILSEQ"
  | "EINPROGRESS"
  | "EINTR"
  | "EINVAL"
  | "EIO"
  | "EISCONN"
  | "EISDIR"
  | "EISNAM"
  | "EKEYEXPIRED"
  | "EKEYREJECTED"
  | "EKEYREVOKED"
  | "EL2HLT"
  | "EL2NSYNC"
  | "EL3HLT"
  | "EL3RST"
  | "ELIBACC"
  | "ELIBBAD"
  | "ELIBEXEC"
  | "ELIBMAX"
  | "ELIBSCN"
  | "ELNRNG"
  | "ELOOP"
  | "EMEDIUMTYPE"
  | "EMFILE"
  | "EMLINK"
  | "EMSGSIZE"
  | "EMULTIHOP"
  | "ENAMETOOLONG"
  | "ENAVAIL"
  | "ENETDOWN"
  | "ENETRESET"
  | "ENETUNREACH"
  | "ENFILE"
  | "ENOANO"
  | "ENOBUFS"
  | "ENOCSI"
  | "ENODATA"
  | "ENODEV"
  | "ENOENT"
  | "ENOEXEC"
  | "ENOKEY"
  | "ENOLCK"
  | "ENOLINK"
  | "ENOMEDIUM"
  | "ENOMEM"
  | "ENOMSG"
  | "ENONET"
  | "ENOPKG"
  | "ENOPROTOOPT"
  | "ENOSPC"
  | "ENOSR"
  | "ENOSTR"
  | "ENOSYS"
  | "ENOTBLK"
  | "ENOTCONN"
  | "ENOTDIR"
  | "ENOTEMPTY"
  | "ENOTNAM"
  | "ENOTRECOVERABLE"
  | "ENOTSOCK"
  | "ENOTSUP"
  | "ENOTTY"
  | "ENOTUNIQ"
  | "ENXIO"
  | "EOPNOTSUPP"
  | "EOVERFLOW"
  | "EOWNERDEAD"
  | "EPERM"
  | "EPFNOSUPPORT"
  | "EPIPE"
  | "EPROTO"
  | "EPROTONOSUPPORT"
  | "EPROTOTYPE"
  | "ERANGE"
  | "EREMCHG"
  | "EREMOTE"
  | "EREMOTEIO"
  | "ERESTART"
  | "ERFKILL"
  | "EROFS"
  | "ESHUTDOWN"
  | "ESOCKTNOSUPPORT"
  | "ESPIPE"
  | "ESRCH"
  | "ESRMNT"
  | "ESTALE"
  | "ESTRPIPE"
  | "ETIME"
  | "ETIMEDOUT"
  | "ETOOMANYREFS"
  | "ETXTBSY"
  | "EUCLEAN"
  | "EUNATCH"
  | "EUSERS"
  | "EWOULDBLOCK"
  | "EXDEV"
  | "EXFULL";

type Row = readonly [
  linux: number,
  darwin: number,
  windows: number,
  text: string,
];

const TABLE: Readonly<Record<ErrnoCode, Row>> = {
  EPERM: [1, 1, 1, "Operation not permitted"],
  ENOENT: [2, 2, 2, "No such file or directory"],
  ESRCH: [3, 3, 3, "No such process"],
  EINTR: [4, 4, 4, "Interrupted system call"],
  EIO: [5, 5, 5, "Input/output error"],
  ENXIO: [6, 6, 6, "No such device or address"],
  E2BIG: [7, 7, 7, "Argument list too long"],
  ENOEXEC: [8, 8, 8, "Exec format error"],
  EBADF: [9, 9, 9, "Bad file descriptor"],
  ECHILD: [10, 10, 10, "No child processes"],
  EWOULDBLOCK: [11, 35, 10035, "Resource temporarily unavailable"],
  EAGAIN: [11, 35, 11, "Resource temporarily unavailable"],
  ENOMEM: [12, 12, 12, "Cannot allocate memory"],
  EACCES: [13, 13, 13, "Permission denied"],
  EFAULT: [14, 14, 14, "Bad address"],
  ENOTBLK: [15, 15, -1, "Block device required"],
  EBUSY: [16, 16, 16, "Device or resource busy"],
  EEXIST: [17, 17, 17, "File exists"],
  EXDEV: [18, 18, 18, "Invalid cross-device link"],
  ENODEV: [19, 19, 19, "No such device"],
  ENOTDIR: [20, 20, 20, "Not a directory"],
  EISDIR: [21, 21, 21, "Is a directory"],
  EINVAL: [22, 22, 22, "Invalid argument"],
  ENFILE: [23, 23, 23, "Too many open files in system"],
  EMFILE: [24, 24, 24, "Too many open files"],
  ENOTTY: [25, 25, 25, "Inappropriate ioctl for device"],
  ETXTBSY: [26, 26, 139, "Text file busy"],
  EFBIG: [27, 27, 27, "File too large"],
  ENOSPC: [28, 28, 28, "No space left on device"],
  ESPIPE: [29, 29, 29, "Illegal seek"],
  EROFS: [30, 30, 30, "Read-only file system"],
  EMLINK: [31, 31, 31, "Too many links"],
  EPIPE: [32, 32, 32, "Broken pipe"],
  EDOM: [33, 33, 33, "Numerical argument out of domain"],
  ERANGE: [34, 34, 34, "Numerical result out of range"],
  EDEADLK: [35, 11, 36, "Resource deadlock avoided"],
  EDEADLOCK: [35, -1, 36, "Resource deadlock avoided"],
  ENAMETOOLONG: [36, 63, 38, "File name too long"],
  ENOLCK: [37, 77, 39, "No locks available"],
  ENOSYS: [38, 78, 40, "Function not implemented"],
  ENOTEMPTY: [39, 66, 41, "Directory not empty"],
  ELOOP: [40, 62, 10062, "Too many levels of symbolic links"],
  ENOMSG: [42, 91, 122, "No message of desired type"],
  EIDRM: [43, 90, 111, "Identifier removed"],
  ECHRNG: [44, -1, -1, "Channel number out of range"],
  EL2NSYNC: [45, -1, -1, "Level 2 not synchronized"],
  EL3HLT: [46, -1, -1, "Level 3 halted"],
  EL3RST: [47, -1, -1, "Level 3 reset"],
  ELNRNG: [48, -1, -1, "Link number out of range"],
  EUNATCH: [49, -1, -1, "Protocol driver not attached"],
  ENOCSI: [50, -1, -1, "No CSI structure available"],
  EL2HLT: [51, -1, -1, "Level 2 halted"],
  EBADE: [52, -1, -1, "Invalid exchange"],
  EBADR: [53, -1, -1, "Invalid request descriptor"],
  EXFULL: [54, -1, -1, "Exchange full"],
  ENOANO: [55, -1, -1, "No anode"],
  EBADRQC: [56, -1, -1, "Invalid request code"],
  EBADSLT: [57, -1, -1, "Invalid slot"],
  EBFONT: [59, -1, -1, "Bad font file format"],
  ENOSTR: [60, 99, 125, "Device not a stream"],
  ENODATA: [61, 96, 120, "No data available"],
  ETIME: [62, 101, 137, "Timer expired"],
  ENOSR: [63, 98, 124, "Out of streams resources"],
  ENONET: [64, -1, -1, "Machine is not on the network"],
  ENOPKG: [65, -1, -1, "Package not installed"],
  EREMOTE: [66, 71, 10071, "Object is remote"],
  ENOLINK: [67, 97, 121, "Link has been severed"],
  EADV: [68, -1, -1, "Advertise error"],
  ESRMNT: [69, -1, -1, "Srmount error"],
  ECOMM: [70, -1, -1, "Communication error on send"],
  EPROTO: [71, 100, 134, "Protocol error"],
  EMULTIHOP: [72, 95, -1, "Multihop attempted"],
  EDOTDOT: [73, -1, -1, "RFS specific error"],
  EBADMSG: [74, 94, 104, "Bad message"],
  EOVERFLOW: [75, 84, 132, "Value too large for defined data type"],
  ENOTUNIQ: [76, -1, -1, "Name not unique on network"],
  EBADFD: [77, -1, -1, "File descriptor in bad state"],
  EREMCHG: [78, -1, -1, "Remote address changed"],
  ELIBACC: [79, -1, -1, "Can not access a needed shared library"],
  ELIBBAD: [80, -1, -1, "Accessing a corrupted shared library"],
  ELIBSCN: [81, -1, -1, ".lib section in a.out corrupted"],
  ELIBMAX: [82, -1, -1, "Attempting to link in too many shared libraries"],
  ELIBEXEC: [83, -1, -1, "Cannot exec a shared library directly"],
  EILSEQ: [84, 92, 42, "Invalid or incomplete multibyte or wide character"],
  ERESTART: [85, -1, -1, "Interrupted system call should be restarted"],
  ESTRPIPE: [86, -1, -1, "Streams pipe error"],
  EUSERS: [87, 68, 10068, "Too many users"],
  ENOTSOCK: [88, 38, 10038, "Socket operation on non-socket"],
  EDESTADDRREQ: [89, 39, 10039, "Destination address required"],
  EMSGSIZE: [90, 40, 10040, "Message too long"],
  EPROTOTYPE: [91, 41, 10041, "Protocol wrong type for socket"],
  ENOPROTOOPT: [92, 42, 10042, "Protocol not available"],
  EPROTONOSUPPORT: [93, 43, 10043, "Protocol not supported"],
  ESOCKTNOSUPPORT: [94, 44, 10044, "Socket type not supported"],
  EOPNOTSUPP: [95, 102, 10045, "Operation not supported"],
  ENOTSUP: [95, 45, 129, "Operation not supported"],
  EPFNOSUPPORT: [96, 46, 10046, "Protocol family not supported"],
  EAFNOSUPPORT: [97, 47, 10047, "Address family not supported by protocol"],
  EADDRINUSE: [98, 48, 10048, "Address already in use"],
  EADDRNOTAVAIL: [99, 49, 10049, "Cannot assign requested address"],
  ENETDOWN: [100, 50, 10050, "Network is down"],
  ENETUNREACH: [101, 51, 10051, "Network is unreachable"],
  ENETRESET: [102, 52, 10052, "Network dropped connection on reset"],
  ECONNABORTED: [103, 53, 10053, "Software caused connection abort"],
  ECONNRESET: [104, 54, 10054, "Connection reset by peer"],
  ENOBUFS: [105, 55, 10055, "No buffer space available"],
  EISCONN: [106, 56, 10056, "Transport endpoint is already connected"],
  ENOTCONN: [107, 57, 10057, "Transport endpoint is not connected"],
  ESHUTDOWN: [108, 58, 10058, "Cannot send after transport endpoint shutdown"],
  ETOOMANYREFS: [109, 59, 10059, "Too many references: cannot splice"],
  ETIMEDOUT: [110, 60, 10060, "Connection timed out"],
  ECONNREFUSED: [111, 61, 10061, "Connection refused"],
  EHOSTDOWN: [112, 64, 10064, "Host is down"],
  EHOSTUNREACH: [113, 65, 10065, "No route to host"],
  EALREADY: [114, 37, 10037, "Operation already in progress"],
  EINPROGRESS: [115, 36, 10036, "Operation now in progress"],
  ESTALE: [116, 70, 10070, "Stale file handle"],
  EUCLEAN: [117, -1, -1, "Structure needs cleaning"],
  ENOTNAM: [118, -1, -1, "Not a XENIX named type file"],
  ENAVAIL: [119, -1, -1, "No XENIX semaphores available"],
  EISNAM: [120, -1, -1, "Is a named type file"],
  EREMOTEIO: [121, -1, -1, "Remote I/O error"],
  EDQUOT: [122, 69, 10069, "Disk quota exceeded"],
  ENOMEDIUM: [123, -1, -1, "No medium found"],
  EMEDIUMTYPE: [124, -1, -1, "Wrong medium type"],
  ECANCELED: [125, 89, 105, "Operation canceled"],
  ENOKEY: [126, -1, -1, "Required key not available"],
  EKEYEXPIRED: [127, -1, -1, "Key has expired"],
  EKEYREVOKED: [128, -1, -1, "Key has been revoked"],
  EKEYREJECTED: [129, -1, -1, "Key was rejected by service"],
  EOWNERDEAD: [130, 105, 133, "Owner died"],
  ENOTRECOVERABLE: [131, 104, 127, "State not recoverable"],
  ERFKILL: [132, -1, -1, "Operation not possible due to RF-kill"],
};

const column = byOs(0, 1, 2);

/** All codes, including those that this system lacks. */
export const errnoCodes: readonly ErrnoCode[] = Object.keys(
  TABLE,
) as ErrnoCode[];

const codes = new Map<number, ErrnoCode>();
for (const code of errnoCodes) {
  const errno = TABLE[code][column];
  if (errno !== ABSENT) codes.set(errno, code);
}
/** Numbers to names; of two names for a number, the one that Python has. */
export const codesByErrno: ReadonlyMap<number, ErrnoCode> = codes;

/** The number of a code on this system, -1 if it has none. */
export function errnoOf(code: ErrnoCode): number {
  return TABLE[code][column];
}

// The numbers that Python's `socket` has too: a program loads the others, in
// errno.ts, only if it imports them.

/** Resource temporarily unavailable. */
export const EAGAIN: number = errnoOf("EAGAIN");
/** Bad file descriptor. */
export const EBADF: number = errnoOf("EBADF");
/** Operation would block. */
export const EWOULDBLOCK: number = errnoOf("EWOULDBLOCK");

/** The text that Linux has for a code. */
export function linuxText(code: ErrnoCode): string {
  return TABLE[code][3];
}

/** Whether a value is the name of a code that this system has. */
export function isErrnoCode(value: unknown): value is ErrnoCode {
  return typeof value === "string" && Object.hasOwn(TABLE, value) &&
    errnoOf(value as ErrnoCode) !== ABSENT;
}

/** The `code` of an error of this number. */
export function codeOf(errno: number): ErrnoCode | undefined {
  // errorcode has ENOTSUP and EDEADLOCK; the manual pages of sockets, Deno and
  // Node use these names.
  if (errno === errnoOf("EOPNOTSUPP")) return "EOPNOTSUPP";
  if (errno === errnoOf("EDEADLK")) return "EDEADLK";
  return codes.get(errno);
}

// The system's texts for error numbers: those of `strerror(3)` and, for Winsock's
// numbers, of `FormatMessage`.

type Texts = Partial<Record<ErrnoCode, string>>;

const DARWIN_TEXTS: Texts = {
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

const WINDOWS_TEXTS: Texts = {
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

const texts = byOs<Texts>({}, DARWIN_TEXTS, WINDOWS_TEXTS);
const unknown = byOs("Unknown error ", "Unknown error: ", "Unknown error ");

/** The text of an error number on this system. */
export function strerror(errno: number): string {
  const code = codeOf(errno);
  if (code === undefined) return `${unknown}${errno}`;
  return texts[code] ?? linuxText(code);
}

// The error codes of name resolution. `getaddrinfo` has numbers of its own, and
// the older `gethostbyname` and `gethostbyaddr` have others.
//
// Windows has no number for three of them. There they have Linux's numbers, which
// are negative and so differ from all of Windows.

/** A code of `getaddrinfo`, such as `"EAI_NONAME"`. */
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

/** A code of `gethostbyname`, such as `"HOST_NOT_FOUND"`. */
export type HostCode =
  | "HOST_NOT_FOUND"
  | "TRY_AGAIN"
  | "NO_RECOVERY"
  | "NO_DATA";

type GaiRow = readonly [errno: number, text: string];

// CPython on Windows has one text for all codes of each table.
const FAILED = "getaddrinfo failed";
const NOT_FOUND = "host not found";

const LINUX_GAI: Readonly<Record<GaiCode, GaiRow>> = {
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

const DARWIN_GAI: Readonly<Record<GaiCode, GaiRow>> = {
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

const WINDOWS_GAI: Readonly<Record<GaiCode, GaiRow>> = {
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

const POSIX_HOST: Readonly<Record<HostCode, GaiRow>> = {
  HOST_NOT_FOUND: [1, "Unknown host"],
  TRY_AGAIN: [2, "Host name lookup failure"],
  NO_RECOVERY: [3, "Unknown server error"],
  NO_DATA: [4, "No address associated with name"],
};

const WINDOWS_HOST: Readonly<Record<HostCode, GaiRow>> = {
  HOST_NOT_FOUND: [11001, NOT_FOUND],
  TRY_AGAIN: [11002, NOT_FOUND],
  NO_RECOVERY: [11003, NOT_FOUND],
  NO_DATA: [11004, NOT_FOUND],
};

const gai = byOs(LINUX_GAI, DARWIN_GAI, WINDOWS_GAI);
const host = byOs(POSIX_HOST, POSIX_HOST, WINDOWS_HOST);

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
    ? byOs("Unknown error", "Unknown error", FAILED)
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
    ? byOs("Unknown resolver error", "Unknown resolver error", NOT_FOUND)
    : host[code][1];
}

function find<C extends string>(
  table: Readonly<Record<C, GaiRow>>,
  matches: (row: GaiRow) => boolean,
): C | undefined {
  for (const code in table) {
    if (matches(table[code])) return code;
  }
  return undefined;
}
