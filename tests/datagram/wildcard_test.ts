import { assertEquals } from "@std/assert";
import { hasNamespaces, runOffline } from "../support/namespace.ts";

/**
 * Addresses that a datagram socket has when it was bound to every interface and
 * connected, in a network of its own.
 */
async function addresses(
  addressing: string,
  peers: readonly string[],
  permissions: readonly string[],
): Promise<unknown> {
  const code = `
    import * as socket from "@pystd/socket";
    const all = [];
    for (const host of ${JSON.stringify(peers)}) {
      const family = host.includes(":") ? socket.AF_INET6 : socket.AF_INET;
      const s = socket.socket(family, socket.SOCK_DGRAM);
      await s.connect([host, 9]);
      all.push(s.getsockname()[0]);
      s.close();
    }
    console.log(JSON.stringify(all));`;
  const { stdout, stderr } = await runOffline("", [
    "sh",
    "-c",
    `${addressing}; exec "$@"`,
    "sh",
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    "--unstable-net",
    "--allow-net",
    ...permissions,
    "--import-map",
    "tests/offline/import_map.json",
    "-",
  ], code);
  return JSON.parse(stdout || JSON.stringify(stderr));
}

// Nothing is sent there; 192.0.2.0/24 and 2001:db8::/32 are for documentation.
const peers = ["127.0.0.1", "192.0.2.9", "192.0.2.1", "2001:db8::9", "::1"];
const one =
  "ip address add 192.0.2.1/24 dev lo; ip address add 2001:db8::1/64 dev lo nodad";
const sys = "--allow-sys=networkInterfaces";

const rows: readonly [
  name: string,
  addressing: string,
  permissions: readonly string[],
  expected: readonly string[],
][] = [
  ["the machine's only address, where interfaces are granted", one, [sys], [
    "127.0.0.1",
    "192.0.2.1",
    "192.0.2.1",
    "2001:db8::1",
    "::1",
  ]],
  ["the wildcard without that grant", one, [], [
    "127.0.0.1",
    "0.0.0.0",
    "0.0.0.0",
    "::",
    "::1",
  ]],
  [
    "the wildcard if the machine has several addresses",
    `${one}; ip address add 198.51.100.1/24 dev lo`,
    [sys],
    ["127.0.0.1", "0.0.0.0", "192.0.2.1", "2001:db8::1", "::1"],
  ],
];
for (const [name, addressing, permissions, expected] of rows) {
  Deno.test({
    name: `getsockname() of a socket connected from every interface is ${name}`,
    ignore: !hasNamespaces,
    fn: async () => {
      assertEquals(await addresses(addressing, peers, permissions), expected);
    },
  });
}
