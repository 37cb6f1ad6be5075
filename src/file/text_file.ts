/** Text over buffered bytes: lines, newlines, and sizes in characters. */

import type {
  BufferedReader,
  BufferedRWPair,
  BufferedWriter,
} from "./binary_file.ts";
import type { ReadBuffer, WriteBuffer } from "./buffers.ts";
import type { Decoder } from "./decoder.ts";
import { codePointLength, type Encoder } from "./encoder.ts";
import { type FileCore, IOBase } from "./io_base.ts";
import { EMPTY, type FileReader, type FileWriter } from "./raw_stream.ts";

/** What ends a line, as the argument of Python's `open()`. */
export type Newline = null | "" | "\n" | "\r" | "\r\n";

/**
 * Reads text.
 *
 * A call that ends early leaves the text that it had collected, so that the
 * next one finds it.
 */
export class TextReader implements FileReader<string> {
  readonly #source: ReadBuffer;
  readonly #decoder: Decoder;
  readonly #newline: Newline;
  /** Decoded text, read up to `#start`. */
  #text = "";
  #start = 0;
  /** Whether the text before ended with a `\r` that became a line's end. */
  #afterCr = false;
  /** A `\r` whose line may end with a `\n` yet to come. */
  #heldCr = false;
  #resume = false;

  constructor(source: ReadBuffer, decoder: Decoder, newline: Newline) {
    this.#source = source;
    this.#decoder = decoder;
    this.#newline = newline;
  }

  tryReadLine(): string | undefined {
    const end = this.#lineEnd();
    return end < 0 ? undefined : this.#take(end);
  }

  async readLine(
    limit: number,
    signal?: AbortSignal,
  ): Promise<string | null> {
    let held = "";
    try {
      for (;;) {
        const end = this.#newline === "\r\n" && held.endsWith("\r") &&
            this.#text.startsWith("\n", this.#start)
          ? this.#start + 1
          : this.#lineEnd();
        const line = held +
          this.#take(end < 0 ? this.#text.length : end);
        if (limit >= 0 && line.length >= limit) {
          const cut = advance(line, 0, limit);
          if (cut >= 0) {
            this.#putBack(line.slice(cut));
            return line.slice(0, cut);
          }
        }
        if (end >= 0) return line;
        held = line;
        const filled = await this.#fill(signal);
        if (filled === null && held === "") return null;
        if (!filled) return held;
      }
    } catch (error) {
      this.#putBack(held);
      throw error;
    }
  }

  async read(size: number, signal?: AbortSignal): Promise<string | null> {
    if (size >= 0) {
      const end = advance(this.#text, this.#start, size);
      if (end >= 0) return this.#take(end);
    }
    let held = "";
    try {
      for (;;) {
        held += this.#take(this.#text.length);
        if (size >= 0 && held.length >= size) {
          const end = advance(held, 0, size);
          if (end >= 0) {
            this.#putBack(held.slice(end));
            return held.slice(0, end);
          }
        }
        const filled = await this.#fill(signal);
        if (filled === null && held === "") return null;
        if (!filled) return held;
      }
    } catch (error) {
      this.#putBack(held);
      throw error;
    }
  }

  giveBack(lines: readonly string[]): void {
    this.#putBack(lines.join(""));
  }

  lengthOf(line: string): number {
    return codePointLength(line);
  }

  /** Where the next line ends in `#text`; -1 if that is not there yet. */
  #lineEnd(): number {
    if (this.#newline === "") {
      ANY_NEWLINE.lastIndex = this.#start;
      return ANY_NEWLINE.test(this.#text) ? ANY_NEWLINE.lastIndex : -1;
    }
    const separator = this.#newline ?? "\n";
    const index = this.#text.indexOf(separator, this.#start);
    return index < 0 ? -1 : index + separator.length;
  }

  #take(end: number): string {
    const text = this.#text.slice(this.#start, end);
    this.#start = end;
    return text;
  }

  #putBack(text: string): void {
    const before = this.#start - text.length;
    if (before >= 0 && this.#text.startsWith(text, before)) {
      this.#start = before;
      return;
    }
    this.#text = text + this.#text.slice(this.#start);
    this.#start = 0;
  }

  /** Replaces `#text`, which is used up; false at the end, null if blocked. */
  async #fill(signal: AbortSignal | undefined): Promise<boolean | null> {
    const source = this.#source;
    const decoder = this.#decoder;
    for (;;) {
      const { failure } = decoder;
      if (failure !== undefined) {
        decoder.failure = undefined;
        this.#resume = true;
        throw failure;
      }
      let bytes = EMPTY;
      let final = false;
      if (this.#resume) {
        this.#resume = false;
      } else {
        if (source.length === 0 && await source.fill(signal) === null) {
          return null;
        }
        bytes = source.view();
        final = bytes.length === 0;
      }
      const decoded = decoder.decode(bytes, final);
      source.clear();
      const ended = final && decoder.failure === undefined;
      const text = this.#translate(decoded, ended);
      if (text !== "") {
        this.#text = text;
        this.#start = 0;
        return true;
      }
      if (ended) return false;
    }
  }

  #translate(decoded: string, ended: boolean): string {
    let text = decoded;
    if (this.#newline === null) {
      // A `\r` is a whole line's end at once: its `\n` may never come.
      if (text === "") return text;
      if (this.#afterCr && text.startsWith("\n")) text = text.slice(1);
      this.#afterCr = decoded.endsWith("\r");
      return text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text;
    }
    if (this.#newline === "") {
      if (this.#heldCr) text = "\r" + text;
      this.#heldCr = !ended && text.endsWith("\r");
      if (this.#heldCr) text = text.slice(0, -1);
    }
    return text;
  }
}

const ANY_NEWLINE = /\r\n?|\n/g;

/** Writes text. */
export class TextWriter implements FileWriter<string> {
  readonly #target: WriteBuffer;
  readonly #encoder: Encoder;
  readonly #newline: string;
  readonly #lineBuffering: boolean;

  constructor(
    target: WriteBuffer,
    encoder: Encoder,
    newline: Newline,
    lineBuffering: boolean,
  ) {
    this.#target = target;
    this.#encoder = encoder;
    this.#newline = newline ??
      (Deno.build.os === "windows" ? "\r\n" : "\n");
    this.#lineBuffering = lineBuffering;
  }

  get pending(): boolean {
    return this.#target.pending;
  }

  tryWrite(text: string): number | undefined {
    if (this.#encoder.encodeInto === undefined) return undefined;
    if (this.#lineBuffering && /[\r\n]/.test(text)) return undefined;
    const translated = this.#translate(text);
    const size = translated.length * 3;
    if (size > this.#target.room) return undefined;
    const memory = this.#target.reserve(size);
    const written = this.#encoder.encodeInto(translated, memory);
    if (written === undefined) return undefined;
    this.#target.commit(written);
    return written === translated.length ? text.length : codePointLength(text);
  }

  async write(text: string, signal?: AbortSignal): Promise<number> {
    const bytes = this.#encoder.encode(this.#translate(text));
    await this.#target.writeAtOnce(bytes, signal);
    if (this.#lineBuffering && /[\r\n]/.test(text)) {
      await this.#target.flushIfPossible(signal);
    }
    return codePointLength(text);
  }

  writeAll(text: string, signal?: AbortSignal): Promise<unknown> {
    return this.write(text, signal);
  }

  deferredWrite(text: string): () => void {
    return () => {
      try {
        const bytes = this.#encoder.encode(this.#translate(text));
        this.#target.deferredWrite(bytes)();
      } catch {
        // Not in the encoding; the call has been rejected already.
      }
    };
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#target.flush(signal);
  }

  #translate(text: string): string {
    return this.#newline === "" || this.#newline === "\n"
      ? text
      : text.replaceAll("\n", this.#newline);
  }
}

/** The index `count` code points after `from`; -1 if there are fewer. */
function advance(text: string, from: number, count: number): number {
  let index = from;
  for (let left = count; left > 0; left--) {
    if (index >= text.length) return -1;
    index += text.codePointAt(index)! > 0xffff ? 2 : 1;
  }
  return index;
}

// The text file object of `Socket.makefile()`.
//
// Python: text I/O: https://docs.python.org/3/library/io.html#text-i-o

/** What distinguishes a text file from another. */
interface TextSettings {
  readonly mode: string;
  readonly encoding: string;
  readonly errors: string;
  readonly lineBuffering: boolean;
}

/**
 * A text file object: what `Socket.makefile("r")` returns. It reads and writes
 * with the methods of {@linkcode IOBase}.
 *
 * Sizes are counted in characters, that is in code points, as in Python: one
 * may be two code units of a JavaScript string.
 *
 * Bytes that are no text are a `RangeError` once the text before them was read,
 * unless `errors` says otherwise; the next call reads on behind them.
 *
 * A write that would block takes all of its text or rejects with
 * `BlockingIOError` having taken nothing. There is no `using` for text files,
 * since that could not wait for what is left to send: use `await using`.
 *
 * @see {@link https://docs.python.org/3/library/io.html#io.TextIOWrapper | Python: io.TextIOWrapper}
 *
 * @example Lines of text
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.socket();
 * server.bind(["127.0.0.1", 0]);
 * server.listen();
 * await using client = socket.socket();
 * await client.connect(server.getsockname());
 * const [conn] = await server.accept();
 *
 * const out = client.makefile("w");
 * await out.write("größe\n");
 * await out.write("二\n");
 * await out.close();
 * client.close();
 * await using file = conn.makefile("r");
 * conn.close();
 * const lines: string[] = [];
 * for await (const line of file) lines.push(line);
 * assertEquals(lines, ["größe\n", "二\n"]);
 * ```
 */
export class TextIOWrapper extends IOBase<string, string> {
  /** The binary file object that the text is read from and written to. */
  readonly buffer: BufferedReader | BufferedWriter | BufferedRWPair;

  /** The encoding, as it was named. */
  readonly encoding: string;

  /** What is done with what the encoding does not have. */
  readonly errors: string;

  /** Whether a line's end in what is written flushes. */
  readonly line_buffering: boolean;

  readonly #core: FileCore<string, string>;
  readonly #mode: string;

  /**
   * Not for programs: `Socket.makefile()` makes file objects.
   *
   * @ignore
   */
  constructor(
    core: FileCore<string, string>,
    buffer: BufferedReader | BufferedWriter | BufferedRWPair,
    settings: TextSettings,
  ) {
    super(core);
    this.#core = core;
    this.#mode = settings.mode;
    this.buffer = buffer;
    this.encoding = settings.encoding;
    this.errors = settings.errors;
    this.line_buffering = settings.lineBuffering;
  }

  /** The mode that was given to `makefile`. */
  override get mode(): string {
    return this.#mode;
  }

  /**
   * Flushes and gives up the text layer: this object cannot be used any more,
   * and text that it has decoded and not returned is lost.
   *
   * @returns The binary file object.
   * @throws {BlockingIOError} EAGAIN if sending would block.
   * @throws {TimeoutError} If the socket's timeout is over.
   * @throws {RangeError} If the file is closed, or was detached before.
   */
  async detach(): Promise<BufferedReader | BufferedWriter | BufferedRWPair> {
    await this.#core.flushAndDetach();
    return this.buffer;
  }
}
