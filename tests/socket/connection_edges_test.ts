import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { closedAddress, fullListener } from "../support/addresses.ts";
import { canChooseHosts, runWithHosts } from "../support/hosts.ts";
import { pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

/** The descriptor that the next socket gets: none is left open meanwhile. */
function nextDescriptor(): number {
  using s = socket.socket();
  return s.fileno();
}

Deno.test("create_connection() gives up an address that does not answer, and closes its socket", async () => {
  await using full = await fullListener();
  const next = nextDescriptor();
  const started = performance.now();
  await assertRejects(
    () => within(socket.create_connection(full.address, 0.05)),
    socket.TimeoutError,
    "timed out",
  );
  assertEquals(performance.now() - started >= 45, true);
  assertEquals(nextDescriptor(), next);
});

Deno.test("create_connection() with timeout 0 is EINPROGRESS, as in Python", async () => {
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
      assertEquals(nextDescriptor(), next);
    }
  }
});

Deno.test("create_connection() leaves the choice of source host or port to the system", async () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const [, free] = closedAddress();
  const sources = [["", 0], ["127.0.0.1", 0], ["", free]] as const;
  for (const source of sources) {
    using client = await within(
      socket.create_connection(server.getsockname(), 5, source),
    );
    const [host, port] = client.getsockname();
    assertEquals(host, "127.0.0.1");
    assertEquals(source[1] === 0 || source[1] === port, true);
    const [conn, address] = await within(server.accept());
    conn.close();
    assertEquals(address, [host, port]);
  }
});

Deno.test("create_connection() with a source address in use, or none of this machine, says so", async () => {
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

const twoHosts = "127.0.0.1 both\n::1 both\n";
const grants = ["--allow-net=127.0.0.1,[::1],both"];

Deno.test({
  name:
    "create_connection() tries each address of a name, and takes the first that answers",
  ignore: !canChooseHosts,
  async fn() {
    const code = `
      import * as socket from "@pystd/socket";
      for (const [family, host] of [[socket.AF_INET, "127.0.0.1"], [socket.AF_INET6, "::1"]]) {
        const server = socket.create_server([host, 0], { family });
        const [, port] = server.getsockname();
        const client = await socket.create_connection(["both", port], 5);
        console.log(client.getpeername()[0], client.gettimeout());
        client.close();
        server.close();
      }`;
    const { stdout, stderr } = await runWithHosts(twoHosts, code, grants, []);
    assertEquals(stderr, "");
    assertEquals(stdout, "127.0.0.1 5\n::1 5\n");
  },
});

Deno.test({
  name: "create_connection() throws the last error, or one of each address",
  ignore: !canChooseHosts,
  async fn() {
    const code = `
      import * as socket from "@pystd/socket";
      const server = socket.create_server(["127.0.0.1", 0]);
      const [, port] = server.getsockname();
      server.close();
      const codes = ({ code, errors }) => JSON.stringify(
        errors?.map(({ code }) => code).sort() ?? code,
      );
      const fail = (...args) => socket.create_connection(["both", port], ...args)
        .catch((error) => console.log(error.name, codes(error)));
      const options = { all_errors: true };
      await fail();
      await fail(5, null, options);
      await fail(5, ["127.0.0.1", 0], options);`;
    const { stdout, stderr } = await runWithHosts(twoHosts, code, grants, []);
    assertEquals(stderr, "");
    assertEquals(stdout.split("\n"), [
      'ConnectionRefusedError "ECONNREFUSED"',
      'AggregateError ["ECONNREFUSED","ECONNREFUSED"]',
      // No address of the other family connects from there.
      'AggregateError ["EAI_ADDRFAMILY","ECONNREFUSED"]',
      "",
    ]);
  },
});

Deno.test({
  name: "create_connection() gives each address the whole timeout",
  ignore: !canChooseHosts,
  async fn() {
    const code = `
      import * as socket from "@pystd/socket";
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
      console.log(performance.now() - started >= 195);
      Deno.exit();`;
    const { stdout, stderr } = await runWithHosts(
      "127.0.0.1 slow\n127.0.0.2 slow\n",
      code,
      ["--allow-net=127.0.0.1,127.0.0.2,slow"],
      [],
    );
    assertEquals(stderr, "");
    assertEquals(stdout, "timed out,timed out\ntrue\n");
  },
});

Deno.test("create_server() with reuse_port shares a port with another", () => {
  const options = { reuse_port: true };
  using first = socket.create_server(["127.0.0.1", 0], options);
  const address = first.getsockname();
  if (Deno.build.os === "linux") {
    using second = socket.create_server(address, options);
    assertEquals(second.getsockname(), address);
  }
  assertThrows(() => socket.create_server(address), socket.OSError);
});

Deno.test("create_server() takes a negative backlog for 0, as Python", async () => {
  using server = socket.create_server(["127.0.0.1", 0], { backlog: -5 });
  using client = await within(
    socket.create_connection(server.getsockname()),
  );
  const [conn, address] = await within(server.accept());
  conn.close();
  assertEquals(address, client.getsockname());
});

/** What Python says, but for the number and its form of an address. */
const refusals: [theirs: string, ours: () => unknown][] = [
  [
    "create_server(('127.0.0.1', 0), dualstack_ipv6=True)",
    () => socket.create_server(["127.0.0.1", 0], { dualstack_ipv6: true }),
  ],
  [
    "create_server(('127.0.0.1', 80000))",
    () => socket.create_server(["127.0.0.1", 80_000]),
  ],
  [
    "create_server('127.0.0.1')",
    () => socket.create_server("127.0.0.1" as never),
  ],
  [
    "create_server(('127.0.0.1', 0), backlog='1')",
    () => socket.create_server(["127.0.0.1", 0], { backlog: "1" as never }),
  ],
  [
    "create_server(('127.0.0.1', 0), family=99)",
    () => socket.create_server(["127.0.0.1", 0], { family: 99 }),
  ],
  [
    "create_server(('::1', 0))",
    () => socket.create_server(["::1", 0]),
  ],
];

const theirs = await pythonOutcomes(refusals.map(([code]) => code));

for (const [i, [code, ours]] of refusals.entries()) {
  Deno.test({
    name: `${code} is refused as in Python, and leaves nothing open`,
    ignore: theirs[i] === undefined,
    fn() {
      const next = nextDescriptor();
      const error = assertThrows(ours, Error);
      const [name, ...rest] = theirs[i]!.split(":");
      const names: Record<string, string> = {
        ValueError: "RangeError",
        OverflowError: "RangeError",
        gaierror: "OSError",
      };
      assertEquals(error.name, names[name!] ?? name, rest.join(":"));
      assertEquals(nextDescriptor(), next);
    },
  });
}

Deno.test("socketpair() makes a pair whatever the default timeout, which both ends have", async () => {
  for (const timeout of [0, 0.000_001, 3]) {
    socket.setdefaulttimeout(timeout);
    try {
      const [a, b] = await within(socket.socketpair());
      assertEquals([a.gettimeout(), b.gettimeout()], [timeout, timeout]);
      a.close();
      b.close();
    } finally {
      socket.setdefaulttimeout(null);
    }
  }
});

Deno.test("socketpair() leaves nothing open beside the pair", async () => {
  const next = nextDescriptor();
  const [a, b] = await within(socket.socketpair());
  const [host, port] = a.getsockname();
  await assertRejects(
    () => within(socket.create_connection([host, port])),
    socket.ConnectionRefusedError,
  );
  assertInstanceOf(a, socket.Socket);
  a.close();
  b.close();
  assertEquals(nextDescriptor(), next);
});
