// Deno's own sockets, as a good programmer uses them. "raw" reads into one
// buffer again and again; "own" copies what each read has brought into an array
// that the caller may keep, which is what `recv()` returns.

import {
  checkAmount,
  CHUNK,
  endsRequest,
  filled,
  httpAnswer,
  WAKE,
} from "./data.ts";
import { datagram, flood } from "./raw_udp.ts";
import { rawTls } from "./raw_tls.ts";
import { tlsBatches } from "./tls.ts";
import type { Idle, Program, Service, Task } from "./types.ts";

const hostname = "127.0.0.1";

/** A view of the bytes that were read, or an array of their own. */
export type Take = (buffer: Uint8Array, length: number) => Uint8Array;

function view(buffer: Uint8Array, length: number): Uint8Array {
  return buffer.subarray(0, length);
}

function copy(buffer: Uint8Array, length: number): Uint8Array {
  return buffer.slice(0, length);
}

/** Deno's sockets, whose reads share a buffer. */
export const raw: Program = rawDeno(view);

/** Deno's sockets, whose reads are copied into arrays of their own. */
export const own: Program = rawDeno(copy);

function rawDeno(take: Take): Program {
  return {
    batches: {
      roundTrip: (task, n) => roundTrip(take, task, n),
      connect: connectAndClose,
      stream: (task, n) => stream(take, task, n),
      records,
      datagram: (task, n) => datagram(take, task, n),
      ...tlsBatches(rawTls),
    },
    services: {
      http: (task) => Promise.resolve(http(take, task)),
      flood: (task) => Promise.resolve(flood(take, task)),
    },
    idle,
  };
}

function listen(): { listener: Deno.TcpListener; port: number } {
  const listener = Deno.listen({ hostname, port: 0, tcpBacklog: 1024 });
  return { listener, port: listener.addr.port };
}

function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname, port });
}

/** Two ends of one connection: the first sends, the second receives. */
export async function pair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  const { listener, port } = listen();
  const ends = await Promise.all([listener.accept(), connect(port)]);
  listener.close();
  return ends;
}

async function writeAll(conn: Deno.Conn, data: Uint8Array): Promise<void> {
  let n = await conn.write(data);
  while (n < data.length) n += await conn.write(data.subarray(n));
}

async function echo(
  conn: Deno.Conn,
  bufsize: number,
  take: Take,
): Promise<void> {
  const buffer = new Uint8Array(bufsize);
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break;
    await writeAll(conn, take(buffer, n));
  }
  conn.close();
}

async function roundTrip(
  take: Take,
  { size, bufsize, connections }: Task,
  n: number,
): Promise<void> {
  const { listener, port } = listen();
  const message = filled(size);
  const serve = async () => {
    const echoes: Promise<void>[] = [];
    while (echoes.length < connections) {
      echoes.push(echo(await listener.accept(), bufsize, take));
    }
    await Promise.all(echoes);
  };
  const ask = async () => {
    const conn = await connect(port);
    const buffer = new Uint8Array(bufsize);
    for (let i = 0; i < n / connections; i++) {
      await writeAll(conn, message);
      for (let received = 0; received < size;) {
        received += take(buffer, (await conn.read(buffer))!).length;
      }
    }
    conn.close();
  };
  await Promise.all([serve(), ...Array.from({ length: connections }, ask)]);
  listener.close();
}

async function connectAndClose(
  { connections }: Task,
  n: number,
): Promise<void> {
  const { listener, port } = listen();
  const answer = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(1);
    await conn.read(buffer);
    await conn.write(buffer);
    conn.close();
  };
  const serve = async () => {
    const answers: Promise<void>[] = [];
    for (let i = 0; i < n; i++) answers.push(answer(await listener.accept()));
    await Promise.all(answers);
  };
  const byte = filled(1);
  const ask = async () => {
    for (let i = 0; i < n / connections; i++) {
      const conn = await connect(port);
      await conn.write(byte);
      const length = await conn.read(new Uint8Array(1));
      checkAmount(length ?? 0, 1);
      conn.close();
    }
  };
  await Promise.all([serve(), ...Array.from({ length: connections }, ask)]);
  listener.close();
}

/** Sends the same data `n` times, and closes. */
export async function send(
  conn: Deno.Conn,
  data: Uint8Array,
  n: number,
): Promise<void> {
  for (let i = 0; i < n; i++) await writeAll(conn, data);
  conn.close();
}

async function streamOne(
  take: Take,
  { bufsize }: Task,
  n: number,
): Promise<void> {
  const [from, to] = await pair();
  const sent = send(from, filled(CHUNK), n);
  const buffer = new Uint8Array(bufsize);
  let received = 0;
  while (true) {
    const length = await to.read(buffer);
    if (length === null) break;
    received += take(buffer, length).length;
  }
  await sent;
  to.close();
  checkAmount(received, n * CHUNK);
}

async function stream(take: Take, task: Task, n: number): Promise<void> {
  const { connections } = task;
  const all = Array.from(
    { length: connections },
    () => streamOne(take, task, n / connections),
  );
  await Promise.all(all);
}

/** One read for each record, which is the simplest program. */
async function records({ size }: Task, n: number): Promise<void> {
  const [from, to] = await pair();
  const total = n * size;
  const sent = send(from, filled(CHUNK), total / CHUNK);
  const record = new Uint8Array(size);
  let received = 0;
  while (received < total) {
    let length = (await to.read(record))!;
    while (length < size) length += (await to.read(record.subarray(length)))!;
    received += length;
  }
  await sent;
  to.close();
  checkAmount(received, total);
}

function http(take: Take, { bufsize }: Task): Service {
  const { listener, port } = listen();
  const answers: Promise<void>[] = [];
  let requests = 0;
  const answer = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(bufsize);
    while (true) {
      const n = await conn.read(buffer);
      if (n === null) break;
      const isWhole = endsRequest(take(buffer, n));
      if (!isWhole) throw new Error("The request is in pieces");
      requests++;
      await writeAll(conn, httpAnswer);
    }
    conn.close();
  };
  const served = (async () => {
    for await (const conn of listener) answers.push(answer(conn));
  })();
  return {
    port,
    stop: async () => {
      listener.close();
      await served;
      await Promise.all(answers);
      return requests;
    },
  };
}

/** Waits with a small buffer, as a program does that has thought of memory. */
function idle({ port, burst }: Task): Idle {
  const pending: Promise<void>[] = [];
  const open = async () => {
    const conn = await connect(port);
    const buffer = new Uint8Array(1024);
    for (let received = 0; received < burst;) {
      received += (await conn.read(buffer))!;
    }
    pending.push(receive(conn, buffer));
  };
  const receive = async (conn: Deno.Conn, buffer: Uint8Array) => {
    checkAmount((await conn.read(buffer)) ?? 0, 1);
    checkAmount(buffer[0]!, WAKE);
  };
  return {
    hold: async (n) => {
      await Promise.all(Array.from({ length: n }, open));
    },
    finish: async () => {
      await Promise.all(pending);
    },
  };
}
