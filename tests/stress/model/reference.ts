/** Runs random programs on CPython's `socket`, all in one process. */

import { ChildProcess } from "../../support/process.ts";
import { python } from "../../support/python.ts";
import { within } from "../../support/within.ts";
import { type Call, type Nobody, type Outcome, TIMEOUT_S } from "./calls.ts";

type Answer =
  | { readonly id: number; readonly outcomes: Outcome[] }
  | { readonly id: number; readonly failed: string };

/** A CPython that runs programs, for `await using`. */
export class Reference implements AsyncDisposable {
  /** Where nobody listens, as long as it runs. */
  readonly nobody: Nobody;
  readonly #process: ChildProcess;
  readonly #asked = new Map<number, PromiseWithResolvers<Outcome[]>>();
  #ids = 0;

  private constructor(process: ChildProcess, nobody: Nobody) {
    this.#process = process;
    this.nobody = nobody;
    void this.#read();
  }

  /** Starts one. */
  static async start(): Promise<Reference> {
    const driver = new URL("run_python.py", import.meta.url).pathname;
    // Without -B it would leave what it compiled here.
    const args = ["-B", "-u", "-X", "utf8", driver, String(TIMEOUT_S)];
    const process = new ChildProcess("run_python.py", python!, args);
    const nobody = await process.readLine();
    return new Reference(process, JSON.parse(nobody ?? "null"));
  }

  /**
   * Runs a program.
   *
   * @param calls What to call.
   * @returns What each call came to.
   */
  async run(calls: readonly Call[]): Promise<Outcome[]> {
    const id = this.#ids++;
    const asked = Promise.withResolvers<Outcome[]>();
    this.#asked.set(id, asked);
    await this.#process.write(`${JSON.stringify({ id, calls })}\n`);
    return await within(asked.promise, "CPython's outcomes");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  async #read(): Promise<void> {
    try {
      while (true) {
        const line = await this.#process.readLine(2 ** 31 - 1);
        if (line === null) break;
        const answer: Answer = JSON.parse(line);
        const asked = this.#asked.get(answer.id);
        this.#asked.delete(answer.id);
        if ("outcomes" in answer) asked?.resolve(answer.outcomes);
        else asked?.reject(new Error(`The driver failed:\n${answer.failed}`));
      }
    } catch (error) {
      for (const asked of this.#asked.values()) asked.reject(error);
    }
  }
}
