import { codesByErrno, type ErrnoCode, errnoOf } from "./errno_table.ts";

export type { ErrnoCode };

/**
 * The name of each number that the system has, like Python's dictionary. If two
 * codes have one number, it has the name that Python has: on Linux `"EAGAIN"`,
 * `"EDEADLOCK"` and `"ENOTSUP"`. Where Python on Windows has
 * `"WSAECONNREFUSED"`, it has `"ECONNREFUSED"`.
 *
 * ```ts
 * import { EPIPE, errorcode } from "@pystd/socket/errno";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(errorcode[EPIPE], "EPIPE");
 * ```
 */
export const errorcode: Readonly<Record<number, string>> = Object.freeze(
  Object.fromEntries(codesByErrno),
);

/** Argument list too long. */
export const E2BIG: number = errnoOf("E2BIG");
/** Permission denied. */
export const EACCES: number = errnoOf("EACCES");
/** Address already in use. */
export const EADDRINUSE: number = errnoOf("EADDRINUSE");
/** Cannot assign requested address. */
export const EADDRNOTAVAIL: number = errnoOf("EADDRNOTAVAIL");
/** Advertise error. */
export const EADV: number = errnoOf("EADV");
/** Address family not supported by protocol. */
export const EAFNOSUPPORT: number = errnoOf("EAFNOSUPPORT");
/** Operation already in progress. */
export const EALREADY: number = errnoOf("EALREADY");
/** Invalid exchange. */
export const EBADE: number = errnoOf("EBADE");
/** File descriptor in bad state. */
export const EBADFD: number = errnoOf("EBADFD");
/** Bad message. */
export const EBADMSG: number = errnoOf("EBADMSG");
/** Invalid request descriptor. */
export const EBADR: number = errnoOf("EBADR");
/** Invalid request code. */
export const EBADRQC: number = errnoOf("EBADRQC");
/** Invalid slot. */
export const EBADSLT: number = errnoOf("EBADSLT");
/** Bad font file format. */
export const EBFONT: number = errnoOf("EBFONT");
/** Device or resource busy. */
export const EBUSY: number = errnoOf("EBUSY");
/** Operation canceled. */
export const ECANCELED: number = errnoOf("ECANCELED");
/** No child processes. */
export const ECHILD: number = errnoOf("ECHILD");
/** Channel number out of range. */
export const ECHRNG: number = errnoOf("ECHRNG");
/** Communication error on send. */
export const ECOMM: number = errnoOf("ECOMM");
/** Software caused connection abort. */
export const ECONNABORTED: number = errnoOf("ECONNABORTED");
/** Connection refused. */
export const ECONNREFUSED: number = errnoOf("ECONNREFUSED");
/** Connection reset by peer. */
export const ECONNRESET: number = errnoOf("ECONNRESET");
/** Resource deadlock avoided. */
export const EDEADLK: number = errnoOf("EDEADLK");
/** Another name of EDEADLK where it exists. */
export const EDEADLOCK: number = errnoOf("EDEADLOCK");
/** Destination address required. */
export const EDESTADDRREQ: number = errnoOf("EDESTADDRREQ");
/** Numerical argument out of domain. */
export const EDOM: number = errnoOf("EDOM");
/** RFS specific error. */
export const EDOTDOT: number = errnoOf("EDOTDOT");
/** Disk quota exceeded. */
export const EDQUOT: number = errnoOf("EDQUOT");
/** File exists. */
export const EEXIST: number = errnoOf("EEXIST");
/** Bad address. */
export const EFAULT: number = errnoOf("EFAULT");
/** File too large. */
export const EFBIG: number = errnoOf("EFBIG");
/** Host is down. */
export const EHOSTDOWN: number = errnoOf("EHOSTDOWN");
/** No route to host. */
export const EHOSTUNREACH: number = errnoOf("EHOSTUNREACH");
/** Identifier removed. */
export const EIDRM: number = errnoOf("EIDRM");
/** Invalid or incomplete multibyte or wide character. */
export const EILSEQ: number = errnoOf("EILSEQ");
/** Operation now in progress. */
export const EINPROGRESS: number = errnoOf("EINPROGRESS");
/** Interrupted system call. */
export const EINTR: number = errnoOf("EINTR");
/** Invalid argument. */
export const EINVAL: number = errnoOf("EINVAL");
/** Input/output error. */
export const EIO: number = errnoOf("EIO");
/** Transport endpoint is already connected. */
export const EISCONN: number = errnoOf("EISCONN");
/** Is a directory. */
export const EISDIR: number = errnoOf("EISDIR");
/** Is a named type file. */
export const EISNAM: number = errnoOf("EISNAM");
/** Key has expired. */
export const EKEYEXPIRED: number = errnoOf("EKEYEXPIRED");
/** Key was rejected by service. */
export const EKEYREJECTED: number = errnoOf("EKEYREJECTED");
/** Key has been revoked. */
export const EKEYREVOKED: number = errnoOf("EKEYREVOKED");
/** Level 2 halted. */
export const EL2HLT: number = errnoOf("EL2HLT");
/** Level 2 not synchronized. */
export const EL2NSYNC: number = errnoOf("EL2NSYNC");
/** Level 3 halted. */
export const EL3HLT: number = errnoOf("EL3HLT");
/** Level 3 reset. */
export const EL3RST: number = errnoOf("EL3RST");
/** Can not access a needed shared library. */
export const ELIBACC: number = errnoOf("ELIBACC");
/** Accessing a corrupted shared library. */
export const ELIBBAD: number = errnoOf("ELIBBAD");
/** Cannot exec a shared library directly. */
export const ELIBEXEC: number = errnoOf("ELIBEXEC");
/** Attempting to link in too many shared libraries. */
export const ELIBMAX: number = errnoOf("ELIBMAX");
/** .lib section in a.out corrupted. */
export const ELIBSCN: number = errnoOf("ELIBSCN");
/** Link number out of range. */
export const ELNRNG: number = errnoOf("ELNRNG");
/** Too many levels of symbolic links. */
export const ELOOP: number = errnoOf("ELOOP");
/** Wrong medium type. */
export const EMEDIUMTYPE: number = errnoOf("EMEDIUMTYPE");
/** Too many open files. */
export const EMFILE: number = errnoOf("EMFILE");
/** Too many links. */
export const EMLINK: number = errnoOf("EMLINK");
/** Message too long. */
export const EMSGSIZE: number = errnoOf("EMSGSIZE");
/** Multihop attempted. */
export const EMULTIHOP: number = errnoOf("EMULTIHOP");
/** File name too long. */
export const ENAMETOOLONG: number = errnoOf("ENAMETOOLONG");
/** No XENIX semaphores available. */
export const ENAVAIL: number = errnoOf("ENAVAIL");
/** Network is down. */
export const ENETDOWN: number = errnoOf("ENETDOWN");
/** Network dropped connection on reset. */
export const ENETRESET: number = errnoOf("ENETRESET");
/** Network is unreachable. */
export const ENETUNREACH: number = errnoOf("ENETUNREACH");
/** Too many open files in system. */
export const ENFILE: number = errnoOf("ENFILE");
/** No anode. */
export const ENOANO: number = errnoOf("ENOANO");
/** No buffer space available. */
export const ENOBUFS: number = errnoOf("ENOBUFS");
/** No CSI structure available. */
export const ENOCSI: number = errnoOf("ENOCSI");
/** No data available. */
export const ENODATA: number = errnoOf("ENODATA");
/** No such device. */
export const ENODEV: number = errnoOf("ENODEV");
/** No such file or directory. */
export const ENOENT: number = errnoOf("ENOENT");
/** Exec format error. */
export const ENOEXEC: number = errnoOf("ENOEXEC");
/** Required key not available. */
export const ENOKEY: number = errnoOf("ENOKEY");
/** No locks available. */
export const ENOLCK: number = errnoOf("ENOLCK");
/** Link has been severed. */
export const ENOLINK: number = errnoOf("ENOLINK");
/** No medium found. */
export const ENOMEDIUM: number = errnoOf("ENOMEDIUM");
/** Cannot allocate memory. */
export const ENOMEM: number = errnoOf("ENOMEM");
/** No message of desired type. */
export const ENOMSG: number = errnoOf("ENOMSG");
/** Machine is not on the network. */
export const ENONET: number = errnoOf("ENONET");
/** Package not installed. */
export const ENOPKG: number = errnoOf("ENOPKG");
/** Protocol not available. */
export const ENOPROTOOPT: number = errnoOf("ENOPROTOOPT");
/** No space left on device. */
export const ENOSPC: number = errnoOf("ENOSPC");
/** Out of streams resources. */
export const ENOSR: number = errnoOf("ENOSR");
/** Device not a stream. */
export const ENOSTR: number = errnoOf("ENOSTR");
/** Function not implemented. */
export const ENOSYS: number = errnoOf("ENOSYS");
/** Block device required. */
export const ENOTBLK: number = errnoOf("ENOTBLK");
/** Transport endpoint is not connected. */
export const ENOTCONN: number = errnoOf("ENOTCONN");
/** Not a directory. */
export const ENOTDIR: number = errnoOf("ENOTDIR");
/** Directory not empty. */
export const ENOTEMPTY: number = errnoOf("ENOTEMPTY");
/** Not a XENIX named type file. */
export const ENOTNAM: number = errnoOf("ENOTNAM");
/** State not recoverable. */
export const ENOTRECOVERABLE: number = errnoOf("ENOTRECOVERABLE");
/** Socket operation on non-socket. */
export const ENOTSOCK: number = errnoOf("ENOTSOCK");
/** Operation not supported; on Linux the same as EOPNOTSUPP. */
export const ENOTSUP: number = errnoOf("ENOTSUP");
/** Inappropriate ioctl for device. */
export const ENOTTY: number = errnoOf("ENOTTY");
/** Name not unique on network. */
export const ENOTUNIQ: number = errnoOf("ENOTUNIQ");
/** No such device or address. */
export const ENXIO: number = errnoOf("ENXIO");
/** Operation not supported on this socket. */
export const EOPNOTSUPP: number = errnoOf("EOPNOTSUPP");
/** Value too large for defined data type. */
export const EOVERFLOW: number = errnoOf("EOVERFLOW");
/** Owner died. */
export const EOWNERDEAD: number = errnoOf("EOWNERDEAD");
/** Operation not permitted. */
export const EPERM: number = errnoOf("EPERM");
/** Protocol family not supported. */
export const EPFNOSUPPORT: number = errnoOf("EPFNOSUPPORT");
/** Broken pipe. */
export const EPIPE: number = errnoOf("EPIPE");
/** Protocol error. */
export const EPROTO: number = errnoOf("EPROTO");
/** Protocol not supported. */
export const EPROTONOSUPPORT: number = errnoOf("EPROTONOSUPPORT");
/** Protocol wrong type for socket. */
export const EPROTOTYPE: number = errnoOf("EPROTOTYPE");
/** Numerical result out of range. */
export const ERANGE: number = errnoOf("ERANGE");
/** Remote address changed. */
export const EREMCHG: number = errnoOf("EREMCHG");
/** Object is remote. */
export const EREMOTE: number = errnoOf("EREMOTE");
/** Remote I/O error. */
export const EREMOTEIO: number = errnoOf("EREMOTEIO");
/** Interrupted system call should be restarted. */
export const ERESTART: number = errnoOf("ERESTART");
/** Operation not possible due to RF-kill. */
export const ERFKILL: number = errnoOf("ERFKILL");
/** Read-only file system. */
export const EROFS: number = errnoOf("EROFS");
/** Cannot send after transport endpoint shutdown. */
export const ESHUTDOWN: number = errnoOf("ESHUTDOWN");
/** Socket type not supported. */
export const ESOCKTNOSUPPORT: number = errnoOf("ESOCKTNOSUPPORT");
/** Illegal seek. */
export const ESPIPE: number = errnoOf("ESPIPE");
/** No such process. */
export const ESRCH: number = errnoOf("ESRCH");
/** Srmount error. */
export const ESRMNT: number = errnoOf("ESRMNT");
/** Stale file handle. */
export const ESTALE: number = errnoOf("ESTALE");
/** Streams pipe error. */
export const ESTRPIPE: number = errnoOf("ESTRPIPE");
/** Timer expired. */
export const ETIME: number = errnoOf("ETIME");
/** Connection timed out. */
export const ETIMEDOUT: number = errnoOf("ETIMEDOUT");
/** Too many references: cannot splice. */
export const ETOOMANYREFS: number = errnoOf("ETOOMANYREFS");
/** Text file busy. */
export const ETXTBSY: number = errnoOf("ETXTBSY");
/** Structure needs cleaning. */
export const EUCLEAN: number = errnoOf("EUCLEAN");
/** Protocol driver not attached. */
export const EUNATCH: number = errnoOf("EUNATCH");
/** Too many users. */
export const EUSERS: number = errnoOf("EUSERS");
/** Invalid cross-device link. */
export const EXDEV: number = errnoOf("EXDEV");
/** Exchange full. */
export const EXFULL: number = errnoOf("EXFULL");

// These come last, since the reference lists the names in the order of exports.
export { EAGAIN, EBADF, EWOULDBLOCK } from "./errno_table.ts";
