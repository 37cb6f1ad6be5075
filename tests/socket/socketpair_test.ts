import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import {
  poll,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  select,
} from "@pystd/socket/select";
import { checkTogether, processTest, runDeno } from "../support/child.ts";
import { assertSameBytes, numbered } from "../support/bytes.ts";
import { codeOf } from "../support/outcome.ts";
import { python, runPython } from "../support/python.ts";
import { within } from "../support/within.ts";

const { AF_UNIX, SOCK_DGRAM, SOCK_STREAM } = socket;
const { SHUT_RD, SHUT_RDWR, SHUT_WR } = socket;

/** The kernel's default buffer, net.core.wmem_default. */
const BUFFER = 212_992;

type Pair = [socket.Socket<string>, socket.Socket<string>];

async function pair(type: number = SOCK_STREAM): Promise<Pair> {
  return await within(socket.socketpair(AF_UNIX, type));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function close(...sockets: socket.Socket[]): void {
  for (const each of sockets) each.close();
}

/** A step of a scenario: which socket, which call, its argument. */
type Step = readonly ["a" | "b", string, (string | number)?];

/**
 * What both programs do with a fresh pair. Every socket has a timeout, so that
 * a receive that would block ends.
 */
const scenarios: Record<string, readonly Step[]> = {
  "a fresh pair": [
    ["a", "names"],
    ["b", "names"],
    ["a", "poll"],
    ["b", "send", "x"],
    ["a", "recvfrom", 9],
    ["b", "send", "xyz"],
    ["a", "recvmsg", 2],
    ["a", "recv", 9],
    ["a", "SO_ERROR"],
  ],
  "the peer closes": [
    ["b", "close"],
    ["a", "poll"],
    ["a", "names"],
    ["a", "recv", 5],
    ["a", "send", "x"],
    ["a", "send", "x"],
    ["a", "shutdown", SHUT_WR],
    ["a", "recv", 5],
    ["b", "send", "x"],
    ["b", "names"],
  ],
  "the peer closes behind what it has sent": [
    ["b", "send", "last words"],
    ["b", "close"],
    ["a", "recv", 4],
    ["a", "recv", 99],
    ["a", "recv", 99],
  ],
  "the peer closes with data unread": [
    ["a", "send", "hello"],
    ["b", "send", "back"],
    ["b", "close"],
    ["a", "recv", 9],
    ["a", "recv", 9],
    ["a", "recv", 9],
    ["a", "send", "x"],
  ],
  "the peer closes with a part unread": [
    ["a", "send", "hello"],
    ["b", "recv", 2],
    ["b", "close"],
    ["a", "recv", 9],
    ["a", "recv", 9],
  ],
  "the peer closes with data unread that poll() has seen": [
    ["a", "send", "hello"],
    ["b", "poll"],
    ["b", "close"],
    ["a", "recv", 9],
    ["a", "recv", 9],
  ],
  "SHUT_RD of the peer": [
    ["b", "shutdown", SHUT_RD],
    ["a", "poll"],
    ["a", "send", "x"],
    ["b", "send", "y"],
    ["a", "recv", 9],
  ],
  "SHUT_WR of the peer": [
    ["b", "send", "z"],
    ["b", "shutdown", SHUT_WR],
    ["a", "recv", 9],
    ["a", "send", "x"],
    ["b", "recv", 9],
    ["b", "send", "x"],
  ],
  "SHUT_RDWR of the peer": [
    ["b", "shutdown", SHUT_RDWR],
    ["a", "poll"],
    ["a", "send", "x"],
    ["b", "send", "x"],
  ],
  "an empty send": [
    ["a", "send", ""],
    ["b", "send", "x"],
    ["a", "recv", 9],
  ],
};

/** Those in which a stream has its end. */
const streamScenarios: Record<string, readonly Step[]> = {
  "end of the stream": [
    ["b", "shutdown", SHUT_WR],
    ["a", "poll"],
    ["a", "recv", 9],
    ["a", "recv", 9],
    ["a", "shutdown", SHUT_WR],
    ["a", "recv", 9],
    ["b", "recv", 9],
    ["a", "poll"],
    ["a", "shutdown", SHUT_WR],
  ],
  "a failed send before a reset": [
    ["a", "send", "hello"],
    ["b", "close"],
    ["a", "send", "x"],
    ["a", "recv", 9],
    ["a", "recv", 9],
  ],
  "its own SHUT_RD": [
    ["b", "send", "x"],
    ["a", "shutdown", SHUT_RD],
    ["a", "recv", 9],
    ["a", "recv", 9],
    ["b", "send", "x"],
  ],
  "sendto() another address": [["a", "sendto", "/nowhere"]],
};

const EVENTS = { POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP };

async function eventsOf(s: socket.Socket): Promise<string> {
  const poller = poll();
  poller.register(s, POLLIN | POLLOUT | POLLRDHUP);
  const [[, found] = [0, 0]] = await poller.poll(0);
  return Object.entries(EVENTS)
    .filter(([, bit]) => (found & bit) !== 0)
    .map(([name]) => name)
    .join("|");
}

async function call(
  s: socket.Socket<string>,
  name: string,
  argument: string | number = 0,
): Promise<unknown> {
  const data = bytes(String(argument));
  const text = (each: Uint8Array) => new TextDecoder().decode(each);
  switch (name) {
    case "names":
      return [s.getsockname(), s.getpeername()];
    case "poll":
      return await eventsOf(s);
    case "send":
      return await s.send(data);
    case "sendto":
      return await s.sendto(bytes("x"), String(argument));
    case "recv":
      return text(await s.recv(Number(argument)));
    case "recvfrom": {
      const [received, address] = await s.recvfrom(Number(argument));
      return [text(received), address];
    }
    case "recvmsg": {
      const [received, , flags] = await s.recvmsg(Number(argument));
      return [text(received), flags === socket.MSG_TRUNC];
    }
    case "SO_ERROR":
      return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
    case "shutdown":
      return await s.shutdown(Number(argument)) ?? null;
    case "close":
      return s.close() ?? null;
    default:
      throw new Error(`There is no step ${name}`);
  }
}

async function outcomes(
  type: number,
  steps: readonly Step[],
): Promise<string[]> {
  const [a, b] = await pair(type);
  a.settimeout(0.1);
  b.settimeout(0.1);
  const found: string[] = [];
  for (const [which, name, argument] of steps) {
    const s = which === "a" ? a : b;
    try {
      found.push(JSON.stringify(await within(call(s, name, argument))));
    } catch (error) {
      if (!(error instanceof socket.OSError)) throw error;
      found.push(error.code === "ETIMEDOUT" ? "timed out" : error.code);
    }
  }
  close(a, b);
  return found;
}

const PYTHON = `
import json, sys, errno, select
from socket import *
EVENTS = ["POLLIN", "POLLOUT", "POLLERR", "POLLHUP", "POLLRDHUP"]
def call(s, name, x):
    if name == "names": return [s.getsockname(), s.getpeername()]
    if name == "poll":
        p = select.poll()
        p.register(s, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
        found = (p.poll(0) or [(0, 0)])[0][1]
        return "|".join(e for e in EVENTS if found & getattr(select, e))
    if name == "send": return s.send(x.encode())
    if name == "sendto": return s.sendto(b"x", x)
    if name == "recv": return s.recv(x).decode()
    if name == "recvfrom":
        data, address = s.recvfrom(x)
        return [data.decode(), address]
    if name == "recvmsg":
        data, _, flags, _ = s.recvmsg(x)
        return [data.decode(), flags == MSG_TRUNC]
    if name == "SO_ERROR": return s.getsockopt(SOL_SOCKET, SO_ERROR)
    if x is None: return getattr(s, name)()
    return getattr(s, name)(x)
all = []
for type, steps in json.loads(sys.argv[1]):
    a, b = socketpair(AF_UNIX, type)
    # The kernel has its answer at once.
    a.settimeout(0.001)
    b.settimeout(0.001)
    found = []
    for which, name, *x in steps:
        try:
            value = call({"a": a, "b": b}[which], name, *x or [None])
            found.append(json.dumps(value, separators=(",", ":")))
        except timeout:
            found.append("timed out")
        except OSError as e:
            found.append(errno.errorcode[e.errno])
    all.append(found)
print(json.dumps(all))
`;

Deno.test({
  name: "socketpair() behaves as the kernel's pair does in CPython",
  ignore: python === null || Deno.build.os !== "linux",
  fn: async () => {
    const all: [string, number, readonly Step[]][] = [
      ...Object.entries({ ...scenarios, ...streamScenarios })
        .map(([name, steps]) => [name, SOCK_STREAM, steps] as const),
      ...Object.entries(scenarios)
        .map(([name, steps]) => [name, SOCK_DGRAM, steps] as const),
    ].map(([name, type, steps]) => [name, type, steps]);
    const input = JSON.stringify(all.map(([, type, steps]) => [type, steps]));
    const theirs: string[][] = JSON.parse(await runPython(PYTHON, [input]));
    assertEquals(theirs.length, all.length);
    // Together, since many of them wait for a timeout.
    const ours = await Promise.all(
      all.map(([, type, steps]) => outcomes(type, steps)),
    );
    const titled = (results: readonly string[][]) =>
      Object.fromEntries(all.map(([name, type], i) => [
        `${type === SOCK_STREAM ? "stream" : "datagrams"}: ${name}`,
        results[i],
      ]));
    assertEquals(titled(ours), titled(theirs));
  },
});

Deno.test("socketpair() accepts as much as the kernel's buffer, then send() waits for the peer", async () => {
  const [a, b] = await pair();
  assertEquals(await a.send(numbered(300_000)), BUFFER);
  let settled = false;
  const sending = a.sendall(numbered(1000, BUFFER)).then(() => {
    settled = true;
  });
  // Any number of turns of the event loop would do: nothing is read.
  for (let i = 0; i < 100; i++) await new Promise((done) => setImmediate(done));
  assertEquals(settled, false);
  const all = await within(b.recv(BUFFER + 1000, socket.MSG_WAITALL));
  assertSameBytes(all, numbered(BUFFER + 1000));
  await within(sending);
  close(a, b);
});

for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
  const name = type === SOCK_STREAM ? "streams" : "datagrams";

  Deno.test(`socketpair() of ${name} fails with EAGAIN when non-blocking and full, and loses nothing`, async () => {
    const [a, b] = await pair(type | socket.SOCK_NONBLOCK);
    assertEquals([a.gettimeout(), b.gettimeout(), a.type], [0, 0, type]);
    assertEquals(await codeOf(() => b.recv(1)), "EAGAIN");
    const piece = 10_000;
    let sent = 0;
    let code: string | undefined;
    while (code === undefined) {
      code = await codeOf(async () => {
        sent += await a.send(numbered(piece, sent));
      });
    }
    assertEquals(code, "EAGAIN");
    // The operation in flight counts as sent, so up to 64 KiB come on top.
    assert(sent >= BUFFER - piece && sent <= BUFFER + 65_536, String(sent));
    const [, writable] = await within(select([], [a], [], 0));
    assertEquals(writable.length, 0);
    const writableAgain = select([], [a], [], 10);
    for (let received = 0; received < sent;) {
      const data = await b.recv(piece);
      assertSameBytes(data, numbered(data.length, received));
      received += data.length;
    }
    assertEquals((await within(writableAgain))[1].length, 1);
    assertEquals(await codeOf(() => b.recv(1)), "EAGAIN");
    close(a, b);
  });

  Deno.test(`socketpair() of ${name} rejects a blocked send when the peer closes`, async () => {
    const [a, b] = await pair(type);
    const sending = (async () => {
      for (;;) await a.sendall(new Uint8Array(50_000));
    })();
    const full = async () => (await select([], [a], [], 0))[1].length === 0;
    while (!await full());
    b.close();
    assertEquals(
      await codeOf(() => sending),
      type === SOCK_STREAM ? "EPIPE" : "ECONNREFUSED",
    );
    a.close();
  });

  Deno.test(`socketpair() of ${name} rejects a blocked send on SHUT_RD of the peer`, async () => {
    const [a, b] = await pair(type);
    const sending = (async () => {
      for (;;) await a.sendall(new Uint8Array(50_000));
    })();
    const full = async () => (await select([], [a], [], 0))[1].length === 0;
    while (!await full());
    await b.shutdown(SHUT_RD);
    assertEquals(await codeOf(() => sending), "EPIPE");
    close(a, b);
  });

  Deno.test(`socketpair() of ${name} returns late data to the next call after a timeout and an abort`, async () => {
    const [a, b] = await pair(type);
    b.settimeout(0.001);
    await assertRejects(() => b.recv(5), socket.TimeoutError);
    b.settimeout(null);
    const controller = new AbortController();
    const aborted = b.recv(5, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await assertRejects(() => aborted, Error, "enough");
    await a.sendall(bytes("one"));
    await a.sendall(bytes("two"));
    assertEquals(await within(b.recv(3)), bytes("one"));
    assertEquals(await within(b.recv(3)), bytes("two"));
    close(a, b);
  });

  Deno.test(`socketpair() of ${name} rejects a pending receive with EBADF when its own end closes`, async () => {
    const [a, b] = await pair(type);
    const receiving = codeOf(() => b.recv(5));
    b.close();
    assertEquals(await receiving, "EBADF");
    a.close();
  });

  Deno.test(`socketpair() of ${name} lets timers run while two loops send and receive`, async () => {
    const [a, b] = await pair(type);
    let ticked = false;
    const timer = setTimeout(() => ticked = true, 0);
    const echo = (async () => {
      while (!ticked) await b.send(await b.recv(64));
    })();
    while (!ticked) {
      await a.send(new Uint8Array(64));
      await a.recv(64);
    }
    clearTimeout(timer);
    await a.send(new Uint8Array(1));
    await within(echo);
    close(a, b);
  });
}

Deno.test("socketpair() of streams delivers the bytes that were sent before a close", async () => {
  const [a, b] = await pair();
  a.settimeout(0.001);
  const data = crypto.getRandomValues(new Uint8Array(60_000));
  for (let i = 0; i < 3; i++) await a.sendall(data);
  // The fourth does not fit, and is in flight when its call times out.
  await a.sendall(data).catch(() => {});
  a.close();
  let total = 0;
  for (;;) {
    const chunk = await within(b.recv(60_000, socket.MSG_WAITALL));
    if (chunk.length === 0) break;
    assertSameBytes(chunk, data.slice(0, chunk.length));
    total += chunk.length;
  }
  assertEquals(total, 240_000);
  b.close();
});

Deno.test("socketpair() of streams carries 8 MB both ways at once", async () => {
  const [a, b] = await pair();
  const piece = numbered(1 << 20);
  const sum = async (s: socket.Socket, size: number) => {
    let total = 0;
    for (;;) {
      const data = await s.recv(size);
      if (data.length === 0) return total;
      for (let i = 0; i < data.length; i += 1009) {
        assertEquals(data[i], piece[(total + i) % piece.length]);
      }
      total += data.length;
    }
  };
  const send = async (s: socket.Socket) => {
    for (let i = 0; i < 8; i++) await s.sendall(piece);
    await s.shutdown(SHUT_WR);
  };
  const [one, other] = await within(
    Promise.all([sum(a, 65_536), sum(b, 3000), send(a), send(b)]),
    "both directions",
  );
  assertEquals([one, other], [8 << 20, 8 << 20]);
  close(a, b);
});

Deno.test("socketpair() of datagrams keeps them whole, up to the kernel's limit", async () => {
  const [a, b] = await pair(SOCK_DGRAM);
  const longest = new Uint8Array(BUFFER - 32).fill(3);
  assertEquals(await a.send(longest), longest.length);
  assertSameBytes(await within(b.recv(300_000)), longest);
  assertEquals(
    await codeOf(() => a.send(new Uint8Array(BUFFER - 31))),
    "EMSGSIZE",
  );
  for (const size of [0, 1, 70_000]) await a.send(new Uint8Array(size).fill(5));
  assertEquals((await within(b.recv(9))).length, 0);
  assertEquals(await within(b.recv(9)), new Uint8Array([5]));
  assertEquals(await within(b.recv(9)), new Uint8Array(9).fill(5));
  close(a, b);
});

Deno.test("socketpair() of datagrams limits empty ones, as the kernel does", async () => {
  const [a, b] = await pair(SOCK_DGRAM);
  a.setblocking(false);
  let sent = 0;
  while (await codeOf(() => a.send(new Uint8Array(0))) === undefined) sent++;
  // 278 in Linux, and the one in flight.
  assertEquals(sent, 279);
  for (; sent > 0; sent--) assertEquals((await within(b.recv(1))).length, 0);
  close(a, b);
});

Deno.test("socketpair() of datagrams sends to the other socket only", async () => {
  const [a, b] = await pair(SOCK_DGRAM);
  assertEquals(
    await codeOf(() => a.sendto(bytes("x"), "/nowhere")),
    "EOPNOTSUPP",
  );
  assertEquals(await codeOf(() => a.connect("/nowhere")), "EOPNOTSUPP");
  assertEquals(await codeOf(() => a.bind("/nowhere")), "EINVAL");
  assertEquals(await codeOf(() => a.listen()), "EOPNOTSUPP");
  close(a, b);
});

Deno.test("socketpair() shares a connection with dup(), makefile() and detach()", async () => {
  const [a, b] = await pair();
  const copy = a.dup();
  a.close();
  await using file = b.makefile("rw");
  await copy.sendall(bytes("line\n"));
  assertEquals(await within(file.readline()), "line\n");
  await file.write("answer\n");
  await file.flush();
  assertEquals(await within(copy.recv(99)), bytes("answer\n"));
  using again = socket.socket(AF_UNIX, SOCK_STREAM, 0, copy.detach());
  await again.sendall(bytes("x"));
  b.close();
  assertEquals(await within(file.read(1)), "x");
});

Deno.test("socketpair() fails for unsupported pairs, with the kernel's errors", async () => {
  const code = (...args: [socket.Family<string>, number?, number?]) =>
    codeOf(() => socket.socketpair(...args));
  assertEquals(await code(99 as typeof AF_UNIX), "EAFNOSUPPORT");
  assertEquals(await code(AF_UNIX, 99), "ESOCKTNOSUPPORT");
  assertEquals(await code(AF_UNIX, SOCK_STREAM, 6), "EPROTONOSUPPORT");
  assertEquals(
    await codeOf(() => socket.socketpair(socket.AF_INET, SOCK_DGRAM)),
    "EOPNOTSUPP",
  );
  await assertRejects(() => socket.socketpair("1" as never), TypeError);
});

Deno.test("socketpair() has the default timeout", async () => {
  socket.setdefaulttimeout(3);
  try {
    const [a, b] = await pair();
    assertEquals([a.gettimeout(), b.gettimeout()], [3, 3]);
    close(a, b);
  } finally {
    socket.setdefaulttimeout(null);
  }
});

/** Programs with a pair, `a` and `b`, and what they print. */
const processes: [name: string, code: string, prints: string][] = [
  ["ends when nothing waits", `await a.sendall(new Uint8Array(9));`, ""],
  [
    "goes on while a receive waits for its timeout",
    `b.settimeout(0.05); await b.recv(1).catch((e) => console.log(e.name));`,
    "TimeoutError\n",
  ],
  [
    "goes on while a send waits for its timeout",
    `a.settimeout(0.05);
     try { for (;;) await a.sendall(new Uint8Array(5e4)); }
     catch (e) { console.log(e.name); }
     b.close();`,
    "TimeoutError\n",
  ],
  ["ends beside an unreferenced receive", `b.unref(); b.recv(1);`, ""],
  [
    "ends beside a receive that has timed out",
    `b.settimeout(0.01); await b.recv(1).catch(() => {});`,
    "",
  ],
];

// One that kept the process would keep all of them; where a wait does not keep
// it, all that comes after is missing.
processTest(
  "socketpair() without a permission: the process goes on while a call waits, and then ends",
  () =>
    checkTogether(processes, async (some) => {
      const result = await runDeno({
        code: `
        import * as socket from "@pystd/socket";
        const { AF_UNIX, SOCK_DGRAM, SOCK_STREAM } = socket;
        // A module that awaits would keep the process alive itself.
        (async () => {
          for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
            ${
          some.map(([name, code]) =>
            `{
              const [a, b] = await socket.socketpair(AF_UNIX, type);
              ${code}
              console.log(${JSON.stringify(name)});
            }`
          ).join("\n")
        }
          }
        })();`,
      });
      const stdout = some.map(([name, , prints]) => `${prints}${name}\n`)
        .join("").repeat(2);
      assertEquals(result, { code: 0, stdout, stderr: "" });
    }),
);

Deno.test("socketpair() of datagrams has no peer once a send was refused, as in CPython", async () => {
  const [a, b] = await pair(SOCK_DGRAM);
  assertEquals(a.getpeername(), "");
  b.close();
  assertEquals(a.getpeername(), "");
  assertEquals(await codeOf(() => a.send(bytes("x"))), "ECONNREFUSED");
  assertEquals(await codeOf(() => a.getpeername()), "ENOTCONN");
  assertEquals(await codeOf(() => a.send(bytes("x"))), "ENOTCONN");
  a.close();
});
