/**
 * Decodes bytes to text, piece by piece. Characters may be split over pieces, and
 * bytes may not be text.
 */

import {
  type Codec,
  codecFor,
  type MalformedBytes,
  type TextErrors,
} from "./codecs.ts";
import { EMPTY_BYTES } from "../base/checks.ts";
import { concat } from "./open_file.ts";

/** Decodes the pieces of a stream of bytes. */
export interface Decoder {
  /**
   * Returns the text of the bytes so far that has not been returned yet; all of
   * it if `final`. The array may be reused afterwards.
   */
  decode(bytes: Uint8Array, final: boolean): string;

  /**
   * The error for the bytes after the text returned last, if they are not text
   * and `errors` is strict. The reader that reports it resets it; those bytes
   * are skipped, and the next call decodes the bytes behind them.
   */
  failure: RangeError | undefined;
}

/**
 * Makes a decoder.
 *
 * @param encoding A name as `lookupEncoding()` returns it.
 * @param errors How bytes are handled that are not text.
 */
export function decoderFor(encoding: string, errors: TextErrors): Decoder {
  switch (encoding) {
    case "utf-8-sig":
    case "utf-16":
      return new BomDecoder(encoding, errors);
    case "iso-2022-jp":
      return new StatefulDecoder(encoding, errors);
    default:
      return new ErrorHandlingDecoder(codecFor(encoding), errors);
  }
}

class ErrorHandlingDecoder implements Decoder {
  failure: RangeError | undefined;
  readonly #codec: Codec;
  readonly #errors: TextErrors;
  #carry = EMPTY_BYTES;
  /** How many bytes came before the carried ones. */
  #offset = 0;

  constructor(codec: Codec, errors: TextErrors) {
    this.#codec = codec;
    this.#errors = errors;
  }

  decode(bytes: Uint8Array, final: boolean): string {
    const whole = this.#carry.length === 0
      ? bytes
      : concat([this.#carry, bytes]);
    const tail = final ? 0 : this.#codec.incomplete(whole);
    const end = whole.length - tail;
    const text = this.#codec.decode(whole.subarray(0, end));
    if (text === undefined) return this.#repair(whole, final);
    this.#carryOver(whole, end);
    return text;
  }

  /** Carries the bytes from `end` over to the next call. */
  #carryOver(bytes: Uint8Array, end: number): void {
    this.#carry = end < bytes.length ? bytes.slice(end) : EMPTY_BYTES;
    this.#offset += end;
  }

  #repair(bytes: Uint8Array, final: boolean): string {
    const errors = this.#errors;
    let text = "";
    for (let from = 0;;) {
      const malformed = this.#codec.findMalformed(bytes, from);
      const start = malformed?.start ?? bytes.length;
      text += this.#codec.decode(bytes.subarray(from, start)) ?? "";
      if (malformed === undefined || malformed.truncated && !final) {
        this.#carryOver(bytes, start);
        return text;
      }
      const malformedBytes = bytes.subarray(start, malformed.end);
      const count = errors === "surrogateescape"
        ? escapable(malformedBytes)
        : malformedBytes.length;
      if (errors === "strict" || count === 0) {
        const offset = this.#offset + start;
        this.failure = decodeError(
          this.#codec.name,
          malformedBytes,
          offset,
          malformed,
        );
        this.#carryOver(bytes, malformed.end);
        return text;
      }
      from = start + count;
      text += substitute(malformedBytes.subarray(0, count), errors);
    }
  }
}

/** How many bytes at the beginning can become surrogates: those from 0x80 on. */
function escapable(bytes: Uint8Array): number {
  const count = bytes.findIndex((byte) => byte < 0x80);
  return count < 0 ? bytes.length : count;
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
  { reason }: MalformedBytes,
): RangeError {
  const where = bytes.length === 1
    ? `byte 0x${hex(bytes[0]!)} in position ${offset}`
    : `bytes in position ${offset}-${offset + bytes.length - 1}`;
  return new RangeError(
    `'${encoding}' codec can't decode ${where}: ${reason}`,
  );
}

/** Chooses a decoder by the first bytes, which may be a byte order mark. */
class BomDecoder implements Decoder {
  readonly #encoding: "utf-8-sig" | "utf-16";
  readonly #errors: TextErrors;
  #start: Uint8Array = EMPTY_BYTES;
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
    const whole = this.#start.length === 0
      ? bytes
      : concat([this.#start, bytes]);
    this.#start = EMPTY_BYTES;
    if (this.#decoder) return this.#decoder.decode(whole, final);

    const bom = this.#encoding === "utf-16" ? 2 : 3;
    const label = this.#choose(whole);
    if (label === "" && !final) {
      this.#start = whole.slice();
      return "";
    }
    if (whole.length === 0) return "";
    const fallback = this.#encoding === "utf-16" ? "utf-16le" : "utf-8";
    this.#decoder = decoderFor(label || fallback, this.#errors);
    if (label === undefined && bom === 2) {
      this.#failure = new RangeError("UTF-16 stream does not start with BOM");
      this.#start = whole.slice();
      return "";
    }
    return this.#decoder.decode(whole.subarray(label ? bom : 0), final);
  }

  /** The encoding of the byte order mark; undefined if none, "" if not yet. */
  #choose(bytes: Uint8Array): string | undefined {
    if (this.#encoding === "utf-16") {
      if (bytes.length < 2) return "";
      const [first, second] = bytes;
      if (first === 0xff && second === 0xfe) return "utf-16le";
      return first === 0xfe && second === 0xff ? "utf-16be" : undefined;
    }
    for (const [i, byte] of [0xef, 0xbb, 0xbf].entries()) {
      if (i === bytes.length) return "";
      if (bytes[i] !== byte) return undefined;
    }
    return "utf-8";
  }
}

/** Decodes an encoding with shift states, which give later bytes their meaning. */
class StatefulDecoder implements Decoder {
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
