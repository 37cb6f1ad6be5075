import { assertEquals, assertStringIncludes } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };

// `deno task check` checks the programs of `compiler_options/`, each with compiler
// options of its own, which then hold for this module too. The module must not
// depend on the library `deno.unstable`, nor on strictness.
Deno.test("programs with other compiler options import every entry point", async () => {
  const url = new URL("./compiler_options/entries.ts", import.meta.url);
  const source = await Deno.readTextFile(url);
  const imported = [...source.matchAll(/^import .* from "(.*)";$/gm)]
    .map(([, path]) => new URL(path!, url).href);
  const entries = Object.values(deno.exports)
    .map((path) => import.meta.resolve(`../../${path}`));
  assertEquals(imported, entries);
  for (const name of ["browser", "window", "worker"]) {
    const program = new URL(`./${name}/program.ts`, url);
    assertStringIncludes(await Deno.readTextFile(program), '"../entries.ts"');
  }
});
