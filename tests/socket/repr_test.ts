import { assertEquals, assertStringIncludes } from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair } from "../support/pair.ts";
import { python, runPython } from "../support/python.ts";

/** Sockets in their states, printed here and in Python. */
const printed: [state: string, python: string, make: () => Printed][] = [
  ["new", "s = socket.socket()", () => socket.socket()],
  [
    "of datagrams over IPv6",
    "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    () => socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
  ],
  [
    "with SOCK_NONBLOCK and a protocol",
    "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, 6)",
    () =>
      socket.socket(
        socket.AF_INET,
        socket.SOCK_STREAM | socket.SOCK_NONBLOCK,
        6,
      ),
  ],
  [
    "of family AF_UNIX",
    "s = socket.socket(socket.AF_UNIX)",
    () => socket.socket(socket.AF_UNIX),
  ],
  [
    "bound",
    "s = socket.socket(); s.bind(('127.0.0.1', 0))",
    () => {
      const s = socket.socket();
      s.bind(["127.0.0.1", 0]);
      return s;
    },
  ],
  [
    "connected",
    "l = socket.create_server(('127.0.0.1', 0)); s = socket.create_connection(l.getsockname())",
    async () => {
      using server = socket.create_server(["127.0.0.1", 0]);
      return await socket.create_connection(server.getsockname());
    },
  ],
  [
    "closed",
    "s = socket.socket(); s.close()",
    () => {
      const s = socket.socket();
      s.close();
      return s;
    },
  ],
  [
    "detached",
    "s = socket.socket(); s.detach()",
    () => {
      const s = socket.socket();
      socket.close(s.detach());
      return s;
    },
  ],
];

type Printed = socket.Socket | Promise<socket.Socket>;

/** Without descriptors and ports, which are any. */
function masked(text: string): string {
  return text.replace(/fd=\d+/, "fd=N").replaceAll(/', [1-9]\d*/g, "', PORT");
}

/** Before 3.11 Python printed the names of families and types. */
const prints: string[] = python === null ? [] : JSON.parse(
  await runPython(
    `
import json, socket, sys
def printed(code):
    scope = {"socket": socket}
    exec(code, scope)
    return repr(scope["s"])
codes = json.loads(sys.argv[1]) if sys.version_info >= (3, 11) else []
print(json.dumps([printed(code) for code in codes]))`,
    [
      JSON.stringify(printed.map(([, code]) => code)),
    ],
  ),
);

for (const [i, [state, , make]] of printed.entries()) {
  const expected = prints[i];
  const why = expected === undefined ? " (skipped: no python3)" : "";
  Deno.test({
    name: `a socket that is ${state} prints as in Python${why}`,
    ignore: expected === undefined,
    async fn() {
      using s = await make();
      assertEquals(masked(String(s)), masked(expected!));
      assertEquals(Deno.inspect(s), String(s));
    },
  });
}

Deno.test("a socket prints its descriptor and addresses, inside other objects too", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  const [host, port] = client.getsockname();
  const [peerHost, peerPort] = client.getpeername();
  const text =
    `<socket.socket fd=${client.fileno()}, family=2, type=1, proto=0, laddr=('${host}', ${port}), raddr=('${peerHost}', ${peerPort})>`;
  assertEquals(`${client}`, text);
  assertStringIncludes(Deno.inspect({ client }), text);
});
