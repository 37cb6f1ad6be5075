import { assert, assertEquals, assertMatch } from "@std/assert";
import { processTest, runDeno } from "../support/child.ts";

// An error that the program does not catch has to name the line of the program
// that made the call, as Python's traceback does, with none of the module's own
// frames before it.

/** Calls that fail, with the name of their error. */
interface Failure {
  readonly name: string;
  /** Statements that come before, not under test. */
  readonly setup?: string;
  readonly call: string;
  readonly error: string;
}

const TIMED_OUT = "const [a, b] = await pair(); a.settimeout(0.001);";
const NON_BLOCKING = "const [a, b] = await pair(); a.setblocking(false);";
const CLOSED = "const [a, b] = await pair(); a.close();";
const RESET = `const [a, b] = await pair();
  await a.sendall(one); await b.recv(1, MSG_PEEK);
  const s = socket.socket(); s.bind(["127.0.0.1", 0]); const l = server();
  await s.connect(l.getsockname()); const [c] = await l.accept();
  s.writable.abort().catch(() => {});`;
const FULL = `${NON_BLOCKING}
  for (let n = 1; n > 0;) n = await a.send(new Uint8Array(65536)).catch(() => 0);`;

const failures: readonly Failure[] = [
  {
    name: "connect(), refused",
    setup: "const s = socket.socket();",
    call: "await s.connect(closed)",
    error: "ConnectionRefusedError",
  },
  {
    name: "connect(), non-blocking",
    setup: "const s = socket.socket(); s.setblocking(false);",
    call: "await s.connect(closed)",
    error: "BlockingIOError",
  },
  {
    name: "connect(), refused in the background",
    setup:
      "const s = socket.socket(); s.setblocking(false); await s.connect_ex(closed); await select.select([], [s], []);",
    call: "await s.connect(closed)",
    error: "ConnectionRefusedError",
  },
  {
    name: "connect(), from a bound socket",
    setup: 'const s = socket.socket(); s.bind(["127.0.0.1", 0]);',
    call: "await s.connect(closed)",
    error: "ConnectionRefusedError",
  },
  {
    name: "connect(), connected",
    setup: "const [a] = await pair();",
    call: "await a.connect(closed)",
    error: "OSError",
  },
  {
    name: "connect(), a path",
    setup: "const s = socket.socket(socket.AF_UNIX);",
    call: 'await s.connect("/nowhere/socket")',
    error: "FileNotFoundError",
  },
  {
    name: "create_connection(), refused",
    call: "await socket.create_connection(closed)",
    error: "ConnectionRefusedError",
  },
  {
    name: "create_connection(), refused, with all errors",
    call: "await socket.create_connection(closed, { all_errors: true })",
    error: "AggregateError",
  },
  {
    name: "connect() of a datagram socket, unknown host",
    call: "await udp().connect([noHost, 1])",
    error: "gaierror",
  },
  {
    name: "accept(), timed out",
    setup: "const s = server(); s.settimeout(0.001);",
    call: "await s.accept()",
    error: "TimeoutError",
  },
  {
    name: "iteration over a listener, timed out",
    setup: "const s = server(); s.settimeout(0.01);",
    call: "for await (const _ of s)",
    error: "TimeoutError",
  },
  {
    name: "accept(), not listening",
    setup: "const s = socket.socket();",
    call: "await s.accept()",
    error: "OSError",
  },
  {
    name: "accept(), closed while it waits",
    setup: "const s = server(); setTimeout(() => s.close(), 1);",
    call: "await s.accept()",
    error: "OSError",
  },
  {
    name: "recv(), timed out",
    setup: TIMED_OUT,
    call: "await a.recv(1)",
    error: "TimeoutError",
  },
  {
    name: "recv(), would block",
    setup: NON_BLOCKING,
    call: "await a.recv(1)",
    error: "BlockingIOError",
  },
  {
    name: "recv(), closed",
    setup: CLOSED,
    call: "await a.recv(1)",
    error: "OSError",
  },
  {
    name: "recv(), closed while it waits",
    setup: "const [a] = await pair(); setTimeout(() => a.close(), 1);",
    call: "await a.recv(1)",
    error: "OSError",
  },
  {
    name: "recv(), not connected",
    setup: "const s = socket.socket();",
    call: "await s.recv(1)",
    error: "OSError",
  },
  {
    name: "recv(), reset",
    setup: RESET,
    call: "await c.recv(1)",
    error: "ConnectionResetError",
  },
  {
    name: "recv(), an unknown flag",
    setup: "const [a] = await pair();",
    call: "await a.recv(1, 1 << 30)",
    error: "OSError",
  },
  {
    name: "recv_into(), timed out",
    setup: TIMED_OUT,
    call: "await a.recv_into(one)",
    error: "TimeoutError",
  },
  {
    name: "read(), timed out",
    setup: TIMED_OUT,
    call: "await a.read(one)",
    error: "TimeoutError",
  },
  {
    name: "recvfrom(), timed out",
    setup: TIMED_OUT,
    call: "await a.recvfrom(1)",
    error: "TimeoutError",
  },
  {
    name: "recvfrom_into(), timed out",
    setup: TIMED_OUT,
    call: "await a.recvfrom_into(one)",
    error: "TimeoutError",
  },
  {
    name: "recvmsg(), timed out",
    setup: TIMED_OUT,
    call: "await a.recvmsg(1)",
    error: "TimeoutError",
  },
  {
    name: "recvmsg_into(), timed out",
    setup: TIMED_OUT,
    call: "await a.recvmsg_into([one])",
    error: "TimeoutError",
  },
  {
    name: "recv() of datagrams, timed out",
    setup: "const u = udp(); u.settimeout(0.001);",
    call: "await u.recv(1)",
    error: "TimeoutError",
  },
  {
    name: "recvfrom() of datagrams, timed out",
    setup: "const u = udp(); u.settimeout(0.001);",
    call: "await u.recvfrom(1)",
    error: "TimeoutError",
  },
  {
    name: "send(), would block",
    setup: FULL,
    call: "await a.send(one)",
    error: "BlockingIOError",
  },
  {
    name: "send(), closed",
    setup: CLOSED,
    call: "await a.send(one)",
    error: "OSError",
  },
  {
    name: "send(), shut",
    setup: "const [a] = await pair(); await a.shutdown(1);",
    call: "await a.send(one)",
    error: "BrokenPipeError",
  },
  {
    name: "sendall(), timed out",
    setup: TIMED_OUT,
    call: "await a.sendall(new Uint8Array(3e7))",
    error: "TimeoutError",
  },
  {
    name: "sendall(), closed",
    setup: CLOSED,
    call: "await a.sendall(one)",
    error: "OSError",
  },
  {
    name: "sendmsg(), closed",
    setup: CLOSED,
    call: "await a.sendmsg([one])",
    error: "OSError",
  },
  {
    name: "sendmsg(), would block",
    setup: FULL,
    call: "await a.sendmsg([one])",
    error: "BlockingIOError",
  },
  {
    name: "sendto(), closed",
    setup: "const u = udp(); u.close();",
    call: "await u.sendto(one, closed)",
    error: "OSError",
  },
  {
    name: "sendto(), too long",
    setup: "const u = udp();",
    call: "await u.sendto(new Uint8Array(70000), closed)",
    error: "OSError",
  },
  {
    name: "send() of a datagram, no peer",
    setup: "const u = udp();",
    call: "await u.send(one)",
    error: "OSError",
  },
  {
    name: "sendfile(), closed",
    setup: CLOSED,
    call: "await a.sendfile({ read: () => null })",
    error: "OSError",
  },
  {
    name: "sendfile(), timed out",
    setup: TIMED_OUT,
    call: "await a.sendfile({ read: (p) => p.length })",
    error: "TimeoutError",
  },
  {
    name: "shutdown(), not connected",
    setup: "const s = socket.socket();",
    call: "await s.shutdown(2)",
    error: "OSError",
  },
  {
    name: "a call by name, unknown host",
    setup: "const s = socket.socket();",
    call: "await s.connect([noHost, 1])",
    error: "gaierror",
  },
  {
    name: "create_connection(), unknown host",
    call: "await socket.create_connection([noHost, 1])",
    error: "gaierror",
  },
  {
    name: "getaddrinfo(), unknown host",
    call: "await socket.getaddrinfo(noHost, 1)",
    error: "gaierror",
  },
  {
    name: "gethostbyname(), unknown host",
    call: "await socket.gethostbyname(noHost)",
    error: "gaierror",
  },
  {
    name: "read() of a file object, timed out",
    setup: TIMED_OUT + ' const f = a.makefile("rb");',
    call: "await f.read(1)",
    error: "TimeoutError",
  },
  {
    name: "readline() of a text file object, timed out",
    setup: TIMED_OUT + " const f = a.makefile();",
    call: "await f.readline()",
    error: "TimeoutError",
  },
  {
    name: "flush() of a file object, timed out",
    setup: TIMED_OUT +
      ' const f = a.makefile("wb"); f.write(new Uint8Array(3e7)).catch(() => {});',
    call: "await f.flush()",
    error: "TimeoutError",
  },
  {
    name: "select() of a number that is not open",
    call: "await select.select([999], [], [])",
    error: "OSError",
  },
  {
    name: "bind(), in use",
    setup: "const l = server(); const s = socket.socket();",
    call: "s.bind(l.getsockname())",
    error: "OSError",
  },
  {
    name: "listen() on a datagram socket",
    setup: "const u = udp();",
    call: "u.listen()",
    error: "OSError",
  },
  {
    name: "getpeername(), not connected",
    setup: "const s = socket.socket();",
    call: "s.getpeername()",
    error: "OSError",
  },
  {
    name: "getsockopt(), unknown",
    setup: "const s = socket.socket();",
    call: "s.getsockopt(1, 9999)",
    error: "OSError",
  },
  {
    name: "setsockopt(), unknown",
    setup: "const s = socket.socket();",
    call: "s.setsockopt(1, 9999, 1)",
    error: "OSError",
  },
  {
    name: "socket(), unknown family",
    call: "socket.socket(9999)",
    error: "OSError",
  },
  {
    name: "makefile(), closed",
    setup: CLOSED,
    call: "a.makefile()",
    error: "OSError",
  },
  {
    name: "wrap_socket() of ssl, no TLS from the peer",
    setup: `const [a, b] = await pair(); await b.sendall(new Uint8Array(99));
  const client = ssl.create_default_context();`,
    call: 'await client.wrap_socket(a, { server_hostname: "x" })',
    error: "SSLError",
  },
  {
    name: "connect() of ssl, refused",
    setup: `const client = ssl.create_default_context();
  const a = await client.wrap_socket(socket.socket(), { server_hostname: "x" });`,
    call: "await a.connect(closed)",
    error: "ConnectionRefusedError",
  },
  {
    name: "get_server_certificate(), refused",
    call: "await ssl.get_server_certificate(closed)",
    error: "ConnectionRefusedError",
  },
  {
    name: "load_cert_chain(), no file",
    setup: "const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);",
    call: 'context.load_cert_chain("/nowhere")',
    error: "FileNotFoundError",
  },
  {
    name: "create_default_context(), no file",
    call: 'ssl.create_default_context({ cafile: "/nowhere" })',
    error: "FileNotFoundError",
  },
  {
    name: "TCPServer(), in use",
    setup: "const s = server();",
    call: "new TCPServer(s.getsockname(), BaseRequestHandler)",
    error: "OSError",
  },
  {
    name: "create_server(), in use",
    setup: "const s = server();",
    call: "socket.create_server(s.getsockname())",
    error: "OSError",
  },
  {
    name: "socketpair(), unknown family",
    call: "await socket.socketpair(9999)",
    error: "OSError",
  },
  {
    name: "fromfd(), not open",
    call: "socket.fromfd(9999, 2, 1)",
    error: "OSError",
  },
  {
    name: "dup() of a descriptor, not open",
    call: "socket.dup(9999)",
    error: "OSError",
  },
  {
    name: "close() of a descriptor, not open",
    call: "socket.close(9999)",
    error: "OSError",
  },
  { name: "dup(), closed", setup: CLOSED, call: "a.dup()", error: "OSError" },
];

// The promises of web streams are the runtime's own: nothing leads from the call
// under them to the program that waits, so their errors have no frames.
const ofStreams: readonly Failure[] = [
  {
    name: "a read of readable, timed out",
    setup: TIMED_OUT + " const reader = a.readable.getReader();",
    call: "await reader.read()",
    error: "TimeoutError",
  },
  {
    name: "a write of writable, closed",
    setup:
      "const [a] = await pair(); const writer = a.writable.getWriter(); a.close();",
    call: "await writer.write(one)",
    error: "OSError",
  },
];

const PRELUDE = `
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
import * as ssl from "@pystd/socket/ssl";
import { BaseRequestHandler, TCPServer } from "@pystd/socket/socketserver";
const { MSG_PEEK } = socket;
const one = new Uint8Array(1);
const noHost = Deno.args[0];
const server = () => socket.create_server(["127.0.0.1", 0]);
const pair = () => socket.socketpair(socket.AF_INET);
const udp = () => {
  const u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  u.bind(["127.0.0.1", 0]);
  return u;
};
const first = server();
const closed = first.getsockname();
// A connection keeps the port from other programs.
const kept = [await socket.create_connection(closed), await first.accept()];
first.close();
`;

/** A host that the C library refuses without asking. */
const NO_HOST = `${"x".repeat(64)}.invalid`;

const permissions = [
  `--allow-net=127.0.0.1,${NO_HOST},unix:/nowhere/socket`,
  "--allow-read=/nowhere",
  "--allow-write=/nowhere",
];

/** The number of a program's line. */
function numberOf(line: string, program: string): number {
  const lines = program.split("\n");
  const found = lines.indexOf(line);
  assert(found >= 0 && found === lines.lastIndexOf(line), line);
  return found + 1;
}

/**
 * The frames of a stack. Those of the runtime are left out: once a program has
 * loaded a `node:` module, microtasks run under one of its functions.
 */
function frames(stack: string): string[] {
  return stack.split("\n").filter((line) => /^ +at /.test(line))
    .filter((line) => !line.includes("(ext:"))
    .map((line) => line.trim());
}

/** The line under test. */
function lineOf({ call }: Failure, i: number): string {
  return `  ${call}; // call ${i}`;
}

/** All calls in one process; the name and the stack of each error. */
const program = `${PRELUDE}
const calls = [];
${
  [...failures, ...ofStreams].map((failure, i) =>
    `calls.push(async () => {\n  ${failure.setup ?? ""}\n${
      lineOf(failure, i)
    }\n});`
  ).join("\n")
}
const errors = [];
for (const call of calls) {
  try {
    await call();
    errors.push(["", ""]);
  } catch (error) {
    errors.push([error.name, error.stack]);
  }
}
console.log(JSON.stringify(errors));
Deno.exit();
`;

let running: Promise<[name: string, stack: string][]> | undefined;

async function runAll(): Promise<[name: string, stack: string][]> {
  const { stdout, stderr } = await runDeno({
    code: program,
    args: [NO_HOST],
    permissions,
    unstable: true,
  });
  assertEquals(stderr, "");
  return JSON.parse(stdout);
}

for (const [i, failure] of failures.entries()) {
  processTest(
    `the stack of ${failure.name} begins in the program`,
    async () => {
      const [name, stack] = (await (running ??= runAll()))[i]!;
      assertEquals(name, failure.error, stack);
      const number = numberOf(lineOf(failure, i), program);
      assertMatch(
        frames(stack)[0] ?? stack,
        new RegExp(`\\$deno\\$stdin\\.mts:${number}:`),
      );
      // The frames of the module would be behind those of the program.
      assert(!/\/src\/|mod\.ts/.test(stack.split("Caused by")[0]!), stack);
    },
  );
}

for (const [i, failure] of ofStreams.entries()) {
  processTest(
    `the stack of ${failure.name} has no frame of the module`,
    async () => {
      const all = await (running ??= runAll());
      const [name, stack] = all[failures.length + i]!;
      assertEquals(name, failure.error, stack);
      assertEquals(frames(stack.split("Caused by")[0]!), []);
    },
  );
}

// Each of them ends a process. The stacks of all other errors are made in the
// same ways: of an error of the runtime, at once, later through calls of the
// module, and by a call that does not wait.
const uncaught = [
  "connect(), refused",
  "recv(), would block",
  "readline() of a text file object, timed out",
  "bind(), in use",
];
for (const name of uncaught) {
  processTest(
    `an uncaught error of ${name} is printed with the program's line`,
    async () => {
      const failure = failures.find((each) => each.name === name)!;
      const line = lineOf(failure, 0);
      const code = `${PRELUDE}
async function main() {
  ${failure.setup ?? ""}
${line}
}
await main();
`;
      const result = await runDeno({
        code,
        args: [NO_HOST],
        permissions,
        unstable: true,
      });
      assertEquals(result.code, 1);
      const { stderr } = result;
      assertMatch(
        stderr,
        new RegExp(`Uncaught \\(in promise\\) ${failure.error}`),
      );
      // Deno prints the line itself, and then the frames.
      assert(stderr.includes(`\n${line}\n`), stderr);
      assertMatch(
        frames(stderr)[0] ?? stderr,
        new RegExp(`main .*:${numberOf(line, code)}:`),
      );
    },
  );
}
