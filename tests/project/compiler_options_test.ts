import { assertEquals } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };
import { processTest } from "../support/child.ts";
import { ChildProcess } from "../support/process.ts";

/**
 * Programs with compiler options of their own, under which their check covers
 * this module too. The module must not depend on the library `deno.unstable`, nor
 * on strictness. Implicit types of any are forbidden without strict checks of
 * null, since that is where they are more: `[]` is an array of any there.
 */
const folder = "tests/project/compiler_options/";
const programs = ["browser", "worker"].map((name) =>
  `${folder}${name}/program.ts`
);

for (const program of programs) {
  Deno.test(`${program} imports every entry point`, async () => {
    const source = await Deno.readTextFile(program);
    const imported = [...source.matchAll(/^import .* from "(.*)";$/gm)]
      .map(([, path]) =>
        new URL(path!, import.meta.resolve(`../../${program}`))
      );
    const entries = Object.values(deno.exports)
      .map((path) => import.meta.resolve(`../../${path}`));
    assertEquals(imported.map(({ href }) => href), entries);
  });
}

processTest(
  "every entry point passes the check of programs with other compiler options",
  async () => {
    // In a workspace each program is checked with the options of its member, and
    // so are the files that it imports. Deno keeps the results of programs whose
    // files stay where they are, and checks again only after a change.
    await using check = new ChildProcess("deno check", Deno.execPath(), [
      "check",
      "--config",
      `${folder}deno.json`,
      ...programs,
    ], { env: { NO_COLOR: "1" } });
    const { code, stderr } = await check.result(600_000);
    const errors = stderr.match(/^TS\d+ \[ERROR\].*(?:\n {4}at .*)?/gm) ?? [];
    assertEquals(errors, []);
    assertEquals(code, 0, stderr);
  },
);
