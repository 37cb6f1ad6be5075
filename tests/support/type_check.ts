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
  const { code, stderr } = await child.result(600_000);

  const checked = pieces.map((code) => ({ code, errors: [] as string[] }));
  const other: string[] = [];
  for (const block of stderr.split(/^(?=TS\d+ \[ERROR\]: )/m)) {
    // One that is indented further belongs to the error before it.
    const [at, file, line] = /^ {4}at (.*):(\d+):\d+$/m.exec(block) ?? [];
    if (at === undefined) continue;
    const index = file?.includes("$deno$stdin")
      ? starts.findLastIndex((start) => start <= Number(line))
      : -1;
    const text = block.slice(0, block.indexOf(at)).replace(" [ERROR]", "");
    if (index >= 0) checked[index]!.errors.push(text.trim());
    else other.push(text + at);
  }
  const compiles = checked.every(({ errors }) => errors.length === 0);
  if (other.length > 0 || compiles !== (code === 0)) {
    throw new Error(`The type check ended with ${code}, and said:\n${stderr}`);
  }
  return checked;
}
