import * as socket from "@pystd/socket";
import { join } from "./bytes.ts";
import { within } from "./within.ts";

/** A socket over IPv4. */
export type TcpSocket = socket.Socket<socket.InetAddress>;

/** Two ends of one connection, for `await using`. */
export interface TcpPair extends AsyncDisposable {
  /** The end that connected. */
  readonly client: TcpSocket;
  /** The end that was accepted. */
  readonly peer: TcpSocket;
}

/**
 * Connects two sockets over loopback. Both are closed at the end of the block,
 * `client` first; what one of them still has to send is then given up.
 *
 * @returns The two ends.
 */
export async function tcpPair(): Promise<TcpPair> {
  await using server = listener();
  const client = socket.socket();
  const [, [peer]] = await within(
    Promise.all([client.connect(server.getsockname()), server.accept()]),
    "a connection over loopback",
  );
  return {
    client,
    peer,
    async [Symbol.asyncDispose]() {
      // Together: one end's unsent bytes may wait for the other to close.
      await Promise.allSettled([
        client[Symbol.asyncDispose](),
        peer[Symbol.asyncDispose](),
      ]);
    },
  };
}

/**
 * Opens a listening socket on a free port of loopback.
 *
 * @param backlog How many connections may wait. Any but the usual number opens
 * the port anew, and something else may have taken it meanwhile.
 * @returns The socket, to be closed by the owner.
 */
export function listener(backlog: number = 128): TcpSocket {
  for (;;) {
    const server = socket.socket();
    server.bind(["127.0.0.1", 0]);
    try {
      server.listen(backlog);
      return server;
    } catch (error) {
      server.close();
      const isTaken = error instanceof socket.OSError &&
        error.code === "EADDRINUSE";
      if (!isTaken) throw error;
    }
  }
}

/**
 * Opens a datagram socket on a free port of loopback.
 *
 * @returns The socket, to be closed by the owner.
 */
export function udpSocket(): TcpSocket {
  const bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  bound.bind(["127.0.0.1", 0]);
  return bound;
}

/**
 * Receives until the end of the stream.
 *
 * @param s The socket; blocking.
 * @returns All that came.
 */
export async function receiveToEnd(
  s: socket.Socket,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const data = await within(s.recv(1 << 18), "the end of the stream");
    if (data.length === 0) return join(chunks);
    chunks.push(data);
  }
}

/**
 * Sends until the kernel takes no more.
 *
 * @param s The socket.
 * @param chunk What is sent each time.
 * @returns How many bytes were sent.
 */
export async function fill(
  s: socket.Socket,
  chunk: Uint8Array = new Uint8Array(65_536),
): Promise<number> {
  for (let sent = 0;;) {
    try {
      sent += await s.send(chunk, socket.MSG_DONTWAIT);
    } catch (error) {
      if (error instanceof socket.BlockingIOError) return sent;
      throw error;
    }
  }
}
