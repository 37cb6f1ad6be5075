import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { canLimitFiles, startWithFileLimit } from "../support/file_limit.ts";
import { within } from "../support/within.ts";

const { AF_INET, SOCK_DGRAM, SOCK_STREAM } = socket;
const one = new Uint8Array(1);

const server = socket.create_server(["127.0.0.1", 0]);
const [, port] = server.getsockname();
server.close();

/** Hosts that CPython's IDNA codec makes `localhost` and `127.0.0.1` of. */
const hosts: readonly string[] = [
  "ｌｏｃａｌｈｏｓｔ",
  "local\u00adhost",
  "LOCALＨOST",
  "127。0。0。1",
  "１２７.0.0.1",
  "127．1",
];

/** What a call makes of a host: the address that it has used. */
const calls: Readonly<
  Record<string, (host: string, port: number) => Promise<unknown>>
> = {
  "getaddrinfo()": async (host, port) =>
    (await socket.getaddrinfo(host, port, AF_INET, SOCK_STREAM))[0]![4][0],
  "gethostbyname()": (host) => socket.gethostbyname(host),
  "gethostbyname_ex()": async (host) =>
    (await socket.gethostbyname_ex(host))[2][0],
  "create_connection()": async (host, port) => {
    using s = await socket.create_connection([host, port], 60);
    return s.getpeername()[0];
  },
  "create_connection() with a source": async (host, port) => {
    const to = ["127.0.0.1", port] as const;
    using s = await socket.create_connection(to, 5, [host, 0]);
    return s.getsockname()[0];
  },
  "create_server()": (host) => {
    using s = socket.create_server([host, 0]);
    return Promise.resolve(s.getsockname()[0]);
  },
  "connect()": async (host, port) => {
    using s = socket.socket();
    await s.connect([host, port]);
    return s.getpeername()[0];
  },
  "bind()": (host) => {
    using s = socket.socket();
    s.bind([host, 0]);
    return Promise.resolve(s.getsockname()[0]);
  },
  "bind() of UDP": (host) => {
    using s = socket.socket(AF_INET, SOCK_DGRAM);
    s.bind([host, 0]);
    return Promise.resolve(s.getsockname()[0]);
  },
  "connect() of UDP": async (host, port) => {
    await using s = socket.socket(AF_INET, SOCK_DGRAM);
    await s.connect([host, port]);
    return s.getpeername()[0];
  },
  "sendto()": async (host) => {
    await using to = socket.socket(AF_INET, SOCK_DGRAM);
    to.bind(["127.0.0.1", 0]);
    await using s = socket.socket(AF_INET, SOCK_DGRAM);
    await s.sendto(one, [host, to.getsockname()[1]]);
    await to.recv(1);
    return to.getsockname()[0];
  },
  "sendmsg()": async (host) => {
    await using to = socket.socket(AF_INET, SOCK_DGRAM);
    to.bind(["127.0.0.1", 0]);
    await using s = socket.socket(AF_INET, SOCK_DGRAM);
    await s.sendmsg([one], [], 0, [host, to.getsockname()[1]]);
    await to.recv(1);
    return to.getsockname()[0];
  },
};

for (const [name, call] of Object.entries(calls)) {
  Deno.test(`${name} encodes a host that is not ASCII`, async () => {
    await using listener = socket.create_server(["127.0.0.1", 0]);
    const [, port] = listener.getsockname();
    for (const host of hosts) {
      assertEquals(await within(call(host, port)), "127.0.0.1", host);
    }
  });

  Deno.test(`${name} refuses a host that has no ASCII form`, async () => {
    // A label that is too long, and characters that URLs use.
    for (const host of ["ü".repeat(64), "ü@localhost", "ü:80"]) {
      const run = () => within(Promise.resolve().then(() => call(host, port)));
      const error = await assertRejects(run, socket.OSError);
      assertEquals(error.errno, socket.EAI_NONAME, host);
    }
  });
}

Deno.test("connect() without blocking encodes a host that is not ASCII", async () => {
  await using listener = socket.create_server(["127.0.0.1", 0]);
  using s = socket.socket();
  s.setblocking(false);
  await s.connect_ex(["１２７.0.0.1", listener.getsockname()[1]]);
  using conn = (await within(listener.accept()))[0];
  assertEquals(conn.getsockname()[0], "127.0.0.1");
});

Deno.test({
  name: "name calls out of descriptors fail with EMFILE, then work again",
  ignore: !canLimitFiles || Deno.build.os !== "linux",
  fn: async () => {
    const program = `
      import * as socket from "@pystd/socket";
      const calls = {
        getaddrinfo: () => socket.getaddrinfo("localhost", 80),
        gethostbyname: () => socket.gethostbyname("localhost"),
        gethostbyname_ex: () => socket.gethostbyname_ex("localhost"),
        gethostbyaddr: () => socket.gethostbyaddr("127.0.0.1"),
        getnameinfo: () => socket.getnameinfo(["127.0.0.1", 80], 0),
        create_connection: () => socket.create_connection(["localhost", 9]),
        connect: () => socket.socket().connect(["localhost", 9]),
        addrconfig: () =>
          socket.getaddrinfo("::1", 80, 0, 0, 0, socket.AI_ADDRCONFIG),
        if_nameindex: async () => socket.if_nameindex(),
      };
      const run = async () => {
        const codes = {};
        for (const [name, call] of Object.entries(calls)) {
          try {
            await call();
            codes[name] = "";
          } catch (error) {
            codes[name] = error.constructor.name + " " + error.code;
          }
        }
        return codes;
      };
      const held = [];
      try {
        for (;;) held.push(Deno.openSync("/dev/null"));
      } catch {}
      const without = await run();
      const name = await socket.getfqdn("127.0.0.1");
      for (const file of held) file.close();
      console.log(JSON.stringify([without, name, await run()]));
      Deno.exit();`;
    await using child = startWithFileLimit(64, program, ["-A"]);
    const { stdout, stderr } = await child.result();
    const [without, name, after] = JSON.parse(stdout || `"${stderr}"`);
    for (const [call, code] of Object.entries(without)) {
      assertEquals(code, "OSError EMFILE", call);
    }
    assertEquals(name, "127.0.0.1");
    for (const [call, code] of Object.entries(after)) {
      assertEquals(/EMFILE/.test(String(code)), false, `${call}: ${code}`);
    }
    assertEquals(after["getaddrinfo"], "");
  },
});
