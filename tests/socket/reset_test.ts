import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import { outcomeOf } from "../support/outcome.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { PythonPeer } from "../support/python_peer.ts";
import { within } from "../support/within.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** A connection whose other end is CPython's, for `await using`. */
interface Connection extends AsyncDisposable {
  readonly s: TcpSocket;
  /** Lets the other end do something, and waits until it has. */
  peer(code: string): Promise<void>;
}

/**
 * The other end's program. It is started when this module is loaded, so that it
 * belongs to no test, and ends with the process, which closes its input.
 */
const program = python === null ? null : new PythonPeer();

async function connected(): Promise<Connection> {
  await using server = listener();
  const [, port] = server.getsockname();
  await program!.run(`p = create_connection(("127.0.0.1", ${port}))`);
  const [s] = await within(server.accept());
  return {
    s,
    async peer(code) {
      await program!.run(code);
    },
    async [Symbol.asyncDispose]() {
      // Together: one end's unsent bytes may wait for the other to close.
      await Promise.allSettled([
        s[Symbol.asyncDispose](),
        program!.run("p.close()"),
      ]);
    },
  };
}

const reset = "ConnectionResetError: " +
  `[Errno ${errno.ECONNRESET}] Connection reset by peer`;
const broken = `BrokenPipeError: [Errno ${errno.EPIPE}] Broken pipe`;

function oneOf(...expected: string[]) {
  return (actual: string) =>
    assert(expected.includes(actual), `${actual} is not in ${expected}`);
}

const suffix = python === null ? " (skipped: no python3)" : "";
function test(name: string, fn: (c: Connection) => Promise<void>): void {
  Deno.test({
    name: name + suffix,
    ignore: python === null,
    fn: async () => {
      await using connection = await connected();
      await fn(connection);
    },
  });
}

test("a reset rejects a pending recv(), once", async ({ s, peer }) => {
  const receiving = outcomeOf(() => s.recv(10));
  const next = outcomeOf(async () => text(await s.recv(10)));
  await peer("reset(p)");
  assertEquals(await receiving, reset);
  // As in Python the error is told once; from then on it is the end.
  assertEquals(await next, '""');
  assertEquals(await outcomeOf(async () => text(await s.recv(10))), '""');
  assertEquals(await outcomeOf(() => s.send(bytes("x"))), broken);
});

test("a reset is reported after the data before it", async ({ s, peer }) => {
  await peer("p.sendall(b'hello')");
  assertEquals(text(await within(s.recv(3))), "hel");
  await peer("p.sendall(b' world')");
  assertEquals(text(await within(s.recv(1, socket.MSG_PEEK))), "l");
  await peer("reset(p)");
  let received = "";
  let outcome: string;
  do {
    outcome = await outcomeOf(async () => {
      received += text(await s.recv(3));
    });
  } while (outcome === "null" && received.length < 100);
  assertEquals([received, outcome], ["lo world", reset]);
});

test("a reset makes MSG_WAITALL return the part that has arrived", async ({ s, peer }) => {
  const receiving = s.recv(10, socket.MSG_WAITALL);
  await peer("p.sendall(b'hello')");
  assertEquals(text(await within(s.recv(0))), "");
  await peer("reset(p)");
  assertEquals(text(await within(receiving)), "hello");
  assertEquals(await outcomeOf(() => s.recv(10)), reset);
});

test("a reset rejects a pending recv_into()", async ({ s, peer }) => {
  const receiving = outcomeOf(() => s.recv_into(new Uint8Array(10)));
  await peer("reset(p)");
  assertEquals(await receiving, reset);
});

test("a reset rejects a pending readline()", async ({ s, peer }) => {
  const file = s.makefile("rb");
  const reading = outcomeOf(() => file.readline());
  await peer("p.sendall(b'no end of line')");
  await peer("reset(p)");
  assertEquals(await reading, reset);
  await within(file.close());
});

test("a reset rejects the next send(), and later ones fail with EPIPE", async ({ s, peer }) => {
  await peer("reset(p)");
  assertEquals(await outcomeOf(() => s.send(bytes("x"))), reset);
  assertEquals(await outcomeOf(() => s.send(bytes("x"))), broken);
  assertEquals(await outcomeOf(() => s.sendall(bytes("x"))), broken);
});

test("a reset rejects a pending sendall()", async ({ s, peer }) => {
  const sending = outcomeOf(() => s.sendall(new Uint8Array(20_000_000)));
  const behind = outcomeOf(() => s.sendall(bytes("x")));
  await peer("reset(p)");
  oneOf(reset, broken)(await sending);
  oneOf(reset, broken)(await behind);
});

test("a reset rejects a concurrent recv() and sendall()", async ({ s, peer }) => {
  const receiving = outcomeOf(async () => text(await s.recv(10)));
  const sending = outcomeOf(() => s.sendall(new Uint8Array(20_000_000)));
  await peer("reset(p)");
  oneOf(reset, '""')(await receiving);
  oneOf(reset, broken)(await sending);
});

test("a reset while no call waits is reported by the next call", async ({ s, peer }) => {
  await peer("reset(p)");
  assertEquals(await outcomeOf(() => s.recv(10)), reset);
  assertEquals(await outcomeOf(async () => text(await s.recv(10))), '""');
});

test("SO_ERROR reports that committed bytes were lost", async ({ s, peer }) => {
  s.settimeout(0.01);
  const outcome = await outcomeOf(async () => {
    for (;;) await s.send(new Uint8Array(50_000));
  });
  assertEquals(outcome, "TimeoutError: timed out");
  await peer("reset(p)");
  const error = () => s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
  let found = 0;
  await within((async () => {
    while ((found = error()) === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })());
  assert(found === errno.ECONNRESET || found === errno.EPIPE);
  assertEquals(error(), 0);
  oneOf(reset, broken)(await outcomeOf(() => s.send(bytes("x"))));
});

test("the next send() reports that committed bytes were lost", async ({ s, peer }) => {
  s.settimeout(0.01);
  const outcome = await outcomeOf(async () => {
    for (;;) await s.send(new Uint8Array(50_000));
  });
  assertEquals(outcome, "TimeoutError: timed out");
  s.settimeout(60);
  const waiting = outcomeOf(() => s.send(bytes("x")));
  await peer("reset(p)");
  oneOf(reset, broken)(await waiting);
});

test("a peer that closes with unread data resets", async ({ s, peer }) => {
  await within(s.sendall(bytes("unread")));
  const receiving = outcomeOf(() => s.recv(10));
  await peer("p.recv(1); p.close()");
  assertEquals(await receiving, reset);
});

test("the second send() after the peer has closed fails", async ({ s, peer }) => {
  await peer("p.close()");
  assertEquals(text(await within(s.recv(10))), "");
  assertEquals(await within(s.send(bytes("x"))), 1);
  let outcome: string;
  do {
    outcome = await outcomeOf(() => s.send(bytes("x")));
  } while (outcome === "1");
  oneOf(reset, broken)(outcome);
});

Deno.test("sends of a bound socket go on failing with EPIPE after the peer has closed", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  using s = await socket.create_connection(server.getsockname(), 60, [
    "127.0.0.1",
    0,
  ]);
  (await server.accept())[0].close();
  assertEquals(text(await s.recv(10)), "");
  const send = () => outcomeOf(() => s.send(bytes("x")));
  let outcome: string;
  do outcome = await send(); while (outcome === "1");
  assertEquals([outcome, await send(), await send()], [broken, broken, broken]);
  const error = await assertRejects(
    () => within(s.shutdown(socket.SHUT_WR)),
    socket.OSError,
  );
  assertEquals(error.code, "ENOTCONN");
});

test("shutdown() after a reset fails with ENOTCONN", async ({ s, peer }) => {
  await peer("reset(p)");
  assertEquals(await outcomeOf(() => s.recv(10)), reset);
  const error = await assertRejects(
    () => within(s.shutdown(socket.SHUT_WR)),
    socket.OSError,
  );
  assertEquals(error.code, "ENOTCONN");
  assertEquals(await outcomeOf(() => s.send(bytes("x"))), broken);
});

test("connect() after a reset fails with EISCONN", async ({ s, peer }) => {
  await peer("reset(p)");
  assertEquals(await outcomeOf(() => s.recv(10)), reset);
  const code = await within(s.connect_ex(["127.0.0.1", 1]));
  assertEquals(code, errno.EISCONN);
});

test("close() after a reset does not fail", async ({ s, peer }) => {
  await peer("reset(p)");
  assertEquals(await outcomeOf(() => s.recv(10)), reset);
  await within(s[Symbol.asyncDispose]());
});

/** The same calls on both sides; a peer that has reset is the same for both. */
const sequences: readonly (readonly ("recv" | "send")[])[] = [
  ["recv", "recv", "send", "send", "recv"],
  ["send", "send", "recv", "recv"],
  ["send", "recv", "send"],
  ["recv", "send", "recv"],
];
const linux = Deno.build.os === "linux";
Deno.test({
  name: `calls after a reset end as in python3${
    linux ? suffix : " (skipped: not Linux)"
  }`,
  ignore: python === null || !linux,
  fn: async () => {
    const calls = { recv: "c.recv(10)", send: "c.send(b'x')" };
    const theirs = await pythonOutcomes(
      sequences.map((each) =>
        `[attempt(lambda: ${
          each.map((name) => calls[name]).join("), attempt(lambda: ")
        })]`
      ),
      `
s = socket(); s.bind(("127.0.0.1", 0)); s.listen()
c = socket(); c.connect(s.getsockname()); p, _ = s.accept()
p.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0)); p.close()
def attempt(call):
    try:
        value = call()
        return value if isinstance(value, int) else value.decode()
    except OSError as error:
        return f"{type(error).__name__}: {error}"
`,
    );
    for (const [i, sequence] of sequences.entries()) {
      await using connection = await connected();
      const { s, peer } = connection;
      await peer("reset(p)");
      const ours: unknown[] = [];
      for (const name of sequence) {
        const outcome = await outcomeOf(async () =>
          name === "recv" ? text(await s.recv(10)) : await s.send(bytes("x"))
        );
        ours.push(/^\w+Error/.test(outcome) ? outcome : JSON.parse(outcome));
      }
      assertEquals(JSON.stringify(ours), theirs[i], sequence.join());
    }
  },
});
