/** The names of encodings, as Python and as `TextDecoder` know them. */

/** What to do with bytes or characters that the encoding does not have. */
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

// TextDecoder takes most of the names of ascii and latin-1 for windows-1252,
// and every UTF-16 without a byte order for little-endian.
const OURS: Readonly<Record<string, string>> = {
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

// Names of Python's, and those of TextDecoder for the same encoding.
const THEIRS: Readonly<Record<string, string>> = {
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
  const ours = OURS[key];
  if (ours !== undefined) return ours;
  const label = THEIRS[key] ?? key.replace(/^iso8859-/, "iso-8859-");
  try {
    return new TextDecoder(label).encoding;
  } catch (cause) {
    throw new RangeError(`unknown encoding: ${name}`, { cause });
  }
}

/** Encodings of more than one byte for a character, but for the UTFs. */
const MULTIBYTE: ReadonlySet<string> = new Set([
  "big5",
  "euc-jp",
  "euc-kr",
  "gb18030",
  "gbk",
  "iso-2022-jp",
  "shift_jis",
]);

/** Whether every byte is a character, for an encoding that is no UTF. */
export function isSingleByte(encoding: string): boolean {
  return !encoding.startsWith("utf-") && !MULTIBYTE.has(encoding);
}

/** What an encoding calls a byte or character that it does not have. */
export function undefinedReason(encoding: string): string {
  if (encoding === "ascii") return "ordinal not in range(128)";
  if (encoding === "latin-1") return "ordinal not in range(256)";
  return "character maps to <undefined>";
}
