/**
 * Connections made by `node:net`, for two features that `Deno.connect` lacks: a
 * local address, and the choice of a family for a name.
 *
 * The module is loaded at first use: importing it costs several milliseconds.
 */

import type { connect as nodeConnect, Socket as NodeSocket } from "node:net";
import {
  bracketed,
  denoHost,
  type InetSockaddr,
  isLinkLocal,
  isLoopback,
} from "../base/sockaddr.ts";
import { AF_INET6 } from "../base/constants.ts";
import { OSError } from "../base/errors.ts";
import {
  fromDeno,
  isOlderThan,
  netDenied,
  osError,
  requireDeno,
} from "../base/os_error.ts";
import { Pauses } from "../wait/event_loop.ts";
import {
  type ConnectOperation,
  isGranted,
  isTaken,
  type StreamConn,
  TAKEN_MS,
} from "./deno_net.ts";

/**
 * The most bytes that one write hands to `node:net`, which reports only when
 * all of them have been handed to the kernel.
 */
const PIECE_BYTES = 262_144;

/** A `node:net` socket with the shape of a `Deno.Conn`. */
class NodeConn implements StreamConn {
  readonly #socket: NodeSocket;
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  #error: Error | undefined;
  /** The error that a write has reported. */
  #told: Error | undefined;
  #ended = false;
  #closed = false;
  #wake: (() => void) | undefined;
  #reading = false;
  #writing = 0;
  #referenced = true;

  constructor(socket: NodeSocket) {
    this.#socket = socket;
    this.localAddr = netAddr(socket.localAddress, socket.localPort);
    this.remoteAddr = netAddr(socket.remoteAddress, socket.remotePort);
    const wake = () => this.#wake?.();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#ended = true;
      wake();
    });
    socket.on("error", (error) => {
      // An error is reported once, as by the kernel. If a write has reported
      // it, reads find the end of the stream.
      if (error === this.#told) this.#ended = true;
      else this.#error = error;
      wake();
    });
    socket.on("close", wake);
    this.#updateRef();
  }

  /**
   * Like a `Deno.Conn`, the connection keeps the process alive only by its
   * operations.
   */
  #updateRef(): void {
    // A destroyed socket has no handle, and would add a listener for one at
    // each call.
    if (this.#socket.destroyed) return;
    if ((this.#reading && this.#referenced) || this.#writing > 0) {
      this.#socket.ref();
    } else this.#socket.unref();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.#reading = true;
    this.#updateRef();
    try {
      return await this.#read(buffer);
    } finally {
      this.#reading = false;
      this.#updateRef();
    }
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    const { length } = buffer;
    for (;;) {
      const size = Math.min(length, this.#socket.readableLength || 1);
      const chunk: Uint8Array | null = this.#socket.read(size);
      if (chunk !== null) {
        // If the buffer was detached in the meantime, the bytes are lost, as
        // with Deno's connections.
        if (buffer.length >= chunk.length) buffer.set(chunk);
        return chunk.length;
      }
      if (this.#ended) return null;
      if (this.#error) throw this.#takeError();
      if (this.#closed) throw osError("EBADF");
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #takeError(): Error {
    const error = this.#error!;
    this.#error = undefined;
    this.#ended = true;
    return error;
  }

  /**
   * Writes at most `PIECE_BYTES`, so that `close` can observe the progress of
   * the write that it waits for.
   */
  async write(data: Uint8Array): Promise<number> {
    const piece = data.subarray(0, PIECE_BYTES);
    await this.#untilDone((done) => this.#socket.write(piece, done));
    return piece.length;
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#untilDone((done) => this.#socket.end(done));
    } catch (error) {
      // Where a write fails with EPIPE, shutdown(2) fails with this.
      const { code } = fromDeno(error) as { code?: string };
      throw code === "EPIPE" ? osError("ENOTCONN") : error;
    }
  }

  async #untilDone(
    start: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    this.#writing++;
    this.#updateRef();
    try {
      await new Promise<void>((resolve, reject) => {
        // The callback of a write may never be called if the connection fails.
        const onClose = () => reject(this.#error ?? osError("EPIPE"));
        this.#socket.once("close", onClose);
        start((error) => {
          this.#socket.off("close", onClose);
          if (!error) return resolve();
          this.#told = error;
          reject(this.#reasonOf(error));
        });
      });
    } finally {
      this.#writing--;
      this.#updateRef();
    }
  }

  /**
   * Returns the reason of a failed write. A read that fails cancels the writes,
   * whose errors then do not contain the reason; in Deno 2.7 a reset and a close
   * do so, too.
   */
  #reasonOf(error: Error): Error {
    const { code } = error as { code?: string };
    const isCancelled = code === "ECANCELED" ||
      (code === "ERR_STREAM_DESTROYED" && isOlderThan(8));
    if (!isCancelled) return error;
    return this.#error ?? osError(this.#closed ? "EBADF" : "ECONNRESET");
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
    this.#wake?.();
  }

  reset(): void {
    this.#closed = true;
    this.#socket.resetAndDestroy();
    this.#wake?.();
  }

  ref(): void {
    this.#referenced = true;
    this.#updateRef();
  }

  unref(): void {
    this.#referenced = false;
    this.#updateRef();
  }

  setNoDelay(on: boolean): void {
    this.#socket.setNoDelay(on);
  }

  setKeepAlive(on: boolean): void {
    // Deno 2.7 ignores it.
    if (on) requireDeno(8, "SO_KEEPALIVE of a connection of node:net");
    this.#socket.setKeepAlive(on);
  }
}

function netAddr(
  hostname: string | undefined,
  port: number | undefined,
): Deno.NetAddr {
  return { transport: "tcp", hostname: hostname ?? "", port: port ?? 0 };
}

/**
 * Returns whether the connections of `node:net` are complete. Before Deno 2.7
 * their half-close ends both directions, and they cannot be reset.
 */
export function hasNodeNet(): boolean {
  return !isOlderThan(7);
}

/** The address to connect from. */
export interface LocalSockaddr extends InetSockaddr {
  /** Whether the system chose the port, after a bind to port 0. */
  readonly isEphemeral?: boolean;
  /**
   * Whether a connect from here was cancelled. Its connection may still be there
   * while another one to the same peer is begun, which then fails with
   * EADDRNOTAVAIL.
   */
  readonly hasCancelled?: boolean;
}

/**
 * Returns the local port to connect from, after requesting a grant for it.
 * Without the grant `node:net` would throw in a tick of its own, where nothing
 * can catch the error and the process ends (Deno 2.9).
 *
 * A port that the system has chosen cannot be granted in advance, but port 0
 * can. In that case the system chooses a port again.
 */
function grantedPort({ host, port, isEphemeral }: LocalSockaddr): number {
  if (isGranted(host, port)) return port;
  const asked = isEphemeral ? 0 : port;
  const target = `${bracketed(host)}:${asked}`;
  const { state } = Deno.permissions.requestSync({ name: "net", host: target });
  if (state !== "granted") throw netDenied(target);
  return asked;
}

/**
 * Translates an error of `node:net`. Deno 2.9.6 reports EINVAL there for the
 * system's EADDRNOTAVAIL: the machine has no address of the family, the local
 * address is not its own any more, or there is a connection from it to the peer
 * already. Linux itself reports EINVAL for a link-local address without a scope,
 * and for a peer on another machine with a local address on loopback.
 */
function connectError(
  error: Error,
  local: InetSockaddr | undefined,
  to: InetSockaddr,
): Error {
  const { code } = error as { code?: string };
  const leavesLoopback = local !== undefined && isLoopback(local.host) &&
    !to.isHostname && !isLoopback(to.host);
  return code !== "EINVAL" || leavesLoopback || isLinkLocal(to.host)
    ? fromDeno(error)
    : osError("EADDRNOTAVAIL", undefined, { cause: error });
}

/**
 * Connects from a local address, or to a name's address of one family, or
 * without keeping the process alive.
 */
export function connectWithNode(
  local: LocalSockaddr | undefined,
  sockaddr: InetSockaddr,
): ConnectOperation {
  let socket: NodeSocket | undefined;
  const pauses = new Pauses();
  const attempt = (
    connect: typeof nodeConnect,
    localPort: number | undefined,
  ): Promise<StreamConn> => {
    const opening = socket = connect({
      host: denoHost(sockaddr),
      port: sockaddr.port,
      family: sockaddr.family === AF_INET6 ? 6 : 4,
      autoSelectFamily: false,
      allowHalfOpen: true,
      ...(local && {
        localAddress: local.host,
        localPort: localPort!,
      }),
    });
    if (!pauses.referenced) opening.unref();
    return new Promise((resolve, reject) => {
      opening.once("close", () => reject(osError("ECANCELED")));
      opening.once("error", (error: Error) => {
        opening.destroy();
        reject(connectError(error, local, sockaddr));
      });
      opening.once("connect", () => {
        opening.removeAllListeners("error");
        opening.removeAllListeners("close");
        resolve(new NodeConn(opening));
      });
    });
  };
  const isInUse = (error: unknown): boolean =>
    isTaken(error) || (local?.hasCancelled === true &&
      error instanceof OSError && error.code === "EADDRNOTAVAIL");
  const open = async (): Promise<StreamConn> => {
    // Older versions of Deno ignore the local address, and use another.
    if (local) requireDeno(7, "connect() after bind()");
    const { connect } = await import("node:net");
    if (pauses.cancelled) throw osError("ECANCELED");
    const localPort = local && grantedPort(local);
    for (const delayMs of localPort ? TAKEN_MS : []) {
      try {
        return await attempt(connect, localPort);
      } catch (error) {
        if (!isInUse(error)) throw error;
      }
      await pauses.wait(delayMs);
      if (pauses.cancelled) throw osError("ECANCELED");
    }
    return await attempt(connect, localPort);
  };
  return {
    conn: open(),
    cancel() {
      pauses.cancel();
      socket?.destroy();
    },
    ref() {
      pauses.ref();
      socket?.ref();
    },
    unref() {
      pauses.unref();
      socket?.unref();
    },
  };
}
