/** Encodings: their names in Python and for `TextDecoder`, and how to decode. */

/** How bytes or characters are handled that the encoding does not have. */
export type TextErrors =
  | "strict"
  | "ignore"
  | "replace"
  | "backslashreplace"
  | "surrogateescape";

const ERRORS: ReadonlySet<string> = new Set<TextErrors>([
  "strict",
  "ignore",
  "replace",
  "backslashreplace",
  "surrogateescape",
]);

/** Checks the `errors` argument. */
export function checkErrors(errors: string): TextErrors {
  if (ERRORS.has(errors)) return errors as TextErrors;
  throw new RangeError(`unknown error handler name '${errors}'`);
}

// TextDecoder decodes windows-1252 for most names of ASCII and Latin-1, and
// little-endian for every name of UTF-16 without a byte order.
const PYTHON_ALIASES: Readonly<Record<string, string>> = {
  "utf-8-sig": "utf-8-sig",
  "utf8-sig": "utf-8-sig",
  "utf-16": "utf-16",
  "utf16": "utf-16",
  "u16": "utf-16",
  "utf-16-le": "utf-16le",
  "utf-16le": "utf-16le",
  "utf-16-be": "utf-16be",
  "utf-16be": "utf-16be",
  "646": "ascii",
  "ansi-x3.4-1968": "ascii",
  "ansi-x3.4-1986": "ascii",
  "ascii": "ascii",
  "cp367": "ascii",
  "csascii": "ascii",
  "ibm367": "ascii",
  "iso646-us": "ascii",
  "iso-ir-6": "ascii",
  "us": "ascii",
  "us-ascii": "ascii",
  "8859": "latin-1",
  "cp819": "latin-1",
  "csisolatin1": "latin-1",
  "ibm819": "latin-1",
  "iso-8859-1": "latin-1",
  "iso-8859-1-1987": "latin-1",
  "iso-8859-1:1987": "latin-1",
  "iso-ir-100": "latin-1",
  "iso8859": "latin-1",
  "iso8859-1": "latin-1",
  "iso88591": "latin-1",
  "l1": "latin-1",
  "latin": "latin-1",
  "latin-1": "latin-1",
  "latin1": "latin-1",
};

// Names in Python, and TextDecoder's names of the same encodings.
const DECODER_ALIASES: Readonly<Record<string, string>> = {
  "cp65001": "utf-8",
  "u8": "utf-8",
  "utf": "utf-8",
  "cp874": "windows-874",
  "cp932": "shift_jis",
  "cp936": "gbk",
  "cp949": "euc-kr",
  "cp950": "big5",
  "eucjp": "euc-jp",
  "euckr": "euc-kr",
  "iso2022-jp": "iso-2022-jp",
  "iso2022jp": "iso-2022-jp",
  "mac-cyrillic": "x-mac-cyrillic",
  "mac-roman": "macintosh",
  "maccyrillic": "x-mac-cyrillic",
  "macroman": "macintosh",
  "shiftjis": "shift_jis",
  "uhc": "euc-kr",
};

/**
 * Finds an encoding.
 *
 * @param name Any of its names, in Python or for `TextDecoder`.
 * @returns `TextDecoder`'s name for it, or one of `"utf-8-sig"`, `"utf-16"`,
 * `"ascii"` and `"latin-1"`, which `TextDecoder` does not have.
 */
export function lookupEncoding(name: string): string {
  const key = name.toLowerCase().replaceAll(/[\s_]+/g, "-");
  const alias = PYTHON_ALIASES[key];
  if (alias !== undefined) return alias;
  const label = DECODER_ALIASES[key] ?? key.replace(/^iso8859-/, "iso-8859-");
  try {
    return new TextDecoder(label).encoding;
  } catch (cause) {
    throw new RangeError(`unknown encoding: ${name}`, { cause });
  }
}

/** Encodings with more than one byte for a character, except the UTFs. */
const MULTIBYTE: ReadonlySet<string> = new Set([
  "big5",
  "euc-jp",
  "euc-kr",
  "gb18030",
  "gbk",
  "iso-2022-jp",
  "shift_jis",
]);

/** Whether every byte is one character in the encoding. */
export function isSingleByte(encoding: string): boolean {
  return !encoding.startsWith("utf-") && !MULTIBYTE.has(encoding);
}

/** Python's reason for a byte or character that an encoding does not have. */
export function undefinedReason(encoding: string): string {
  if (encoding === "ascii") return "ordinal not in range(128)";
  if (encoding === "latin-1") return "ordinal not in range(256)";
  return "character maps to <undefined>";
}

// Decoding of the encodings without state.

/** Bytes that are not text: where they begin and end, and why. */
export interface MalformedBytes {
  readonly start: number;
  readonly end: number;
  readonly reason: string;
  /** Whether they begin a character that could still become complete. */
  readonly truncated?: boolean;
}

/** An encoding without state. */
export interface Codec {
  readonly name: string;
  /** How many bytes at the end are the beginning of a character. */
  incomplete(bytes: Uint8Array): number;
  /** The text of bytes that end with a character; undefined if malformed. */
  decode(bytes: Uint8Array): string | undefined;
  /** The first malformed bytes at or after `from`. */
  findMalformed(bytes: Uint8Array, from: number): MalformedBytes | undefined;
}

const codecs = new Map<string, Codec>();

/** The codec of an encoding without state. */
export function codecFor(encoding: string): Codec {
  let codec = codecs.get(encoding);
  if (codec === undefined) codecs.set(encoding, codec = makeCodec(encoding));
  return codec;
}

function makeCodec(encoding: string): Codec {
  switch (encoding) {
    case "utf-8":
      return new Utf8();
    case "utf-16le":
    case "utf-16be":
      return new Utf16(encoding);
    default:
      return isSingleByte(encoding)
        ? new SingleByte(encoding)
        : new Multibyte(encoding);
  }
}

function tryDecode(
  decoder: TextDecoder,
  bytes: Uint8Array,
): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function strictDecoder(label: string): TextDecoder {
  return new TextDecoder(label, { fatal: true, ignoreBOM: true });
}

// Eight times as fast as a strict decoder in Deno 2.9 for ASCII, three times for
// other text. If its text has a replacement character, the strict decoder decides.
function fastUtf8Decoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

const REPLACED = "\ufffd";

class Utf8 implements Codec {
  readonly name = "utf-8";
  readonly #fast = fastUtf8Decoder();
  readonly #decoder = strictDecoder("utf-8");

  incomplete(bytes: Uint8Array): number {
    const { length } = bytes;
    for (let back = 1; back <= 3 && back <= length; back++) {
      const byte = bytes[length - back]!;
      if (byte < 0x80) return 0;
      if (byte < 0xc0) continue;
      return this.findMalformed(bytes, length - back)?.truncated ? back : 0;
    }
    return 0;
  }

  decode(bytes: Uint8Array): string | undefined {
    const text = this.#fast.decode(bytes);
    return text.includes(REPLACED) ? tryDecode(this.#decoder, bytes) : text;
  }

  // The malformed bytes that become one replacement character are, in Python and
  // in the Encoding Standard, the longest beginning of a valid sequence.
  findMalformed(bytes: Uint8Array, from: number): MalformedBytes | undefined {
    for (let start = from; start < bytes.length;) {
      const lead = bytes[start]!;
      let end = start + 1;
      if (lead >= 0x80) {
        if (lead < 0xc2 || lead > 0xf4) {
          return { start, end, reason: "invalid start byte" };
        }
        let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
        let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
        for (let more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3; more--;) {
          const byte = bytes[end];
          if (byte === undefined) return truncated(start, end);
          if (byte < low || byte > high) {
            return { start, end, reason: "invalid continuation byte" };
          }
          low = 0x80;
          high = 0xbf;
          end++;
        }
      }
      start = end;
    }
    return undefined;
  }
}

function truncated(
  start: number,
  end: number,
  reason = "unexpected end of data",
): MalformedBytes {
  return { start, end, reason, truncated: true };
}

class Utf16 implements Codec {
  readonly name: string;
  readonly #decoder: TextDecoder;
  readonly #high: number;

  constructor(label: "utf-16le" | "utf-16be") {
    this.name = label === "utf-16le" ? "utf-16-le" : "utf-16-be";
    this.#decoder = strictDecoder(label);
    this.#high = label === "utf-16le" ? 1 : 0;
  }

  incomplete(bytes: Uint8Array): number {
    const odd = bytes.length % 2;
    const last = bytes.length - odd - 2;
    return last >= 0 && this.#kind(bytes, last) === 0xd8 ? odd + 2 : odd;
  }

  decode(bytes: Uint8Array): string | undefined {
    return tryDecode(this.#decoder, bytes);
  }

  findMalformed(bytes: Uint8Array, from: number): MalformedBytes | undefined {
    for (let start = from; start < bytes.length; start += 2) {
      const { length } = bytes;
      const end = start + 2;
      if (end > length) return truncated(start, length, "truncated data");
      const kind = this.#kind(bytes, start);
      if (kind === 0) continue;
      if (kind === 0xdc) return { start, end, reason: "illegal encoding" };
      if (end + 2 > length) return truncated(start, length);
      if (this.#kind(bytes, end) !== 0xdc) {
        return { start, end, reason: "illegal UTF-16 surrogate" };
      }
      start += 2;
    }
    return undefined;
  }

  /** Returns 0xd8 for the first of two surrogates, 0xdc for the second, else 0. */
  #kind(bytes: Uint8Array, index: number): number {
    const kind = bytes[index + this.#high]! & 0xfc;
    return kind === 0xd8 || kind === 0xdc ? kind : 0;
  }
}

class SingleByte implements Codec {
  readonly name: string;
  readonly #fast = fastUtf8Decoder();
  readonly #decoder: TextDecoder;
  readonly #reason: string;

  constructor(encoding: string) {
    const isNamed = encoding === "ascii" || encoding === "latin-1";
    this.name = isNamed ? encoding : "charmap";
    this.#decoder = strictDecoder(isNamed ? "windows-1252" : encoding);
    this.#reason = undefinedReason(encoding);
  }

  incomplete(): number {
    return 0;
  }

  decode(bytes: Uint8Array): string | undefined {
    const ascii = this.#fast.decode(bytes);
    if (ascii.length === bytes.length && !ascii.includes(REPLACED)) {
      return ascii;
    }
    const text = tryDecode(this.#decoder, bytes);
    if (text === undefined) return undefined;
    if (this.name === "ascii") {
      return /[^\0-\x7f]/.test(text) ? undefined : text;
    }
    if (this.name !== "latin-1") return text;
    // windows-1252 has other characters where latin-1 has control characters.
    return text.replaceAll(/[^\0-\xff]/g, (_, index: number) => {
      return String.fromCharCode(bytes[index]!);
    });
  }

  findMalformed(bytes: Uint8Array, from: number): MalformedBytes | undefined {
    const isText = (byte: number): boolean =>
      this.name === "ascii"
        ? byte < 0x80
        : byte < 0x80 || this.decode(Uint8Array.of(byte)) !== undefined;
    for (let start = from; start < bytes.length; start++) {
      if (isText(bytes[start]!)) continue;
      return { start, end: start + 1, reason: this.#reason };
    }
    return undefined;
  }
}

/** The East Asian encodings without shift states. */
class Multibyte implements Codec {
  readonly name: string;
  readonly #decoder: TextDecoder;

  constructor(encoding: string) {
    this.name = encoding;
    this.#decoder = strictDecoder(encoding);
  }

  incomplete(bytes: Uint8Array): number {
    for (let back = 0; back <= 3 && back < bytes.length; back++) {
      const whole = bytes.subarray(0, bytes.length - back);
      if (this.decode(whole) !== undefined) return back;
    }
    return 0;
  }

  decode(bytes: Uint8Array): string | undefined {
    return tryDecode(this.#decoder, bytes);
  }

  findMalformed(bytes: Uint8Array, from: number): MalformedBytes | undefined {
    // Byte by byte, since TextDecoder does not report where it failed.
    const decoder = strictDecoder(this.name);
    let start = from;
    for (let end = from; end < bytes.length; end++) {
      let text: string;
      try {
        text = decoder.decode(bytes.subarray(end, end + 1), { stream: true });
      } catch {
        return {
          start,
          end: start + 1,
          reason: "illegal multibyte sequence",
        };
      }
      if (text !== "") start = end + 1;
    }
    return start < bytes.length
      ? truncated(start, bytes.length, "incomplete multibyte sequence")
      : undefined;
  }
}
