import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  anchorOf,
  headings,
  links,
  pagePaths,
  proseOf,
  readPage,
  root,
} from "./pages.ts";

const paths = await pagePaths();
const pages = new Map(
  await Promise.all(
    paths.map(async (path) => [path, await readPage(path)] as const),
  ),
);

/** Pages that have, or lead to, what only the repository's site knows. */
const ofTheSite = /^(?:\.\.\/)+(?:actions|security)\//;

for (const [path, page] of pages) {
  Deno.test(`${path} links to existing pages and headings`, async () => {
    for (const link of links(page)) {
      if (/^https:/.test(link)) {
        assertEquals(
          new URL(link).href.replace(/\/$/, ""),
          link.replace(/\/$/, ""),
        );
        continue;
      }
      if (ofTheSite.test(link)) continue;
      assertMatch(link, /^[\w.\/-]*(?:#[^#]+)?$/, `in ${path}`);
      const [file, anchor] = link.split("#");
      const target = file === "" ? path : new URL(file!, new URL(path, root));
      const text = target === path ? page : "";
      if (target !== path) await Deno.stat(target);
      if (anchor === undefined) continue;
      const there = headings(text || await Deno.readTextFile(target));
      assert(there.map(anchorOf).includes(anchor), `${path}: ${link}`);
    }
  });
}

Deno.test("pages name existing tasks of deno.json", async () => {
  const { tasks } = JSON.parse(await readPage("deno.json"));
  for (const [path, page] of pages) {
    for (const [, task] of page.matchAll(/deno(?:@2)? task ([\w:]+)/g)) {
      assert(task! in tasks, `${path}: ${task}`);
    }
  }
});

Deno.test("pages name existing files of the repository", async () => {
  for (const [path, page] of pages) {
    const named = proseOf(page).matchAll(
      /`((?:src|tests|examples|\.github)\/[\w.\/-]+)`/g,
    );
    for (const [, file] of named) {
      await Deno.stat(new URL(file!, root))
        .catch(() => assert(false, `${path}: ${file}`));
    }
  }
});

/** Pages whose contents a reader looks through before reading. */
const reference = paths.filter((path) =>
  /^\.github\/[A-Z]+\.md$|^examples\/porting\/[A-Z]+\.md$/.test(path) &&
  !/README|TEMPLATE/.test(path)
);

Deno.test("pages longer than two screens begin with a table of contents", () => {
  assert(reference.length > 6, reference.join());
  let listed = 0;
  for (const path of reference) {
    const page = pages.get(path)!;
    const below = headings(page, "##");
    const contents = [...page.matchAll(/^- \[([^\]]+)\]\(#([^)]+)\)$/gm)];
    if (contents.length === 0) {
      const lines = page.trimEnd().split("\n").length;
      assert(lines <= 80, `${path} has ${lines} lines and no contents`);
      continue;
    }
    assertEquals(contents.map(([, heading]) => heading), below, path);
    listed++;
  }
  assert(listed >= 4, `${listed} pages`);
});

Deno.test("pages say that a call fails with an errno, not that it is one", () => {
  for (const path of [...reference, "README.md"]) {
    const found = proseOf(pages.get(path)!).match(
      /\b(?:calls?|one port|is|are) (?:then )?`?E[A-Z]{4,}\b.*/g,
    );
    const meant = found?.filter((text) =>
      !/an unusual error is EIO/.test(text)
    );
    assertEquals(meant ?? [], [], path);
  }
});
