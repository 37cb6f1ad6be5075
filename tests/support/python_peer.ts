import type { ChildProcess } from "./process.ts";
import { startPython } from "./python.ts";

const driver = `
import json, sys

source = """
import select, struct, time
from socket import *

def numbered(length, start=0):
    return bytes((start + i) % 251 for i in range(length))

def reset(s):
    s.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
"""
scope = {}
exec(source, scope)
for line in sys.stdin:
    scope["out"] = None
    exec(json.loads(line), scope)
    print(json.dumps(scope["out"]))
`;

/** A CPython that runs the statements it is given, for `await using`. */
export class PythonPeer implements AsyncDisposable {
  readonly #program: ChildProcess = startPython(driver);

  /**
   * Runs statements, with `socket`'s names, `numbered` and `reset` at hand, in
   * a scope that lasts.
   *
   * @param code The statements.
   * @returns What they have assigned to `out`.
   */
  run(code: string): Promise<unknown> {
    const answer = this.#run(code);
    // A test that has failed does not wait for it, and stops the program.
    answer.catch(() => {});
    return answer;
  }

  async #run(code: string): Promise<unknown> {
    await this.#program.write(`${JSON.stringify(code)}\n`);
    const line = await this.#program.readLine();
    if (line !== null) return JSON.parse(line);
    const { stderr } = await this.#program.result();
    throw new Error(`python3 has ended, and said:\n${stderr}`);
  }

  /** Stops it, as the kernel stops a process that is debugged. */
  freeze(): void {
    this.#program.kill("SIGSTOP");
  }

  /** Lets it go on. */
  thaw(): void {
    this.#program.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
