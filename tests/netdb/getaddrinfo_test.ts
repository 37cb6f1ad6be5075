import { assertEquals, assertInstanceOf } from "@std/assert";
import * as socket from "@pystd/socket";
import { unknownHost } from "../support/addresses.ts";
import { within } from "../support/within.ts";

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
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} = socket;

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

Deno.test("getaddrinfo() returns the canonical name once", async () => {
  const all = await getaddrinfo("LOCALHOST", 80, AF_INET, 0, 0, AI_CANONNAME);
  assertEquals(all.map(([, , , name]) => name), ["localhost", "", ""]);
});

Deno.test("getaddrinfo() results create sockets that accept their addresses", async () => {
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
