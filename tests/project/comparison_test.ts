import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runDeno } from "../support/child.ts";
import { canRun } from "../support/process.ts";
import { python, runPython } from "../support/python.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { columns, readPage, rows } from "./pages.ts";

const page = await readPage(".github/COMPARISON.md");

/** What the table says, by column and row: whether a feature is there. */
const table = Object.fromEntries(
  columns(page).slice(1).map((column, i) => [
    column,
    Object.fromEntries(
      rows(page).map(([feature, ...cells]) => {
        assert(cells[i], `${column} says nothing of ${feature}`);
        return [feature!, !cells[i].startsWith("–")];
      }),
    ),
  ]),
);

const skipped = !canRun
  ? " (skipped: no --allow-run)"
  : Deno.build.os !== "linux"
  ? " (skipped: made on Linux)"
  : "";

Deno.test({
  name: `COMPARISON.md describes Deno and this module truly${skipped}`,
  ignore: skipped !== "",
  async fn() {
    await using directory = await TemporaryDirectory.make();
    const { code, stdout, stderr } = await runDeno({
      file: "tests/project/comparison/features.ts",
      args: [fileURLToPath(directory.url)],
      permissions: ["--allow-net", "--allow-read", "--allow-write"],
      unstable: true,
    });
    assertEquals([code, stderr], [0, ""]);
    const found: typeof table = JSON.parse(stdout);
    assertEquals(Object.keys(found).length, 3);
    for (const [column, each] of Object.entries(found)) {
      assertEquals(table[column], each, column);
    }
  },
});

const noPython = skipped || (python === null ? " (skipped: no python3)" : "");

Deno.test({
  name: `COMPARISON.md describes Python truly${noPython}`,
  ignore: noPython !== "",
  async fn() {
    const program = new URL("comparison/features.py", import.meta.url);
    const { found, notes } = JSON.parse(
      await runPython(await Deno.readTextFile(program)),
    );
    for (const column of ["Python `socket`", "`asyncio` streams"]) {
      assertEquals(table[column], found[column], column);
    }
    assertEquals(notes, {
      "a file object after a timeout": false,
      "MSG_WAITALL with a timeout": false,
    });
  },
});
