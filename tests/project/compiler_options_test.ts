import { assertEquals } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };

// `deno task check` checks these programs, each with compiler options of its own,
// which then hold for this module too. The module must not depend on the library
// `deno.unstable`, nor on strictness.
const programs = ["browser", "window", "worker"].map((name) =>
  `./compiler_options/${name}/program.ts`
);

for (const program of programs) {
  Deno.test(`${program} imports every entry point`, async () => {
    const url = new URL(program, import.meta.url);
    const source = await Deno.readTextFile(url);
    const imported = [...source.matchAll(/^import .* from "(.*)";$/gm)]
      .map(([, path]) => new URL(path!, url).href);
    const entries = Object.values(deno.exports)
      .map((path) => import.meta.resolve(`../../${path}`));
    assertEquals(imported, entries);
  });
}
