import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { unknownHost } from "../support/addresses.ts";
import { within } from "../support/within.ts";

const { NI_DGRAM, NI_NAMEREQD, NI_NUMERICHOST, NI_NUMERICSERV } = socket;

/** What a call resolves to, or the code of its error. */
async function answer(call: Promise<unknown>): Promise<unknown> {
  try {
    return await within(call);
  } catch (error) {
    assertInstanceOf(error, socket.OSError);
    return error.code;
  }
}

const names: readonly [
  Parameters<typeof socket.getnameinfo>[0],
  number,
  unknown,
][] = [
  [["127.0.0.1", 80], NI_NUMERICHOST | NI_NUMERICSERV, ["127.0.0.1", "80"]],
  [["127.0.0.1", 80], NI_NUMERICHOST, ["127.0.0.1", "http"]],
  [["127.1", 53], NI_NUMERICHOST, ["127.0.0.1", "domain"]],
  [["127.0.0.1", 69], NI_NUMERICHOST, ["127.0.0.1", "69"]],
  [["127.0.0.1", 69], NI_NUMERICHOST | NI_DGRAM, ["127.0.0.1", "tftp"]],
  [["127.0.0.1", 65535], NI_NUMERICHOST, ["127.0.0.1", "65535"]],
  [["127.0.0.1", 80], NI_NUMERICHOST | NI_NAMEREQD, "EAI_NONAME"],
  [["127.0.0.1", 80], 0x1000, "EAI_BADFLAGS"],
  [["localhost", 80], 0, "EAI_NONAME"],
  [["", 80], 0, "EAI_NONAME"],
  [["127.0.0.1", 80, 0], NI_NUMERICHOST, "EINVAL"],
  [["::1", 80], NI_NUMERICHOST, ["::1", "http"]],
  [["::1", 80, 0], NI_NUMERICHOST, ["::1", "http"]],
  [["::1", 80, 0, 1], NI_NUMERICHOST, ["::1%1", "http"]],
  [["fe80::1", 80, 0, 999999], NI_NUMERICHOST, ["fe80::1%999999", "http"]],
  [["fe80::1%7", 80], NI_NUMERICHOST, ["fe80::1", "http"]],
  [["::FFFF:1.2.3.4", 80], NI_NUMERICHOST, ["::ffff:1.2.3.4", "http"]],
];

for (const [sockaddr, flags, expected] of names) {
  Deno.test({
    name: `getnameinfo() of ${JSON.stringify(sockaddr)}, flags ${flags}`,
    permissions: "none",
    fn: async () => {
      assertEquals(
        await answer(socket.getnameinfo(sockaddr, flags)),
        expected,
      );
    },
  });
}

Deno.test("getnameinfo() and gethostbyaddr() return the same name for loopback", async () => {
  const [host, service] = await within(
    socket.getnameinfo(["127.0.0.1", 80], NI_NAMEREQD),
  );
  assertMatch(host, /^[\w.-]+$/);
  assertEquals(service, "http");
  assertEquals(
    await within(socket.gethostbyaddr("127.1")),
    [host, [], ["127.0.0.1"]],
  );
  assertEquals(await within(socket.getfqdn(" 127.0.0.1 ")), host);
});

const hosts: readonly [string, string][] = [
  ["localhost", "127.0.0.1"],
  ["127.0.0.1", "127.0.0.1"],
  ["127.1", "127.0.0.1"],
  ["::ffff:1.2.3.4", "1.2.3.4"],
  ["", "0.0.0.0"],
  ["<broadcast>", "255.255.255.255"],
  ["255.255.255.255", "255.255.255.255"],
  ["::1", "EAI_ADDRFAMILY"],
  ["*", "EAI_NONAME"],
  [unknownHost, "EAI_NONAME"],
];

for (const [host, expected] of hosts) {
  Deno.test(`gethostbyname() of ${JSON.stringify(host)} is ${expected}`, async () => {
    assertEquals(await answer(socket.gethostbyname(host)), expected);
  });
}

Deno.test("gethostbyname_ex() returns the name, no aliases, and the addresses", async () => {
  const { gethostbyname_ex } = socket;
  const all = await within(gethostbyname_ex("LOCALHOST"));
  assertEquals(all, ["localhost", [], ["127.0.0.1"]]);
  assertEquals(await gethostbyname_ex("127.1"), ["127.1", [], ["127.0.0.1"]]);
  const [ascii] = await gethostbyname_ex("１２７.0.0.1");
  assertEquals(ascii, "127.0.0.1");
  assertEquals((await gethostbyname_ex("ｌｏｃａｌｈｏｓｔ"))[0], "localhost");
  assertEquals(await answer(gethostbyname_ex("::1")), "EAI_ADDRFAMILY");
  assertEquals(await answer(gethostbyname_ex("")), "HOST_NOT_FOUND");
});

Deno.test("gethostbyaddr() of an unknown or empty name fails", async () => {
  const { gaierror, gethostbyaddr } = socket;
  const unknown = await assertRejects(
    () => gethostbyaddr(unknownHost),
    gaierror,
  );
  assertEquals(unknown.code, "EAI_NONAME");
  const none = await assertRejects(
    () => gethostbyaddr(""),
    socket.OSError,
    "wildcard resolved to multiple address",
  );
  assertEquals(none.code, "EINVAL");
});
