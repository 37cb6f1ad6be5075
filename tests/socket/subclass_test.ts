import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { encode } from "../support/bytes.ts";
import { nextDescriptor } from "../support/descriptor.ts";
import { codeOf } from "../support/outcome.ts";
import { udpSocket } from "../support/pair.ts";
import { nextText } from "../support/udp.ts";
import { within } from "../support/within.ts";

/** As a ported Python program writes it: with state and methods of its own. */
class Counting extends socket.Socket<socket.InetAddress> {
  sent = 0;

  override async sendall(data: Uint8Array): Promise<void> {
    await super.sendall(data);
    this.sent += data.length;
  }
}

/** A constructor of another shape, which Python could not duplicate either. */
class Named extends socket.Socket<socket.InetAddress> {
  readonly label: string;

  constructor(label: string) {
    super(socket.AF_INET, socket.SOCK_STREAM);
    this.label = label;
  }
}

/** A server on loopback of any class. */
function listening<S extends socket.Socket<socket.InetAddress>>(s: S): S {
  s.bind(["127.0.0.1", 0]);
  s.listen();
  return s;
}

Deno.test("new Socket() creates an IPv4 stream socket, as socket() does", () => {
  using s = new socket.Socket();
  assertEquals([s.family, s.type, s.proto], [
    socket.AF_INET,
    socket.SOCK_STREAM,
    0,
  ]);
  assertStrictEquals<unknown>(socket.SocketType, socket.Socket);
  using made = socket.socket();
  assertStrictEquals<unknown>(made.constructor, socket.Socket);
});

Deno.test("a subclass of Socket has the members of Socket and its own", async () => {
  using server = listening(new Counting());
  using client = new Counting();
  await client.connect(server.getsockname());
  using conn = (await within(server.accept()))[0];
  await client.sendall(encode("hello"));
  assertEquals(await nextText(conn), "hello");
  assertEquals(client.sent, 5);
  assertInstanceOf(client, socket.Socket);
});

Deno.test("accept() of a subclass returns a plain Socket", async () => {
  using server = listening(new Counting());
  using client = new Counting();
  await client.connect(server.getsockname());
  using conn = (await within(server.accept()))[0];
  assertStrictEquals<unknown>(conn.constructor, socket.Socket);
});

Deno.test("dup() of a subclass creates an instance of the subclass", async () => {
  using server = listening(new Counting());
  using client = new Counting();
  client.sent = 100;
  client.settimeout(7);
  await client.connect(server.getsockname());
  using copy: Counting = client.dup();
  assertStrictEquals(copy.constructor, Counting);
  assertEquals([copy.sent, copy.gettimeout()], [0, 7]);
  using conn = (await within(server.accept()))[0];
  await copy.sendall(encode("hello"));
  assertEquals(await nextText(conn), "hello");
  assertEquals([client.sent, copy.sent], [100, 5]);
});

Deno.test("dup() of a subclass whose constructor takes no fileno fails with a TypeError", () => {
  using s = new Named("a");
  const next = nextDescriptor();
  const error = assertThrows(() => s.dup(), TypeError);
  assert(error.message.includes("Named"), error.message);
  // Nothing is left open.
  assertEquals(nextDescriptor(), next);
});

Deno.test("dup() leaves nothing open when the constructor throws", () => {
  let broken = false;
  class Broken extends Counting {
    constructor(...args: ConstructorParameters<typeof Counting>) {
      super(...args);
      if (broken) throw new Error("on purpose");
    }
  }
  using s = new Broken();
  broken = true;
  const next = nextDescriptor();
  assertThrows(() => s.dup(), Error, "on purpose");
  assertEquals(nextDescriptor(), next);
});

Deno.test("dup() leaves nothing open when the close() of a copy that it refuses throws", () => {
  class Loud extends Named {
    override close(): void {
      super.close();
      throw new Error("closed");
    }
  }
  const s = new Loud("x");
  const free = nextDescriptor();
  assertThrows(() => s.dup(), Error, "closed");
  assertEquals(nextDescriptor(), free);
  assertThrows(() => s.close(), Error, "closed");
});

Deno.test("a subclass prints with its own name", () => {
  using s = new Counting();
  assertEquals(
    String(s),
    `<Counting fd=${s.fileno()}, family=${socket.AF_INET}, ` +
      `type=${socket.SOCK_STREAM}, proto=0, laddr=('0.0.0.0', 0)>`,
  );
});

Deno.test("Socket with fileno is a second object on one descriptor", async () => {
  const s = udpSocket();
  const same = socket.socket(-1, -1, -1, s.fileno());
  assertEquals(same.fileno(), s.fileno());
  assertEquals([same.family, same.type], [socket.AF_INET, socket.SOCK_DGRAM]);
  assertEquals(same.getsockname(), s.getsockname());
  same.close();
  assertEquals(await codeOf(() => s.getsockname()), "EBADF");
  assertEquals(s.fileno(), -1);
  assertEquals(await codeOf(() => s.close()), "EBADF");
});

Deno.test("Socket with fileno takes a detached descriptor over", async () => {
  using sender = udpSocket();
  const s = udpSocket();
  const address = s.getsockname();
  const fileno = s.detach();
  assertEquals(s.fileno(), -1);
  using again = new Counting(socket.AF_INET, socket.SOCK_DGRAM, 0, fileno);
  assertEquals(again.fileno(), fileno);
  await sender.sendto(encode("hello"), address);
  assertEquals(await nextText(again), "hello");
});

Deno.test("Socket with fileno has the default timeout, not that of the other object", () => {
  using s = socket.socket();
  s.settimeout(4);
  socket.setdefaulttimeout(2);
  try {
    const same = socket.socket(
      socket.AF_INET,
      socket.SOCK_STREAM,
      0,
      s.fileno(),
    );
    assertEquals(same.gettimeout(), 2);
  } finally {
    socket.setdefaulttimeout(null);
  }
});

Deno.test("Socket with a fileno that is not open fails with EBADF, with a negative one with RangeError", async () => {
  const make = (fileno: number) => () =>
    new socket.Socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno);
  assertEquals(await codeOf(make(9999)), "EBADF");
  assertEquals(await codeOf(make(0)), "EBADF");
  assertThrows(make(-1), RangeError, "received -1");
  assertThrows(make(1.5), TypeError, "received 1.5");
});

Deno.test("type may carry SOCK_NONBLOCK and SOCK_CLOEXEC, and reads back without", () => {
  const { SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_DGRAM } = socket;
  if (SOCK_NONBLOCK === undefined || SOCK_CLOEXEC === undefined) return;
  using s = socket.socket(
    socket.AF_INET,
    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
  );
  assertEquals([s.type, s.gettimeout()], [SOCK_DGRAM, 0]);
  assertNotEquals(s.getblocking(), true);
});
