import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { unknownHost } from "../support/addresses.ts";
import { runDeno } from "../support/child.ts";
import { within } from "../support/within.ts";

const { AF_INET, AF_INET6, AI_V4MAPPED, getaddrinfo, SOCK_STREAM } = socket;

Deno.test("getaddrinfo() looks up localhost with a grant for its name", async () => {
  const all = await within(getaddrinfo("localhost", 80, AF_INET, SOCK_STREAM));
  assertEquals(all, [[AF_INET, SOCK_STREAM, 6, "", ["127.0.0.1", 80]]]);
});

Deno.test({
  name: "getaddrinfo() accepts a grant for one port of the name",
  permissions: { net: ["localhost:8000"] },
  fn: async () => {
    const all = await within(getaddrinfo("localhost", 8000, AF_INET, 1));
    assertEquals(all, [[AF_INET, SOCK_STREAM, 6, "", ["127.0.0.1", 8000]]]);
    const error = await assertRejects(
      () => getaddrinfo("localhost", 8001, AF_INET, 1),
      socket.PermissionError,
    );
    assertStringIncludes(error.message, '"localhost:8001"');
  },
});

Deno.test({
  name: "getaddrinfo() of localhost accepts grants for its addresses alone",
  permissions: { net: ["127.0.0.1", "[::1]"] },
  fn: async () => {
    assertEquals(await getaddrinfo("localhost", 80, 0, SOCK_STREAM), [
      [AF_INET6, SOCK_STREAM, 6, "", ["::1", 80, 0, 0]],
      [AF_INET, SOCK_STREAM, 6, "", ["127.0.0.1", 80]],
    ]);
    assertEquals(await getaddrinfo("localhost", 80, AF_INET, SOCK_STREAM), [
      [AF_INET, SOCK_STREAM, 6, "", ["127.0.0.1", 80]],
    ]);
  },
});

Deno.test({
  name: "getaddrinfo() of localhost returns no address that is not granted",
  permissions: { net: ["127.0.0.1"] },
  fn: async () => {
    assertEquals(await getaddrinfo("localhost", 80, 0, SOCK_STREAM), [
      [AF_INET, SOCK_STREAM, 6, "", ["127.0.0.1", 80]],
    ]);
    assertEquals(
      await getaddrinfo("localhost", 80, AF_INET6, 1, 0, AI_V4MAPPED),
      [[AF_INET6, SOCK_STREAM, 6, "", ["::ffff:127.0.0.1", 80, 0, 0]]],
    );
    await assertRejects(
      () => getaddrinfo("localhost", 80, AF_INET6),
      socket.PermissionError,
    );
  },
});

const named: readonly [string, () => Promise<unknown>, string][] = [
  ["getaddrinfo()", () => getaddrinfo("localhost", 80), '"localhost:80"'],
  [
    "getaddrinfo() of null",
    () => getaddrinfo("localhost", null),
    '"localhost"',
  ],
  ["gethostbyname()", () => socket.gethostbyname("localhost"), '"localhost"'],
  [
    "gethostbyname_ex()",
    () => socket.gethostbyname_ex("localhost"),
    '"localhost"',
  ],
  [
    "gethostbyaddr()",
    () => socket.gethostbyaddr("127.0.0.1"),
    '"127.0.0.1"',
  ],
  [
    "getnameinfo()",
    () => socket.getnameinfo(["127.0.0.1", 80], 0),
    '"127.0.0.1"',
  ],
];

for (const [name, call, hint] of named) {
  Deno.test({
    name: `${name} without a grant names the one that it needs`,
    permissions: { net: false },
    fn: async () => {
      const error = await assertRejects(call, socket.PermissionError);
      assertEquals(error.code, "EACCES");
      assertStringIncludes(error.message, `${hint}, run again with`);
      assertStringIncludes(error.message, "--allow-net");
    },
  });
}

Deno.test({
  name: "getaddrinfo() with AI_ADDRCONFIG names the grant that it needs",
  permissions: "none",
  fn: async () => {
    const error = await assertRejects(
      () => getaddrinfo("::1", 80, 0, 0, 0, socket.AI_ADDRCONFIG),
      socket.PermissionError,
    );
    assertMatch(error.message, /networkInterfaces.*--allow-sys/);
  },
});

Deno.test("gethostname() without the permission names the flag to grant", () => {
  try {
    socket.gethostname();
  } catch (error) {
    assertInstanceOf(error, socket.PermissionError);
    assertMatch(error.message, /"hostname".*--allow-sys/);
    return;
  }
  throw new Error("gethostname() needs no permission");
});

Deno.test("gethostname() and getfqdn() with the permission return this machine's name", async () => {
  const { stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      console.log(socket.gethostname() === Deno.hostname());
      console.log(await socket.getfqdn("${unknownHost}"));
      console.log(await socket.getfqdn() === Deno.hostname());`,
    permissions: ["--allow-sys=hostname", `--allow-net=${unknownHost}`],
  });
  const [same, fqdn, own] = stdout.trim().split("\n");
  assertEquals([same, fqdn, own], ["true", unknownHost, "true"], stderr);
});

const unresolved: readonly [name: string, expected: string][] = [
  ["", "localhost"],
  ["0.0.0.0", "0.0.0.0"],
  ["::", "::"],
  [" 127.0.0.1 ", "127.0.0.1"],
  ["localhost", "localhost"],
  ["a b", "a b"],
  ["ü:80", "ü:80"],
];
for (const [name, expected] of unresolved) {
  Deno.test({
    name: `getfqdn() of ${JSON.stringify(name)} without a grant returns a name`,
    permissions: "none",
    fn: async () => assertEquals(await socket.getfqdn(name), expected),
  });
}

Deno.test("getfqdn() rejects with the reason of an aborted signal", async () => {
  const reason = new socket.OSError(5);
  const signal = AbortSignal.abort(reason);
  const error = await assertRejects(() => socket.getfqdn("x", { signal }));
  assertEquals(error === reason, true);
});
