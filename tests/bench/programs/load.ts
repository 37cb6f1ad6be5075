// The other end of servers and of idle connections: Deno's own sockets, the
// same for all contenders, in a process of their own whose time does not count.

import { serve } from "./control.ts";
import { checkAmount, filled, FLOOD_END, httpAnswer, WAKE } from "./data.ts";
import type { Batch, Serve } from "./types.ts";

const hostname = "127.0.0.1";

async function writeAll(conn: Deno.Conn, data: Uint8Array): Promise<void> {
  let n = await conn.write(data);
  while (n < data.length) n += await conn.write(data.subarray(n));
}

/** Requests on each connection, one after another. */
const http: Batch = async ({ port, connections }, n) => {
  const request = new TextEncoder().encode(
    `GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`,
  );
  const ask = async () => {
    const conn = await Deno.connect({ hostname, port });
    const buffer = new Uint8Array(1024);
    for (let i = 0; i < n / connections; i++) {
      await writeAll(conn, request);
      let received = (await conn.read(buffer))!;
      while (received < httpAnswer.length) {
        received += (await conn.read(buffer))!;
      }
      checkAmount(received, httpAnswer.length);
    }
    conn.close();
  };
  await Promise.all(Array.from({ length: connections }, ask));
};

let floods = 0;

/** Datagrams as fast as they can be sent, and a mark at the end. */
const flood: Batch = async ({ port, size }, n) => {
  const flood = ++floods;
  const conn = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const address: Deno.NetAddr = { transport: "udp", hostname, port };
  const data = filled(size);
  for (let i = 0; i < n; i++) await conn.send(data, address);
  // The mark may be lost as well, so it is repeated until the next flood.
  const end = new Uint8Array(size).fill(FLOOD_END);
  (async () => {
    while (flood === floods) {
      await conn.send(end, address);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    conn.close();
  })();
};

/** Sends to each connection what it has to receive before it is idle. */
const idle: Serve = ({ burst }) => {
  const listener = Deno.listen({ hostname, port: 0, tcpBacklog: 1024 });
  const data = filled(burst);
  const conns: Deno.Conn[] = [];
  const bursts: Promise<void>[] = [];
  const accepted = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      if (burst > 0) bursts.push(writeAll(conn, data));
    }
  })();
  return Promise.resolve({
    port: listener.addr.port,
    stop: async () => {
      listener.close();
      await accepted;
      await Promise.all(bursts);
      for (const conn of conns) await writeAll(conn, new Uint8Array([WAKE]));
      return conns.length;
    },
  });
};

await serve({ load: { batches: { http, flood }, services: { idle } } });
