/**
 * Names of Python's `socket`, and of its sockets' methods, that this module does
 * not have, and why.
 */
export interface Absent {
  /** As DIFFERENCES.md lists them. */
  readonly names: string;
  readonly reason: string;
  matches(name: string): boolean;
}

function absence(names: string, reason: string, pattern: RegExp): Absent {
  return { names, reason, matches: (name) => pattern.test(name) };
}

/** In the order of the table of DIFFERENCES.md. */
export const absent: readonly Absent[] = [
  absence(
    "`send_fds`, `recv_fds`, `CMSG_LEN`, `CMSG_SPACE`",
    "Deno has no ancillary data",
    /^(?:send_fds|recv_fds|CMSG_LEN|CMSG_SPACE)$/,
  ),
  absence(
    "`sethostname`",
    "Deno cannot set the name of the machine",
    /^sethostname$/,
  ),
  absence(
    "families other than `AF_INET`, `AF_INET6`, `AF_UNIX`, and what belongs to them: `AF_ALG`, `AF_CAN`, `AF_PACKET`, `AF_TIPC`, `AF_VSOCK` …, `ALG_*`, `CAN_*`, `J1939_*`, `NETLINK_*`, `PACKET_*`, `PF_*`, `TIPC_*`, `VMADDR_*`, `SOL_CAN_*` …",
    "Deno opens no such sockets",
    /^(?:AF_(?!INET6?$|UNIX$|UNSPEC$|LOCAL$)\w+|PF_\w+|(?:ALG|CAN|J1939|NETLINK|PACKET|TIPC|VMADDR)_\w+|SO_(?:J1939|VM_SOCKETS)_\w+|SCM_J1939_\w+|SOL_(?!SOCKET$|IP$|TCP$|UDP$)\w+|ETH(?:ERTYPE|_P)_\w+|(?:IOCTL_)?VM_SOCKETS_\w+|UDPLITE_\w+|(?:BD|BT|HCI)\w*_\w+|BTPROTO_\w+|IOCTL_VM_SOCKETS_\w+)$/,
  ),
  absence(
    "`fromshare`, the methods `share`, `ioctl`, `sendmsg_afalg`, and their constants `SIO_*`, `RCVALL_*`",
    "they act on handles of Windows, or on families that Deno does not open",
    /^(?:fromshare|share|ioctl|sendmsg_afalg|(?:SIO|RCVALL)_\w+)$/,
  ),
  absence(
    "`NI_IDN`",
    "`getnameinfo` returns the name of a host in ASCII, as the resolver has it",
    /^NI_IDN$/,
  ),
  absence(
    "`CAPI`",
    "the interface of Python's C modules",
    /^CAPI$/,
  ),
  absence(
    "`array`, `errno`, `io`, `os`, `selectors`, `sys`, `IntEnum`, `IntFlag`",
    "modules that Python's file happens to import; `errno` and `selectors` are entry points here",
    /^(?:array|errno|io|os|selectors|sys|IntEnum|IntFlag)$/,
  ),
];
