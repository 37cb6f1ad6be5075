import { assertEquals, AssertionError } from "@std/assert";
import * as socket from "@pystd/socket";
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
 * @returns The socket, to be closed by the owner.
 */
export function listener(): TcpSocket {
  const server = socket.socket();
  server.bind(["127.0.0.1", 0]);
  server.listen();
  return server;
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
 * Puts bytes together.
 *
 * @param parts The parts, in order.
 * @returns The whole.
 */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * Checks long byte sequences, for which a printed comparison would take long.
 *
 * @param actual What came.
 * @param expected What should have.
 */
export function assertSameBytes(
  actual: Uint8Array,
  expected: Uint8Array,
): void {
  const length = Math.min(actual.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (actual[i] !== expected[i]) {
      throw new AssertionError(
        `Byte ${i} of ${expected.length} is ${actual[i]}, not ${expected[i]}`,
      );
    }
  }
  assertEquals(actual.length, expected.length);
}
