import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import { nextDescriptor } from "../support/descriptor.ts";
import { pythonOutcomes } from "../support/python.ts";
import { within } from "../support/within.ts";

Deno.test("create_server() listens, with the options of its arguments", () => {
  using server = socket.create_server(["127.0.0.1", 0], {
    backlog: 3,
    reuse_port: true,
  });
  const get = (option: number) => server.getsockopt(socket.SOL_SOCKET, option);
  assertEquals(get(socket.SO_ACCEPTCONN), 1);
  assertEquals(get(socket.SO_REUSEPORT), 1);
  assertEquals(
    get(socket.SO_REUSEADDR),
    Deno.build.os === "windows" ? 0 : 1,
  );
  using plain = socket.create_server(["127.0.0.1", 0]);
  assertEquals(plain.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT), 0);
});

Deno.test("create_server() accepts IPv4 on an IPv6 socket only with dualstack_ipv6", () => {
  const family = socket.AF_INET6;
  const v6only = (s: socket.Socket) =>
    s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY);
  using single = socket.create_server(["::1", 0], { family });
  assertEquals(v6only(single), 1);
  using dual = socket.create_server(["::1", 0], {
    family,
    dualstack_ipv6: true,
  });
  assertEquals(v6only(dual), 0);
  assertThrows(
    () => socket.create_server(["127.0.0.1", 0], { dualstack_ipv6: true }),
    RangeError,
    "requires AF_INET6",
  );
  assertEquals(socket.has_dualstack_ipv6(), true);
});

Deno.test("create_server() names the address that is in use, and closes its socket", () => {
  using server = socket.create_server(["127.0.0.1", 0]);
  const next = nextDescriptor();
  const error = assertThrows(
    () => socket.create_server(server.getsockname()),
    socket.OSError,
    "Address already in use (while attempting to bind on address",
  );
  assertEquals(error.code, "EADDRINUSE");
  assertStringIncludes(error.message, "127.0.0.1");
  assertEquals(nextDescriptor(), next);
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

Deno.test("create_server() treats a negative backlog as 0, as Python does", async () => {
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
    name: `${code} fails as in Python, and leaves nothing open`,
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
