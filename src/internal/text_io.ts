/** Text over buffered bytes: lines, newlines, and sizes in characters. */

import type { FileReader, FileWriter } from "./raw_stream.ts";
import { EMPTY } from "./raw_stream.ts";
import type { ReadBuffer } from "./read_buffer.ts";
import type { Decoder } from "./text_decoding.ts";
import { codePointLength, type Encoder } from "./text_encoding.ts";
import type { WriteBuffer } from "./write_buffer.ts";

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

  nextLine(): string | undefined {
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

  writeNow(text: string): number | undefined {
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

  writeWhole(text: string, signal?: AbortSignal): Promise<unknown> {
    return this.write(text, signal);
  }

  keeping(text: string): () => void {
    return () => {
      try {
        const bytes = this.#encoder.encode(this.#translate(text));
        this.#target.keeping(bytes)();
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
