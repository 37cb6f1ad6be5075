/** Errors of the system, with what to do after their text. */

import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { processTest, runDeno } from "../support/child.ts";
import { listener, type TcpSocket, udpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

const bytes = new Uint8Array([1, 2, 3]);
const anywhere = ["127.0.0.1", 0] as const;
const { SOL_SOCKET } = socket;

const advised: readonly [string, () => Promise<unknown>, string, string][] = [
  [
    "recv() on a listening socket",
    () => listening((s) => s.recv(1)),
    "ENOTCONN",
    "it listens; accept() gives the connected one",
  ],
  [
    "sendall() on a listening socket",
    () => listening((s) => s.sendall(bytes)),
    "ENOTCONN",
    "it listens; accept() gives the connected one",
  ],
  [
    "bind() of a socket that is bound",
    () =>
      unconnected((s) => {
        s.bind(anywhere);
        s.bind(anywhere);
      }),
    "EINVAL",
    "the socket is bound already",
  ],
  [
    "bind() of a datagram socket that is bound",
    async () => {
      using s = udpSocket();
      s.bind(anywhere);
    },
    "EINVAL",
    "the socket is bound already",
  ],
  [
    "bind() of a socket that listens",
    () => listening((s) => s.bind(anywhere)),
    "EINVAL",
    "the socket is bound already",
  ],
  [
    "getsockopt() of an option that is not here",
    () => unconnected((s) => s.getsockopt(SOL_SOCKET, socket.SO_RCVBUF)),
    "ENOPROTOOPT",
    "SO_RCVBUF",
  ],
  [
    "setsockopt() of an option that is not here",
    () => unconnected((s) => s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 1)),
    "ENOPROTOOPT",
    "IP_TOS",
  ],
  [
    "accept() on a socket that does not listen",
    () => unconnected((s) => s.accept()),
    "EINVAL",
    "listen() comes first",
  ],
  [
    "connect() to a host with a port in it",
    () => unconnected((s) => s.connect(["127.0.0.1:80", 80])),
    "EAI_NONAME",
    '"127.0.0.1:80" has a port, which is the second part of the address',
  ],
  [
    "bind() to a name with a port in it",
    () => unconnected((s) => s.bind(["localhost:80", 80])),
    "EAI_NONAME",
    '"localhost:80" has a port, which is the second part of the address',
  ],
  [
    "connect() to a URL",
    () => unconnected((s) => s.connect(["http://localhost", 80])),
    "EAI_NONAME",
    '"http://localhost" is a URL, not a host',
  ],
  [
    "create_connection() to a host with a port in it",
    () => socket.create_connection(["localhost:80", 80]),
    "EAI_NONAME",
    '"localhost:80" has a port, which is the second part of the address',
  ],
  [
    "getaddrinfo() of a URL",
    () => socket.getaddrinfo("http://localhost", 80),
    "EAI_NONAME",
    '"http://localhost" is a URL, not a host',
  ],
  [
    "create_connection() to an address in brackets",
    () => socket.create_connection(["[::1]", 80]),
    "EAI_NONAME",
    '"[::1]" has brackets, which belong to URLs',
  ],
];

async function listening(call: (s: TcpSocket) => unknown): Promise<void> {
  using s = listener();
  await call(s);
}

async function unconnected(call: (s: TcpSocket) => unknown): Promise<void> {
  using s = socket.socket();
  await call(s);
}

for (const [slip, call, code, advice] of advised) {
  Deno.test(`${slip} is ${code}, and says what to do`, async () => {
    const error = await assertRejects(() => within(call()), socket.OSError);
    assertEquals(error.code, code);
    assertEquals(error.message.split(": ").slice(1).join(": "), advice);
  });
}

processTest("calls without a permission name the flag", async () => {
  const { stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      const udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      const address = ["127.0.0.1", 9];
      for (const call of [
        async () => socket.socket().bind(address),
        () => socket.socket().connect(address),
        () => udp.sendto(new Uint8Array(1), address),
        () => socket.create_connection(address),
        async () => socket.create_server(address),
        async () => socket.gethostname(),
      ]) await call().catch((error) => console.log(error.name, error.message));`,
  });
  assertEquals(stderr, "");
  const hint =
    /^PermissionError \[Errno \d+\] Permission denied: Requires (.*)$/gm;
  assertEquals(
    stdout.replaceAll(hint, "$1"),
    [
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      // Where it would send from is the first that is asked for.
      'net access to "127.0.0.1:0", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'sys access to "hostname", run again with the --allow-sys flag',
      "",
    ].join("\n"),
  );
});
