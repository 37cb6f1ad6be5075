import { startDeno } from "./child.ts";
import type { ChildProcess } from "./process.ts";

/**
 * Makes a directory, then runs one program of a line after the other there, and
 * removes it when its input ends, also because the tests have crashed.
 */
const keeper = `
  import { pathToFileURL } from "node:url";
  const path = await Deno.makeTempDir({ prefix: "pystd_socket_" });
  Deno.chdir(path);
  const print = console.log;
  print(JSON.stringify(pathToFileURL(path).href));
  const Program = Object.getPrototypeOf(async () => {}).constructor;
  const chunks = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let text = "";
  for await (const chunk of chunks) {
    const programs = (text += chunk).split("\\n");
    text = programs.pop();
    for (const program of programs) {
      const printed = [];
      console.log = (...values) => printed.push(values.join(" ") + "\\n");
      let error = null;
      await new Program(JSON.parse(program))()
        .catch((reason) => error = reason.stack ?? String(reason));
      print(JSON.stringify({ printed: printed.join(""), error }));
    }
  }
  Deno.chdir("..");
  await Deno.remove(path, { recursive: true });`;

/**
 * A directory of its own, for `await using`. The tests have no grant for it:
 * another process makes it, works in it and removes it.
 */
export class TemporaryDirectory implements AsyncDisposable {
  /** Where it is, with a slash at the end. */
  readonly url: URL;
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess, url: string) {
    this.#keeper = keeper;
    this.url = new URL(`${url}/`);
  }

  /** Makes one. */
  static async make(): Promise<TemporaryDirectory> {
    const child = startDeno({
      file: `data:text/javascript,${encodeURIComponent(keeper)}`,
      permissions: ["--allow-read", "--allow-write"],
    });
    try {
      const url = JSON.parse(await child.readLine() ?? "null");
      return new TemporaryDirectory(child, url);
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Runs statements in it that may read and write.
   *
   * @param code The statements.
   * @returns Their output.
   */
  async run(code: string): Promise<string> {
    await this.#keeper.write(`${JSON.stringify(code)}\n`);
    const line = await this.#keeper.readLine();
    const { printed, error } = JSON.parse(line ?? "null");
    if (error !== null) throw new Error(error);
    return printed;
  }

  /** Removes it and its contents. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using child = this.#keeper;
    await child.closeStdin();
    const { code, stderr } = await child.result();
    if (code !== 0) throw new Error(`A process ended with ${code}: ${stderr}`);
  }
}
