import * as socket from "@pystd/socket";
import { decode, encode } from "./bytes.ts";
import { type TcpSocket, udpSocket } from "./pair.ts";
import { within } from "./within.ts";

/** Two datagram sockets, for `using`. */
export interface UdpPair extends Disposable {
  /** A bound socket. */
  readonly server: TcpSocket;
  /** A socket that is bound and connected to it. */
  readonly client: TcpSocket;
}

/** Opens two datagram sockets on loopback. */
export async function udpPair(): Promise<UdpPair> {
  const server = udpSocket();
  const client = udpSocket();
  await client.connect(server.getsockname());
  return {
    server,
    client,
    [Symbol.dispose]() {
      server.close();
      client.close();
    },
  };
}

/** Makes an IPv4 datagram socket without an address. */
export function unboundUdp(): TcpSocket {
  return socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
}

/** Opens a datagram socket on a free port of IPv6 loopback. */
export function udp6Socket(): socket.Socket<socket.Inet6Address> {
  const bound = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
  bound.bind(["::1", 0]);
  return bound;
}

/** The texts of the datagrams that have been sent so far, in order. */
export async function received(
  receiver: TcpSocket,
  sender: TcpSocket,
): Promise<string[]> {
  await sender.sendto(encode("the end"), receiver.getsockname());
  const texts = [];
  for (;;) {
    const next = await nextText(receiver);
    if (next === "the end") return texts;
    texts.push(next);
  }
}

/** The text of the next datagram. */
export async function nextText(
  receiver: socket.Socket,
  flags = 0,
): Promise<string> {
  return decode(await within(receiver.recv(65536, flags)));
}
