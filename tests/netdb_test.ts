import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import * as socket from "../mod.ts";
import { unknownHost } from "./_support/addresses.ts";
import { runDeno } from "./_support/child.ts";
import { within } from "./_support/within.ts";

const {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_UNSPEC,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  getaddrinfo,
  NI_DGRAM,
  NI_NAMEREQD,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} = socket;

// deno-lint-ignore no-explicit-any
const any = (value: unknown): any => value;

/** What a call resolves to, or the code of its error. */
async function answer(call: Promise<unknown>): Promise<unknown> {
  try {
    return await within(call);
  } catch (error) {
    assertInstanceOf(error, socket.OSError);
    return error.code;
  }
}

type Args = Parameters<typeof getaddrinfo>;

const inet = (host: string, port = 80) =>
  [AF_INET, SOCK_STREAM, 6, "", [host, port]] as const;
const inet6 = (host: string, port = 80, scope = 0) =>
  [AF_INET6, SOCK_STREAM, 6, "", [host, port, 0, scope]] as const;

/** Calls for one stream socket, with their results or codes. */
const streams: readonly [string, Args, unknown][] = [
  ["IPv4", ["127.0.0.1", 80], [inet("127.0.0.1")]],
  ["IPv4 in two parts", ["127.1", 80], [inet("127.0.0.1")]],
  ["IPv4 in hexadecimal", ["0x7f.1", 80], [inet("127.0.0.1")]],
  ["IPv4 in octal", ["0127.0.0.1", 80], [inet("87.0.0.1")]],
  ["IPv4 as one number", ["4294967295", 80], [inet("255.255.255.255")]],
  ["IPv4 in wide digits", ["１２７.０.０.1", 80], [inet("127.0.0.1")]],
  ["IPv6", ["::1", 80], [inet6("::1")]],
  ["IPv6 written long", ["0:0::0:1", 80], [inet6("::1")]],
  ["IPv6 in capitals", ["::FFFF", 80], [inet6("::ffff")]],
  ["a scope", ["fe80::1%7", 80], [inet6("fe80::1", 80, 7)]],
  ["a scope of no link", ["::1%01", 80], [inet6("::1", 80, 1)]],
  ["a named scope of no link", ["::1%lo", 80], "EAI_NONAME"],
  ["an empty scope", ["fe80::1%", 80], "EAI_NONAME"],
  ["a scope too large", ["fe80::1%4294967296", 80], "EAI_NONAME"],
  ["the star", ["*", 80, AF_INET], [inet("127.0.0.1")]],
  ["a star and a star", ["*", "*"], "EAI_NONAME"],
  ["IPv4 of IPv6", ["127.0.0.1", 80, AF_INET6], "EAI_ADDRFAMILY"],
  ["IPv6 of IPv4", ["::1", 80, AF_INET], "EAI_ADDRFAMILY"],
  ["mapped IPv4", ["::ffff:1.2.3.4", 80], [inet6("::ffff:1.2.3.4")]],
  ["mapped of IPv4", ["::ffff:1.2.3.4", 80, AF_INET], [inet("1.2.3.4")]],
  ["no family of IPs", ["127.0.0.1", 80, AF_UNIX], "EAI_FAMILY"],
  ["no family", ["127.0.0.1", 80, 99], "EAI_FAMILY"],
  ["no name", [unknownHost, 80], "EAI_NONAME"],
  ["an empty name", ["", 80], "EAI_NONAME"],
  ["an empty label", ["a..b", 80], "EAI_NONAME"],
  ["a name with a space", ["a b", 80], "EAI_NONAME"],
  ["a name with a slash", ["ü/b", 80], "EAI_NONAME"],
  ["a broadcast", ["<broadcast>", 80], "EAI_NONAME"],
  ["this machine", [null, 80, AF_INET], [inet("127.0.0.1")]],
  ["this machine, IPv6", [null, 80, AF_INET6], [inet6("::1")]],
  ["nothing", [null, null], "EAI_NONAME"],
  ["no port", ["127.0.0.1", null], [inet("127.0.0.1", 0)]],
  ["an empty port", ["127.0.0.1", ""], [inet("127.0.0.1", 0)]],
  ["a port as text", ["127.0.0.1", "8000"], [inet("127.0.0.1", 8000)]],
  ["a port after a space", ["127.0.0.1", " +80"], [inet("127.0.0.1")]],
  ["the last port", ["127.0.0.1", 65535], [inet("127.0.0.1", 65535)]],
  ["a service", ["127.0.0.1", "http"], [inet("127.0.0.1")]],
  ["a service's alias", ["127.0.0.1", "www"], [inet("127.0.0.1")]],
  ["no service", ["127.0.0.1", "no-such"], "EAI_SERVICE"],
  ["a negative service", ["127.0.0.1", "-80"], "EAI_SERVICE"],
  ["a hexadecimal service", ["127.0.0.1", "0x50"], "EAI_SERVICE"],
  ["a service of UDP only", ["127.0.0.1", "tftp"], "EAI_SERVICE"],
];

for (const [what, args, expected] of streams) {
  Deno.test({
    name: `getaddrinfo() of ${what}`,
    permissions: "none",
    fn: async () => {
      const [host, port, family = 0] = args;
      assertEquals(
        await answer(getaddrinfo(host, port, family, SOCK_STREAM)),
        expected,
      );
    },
  });
}

/** Kinds of sockets at 127.0.0.1, for a port, a type and a protocol. */
const kinds: readonly [
  port: string | number | null,
  type: number,
  proto: number,
  expected: [type: number, proto: number, port: number][] | string,
][] = [
  [80, 0, 0, [[SOCK_STREAM, 6, 80], [SOCK_DGRAM, 17, 80], [SOCK_RAW, 0, 80]]],
  [null, 0, 0, [[SOCK_STREAM, 6, 0], [SOCK_DGRAM, 17, 0], [SOCK_RAW, 0, 0]]],
  ["http", 0, 0, [[SOCK_STREAM, 6, 80]]],
  ["domain", 0, 0, [[SOCK_STREAM, 6, 53], [SOCK_DGRAM, 17, 53]]],
  ["amqp", 0, 0, [
    [SOCK_STREAM, 6, 5672],
    [SOCK_STREAM, 132, 5672],
    [SOCK_SEQPACKET, 132, 5672],
  ]],
  ["echo", SOCK_DGRAM, 0, [[SOCK_DGRAM, 17, 7]]],
  ["ssh", SOCK_DGRAM, 0, "EAI_SERVICE"],
  ["amqp", 0, 132, [[SOCK_STREAM, 132, 5672]]],
  [80, SOCK_DGRAM, 0, [[SOCK_DGRAM, 17, 80]]],
  [80, 0, 6, [[SOCK_STREAM, 6, 80]]],
  [80, 0, 17, [[SOCK_DGRAM, 17, 80]]],
  [80, SOCK_SEQPACKET, 0, [[SOCK_SEQPACKET, 132, 80]]],
  [80, SOCK_STREAM, 17, "EAI_SOCKTYPE"],
  [80, 99, 0, "EAI_SOCKTYPE"],
  [80, SOCK_STREAM | socket.SOCK_NONBLOCK, 0, "EAI_SOCKTYPE"],
  [null, SOCK_RAW, 0, [[SOCK_RAW, 0, 0]]],
  [null, 0, 99, [[SOCK_RAW, 99, 0]]],
  [80, SOCK_RAW, 0, "EAI_SERVICE"],
  [80, 0, 99, "EAI_SERVICE"],
];

for (const [port, type, proto, expected] of kinds) {
  Deno.test(`getaddrinfo() of port ${port}, type ${type}, protocol ${proto}`, async () => {
    const found = await answer(
      getaddrinfo("127.0.0.1", port, AF_UNSPEC, type, proto),
    );
    assertEquals(
      found,
      typeof expected === "string" ? expected : expected.map((
        [type, proto, port],
      ) => [AF_INET, type, proto, "", ["127.0.0.1", port]]),
    );
  });
}

/** Flags, by their effect on a stream socket. */
const flagged: readonly [string, Args, number, unknown][] = [
  ["AI_PASSIVE", [null, 80], AI_PASSIVE, [inet("0.0.0.0"), inet6("::")]],
  ["no AI_PASSIVE", [null, 80], 0, [inet6("::1"), inet("127.0.0.1")]],
  ["AI_PASSIVE and a host", ["::1", 80], AI_PASSIVE, [inet6("::1")]],
  ["AI_CANONNAME", ["127.1", 80], AI_CANONNAME, [
    [AF_INET, SOCK_STREAM, 6, "127.1", ["127.0.0.1", 80]],
  ]],
  ["AI_CANONNAME of none", [null, 80], AI_CANONNAME, "EAI_BADFLAGS"],
  ["AI_NUMERICHOST", ["localhost", 80], AI_NUMERICHOST, "EAI_NONAME"],
  ["AI_NUMERICSERV", ["::1", "http"], AI_NUMERICSERV, "EAI_NONAME"],
  ["AI_NUMERICSERV and one", ["::1", "80"], AI_NUMERICSERV, [inet6("::1")]],
  ["AI_V4MAPPED", ["127.0.0.1", 80, AF_INET6], AI_V4MAPPED, [
    inet6("::ffff:127.0.0.1"),
  ]],
  ["AI_V4MAPPED of IPv4", ["127.0.0.1", 80], AI_V4MAPPED, [inet("127.0.0.1")]],
  ["AI_ALL alone", ["127.0.0.1", 80, AF_INET6], AI_ALL, "EAI_ADDRFAMILY"],
  ["AI_ALL", ["::1", 80, AF_INET6], AI_ALL | AI_V4MAPPED, [inet6("::1")]],
  ["an unknown flag", ["::1", 80], 0x400000, "EAI_BADFLAGS"],
];

for (const [what, [host, port, family = 0], flags, expected] of flagged) {
  Deno.test({
    name: `getaddrinfo() with ${what}`,
    permissions: "none",
    fn: async () => {
      assertEquals(
        await answer(getaddrinfo(host, port, family, SOCK_STREAM, 0, flags)),
        expected,
      );
    },
  });
}

Deno.test("getaddrinfo() gives the canonical name once", async () => {
  const all = await getaddrinfo("LOCALHOST", 80, AF_INET, 0, 0, AI_CANONNAME);
  assertEquals(all.map(([, , , name]) => name), ["localhost", "", ""]);
});

Deno.test("getaddrinfo() looks localhost up by its name's grant", async () => {
  const all = await within(getaddrinfo("localhost", 80, AF_INET, SOCK_STREAM));
  assertEquals(all, [[AF_INET, SOCK_STREAM, 6, "", ["127.0.0.1", 80]]]);
});

Deno.test({
  name: "getaddrinfo() takes a grant for one port of the name",
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
  name: "getaddrinfo() of localhost takes grants for its addresses alone",
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
  name: "getaddrinfo() of localhost gives no address that is not granted",
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
  ["getfqdn()", () => socket.getfqdn("localhost"), '"localhost"'],
];

for (const [name, call, hint] of named) {
  Deno.test({
    name: `${name} without a grant says which one it needs`,
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
  name: "getaddrinfo() with AI_ADDRCONFIG says which grant it needs",
  permissions: "none",
  fn: async () => {
    const error = await assertRejects(
      () => getaddrinfo("::1", 80, 0, 0, 0, socket.AI_ADDRCONFIG),
      socket.PermissionError,
    );
    assertMatch(error.message, /networkInterfaces.*--allow-sys/);
  },
});

Deno.test("getaddrinfo() results make sockets that take their addresses", async () => {
  using server = socket.socket();
  server.bind(["127.0.0.1", 0]);
  server.listen();
  const [, port] = server.getsockname();
  for (const res of await getaddrinfo("127.0.0.1", port, 0, SOCK_STREAM)) {
    const [af, socktype, proto, _canonname, sa] = res;
    using client = socket.socket(af, socktype, proto);
    await within(client.connect(sa));
    assertEquals(client.getpeername(), ["127.0.0.1", port]);
  }
  // With a family the address has its type: neither line needs a cast.
  const [four] = await getaddrinfo("127.0.0.1", port, AF_INET, SOCK_STREAM);
  const address: socket.InetAddress = four![4];
  const [six] = await getaddrinfo("::1", port, AF_INET6, SOCK_STREAM);
  const [, , , scope]: socket.Inet6Address = six![4];
  assertEquals([address, scope], [["127.0.0.1", port], 0]);
});

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

Deno.test("getnameinfo() and gethostbyaddr() name loopback alike", async () => {
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

Deno.test("gethostbyname_ex() gives name, no aliases, addresses", async () => {
  const { gethostbyname_ex } = socket;
  const all = await within(gethostbyname_ex("LOCALHOST"));
  assertEquals(all, ["localhost", [], ["127.0.0.1"]]);
  assertEquals(await gethostbyname_ex("127.1"), ["127.1", [], ["127.0.0.1"]]);
  assertEquals(await answer(gethostbyname_ex("::1")), "EAI_ADDRFAMILY");
  assertEquals(await answer(gethostbyname_ex("")), "HOST_NOT_FOUND");
});

Deno.test("gethostbyaddr() of a name that is unknown, or none, fails", async () => {
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

Deno.test("gethostname() without the permission says which flag to grant", () => {
  try {
    socket.gethostname();
  } catch (error) {
    assertInstanceOf(error, socket.PermissionError);
    assertMatch(error.message, /"hostname".*--allow-sys/);
    return;
  }
  throw new Error("gethostname() needs no permission");
});

Deno.test("gethostname() and getfqdn() with the permission name this machine", async () => {
  const { stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      console.log(socket.gethostname() === Deno.hostname());
      console.log(await socket.getfqdn("${unknownHost}"));
      await socket.getfqdn().catch((error) => console.log(error.message));`,
    permissions: ["--allow-sys=hostname", `--allow-net=${unknownHost}`],
  });
  const [same, fqdn, missing] = stdout.trim().split("\n");
  assertEquals([same, fqdn], ["true", unknownHost], stderr);
  assertMatch(missing ?? "", /^\[Errno \d+\] .*--allow-net/);
});

type Failure = readonly [
  () => Promise<unknown>,
  typeof TypeError | typeof RangeError,
  string,
];

const wrong: readonly Failure[] = [
  [
    () => getaddrinfo(any(5), 80),
    TypeError,
    "Cannot call getaddrinfo: host must be a string, received 5",
  ],
  [
    () => getaddrinfo(any(undefined), 80),
    TypeError,
    "Cannot call getaddrinfo: host must be a string, received undefined",
  ],
  [
    () => getaddrinfo("127.0.0.1\0", 80),
    RangeError,
    "Cannot call getaddrinfo: host must not contain a NUL",
  ],
  [
    () => getaddrinfo("::1", any(true)),
    TypeError,
    "Cannot call getaddrinfo: port must be a number, a string or null, received true",
  ],
  [
    () => getaddrinfo("::1", 80.5),
    TypeError,
    "Cannot call getaddrinfo: port must be an integer, received 80.5",
  ],
  [
    () => getaddrinfo("::1", 80000),
    RangeError,
    "Cannot call getaddrinfo: port must be 0 to 65535, received 80000",
  ],
  [
    () => getaddrinfo("::1", "80000"),
    RangeError,
    "Cannot call getaddrinfo: port must be 0 to 65535, received 80000",
  ],
  [
    () => getaddrinfo("::1", -1),
    RangeError,
    "Cannot call getaddrinfo: port must be 0 to 65535, received -1",
  ],
  [
    () => getaddrinfo("::1", "80\0"),
    RangeError,
    "Cannot call getaddrinfo: port must not contain a NUL",
  ],
  [
    () => getaddrinfo("::1", 80, any("x")),
    TypeError,
    'Cannot call getaddrinfo: family must be an integer, received "x"',
  ],
  [
    () => getaddrinfo("::1", 80, 2 ** 31),
    RangeError,
    "Cannot call getaddrinfo: family must fit in 32 bits",
  ],
  [
    () => getaddrinfo("::1", 80, 0, any({})),
    TypeError,
    "Cannot call getaddrinfo: type must be an integer, received an object",
  ],
  [
    () => getaddrinfo("::1", 80, 0, 0, 0, 0, any({ signal: 1 })),
    TypeError,
    "Cannot call getaddrinfo: signal must be an AbortSignal, received 1",
  ],
  [
    () => socket.getnameinfo(any("127.0.0.1"), 0),
    TypeError,
    "Cannot call getnameinfo: sockaddr must be [host, port]",
  ],
  [
    () => socket.getnameinfo(any(["127.0.0.1"]), 0),
    TypeError,
    "received 1 parts",
  ],
  [
    () => socket.getnameinfo(any(["127.0.0.1", "80"]), 0),
    TypeError,
    'Cannot call getnameinfo: port must be an integer, received "80"',
  ],
  [
    () => socket.getnameinfo(["127.0.0.1", 65536], 0),
    RangeError,
    "Cannot call getnameinfo: port must be 0 to 65535, received 65536",
  ],
  [
    () => socket.getnameinfo(["::1", 80, 0x100000], 0),
    RangeError,
    "Cannot call getnameinfo: flowinfo must be 0 to 1048575",
  ],
  [
    () => socket.getnameinfo(["::1", 80, 0, -1], 0),
    RangeError,
    "Cannot call getnameinfo: scope_id must be 0 to 4294967295, received -1",
  ],
  [
    () => socket.getnameinfo(["::1", 80], any(undefined)),
    TypeError,
    "Cannot call getnameinfo: flags must be an integer, received undefined",
  ],
  [
    () => socket.gethostbyname(any(null)),
    TypeError,
    "Cannot call gethostbyname: hostname must be a string, received null",
  ],
  [
    () => socket.gethostbyname_ex(any(5)),
    TypeError,
    "Cannot call gethostbyname_ex: hostname must be a string, received 5",
  ],
  [
    () => socket.gethostbyaddr("a\0b"),
    RangeError,
    "Cannot call gethostbyaddr: ip_address must not contain a NUL",
  ],
  [
    () => socket.getfqdn(any(5)),
    TypeError,
    "Cannot call getfqdn: name must be a string, received 5",
  ],
];

for (const [call, Class, message] of wrong) {
  Deno.test(`netdb: ${message}`, async () => {
    const error = await assertRejects(call, Class);
    assertStringIncludes(error.message, message);
  });
}

const reason = new Error("enough");
const signal = AbortSignal.abort(reason);

const aborted: readonly [string, () => Promise<unknown>][] = [
  ["getaddrinfo()", () => getaddrinfo("::1", 80, 0, 0, 0, 0, { signal })],
  ["getnameinfo()", () => socket.getnameinfo(["::1", 80], 0, { signal })],
  ["gethostbyname()", () => socket.gethostbyname("127.1", { signal })],
  ["gethostbyname_ex()", () => socket.gethostbyname_ex("127.1", { signal })],
  ["gethostbyaddr()", () => socket.gethostbyaddr("127.1", { signal })],
  ["getfqdn()", () => socket.getfqdn("127.1", { signal })],
];

for (const [name, call] of aborted) {
  Deno.test(`${name} with an aborted signal rejects with its reason`, async () => {
    assertStrictEquals(await call().catch((error) => error), reason);
  });
}

Deno.test("getaddrinfo() aborted while it waits rejects with the reason", async () => {
  const { code, stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      const aborter = new AbortController();
      const { signal } = aborter;
      const calls = [
        socket.getaddrinfo("localhost", 80, 0, 0, 0, 0, { signal }),
        socket.gethostbyaddr("127.0.0.1", { signal }),
        socket.getfqdn("127.0.0.1", { signal }),
      ];
      aborter.abort("enough");
      for (const { reason } of await Promise.allSettled(calls)) {
        console.log(reason);
      }`,
    permissions: ["--allow-net=localhost,127.0.0.1"],
  });
  assertEquals([code, stdout], [0, "enough\nenough\nenough\n"], stderr);
});
