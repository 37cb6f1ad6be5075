/**
 * Stands in for `@std/io` where JSR cannot be reached: the functions that the
 * tests and examples use, with its signatures.
 *
 * @module
 */

/** Reads bytes into an array. */
export interface Reader {
  /** Reads up to `p.length` bytes; null is the end. */
  read(p: Uint8Array): Promise<number | null>;
}

/** Writes bytes from an array. */
export interface Writer {
  /** Writes up to `p.length` bytes and tells how many. */
  write(p: Uint8Array): Promise<number>;
}

/** Copies until `src` ends; resolves to the number of bytes. */
export async function copy(
  src: Reader,
  dst: Writer,
  options?: { bufSize?: number },
): Promise<number> {
  const buffer = new Uint8Array(options?.bufSize ?? 32 * 1024);
  let total = 0;
  for (
    let count = await src.read(buffer);
    count !== null;
    count = await src.read(buffer)
  ) {
    await writeAll(dst, buffer.subarray(0, count));
    total += count;
  }
  return total;
}

/** Reads until the end; resolves to all bytes. */
export async function readAll(reader: Reader): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  await copy(reader, {
    write(p) {
      chunks.push(p.slice());
      return Promise.resolve(p.length);
    },
  });
  return new Blob(chunks).bytes();
}

/** Writes all of `data`, in as many writes as it takes. */
export async function writeAll(
  writer: Writer,
  data: Uint8Array,
): Promise<void> {
  for (let start = 0; start < data.length;) {
    start += await writer.write(data.subarray(start));
  }
}
