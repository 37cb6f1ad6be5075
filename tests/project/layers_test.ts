import {
  assertEquals,
  assertGreater,
  assertLessOrEqual,
  assertStringIncludes,
} from "@std/assert";

/**
 * The folders of `src/`, one for each layer. A file imports from the folders
 * above its own in this list, and from its own.
 */
const layers: readonly string[] = [
  "base",
  "wait",
  "runtime",
  "endpoint",
  "file",
  "netdb",
  "socket",
  "poll",
  "socketserver",
  "ssl",
];

/** The folder of the files that may call the system's network functions. */
const runtime = "runtime";

const networkCall =
  /\bDeno\s*\.\s*(?:listen\w*|connect\w*|startTls|resolveDns|networkInterfaces)\b/;
const networkModule = /^node:(?:dgram|dns|http|http2|https|net|tls)(?:\/|$)/;

interface Import {
  specifier: string;
  kind: "static" | "type" | "dynamic";
}

/** Removes the comments, whose examples import too. */
function withoutComments(source: string): string {
  return source
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "$1");
}

function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const imports: Import[] = [];
  const statement =
    /^\s*(?:import|export)\s+(type\s+)?(?:[\w$*\s,{}]*?\bfrom\s*)?["']([^"']+)["']/gm;
  for (const [, type, specifier = ""] of code.matchAll(statement)) {
    imports.push({ specifier, kind: type ? "type" : "static" });
  }
  const call =
    /\b(?:import|getBuiltinModule|require)\s*\(\s*["'`]([^"'`]+)["'`]/g;
  for (const [, specifier = ""] of code.matchAll(call)) {
    imports.push({ specifier, kind: "dynamic" });
  }
  return imports;
}

/** The folder of a file; undefined for the entry points, above all folders. */
function folderOf(name: string): string | undefined {
  return name.includes("/") && !name.startsWith("../")
    ? name.slice(0, name.indexOf("/"))
    : undefined;
}

/** The file of `src/` that an import leads to, from another one. */
function targetOf(name: string, specifier: string): string {
  const path = new URL(specifier, new URL(name, "file:///src/")).pathname;
  return path.startsWith("/src/") ? path.slice("/src/".length) : `..${path}`;
}

/** What breaks the rules in one file of `src/`, by name, or in `mod.ts`. */
function violations(name: string, source: string): string[] {
  const found: string[] = [];
  const folder = folderOf(name);
  for (const { specifier, kind } of importsOf(source)) {
    const said = `${name} imports ${specifier}`;
    if (specifier.startsWith("node:")) {
      if (kind === "static") found.push(`${said} when it loads`);
      if (networkModule.test(specifier) && folder !== runtime) {
        found.push(`${said}, which is for ${runtime}/`);
      }
      continue;
    }
    if (!/^\.\.?\//.test(specifier)) {
      found.push(`${said}, which is no relative path`);
      continue;
    }
    const target = folderOf(targetOf(name, specifier));
    if (target === undefined || !layers.includes(target)) {
      found.push(`${said}, which is in none of the layers`);
    } else if (
      folder !== undefined && layers.indexOf(target) > layers.indexOf(folder)
    ) {
      found.push(`${said}, which is in a higher layer`);
    }
  }
  const call = networkCall.exec(withoutComments(source));
  if (call !== null && folder !== runtime) {
    found.push(`${name} uses ${call[0]}, which is for ${runtime}/`);
  }
  return found;
}

/** A circle of imports, as a path that ends where it began, if there is one. */
function circleIn(
  imports: ReadonlyMap<string, readonly string[]>,
): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): string[] | undefined => {
    const at = path.indexOf(name);
    if (at >= 0) return [...path.slice(at), name];
    if (done.has(name)) return undefined;
    path.push(name);
    for (const next of imports.get(name) ?? []) {
      const circle = visit(next);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(name);
    return undefined;
  };
  for (const name of imports.keys()) {
    const circle = visit(name);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

async function filesOf(folder: URL, prefix = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const name = prefix + entry.name;
    if (entry.isDirectory) {
      files.push(
        ...await filesOf(new URL(`${entry.name}/`, folder), `${name}/`),
      );
    } else if (entry.name.endsWith(".ts")) {
      files.push(name);
    }
  }
  return files.sort();
}

const src = new URL("../../src/", import.meta.url);

Deno.test("layers are the folders of src, and entry points stand beside them", async () => {
  const folders = new Set((await filesOf(src)).map(folderOf));
  folders.delete(undefined);
  assertEquals([...folders].sort(), [...layers].sort());
});

Deno.test("layers import downwards, no packages, node: only when used", async () => {
  const found: string[] = [];
  const imports = new Map<string, string[]>();
  for (const name of ["../mod.ts", ...await filesOf(src)]) {
    const source = await Deno.readTextFile(new URL(name, src));
    found.push(...violations(name, source));
    imports.set(
      name,
      importsOf(source)
        .filter(({ specifier }) => specifier.startsWith("."))
        .map(({ specifier }) => targetOf(name, specifier)),
    );
  }
  assertEquals(found, []);
  assertEquals(circleIn(imports), undefined);
  assertGreater([...imports.values()].flat().length, 0);
});

/** The files of `src/` that a file loads when it is imported. */
async function loadedBy(name: string): Promise<string[]> {
  const source = await Deno.readTextFile(new URL(name, src));
  return importsOf(source)
    .filter(({ specifier, kind }) =>
      /^\.\.?\//.test(specifier) && kind !== "type"
    )
    .map(({ specifier }) => targetOf(name, specifier));
}

/** Each file that a program loads costs it about a millisecond, with its code. */
Deno.test("layers have at most 48 files that mod.ts loads, and it names each", async () => {
  const named = new Set(await loadedBy("../mod.ts"));
  const loaded = new Set(named);
  for (const name of loaded) {
    for (const next of await loadedBy(name)) loaded.add(next);
  }
  assertGreater(loaded.size, 1);
  assertLessOrEqual(loaded.size + 1, 48, [...loaded].sort().join("\n"));
  assertEquals([...named].sort(), [...loaded].sort());
});

Deno.test("all.ts stands in every folder of tests", async () => {
  const tests = new URL("../", import.meta.url);
  const files = await filesOf(tests);
  const folders = files
    .filter((name) => name.endsWith("_test.ts"))
    .map(folderOf);
  const suites = files
    .filter((name) => /^\w+\/all\.ts$/.test(name))
    .map(folderOf);
  assertEquals(suites, [...new Set(folders)]);
});

Deno.test("layers find a circle of imports", () => {
  const imports = new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]]);
  assertEquals(circleIn(imports), ["b", "c", "b"]);
  assertEquals(circleIn(new Map([["a", ["b", "c"]], ["b", ["c"]]])), undefined);
});

const broken: [string, string, string][] = [
  ["base/a.ts", `import { a } from "../wait/b.ts";`, "in a higher layer"],
  ["base/a.ts", `export * from "../wait/b.ts";`, "in a higher layer"],
  [
    "base/a.ts",
    `import type {\n  A,\n  B,\n} from "../socket/b.ts";`,
    "higher",
  ],
  ["base/a.ts", `type A = import("../poll/b.ts").A;`, "in a higher layer"],
  ["base/a.ts", `const a = await import("../poll/b.ts");`, "higher layer"],
  ["base/a.ts", `import "../errno.ts";`, "in none of the layers"],
  ["base/a.ts", `import "../../mod.ts";`, "in none of the layers"],
  ["base/a.ts", `import "../other/a.ts";`, "in none of the layers"],
  ["base/a.ts", `import { a } from "@std/assert";`, "no relative path"],
  ["base/a.ts", `export { a } from "jsr:@std/assert";`, "no relative path"],
  ["../mod.ts", `export * from "npm:a";`, "no relative path"],
  ["../mod.ts", `export * from "./src/errno.ts";`, "in none of the layers"],
  ["runtime/a.ts", `import net from "node:net";`, "when it loads"],
  ["runtime/a.ts", `import "node:net";`, "when it loads"],
  ["socket/a.ts", `const net = import("node:net");`, "is for runtime/"],
  [
    "socket/a.ts",
    `const dns = process.getBuiltinModule("node:dns");`,
    "is for runtime/",
  ],
  ["socket/a.ts", `import type { A } from "node:dgram";`, "is for runtime/"],
  ["socket/a.ts", `Deno.listenDatagram({});`, "uses Deno.listenDatagram"],
  ["socket/a.ts", `await Deno\n  .connect({});`, "uses Deno"],
];

for (const [name, source, expected] of broken) {
  Deno.test(`layers of ${name} refuse ${source.replaceAll(/\s+/g, " ")}`, () => {
    const found = violations(name, source);
    assertEquals(found.length, 1, found.join("\n"));
    assertStringIncludes(found[0] ?? "", expected);
  });
}

const allowed: [string, string][] = [
  ["base/a.ts", `import { a } from "./b.ts";`],
  ["wait/a.ts", `export { a } from "../base/b.ts";`],
  ["errno.ts", `export * from "./base/errno.ts";`],
  ["../mod.ts", `export * from "./src/base/errno.ts";`],
  ["runtime/a.ts", `const net = await import("node:net"), a = 1;`],
  ["runtime/a.ts", `import type { Socket } from "node:net";`],
  ["runtime/a.ts", `const listener = Deno.listen({ port: 0 });`],
  ["base/a.ts", `const os = process.getBuiltinModule("node:os");`],
  [
    "base/a.ts",
    `/**\n * import * as s from "@pystd/socket";\n */\n// Deno.listen`,
  ],
  ["base/a.ts", `const text = "a from b";\nexport const b = "c";`],
];

for (const [name, source] of allowed) {
  Deno.test(`layers of ${name} allow ${source.replaceAll(/\s+/g, " ")}`, () => {
    assertEquals(violations(name, source), []);
  });
}
