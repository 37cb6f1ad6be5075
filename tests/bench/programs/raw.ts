// Deno's own sockets, as a good programmer would use them.

import {
  ANSWER,
  checkEcho,
  checkLine,
  checkPiece,
  lineBlock,
  LINES_PER_BLOCK,
  makeMessage,
  markMessage,
  PERIOD,
  streamBytes,
  WAKE,
} from "./data.ts";
import { serve } from "./control.ts";
import { readLines, splitByHand } from "./raw_lines.ts";
import * as udp from "./raw_udp.ts";
import type { End, Task } from "./types.ts";

const hostname = "127.0.0.1";

/** Listens, and hands each connection to `handle`. */
function listen(handle: (conn: Deno.TcpConn) => void): End {
  const listener = Deno.listen({ hostname, port: 0 });
  (async () => {
    for await (const conn of listener) handle(conn);
  })();
  return { port: listener.addr.port };
}

async function connectMany(n: number, port: number): Promise<Deno.TcpConn[]> {
  const conns: Deno.TcpConn[] = [];
  while (conns.length < n) conns.push(await Deno.connect({ hostname, port }));
  return conns;
}

async function writeAll(conn: Deno.Conn, data: Uint8Array): Promise<void> {
  let n = await conn.write(data);
  while (n < data.length) n += await conn.write(data.subarray(n));
}

async function echo(conn: Deno.TcpConn, task: Task): Promise<void> {
  conn.setNoDelay(true);
  const fresh = task.buffers === "fresh";
  let buffer = new Uint8Array(task.bufsize);
  while (true) {
    if (fresh) buffer = new Uint8Array(task.bufsize);
    const n = await conn.read(buffer);
    if (n === null) return conn.close();
    await writeAll(conn, buffer.subarray(0, n));
  }
}

async function roundTrips(
  conn: Deno.Conn,
  n: number,
  task: Task,
  thorough: boolean,
): Promise<void> {
  const fresh = task.buffers === "fresh";
  const message = makeMessage(task.size);
  let buffer = new Uint8Array(task.bufsize);
  for (let i = 0; i < n; i++) {
    markMessage(message, i);
    await writeAll(conn, message);
    if (fresh) buffer = new Uint8Array(task.bufsize);
    let length = 0;
    while (length < message.length) {
      const more = await conn.read(
        length === 0 ? buffer : buffer.subarray(length),
      );
      if (more === null) break;
      length += more;
    }
    checkEcho(buffer.subarray(0, length), message, thorough);
  }
}

/** A server that sends the stream to the first connection. */
function streamServer({ size, chunk }: Task): End {
  const { promise, resolve } = Promise.withResolvers<Deno.Conn>();
  const bytes = streamBytes(chunk);
  let offset = 0;
  return {
    ...listen(resolve),
    run: async (n) => {
      const conn = await promise;
      let left = n * size;
      while (left > 0) {
        const length = Math.min(left, chunk);
        await writeAll(conn, bytes.subarray(offset, offset + length));
        offset = (offset + length) % PERIOD;
        left -= length;
      }
    },
  };
}

type Receive = (
  conn: Deno.Conn,
  offset: number,
  end: number,
  task: Task,
  thorough: boolean,
) => Promise<void>;

const receiveSome: Receive = async (conn, offset, end, task, thorough) => {
  const fresh = task.buffers === "fresh";
  let buffer = new Uint8Array(task.bufsize);
  while (offset < end) {
    if (fresh) buffer = new Uint8Array(task.bufsize);
    const n = await conn.read(buffer);
    if (n === null) throw new Error(`The stream ended at ${offset}`);
    checkPiece(buffer.subarray(0, n), offset, thorough);
    offset += n;
  }
};

const receiveExactly: Receive = async (conn, offset, end, task, thorough) => {
  const fresh = task.buffers === "fresh";
  let record = new Uint8Array(task.size);
  while (offset < end) {
    if (fresh) record = new Uint8Array(task.size);
    let length = 0;
    while (length < record.length) {
      const n = await conn.read(
        length === 0 ? record : record.subarray(length),
      );
      if (n === null) throw new Error(`The stream ended at ${offset}`);
      length += n;
    }
    checkPiece(record, offset, thorough);
    offset += length;
  }
};

/** Reads large pieces and hands out views, which nobody may keep. */
const receiveByHand: Receive = async (conn, offset, end, task, thorough) => {
  const buffer = new Uint8Array(65536);
  const size = task.read === "exact" ? task.size : task.bufsize;
  let filled = 0;
  while (offset < end) {
    const n = await conn.read(buffer.subarray(filled));
    if (n === null) throw new Error(`The stream ended at ${offset}`);
    filled += n;
    let start = 0;
    for (; start + size <= filled; start += size) {
      checkPiece(buffer.subarray(start, start + size), offset, thorough);
      offset += size;
    }
    buffer.copyWithin(0, start, filled);
    filled -= start;
  }
};

async function streamClient(task: Task, port: number): Promise<End> {
  const conn = await Deno.connect({ hostname, port });
  const receive = task.buffers === "by hand"
    ? receiveByHand
    : task.read === "exact"
    ? receiveExactly
    : receiveSome;
  let offset = 0;
  return {
    run: async (n, thorough) => {
      const end = offset + n * task.size;
      await receive(conn, offset, end, task, thorough);
      offset = end;
    },
  };
}

function lineServer(): End {
  const { promise, resolve } = Promise.withResolvers<Deno.Conn>();
  const block = lineBlock();
  return {
    ...listen(resolve),
    run: async (n) => {
      const conn = await promise;
      for (let i = 0; i < n; i++) await writeAll(conn, block);
    },
  };
}

async function lineClient(task: Task, port: number): Promise<End> {
  const { readable } = await Deno.connect({ hostname, port });
  if (task.buffers === "by hand") return handLineClient(readable);
  const lines = readLines(readable);
  return {
    run: async (n, thorough) => {
      for (let i = 0; i < n * LINES_PER_BLOCK; i++) {
        const { done, value } = await lines.next();
        if (done) throw new Error(`The lines ended at ${i}`);
        checkLine(value, i, "", thorough);
      }
    },
  };
}

function handLineClient(readable: ReadableStream<Uint8Array>): End {
  const pieces = splitByHand(readable);
  return {
    run: async (n, thorough) => {
      let i = 0;
      while (i < n * LINES_PER_BLOCK) {
        const { done, value: lines } = await pieces.next();
        if (done) throw new Error(`The lines ended at ${i}`);
        for (const line of lines) checkLine(line, i++, "", thorough);
      }
    },
  };
}

async function answer(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1);
  if (await conn.read(buffer) !== null) {
    buffer[0] = ANSWER - (buffer[0] ?? 0);
    await conn.write(buffer);
  }
  conn.close();
}

async function ask(port: number, n: number): Promise<void> {
  const buffer = new Uint8Array(1);
  for (let i = 0; i < n; i++) {
    const number = i & 0xff;
    const conn = await Deno.connect({ hostname, port });
    buffer[0] = number;
    await conn.write(buffer);
    await conn.read(buffer);
    if (buffer[0] !== ANSWER - number) throw new Error("Wrong answer");
    conn.close();
  }
}

/** Accepts and keeps connections, and then sends a byte to each. */
function idleServer(): End {
  const conns: Deno.Conn[] = [];
  return {
    ...listen((conn) => conns.push(conn)),
    run: async (n) => {
      while (conns.length < n) await new Promise((r) => setTimeout(r, 5));
      for (const conn of conns) await conn.write(new Uint8Array([WAKE]));
    },
  };
}

function idleClient({ bufsize }: Task, port: number): Promise<End> {
  const pending: Promise<void>[] = [];
  const receive = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(bufsize);
    const n = await conn.read(buffer);
    if (n !== 1 || buffer[0] !== WAKE) throw new Error("Wrong byte");
  };
  return Promise.resolve({
    run: async (n) => {
      pending.push(...(await connectMany(n, port)).map(receive));
    },
    finish: async () => {
      await Promise.all(pending);
    },
  });
}

await serve({
  pingpong: {
    server: (task) => listen((conn) => void echo(conn, task)),
    client: async (task, port) => {
      const conns = await connectMany(task.connections, port);
      for (const conn of conns) conn.setNoDelay(true);
      return {
        run: async (n, thorough) => {
          const each = n / conns.length;
          await Promise.all(
            conns.map((conn) => roundTrips(conn, each, task, thorough)),
          );
        },
      };
    },
  },
  stream: { server: streamServer, client: streamClient },
  lines: { server: lineServer, client: lineClient },
  connect: {
    server: () => listen((conn) => void answer(conn)),
    client: ({ connections }, port) =>
      Promise.resolve({
        run: async (n) => {
          const each = n / connections;
          await Promise.all(
            Array.from({ length: connections }, () => ask(port, each)),
          );
        },
      }),
  },
  idle: { server: idleServer, client: idleClient },
  udpPingpong: udp.pingpong,
  udpSend: udp.send,
  udpReceive: udp.receive,
});
