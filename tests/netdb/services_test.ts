import {
  assertEquals,
  assertGreater,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { python, runPython } from "../support/python.ts";

const { getprotobyname, getservbyname, getservbyport, OSError } = socket;

/** Names and aliases with their ports, for each protocol that has them. */
const known: readonly [name: string, protocol: string, port: number][] = [
  ["echo", "tcp", 7],
  ["echo", "udp", 7],
  ["discard", "tcp", 9],
  ["ftp-data", "tcp", 20],
  ["ftp", "tcp", 21],
  ["ssh", "tcp", 22],
  ["telnet", "tcp", 23],
  ["smtp", "tcp", 25],
  ["mail", "tcp", 25],
  ["domain", "tcp", 53],
  ["domain", "udp", 53],
  ["tftp", "udp", 69],
  ["http", "tcp", 80],
  ["www", "tcp", 80],
  ["pop3", "tcp", 110],
  ["sunrpc", "udp", 111],
  ["ntp", "udp", 123],
  ["imap", "tcp", 143],
  ["snmp", "udp", 161],
  ["ldap", "tcp", 389],
  ["https", "tcp", 443],
  ["syslog", "udp", 514],
  ["ldaps", "tcp", 636],
  ["imaps", "tcp", 993],
  ["pop3s", "tcp", 995],
];

for (const [name, protocol, port] of known) {
  Deno.test(`getservbyname() knows ${name} of ${protocol}`, () => {
    assertEquals(getservbyname(name, protocol), port);
    assertEquals(getservbyname(name), port);
  });
}

Deno.test("getservbyname() without a protocol takes the first protocol that has the service", () => {
  assertEquals(getservbyname("tftp"), 69);
  assertEquals(getservbyname("dicom"), 104);
  assertEquals(getservbyname("amqp", "sctp"), 5672);
});

Deno.test("getservbyport() returns the name and not an alias", () => {
  assertEquals(getservbyport(80), "http");
  assertEquals(getservbyport(80, "tcp"), "http");
  assertEquals(getservbyport(53, "udp"), "domain");
  assertEquals(getservbyport(443), "https");
});

Deno.test("getservbyport() takes the protocol into account", () => {
  assertEquals(getservbyport(512), "exec");
  assertEquals(getservbyport(512, "tcp"), "exec");
  assertEquals(getservbyport(512, "udp"), "biff");
});

Deno.test("getprotobyname() knows names and aliases in their exact spelling", () => {
  assertEquals(getprotobyname("ip"), 0);
  assertEquals(getprotobyname("icmp"), socket.IPPROTO_ICMP);
  assertEquals(getprotobyname("tcp"), socket.IPPROTO_TCP);
  assertEquals(getprotobyname("TCP"), socket.IPPROTO_TCP);
  assertEquals(getprotobyname("udp"), socket.IPPROTO_UDP);
  assertEquals(getprotobyname("ipv6-icmp"), socket.IPPROTO_ICMPV6);
  assertEquals(getprotobyname("sctp"), socket.IPPROTO_SCTP);
});

const unknown: readonly [string, () => unknown, string][] = [
  ["of no service", () => getservbyname("no-such"), "service/proto not found"],
  ["of no text", () => getservbyname(""), "service/proto not found"],
  ["in capitals", () => getservbyname("HTTP"), "service/proto not found"],
  ["of udp", () => getservbyname("ssh", "udp"), "service/proto not found"],
  ["of no protocol", () => getservbyname("ssh", ""), "service/proto not found"],
  ["of port 0", () => getservbyport(0), "port/proto not found"],
  ["of port 65535", () => getservbyport(65535), "port/proto not found"],
  ["of a udp port", () => getservbyport(22, "udp"), "port/proto not found"],
  ["a protocol", () => getprotobyname("no-such"), "protocol not found"],
  ["a protocol by case", () => getprotobyname("Tcp"), "protocol not found"],
];

for (const [what, call, message] of unknown) {
  Deno.test(`services and protocols: ${message}, ${what}`, () => {
    const error = assertThrows(call, OSError, message);
    assertEquals(error.code, "EINVAL");
    assertStrictEquals(error.constructor, OSError);
  });
}

// deno-lint-ignore no-explicit-any
const any = (value: unknown): any => value;

const wrong: readonly [
  () => unknown,
  typeof TypeError | typeof RangeError,
  string,
][] = [
  [
    () => getservbyname(any(80)),
    TypeError,
    "Cannot call getservbyname: servicename must be a string, received 80",
  ],
  [
    () => getservbyname("http", any(null)),
    TypeError,
    "Cannot call getservbyname: protocolname must be a string, received null",
  ],
  [
    () => getservbyname("a\0b"),
    RangeError,
    "Cannot call getservbyname: servicename must not contain a NUL",
  ],
  [
    () => getservbyport(any("80")),
    TypeError,
    'Cannot call getservbyport: port must be an integer, received "80"',
  ],
  [
    () => getservbyport(80.5),
    TypeError,
    "Cannot call getservbyport: port must be an integer, received 80.5",
  ],
  [
    () => getservbyport(-1),
    RangeError,
    "Cannot call getservbyport: port must be 0 to 65535, received -1",
  ],
  [
    () => getservbyport(65536),
    RangeError,
    "Cannot call getservbyport: port must be 0 to 65535, received 65536",
  ],
  [
    () => getservbyport(80, any(6)),
    TypeError,
    "Cannot call getservbyport: protocolname must be a string, received 6",
  ],
  [
    () => getprotobyname(any(6)),
    TypeError,
    "Cannot call getprotobyname: protocolname must be a string, received 6",
  ],
  [
    () => getprotobyname("tcp\0"),
    RangeError,
    "Cannot call getprotobyname: protocolname must not contain a NUL",
  ],
];

for (const [call, Class, message] of wrong) {
  Deno.test(`services and protocols: ${message}`, () => {
    const error = assertThrows(call, Class);
    assertStringIncludes(error.message, message);
  });
}

Deno.test({
  name: "services and protocols need no permission",
  permissions: "none",
  fn: () => {
    assertEquals(getservbyname("http"), 80);
    assertEquals(getservbyport(80), "http");
    assertEquals(getprotobyname("tcp"), 6);
  },
});

/** What Python says of every name and port in the system's tables. */
interface Theirs {
  services: [name: string, protocol: string | null, port: number][];
  ports: [port: number, protocol: string | null, name: string][];
  protocols: [name: string, number: number][];
}

const glibc = python !== null && Deno.build.os === "linux";
const unless = glibc ? "" : " (skipped: no python3 on Linux)";

function ours<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof OSError) return undefined;
    throw error;
  }
}

Deno.test({
  name: `services and protocols agree with python3's${unless}`,
  ignore: !glibc,
  fn: async () => {
    const theirs: Theirs = JSON.parse(
      await runPython(`
import json, socket
def rows(path):
    try:
        with open(path) as file:
            for line in file:
                words = line.split("#")[0].split()
                if len(words) > 1: yield words
    except FileNotFoundError: pass
def each(calls):
    for key, protocol, call in calls:
        try: yield key, protocol, call(*([key] if protocol is None else [key, protocol]))
        except OSError: pass
names = {name for name, _, *aliases in rows("/etc/services") for name in [name, *aliases]}
numbered = {int(port.split("/")[0]) for _, port, *_ in rows("/etc/services")}
protocols = {name for name, _, *aliases in rows("/etc/protocols") for name in [name, *aliases]}
kinds = None, "tcp", "udp"
print(json.dumps({
  "services": [*each((n, k, socket.getservbyname) for n in sorted(names) for k in kinds)],
  "ports": [*each((p, k, socket.getservbyport) for p in sorted(numbered) for k in kinds)],
  "protocols": [(n, p) for n, _, p in each((n, None, socket.getprotobyname) for n in sorted(protocols))],
}))`),
    );
    let services = 0;
    for (const [name, protocol, port] of theirs.services) {
      const own = ours(() => getservbyname(name, protocol ?? undefined));
      if (own === undefined) continue;
      assertEquals(own, port, `${name} ${protocol}`);
      services++;
    }
    let ports = 0;
    for (const [port, protocol, name] of theirs.ports) {
      const own = ours(() => getservbyport(port, protocol ?? undefined));
      if (own === undefined) continue;
      // Distributions differ in which name comes first, "imap" or "imap2".
      const same = own === name ||
        ours(() => getservbyname(name, protocol ?? undefined)) === port;
      assertEquals(same ? name : own, name, `${port} ${protocol}`);
      ports++;
    }
    let protocols = 0;
    for (const [name, number] of theirs.protocols) {
      const own = ours(() => getprotobyname(name));
      if (own === undefined) continue;
      assertEquals(own, number, name);
      protocols++;
    }
    if (theirs.services.length > 0) assertGreater(services, 100);
    if (theirs.ports.length > 0) assertGreater(ports, 100);
    if (theirs.protocols.length > 0) assertGreater(protocols, 20);
  },
});
