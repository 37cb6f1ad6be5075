/**
 * Measures TLS: bytes per CPU second and handshakes per CPU second, with both
 * ends in this process, against `Deno.connectTls` with `Deno.listenTls` and
 * against `node:tls`. The contenders take turns, so that a busy machine is busy
 * for all of them.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates --allow-sys=cpus tests/bench/tls.ts [rounds]
 *
 * @module
 */

import process from "node:process";
import tls from "node:tls";
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";

const FOLDER = "tests/ssl/certificates";
const ROUNDS = Number(Deno.args[0] ?? 5);
const BYTES = 32 * 1024 * 1024;
const HANDSHAKES = 40;

const cert = Deno.readTextFileSync(`${FOLDER}/server.pem`);
const key = Deno.readTextFileSync(`${FOLDER}/server.key.pem`);
const ca = Deno.readTextFileSync(`${FOLDER}/ca.pem`);
const chunk = new Uint8Array(65536);

/** One end of a connection. */
interface End {
  send(data: Uint8Array): Promise<unknown>;
  /** Receives; the number of bytes, 0 at the end. */
  receive(): Promise<number>;
  end(): Promise<unknown>;
  close(): unknown;
}

interface Contender {
  name: string;
  pair(): Promise<[client: End, server: End]>;
  stop(): void;
}

async function ours(): Promise<Contender> {
  const serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
  serving.load_cert_chain(`${FOLDER}/server.pem`, `${FOLDER}/server.key.pem`);
  const trusting = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
    cafile: `${FOLDER}/ca.pem`,
  });
  const server = await serving.wrap_socket(
    socket.create_server(["127.0.0.1", 0]),
    { server_side: true },
  );
  const end = (conn: ssl.SSLSocket): End => ({
    send: (data) => conn.sendall(data),
    receive: async () => (await conn.recv(65536)).length,
    end: () => conn.shutdown(socket.SHUT_WR),
    close: () => conn[Symbol.asyncDispose](),
  });
  return {
    name: "@pystd/socket/ssl",
    async pair() {
      const [[conn], client] = await Promise.all([
        server.accept(),
        socket.create_connection(server.getsockname()).then((sock) =>
          trusting.wrap_socket(sock, { server_hostname: "localhost" })
        ),
      ]);
      return [end(client), end(conn)];
    },
    stop: () => server.close(),
  };
}

function deno(): Contender {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
  });
  const { port } = listener.addr as Deno.NetAddr;
  const end = (conn: Deno.TlsConn): End => {
    const buffer = new Uint8Array(65536);
    return {
      async send(data) {
        for (let at = 0; at < data.length;) {
          at += await conn.write(data.subarray(at));
        }
      },
      receive: async () => await conn.read(buffer) ?? 0,
      end: () => conn.closeWrite(),
      close: () => conn.close(),
    };
  };
  return {
    name: "Deno.connectTls",
    async pair() {
      const [conn, client] = await Promise.all([
        listener.accept(),
        Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [ca] }),
      ]);
      await Promise.all([conn.handshake(), client.handshake()]);
      return [end(client), end(conn)];
    },
    stop: () => listener.close(),
  };
}

async function node(): Promise<Contender> {
  let onConn: (conn: tls.TLSSocket) => void = () => {};
  const server = tls.createServer({ cert, key }, (conn) => onConn(conn));
  const port = await new Promise<number>((resolve) =>
    server.listen(
      0,
      "127.0.0.1",
      () => resolve((server.address() as { port: number }).port),
    )
  );
  const end = (conn: tls.TLSSocket): End => {
    let wake = () => {};
    let size = 0;
    let over = false;
    // With `read()` and "readable" it stalls (Deno 2.9.6).
    conn.on("data", (data: Uint8Array) => {
      size += data.length;
      wake();
    });
    conn.on("end", () => {
      over = true;
      wake();
    });
    conn.on("error", () => {});
    return {
      send: (data) =>
        new Promise<void>((resolve) => conn.write(data, () => resolve())),
      async receive() {
        while (size === 0 && !over) {
          await new Promise<void>((resolve) => wake = resolve);
        }
        const received = size;
        size = 0;
        return received;
      },
      end: () => new Promise<void>((resolve) => conn.end(() => resolve())),
      close: () => conn.destroy(),
    };
  };
  return {
    name: "node:tls",
    async pair() {
      const accepted = new Promise<tls.TLSSocket>((resolve) =>
        onConn = resolve
      );
      const client = await new Promise<tls.TLSSocket>((resolve, reject) => {
        const conn = tls.connect(
          { host: "127.0.0.1", port, ca, servername: "localhost" },
          () => resolve(conn),
        );
        conn.on("error", reject);
      });
      return [end(client), end(await accepted)];
    },
    stop: () => server.close(),
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Mebibytes per CPU second, both ends together. */
async function throughput(contender: Contender): Promise<number> {
  const [client, server] = await contender.pair();
  const before = cpuSeconds();
  const receiving = (async () => {
    let size = 0;
    for (let n; (n = await server.receive()) > 0;) size += n;
    return size;
  })();
  for (let sent = 0; sent < BYTES; sent += chunk.length) {
    await client.send(chunk);
  }
  await client.end();
  const size = await receiving;
  const spent = cpuSeconds() - before;
  await Promise.all([client.close(), server.close()]);
  if (size !== BYTES) throw new Error(`${contender.name} lost bytes`);
  return BYTES / 2 ** 20 / spent;
}

/** Handshakes per CPU second, both ends together. */
async function handshakes(contender: Contender): Promise<number> {
  const before = cpuSeconds();
  for (let i = 0; i < HANDSHAKES; i++) {
    const ends = await contender.pair();
    await Promise.all(ends.map((each) => each.close()));
  }
  return HANDSHAKES / (cpuSeconds() - before);
}

/** Round trips of 64 bytes per CPU second, both ends together. */
async function roundTrips(contender: Contender): Promise<number> {
  const [client, server] = await contender.pair();
  const message = new Uint8Array(64);
  const count = 2000;
  const echoing = (async () => {
    while (await server.receive() > 0) await server.send(message);
  })();
  const before = cpuSeconds();
  for (let i = 0; i < count; i++) {
    await client.send(message);
    for (let size = 0; size < 64;) size += await client.receive();
  }
  const spent = cpuSeconds() - before;
  await client.end();
  await echoing;
  await Promise.all([client.close(), server.close()]);
  return count / spent;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

const rows = [
  ["MiB per CPU second", throughput],
  ["handshakes per CPU second", handshakes],
  ["64 B round trips per CPU second", roundTrips],
] as const;

const contenders = [await ours(), deno(), await node()];
for (const [name, measure] of rows) {
  const results = contenders.map(() => [] as number[]);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, contender] of contenders.entries()) {
      const value = await measure(contender);
      // The first round warms up.
      if (round >= 0) results[i]!.push(value);
    }
  }
  console.log(name);
  for (const [i, contender] of contenders.entries()) {
    const values = results[i]!;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    console.log(
      `  ${contender.name.padEnd(20)} ${median(values).toFixed(0)} (${
        low.toFixed(0)
      } to ${high.toFixed(0)})`,
    );
  }
}
for (const contender of contenders) contender.stop();
