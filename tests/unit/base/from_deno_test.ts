import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
} from "@std/assert";
import { once } from "node:events";
import dgram from "node:dgram";
import dns from "node:dns/promises";
import net from "node:net";
import { OSError, PermissionError } from "../../../src/base/errors.ts";
import { fromDeno, gaiError, osError } from "../../../src/base/os_error.ts";
import { closedAddress } from "../../support/addresses.ts";
import { processTest, runDeno } from "../../support/child.ts";
import { canRun } from "../../support/process.ts";
import { within } from "../../support/within.ts";

const loopback = { hostname: "127.0.0.1", port: 0 } as const;

/** A connection to itself, both ends closed at the end of the block. */
async function connected() {
  using listener = Deno.listen(loopback);
  const [client, server] = await within(Promise.all([
    Deno.connect(addressOf(listener)),
    listener.accept(),
  ]));
  return {
    client,
    server,
    [Symbol.dispose]() {
      for (const conn of [client, server]) {
        try {
          conn.close();
        } catch (error) {
          assertInstanceOf(error, Deno.errors.BadResource);
        }
      }
    },
  };
}

/** What `fail` throws, or what its promise rejects with. */
async function errorOf(fail: () => unknown): Promise<unknown> {
  try {
    await within(Promise.resolve(fail()));
  } catch (error) {
    return error;
  }
  throw new Error("Nothing failed");
}

interface Failure {
  what: string;
  code: string;
  fail: () => unknown;
  ignore?: boolean;
}

const onWindows = Deno.build.os === "windows";

const failures: readonly Failure[] = [
  {
    what: "connecting to a closed port",
    code: "ECONNREFUSED",
    fail: () => {
      const [hostname, port] = closedAddress();
      return Deno.connect({ hostname, port });
    },
  },
  {
    what: "connecting to a closed port, node:net",
    code: "ECONNREFUSED",
    fail: () => once(net.connect(closedAddress()[1], "127.0.0.1"), "connect"),
  },
  {
    what: "connecting by name to a closed port, node:net",
    code: "ECONNREFUSED",
    fail: () => once(net.connect(closedAddress()[1], "localhost"), "connect"),
  },
  {
    what: "an address in use",
    code: "EADDRINUSE",
    fail: () => {
      using listener = Deno.listen(loopback);
      Deno.listen(addressOf(listener)).close();
    },
  },
  {
    what: "an address in use, node:net",
    code: "EADDRINUSE",
    fail: async () => {
      using listener = Deno.listen(loopback);
      const { port } = addressOf(listener);
      await once(net.createServer().listen(port, "127.0.0.1"), "listening");
    },
  },
  {
    what: "an address in use, node:dgram",
    code: "EADDRINUSE",
    fail: async () => {
      const first = await boundDatagram();
      const second = dgram.createSocket("udp4");
      try {
        second.bind(first.address().port, "127.0.0.1");
        await once(second, "listening");
      } finally {
        first.close();
        second.close();
      }
    },
  },
  {
    what: "accepting on a closed listener",
    code: "EBADF",
    fail: () => {
      const listener = Deno.listen(loopback);
      listener.close();
      return listener.accept();
    },
  },
  {
    what: "an accept that closing cancels",
    code: "EBADF",
    fail: () => {
      const listener = Deno.listen(loopback);
      const accepting = listener.accept();
      listener.close();
      return accepting;
    },
  },
  {
    what: "a second accept beside a first",
    code: "EBUSY",
    fail: async () => {
      const listener = Deno.listen(loopback);
      const accepting = listener.accept().catch(() => {});
      try {
        await listener.accept();
      } finally {
        listener.close();
        await accepting;
      }
    },
  },
  {
    what: "a read that closing cancels",
    code: "EBADF",
    fail: async () => {
      using pair = await connected();
      const reading = pair.client.read(new Uint8Array(1));
      pair.client.close();
      await reading;
    },
  },
  {
    what: "a write on a closed connection",
    code: "EBADF",
    fail: async () => {
      using pair = await connected();
      pair.client.close();
      await pair.client.write(new Uint8Array(1));
    },
  },
  {
    what: "a write after closeWrite",
    code: "EPIPE",
    ignore: onWindows,
    fail: async () => {
      using pair = await connected();
      await pair.client.closeWrite();
      await pair.client.write(new Uint8Array(1));
    },
  },
  {
    what: "a reset by the peer",
    code: "ECONNRESET",
    fail: async () => {
      using listener = Deno.listen(loopback);
      const client = net.connect(listener.addr.port, "127.0.0.1");
      const [server] = await Promise.all([
        listener.accept(),
        once(client, "connect"),
      ]);
      client.resetAndDestroy();
      try {
        await server.read(new Uint8Array(1));
      } finally {
        server.close();
      }
    },
  },
  {
    what: "a datagram too long, node:dgram",
    code: "EMSGSIZE",
    fail: async () => {
      const socket = await boundDatagram();
      const data = new Uint8Array(70_000);
      try {
        await new Promise<void>((resolve, reject) => {
          socket.send(
            data,
            9,
            "127.0.0.1",
            (error) => error ? reject(error) : resolve(),
          );
        });
      } finally {
        socket.close();
      }
    },
  },
  {
    what: "binding twice, node:dgram",
    code: "EINVAL",
    fail: async () => {
      const socket = await boundDatagram();
      try {
        socket.bind(0);
      } finally {
        socket.close();
      }
    },
  },
  {
    what: "sending on a closed socket, node:dgram",
    code: "EBADF",
    fail: async () => {
      const socket = await boundDatagram();
      socket.close();
      socket.send(new Uint8Array(1), 9, "127.0.0.1");
    },
  },
  {
    what: "joining a group that is none, node:dgram",
    code: "EINVAL",
    fail: async () => {
      const socket = await boundDatagram();
      try {
        socket.addMembership("1.2.3.4");
      } finally {
        socket.close();
      }
    },
  },
  {
    what: "a host that cannot be one",
    code: "EAI_NONAME",
    fail: () => Deno.connect({ hostname: "no host", port: 9 }),
  },
];

for (const { what, code, fail, ignore } of failures) {
  Deno.test({
    name: `fromDeno() makes ${code} of ${what}`,
    ignore: ignore ?? false,
    fn: async () => {
      const cause = await errorOf(fail);
      const error = fromDeno(cause);
      assertInstanceOf(error, OSError);
      assertEquals(error.code, code, String(cause));
      assertStrictEquals(error.cause, cause);
    },
  });
}

function addressOf(listener: Deno.TcpListener) {
  return { hostname: listener.addr.hostname, port: listener.addr.port };
}

async function boundDatagram(): Promise<dgram.Socket> {
  const socket = dgram.createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await within(once(socket, "listening"));
  return socket;
}

const withoutNet: readonly [string, () => unknown, string][] = [
  ["Deno.listen", () => Deno.listen(loopback), '"127.0.0.1:0"'],
  [
    "Deno.connect",
    () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
    '"127.0.0.1:9"',
  ],
  [
    "node:net",
    () => once(net.connect(9, "127.0.0.1"), "connect"),
    '"127.0.0.1:9"',
  ],
  ["node:dns", () => dns.lookup("localhost"), '"localhost"'],
];
for (const [what, fail, target] of withoutNet) {
  Deno.test({
    name: `fromDeno() keeps the name of the permission that ${what} lacks`,
    permissions: { net: false },
    fn: async () => {
      const cause = await errorOf(fail);
      const error = fromDeno(cause);
      assertInstanceOf(error, PermissionError);
      assertEquals(error.code, "EACCES");
      assertEquals(
        error.message,
        `[Errno ${error.errno}] Permission denied: Requires net access to ` +
          `${target}, run again with the --allow-net flag`,
      );
      assertStrictEquals(error.cause, cause);
    },
  });
}

// A label of 64 characters is more than DNS can carry, so the C library says
// that there is no such host without asking anybody.
const unknown = `${"x".repeat(64)}.invalid`;

const elsewhere: readonly [what: string, code: string, source: string][] = [
  [
    "an unknown host",
    "EAI_NONAME",
    `await Deno.connect({ hostname: "${unknown}", port: 9 })`,
  ],
  [
    "an unknown host to listen on",
    "EAI_NONAME",
    `Deno.listen({ hostname: "${unknown}", port: 0 })`,
  ],
  [
    "an unknown host, node:dns",
    "EAI_NONAME",
    `await (await import("node:dns/promises")).lookup("${unknown}")`,
  ],
  [
    "an unknown host, node:net",
    "EAI_NONAME",
    `const net = await import("node:net");
     await new Promise((_, no) => net.connect(9, "${unknown}").on("error", no))`,
  ],
  [
    "an address of another machine",
    "EADDRNOTAVAIL",
    `Deno.listen({ hostname: "192.0.2.1", port: 0 })`,
  ],
];
processTest(
  "fromDeno() makes EAI_NONAME and EADDRNOTAVAIL of hosts that are not there",
  async () => {
    const attempts = elsewhere.map(([what, , source]) =>
      `try { ${source} } catch (error) {
      const { code, message, cause } = fromDeno(error);
      outcomes.push([${JSON.stringify(what)}, code, message, cause === error]);
    }`
    );
    const { stdout, stderr } = await runDeno({
      permissions: [`--allow-net=${unknown},192.0.2.1`],
      code: `
      import { fromDeno } from "${
        import.meta.resolve("../../../src/base/os_error.ts")
      }";
      const outcomes = [];
      ${attempts.join("\n")}
      console.log(JSON.stringify(outcomes));`,
    });
    assertEquals(stderr, "");
    assertEquals(
      JSON.parse(stdout),
      elsewhere.map(([what, code]) => {
        const { message } = code === "EADDRNOTAVAIL"
          ? osError(code)
          : gaiError("EAI_NONAME");
        return [what, code, message, true];
      }),
    );
  },
);

Deno.test({
  name: "fromDeno() makes ENOENT, EINVAL and EADDRINUSE of Unix sockets",
  ignore: onWindows || !canRun,
  fn: async () => {
    const { stdout, stderr } = await runDeno({
      permissions: ["--allow-net", "--allow-read", "--allow-write"],
      code: `
        import { fromDeno } from "${
        import.meta.resolve("../../../src/base/os_error.ts")
      }";
        const directory = await Deno.makeTempDir();
        await Deno.writeTextFile(directory + "/used", "");
        const unix = (name) => ({
          transport: "unix",
          path: directory + "/" + name,
        });
        for (const open of [
          () => Deno.connect(unix("none")),
          () => Deno.listen(unix("x".repeat(200))),
          () => Deno.listen(unix("used")),
        ]) {
          try { await open(); } catch (error) {
            const { code, name, message } = fromDeno(error);
            console.log(code, name, message.replace(/.*?\\] /, ""));
          }
        }
        await Deno.remove(directory, { recursive: true });`,
    });
    assertEquals(stderr, "");
    assertEquals(stdout.trim().split("\n"), [
      "ENOENT FileNotFoundError No such file or directory",
      "EINVAL OSError Invalid argument: path must be shorter than SUN_LEN",
      "EADDRINUSE OSError Address already in use",
    ]);
  },
});
