import { UnsupportedOperation } from "../errors.ts";
import { checkBytes, checkSignal, show } from "./checks.ts";
import type { FileReader, FileWriter, RawStream } from "./raw_stream.ts";
import type { ReadBuffer } from "./read_buffer.ts";
import type { SignalOption } from "./wait.ts";
import type { WriteBuffer } from "./write_buffer.ts";

/** Python's words for what a file object cannot do. */
const WORDS = {
  raw: {
    detached: "raw stream has been detached",
    read: "File or stream is not readable.",
    write: "File or stream is not writable.",
    seek: "seek",
    tell: "seek",
  },
  buffered: {
    detached: "raw stream has been detached",
    read: "read",
    write: "write",
    seek: "File or stream is not seekable.",
    tell: "seek",
  },
  text: {
    detached: "underlying buffer has been detached",
    read: "not readable",
    write: "not writable",
    seek: "underlying stream is not seekable",
    tell: "underlying stream is not seekable",
  },
} as const;

/** What the methods of a file object work on, and the checks before they do. */
export class FileCore<
  T,
  W,
  Reader extends FileReader<T> = FileReader<T>,
  Writer extends FileWriter<W> = FileWriter<W>,
> {
  readonly kind: "raw" | "buffered" | "text";
  readonly raw: RawStream;
  readonly reader: Reader | undefined;
  readonly writer: Writer | undefined;
  /** Set when the layer below was given away. */
  detached = false;

  constructor(
    kind: "raw" | "buffered" | "text",
    raw: RawStream,
    reader: Reader | undefined,
    writer: Writer | undefined,
  ) {
    this.kind = kind;
    this.raw = raw;
    this.reader = reader;
    this.writer = writer;
  }

  /** A line that can be had without waiting. */
  nextLine(): T | undefined {
    return this.detached || this.raw.closed || this.raw.readTurns.busy
      ? undefined
      : this.reader?.nextLine();
  }

  /** Writes if that needs no wait; otherwise returns undefined. */
  writeNow(data: W): number | undefined {
    return this.detached || this.raw.closed || this.raw.writeTurns.busy ||
        !this.#isData(data)
      ? undefined
      : this.writer?.writeNow(data);
  }

  /** Reads in turn. */
  async reading<R>(
    action: string,
    options: SignalOption | undefined,
    read: (reader: Reader, signal: AbortSignal | undefined) => Promise<R>,
  ): Promise<R> {
    this.checkUsable();
    const reader = this.reader ?? this.unsupported("read");
    const signal = checkSignal(action, options);
    return await this.raw.readTurns.run(signal, () => read(reader, signal));
  }

  /** Flushes and leaves the layer below to another object, in turn. */
  async flushAndDetach(): Promise<void> {
    this.checkUsable();
    await this.raw.writeTurns.run(undefined, async () => {
      await this.writer?.flush();
      this.detached = true;
    });
  }

  checkUsable(): void {
    this.checkAttached();
    this.raw.checkOpen();
  }

  checkAttached(): void {
    if (this.detached) throw new RangeError(WORDS[this.kind].detached);
  }

  checkData(data: unknown): void {
    if (this.kind !== "text") checkBytes("write", "data", data);
    else if (typeof data !== "string") {
      throw new TypeError(
        `Cannot write: data must be a string, received ${show(data)}`,
      );
    }
  }

  unsupported(what: "read" | "write" | "seek" | "tell"): never {
    throw new UnsupportedOperation(WORDS[this.kind][what]);
  }

  #isData(data: unknown): boolean {
    return this.kind === "text"
      ? typeof data === "string"
      : data instanceof Uint8Array;
  }
}

/** The core of a buffered binary file. */
export type BufferedCore = FileCore<
  Uint8Array<ArrayBuffer>,
  Uint8Array,
  ReadBuffer,
  WriteBuffer
>;

/** An integer, -1 if left out. */
export function checkLength(action: string, size: unknown): number {
  if (size === undefined || size === null) return -1;
  if (typeof size === "number" && Number.isInteger(size)) return size;
  throw new TypeError(
    `Cannot ${action}: size must be an integer or null, received ${show(size)}`,
  );
}
