import * as socket from "../../../mod.ts";
import {
  checkEcho,
  DatagramReader,
  DatagramWriter,
  makeMessage,
  markMessage,
} from "./data.ts";
import type { End, Part, Task } from "./types.ts";

type UdpSocket = socket.Socket<socket.InetAddress>;

const host = "127.0.0.1";

function bind({ timeout }: Task): UdpSocket {
  const bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  bound.settimeout(timeout);
  bound.bind([host, 0]);
  return bound;
}

async function echo(conn: UdpSocket, { bufsize }: Task): Promise<void> {
  while (true) {
    const [data, address] = await conn.recvfrom(bufsize);
    await conn.sendto(data, address);
  }
}

/** One datagram at a time, there and back. */
export const pingpong: Part = {
  server: (task) => {
    const server = bind(task);
    void echo(server, task);
    return { port: server.getsockname()[1] };
  },
  client: (task, port) => {
    const client = bind(task);
    const address = [host, port] as const;
    const run: End["run"] = async (n, thorough) => {
      const message = makeMessage(task.size);
      for (let i = 0; i < n; i++) {
        markMessage(message, i);
        await client.sendto(message, address);
        const [data] = await client.recvfrom(task.bufsize);
        checkEcho(data, message, thorough);
      }
    };
    return Promise.resolve({ run });
  },
};

/** Datagrams to a socket that does not receive meanwhile. */
export const send: Part = {
  server: () => {
    throw new Error("There is no such server");
  },
  client: (task, port) => {
    const client = bind(task);
    const address = [host, port] as const;
    const writer = new DatagramWriter(task.size);
    let runs = 0;
    const run: End["run"] = async (n) => {
      runs++;
      for (let i = 0; i < n; i++) {
        const sent = await client.sendto(writer.write(i, runs), address);
        if (sent !== task.size) throw new Error(`Sent ${sent} bytes`);
      }
    };
    return Promise.resolve({ run });
  },
};

/** Datagrams as fast as they can be sent; the server counts what arrives. */
export const receive: Part = {
  server: (task) => {
    const server = bind(task);
    let runs = 0;
    const run: End["run"] = async (n, thorough) => {
      const reader = new DatagramReader(task.size, ++runs, thorough);
      while (!reader.ended) {
        const [data, address] = await server.recvfrom(task.bufsize);
        if (reader.read(data)) await server.sendto(data, address);
      }
      return reader.result(thorough ? n : 1);
    };
    return { port: server.getsockname()[1], run };
  },
  client: () => Promise.reject(new Error("There is no such client")),
};
