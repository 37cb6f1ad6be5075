import { runDeno } from "./child.ts";

/**
 * A directory of its own, for `await using`. The tests have no grant for it:
 * other processes make it, work in it and remove it.
 */
export class TemporaryDirectory implements AsyncDisposable {
  /** Where it is, with a slash at the end. */
  readonly url: URL;
  readonly #path: string;

  private constructor(path: string, url: string) {
    this.#path = path;
    this.url = new URL(`${url}/`);
  }

  /** Makes one. */
  static async make(): Promise<TemporaryDirectory> {
    const made = await run(
      `import { pathToFileURL } from "node:url";
      const path = await Deno.makeTempDir({ prefix: "pystd_socket_" });
      console.log(JSON.stringify([path, pathToFileURL(path).href]));`,
      ["--allow-write"],
    );
    const [path, url] = JSON.parse(made);
    return new TemporaryDirectory(path, url);
  }

  /**
   * Runs statements in it that may read and write there.
   *
   * @param code The statements.
   * @returns What they printed.
   */
  async run(code: string): Promise<string> {
    const permissions = ["--allow-read=.", "--allow-write=."];
    return await run(code, permissions, this.url);
  }

  /** Removes it and what is in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const path = JSON.stringify(this.#path);
    await run(`await Deno.remove(${path}, { recursive: true })`, [
      `--allow-write=${this.#path}`,
    ]);
  }
}

async function run(
  code: string,
  permissions: readonly string[],
  cwd?: URL,
): Promise<string> {
  const program = { code, permissions, ...(cwd && { cwd }) };
  const { code: status, stdout, stderr } = await runDeno(program);
  if (status !== 0) {
    throw new Error(`A process ended with ${status}: ${stderr}`);
  }
  return stdout;
}
