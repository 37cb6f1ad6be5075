import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import { closedAddress } from "../support/addresses.ts";
import { outcomeOf } from "../support/outcome.ts";
import { listener, tcpPair, udpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array(1);

/** Runs `use` with what it needs, and closes that afterwards. */
function withResource<T extends Disposable | AsyncDisposable>(
  make: () => T | Promise<T>,
  use: (resource: T) => unknown,
): () => Promise<unknown> {
  return async () => {
    await using resource = await make();
    return await use(resource);
  };
}

function unconnected() {
  return socket.socket();
}

function closed() {
  const s = socket.socket();
  s.close();
  return s;
}

/** The part of a message behind Python's text and a colon. */
function hintOf(error: socket.OSError): string {
  return error.message.split(": ").slice(1).join(": ");
}

interface Row {
  situation: string;
  ours: () => unknown;
  code: keyof typeof errno;
  /** The same program; left out where Python cannot have this error. */
  python?: string;
  /** What the message advises after Python's text; nothing if it is absent. */
  hint?: string;
}

const rows: readonly Row[] = [
  ...([
    ["accept()", "accept()", (s) => s.accept()],
    ["bind()", "bind(('127.0.0.1', 0))", (s) => s.bind(["127.0.0.1", 0])],
    [
      "connect()",
      "connect(('127.0.0.1', 1))",
      (s) => s.connect(["127.0.0.1", 1]),
    ],
    ["dup()", "dup()", (s) => s.dup()],
    ["getpeername()", "getpeername()", (s) => s.getpeername()],
    ["getsockname()", "getsockname()", (s) => s.getsockname()],
    [
      "getsockopt()",
      "getsockopt(SOL_SOCKET, SO_TYPE)",
      (s) => s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE),
    ],
    ["listen()", "listen()", (s) => s.listen()],
    ["recv()", "recv(1)", (s) => s.recv(1)],
    ["recv_into()", "recv_into(bytearray(1))", (s) => s.recv_into(one)],
    ["recvfrom()", "recvfrom(1)", (s) => s.recvfrom(1)],
    [
      "recvfrom_into()",
      "recvfrom_into(bytearray(1))",
      (s) => s.recvfrom_into(one),
    ],
    ["send()", "send(b'x')", (s) => s.send(one)],
    ["sendall()", "sendall(b'x')", (s) => s.sendall(one)],
    [
      "sendto()",
      "sendto(b'x', ('127.0.0.1', 1))",
      (s) => s.sendto(one, ["127.0.0.1", 1]),
    ],
    ["setblocking()", "setblocking(True)", (s) => s.setblocking(true)],
    [
      "setsockopt()",
      "setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)",
      (s) => s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ],
    ["settimeout()", "settimeout(1)", (s) => s.settimeout(1)],
    ["shutdown()", "shutdown(SHUT_RD)", (s) => s.shutdown(socket.SHUT_RD)],
  ] satisfies [
    string,
    string,
    (s: socket.Socket<socket.InetAddress>) => unknown,
  ][])
    .map(([name, python, call]): Row => ({
      situation: `${name} on a closed socket`,
      ours: () => call(closed()),
      code: "EBADF",
      python: `s = socket(); s.close(); s.${python}`,
    })),
  {
    situation: "recv() when not connected",
    ours: withResource(unconnected, (s) => s.recv(1)),
    code: "ENOTCONN",
    python: "socket().recv(1)",
  },
  {
    // Linux says EPIPE and macOS ENOTCONN.
    situation: "send() when not connected",
    ours: withResource(unconnected, (s) => s.send(one)),
    code: "ENOTCONN",
  },
  {
    situation: "getpeername() when not connected",
    ours: withResource(unconnected, (s) => s.getpeername()),
    code: "ENOTCONN",
    python: "socket().getpeername()",
  },
  {
    situation: "shutdown() when not connected",
    ours: withResource(unconnected, (s) => s.shutdown(socket.SHUT_RDWR)),
    code: "ENOTCONN",
    python: "socket().shutdown(SHUT_RDWR)",
  },
  {
    situation: "recv() on a listening socket",
    ours: withResource(listener, (s) => s.recv(1)),
    code: "ENOTCONN",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); s.listen(); s.recv(1)",
    hint: "the socket listens; accept() returns the connected one",
  },
  {
    situation: "sendall() on a listening socket",
    // Linux says EPIPE.
    ours: withResource(listener, (s) => s.sendall(one)),
    code: "ENOTCONN",
    hint: "the socket listens; accept() returns the connected one",
  },
  {
    situation: "bind() on a listening socket",
    ours: withResource(listener, (s) => s.bind(["127.0.0.1", 0])),
    code: "EINVAL",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); s.listen()\n" +
      "s.bind(('127.0.0.1', 0))",
    hint: "the socket is already bound",
  },
  {
    situation: "connect() on a listening socket",
    ours: withResource(listener, (s) => s.connect(["127.0.0.1", 1])),
    code: "EISCONN",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); s.listen()\n" +
      "s.connect(('127.0.0.1', 1))",
  },
  {
    situation: "accept() when not listening",
    ours: withResource(unconnected, (s) => s.accept()),
    code: "EINVAL",
    python: "socket().accept()",
    hint: "call listen() first",
  },
  {
    situation: "accept() on a socket that is only bound",
    ours: withResource(unconnected, (s) => {
      s.bind(["127.0.0.1", 0]);
      return s.accept();
    }),
    code: "EINVAL",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); s.accept()",
  },
  {
    situation: "accept() on a connected socket",
    ours: withResource(tcpPair, ({ client }) => client.accept()),
    code: "EINVAL",
    python: "s = connected(); s.accept()",
  },
  {
    situation: "accept() on a datagram socket",
    ours: withResource(udpSocket, (s) => s.accept()),
    code: "EOPNOTSUPP",
    python: "socket(AF_INET, SOCK_DGRAM).accept()",
  },
  {
    situation: "bind() twice",
    ours: withResource(unconnected, (s) => {
      s.bind(["127.0.0.1", 0]);
      s.bind(["127.0.0.1", 0]);
    }),
    code: "EINVAL",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); s.bind(('127.0.0.1', 0))",
    hint: "the socket is already bound",
  },
  {
    situation: "bind() twice on a datagram socket",
    ours: withResource(udpSocket, (s) => s.bind(["127.0.0.1", 0])),
    code: "EINVAL",
    python: "s = socket(AF_INET, SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n" +
      "s.bind(('127.0.0.1', 0))",
    hint: "the socket is already bound",
  },
  {
    situation: "bind() on a connected socket",
    ours: withResource(tcpPair, ({ client }) => client.bind(["127.0.0.1", 0])),
    code: "EINVAL",
    python: "s = connected(); s.bind(('127.0.0.1', 0))",
  },
  {
    situation: "listen() on a datagram socket",
    ours: withResource(udpSocket, (s) => s.listen()),
    code: "EOPNOTSUPP",
    python: "socket(AF_INET, SOCK_DGRAM).listen()",
  },
  {
    situation: "listen() on a connected socket",
    ours: withResource(tcpPair, ({ client }) => client.listen()),
    code: "EINVAL",
    python: "s = connected(); s.listen()",
  },
  {
    situation: "connect() on a connected socket",
    ours: withResource(
      tcpPair,
      ({ client }) => client.connect(["127.0.0.1", 1]),
    ),
    code: "EISCONN",
    python: "s = connected(); s.connect(('127.0.0.1', 1))",
  },
  {
    situation: "connect() where nobody listens",
    ours: withResource(unconnected, (s) => s.connect(closedAddress())),
    code: "ECONNREFUSED",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); a = s.getsockname()\n" +
      "s.close(); socket().connect(a)",
  },
  {
    situation: "connect() to port 0",
    ours: withResource(unconnected, (s) => s.connect(["127.0.0.1", 0])),
    code: Deno.build.os === "linux" ? "ECONNREFUSED" : "EADDRNOTAVAIL",
    python: "socket().connect(('127.0.0.1', 0))",
  },
  {
    situation: "bind() to an address in use",
    ours: withResource(listener, (s) => {
      using other = socket.socket();
      other.bind(s.getsockname());
    }),
    code: "EADDRINUSE",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); s.listen()\n" +
      "socket().bind(s.getsockname())",
  },
  {
    situation: "bind() of a datagram socket to an address in use",
    ours: withResource(udpSocket, (s) => {
      const { AF_INET, SOCK_DGRAM } = socket;
      using other = socket.socket(AF_INET, SOCK_DGRAM);
      other.bind(s.getsockname());
    }),
    code: "EADDRINUSE",
    python: "s = socket(AF_INET, SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n" +
      "socket(AF_INET, SOCK_DGRAM).bind(s.getsockname())",
  },
  {
    situation: "send() on a datagram socket without peer",
    ours: withResource(udpSocket, (s) => s.send(one)),
    code: "EDESTADDRREQ",
    python: "socket(AF_INET, SOCK_DGRAM).send(b'x')",
  },
  {
    situation: "sendto() of a datagram too long",
    ours: withResource(
      udpSocket,
      (s) => s.sendto(new Uint8Array(65508), s.getsockname()),
    ),
    code: "EMSGSIZE",
    python: "s = socket(AF_INET, SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n" +
      "s.sendto(bytes(65508), s.getsockname())",
  },
  {
    situation: "send() after shutdown(SHUT_WR)",
    ours: withResource(tcpPair, async ({ client }) => {
      await client.shutdown(socket.SHUT_WR);
      await client.send(one);
    }),
    code: "EPIPE",
    python: "s = connected(); s.shutdown(SHUT_WR); s.send(b'x')",
  },
  {
    situation: "recv() when non-blocking and nothing is there",
    ours: withResource(tcpPair, ({ client }) => {
      client.setblocking(false);
      return client.recv(1);
    }),
    code: "EAGAIN",
    python: "s = connected(); s.setblocking(False); s.recv(1)",
  },
  {
    situation: "accept() when non-blocking and nobody is there",
    ours: withResource(listener, (s) => {
      s.setblocking(false);
      return s.accept();
    }),
    code: "EAGAIN",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); s.listen()\n" +
      "s.setblocking(False); s.accept()",
  },
  {
    situation: "accept() after shutdown() of the listener",
    ours: withResource(listener, async (s) => {
      await s.shutdown(socket.SHUT_RD);
      await s.accept();
    }),
    code: "EINVAL",
    python: "s = socket(); s.bind(('127.0.0.1', 0)); s.listen()\n" +
      "s.shutdown(SHUT_RD); s.accept()",
  },
  {
    situation: "socket() of an unknown family",
    ours: () => socket.socket(99),
    code: "EAFNOSUPPORT",
    python: "socket(99)",
  },
  {
    situation: "socket() of type SOCK_RAW",
    ours: () => socket.socket(socket.AF_INET, 3),
    code: "ESOCKTNOSUPPORT",
  },
  {
    situation: "socket() of a protocol of another type",
    ours: () => socket.socket(socket.AF_INET, socket.SOCK_STREAM, 17),
    code: "EPROTONOSUPPORT",
    python: "socket(AF_INET, SOCK_STREAM, 17)",
  },
  {
    situation: "an option that there is not",
    ours: withResource(
      unconnected,
      (s) => s.getsockopt(socket.SOL_SOCKET, 9999),
    ),
    code: "ENOPROTOOPT",
    python: "socket().getsockopt(SOL_SOCKET, 9999)",
  },
  {
    situation: "getsockopt() of an option that Deno does not offer",
    ours: withResource(
      unconnected,
      (s) => s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
    ),
    code: "ENOPROTOOPT",
    hint:
      "Deno cannot set SO_RCVBUF, which only tunes; the program runs without this line",
  },
  {
    situation: "setsockopt() of an option that Deno does not offer",
    ours: withResource(
      unconnected,
      (s) => s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 1),
    ),
    code: "ENOPROTOOPT",
    hint:
      "Deno cannot set IP_TOS, which only tunes; the program runs without this line",
  },
  {
    situation: "a flag that there is not",
    ours: withResource(tcpPair, ({ client }) => client.recv(1, 1)),
    code: "EOPNOTSUPP",
  },
];

const setup = `
def connected():
    global peers
    s = socket(); s.bind(("127.0.0.1", 0)); s.listen()
    c = socket(); c.connect(s.getsockname())
    peers = [s, s.accept()]
    return c
`;
const { os } = Deno.build;
let theirs: Promise<Map<string, string>> | undefined;

/** All programs in one Python: starting it costs more than running them. */
async function runAll(): Promise<Map<string, string>> {
  const programs = rows.flatMap(({ python }) => python ?? []);
  const outcomes = await pythonOutcomes(programs, setup);
  return new Map(programs.map((each, i) => [each, outcomes[i] ?? ""]));
}

for (const { situation, ours, code, python: program, hint } of rows) {
  Deno.test(`${situation} fails with ${code}`, async () => {
    let error: unknown;
    try {
      await within(Promise.resolve(ours()));
    } catch (caught) {
      error = caught;
    }
    assertInstanceOf(error, socket.OSError);
    assertEquals(error.code, code);
    assertEquals(error.errno, errno[code]);
    assertEquals(
      error.constructor,
      new socket.OSError(error.errno).constructor,
    );
    if (hint !== undefined) assertEquals(hintOf(error), hint);
  });

  if (program === undefined) continue;
  const skipped = python === null || os !== "linux";
  Deno.test({
    name: `${situation} has the error of python3${
      skipped ? " (skipped: no python3, or not Linux)" : ""
    }`,
    ignore: skipped,
    fn: async () => {
      theirs ??= runAll();
      const said = (await theirs).get(program);
      const outcome = await outcomeOf(ours);
      // After a colon may come what Python does not say.
      const [, same] = /^(\w+: \[Errno \d+\] [^:]+)/.exec(outcome) ?? [];
      assertEquals(same, said);
    },
  });
}

Deno.test("a timeout is TimeoutError with Python's message", async () => {
  await using server = listener();
  server.settimeout(0.01);
  const outcome = await outcomeOf(() => server.accept());
  assertEquals(outcome, "TimeoutError: timed out");
});

Deno.test("no error of Deno's own class reaches the caller", async () => {
  for (const { situation, ours } of rows) {
    assertMatch(await outcomeOf(ours), /^\w*Error: \[Errno \d+\] /, situation);
  }
});

/** Hosts that cannot be any, with what the message says about them. */
const hosts: readonly [string, () => Promise<unknown>, string][] = [
  [
    "connect() to a host with a port in it",
    withResource(unconnected, (s) => s.connect(["127.0.0.1:80", 80])),
    '"127.0.0.1:80" has a port, which is the second part of the address',
  ],
  [
    "bind() to a name with a port in it",
    withResource(unconnected, (s) => s.bind(["localhost:80", 80])),
    '"localhost:80" has a port, which is the second part of the address',
  ],
  [
    "connect() to a URL",
    withResource(unconnected, (s) => s.connect(["http://localhost", 80])),
    '"http://localhost" is a URL, not a host',
  ],
  [
    "create_connection() to a host with a port in it",
    () => socket.create_connection(["localhost:80", 80]),
    '"localhost:80" has a port, which is the second part of the address',
  ],
  [
    "getaddrinfo() of a URL",
    () => socket.getaddrinfo("http://localhost", 80),
    '"http://localhost" is a URL, not a host',
  ],
  [
    "create_connection() to an address in brackets",
    () => socket.create_connection(["[::1]", 80]),
    '"[::1]" has brackets, which belong to URLs',
  ],
];

for (const [mistake, call, hint] of hosts) {
  Deno.test(`${mistake} fails with EAI_NONAME, and names the remedy`, async () => {
    const error = await assertRejects(() => within(call()), socket.gaierror);
    assertEquals(error.code, "EAI_NONAME");
    assertEquals(hintOf(error), hint);
  });
}
