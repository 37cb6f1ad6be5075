/** Reads DER, the encoding of certificates (ITU-T X.690). */

/** One element: its tag, and the bytes that it contains. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** The element with its tag and length. */
  readonly whole: Uint8Array;
}

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OID = 0x06;
export const UTC_TIME = 0x17;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** Splits bytes into elements; throws a `RangeError` if they are not DER. */
export function elementsOf(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const element = elementAt(bytes, at);
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

/** Returns the element at an offset, whatever follows it. */
export function elementAt(bytes: Uint8Array, at: number): Element {
  const tag = bytes[at];
  let length = bytes[at + 1];
  let start = at + 2;
  if (tag === undefined || length === undefined) throw invalid();
  if (length > 0x80) {
    const count = length & 0x7f;
    if (count > 4) throw invalid();
    length = 0;
    for (const end = start + count; start < end; start++) {
      length = length * 256 + (bytes[start] ?? 0);
    }
  } else if (length === 0x80) throw invalid();
  const end = start + length;
  if (end > bytes.length) throw invalid();
  return {
    tag,
    content: bytes.subarray(start, end),
    whole: bytes.subarray(at, end),
  };
}

function invalid(): RangeError {
  return new RangeError("Cannot read a certificate: it is not valid DER");
}

/** Returns an object identifier in dotted form. */
export function oidOf(content: Uint8Array): string {
  const numbers: bigint[] = [];
  let number = 0n;
  for (const byte of content) {
    number = number << 7n | BigInt(byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    if (numbers.length === 0) {
      const first = number < 80n ? number / 40n : 2n;
      numbers.push(first, number - first * 40n);
    } else numbers.push(number);
    number = 0n;
  }
  return numbers.join(".");
}

/** Returns the text of a string element, of any string type. */
export function textOf({ tag, content }: Element): string {
  switch (tag) {
    case 0x1e: // BMPString
      return new TextDecoder("utf-16be").decode(content);
    case 0x1c: { // UniversalString
      const view = new DataView(
        content.buffer,
        content.byteOffset,
        content.length,
      );
      let text = "";
      for (let i = 0; i + 4 <= content.length; i += 4) {
        text += String.fromCodePoint(Math.min(view.getUint32(i), 0x10ffff));
      }
      return text;
    }
    case 0x0c: // UTF8String
      return new TextDecoder().decode(content);
    default:
      return latin1Of(content);
  }
}

export function latin1Of(content: Uint8Array): string {
  let text = "";
  for (const byte of content) text += String.fromCharCode(byte);
  return text;
}

/** Returns bytes in hexadecimal, as OpenSSL prints them. */
export function hexOf(content: Uint8Array): string {
  return Array.from(
    content,
    (byte) => byte.toString(16).padStart(2, "0").toUpperCase(),
  ).join("");
}

/** Returns a time, in milliseconds since 1970. */
export function timeOf({ tag, content }: Element): number {
  const text = latin1Of(content);
  const [, year = "", ...rest] =
    (tag === UTC_TIME
      ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?Z$/
      : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(?:\.\d+)?Z$/)
      .exec(text) ?? [];
  if (year === "") throw invalid();
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.map(
    (part) => Number(part ?? 0),
  );
  // RFC 5280, 4.1.2.5.1: years of two digits are from 1950 to 2049.
  const century = year.length === 4 ? 0 : Number(year) < 50 ? 2000 : 1900;
  return Date.UTC(
    century + Number(year),
    month - 1,
    day,
    hour,
    minute,
    second,
  );
}
