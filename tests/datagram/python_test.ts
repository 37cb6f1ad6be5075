import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { encode } from "../support/bytes.ts";
import { outcomeOf } from "../support/outcome.ts";
import { type TcpSocket, udpSocket } from "../support/pair.ts";
import { python, pythonOutcomes } from "../support/python.ts";
import { unboundUdp } from "../support/udp.ts";

/** Sockets of one program: `a` and `b` are bound, `u` is not. */
interface Sockets {
  a: TcpSocket;
  b: TcpSocket;
  u: TcpSocket;
}

const setup = `
a, b, u = (socket(AF_INET, SOCK_DGRAM) for _ in range(3))
for s in a, b:
    s.bind(('127.0.0.1', 0))
for s in a, b, u:
    s.settimeout(0.2)
A, B = a.getsockname(), b.getsockname()
`;

const one = encode("1");
const A = (s: Sockets) => s.a.getsockname();
const B = (s: Sockets) => s.b.getsockname();

/** A Python program, and the same with this module. */
const rows: readonly [string, (s: Sockets) => unknown][] = [
  ["a.sendto(b'', B)", (s) => s.a.sendto(encode(""), B(s))],
  ["a.sendto(b'abc', B); b.recv(2)", async (s) => {
    await s.a.sendto(encode("abc"), B(s));
    return await s.b.recv(2);
  }],
  ["a.sendto(b'abc', 0, B); b.recvfrom(9)[1] == A", async (s) => {
    await s.a.sendto(encode("abc"), 0, B(s));
    const [, address] = await s.b.recvfrom(9);
    return address.join() === A(s).join();
  }],
  ["a.sendto(b'abc', B); b.recvmsg(2)[1:3]", async (s) => {
    await s.a.sendto(encode("abc"), B(s));
    return (await s.b.recvmsg(2)).slice(1, 3);
  }],
  ["a.sendto(b'abc', B); b.recv(2, MSG_PEEK); b.recv(9)", async (s) => {
    await s.a.sendto(encode("abc"), B(s));
    await s.b.recv(2, socket.MSG_PEEK);
    return await s.b.recv(9);
  }],
  [
    "a.sendto(bytes(65507), B)",
    (s) => s.a.sendto(new Uint8Array(65507), B(s)),
  ],
  [
    "a.sendto(bytes(65508), B)",
    (s) => s.a.sendto(new Uint8Array(65508), B(s)),
  ],
  ["a.sendmsg([b'ab', b'c'], [], 0, B)", (s) => {
    return s.a.sendmsg([encode("ab"), encode("c")], [], 0, B(s));
  }],
  ["a.send(b'1')", (s) => s.a.send(one)],
  ["a.sendall(b'1')", (s) => s.a.sendall(one)],
  ["a.recv(1)", (s) => s.a.recv(1)],
  ["u.recv(1)", (s) => s.u.recv(1)],
  ["a.setblocking(False); a.recvfrom(1)", (s) => {
    s.a.setblocking(false);
    return s.a.recvfrom(1);
  }],
  ["u.setblocking(False); u.recv(1)", (s) => {
    s.u.setblocking(false);
    return s.u.recv(1);
  }],
  ["a.settimeout(None); a.recv(1, MSG_DONTWAIT)", (s) => {
    s.a.settimeout(null);
    return s.a.recv(1, socket.MSG_DONTWAIT);
  }],
  ["u.getsockname()", (s) => s.u.getsockname()],
  ["u.getpeername()", (s) => s.u.getpeername()],
  ["u.connect(B); u.getpeername() == B", async (s) => {
    await s.u.connect(B(s));
    return s.u.getpeername().join() === B(s).join();
  }],
  ["u.connect(B); u.getsockname()[0]", async (s) => {
    await s.u.connect(B(s));
    return s.u.getsockname()[0];
  }],
  ["u.connect(('0.0.0.0', 9)); u.getpeername()", async (s) => {
    await s.u.connect(["0.0.0.0", 9]);
    return s.u.getpeername();
  }],
  ["a.connect(B); a.connect(A); a.getpeername() == A", async (s) => {
    await s.a.connect(B(s));
    await s.a.connect(A(s));
    return s.a.getpeername().join() === A(s).join();
  }],
  ["a.connect_ex(B)", (s) => s.a.connect_ex(B(s))],
  ["a.connect(B); a.sendall(b'')", async (s) => {
    await s.a.connect(B(s));
    return await s.a.sendall(encode(""));
  }],
  ["a.bind(('127.0.0.1', 0))", (s) => s.a.bind(["127.0.0.1", 0])],
  ["u.bind(B)", (s) => s.u.bind(B(s))],
  ["u.sendto(b'', B); u.bind(('127.0.0.1', 0))", async (s) => {
    await s.u.sendto(encode(""), B(s));
    s.u.bind(["127.0.0.1", 0]);
  }],
  ["a.listen()", (s) => s.a.listen()],
  ["a.settimeout(None); a.accept()", (s) => {
    s.a.settimeout(null);
    return s.a.accept();
  }],
  ["a.sendto(b'', ('127.0.0.1', 0))", (s) => {
    return s.a.sendto(encode(""), ["127.0.0.1", 0]);
  }],
  ["a.shutdown(SHUT_RD)", (s) => s.a.shutdown(socket.SHUT_RD)],
  ["a.connect(B); a.shutdown(SHUT_WR); a.send(b'1')", async (s) => {
    await s.a.connect(B(s));
    await s.a.shutdown(socket.SHUT_WR);
    return await s.a.send(one);
  }],
  ["a.connect(B); a.shutdown(SHUT_WR); a.sendto(b'1', B)", async (s) => {
    await s.a.connect(B(s));
    await s.a.shutdown(socket.SHUT_WR);
    return await s.a.sendto(one, B(s));
  }],
  [
    "a.settimeout(None); a.connect(B); a.shutdown(SHUT_RD); a.recvfrom(1)[1]",
    async (s) => {
      s.a.settimeout(null);
      await s.a.connect(B(s));
      await s.a.shutdown(socket.SHUT_RD);
      return (await s.a.recvfrom(1))[1];
    },
  ],
  ["a.close(); a.sendto(b'1', B)", (s) => {
    const to = B(s);
    s.a.close();
    return s.a.sendto(one, to);
  }],
  ["a.getsockopt(SOL_SOCKET, SO_TYPE) == SOCK_DGRAM", (s) => {
    return s.a.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) ===
      socket.SOCK_DGRAM;
  }],
];

const expected = await pythonOutcomes(rows.map(([program]) => program), setup);

for (const [index, [program, ours]] of rows.entries()) {
  Deno.test({
    name: `${program} has the result of Python`,
    ignore: python === null,
    fn: async () => {
      using a = udpSocket();
      using b = udpSocket();
      using u = unboundUdp();
      for (const each of [a, b, u]) each.settimeout(0.2);
      const outcome = await outcomeOf(async () => {
        const value = await ours({ a, b, u });
        return value instanceof Uint8Array ? [...value] : value;
      });
      // The advice is the module's own.
      const bare = outcome.replace(/: the socket is already bound$/, "");
      assertEquals(bare, expected[index]);
    },
  });
}
