import { assertEquals, assertMatch } from "@std/assert";
import { lookup } from "node:dns/promises";
import type * as socket from "@pystd/socket";
import { unknownHost } from "../support/addresses.ts";
import { decode, encode } from "../support/bytes.ts";
import {
  checkTogether,
  processTest,
  runDeno,
  startDeno,
} from "../support/child.ts";
import { udpSocket } from "../support/pair.ts";
import { nextText, udp6Socket } from "../support/udp.ts";
import { within } from "../support/within.ts";

/**
 * A program with what it prints. All run in one process, one after the other;
 * those that leave sockets open, for the process to end with them, are the last.
 */
interface Program {
  what: string;
  code: string;
  prints: readonly string[];
}

const prelude = `
  import * as socket from "@pystd/socket";
  const { AF_INET, AF_INET6, SOCK_DGRAM } = socket;
  const one = new Uint8Array(1);
  const udp = (family = AF_INET) => socket.socket(family, SOCK_DGRAM);
  const bound = (host = "127.0.0.1", port = 0) => {
    const s = udp(host.includes(":") ? AF_INET6 : AF_INET);
    s.bind([host, port]);
    return s;
  };
  const print = async (call) => {
    try {
      console.log(String(await call()));
    } catch (error) {
      console.log(error.code ?? error);
    }
  };
`;

/** What localhost is here, and which of it Deno binds to. */
const hosts = (await lookup("localhost", { all: true }))
  .map(({ address }) => address);
const first = hostOf(Deno.listen({ hostname: "localhost", port: 0 }));

function hostOf(listener: Deno.TcpListener): string {
  listener.close();
  return listener.addr.hostname;
}

const programs: readonly Program[] = [
  {
    what: "sendto() binds to the wildcard where that is granted",
    code: `
      for (const [family, host] of [[AF_INET, "127.0.0.1"], [AF_INET6, "::1"]]) {
        const s = udp(family);
        await s.sendto(one, [host, 9]);
        await print(() => s.getsockname()[0]);
        await s.connect([host, 9]);
        await print(() => s.getsockname()[0]);
      }`,
    prints: ["0.0.0.0", "127.0.0.1", "::", "::1"],
  },
  {
    what: "an unknown host fails with EAI_NONAME",
    code: `
      const host = Deno.args[0];
      await print(() => udp().bind([host, 0]));
      await print(() => udp().connect([host, 9]));
      await print(() => udp().sendto(one, [host, 9]));
      await print(() => udp().connect_ex([host, 9]));`,
    prints: ["EAI_NONAME", "EAI_NONAME", "EAI_NONAME", "EAI_NONAME"],
  },
  {
    what: "IPV6_V6ONLY turns IPv4 datagrams away",
    code: `
      const first = async (value) => {
        const s = udp(AF_INET6);
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, value);
        s.bind(["", 0]);
        const [, port] = s.getsockname();
        const v4 = bound(), v6 = bound("::1");
        await v4.sendto(one, ["127.0.0.1", port]);
        await v6.sendto(one, ["::1", port]);
        const [, [host]] = await s.recvfrom(1);
        if (value) bound("127.0.0.1", port);
        return host;
      };
      for (const value of [0, 1]) {
        // Another program may have the port over IPv4, but not twice.
        await print(() => first(value).catch(() => first(value)));
      }`,
    prints: ["::ffff:127.0.0.1", "::1"],
  },
  {
    what: "an accepted close of a waiting socket lets the process end",
    code: `
      for (const s of [udp(), bound()]) {
        const pending = s.recv(1);
        s.close();
        await print(() => pending);
      }`,
    prints: ["EBADF", "EBADF"],
  },
  {
    what: "an unreferenced recv() lets the process end",
    code: `
      const s = bound();
      await s.sendto(one, s.getsockname());
      await print(() => s.recv(1));
      s.unref();
      s.recv(1);
      udp().recv(1, { signal: AbortSignal.timeout(20) }).catch(() => {});
      const early = udp();
      early.unref();
      early.recv(1);
      early.bind(["127.0.0.1", 0]);`,
    prints: ["0"],
  },
];

/** What the programs need, all of them. */
const net = [
  "0.0.0.0",
  "127.0.0.1",
  "[::]",
  "[::1]",
  unknownHost,
];

for (const unstable of [true, false]) {
  const flag = unstable ? "with" : "without";

  processTest(
    `sockets bind where that is granted, and let the process end, ${flag} --unstable-net`,
    () =>
      checkTogether(programs, async (some) => {
        const { stdout, stderr, code } = await runDeno({
          code: prelude +
            some.map(({ what, code }) =>
              `console.log(${JSON.stringify(what)}); {${code}}`
            ).join("\n"),
          permissions: [`--allow-net=${net.join()}`],
          args: [unknownHost],
          unstable,
        });
        assertEquals(
          stdout.trim().split("\n"),
          some.flatMap(({ what, prints }) => [what, ...prints]),
          stderr,
        );
        assertEquals([code, stderr], [0, ""]);
      }),
  );

  processTest(
    `a process stays alive while recv() waits, and until its last datagrams are sent, ${flag} --unstable-net`,
    async () => {
      using server = udpSocket();
      await using child = startDeno({
        code: prelude + `
        // A module that awaits would keep the process alive itself.
        (async () => {
          const s = bound();
          console.log(s.getsockname()[1]);
          for (let n = 0; n < 4; n++) {
            if (n === 2) s.settimeout(60);
            await print(() => s.recv(10));
          }
          const port = Number(Deno.args[0]);
          const send = (s, n, host) =>
            s.sendto(new Uint8Array([n]), [host, port]);
          const open = udp(), closing = bound(), named = udp();
          send(open, 1, "127.0.0.1");
          send(closing, 2, "127.0.0.1");
          closing.close();
          send(named, 3, "localhost");
          named.close();
        })();`,
        permissions: ["--allow-net=127.0.0.1"],
        args: [`${server.getsockname()[1]}`],
        unstable,
      });
      const port = Number(await child.readLine());
      for (let n = 0; n < 4; n++) {
        await server.sendto(new Uint8Array([n]), ["127.0.0.1", port]);
        assertEquals(await child.readLine(), `${n}`);
      }
      const { code, stderr } = await child.result();
      assertEquals([code, stderr], [0, ""]);
      const received = [];
      for (let n = 0; n < 3; n++) {
        received.push((await within(server.recv(9)))[0]);
      }
      assertEquals(received.toSorted(), [1, 2, 3]);
    },
  );

  processTest(
    `sendto() by a granted name keeps its position in the queue, ${flag} --unstable-net`,
    async () => {
      const isV6 = first.includes(":");
      using server: socket.Socket = isV6 ? udp6Socket() : udpSocket();
      await using child = startDeno({
        code: prelude + `
        const s = udp(${isV6 ? "AF_INET6" : "AF_INET"});
        const port = Number(Deno.args[0]);
        const send = (text) =>
          s.sendto(new TextEncoder().encode(text), ["localhost", port]);
        await Promise.all([send("1"), send("2"), send("3")]);
        await s.connect(["localhost", port]);
        s.setblocking(false);
        await send("4");
        await s.send(new TextEncoder().encode("5"));
        s.setblocking(true);
        await print(() => s.getpeername()[0]);
        await print(async () => new TextDecoder().decode(await s.recv(10)));`,
        permissions: ["--allow-net=localhost"],
        args: [`${server.getsockname()[1]}`],
        unstable,
      });
      if (new Set(hosts.map((host) => host.includes(":"))).size > 1) {
        // The name stands for both families: the address must be granted.
        assertMatch((await child.result()).stderr, /Requires net access/);
        return;
      }
      for (const expected of ["1", "2", "3", "4"]) {
        assertEquals(await nextText(server), expected);
      }
      const [data, address] = await within(server.recvfrom(10));
      assertEquals(decode(data), "5");
      await server.sendto(encode("answer"), address);
      assertEquals(await child.readLine(), first);
      assertEquals(await child.readLine(), "answer");
      assertEquals((await child.result()).code, 0);
    },
  );
}
