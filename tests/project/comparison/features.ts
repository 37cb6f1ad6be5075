/**
 * Tries what this module, `node:net` and Deno have, for the table of COMPARISON.md.
 *
 * Prints JSON: by column and row of the table, whether it is there. It makes
 * Unix sockets in the directory that is its argument.
 */

import * as net from "node:net";
import { once } from "node:events";
import { createInterface } from "node:readline";
import * as socket from "@pystd/socket";
import * as selectModule from "@pystd/socket/select";
import * as ssl from "@pystd/socket/ssl";

const folder = Deno.args[0]!;
const BIG = new Uint8Array(1 << 26);

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** What `promise` gives, or null if it takes longer than data need. */
async function soon<T>(promise: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<null>((end) => timer = setTimeout(end, 50, null));
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

async function fails(call: () => Promise<unknown>): Promise<string | null> {
  try {
    await call();
    return null;
  } catch (error) {
    return (error as Error).name;
  }
}

type Found = Record<string, boolean>;

async function ours(): Promise<Found> {
  const found: Found = {};
  using server = socket.create_server(["127.0.0.1", 0]);
  using a = socket.socket();
  a.bind(["127.0.0.1", 0]);
  const [host, port] = a.getsockname();
  await a.connect(server.getsockname());
  const [b, from] = await server.accept();
  using _ = b;
  found["local address of a client"] = from[0] === host && from[1] === port;

  a.settimeout(0.05);
  found["a time limit for one read"] =
    await fails(() => a.recv(4)) === "TimeoutError";
  a.settimeout(10);
  await b.sendall(bytes("late"));
  found["bytes that come after it are kept"] = text(await a.recv(4)) === "late";

  const reads = [a.recv(1), a.recv(1)];
  await b.sendall(bytes("12"));
  found["two reads at once"] =
    (await Promise.all(reads)).map(text).join() === "1,2";

  const stop = new AbortController();
  const ending = fails(() => a.recv(1, { signal: stop.signal }));
  stop.abort();
  await b.sendall(bytes("x"));
  found["cancelling one call only"] = await ending === "AbortError" &&
    text(await a.recv(1)) === "x";

  a.settimeout(null);
  const sending = a.sendall(BIG);
  const waits = await soon(sending.then(() => true)) === null;
  const all = await b.recv(BIG.length, socket.MSG_WAITALL);
  await sending;
  found["sending all, with back-pressure"] = waits && all.length === BIG.length;

  await b.sendall(bytes("one\ntwo\n"));
  const file = a.makefile("r");
  found["lines"] = await file.readline() === "one\n" &&
    await file.readline() === "two\n";
  const four = a.recv(4, socket.MSG_WAITALL);
  await b.sendall(bytes("ab"));
  const early = await soon(four);
  await b.sendall(bytes("cd"));
  found["exactly n bytes"] = early === null && text(await four) === "abcd";
  await b.sendall(bytes("ab"));
  found["peeking"] = text(await a.recv(2, socket.MSG_PEEK)) === "ab" &&
    text(await a.recv(2)) === "ab";

  a.setblocking(false);
  const nothing = await fails(() => a.recv(1)) === "BlockingIOError";
  await b.sendall(bytes("x"));
  const [ready] = await selectModule.select([a], [], [], 10);
  found["`setblocking`, `select`"] = nothing && ready[0] === a &&
    text(await a.recv(1)) === "x";
  a.setblocking(true);
  a.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1);
  found["socket options"] =
    a.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) === 1;

  await a.shutdown(socket.SHUT_WR);
  const ended = (await b.recv(1)).length === 0;
  await b.sendall(bytes("x"));
  found["half-close"] = ended && text(await a.recv(1)) === "x";

  using u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  u.bind(["127.0.0.1", 0]);
  u.setsockopt(
    socket.IPPROTO_IP,
    socket.IP_ADD_MEMBERSHIP,
    new Uint8Array([
      ...socket.inet_aton("239.1.2.3"),
      ...socket.inet_aton("127.0.0.1"),
    ]),
  );
  using v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  await v.sendto(bytes("x"), u.getsockname());
  found["UDP, multicast"] = text(await u.recv(1)) === "x";

  using listener = socket.socket(socket.AF_UNIX);
  listener.bind(`${folder}/ours`);
  listener.listen();
  using c = socket.socket(socket.AF_UNIX);
  await c.connect(`${folder}/ours`);
  await c.sendall(bytes("x"));
  const [d] = await listener.accept();
  using _d = d;
  found["Unix streams"] = text(await d.recv(1)) === "x";

  found["raw sockets, ancillary data"] = "send_fds" in socket ||
    await fails(async () => {
        await Promise.resolve();
        socket.socket(socket.AF_INET, 3); // SOCK_RAW
      }) === null;
  found["TLS"] = await speaksTls();
  return found;
}

/** Whether both ends of a connection get through TLS. */
async function speaksTls(): Promise<boolean> {
  const certificates = "tests/ssl/certificates";
  const serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
  serving.load_cert_chain(
    `${certificates}/server.pem`,
    `${certificates}/server.key.pem`,
  );
  const asking = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
    cafile: `${certificates}/ca.pem`,
  });
  const [near, far] = await socket.socketpair();
  const [client, server] = await Promise.all([
    asking.wrap_socket(near, { server_hostname: "localhost" }),
    serving.wrap_socket(far, { server_side: true }),
  ]);
  await client.sendall(bytes("x"));
  const received = text(await server.recv(1));
  client.close();
  server.close();
  return received === "x";
}

async function node(): Promise<Found> {
  const found: Found = {};
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const accepted = once(server, "connection");
  const a = net.connect({
    port,
    host: "127.0.0.1",
    localAddress: "127.0.0.2",
    allowHalfOpen: true,
  });
  const [b] = await accepted as [net.Socket];
  found["local address of a client"] = b.remoteAddress === "127.0.0.2";

  // Reading is `read`, which never waits, or an event: no call has a limit,
  // and no two can wait side by side.
  found["a time limit for one read"] = false;
  found["two reads at once"] = false;
  const data: string[] = [];
  const collect = (chunk: Uint8Array) => void data.push(text(chunk));
  a.on("data", collect);
  await new Promise<void>((idle) => a.setTimeout(20, idle));
  a.setTimeout(0);
  b.write("late");
  await once(a, "data");
  found["bytes that come after it are kept"] = !a.destroyed &&
    data.join("") === "late";
  a.off("data", collect);
  a.pause();

  const stop = new AbortController();
  const other = net.connect({ port, host: "127.0.0.1", signal: stop.signal });
  const closed = new Promise((end) => other.on("close", end));
  other.on("error", () => {});
  await once(other, "connect");
  stop.abort();
  await closed;
  found["cancelling one call only"] = !other.destroyed;

  let four: Uint8Array | null = null;
  const short = new Promise<boolean>((done) => {
    let first = true;
    const read = () => {
      four = a.read(4);
      if (first) {
        done(four === null);
        b.write("cd");
      }
      first = false;
      if (four !== null) a.off("readable", read);
    };
    a.on("readable", read);
  });
  b.write("ab");
  const tooShort = await short;
  while (four === null) await new Promise((turn) => setTimeout(turn, 1));
  found["exactly n bytes"] = tooShort && text(four) === "abcd";

  const room = once(a, "drain");
  const full = !a.write(BIG);
  let received = 0;
  b.on("data", (chunk: Uint8Array) => received += chunk.length);
  await room;
  while (received < BIG.length) await once(b, "data");
  found["sending all, with back-pressure"] = full;

  const peerEnd = once(b, "end");
  a.end();
  await peerEnd;
  const rest = once(a, "data");
  a.resume();
  b.end("one\ntwo\n");
  const [tail] = await rest as [Uint8Array];
  found["half-close"] = text(tail) === "one\ntwo\n";

  const path = `${folder}/node`;
  const unix = net.createServer((conn) => conn.end("one\ntwo\n")).listen(path);
  await once(unix, "listening");
  const lines: string[] = [];
  for await (const line of createInterface(net.connect(path))) lines.push(line);
  found["Unix streams"] = lines.length === 2;
  found["lines"] = lines.join() === "one,two";

  found["socket options"] = a.setNoDelay(true) === a &&
    a.setKeepAlive(true) === a;
  const names = [...Object.keys(net), ...namesOf(net.Socket.prototype)];
  found["peeking"] = names.some((name) => /peek/i.test(name));
  found["`setblocking`, `select`"] = names.some((name) =>
    /blocking|^select/i.test(name)
  );
  found["UDP, multicast"] = names.some((name) => /dgram|datagram/i.test(name));
  found["raw sockets, ancillary data"] = names.some((name) =>
    /sendmsg|send_?fds/i.test(name)
  );
  found["TLS"] = names.some((name) => /tls|secure/i.test(name));
  for (const each of [a, b, other]) each.destroy();
  server.close();
  unix.close();
  return found;
}

async function deno(): Promise<Found> {
  const found: Found = {};
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  using a = await Deno.connect({ port });
  using b = await listener.accept();
  const one = async () => {
    const buffer = new Uint8Array(1);
    return text(buffer.subarray(0, await a.read(buffer) ?? 0));
  };

  found["a time limit for one read"] = namesOf(a).some((name) =>
    /timeout|deadline/i.test(name)
  );
  found["cancelling one call only"] = a.read.length > 1;
  const stop = new AbortController();
  stop.abort();
  // `connect` alone has a signal, which the cell says.
  const connects = await fails(() =>
    Deno.connect({ port, signal: stop.signal })
  );
  if (connects === null) throw new Error("connect knows no signal");

  const reads = [one(), one()];
  await b.write(bytes("12"));
  found["two reads at once"] = (await Promise.all(reads)).join() === "1,2";

  const lost = one();
  if (await soon(lost) !== null) throw new Error("There was something to read");
  await b.write(bytes("x"));
  await b.write(bytes("y"));
  found["bytes that come after it are kept"] = await one() === "x";

  // The note below the table: a reader of the stream may leave.
  const leaving = a.readable.getReader();
  const left = fails(() => leaving.read());
  leaving.releaseLock();
  if (await left !== "TypeError") throw new Error("A read outlives its reader");
  await b.write(bytes("late"));
  const next = a.readable.getReader();
  const { value: late } = await next.read();
  if (text(late!) !== "late") throw new Error("What came later is lost");
  next.releaseLock();

  const reader = a.readable.getReader({ mode: "byob" });
  const four = reader.read(new Uint8Array(4), { min: 4 });
  await b.write(bytes("ab"));
  const early = await soon(four);
  await b.write(bytes("cd"));
  const { value } = await four;
  found["exactly n bytes"] = early === null && text(value!) === "abcd";
  reader.releaseLock();

  const writer = b.writable.getWriter();
  const sending = writer.write(BIG);
  const waits = await soon(sending.then(() => true)) === null;
  const buffer = new Uint8Array(1 << 20);
  let received = 0;
  while (received < BIG.length) received += await a.read(buffer) ?? 0;
  await sending;
  found["sending all, with back-pressure"] = waits;

  await b.closeWrite();
  const ended = await a.read(buffer) === null;
  await a.write(bytes("x"));
  found["half-close"] = ended && await b.read(buffer) === 1;
  a.setNoDelay();
  a.setKeepAlive();
  found["socket options"] = true;

  const names = [...namesOf(a), ...namesOf(b.readable), ...Object.keys(Deno)];
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  found["lines"] = has(/line/i);
  found["peeking"] = has(/peek/i);
  found["`setblocking`, `select`"] = has(/blocking|^select|^poll/i);
  const mine = { port, localAddress: "127.0.0.2", localHostname: "127.0.0.2" };
  using bound = await Deno.connect(mine);
  found["local address of a client"] = bound.localAddr.hostname === "127.0.0.2";
  found["raw sockets, ancillary data"] = has(/sendmsg|send_?fds/i);
  found["TLS"] = "startTls" in Deno;

  const udp = Deno.listenDatagram({
    transport: "udp",
    hostname: "0.0.0.0",
    port: 0,
  });
  await udp.joinMulticastV4("239.1.2.3", "127.0.0.1");
  const { port: to } = udp.addr as Deno.NetAddr;
  await udp.send(bytes("x"), {
    transport: "udp",
    hostname: "127.0.0.1",
    port: to,
  });
  const [datagram] = await udp.receive();
  udp.close();
  found["UDP, multicast"] = text(datagram) === "x";

  const path = `${folder}/deno`;
  using unix = Deno.listen({ transport: "unix", path });
  using c = await Deno.connect({ transport: "unix", path });
  using d = await unix.accept();
  await c.write(bytes("x"));
  found["Unix streams"] = await d.read(buffer) === 1;
  return found;
}

function namesOf(object: object): string[] {
  const names: string[] = [];
  for (let each = object; each; each = Object.getPrototypeOf(each)) {
    if (each !== Object.prototype) {
      names.push(...Object.getOwnPropertyNames(each));
    }
  }
  return names;
}

const columns = {
  "this module": await ours(),
  "`node:net`": await node(),
  "Deno": await deno(),
};
console.log(JSON.stringify(columns));
