import {
  checkEcho,
  DatagramReader,
  DatagramWriter,
  makeMessage,
  markMessage,
} from "./data.ts";
import type { End, Part, Task } from "./types.ts";

const hostname = "127.0.0.1";

function bind(): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
}

function portOf({ addr }: Deno.DatagramConn): number {
  return (addr as Deno.NetAddr).port;
}

function to(port: number): Deno.NetAddr {
  return { transport: "udp", hostname, port };
}

async function echo(conn: Deno.DatagramConn, task: Task): Promise<void> {
  let buffer = new Uint8Array(task.bufsize);
  while (true) {
    if (task.buffers === "fresh") buffer = new Uint8Array(task.bufsize);
    const [data, address] = await conn.receive(buffer);
    await conn.send(data, address);
  }
}

async function roundTrips(
  conn: Deno.DatagramConn,
  address: Deno.Addr,
  n: number,
  task: Task,
  thorough: boolean,
): Promise<void> {
  const message = makeMessage(task.size);
  let buffer = new Uint8Array(task.bufsize);
  for (let i = 0; i < n; i++) {
    markMessage(message, i);
    await conn.send(message, address);
    if (task.buffers === "fresh") buffer = new Uint8Array(task.bufsize);
    const [data] = await conn.receive(buffer);
    checkEcho(data, message, thorough);
  }
}

/** One datagram at a time, there and back. */
export const pingpong: Part = {
  server: (task) => {
    const conn = bind();
    void echo(conn, task);
    return { port: portOf(conn) };
  },
  client: (task, port) => {
    const conn = bind();
    const run: End["run"] = (n, thorough) =>
      roundTrips(conn, to(port), n, task, thorough);
    return Promise.resolve({ run });
  },
};

/** How many datagrams the kernel keeps for a socket at the least. */
const KEPT = 50;

/**
 * Looks, after the sender has finished, at what the kernel kept of its
 * datagrams: the first ones, in order.
 */
function keepingServer({ size }: Task): End {
  const conn = bind();
  const writer = new DatagramWriter(size);
  const buffer = new Uint8Array(65536);
  let runs = 0;
  const run: End["run"] = async (n, thorough) => {
    const reader = new DatagramReader(size, ++runs, true);
    for (let i = 0; i < KEPT; i++) reader.read((await conn.receive(buffer))[0]);
    // There is room again, so this comes after all that were kept.
    await conn.send(writer.end(runs), conn.addr);
    while (!reader.ended) reader.read((await conn.receive(buffer))[0]);
    if (reader.next !== reader.received) throw new Error("Wrong datagrams");
    reader.result(thorough ? n : KEPT);
  };
  return { port: portOf(conn), run };
}

/** Datagrams to a socket that does not receive meanwhile. */
export const send: Part = {
  server: keepingServer,
  client: ({ size }, port) => {
    const conn = bind();
    const address = to(port);
    const writer = new DatagramWriter(size);
    let runs = 0;
    const run: End["run"] = async (n) => {
      runs++;
      for (let i = 0; i < n; i++) {
        const sent = await conn.send(writer.write(i, runs), address);
        if (sent !== size) throw new Error(`Sent ${sent} bytes`);
      }
    };
    return Promise.resolve({ run });
  },
};

async function receiveRun(
  conn: Deno.DatagramConn,
  reader: DatagramReader,
  task: Task,
): Promise<void> {
  let buffer = new Uint8Array(task.bufsize);
  while (!reader.ended) {
    if (task.buffers === "fresh") buffer = new Uint8Array(task.bufsize);
    const [data, address] = await conn.receive(buffer);
    if (reader.read(data)) await conn.send(data, address);
  }
}

/** Sends what may be lost again and again until it comes back. */
class Signaller {
  readonly #conn: Deno.DatagramConn;
  readonly #address: Deno.Addr;
  #returned = (_: string) => {};

  constructor(conn: Deno.DatagramConn, address: Deno.Addr) {
    this.#conn = conn;
    this.#address = address;
    void this.#receive();
  }

  async send(marker: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<true>();
    const expected = marker.toHex();
    // What was sent more than once comes back more than once.
    this.#returned = (hex) => hex === expected && resolve(true);
    for (let ms = 1;; ms++) {
      await this.#conn.send(marker, this.#address);
      const late = new Promise<false>((r) => setTimeout(r, ms, false));
      if (await Promise.race([promise, late])) return;
    }
  }

  async #receive(): Promise<void> {
    const buffer = new Uint8Array(65536);
    while (true) {
      const [data] = await this.#conn.receive(buffer);
      this.#returned(data.toHex());
    }
  }
}

/** Datagrams as fast as they can be sent; the server counts what arrives. */
export const receive: Part = {
  server: (task) => {
    const conn = bind();
    let runs = 0;
    const run: End["run"] = async (n, thorough) => {
      const reader = new DatagramReader(task.size, ++runs, thorough);
      await receiveRun(conn, reader, task);
      return reader.result(thorough ? n : 1);
    };
    return { port: portOf(conn), run };
  },
  client: ({ size }, port) => {
    const conn = bind();
    const address = to(port);
    const signaller = new Signaller(conn, address);
    const writer = new DatagramWriter(size);
    let runs = 0;
    const run: End["run"] = async (n) => {
      runs++;
      await signaller.send(writer.begin(runs));
      for (let i = 0; i < n; i++) {
        await conn.send(writer.write(i, runs), address);
      }
      await signaller.send(writer.end(runs));
    };
    return Promise.resolve({ run });
  },
};
