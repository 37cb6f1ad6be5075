import { assertEquals, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair, type TcpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array(1);

/** A value of a wrong type. */
function wrong<T>(value: unknown): T {
  return value as T;
}

interface Row {
  call: (s: TcpSocket) => unknown;
  theirs: string;
  error: "TypeError" | "RangeError";
}

const rows: readonly Row[] = [
  { call: (s) => s.recv(-1), theirs: "recv(-1)", error: "RangeError" },
  { call: (s) => s.recv(1.5), theirs: "recv(1.5)", error: "TypeError" },
  { call: (s) => s.recv(wrong("1")), theirs: "recv('1')", error: "TypeError" },
  {
    call: (s) => s.recv(wrong(null)),
    theirs: "recv(None)",
    error: "TypeError",
  },
  { call: (s) => s.recvfrom(-1), theirs: "recvfrom(-1)", error: "RangeError" },
  {
    call: (s) => s.recv_into(wrong("buffer")),
    theirs: "recv_into('buffer')",
    error: "TypeError",
  },
  {
    call: (s) => s.recv_into(one, 2),
    theirs: "recv_into(bytearray(1), 2)",
    error: "RangeError",
  },
  {
    call: (s) => s.recv_into(one, -1),
    theirs: "recv_into(bytearray(1), -1)",
    error: "RangeError",
  },
  {
    call: (s) => s.recvfrom_into(one, 2),
    theirs: "recvfrom_into(bytearray(1), 2)",
    error: "RangeError",
  },
  { call: (s) => s.send(wrong("x")), theirs: "send('x')", error: "TypeError" },
  { call: (s) => s.send(wrong(1)), theirs: "send(1)", error: "TypeError" },
  {
    call: (s) => s.sendall(wrong("x")),
    theirs: "sendall('x')",
    error: "TypeError",
  },
  {
    call: (s) => s.sendto(wrong("x"), ["127.0.0.1", 9]),
    theirs: "sendto('x', ('127.0.0.1', 9))",
    error: "TypeError",
  },
  {
    call: (s) => s.sendto(one, ["127.0.0.1", 80_000]),
    theirs: "sendto(b'x', ('127.0.0.1', 80000))",
    error: "RangeError",
  },
  {
    call: (s) => s.connect(wrong("127.0.0.1")),
    theirs: "connect('127.0.0.1')",
    error: "TypeError",
  },
  {
    call: (s) => s.connect(["127.0.0.1", -1]),
    theirs: "connect(('127.0.0.1', -1))",
    error: "RangeError",
  },
  {
    call: (s) => s.connect_ex(["127.0.0.1", 65_536]),
    theirs: "connect_ex(('127.0.0.1', 65536))",
    error: "RangeError",
  },
  {
    call: (s) => s.bind(["127.0.0.1", wrong("80")]),
    theirs: "bind(('127.0.0.1', '80'))",
    error: "TypeError",
  },
  {
    call: (s) => s.listen(wrong("5")),
    theirs: "listen('5')",
    error: "TypeError",
  },
  {
    call: (s) => s.shutdown(wrong("2")),
    theirs: "shutdown('2')",
    error: "TypeError",
  },
  {
    call: (s) => s.settimeout(-1),
    theirs: "settimeout(-1)",
    error: "RangeError",
  },
  {
    call: (s) => s.settimeout(wrong("1")),
    theirs: "settimeout('1')",
    error: "TypeError",
  },
];

/** The states that would be an error too. */
const states: Readonly<
  Record<string, (use: (s: TcpSocket) => Promise<void>) => Promise<void>>
> = {
  async unconnected(use) {
    using s = socket.socket();
    await use(s);
  },
  async closed(use) {
    const s = socket.socket();
    s.close();
    await use(s);
  },
  async connected(use) {
    await using both = await tcpPair();
    await use(both.client);
  },
};

async function errorName(call: () => unknown): Promise<string> {
  try {
    await within(Promise.resolve(call()));
  } catch (error) {
    return (error as Error).name;
  }
  return "none";
}

for (const { call, theirs, error } of rows) {
  Deno.test(`${theirs} fails with a ${error}, whatever the state`, async () => {
    for (const [state, withState] of Object.entries(states)) {
      await withState(async (s) =>
        assertEquals(await errorName(() => call(s)), error, state)
      );
    }
  });
}

Deno.test({
  name: `wrong arguments fail with python3's class of error${
    python === null ? " (skipped: no python3)" : ""
  }`,
  ignore: python === null,
  fn: async () => {
    const outcomes = await pythonOutcomes(
      rows.map(({ theirs }) => `socket().${theirs}`),
    );
    const kinds: Record<string, string> = {
      ValueError: "RangeError",
      OverflowError: "RangeError",
      BufferError: "RangeError",
    };
    for (const [i, { theirs, error }] of rows.entries()) {
      const [name = ""] = outcomes[i]!.split(":");
      assertEquals(kinds[name] ?? name, error, theirs);
    }
  },
});

Deno.test("waiting methods reject, and do not throw", async () => {
  const s = socket.socket();
  s.close();
  const calls = rows.filter(({ theirs }) =>
    /^(recv|send|connect|shutdown)/.test(theirs)
  );
  for (const { call, theirs } of calls) {
    const result = call(s);
    assertEquals(result instanceof Promise, true, theirs);
    await (result as Promise<unknown>).catch(() => {});
  }
});

Deno.test("the other methods throw, and return no promise", () => {
  using s = socket.socket();
  for (const { call, theirs, error } of rows) {
    if (!/^(bind|listen|settimeout)/.test(theirs)) continue;
    const thrown = assertThrows(() => call(s));
    assertEquals((thrown as Error).name, error, theirs);
  }
});
