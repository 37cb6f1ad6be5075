// This module, as Python's programmers would use it.

import * as socket from "../../../mod.ts";
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
import * as udp from "./ours_udp.ts";
import type { End, Task } from "./types.ts";

type TcpSocket = socket.Socket<socket.InetAddress>;

const host = "127.0.0.1";

/** Listens, and hands each connection to `handle`. */
function listen(task: Task, handle: (conn: TcpSocket) => void): End {
  const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  server.bind([host, 0]);
  server.listen();
  (async () => {
    while (true) {
      const [conn] = await server.accept();
      conn.settimeout(task.timeout);
      handle(conn);
    }
  })();
  return { port: server.getsockname()[1] };
}

async function connect(task: Task, port: number): Promise<TcpSocket> {
  const client = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  client.settimeout(task.timeout);
  await client.connect([host, port]);
  return client;
}

async function connectMany(
  n: number,
  task: Task,
  port: number,
): Promise<TcpSocket[]> {
  const clients: TcpSocket[] = [];
  while (clients.length < n) clients.push(await connect(task, port));
  return clients;
}

function setNoDelay(conn: TcpSocket): void {
  conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1);
}

async function echo(conn: TcpSocket, { bufsize }: Task): Promise<void> {
  setNoDelay(conn);
  while (true) {
    const data = await conn.recv(bufsize);
    if (data.length === 0) return conn.close();
    await conn.sendall(data);
  }
}

async function roundTrips(
  conn: TcpSocket,
  n: number,
  { size, bufsize }: Task,
  thorough: boolean,
): Promise<void> {
  const message = makeMessage(size);
  for (let i = 0; i < n; i++) {
    markMessage(message, i);
    await conn.sendall(message);
    let data = await conn.recv(bufsize);
    while (data.length < size) {
      const more = await conn.recv(bufsize);
      if (more.length === 0) break;
      data = new Uint8Array([...data, ...more]);
    }
    checkEcho(data, message, thorough);
  }
}

/** A server that sends the stream to the first connection. */
function streamServer(task: Task): End {
  const { size, chunk } = task;
  const { promise, resolve } = Promise.withResolvers<TcpSocket>();
  const bytes = streamBytes(chunk);
  let offset = 0;
  return {
    ...listen(task, resolve),
    run: async (n) => {
      const conn = await promise;
      let left = n * size;
      while (left > 0) {
        const length = Math.min(left, chunk);
        await conn.sendall(bytes.subarray(offset, offset + length));
        offset = (offset + length) % PERIOD;
        left -= length;
      }
    },
  };
}

type Receive = (
  conn: TcpSocket,
  offset: number,
  end: number,
  task: Task,
  thorough: boolean,
) => Promise<void>;

const receiveSome: Receive = async (conn, offset, end, task, thorough) => {
  while (offset < end) {
    const data = await conn.recv(task.bufsize);
    checkPiece(data, offset, thorough);
    offset += data.length;
  }
};

const receiveExactly: Receive = async (conn, offset, end, task, thorough) => {
  while (offset < end) {
    const record = await conn.recv(task.size, socket.MSG_WAITALL);
    checkPiece(record, offset, thorough);
    offset += task.size;
  }
};

const receiveInto: Receive = async (conn, offset, end, task, thorough) => {
  const buffer = new Uint8Array(task.bufsize);
  while (offset < end) {
    const n = await conn.recv_into(buffer);
    checkPiece(buffer.subarray(0, n), offset, thorough);
    offset += n;
  }
};

async function streamClient(task: Task, port: number): Promise<End> {
  const conn = await connect(task, port);
  const receive = task.read === "exact"
    ? receiveExactly
    : task.read === "into"
    ? receiveInto
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

function lineServer(task: Task): End {
  const { promise, resolve } = Promise.withResolvers<TcpSocket>();
  const block = lineBlock();
  return {
    ...listen(task, resolve),
    run: async (n) => {
      const conn = await promise;
      for (let i = 0; i < n; i++) await conn.sendall(block);
    },
  };
}

async function lineClient(task: Task, port: number): Promise<End> {
  const conn = await connect(task, port);
  const file = conn.makefile("r");
  return {
    run: async (blocks, thorough) => {
      const n = blocks * LINES_PER_BLOCK;
      let i = 0;
      if (task.read === "iterate") {
        for await (const line of file) {
          checkLine(line, i, "\n", thorough);
          if (++i === n) break;
        }
      } else {
        while (i < n) {
          const line = await file.readline();
          checkLine(line ?? "", i, "\n", thorough);
          i++;
        }
      }
      if (i !== n) throw new Error(`The lines ended at ${i}`);
    },
  };
}

async function answer(conn: TcpSocket): Promise<void> {
  const data = await conn.recv(1);
  await conn.sendall(data.map((byte) => ANSWER - byte));
  conn.close();
}

async function ask(task: Task, port: number, n: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    const number = i & 0xff;
    const conn = await connect(task, port);
    await conn.sendall(new Uint8Array([number]));
    const data = await conn.recv(1);
    if (data[0] !== ANSWER - number) throw new Error("Wrong answer");
    conn.close();
  }
}

/** Accepts and keeps connections, and then sends a byte to each. */
function idleServer(task: Task): End {
  const conns: TcpSocket[] = [];
  return {
    ...listen(task, (conn) => conns.push(conn)),
    run: async (n) => {
      while (conns.length < n) await new Promise((r) => setTimeout(r, 5));
      for (const conn of conns) await conn.sendall(new Uint8Array([WAKE]));
    },
  };
}

function idleClient(task: Task, port: number): Promise<End> {
  const pending: Promise<Uint8Array>[] = [];
  return Promise.resolve({
    run: async (n) => {
      for (const conn of await connectMany(n, task, port)) {
        pending.push(conn.recv(task.bufsize));
      }
    },
    finish: async () => {
      for (const data of await Promise.all(pending)) {
        if (data.length !== 1 || data[0] !== WAKE) {
          throw new Error("Wrong byte");
        }
      }
    },
  });
}

await serve({
  pingpong: {
    server: (task) => listen(task, (conn) => void echo(conn, task)),
    client: async (task, port) => {
      const conns = await connectMany(task.connections, task, port);
      conns.forEach(setNoDelay);
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
    server: (task) => listen(task, (conn) => void answer(conn)),
    client: (task, port) =>
      Promise.resolve({
        run: async (n) => {
          const each = n / task.connections;
          await Promise.all(
            Array.from(
              { length: task.connections },
              () => ask(task, port, each),
            ),
          );
        },
      }),
  },
  idle: { server: idleServer, client: idleClient },
  udpPingpong: udp.pingpong,
  udpSend: udp.send,
  udpReceive: udp.receive,
});
