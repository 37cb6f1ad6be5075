/**
 * Unix sockets on the platform: names, grants, and what `Deno.DatagramConn` over
 * a path lacks.
 */

import type { PathPlace } from "./address.ts";
import {
  type DatagramPort,
  needsUnstableNet,
  type StreamConn,
  type StreamListener,
} from "./deno_net.ts";
import { fromDeno, osError } from "./os_error.ts";

/** How long to wait for room in the queue of a listener. */
const FULL_QUEUE_MS = 10;

/** Opens a listener; it removes its file when it is closed. */
export function listenUnix(place: PathPlace): StreamListener {
  return named(place.path, (path) => Deno.listen({ transport: "unix", path }));
}

/**
 * Connects. `waits` says whether to wait while the listener's queue is full, as
 * a blocking socket does; Deno says EAGAIN at once.
 */
export async function connectUnix(
  { path }: PathPlace,
  signal: AbortSignal,
  waits: boolean,
): Promise<StreamConn> {
  for (;;) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      const full = error instanceof Deno.errors.WouldBlock;
      if (!full || !waits) throw fromUnix(path, error);
    }
    await new Promise((resolve) => setTimeout(resolve, FULL_QUEUE_MS));
    signal.throwIfAborted();
  }
}

/** Opens a datagram port. */
export function openUnixDatagram({ path }: PathPlace): DatagramPort {
  if (typeof Deno.listenDatagram !== "function") {
    throw needsUnstableNet("Unix datagrams need");
  }
  const transport = "unixpacket";
  return new UnixDatagramPort(
    named(path, (path) => Deno.listenDatagram({ transport, path })),
  );
}

/**
 * Checks that a path may be sent to and that there is a socket, as connect(2)
 * does. Deno's send would find out, but connecting sends nothing.
 */
export function checkUnixPeer(path: string): void {
  if (!canSendTo(path)) throw notGranted(path);
  if (path.startsWith("\0")) return;
  let isSocket: boolean | null;
  try {
    ({ isSocket } = Deno.statSync(path));
  } catch (error) {
    throw fromUnix(path, error);
  }
  if (isSocket === false) throw osError("ECONNREFUSED");
}

/** Asks for the grants as sending would. */
function canSendTo(path: string): boolean {
  const host = `unix:${absolute(path)}`;
  const needed: Deno.PermissionDescriptor[] = path.startsWith("\0")
    ? [{ name: "net" }]
    : [{ name: "read", path }, { name: "write", path }, { name: "net", host }];
  return needed.every((each) =>
    Deno.permissions.requestSync(each).state === "granted"
  );
}

/**
 * Opens by name; for "" by an abstract one that is free, in the form that Linux
 * gives. Deno passes "" on only if everything is granted.
 */
function named<T>(path: string, open: (path: string) => T): T {
  if (path === "" && Deno.build.os !== "linux") {
    throw osError("EOPNOTSUPP", "only Linux names Unix sockets; bind to a path");
  }
  for (;;) {
    try {
      return open(path === "" ? randomName() : path);
    } catch (error) {
      const taken = error instanceof Deno.errors.AddrInUse;
      if (!taken || path !== "") throw fromUnix(path, error);
    }
  }
}

/** A NUL and five hexadecimal digits, unix(7). */
function randomName(): string {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return `\0${(value & 0xfffff).toString(16).padStart(5, "0")}`;
}

function fromUnix(path: string, error: unknown): Error {
  return error instanceof Deno.errors.NotCapable
    ? notGranted(path, error)
    : fromDeno(error);
}

/** Deno names one missing grant of three, and after it the next. */
function notGranted(path: string, cause?: Error): Error {
  const options = cause && { cause };
  if (path === "" || path.startsWith("\0")) {
    const what = path === ""
      ? "a name of its own (or to be bound to a path)"
      : `the abstract name "\\0${path.slice(1)}"`;
    const hint = `Requires net access to ${what}, run again with --allow-net`;
    return osError("EACCES", hint, options);
  }
  return osError(
    "EACCES",
    `Requires read, write and net access to "${path}", run again with --allow-read=${path} --allow-write=${path} --allow-net=unix:${
      absolute(path)
    }`,
    options,
  );
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

/** The longest pause between two looks of an unreferenced receive. */
const MAX_PAUSE_MS = 200;

/**
 * A Unix datagram port that can be unreferenced. Deno 2.9's `unref` does nothing
 * for them: a pending receive keeps the process alive, even one that a timeout
 * has left behind. So while it is unreferenced none stays pending: a datagram to
 * itself ends it, and an unreferenced timer looks again now and then.
 */
class UnixDatagramPort implements DatagramPort {
  readonly addr: Deno.UnixAddr;
  readonly #conn: Deno.DatagramConn;
  /** What it sends to itself. */
  readonly #token: Uint8Array = crypto.getRandomValues(new Uint8Array(16));
  #referenced = true;
  #receiving = false;
  /** Whether the token is on its way. */
  #waking = false;
  #resume: (() => void) | undefined;
  #pauseMs = 1;
  #closed = false;

  constructor(conn: Deno.DatagramConn) {
    this.#conn = conn;
    this.addr = conn.addr as Deno.UnixAddr;
  }

  async receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    this.#pauseMs = 1;
    for (;;) {
      this.#receiving = true;
      if (!this.#referenced) this.#wake();
      let received: [Uint8Array, Deno.Addr];
      try {
        received = await this.#conn.receive(buffer);
      } finally {
        this.#receiving = false;
      }
      if (!this.#isToken(...received)) return received;
      this.#waking = false;
      if (!this.#referenced) await this.#pause();
      if (this.#closed) throw osError("EBADF");
    }
  }

  #isToken(data: Uint8Array, addr: Deno.Addr): boolean {
    return this.#waking && (addr as Deno.UnixAddr).path === this.addr.path &&
      data.length === this.#token.length &&
      data.every((byte, i) => byte === this.#token[i]);
  }

  #wake(): void {
    if (this.#waking || !this.#receiving || this.#closed) return;
    this.#waking = true;
    // It fails if the file has been removed: then the receive stays.
    this.#conn.send(this.#token, this.addr).catch(() => this.#waking = false);
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
    const timer = setTimeout(resolve, this.#pauseMs);
    Deno.unrefTimer(timer);
    await promise;
    clearTimeout(timer);
    this.#resume = undefined;
  }

  async send(data: Uint8Array, addr: Deno.Addr): Promise<number> {
    try {
      return await this.#conn.send(data, addr);
    } catch (error) {
      throw fromUnix((addr as Deno.UnixAddr).path, error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#conn.close();
    this.#resume?.();
  }

  ref(): void {
    this.#referenced = true;
    this.#resume?.();
  }

  unref(): void {
    this.#referenced = false;
    this.#wake();
  }
}
