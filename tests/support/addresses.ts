import * as socket from "@pystd/socket";
import { listener, type TcpSocket } from "./pair.ts";
import { within } from "./within.ts";

/** A host name that the C library knows to be none without asking anybody. */
export const unknownHost: string = `${"x".repeat(64)}.invalid`;

/** An address of loopback that refuses connections. */
export function closedAddress(): socket.InetAddress {
  using bound = socket.socket();
  bound.bind(["127.0.0.1", 0]);
  return bound.getsockname();
}

/** An address where connecting hangs, for `await using`. */
export interface FullListener extends AsyncDisposable {
  readonly address: socket.InetAddress;
  /** Accepts what is queued, so that the next connect gets through. */
  makeRoom(): Promise<void>;
  /** Accepts the next one; it closes with the listener. */
  accept(): Promise<TcpSocket>;
}

/**
 * Opens a listener whose queue is full. A kernel lets one connection more than
 * the backlog in, and drops the requests of all others.
 *
 * @returns The listener.
 */
export async function fullListener(): Promise<FullListener> {
  const server = listener(1);
  const queued: TcpSocket[] = [];
  for (let n = 0; n < 2; n++) {
    const client = socket.socket();
    queued.push(client);
    await within(client.connect(server.getsockname()));
  }
  const accept = async () => {
    const [conn] = await within(server.accept());
    queued.push(conn);
    return conn;
  };
  return {
    address: server.getsockname(),
    async makeRoom() {
      await accept();
      await accept();
    },
    accept,
    async [Symbol.asyncDispose]() {
      const all = [server, ...queued];
      await Promise.all(all.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}
