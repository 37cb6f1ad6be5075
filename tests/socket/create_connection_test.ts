import {
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { nextDescriptor } from "../support/descriptor.ts";
import {
  againIfTaken,
  closedAddress,
  freePort,
  fullListener,
} from "../support/addresses.ts";
import { checkTogether } from "../support/child.ts";
import { canChooseHosts, runWithHosts } from "../support/hosts.ts";
import { within } from "../support/within.ts";

Deno.test("create_connection() connects by number and by name", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const [, port] = server.getsockname();
  for (const host of ["127.0.0.1", "localhost"]) {
    using client = await within(socket.create_connection([host, port]));
    assertEquals(client.getpeername(), ["127.0.0.1", port]);
    (await server.accept())[0].close();
  }
  using server6 = socket.create_server(["::1", 0], {
    family: socket.AF_INET6,
  });
  const [, port6] = server6.getsockname();
  using client6 = await within(socket.create_connection(["::1", port6]));
  assertEquals(client6.family, socket.AF_INET6 as number);
});

Deno.test("create_connection() sets the timeout, or leaves the default one", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  using timed = await socket.create_connection(server.getsockname(), 2.5);
  assertEquals(timed.gettimeout(), 2.5);
  using plain = await socket.create_connection(server.getsockname());
  assertEquals(plain.gettimeout(), null);
  socket.setdefaulttimeout(4);
  try {
    using defaulted = await socket.create_connection(server.getsockname());
    assertEquals(defaulted.gettimeout(), 4);
    using none = await socket.create_connection(server.getsockname(), null);
    assertEquals(none.gettimeout(), null);
  } finally {
    socket.setdefaulttimeout(null);
  }
});

Deno.test("create_connection() binds the source address, and lets the system choose the host or port", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const sources: readonly [host: string, port: () => number][] = [
    ["", () => 0],
    ["127.0.0.1", () => 0],
    ["", freePort],
    ["127.0.0.1", freePort],
  ];
  for (const [from, choose] of sources) {
    await againIfTaken(async () => {
      const asked = choose();
      using client = await within(
        socket.create_connection(server.getsockname(), 60, [from, asked]),
      );
      const [host, port] = client.getsockname();
      assertEquals(host, "127.0.0.1");
      assertEquals(asked === 0 || asked === port, true);
      const [conn, address] = await within(server.accept());
      conn.close();
      assertEquals(address, [host, port]);
    });
  }
});

Deno.test("create_connection() binds a source address with all its parts, as bind() does", async () => {
  const parts = (host: string) =>
    [host, 0, 0, 0] as unknown as readonly [string, number];
  using four = socket.create_server(["127.0.0.1", 0]);
  await assertRejects(
    () => socket.create_connection(four.getsockname(), 60, parts("127.0.0.1")),
    TypeError,
  );
  const family = socket.AF_INET6;
  await using six = socket.create_server(["::1", 0], { family });
  const to = ["::1", six.getsockname()[1]] as const;
  await using s = await socket.create_connection(to, 60, parts("::1"));
  assertEquals(s.getsockname()[0], "::1");
});

Deno.test("create_connection() reports a source address that is in use or not this machine's", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const address = server.getsockname();
  const inUse = await assertRejects(
    () => socket.create_connection(address, 5, address),
    socket.OSError,
  );
  assertEquals(inUse.code, "EADDRINUSE");
  await assertRejects(
    () => socket.create_connection(address, 5, ["::1", 0]),
    socket.OSError,
  );
  await assertRejects(
    () => socket.create_connection(address, 5, ["127.0.0.1", 80_000]),
    RangeError,
  );
});

Deno.test("create_connection() throws the last error, or all errors", async () => {
  const address = closedAddress();
  await assertRejects(
    () => socket.create_connection(address),
    socket.ConnectionRefusedError,
  );
  const all = await assertRejects(
    () => socket.create_connection(address, 1, null, { all_errors: true }),
    AggregateError,
    "create_connection failed",
  );
  assertEquals(all.errors.length, 1);
  assertInstanceOf(all.errors[0], socket.ConnectionRefusedError);
});

Deno.test("create_connection() to an unknown host fails with gaierror", async () => {
  await assertRejects(
    () => socket.create_connection(["x".repeat(64) + ".invalid", 1]),
    socket.gaierror,
  );
});

Deno.test("create_connection() checks its arguments", async () => {
  await assertRejects(
    () => socket.create_connection("127.0.0.1" as never),
    TypeError,
    "address must be [host, port]",
  );
  await assertRejects(
    () => socket.create_connection(["127.0.0.1", 80000]),
    RangeError,
  );
  await assertRejects(
    () => socket.create_connection(["127.0.0.1", 1], -1),
    RangeError,
  );
});

Deno.test("create_connection() cancels an address that does not answer, and closes its socket", async () => {
  await using full = await fullListener();
  const next = nextDescriptor();
  const started = performance.now();
  await assertRejects(
    () => within(socket.create_connection(full.address, 0.05)),
    socket.TimeoutError,
    "timed out",
  );
  assertEquals(performance.now() - started >= 45, true);
  assertLessOrEqual(nextDescriptor(), next);
});

Deno.test("create_connection() with timeout 0 fails with EINPROGRESS, as in Python", async () => {
  await using full = await fullListener();
  const error = await assertRejects(
    () => within(socket.create_connection(full.address, 0)),
    socket.BlockingIOError,
  );
  assertEquals(error.code, "EINPROGRESS");
});

Deno.test("create_connection() that is aborted rejects with the reason, and closes its socket", async () => {
  await using full = await fullListener();
  const next = nextDescriptor();
  // A reason may be of any kind, also of one that is collected otherwise.
  const reasons = [new Error("enough"), new socket.OSError(5), "enough"];
  for (const reason of reasons) {
    for (const all_errors of [false, true]) {
      const controller = new AbortController();
      const { signal } = controller;
      const connecting = socket.create_connection(full.address, 9, null, {
        signal,
        all_errors,
      });
      const failed = connecting.then(() => undefined, (error) => error);
      setTimeout(() => controller.abort(reason), 5);
      assertStrictEquals(await within(failed), reason);
      const late = await socket.create_connection(full.address, 9, null, {
        signal,
        all_errors,
      }).catch((error) => error);
      assertStrictEquals(late, reason);
      assertLessOrEqual(nextDescriptor(), next);
    }
  }
});

/** Programs with names of more than one address, and what they print. */
const named: readonly [what: string, code: string, prints: string[]][] = [
  [
    "create_connection() tries each address of a name, and takes the first that answers",
    `
      for (const answering of [0, 1]) {
        const servers = listenAtBoth();
        await refuse(servers[1 - answering]);
        const [, port] = servers[answering].getsockname();
        const client = await socket.create_connection(["both", port], 60);
        console.log(client.getpeername()[0], client.gettimeout());
        client.close();
        servers[answering].close();
      }`,
    ["127.0.0.1 60", "::1 60"],
  ],
  [
    "create_connection() throws the last error, or the errors of all addresses",
    `
      const servers = listenAtBoth();
      const [, port] = servers[0].getsockname();
      for (const server of servers) await refuse(server);
      const codes = ({ code, errors }) => JSON.stringify(
        errors?.map(({ code }) => code).sort() ?? code,
      );
      const fail = (...args) => socket.create_connection(["both", port], ...args)
        .catch((error) => console.log(error.name, codes(error)));
      const options = { all_errors: true };
      await fail();
      await fail(60, null, options);
      await fail(60, ["127.0.0.1", 0], options);`,
    [
      'ConnectionRefusedError "ECONNREFUSED"',
      'AggregateError ["ECONNREFUSED","ECONNREFUSED"]',
      // No address of the other family connects from there.
      'AggregateError ["EAI_ADDRFAMILY","ECONNREFUSED"]',
    ],
  ],
  [
    "create_connection() gives each address the whole timeout",
    `
      let port = 0;
      const open = [];
      for (const host of ["127.0.0.1", "127.0.0.2"]) {
        const server = socket.socket();
        server.bind([host, port]);
        server.listen(1);
        port = server.getsockname()[1];
        open.push(server);
        // The kernel lets one more in than the backlog says.
        for (let n = 0; n < 2; n++) {
          const client = socket.socket();
          await client.connect([host, port]);
          open.push(client);
        }
      }
      const started = performance.now();
      const options = { all_errors: true };
      await socket.create_connection(["slow", port], 0.1, null, options).catch(
        ({ errors }) => console.log(errors.map(({ message }) => message).join()),
      );
      console.log(performance.now() - started >= 195);`,
    ["timed out,timed out", "true"],
  ],
];

const prelude = `
  import * as socket from "@pystd/socket";
  /** Listeners of both families on one port. */
  const listenAtBoth = () => {
    for (;;) {
      const four = socket.create_server(["127.0.0.1", 0]);
      const [, port] = four.getsockname();
      try {
        const family = socket.AF_INET6;
        return [four, socket.create_server(["::1", port], { family })];
      } catch (error) {
        four.close();
        if (error.code !== "EADDRINUSE") throw error;
      }
    }
  };
  const kept = [];
  /** Closes a listener; its connection keeps the port from other programs. */
  const refuse = async (server) => {
    const [host, port] = server.getsockname();
    kept.push(await socket.create_connection([host, port]));
    kept.push((await server.accept())[0]);
    server.close();
  };`;

Deno.test({
  name: "create_connection() tries the addresses of a name as Python does",
  ignore: !canChooseHosts,
  fn: () =>
    checkTogether(named, async (some) => {
      const { stdout, stderr } = await runWithHosts(
        "127.0.0.1 both\n::1 both\n127.0.0.1 slow\n127.0.0.2 slow\n",
        `${prelude}
        ${
          some.map(([what, code]) =>
            `console.log(${JSON.stringify(what)}); {${code}}`
          ).join("\n")
        }
        Deno.exit();`,
        ["--allow-net=127.0.0.1,127.0.0.2,[::1],both,slow"],
        [],
      );
      assertEquals(stderr, "");
      assertEquals(
        stdout.trimEnd().split("\n"),
        some.flatMap(([what, , prints]) => [what, ...prints]),
      );
    }),
});
