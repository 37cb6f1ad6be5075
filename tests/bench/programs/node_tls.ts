import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import type { TlsEnd, TlsListen } from "./tls.ts";

const host = "127.0.0.1";

function end(conn: TLSSocket): TlsEnd {
  let wake = (): void => {};
  let size = 0;
  let isOver = false;
  // With `read()` and "readable" it stalls (Deno 2.9.6).
  conn.on("data", (data: Uint8Array) => {
    size += data.length;
    wake();
  });
  conn.on("end", () => {
    isOver = true;
    wake();
  });
  return {
    send: (data) =>
      new Promise<void>((resolve) => conn.write(data, () => resolve())),
    async receive() {
      while (size === 0 && !isOver) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      const received = size;
      size = 0;
      return received;
    },
    end: () => new Promise<void>((resolve) => conn.end(() => resolve())),
    close: () => conn.destroy(),
  };
}

/** `node:tls`, in Deno and in Node. */
export const nodeTls: TlsListen = async ({ certificates }) => {
  const [cert, key, ca] = await Promise.all(
    ["server", "server.key", "ca"].map((name) =>
      readFile(`${certificates}/${name}.pem`)
    ),
  );
  const server = tls.createServer({ cert: cert!, key: key! });
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const servername = "localhost";
  return {
    async pair() {
      const client = tls.connect({ host, port, ca: ca!, servername });
      const [[conn]] = await Promise.all([
        once(server, "secureConnection"),
        once(client, "secureConnect"),
      ]);
      // What one end's close leaves unread resets the other.
      for (const each of [client, conn]) each.on("error", () => {});
      return [end(client), end(conn)];
    },
    stop: () => server.close(),
  };
};
