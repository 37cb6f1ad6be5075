import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { processTest, runDeno } from "../support/child.ts";

const { getaddrinfo } = socket;

// deno-lint-ignore no-explicit-any
const any = (value: unknown): any => value;

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
    () => getaddrinfo("::1", 80, 0, any([])),
    TypeError,
    "Cannot call getaddrinfo: type must be an integer, received an array",
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

const twice: readonly [string, () => Promise<unknown> | unknown, string][] = [
  [
    "family",
    () => getaddrinfo("::1", 80, 10, any({ family: 2 })),
    "Cannot call getaddrinfo: family was given twice, as an argument and in the options",
  ],
  [
    "flags",
    () => getaddrinfo("::1", 80, 0, 0, 0, 0, any({ flags: 0 })),
    "Cannot call getaddrinfo: flags was given twice, as an argument and in the options",
  ],
  [
    "options",
    () => getaddrinfo("::1", 80, { type: 1 }, 0),
    "Cannot call getaddrinfo: options come last",
  ],
  [
    "an unknown option",
    () => getaddrinfo("::1", 80, any({ kind: 1 })),
    'Cannot call getaddrinfo: no option "kind"',
  ],
  [
    "name",
    () => socket.getfqdn("x", any({ name: "y" })),
    "Cannot call getfqdn: name was given twice, as an argument and in the options",
  ],
];
for (const [name, call, message] of twice) {
  Deno.test(`netdb: ${name} in the wrong position fails with a TypeError`, async () => {
    const error = await assertRejects(
      () => Promise.resolve().then(call),
      TypeError,
    );
    assertStringIncludes(error.message, message);
  });
}

Deno.test("getaddrinfo() takes every optional argument by name", async () => {
  const { AF_INET6, AI_NUMERICHOST, SOCK_DGRAM } = socket;
  const expected = await getaddrinfo(
    "::1",
    80,
    AF_INET6,
    SOCK_DGRAM,
    17,
    AI_NUMERICHOST,
  );
  const proto = 17;
  const flags = AI_NUMERICHOST;
  const type = SOCK_DGRAM;
  for (
    const all of [
      await getaddrinfo("::1", 80, { family: AF_INET6, type, proto, flags }),
      await getaddrinfo("::1", 80, AF_INET6, { type, proto, flags }),
      await getaddrinfo("::1", 80, AF_INET6, type, { proto, flags }),
      await getaddrinfo("::1", 80, AF_INET6, type, proto, { flags }),
      await getaddrinfo("::1", 80, undefined, undefined, undefined, undefined, {
        signal: new AbortController().signal,
      }).then((all) => all.filter(([, each]) => each === type)),
    ]
  ) {
    assertEquals(all, expected);
  }
});

Deno.test("functions about services and getfqdn() take options by name", async () => {
  assertEquals(socket.getservbyname("domain", { protocolname: "udp" }), 53);
  assertEquals(socket.getservbyport(53, { protocolname: "udp" }), "domain");
  assertEquals(await socket.getfqdn({ name: "a b" }), "a b");
});

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

processTest(
  "getaddrinfo() aborted while it waits rejects with the reason",
  async () => {
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
  },
);
