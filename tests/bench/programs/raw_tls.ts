import type { TlsEnd, TlsListen } from "./tls.ts";

const hostname = "127.0.0.1";

function end(conn: Deno.TlsConn, bufsize: number): TlsEnd {
  const buffer = new Uint8Array(bufsize);
  return {
    async send(data) {
      let n = await conn.write(data);
      while (n < data.length) n += await conn.write(data.subarray(n));
    },
    receive: async () => await conn.read(buffer) ?? 0,
    end: () => conn.closeWrite(),
    close: () => conn.close(),
  };
}

/** `Deno.connectTls` and `Deno.listenTls`. */
export const rawTls: TlsListen = async ({ bufsize, certificates }) => {
  const [cert, key, ca] = await Promise.all(
    ["server", "server.key", "ca"].map((name) =>
      Deno.readTextFile(`${certificates}/${name}.pem`)
    ),
  );
  const listener = Deno.listenTls({
    hostname,
    port: 0,
    cert: cert!,
    key: key!,
  });
  const { port } = listener.addr;
  return {
    async pair() {
      const [conn, client] = await Promise.all([
        listener.accept(),
        Deno.connectTls({ hostname, port, caCerts: [ca!] }),
      ]);
      await Promise.all([conn.handshake(), client.handshake()]);
      return [end(client, bufsize), end(conn, bufsize)];
    },
    stop: () => listener.close(),
  };
};
