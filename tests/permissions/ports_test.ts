import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { processTest, runDeno } from "../support/child.ts";

const { AF_INET, SOCK_DGRAM, SOCK_STREAM } = socket;
const one = new Uint8Array(1);

// Open while the file runs, so that grants can name its port; unreferenced, and
// what connects waits in the kernel's queue.
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
listener.unref();
const { port } = listener.addr;
const HERE = `127.0.0.1:${port}`;

function missing(target: string): string {
  return `[Errno 13] Permission denied: Requires net access to "${target}", run again with the --allow-net flag`;
}

/** The message of a call that is refused for want of a grant. */
async function messageOf(call: () => unknown): Promise<string> {
  const error = await assertRejects(
    async () => await call(),
    socket.PermissionError,
  );
  return error.message;
}

async function connectFrom(local: string): Promise<void> {
  using s = socket.socket();
  s.bind([local, 0]);
  await s.connect([local, port]);
}

async function sendWithoutBlocking(
  s: socket.Socket,
  address: socket.InetAddress,
): Promise<void> {
  s.setblocking(false);
  await s.connect_ex(address);
  s.settimeout(60);
  await s.sendall(one);
}

/** Calls that connect from port 0 of an address. */
const fromPort0: Readonly<Record<string, () => Promise<void>>> = {
  "create_connection()": async () => {
    const from: socket.InetAddress = ["127.0.0.1", 0];
    (await socket.create_connection(["127.0.0.1", port], 60, from)).close();
  },
  "connect() from an address": () => connectFrom("127.0.0.1"),
  "connect() from a name": () => connectFrom("localhost"),
  "connect() without blocking": async () => {
    using s = socket.socket();
    s.bind(["127.0.0.1", 0]);
    await sendWithoutBlocking(s, ["127.0.0.1", port]);
  },
};

Deno.test({
  name: "connect() from port 0 needs a grant for port 0",
  permissions: { net: [HERE, "127.0.0.1:0"] },
  fn: async () => {
    for (const call of Object.values(fromPort0)) await call();
  },
});

Deno.test({
  name: "connect() from port 0 names port 0 as the missing grant",
  permissions: { net: [HERE] },
  fn: async () => {
    for (const [name, call] of Object.entries(fromPort0)) {
      assertEquals(await messageOf(call), missing("127.0.0.1:0"), name);
    }
  },
});

Deno.test({
  name:
    "create_connection() from any host and port 0 needs the peer's grant alone",
  permissions: { net: [HERE] },
  fn: async () => {
    (await socket.create_connection(["127.0.0.1", port], 60, ["", 0])).close();
  },
});

Deno.test({
  name: "connect() from a port that was given names that port",
  permissions: { net: ["127.0.0.1:0"] },
  fn: async () => {
    using s = socket.socket();
    const message = await messageOf(() => s.bind(["127.0.0.1", port]));
    assertEquals(message, missing(HERE));
  },
});

processTest(
  "a datagram to another machine needs a grant for the wildcard, with --unstable-net and without",
  async () => {
    const { stdout, stderr } = await runDeno({
      code: `
        import * as socket from "@pystd/socket";
        const one = new Uint8Array(1);
        const udp = (family = socket.AF_INET) =>
          socket.socket(family, socket.SOCK_DGRAM);
        const { listenDatagram } = Deno;
        for (const api of [listenDatagram, undefined]) {
          // What --unstable-net adds.
          Reflect.set(Deno, "listenDatagram", api);
          // 192.0.2.0/24 is TEST-NET-1 of RFC 5737; nothing is sent there.
          for (const call of [
            () => udp().sendto(one, ["192.0.2.1", 9]),
            () => udp().connect(["192.0.2.1", 9]),
            () => udp(socket.AF_INET6).sendto(one, ["2001:db8::1", 9]),
          ]) {
            await call().then(
              () => console.log("worked"),
              (error) => console.log(error.message),
            );
          }
        }`,
      permissions: [
        "--allow-net=192.0.2.1:9,[2001:db8::1]:9,127.0.0.1:0,[::1]:0",
      ],
      unstable: true,
    });
    assertEquals(stderr, "");
    const hints = ["0.0.0.0:0", "0.0.0.0:0", "[::]:0"].map(missing);
    assertEquals(stdout.trimEnd().split("\n"), [...hints, ...hints]);
  },
);

Deno.test({
  name: "a missing grant for an address of a granted name names both",
  permissions: { net: [`localhost:${port}`, "127.0.0.1:0"] },
  fn: async () => {
    using tcp = socket.socket();
    using udp = socket.socket(AF_INET, SOCK_DGRAM);
    const [info] = await socket.getaddrinfo(
      "localhost",
      port,
      AF_INET,
      SOCK_STREAM,
    );
    const found = info![4] as socket.InetAddress;
    const advice =
      `; "localhost" is granted, its address is not: add --allow-net=${HERE}, or use the name`;
    const rows: readonly [call: () => unknown, message: string][] = [
      [() => tcp.connect(found), missing(HERE) + advice],
      [() => udp.sendto(one, found), missing(HERE) + advice],
      // Another port of the name is not granted, so nothing is said of it.
      [() => tcp.connect(["127.0.0.1", 9]), missing("127.0.0.1:9")],
      // An address that no name was resolved to.
      [
        () => tcp.connect(["127.0.0.2", port]),
        missing(`127.0.0.2:${port}`),
      ],
      [() => sendWithoutBlocking(tcp, found), missing(HERE) + advice],
    ];
    for (const [call, message] of rows) {
      assertEquals(await messageOf(call), message);
    }
  },
});
