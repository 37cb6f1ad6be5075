import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { denoCommand, runDeno } from "../support/child.ts";
import { hasNamespaces, runOffline } from "../support/namespace.ts";
import { python, runPython } from "../support/python.ts";

const {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_UNSPEC,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  NI_DGRAM,
  NI_NAMEREQD,
  NI_NOFQDN,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} = socket;

/** The name of a function of `socket` and its arguments. */
type Call = readonly [name: string, ...args: unknown[]];

const theirProgram = `
import json, socket, sys
kinds = {"ValueError": "RangeError", "OverflowError": "RangeError"}
def outcome(name, *args):
    try:
        if name == "getnameinfo": args = (tuple(args[0]), *args[1:])
        value = getattr(socket, name)(*args)
        if name == "gethostbyaddr": value[1].clear() # Deno tells no aliases.
        return value
    except UnicodeError: # A name that IDNA refuses is an unknown one here.
        return ["error", "gaierror", socket.EAI_NONAME]
    except Exception as error:
        kind = type(error).__name__
        return ["error", kinds.get(kind, kind), getattr(error, "errno", None)]
print(json.dumps([outcome(*call) for call in json.loads(sys.argv[1])]))`;

/** The same in TypeScript; an error without a number in Python has none here. */
const ourProgram = `
import * as socket from "@pystd/socket";
const calls = JSON.parse(Deno.args[0]);
const outcomes = [];
for (const [name, ...args] of calls) {
  try {
    outcomes.push(await socket[name](...args));
  } catch (error) {
    const numbered = error instanceof socket.OSError && error.code !== "EINVAL";
    outcomes.push(["error", error.name, numbered ? error.errno : null]);
  }
}
console.log(JSON.stringify(outcomes));`;

/** Compares outcomes one by one, so that the first difference names its call. */
function assertSame(
  calls: readonly Call[],
  ours: readonly unknown[],
  theirs: readonly unknown[],
): void {
  assertEquals(ours.length, calls.length);
  for (const [index, call] of calls.entries()) {
    const what = JSON.stringify(call);
    assertEquals([what, ours[index]], [what, theirs[index]]);
  }
}

/** Hosts that need no name looked up, but for `localhost` in the hosts file. */
const numeric = [
  "127.0.0.1",
  "127.1",
  "0x7f.1",
  "0127.0.0.1",
  "256.1.1.1",
  "4294967295",
  "127.0.0.1.",
  " 127.0.0.1",
  "１２７.０.０.1",
  "127。0。0。1",
  "::1",
  "::",
  "1:2:3:4:5:6:7:8",
  "::FFFF",
  "::ffff:1.2.3.4",
  "::1.2.3.4",
  "fe80::1%1",
  "fe80::1%99",
  "fe80::1%",
  "fe80::1%4294967296",
  "ff02::1%1",
  "::1%1",
  "::1%01",
  "::1%lo",
  ":::",
  "",
  "*",
];

const families = [AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX, 99];

const services = [
  80,
  0,
  65535,
  null,
  "",
  "*",
  "80",
  " 80",
  "+80",
  "-80",
  "-0",
  "080",
  "80 ",
  "0x50",
  "http",
  "www",
  "HTTP",
  "domain",
  "tftp",
  "ssh",
  "amqp",
  "no-such",
];

const types: readonly [type: number, proto: number][] = [
  [0, 0],
  [SOCK_STREAM, 0],
  [SOCK_DGRAM, 0],
  [SOCK_RAW, 0],
  [SOCK_SEQPACKET, 0],
  [4, 0],
  [6, 0],
  [99, 0],
  [0, 6],
  [0, 17],
  [0, 132],
  [0, 136],
  [0, 99],
  [SOCK_STREAM, 6],
  [SOCK_STREAM, 17],
  [SOCK_STREAM, 132],
  [SOCK_RAW, 99],
];

/** Every set of the flags that need no name looked up. */
const flags = [...Array(64).keys()].map((bits) =>
  [
    AI_PASSIVE,
    AI_CANONNAME,
    AI_NUMERICHOST,
    AI_NUMERICSERV,
    AI_V4MAPPED,
    AI_ALL,
  ].reduce((all, flag, n) => bits >> n & 1 ? all | flag : all, 0)
);

const nameFlags = [
  NI_NUMERICHOST,
  NI_NUMERICHOST | NI_NUMERICSERV,
  NI_NUMERICHOST | NI_DGRAM,
  NI_NUMERICHOST | NI_NAMEREQD,
  0x1000,
];

const withoutNames: readonly Call[] = [
  ...numeric.flatMap((host) =>
    families.map((family): Call => [
      "getaddrinfo",
      host,
      80,
      family,
      SOCK_STREAM,
      0,
      AI_NUMERICHOST,
    ])
  ),
  ...services.flatMap((service) =>
    types.map(([type, proto]): Call => [
      "getaddrinfo",
      "127.0.0.1",
      service,
      0,
      type,
      proto,
    ])
  ),
  ...[null, "127.0.0.1", "::1", "::ffff:1.2.3.4"].flatMap((host) =>
    ["80", "http", null].flatMap((service) =>
      [AF_INET, AF_INET6].flatMap((family) =>
        flags.map((each): Call => [
          "getaddrinfo",
          host,
          service,
          family,
          0,
          0,
          each,
        ])
      )
    )
  ),
  ["getaddrinfo", "127.0.0.1", 80, 0, 0, 0, 0x400000],
  ["getaddrinfo", null, null],
  ["getaddrinfo", "x".repeat(63) + "..", 80, 0, 0, 0, AI_NUMERICHOST],
  ...numeric.flatMap((host) =>
    nameFlags.flatMap((each): Call[] => [
      ["getnameinfo", [host, 80], each],
      ["getnameinfo", [host, 69, 0], each],
      ["getnameinfo", [host, 12345, 0, 99], each],
    ])
  ),
  ["getnameinfo", ["::1", 80, 0x100000], NI_NUMERICHOST],
  ["getnameinfo", ["::1"], NI_NUMERICHOST],
  ["getnameinfo", ["::1", 80, 0, 0, 0], NI_NUMERICHOST],
  ["getnameinfo", [1, 80], NI_NUMERICHOST],
  ["getnameinfo", ["::1", "80"], NI_NUMERICHOST],
  ["getaddrinfo", 5, 80],
  ["getaddrinfo", "::1", 80, "x"],
  ["gethostbyname", 5],
  ["gethostbyname", ""],
  ["gethostbyname", "<broadcast>"],
  ["gethostbyname", "255.255.255.255"],
  ["gethostbyname", "127.1"],
  ["gethostbyname", "::1"],
  ["gethostbyname", "::ffff:1.2.3.4"],
  ["gethostbyname", "*"],
  ["gethostbyname", "localhost"],
  ["gethostbyname_ex", "127.0.0.1"],
  ["gethostbyname_ex", "127.1"],
  ["gethostbyname_ex", "::1"],
  ["gethostbyaddr", ""],
  ["gethostbyaddr", "*"],
  ["gethostbyaddr", "127.0.0.1"],
  ["getfqdn", "127.0.0.1"],
  ["getnameinfo", ["127.0.0.1", 80], 0],
  ["getnameinfo", ["127.0.0.1", 80], NI_NAMEREQD],
];

const glibc = python !== null && Deno.build.os === "linux";

Deno.test({
  name: `netdb without names returns the results of python3${
    glibc ? "" : " (skipped: no python3 on Linux)"
  }`,
  ignore: !glibc,
  fn: async () => {
    // Interfaces go by their numbers where the program may not ask for them.
    const calls = withoutNames.filter((call) =>
      call[0] !== "getnameinfo" || !/^f[ef]/.test((call[1] as string[])[0]!)
    );
    const { stdout, stderr } = await runDeno({
      code: ourProgram,
      args: [JSON.stringify(calls)],
      permissions: ["--allow-net=127.0.0.1,localhost"],
    });
    const theirs = await runPython(theirProgram, [JSON.stringify(calls)]);
    assertEquals(stderr, "");
    assertSame(calls, JSON.parse(stdout), JSON.parse(theirs));
  },
});

/**
 * `both` has an alias, `four` and `six` one family each, `two` two addresses.
 * `localhost` is not `::1` too: glibc would give 127.0.0.1 twice then.
 */
const hosts = `
127.0.0.1 localhost
::1 ip6-localhost
10.1.2.3 both.example both
fd00::3 both.example
10.1.2.4 four.example
fd00::5 six.example
10.1.2.6 two.example
10.1.2.7 two.example
`;

const known = ["localhost", "both.example", "four.example", "six.example"];
const unknown = ["no-such.example", "localhost.", "ä"];
const refused = ["x".repeat(64), "a..b"];
const addresses = [
  "127.0.0.1",
  "::1",
  "10.1.2.3",
  "fd00::3",
  "10.1.2.99",
  "::",
];

const withNames: readonly Call[] = [
  ...[...known, "two.example", "BOTH.example", ...unknown, ...refused]
    .flatMap((host) =>
      [AF_UNSPEC, AF_INET, AF_INET6].flatMap((family) =>
        [0, AI_V4MAPPED, AI_V4MAPPED | AI_ALL, AI_NUMERICHOST].map(
          (flags): Call => ["getaddrinfo", host, 80, family, 1, 0, flags],
        )
      )
    ),
  ...known.map((host): Call => [
    "getaddrinfo",
    host,
    80,
    0,
    0,
    0,
    AI_CANONNAME,
  ]),
  ...[0, AI_PASSIVE].map((flags): Call => [
    "getaddrinfo",
    null,
    80,
    0,
    0,
    0,
    flags,
  ]),
  // Where there is no address but loopback.
  ...[AF_UNSPEC, AF_INET, AF_INET6].map((family): Call => [
    "getaddrinfo",
    "localhost",
    80,
    family,
    1,
    0,
    AI_ADDRCONFIG,
  ]),
  ...[...known, "two.example", "both", ...unknown, ...addresses].flatMap(
    (host): Call[] => [
      ["gethostbyname", host],
      ["gethostbyaddr", host],
      ["getfqdn", host],
    ],
  ),
  ...["<broadcast>", "both"].map((host): Call => ["getaddrinfo", host, 80]),
  ...refused.flatMap((host): Call[] => [
    ["gethostbyname", host],
    ["gethostbyname_ex", host],
    ["gethostbyaddr", host],
  ]),
  ...["four.example", "two.example", "10.1.2.3", ...unknown, "six.example"]
    .map((host): Call => ["gethostbyname_ex", host]),
  ...[...addresses, "localhost"].flatMap((host) =>
    [0, NI_NAMEREQD, NI_NOFQDN, NI_NUMERICHOST].map((flags): Call => [
      "getnameinfo",
      [host, 80],
      flags,
    ])
  ),
  ["getnameinfo", ["fe80::1", 80, 0, 1], NI_NUMERICHOST],
  ["getnameinfo", ["fe80::1", 80, 0, 99], NI_NUMERICHOST],
  ["getnameinfo", ["ff02::1", 80, 0, 1], NI_NUMERICHOST],
  ["getaddrinfo", "fe80::1%lo", 80, 0, SOCK_STREAM],
  ["getaddrinfo", "fe80::1%no-such", 80, 0, SOCK_STREAM],
  ["gethostname"],
  ["getfqdn"],
];

const both = glibc && hasNamespaces;

Deno.test({
  name: `netdb with names of a hosts file returns the results of python3${
    both ? "" : " (skipped: no python3, or no namespaces)"
  }`,
  ignore: !both,
  fn: async () => {
    const calls = JSON.stringify(withNames);
    const command = denoCommand({
      code: ourProgram,
      permissions: ["--allow-all"],
      args: [calls],
    });
    const ours = await runOffline(hosts, command, ourProgram);
    const theirs = await runOffline(
      hosts,
      [python!, "-c", theirProgram, calls],
    );
    assertEquals([ours.stderr, theirs.stderr], ["", ""]);
    assertSame(withNames, JSON.parse(ours.stdout), JSON.parse(theirs.stdout));
  },
});
