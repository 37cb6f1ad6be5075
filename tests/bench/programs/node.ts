// `node:net` and `node:dgram`, in Deno and in Node, as Node's programmers use
// them: events, and pieces as they come.

import dgram, { type Socket as Udp } from "node:dgram";
import { once } from "node:events";
import net, { type AddressInfo, type Server, type Socket } from "node:net";
import readline from "node:readline";
import { serve } from "./control.ts";
import {
  checkAmount,
  CHUNK,
  endsRequest,
  filled,
  FLOOD_END,
  httpAnswer,
  lineBlock,
  LINES_PER_BLOCK,
  WAKE,
} from "./data.ts";
import { nodeTls } from "./node_tls.ts";
import { tlsBatches } from "./tls.ts";
import type { Batch, Idle, Program, Service, Task } from "./types.ts";

const host = "127.0.0.1";

/** Listens, and hands each connection to `handle`. */
async function listen(
  { timeout }: Task,
  handle: (conn: Socket) => void,
): Promise<{ server: Server; port: number }> {
  const server = net.createServer((conn) => {
    if (timeout !== null) conn.setTimeout(timeout * 1000);
    handle(conn);
  });
  server.listen(0, host, 1024);
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

/** Connects, and lets `act` use the connection and settle the promise. */
function connect<T>(
  { timeout }: Task,
  port: number,
  act: (
    conn: Socket,
    resolve: (value: T) => void,
    reject: (reason: unknown) => void,
  ) => void,
  onread?: net.OnReadOpts,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const conn = net.connect({ host, port, ...(onread && { onread }) });
    if (timeout !== null) conn.setTimeout(timeout * 1000);
    conn.on("error", reject);
    act(conn, resolve, reject);
  });
}

/** Begins `n` things side by side. */
async function together(
  n: number,
  batch: () => Promise<unknown>,
): Promise<void> {
  await Promise.all(Array.from({ length: n }, batch));
}

const roundTrip: Batch = async (task, n) => {
  const { server, port } = await listen(task, (conn) => {
    conn.on("data", (data) => conn.write(data));
  });
  const message = filled(task.size);
  await together(
    task.connections,
    () =>
      connect<void>(task, port, (conn, resolve) => {
        let left = n / task.connections;
        let received = 0;
        conn.on("connect", () => conn.write(message));
        conn.on("data", (data) => {
          received += data.length;
          if (received < message.length) return;
          received = 0;
          if (--left > 0) conn.write(message);
          else conn.end();
        });
        conn.on("close", () => resolve());
      }),
  );
  await close(server);
};

const connectAndClose: Batch = async (task, n) => {
  const { server, port } = await listen(task, (conn) => {
    conn.once("data", (data) => conn.end(data));
  });
  const byte = filled(1);
  await together(task.connections, async () => {
    for (let i = 0; i < n / task.connections; i++) {
      await connect<void>(task, port, (conn, resolve) => {
        conn.on("connect", () => conn.write(byte));
        conn.once("data", () => {
          conn.end();
          resolve();
        });
      });
    }
  });
  await close(server);
};

/** Sends the same data `n` times to each connection, and closes. */
function sender(data: Uint8Array, n: number): (conn: Socket) => void {
  return async (conn) => {
    for (let i = 0; i < n; i++) {
      if (!conn.write(data)) await once(conn, "drain");
    }
    conn.end();
  };
}

const stream: Batch = async (task, n) => {
  const { server, port } = await listen(task, sender(filled(CHUNK), n));
  const { bufsize, way } = task;
  let received = 0;
  const onread = {
    buffer: new Uint8Array(bufsize),
    callback: (length: number) => {
      received += length;
      return true;
    },
  };
  await connect<void>(task, port, (conn, resolve) => {
    conn.on("close", () => resolve());
    if (way === "into") conn.resume();
    else if (bufsize < CHUNK) {
      readPieces(conn, bufsize, (piece) => received += piece.length);
    } else conn.on("data", (data) => received += data.length);
  }, way === "into" ? onread : undefined);
  await close(server);
  checkAmount(received, n * CHUNK);
};

/** Takes pieces of one size out of the stream's own buffer. */
function readPieces(
  conn: Socket,
  size: number,
  take: (piece: Uint8Array) => void,
): void {
  conn.on("readable", () => {
    // The last piece may be shorter; read(size) returns it only at the end.
    for (let piece; (piece = conn.read(size)) !== null;) take(piece);
  });
}

const records: Batch = async (task, n) => {
  const { size } = task;
  const chunks = n * size / CHUNK;
  const { server, port } = await listen(task, sender(filled(CHUNK), chunks));
  let received = 0;
  await connect<void>(task, port, (conn, resolve) => {
    conn.on("close", () => resolve());
    readPieces(conn, size, (piece) => received += piece.length);
  });
  await close(server);
  checkAmount(received, n * size);
};

const lines: Batch = async (task, n) => {
  const blocks = n / LINES_PER_BLOCK;
  const { server, port } = await listen(task, sender(lineBlock, blocks));
  let received = 0;
  await connect<void>(task, port, async (input, resolve) => {
    const source = readline.createInterface({ input, crlfDelay: Infinity });
    if (task.way === "iterate") {
      for await (const _line of source) received++;
      resolve();
    } else {
      source.on("line", () => received++);
      source.on("close", () => resolve());
    }
  });
  await close(server);
  checkAmount(received, n);
};

async function bind(): Promise<Udp> {
  const socket = dgram.createSocket("udp4");
  socket.bind(0, host);
  await once(socket, "listening");
  return socket;
}

const datagram: Batch = async ({ size }, n) => {
  const server = await bind();
  const client = await bind();
  const { port } = server.address();
  const message = filled(size);
  server.on("message", (data, from) => {
    server.send(data, from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    let left = n;
    client.on("error", reject);
    client.on("message", (data) => {
      if (data.length !== size) reject(new Error("The echo is too short"));
      if (--left > 0) client.send(message, port, host);
      else resolve();
    });
    client.send(message, port, host);
  });
  server.close();
  client.close();
};

async function http(task: Task): Promise<Service> {
  let requests = 0;
  const { server, port } = await listen(task, (conn) => {
    conn.on("data", (data: Uint8Array) => {
      if (!endsRequest(data)) throw new Error("The request is in pieces");
      requests++;
      conn.write(httpAnswer);
    });
  });
  return {
    port,
    stop: async () => {
      await close(server);
      return requests;
    },
  };
}

async function flood(): Promise<Service> {
  const server = await bind();
  let received = 0;
  const ended = new Promise<void>((resolve) => {
    server.on("message", (data) => {
      if (data[0] === FLOOD_END) resolve();
      else received++;
    });
  });
  return {
    port: server.address().port,
    stop: async () => {
      await ended;
      server.close();
      return received;
    },
  };
}

function idle(task: Task): Idle {
  const pending: Promise<void>[] = [];
  const open = () =>
    connect<{ woken: Promise<void> }>(task, task.port, (conn, resolve) => {
      let received = 0;
      const woken = new Promise<void>((wake) => {
        conn.on("data", (data: Uint8Array) => {
          received += data.length;
          if (received === task.burst) resolve({ woken });
          else if (received > task.burst && data.at(-1) === WAKE) wake();
        });
      });
      if (task.burst === 0) conn.on("connect", () => resolve({ woken }));
    });
  return {
    hold: async (n) => {
      await together(n, async () => pending.push((await open()).woken));
    },
    finish: async () => {
      await Promise.all(pending);
    },
  };
}

const program: Program = {
  batches: {
    roundTrip,
    connect: connectAndClose,
    stream,
    records,
    lines,
    datagram,
    ...tlsBatches(nodeTls),
  },
  services: { http, flood },
  idle,
};

await serve({ denoNode: program, node: program });
