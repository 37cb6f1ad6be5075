/**
 * Encodes text: UTF-8, UTF-16, ASCII and the single-byte encodings, whose
 * decoding tables can be inverted.
 */

import { isSingleByte, type TextErrors, undefinedReason } from "./codecs.ts";
import { concat } from "./open_file.ts";

/** Encodes the pieces of a stream of text. */
export interface Encoder {
  /** Returns the bytes of `text`, after a byte order mark if one has to be first. */
  encode(text: string): Uint8Array<ArrayBuffer>;

  /**
   * Encodes into `target`, which has three bytes for each code unit, and returns
   * how many were written; undefined if only `encode` can encode the text.
   */
  encodeInto?(text: string, target: Uint8Array): number | undefined;
}

/**
 * Makes an encoder.
 *
 * @param encoding A name as `lookupEncoding()` returns it.
 * @param errors How characters are handled that the encoding does not have.
 */
export function encoderFor(encoding: string, errors: TextErrors): Encoder {
  switch (encoding) {
    case "utf-8":
      return new Utf8Encoder(errors);
    case "utf-8-sig":
      return new BomEncoder(new Utf8Encoder(errors));
    case "utf-16":
      return new BomEncoder(new Utf16Encoder("utf-16", true, errors));
    case "utf-16le":
      return new Utf16Encoder("utf-16-le", true, errors);
    case "utf-16be":
      return new Utf16Encoder("utf-16-be", false, errors);
  }
  if (!isSingleByte(encoding)) {
    throw new RangeError(
      `Cannot open file: ${encoding} can be read, not written`,
    );
  }
  return new SingleByteEncoder(encoding, errors);
}

/** A part of a text that can be encoded, or one character that cannot. */
interface Part {
  readonly text: string;
  readonly encodable: boolean;
  readonly index: number;
}

function* split(text: string, unencodable: RegExp): Generator<Part> {
  let from = 0;
  for (const match of text.matchAll(unencodable)) {
    const { index } = match;
    if (index > from) {
      yield { text: text.slice(from, index), encodable: true, index: from };
    }
    yield { text: match[0], encodable: false, index };
    from = index + match[0].length;
  }
  if (from < text.length) {
    yield { text: text.slice(from), encodable: true, index: from };
  }
}

/** The replacement of a character: text that can be encoded, or a byte. */
function substitute(
  part: Part,
  whole: string,
  encoding: string,
  errors: TextErrors,
  reason: string,
): string | number {
  const code = part.text.codePointAt(0)!;
  switch (errors) {
    case "ignore":
      return "";
    case "replace":
      return "?";
    case "backslashreplace":
      return escape(code);
    case "surrogateescape":
      if (code >= 0xdc80 && code <= 0xdcff) return code - 0xdc00;
  }
  const position = codePointLength(whole.slice(0, part.index));
  throw new RangeError(
    `'${encoding}' codec can't encode character '${
      escape(code)
    }' in position ${position}: ${reason}`,
  );
}

function escape(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

const LONE_SURROGATE = /[\ud800-\udfff]/gu;
const NO_SURROGATES = "surrogates not allowed";

class Utf8Encoder implements Encoder {
  readonly #utf8 = new TextEncoder();
  readonly #errors: TextErrors;

  constructor(errors: TextErrors) {
    this.#errors = errors;
  }

  encode(text: string): Uint8Array<ArrayBuffer> {
    if (text.isWellFormed()) return this.#utf8.encode(text);
    const parts: Uint8Array[] = [];
    for (const part of split(text, LONE_SURROGATE)) {
      const encodable = part.encodable
        ? part.text
        : substitute(part, text, "utf-8", this.#errors, NO_SURROGATES);
      parts.push(
        typeof encodable === "number"
          ? Uint8Array.of(encodable)
          : this.#utf8.encode(encodable),
      );
    }
    return concat(parts);
  }

  encodeInto(text: string, target: Uint8Array): number | undefined {
    if (!text.isWellFormed()) return undefined;
    return this.#utf8.encodeInto(text, target).written;
  }
}

class Utf16Encoder implements Encoder {
  readonly #name: string;
  readonly #errors: TextErrors;
  readonly #littleEndian: boolean;

  constructor(name: string, littleEndian: boolean, errors: TextErrors) {
    this.#name = name;
    this.#errors = errors;
    this.#littleEndian = littleEndian;
  }

  encode(text: string): Uint8Array<ArrayBuffer> {
    if (text.isWellFormed()) return this.#units(text);
    let encodable = "";
    for (const part of split(text, LONE_SURROGATE)) {
      const replaced = part.encodable
        ? part.text
        : substitute(part, text, this.#name, this.#errors, NO_SURROGATES);
      // A single byte would shift all code units after it.
      if (typeof replaced === "number") {
        substitute(part, text, this.#name, "strict", NO_SURROGATES);
      }
      encodable += replaced;
    }
    return this.#units(encodable);
  }

  #units(text: string): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(text.length * 2);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < text.length; i++) {
      view.setUint16(i * 2, text.charCodeAt(i), this.#littleEndian);
    }
    return bytes;
  }
}

class BomEncoder implements Encoder {
  readonly #encoder: Encoder;
  #begun = false;

  constructor(encoder: Encoder) {
    this.#encoder = encoder;
  }

  encode(text: string): Uint8Array<ArrayBuffer> {
    if (this.#begun) return this.#encoder.encode(text);
    const bytes = concat([
      this.#encoder.encode("\ufeff"),
      this.#encoder.encode(text),
    ]);
    this.#begun = true;
    return bytes;
  }
}

class SingleByteEncoder implements Encoder {
  readonly #name: string;
  readonly #reason: string;
  readonly #errors: TextErrors;
  readonly #bytes: ReadonlyMap<string, number>;
  readonly #unencodable: RegExp;

  constructor(encoding: string, errors: TextErrors) {
    const isNamed = encoding === "ascii" || encoding === "latin-1";
    this.#name = isNamed ? encoding : "charmap";
    this.#reason = undefinedReason(encoding);
    this.#errors = errors;
    this.#bytes = upperHalf(encoding);
    const upper = [...this.#bytes.keys()].map((char) =>
      `\\u{${char.codePointAt(0)!.toString(16)}}`
    );
    this.#unencodable = new RegExp(`[^\\0-\\x7f${upper.join("")}]`, "gu");
  }

  encode(text: string): Uint8Array<ArrayBuffer> {
    // A replacement has at most ten bytes: \\U0001f600.
    const longest = text.search(this.#unencodable) < 0 ? 1 : 10;
    const bytes = new Uint8Array(text.length * longest);
    let length = 0;
    const add = (encodable: string): void => {
      for (let i = 0; i < encodable.length; i++) {
        const code = encodable.charCodeAt(i);
        bytes[length++] = code < 0x80 ? code : this.#bytes.get(encodable[i]!)!;
      }
    };
    for (const part of split(text, this.#unencodable)) {
      if (part.encodable) {
        add(part.text);
        continue;
      }
      const replaced = substitute(
        part,
        text,
        this.#name,
        this.#errors,
        this.#reason,
      );
      if (typeof replaced === "number") bytes[length++] = replaced;
      else add(replaced);
    }
    return bytes.slice(0, length);
  }
}

/** The bytes from 0x80 on, by their characters. */
function upperHalf(encoding: string): Map<string, number> {
  const bytes = new Map<string, number>();
  if (encoding === "ascii") return bytes;
  const decoder = encoding === "latin-1"
    ? undefined
    : new TextDecoder(encoding);
  for (let byte = 0x80; byte <= 0xff; byte++) {
    const char = decoder?.decode(Uint8Array.of(byte)) ??
      String.fromCharCode(byte);
    if (char !== "\ufffd") bytes.set(char, byte);
  }
  return bytes;
}

/** How many code points a text has, as Python's `len` counts. */
export function codePointLength(text: string): number {
  let count = text.length;
  for (let i = 1; i < text.length; i++) {
    if (
      (text.charCodeAt(i) & 0xfc00) === 0xdc00 &&
      (text.charCodeAt(i - 1) & 0xfc00) === 0xd800
    ) count--;
  }
  return count;
}
