import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { processTest } from "../support/child.ts";
import { ChildProcess, root } from "../support/process.ts";
import { TemporaryDirectory } from "../support/temporary.ts";

interface Configuration {
  exports: Record<string, string>;
  tasks: Record<string, { command: string }>;
}

const { exports: entries, tasks }: Configuration = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", root)),
);

/** The reference, as `deno task doc:html` builds it. */
class Reference implements AsyncDisposable {
  /** The paths of the pages. */
  readonly pages: ReadonlySet<string>;
  readonly #directory: TemporaryDirectory;

  private constructor(directory: TemporaryDirectory, pages: Set<string>) {
    this.#directory = directory;
    this.pages = pages;
  }

  static async build(): Promise<Reference> {
    const directory = await TemporaryDirectory.make();
    // Deno removes the folder and makes it anew.
    const output = fileURLToPath(new URL("reference", directory.url));
    const [, ...args] = tasks["doc:html"]!.command.split(" ");
    await using process = new ChildProcess(
      "deno doc",
      Deno.execPath(),
      args.map((arg) =>
        arg.startsWith("--output=") ? `--output=${output}` : arg
      ),
      { env: { NO_COLOR: "1" } },
    );
    const { code, stdout, stderr } = await process.result();
    // Without a warning, which file it wrote is all that it says.
    assertMatch(stdout + stderr, /^Written \d+ files to ".*"\n$/);
    assertEquals(code, 0);
    const paths = await directory.run(`
      function* pagesIn(folder) {
        for (const { name, isDirectory } of Deno.readDirSync("reference/" + folder)) {
          if (isDirectory) yield* pagesIn(folder + name + "/");
          else if (name.endsWith(".html")) yield folder + name;
        }
      }
      console.log(JSON.stringify([...pagesIn("")]));
    `);
    return new Reference(directory, new Set(JSON.parse(paths)));
  }

  /** The HTML of pages. */
  async read(paths: readonly string[]): Promise<string[]> {
    const all = await this.#directory.run(`
      const all = ${
      JSON.stringify(paths)
    }.map((path) => Deno.readTextFileSync("reference/" + path));
      console.log(JSON.stringify(all));
    `);
    return JSON.parse(all);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** What a reader sees. */
function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, "")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&#x27;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** The doc comment at the head of a module. */
async function moduleDoc(path: string): Promise<string> {
  const source = await Deno.readTextFile(new URL(path, root));
  const [, doc] = /^\/\*\*\n([^]*?)\n \*\//.exec(source) ?? [];
  assert(doc !== undefined, `${path} does not open with a doc comment`);
  return doc.replaceAll(/^ \* ?/gm, "");
}

/** The names of the symbols that a page links to. */
function linked(html: string): Set<string> {
  const names = new Set<string>();
  for (const [, name] of html.matchAll(/href="[^"#]*~\/([^"\/]+)\.html"/g)) {
    names.add(decodeURIComponent(name!));
  }
  return names;
}

/** The body of a page, without what stands beside it. */
function mainOf(html: string): string {
  const [, doc] = /<div class="markdown">([^]*?)<\/div>/.exec(html) ?? [];
  assert(doc !== undefined, "the page says nothing");
  return doc;
}

Deno.test("the reference is built without a warning, and links to each symbol", async (t) => {
  await using reference = await Reference.build();
  const { pages } = reference;

  await t.step("each entry point opens with its module page", async () => {
    for (const [name, file] of Object.entries(entries)) {
      const path = name === "." ? "index.html" : `${name.slice(2)}/index.html`;
      assert(pages.has(path), `no page of ${name}`);
      const [html] = await reference.read([path]);
      const page = textOf(mainOf(html!)).replaceAll(/\s+/g, " ");
      const doc = await moduleDoc(file);
      const plain = doc.replaceAll(/\{@linkcode (\S+)\}|`/g, "$1");
      const [title] = plain.split(/\.(?:\s|$)/);
      assertStringIncludes(page, title!.replaceAll(/\s+/g, " "));
      const [, example] = /```ts\n([^]*?)```/.exec(doc) ?? [];
      assert(example !== undefined, `no example in ${file}`);
      assertStringIncludes(page, example.trim().replaceAll(/\s+/g, " "));
      assertStringIncludes(example, `"@pystd/socket${name.slice(1)}"`);
      assertStringIncludes(doc, "https://docs.python.org/3/library/");
    }
  });

  await t.step("the first page links to all that is no constant", async () => {
    const [html] = await reference.read(["index.html"]);
    const links = linked(mainOf(html!));
    const named = [...pages].flatMap((path) => {
      const [, name] = /^~\/([^.]+)\.html$/.exec(path) ?? [];
      return name === undefined || /^[A-Z0-9]+_|^SOMAXCONN/.test(name)
        ? []
        : [name];
    });
    assert(named.length > 80, `${named.length} names`);
    assertEquals(named.filter((name) => !links.has(name)), []);
  });

  await t.step("the page of Socket links to each member", async () => {
    const [html] = await reference.read(["~/Socket.html"]);
    const [, groups] = html!.split(/<h3[^>]*>[^]*?Members by task/);
    const links = [...linked(groups!.split("</div>")[0]!)];
    const members = [...pages].flatMap((path) =>
      /^~\/(Socket\.prototype\..+)\.html$/.exec(path)?.[1] ?? []
    );
    assert(members.length > 45, `${members.length} members`);
    assertEquals(links.toSorted(), members.toSorted());
  });

  await t.step("the page of each member says what it does", async () => {
    const paths = [...pages].filter((path) =>
      /^~\/(Socket|IOBase)\.prototype\..+\.html$/.test(path)
    );
    for (const [index, html] of (await reference.read(paths)).entries()) {
      assert(/<div class="markdown">/.test(html), `${paths[index]} is bare`);
    }
  });

  await t.step("the pages link to pages that there are", async () => {
    const from = [...pages].filter((path) =>
      !path.startsWith("~/") || /^~\/(Socket|IOBase|OSError)\b/.test(path)
    );
    for (const [index, html] of (await reference.read(from)).entries()) {
      const base = new URL(from[index]!, "https://reference.test/");
      assert(!html.includes("{@link"), `${from[index]} has a link as text`);
      for (const [, href] of html.matchAll(/ href="([^"#]+\.html)/g)) {
        const url = new URL(href!.replaceAll("&#x2F;", "/"), base);
        if (url.host !== base.host) continue;
        const path = decodeURIComponent(url.pathname).slice(1);
        assert(pages.has(path), `${from[index]} links to ${path}`);
      }
    }
  });
});

processTest(
  "the reference lists a class with two names once",
  async () => {
    await using process = new ChildProcess(
      "deno doc",
      Deno.execPath(),
      ["doc", "mod.ts", "src/select.ts", "src/ssl.ts"],
      { env: { NO_COLOR: "1" } },
    );
    const { stdout } = await process.result();
    const aliases = {
      SocketType: 1,
      error: 2,
      timeout: 1,
      CertificateError: 1,
    };
    for (const [name, entries] of Object.entries(aliases)) {
      const listed = stdout.match(new RegExp(`^reference ${name}: `, "gm"));
      assertEquals(listed?.length, entries, name);
      assertEquals(stdout.match(new RegExp(`^class ${name}\\b`, "m")), null);
    }
  },
);
