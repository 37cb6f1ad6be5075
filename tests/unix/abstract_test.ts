import { assertEquals } from "@std/assert";
import { checkTogether } from "../support/child.ts";
import { onLinux, run } from "../support/unix.ts";

/** A program on abstract names, with what it prints. */
interface Program {
  readonly what: string;
  readonly code: string;
  readonly prints: readonly string[];
}

const programs: readonly Program[] = [
  {
    what: "a stream carries bytes both ways, and knows its addresses",
    code: `
      const name = "\\0" + crypto.randomUUID();
      const [client, peer, address] = await pair(name);
      await client.sendall(bytes("there"));
      await peer.sendall(bytes("back"));
      await print(async () => [text(await peer.recv(9)), text(await client.recv(9))]);
      await print(() => [address, peer.getpeername(), client.getsockname()]);
      await print(() => [client.getpeername() === name, peer.getsockname() === name]);
      await client.shutdown(socket.SHUT_WR);
      await print(() => peer.recv(1));`,
    prints: ['["there","back"]', '["","",""]', "[true,true]", "[]"],
  },
  {
    what: "bind() to an empty name finds one, for both types",
    code: `
      for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
        const [a, b] = [unix(type, ""), unix(type, "")];
        await print(() => /^\\0[0-9a-f]{5}$/.test(a.getsockname()));
        await print(() => a.getsockname() === b.getsockname());
      }
      const s = unix(SOCK_STREAM, "");
      const name = s.getsockname();
      s.listen(1);
      await print(() => s.getsockname() === name);
      await s.shutdown(socket.SHUT_RD);
      s.listen();
      await print(() => s.getsockname() === name);`,
    prints: ["true", "false", "true", "false", "true", "true"],
  },
  {
    what: "listen() with another backlog keeps who has connected after bind()",
    code: `
      const s = unix(SOCK_STREAM, "");
      const c = unix();
      await c.connect(s.getsockname());
      s.listen(1);
      const [conn] = await s.accept();
      await conn.sendall(bytes("kept"));
      await print(async () => text(await c.recv(9)));`,
    prints: ['"kept"'],
  },
  {
    what:
      "connect() waits while the listener's queue is full, as asked to, and lets the process end if unreferenced",
    code: `
      const s = unix(SOCK_STREAM, "");
      s.listen();
      const clients = [];
      for (;;) {
        const c = unix();
        c.setblocking(false);
        const code = await c.connect_ex(s.getsockname());
        if (code !== 0) {
          await print(() => code === 11 || code === 115);
          break;
        }
        clients.push(c);
      }
      const late = unix();
      late.settimeout(0.05);
      await print(() => late.connect(s.getsockname()));
      late.settimeout(60);
      const connected = late.connect(s.getsockname());
      await s.accept();
      await s.accept();
      await print(() => connected);
      const [last, unreferenced, pending] = [unix(), unix(), unix()];
      await last.connect(s.getsockname());
      unreferenced.unref();
      unreferenced.connect(s.getsockname());
      pending.connect(s.getsockname());
      await print(() => new Promise((resolve) => setTimeout(resolve, 5)));
      pending.unref();`,
    prints: ["true", "TimeoutError: timed out", "null", "null"],
  },
  {
    what: "an unbound sender gets a name when it sends, not before",
    code: `
      const s = unix(SOCK_DGRAM, "");
      const c = unix(SOCK_DGRAM);
      await c.connect(s.getsockname());
      await print(() => c.getsockname());
      await c.send(bytes("1"));
      const [data, address] = await s.recvfrom(9);
      await print(() => [text(data), address === c.getsockname()]);
      await s.sendto(bytes("2"), address);
      await print(async () => text(await c.recv(9)));`,
    prints: ['""', '["1",true]', '"2"'],
  },
  {
    what: "connect() of a datagram socket sets and filters the peer",
    code: `
      const [s, other, c] = [1, 2, 3].map(() => unix(SOCK_DGRAM, ""));
      await c.connect(s.getsockname());
      await print(() => c.getpeername() === s.getsockname());
      await other.sendto(bytes("stranger"), c.getsockname());
      await s.sendto(bytes("peer"), c.getsockname());
      await print(async () => text(await c.recv(9)));
      await c.connect(other.getsockname());
      await c.send(bytes("changed"));
      await print(async () => text(await other.recv(9)));
      c.settimeout(0);
      await print(() => c.recv(9));`,
    prints: [
      "true",
      '"peer"',
      '"changed"',
      "BlockingIOError: [Errno 11] Resource temporarily unavailable",
    ],
  },
  {
    what: "datagrams are whole up to the kernel's limit, or cut as asked",
    code: `
      const s = unix(SOCK_DGRAM, "");
      const c = unix(SOCK_DGRAM);
      for (const size of [0, 1, 65_536, 65_537, 200_000]) {
        await c.sendto(new Uint8Array(size).fill(7), s.getsockname());
        const [data, , flags] = await s.recvmsg(300_000);
        await print(() => [data.length, data.every((each) => each === 7), flags]);
      }
      await print(() => c.sendto(new Uint8Array(1 << 24), s.getsockname()));
      await c.sendto(new Uint8Array(100_000), s.getsockname());
      const [data, , flags] = await s.recvmsg(70_000);
      await print(() => [data.length, flags === socket.MSG_TRUNC]);`,
    prints: [
      "[0,true,0]",
      "[1,true,0]",
      "[65536,true,0]",
      "[65537,true,0]",
      "[200000,true,0]",
      "OSError: [Errno 90] Message too long",
      "[70000,true]",
    ],
  },
  {
    what: "a datagram socket sends while it waits to receive",
    code: `
      const [a, b] = [unix(SOCK_DGRAM, ""), unix(SOCK_DGRAM, "")];
      const [forA, forB] = [a.recv(9), b.recv(9)];
      await a.sendto(bytes("to b"), b.getsockname());
      await print(async () => text(await forB));
      await b.sendto(bytes("to a"), a.getsockname());
      await print(async () => text(await forA));`,
    prints: ['"to b"', '"to a"'],
  },
  {
    what: "floods in both directions lose nothing, in order",
    code: `
      const [a, b] = [unix(SOCK_DGRAM, ""), unix(SOCK_DGRAM, "")];
      const send = async (from, to) => {
        for (let i = 0; i < 200; i++) {
          await from.sendto(Uint8Array.of(i), to.getsockname());
        }
      };
      const receive = async (s) => {
        for (let i = 0; i < 200; i++) {
          const [n] = await s.recv(9);
          if (n !== i) throw new Error(n + " instead of " + i);
        }
      };
      await print(async () => {
        await Promise.all([send(a, b), send(b, a), receive(a), receive(b)]);
      });`,
    prints: ["null"],
  },
  {
    what: "a receive that gave up loses no datagram, and lets the process end",
    code: `
      const s = unix(SOCK_DGRAM, "");
      const c = unix(SOCK_DGRAM);
      s.settimeout(0.02);
      await print(() => s.recv(9));
      await s.recv(9, { signal: AbortSignal.timeout(5) }).catch(() => {});
      await c.sendto(bytes("late"), s.getsockname());
      await c.sendto(bytes("later"), s.getsockname());
      s.settimeout(60);
      await print(async () => [text(await s.recv(9)), text(await s.recv(9))]);
      s.settimeout(0);
      await print(() => s.recv(9));`,
    prints: [
      "TimeoutError: timed out",
      '["late","later"]',
      "BlockingIOError: [Errno 11] Resource temporarily unavailable",
    ],
  },
  {
    what: "an unreferenced receive still receives, and lets the process end",
    code: `
      const s = unix(SOCK_DGRAM, "");
      s.settimeout(null);
      s.unref();
      const pending = s.recv(9);
      await unix(SOCK_DGRAM).sendto(bytes("there"), s.getsockname());
      const wait = setInterval(() => {}, 1000);
      await print(async () => text(await pending));
      clearInterval(wait);
      s.recv(9).then(() => console.log("never"));`,
    prints: ['"there"'],
  },
  {
    what: "close() ends a pending receive with EBADF, unreferenced or not",
    code: `
      for (const referenced of [true, false]) {
        const s = unix(SOCK_DGRAM, "");
        if (!referenced) s.unref();
        const pending = s.recv(9);
        await new Promise((resolve) => setTimeout(resolve, 5));
        s.close();
        await print(() => pending);
      }`,
    prints: Array(2).fill("OSError: [Errno 9] Bad file descriptor"),
  },
  {
    what:
      "a bound stream connects and keeps its name, which its peer does not see",
    code: `
      const s = unix(SOCK_STREAM, "\\0pystd-socket-bound-" + Deno.pid);
      const server = unix(SOCK_STREAM, "");
      server.listen();
      const name = s.getsockname();
      await print(() => s.connect(server.getsockname()));
      await print(() => s.getsockname() === name);
      await print(() => s.getpeername() === server.getsockname());
      const [conn, from] = await server.accept();
      await print(() => from);
      await s.sendall(bytes("there"));
      await print(async () => text(await conn.recv(9)));
      await conn.sendall(bytes("back"));
      await print(async () => text(await s.recv(9)));
      await print(() => s.listen());
      await print(() => s.bind("\\0other"));
      await print(() => s.connect(server.getsockname()));
      s.close();
      await print(async () => text(await conn.recv(9)));
      const again = unix(SOCK_STREAM, name);
      await print(() => again.getsockname() === name);`,
    prints: [
      "null",
      "true",
      "true",
      '""',
      '"there"',
      '"back"',
      "OSError: [Errno 22] Invalid argument",
      "OSError: [Errno 22] Invalid argument",
      "OSError: [Errno 106] Transport endpoint is already connected",
      '""',
      "true",
    ],
  },
];

Deno.test({
  name: "AF_UNIX sockets with abstract names work as TCP sockets do",
  ignore: !onLinux,
  fn: () =>
    checkTogether(programs, async (some) => {
      const lines = await run(
        some.map(({ what, code }) =>
          `console.log(${JSON.stringify(what)}); {${code}}`
        ).join("\n"),
      );
      assertEquals(
        lines,
        some.flatMap(({ what, prints }) => [what, ...prints]),
      );
    }),
});
