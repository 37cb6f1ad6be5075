import { ChildProcess } from "./process.ts";

/** A piece of a program, and what the compiler says of it. */
export interface Checked {
  readonly code: string;
  /** Each error as `TS2322: Type 'x' is not ...`. */
  readonly errors: readonly string[];
}

/**
 * Type-checks pieces of a program in a Deno process, all at once, with strict
 * options and the import map of the running suite. They are not run.
 *
 * @param prelude Text that comes before all of them.
 * @param pieces Bodies of async functions.
 * @returns What the compiler says of each.
 * @throws {Error} If it says something of the prelude, or does not run.
 */
export async function typeCheck(
  prelude: string,
  pieces: readonly string[],
): Promise<Checked[]> {
  const lines = [...prelude.split("\n"), "const pieces: unknown[] = [];"];
  const starts = pieces.map((piece) => {
    const start = lines.push("pieces.push(async () => {");
    lines.push(...piece.split("\n"), "});");
    return start;
  });
  const importMap = import.meta.resolve("@std/assert").startsWith("file:")
    ? ["--import-map", "tests/offline/import_map.json"]
    : [];
  // `deno check` takes no program from its standard input; this one does, and
  // runs nothing that does not compile.
  const args = ["run", "--quiet", "--check", "--no-prompt", ...importMap, "-"];
  await using child = new ChildProcess(
    "the type check",
    Deno.execPath(),
    args,
    { stdin: lines.join("\n"), env: { NO_COLOR: "1" } },
  );
  const { code, stderr } = await child.result(60_000);

  const checked = pieces.map((code) => ({ code, errors: [] as string[] }));
  let count = 0;
  for (const block of stderr.split(/^(?=TS\d+ \[ERROR\]: )/m)) {
    // One that is indented further belongs to the error before it.
    const at = /^ {4}at .*?:(\d+):\d+$/m.exec(block);
    if (at === null) continue;
    const index = starts.findLastIndex((start) => start <= Number(at[1]));
    const text = block.slice(0, at.index).replace(" [ERROR]", "").trim();
    checked[index]?.errors.push(text);
    if (index >= 0) count++;
  }
  if ((code === 0) !== (count === 0) || /^TS/m.test(stderr) !== count > 0) {
    throw new Error(`The type check ended with ${code}, and said:\n${stderr}`);
  }
  return checked;
}
