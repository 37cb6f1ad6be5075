import { assertEquals } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };
import { checkTogether, processTest } from "../support/child.ts";
import { ChildProcess } from "../support/process.ts";
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

/** Programs with options of their own, as members of one workspace. */
const members = Object.entries(options)
  .map(([what, options], index) => ({ what, name: `member${index}`, options }));

processTest(
  "every entry point passes the check of programs with other compiler options",
  async () => {
    await using directory = await TemporaryDirectory.make();
    await directory.run(`
    const write = (path, value) =>
      Deno.writeTextFileSync(path, JSON.stringify(value));
    const members = ${JSON.stringify(members)};
    write("deno.json", { workspace: members.map(({ name }) => "./" + name) });
    for (const { name, options } of members) {
      Deno.mkdirSync(name);
      write(name + "/deno.json", { compilerOptions: options });
      Deno.writeTextFileSync(name + "/program.ts", ${JSON.stringify(program)});
    }`);
    // In a workspace each program is checked with the options of its member, and
    // so are the files that it imports. One process is faster than three, since
    // the compiler is slow until it is compiled itself.
    await checkTogether(members, async (some) => {
      await using check = new ChildProcess("deno check", Deno.execPath(), [
        "check",
        "--config",
        new URL("deno.json", directory.url).pathname,
        ...some.map(({ name }) =>
          new URL(`${name}/program.ts`, directory.url).href
        ),
      ], { env: { NO_COLOR: "1" } });
      const { code, stderr } = await check.result(600_000);
      const errors = stderr.match(/^TS\d+ \[ERROR\].*(?:\n {4}at .*)?/gm) ?? [];
      assertEquals(errors, [], JSON.stringify(some, null, 2));
      assertEquals(code, 0, stderr);
      assertEquals(stderr.match(/^Check /gm)?.length, some.length, stderr);
    });
  },
);
