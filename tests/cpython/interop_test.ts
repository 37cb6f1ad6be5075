import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode } from "../support/bytes.ts";
import { listener, receiveToEnd, udpSocket } from "../support/pair.ts";
import type { ChildProcess } from "../support/process.ts";
import { python, startPython } from "../support/python.ts";
import { udp6Socket } from "../support/udp.ts";
import { within } from "../support/within.ts";

/** A test with CPython as the peer; skipped where there is none. */
function withPython(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `CPython: ${name}`, ignore: python === null, fn });
}

/** Begins every program: how it makes sockets, and how it says what it has. */
const prelude = `
import hashlib, json, struct, sys, threading
from socket import *

def say(*values):
    print(json.dumps(values), flush=True)

def digest(data):
    return hashlib.sha256(data).hexdigest()

def receive_to_end(conn):
    parts = []
    while True:
        part = conn.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)

def server(family, host):
    s = socket(family, SOCK_STREAM)
    s.bind((host, 0))
    s.listen()
    say(s.getsockname()[1])
    conn, address = s.accept()
    s.close()
    return conn

def client(family, host):
    s = socket(family, SOCK_STREAM)
    s.connect((host, int(sys.argv[1])))
    return s

def udp(family, host):
    s = socket(family, SOCK_DGRAM)
    s.bind((host, 0))
    s.settimeout(60)
    say(s.getsockname()[1])
    return s
`;

function program(code: string, port?: number): ChildProcess {
  return startPython(prelude + code, port === undefined ? [] : [`${port}`]);
}

/** What the program says next. */
async function said(peer: ChildProcess): Promise<unknown[]> {
  const line = await peer.readLine();
  if (line === null) throw new Error((await peer.result()).stderr);
  return JSON.parse(line);
}

async function portOf(peer: ChildProcess): Promise<number> {
  return Number((await said(peer))[0]);
}

async function digest(data: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", data);
  return new Uint8Array(hash).toHex();
}

/** Bytes that are not the same anywhere. */
function bulk(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(size / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761);
  return new Uint8Array(words.buffer);
}

const families = [
  { name: "IPv4", host: "127.0.0.1", family: socket.AF_INET },
  { name: "IPv6", host: "::1", family: socket.AF_INET6 },
] as const;

for (const { name, host, family } of families) {
  const constant = family === socket.AF_INET ? "AF_INET" : "AF_INET6";

  withPython(
    `a client of ours over ${name}, half-closed, both ways bulk`,
    async () => {
      await using peer = program(`
conn = server(${constant}, "${host}")
got = receive_to_end(conn)
say(len(got), digest(got), *conn.getpeername())
conn.sendall(got[::-1])
conn.shutdown(SHUT_WR)
say(conn.recv(1) == b"")
`);
      const s: socket.Socket = socket.socket(family, socket.SOCK_STREAM);
      await s.connect([host, await portOf(peer)]);
      const data = bulk(1 << 20);
      await s.sendall(data);
      await s.shutdown(socket.SHUT_WR);
      assertEquals(await said(peer), [
        data.length,
        await digest(data),
        ...s.getsockname(),
      ]);
      const answer = await receiveToEnd(s);
      assertEquals(await digest(answer.reverse()), await digest(data));
      s.close();
      assertEquals(await said(peer), [true]);
    },
  );

  withPython(
    `a server of ours over ${name}, half-closed, both ways bulk`,
    async () => {
      using server: socket.Socket = socket.socket(family, socket.SOCK_STREAM);
      server.bind([host, 0]);
      server.listen();
      const [, port] = server.getsockname();
      await using peer = program(
        `
s = client(${constant}, "${host}")
say(*s.getsockname())
data = bytes(range(256)) * 4096
s.sendall(data)
s.shutdown(SHUT_WR)
got = receive_to_end(s)
say(got[::-1] == data)
`,
        Number(port),
      );
      const [conn, address] = await within(server.accept());
      assertEquals(await said(peer), [...address]);
      const data = await receiveToEnd(conn);
      await conn.sendall(data.reverse());
      conn.close();
      assertEquals(await said(peer), [true]);
    },
  );

  withPython(`datagrams of ours over ${name}`, async () => {
    await using peer = program(`
s = udp(${constant}, "${host}")
for _ in range(4):
    data, address = s.recvfrom(65536)
    say(len(data), digest(data), *address)
    s.sendto(data[::-1], address)
`);
    using s: socket.Socket = family === socket.AF_INET
      ? udpSocket()
      : udp6Socket();
    await s.connect([host, await portOf(peer)]);
    for (const size of [0, 4, 1472, 65504]) {
      const data = bulk(size);
      assertEquals(await s.send(data), size);
      assertEquals(await said(peer), [
        size,
        await digest(data),
        ...s.getsockname(),
      ]);
      const [answer, address] = await within(s.recvfrom(65536));
      assertEquals(answer, data.toReversed());
      assertEquals(address, s.getpeername());
    }
  });

  withPython(`datagrams of CPython over ${name}`, async () => {
    using s: socket.Socket = family === socket.AF_INET
      ? udpSocket()
      : udp6Socket();
    await using peer = program(
      `
s = udp(${constant}, "${host}")
s.connect(("${host}", int(sys.argv[1])))
for size in 0, 1, 1472, 65507:
    s.send(bytes(size))
    say(s.recv(65536).decode(), *s.getsockname())
`,
      Number(s.getsockname()[1]),
    );
    await portOf(peer);
    for (const size of [0, 1, 1472, 65507]) {
      const [data, address] = await within(s.recvfrom(65536));
      assertEquals(data, new Uint8Array(size));
      await s.sendto(encode(`got ${size}`), address);
      assertEquals(await said(peer), [`got ${size}`, ...address]);
    }
  });
}

withPython("many clients at once", async () => {
  using server = listener();
  await using peer = program(
    `
def talk(n):
    s = client(AF_INET, "127.0.0.1")
    s.sendall(struct.pack("!I", n))
    answers[n] = struct.unpack("!I", s.recv(4, MSG_WAITALL))[0]
    s.close()

answers = [None] * 20
threads = [threading.Thread(target=talk, args=[n]) for n in range(20)]
for t in threads: t.start()
for t in threads: t.join()
say(*answers)
`,
    server.getsockname()[1],
  );
  const serve = async (conn: socket.Socket) => {
    const data = await within(conn.recv(4, socket.MSG_WAITALL));
    const number = new DataView(data.buffer).getUint32(0);
    new DataView(data.buffer).setUint32(0, number * number);
    await conn.sendall(data);
    conn.close();
  };
  const served = [];
  for (let n = 0; n < 20; n++) {
    served.push(serve((await within(server.accept()))[0]));
  }
  await Promise.all(served);
  assertEquals(await said(peer), Array.from({ length: 20 }, (_, n) => n * n));
});

withPython("a reset while we read and while we write", async () => {
  await using peer = program(`
for _ in range(2):
    conn = server(AF_INET, "127.0.0.1")
    conn.recv(1)
    conn.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
`);
  for (
    const act of [
      (s: socket.Socket) => s.recv(1),
      // More than the kernel takes before the peer resets.
      (s: socket.Socket) => s.sendall(new Uint8Array(16 << 20)),
    ]
  ) {
    using s = socket.socket();
    await s.connect(["127.0.0.1", await portOf(peer)]);
    await s.sendall(encode("x"));
    const error = await assertRejects(
      () => within<unknown>(act(s)),
      socket.ConnectionError,
    );
    assertMatch(error.message, /^\[Errno \d+\] (Connection reset|Broken pipe)/);
  }
});

const lines = ["plain\n", "zwölf 十二 👋\n", "\n", "carriage\r\n", "the end"];

withPython("lines of a text file, read by ours", async () => {
  await using peer = program(`
conn = server(AF_INET, "127.0.0.1")
file = conn.makefile("w", encoding="utf-8", newline="")
for line in ${JSON.stringify(lines)}:
    for letter in line:
        file.write(letter)
        file.flush()
file.close()
conn.close()
`);
  using s = socket.socket();
  await s.connect(["127.0.0.1", await portOf(peer)]);
  await using file = s.makefile("r", null, { encoding: "utf-8" });
  const read = [];
  for await (const line of file) read.push(line);
  assertEquals(read, lines.map((line) => line.replace("\r\n", "\n")));
});

withPython("lines of a text file, written by ours", async () => {
  using server = listener();
  await using peer = program(
    `
s = client(AF_INET, "127.0.0.1")
for line in s.makefile("r", encoding="utf-8"):
    say(line)
`,
    server.getsockname()[1],
  );
  const [conn] = await within(server.accept());
  {
    await using file = conn.makefile("w", null, { encoding: "utf-8" });
    for (const line of lines) await file.write(line);
    conn.close();
  }
  for (const line of lines) {
    assertEquals(await said(peer), [line.replace("\r\n", "\n")]);
  }
});

withPython("requests and answers by lines of binary files", async () => {
  await using peer = program(`
conn = server(AF_INET, "127.0.0.1")
file = conn.makefile("rwb")
for line in file:
    file.write(line.upper())
    file.flush()
say("end")
`);
  using s = socket.socket();
  await s.connect(["127.0.0.1", await portOf(peer)]);
  const file = s.makefile("rwb");
  for (const word of ["one", "two", "three"]) {
    await file.write(encode(`${word}\n`));
    await file.flush();
    const line = await within(file.readline());
    assertEquals(decode(line!), `${word.toUpperCase()}\n`);
  }
  await file.close();
  s.close();
  assertEquals(await said(peer), ["end"]);
});
