import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { processTest, runDeno } from "../support/child.ts";
import { codeOf } from "../support/outcome.ts";
import { ignore } from "../support/unix.ts";
import { within } from "../support/within.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function certificate(name: string): string {
  const url = new URL(`../ssl/certificates/${name}`, import.meta.url);
  return Deno.readTextFileSync(url);
}

/** Two connections of Deno's own that are each other's peer. */
type Conns = [Deno.Conn, Deno.Conn];

async function tcpConns(): Promise<Conns> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  return await Promise.all([
    Deno.connect({ hostname, port }),
    listener.accept(),
  ]);
}

/** The server's certificate is for localhost, and of the tests' own CA. */
function listenTls(): Deno.TlsListener {
  return Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: certificate("server.pem"),
    key: certificate("server.key.pem"),
  });
}

async function tlsConns(): Promise<Conns> {
  using listener = listenTls();
  const { hostname, port } = listener.addr;
  return await Promise.all([
    Deno.connectTls({ hostname, port, caCerts: [certificate("ca.pem")] }),
    listener.accept(),
  ]);
}

const kinds: Record<string, () => Promise<Conns>> = {
  TcpConn: tcpConns,
  TlsConn: tlsConns,
};

for (const [kind, open] of Object.entries(kinds)) {
  Deno.test(`fromconn() of a ${kind} sends and receives both ways, with half-close`, async () => {
    const [one, other] = await open();
    using a = socket.fromconn(one);
    using b = socket.fromconn(other);
    const data = crypto.getRandomValues(new Uint8Array(50_000));
    const received = Promise.all([
      b.recv(50_000, socket.MSG_WAITALL),
      a.recv(50_000, socket.MSG_WAITALL),
    ]);
    await within(Promise.all([a.sendall(data), b.sendall(data)]));
    assertEquals(await within(received), [data, data]);
    await a.shutdown(socket.SHUT_WR);
    assertEquals((await within(b.recv(1))).length, 0);
    await b.sendall(bytes("after the end"));
    assertEquals(await within(a.recv(99)), bytes("after the end"));
  });

  Deno.test(`fromconn() of a ${kind} loses nothing by a timeout, an abort or MSG_PEEK`, async () => {
    const [one, other] = await open();
    using a = socket.fromconn(one);
    using b = socket.fromconn(other);
    // A handshake comes with the first bytes.
    const first = b.recv(5);
    await within(a.sendall(bytes("first")));
    assertEquals(await within(first), bytes("first"));
    b.settimeout(0.001);
    await assertRejects(() => b.recv(9), socket.TimeoutError);
    b.setblocking(false);
    assertEquals(await codeOf(() => b.recv(9)), "EAGAIN");
    b.settimeout(60);
    const controller = new AbortController();
    const aborted = b.recv(9, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await assertRejects(() => aborted, Error, "enough");
    await a.sendall(bytes("late"));
    assertEquals((await within(select([b], [], [], 10)))[0].length, 1);
    assertEquals(await within(b.recv(2, socket.MSG_PEEK)), bytes("la"));
    assertEquals(
      await within(b.recv(4, socket.MSG_WAITALL)),
      bytes("late"),
    );
  });

  Deno.test(`fromconn() of a ${kind} supports makefile()`, async () => {
    const [one, other] = await open();
    using a = socket.fromconn(one);
    using b = socket.fromconn(other);
    await using server = b.makefile("rw");
    await using client = a.makefile("rw");
    const answered = (async () => {
      const line = await server.readline();
      await server.write(line!.toUpperCase());
      await server.flush();
    })();
    await client.write("hello\n");
    await client.flush();
    assertEquals(await within(client.readline()), "HELLO\n");
    await within(answered);
  });

  Deno.test(`fromconn() of a ${kind} has its family, type, addresses and the default timeout`, async () => {
    socket.setdefaulttimeout(7);
    try {
      const [one, other] = await open();
      const { hostname, port } = one.localAddr as Deno.NetAddr;
      using a = socket.fromconn(one);
      using b = socket.fromconn(other);
      assertInstanceOf(a, socket.Socket);
      assertEquals(a.family, socket.AF_INET);
      assertEquals(a.type, socket.SOCK_STREAM);
      assertEquals(a.getsockname(), [hostname, port]);
      assertEquals(b.getpeername(), [hostname, port]);
      assertEquals(a.getsockname(), b.getpeername());
      assertEquals(a.gettimeout(), 7);
    } finally {
      socket.setdefaulttimeout(null);
    }
  });

  Deno.test(`fromconn() of a ${kind} closes the connection, and delivers the sent bytes first`, async () => {
    const [one, other] = await open();
    const a = socket.fromconn(one);
    const b = socket.fromconn(other);
    const receiving = (async () => {
      let total = 0;
      for (;;) {
        const data = await b.recv(65_536);
        if (data.length === 0) return total;
        total += data.length;
      }
    })();
    await within(a.sendall(new Uint8Array(3_000_000)));
    const closed = a[Symbol.asyncDispose]();
    assertEquals(await within(receiving), 3_000_000);
    b.close();
    await within(closed);
    await assertRejects(() => one.read(new Uint8Array(1)));
  });

  Deno.test(`fromconn() of a ${kind} fails if it has a socket, or if its stream is locked`, async () => {
    const [one, other] = await open();
    using a = socket.fromconn(one);
    for (const second of [one, one]) {
      const error = assertThrows(() => socket.fromconn(second), socket.OSError);
      assertEquals(error.code, "EBUSY");
    }
    const reader = other.readable.getReader();
    const error = assertThrows(() => socket.fromconn(other), socket.OSError);
    assertEquals(error.code, "EBUSY");
    reader.releaseLock();
    using b = socket.fromconn(other);
    const receiving = b.recv(1);
    await within(a.sendall(bytes("x")));
    assertEquals(await within(receiving), bytes("x"));
  });
}

Deno.test("fromconn() knows the family of IPv6 and Unix connections", async () => {
  using listener = Deno.listen({ hostname: "::1", port: 0 });
  const { port } = listener.addr;
  const [one, other] = await Promise.all([
    Deno.connect({ hostname: "::1", port }),
    listener.accept(),
  ]);
  using a = socket.fromconn(one);
  using b = socket.fromconn(other);
  assertEquals([a.family, b.family], [socket.AF_INET6, socket.AF_INET6]);
  assertEquals(a.getpeername(), ["::1", port, 0, 0]);
});

Deno.test({
  name: "fromconn() of a UnixConn has paths, and the members of a Unix socket",
  ignore,
  fn: async () => {
    const { stdout, stderr } = await runDeno({
      code: `import * as socket from "@pystd/socket";
          const directory = await Deno.makeTempDir();
          const path = directory + "/s";
          const listener = Deno.listen({ transport: "unix", path });
          const [one, other] = await Promise.all([
            Deno.connect({ transport: "unix", path }),
            listener.accept(),
          ]);
          const a = socket.fromconn(one), b = socket.fromconn(other);
          console.log(a.family === socket.AF_UNIX, a.getpeername() === path);
          console.log(JSON.stringify(b.getpeername()));
          await a.sendall(new Uint8Array([1, 2]));
          console.log(...await b.recv(9));
          a.close();
          console.log((await b.recv(9)).length);
          listener.close();
          await Deno.remove(directory, { recursive: true });`,
      permissions: ["--allow-read", "--allow-write", "--allow-net"],
    });
    assertEquals([stdout, stderr], ['true true\n""\n1 2\n0\n', ""]);
  },
});

Deno.test("fromconn() rejects anything but a connection", () => {
  for (const value of [null, undefined, 5, {}, { localAddr: {} }, new Map()]) {
    const error = assertThrows(
      () => socket.fromconn(value as never),
      TypeError,
    );
    assertStringIncludes(error.message, "conn must be a Deno.Conn");
  }
});

Deno.test("fromconn() of a TcpConn can set options, and fails to with a TlsConn", async () => {
  const { IPPROTO_TCP, TCP_NODELAY, SOL_SOCKET, SO_KEEPALIVE } = socket;
  const options = [[IPPROTO_TCP, TCP_NODELAY], [SOL_SOCKET, SO_KEEPALIVE]];
  for (const [kind, open] of Object.entries(kinds)) {
    const [one, other] = await open();
    using a = socket.fromconn(one);
    using _b = socket.fromconn(other);
    for (const [level = 0, option = 0] of options) {
      const expected = kind === "TcpConn" ? undefined : "ENOPROTOOPT";
      for (const value of [1, 0, 1]) {
        const set = () => a.setsockopt(level, option, value);
        assertEquals(await codeOf(set), expected);
        const now = kind === "TcpConn" ? value : 0;
        assertEquals(a.getsockopt(level, option), now);
      }
    }
  }
});

for (const [kind, open] of Object.entries(kinds)) {
  Deno.test(`fromconn() of a ${kind} that the program closes itself fails with EBADF, and can be closed`, async () => {
    const [one, other] = await open();
    const a = socket.fromconn(one);
    using _b = socket.fromconn(other);
    one.close();
    assertEquals(await codeOf(() => a.recv(1)), "EBADF");
    assertEquals(await codeOf(() => a[Symbol.asyncDispose]()), "EBADF");
    assertEquals(a.fileno(), -1);
    a.close();
  });
}

Deno.test("writable of a connection that the program has closed itself can be aborted", async () => {
  const [one, other] = await tcpConns();
  using a = socket.fromconn(one);
  using _b = socket.fromconn(other);
  one.close();
  await within(a.writable.abort());
  assertEquals(await codeOf(() => a.send(bytes("x"))), "EPIPE");
});

Deno.test("fromconn() of a TlsConn fails with EPROTO where TLS fails", async () => {
  using listener = listenTls();
  const { port } = listener.addr;
  // A client that speaks plain HTTP.
  using client = await socket.create_connection(["127.0.0.1", port]);
  using server = socket.fromconn(await listener.accept());
  await client.sendall(bytes("GET / HTTP/1.1\r\n\r\n"));
  assertEquals(await codeOf(() => server.recv(9)), "EPROTO");

  // A client that does not know the authority.
  const conn = await Deno.connectTls({ hostname: "127.0.0.1", port });
  using untrusting = socket.fromconn(conn);
  using refused = socket.fromconn(await listener.accept());
  const told = codeOf(() => refused.recv(9));
  const error = await assertRejects(
    () => within(untrusting.recv(9)),
    socket.OSError,
    "certificate",
  );
  assertEquals(error.code, "EPROTO");
  assertEquals(await told, "EPROTO");
});

Deno.test("fromconn() of a TlsConn reports a cut connection as a reset, not as the end", async () => {
  using listener = listenTls();
  using relay = socket.create_server(["127.0.0.1", 0]);
  const [, port] = relay.getsockname();
  const caCerts = [certificate("ca.pem")];
  const connecting = Deno.connectTls({ hostname: "127.0.0.1", port, caCerts });
  const [near] = await within(relay.accept());
  const far = await socket.create_connection([
    "127.0.0.1",
    listener.addr.port,
  ]);
  const forward = near.readable.pipeTo(far.writable).catch(() => {});
  const back = far.readable.pipeTo(near.writable).catch(() => {});
  using client = socket.fromconn(await within(connecting));
  using server = socket.fromconn(await within(listener.accept()));
  const receiving = server.recv(9);
  await within(client.sendall(bytes("x")));
  assertEquals(await within(receiving), bytes("x"));
  const cut = codeOf(() => server.recv(9));
  far.close();
  near.close();
  assertEquals(await cut, "ECONNRESET");
  await within(Promise.all([forward, back]));
});

Deno.test("fromconn() of a TlsConn that has only sent closes in time although the peer goes on", async () => {
  const [one, other] = await tlsConns();
  const a = socket.fromconn(one);
  using b = socket.fromconn(other);
  const receiving = b.recv(9);
  await within(a.sendall(bytes("all")));
  assertEquals(await within(receiving), bytes("all"));
  // The peer keeps its half open: a limit ends the wait for its end.
  await within(a[Symbol.asyncDispose]());
  await assertRejects(() => one.read(new Uint8Array(1)));
});

processTest("fromconn() lets the process end when no call waits", async () => {
  const { stdout, stderr } = await runDeno({
    code: `import * as socket from "@pystd/socket";
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { hostname, port } = listener.addr;
      const [one, other] = await Promise.all([
        Deno.connect({ hostname, port }),
        listener.accept(),
      ]);
      const a = socket.fromconn(one), b = socket.fromconn(other);
      a.settimeout(0.01);
      await a.recv(1).catch((error) => console.log(error.name));
      b.unref();
      b.recv(1);`,
    permissions: ["--allow-net=127.0.0.1"],
  });
  assertEquals([stdout, stderr], ["TimeoutError\n", ""]);
});
