import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { runDeno } from "../support/child.ts";
import { runGranted } from "../support/granted.ts";
import { outcomesOf, type Wanted, withBothApis } from "./calls.ts";

const names: readonly string[] = [
  "socket()",
  "setsockopt()",
  "bind() to 127.0.0.1",
  "bind() to localhost",
  "bind() to every interface",
  "listen() unbound",
  "connect() to 127.0.0.1",
  "connect() to localhost",
  "connect() to ::1",
  "connect() without blocking",
  "connect() to localhost without blocking",
  "connect() from an address",
  "connect() from localhost to localhost",
  "send(), recv(), dup(), makefile()",
  "accept()",
  "UDP bind() to 127.0.0.1",
  "UDP bind() to localhost",
  "UDP sendto() to 127.0.0.1",
  "UDP sendto() to localhost",
  "UDP connect() to 127.0.0.1",
  "UDP recvfrom()",
];

// Open while the file runs, so that grants can name its port; unreferenced, and
// what connects waits in the kernel's queue.
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
listener.unref();
const { port } = listener.addr;
const wanted: Wanted = { names, port };

/** What a call asks for in vain; nothing if it works. */
type Missing = Readonly<Record<string, string>>;

const toConnect: Missing = {
  "connect() to 127.0.0.1": "127.0.0.1:PORT",
  "connect() to localhost": "localhost:PORT",
  "connect() to ::1": "[::1]:PORT",
  "connect() without blocking": "127.0.0.1:PORT",
  "connect() to localhost without blocking": "localhost:PORT",
  "send(), recv(), dup(), makefile()": "127.0.0.1:PORT",
};
const toBindAnywhere: Missing = {
  "bind() to every interface": "0.0.0.0:0",
  "listen() unbound": "0.0.0.0:0",
};
const toBind: Missing = {
  "bind() to 127.0.0.1": "127.0.0.1:0",
  "connect() from an address": "127.0.0.1:0",
  "accept()": "127.0.0.1:0",
  "UDP bind() to 127.0.0.1": "127.0.0.1:0",
  "UDP sendto() to 127.0.0.1": "127.0.0.1:0",
  "UDP connect() to 127.0.0.1": "127.0.0.1:0",
  "UDP recvfrom()": "127.0.0.1:0",
};
/** `localhost` is bound by its literal, unless only the name is granted. */
const toBindByName: Missing = {
  "bind() to localhost": "127.0.0.1:0",
  "connect() from localhost to localhost": "127.0.0.1:0",
  "UDP bind() to localhost": "127.0.0.1:0",
};

function without(missing: Missing, ...names: string[]): Missing {
  return Object.fromEntries(
    Object.entries(missing).filter(([name]) => !names.includes(name)),
  );
}

const grants: readonly [grant: string | null, missing: Missing][] = [
  [null, {
    ...toConnect,
    ...toBind,
    ...toBindByName,
    ...toBindAnywhere,
    "UDP sendto() to localhost": "localhost:PORT",
  }],
  ["127.0.0.1", {
    ...toBindAnywhere,
    "connect() to ::1": "[::1]:PORT",
  }],
  ["127.0.0.1:PORT", {
    ...without(
      toConnect,
      "connect() to 127.0.0.1",
      "connect() to localhost",
      "connect() without blocking",
      "connect() to localhost without blocking",
      "send(), recv(), dup(), makefile()",
    ),
    ...toBind,
    ...toBindByName,
    ...toBindAnywhere,
    "UDP sendto() to localhost": "127.0.0.1:0",
  }],
  ["localhost", {
    ...without(
      toConnect,
      "connect() to localhost",
      "connect() to localhost without blocking",
    ),
    // Bound by name; but only the literal can be connected from.
    "connect() from localhost to localhost": "127.0.0.1:0",
    ...toBind,
    ...toBindAnywhere,
    // Bound by the name, which is granted.
    "UDP sendto() to 127.0.0.1": "127.0.0.1:PORT",
    "UDP connect() to 127.0.0.1": "127.0.0.1:PORT",
  }],
  ["localhost:PORT", {
    ...without(
      toConnect,
      "connect() to localhost",
      "connect() to localhost without blocking",
    ),
    ...toBind,
    ...toBindByName,
    ...toBindAnywhere,
    // The name is looked up; it is the local port that is missing.
    "UDP sendto() to localhost": "127.0.0.1:0",
  }],
  ["127.0.0.1:PORT,127.0.0.1:0", {
    ...toBindAnywhere,
    "connect() to ::1": "[::1]:PORT",
  }],
  ["0.0.0.0,127.0.0.1", { "connect() to ::1": "[::1]:PORT" }],
];

for (const [grant, missing] of grants) {
  const net = grant?.replaceAll("PORT", `${port}`).split(",") ?? false;
  // The tests themselves are not granted 0.0.0.0.
  const isChild = net !== false && net.includes("0.0.0.0");
  Deno.test({
    name: `calls with ${
      grant ?? "no grant"
    } work or name the missing grant, with both APIs for UDP`,
    permissions: isChild ? "inherit" : { net },
    fn: async () => {
      const [outcomes = {}] = isChild
        ? await runGranted<Record<string, string>>(
          "tests/permissions/calls.ts",
          [`--allow-net=${net}`],
          [{ given: wanted }],
        )
        : [await outcomesOf(wanted)];
      const expected = Object.fromEntries(
        withBothApis(names).map((name) => [
          name,
          missing[name.replace(" by node:dgram", "")] ?? "",
        ]),
      );
      const hint =
        /^\[Errno \d+\] Permission denied: Requires net access to "([^"]+)", run again with the --allow-net flag(?:; "localhost" is granted, its address is not: add --allow-net=\1, or use the name)?$/;
      const actual = Object.fromEntries(
        Object.entries(outcomes).map(([name, text]) => [
          name,
          text.replace(hint, "$1").replace(`:${port}`, ":PORT"),
        ]),
      );
      assertEquals(actual, expected);
    },
  });
}

Deno.test("importing the module needs no grant", async () => {
  const { code, stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      import * as errno from "@pystd/socket/errno";
      for (const name of ["net", "read", "write", "env", "run", "sys", "ffi"]) {
        const { state } = await Deno.permissions.query({ name });
        if (state === "granted") throw new Error(name);
      }
      const s = socket.socket();
      s.settimeout(1);
      s.close();
      console.log(socket.inet_aton("127.0.0.1"), errno.EBADF);`,
  });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /127/);
});

Deno.test({
  name: "calls without a permission name the flag",
  permissions: "none",
  fn: async () => {
    const address: socket.InetAddress = ["127.0.0.1", 9];
    const net = (target: string) =>
      `net access to "${target}", run again with the --allow-net flag`;
    using tcp = socket.socket();
    using udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
    const rows: readonly [call: () => unknown, asks: string][] = [
      [() => tcp.bind(address), net("127.0.0.1:9")],
      [() => tcp.connect(address), net("127.0.0.1:9")],
      // Where it would send from is the first that is asked for.
      [() => udp.sendto(new Uint8Array(1), address), net("127.0.0.1:0")],
      [() => socket.create_connection(address), net("127.0.0.1:9")],
      [() => socket.create_server(address), net("127.0.0.1:9")],
      [
        () => socket.gethostname(),
        'sys access to "hostname", run again with the --allow-sys flag',
      ],
    ];
    for (const [call, asks] of rows) {
      const error = await assertRejects(
        async () => await call(),
        socket.PermissionError,
      );
      assertEquals(
        error.message.replace(/^\[Errno \d+\] Permission denied: /, ""),
        `Requires ${asks}`,
      );
    }
  },
});
