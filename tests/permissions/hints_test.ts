import { assertEquals, assertMatch } from "@std/assert";
import { listener } from "../support/pair.ts";
import { runDeno } from "../support/child.ts";

/** Calls by name, each of which prints what it came to. */
const calls: Readonly<Record<string, string>> = {
  "socket()": `socket.socket().close()`,
  "setsockopt()": `
    using s = socket.socket();
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)`,
  "bind() literal": `
    using s = socket.socket();
    s.bind(["127.0.0.1", 0])`,
  "bind() name": `
    using s = socket.socket();
    s.bind(["localhost", 0])`,
  "bind() every interface": `
    using s = socket.socket();
    s.bind(["", 0])`,
  "listen() unbound": `
    using s = socket.socket();
    s.listen()`,
  "connect() literal": `
    using s = socket.socket();
    await s.connect(["127.0.0.1", port])`,
  "connect() name": `
    using s = socket.socket();
    await s.connect(["localhost", port])`,
  "connect() literal IPv6": `
    using s = socket.socket(socket.AF_INET6);
    await s.connect(["::1", port]).catch((error) => {
      if (error.code !== "ECONNREFUSED") throw error;
    })`,
  "connect() without blocking": `
    using s = socket.socket();
    s.setblocking(false);
    await s.connect(["127.0.0.1", port]).catch((error) => {
      if (error.code !== "EINPROGRESS") throw error;
    });
    s.settimeout(60);
    await s.sendall(new Uint8Array(1))`,
  "connect() name without blocking": `
    using s = socket.socket();
    s.setblocking(false);
    await s.connect(["localhost", port]).catch((error) => {
      if (error.code !== "EINPROGRESS") throw error;
    });
    s.settimeout(60);
    await s.sendall(new Uint8Array(1))`,
  "bind(), then connect()": `
    using s = socket.socket();
    s.bind(["127.0.0.1", 0]);
    await s.connect(["127.0.0.1", port])`,
  "bind() name, then connect() name": `
    using s = socket.socket();
    s.bind(["localhost", 0]);
    await s.connect(["localhost", port])`,
  "send(), recv(), dup(), makefile()": `
    using s = socket.socket();
    await s.connect(["127.0.0.1", port]);
    await s.sendall(new Uint8Array(1));
    s.settimeout(0);
    await s.recv(1).catch(() => {});
    s.dup().close();
    s.makefile("rw").close();
    await s.shutdown(socket.SHUT_RDWR)`,
  "accept()": `
    using s = socket.socket();
    s.bind(["127.0.0.1", 0]);
    s.listen();
    s.settimeout(0);
    await s.accept().catch((error) => {
      if (error.code !== "EAGAIN") throw error;
    })`,
  "UDP bind() literal": `
    using s = datagram();
    s.bind(["127.0.0.1", 0])`,
  "UDP bind() name": `
    using s = datagram();
    s.bind(["localhost", 0])`,
  "UDP sendto() literal": `
    using s = datagram();
    await s.sendto(new Uint8Array(1), ["127.0.0.1", port])`,
  "UDP sendto() name": `
    using s = datagram();
    await s.sendto(new Uint8Array(1), ["localhost", port])`,
  "UDP connect() literal": `
    using s = datagram();
    await s.connect(["127.0.0.1", port]);
    await s.send(new Uint8Array(1))`,
  "UDP recvfrom()": `
    using s = datagram();
    s.bind(["127.0.0.1", 0]);
    s.settimeout(0);
    await s.recvfrom(1).catch((error) => {
      if (error.code !== "EAGAIN") throw error;
    })`,
};

const program = `
  import * as socket from "@pystd/socket";
  const port = Number(Deno.args[0]);
  const datagram = () => socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  const calls = {${
  Object.entries(calls).map(([name, code]) =>
    `${JSON.stringify(name)}: async () => {${code};}`
  ).join(",")
}};
  const outcomes = {};
  for (const [name, call] of Object.entries(calls)) {
    outcomes[name] = await call().then(
      () => "",
      (error) => error instanceof socket.PermissionError &&
          error.code === "EACCES" && error.cause instanceof Error
        ? error.message
        : "Another error: " + error.stack,
    );
  }
  console.log(JSON.stringify(outcomes));`;

/** What a call asks for in vain; nothing if it works. */
type Missing = Readonly<Record<string, string>>;

const toConnect: Missing = {
  "connect() literal": "127.0.0.1:PORT",
  "connect() name": "localhost:PORT",
  "connect() literal IPv6": "[::1]:PORT",
  "connect() without blocking": "127.0.0.1:PORT",
  "connect() name without blocking": "localhost:PORT",
  "send(), recv(), dup(), makefile()": "127.0.0.1:PORT",
};
const toBindAnywhere: Missing = {
  "bind() every interface": "0.0.0.0:0",
  "listen() unbound": "0.0.0.0:0",
};
const toBind: Missing = {
  "bind() literal": "127.0.0.1:0",
  "bind(), then connect()": "127.0.0.1:0",
  "accept()": "127.0.0.1:0",
  "UDP bind() literal": "127.0.0.1:0",
  "UDP sendto() literal": "127.0.0.1:0",
  "UDP connect() literal": "127.0.0.1:0",
  "UDP recvfrom()": "127.0.0.1:0",
};
/** `localhost` is bound by its literal, unless only the name is granted. */
const toBindByName: Missing = {
  "bind() name": "127.0.0.1:0",
  "bind() name, then connect() name": "127.0.0.1:0",
  "UDP bind() name": "127.0.0.1:0",
};

function without(missing: Missing, ...names: string[]): Missing {
  return Object.fromEntries(
    Object.entries(missing).filter(([name]) => !names.includes(name)),
  );
}

const grants: readonly [grant: string | null, missing: Missing][] = [
  [null, {
    ...toConnect,
    ...toBind,
    ...toBindByName,
    ...toBindAnywhere,
    "UDP sendto() name": "localhost:PORT",
  }],
  ["127.0.0.1", {
    ...toBindAnywhere,
    "connect() literal IPv6": "[::1]:PORT",
  }],
  ["127.0.0.1:PORT", {
    ...without(
      toConnect,
      "connect() literal",
      "connect() name",
      "connect() without blocking",
      "connect() name without blocking",
      "send(), recv(), dup(), makefile()",
    ),
    ...toBind,
    ...toBindByName,
    ...toBindAnywhere,
    "UDP sendto() name": "127.0.0.1:0",
  }],
  ["localhost", {
    ...without(toConnect, "connect() name", "connect() name without blocking"),
    // Bound by name; but only the literal can be connected from.
    "bind() name, then connect() name": "127.0.0.1:0",
    ...toBind,
    ...toBindAnywhere,
    // Bound by the name, which is granted.
    "UDP sendto() literal": "127.0.0.1:PORT",
    "UDP connect() literal": "127.0.0.1:PORT",
  }],
  ["localhost:PORT", {
    ...without(toConnect, "connect() name", "connect() name without blocking"),
    ...toBind,
    ...toBindByName,
    ...toBindAnywhere,
    // The name is looked up; it is the local port that is missing.
    "UDP sendto() name": "127.0.0.1:0",
  }],
  ["127.0.0.1:PORT,127.0.0.1:0", {
    ...toBindAnywhere,
    "connect() literal IPv6": "[::1]:PORT",
  }],
  ["0.0.0.0,127.0.0.1", { "connect() literal IPv6": "[::1]:PORT" }],
];

for (const [grant, missing] of grants) {
  for (const unstable of [false, true]) {
    const flag = unstable ? " and --unstable-net" : "";
    Deno.test(`calls with ${grant ?? "no grant"}${flag} work or name the missing grant`, async () => {
      await using server = listener();
      const port = String(server.getsockname()[1]);
      const { stdout, stderr } = await runDeno({
        code: program,
        permissions: grant === null
          ? []
          : [`--allow-net=${grant.replace("PORT", port)}`],
        args: [port],
        unstable,
      });
      assertEquals(stderr, "");
      const expected = Object.fromEntries(
        Object.keys(calls).map((name) => [name, missing[name] ?? ""]),
      );
      const outcomes: Record<string, string> = JSON.parse(stdout);
      const hint =
        /^\[Errno \d+\] Permission denied: Requires net access to "([^"]+)", run again with the --allow-net flag(?:; "localhost" is granted, its address is not: add --allow-net=\1, or use the name)?$/;
      const actual = Object.fromEntries(
        Object.entries(outcomes).map(([name, text]) => [
          name,
          text.replace(hint, "$1").replace(`:${port}`, ":PORT"),
        ]),
      );
      assertEquals(actual, expected);
    });
  }
}

Deno.test("importing the module needs no grant", async () => {
  const { code, stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      import * as errno from "@pystd/socket/errno";
      for (const name of ["net", "read", "write", "env", "run", "sys", "ffi"]) {
        const { state } = await Deno.permissions.query({ name });
        if (state === "granted") throw new Error(name);
      }
      const s = socket.socket();
      s.settimeout(1);
      s.close();
      console.log(socket.inet_aton("127.0.0.1"), errno.EBADF);`,
  });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /127/);
});

Deno.test("calls without a permission name the flag", async () => {
  const { stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      const udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      const address = ["127.0.0.1", 9];
      for (const call of [
        async () => socket.socket().bind(address),
        () => socket.socket().connect(address),
        () => udp.sendto(new Uint8Array(1), address),
        () => socket.create_connection(address),
        async () => socket.create_server(address),
        async () => socket.gethostname(),
      ]) await call().catch((error) => console.log(error.name, error.message));`,
  });
  assertEquals(stderr, "");
  const hint =
    /^PermissionError \[Errno \d+\] Permission denied: Requires (.*)$/gm;
  assertEquals(
    stdout.replaceAll(hint, "$1"),
    [
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      // Where it would send from is the first that is asked for.
      'net access to "127.0.0.1:0", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'sys access to "hostname", run again with the --allow-sys flag',
      "",
    ].join("\n"),
  );
});
