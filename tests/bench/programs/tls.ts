// The work of the rows of TLS, over the two ends that a contender gives.

import { checkAmount, CHUNK, filled } from "./data.ts";
import type { Batch, Program, Task } from "./types.ts";

/** One end of a connection. */
export interface TlsEnd {
  send(data: Uint8Array): Promise<unknown>;
  /** Receives; the number of bytes, 0 at the end. */
  receive(): Promise<number>;
  /** Ends TLS in this direction. */
  end(): Promise<unknown>;
  close(): unknown;
}

/** A server with a client for each of its connections. */
export interface TlsServer {
  /** The two ends of a new connection, with the handshake done. */
  pair(): Promise<[client: TlsEnd, server: TlsEnd]>;
  stop(): unknown;
}

/** Starts a server with the certificates of the task. */
export type TlsListen = (task: Task) => Promise<TlsServer>;

/**
 * What a contender can do.
 *
 * @param listen How it starts a server.
 * @returns The work.
 */
export function tlsBatches(listen: TlsListen): Program["batches"] {
  const within = (
    work: (server: TlsServer, task: Task, n: number) => Promise<void>,
  ): Batch =>
  async (task, n) => {
    const server = await listen(task);
    await work(server, task, n);
    await server.stop();
  };
  return {
    tlsConnect: within(connectAndClose),
    tlsRoundTrip: within(roundTrip),
    tlsStream: within(stream),
  };
}

async function connectAndClose(
  server: TlsServer,
  _task: Task,
  n: number,
): Promise<void> {
  const byte = filled(1);
  for (let i = 0; i < n; i++) {
    const [client, peer] = await server.pair();
    await client.send(byte);
    checkAmount(await peer.receive(), 1);
    await peer.send(byte);
    checkAmount(await client.receive(), 1);
    await Promise.all([client.close(), peer.close()]);
  }
}

async function roundTrip(
  server: TlsServer,
  { size }: Task,
  n: number,
): Promise<void> {
  const [client, peer] = await server.pair();
  const message = filled(size);
  const echoing = (async () => {
    while (await peer.receive() > 0) await peer.send(message);
  })();
  for (let i = 0; i < n; i++) {
    await client.send(message);
    for (let left = size; left > 0;) left -= await client.receive();
  }
  await client.end();
  await echoing;
  await Promise.all([client.close(), peer.close()]);
}

async function stream(
  server: TlsServer,
  _task: Task,
  n: number,
): Promise<void> {
  const [client, peer] = await server.pair();
  const chunk = filled(CHUNK);
  const receiving = (async () => {
    let size = 0;
    for (let part; (part = await peer.receive()) > 0;) size += part;
    return size;
  })();
  for (let i = 0; i < n; i++) await client.send(chunk);
  await client.end();
  const received = await receiving;
  await Promise.all([client.close(), peer.close()]);
  checkAmount(received, n * CHUNK);
}
