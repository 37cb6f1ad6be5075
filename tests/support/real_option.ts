import { SOCK_STREAM } from "@pystd/socket";
import type { TcpSocket } from "./pair.ts";
import { python, startPython } from "./python.ts";

const program = `
import ctypes, json, os, re, sys
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

def look(pid, local, remote, level, option):
    for fd in descriptors(pid, local, remote):
        copy = libc.syscall(pidfd_getfd, os.pidfd_open(pid), fd, 0)
        if copy < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        with socket(fileno=copy) as found:
            return found.getsockopt(globals()[level], globals()[option])
    raise LookupError(f"no socket from {local} to {remote}")

libc = ctypes.CDLL(None, use_errno=True)
pidfd_getfd = 438
for line in sys.stdin:
    try:
        print(json.dumps([look(*json.loads(line)), None]))
    except Exception as error:
        print(json.dumps([None, repr(error)]))
`;

/**
 * The CPython that looks. It is started when this module is loaded, so that it
 * belongs to no test, and ends with the process, which closes its input.
 */
const observer = Deno.build.os === "linux" && python !== null
  ? startPython(program)
  : null;

/**
 * Whether a CPython process can look at the sockets of this one: on Linux, where
 * the user may.
 */
export const canSeeRealOptions: boolean = observer !== null && await canSee();

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
  const peer = s.type === SOCK_STREAM ? s.getpeername()[1] : 0;
  return await ask(s.getsockname()[1], peer, level, option);
}

async function ask(
  local: number,
  remote: number,
  level: string,
  option: string,
): Promise<number> {
  const question = JSON.stringify([Deno.pid, local, remote, level, option]);
  await observer!.write(`${question}\n`);
  const [value, error] = JSON.parse(await observer!.readLine() ?? "null");
  if (error !== null) throw new Error(error);
  return value;
}

async function canSee(): Promise<boolean> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    await ask(listener.addr.port, 0, "SOL_SOCKET", "SO_KEEPALIVE");
    return true;
  } catch (error) {
    if (String(error).includes("PermissionError")) return false;
    throw error;
  }
}
