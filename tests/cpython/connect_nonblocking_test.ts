import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import * as select from "@pystd/socket/select";
import { closedAddress } from "../support/addresses.ts";
import { outcomeOf } from "../support/outcome.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import { python, runPython } from "../support/python.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array(1);

/** The calls under test, by their text in Python. */
const calls: Record<
  string,
  (s: TcpSocket, to: socket.InetAddress) => unknown
> = {
  "s.connect(to)": (s, to) => s.connect(to),
  "s.connect_ex(to)": (s, to) => s.connect_ex(to),
  "s.getsockopt(SOL_SOCKET, SO_ERROR)": (s) =>
    s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
  "s.recv(1)": (s) => s.recv(1),
  "s.recv_into(bytearray(1))": (s) => s.recv_into(one.slice()),
  "s.recvfrom(1)": (s) => s.recvfrom(1),
  "s.recvfrom_into(bytearray(1))": (s) => s.recvfrom_into(one.slice()),
  "s.recvmsg(1)": (s) => s.recvmsg(1),
  "s.send(b'x')": (s) => s.send(one),
  "s.sendall(b'x')": (s) => s.sendall(one),
  "s.sendmsg([b'x'])": (s) => s.sendmsg([one]),
  "s.sendto(b'x', to)": (s, to) => s.sendto(one, to),
  "s.getpeername()[0]": (s) => s.getpeername()[0],
  "s.shutdown(SHUT_RDWR)": (s) => s.shutdown(socket.SHUT_RDWR),
  "s.setblocking(True)": (s) => s.setblocking(true),
  "ready()": async (s) => {
    const ready = await select.select([s], [s], [s], 5);
    return ready.map(({ length }) => length);
  },
};
const SO_ERROR = "s.getsockopt(SOL_SOCKET, SO_ERROR)";

/** Calls one after the other, and whether the connect before them is refused. */
const rows: readonly (readonly [refused: boolean, calls: string[]])[] = [
  [false, ["s.connect_ex(to)", "s.connect_ex(to)", "s.connect_ex(to)"]],
  [false, [SO_ERROR, "s.connect_ex(to)", "s.connect_ex(to)"]],
  [false, ["s.send(b'x')", SO_ERROR, "s.connect_ex(to)", "s.connect_ex(to)"]],
  [false, ["s.setblocking(True)", "s.connect(to)", "s.connect(to)"]],
  [false, ["s.getpeername()[0]", "ready()", "s.recv(1)"]],
  [false, ["ready()", "s.shutdown(SHUT_RDWR)", "s.connect_ex(to)"]],
  [true, ["s.connect(to)", SO_ERROR, "s.connect_ex(to)"]],
  [true, ["s.connect_ex(to)", SO_ERROR]],
  [true, ["ready()", SO_ERROR, "ready()", SO_ERROR]],
  [true, ["s.recv(1)", SO_ERROR]],
  [true, ["s.recv_into(bytearray(1))", SO_ERROR]],
  [true, ["s.recvfrom(1)", SO_ERROR]],
  [true, ["s.recvfrom_into(bytearray(1))", SO_ERROR]],
  [true, ["s.recvmsg(1)", SO_ERROR]],
  [true, ["s.send(b'x')", SO_ERROR]],
  [true, ["s.sendall(b'x')", SO_ERROR]],
  [true, ["s.sendmsg([b'x'])", SO_ERROR]],
  [true, ["s.sendto(b'x', to)", SO_ERROR]],
  [true, ["s.getpeername()[0]", SO_ERROR]],
  [true, ["s.shutdown(SHUT_RDWR)", SO_ERROR]],
  [true, ["s.setblocking(True)", "s.recv(1)", SO_ERROR]],
];

const skipped = python === null || Deno.build.os !== "linux";
let theirs: Promise<string[][]> | undefined;

for (const [i, [refused, row]] of rows.entries()) {
  Deno.test({
    name: `after a non-blocking connect that ${
      refused ? "was refused" : "succeeded"
    }, ${row.join("; ")} end as in CPython${
      skipped ? " (skipped: no python3, or not Linux)" : ""
    }`,
    ignore: skipped,
    fn: async () => {
      await using server = listener();
      const to = refused ? closedAddress() : server.getsockname();
      await using client = socket.socket();
      client.setblocking(false);
      const first = await within(client.connect_ex(to));
      assertEquals(first, errno.EINPROGRESS);
      await within(select.select([], [client], []));
      const ours: string[] = [];
      for (const call of row) {
        ours.push(await outcomeOf(() => calls[call]!(client, to)));
      }
      assertEquals(ours, (await (theirs ??= runRows()))[i]);
    },
  });
}

/** The outcomes of all rows in CPython. */
async function runRows(): Promise<string[][]> {
  return JSON.parse(
    await runPython(`
import errno, json, select
from socket import *

def outcome(call, s, to):
    def ready():
        return [len(each) for each in select.select([s], [s], [s], 5)]
    try:
        value = eval(call, globals() | {"s": s, "to": to, "ready": ready})
        return json.dumps(value, separators=(",", ":"))
    except Exception as error:
        return f"{type(error).__name__}: {error}"

kept = []

def run(refused, calls):
    server = create_server(("127.0.0.1", 0))
    to = server.getsockname()
    if refused:
        # Its connection keeps the port from other programs.
        kept.append([create_connection(to), server.accept()])
        server.close()
    s = socket()
    s.setblocking(False)
    assert s.connect_ex(to) == errno.EINPROGRESS
    select.select([], [s], [])
    try:
        return [outcome(call, s, to) for call in calls]
    finally:
        s.close()
        server.close()

print(json.dumps([run(*row) for row in json.loads(${
      JSON.stringify(JSON.stringify(rows))
    })]))
`),
  );
}
