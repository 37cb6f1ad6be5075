import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { checkTogether, runDeno, startDeno } from "../support/child.ts";
import { canRun } from "../support/process.ts";
import { python, pythonOutcomes, startPython } from "../support/python.ts";
import { canSeeRealOptions, realOption } from "../support/real_option.ts";
import { unboundUdp } from "../support/udp.ts";
import { udpApis, useUdpApi } from "../support/udp_api.ts";
import { within } from "../support/within.ts";

/**
 * All on loopback: the interface is 127.0.0.1, what is sent leaves from there,
 * and no further than the TTL lets it. The group is this process's own: Linux
 * hands what another program's membership lets in to a socket that has left.
 */
const GROUP = `239.255.${Deno.pid >> 8 & 255}.${Deno.pid & 255}`;
const grants = [`--allow-net=127.0.0.1,${GROUP}`];
const onLinux = Deno.build.os === "linux";

const prelude = `
  import * as socket from "@pystd/socket";
  const { AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, inet_aton } = socket;
  const GROUP = "${GROUP}", LO = "127.0.0.1";
  const bytes = (text) => new TextEncoder().encode(text);
  const text = (data) => new TextDecoder().decode(data);
  const mreq = (group = GROUP, address = LO, index) => {
    const data = new Uint8Array(index === undefined ? 8 : 12);
    data.set(inet_aton(group));
    data.set(inet_aton(address), 4);
    if (index) new DataView(data.buffer).setInt32(8, index, true);
    return data;
  };
  const mreq6 = (group, index = 1) => {
    const data = new Uint8Array(20);
    data.set(socket.inet_pton(AF_INET6, group));
    new DataView(data.buffer).setUint32(16, index, true);
    return data;
  };
  const udp = (family = AF_INET) => {
    const s = socket.socket(family, socket.SOCK_DGRAM);
    s.settimeout(0.3);
    return s;
  };
  const ip = (s, name, value) => s.setsockopt(IPPROTO_IP, socket[name], value);
  const join = (s, value) => ip(s, "IP_ADD_MEMBERSHIP", value);
  const leave = (s, value) => ip(s, "IP_DROP_MEMBERSHIP", value);
  const sender = (ttl = 1) => {
    const s = udp();
    s.bind([LO, 0]);
    ip(s, "IP_MULTICAST_TTL", ttl);
    return s;
  };
  const outcome = async (call) => {
    try {
      const value = await call() ?? null;
      return JSON.stringify(value instanceof Uint8Array ? [...value] : value);
    } catch (error) {
      return error.name + ": " + error.message;
    }
  };
  const print = async (call) => console.log(await outcome(call));
`;

async function run(code: string, unstable: boolean): Promise<string[]> {
  const { stdout, stderr, code: status } = await runDeno({
    code: prelude + code,
    permissions: grants,
    unstable,
  });
  assertEquals([status, stderr], [0, ""], stdout);
  return stdout.trimEnd().split("\n");
}

/** Whether a datagram to the group arrives here. */
const arrives = canRun && onLinux && (await run(
      `
  const r = udp();
  r.bind([GROUP, 0]);
  join(r, mreq());
  await print(async () => {
    await sender().sendto(bytes("x"), r.getsockname());
    return text(await r.recv(9));
  });`,
      false,
    )).join() === '"x"';
if (canRun && !arrives) {
  console.warn("No multicast on loopback here: its tests skip");
}

const programs: readonly [what: string, code: string, prints: string[]][] = [
  [
    "a member receives, joined before or after bind(), until it leaves",
    `
    for (const early of [true, false]) {
      const r = udp();
      if (early) join(r, mreq());
      r.bind([GROUP, 0]);
      if (!early) join(r, mreq());
      const s = sender();
      await s.sendto(bytes("in"), r.getsockname());
      await print(async () => {
        const [data, [host, port]] = await r.recvfrom(9);
        return [text(data), host, port === s.getsockname()[1]];
      });
      leave(r, mreq());
      await new Promise((resolve) => setTimeout(resolve, 0));
      await s.sendto(bytes("out"), r.getsockname());
      await print(() => r.recv(9));
    }`,
    [
      '["in","127.0.0.1",true]',
      "TimeoutError: timed out",
      '["in","127.0.0.1",true]',
      "TimeoutError: timed out",
    ],
  ],
  [
    "a group that is left and joined again at once is joined",
    `
    const r = udp();
    r.bind([GROUP, 0]);
    join(r, mreq());
    for (const each of "abc") {
      leave(r, mreq());
      join(r, mreq());
      await print(() => sender().sendto(bytes(each), r.getsockname()));
      await print(async () => text(await r.recv(9)));
    }
    await print(() => leave(r, mreq()));
    await print(() => leave(r, mreq()));`,
    [
      ...["a", "b", "c"].flatMap((each) => ["1", `"${each}"`]),
      "null",
      `OSError: [Errno 99] Cannot assign requested address: ${GROUP}`,
    ],
  ],
  [
    "struct ip_mreqn names the interface by its index",
    `
    const r = udp();
    r.bind([GROUP, 0]);
    join(r, mreq(GROUP, "0.0.0.0", 1));
    await sender().sendto(bytes("in"), r.getsockname());
    await print(async () => text(await r.recv(9)));
    await print(() => leave(r, mreq()));`,
    ['"in"', "null"],
  ],
  [
    "an interface that is not there is ENODEV, at once or in the next call",
    `
    const code = async (call) => {
      try {
        await call();
      } catch (error) {
        return error.code;
      }
    };
    const r = udp();
    r.bind([LO, 0]);
    const first = await code(() => join(r, mreq(GROUP, "203.0.113.1")));
    const next = await code(() => r.sendto(bytes(""), r.getsockname()));
    await print(() => [first, next].filter((each) => each));
    await print(() => r.sendto(bytes("goes on"), r.getsockname()));
    await print(() => r.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR));
    await print(() => leave(r, mreq(GROUP, "203.0.113.1")));`,
    [
      '["ENODEV"]',
      "7",
      "0",
      `OSError: [Errno 99] Cannot assign requested address: ${GROUP}`,
    ],
  ],
  [
    "IPv6 groups are joined and left by the interface's index",
    `
    const ip6 = (s, name, value) => s.setsockopt(IPPROTO_IPV6, socket[name], value);
    const s = udp(AF_INET6);
    ip6(s, "IPV6_JOIN_GROUP", mreq6("ff02::4d:1"));
    await print(() => ip6(s, "IPV6_JOIN_GROUP", mreq6("ff02::4d:1")));
    await print(() => ip6(s, "IPV6_JOIN_GROUP", mreq6("ff01::4d:2")));
    await print(() => ip6(s, "IPV6_LEAVE_GROUP", mreq6("ff02::4d:1", 0)));
    await print(() => ip6(s, "IPV6_LEAVE_GROUP", mreq6("ff02::4d:1")));`,
    [
      "OSError: [Errno 98] Address already in use: ff02::4d:1",
      "null",
      "null",
      "OSError: [Errno 99] Cannot assign requested address: ff02::4d:1",
    ],
  ],
];

for (const unstable of [true, false]) {
  const flag = unstable ? "with" : "without";
  Deno.test({
    name: `multicast groups are joined and left, ${flag} --unstable-net`,
    ignore: !arrives,
    fn: () =>
      checkTogether(programs, async (some) => {
        const lines = await run(
          some.map(([what, code]) =>
            `console.log(${JSON.stringify(what)}); {${code}}`
          ).join("\n"),
          unstable,
        );
        assertEquals(
          lines,
          some.flatMap(([what, , prints]) => [what, ...prints]),
        );
      }),
  });
}

// Loopback itself brings everything back, so what these do is not seen there.
for (const api of udpApis) {
  for (const early of [true, false]) {
    const when = early ? "before" : "after";
    Deno.test({
      name:
        `IP_MULTICAST_TTL and _LOOP set ${when} bind() are the kernel's, on ${api}`,
      ignore: !canSeeRealOptions,
      fn: async () => {
        using _ = useUdpApi(api);
        using s = unboundUdp();
        if (!early) s.bind(["127.0.0.1", 0]);
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 7);
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0);
        if (early) s.bind(["127.0.0.1", 0]);
        await within(s.sendto(new Uint8Array(1), s.getsockname()));
        const real = (name: string) => realOption(s, "IPPROTO_IP", name);
        assertEquals(await real("IP_MULTICAST_TTL"), 7);
        assertEquals(await real("IP_MULTICAST_LOOP"), 0);
      },
    });
  }

  Deno.test({
    name: `IP_MULTICAST_LOOP is on by default, as the kernel has it, on ${api}`,
    ignore: !canSeeRealOptions,
    fn: async () => {
      using _ = useUdpApi(api);
      using s = unboundUdp();
      s.bind(["127.0.0.1", 0]);
      const real = (name: string) => realOption(s, "IPPROTO_IP", name);
      assertEquals(await real("IP_MULTICAST_LOOP"), 1);
      assertEquals(await real("IP_MULTICAST_TTL"), 1);
    },
  });
}

/** A Python program, and the same with this module; on sockets never bound. */
const rows: readonly [theirs: string, ours: string][] = [
  ...["TTL", "LOOP"].flatMap((name) =>
    [0, 1, 5, 255, 256, -1, -2].map((value): [string, string] => [
      `put('IP_MULTICAST_${name}', ${value})`,
      `put("IP_MULTICAST_${name}", ${value})`,
    ])
  ),
  ...["TTL", "LOOP"].flatMap((name) =>
    [[], [0], [5], [5, 0], [5, 0, 0, 0], [0, 1, 0, 0]].map((
      value,
    ): [string, string] => [
      `put('IP_MULTICAST_${name}', bytes(${JSON.stringify(value)}))`,
      `put("IP_MULTICAST_${name}", Uint8Array.of(${value}))`,
    ])
  ),
  ["get('IP_MULTICAST_TTL')", `get("IP_MULTICAST_TTL")`],
  ["get('IP_MULTICAST_LOOP')", `get("IP_MULTICAST_LOOP")`],
  ["get('IP_ADD_MEMBERSHIP')", `get("IP_ADD_MEMBERSHIP")`],
  ["get('IP_DROP_MEMBERSHIP')", `get("IP_DROP_MEMBERSHIP")`],
  ["join(mreq())", "join(s, mreq())"],
  ["join(mreq() + b'mo')", "join(s, Uint8Array.of(...mreq(), 0, 0))"],
  ["join(mreq()[:7])", "join(s, mreq().slice(0, 7))"],
  ["join(5)", "join(s, 5)"],
  ["join(mreq('127.0.0.1'))", "join(s, mreq(LO))"],
  ["join(mreq()); join(mreq())", "(join(s, mreq()), join(s, mreq()))"],
  ["leave(mreq())", "leave(s, mreq())"],
  ["leave(mreq()[:7])", "leave(s, mreq().slice(0, 7))"],
  ["join(mreq()); leave(mreq())", "(join(s, mreq()), leave(s, mreq()))"],
];

Deno.test({
  name: "multicast options have the results of Python",
  ignore: !onLinux || python === null,
  fn: async () => {
    const theirs = await pythonOutcomes(
      rows.map(([program]) => program),
      `
s = socket(AF_INET, SOCK_DGRAM)
get = lambda name: s.getsockopt(IPPROTO_IP, globals()[name])
def put(name, value):
    s.setsockopt(IPPROTO_IP, globals()[name], value)
    return get(name)
mreq = lambda group='${GROUP}', address='127.0.0.1': inet_aton(group) + inet_aton(address)
join = lambda value: s.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, value)
leave = lambda value: s.setsockopt(IPPROTO_IP, IP_DROP_MEMBERSHIP, value)
`,
    );
    const ours = await run(
      rows.map(([, code]) =>
        `{
        const s = udp();
        const get = (name) => s.getsockopt(IPPROTO_IP, socket[name]);
        const put = (name, value) => (ip(s, name, value), get(name));
        // Behind the system's text comes what helps.
        console.log((await outcome(() => ${code})).replace(/^(.*\\] [^:]+): .*/, "$1"));
      }`
      ).join("\n"),
      true,
    );
    const label = (outcomes: string[]) =>
      rows.map(([program], i) => `${program}: ${outcomes[i]}`);
    assertEquals(label(ours), label(theirs));
  },
});

for (const unstable of [true, false]) {
  const flag = unstable ? "with" : "without";
  Deno.test({
    name:
      `multicast with CPython as the peer, both ways, ${flag} --unstable-net`,
    ignore: !arrives || python === null,
    fn: async () => {
      await using theirs = startPython(
        `
import sys
from socket import *
group, lo = '${GROUP}', '127.0.0.1'
r = socket(AF_INET, SOCK_DGRAM)
r.settimeout(60)
r.bind((group, 0))
r.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, inet_aton(group) + inet_aton(lo))
print(r.getsockname()[1])
data, addr = r.recvfrom(99)
print(data)
s = socket(AF_INET, SOCK_DGRAM)
s.bind((lo, 0))
s.setsockopt(IPPROTO_IP, IP_MULTICAST_IF, inet_aton(lo))
s.setsockopt(IPPROTO_IP, IP_MULTICAST_TTL, 1)
s.sendto(b'from python', (group, int(data)))
`,
      );
      const port = await theirs.readLine();
      await using ours = startDeno({
        code: prelude + `
          const r = udp();
          r.settimeout(60);
          r.bind([GROUP, 0]);
          join(r, mreq());
          const [, port] = r.getsockname();
          await sender().sendto(bytes(String(port)), [GROUP, ${port}]);
          await print(async () => text(await r.recv(99)));`,
        permissions: grants,
        unstable,
      });
      const { stdout, stderr } = await ours.result();
      assertEquals(stdout, '"from python"\n', stderr);
      assertEquals((await theirs.result()).code, 0);
    },
  });
}
