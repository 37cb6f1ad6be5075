import { assertEquals, assertGreater } from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "../support/bytes.ts";
import { denoCommand } from "../support/child.ts";
import { canLimitFiles, startWithFileLimit } from "../support/file_limit.ts";
import { hasNamespaces, runOffline } from "../support/namespace.ts";
import {
  ignore as withoutUnix,
  run as runUnix,
  withDirectory,
} from "../support/unix.ts";
import { within } from "../support/within.ts";
import type { Fault } from "./fault.ts";
import type { Random } from "./random.ts";

/** How many files a server may have open, and how many want to be served. */
const FILES = 100;
const CLIENTS = 150;

/** A server that waits a little when it may open no more files. */
const server = `
  const server = socket.create_server(["127.0.0.1", 0], { backlog: 512 });
  console.log(server.getsockname()[1]);
  async function serve(conn) {
    for (let data; (data = await conn.recv(100)).length > 0;) {
      if (data[0] === 255) server.close();
      else await conn.sendall(data);
    }
    conn.close();
  }
  let refused = 0;
  while (server.fileno() >= 0) {
    try {
      await accept();
    } catch (error) {
      if (error.code === "EBADF" && server.fileno() < 0) break;
      if (error.code !== "EMFILE") throw error;
      if (refused++ === 0) console.log("refused");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  console.log(refused);`;

const accepting = [
  "async function accept() { serve((await server.accept())[0]); }",
  `async function accept() {
    for await (const [conn] of server) serve(conn);
  }`,
  `async function accept() {
    await select([server], [], []);
    serve((await server.accept())[0]);
  }`,
];

/** A server that has no descriptors left lives on, and serves again. */
async function withoutFiles(random: Random): Promise<void> {
  const imports = `import * as socket from "@pystd/socket";
    import { select } from "@pystd/socket/select";`;
  await using child = startWithFileLimit(
    FILES,
    imports + random.pick(accepting) + server,
    ["--allow-net=127.0.0.1"],
  );
  const port = Number(await child.readLine());
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const client = socket.socket();
      await within(client.connect(["127.0.0.1", port]));
      return client;
    }),
  );
  assertEquals(await child.readLine(), "refused");
  await Promise.all(clients.map(async (client, n) => {
    await client.sendall(numbered(20, n));
    const data = await within(client.recv(20, socket.MSG_WAITALL));
    assertEquals(data, numbered(20, n));
    await client[Symbol.asyncDispose]();
  }));
  await using last = socket.socket();
  await within(last.connect(["127.0.0.1", port]));
  await last.sendall(Uint8Array.of(1));
  assertEquals(await within(last.recv(9)), Uint8Array.of(1));
  await last.sendall(Uint8Array.of(255));
  last.close();
  const refused = Number(await child.readLine());
  assertGreater(refused, 0);
  const { code, stderr } = await child.result();
  assertEquals([code, stderr], [0, ""]);
}

/** Opening without descriptors is an error, and possible again later. */
async function opening(): Promise<void> {
  await using child = startWithFileLimit(
    FILES,
    `
    import * as socket from "@pystd/socket";
    const server = socket.create_server(["127.0.0.1", 0], { backlog: 512 });
    const address = server.getsockname();
    const tcp = () => socket.socket();
    const udp = () => socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
    const calls = {
      connect: async () => {
        const s = tcp();
        try {
          await s.connect(address);
        } catch (error) {
          s.close();
          throw error;
        }
        return [s];
      },
      create_connection: async () => [await socket.create_connection(address)],
      bind: () => {
        const s = tcp();
        s.bind(["127.0.0.1", 0]);
        return [s];
      },
      "bind of a datagram socket": () => {
        const s = udp();
        s.bind(["127.0.0.1", 0]);
        return [s];
      },
      create_server: () => [socket.create_server(["127.0.0.1", 0])],
      socketpair: () => socket.socketpair(socket.AF_INET),
    };
    for (const [name, call] of Object.entries(calls)) {
      const open = [];
      let outcome = "never";
      for (let n = 0; n < ${CLIENTS} && outcome === "never"; n++) {
        try {
          open.push(...await call());
        } catch (error) {
          outcome = error.name + " " + error.code;
        }
      }
      for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
      server.settimeout(0);
      for (;;) {
        const accepted = await server.accept().catch(() => null);
        if (accepted === null) break;
        accepted[0].close();
      }
      server.settimeout(null);
      // What was opened in part is closed again, one turn later.
      await new Promise((resolve) => setTimeout(resolve));
      const again = await call();
      for (const each of again) await each[Symbol.asyncDispose]();
      console.log(name, outcome);
    }
    server.close();`,
    ["--allow-net=127.0.0.1"],
  );
  const { code, stdout, stderr } = await child.result();
  assertEquals([code, stderr], [0, ""], stdout);
  for (const line of stdout.trim().split("\n")) {
    assertEquals(
      line.replace(/^.* OSError/, "OSError"),
      "OSError EMFILE",
      line,
    );
  }
  assertEquals(stdout.trim().split("\n").length, 6);
}

/** The file of a Unix server goes; who is connected is not touched. */
async function unixFile(): Promise<void> {
  await withDirectory(async (dir) => {
    const lines = await runUnix(
      `
      const path = dir + "socket";
      const server = unix(SOCK_STREAM, path);
      server.listen();
      const client = unix();
      await client.connect(path);
      const [conn] = await server.accept();
      const waiting = outcome(() => server.accept());
      Deno.removeSync(path);
      await print(() => unix().connect(path));
      await client.sendall(bytes("still"));
      await print(async () => text(await conn.recv(9)));
      await print(() => server.getsockname() === path);
      // Another takes the name: the first one waits for those before.
      const second = unix(SOCK_STREAM, path);
      second.listen();
      const other = unix();
      await other.connect(path);
      const [theirs] = await second.accept();
      await other.sendall(bytes("second"));
      await print(async () => text(await theirs.recv(9)));
      server.close();
      console.log(await waiting);
      await conn.sendall(bytes("on"));
      await print(async () => text(await client.recv(9)));
      for (const each of [client, conn, other, theirs, second]) each.close();
      // With its directory, too.
      Deno.mkdirSync(dir + "inner");
      const third = unix(SOCK_STREAM, dir + "inner/socket");
      third.listen();
      Deno.removeSync(dir + "inner", { recursive: true });
      await print(() => third[Symbol.asyncDispose]());
      await print(() => unix(SOCK_DGRAM, dir + "datagrams").close());`,
      { dir },
    );
    assertEquals(lines, [
      "FileNotFoundError: [Errno 2] No such file or directory",
      '"still"',
      "true",
      '"second"',
      "OSError: [Errno 9] Bad file descriptor",
      '"on"',
      "null",
      "null",
    ]);
  });
}

const down = `
  import * as socket from "@pystd/socket";
  const loopback = async (how) => {
    const args = ["link", "set", "lo", how];
    const { success } = await new Deno.Command("ip", { args }).output();
    if (!success) throw new Error("ip failed");
  };
  const outcome = async (call) => {
    try {
      return await call() ?? null;
    } catch (error) {
      return error.name + ": " + error.message;
    }
  };
  const print = async (call) => console.log(await outcome(call));
  const server = socket.create_server(["127.0.0.1", 0]);
  const address = server.getsockname();
  const client = await socket.create_connection(address);
  const [conn] = await server.accept();
  const udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  udp.bind(["127.0.0.1", 0]);
  const part = (from, size) =>
    Uint8Array.from({ length: size }, (_, i) => (from + i) % 251);
  await client.sendall(part(0, 1000));
  let received = (await conn.recv(500)).length;
  const before = Deno.memoryUsage().external;
  await loopback("down");
  for (const s of [client, conn, server, udp]) s.settimeout(0.2);
  // What had come is still there.
  received += (await conn.recv(500)).length;
  console.log(received);
  let sent = 1000;
  await print(async () => {
    for (;;) sent += await client.send(part(sent, 65536));
  });
  await print(() => conn.recv(1));
  await print(() => server.accept());
  const other = socket.socket();
  other.settimeout(0.2);
  await print(() => other.connect(address));
  // The kernel takes it, or says why not.
  await outcome(() => udp.sendto(part(0, 3), udp.getsockname()));
  await print(() => udp.recv(9));
  // What this program has sent is garbage, which counts until it is collected:
  // the first leaves array buffers to a sweeper that the second waits for.
  gc();
  await new Promise((resolve) => setTimeout(resolve));
  gc();
  console.log(Deno.memoryUsage().external - before < 4 << 20);
  await loopback("up");
  for (const s of [client, conn, server, udp]) s.settimeout(60);
  client.close();
  let right = true;
  for (;;) {
    const data = await conn.recv(1 << 18);
    if (data.length === 0) break;
    right &&= data.every((byte, i) => byte === (received + i) % 251);
    received += data.length;
  }
  console.log(received === sent, right);
  await other.connect(address);
  await other.sendall(part(0, 5));
  // Of those that were called off one may have come.
  let data;
  do {
    const [late] = await server.accept();
    data = await late.recv(9).catch(() => new Uint8Array(0));
    late.close();
  } while (data.length === 0);
  console.log(data.length);
  await udp.sendto(part(0, 7), udp.getsockname());
  let last;
  while ((last = await udp.recv(9)).length !== 7);
  console.log(last.length);
  for (const s of [client, conn, server, udp, other]) s.close();`;

/** The network goes, and comes back. */
async function networkDown(): Promise<void> {
  const command = denoCommand({
    code: down,
    flags: ["--v8-flags=--expose-gc"],
    permissions: ["--allow-net=127.0.0.1", "--allow-run=ip"],
  });
  const { code, stdout, stderr } = await runOffline("", command, down);
  const late = "TimeoutError: timed out";
  assertEquals(stdout.split("\n").slice(0, 10), [
    "1000",
    late,
    late,
    late,
    late,
    late,
    "true",
    "true true",
    "5",
    "7",
  ], stderr);
  assertEquals([code, stderr], [0, ""]);
}

/** What goes wrong in the system that a process runs on. */
export const processes: readonly Fault[] = [
  {
    name: "a server without free descriptors goes on, and serves all clients",
    skipped: canLimitFiles ? undefined : "no limit on files",
    run: withoutFiles,
  },
  {
    name:
      "opening without free descriptors fails with EMFILE, and later works again",
    skipped: canLimitFiles ? undefined : "no limit on files",
    run: opening,
  },
  {
    name: "a Unix server whose file is removed keeps its connections",
    skipped: withoutUnix ? "no Unix sockets" : undefined,
    run: unixFile,
  },
  {
    name: "a network that goes down lets calls time out, and loses nothing",
    skipped: hasNamespaces ? undefined : "no network namespaces",
    run: networkDown,
  },
];
