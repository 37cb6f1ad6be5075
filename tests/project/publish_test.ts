import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { startDeno } from "../support/child.ts";
import { ChildProcess, type ProcessResult, root } from "../support/process.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { withAbsoluteLinks } from "./absolute_links.ts";
import { links, programsOf } from "./pages.ts";

const config: {
  version: string;
  exports: Record<string, string>;
} = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));

/** Runs a command of Deno in the repository's root; what it printed. */
async function deno(...args: string[]): Promise<ProcessResult> {
  await using child = new ChildProcess(args.join(" "), Deno.execPath(), args, {
    env: { NO_COLOR: "1" },
  });
  const result = await child.result();
  assertEquals(result.code, 0, result.stderr);
  return result;
}

/** Paths in the repository, of URLs. */
function paths(urls: Iterable<string>): string[] {
  return [...urls].filter((url) => url.startsWith(root.href))
    .map((url) => url.slice(root.href.length)).sort();
}

/** The files that would be published. */
async function published(): Promise<string[]> {
  const { stdout, stderr } = await deno(
    "publish",
    "--dry-run",
    "--allow-dirty",
    "--no-check",
  );
  const listed = (stdout + stderr).matchAll(/^ +(file:\S+) \(/gm);
  return paths([...listed].map(([, url]) => url!));
}

/** The files that an entry point loads. */
async function loadedBy(entry: string): Promise<string[]> {
  const { stdout } = await deno("info", "--json", "--no-remote", entry);
  const { modules }: { modules: { specifier: string }[] } = JSON.parse(stdout);
  return modules.map(({ specifier }) => specifier);
}

Deno.test("publish ships what the entry points load, the README and the licence, and nothing else", async () => {
  const entries = Object.values(config.exports);
  const loaded = await Promise.all(entries.map(loadedBy));
  assertEquals(
    await published(),
    [
      ...paths(new Set(loaded.flat().filter((url) => url.startsWith("file:")))),
      "LICENSE",
      "README.md",
      "deno.json",
    ].sort(),
  );
  for (const specifier of loaded.flat()) {
    // No package comes along.
    assertMatch(specifier, /^(file|node):/);
  }
});

Deno.test("CHANGELOG.md's newest changes and README's import are of the version of deno.json", async () => {
  const { version } = config;
  const [changelog, readme] = await Promise.all(
    [".github/CHANGELOG.md", "README.md"].map((path) =>
      Deno.readTextFile(new URL(path, root))
    ),
  );
  const [, newest] = /^## (\S+)$/m.exec(changelog!) ?? [];
  if (newest !== "Unreleased") assertEquals(newest, version);
  const imported = [...readme!.matchAll(/@pystd\/socket@\^([\w.-]+\w)/g)];
  assertEquals(imported.map(([, each]) => each), [version]);
});

Deno.test("withAbsoluteLinks() leaves README.md no relative link, and the rest as it is", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", root));
  const absolute = withAbsoluteLinks(readme, "owner/name", "1.2.3");
  const site = "https://github.com/owner/name";
  for (const link of links(absolute)) assertMatch(link, /^(?:https:|#)/);
  assertEquals(links(absolute).length, links(readme).length);
  for (
    const [before, after] of [
      ["(LICENSE)", `(${site}/blob/1.2.3/LICENSE)`],
      [
        "(.github/COMPARISON.md#a-read-with-a-time-limit)",
        `(${site}/blob/1.2.3/.github/COMPARISON.md#a-read-with-a-time-limit)`,
      ],
      [
        "(../../actions/workflows/ci.yml)",
        `(${site}/actions/workflows/ci.yml)`,
      ],
      [
        '".github/bench-dark.svg"',
        `"${site}/raw/1.2.3/.github/bench-dark.svg"`,
      ],
    ] as const
  ) {
    assertStringIncludes(readme, before);
    assertStringIncludes(absolute, after);
  }
  assertEquals(programsOf(absolute), programsOf(readme));
});

const CHANGES = "# Changes\n\nThe newest first.\n\n";

/** A directory with what a version is in. */
async function release(changes: string): Promise<TemporaryDirectory> {
  const directory = await TemporaryDirectory.make();
  const files = {
    "deno.json": JSON.stringify({ name: "@a/b", version: "1.2.3" }),
    "README.md": "# B\n\n`jsr:@pystd/socket@^1.2.3`\n",
    ".github/CHANGELOG.md": CHANGES + changes,
  };
  await directory.run('await Deno.mkdir(".github")');
  for (const [name, text] of Object.entries(files)) {
    await directory.run(
      `await Deno.writeTextFile(${JSON.stringify(name)}, ${
        JSON.stringify(text)
      })`,
    );
  }
  return directory;
}

/** Runs the task there, and shows what it leaves. */
async function bump(
  directory: TemporaryDirectory,
  ...args: string[]
): Promise<ProcessResult & { left: string }> {
  await using child = startDeno({
    file: new URL("tests/project/bump.ts", root).href,
    permissions: ["--allow-run", "--allow-read=.", "--allow-write=."],
    args,
    cwd: directory.url,
  });
  const result = await child.result();
  const left = await directory.run(
    `for (const name of ["deno.json", "README.md", ".github/CHANGELOG.md"]) {
      console.log(await Deno.readTextFile(name));
    }`,
  );
  return { ...result, left };
}

Deno.test("bump sets the version of deno.json, of README's import and of the changelog", async () => {
  await using directory = await release(
    "## Unreleased\n\nAdded\n\n- All\n\n## 1.2.3\n\nAdded\n",
  );
  const { code, left } = await bump(directory, "minor");
  assertEquals(code, 0);
  assertMatch(left, /"version": ?"1\.3\.0"/);
  assertStringIncludes(left, "`jsr:@pystd/socket@^1.3.0`");
  assertStringIncludes(
    left,
    `${CHANGES}## 1.3.0\n\nAdded\n\n- All\n\n## 1.2.3\n\nAdded\n`,
  );
});

for (
  const [situation, changes, args, message] of [
    ["without changes", "## 1.2.3\n", ["patch"], "lists no changes"],
    ["without a step", "## Unreleased\n", [], "Usage: deno task bump"],
    ["by a step that is none", "## Unreleased\n", ["much"], "much"],
  ] as const
) {
  Deno.test(`bump ${situation} says so and changes nothing`, async () => {
    await using directory = await release(changes);
    const { code, stderr, left } = await bump(directory, ...args);
    assertNotEquals(code, 0);
    assertStringIncludes(stderr, message);
    assertStringIncludes(left, '"version":"1.2.3"');
    assertStringIncludes(left, `${CHANGES}${changes}`);
  });
}
