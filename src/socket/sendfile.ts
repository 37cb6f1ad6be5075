import { checkSize, checkUnsigned, show } from "../base/checks.ts";
import { fromDeno } from "../base/os_error.ts";
import type { Connected } from "../endpoint/connected.ts";
import type { CallContext, SignalOption } from "../wait/waiter.ts";

/**
 * A source for `sendfile`: a `Deno.FsFile`, or any object with such a `read`.
 */
export interface Readable {
  /**
   * Reads up to `p.length` bytes into `p`, and resolves to their number, or to
   * null at the end of the file.
   */
  read(p: Uint8Array): Promise<number | null>;
  /**
   * Sets the position in the file. If there is no such method, the file is read
   * from its current position.
   */
  seek?(offset: number, whence: Deno.SeekMode): Promise<number>;
}

/** The last argument of `sendfile`. */
export interface SendfileOptions extends SignalOption {
  /**
   * Called each time the kernel has accepted a piece, with the number of bytes
   * sent so far; the last such number is the result of the call. If the
   * function throws an error, the call rejects with it.
   */
  onProgress?: ((sent: number) => void) | undefined;
  /** The position in the file to begin at, if it is not given by position. */
  offset?: number | undefined;
  /** The maximum number of bytes to send, if it is not given by position. */
  count?: number | null | undefined;
}

/**
 * The optional arguments of `sendfile`, and the ones that only its options
 * accept.
 */
export const SENDFILE_ARGUMENTS: readonly string[] = ["offset", "count"];
export const SENDFILE_KEYWORDS: readonly string[] = ["onProgress"];

const CHUNK_BYTES = 65536;

const ACTION = "send a file";

/** Checks that `sendfile` can read `file`. The messages are CPython's. */
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

/** Checks the part of the file that `sendfile` is to send. */
export function checkPart(
  file: Readable,
  offset: number,
  count: number | null,
): void {
  checkSize(ACTION, "offset", offset);
  if (offset > 0 && typeof file.seek !== "function") {
    throw new TypeError(
      `Cannot ${ACTION}: offset must be 0 for a file without seek, received ${offset}`,
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

/** Checks the `onProgress` of the options of `sendfile`. */
export function checkProgress(
  onProgress: unknown,
): SendfileOptions["onProgress"] {
  if (onProgress === undefined || typeof onProgress === "function") {
    return onProgress as SendfileOptions["onProgress"];
  }
  throw new TypeError(
    `Cannot ${ACTION}: onProgress must be a function, received ${
      show(onProgress)
    }`,
  );
}

/** The part of the file that `sendfile` sends, and its progress callback. */
export interface FilePart {
  readonly file: Readable;
  readonly offset: number;
  readonly count: number | null;
  readonly onProgress: SendfileOptions["onProgress"];
}

/**
 * Sends a part of a file, in one turn. However the call ends, the position of
 * the file is then behind the last byte that was sent or committed.
 */
export async function sendFile(
  endpoint: Connected,
  context: CallContext,
  part: FilePart,
): Promise<number> {
  const { file, offset, count, onProgress } = part;
  const limit = count ?? Infinity;
  // A file with positions has an end, and reading it does not take long, so it
  // is still sent after a close. Other readers may never end.
  const survivesClose = typeof file.seek === "function";
  const turn = await endpoint.enter(context, survivesClose);
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, limit));
  let reading: Promise<unknown> | undefined;
  try {
    await turn.wait(() => reading = seek(file, offset));
    while (turn.sent < limit && !turn.cancelled) {
      const left = limit - turn.sent;
      const part = left < buffer.length ? buffer.subarray(0, left) : buffer;
      const n = await turn.wait(() => {
        const next = read(file, part);
        reading = next;
        return next;
      });
      const start = turn.sent;
      const end = start + n;
      if (n === 0) break;
      while (turn.sent < end && !turn.cancelled) {
        const chunk = buffer.subarray(turn.sent - start, end - start);
        await turn.send(chunk, endpoint.write);
        if (!turn.cancelled) onProgress?.(turn.sent);
      }
    }
    if (turn.cancelled && turn.sent < limit) throw turn.reason;
  } catch (error) {
    // The first error explains more than a later error from setting the
    // position.
    await leave().catch(() => {});
    throw error;
  } finally {
    endpoint.leave(turn);
  }
  await leave();
  return turn.sent;

  /** Sets the position of the file behind the bytes that were sent. */
  async function leave(): Promise<void> {
    if (reading === undefined) return;
    // The position must not change during a read.
    if (survivesClose) await reading.catch(() => {});
    await seek(file, offset + turn.sent);
  }
}

/**
 * Sends a part of a file with the overridden `send` of a subclass, as CPython
 * does.
 */
export async function sendFileWith(
  send: (data: Uint8Array) => Promise<number>,
  { file, offset, count, onProgress }: FilePart,
): Promise<number> {
  const limit = count ?? Infinity;
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, limit));
  let sent = 0;
  await seek(file, offset);
  try {
    while (sent < limit) {
      const n = await read(file, buffer.subarray(0, limit - sent));
      if (n === 0) break;
      for (let i = 0; i < n;) {
        const taken = await send(buffer.subarray(i, n));
        checkUnsigned(ACTION, "the result of send", taken, n - i);
        i += taken;
        sent += taken;
        onProgress?.(sent);
      }
    }
  } catch (error) {
    // The first error explains more, as in `sendFile`.
    await seek(file, offset + sent).catch(() => {});
    throw error;
  }
  await seek(file, offset + sent);
  return sent;
}

/** Reads once, and returns the number of bytes, 0 at the end of the file. */
async function read(file: Readable, buffer: Uint8Array): Promise<number> {
  let n: number | null;
  try {
    n = await file.read(buffer);
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

/**
 * Translates errors of a `Deno.FsFile` to this module's; errors of other
 * readers are not changed.
 */
function translated(error: unknown): unknown {
  const isDeno = Object.values(Deno.errors).some((each) =>
    error instanceof each
  );
  const isSystem = error instanceof Error &&
    /\(os error \d+\)$/.test(error.message);
  return isDeno || isSystem ? fromDeno(error) : error;
}
