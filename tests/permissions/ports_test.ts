import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { runDeno } from "../support/child.ts";

/** Runs calls with grants; "" or the message of each. */
async function outcomes(
  calls: readonly string[],
  grants: readonly string[],
  unstable = true,
): Promise<string[]> {
  using server = socket.create_server(["127.0.0.1", 0]);
  const port = String(server.getsockname()[1]);
  const { stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      const port = ${port};
      const one = new Uint8Array(1);
      const tcp = () => socket.socket();
      const udp = () => socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      const all = [];
      for (const call of [${
      calls.map((each) => `async () => { ${each} }`).join()
    }]) {
        all.push(await call().then(() => "", (error) => String(error.message)));
      }
      console.log(JSON.stringify(all));
      Deno.exit();`,
    permissions: [`--allow-net=${grants.join().replaceAll("PORT", port)}`],
    unstable,
  });
  return JSON.parse((stdout || JSON.stringify([stderr]))
    .replaceAll(port, "PORT"));
}

const missing = (target: string) =>
  `[Errno 13] Permission denied: Requires net access to "${target}", run again with the --allow-net flag`;

const fromPort0: readonly string[] = [
  'await socket.create_connection(["127.0.0.1", port], 5, ["127.0.0.1", 0]);',
  'const s = tcp(); s.bind(["127.0.0.1", 0]); await s.connect(["127.0.0.1", port]);',
  'const s = tcp(); s.bind(["localhost", 0]); await s.connect(["localhost", port]);',
  `const s = tcp(); s.bind(["127.0.0.1", 0]); s.setblocking(false);
   await s.connect_ex(["127.0.0.1", port]); s.settimeout(60); await s.sendall(one);`,
];

Deno.test("connect() from port 0 needs a grant for port 0", async () => {
  const grants = ["127.0.0.1:PORT", "127.0.0.1:0"];
  assertEquals(await outcomes(fromPort0, grants), ["", "", "", ""]);
});

Deno.test("connect() from port 0 names port 0 as the missing grant", async () => {
  const all = await outcomes(fromPort0, ["127.0.0.1:PORT"]);
  assertEquals(all, fromPort0.map(() => missing("127.0.0.1:0")));
});

Deno.test("create_connection() from any host and port 0 needs the peer's grant alone", async () => {
  const calls = [
    'await socket.create_connection(["127.0.0.1", port], 5, ["", 0]);',
  ];
  assertEquals(await outcomes(calls, ["127.0.0.1:PORT"]), [""]);
});

Deno.test("connect() from a port that was given names that port", async () => {
  const calls = [
    `const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
     const { port: own } = free.addr; free.close();
     const s = tcp(); s.bind(["127.0.0.1", own]);`,
  ];
  const [message = ""] = await outcomes(calls, ["127.0.0.1:0"]);
  assertEquals(
    message.replace(/:\d+"/, ':OWN"'),
    missing("127.0.0.1:OWN"),
  );
});

for (const unstable of [true, false]) {
  Deno.test(
    `a datagram to another machine needs a grant for the wildcard, ${
      unstable ? "with" : "without"
    } --unstable-net`,
    async () => {
      // 192.0.2.0/24 is TEST-NET-1 of RFC 5737; nothing is sent there.
      const calls = [
        'await udp().sendto(one, ["192.0.2.1", 9]);',
        'await udp().connect(["192.0.2.1", 9]);',
        'await socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(one, ["2001:db8::1", 9]);',
      ];
      const grants = [
        "192.0.2.1:9",
        "[2001:db8::1]:9",
        "127.0.0.1:0",
        "[::1]:0",
      ];
      assertEquals(await outcomes(calls, grants, unstable), [
        missing("0.0.0.0:0"),
        missing("0.0.0.0:0"),
        missing("[::]:0"),
      ]);
    },
  );
}

Deno.test("a missing grant for an address of a granted name names both", async () => {
  const found =
    'const [[,,,, sa]] = await socket.getaddrinfo("localhost", port, 2, 1);';
  const calls = [
    `${found} await tcp().connect(sa);`,
    `${found} const s = tcp(); s.setblocking(false);
     await s.connect_ex(sa); s.settimeout(60); await s.sendall(one);`,
    `${found} await udp().sendto(one, sa);`,
    // Another port of the name is not granted, so nothing is said of it.
    `${found} await tcp().connect(["127.0.0.1", 9]);`,
    // An address that no name was resolved to.
    'await tcp().connect(["127.0.0.2", port]);',
  ];
  const advice =
    '; "localhost" is granted, its address is not: add --allow-net=127.0.0.1:PORT, or use the name';
  assertEquals(
    await outcomes(calls, ["localhost:PORT", "127.0.0.1:0"]),
    [
      missing("127.0.0.1:PORT") + advice,
      missing("127.0.0.1:PORT") + advice,
      missing("127.0.0.1:PORT") + advice,
      missing("127.0.0.1:9"),
      missing("127.0.0.2:PORT"),
    ],
  );
});
