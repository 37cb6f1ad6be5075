/**
 * Random arguments of wrong kinds, with more seeds than the suite takes.
 */

import { suiteImportMap } from "../../support/child.ts";
import { ChildProcess } from "../../support/process.ts";
import type { Part } from "../part.ts";

export const badInput: Part = {
  name: "bad_input",
  async run(seed, log, size = 10) {
    const importMap = suiteImportMap();
    for (let own = seed; own < seed + size; own++) {
      await using child = new ChildProcess("deno test", Deno.execPath(), [
        "test",
        "-P",
        "--no-prompt",
        "--no-check",
        "--unstable-net",
        ...(importMap === null ? [] : ["--import-map", importMap]),
        "tests/stress/bad_input_test.ts",
        "--",
        `--seed=${own}`,
        "--mixed=2000",
      ], { env: { NO_COLOR: "1" } });
      const { code, stdout, stderr } = await child.result(600_000);
      if (code !== 0) throw new Error(stdout + stderr);
    }
    log(`${size} seeds`);
  },
};
