/** Reads the project's pages of Markdown, for the tests that hold them true. */

import { assert } from "@std/assert";

/** The repository's root. */
export const root: URL = new URL("../../", import.meta.url);

/** The text of a page. */
export async function readPage(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, root));
}

/** The paths of all pages, from the root. */
export async function pagePaths(folder = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder || "./", root))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) {
      if (/^(?:\.git|node_modules|docs)$/.test(entry.name)) continue;
      found.push(...await pagePaths(`${path}/`));
    } else if (path.endsWith(".md")) found.push(path);
  }
  return found.sort();
}

/** A page without its programs, which may look like Markdown. */
export function proseOf(page: string): string {
  return page.replace(/^```[\s\S]*?^```$/gm, "");
}

/** The part of a page below a heading, up to the next one of that level. */
export function section(page: string, heading: string): string {
  const [, text] = `\n${page}`.split(`\n## ${heading}\n`);
  assert(text !== undefined, `There is no section "${heading}"`);
  return text.split("\n## ")[0]!;
}

/** The cells of each row of the first table in a text, without its head. */
export function rows(text: string): string[][] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^\| -+ \|/.test(line)) + 1;
  assert(start > 0, "There is no table");
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("|"));
  return lines.slice(start, end < 0 ? undefined : end).map(cellsOf);
}

/** The cells of the head of the first table in a text. */
export function columns(text: string): string[] {
  const head = /^\|.*\|$/m.exec(text);
  assert(head !== null, "There is no table");
  return cellsOf(head[0]);
}

function cellsOf(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}

/** What stands in backticks. */
export function codes(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

/** The headings of a page, without the mark. */
export function headings(page: string, level = "#+"): string[] {
  const pattern = new RegExp(`^${level} (.+)$`, "gm");
  return [...proseOf(page).matchAll(pattern)].map(([, heading]) => heading!);
}

/** The anchor that a heading has. */
export function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");
}

/** Where the links and pictures of a page go to. */
export function links(page: string): string[] {
  const prose = proseOf(page);
  return [/\]\(([^)\s]+)\)/g, /\b(?:src|srcset|href)="([^"]+)"/g]
    .flatMap((pattern) => [...prose.matchAll(pattern)])
    .map(([, link]) => link!);
}

/** The programs in a text, each with the language that it is marked with. */
export function programsOf(text: string): [language: string, code: string][] {
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .map(([, language, code]) => [language!, code!]);
}
