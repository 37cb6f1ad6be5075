import { assert, assertEquals, assertLess } from "@std/assert";
import { python } from "../support/python.ts";
import { tests as clients } from "./porting/clients.ts";
import { tests as datagrams } from "./porting/datagrams.ts";
import { commandsOf, porting, readProgram } from "./porting/program.ts";
import { tests as servers } from "./porting/servers.ts";
import { tests as services } from "./porting/services.ts";
import { tests as transfer } from "./porting/transfer.ts";

const tests = [
  ...servers,
  ...services,
  ...clients,
  ...datagrams,
  ...transfer,
];

for (const { files, criterion, run } of tests) {
  const name = `examples/porting ${files.join(" to ")} ${criterion}`;
  const ignore = python === null && files.some((file) => file.endsWith(".py"));
  Deno.test({
    name: ignore ? `${name} (skipped: no python3)` : name,
    ignore,
    fn: run,
  });
}

const guide = await readProgram("README.md");

/** The part of the guide about a program. */
function sectionOf(name: string): string {
  const link = `[${name}.py](${name}.py), [${name}.ts](${name}.ts)`;
  const found = guide.split("\n### ").filter((part) => part.includes(link));
  assertEquals(found.length, 1, `sections with ${link}`);
  return found[0]!.split("\n## ")[0]!;
}

/** What stands in backticks. */
function codes(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

/** The names of the programs that are there. */
async function programs(): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(porting)) {
    if (name.endsWith(".ts")) found.push(name.slice(0, -".ts".length));
  }
  return found.sort();
}

Deno.test("examples/porting has pairs of short programs, all of which are run here", async () => {
  const names = await programs();
  assertLess(11, names.length);
  const run = new Set(tests.flatMap(({ files }) => files));
  const files = names.flatMap((name) => [`${name}.py`, `${name}.ts`]);
  assertEquals([...run].sort(), files);
  for (const file of files) {
    const lines = (await readProgram(file)).trimEnd().split("\n");
    assertLess(lines.length, 90, file);
    for (const line of lines) assertLess(line.length, 73, `${file}: ${line}`);
  }
  for (const name of names) {
    const [original, port] = await Promise.all(
      [`${name}.py`, `${name}.ts`].map(commandsOf),
    );
    assertEquals(
      port!.map(({ args }) => args),
      original!.map(({ args }) => args),
      name,
    );
  }
});

Deno.test("examples/porting/README.md shows each program as it is", async () => {
  const names = await programs();
  for (const name of names) {
    const blocks = [
      ...sectionOf(name).matchAll(/^```(.+)\n([\s\S]*?)^```$/gm),
    ].map(([, language, code]) => [language, code]);
    assertEquals(blocks, [
      ["python", await readProgram(`${name}.py`)],
      ["ts ignore", await readProgram(`${name}.ts`)],
    ], name);
  }
  // All others are run as snippets.
  const count = (block: string) => guide.split(`\n${block}\n`).length - 1;
  assertEquals(count("```ts ignore"), names.length);
  assertEquals(count("```python"), names.length);
  const all = guide.match(/^```.+$/gm)!;
  assertEquals(all.length, count("```ts") + 2 * names.length);
});

Deno.test("examples/porting/README.md quotes the programs in what it says has changed", async () => {
  for (const name of await programs()) {
    const rows = sectionOf(name).split("\n").filter((line) =>
      /^\| `/.test(line)
    );
    assert(rows.length >= 2, name);
    const original = await readProgram(`${name}.py`);
    const port = await readProgram(`${name}.ts`);
    for (const row of rows) {
      const [before, after, why] = row.slice(1, -1).split(" | ").map((cell) =>
        cell.trim()
      );
      assert(why, `${name} does not say why: ${row}`);
      for (const code of codes(before!)) assert(original.includes(code), code);
      for (const code of codes(after!)) assert(port.includes(code), code);
    }
  }
});
