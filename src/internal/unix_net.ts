/** Unix sockets on the platform: streams, names and grants. */

import type { PathPlace } from "./address.ts";
import type { StreamConn, StreamListener } from "./deno_net.ts";
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

/**
 * Checks that a path may be sent to and that there is a socket, as connect(2)
 * does. Deno's send would find out, but connecting sends nothing.
 */
export function checkUnixPeer(path: string): void {
  checkUnixGrants(path);
  if (path.startsWith("\0")) return;
  let isSocket: boolean | null;
  try {
    ({ isSocket } = Deno.statSync(path));
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    throw isMissing
      ? osError("ENOENT", undefined, { cause: error })
      : fromUnix(path, error);
  }
  if (isSocket === false) throw osError("ECONNREFUSED");
}

/** Asks for the grants as sending does. */
export function checkUnixGrants(path: string): void {
  const host = `unix:${absolute(path)}`;
  const needed: Deno.PermissionDescriptor[] = path.startsWith("\0")
    ? [{ name: "net" }]
    : [{ name: "read", path }, { name: "write", path }, { name: "net", host }];
  for (const each of needed) {
    const { state } = Deno.permissions.requestSync(each);
    if (state !== "granted") throw notGranted(path);
  }
}

/**
 * Opens by name; for "" by an abstract one that is free, in the form that Linux
 * gives. Deno passes "" on only if everything is granted.
 */
export function named<T>(path: string, open: (path: string) => T): T {
  if (path === "" && Deno.build.os !== "linux") {
    throw osError(
      "EOPNOTSUPP",
      "only Linux names Unix sockets; bind to a path",
    );
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

/** Translates an error about a path. */
export function fromUnix(path: string, error: unknown): Error {
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
