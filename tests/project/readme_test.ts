import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { processTest, runDeno, startDeno } from "../support/child.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import type { ChildProcess } from "../support/process.ts";
import { python, startPython } from "../support/python.ts";
import {
  headings,
  links,
  programsOf,
  readPage,
  root,
  rows,
  section,
} from "./pages.ts";

const readme = await readPage("README.md");

Deno.test("README.md is a front page: short, and in the order of a visitor's questions", () => {
  assertLess(new TextEncoder().encode(readme).length, 10_000);
  assertLess(readme.split("\n").length, 200);
  assertEquals(headings(readme, "##"), [
    "An echo server and its client",
    "Install and run",
    "Not here",
    "Why not `Deno.connect`?",
    "Features",
    "The rules",
    "Permissions",
    "Performance",
    "Examples",
    "More",
  ]);
});

Deno.test("README.md leads to every page, the Chinese edition too", () => {
  const there = new Set(links(readme).map((link) => link.split("#")[0]));
  for (
    const page of [
      ".github/ARCHITECTURE.md",
      ".github/CHANGELOG.md",
      ".github/COMPARISON.md",
      ".github/CONTRIBUTING.md",
      ".github/SECURITY.md",
      "LICENSE",
      "examples/README.md",
      "examples/porting/DIFFERENCES.md",
      "examples/porting/OPTIONS.md",
      "examples/porting/PERMISSIONS.md",
      "examples/porting/README.md",
      "examples/porting/README.zh.md",
      "tests/bench/README.md",
    ]
  ) assert(there.has(page), page);
});

Deno.test("README.md names every entry point", async () => {
  const { exports } = JSON.parse(await readPage("deno.json"));
  const text = section(readme, "Install and run");
  for (const name of Object.keys(exports)) {
    if (name !== ".") assert(text.includes(`\`${name.slice(2)}\``), name);
  }
});

Deno.test("README.md has rows of the table of permissions as they are there", async () => {
  const all = rows(await readPage("examples/porting/PERMISSIONS.md"));
  const mine = rows(section(readme, "Permissions"));
  assertEquals(mine.length, 5);
  for (const row of mine) {
    assert(all.some((other) => other.join() === row.join()), row.join());
  }
});

Deno.test("README.md has its place for the chart and its sentence", () => {
  const text = section(readme, "Performance");
  const order = ["<picture>", "<!-- bench -->", "<!-- /bench -->"];
  for (const part of order) assertEquals(text.split(part).length, 2, part);
  const at = order.map((part) => text.indexOf(part));
  assertEquals(at.toSorted((a, b) => a - b), at);
});

Deno.test("examples/README.md lists every example", async () => {
  const page = await readPage("examples/README.md");
  const listed = rows(page).flatMap(([files]) => links(files!));
  const there: string[] = [];
  for await (const entry of Deno.readDir(new URL("examples/", root))) {
    if (entry.isFile && entry.name.endsWith(".ts")) there.push(entry.name);
  }
  // The table names `demo.ts` in what it says of the tutorial.
  assert(page.includes("(demo.ts)"));
  assertEquals([...listed, "demo.ts"].sort(), there.sort());
});

/** The programs that stand side by side. */
const [pythonServer, denoServer, pythonClient, denoClient] = programsOf(
  section(readme, "An echo server and its client"),
).map(([, program]) => program);

function start(program: string, port: number): ChildProcess {
  const code = program.replace("8000", String(port));
  return program.startsWith("import socket\n")
    ? startPython(code)
    : startDeno({ code, permissions: [`--allow-net=127.0.0.1:${port}`] });
}

for (const server of [pythonServer!, denoServer!]) {
  for (const client of [pythonClient!, denoClient!]) {
    const isPython = server === pythonServer || client === pythonClient;
    const name = `README.md has a server in ${
      server === pythonServer ? "Python" : "Deno"
    } that serves the client in ${client === pythonClient ? "Python" : "Deno"}`;
    const ignore = isPython && python === null;
    Deno.test({
      name: ignore ? `${name} (skipped: no python3)` : name,
      ignore,
      async fn() {
        await using serving = start(server, 0);
        const [, port] = await serving.readMatch(/^Listening on .* (\d+)\W*$/);
        for (let i = 0; i < 2; i++) {
          await using asking = start(client, Number(port));
          const { code, stdout } = await asking.result();
          assertEquals([code, stdout.trim()], [0, "Received: Hello, world"]);
        }
      },
    });
  }
}

processTest(
  "README.md describes truly how the module is loaded by URL",
  async () => {
    await using directory = await TemporaryDirectory.make();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async ({ url }) => {
        const file = new URL(`.${new URL(url).pathname}`, root);
        return new Response(await Deno.readTextFile(file), {
          headers: { "content-type": "application/typescript" },
        });
      },
    );
    const origin = `127.0.0.1:${server.addr.port}`;
    const url = "https://example.com/socket/mod.ts";
    const text = section(readme, "Install and run");
    assert(text.includes(`\`"${url}"\` with \`--allow-import=example.com\``));
    const code = `import * as socket from "${
      url.replace("https://example.com/socket", `http://${origin}`)
    }";
    console.log(socket.inet_ntoa(new Uint8Array([127, 0, 0, 1])));`;
    const run = (flags: string[]) =>
      runDeno({
        code,
        flags,
        importMap: null,
        cwd: directory.url,
        // Nothing of it is to stay in the cache of this machine.
        env: { DENO_DIR: fileURLToPath(new URL("cache", directory.url)) },
      });
    assertMatch((await run([])).stderr, /--allow-import/);
    assertEquals(await run([`--allow-import=${origin}`]), {
      code: 0,
      stdout: "127.0.0.1\n",
      stderr: "",
    });
  },
);
