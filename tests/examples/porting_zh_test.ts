import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { within } from "../support/within.ts";
import { readProgram } from "./porting/program.ts";

const edition = await readProgram("README.zh.md");
const guide = await readProgram("README.md");
const readme = await readProgram("../../README.md");
const comparison = await readProgram("../../.github/COMPARISON.md");
const permissions = await readProgram("PERMISSIONS.md");

/** The programs in a text, each with the language that it is marked with. */
function programsOf(text: string): string[] {
  return text.match(/^```(?!sh$)\w.*\n[\s\S]*?^```$/gm) ?? [];
}

/** The part of a text below a heading, up to the next one of that level. */
function section(text: string, heading: string): string {
  const [, below] = text.split(`\n## ${heading}\n`);
  assert(below !== undefined, `There is no section "${heading}"`);
  return below.split("\n## ")[0]!;
}

/** What stands in backticks. */
function codes(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

Deno.test("examples/porting/README.zh.md has the programs of other pages as they are there", () => {
  // The whole tutorial: both time limits, servers and clients, the mistakes.
  const all = [
    section(comparison, "A read with a time limit"),
    section(readme, "Why not `Deno.connect`?"),
    section(readme, "An echo server and its client"),
    section(guide, "Mistakes that people make"),
    section(guide, "Bytes"),
    section(guide, "Classes"),
    section(guide, "Standard input, Ctrl-C and background tasks"),
  ].flatMap(programsOf);
  const mine = programsOf(edition);
  assertEquals(new Set(mine).size, mine.length);
  for (const program of all) assert(mine.includes(program), program);
  // Its own programs are run as snippets.
  for (const program of mine) {
    assert(all.includes(program) || program.startsWith("```ts\n"), program);
  }
});

Deno.test("examples/porting/README.zh.md asks for the permissions that PERMISSIONS.md asks for", () => {
  const rowsOf = (text: string) =>
    text.split("\n").filter((line) => line.startsWith("| "))
      .map((line) => line.split("|").slice(1, 3).map(codes));
  const flags = new Map(
    rowsOf(section(permissions, "What each call needs")).map(([call, needs]) =>
      [call!.join(), needs] as const
    ),
  );
  const mine = rowsOf(section(edition, "权限"))
    .filter(([, needs]) => needs!.length > 0);
  assertEquals(mine.length, 3);
  for (const [call, needs] of mine) {
    assertEquals(needs, flags.get(call!.join()), call!.join());
  }
});

Deno.test("examples/porting/README.zh.md says of the same calls as the guide that they wait", () => {
  const [rule] = section(guide, "The rules").split("**2.");
  const mine = section(edition, "哪里要加 `await`");
  const listed = (text: string) =>
    codes(text.split("\n").filter((line) => line.startsWith("- ")).join(" "))
      .sort();
  const calls = (text: string) => [...new Set(listed(text))];
  assert(calls(mine).length > 10);
  assertEquals(calls(mine), calls(rule!));
});

Deno.test("examples/porting/README.zh.md has the punctuation of Chinese", () => {
  const prose = edition.replace(/^```[\s\S]*?^```$/gm, "")
    .replace(/\]\([^)]*\)/g, "]"); // Where a link leads is no prose.
  assertEquals(prose.match(/\p{Script=Han}[,.;:!?()]/gu), null);
  assertEquals(prose.match(/[,;:!?()]\p{Script=Han}/gu), null);
});

Deno.test("send() and makefile() do with Chinese text what examples/porting/README.zh.md says", async () => {
  const [a, b] = await socket.socketpair();
  using _a = a;
  using _b = b;
  // @ts-expect-error A string is not bytes.
  await assertRejects(() => a.send("你好"), TypeError);
  const bytes = new TextEncoder().encode("你好\n");
  await using file = b.makefile("r");
  await a.sendall(bytes.subarray(0, 4));
  assertEquals(await within(file.read(1)), "你");
  await a.sendall(bytes.subarray(4));
  assertEquals(await within(file.readline()), "好\n");
});
