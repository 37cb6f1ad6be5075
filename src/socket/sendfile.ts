import {
  checkSize,
  checkUnsigned,
  type KnownOptions,
  show,
} from "../base/checks.ts";
import { fromDeno } from "../base/os_error.ts";
import type { Connected } from "../endpoint/connected.ts";
import type { ChunkSource } from "../endpoint/sender.ts";
import type { Transfer } from "./transfers.ts";
import type { SignalOption } from "../wait/waiter.ts";

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

/** What the options of `sendfile` may have. */
export const SENDFILE_OPTIONS: KnownOptions = {
  signal: true,
  onProgress: true,
  timeout: "a socket has settimeout(seconds)",
  offset: "it is the second argument",
  count: "it is the third argument",
};

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

/** Which part of what `sendfile` sends, and whom it tells. */
export interface FilePart {
  readonly file: Readable;
  readonly offset: number;
  readonly count: number | null;
  readonly onProgress: SendfileOptions["onProgress"];
}

/**
 * Sends a part of a file, in one turn. However it ends, the file's position is
 * behind the last byte that was taken.
 */
export const sendFile: Transfer<FilePart, number> = async (
  endpoint,
  context,
  part,
) => {
  const pieces = new FilePieces(part);
  try {
    await (endpoint as Connected).sendPieces(context, pieces);
  } catch (error) {
    // Why it failed says more than that the file cannot be moved either.
    await pieces.leave().catch(() => {});
    throw error;
  }
  await pieces.leave();
  return pieces.sent;
};

class FilePieces implements ChunkSource {
  sent = 0;
  /** What has a position has an end, and does not wait. */
  readonly survivesClose: boolean;
  readonly onProgress: SendfileOptions["onProgress"];
  readonly #part: FilePart;
  readonly #buffer: Uint8Array;
  #reading: Promise<number> | undefined;

  constructor(part: FilePart) {
    const { file, count } = part;
    this.survivesClose = typeof file.seek === "function";
    this.onProgress = part.onProgress;
    this.#part = part;
    this.#buffer = new Uint8Array(Math.min(CHUNK_BYTES, count ?? CHUNK_BYTES));
  }

  get complete(): boolean {
    return this.sent === this.#part.count;
  }

  async next(): Promise<Uint8Array | null> {
    const { file, offset, count } = this.#part;
    const left = (count ?? Infinity) - this.sent;
    if (left <= 0) return null;
    const buffer = this.#buffer.subarray(0, left);
    const placed = this.#reading ?? seek(file, offset);
    this.#reading = placed.then(() => read(file, buffer));
    const n = await this.#reading;
    return n === 0 ? null : this.#buffer.subarray(0, n);
  }

  /** Moves the file behind what was taken. */
  async leave(): Promise<void> {
    if (this.#reading === undefined) return;
    const { file, offset } = this.#part;
    // It would be moved under a read.
    if (this.survivesClose) await this.#reading.catch(() => {});
    await seek(file, offset + this.sent);
  }
}

/** Reads once; the number of bytes, 0 at the end. */
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

/** Errors of a `Deno.FsFile` become ours; those of other readers stay. */
function translated(error: unknown): unknown {
  const isDeno = Object.values(Deno.errors).some((each) =>
    error instanceof each
  );
  const isSystem = error instanceof Error &&
    /\(os error \d+\)$/.test(error.message);
  return isDeno || isSystem ? fromDeno(error) : error;
}
