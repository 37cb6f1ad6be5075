import { checkSize, checkUnsigned, show } from "./checks.ts";
import { fromDeno } from "./os_error.ts";
import { type Limits, NO_LINE, type SignalOption, Told } from "./wait.ts";

/** What `sendfile` reads from: a `Deno.FsFile`, or anything that reads so. */
export interface Readable {
  /** Reads up to `p.length` bytes into `p`; null at the end. */
  read(p: Uint8Array): Promise<number | null>;
  /** Moves the position. Without it, the file is read from where it is. */
  seek?(offset: number, whence: Deno.SeekMode): Promise<number>;
}

/** The last argument of `sendfile`. */
export interface SendfileOptions extends SignalOption {
  /**
   * Called each time the system has taken a piece, with the number of bytes sent
   * so far, which in the end is the result. If it throws, the call rejects with
   * that.
   */
  onProgress?: ((sent: number) => void) | undefined;
}

const CHUNK_BYTES = 65536;

const ACTION = "send a file";

/** Checks that `sendfile` can read `file`, in CPython's words. */
export function checkFile(file: Readable): void {
  if (typeof file?.read !== "function") {
    throw new TypeError(
      `Cannot ${ACTION}: file must have a read method, received ${
        typeof file === "string" ? "a string; open it first" : show(file)
      }`,
    );
  }
  const { mode } = file as { mode?: unknown };
  if (typeof mode === "string" && !mode.includes("b")) {
    throw new RangeError(
      `Cannot ${ACTION}: file should be opened in binary mode, received mode ${
        show(mode)
      }`,
    );
  }
}

/** Checks which part of the file `sendfile` is to send. */
export function checkPart(
  file: Readable,
  offset: number,
  count: number | null,
): void {
  checkSize(ACTION, "offset", offset);
  if (offset > 0 && typeof file.seek !== "function") {
    throw new TypeError(
      `Cannot ${ACTION}: a file without seek has no offset, received ${offset}`,
    );
  }
  if (count === null) return;
  if (typeof count !== "number" || !Number.isInteger(count)) {
    throw new TypeError(
      `Cannot ${ACTION}: count must be a positive integer, received ${
        show(count)
      }`,
    );
  }
  if (count <= 0) {
    throw new RangeError(
      `Cannot ${ACTION}: count must be a positive integer, received ${count}`,
    );
  }
}

/** The `onProgress` of the options of `sendfile`. */
export function checkProgress(
  options: SendfileOptions | undefined,
): SendfileOptions["onProgress"] {
  const onProgress = options?.onProgress;
  if (onProgress === undefined || typeof onProgress === "function") {
    return onProgress;
  }
  throw new TypeError(
    `Cannot ${ACTION}: onProgress must be a function, received ${
      show(onProgress)
    }`,
  );
}

/**
 * Copies a file to `send`, which takes some of the bytes. However it ends, the
 * file's position is behind the last byte that was taken.
 */
export async function sendFile(
  file: Readable,
  offset: number,
  count: number | null,
  limits: Limits,
  onProgress: SendfileOptions["onProgress"],
  send: (data: Uint8Array, limits: Limits) => Promise<number>,
): Promise<number> {
  limits.signal?.throwIfAborted();
  await seek(file, offset);
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, count ?? CHUNK_BYTES));
  const wait = new Told<never>(limits);
  const over = wait.begin(NO_LINE);
  over.catch(() => {});
  let total = 0;
  try {
    while (count === null || total < count) {
      const size = Math.min(buffer.length, (count ?? Infinity) - total);
      const n = await read(file, buffer.subarray(0, size), over);
      if (n === 0) break;
      for (let sent = 0; sent < n;) {
        const taken = await send(buffer.subarray(sent, n), remaining(wait));
        sent += taken;
        total += taken;
        onProgress?.(total);
      }
    }
  } catch (error) {
    // Why it failed says more than that the file cannot be moved either.
    await seek(file, offset + total).catch(() => {});
    throw error;
  } finally {
    if (wait.queue !== undefined) wait.reject(undefined);
  }
  await seek(file, offset + total);
  return total;
}

/** What is left of the time, for the next operation. */
function remaining(wait: Told<never>): Limits {
  const { limits, deadlineMs } = wait;
  limits.signal?.throwIfAborted();
  if (limits.timeoutMs === null) return limits;
  const timeoutMs = deadlineMs - performance.now();
  if (timeoutMs <= 0) throw wait.expiry();
  return { ...limits, timeoutMs };
}

/** Reads once; the number of bytes, 0 at the end. */
async function read(
  file: Readable,
  buffer: Uint8Array,
  over: Promise<never>,
): Promise<number> {
  let n: number | null;
  try {
    const reading = file.read(buffer);
    // What has a position does not wait, and would be moved under its reading.
    const waits = typeof file.seek !== "function";
    n = await (waits ? Promise.race([reading, over]) : reading);
  } catch (error) {
    throw translated(error);
  }
  if (n === null) return 0;
  return checkUnsigned(ACTION, "the result of read", n, buffer.length);
}

async function seek(file: Readable, offset: number): Promise<void> {
  try {
    await file.seek?.(offset, Deno.SeekMode.Start);
  } catch (error) {
    throw translated(error);
  }
}

/** Errors of a `Deno.FsFile` become ours; those of other readers stay. */
function translated(error: unknown): unknown {
  const isDeno = Object.values(Deno.errors).some((each) =>
    error instanceof each
  );
  const isSystem = error instanceof Error &&
    /\(os error \d+\)$/.test(error.message);
  return isDeno || isSystem ? fromDeno(error) : error;
}
