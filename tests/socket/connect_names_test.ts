import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { canChooseHosts, runWithHosts } from "../support/hosts.ts";

/** Listeners of both families on one port. */
function bothFamilies() {
  for (;;) {
    const v4 = socket.create_server(["127.0.0.1", 0]);
    const [, port] = v4.getsockname();
    const v6 = socket.socket(socket.AF_INET6);
    try {
      v6.bind(["::1", port]);
    } catch (error) {
      v4.close();
      v6.close();
      if (error instanceof socket.OSError) continue;
      throw error;
    }
    v6.listen();
    return {
      port,
      [Symbol.dispose]() {
        v4.close();
        v6.close();
      },
    };
  }
}

const v4Line = "127.0.0.1 localhost\n";
const v6Line = "::1 localhost\n";

/**
 * What each call comes to with each hosts file: the address, or the error's code
 * and detail. The C library reads the file for each question.
 */
const program = `
  import * as socket from "@pystd/socket";
  const [port, ...hosts] = Deno.args;
  const to = ["localhost", Number(port)];
  const calls = [
    async (s) => {
      await s.connect(to);
      return s.getpeername();
    },
    async (s) => {
      s.setblocking(false);
      await s.connect(to).catch((error) => {
        if (error.code !== "EINPROGRESS") throw error;
      });
      s.settimeout(60);
      await s.sendall(new Uint8Array(1));
      return s.getpeername();
    },
    async (s) => {
      s.bind(["localhost", 0]);
      return s.getsockname();
    },
  ];
  const all = [];
  for (const text of hosts) {
    Deno.writeTextFileSync("/etc/hosts", text);
    const outcomes = [];
    for (const family of [socket.AF_INET, socket.AF_INET6]) {
      for (const call of calls) {
        using s = socket.socket(family);
        outcomes.push(await call(s).then(
          ([host]) => host,
          ({ code, message }) => code + ": " + message.split(": ")[1],
        ));
      }
    }
    all.push(outcomes);
  }
  console.log(JSON.stringify(all));`;

const denied = (target: string) =>
  `EACCES: Requires net access to "${target}", run again with the --allow-net flag`;

/** What connecting, doing so without blocking, and binding come to. */
type Outcomes = readonly [connect: string, later: string, bind: string];

const works4: Outcomes = ["127.0.0.1", "127.0.0.1", "127.0.0.1"];
const works6: Outcomes = ["::1", "::1", "::1"];
const denied4: Outcomes = [
  denied("localhost:PORT"),
  denied("localhost:PORT"),
  denied("127.0.0.1:0"),
];
const denied6: Outcomes = [
  denied("localhost:PORT"),
  denied("localhost:PORT"),
  denied("[::1]:0"),
];

interface Row {
  what: string;
  hosts: readonly string[];
  grants: string;
  outcomes: readonly [v4: Outcomes, v6: Outcomes];
}

const bothOrders: readonly string[] = [v4Line + v6Line, v6Line + v4Line];
const any: readonly string[] = [...bothOrders, v4Line, v6Line];

const rows: readonly Row[] = [
  {
    what: "a grant for the literals",
    hosts: any,
    grants: "127.0.0.1,[::1]",
    outcomes: [works4, works6],
  },
  {
    what: "a grant for the IPv4 literal alone",
    hosts: any,
    grants: "127.0.0.1",
    outcomes: [works4, denied6],
  },
  {
    what: "a grant for the IPv6 literal alone",
    hosts: any,
    grants: "[::1]",
    outcomes: [denied4, works6],
  },
  {
    what: "a grant for the name alone",
    hosts: bothOrders,
    grants: "localhost",
    // The system listens at the first address of a name.
    outcomes: [
      [
        "127.0.0.1",
        "127.0.0.1",
        "EAI_ADDRFAMILY: localhost resolves to ::1; bind to an address",
      ],
      works6,
    ],
  },
  {
    what: "a grant for the name that has only an IPv4 address",
    hosts: [v4Line],
    grants: "localhost",
    outcomes: [works4, [
      "EAI_ADDRFAMILY: localhost resolves to 127.0.0.1",
      "EAI_ADDRFAMILY: localhost resolves to 127.0.0.1",
      "EAI_ADDRFAMILY: localhost resolves to 127.0.0.1; bind to an address",
    ]],
  },
  {
    what: "a grant for the name that has only an IPv6 address",
    hosts: [v6Line],
    grants: "localhost",
    outcomes: [[
      "EAI_ADDRFAMILY: localhost resolves to ::1",
      "EAI_ADDRFAMILY: localhost resolves to ::1",
      "EAI_ADDRFAMILY: localhost resolves to ::1; bind to an address",
    ], works6],
  },
  {
    what: "a grant for one port of the name",
    hosts: bothOrders,
    grants: "localhost:PORT",
    outcomes: [
      ["127.0.0.1", "127.0.0.1", denied("127.0.0.1:0")],
      ["::1", "::1", denied("[::1]:0")],
    ],
  },
];

for (const { what, hosts, grants, outcomes } of rows) {
  Deno.test({
    name: `connect() and bind() to "localhost" keep the family with ${what}${
      canChooseHosts ? "" : " (skipped: no hosts file to choose)"
    }`,
    ignore: !canChooseHosts,
    fn: async () => {
      using servers = bothFamilies();
      const port = String(servers.port);
      const { stdout, stderr } = await runWithHosts(
        "",
        program,
        [`--allow-net=${grants.replace("PORT", port)}`],
        [port, ...hosts],
      );
      assertEquals(stderr, "");
      const actual = JSON.parse(stdout.replaceAll(`:${port}`, ":PORT"));
      assertEquals(
        hosts.map((text, i) => [text, actual[i]]),
        hosts.map((text) => [text, outcomes.flat()]),
      );
    },
  });
}
