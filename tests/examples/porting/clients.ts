import { assertEquals, assertStringIncludes } from "@std/assert";
import * as socket from "@pystd/socket";
import { closedAddress } from "../../support/addresses.ts";
import { decode, encode } from "../../support/bytes.ts";
import { listener } from "../../support/pair.ts";
import { within } from "../../support/within.ts";
import { ended, ofBoth, type PortingTest, start } from "./program.ts";

export const tests: readonly PortingTest[] = [
  ...ofBoth("http_get", "shows the status and the whole body", httpGet),
  ...ofBoth("smtp", "carries on the dialogue and gives the mail over", smtp),
  ...ofBoth("smtp", "ends when the server refuses", smtpRefused),
  ...ofBoth("port_scan", "tells open and closed ports apart", portScan),
  ...ofBoth("redis_ping", "asks, and reads each kind of answer", redis),
  ...ofBoth("frames", "sends frames and receives them in pieces", frames),
  ...ofBoth("frames", "notices a frame that is cut off", cutOff),
];

type Server = socket.Socket<socket.InetAddress>;

async function acceptOne(server: Server): Promise<Server> {
  const [conn] = await within(server.accept());
  conn.settimeout(60);
  return conn;
}

async function httpGet(file: string): Promise<void> {
  using server = listener();
  const [, port] = server.getsockname();
  // By name, as its default is one.
  await using client = await start(file, ["localhost", port, "/a?b=1"]);
  using conn = await acceptOne(server);
  await using lines = conn.makefile("r", null, { newline: "" });
  let request = "";
  for await (const line of lines) {
    request += line;
    if (line === "\r\n") break;
  }
  assertEquals(request, "GET /a?b=1 HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n";
  // The two bytes of "é" are on both sides of what one receive brings.
  const body = `${"x".repeat(4095 - head.length)}é\r\n\r\nend`;
  await conn.sendall(encode(head + body));
  await conn.shutdown(socket.SHUT_WR);
  assertEquals(
    await ended(client),
    `HTTP/1.0 200 OK\n${body}\n`.replaceAll("\r\n", "\n"),
  );
}

/** Answers a client of SMTP with `replies`, in turn; what the client says. */
async function answerMail(server: Server, replies: string[]): Promise<string> {
  using conn = await acceptOne(server);
  await using file = conn.makefile("rw", null, { newline: "" });
  let said = "";
  for (const reply of replies) {
    await file.write(reply);
    await file.flush();
    let line = await file.readline() ?? "";
    said += line;
    if (reply.startsWith("354")) {
      while (line !== "" && line !== ".\r\n") {
        line = await file.readline() ?? "";
        said += line;
      }
    }
  }
  return said;
}

const greeting = [
  "220 ready\r\n",
  "250-localhost\r\n250-SIZE 1000\r\n250 HELP\r\n",
  "250 from\r\n",
];

async function smtp(file: string): Promise<void> {
  using server = listener();
  await using client = await start(file, server.getsockname());
  const said = await answerMail(server, [
    ...greeting,
    "250 to\r\n",
    "354 go on\r\n",
    "250 kept\r\n",
    "221 bye\r\n",
  ]);
  const expected = [
    "EHLO localhost",
    "MAIL FROM:<ann@example.org>",
    "RCPT TO:<bob@example.org>",
    "DATA",
    "Subject: Hello",
    "",
    "Hello, Bob!",
    ".",
    "QUIT",
    "",
  ];
  assertEquals(said, expected.join("\r\n"));
  assertEquals(
    await ended(client),
    "220 ready\n250 HELP\n250 from\n250 to\n354 go on\n250 kept\n221 bye\n",
  );
}

async function smtpRefused(file: string): Promise<void> {
  using server = listener();
  await using client = await start(file, server.getsockname());
  await answerMail(server, [...greeting, "550 nobody\r\n"]);
  const { code, stdout, stderr } = await client.result();
  assertEquals(code, 1);
  assertEquals(
    stdout.replaceAll("\r\n", "\n"),
    "220 ready\n250 HELP\n250 from\n550 nobody\n",
  );
  const refused = "Not answered by 250: RCPT TO:<bob@example.org>";
  assertStringIncludes(stderr, refused);
}

async function portScan(file: string): Promise<void> {
  using open = listener();
  const [host, port] = open.getsockname();
  const [, closed] = closedAddress();
  await using client = await start(file, [host, closed, port]);
  assertEquals(await ended(client), `${closed} closed\n${port} open\n`);
}

/** Reads one command of Redis, byte by byte as counted, and answers it. */
async function answerRedis(server: Server): Promise<string[]> {
  using conn = await acceptOne(server);
  await using file = conn.makefile("rwb");
  const readText = async (length: number) =>
    new TextDecoder().decode(await file.read(length) ?? undefined);
  const readNumber = async (kind: string) => {
    const line = new TextDecoder().decode(await file.readline() ?? undefined);
    assertEquals([line[0], line.slice(-2)], [kind, "\r\n"]);
    return Number(line.slice(1));
  };
  const words: string[] = [];
  for (let left = await readNumber("*"); left > 0; left--) {
    words.push(await readText(await readNumber("$")));
    assertEquals(await readText(2), "\r\n");
  }
  const [command, word = ""] = words;
  let answer = "-ERR unknown command\r\n";
  if (command === "PING") answer = "+PONG\r\n";
  if (command === "GET") answer = "$-1\r\n";
  if (command === "ECHO") answer = `$${encode(word).length}\r\n${word}\r\n`;
  await file.write(encode(answer));
  await file.flush();
  return words;
}

async function redis(file: string): Promise<void> {
  using server = listener();
  const cases = [
    [[], ["PING"], "+PONG\n"],
    [["ECHO", "héllo\r\n"], ["ECHO", "héllo\r\n"], "héllo\n\n"],
    [["GET", "nothing"], ["GET", "nothing"], "$-1\n"],
    [["NONE"], ["NONE"], "-ERR unknown command\n"],
  ] as const;
  for (const [args, words, output] of cases) {
    await using client = await start(file, [...server.getsockname(), ...args]);
    assertEquals(await answerRedis(server), [...words]);
    assertEquals(await ended(client), output);
  }
}

async function frames(file: string): Promise<void> {
  using server = listener();
  const messages = ["héllo", "", "x".repeat(3000)];
  const args = [...server.getsockname(), ...messages];
  await using client = await start(file, args);
  using conn = await acceptOne(server);
  conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1);
  for (const message of messages) {
    const header = await conn.recv(4, socket.MSG_WAITALL);
    const size = new DataView(header.buffer).getUint32(0);
    assertEquals(size, encode(message).length);
    const body = await conn.recv(size, socket.MSG_WAITALL);
    assertEquals(decode(body), message);
    // In pieces, the first of which ends within the header.
    const frame = new Uint8Array([...header, ...body]);
    for (let at = 0; at < frame.length; at += 3) {
      await conn.sendall(frame.subarray(at, at + 3));
    }
  }
  assertEquals(await ended(client), messages.join("\n") + "\n");
}

async function cutOff(file: string): Promise<void> {
  using server = listener();
  for (const answer of [[0, 0], [0, 0, 0, 5, 65, 65]]) {
    await using client = await start(file, [...server.getsockname(), "hello"]);
    using conn = await acceptOne(server);
    await conn.recv(9, socket.MSG_WAITALL);
    await conn.sendall(new Uint8Array(answer));
    conn.close();
    const { code, stdout, stderr } = await client.result();
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "The connection ended within a frame");
  }
}
