import { checkInt, show } from "./checks.ts";

/** What `sendfile` reads from: a `Deno.FsFile`, or anything that reads so. */
export interface Readable {
  /** Reads up to `p.length` bytes into `p`; null at the end. */
  read(p: Uint8Array): Promise<number | null>;
  /** Moves the position. Without it, the file is read from where it is. */
  seek?(offset: number, whence: Deno.SeekMode): Promise<number>;
}

const CHUNK_BYTES = 65536;

/** Checks the arguments of `sendfile`. */
export function checkFile(
  file: Readable,
  offset: number,
  count: number | null,
): void {
  const action = "send a file";
  if (typeof file?.read !== "function") {
    throw new TypeError(
      `Cannot ${action}: file must have a read method, received ${show(file)}`,
    );
  }
  const { mode } = file as { mode?: unknown };
  if (typeof mode === "string" && !mode.includes("b")) {
    throw new RangeError(
      `Cannot ${action}: file must be opened in binary mode, received mode "${mode}"`,
    );
  }
  if (checkInt(action, "offset", offset) < 0) {
    throw new RangeError(
      `Cannot ${action}: offset must be 0 or more, received ${offset}`,
    );
  }
  if (offset > 0 && typeof file.seek !== "function") {
    throw new TypeError(
      `Cannot ${action}: a file without seek has no offset, received ${offset}`,
    );
  }
  if (count === null) return;
  if (typeof count !== "number" || !Number.isInteger(count)) {
    throw new TypeError(
      `Cannot ${action}: count must be a positive integer, received ${
        show(count)
      }`,
    );
  }
  if (count <= 0) {
    throw new RangeError(
      `Cannot ${action}: count must be a positive integer, received ${count}`,
    );
  }
}

/**
 * Copies a file to `send`, which takes some of the bytes. However it ends, the
 * file's position is behind the last byte that was taken.
 */
export async function sendFile(
  file: Readable,
  offset: number,
  count: number | null,
  send: (data: Uint8Array) => Promise<number>,
): Promise<number> {
  await file.seek?.(offset, Deno.SeekMode.Start);
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, count ?? CHUNK_BYTES));
  let total = 0;
  try {
    while (count === null || total < count) {
      const size = Math.min(buffer.length, (count ?? Infinity) - total);
      const n = await file.read(buffer.subarray(0, size));
      if (n === null || n === 0) break;
      for (let sent = 0; sent < n;) {
        const taken = await send(buffer.subarray(sent, n));
        sent += taken;
        total += taken;
      }
    }
  } finally {
    await file.seek?.(offset + total, Deno.SeekMode.Start);
  }
  return total;
}
