/**
 * Makes the README's relative links absolute before it is published: on JSR only
 * the README is shown, and the pages that it links to are on the repository's
 * site. They are those of the tag.
 *
 *     deno run --allow-read=README.md --allow-write=README.md tests/project/absolute_links.ts OWNER/NAME TAG
 *
 * @module
 */

/**
 * Makes the links and pictures of a page in the repository's root absolute.
 *
 * @param page The page.
 * @param repository Its owner and name on GitHub.
 * @param tag The tag, or branch, whose files the links go to.
 */
export function withAbsoluteLinks(
  page: string,
  repository: string,
  tag: string,
): string {
  const absolute = (link: string) => {
    if (/^(?:https:|#)/.test(link)) return link;
    const kind = /\.(?:svg|png)$/.test(link) ? "raw" : "blob";
    const folder = `https://github.com/${repository}/${kind}/${tag}/`;
    return new URL(link, folder).href;
  };
  // Programs are left alone: they are between the fences.
  return page.split(/^(```[\s\S]*?^```)$/m).map((part) =>
    part.startsWith("```") ? part : part
      .replaceAll(/(?<=\]\()[^)\s]+(?=\))/g, absolute)
      .replaceAll(/(?<=\b(?:src|srcset|href)=")[^"]+(?=")/g, absolute)
  ).join("");
}

if (import.meta.main) {
  const [repository = "", tag] = Deno.args;
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || !tag) {
    console.error("Usage: absolute_links.ts OWNER/NAME TAG");
    Deno.exit(1);
  }
  const page = await Deno.readTextFile("README.md");
  await Deno.writeTextFile(
    "README.md",
    withAbsoluteLinks(page, repository, tag),
  );
}
