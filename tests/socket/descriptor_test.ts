import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { openAt } from "../support/descriptor.ts";
import { codeOf, outcomeOf } from "../support/outcome.ts";
import { tcpPair, udpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array([1]);

/** The numbers from 3 up to `last` that no socket has. */
function freeUpTo(last: number): number[] {
  const free: number[] = [];
  for (let fd = 3; fd <= last; fd++) {
    try {
      socket.close(socket.dup(fd));
    } catch (error) {
      assert(error instanceof socket.OSError && error.code === "EBADF");
      free.push(fd);
    }
  }
  return free;
}

Deno.test("fileno() is the smallest free number from 3 up", () => {
  const sockets = Array.from({ length: 5 }, () => socket.socket());
  const numbers = sockets.map((s) => s.fileno());
  assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  assert(numbers[0]! >= 3);
  // Another test may have left a socket to the garbage collector.
  assertEquals(freeUpTo(numbers[4]!), []);
  sockets[3]!.close();
  sockets[1]!.close();
  assertEquals(freeUpTo(numbers[4]!), [numbers[1], numbers[3]]);
  const [first, second, third] = [
    socket.socket(),
    socket.socket(),
    socket.socket(),
  ];
  assertEquals(
    [first.fileno(), second.fileno()],
    [numbers[1]!, numbers[3]!],
  );
  assert(third.fileno() > numbers[4]!);
  assertEquals(freeUpTo(third.fileno()), []);
  for (const s of [...sockets, first, second, third]) s.close();
});

Deno.test("fileno() is -1 after close(), and the number free at once", () => {
  const s = socket.socket();
  const number = s.fileno();
  s.close();
  assertEquals(s.fileno(), -1);
  using next = socket.socket();
  assertEquals(next.fileno(), number);
  s.close();
  assertEquals(next.fileno(), number);
});

Deno.test("fileno() of duplicates and accepted sockets is a number of their own", async () => {
  await using both = await tcpPair();
  await using copy = both.client.dup();
  using other = udpSocket();
  const numbers = [both.client, both.peer, copy, other].map((s) => s.fileno());
  assertEquals(new Set(numbers).size, 4);
  assert(Math.min(...numbers) >= 3);
});

Deno.test("a socket that cannot be created takes no number", () => {
  const before = socket.socket();
  const number = before.fileno();
  before.close();
  assertThrows(() => socket.socket(99), socket.OSError);
  assertThrows(() => socket.socket(socket.AF_INET, 99), socket.OSError);
  assertThrows(() => socket.socket("2" as unknown as number), TypeError);
  using after = socket.socket();
  assertEquals(after.fileno(), number);
});

Deno.test("a descriptor is free when its last file object has closed", async () => {
  await using both = await tcpPair();
  const { client } = both;
  const number = client.fileno();
  const file = client.makefile("rb");
  client.close();
  assertEquals(client.fileno(), -1);
  assertEquals(file.fileno(), number);
  using meanwhile = socket.socket();
  assertNotEquals(meanwhile.fileno(), number);
  await within(file.close());
  using stack = new DisposableStack();
  openAt(number, () => socket.socket(), stack);
});

Deno.test("a closed socket does not act on the next one with its number", async () => {
  const stale = socket.socket();
  const number = stale.fileno();
  const file = stale.makefile("rb");
  await within(file.close());
  stale.close();
  using stack = new DisposableStack();
  const next = openAt(number, () => socket.socket(), stack);
  next.bind(["127.0.0.1", 0]);
  stale.close();
  assertThrows(() => stale.getsockname(), socket.OSError);
  assert(next.getsockname()[1] > 0);
});

Deno.test("detach() closes the object and leaves the connection open", async () => {
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

Deno.test("detach() rejects the pending calls of the object", async () => {
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

Deno.test("fromfd() and dup() return another number for the same connection", async () => {
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
  last.close();
  assertEquals(await within(pair.peer.recv(1)), new Uint8Array(0));
});

Deno.test("close(fd) makes every method of its socket fail with EBADF, pending calls too", async () => {
  await using pair = await tcpPair();
  const waiting = assertRejects(() => pair.client.recv(1), socket.OSError);
  socket.close(pair.client.fileno());
  assertEquals((await within(waiting)).code, "EBADF");
  assertEquals(pair.client.fileno(), -1);
  assertThrows(() => pair.client.getsockname(), socket.OSError, "Bad file");
  assertEquals(await codeOf(() => pair.client.send(one)), "EBADF");
  assertEquals(await within(pair.peer.recv(1)), new Uint8Array(0));
  assertEquals(await codeOf(() => pair.client.close()), "EBADF");
});

Deno.test("close(fd) rejects its pending calls, and leaves later bytes to a duplicate", async () => {
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

Deno.test("close(), dup() and fromfd() fail for anything but an open descriptor", () => {
  const closed = socket.socket().detach();
  socket.close(closed);
  const calls = [
    (fd: number) => socket.close(fd),
    (fd: number) => socket.dup(fd),
    (fd: number) => socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM),
  ];
  for (const call of calls) {
    for (const fd of [-1, 0, 1, 2, closed, 987_654]) {
      assertEquals(assertThrows(() => call(fd), socket.OSError).code, "EBADF");
    }
    assertThrows(() => call("3" as never), TypeError);
  }
  const { AF_INET, SOCK_STREAM } = socket;
  assertThrows(() => socket.socket(AF_INET, SOCK_STREAM, 0, -1), RangeError);
});

Deno.test("get_inheritable() returns false, and set_inheritable(true) fails with EOPNOTSUPP", () => {
  using s = socket.socket();
  assertEquals(s.get_inheritable(), false);
  s.set_inheritable(false);
  const error = assertThrows(() => s.set_inheritable(true), socket.OSError);
  assertEquals(error.code, "EOPNOTSUPP");
});

const closing = [
  [
    "s = socket(); n = s.fileno(); s.close(); t = socket(); t.fileno() == n",
    () => {
      const s = socket.socket();
      const number = s.fileno();
      s.close();
      using t = socket.socket();
      return t.fileno() === number;
    },
  ],
  ["s = socket(); s.close(); s.close(); s.fileno()", () => {
    const s = socket.socket();
    s.close();
    s.close();
    return s.fileno();
  }],
  ["s = socket(); s.detach(); s.fileno()", () => {
    const s = socket.socket();
    const number = s.detach();
    socket.close(number);
    return s.fileno();
  }],
  [
    "s = socket(); n = s.detach(); s.close(); t = socket(); t.fileno() == n",
    () => {
      const s = socket.socket();
      const number = s.detach();
      s.close();
      using t = socket.socket();
      socket.close(number);
      return t.fileno() === number;
    },
  ],
  [
    "s = socket(); f = s.makefile('rb'); s.close(); f.fileno() == s.fileno()",
    async () => {
      const s = socket.socket();
      const file = s.makefile("rb");
      s.close();
      const same = file.fileno() === s.fileno();
      await file.close();
      return same;
    },
  ],
] as const;
Deno.test({
  name: `descriptors have the numbers of python3${
    python === null ? " (skipped: no python3)" : ""
  }`,
  ignore: python === null,
  fn: async () => {
    const theirs = await pythonOutcomes(closing.map(([each]) => each));
    for (const [i, [program, ours]] of closing.entries()) {
      // After close() a socket is -1 here even while a file object holds it.
      if (program.includes("makefile")) {
        assertEquals([await outcomeOf(ours), theirs[i]], ["false", "true"]);
      } else assertEquals(await outcomeOf(ours), theirs[i], program);
    }
  },
});
