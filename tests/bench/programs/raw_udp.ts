import { checkAmount, filled, FLOOD_END } from "./data.ts";
import type { Take } from "./raw.ts";
import type { Service, Task } from "./types.ts";

const hostname = "127.0.0.1";

function bind(): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
}

/** One datagram at a time, there and back. */
export async function datagram(
  take: Take,
  { size, bufsize }: Task,
  n: number,
): Promise<void> {
  const server = bind();
  const client = bind();
  const echo = async () => {
    const buffer = new Uint8Array(bufsize);
    for (let i = 0; i < n; i++) {
      const [data, address] = await server.receive(buffer);
      await server.send(take(data, data.length), address);
    }
  };
  const ask = async () => {
    const message = filled(size);
    const buffer = new Uint8Array(bufsize);
    for (let i = 0; i < n; i++) {
      await client.send(message, server.addr);
      const [data] = await client.receive(buffer);
      checkAmount(take(data, data.length).length, size);
    }
  };
  await Promise.all([echo(), ask()]);
  server.close();
  client.close();
}

/** Counts the datagrams of a flood. */
export function flood(take: Take, { bufsize }: Task): Service {
  const server = bind();
  const receive = async () => {
    const buffer = new Uint8Array(bufsize);
    for (let received = 0;; received++) {
      const [data] = await server.receive(buffer);
      if (take(data, data.length)[0] === FLOOD_END) return received;
    }
  };
  const result = receive();
  return {
    port: (server.addr as Deno.NetAddr).port,
    stop: async () => {
      const received = await result;
      server.close();
      return received;
    },
  };
}
