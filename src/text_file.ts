/**
 * The text file object of `Socket.makefile()`.
 *
 * @see {@link https://docs.python.org/3/library/io.html#text-i-o | Python: text I/O}
 */

import type {
  BufferedReader,
  BufferedRWPair,
  BufferedWriter,
} from "./buffered_file.ts";
import type { FileCore } from "./internal/file_core.ts";
import { IOBase } from "./io_base.ts";

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
