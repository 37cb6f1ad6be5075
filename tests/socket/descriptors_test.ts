import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { codeOf, outcomeOf } from "../support/outcome.ts";
import { tcpPair, udpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array(1);

Deno.test("fileno() is the smallest free number from 3 up", () => {
  const sockets = Array.from({ length: 5 }, () => socket.socket());
  const numbers = sockets.map((s) => s.fileno());
  assertEquals(numbers, [3, 4, 5, 6, 7]);
  sockets[3]!.close();
  sockets[1]!.close();
  const [first, second, third] = [
    socket.socket(),
    socket.socket(),
    socket.socket(),
  ];
  assertEquals(
    [first, second, third].map((s) => s.fileno()),
    [numbers[1]!, numbers[3]!, numbers[4]! + 1],
  );
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

Deno.test("fileno() of duplicates and accepted sockets is their own", async () => {
  await using both = await tcpPair();
  await using copy = both.client.dup();
  using other = udpSocket();
  const numbers = [both.client, both.peer, copy, other].map((s) => s.fileno());
  assertEquals(new Set(numbers).size, 4);
  assert(Math.min(...numbers) >= 3);
});

Deno.test("a socket that cannot be made takes no number", () => {
  using before = socket.socket();
  assertThrows(() => socket.socket(99), socket.OSError);
  assertThrows(() => socket.socket(socket.AF_INET, 99), socket.OSError);
  assertThrows(() => socket.socket("2" as unknown as number), TypeError);
  using after = socket.socket();
  assertEquals(after.fileno(), before.fileno() + 1);
});

Deno.test("a number is free when the last file object on it has closed", async () => {
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
  using after = socket.socket();
  assertEquals(after.fileno(), number);
});

Deno.test("dup() shares the connection under a number of its own", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  await using copy = client.dup();
  assertNotEquals(copy.fileno(), client.fileno());
  assertEquals(copy.getsockname(), client.getsockname());
  assertEquals(copy.getpeername(), client.getpeername());
  await within(peer.sendall(new Uint8Array([1, 2, 3])));
  assertEquals(await within(client.recv(1)), new Uint8Array([1]));
  assertEquals(await within(copy.recv(1)), new Uint8Array([2]));
  assertEquals(await within(client.recv(1)), new Uint8Array([3]));
});

Deno.test("dup() has a timeout of its own, at first the same", () => {
  using s = socket.socket();
  s.settimeout(3);
  using copy = s.dup();
  assertEquals(copy.gettimeout(), 3);
  copy.setblocking(false);
  assertEquals([s.gettimeout(), copy.gettimeout()], [3, 0]);
});

Deno.test("dup() is of the subclass", () => {
  class Chatty extends socket.Socket<socket.InetAddress> {
    greet(): string {
      return "hello";
    }
  }
  using s = new Chatty();
  using copy = s.dup();
  assertInstanceOf(copy, Chatty);
  assertEquals(copy.greet(), "hello");
  assertNotEquals(copy.fileno(), s.fileno());
});

Deno.test("dup() shares what bind() and listen() do", async () => {
  using s = socket.socket();
  using copy = s.dup();
  copy.bind(["127.0.0.1", 0]);
  assertEquals(s.getsockname(), copy.getsockname());
  assertThrows(() => s.bind(["127.0.0.1", 0]), socket.OSError);
  s.listen();
  s.close();
  assertEquals(
    copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
    1,
  );
  await using client = socket.socket();
  await within(client.connect(copy.getsockname()));
});

Deno.test("a closed socket does not act on the next one with its number", async () => {
  const stale = socket.socket();
  const number = stale.fileno();
  const file = stale.makefile("rb");
  await within(file.close());
  stale.close();
  await using next = socket.socket();
  assertEquals(next.fileno(), number);
  next.bind(["127.0.0.1", 0]);
  stale.close();
  assertThrows(() => stale.getsockname(), socket.OSError);
  assert(next.getsockname()[1] > 0);
});

Deno.test("close(fd) closes a descriptor under its socket", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const receiving = client.recv(1);
  const codes = codeOf(() => receiving);
  socket.close(client.fileno());
  assertEquals(await codes, "EBADF");
  assertEquals(client.fileno(), -1);
  assertEquals(await codeOf(() => client.send(one)), "EBADF");
  assertEquals(await codeOf(() => client.getpeername()), "EBADF");
  assertEquals(await within(peer.recv(1)), new Uint8Array(0));
  assertEquals(await codeOf(() => client.close()), "EBADF");
});

Deno.test("close(fd) of a number that is not open is EBADF", async () => {
  for (const number of [0, 1, 2, 12345, -1]) {
    const error = assertThrows(() => socket.close(number));
    const code = (error as { code?: string }).code;
    assert(code === "EBADF" || error instanceof RangeError, String(number));
  }
  const s = socket.socket();
  const number = s.fileno();
  s.close();
  assertEquals(await codeOf(() => socket.close(number)), "EBADF");
});

Deno.test("detach() gives up the descriptor, which goes on", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const number = client.fileno();
  assertEquals(client.detach(), number);
  assertEquals(client.detach(), -1);
  assertEquals(client.fileno(), -1);
  await assertRejects(() => within(client.recv(1)), socket.OSError);

  await using again = socket.socket(
    socket.AF_INET,
    socket.SOCK_STREAM,
    0,
    number,
  );
  assertEquals(again.fileno(), number);
  await within(again.sendall(one));
  assertEquals(await within(peer.recv(1)), one);
});

Deno.test("fromfd() duplicates a descriptor", async () => {
  await using both = await tcpPair();
  const { client, peer } = both;
  const copy = socket.fromfd(
    client.fileno(),
    socket.AF_INET,
    socket.SOCK_STREAM,
  );
  assertNotEquals(copy.fileno(), client.fileno());
  client.close();
  await within(copy.sendall(one));
  assertEquals(await within(peer.recv(1)), one);
  copy.close();
  assertEquals(await within(peer.recv(1)), new Uint8Array(0));
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
  name: `descriptors are as python3's${
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
