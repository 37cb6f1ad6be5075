import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair } from "../support/pair.ts";
import { python, runPython } from "../support/python.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array([1]);

Deno.test("detach() closes the object and leaves the connection to the number", async () => {
  await using pair = await tcpPair();
  const fd = pair.client.detach();
  assertEquals(pair.client.fileno(), -1);
  assertEquals(pair.client.detach(), -1);
  await assertRejects(() => pair.client.send(one), socket.OSError);
  using revived = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fd);
  assertEquals(revived.fileno(), fd);
  await revived.sendall(one);
  assertEquals(await within(pair.peer.recv(1)), one);
});

Deno.test("detach() rejects the calls that wait on the object", async () => {
  await using pair = await tcpPair();
  const waiting = pair.client.recv(1);
  const failed = assertRejects(() => waiting, socket.OSError);
  const fd = pair.client.detach();
  assertEquals((await within(failed)).code, "EBADF");
  using revived = socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM);
  socket.close(fd);
  await pair.peer.sendall(one);
  assertEquals(await within(revived.recv(1)), one);
});

Deno.test("fromfd() and dup() give another number for the same connection", async () => {
  await using pair = await tcpPair();
  using copy = socket.fromfd(
    pair.client.fileno(),
    socket.AF_INET,
    socket.SOCK_STREAM,
  );
  assert(copy.fileno() !== pair.client.fileno());
  assertEquals(copy.getpeername(), pair.client.getpeername());
  const number = socket.dup(pair.client.fileno());
  pair.client.close();
  copy.close();
  using last = new socket.Socket(socket.AF_INET, socket.SOCK_STREAM, 0, number);
  await last.sendall(one);
  assertEquals(await within(pair.peer.recv(1)), one);
});

Deno.test("close(fd) makes every method of its socket EBADF, also what waits", async () => {
  await using pair = await tcpPair();
  const waiting = assertRejects(() => pair.client.recv(1), socket.OSError);
  socket.close(pair.client.fileno());
  assertEquals((await within(waiting)).code, "EBADF");
  assertEquals(pair.client.fileno(), -1);
  assertThrows(() => pair.client.getsockname(), socket.OSError, "Bad file");
});

Deno.test("close(fd) ends what waits on it, and leaves what comes to a duplicate", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  using twin = client.dup();
  const file = client.makefile("rb", 0);
  const calls = [
    () => client.recv(1),
    () => client.recv_into(new Uint8Array(1)),
    () => file.read(1),
    () => client.readable.getReader().read(),
  ];
  const failures = calls.map((call) => assertRejects(call, socket.OSError));
  socket.close(client.fileno());
  for (const failure of failures) {
    assertEquals((await within(failure)).code, "EBADF");
  }
  assertEquals([client.fileno(), file.fileno()], [-1, -1]);
  await assertRejects(() => file.read(1), socket.OSError, "Bad file");
  await peer.sendall(new Uint8Array([1, 2, 3]));
  assertEquals(await within(twin.recv(9)), new Uint8Array([1, 2, 3]));
  await file.close();
});

Deno.test("close(fd) leaves the file objects of a duplicate alone", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const twin = client.dup();
  const file = twin.makefile("rwb");
  twin.close();
  const reading = file.read(1);
  socket.close(client.fileno());
  await peer.sendall(one);
  assertEquals(await within(reading), one);
  await file.write(one);
  await file.close();
  assertEquals(await within(peer.recv(9)), one);
});

Deno.test("a closed socket does not act on another that got its number", () => {
  const stale = socket.socket();
  const fd = stale.fileno();
  stale.close();
  using fresh = socket.socket();
  assertEquals(fresh.fileno(), fd);
  stale.close();
  assertEquals(fresh.fileno(), fd);
  assertThrows(() => stale.getsockname(), socket.OSError);
});

Deno.test("close(), dup() and fromfd() refuse what is no open descriptor", () => {
  const calls = [
    (fd: number) => socket.close(fd),
    (fd: number) => socket.dup(fd),
    (fd: number) => socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM),
  ];
  for (const call of calls) {
    for (const fd of [-1, 987_654]) {
      assertEquals(assertThrows(() => call(fd), socket.OSError).code, "EBADF");
    }
    assertThrows(() => call("3" as never), TypeError);
  }
  const { AF_INET, SOCK_STREAM } = socket;
  assertThrows(() => socket.socket(AF_INET, SOCK_STREAM, 0, -1), RangeError);
});

Deno.test("get_inheritable() is false, and set_inheritable(true) EOPNOTSUPP", () => {
  using s = socket.socket();
  assertEquals(s.get_inheritable(), false);
  s.set_inheritable(false);
  const error = assertThrows(() => s.set_inheritable(true), socket.OSError);
  assertEquals(error.code, "EOPNOTSUPP");
});

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

Deno.test("a socket prints its descriptor and addresses, inside of others too", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  const [host, port] = client.getsockname();
  const [peerHost, peerPort] = client.getpeername();
  const text =
    `<socket.socket fd=${client.fileno()}, family=2, type=1, proto=0, laddr=('${host}', ${port}), raddr=('${peerHost}', ${peerPort})>`;
  assertEquals(`${client}`, text);
  assertStringIncludes(Deno.inspect({ client }), text);
});

Deno.test("await using waits for what was sent, also when others hold the connection", async () => {
  for (const keep of ["dup", "makefile"] as const) {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    await using _ = keep === "dup" ? client.dup() : client.makefile("rb");
    let sent = false;
    const sending = client.sendall(new Uint8Array(20_000_000))
      .then(() => sent = true);
    const disposed = client[Symbol.asyncDispose]().then(() => sent);
    let received = 0;
    while (received < 20_000_000) {
      received += (await within(peer.recv(1_000_000))).length;
    }
    await within(sending);
    assertEquals(await within(disposed), true);
  }
});

Deno.test("await using does not wait for what another holder sends", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  using other = client.dup();
  const sending = other.sendall(new Uint8Array(20_000_000));
  await within(client[Symbol.asyncDispose]());
  let received = 0;
  while (received < 20_000_000) {
    received += (await within(peer.recv(1_000_000))).length;
  }
  await within(sending);
});
