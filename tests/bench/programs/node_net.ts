// `node:net` and `node:dgram`, in Deno and in Node, as Node's programmers use
// them: events, and pieces as they come.

import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import readline from "node:readline";
import {
  ANSWER,
  checkEcho,
  checkLine,
  checkPiece,
  lineBlock,
  LINES_PER_BLOCK,
  makeMessage,
  markMessage,
  PERIOD,
  streamBytes,
  WAKE,
} from "./data.ts";
import { serve } from "./control.ts";
import * as udp from "./node_udp.ts";
import type { End, Task } from "./types.ts";

const host = "127.0.0.1";

/** Listens, and hands each connection to `handle`. */
async function listen(
  task: Task,
  handle: (conn: Socket) => void,
): Promise<End> {
  const server = net.createServer((conn) => {
    if (task.timeout !== null) conn.setTimeout(task.timeout * 1000);
    handle(conn);
  });
  server.listen(0, host);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port };
}

async function connect(
  task: Task,
  port: number,
  onread?: net.OnReadOpts,
): Promise<Socket> {
  const conn = net.connect({ host, port, ...(onread && { onread }) });
  if (task.timeout !== null) conn.setTimeout(task.timeout * 1000);
  await once(conn, "connect");
  return conn;
}

async function connectMany(
  n: number,
  task: Task,
  port: number,
): Promise<Socket[]> {
  const conns: Socket[] = [];
  while (conns.length < n) conns.push(await connect(task, port));
  return conns;
}

/** Promise.withResolvers, which came with Node 22. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: PromiseWithResolvers<T>["resolve"];
  let reject!: PromiseWithResolvers<T>["reject"];
  const promise = new Promise<T>((...functions) => {
    [resolve, reject] = functions;
  });
  return { promise, resolve, reject };
}

/** The round trips of one connection; one listener serves all runs. */
class Pinger {
  readonly #conn: Socket;
  readonly #message: Uint8Array;
  #number = 0;
  #left = 0;
  #thorough = false;
  #partial: Uint8Array | undefined;
  #settled = withResolvers<void>();

  constructor(conn: Socket, { size }: Task) {
    this.#conn = conn;
    this.#message = makeMessage(size);
    conn.setNoDelay(true);
    conn.on("data", (data) => this.#take(data as Uint8Array));
    conn.on("error", (error) => this.#settled.reject(error));
  }

  run(n: number, thorough: boolean): Promise<void> {
    this.#left = n;
    this.#thorough = thorough;
    this.#settled = withResolvers();
    this.#ask();
    return this.#settled.promise;
  }

  #ask(): void {
    markMessage(this.#message, ++this.#number);
    this.#conn.write(this.#message);
  }

  #take(data: Uint8Array): void {
    if (this.#partial !== undefined) {
      data = new Uint8Array([...this.#partial, ...data]);
    }
    const isWhole = data.length >= this.#message.length;
    this.#partial = isWhole ? undefined : data;
    if (!isWhole) return;
    try {
      checkEcho(data, this.#message, this.#thorough);
      if (--this.#left > 0) this.#ask();
      else this.#settled.resolve();
    } catch (error) {
      this.#settled.reject(error);
    }
  }
}

async function write(conn: Socket, data: Uint8Array): Promise<void> {
  if (!conn.write(data)) await once(conn, "drain");
}

/** A server that sends the stream to the first connection. */
async function streamServer(task: Task): Promise<End> {
  const { size, chunk } = task;
  const { promise, resolve } = withResolvers<Socket>();
  const bytes = streamBytes(chunk);
  let offset = 0;
  return {
    ...await listen(task, resolve),
    run: async (n) => {
      const conn = await promise;
      let left = n * size;
      while (left > 0) {
        const length = Math.min(left, chunk);
        await write(conn, bytes.subarray(offset, offset + length));
        offset = (offset + length) % PERIOD;
        left -= length;
      }
    },
  };
}

/** Checks what is handed in, until a run's end. */
class Checker<T> {
  readonly #check: (item: T, offset: number, thorough: boolean) => number;
  #offset = 0;
  #end = 0;
  #thorough = true;
  #error: unknown;
  #settled: PromiseWithResolvers<void> | undefined;

  /** `check` throws, or returns how far the item reaches. */
  constructor(check: (item: T, offset: number, thorough: boolean) => number) {
    this.#check = check;
  }

  /** What comes from another process may have come already. */
  run(n: number, thorough: boolean): Promise<void> {
    this.#end += n;
    this.#thorough = thorough;
    this.#settled = withResolvers();
    if (this.#error !== undefined) this.#settled.reject(this.#error);
    if (this.#offset === this.#end) this.#settled.resolve();
    return this.#settled.promise;
  }

  take(item: T): void {
    try {
      this.#offset += this.#check(item, this.#offset, this.#thorough);
      if (this.#offset === this.#end) this.#settled?.resolve();
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    this.#error ??= error;
    this.#settled?.reject(error);
  }
}

async function streamClient(task: Task, port: number): Promise<End> {
  const checker = new Checker<Uint8Array>((piece, offset, thorough) => {
    checkPiece(piece, offset, thorough);
    return piece.length;
  });
  const buffer = new Uint8Array(task.bufsize);
  const conn = await connect(
    task,
    port,
    task.read === "into"
      ? {
        buffer,
        callback: (n) => {
          checker.take(buffer.subarray(0, n));
          return true;
        },
      }
      : undefined,
  );
  conn.on("error", (error) => checker.fail(error));
  conn.on("end", () => checker.fail(new Error("The stream ended")));
  const size = task.read === "exact" ? task.size : task.bufsize;
  if (size < 65536) {
    conn.on("readable", () => {
      let piece: Uint8Array | null;
      while ((piece = conn.read(size)) !== null) checker.take(piece);
    });
  } else if (task.read !== "into") {
    conn.on("data", (data) => checker.take(data as Uint8Array));
  }
  return { run: (n, thorough) => checker.run(n * task.size, thorough) };
}

async function lineServer(task: Task): Promise<End> {
  const { promise, resolve } = withResolvers<Socket>();
  const block = lineBlock();
  return {
    ...await listen(task, resolve),
    run: async (n) => {
      const conn = await promise;
      for (let i = 0; i < n; i++) await write(conn, block);
    },
  };
}

async function lineClient(task: Task, port: number): Promise<End> {
  const input = await connect(task, port);
  const checker = new Checker<string>((line, number, thorough) => {
    checkLine(line, number, "", thorough);
    return 1;
  });
  input.on("error", (error) => checker.fail(error));
  const lines = readline.createInterface({ input, crlfDelay: Infinity });
  if (task.read === "iterate") {
    const iterator = lines[Symbol.asyncIterator]();
    return {
      run: async (n, thorough) => {
        for (let i = 0; i < n * LINES_PER_BLOCK; i++) {
          const { done, value } = await iterator.next();
          if (done) throw new Error(`The lines ended at ${i}`);
          checkLine(value, i, "", thorough);
        }
      },
    };
  }
  lines.on("line", (line) => checker.take(line));
  lines.on("close", () => checker.fail(new Error("The lines ended")));
  return { run: (n, thorough) => checker.run(n * LINES_PER_BLOCK, thorough) };
}

function answer(conn: Socket): void {
  conn.once("data", (data: Uint8Array) => {
    conn.end(data.map((byte) => ANSWER - byte));
  });
}

function askOnce(port: number, number: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const conn = net.connect({ host, port }, () => {
      conn.write(new Uint8Array([number]));
    });
    conn.on("error", reject);
    conn.once("data", (data: Uint8Array) => {
      conn.end();
      if (data[0] === ANSWER - number) resolve();
      else reject(new Error("Wrong answer"));
    });
  });
}

async function ask(port: number, n: number): Promise<void> {
  for (let i = 0; i < n; i++) await askOnce(port, i & 0xff);
}

function idleClient(task: Task, port: number): Promise<End> {
  const pending: Promise<Uint8Array[]>[] = [];
  return Promise.resolve({
    run: async (n) => {
      for (const conn of await connectMany(n, task, port)) {
        pending.push(once(conn, "data") as Promise<Uint8Array[]>);
      }
    },
    finish: async () => {
      for (const [data] of await Promise.all(pending)) {
        if (data?.length !== 1 || data[0] !== WAKE) {
          throw new Error("Wrong byte");
        }
      }
    },
  });
}

await serve({
  pingpong: {
    server: (task) =>
      listen(task, (conn) => {
        conn.setNoDelay(true);
        conn.on("data", (data) => conn.write(data));
      }),
    client: async (task, port) => {
      const conns = await connectMany(task.connections, task, port);
      const pingers = conns.map((conn) => new Pinger(conn, task));
      return {
        run: async (n, thorough) => {
          const each = n / pingers.length;
          await Promise.all(
            pingers.map((pinger) => pinger.run(each, thorough)),
          );
        },
      };
    },
  },
  stream: { server: streamServer, client: streamClient },
  lines: { server: lineServer, client: lineClient },
  connect: {
    server: (task) => listen(task, answer),
    client: ({ connections }, port) =>
      Promise.resolve({
        run: async (n) => {
          const each = n / connections;
          await Promise.all(
            Array.from({ length: connections }, () => ask(port, each)),
          );
        },
      }),
  },
  idle: {
    server: () => Promise.reject(new Error("There is no such server")),
    client: idleClient,
  },
  udpPingpong: udp.pingpong,
  udpSend: udp.send,
  udpReceive: udp.receive,
});
