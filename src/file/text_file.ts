/** Text over buffered bytes: lines, newlines, and sizes in characters. */

import { type Bytes, EMPTY_BYTES, show } from "../base/checks.ts";
import type {
  BufferedReader,
  BufferedRWPair,
  BufferedWriter,
} from "./binary_file.ts";
import type { ReadBuffer, WriteBuffer } from "./buffers.ts";
import type { Decoder } from "./decoder.ts";
import { codePointLength, type Encoder } from "./encoder.ts";
import { detachOf, type FileLayer, IOBase, type Refusals } from "./io_base.ts";
import { type FileReader, type FileWriter, free } from "./open_file.ts";

/** The end of a line, as the argument of Python's `open()`. */
export type Newline = null | "" | "\n" | "\r" | "\r\n";

/**
 * Reads text.
 *
 * A cancelled call puts back the text that it had collected, so that the next
 * call reads it.
 */
export class TextReader implements FileReader<string> {
  readonly #source: ReadBuffer;
  readonly #decoder: Decoder;
  readonly #newline: Newline;
  /** The end of a line; "" for any of three. */
  readonly #separator: string;
  /** Decoded text, read up to `#start`. */
  #text = "";
  #start = 0;
  /** The text behind it, from `#restStart`. */
  #rest = "";
  #restStart = 0;
  /** Whether the text before ended with a `\r` that became a line's end. */
  #afterCr = false;
  /** A `\r` whose line may end with a `\n` yet to come. */
  #heldCr = false;
  /** Whether the decoder has bytes left behind malformed ones. */
  #resume = false;

  constructor(source: ReadBuffer, decoder: Decoder, newline: Newline) {
    this.#source = source;
    this.#decoder = decoder;
    this.#newline = newline;
    this.#separator = newline ?? "\n";
  }

  // Called for each line, so the usual case calls no other function.
  tryReadLine(): string | undefined {
    if (this.#start === this.#text.length) this.#nextLines();
    const text = this.#text;
    const start = this.#start;
    const separator = this.#separator;
    if (separator === "") {
      const end = this.#lineEnd();
      return end < 0 ? undefined : this.#take(end);
    }
    const index = text.indexOf(separator, start);
    if (index < 0) return undefined;
    const end = index + separator.length;
    this.#start = end;
    return text.length <= SMALL_TEXT
      ? text.slice(start, end)
      : detached(text, start, end);
  }

  tryRead(size: number): string | undefined {
    if (this.#start === this.#text.length) this.#nextText();
    const end = advance(this.#text, this.#start, this.#text.length, size);
    return end < 0 ? undefined : this.#take(end);
  }

  async readLine(limit: number, signal?: AbortSignal): Promise<string | null> {
    const parts: string[] = [];
    let left = limit < 0 ? Infinity : limit;
    let afterCr = false;
    try {
      for (;;) {
        const text = this.#text;
        const start = this.#start;
        const found = afterCr && text.startsWith("\n", start)
          ? start + 1
          : this.#lineEnd();
        const end = found < 0 ? text.length : found;
        const cut = left === Infinity ? -1 : advance(text, start, end, left);
        const part = this.#take(cut < 0 ? end : cut);
        if (part !== "") parts.push(part);
        if (found >= 0 || cut >= 0) break;
        if (left !== Infinity) left -= codePointLength(part);
        if (part !== "") {
          afterCr = this.#newline === "\r\n" && part.endsWith("\r");
        }
        const filled = this.#nextLines() || await this.#fill(signal);
        if (filled === null && parts.length === 0) return null;
        if (!filled) break;
      }
    } catch (error) {
      this.unread(parts);
      throw error;
    }
    return joined(parts);
  }

  async read(size: number, signal?: AbortSignal): Promise<string | null> {
    const parts: string[] = [];
    let left = size < 0 ? Infinity : size;
    try {
      for (;;) {
        const { length } = this.#text;
        const cut = left === Infinity
          ? -1
          : advance(this.#text, this.#start, length, left);
        const part = this.#take(cut < 0 ? length : cut);
        if (part !== "") parts.push(part);
        if (cut >= 0) break;
        if (left !== Infinity) left -= codePointLength(part);
        const filled = this.#nextText() || await this.#fill(signal);
        if (filled === null && parts.length === 0) return null;
        if (!filled) break;
      }
    } catch (error) {
      this.unread(parts);
      throw error;
    }
    return joined(parts);
  }

  unread(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const rest = this.#text.slice(this.#start);
    this.#text = [...lines, rest].join("");
    this.#start = 0;
  }

  lengthOf(line: string): number {
    return codePointLength(line);
  }

  /** The index behind the next line of `#text`; -1 if its end is not there. */
  #lineEnd(): number {
    const separator = this.#separator;
    if (separator === "") {
      ANY_NEWLINE.lastIndex = this.#start;
      return ANY_NEWLINE.test(this.#text) ? ANY_NEWLINE.lastIndex : -1;
    }
    const index = this.#text.indexOf(separator, this.#start);
    return index < 0 ? -1 : index + separator.length;
  }

  #take(end: number): string {
    const start = this.#start;
    this.#start = end;
    return detached(this.#text, start, end);
  }

  /** Continues with the rest of the decoded text; false if there is none. */
  #nextText(): boolean {
    this.#text = this.#rest;
    this.#start = this.#restStart;
    this.#rest = "";
    this.#restStart = 0;
    return this.#start < this.#text.length;
  }

  /**
   * Continues with some lines of the rest, or one that is longer. Lines of a
   * small text need not be detached from it one by one.
   */
  #nextLines(): boolean {
    const start = this.#restStart;
    const rest = this.#rest;
    let end = rest.length;
    if (end - start > SMALL_TEXT) {
      const separator = this.#separator || "\n";
      const last = rest.lastIndexOf(separator, start + SMALL_TEXT);
      const index = last >= start ? last : rest.indexOf(separator, start);
      if (index >= 0) end = index + separator.length;
    }
    // V8 makes a concatenation a string of its own when it is searched, which is
    // next. So this detaches the text from the chunk, in half of the time of `join`.
    this.#text = rest.slice(start, end - 1) +
      rest.slice(Math.max(start, end - 1), end);
    this.#start = 0;
    this.#restStart = end;
    if (end === rest.length) {
      this.#rest = "";
      this.#restStart = 0;
    }
    return this.#text !== "";
  }

  /**
   * Decodes more into `#text`, which may stay empty; false at the end, null if
   * blocked. Not asynchronous: such a function holds 0.25 KiB more while it waits.
   */
  #fill(
    signal: AbortSignal | undefined,
  ): boolean | Promise<boolean | null> {
    const decoder = this.#decoder;
    const { failure } = decoder;
    if (failure !== undefined) {
      decoder.failure = undefined;
      this.#resume = true;
      throw failure;
    }
    const source = this.#source;
    if (this.#resume) return this.#decode(EMPTY_BYTES);
    if (source.length > 0) return this.#decode(source.takeAll());
    return source.ask(signal).then((data) =>
      source.accept(data) === null ? null : this.#decode(source.takeAll())
    );
  }

  /** Decodes the next bytes; false at the end of the stream. */
  #decode(bytes: Bytes): boolean {
    const decoder = this.#decoder;
    const final = bytes.length === 0 && !this.#resume;
    this.#resume = false;
    const decoded = decoder.decode(bytes, final);
    free(bytes);
    const ended = final && decoder.failure === undefined;
    this.#rest = this.#translate(decoded, ended);
    return this.#nextLines() || !ended;
  }

  #translate(decoded: string, ended: boolean): string {
    let text = decoded;
    if (this.#newline === null) {
      // A `\r` ends the line at once, since a `\n` may never come.
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

/** A line may keep a text of up to this length in memory. */
const SMALL_TEXT = 512;

/**
 * A part of a text that does not keep the rest of it in memory, as a slice does
 * in V8: of 200,000 lines 400 kept ones, 39 KiB, held 18 MB. V8 has no function
 * for that, but `join` writes a new string, which takes 100 ns for a line.
 */
function detached(text: string, start: number, end: number): string {
  const length = end - start;
  if (length > text.length / 2 || text.length <= SMALL_TEXT) {
    return text.slice(start, end);
  }
  return length === 0
    ? ""
    : [text.slice(start, end - 1), text.slice(end - 1, end)].join("");
}

/** The parts as one string, which keeps none of them in memory. */
function joined(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : parts.join("");
}

/**
 * The index `count` code points behind `start`; -1 if there are fewer before
 * `end`.
 */
function advance(
  text: string,
  start: number,
  end: number,
  count: number,
): number {
  let index = start;
  for (let left = count; left > 0; left--) {
    if (index >= end) return -1;
    index += text.codePointAt(index)! > 0xffff ? 2 : 1;
  }
  return index;
}

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

  check(data: unknown): string {
    if (typeof data === "string") return data;
    const advice = data instanceof Uint8Array
      ? '; open the file with "wb", or decode it'
      : "";
    throw new TypeError(
      `Cannot write: data must be a string, received ${show(data)}${advice}`,
    );
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
    await this.#target.writeAtomic(bytes, signal);
    if (this.#lineBuffering && /[\r\n]/.test(text)) {
      await this.#target.tryFlush(signal);
    }
    return codePointLength(text);
  }

  writeAll(text: string, signal?: AbortSignal): Promise<number> {
    return this.write(text, signal);
  }

  deferredWrite(text: string): () => void {
    return () => {
      try {
        const bytes = this.#encoder.encode(this.#translate(text));
        this.#target.deferredWrite(bytes)();
      } catch {
        // The encoding does not have the text; the call is rejected already.
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

const REFUSALS: Refusals = {
  detached: "underlying buffer has been detached",
  read: "not readable",
  write: "not writable",
  seek: "underlying stream is not seekable",
  tell: "underlying stream is not seekable",
};

// The text file object of `Socket.makefile()`.
//
// Python: text I/O: https://docs.python.org/3/library/io.html#text-i-o

/** The settings of a text file that a program can read. */
interface TextSettings {
  readonly mode: string;
  readonly encoding: string;
  readonly errors: string;
  readonly lineBuffering: boolean;
}

/**
 * A text file object, as `Socket.makefile("r")` returns it. It reads and writes
 * with the methods of {@linkcode IOBase}.
 *
 * Sizes are counted in characters, that is in code points, as in Python: one
 * may be two code units of a JavaScript string.
 *
 * Bytes that are not text in the encoding make a read fail with a `RangeError`
 * once the text before them was read, unless `errors` says otherwise; the next
 * call reads on behind them.
 *
 * A write that would block takes all of its text, or rejects with
 * `BlockingIOError` having taken nothing. There is no `using` for text files,
 * since that could not wait for unsent text: use `await using`.
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
 * await out.write("é\n");
 * await out.close();
 * client.close();
 * await using file = conn.makefile("r");
 * conn.close();
 * const lines: string[] = [];
 * for await (const line of file) lines.push(line);
 * assertEquals(lines, ["größe\n", "é\n"]);
 * ```
 */
export class TextIOWrapper extends IOBase<string, string> {
  /** The binary file object that the text is read from and written to. */
  readonly buffer: BufferedReader | BufferedWriter | BufferedRWPair;

  /** The name of the encoding, as it was given. */
  readonly encoding: string;

  /** How bytes or characters are handled that the encoding does not have. */
  readonly errors: string;

  /** Whether writing the end of a line flushes. */
  readonly line_buffering: boolean;

  readonly #mode: string;

  /**
   * Internal: file objects are made by `Socket.makefile()`.
   *
   * @ignore
   */
  constructor(
    layer: FileLayer<string, string>,
    buffer: BufferedReader | BufferedWriter | BufferedRWPair,
    settings: TextSettings,
  ) {
    super(layer, REFUSALS);
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
   * Flushes, and ends this file object without closing anything. Text that it
   * has decoded and not returned is lost.
   *
   * @returns The binary file object.
   * @throws {BlockingIOError} EAGAIN if sending would block.
   * @throws {TimeoutError} If the timeout of the socket expires.
   * @throws {RangeError} If the file is closed, or was detached before.
   */
  detach(): Promise<BufferedReader | BufferedWriter | BufferedRWPair> {
    return detachOf(this, this.buffer);
  }
}
