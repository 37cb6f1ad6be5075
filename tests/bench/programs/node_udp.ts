import dgram, { type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import {
  checkEcho,
  DatagramReader,
  DatagramWriter,
  makeMessage,
  markMessage,
} from "./data.ts";
import type { End, Part } from "./types.ts";

const host = "127.0.0.1";

/**
 * Sends that are begun before the first of them is waited for. Deno puts them in
 * another order then, which the receiver would take for wrong.
 */
const AT_ONCE = "Deno" in globalThis ? 1 : 64;

type Take = (data: Uint8Array, from: RemoteInfo) => void;

async function bind(): Promise<Socket> {
  const socket = dgram.createSocket("udp4");
  socket.bind(0, host);
  await once(socket, "listening");
  return socket;
}

/**
 * Hands what arrives to `take`, which `start` sets going, until that calls its
 * `resolve`; what it throws rejects.
 */
function receiving<T>(
  socket: Socket,
  take: (
    data: Uint8Array,
    from: RemoteInfo,
    resolve: (value: T) => void,
  ) => void,
  start?: () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => socket.removeListener("message", onMessage);
    const onMessage: Take = (data, from) => {
      try {
        take(data, from, (value) => {
          stop();
          resolve(value);
        });
      } catch (error) {
        stop();
        reject(error);
      }
    };
    socket.on("message", onMessage);
    start?.();
  });
}

/** One datagram at a time, there and back. */
export const pingpong: Part = {
  server: async () => {
    const socket = await bind();
    socket.on("message", (data, from) => {
      socket.send(data, from.port, from.address);
    });
    return { port: socket.address().port };
  },
  client: async (task, port) => {
    const socket = await bind();
    const message = makeMessage(task.size);
    const run: End["run"] = (n, thorough) => {
      let i = 0;
      const ask = () => {
        markMessage(message, i);
        socket.send(message, port, host);
      };
      return receiving<void>(
        socket,
        (data, _, resolve) => {
          checkEcho(data, message, thorough);
          if (++i < n) ask();
          else resolve();
        },
        ask,
      );
    };
    return { run };
  },
};

/** Datagrams to a socket that does not receive meanwhile. */
export const send: Part = {
  server: () => Promise.reject(new Error("There is no such server")),
  client: async ({ size }, port) => {
    const socket = await bind();
    // Each needs its own bytes until it is sent.
    const writers = Array.from(
      { length: AT_ONCE },
      () => new DatagramWriter(size),
    );
    let runs = 0;
    const run: End["run"] = async (n) => {
      runs++;
      for (let i = 0; i < n; i += AT_ONCE) {
        let left = Math.min(AT_ONCE, n - i);
        await new Promise<void>((resolve, reject) => {
          writers.slice(0, left).forEach((writer, j) => {
            socket.send(
              writer.write(i + j, runs),
              port,
              host,
              (error, sent) => {
                if (error !== null) reject(error);
                if (sent !== size) reject(new Error(`Sent ${sent} bytes`));
                if (--left === 0) resolve();
              },
            );
          });
        });
      }
    };
    return { run };
  },
};

/** Datagrams as fast as they can be sent; the server counts what arrives. */
export const receive: Part = {
  server: async (task) => {
    const socket = await bind();
    let runs = 0;
    const run: End["run"] = (n, thorough) => {
      const reader = new DatagramReader(task.size, ++runs, thorough);
      return receiving(socket, (data, from, resolve) => {
        if (!reader.read(data)) return;
        socket.send(data, from.port, from.address);
        if (reader.ended) resolve(reader.result(thorough ? n : 1));
      });
    };
    return { port: socket.address().port, run };
  },
  client: () => Promise.reject(new Error("There is no such client")),
};
