/**
 * Bytes to text, piece by piece: characters split over pieces, and what to do
 * with bytes that are no text.
 */

import type { TextErrors } from "./encodings.ts";
import { concat, EMPTY } from "./raw_stream.ts";
import { type Scheme, schemeOf } from "./text_schemes.ts";

/** Turns the pieces of a stream of bytes into text. */
export interface Decoder {
  /**
   * The text of the bytes so far that has not been returned yet; all of it if
   * `final`. The array may be reused afterwards.
   */
  decode(bytes: Uint8Array, final: boolean): string;

  /**
   * Set if bytes after the text returned last are no text and `errors` is
   * strict. Who takes it sets it back; the bytes it is about are skipped, those
   * that follow are decoded by the next call.
   */
  failure: RangeError | undefined;
}

/**
 * Makes a decoder.
 *
 * @param encoding What `lookupEncoding()` returns.
 * @param errors What to do with bytes that are no text.
 */
export function decoderFor(encoding: string, errors: TextErrors): Decoder {
  switch (encoding) {
    case "utf-8-sig":
    case "utf-16":
      return new BomDecoder(encoding, errors);
    case "iso-2022-jp":
      return new ShiftedDecoder(encoding, errors);
    default:
      return new RepairingDecoder(schemeOf(encoding), errors);
  }
}

class RepairingDecoder implements Decoder {
  failure: RangeError | undefined;
  readonly #scheme: Scheme;
  readonly #errors: TextErrors;
  #carry = EMPTY;
  /** How many bytes came before those of the carry. */
  #offset = 0;

  constructor(scheme: Scheme, errors: TextErrors) {
    this.#scheme = scheme;
    this.#errors = errors;
  }

  decode(bytes: Uint8Array, final: boolean): string {
    let whole = bytes;
    if (this.#carry.length > 0) {
      whole = concat([this.#carry, bytes]);
      this.#carry = EMPTY;
    }
    const tail = final ? 0 : this.#scheme.incomplete(whole);
    if (tail > 0) {
      this.#carry = whole.slice(whole.length - tail);
      whole = whole.subarray(0, whole.length - tail);
    }
    if (whole.length === 0) return "";
    const text = this.#scheme.decode(whole) ?? this.#repair(whole);
    this.#offset += whole.length;
    return text;
  }

  #repair(bytes: Uint8Array): string {
    let text = "";
    for (let from = 0;;) {
      const flaw = this.#scheme.flaw(bytes, from);
      const sound = bytes.subarray(from, flaw?.start);
      if (sound.length > 0) text += this.#scheme.decode(sound) ?? "";
      if (flaw === undefined) return text;
      from = flaw.end;
      if (this.#errors === "strict") {
        this.failure = decodeError(
          this.#scheme.name,
          bytes.subarray(flaw.start, flaw.end),
          this.#offset + flaw.start,
          flaw.reason,
        );
        this.#carry = concat([bytes.subarray(from), this.#carry]);
        this.#offset += from - bytes.length;
        return text;
      }
      text += substitute(bytes.subarray(flaw.start, flaw.end), this.#errors);
    }
  }
}

function substitute(bytes: Uint8Array, errors: TextErrors): string {
  switch (errors) {
    case "replace":
      return "\ufffd";
    case "backslashreplace":
      return Array.from(bytes, (byte) => `\\x${hex(byte)}`).join("");
    case "surrogateescape":
      return String.fromCharCode(...Array.from(bytes, (byte) => 0xdc00 + byte));
    default:
      return "";
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function decodeError(
  encoding: string,
  bytes: Uint8Array,
  offset: number,
  reason: string,
): RangeError {
  const where = bytes.length === 1
    ? `byte 0x${hex(bytes[0]!)} in position ${offset}`
    : `bytes in position ${offset}-${offset + bytes.length - 1}`;
  return new RangeError(
    `'${encoding}' codec can't decode ${where}: ${reason}`,
  );
}

/** Finds out from the first bytes which decoder to use. */
class BomDecoder implements Decoder {
  readonly #encoding: "utf-8-sig" | "utf-16";
  readonly #errors: TextErrors;
  #start = EMPTY;
  #decoder: Decoder | undefined;
  #failure: RangeError | undefined;

  constructor(encoding: "utf-8-sig" | "utf-16", errors: TextErrors) {
    this.#encoding = encoding;
    this.#errors = errors;
  }

  get failure(): RangeError | undefined {
    return this.#failure ?? this.#decoder?.failure;
  }

  set failure(value: RangeError | undefined) {
    this.#failure = value;
    if (this.#decoder) this.#decoder.failure = value;
  }

  decode(bytes: Uint8Array, final: boolean): string {
    if (this.#decoder) return this.#decoder.decode(bytes, final);
    this.#start = concat([this.#start, bytes]);
    const start = this.#start;
    const bom = this.#encoding === "utf-16" ? 2 : 3;
    if (start.length < bom && !final) return "";
    if (start.length === 0) return "";
    const label = this.#choose(start);
    this.#decoder = decoderFor(label ?? this.#fallback(start), this.#errors);
    this.#start = EMPTY;
    if (this.#failure) return this.#decoder.decode(start, false);
    return this.#decoder.decode(start.subarray(label ? bom : 0), final);
  }

  #choose(start: Uint8Array): string | undefined {
    const [a, b, c] = start;
    if (this.#encoding === "utf-8-sig") {
      return a === 0xef && b === 0xbb && c === 0xbf ? "utf-8" : undefined;
    }
    if (a === 0xff && b === 0xfe) return "utf-16le";
    return a === 0xfe && b === 0xff ? "utf-16be" : undefined;
  }

  #fallback(start: Uint8Array): string {
    if (this.#encoding === "utf-8-sig") return "utf-8";
    if (start.length > 1) {
      this.#failure = new RangeError("UTF-16 stream does not start with BOM");
    }
    return "utf-16le";
  }
}

/** For an encoding whose bytes mean what those before them said. */
class ShiftedDecoder implements Decoder {
  failure: RangeError | undefined;
  readonly #encoding: string;
  readonly #fatal: boolean;
  #decoder: TextDecoder;

  constructor(encoding: string, errors: TextErrors) {
    if (errors !== "strict" && errors !== "replace") {
      throw new RangeError(
        `Cannot open file: ${encoding} is decoded with errors "strict" or "replace", received "${errors}"`,
      );
    }
    this.#encoding = encoding;
    this.#fatal = errors === "strict";
    this.#decoder = new TextDecoder(encoding, { fatal: this.#fatal });
  }

  decode(bytes: Uint8Array, final: boolean): string {
    try {
      return this.#decoder.decode(bytes, { stream: !final });
    } catch {
      this.#decoder = new TextDecoder(this.#encoding, { fatal: this.#fatal });
      this.failure = new RangeError(
        `'${this.#encoding}' codec can't decode bytes: illegal multibyte sequence`,
      );
      return "";
    }
  }
}
