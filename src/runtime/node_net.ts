/**
 * Connections made by `node:net`, for what `Deno.connect` lacks: a local
 * address, and the choice of a family for a name.
 *
 * The module is loaded at first use: importing it costs several milliseconds.
 */

import type { Socket as NodeSocket } from "node:net";
import {
  bracketed,
  denoHost,
  type InetSockaddr,
  isLinkLocal,
  isLoopback,
} from "../base/sockaddr.ts";
import { AF_INET6 } from "../base/constants.ts";
import { fromDeno, netDenied, osError, requireDeno } from "../base/os_error.ts";
import {
  type ConnectOperation,
  isGranted,
  type StreamConn,
} from "./deno_net.ts";

/** The most that one write hands to `node:net`, which tells only when all is out. */
const PIECE_BYTES = 262_144;

/** A `node:net` socket with the shape of a `Deno.Conn`. */
class NodeConn implements StreamConn {
  readonly #socket: NodeSocket;
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  #error: Error | undefined;
  /** What a write has failed with. */
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
      // As the system does, it tells an error once: the write has it already.
      if (error === this.#told) this.#ended = true;
      else this.#error = error;
      wake();
    });
    socket.on("close", wake);
    this.#updateRef();
  }

  /** As a `Deno.Conn`, it keeps the process alive by its operations only. */
  #updateRef(): void {
    // A destroyed one has no handle, and adds a listener for one at each call.
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
        // A buffer that was detached meanwhile has lost them, as with Deno's.
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

  /** Writes a piece: what `close` waits for has to show that it goes on. */
  async write(data: Uint8Array): Promise<number> {
    const piece = data.subarray(0, PIECE_BYTES);
    await this.#untilDone((done) => this.#socket.write(piece, done));
    return piece.length;
  }

  async closeWrite(): Promise<void> {
    await this.#untilDone((done) => this.#socket.end(done));
  }

  async #untilDone(
    start: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    this.#writing++;
    this.#updateRef();
    try {
      await new Promise<void>((resolve, reject) => {
        // The callback of a write may never come when the connection dies.
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

  /** A read that fails cancels the writes, which then do not say why. */
  #reasonOf(error: Error): Error {
    const { code } = error as { code?: string };
    if (code !== "ECANCELED") return error;
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
    this.#socket.setKeepAlive(on);
  }
}

function netAddr(
  hostname: string | undefined,
  port: number | undefined,
): Deno.NetAddr {
  return { transport: "tcp", hostname: hostname ?? "", port: port ?? 0 };
}

/** The address to connect from. */
export interface LocalSockaddr extends InetSockaddr {
  /** Whether the system chose the port, at a bind to port 0. */
  readonly isEphemeral?: boolean;
}

/**
 * The local port to connect from, for which a grant is requested. `node:net`
 * would throw for want of it in a tick of its own, where nothing can catch it
 * and the process ends (Deno 2.9).
 *
 * Nobody can grant a port that the system has chosen, but port 0 can be granted;
 * then the system chooses a port again.
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
 * Deno 2.9.6 has EINVAL in `node:net` where the system has EADDRNOTAVAIL: the
 * machine has no address of the family, or the local address is not its own any
 * more. Linux itself has EINVAL for a link-local address without a scope, and
 * for a peer off the machine and a local address on loopback.
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
 * without holding the process.
 */
export function connectWithNode(
  local: LocalSockaddr | undefined,
  sockaddr: InetSockaddr,
): ConnectOperation {
  let socket: NodeSocket | undefined;
  let referenced = true;
  let cancelled = false;
  const open = async (): Promise<StreamConn> => {
    // Older ones ignore the local address, and use another.
    if (local) requireDeno(7, "connect() after bind()");
    const { connect } = await import("node:net");
    if (cancelled) throw osError("ECANCELED");
    const localPort = local && grantedPort(local);
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
    if (!referenced) opening.unref();
    return await new Promise((resolve, reject) => {
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
  return {
    conn: open(),
    cancel() {
      cancelled = true;
      socket?.destroy();
    },
    ref() {
      referenced = true;
      socket?.ref();
    },
    unref() {
      referenced = false;
      socket?.unref();
    },
  };
}
