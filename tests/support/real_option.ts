import { SOCK_STREAM } from "@pystd/socket";
import type { TcpSocket } from "./pair.ts";
import { python, runPython } from "./python.ts";

const program = `
import ctypes, os, re, sys
from socket import *

def descriptors(pid, local, remote):
    inodes = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in open(f"/proc/{pid}/net/{name}").readlines()[1:]:
            fields = line.split()
            ports = [int(each.split(":")[1], 16) for each in fields[1:3]]
            if ports == [local, remote]:
                inodes.add(fields[9])
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        found = re.match(r"socket:\\[(\\d+)\\]", target)
        if found and found[1] in inodes:
            yield int(fd)

pid, local, remote = map(int, sys.argv[1:4])
level, option = (globals()[name] for name in sys.argv[4:6])
libc = ctypes.CDLL(None, use_errno=True)
pidfd_getfd = 438
for fd in descriptors(pid, local, remote):
    copy = libc.syscall(pidfd_getfd, os.pidfd_open(pid), fd, 0)
    if copy < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    print(socket(fileno=copy).getsockopt(level, option))
    break
else:
    raise LookupError(f"no socket from {local} to {remote}")
`;

/**
 * Whether a CPython process can look at the sockets of this one: on Linux, where
 * the user may.
 */
export const canSeeRealOptions: boolean = Deno.build.os === "linux" &&
  python !== null && await canSee();

/**
 * The value that an option has on the kernel's socket, not the one that this
 * module tells.
 *
 * @param s A connected stream, or a datagram socket without a peer.
 * @param level The name of the level, such as "SOL_SOCKET".
 * @param option The name of the option.
 * @returns The value.
 */
export async function realOption(
  s: TcpSocket,
  level: string,
  option: string,
): Promise<number> {
  const ports = [
    s.getsockname()[1],
    s.type === SOCK_STREAM ? s.getpeername()[1] : 0,
  ];
  return await ask(ports.map(String), level, option);
}

async function ask(
  ports: readonly string[],
  level: string,
  option: string,
): Promise<number> {
  const args = [String(Deno.pid), ...ports, level, option];
  return Number(await runPython(program, args));
}

async function canSee(): Promise<boolean> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const { port } = listener.addr;
    await ask([String(port), "0"], "SOL_SOCKET", "SO_KEEPALIVE");
    return true;
  } catch (error) {
    if (String(error).includes("PermissionError")) return false;
    throw error;
  }
}
