/**
 * Tries what the table "Versions of Deno" of DIFFERENCES.md lists, on the Deno
 * that runs this, and fails if the table is wrong about it.
 *
 *     deno run --no-remote --no-check --no-prompt --unstable-net --allow-net --allow-read --allow-write --import-map tests/offline/import_map.json tests/project/versions/main.ts
 *
 * `deno test` of those before 2.8 refuses the `test` key of the project's
 * deno.json, so this is a program.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import * as selectors from "@pystd/socket/selectors";
import * as socketserver from "@pystd/socket/socketserver";
import * as ssl from "@pystd/socket/ssl";

/** A row of the table, and programs that need that Deno. */
export interface Feature {
  /** The minor version of Deno 2 that it needs. */
  readonly since: number;
  readonly row: string;
  readonly programs: readonly (() => Promise<void>)[];
  /** How the programs end on an older Deno; by default, with EOPNOTSUPP. */
  readonly older?: (error: unknown) => boolean;
}

/** The rows, in their order, but for the last, which is about a flag. */
export const features: readonly Feature[] = [
  {
    since: 1,
    row:
      "TCP, UDP and Unix sockets, `socketpair`, file objects, `select`, selectors, `socketserver`, `getaddrinfo`",
    programs: [
      tcp,
      timeouts,
      closing,
      halfClosing,
      udp,
      unixStreams,
      unixDatagrams,
      pairs,
      files,
      polling,
      serving,
      names,
    ],
  },
  {
    since: 3,
    row:
      "UDP without `--unstable-net`, and with IPV6_V6ONLY or a group joined before `bind`",
    programs: [v6Only],
  },
  {
    since: 3,
    row:
      "ending the attempt of a cancelled `connect`; older ones let it go on, and the process with it",
    // The kernel repeats the attempt after a second or more, so a program would
    // have to wait for what does not happen.
    programs: [],
  },
  {
    since: 5,
    row: "the backlog of `listen`; older ones keep their own, 128",
    programs: [backlog],
    older: (error) => error instanceof EndlessBacklog,
  },
  {
    since: 5,
    row: "`toHex` and `fromHex`, which the [guide](README.md#bytes) uses",
    programs: [hex],
    older: (error) => error instanceof TypeError,
  },
  {
    since: 6,
    row: "the names of addresses: `gethostbyaddr`, `getnameinfo`",
    programs: [namesOfAddresses],
  },
  {
    since: 6,
    row: "link-local addresses with a scope",
    programs: [scopes],
  },
  {
    since: 7,
    row:
      "`connect` of a stream that was bound, `create_connection` with `source_address`",
    programs: [boundConnect],
  },
  { since: 8, row: "`ssl`", programs: [tls, tlsRefused] },
  {
    since: 8,
    row:
      "abstract names of Unix sockets; sending on a Unix datagram socket that is unbound, or while a receive waits",
    programs: [
      abstractStreams,
      abstractDatagrams,
      unboundDatagrams,
      sendDuringRecv,
    ],
  },
  {
    since: 9,
    row: "`shutdown` and `unwrap` of an `SSLSocket`",
    programs: [tlsShutdown, tlsUnwrap],
  },
  {
    since: 9,
    row:
      "dropping unsent bytes 30 seconds after `close`, or at `abort` of `writable`; older ones wait for the peer",
    programs: [dropping],
    older: (error) => error instanceof EndlessSend,
  },
];

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(data: Uint8Array | null): string {
  return new TextDecoder().decode(data ?? undefined);
}

async function connected(): Promise<[socket.Socket, socket.Socket]> {
  using server = socket.create_server(["127.0.0.1", 0]);
  const client = await socket.create_connection(server.getsockname());
  const [conn] = await server.accept();
  return [client, conn];
}

async function tcp(): Promise<void> {
  const [a, b] = await connected();
  using _b = b;
  const total = 8 * 1024 * 1024;
  const sending = a.sendall(new Uint8Array(total)).then(() => a.close());
  let received = 0;
  while (true) {
    const { length } = await b.recv(65_536);
    if (length === 0) break;
    received += length;
  }
  await sending;
  assertEquals(received, total);
}

async function timeouts(): Promise<void> {
  const [a, b] = await connected();
  using _a = a;
  using _b = b;
  a.settimeout(0.01);
  await assertRejects(() => a.recv(1), socket.timeout);
  a.setblocking(false);
  await assertRejects(() => a.recv(1), socket.BlockingIOError);
  a.setblocking(true);
  const stop = new AbortController();
  const cancelled = a.recv(1, { signal: stop.signal });
  stop.abort(new Error("cancelled"));
  await assertRejects(() => cancelled, Error, "cancelled");
  await b.sendall(bytes("late"));
  assertEquals(text(await a.recv(10)), "late");
}

/** The peer of a socket that is closed during a receive sees the end. */
async function closing(): Promise<void> {
  const folder = await Deno.makeTempDir();
  using unix = socket.socket(socket.AF_UNIX);
  unix.bind(`${folder}/server`);
  unix.listen();
  using tcp = socket.create_server(["127.0.0.1", 0]);
  for (const server of [tcp, unix]) {
    using peer = socket.socket(server.family);
    await peer.connect(server.getsockname());
    const [conn] = await server.accept();
    conn.settimeout(0.01);
    await assertRejects(() => conn.recv(1), socket.timeout);
    {
      await using _conn = conn;
    }
    assertEquals(await peer.recv(1), new Uint8Array(0));
  }
  await Deno.remove(folder, { recursive: true });
}

/** A connect that does not block is made by `node:net` where that is complete. */
async function halfClosing(): Promise<void> {
  using server = socket.create_server(["127.0.0.1", 0]);
  for (const blocking of [true, false]) {
    using client = socket.socket();
    client.setblocking(blocking);
    await client.connect_ex(server.getsockname());
    const [conn] = await server.accept();
    using _conn = conn;
    client.setblocking(true);
    await select([], [client], []);
    await client.shutdown(socket.SHUT_WR);
    assertEquals(await conn.recv(1), new Uint8Array(0));
    await conn.sendall(bytes("answer"));
    assertEquals(text(await client.recv(10)), "answer");
  }
}

async function udp(): Promise<void> {
  using a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  a.bind(["127.0.0.1", 0]);
  using b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  await b.connect(a.getsockname());
  await b.send(bytes("x"));
  const [data, address] = await a.recvfrom(10);
  assertEquals(text(data), "x");
  await a.sendto(bytes("y"), address);
  assertEquals(text(await b.recv(10)), "y");
}

async function v6Only(): Promise<void> {
  const { AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, SOCK_DGRAM } = socket;
  using a = socket.socket(AF_INET6, SOCK_DGRAM);
  a.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1);
  a.bind(["::1", 0]);
  using b = socket.socket(AF_INET6, SOCK_DGRAM);
  await b.sendto(bytes("x"), a.getsockname());
  assertEquals(text(await a.recv(10)), "x");
}

async function unixStreams(): Promise<void> {
  const folder = await Deno.makeTempDir();
  using server = socket.socket(socket.AF_UNIX);
  server.bind(`${folder}/server`);
  server.listen();
  using client = socket.socket(socket.AF_UNIX);
  await client.connect(`${folder}/server`);
  const [conn] = await server.accept();
  await client.sendall(bytes("x"));
  assertEquals(text(await conn.recv(1)), "x");
  conn.close();
  server.close();
  await Deno.remove(folder, { recursive: true });
}

async function unixDatagrams(): Promise<void> {
  const folder = await Deno.makeTempDir();
  using a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
  a.bind(`${folder}/a`);
  using b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
  b.bind(`${folder}/b`);
  await b.sendto(bytes("x"), `${folder}/a`);
  assertEquals((await a.recvfrom(10))[1], `${folder}/b`);
  await b.connect(`${folder}/a`);
  await b.send(bytes("y"));
  assertEquals(text(await a.recv(10)), "y");
  await Deno.remove(folder, { recursive: true });
}

const abstractName = `\0${crypto.randomUUID()}`;

async function abstractStreams(): Promise<void> {
  using client = socket.socket(socket.AF_UNIX);
  using server = socket.socket(socket.AF_UNIX);
  server.bind(abstractName);
  server.listen();
  await client.connect(abstractName);
  const [conn] = await server.accept();
  using _conn = conn;
  await client.sendall(bytes("x"));
  assertEquals(text(await conn.recv(1)), "x");
}

async function abstractDatagrams(): Promise<void> {
  using a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
  a.bind(abstractName);
  using b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
  await b.sendto(bytes("x"), abstractName);
  assertEquals(text(await a.recv(10)), "x");
}

async function unboundDatagrams(): Promise<void> {
  const folder = await Deno.makeTempDir();
  using a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
  a.bind(`${folder}/a`);
  using b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
  await b.sendto(bytes("x"), `${folder}/a`);
  assertEquals(text(await a.recv(10)), "x");
  await Deno.remove(folder, { recursive: true });
}

async function sendDuringRecv(): Promise<void> {
  const folder = await Deno.makeTempDir();
  using a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
  a.bind(`${folder}/a`);
  using b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
  b.bind(`${folder}/b`);
  const receiving = a.recv(10);
  receiving.catch(() => {});
  await a.sendto(bytes("x"), `${folder}/b`);
  assertEquals(text(await b.recv(10)), "x");
  await b.sendto(bytes("y"), `${folder}/a`);
  assertEquals(text(await receiving), "y");
  await Deno.remove(folder, { recursive: true });
}

async function pairs(): Promise<void> {
  for (const type of [socket.SOCK_STREAM, socket.SOCK_DGRAM]) {
    const [a, b] = await socket.socketpair(socket.AF_UNIX, type);
    await a.send(bytes("x"));
    assertEquals(text(await b.recv(1)), "x");
    a.close();
    b.close();
  }
}

async function files(): Promise<void> {
  const [a, b] = await connected();
  await using lines = a.makefile("rw", { encoding: "utf-8" });
  await using raw = b.makefile("rwb");
  a.close();
  b.close();
  await lines.write("héllo\n");
  await lines.flush();
  const line = await raw.readline();
  assertEquals(text(line), "héllo\n");
  await raw.write(line!);
  await raw.flush();
  assertEquals(await lines.readline(), "héllo\n");
}

async function polling(): Promise<void> {
  const [a, b] = await connected();
  using _a = a;
  using _b = b;
  assertEquals((await select([a], [], [], 0))[0].length, 0);
  using selector = new selectors.DefaultSelector<socket.Socket>();
  selector.register(a, selectors.EVENT_READ);
  await b.sendall(bytes("x"));
  const [ready] = await selector.select();
  assertStrictEquals(ready![0].fileobj, a);
  const [readable, writable] = await select([a], [b], []);
  assertStrictEquals(readable[0], a);
  assertStrictEquals(writable[0], b);
}

async function serving(): Promise<void> {
  class Echo extends socketserver.StreamRequestHandler {
    override async handle(): Promise<void> {
      for await (const line of this.rfile) await this.wfile.write(line);
    }
  }
  const server = new socketserver.ThreadingTCPServer(["127.0.0.1", 0], Echo);
  const [host, port] = server.server_address;
  const running = server.serve_forever();
  const client = await socket.create_connection([host, port]);
  await client.sendall(bytes("x\n"));
  assertEquals(text(await client.recv(2)), "x\n");
  client.close();
  await server.shutdown();
  await running;
  await server.server_close();
}

async function names(): Promise<void> {
  const { AF_INET, SOCK_STREAM } = socket;
  const [found] = await socket.getaddrinfo(
    "localhost",
    80,
    AF_INET,
    SOCK_STREAM,
  );
  assertEquals(found![4], ["127.0.0.1", 80]);
}

class EndlessBacklog extends Error {}

async function backlog(): Promise<void> {
  using server = socket.socket();
  server.bind(["127.0.0.1", 0]);
  server.listen(1);
  const clients: socket.Socket[] = [];
  try {
    for (let i = 0; i < 4; i++) {
      const client = socket.socket();
      clients.push(client);
      client.settimeout(0.1);
      await client.connect(server.getsockname());
    }
  } catch (error) {
    if (error instanceof socket.timeout) return; // The queue is full.
    throw error;
  } finally {
    for (const client of clients) client.close();
  }
  throw new EndlessBacklog("Four clients are in a queue of one");
}

async function hex(): Promise<void> {
  const data = await Uint8Array.fromHex("00ff");
  assertEquals(data.toHex(), "00ff");
}

async function namesOfAddresses(): Promise<void> {
  assertEquals((await socket.gethostbyaddr("127.0.0.1"))[2], ["127.0.0.1"]);
  const [, service] = await socket.getnameinfo(["127.0.0.1", 80], 0);
  assertEquals(service, "http");
}

async function scopes(): Promise<void> {
  using s = socket.socket(socket.AF_INET6);
  try {
    s.bind(["fe80::1", 0, 0, 1]);
  } catch (error) {
    // Few machines have this address.
    const { code } = error as socket.OSError;
    if (code !== "EADDRNOTAVAIL") throw error;
  }
}

async function boundConnect(): Promise<void> {
  using server = socket.create_server(["127.0.0.1", 0]);
  using client = socket.socket();
  client.bind(["127.0.0.1", 0]);
  const address = client.getsockname();
  await client.connect(server.getsockname());
  const [conn, from] = await server.accept();
  conn.close();
  assertEquals(from, address);
}

const certificates = new URL("../../ssl/certificates/", import.meta.url);

function pem(name: string): string {
  return decodeURIComponent(new URL(`${name}.pem`, certificates).pathname);
}

/** A TLS connection to `name`, for `use`. */
async function withTls(
  name: string,
  use: (client: ssl.SSLSocket, server: ssl.SSLSocket) => Promise<void>,
): Promise<void> {
  const forServer = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
  forServer.load_cert_chain(pem("server"), pem("server.key"));
  const forClient = ssl.create_default_context({ cafile: pem("ca") });
  const [a, b] = await connected();
  const options = { server_hostname: name };
  const [client, server] = await Promise.allSettled([
    forClient.wrap_socket(a, options),
    forServer.wrap_socket(b, { server_side: true }),
  ]);
  if (server.status === "rejected") b.close();
  else if (client.status === "rejected") server.value.close();
  if (client.status === "rejected") throw client.reason;
  if (server.status === "rejected") throw server.reason;
  using tlsClient = client.value;
  using tlsServer = server.value;
  await use(tlsClient, tlsServer);
}

async function tls(): Promise<void> {
  await withTls("localhost", async (client, server) => {
    assertEquals(client.version(), "TLSv1.3");
    assert(client.getpeercert()?.subject);
    await client.sendall(bytes("x"));
    assertEquals(text(await server.recv(1)), "x");
    const sending = server.sendall(new Uint8Array(100_000));
    await using file = client.makefile("rb");
    assertEquals((await file.read(100_000))?.length, 100_000);
    await sending;
  });
}

async function tlsShutdown(): Promise<void> {
  await withTls("localhost", async (client, server) => {
    await client.shutdown(socket.SHUT_WR);
    assertEquals(await server.recv(1), new Uint8Array(0));
    await server.sendall(bytes("x"));
    assertEquals(text(await client.recv(1)), "x");
  });
}

async function tlsUnwrap(): Promise<void> {
  await withTls("localhost", async (client, server) => {
    const [a, b] = await Promise.all([client.unwrap(), server.unwrap()]);
    using _a = a;
    using _b = b;
    await a.sendall(bytes("x"));
    assertEquals(text(await b.recv(1)), "x");
  });
}

async function tlsRefused(): Promise<void> {
  try {
    await withTls("wrong.example", async () => {});
  } catch (error) {
    if (error instanceof ssl.SSLCertVerificationError) return;
    throw error;
  }
  throw new Error("The certificate is of another name");
}

class EndlessSend extends Error {}

/** `abort` of a stream drops unsent bytes as the end of the 30 seconds does. */
async function dropping(): Promise<void> {
  const [a, b] = await connected();
  using _b = b;
  const { writable } = a;
  const sending = a.sendall(new Uint8Array(64 * 1024 * 1024));
  const dropped = sending.then(() => "sent", (error) => error);
  await delay(100); // The kernel's buffers are full by now.
  await writable.abort();
  const error = await Promise.race([dropped, delay(20_000)]);
  if (error === undefined) throw new EndlessSend("The send goes on");
  assert(error instanceof socket.ConnectionResetError, String(error));
}

function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
}

function notSupported(error: unknown): boolean {
  return error instanceof socket.OSError && error.code === "EOPNOTSUPP";
}

/** Tries a feature's programs; what was not as the table says. */
async function failures(feature: Feature): Promise<string[]> {
  const [major, running] = Deno.version.deno.split(".").map(Number);
  const minor = major === 2 ? running! : Infinity;
  const { since, programs, older = notSupported } = feature;
  const failed: string[] = [];
  for (const program of programs) {
    let error: unknown;
    let hanging: ReturnType<typeof setTimeout>;
    const limit = new Promise<never>((_, reject) => {
      const late = new Error("The program hangs");
      hanging = setTimeout(() => reject(late), 60_000);
    });
    try {
      await Promise.race([program(), limit]);
    } catch (thrown) {
      error = thrown;
    } finally {
      clearTimeout(hanging!);
    }
    const asListed = minor >= since ? error === undefined : older(error);
    if (!asListed) failed.push(`${program.name}: ${error ?? "works"}`);
  }
  return failed;
}

if (import.meta.main) {
  console.log(`Deno ${Deno.version.deno}`);
  for (const feature of features) {
    const failed = await failures(feature);
    const verdict = feature.programs.length === 0
      ? "not tried:"
      : failed.length === 0
      ? "as listed:"
      : "NOT AS LISTED:";
    console.log(verdict, feature.row);
    for (const line of failed) console.log(`  ${line}`);
    if (failed.length > 0) Deno.exitCode = 1;
  }
  Deno.exit();
}
