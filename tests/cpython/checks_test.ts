import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { encode } from "../support/bytes.ts";
import { codeOf, outcomeOf } from "../support/outcome.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

/** The sockets of one program: `c` was accepted from `p`, and `s` is new. */
interface Sockets {
  s: TcpSocket;
  l: TcpSocket;
  c: TcpSocket;
  p: TcpSocket;
  /** Datagram sockets; `u` is bound. */
  u: TcpSocket;
  six: socket.Socket;
  unix: socket.Socket;
}

const setup = `
s = socket()
l = create_server(("127.0.0.1", 0))
p = create_connection(l.getsockname())
c, _ = l.accept()
c.settimeout(0.1)
u = socket(AF_INET, SOCK_DGRAM)
u.bind(("127.0.0.1", 0))
six = socket(AF_INET6, SOCK_DGRAM)
six.bind(("::1", 0))
unix, other = socketpair(AF_UNIX, SOCK_DGRAM)
def reset():
    p.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    p.close()
    try:
        c.recv(1)
    except ConnectionResetError:
        pass
def reset_send():
    p.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    p.close()
    try:
        while True:
            c.send(b"x")
    except ConnectionError:
        pass
def shut(s):
    s.connect(s.getsockname())
    s.shutdown(SHUT_WR)
`;

const nothing = new Uint8Array(0);

/** Resets the connection, and lets `c` receive the error. */
async function reset({ c, p }: Sockets): Promise<void> {
  await p.writable.abort();
  // A child that is starting may have a copy of `p` for some milliseconds.
  c.settimeout(60);
  assertEquals(await codeOf(() => c.recv(1)), "ECONNRESET");
  c.settimeout(0.1);
}

/** Resets the connection, and lets a send of `c` receive the error. */
async function resetSend({ c, p }: Sockets): Promise<void> {
  await p.writable.abort();
  const x = encode("x");
  const code = await codeOf(async () => {
    while (true) await c.send(x);
  });
  assertEquals(code === "ECONNRESET" || code === "EPIPE", true, code);
}

/** Shuts a datagram socket that is connected to itself. */
async function shut<A extends socket.Address>(
  s: socket.Socket<A>,
): Promise<void> {
  await s.connect(s.getsockname() as socket.AddressInput<A>);
  await s.shutdown(socket.SHUT_WR);
}

const receives: readonly [string, (c: TcpSocket) => Promise<unknown>][] = [
  ["c.recvfrom(0)", async (c) => [(await c.recvfrom(0))[0].length]],
  ["c.recvmsg(0)", async (c) => [(await c.recvmsg(0))[0].length]],
  ["c.recvfrom_into(bytearray(0))", (c) => c.recvfrom_into(nothing)],
  ["c.recvmsg_into([])", (c) => c.recvmsg_into([])],
];

/** A Python program, and the same with this module. */
const rows: readonly [string, (sockets: Sockets) => unknown][] = [
  ["s.recv(0)", ({ s }) => s.recv(0)],
  ["s.recv_into(bytearray(0))", ({ s }) => s.recv_into(nothing)],
  ["l.recv(0)", ({ l }) => l.recv(0)],
  ["s.recvfrom(0)", ({ s }) => s.recvfrom(0)],
  ...receives.flatMap(([call, ours]): typeof rows => {
    const theirs = /recv\w+\(0\)/.test(call) ? `[len(${call}[0])]` : call;
    return [
      [call, ({ c }) => ours(c)],
      [`c.setblocking(False); ${call}`, ({ c }) => {
        c.setblocking(false);
        return ours(c);
      }],
      [`p.sendall(b'ab'); ${theirs}`, async ({ c, p }) => {
        await p.sendall(encode("ab"));
        return await ours(c);
      }],
      [`p.sendall(b'ab'); ${call}; c.recv(9)`, async ({ c, p }) => {
        await p.sendall(encode("ab"));
        await ours(c);
        return await c.recv(9);
      }],
      [`p.close(); ${theirs}`, async ({ c, p }) => {
        // The end comes at once, also while a child that is starting has a copy.
        await p.shutdown(socket.SHUT_WR);
        p.close();
        return await ours(c);
      }],
      [`reset(); ${theirs}`, async (sockets) => {
        await reset(sockets);
        return await ours(sockets.c);
      }],
    ];
  }),
  ["reset(); c.getpeername()", async (sockets) => {
    await reset(sockets);
    return sockets.c.getpeername();
  }],
  ["reset(); c.send(b'')", async (sockets) => {
    await reset(sockets);
    return await sockets.c.send(nothing);
  }],
  ["reset_send(); c.getpeername()", async (sockets) => {
    await resetSend(sockets);
    return sockets.c.getpeername();
  }],
  ["reset_send(); c.send(b'')", async (sockets) => {
    await resetSend(sockets);
    return await sockets.c.send(nothing);
  }],
  ["reset_send(); c.shutdown(SHUT_RDWR)", async (sockets) => {
    await resetSend(sockets);
    return await sockets.c.shutdown(socket.SHUT_RDWR);
  }],
  [
    "p.shutdown(SHUT_WR); c.recv(1); c.getpeername() == p.getsockname()",
    async ({ c, p }) => {
      await p.shutdown(socket.SHUT_WR);
      await c.recv(1);
      return c.getpeername().join() === p.getsockname().join();
    },
  ],
  [
    "p.shutdown(SHUT_WR); c.recv(1); c.shutdown(SHUT_WR); c.getpeername()",
    async ({ c, p }) => {
      await p.shutdown(socket.SHUT_WR);
      await c.recv(1);
      await c.shutdown(socket.SHUT_WR);
      return c.getpeername();
    },
  ],
  ...[65_507, 65_508, 65_527, 65_528, 65_535, 65_536].flatMap(
    (n): typeof rows => {
      const data = new Uint8Array(n);
      return [
        [`u.send(bytes(${n}))`, ({ u }) => u.send(data)],
        [`six.send(bytes(${n}))`, ({ six }) => six.send(data)],
        [
          `u.sendto(bytes(${n}), ('127.255.255.255', 9))`,
          ({ u }) => u.sendto(data, ["127.255.255.255", 9]),
        ],
        [
          `u.sendto(bytes(${n}), ('127.0.0.1', 0))`,
          ({ u }) => u.sendto(data, ["127.0.0.1", 0]),
        ],
        [
          `shut(u); u.sendto(bytes(${n}), ('127.0.0.1', 0))`,
          async ({ u }) => {
            await shut(u);
            return await u.sendto(data, ["127.0.0.1", 0]);
          },
        ],
        [
          `shut(u); u.sendto(bytes(${n}), ('127.255.255.255', 9))`,
          async ({ u }) => {
            await shut(u);
            return await u.sendto(data, ["127.255.255.255", 9]);
          },
        ],
        [
          `shut(six); six.sendto(bytes(${n}), ('::1', 0))`,
          async ({ six }) => {
            await shut(six);
            return await six.sendto(data, ["::1", 0, 0, 0]);
          },
        ],
        [`shut(u); u.send(bytes(${n}))`, async ({ u }) => {
          await shut(u);
          return await u.send(data);
        }],
        [`shut(six); six.send(bytes(${n}))`, async ({ six }) => {
          await shut(six);
          return await six.send(data);
        }],
      ];
    },
  ),
  ...[212_960, 212_961].map((n): typeof rows[number] => [
    `unix.shutdown(SHUT_WR); unix.send(bytes(${n}))`,
    async ({ unix }) => {
      await unix.shutdown(socket.SHUT_WR);
      return await unix.send(new Uint8Array(n));
    },
  ]),
];

const skipped = python === null || Deno.build.os !== "linux";
const expected = skipped
  ? []
  : await pythonOutcomes(rows.map(([program]) => program), setup);

for (const [index, [program, ours]] of rows.entries()) {
  Deno.test({
    name: `${program} ends as in CPython${
      skipped ? " (skipped: no python3, or not Linux)" : ""
    }`,
    ignore: skipped,
    fn: async () => {
      using l = listener();
      using p = socket.socket();
      // Only a socket that was bound can reset its connection.
      p.bind(["127.0.0.1", 0]);
      await within(p.connect(l.getsockname()));
      const [c] = await within(l.accept());
      using _ = c;
      c.settimeout(0.1);
      using s = socket.socket();
      using u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      u.bind(["127.0.0.1", 0]);
      using six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
      six.bind(["::1", 0]);
      const [unix, other] = await socket.socketpair(
        socket.AF_UNIX,
        socket.SOCK_DGRAM,
      );
      using _unix = unix, _other = other;
      const outcome = await outcomeOf(async () => {
        const value = await ours({ s, l, c, p, u, six, unix });
        return value instanceof Uint8Array ? [...value] : value;
      });
      // The advice is the module's own.
      const bare = outcome.replace(/: SO_BROADCAST is not set$/, "");
      assertEquals(bare, expected[index]);
    },
  });
}
