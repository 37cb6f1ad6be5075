import { assert, assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { python, runPython } from "../support/python.ts";

const pattern =
  /^(AF|SOCK|SOL|SO|IPPROTO|IPPORT|INADDR|TCP|IP|IPV6|MSG|SCM|SHUT|AI|NI|EAI)_|^SOMAXCONN$/;

const constants: Record<string, number> = Object.fromEntries(
  Object.entries(socket).filter((entry): entry is [string, number] =>
    pattern.test(entry[0]) && typeof entry[1] === "number"
  ),
);

const theirs: Record<string, number> = python === null ? {} : JSON.parse(
  await runPython(`
import json, socket
print(json.dumps({name: int(value) for name, value in vars(socket).items()
                  if isinstance(value, int)}))`),
);

const name = python === null ? " (skipped: no python3)" : "";

Deno.test({
  name: `constants have the values of python3${name}`,
  ignore: python === null,
  fn: () => {
    const shared = Object.keys(constants).filter((name) => name in theirs);
    assert(shared.length > 150, `${shared.length} shared`);
    for (const name of shared) {
      assertEquals(constants[name], theirs[name], name);
    }
  },
});

/** Names that the oldest Pythons in use do not have on Linux. */
const lacking: readonly string[] = [
  // Not in Python at all.
  "AF_LOCAL",
  // Since 3.12.
  "IP_ADD_SOURCE_MEMBERSHIP",
  "IP_BLOCK_SOURCE",
  "IP_DROP_SOURCE_MEMBERSHIP",
  "IP_PKTINFO",
  "IP_UNBLOCK_SOURCE",
  "TCP_CC_INFO",
  "TCP_FASTOPEN_CONNECT",
  "TCP_FASTOPEN_KEY",
  "TCP_FASTOPEN_NO_COOKIE",
  "TCP_INQ",
  "TCP_MD5SIG",
  "TCP_MD5SIG_EXT",
  "TCP_QUEUE_SEQ",
  "TCP_REPAIR",
  "TCP_REPAIR_OPTIONS",
  "TCP_REPAIR_QUEUE",
  "TCP_REPAIR_WINDOW",
  "TCP_SAVED_SYN",
  "TCP_SAVE_SYN",
  "TCP_THIN_DUPACK",
  "TCP_THIN_LINEAR_TIMEOUTS",
  "TCP_TIMESTAMP",
  "TCP_TX_DELAY",
  "TCP_ULP",
  "TCP_ZEROCOPY_RECEIVE",
  // Since 3.13.
  "SO_BINDTOIFINDEX",
];

const withoutPython = python === null || Deno.build.os !== "linux";
const unless = withoutPython ? " (skipped: no python3 on Linux)" : "";

Deno.test({
  name: `constants that python3 lacks are -1 or known${unless}`,
  ignore: withoutPython,
  fn: () => {
    const ours = Object.keys(constants).filter((name) =>
      constants[name] !== -1 && !(name in theirs) && !lacking.includes(name)
    );
    assertEquals(ours, []);
  },
});

/** Constants of socket families and devices that Deno cannot reach. */
const foreign =
  /^(AF_(?!INET6?$|UNIX$|UNSPEC$)|PF_|BT|HCI|CAN|J1939|SO_(J1939|VM|HCI|L2CAP)|SCM_J1939|NETLINK|RDS|ALG|TIPC|VM|IOCTL_VM|PACKET|UDPLITE|ETH|SOL_(?!SOCKET$|IP$|TCP$|UDP$))/;

/** Names that are no part of Python's documented module. */
const unlisted = ["EAGAIN", "EBADF", "EWOULDBLOCK"];

Deno.test({
  name: `constants of python3 that have a meaning here are exported${unless}`,
  ignore: withoutPython,
  fn: () => {
    // Later Pythons add names; those up to this version must all be there.
    const missing = Object.keys(theirs).filter((name) =>
      !(name in socket) && !foreign.test(name) && !unlisted.includes(name) &&
      !/^(IP_FREEBIND|IP_RECVERR|IPV6_RECVERR|IP_RECVORIGDSTADDR|IP_RECVTTL|SO_ORIGINAL_DST|SO_REUSEPORT_LB|NI_IDN)$/
        .test(name)
    );
    assertEquals(missing, []);
  },
});

Deno.test({
  name: `constants have the values of Linux`,
  ignore: Deno.build.os !== "linux",
  fn: () => {
    assertEquals(socket.AF_INET6, 10);
    assertEquals(socket.SOL_SOCKET, 1);
    assertEquals(socket.SO_REUSEADDR, 2);
    assertEquals(socket.MSG_DONTWAIT, 0x40);
    assertEquals(socket.SOCK_NONBLOCK, 0x800);
    assertEquals(socket.EAI_NONAME, -2);
    assertEquals(socket.SO_EXCLUSIVEADDRUSE, -1);
  },
});

const groups = {
  AddressFamily: [socket.AddressFamily, "AF_"],
  SocketKind: [socket.SocketKind, "SOCK_"],
  MsgFlag: [socket.MsgFlag, "MSG_"],
  AddressInfo: [socket.AddressInfo, "AI_"],
} as const;
for (const [group, [members, prefix]] of Object.entries(groups)) {
  Deno.test(`${group} has the ${prefix}* of the system and cannot be changed`, () => {
    const expected = Object.entries(constants).filter(([name, value]) =>
      name.startsWith(prefix) && value !== -1 && name !== "AF_LOCAL"
    );
    assertEquals({ ...members }, Object.fromEntries(expected));
    assert(Object.isFrozen(members));
  });
}

Deno.test("has_ipv6 is true", () => {
  assertEquals(socket.has_ipv6, true);
});

// What this machine's numbers cannot show: nothing that the module does by
// itself may be absent anywhere.
const provided = [
  "AF_INET",
  "AF_INET6",
  "AF_UNIX",
  "AF_LOCAL",
  "SOCK_NONBLOCK",
  "SOCK_CLOEXEC",
  "SO_REUSEPORT",
  "SO_DOMAIN",
  "SO_PROTOCOL",
  "SO_RCVTIMEO",
  "SO_SNDTIMEO",
  "MSG_DONTWAIT",
  "MSG_NOSIGNAL",
  "MSG_PEEK",
  "MSG_TRUNC",
  "MSG_WAITALL",
  "IPV6_V6ONLY",
  "EAI_NONAME",
];
Deno.test("constants of features that the module has are never -1", () => {
  for (const name of provided) {
    assert(constants[name]! >= 0 || /^EAI/.test(name));
  }
  const options = Object.entries(constants).filter(([name, value]) =>
    /^SO_/.test(name) && value !== -1
  );
  assertEquals(new Set(options.map(([, value]) => value)).size, options.length);
});

Deno.test("AF_* have types with the addresses of their family", () => {
  const plain: number = socket.AF_INET;
  const inet: socket.Family<socket.InetAddress> = socket.AF_INET;
  const any: socket.Family = socket.AF_INET6;
  const computed: socket.Family<socket.InetAddress> = plain;
  // @ts-expect-error An IPv6 family is no IPv4 family.
  const wrong: socket.Family<socket.InetAddress> = socket.AF_INET6;
  assertEquals([plain, inet, computed], [2, 2, 2]);
  assertEquals(any, wrong);
});

Deno.test("AddressInput takes read-only tuples with the optional parts left out", () => {
  const address = ["127.0.0.1", 8000] as const;
  const inet: socket.AddressInput<socket.InetAddress> = address;
  const inet6: socket.AddressInput<socket.Inet6Address> = address;
  const scoped: socket.AddressInput<socket.Inet6Address> = ["::1", 8000, 0, 2];
  const unix: socket.AddressInput<socket.UnixAddress> = "/run/example.sock";
  const any: socket.AddressInput[] = [inet, inet6, scoped, unix];
  // @ts-expect-error A path is no IPv4 address.
  const path: socket.AddressInput<socket.InetAddress> = unix;
  // @ts-expect-error Nor is one with the parts of IPv6.
  const four: socket.AddressInput<socket.InetAddress> = ["::1", 8000, 0, 2];
  assertEquals(any.length, 4);
  assertEquals([path, [...four]], [unix, [...scoped]]);
});
