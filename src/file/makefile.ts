/** Assembles the file objects of `Socket.makefile()`. */

import {
  checkOptions,
  isOptions,
  type KnownOptions,
  show,
} from "../base/checks.ts";
import {
  type BinaryLayer,
  BufferedReader,
  BufferedRWPair,
  BufferedWriter,
  SocketIO,
} from "./binary_file.ts";
import { ReadBuffer, WriteBuffer } from "./buffers.ts";
import { checkErrors, lookupEncoding } from "./codecs.ts";
import { decoderFor } from "./decoder.ts";
import { encoderFor } from "./encoder.ts";
import {
  ByteQueue,
  type ByteStream,
  OpenFile,
  RawStream,
} from "./open_file.ts";
import {
  type Newline,
  TextIOWrapper,
  TextReader,
  TextWriter,
} from "./text_file.ts";

/** Modes of binary files for reading. */
export type BinaryReadMode = "rb" | "br" | "b";

/** Modes of binary files for writing. */
export type BinaryWriteMode = "wb" | "bw";

/** Modes of binary files for reading and writing. */
export type BinaryReadWriteMode = "rwb" | "rbw" | "wrb" | "wbr" | "brw" | "bwr";

/** Modes of text files. */
export type TextMode = "r" | "w" | "rw" | "wr" | "";

/** Any mode of a binary file. */
export type BinaryMode = BinaryReadMode | BinaryWriteMode | BinaryReadWriteMode;

/** Any file object. */
export type SocketFile =
  | SocketIO
  | BufferedReader
  | BufferedWriter
  | BufferedRWPair
  | TextIOWrapper;

/** The class of file objects for a mode and a `buffering` argument. */
export type FileFor<Mode, Buffering> = Mode extends BinaryMode
  ? Buffering extends 0 ? SocketIO
  : Mode extends BinaryReadMode ? BufferedReader
  : Mode extends BinaryWriteMode ? BufferedWriter
  : BufferedRWPair
  : Mode extends TextMode ? TextIOWrapper
  : SocketFile;

/** The keyword arguments of `makefile`; binary files ignore them. */
export interface FileOptions {
  /** `"utf-8"` by default. */
  encoding?: string | null | undefined;
  /** `"strict"` by default. */
  errors?: string | null | undefined;
  /** null, the default, for universal newlines. */
  newline?: Newline | undefined;
}

/**
 * The keyword arguments of `makefile`, and its second argument by name.
 *
 * @typeParam Buffering The type of the size.
 */
export interface BufferingOptions<Buffering> extends FileOptions {
  /** The size of the buffer in bytes, 0 for none. */
  buffering?: Buffering;
}

/**
 * All arguments of `makefile` by name.
 *
 * @typeParam Mode The type of the mode.
 * @typeParam Buffering The type of the size.
 */
export interface MakefileOptions<Mode, Buffering>
  extends BufferingOptions<Buffering> {
  /** Any of the letters r, w and b. */
  mode?: Mode;
}

/** Any arguments of `makefile` by name. */
type AnyOptions = MakefileOptions<
  string | undefined,
  number | null | undefined
>;

const FILE_OPTIONS: KnownOptions = {
  mode: true,
  buffering: true,
  encoding: true,
  errors: true,
  newline: true,
};

/** The default size of a buffer, as in Python's `io`. */
const DEFAULT_BUFFER_SIZE = 8192;

/** How much is read ahead at most where no size was asked for. */
const MAX_READ_AHEAD = 0x10000;

/** A mode and a buffering argument, parsed. */
export interface FileMode {
  /** The mode as it was given. */
  readonly mode: string;
  readonly reading: boolean;
  readonly writing: boolean;
  readonly binary: boolean;
  /** The size of the buffer in bytes, 0 for none. */
  readonly bufferSize: number;
  /** How far reading ahead may go while more keeps coming. */
  readonly maxReadAhead: number;
  readonly lineBuffering: boolean;
}

/**
 * Parses a mode and a `buffering` argument.
 *
 * @param mode Any of the letters r, w and b.
 * @param buffering A size, 0 for none, negative or null for the default; for a
 * text file 1 means line buffering.
 */
export function makefileMode(
  mode: string = "r",
  buffering?: number | null,
): FileMode {
  if (typeof mode !== "string") {
    throw new TypeError(
      `Cannot open file: mode must be a string, received ${show(mode)}`,
    );
  }
  if (!/^[rwb]*$/.test(mode)) {
    throw new RangeError(`invalid mode '${mode}' (only r, w, b allowed)`);
  }
  const size = buffering ?? -1;
  if (typeof size !== "number" || !Number.isInteger(size)) {
    throw new TypeError(
      `Cannot open file: buffering must be an integer or null, received ${
        show(size)
      }`,
    );
  }
  const writing = mode.includes("w");
  const binary = mode.includes("b");
  if (size === 0 && !binary) {
    throw new RangeError("unbuffered streams must be binary");
  }
  const lineBuffering = size === 1 && !binary;
  const isDefault = size < 0 || lineBuffering;
  return {
    mode,
    reading: mode.includes("r") || !writing,
    writing,
    binary,
    bufferSize: isDefault ? DEFAULT_BUFFER_SIZE : size,
    maxReadAhead: isDefault ? MAX_READ_AHEAD : size,
    lineBuffering,
  };
}

/** Collects the arguments of `makefile` by name; two may have a position. */
function named(
  mode: string | AnyOptions | undefined,
  buffering: number | null | AnyOptions | undefined,
  options: AnyOptions | undefined,
): AnyOptions {
  const given = [mode, buffering, options];
  const at = given.findIndex((each, i) => i === 2 || isOptions(each));
  if (given.slice(at + 1).some((each) => each !== undefined)) {
    throw new TypeError(
      "Cannot open file: options come last, received arguments behind them",
    );
  }
  const last = given[at] as AnyOptions | undefined;
  checkOptions("open file", last, FILE_OPTIONS);
  const all: Record<string, unknown> = { ...last };
  for (const [i, name] of ["mode", "buffering"].slice(0, at).entries()) {
    if (given[i] === undefined) continue;
    if (all[name] !== undefined) {
      throw new TypeError(
        `Cannot open file: ${name} was given twice, as an argument and in the options`,
      );
    }
    all[name] = given[i];
  }
  return all;
}

/**
 * Makes a file object.
 *
 * @param stream A hold on the connection, which the file object owns from now
 * on; it is released if this throws.
 * @param mode Any of the letters r, w and b.
 * @param buffering A size, 0 for none, negative or null for the default.
 * @param options Encoding, errors and newline of a text file, and any of the
 * others by name.
 */
export function openFile<
  Mode extends string = "r",
  Buffering extends number | null | undefined = undefined,
>(
  stream: ByteStream,
  mode?: Mode,
  buffering?: Buffering,
  options?: FileOptions,
): FileFor<Mode, Buffering>;
export function openFile<
  Mode extends string,
  Buffering extends number | null | undefined = undefined,
>(
  stream: ByteStream,
  mode: Mode | undefined,
  options: BufferingOptions<Buffering>,
): FileFor<Mode, Buffering>;
export function openFile<
  Mode extends string = "r",
  Buffering extends number | null | undefined = undefined,
>(
  stream: ByteStream,
  options: MakefileOptions<Mode, Buffering>,
): FileFor<Mode, Buffering>;
export function openFile(
  stream: ByteStream,
  mode?: string | AnyOptions,
  buffering?: number | null | AnyOptions,
  options?: AnyOptions,
): SocketFile;
export function openFile(
  stream: ByteStream,
  mode?: string | AnyOptions,
  buffering?: number | null | AnyOptions,
  options?: AnyOptions,
): SocketFile {
  try {
    const all = named(mode, buffering, options);
    const parsed = makefileMode(all.mode, all.buffering);
    return parsed.binary
      ? openBinary(stream, parsed)
      : openText(stream, parsed, all);
  } catch (error) {
    stream.release();
    throw error;
  }
}

/** The layer of bytes, which all files have. */
function binaryLayer(stream: ByteStream, mode: FileMode): BinaryLayer {
  const { reading, writing, bufferSize, maxReadAhead } = mode;
  const raw = new RawStream(stream);
  const writer = writing ? new WriteBuffer(raw, bufferSize) : undefined;
  return {
    file: new OpenFile(
      raw,
      reading && writing ? "rwb" : reading ? "rb" : "wb",
      writer,
    ),
    reader: reading
      ? new ReadBuffer(raw, new ByteQueue(), bufferSize, maxReadAhead)
      : undefined,
    writer,
  };
}

function openBinary(
  stream: ByteStream,
  mode: FileMode,
): Exclude<SocketFile, TextIOWrapper> {
  const layer = binaryLayer(stream, mode);
  return mode.bufferSize === 0 ? new SocketIO(layer) : bufferedFile(layer);
}

function bufferedFile(
  layer: BinaryLayer,
): BufferedReader | BufferedWriter | BufferedRWPair {
  if (layer.writer === undefined) return new BufferedReader(layer);
  if (layer.reader === undefined) return new BufferedWriter(layer);
  return new BufferedRWPair(layer);
}

function openText(
  stream: ByteStream,
  mode: FileMode,
  options: FileOptions,
): TextIOWrapper {
  const newline = checkNewline(options.newline ?? null);
  const encoding = checkString("encoding", options.encoding ?? "utf-8");
  const errors = checkErrors(checkString("errors", options.errors ?? "strict"));
  const codec = lookupEncoding(encoding);
  const decoder = mode.reading ? decoderFor(codec, errors) : undefined;
  const encoder = mode.writing ? encoderFor(codec, errors) : undefined;
  const layer = binaryLayer(stream, mode);
  const { file, reader, writer } = layer;
  return new TextIOWrapper(
    {
      file,
      reader: decoder && new TextReader(reader!, decoder, newline),
      writer: encoder &&
        new TextWriter(writer!, encoder, newline, mode.lineBuffering),
    },
    bufferedFile(layer),
    { mode: mode.mode, encoding, errors, lineBuffering: mode.lineBuffering },
  );
}

const NEWLINES: readonly Newline[] = [null, "", "\n", "\r", "\r\n"];

function checkNewline(newline: unknown): Newline {
  if (newline !== null) checkString("newline", newline);
  if (NEWLINES.includes(newline as Newline)) return newline as Newline;
  throw new RangeError(`illegal newline value: ${newline}`);
}

function checkString(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError(
    `Cannot open file: ${name} must be a string or null, received ${
      show(value)
    }`,
  );
}
