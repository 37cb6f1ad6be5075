import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { runDeno } from "../support/child.ts";
import { within } from "../support/within.ts";

const { AF_INET, AF_INET6, SOCK_DGRAM } = socket;

// Open while the file runs, so that grants can name its port; unreferenced, and
// what connects waits in the kernel's queue.
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
listener.unref();
const { port } = listener.addr;

/** A call, and the grants that it needs, all of them. */
interface Row {
  readonly name: string;
  readonly grants: readonly string[];
  readonly call: () => unknown;
  /** What a call without a grant asks for, where that is not the grant. */
  readonly asksFor?: Readonly<Record<string, string>>;
}

const one = new Uint8Array(1);

function udp(): socket.Socket<socket.InetAddress> {
  return socket.socket(AF_INET, SOCK_DGRAM);
}

async function closing(
  made: Promise<socket.Socket | readonly socket.Socket[]>,
): Promise<void> {
  for (const each of [await made].flat()) (each as socket.Socket).close();
}

const HERE = `127.0.0.1:${port}`;

const rows: readonly Row[] = [
  {
    name: "create_connection() to an address",
    grants: [HERE],
    call: () => closing(socket.create_connection(["127.0.0.1", port], 60)),
  },
  {
    name: "create_connection() to a name",
    grants: [`localhost:${port}`],
    call: () => closing(socket.create_connection(["localhost", port], 60)),
  },
  {
    name: "create_connection() from an address",
    grants: ["127.0.0.1"],
    call: () =>
      closing(
        socket.create_connection(["127.0.0.1", port], 5, ["127.0.0.1", 0]),
      ),
    asksFor: { "127.0.0.1": "127.0.0.1:0" },
  },
  {
    name: "connect_ex()",
    grants: [HERE],
    call: async () => {
      using s = socket.socket();
      const errno = await s.connect_ex(["127.0.0.1", port]);
      // It gives a number even for this.
      if (errno !== 0) await s.connect(["127.0.0.1", port]);
    },
  },
  {
    name: "connect() in another notation",
    grants: [HERE],
    call: async () => {
      using s = socket.socket();
      await s.connect(["127.1", port]);
    },
  },
  {
    name: "connect() to the wildcard, which is this machine",
    grants: [HERE],
    call: async () => {
      using s = socket.socket();
      await s.connect(["", port]);
    },
  },
  {
    name: "connect() to an IPv4 address in IPv6",
    grants: [HERE],
    call: async () => {
      using s = socket.socket(AF_INET6);
      await s.connect(["::ffff:127.0.0.1", port]);
    },
  },
  {
    name: "connect() over IPv6",
    grants: [`[::1]:${port}`],
    call: async () => {
      using s = socket.socket(AF_INET6);
      // Nobody listens there: to be refused is to have been let through.
      await s.connect(["::1", port]).catch((error) => {
        if (!(error instanceof socket.ConnectionRefusedError)) throw error;
      });
    },
  },
  {
    name: "bind() over IPv6",
    grants: ["[::1]:0"],
    call: () => {
      using s = socket.socket(AF_INET6);
      s.bind(["::1", 0]);
    },
  },
  {
    name: "UDP bind() over IPv6",
    grants: ["[::1]:0"],
    call: () => {
      using s = socket.socket(AF_INET6, SOCK_DGRAM);
      s.bind(["::1", 0]);
    },
  },
  {
    name: "create_server()",
    grants: ["127.0.0.1:0"],
    call: () => socket.create_server(["127.0.0.1", 0]).close(),
  },
  {
    name: "create_server() with IPv6",
    grants: ["[::1]:0"],
    call: () => socket.create_server(["::1", 0], { family: AF_INET6 }).close(),
  },
  {
    name: "create_server() with a backlog",
    grants: ["127.0.0.1"],
    call: () => socket.create_server(["127.0.0.1", 0], { backlog: 5 }).close(),
    asksFor: { "127.0.0.1": "127.0.0.1:0" },
  },
  {
    name: "socketpair()",
    grants: ["127.0.0.1"],
    call: () => closing(socket.socketpair(socket.AF_INET)),
    asksFor: { "127.0.0.1": "127.0.0.1:0" },
  },
  {
    name: "socketpair() with IPv6",
    grants: ["[::1]"],
    call: () => closing(socket.socketpair(AF_INET6)),
    asksFor: { "[::1]": "[::1]:0" },
  },
  {
    name: "sendto() of a bound socket",
    grants: ["127.0.0.1:0", HERE],
    call: async () => {
      using s = udp();
      s.bind(["127.0.0.1", 0]);
      await s.sendto(one, ["127.0.0.1", port]);
    },
  },
  {
    name: "sendmsg() to an address",
    grants: ["127.0.0.1:0", HERE],
    call: async () => {
      using s = udp();
      await s.sendmsg([one], [], 0, ["127.0.0.1", port]);
    },
  },
  {
    name: "sendto() over IPv6",
    grants: ["[::1]:0", `[::1]:${port}`],
    call: async () => {
      using s = socket.socket(AF_INET6, SOCK_DGRAM);
      await s.sendto(one, ["::1", port]);
    },
  },
  {
    name: "connect() and send() of a datagram socket",
    grants: ["127.0.0.1:0", HERE],
    call: async () => {
      using s = udp();
      await s.connect(["127.0.0.1", port]);
      await s.send(one);
    },
  },
  {
    name: "getaddrinfo()",
    grants: ["localhost:80"],
    call: () => socket.getaddrinfo("localhost", 80),
  },
  {
    name: "gethostbyname()",
    grants: ["localhost"],
    call: () => socket.gethostbyname("localhost"),
  },
  {
    name: "gethostbyname_ex()",
    grants: ["localhost"],
    call: () => socket.gethostbyname_ex("localhost"),
  },
  {
    name: "gethostbyaddr()",
    grants: ["127.0.0.1"],
    call: () => socket.gethostbyaddr("127.0.0.1"),
  },
  {
    name: "getnameinfo()",
    grants: ["127.0.0.1:80"],
    call: () => socket.getnameinfo(["127.0.0.1", 80], 0),
    asksFor: { "127.0.0.1:80": "127.0.0.1" },
  },
];

for (const { name, grants, call, asksFor = {} } of rows) {
  Deno.test({
    name: `${name} works with ${grants.join(" and ")}`.replaceAll(
      String(port),
      "PORT",
    ),
    permissions: { net: [...grants] },
    fn: async () => {
      await within(Promise.resolve(call()));
    },
  });

  for (const missing of grants) {
    const others = grants.filter((each) => each !== missing);
    Deno.test({
      name: `${name} without ${missing} fails with EACCES`.replaceAll(
        String(port),
        "PORT",
      ),
      permissions: { net: others.length === 0 ? false : others },
      fn: async () => {
        const error = await assertRejects(
          () => within(Promise.resolve().then(call)),
          socket.PermissionError,
        );
        assertEquals(error.code, "EACCES");
        assertStringIncludes(
          error.message,
          `net access to "${
            asksFor[missing] ?? missing
          }", run again with the --allow-net flag`,
        );
      },
    });
  }
}

Deno.test({
  name: "a grant for one port is none for another",
  permissions: { net: [HERE, "127.0.0.1:0"] },
  fn: async () => {
    using s = socket.socket();
    const other = port === 65535 ? 1024 : port + 1;
    await assertRejects(
      () => s.connect(["127.0.0.1", other]),
      socket.PermissionError,
      `"127.0.0.1:${other}"`,
    );
    // The socket may connect where that is granted.
    await within(s.connect(["127.0.0.1", port]));
  },
});

Deno.test({
  name: "a grant for one host is none for another",
  permissions: { net: ["127.0.0.1"] },
  fn: async () => {
    for (const host of ["127.0.0.2", "127.1.2", "0x7f.0.0.3"]) {
      using s = socket.socket();
      await assertRejects(
        () => s.connect([host, port]),
        socket.PermissionError,
      );
      using u = udp();
      await assertRejects(
        () => u.sendto(one, [host, port]),
        socket.PermissionError,
      );
    }
    using s = socket.socket(AF_INET6);
    await assertRejects(() => s.connect(["::1", port]), socket.PermissionError);
  },
});

const system = `
  import * as socket from "@pystd/socket";
  const print = async (call) => {
    try {
      await call();
      console.log("works");
    } catch (error) {
      console.log(error.name + ": " + error.message);
    }
  };
  const both = async () => {
    await print(() => socket.gethostname());
    await print(() =>
      socket.getaddrinfo("::1", 80, 0, 0, 0, socket.AI_ADDRCONFIG)
        .catch((error) => {
          if (!(error instanceof socket.gaierror)) throw error;
        }));
  };
  await both();
  Deno.permissions.revokeSync({ name: "sys", kind: "networkInterfaces" });
  await both();`;

Deno.test("calls about the system need their own grant, and only that", async () => {
  const outcomes = async (...permissions: string[]) => {
    const { stdout, stderr } = await runDeno({ code: system, permissions });
    assertEquals(stderr, "");
    return stdout.trim().split("\n");
  };
  const missing = (name: string) =>
    new RegExp(`^PermissionError: .*"${name}".*--allow-sys`);
  const [name, config] = await outcomes("--allow-sys=hostname");
  assertEquals(name, "works");
  assertMatch(config!, missing("networkInterfaces"));
  const [other, works, ...revoked] = await outcomes(
    "--allow-net=127.0.0.1",
    "--allow-env",
    "--allow-read",
    "--allow-sys=hostname,networkInterfaces",
    "--deny-sys=hostname",
  );
  assertMatch(other!, missing("hostname"));
  assertEquals(works, "works");
  assertMatch(revoked[0]!, missing("hostname"));
  assertMatch(revoked[1]!, missing("networkInterfaces"));
});
