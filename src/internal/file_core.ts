import { UnsupportedOperation } from "../errors.ts";
import { checkBytes, checkSignal, isOptions, show } from "./checks.ts";
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
  T extends { readonly length: number },
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
    const { writer } = this;
    if (writer === undefined || this.detached || this.raw.closed) {
      return undefined;
    }
    if (this.raw.writeTurns.busy) return undefined;
    this.checkData(data);
    return writer.writeNow(data);
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
    return await this.raw.readTurns.run(signal, () => {
      this.checkAttached();
      return read(reader, signal);
    });
  }

  async readLines(
    limit: number,
    options: SignalOption | undefined,
  ): Promise<T[] | null> {
    return await this.reading("readlines", options, async (reader, signal) => {
      const lines: T[] = [];
      try {
        for (let length = 0;;) {
          const line = reader.nextLine() ?? await reader.readLine(-1, signal);
          if (line === null) return lines.length > 0 ? lines : null;
          if (line.length === 0) return lines;
          lines.push(line);
          if (limit > 0) length += reader.lengthOf(line);
          if (length > limit && limit > 0) return lines;
        }
      } catch (error) {
        reader.giveBack(lines);
        throw error;
      }
    });
  }

  /** Writes in turn. */
  async write(
    data: W,
    options: SignalOption | undefined,
  ): Promise<number | null> {
    this.checkUsable();
    const writer = this.writer ?? this.unsupported("write");
    this.checkData(data);
    const signal = checkSignal("write", options);
    const turns = this.raw.writeTurns;
    if (!turns.busy) {
      return await turns.run(signal, () => writer.write(data, signal));
    }
    signal?.throwIfAborted();
    await turns.enter(signal, signal && writer.keeping(data));
    try {
      this.checkAttached();
      return await writer.write(data, signal);
    } finally {
      turns.leave();
    }
  }

  async writeLines(
    lines: Iterable<W>,
    options: SignalOption | undefined,
  ): Promise<void> {
    this.checkUsable();
    const signal = checkSignal("writelines", options);
    await this.raw.writeTurns.run(signal, async () => {
      this.checkAttached();
      for (const line of lines) {
        const writer = this.writer ?? this.unsupported("write");
        this.checkData(line);
        if (writer.writeNow(line) === undefined) {
          await writer.writeWhole(line, signal);
        }
      }
    });
  }

  async flush(options: SignalOption | undefined): Promise<void> {
    this.checkUsable();
    const signal = checkSignal("flush", options);
    signal?.throwIfAborted();
    const { writer } = this;
    const turns = this.raw.writeTurns;
    if (writer === undefined || !writer.pending && !turns.busy) return;
    await turns.run(signal, () => writer.flush(signal));
  }

  /** Flushes and leaves the layer below to another object, in turn. */
  async flushAndDetach(): Promise<void> {
    this.checkUsable();
    await this.raw.writeTurns.run(undefined, async () => {
      this.checkAttached();
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
    const isString = typeof data === "string";
    if (this.kind === "text") {
      if (isString) return;
      const advice = data instanceof Uint8Array
        ? '; open the file with "wb", or decode it'
        : "";
      throw new TypeError(
        `Cannot write: data must be a string, received ${show(data)}${advice}`,
      );
    }
    if (isString) {
      throw new TypeError(
        'Cannot write: data must be a Uint8Array, received a string; open the file with "w", or encode it',
      );
    }
    checkBytes("write", "data", data);
  }

  unsupported(what: "read" | "write" | "seek" | "tell"): never {
    throw new UnsupportedOperation(WORDS[this.kind][what]);
  }
}

/** The core of a buffered binary file. */
export type BufferedCore = FileCore<
  Uint8Array<ArrayBuffer>,
  Uint8Array,
  ReadBuffer,
  WriteBuffer
>;

/** A size argument, -1 if left out, and the options, which may be in its place. */
export function sizeAndOptions(
  action: string,
  size: number | null | SignalOption | undefined,
  options: SignalOption | undefined,
): [size: number, options: SignalOption | undefined] {
  if (size === undefined || size === null) return [-1, options];
  if (typeof size === "number" && Number.isInteger(size)) {
    return [size, options];
  }
  if (isOptions(size) && options === undefined) return [-1, size];
  throw new TypeError(
    `Cannot ${action}: size must be an integer or null, received ${show(size)}`,
  );
}
