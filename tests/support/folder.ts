import { spendCalls } from "./event_loop.ts";

/**
 * Registers the tests of a folder and of the folders in it, all in one worker:
 * `deno test` itself spends 0.3 seconds of CPU on each file that it is given.
 *
 * @param all The address of the file that calls this, which lies in the folder.
 * @param before Runs before each test. By default it leaves few of the calls that
 * may be answered before the event loop has to turn, so that a test that counts
 * on more of them is likely to fail in every run, and not only in some.
 */
export async function importTests(
  all: string,
  before: () => Promise<void> = spendCalls,
): Promise<void> {
  Deno.test.beforeEach(before);
  for (const file of testsIn(new URL(".", all))) await import(file.href);
}

/** The files of tests below a folder, in the order of their names. */
function testsIn(folder: URL): URL[] {
  return [...Deno.readDirSync(folder)]
    .sort((a, b) => a.name < b.name ? -1 : 1)
    .flatMap(({ name, isDirectory }) =>
      isDirectory
        ? testsIn(new URL(`${name}/`, folder))
        : name.endsWith("_test.ts")
        ? [new URL(name, folder)]
        : []
    );
}
