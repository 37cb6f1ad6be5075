import { assertEquals } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };
import { TemporaryDirectory } from "../support/temporary.ts";

/**
 * Options that programs set, under which their check covers this module too. The
 * module must not depend on the library `deno.unstable`, nor on strictness.
 */
const options: Readonly<Record<string, Record<string, unknown>>> = {
  "the libraries of a browser, without strictness": {
    lib: ["dom", "dom.iterable", "dom.asynciterable", "deno.ns"],
    strict: false,
  },
  "the library of a worker, without strict checks of null": {
    lib: ["deno.worker"],
    strictNullChecks: false,
  },
  "the library of a window, with all that can be forbidden": {
    lib: ["deno.window"],
    exactOptionalPropertyTypes: true,
    isolatedDeclarations: true,
    noFallthroughCasesInSwitch: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
  },
};

const imports = Object.values(deno.exports).map((path, index) =>
  `import * as entry${index} from ${
    JSON.stringify(import.meta.resolve(`../../${path}`))
  };`
);
const uses = imports.map((_, index) => `entry${index}`);
const program = `${
  imports.join("\n")
}\nexport const all: unknown[] = [${uses}];\n`;

Deno.test("every entry point passes the check of programs with other compiler options", async (t) => {
  await using directory = await TemporaryDirectory.make();
  const names = Object.keys(options);
  await directory.run(`
    Deno.writeTextFileSync("program.ts", ${JSON.stringify(program)});
    for (const [index, compilerOptions] of ${
    JSON.stringify(Object.values(options))
  }.entries()) {
      Deno.writeTextFileSync("deno" + index + ".json", JSON.stringify({ compilerOptions }));
    }`);
  for (const [index, name] of names.entries()) {
    await t.step(name, async () => {
      const { stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "check",
          "--config",
          new URL(`deno${index}.json`, directory.url).pathname,
          new URL("program.ts", directory.url).href,
        ],
        env: { NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stderr);
      assertEquals(
        text.match(/^TS\d+ \[ERROR\].*(?:\n {4}at .*)?/gm) ?? [],
        [],
      );
      assertEquals(/error/i.test(text), false, text);
    });
  }
});
