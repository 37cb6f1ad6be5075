import { IPPROTO_TCP, TCP_NODELAY } from "../base/constants.ts";
import { OSError } from "../base/errors.ts";
import type { BufferedReader, SocketIO } from "../file/binary_file.ts";
import type { IOBase } from "../file/io_base.ts";
import { openFile } from "../file/makefile.ts";
import type { ByteStream } from "../file/open_file.ts";
import type { Socket } from "../socket/socket.ts";
import type { BaseServer, TCPServer, UDPServer } from "./servers.ts";

/** The part of a server class that decides the type of its requests. */
export type RequestSource = Pick<BaseServer, "get_request">;

/**
 * The result of a server's `get_request`: the request and the client's address.
 *
 * @typeParam S The class of the server.
 */
export type RequestOf<S extends RequestSource> = Awaited<
  ReturnType<S["get_request"]>
>;

/**
 * Handles one request. A subclass overrides `handle`, and may override `setup`
 * and `finish`.
 *
 * A constructor cannot wait, so the methods are called when the server awaits
 * the handler: `setup`, then `handle`, then `finish`, even if `handle` has
 * failed.
 *
 * @example With the class of the server, for its attributes and its type of
 * request
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socketserver from "@pystd/socket/socketserver";
 *
 * class CountingServer extends socketserver.UDPServer {
 *   packets = 0;
 * }
 * class Counter extends socketserver.BaseRequestHandler<CountingServer> {
 *   override handle() {
 *     const [data] = this.request;
 *     if (data.length > 0) this.server.packets++;
 *   }
 * }
 * await using server = new CountingServer(["127.0.0.1", 0], Counter);
 * assertEquals(server.packets, 0);
 * ```
 *
 * @typeParam S The class of the server, which decides the type of the request:
 * a socket for `TCPServer`, which is the default.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.BaseRequestHandler | Python: BaseRequestHandler}
 */
export class BaseRequestHandler<S extends RequestSource = TCPServer>
  implements PromiseLike<void> {
  /**
   * The request: a connected socket, or an array of a datagram and the server's
   * socket.
   */
  request: RequestOf<S>[0];
  /** The address of the client. */
  client_address: RequestOf<S>[1];
  /** The server. */
  server: S;
  #handled: Promise<void> | undefined;

  /**
   * Stores the arguments.
   *
   * @param request The request.
   * @param client_address The address of the client.
   * @param server The server.
   */
  constructor(
    request: RequestOf<S>[0],
    client_address: RequestOf<S>[1],
    server: S,
  ) {
    this.request = request;
    this.client_address = client_address;
    this.server = server;
  }

  /**
   * Prepares the handling, before `handle` is called. This base implementation
   * does nothing.
   */
  setup(): void | Promise<void> {}

  /** Handles the request. This base implementation does nothing. */
  handle(): void | Promise<void> {}

  /**
   * Cleans up after `handle`, even if `handle` has failed. This base
   * implementation does nothing.
   */
  finish(): void | Promise<void> {}

  /**
   * Handles the request, once, when the handler is awaited.
   *
   * @param onfulfilled The callback for when the request has been handled.
   * @param onrejected The callback for the error of the first method that
   * failed.
   * @returns A promise for the result of the callback.
   */
  then<T = void, U = never>(
    onfulfilled?: ((value: void) => T | PromiseLike<T>) | null,
    onrejected?: ((reason: unknown) => U | PromiseLike<U>) | null,
  ): Promise<T | U> {
    this.#handled ??= this.#run();
    return this.#handled.then(onfulfilled, onrejected);
  }

  async #run(): Promise<void> {
    try {
      await this.setup();
      try {
        await this.handle();
      } finally {
        await this.finish();
      }
    } finally {
      const files = openFiles.get(this) ?? [];
      await Promise.allSettled(files.map((file) => file.close()));
    }
  }
}

/**
 * The file objects that keep a connection open. They are closed with their
 * handler, even if its `setup` has failed or its `finish` leaves them open. In
 * CPython they are then closed because nothing refers to them any more.
 */
const openFiles = new WeakMap<
  object,
  IOBase<Uint8Array<ArrayBuffer>, Uint8Array>[]
>();

/**
 * Handles a connection with two file objects: `rfile`, to read the request
 * from, and `wfile`, to write the answer to.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as socketserver from "@pystd/socket/socketserver";
 *
 * class Echo extends socketserver.StreamRequestHandler {
 *   override async handle() {
 *     for await (const line of this.rfile) await this.wfile.write(line);
 *   }
 * }
 * await using server = new socketserver.ThreadingTCPServer(["127.0.0.1", 0], Echo);
 * const serving = server.serve_forever();
 *
 * const [host, port] = server.server_address;
 * using client = await socket.create_connection([host, port]);
 * await client.sendall(new TextEncoder().encode("one\n"));
 * assertEquals(await client.recv(100), new TextEncoder().encode("one\n"));
 * client.close();
 * await server.shutdown();
 * await serving;
 * ```
 *
 * @typeParam S The class of the server.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.StreamRequestHandler | Python: StreamRequestHandler}
 */
export class StreamRequestHandler<S extends RequestSource = TCPServer>
  extends BaseRequestHandler<S> {
  /**
   * The size of the buffer of `rfile`; a negative number means the default
   * size.
   */
  rbufsize: number = -1;
  /**
   * The size of the buffer of `wfile`; 0 means no buffer, a negative number the
   * default size.
   */
  wbufsize: number = 0;
  /**
   * The timeout to set on the connection, in seconds; null leaves the timeout
   * as it is.
   */
  timeout: number | null = null;
  /**
   * Whether to set TCP_NODELAY, which an answer of several small writes needs
   * to be fast.
   */
  disable_nagle_algorithm: boolean = false;
  /** The connection, which is the request. */
  declare connection: RequestOf<S>[0] & Socket;
  /**
   * The file object that reads from the connection. If `rbufsize` is 0, it is a
   * `SocketIO`.
   */
  declare rfile: BufferedReader;
  /**
   * The file object that writes to the connection. Without a buffer, each write
   * calls `sendall`.
   */
  declare wfile: IOBase<Uint8Array<ArrayBuffer>, Uint8Array>;

  /**
   * Sets the timeout and TCP_NODELAY, and creates the file objects.
   *
   * @throws {OSError} EBADF if the connection is closed.
   */
  override setup(): void | Promise<void> {
    const connection = this.connection = this.request as this["connection"];
    if (this.timeout !== null) connection.settimeout(this.timeout);
    if (this.disable_nagle_algorithm) {
      connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    }
    this.rfile = connection.makefile("rb", this.rbufsize);
    openFiles.set(this, [this.rfile]);
    this.wfile = this.wbufsize === 0
      ? openFile(new SendallStream(connection), "wb", 0)
      : connection.makefile("wb", this.wbufsize);
    openFiles.set(this, [this.wfile, this.rfile]);
  }

  /** Flushes `wfile`, and closes both file objects. */
  override finish(): void | Promise<void> {
    return this.#closeFiles();
  }

  async #closeFiles(): Promise<void> {
    const { rfile, wfile } = this;
    try {
      if (!wfile.closed) {
        try {
          await wfile.flush();
        } catch (error) {
          // The client may have closed the connection, and the close may still
          // succeed.
          if (!(error instanceof OSError)) throw error;
        }
      }
      await wfile.close();
    } finally {
      await rfile.close();
    }
  }
}

/** The sending half of a connection that the server owns and closes. */
class SendallStream implements ByteStream {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Sends all of the data, as CPython's handlers do, whereas a raw file may
   * send a part of it.
   */
  async send(
    data: Uint8Array,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<number> {
    const { length } = data;
    await this.#socket.sendall(data, 0, options);
    return length;
  }

  fileno(): number {
    return this.#socket.fileno();
  }

  recv(): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.resolve(new Uint8Array(0));
  }

  recvInto(): Promise<number> {
    return Promise.resolve(0);
  }

  endReceive(): void {}

  /** Does nothing: the server closes the connection. */
  release(): void {}
}

/**
 * Handles a datagram with two file objects: `rfile` reads the datagram, and the
 * bytes that are written to `wfile` are sent to the client as one datagram when
 * the handler finishes.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as socket from "@pystd/socket";
 * import * as socketserver from "@pystd/socket/socketserver";
 *
 * class Reverse extends socketserver.DatagramRequestHandler {
 *   override async handle() {
 *     const data = await this.rfile.read();
 *     await this.wfile.write(data!.reverse());
 *   }
 * }
 * await using server = new socketserver.UDPServer(["127.0.0.1", 0], Reverse);
 *
 * using client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
 * client.bind(["127.0.0.1", 0]);
 * await client.sendto(new Uint8Array([1, 2]), ["127.0.0.1", server.server_address[1]]);
 * await server.handle_request();
 * assertEquals(await client.recv(100), new Uint8Array([2, 1]));
 * ```
 *
 * @typeParam S The class of the server.
 * @see {@link https://docs.python.org/3/library/socketserver.html#socketserver.DatagramRequestHandler | Python: DatagramRequestHandler}
 */
export class DatagramRequestHandler<S extends RequestSource = UDPServer>
  extends BaseRequestHandler<S> {
  /** The datagram. */
  declare packet: Uint8Array<ArrayBuffer>;
  /** The server's socket. */
  declare socket: Socket;
  /** The file object that reads the datagram. */
  declare rfile: BufferedReader;
  /** The file object that collects the answer. */
  declare wfile: DatagramWriter;

  /** Creates the file objects. */
  override setup(): void | Promise<void> {
    [this.packet, this.socket] = this.request as [
      Uint8Array<ArrayBuffer>,
      Socket,
    ];
    // Without `strictNullChecks`, only an explicit size selects the buffered
    // overload.
    this.rfile = openFile(new MemoryStream(this.packet), "rb", -1);
    const answer = new MemoryStream();
    this.wfile = Object.assign(openFile(answer, "wb", 0), {
      getvalue: () => answer.value,
    });
  }

  /** Sends the answer, even if it is empty. */
  override async finish(): Promise<void> {
    const answer = this.wfile.getvalue();
    await this.socket.sendto(answer, this.client_address as never);
  }
}

/**
 * A file object that keeps the bytes that are written to it, like Python's
 * `BytesIO`.
 */
export type DatagramWriter = SocketIO & {
  /**
   * Returns the bytes that were written.
   *
   * @returns A copy of the bytes.
   */
  getvalue(): Uint8Array<ArrayBuffer>;
};

/**
 * A stream in memory, which reads from given bytes and keeps the bytes that are
 * written.
 */
class MemoryStream implements ByteStream {
  #unread: Uint8Array;
  readonly #written: Uint8Array[] = [];

  constructor(unread: Uint8Array = new Uint8Array(0)) {
    this.#unread = unread;
  }

  /** All the bytes that were written. */
  get value(): Uint8Array<ArrayBuffer> {
    const length = this.#written.reduce((sum, each) => sum + each.length, 0);
    const all = new Uint8Array(length);
    let end = 0;
    for (const each of this.#written) {
      all.set(each, end);
      end += each.length;
    }
    return all;
  }

  recv(size: number): Promise<Uint8Array<ArrayBuffer>> {
    const data = this.#unread.slice(0, size);
    this.#unread = this.#unread.subarray(data.length);
    return Promise.resolve(data);
  }

  async recvInto(buffer: Uint8Array): Promise<number> {
    const data = await this.recv(buffer.length);
    buffer.set(data);
    return data.length;
  }

  send(data: Uint8Array): Promise<number> {
    this.#written.push(data.slice());
    return Promise.resolve(data.length);
  }

  fileno(): number {
    return -1;
  }

  endReceive(): void {}

  release(): void {}
}
