// This module, as Python's programmers use it.

import type { InetAddress, Socket } from "@pystd/socket";
import {
  checkAmount,
  CHUNK,
  endsRequest,
  filled,
  httpAnswer,
  lineBlock,
  LINES_PER_BLOCK,
  WAKE,
} from "./data.ts";
import { datagram, flood } from "./ours_udp.ts";
import { oursTls } from "./ours_tls.ts";
import { tlsBatches } from "./tls.ts";
import type { Idle, Program, Service, Task } from "./types.ts";

/** The module under test, of this tree or of another one. */
export type SocketModule = typeof import("@pystd/socket");
type Tcp = Socket<InetAddress>;

const host = "127.0.0.1";

/**
 * This module as a contender.
 *
 * @param socket The module under test.
 * @param url Its URL.
 * @returns What it can do.
 */
export function ours(socket: SocketModule, url: string): Program {
  return {
    batches: {
      roundTrip: (task, n) => roundTrip(socket, task, n),
      connect: (task, n) => connectAndClose(socket, task, n),
      stream: (task, n) => stream(socket, task, n),
      records: (task, n) => records(socket, task, n),
      lines: (task, n) => lines(socket, task, n),
      datagram: (task, n) => datagram(socket, task, n),
      ...tlsBatches(oursTls(socket, url)),
    },
    services: {
      http: (task) => Promise.resolve(http(socket, task)),
      flood: (task) => Promise.resolve(flood(socket, task)),
    },
    idle: (task) => idle(socket, task),
  };
}

function listen(socket: SocketModule): { server: Tcp; port: number } {
  const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  server.bind([host, 0]);
  server.listen(1024);
  return { server, port: server.getsockname()[1] };
}

async function connect(
  socket: SocketModule,
  port: number,
  timeout: number | null,
): Promise<Tcp> {
  const conn = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  conn.settimeout(timeout);
  await conn.connect([host, port]);
  return conn;
}

async function accept(server: Tcp, timeout: number | null): Promise<Tcp> {
  const [conn] = await server.accept();
  conn.settimeout(timeout);
  return conn;
}

/** Two ends of one connection: the first sends, the second receives. */
async function pair(
  socket: SocketModule,
  { timeout }: Task,
): Promise<[Tcp, Tcp]> {
  const { server, port } = listen(socket);
  const ends = await Promise.all([
    accept(server, timeout),
    connect(socket, port, timeout),
  ]);
  server.close();
  return ends;
}

async function echo(conn: Tcp, bufsize: number): Promise<void> {
  while (true) {
    const data = await conn.recv(bufsize);
    if (data.length === 0) break;
    await conn.sendall(data);
  }
  conn.close();
}

async function roundTrip(
  socket: SocketModule,
  { size, bufsize, connections, timeout }: Task,
  n: number,
): Promise<void> {
  const { server, port } = listen(socket);
  const message = filled(size);
  const serve = async () => {
    const echoes: Promise<void>[] = [];
    while (echoes.length < connections) {
      echoes.push(echo(await accept(server, timeout), bufsize));
    }
    await Promise.all(echoes);
  };
  const ask = async () => {
    const conn = await connect(socket, port, timeout);
    for (let i = 0; i < n / connections; i++) {
      await conn.sendall(message);
      for (let received = 0; received < size;) {
        received += (await conn.recv(bufsize)).length;
      }
    }
    conn.close();
  };
  await Promise.all([serve(), ...Array.from({ length: connections }, ask)]);
  server.close();
}

async function connectAndClose(
  socket: SocketModule,
  { connections, timeout }: Task,
  n: number,
): Promise<void> {
  const { server, port } = listen(socket);
  const answer = async (conn: Tcp) => {
    await conn.sendall(await conn.recv(1));
    conn.close();
  };
  const serve = async () => {
    const answers: Promise<void>[] = [];
    for (let i = 0; i < n; i++) {
      answers.push(answer(await accept(server, timeout)));
    }
    await Promise.all(answers);
  };
  const byte = filled(1);
  const ask = async () => {
    for (let i = 0; i < n / connections; i++) {
      const conn = await connect(socket, port, timeout);
      await conn.sendall(byte);
      checkAmount((await conn.recv(1)).length, 1);
      conn.close();
    }
  };
  await Promise.all([serve(), ...Array.from({ length: connections }, ask)]);
  server.close();
}

async function send(conn: Tcp, data: Uint8Array, n: number): Promise<void> {
  for (let i = 0; i < n; i++) await conn.sendall(data);
  conn.close();
}

async function streamOne(
  socket: SocketModule,
  task: Task,
  n: number,
): Promise<void> {
  const [from, to] = await pair(socket, task);
  const sent = send(from, filled(CHUNK), n);
  let received = 0;
  if (task.way === "into") {
    const buffer = new Uint8Array(task.bufsize);
    while (true) {
      const length = await to.recv_into(buffer);
      if (length === 0) break;
      received += length;
    }
  } else {
    while (true) {
      const { length } = await to.recv(task.bufsize);
      if (length === 0) break;
      received += length;
    }
  }
  await sent;
  to.close();
  checkAmount(received, n * CHUNK);
}

async function stream(
  socket: SocketModule,
  task: Task,
  n: number,
): Promise<void> {
  const { connections } = task;
  const all = Array.from(
    { length: connections },
    () => streamOne(socket, task, n / connections),
  );
  await Promise.all(all);
}

async function records(
  socket: SocketModule,
  task: Task,
  n: number,
): Promise<void> {
  const [from, to] = await pair(socket, task);
  const { size, way } = task;
  const total = n * size;
  const sent = send(from, filled(CHUNK), total / CHUNK);
  const record = new Uint8Array(size);
  let received = 0;
  if (way === "recv") {
    const { MSG_WAITALL } = socket;
    while (received < total) {
      received += (await to.recv(size, MSG_WAITALL)).length;
    }
  } else if (way === "into") {
    while (received < total) received += await to.recv_into(record);
  } else if (way === "intoAll") {
    const { MSG_WAITALL } = socket;
    while (received < total) {
      received += await to.recv_into(record, 0, MSG_WAITALL);
    }
  } else {
    using file = to.makefile("rb");
    if (way === "read") {
      while (received < total) {
        received += (await file.read(size))?.length ?? 0;
      }
    } else {
      while (received < total) received += await file.readinto(record) ?? 0;
    }
  }
  await sent;
  to.close();
  checkAmount(received, total);
}

async function lines(
  socket: SocketModule,
  task: Task,
  n: number,
): Promise<void> {
  const [from, to] = await pair(socket, task);
  const sent = send(from, lineBlock, n / LINES_PER_BLOCK);
  const file = to.makefile("r");
  let received = 0;
  if (task.way === "iterate") {
    for await (const _line of file) received++;
  } else {
    while ((await file.readline())?.length) received++;
  }
  await sent;
  await file.close();
  to.close();
  checkAmount(received, n);
}

function http(socket: SocketModule, { bufsize, timeout }: Task): Service {
  const { server, port } = listen(socket);
  const answers: Promise<void>[] = [];
  let requests = 0;
  const answer = async (conn: Tcp) => {
    while (true) {
      const data = await conn.recv(bufsize);
      if (data.length === 0) break;
      if (!endsRequest(data)) throw new Error("The request is in pieces");
      requests++;
      await conn.sendall(httpAnswer);
    }
    conn.close();
  };
  const served = (async () => {
    for await (const [conn] of server) {
      conn.settimeout(timeout);
      answers.push(answer(conn));
    }
  })();
  return {
    port,
    stop: async () => {
      server.close();
      await served.catch(() => {});
      await Promise.all(answers);
      return requests;
    },
  };
}

function idle(
  socket: SocketModule,
  { port, bufsize, burst, timeout }: Task,
): Idle {
  const pending: Promise<Uint8Array>[] = [];
  const open = async () => {
    const conn = await connect(socket, port, timeout);
    for (let received = 0; received < burst;) {
      received += (await conn.recv(bufsize)).length;
    }
    pending.push(conn.recv(bufsize));
  };
  return {
    hold: async (n) => {
      await Promise.all(Array.from({ length: n }, open));
    },
    finish: async () => {
      for (const data of await Promise.all(pending)) {
        checkAmount(data.length, 1);
        checkAmount(data[0]!, WAKE);
      }
    },
  };
}
