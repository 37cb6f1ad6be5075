import { within } from "./within.ts";

/** The repository's root, where child processes run. */
export const root: URL = new URL("../../", import.meta.url);

/** Whether the tests may start processes; `deno task test:fast` may not. */
export const canRun: boolean =
  Deno.permissions.querySync({ name: "run" }).state === "granted";

/** What a child process left behind. */
export interface ProcessResult {
  /** Its exit code; 128 and the signal's number if one ended it. */
  code: number;
  /** All that it printed. */
  stdout: string;
  /** All that it printed as errors. */
  stderr: string;
}

/** How to run a child process. */
export interface ProcessOptions {
  /** Text for its standard input, which is then closed; without it stays open. */
  stdin?: string | undefined;
  /** Environment variables, added to those of this process. */
  env?: Record<string, string> | undefined;
  /** Where to run; in the repository's root by default. */
  cwd?: URL | undefined;
}

/** A running child process whose standard output is read line by line. */
export class ChildProcess implements AsyncDisposable {
  /** What it was started for, in messages. */
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: TextReader;
  readonly #stderr: TextReader;

  /** Starts `command`. */
  constructor(
    name: string,
    command: string,
    args: string[],
    options: ProcessOptions = {},
  ) {
    this.#name = name;
    this.#child = new Deno.Command(command, {
      args,
      cwd: options.cwd ?? root,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      ...(options.env && { env: options.env }),
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdout = new TextReader(this.#child.stdout);
    this.#stderr = new TextReader(this.#child.stderr);
    // From the start, or a child that complains at length would block on it.
    void this.#stderr.readRest();
    if (options.stdin !== undefined) {
      // A child that ends without reading it breaks the pipe; its result tells.
      this.write(options.stdin).then(() => this.closeStdin()).catch(() => {});
    }
  }

  /** The process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves to the next line without its end, null after the last one. */
  async readLine(ms?: number): Promise<string | null> {
    return await this.#explained(
      within(this.#stdout.readLine(), `a line from ${this.#name}`, ms),
    );
  }

  /** Reads lines until one matches, and resolves to the match. */
  async readMatch(pattern: RegExp, ms?: number): Promise<RegExpExecArray> {
    const search = async () => {
      while (true) {
        const line = await this.#stdout.readLine();
        if (line === null) {
          throw new Error(`No line of ${this.#name} matches ${pattern}`);
        }
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
    };
    return await this.#explained(
      within(search(), `a line from ${this.#name} that matches ${pattern}`, ms),
    );
  }

  /** Writes text to its standard input. */
  async write(text: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async closeStdin(): Promise<void> {
    await this.#stdin.close();
  }

  /** Sends it a signal, by default SIGTERM; does nothing if it has ended. */
  kill(signal: Deno.Signal = "SIGTERM"): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      const ended = error instanceof TypeError ||
        error instanceof Deno.errors.NotFound;
      if (!ended) throw error;
    }
  }

  /** Resolves when it has ended to its code and the output not yet read. */
  async result(ms?: number): Promise<ProcessResult> {
    const all = Promise.all([
      this.#child.status,
      this.#stdout.readRest(),
      this.#stderr.readRest(),
    ]);
    const [status, stdout, stderr] = await this.#explained(
      within(all, `the end of ${this.#name}`, ms),
    );
    return { code: status.code, stdout, stderr };
  }

  /** Kills it if it still runs, and releases its pipes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#stdin.abort().catch(() => {});
    await this.#stdout.cancel();
    await this.#stderr.cancel();
    await this.#child.status;
  }

  async #explained<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      this.kill("SIGKILL");
      await this.#child.status;
      const stderr = await this.#stderr.readRest();
      const what = error instanceof Error ? error.message : String(error);
      throw new Error(`${what}\n${this.#name} said:\n${stderr}`, {
        cause: error,
      });
    }
  }
}

/** Text of a stream, by lines or all that is left. */
class TextReader {
  readonly #reader: ReadableStreamDefaultReader<string>;
  /** The beginning of a line, in the pieces that it came in. */
  readonly #begun: string[] = [];
  #text = "";
  #rest: Promise<string> | undefined;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  async readLine(): Promise<string | null> {
    while (true) {
      const end = this.#text.indexOf("\n");
      // Each piece is searched once: the pages of the reference are one line of
      // 10 MB, for which a search from its start took 20 seconds.
      this.#begun.push(end < 0 ? this.#text : this.#text.slice(0, end));
      if (end >= 0) {
        this.#text = this.#text.slice(end + 1);
        return this.#takeBegun().replace(/\r$/, "");
      }
      this.#text = "";
      const { done, value } = await this.#reader.read();
      if (done) return this.#takeBegun() || null;
      this.#text = value;
    }
  }

  readRest(): Promise<string> {
    this.#rest ??= this.#drain();
    return this.#rest;
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  #takeBegun(): string {
    return this.#begun.splice(0).join("");
  }

  async #drain(): Promise<string> {
    while (true) {
      const { done, value } = await this.#reader.read();
      if (done) return this.#takeBegun() + this.#text;
      this.#text += value;
    }
  }
}
