import { drawChart } from "./chart.ts";
import { cpuRatio, type Figures, httpSentence } from "./report.ts";

const root = new URL("../../", import.meta.url);
const frontPage = new URL("README.md", root);
const figuresPage = new URL("README.md", import.meta.url);
const markers = ["<!-- bench -->", "<!-- /bench -->"] as const;

/**
 * Checks that the pages have their markers, before the measurements take their time.
 *
 * @throws {Error} If one of the pages has no place for the figures.
 */
export async function checkPages(): Promise<void> {
  for (const page of [frontPage, figuresPage]) {
    replaceMarked(await Deno.readTextFile(page), "");
  }
}

/**
 * Writes the tables to the README.md of this folder, and the chart and its
 * sentence for the front page.
 *
 * @param report The tables.
 * @param figures What was measured.
 */
export async function writePages(
  report: string,
  figures: Figures,
): Promise<void> {
  await rewrite(figuresPage, report);
  const sentence = httpSentence(figures.rows);
  if (sentence !== null) await rewrite(frontPage, sentence);
  const bars = figures.rows.flatMap((measured) => {
    const { title, like, goalUs } = measured.row;
    const ratio = cpuRatio(measured, like)?.median;
    return ratio === undefined || goalUs !== undefined
      ? []
      : [{ title, ratio }];
  });
  for (const theme of ["light", "dark"] as const) {
    const file = new URL(`.github/bench-${theme}.svg`, root);
    await Deno.writeTextFile(file, drawChart(bars, theme));
  }
}

/**
 * Replaces what stands between the markers of a page.
 *
 * @param page The text of a page.
 * @param text What is to stand there.
 * @returns The page's new text.
 * @throws {Error} If the page does not have both markers in their order.
 */
export function replaceMarked(page: string, text: string): string {
  const [start, end] = markers.map((marker) => page.indexOf(marker));
  if (start! < 0 || end! < start!) {
    throw new Error(`Cannot write figures: no ${markers.join(" and ")}`);
  }
  const before = page.slice(0, start! + markers[0].length);
  return `${before}\n\n${text}\n\n${page.slice(end!)}`;
}

async function rewrite(page: URL, text: string): Promise<void> {
  const old = await Deno.readTextFile(page);
  await Deno.writeTextFile(page, replaceMarked(old, text));
}
