import * as socket from "@pystd/socket";
import { poll, POLLIN, select } from "@pystd/socket/select";
import { DefaultSelector, EVENT_READ } from "@pystd/socket/selectors";
import { listener, type TcpSocket, udpSocket } from "../support/pair.ts";
import type { ChildProcess } from "../support/process.ts";
import { within } from "../support/within.ts";
import type { Random } from "./random.ts";

/** One call of a loop; the number of bytes that it has moved. */
export type Call = () => Promise<number>;

/** A loop of calls that can be answered at once, again and again. */
export interface Flood {
  readonly name: string;
  /** Opens the sockets of a loop, and returns its call. */
  readonly open: (scene: Scene) => Promise<Call>;
}

/** Sockets whose peers flood them, and which are closed with the scene. */
export class Scene implements AsyncDisposable {
  readonly random: Random;
  readonly #peers: ChildProcess;
  readonly #stack = new AsyncDisposableStack();

  /**
   * @param random What all that is random follows from.
   * @param peers The process of `fairness_peers.ts`.
   */
  constructor(random: Random, peers: ChildProcess) {
    this.random = random;
    this.#peers = peers;
  }

  /** A connection whose peer does something for ever. */
  async connected(kind: "send" | "receive"): Promise<TcpSocket> {
    using server = listener();
    await this.#flood(kind, server);
    const [conn] = await within(server.accept(), "a peer");
    this.#stack.defer(() => conn.close());
    // A time limit and a signal take other ways through the module.
    if (this.random.chance(50)) conn.settimeout(600);
    return conn;
  }

  /** A connection at the end of its stream. */
  async ended(): Promise<socket.Socket> {
    const [conn, peer] = await this.pair();
    await peer.shutdown(socket.SHUT_WR);
    await conn.recv(1);
    return conn;
  }

  /** Two ends of a connection without a peer elsewhere. */
  async pair(): Promise<[socket.Socket, socket.Socket]> {
    const pair = this.random.chance(50)
      ? await socket.socketpair(socket.AF_INET)
      : await socket.socketpair();
    for (const each of pair) this.#stack.defer(() => each.close());
    return pair;
  }

  /** A socket that datagrams come to without end. */
  async datagrams(): Promise<TcpSocket> {
    const bound = this.udp();
    await this.#flood("datagrams", bound);
    return bound;
  }

  /** A datagram socket. */
  udp(): TcpSocket {
    const bound = udpSocket();
    this.#stack.defer(() => bound.close());
    return bound;
  }

  /** A server that clients connect to without end. */
  async server(): Promise<TcpSocket> {
    const server = listener();
    this.#stack.defer(() => server.close());
    await this.#flood("connections", server);
    return server;
  }

  async #flood(kind: string, to: TcpSocket): Promise<void> {
    await this.#peers.write(`${kind} ${to.getsockname()[1]}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    await this.#peers.write("stop\n");
    await this.#peers.readMatch(/^stopped$/);
  }
}

/** A call whose error is its answer. */
async function failing(call: Promise<unknown>): Promise<number> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof socket.OSError)) throw error;
  }
  return 0;
}

/** Sizes of receives, from a byte to more than comes at once. */
const SIZES = [1, 16, 64, 1000, 65_536, 1 << 20];

const receives: Record<
  string,
  (conn: TcpSocket, size: number, signal: AbortSignal) => Call
> = {
  "recv()": (conn, size) => async () => (await conn.recv(size)).length,
  "recv() with a signal": (conn, size, signal) => async () =>
    (await conn.recv(size, { signal })).length,
  "recv() with MSG_WAITALL": (conn, size) => async () =>
    (await conn.recv(size, socket.MSG_WAITALL)).length,
  "recv() with MSG_PEEK": (conn, size) => async () =>
    (await conn.recv(size, socket.MSG_PEEK)).length,
  "recv_into()": (conn, size) => {
    const buffer = new Uint8Array(size);
    return () => conn.recv_into(buffer);
  },
  "recvmsg_into()": (conn, size) => {
    const buffers = [new Uint8Array(size), new Uint8Array(size)];
    return async () => (await conn.recvmsg_into(buffers))[0];
  },
  "readable": (conn) => {
    const reader = conn.readable.getReader();
    return async () => (await reader.read()).value?.length ?? 0;
  },
  "read() of a file": (conn, size) => {
    const file = conn.makefile("rb");
    return async () => (await file.read(size))?.length ?? 0;
  },
  "readline() of a file": (conn) => {
    const file = conn.makefile("rb");
    return async () => (await file.readline())?.length ?? 0;
  },
  "readline() of a text file": (conn) => {
    const file = conn.makefile("r");
    return async () => (await file.readline())?.length ?? 0;
  },
  "lines of a text file": (conn) => {
    const lines = conn.makefile("r")[Symbol.asyncIterator]();
    return async () => (await lines.next()).value?.length ?? 0;
  },
  "select() and recv()": (conn, size) => async () => {
    await select([conn], [], []);
    return (await conn.recv(size)).length;
  },
  "select()": (conn) => async () => {
    await select([conn], [conn], []);
    return 0;
  },
  "a selector": (conn, size) => {
    const selector = new DefaultSelector();
    selector.register(conn, EVENT_READ);
    return async () => {
      const [[key] = []] = await selector.select();
      return (await key!.fileobj.recv(size)).length;
    };
  },
  "poll()": (conn) => {
    const polled = poll();
    polled.register(conn, POLLIN);
    return async () => {
      await polled.poll();
      return 0;
    };
  },
};

const sends: Record<string, (conn: TcpSocket, data: Uint8Array) => Call> = {
  "send()": (conn, data) => () => conn.send(data),
  "sendall()": (conn, data) => async () => {
    await conn.sendall(data);
    return data.length;
  },
  "sendmsg()": (conn, data) => () => conn.sendmsg([data, data]),
  "writable": (conn, data) => {
    const writer = conn.writable.getWriter();
    return async () => {
      await writer.write(data);
      return data.length;
    };
  },
  "write() and flush() of a file": (conn, data) => {
    const file = conn.makefile("wb");
    return async () => {
      await file.write(data);
      await file.flush();
      return data.length;
    };
  },
};

const others: Flood[] = [
  {
    name: "recv() at the end of the stream",
    async open(scene) {
      const conn = await scene.ended();
      return async () => (await conn.recv(10)).length;
    },
  },
  {
    name: "readline() at the end of the stream",
    async open(scene) {
      const file = (await scene.ended()).makefile("r");
      return async () => (await file.readline())?.length ?? 0;
    },
  },
  {
    name: "recv() of a non-blocking socket",
    async open(scene) {
      const [conn] = await scene.pair();
      conn.setblocking(false);
      return () => failing(conn.recv(1));
    },
  },
  {
    name: "send() of nothing",
    async open(scene) {
      const [conn] = await scene.pair();
      return () => conn.send(new Uint8Array(0));
    },
  },
  {
    name: "recv() of a closed socket",
    open() {
      const closed = socket.socket();
      closed.close();
      return Promise.resolve(() => failing(closed.recv(1)));
    },
  },
  {
    name: "accept()",
    async open(scene) {
      const server = await scene.server();
      return async () => {
        const [conn] = await server.accept();
        conn.close();
        return 0;
      };
    },
  },
  {
    name: "select() and accept()",
    async open(scene) {
      const server = await scene.server();
      return async () => {
        await select([server], [], []);
        (await server.accept())[0].close();
        return 0;
      };
    },
  },
  {
    name: "recvfrom()",
    async open(scene) {
      const udp = await scene.datagrams();
      return async () => (await udp.recvfrom(1000))[0].length;
    },
  },
  {
    name: "recvfrom() with MSG_PEEK",
    async open(scene) {
      const udp = await scene.datagrams();
      return async () => (await udp.recvfrom(1000, socket.MSG_PEEK))[0].length;
    },
  },
  {
    name: "sendto()",
    async open(scene) {
      const udp = scene.udp();
      const to = scene.udp().getsockname();
      const data = new Uint8Array(scene.random.pick([0, 1, 1000]));
      return () => udp.sendto(data, to);
    },
  },
  {
    name: "a socketpair()",
    async open(scene) {
      const [one, other] = await scene.pair();
      const data = new Uint8Array(scene.random.pick(SIZES));
      return async () => {
        await Promise.all([
          one.sendall(data),
          other.recv(data.length, socket.MSG_WAITALL),
        ]);
        return 2 * data.length;
      };
    },
  },
  {
    name: "getaddrinfo() of an address",
    open: () =>
      Promise.resolve(async () =>
        (await socket.getaddrinfo("127.0.0.1", 80)).length
      ),
  },
];

/** All of them. */
export const floods: readonly Flood[] = [
  ...Object.entries(receives).map(([name, make]): Flood => ({
    name,
    async open(scene) {
      const conn = await scene.connected("send");
      const { signal } = new AbortController();
      return make(conn, scene.random.pick(SIZES), signal);
    },
  })),
  ...Object.entries(sends).map(([name, make]): Flood => ({
    name,
    async open(scene) {
      const conn = await scene.connected("receive");
      return make(conn, new Uint8Array(scene.random.pick(SIZES)));
    },
  })),
  ...others,
];
