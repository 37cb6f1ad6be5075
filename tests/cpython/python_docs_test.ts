/**
 * The examples of Python's documentation, line for line:
 * https://docs.python.org/3/library/socket.html and
 * https://docs.python.org/3/howto/sockets.html
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import {
  againIfTaken,
  closedAddress,
  fullListener,
} from "../support/addresses.ts";
import { decode, encode } from "../support/bytes.ts";
import { startDeno } from "../support/child.ts";
import { listener, tcpPair } from "../support/pair.ts";
import type { ChildProcess } from "../support/process.ts";
import { within } from "../support/within.ts";

const everywhere = ["--allow-net=0.0.0.0,[::]"];
const loopback = ["--allow-net=127.0.0.1,[::1],localhost"];

function start(
  program: string,
  permissions: readonly string[],
  ...args: string[]
): ChildProcess {
  const file = `tests/cpython/python_docs/${program}.ts`;
  return startDeno({ file, permissions, args });
}

/** Servers, hosts that they listen on, and hosts that clients connect to. */
const echoes: readonly {
  readonly server: string;
  readonly bind: string;
  readonly host: string;
  readonly from: string;
  /** The client's program; else the test is the client. */
  readonly client?: string;
}[] = [
  {
    server: "echo_server",
    bind: "",
    host: "localhost",
    from: "127.0.0.1",
    client: "echo_client",
  },
  {
    server: "dual_echo_server",
    bind: "",
    host: "localhost",
    from: "127.0.0.1",
    client: "dual_echo_client",
  },
  { server: "dual_echo_server", bind: "::1", host: "::1", from: "::1" },
  {
    server: "dual_echo_server",
    bind: "localhost",
    host: "127.0.0.1",
    from: "127.0.0.1",
  },
];

for (const { server: program, bind, host, from, client } of echoes) {
  Deno.test(`the documentation's ${program} on "${bind}" serves ${client ?? "a client"} of ${host}`, async () => {
    const grants = bind === "" ? everywhere : loopback;
    await using server = start(program, grants, bind, "0");
    const [, port] = await server.readMatch(/^Listening on (\d+)$/);
    if (client === undefined) {
      using s = await socket.create_connection([host, Number(port)]);
      await s.sendall(encode("Hello, world"));
      assertEquals(decode(await within(s.recv(1024))), "Hello, world");
    } else {
      await using child = start(client, loopback, host, port!);
      assertEquals(await child.result(), {
        code: 0,
        stdout: "Received Hello, world\n",
        stderr: "",
      });
    }
    const { code, stdout, stderr } = await server.result();
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const [, peer] = stdout.match(/^Connected by \[ "([^"]+)", \d+.* \]\n$/)!;
    assertEquals(peer, from);
  });
}

Deno.test("the documentation's dual echo client says that it could not open a socket", async () => {
  const [, port] = closedAddress();
  await using client = start(
    "dual_echo_client",
    loopback,
    "localhost",
    `${port}`,
  );
  assertEquals(await client.result(), {
    code: 1,
    stdout: "could not open socket\n",
    stderr: "",
  });
});

Deno.test("the documentation's create_server() listens on all interfaces, over both families", async () => {
  await using server = start("dual_stack_server", everywhere, "0");
  const [, port] = await server.readMatch(/^Listening on (\d+)$/);
  for (
    const [host, shown] of [["127.0.0.1", "::ffff:127.0.0.1"], ["::1", "::1"]]
  ) {
    using client = await within(
      socket.create_connection([host!, Number(port)]),
    );
    assertEquals(await server.readLine(), `Connected by ${shown}`);
    assertEquals((await within(client.recv(1))).length, 0);
  }
});

Deno.test("the documentation's recvmsg_into() scatters a nursery rhyme", async () => {
  const [s1, s2] = await socket.socketpair();
  const b1 = encode("----");
  const b2 = encode("0123456789");
  const b3 = encode("--------------");
  assertEquals(await s1.send(encode("Mary had a little lamb")), 22);
  assertEquals(
    await within(s2.recvmsg_into([b1, b2.subarray(2, 9), b3])),
    [22, [], 0, null as never],
  );
  assertEquals([b1, b2, b3].map(decode), [
    "Mary",
    "01 had a 9",
    "little lamb---",
  ]);
  s1.close();
  s2.close();
});

Deno.test("the documentation's send_fds() fails with EOPNOTSUPP", async () => {
  function send_fds(
    sock: socket.Socket,
    msg: Uint8Array,
    fds: number[],
  ): Promise<number> {
    return sock.sendmsg([msg], [[
      socket.SOL_SOCKET,
      socket.SCM_RIGHTS,
      new Uint8Array(new Int32Array(fds).buffer),
    ]]);
  }

  const [s1, s2] = await socket.socketpair();
  const error = await assertRejects(
    () => send_fds(s1, encode("x"), [s2.fileno()]),
    socket.OSError,
  );
  assertEquals(error.code, "EOPNOTSUPP");
  s1.close();
  s2.close();
});

Deno.test("the documentation's getaddrinfo() returns arguments for socket() and connect()", async () => {
  using server = listener();
  const [host, port] = server.getsockname();
  assertEquals(
    await socket.getaddrinfo(host, port, 0, 0, socket.IPPROTO_TCP),
    [[socket.AF_INET, socket.SOCK_STREAM, 6, "", [host, port]]],
  );
});

Deno.test("the documentation's addresses are converted as it describes", async () => {
  // "If the host name is an IPv4 address itself it is returned unchanged."
  assertEquals(await socket.gethostbyname("100.50.200.5"), "100.50.200.5");
  const packed = socket.inet_aton("123.45.67.89");
  assertEquals(packed, new Uint8Array([123, 45, 67, 89]));
  assertEquals(socket.inet_ntoa(packed), "123.45.67.89");
  for (
    const [family, address] of [
      [socket.AF_INET, "7.10.0.5"],
      [socket.AF_INET6, "5aef:2b::8"],
    ] as const
  ) {
    const back = socket.inet_ntop(family, socket.inet_pton(family, address));
    assertEquals(back, address);
  }
  assertEquals(socket.getprotobyname("icmp"), 1);
});

Deno.test("the documentation's SO_REUSEADDR binds a port in TIME_WAIT", async () => {
  await againIfTaken(async () => {
    using server = listener();
    const [HOST, PORT] = server.getsockname();
    using client = await within(socket.create_connection([HOST, PORT]));
    const [conn] = await within(server.accept());
    // Who closes first is left in TIME_WAIT.
    conn.close();
    await within(client.recv(1));
    client.close();
    server.close();

    using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
    s.bind([HOST, PORT]);
    assertEquals(s.getsockname(), [HOST, PORT]);
  });
});

Deno.test("the documentation's raw and CAN sockets fail with errors that name them", () => {
  const AF_CAN = 29;
  const refused = [
    [socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IP, "ESOCKTNOSUPPORT"],
    [AF_CAN, socket.SOCK_RAW, 1, "EAFNOSUPPORT"],
    [AF_CAN, socket.SOCK_DGRAM, 2, "EAFNOSUPPORT"],
  ] as const;
  for (const [family, type, proto, code] of refused) {
    const error = assertThrows(
      () => socket.socket(family as number, type, proto),
      socket.OSError,
    );
    assertEquals(error.code, code);
  }
});

Deno.test("the documentation's shutdown() before close() ends the connection in time", async () => {
  await using pair = await tcpPair();
  // "close() does not necessarily close the connection immediately."
  using duplicate = pair.client.dup();
  pair.client.close();
  await assertRejects(
    () => pair.peer.recv(1, socket.MSG_DONTWAIT),
    socket.BlockingIOError,
  );
  await duplicate.shutdown(socket.SHUT_RDWR);
  assertEquals((await within(pair.peer.recv(1))).length, 0);
});

Deno.test("the documentation's makefile() keeps the connection until it is closed", async () => {
  await using pair = await tcpPair();
  const file = pair.client.makefile("wb");
  pair.client.close();
  await file.write(encode("still open"));
  await file.close();
  assertEquals(decode(await within(pair.peer.recv(100))), "still open");
  assertEquals((await within(pair.peer.recv(1))).length, 0);
});

Deno.test("the documentation's timeouts bound connect()", async () => {
  await using full = await fullListener();
  using s = socket.socket();
  s.settimeout(0.05);
  const error = await assertRejects(
    () => s.connect(full.address),
    socket.timeout,
  );
  assertEquals(error.message, "timed out");
  // "... or pass a timeout parameter to create_connection()"
  await assertRejects(
    () => socket.create_connection(full.address, 0.05),
    socket.timeout,
  );
});

Deno.test("the documentation's accepted sockets are blocking, or have the default timeout", async () => {
  using server = listener();
  const accepted = async () => {
    using _ = await socket.create_connection(server.getsockname());
    const [conn] = await within(server.accept());
    conn.close();
    return conn.gettimeout();
  };
  server.settimeout(60);
  assertEquals(await accepted(), null);
  socket.setdefaulttimeout(5);
  try {
    assertEquals(await accepted(), 5);
  } finally {
    socket.setdefaulttimeout(null);
  }
});

Deno.test("the documentation's setblocking() is a shorthand for settimeout()", () => {
  using sock = socket.socket();
  sock.setblocking(false);
  assertEquals([sock.gettimeout(), sock.getblocking()], [0, false]);
  sock.setblocking(true);
  assertEquals([sock.gettimeout(), sock.getblocking()], [null, true]);
});
