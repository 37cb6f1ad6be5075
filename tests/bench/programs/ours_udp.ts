import type { InetAddress, Socket } from "@pystd/socket";
import { checkAmount, filled, FLOOD_END } from "./data.ts";
import type { SocketModule } from "./ours.ts";
import type { Service, Task } from "./types.ts";

type Udp = Socket<InetAddress>;

const host = "127.0.0.1";

function bind(socket: SocketModule, timeout: number | null): Udp {
  const bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  bound.settimeout(timeout);
  bound.bind([host, 0]);
  return bound;
}

/** One datagram at a time, there and back. */
export async function datagram(
  socket: SocketModule,
  { size, bufsize, timeout }: Task,
  n: number,
): Promise<void> {
  const server = bind(socket, timeout);
  const client = bind(socket, timeout);
  const echo = async () => {
    for (let i = 0; i < n; i++) {
      const [data, address] = await server.recvfrom(bufsize);
      await server.sendto(data, address);
    }
  };
  const ask = async () => {
    const address = server.getsockname();
    const message = filled(size);
    for (let i = 0; i < n; i++) {
      await client.sendto(message, address);
      const [data] = await client.recvfrom(bufsize);
      checkAmount(data.length, size);
    }
  };
  await Promise.all([echo(), ask()]);
  server.close();
  client.close();
}

/** Counts the datagrams of a flood. */
export function flood(
  socket: SocketModule,
  { bufsize, timeout }: Task,
): Service {
  const server = bind(socket, timeout);
  const receive = async () => {
    for (let received = 0;; received++) {
      const [data] = await server.recvfrom(bufsize);
      if (data[0] === FLOOD_END) return received;
    }
  };
  const result = receive();
  return {
    port: server.getsockname()[1],
    stop: async () => {
      const received = await result;
      server.close();
      return received;
    },
  };
}
