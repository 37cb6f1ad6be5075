import { assertInstanceOf } from "@std/assert";
import * as socket from "@pystd/socket";
import { tick } from "./event_loop.ts";
import { listener, type TcpSocket } from "./pair.ts";
import { within } from "./within.ts";

/** A host name that the C library knows to be none without asking anybody. */
export const unknownHost: string = `${"x".repeat(64)}.invalid`;

/**
 * The address of a listener that is closed, and a connection that it had. The
 * connection keeps the port, until the tests end: the kernel gives it to nobody
 * who listens at or connects from a free one, and refuses connections to it. Who
 * asks for it by its number may listen there. A port that was merely closed may
 * belong to another program a moment later.
 */
const closed = await (async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const ends = await Promise.all([
    Deno.connect({ hostname, port }),
    listener.accept(),
  ]);
  listener.close();
  await assertRefuses([hostname, port]);
  return { hostname, port, ends };
})();

/** An address of loopback that refuses connections, and stays so. */
export function closedAddress(): socket.InetAddress {
  return [closed.hostname, closed.port];
}

/**
 * Lets go of a port and takes it again, in a function that is called once more
 * if the port is in use. Another program may have taken it meanwhile, and a child
 * that is starting has a copy of what was closed, until it runs its program. A
 * port that was not let go is in use both times.
 *
 * @param attempt The function, which takes another port each time.
 * @returns What it returns.
 */
export async function againIfTaken<T>(
  attempt: () => T | Promise<T>,
): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error &&
      error.code === "EADDRINUSE";
    if (!isTaken) throw error;
    return await attempt();
  }
}

/**
 * Checks that nobody listens at an address any more. A child that is starting
 * has a copy of what was closed, until it runs its program some milliseconds
 * later: so long connections are let in.
 *
 * @param address The address of a listener that is closed.
 */
export function assertRefuses(
  address: readonly [host: string, port: number],
): Promise<void> {
  return within(refusal(address), "a connection that is refused");
}

async function refusal(
  address: readonly [host: string, port: number],
): Promise<void> {
  for (;;) {
    try {
      (await socket.create_connection(address)).close();
    } catch (error) {
      if (error instanceof socket.ConnectionRefusedError) return;
      // It was let in when the last copy was closed.
      assertInstanceOf(error, socket.ConnectionResetError);
    }
    await tick();
  }
}

/**
 * Whether another socket can take the port of a bound one: Deno ignores
 * `reusePort` on other systems.
 */
export const canTakePort: boolean = Deno.build.os === "linux";

/** A bound stream socket whose port another listener has too, and that listener. */
export function withTakenPort(): { bound: TcpSocket; other: Deno.Listener } {
  const bound = socket.socket();
  bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1);
  bound.bind(["127.0.0.1", 0]);
  const [hostname, port] = bound.getsockname();
  const other = Deno.listen({ hostname, port, reusePort: true });
  bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0);
  return { bound, other };
}

/** A port of loopback that is free now, for {@linkcode againIfTaken}. */
export function freePort(): number {
  using bound = socket.socket();
  bound.bind(["127.0.0.1", 0]);
  return bound.getsockname()[1];
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
