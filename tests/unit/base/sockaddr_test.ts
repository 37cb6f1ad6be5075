import { assertEquals, assertThrows } from "@std/assert";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../src/base/constants.ts";
import { gaierror, OSError } from "../../../src/base/errors.ts";
import {
  denoHost,
  type InetSockaddr,
  isLocalhost,
  loopback,
  parseAddress,
  toPythonAddress,
  unspecified,
  wildcardToLoopback,
  withHost,
} from "../../../src/base/sockaddr.ts";

function host(family: number, value: unknown): InetSockaddr {
  return parseAddress("bind", family, value) as InetSockaddr;
}

const literals: readonly [family: number, given: string, host: string][] = [
  [AF_INET, "127.0.0.1", "127.0.0.1"],
  [AF_INET, "255.255.255.255", "255.255.255.255"],
  [AF_INET, "", "0.0.0.0"],
  [AF_INET, "<broadcast>", "255.255.255.255"],
  [AF_INET, "127.1", "127.0.0.1"],
  [AF_INET, "2130706433", "127.0.0.1"],
  [AF_INET, "0x7f000001", "127.0.0.1"],
  [AF_INET, "0X7F.1", "127.0.0.1"],
  [AF_INET, "0177.0.0.01", "127.0.0.1"],
  [AF_INET, "010.0.0.1", "8.0.0.1"],
  [AF_INET6, "::1", "::1"],
  [AF_INET6, "", "::"],
  [AF_INET6, "0:0:0:0:0:0:0:1", "::1"],
  [AF_INET6, "2001:DB8::A", "2001:db8::a"],
  [AF_INET6, "::ffff:127.0.0.1", "::ffff:127.0.0.1"],
  [AF_INET6, "::FFFF:7f00:1", "::ffff:127.0.0.1"],
  [AF_INET, "::ffff:127.0.0.1", "127.0.0.1"],
  [AF_INET, "::FFFF:7f00:1", "127.0.0.1"],
];
for (const [family, given, expected] of literals) {
  Deno.test(`parseAddress() takes "${given}" for the address ${expected}`, () => {
    const sockaddr = host(family, [given, 80]);
    assertEquals([sockaddr.host, sockaddr.isHostname, sockaddr.port], [
      expected,
      false,
      80,
    ]);
  });
}

const names: readonly string[] = [
  "localhost",
  "example.com",
  "face",
  "a.b",
  "1.2.3.4.5",
  "256.0.0.1",
  // No octal digit: not a number for inet_aton().
  "08.0.0.1",
  "127.0.0.1.",
  "1.2.3.",
  "0xg",
];
for (const name of names) {
  Deno.test(`parseAddress() takes "${name}" for a name`, () => {
    const sockaddr = host(AF_INET, [name, 80]);
    assertEquals([sockaddr.host, sockaddr.isHostname], [name, true]);
  });
}

Deno.test("parseAddress() keeps flowinfo and scope_id", () => {
  const sockaddr = host(AF_INET6, ["fe80::1", 80, 5, 2]);
  assertEquals([sockaddr.flowinfo, sockaddr.scopeId], [5, 2]);
  assertEquals(host(AF_INET6, ["::1", 80]).scopeId, 0);
  assertEquals(host(AF_INET6, ["::1", 80, 7]).flowinfo, 7);
});

Deno.test("parseAddress() takes a scope from the host", () => {
  const sockaddr = host(AF_INET6, ["fe80::1%3", 80]);
  assertEquals([sockaddr.host, sockaddr.scopeId], ["fe80::1", 3]);
  assertEquals(denoHost(sockaddr), "fe80::1%3");
});

const refused: readonly [
  family: number,
  value: unknown,
  Class: typeof TypeError | typeof RangeError,
  message: string,
][] = [
  [
    AF_INET,
    "127.0.0.1",
    TypeError,
    'an AF_INET address must be [host, port], received "127.0.0.1"',
  ],
  [
    AF_INET,
    undefined,
    TypeError,
    "an AF_INET address must be [host, port], received undefined",
  ],
  [
    AF_INET,
    { host: "127.0.0.1", port: 80 },
    TypeError,
    "an AF_INET address must be [host, port], received an object",
  ],
  [
    AF_INET,
    ["127.0.0.1"],
    TypeError,
    "an AF_INET address must be [host, port], received 1 parts",
  ],
  [
    AF_INET,
    ["127.0.0.1", 80, 0],
    TypeError,
    "an AF_INET address must be [host, port], received 3 parts",
  ],
  [AF_INET, [1, 80], TypeError, "host must be a string, received 1"],
  [AF_INET, [null, 80], TypeError, "host must be a string, received null"],
  [
    AF_INET,
    ["127.0.0.1", "80"],
    TypeError,
    'port must be an integer, received "80"; make it Number("80")',
  ],
  [
    AF_INET,
    ["127.0.0.1", 80_000],
    RangeError,
    "port must be 0 to 65535, received 80000",
  ],
  [
    AF_INET,
    ["a\0b", 80],
    RangeError,
    'host must not contain a NUL, received "a\\u0000b"',
  ],
  [
    AF_INET6,
    ["::1"],
    TypeError,
    "an AF_INET6 address must be [host, port, flowinfo, scope_id], the last two optional, received 1 parts",
  ],
  [
    AF_INET6,
    ["::1", 80, 0, 0, 0],
    TypeError,
    "an AF_INET6 address must be [host, port, flowinfo, scope_id], the last two optional, received 5 parts",
  ],
  [
    AF_INET6,
    ["::1", 80, 0x100000],
    RangeError,
    "flowinfo must be 0 to 1048575, received 1048576",
  ],
  [
    AF_INET6,
    ["::1", 80, 0, -1],
    RangeError,
    "scope_id must be 0 to 4294967295, received -1",
  ],
  [
    AF_INET6,
    ["::1", 80, 0, "lo"],
    TypeError,
    'scope_id must be an integer, received "lo"',
  ],
  [
    AF_UNIX,
    ["/tmp/x", 0],
    TypeError,
    "an AF_UNIX address must be a string, received an array",
  ],
  [AF_UNIX, "a\0b", RangeError, "path must not contain a NUL"],
];
for (const [family, value, Class, message] of refused) {
  Deno.test(`parseAddress() fails with: ${message.slice(0, 90)}`, () => {
    const error = assertThrows(
      () => parseAddress("bind", family, value),
      Class,
    );
    assertEquals(error.message, `Cannot bind: ${message}`);
  });
}

const impossible: readonly [
  family: number,
  host: string,
  code: string,
][] = [
  [AF_INET, "::1", "EAI_ADDRFAMILY"],
  [AF_INET6, "127.0.0.1", "EAI_ADDRFAMILY"],
  [AF_INET6, "127.1", "EAI_ADDRFAMILY"],
  [AF_INET6, ":::", "EAI_NONAME"],
  [AF_INET6, "::1%2%3", "EAI_NONAME"],
  [AF_INET6, "1:2:3", "EAI_NONAME"],
  [AF_INET, "127.0.0.1:80", "EAI_NONAME"],
  [AF_INET6, "[::1]", "EAI_NONAME"],
];
for (const [family, given, code] of impossible) {
  Deno.test(`parseAddress() refuses "${given}" with ${code}`, () => {
    const error = assertThrows(() => host(family, [given, 80]), gaierror);
    assertEquals(error.code, code);
  });
}

Deno.test("parseAddress() refuses the broadcast address over IPv6", () => {
  const error = assertThrows(
    () => host(AF_INET6, ["<broadcast>", 80]),
    OSError,
  );
  assertEquals(error.code, "EAFNOSUPPORT");
});

Deno.test("parseAddress() takes paths that fit, and abstract names", () => {
  const longest = Deno.build.os === "linux" ? 107 : 103;
  for (const path of ["/tmp/x", "x".repeat(longest), "\0abstract\0name"]) {
    assertEquals(parseAddress("bind", AF_UNIX, path), {
      family: AF_UNIX,
      path,
    });
  }
  const error = assertThrows(
    () => parseAddress("bind", AF_UNIX, "x".repeat(longest + 1)),
    OSError,
    "AF_UNIX path too long",
  );
  assertEquals(error.errno, new OSError(error.errno).errno);
});

Deno.test("wildcardToLoopback() replaces the wildcard by loopback", () => {
  assertEquals(
    wildcardToLoopback(host(AF_INET, ["", 80])),
    host(AF_INET, ["127.0.0.1", 80]),
  );
  assertEquals(
    wildcardToLoopback(host(AF_INET6, ["::", 80])),
    host(AF_INET6, ["::1", 80]),
  );
  const other = host(AF_INET, ["127.0.0.2", 80]);
  assertEquals(wildcardToLoopback(other), other);
});

Deno.test("withHost() replaces a name by an address", () => {
  const sockaddr = withHost(
    host(AF_INET, ["localhost", 80]),
    loopback(AF_INET),
  );
  assertEquals(sockaddr, host(AF_INET, ["127.0.0.1", 80]));
});

Deno.test("isLocalhost() knows the spellings of that name", () => {
  for (const name of ["localhost", "LocalHost", "localhost."]) {
    assertEquals(isLocalhost(name), true, name);
  }
  for (const name of ["localhost.test", "localhost..", "my-localhost", ""]) {
    assertEquals(isLocalhost(name), false, name);
  }
});

Deno.test("unspecified() has the shape of the family", () => {
  assertEquals(unspecified(AF_INET), ["0.0.0.0", 0]);
  assertEquals(unspecified(AF_INET6), ["::", 0, 0, 0]);
  assertEquals(unspecified(AF_UNIX), "");
});

const platform: readonly [
  family: number,
  addr: Deno.Addr,
  expected: unknown,
][] = [
  [AF_INET, { transport: "tcp", hostname: "127.0.0.1", port: 80 }, [
    "127.0.0.1",
    80,
  ]],
  [AF_INET6, { transport: "udp", hostname: "::1", port: 80 }, [
    "::1",
    80,
    0,
    0,
  ]],
  [AF_INET6, { transport: "tcp", hostname: "fe80::1%3", port: 80 }, [
    "fe80::1",
    80,
    0,
    3,
  ]],
  [AF_UNIX, { transport: "unix", path: "/tmp/x" }, "/tmp/x"],
  [
    AF_UNIX,
    { transport: "unixpacket", path: null } as unknown as Deno.UnixAddr,
    "",
  ],
];
for (const [family, addr, expected] of platform) {
  Deno.test(`toPythonAddress() returns ${Deno.inspect(expected)}`, () => {
    assertEquals<unknown>(toPythonAddress(family, addr), expected);
  });
}
