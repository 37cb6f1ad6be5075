import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import * as ssl from "@pystd/socket/ssl";
import { absent } from "../support/absent.ts";
import { runDeno } from "../support/child.ts";
import { canRun } from "../support/process.ts";
import { python, runPython } from "../support/python.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { codes, readPage, rows, section } from "./pages.ts";
import { features } from "./versions/main.ts";

const page = await readPage("examples/porting/DIFFERENCES.md");

/**
 * The probe of a difference, the words of the page that it proves, and the
 * outcomes with this module and with Python.
 */
type Difference = readonly [
  probe: string,
  words: string,
  here: unknown,
  inPython: unknown,
];

const differences: readonly Difference[] = [
  ["option that only tunes", "Many options do not exist.", "ENOPROTOOPT", null],
  ["flag of urgent data", "any other fails with EOPNOTSUPP.", "EOPNOTSUPP", 1],
  [
    "value that is wrong",
    "A wrong value is a `RangeError`.",
    ["RangeError", "RangeError"],
    ["ValueError", "OverflowError"],
  ],
  [
    "unknown key of a selector",
    "Python raises `ValueError`, `OverflowError` or `KeyError` there.",
    "RangeError",
    "KeyError",
  ],
  [
    "select() of standard input",
    "`select` waits for sockets only.",
    "TypeError",
    3,
  ],
  [
    "recv() of a listener with a timeout",
    "`recv` of a listener times out there and fails with ENOTCONN here,",
    "ENOTCONN",
    "timeout",
  ],
  [
    "MSG_DONTWAIT with a timeout",
    "MSG_DONTWAIT waits there and not here.",
    "EAGAIN",
    "timeout",
  ],
  [
    "SO_SNDTIMEO and connect()",
    "A `connect` that SO_SNDTIMEO ends fails with EAGAIN;",
    "EAGAIN",
    "EINPROGRESS",
  ],
  [
    "port while a connect is under way",
    "A non-blocking `connect` has no port while it is under way.",
    [false, "EALREADY", "ENOTCONN"],
    [true, null, null],
  ],
  [
    "connect between bind and listen",
    "A client connects between `bind` and `listen`.",
    true,
    false,
  ],
  [
    "0.0.0.0 beside ::",
    "`0.0.0.0` beside `::` on one port fails with EADDRINUSE.",
    "EADDRINUSE",
    null,
  ],
  [
    "IPV6_V6ONLY and an IPv4 client",
    "With IPV6_V6ONLY an IPv4 client connects, and is closed when it is accepted.",
    [null, "timeout", ""],
    "ECONNREFUSED",
  ],
  [
    "options set after the handshake",
    "An accepted socket has the options that its listener has at `accept`;",
    1,
    0,
  ],
  [
    "file of a Unix listener",
    "A closed listener removes its file.",
    false,
    true,
  ],
  [
    "fileno() beside a file object",
    "even while a file object keeps the connection open.",
    false,
    true,
  ],
  [
    "close with bytes unread",
    "Closing with bytes unread sends FIN.",
    "",
    "ECONNRESET",
  ],
  [
    "MSG_WAITALL with a timeout",
    "waits for all `n` bytes until the timeout expires.",
    "timeout",
    "ab",
  ],
  [
    "bytes after SHUT_RD",
    "After `shutdown(SHUT_RD)` the first receive that finds no data ends the stream",
    ["", ""],
    ["", "x"],
  ],
  [
    "send() that was never connected",
    "A stream that is not connected fails with ENOTCONN. Linux uses EPIPE for `send`.",
    "ENOTCONN",
    "EPIPE",
  ],
  [
    "ECONNREFUSED of UDP",
    "A connected UDP socket never sees ECONNREFUSED.",
    "timeout",
    "ECONNREFUSED",
  ],
  [
    "datagrams of others before connect()",
    "`connect` drops datagrams that others sent before it",
    "timeout",
    "x",
  ],
  [
    "SO_REUSEPORT over UDP",
    "SO_REUSEPORT is SO_REUSEADDR.",
    null,
    "EADDRINUSE",
  ],
  [
    "SHUT_RD of a connected UDP socket",
    "a connected UDP socket returns 0 bytes at once.",
    "",
    "x",
  ],
  [
    "name of a bound Unix client",
    "The peer of a Unix socket sees no name;",
    [true, false],
    [true, true],
  ],
  [
    "name of an unbound Unix datagram socket",
    "is bound to such a name,",
    true,
    false,
  ],
  ["abstract name", "Abstract names are strings", "string", "bytes"],
  [
    "sending to a Unix datagram socket that has another peer",
    "Others may still send to a connected Unix socket,",
    1,
    "EPERM",
  ],
  [
    "port outside 0 to 65535",
    "`getaddrinfo` refuses a port outside 0 to 65535 too,",
    "RangeError",
    3,
  ],
  [
    "file object after a timeout",
    "A file object goes on after a timeout.",
    "late\n",
    "OSError",
  ],
  [
    "non-blocking text read",
    "A read that would block returns null.",
    null,
    "",
  ],
  [
    "bytes that cannot be decoded",
    "Bytes that cannot be decoded are a `RangeError`",
    ["RangeError", "ab\n", ""],
    ["UnicodeDecodeError", "", ""],
  ],
  [
    "lone carriage return",
    "ends a line at once. Python waits for the next character.",
    "one\n",
    "timeout",
  ],
  [
    "line buffering of text",
    "`buffering=1` of a text file is line buffering,",
    "one",
    "timeout",
  ],
  [
    "small buffer of a text file",
    "one with a small buffer sends as soon as that is full.",
    "x",
    "timeout",
  ],
  [
    "fileno() of a file for reading and writing",
    "A file for reading and writing has a `fileno()`.",
    true,
    "UnsupportedOperation",
  ],
  [
    "attributes of a text file",
    "Absent: `newlines`, `reconfigure`, `write_through`, `isatty`.",
    [],
    ["newlines", "reconfigure", "write_through", "isatty"],
  ],
  [
    "class of DefaultSelector",
    "`DefaultSelector` is a `PollSelector`.",
    true,
    false,
  ],
  [
    "data of a selector by name",
    "`register` and `modify` take `data` by its position only,",
    { data: "d" },
    "d",
  ],
  [
    "recv() after a refused connect in the background",
    "`recv` returns no bytes there.",
    ["ECONNREFUSED", "ENOTCONN"],
    ["ECONNREFUSED", ""],
  ],
  [
    "port after a failed connect",
    "Linux keeps the port that it had chosen.",
    false,
    true,
  ],
  [
    "reset that no call has met",
    "Until then SO_ERROR reports no reset, `getpeername` and `shutdown` succeed,",
    [null, true, null],
    ["ECONNRESET", "ENOTCONN", "ENOTCONN"],
  ],
  [
    "close() of a socket that select() waits for",
    "Closing a socket ends a `select` that waits for it, with EBADF,",
    "EBADF",
    1,
  ],
  [
    "port of a listener that was shut down",
    "A listener that was shut down releases its port.",
    null,
    "EADDRINUSE",
  ],
  [
    "raw file beside its buffer",
    "`file.raw.read()` returns the bytes that `file` has read ahead.",
    "two\n",
    "timeout",
  ],
];

/** The page as one text, without its marks of emphasis. */
const text = page.replaceAll("**", "").replaceAll(/\s+/g, " ");

/** The outcomes that are expected, by probe. */
function expected(which: 2 | 3): Record<string, unknown> {
  return Object.fromEntries(differences.map((each) => [each[0], each[which]]));
}

Deno.test("DIFFERENCES.md describes each difference that a probe proves", () => {
  for (const [probe, words, here, inPython] of differences) {
    assert(text.includes(words), `${probe}: ${words}`);
    assertNotEquals(here, inPython, probe);
  }
});

Deno.test("DIFFERENCES.md begins with the five most harmful differences", () => {
  const five = section(page, "The five that bite").match(/^\d\. \*\*/gm);
  assertEquals(five, [1, 2, 3, 4, 5].map((n) => `${n}. **`));
});

Deno.test("DIFFERENCES.md lists the versions of Deno that the programs for them try", () => {
  const listed = rows(section(page, "Versions of Deno"));
  const tried = features.map(({ row, since }) => [row, `2.${since}`]);
  // The last one is about a flag of the command line.
  assertEquals(listed.slice(0, -1), tried);
  assertEquals(listed.at(-1)?.[1], "2.9");
});

Deno.test("DIFFERENCES.md lists the absent names with their reasons", () => {
  assertEquals(
    rows(section(page, "Names that are absent")),
    absent.map(({ names, reason }) => [names, reason]),
  );
});

const skipped = !canRun
  ? " (skipped: no --allow-run)"
  : Deno.build.os !== "linux"
  ? " (skipped: the page compares with Linux)"
  : "";

Deno.test({
  name: `DIFFERENCES.md describes this module truly${skipped}`,
  ignore: skipped !== "",
  async fn() {
    await using directory = await TemporaryDirectory.make();
    const { stdout, stderr } = await runDeno({
      file: "tests/project/differences/here.ts",
      args: [fileURLToPath(directory.url).slice(0, -1)],
      permissions: ["--allow-net", "--allow-read", "--allow-write"],
      unstable: true,
    });
    assertEquals(stderr, "");
    assertEquals(JSON.parse(stdout), expected(2));
  },
});

Deno.test({
  name: `DIFFERENCES.md describes this Deno truly${skipped}`,
  ignore: skipped !== "",
  async fn() {
    const { code, stdout, stderr } = await runDeno({
      file: "tests/project/versions/main.ts",
      permissions: ["--allow-net", "--allow-read", "--allow-write"],
      unstable: true,
    });
    assertEquals([code, stderr], [0, ""], stdout);
    assertEquals(
      stdout.match(/^(?:as listed|not tried): /gm)?.length,
      features.length,
    );
  },
});

const noPython = skipped || (python === null ? " (skipped: no python3)" : "");

/** Names of Python's `ssl` that are other modules' or went with Python 3.12. */
const notOfSsl =
  /^(?:SOCK_STREAM|SOL_SOCKET|SO_TYPE|create_connection|namedtuple|socket|socket_error|match_hostname|wrap_socket)$/;

Deno.test({
  name: `DIFFERENCES.md lists the names of ssl that are absent${noPython}`,
  ignore: noPython !== "",
  async fn() {
    const [line] = /^- \*\*Absent: the names that only .*$/m.exec(page)!;
    const listed = codes(line).filter((name) =>
      !(name in ssl || /^crypto|^socketpair/.test(name))
    );
    const patterns = listed.map((name) =>
      new RegExp(`^${name.replace("*", ".*")}$`)
    );
    const program = `
import json, ssl, types
print(json.dumps([name for name, value in vars(ssl).items()
    if name[0] != "_" and not isinstance(value, types.ModuleType)]))`;
    const names: string[] = JSON.parse(await runPython(program));
    const missing = names.filter((name) =>
      !(name in ssl) && !notOfSsl.test(name)
    );
    const unlisted = missing.filter((name) =>
      !patterns.some((pattern) => pattern.test(name))
    );
    assertEquals(unlisted, []);
    const unused = listed.filter((_, i) =>
      !missing.some((name) => patterns[i]!.test(name))
    );
    assertEquals(unused, []);
  },
});

Deno.test({
  name: `SSLContext and SSLSocket have every member of Python's${noPython}`,
  ignore: noPython !== "",
  async fn() {
    const program = `
import json, socket, ssl
own = set(dir(ssl.SSLSocket)) - set(dir(socket.socket))
print(json.dumps([[name for name in names if name[0] != "_"]
    for names in (dir(ssl.SSLContext), sorted(own))]))`;
    const [context, sock]: [string[], string[]] = JSON.parse(
      await runPython(program),
    );
    assertEquals(
      [
        ...context.filter((name) => !(name in ssl.SSLContext.prototype)),
        ...sock.filter((name) => !(name in ssl.SSLSocket.prototype)),
      ],
      [],
    );
  },
});

Deno.test({
  name: `DIFFERENCES.md describes Python truly${noPython}`,
  ignore: noPython !== "",
  async fn() {
    await using directory = await TemporaryDirectory.make();
    const program = new URL("differences/python.py", import.meta.url);
    const printed = await runPython(await Deno.readTextFile(program), [
      fileURLToPath(directory.url).slice(0, -1),
    ]);
    assertEquals(JSON.parse(printed), expected(3));
  },
});
