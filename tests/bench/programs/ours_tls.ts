import type { SSLSocket } from "@pystd/socket/ssl";
import type { SocketModule } from "./ours.ts";
import type { TlsEnd, TlsListen } from "./tls.ts";

type SslModule = typeof import("@pystd/socket/ssl");

function end(conn: SSLSocket, shutWrite: number, bufsize: number): TlsEnd {
  return {
    send: (data) => conn.sendall(data),
    receive: async () => (await conn.recv(bufsize)).length,
    end: () => conn.shutdown(shutWrite),
    close: () => conn[Symbol.asyncDispose](),
  };
}

/**
 * This module over TLS.
 *
 * @param socket The module under test.
 * @param url Its URL; its `ssl` is loaded when a row needs it.
 * @returns What starts a server.
 */
export function oursTls(socket: SocketModule, url: string): TlsListen {
  return async ({ bufsize, certificates }) => {
    const ssl: SslModule = await import(
      new URL("src/ssl.ts", url).href
    );
    const serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
    serving.load_cert_chain(
      `${certificates}/server.pem`,
      `${certificates}/server.key.pem`,
    );
    const trusting = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
      cafile: `${certificates}/ca.pem`,
    });
    const server = await serving.wrap_socket(
      socket.create_server(["127.0.0.1", 0]),
      { server_side: true },
    );
    const connect = async () =>
      trusting.wrap_socket(
        await socket.create_connection(server.getsockname()),
        { server_hostname: "localhost" },
      );
    return {
      async pair() {
        const [[conn], client] = await Promise.all([
          server.accept(),
          connect(),
        ]);
        return [
          end(client, socket.SHUT_WR, bufsize),
          end(conn, socket.SHUT_WR, bufsize),
        ];
      },
      stop: () => server[Symbol.asyncDispose](),
    };
  };
}
