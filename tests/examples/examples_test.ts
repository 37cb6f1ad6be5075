import {
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode } from "../support/bytes.ts";
import {
  askEcho,
  checkOutputs,
  commandsOf,
  connect,
  ended,
  examples,
  type ExampleTest,
  flagsOf,
  interrupt,
  output,
  serve,
  start,
} from "../support/example.ts";
import { tests as dns } from "./programs/dns.ts";
import { tests as files } from "./programs/files.ts";
import { tests as http } from "./programs/http.ts";
import { tests as multicast } from "./programs/multicast.ts";
import { tests as scanner } from "./programs/scanner.ts";
import { tests as select } from "./programs/select.ts";
import { tests as socketserver } from "./programs/socketserver.ts";
import { tests as tls } from "./programs/tls.ts";

/** Test functions by the examples that they run. */
const tests: readonly ExampleTest[] = [
  ["tutorial_server", "receives a message in parts", tutorial],
  ["demo tutorial_client", "show both sides", demo],
  [
    "echo_server echo_client",
    "serve one client after another, also after one that resets",
    oneByOne,
  ],
  ["concurrent_server", "serves clients at once", atOnce],
  ["std_io_echo", "sends everything back", stdIo],
  ["udp_server udp_client", "answer each datagram", udp],
  ["udp_client", "gives up an answer that does not come", udpUnanswered],
  ["line_chat_server line_chat_client", "show lines to others", lineChat],
  ["options using timeouts", "show what calls and options say", shows],
  ...http,
  ...dns,
  ...files,
  ...scanner,
  ...select,
  ...multicast,
  ...socketserver,
  ...tls,
];

const onePart = /_(server|client|echo|query|send|receive|announce|discover)$/;

for (const [files, criterion, fn, ignore = false] of tests) {
  Deno.test({ name: `examples ${files} ${criterion}`, ignore, fn });
}

Deno.test("examples are all run here, are short, and have the command to run them", async () => {
  const run = new Set(tests.flatMap(([files]) => files.split(" ")));
  const found: string[] = [];
  for await (const { name, isFile } of Deno.readDir(examples)) {
    if (!isFile || !name.endsWith(".ts")) continue;
    const example = name.replace(/\.ts$/, "");
    found.push(example);
    const source = await Deno.readTextFile(new URL(name, examples));
    assertLess(source.trimEnd().split("\n").length, 80, name);
    // A server and a client need two terminals.
    const lines = source.match(/^ \* {5}\S/gm) ?? [];
    assertEquals(lines.length, onePart.test(example) ? 2 : 1, name);
    for (const [other, flags] of await commandsOf(example)) {
      assertEquals(flags, await flagsOf(other), `${example} runs ${other}`);
    }
  }
  assertEquals([...run].sort(), found.sort());
});

/** Sends and receives as many bytes. */
async function roundTrip(s: socket.Socket, text: string): Promise<string> {
  await s.sendall(encode(text));
  return decode(await s.recv(encode(text).length, socket.MSG_WAITALL));
}

async function tutorial(): Promise<void> {
  const [server, address] = await serve("tutorial_server");
  await using _ = server;
  // More than one receive brings, and a character on the boundary.
  const message = "x".repeat(1023) + "é, 你好";
  using s = await connect(address);
  await s.sendall(encode(message));
  s.close();
  assertMatch(await server.readLine() ?? "", /^Connected by 127\.0\.0\.1:\d+$/);
  assertEquals(await ended(server), `Received: ${message}\n`);
}

async function demo(): Promise<void> {
  const shown = await output("demo");
  // The server is on the left, the client on the right.
  assertMatch(shown, /^server +\| client$/m);
  assertMatch(shown, /^Received: Hello +\|$/m);
  assertMatch(shown, /^ +\| Sent: Hello$/m);
  for (const [file] of shown.matchAll(/examples\/\S+/g)) {
    await Deno.stat(new URL(`../${file}`, examples));
  }
}

async function oneByOne(): Promise<void> {
  const [server, address] = await serve("echo_server");
  await using _ = server;
  using first = await connect(address);
  assertEquals(await roundTrip(first, "first"), "first");
  using second = await connect(address);
  const answer = roundTrip(second, "second");
  assertEquals(await roundTrip(first, "again"), "again");
  await assertRejects(
    () => second.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT),
    socket.BlockingIOError,
  );
  first.close();
  assertEquals(await answer, "second");
  second.close();
  for (let i = 0; i < 2; i++) await server.readMatch(/^Closed by /);

  // Closed with bytes unread, which resets the connection.
  const conn = await Deno.connect({ hostname: address[0], port: address[1] });
  await conn.write(encode("never read"));
  await server.readMatch(/^Connected by/);
  conn.close();
  await server.readMatch(/^Closed by /);
  assertEquals(
    await output("echo_client", ...address, "next"),
    "Received: next\n",
  );
}

async function atOnce(): Promise<void> {
  const [server, address] = await serve("concurrent_server");
  await using _ = server;
  using first = await connect(address);
  using second = await connect(address);
  assertEquals(await roundTrip(second, "second"), "second");
  assertEquals(await roundTrip(first, "first"), "first");
  await server.readMatch(/clients: 2$/);
  assertEquals(await askEcho(address, "third"), "third");
  await server.readMatch(/^Closed .*clients: 2$/);

  const ends = Promise.all([first.recv(1), second.recv(1)]);
  const rest = await interrupt(server);
  assertEquals((await ends).map((end) => end.length), [0, 0]);
  if (Deno.build.os !== "windows") assertMatch(rest, /clients: 0\n$/);
}

async function stdIo(): Promise<void> {
  const [server, address] = await serve("std_io_echo");
  await using _ = server;
  assertEquals(await askEcho(address, "by copy()"), "by copy()");
  await server.readMatch(/^Sent 9 bytes back to /);

  using idle = await connect(address);
  assertEquals(await roundTrip(idle, "idle"), "idle");
}

async function udp(): Promise<void> {
  const [server, address] = await serve("udp_server");
  await using _ = server;
  const from = `Received from ${address.join(":")}`;
  assertEquals(
    await output("udp_client", ...address, "one", "two"),
    `${from}: ONE\n${from}: TWO\n`,
  );
  assertMatch(await server.readLine() ?? "", /^Received from .*: one$/);
  assertMatch(await server.readLine() ?? "", /^Received from .*: two$/);
}

async function udpUnanswered(): Promise<void> {
  using silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  silent.bind(["127.0.0.1", 0]);
  assertEquals(
    await output("udp_client", ...silent.getsockname(), "hello"),
    "No answer to hello: timed out\n",
  );
}

async function lineChat(): Promise<void> {
  const [server, address] = await serve("line_chat_server");
  await using _ = server;
  const args = address.map(String);
  await using first = await start("line_chat_client", ...args);
  await server.readMatch(/^Joined: /);
  using second = await connect(address);
  await server.readMatch(/^Joined: /);
  await using lines = second.makefile("r");

  await first.write("héllo\n");
  assertMatch(await lines.readline() ?? "", /^127\.0\.0\.1:\d+: héllo\n$/);
  await second.sendall(encode("one\ntwo\n"));
  assertMatch(await first.readLine() ?? "", /: one$/);
  assertMatch(await first.readLine() ?? "", /: two$/);

  await using third = await start("line_chat_client", ...args);
  // What it says shows that it is ready for Ctrl-C.
  await third.write("bye\n");
  await first.readMatch(/: bye$/);
  await interrupt(third);
  await server.readMatch(/^Left: /);

  await first.closeStdin();
  assertEquals(await ended(first), "");
  await server.readMatch(/^Left: /);
  server.kill("SIGINT");
  assertMatch(await lines.read() ?? "", /: bye\n$/);
}

async function shows(): Promise<void> {
  // The last one sets a default timeout, which the others would have too.
  const checks = { options, using: withSockets, timeouts };
  await checkOutputs(checks, "127.0.0.1", "0");
}

function timeouts(text: string): void {
  const lines = text.split("\n");
  const expected = [
    /^accept, 0\.2 s: TimeoutError: timed out$/,
    /^timeouts: 0\.2 s, 0\.2 s$/,
    /^recv, 0\.2 s: TimeoutError: timed out$/,
    /^recv, then: late, but not lost$/,
    /^recv, non-blocking: BlockingIOError: \[Errno \d+\] /,
    /^recv, MSG_DONTWAIT: BlockingIOError: \[Errno \d+\] /,
    /^connect, twice: OSError: \[Errno \d+\] /,
    /^connect_ex, twice: \d+ is EISCONN$/,
    /^$/,
  ];
  assertEquals(lines.length, expected.length);
  for (const [i, line] of lines.entries()) assertMatch(line, expected[i]!);
}

function options(text: string): void {
  assertMatch(text, /^AF_INET: true\nSOCK_STREAM: true$/m);
  assertMatch(text, /^SO_REUSEADDR: 0\nSO_REUSEADDR: 1\nSO_ACCEPTCONN: 1$/m);
  assertMatch(text, /^same address: true\nSO_KEEPALIVE: .*\[ 1, 0, 0, 0 \]$/m);
  assertMatch(text, /^OSError: \[Errno \d+\] .*$/m);
  assertMatch(text, /^blocking, timeout: true null$/m);
  assertMatch(text, /^blocking, timeout: true 2\.5$/m);
  assertMatch(text, /^descriptors: \d+ \d+ \d+\nafter close: -1$/m);
  assertMatch(text, /^received: sent by the duplicate\n$/m);
}

function withSockets(text: string): void {
  assertMatch(
    text,
    /^Received: Hello, world\nOSError: .*\nClosed after the error: true\n$/,
  );
}
