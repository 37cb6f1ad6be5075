import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import * as socket from "@pystd/socket";
import { absent } from "../support/absent.ts";
import { runDeno, startDeno } from "../support/child.ts";
import { listener } from "../support/pair.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import type { ChildProcess } from "../support/process.ts";
import { python, runPython, startPython } from "../support/python.ts";

const root = new URL("../../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));

/** The text below a heading, up to the next one. */
function section(heading: string): string {
  const [, text] = readme.split(`\n## ${heading}\n`);
  assert(text !== undefined, `There is no section "${heading}"`);
  return text.split("\n## ")[0]!;
}

/** The cells of each row of the first table in a section. */
function rows(heading: string): string[][] {
  const lines = section(heading).split("\n");
  const start = lines.findIndex((line) => /^\| -+ \|/.test(line)) + 1;
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("|"));
  return lines.slice(start, end).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

/** What stands in backticks. */
function codes(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

Deno.test("README.md links to files, and names tasks, that are there", async () => {
  for (const [, link] of readme.matchAll(/\]\(([^)]+)\)/g)) {
    assertMatch(link!, /^([\w./]+|#[\w-]+)$/);
    if (link!.startsWith("#")) {
      const heading = link!.slice(1).replaceAll("-", " ");
      assertMatch(readme, new RegExp(`^## ${heading}$`, "im"));
    } else {
      await Deno.stat(new URL(link!, root));
    }
  }
  const { tasks } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", root)),
  );
  for (const [, task] of readme.matchAll(/\btask (\w+)/g)) {
    assert(task! in tasks, task);
  }
});

Deno.test("README.md lists every example", async () => {
  const listed = section("Examples").matchAll(/\(examples\/(\w+\.ts)\)/g);
  const there: string[] = [];
  for await (
    const { name, isFile } of Deno.readDir(new URL("examples/", root))
  ) {
    if (isFile) there.push(name);
  }
  assertEquals([...listed].map(([, name]) => name!).sort(), there.sort());
});

Deno.test("README.md lists the absent names with their reasons", () => {
  assertEquals(
    rows("Names that are absent"),
    absent.map(({ names, reason }) => [names, reason]),
  );
});

Deno.test("README.md lists the options that there are, and no other", () => {
  using stream = socket.socket(socket.AF_INET6, socket.SOCK_STREAM);
  using datagram = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
  using ipv4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  const levels = [
    socket.SOL_SOCKET,
    socket.IPPROTO_TCP,
    socket.IPPROTO_IPV6,
    socket.IPPROTO_IP,
  ];
  const listed = new Set(
    rows("Socket options").flatMap(([cell]) => codes(cell!)),
  );
  for (const [name, option] of Object.entries(socket)) {
    if (!/^(SO|TCP|IPV6|IP)_[A-Z]/.test(name)) continue;
    const prefix = ["SO_", "TCP_", "IPV6_", "IP_"].findIndex((p) =>
      name.startsWith(p)
    );
    const level = levels[prefix]!;
    const sockets: socket.Socket[] = [stream, datagram, ipv4];
    const isThere = sockets.some((s) => {
      try {
        s.getsockopt(level, option as number);
        return true;
      } catch (error) {
        assert(error instanceof socket.OSError);
      }
      // One that is to be set only asks for more bytes.
      try {
        s.setsockopt(level, option as number, new Uint8Array(0));
      } catch (error) {
        assert(error instanceof socket.OSError);
        return error.code === "EINVAL";
      }
      return false;
    });
    if (option !== undefined) assertEquals(isThere, listed.has(name), name);
  }
});

const calls = rows("Permissions").flatMap(([call, needs]) => {
  const code = codes(call!)[0] ?? "";
  if (!code.includes("(")) return [];
  const flags = codes(needs!).filter((flag) => flag.startsWith("--"));
  return flags.map((flag) => [code, flag] as const);
});

for (const [call, flag] of calls) {
  Deno.test(`README.md says that ${call} needs ${flag}`, async () => {
    const peer = listener();
    const port = String(peer.getsockname()[1]);
    // A port to bind to has to be free.
    if (/bind|listen|create_server/.test(call)) peer.close();
    using _ = peer;
    const code = `
      import * as socket from "@pystd/socket";
      const data = new Uint8Array(1);
      const s = socket.socket();
      const u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      try {
        ${call.replaceAll("8000", port)}
        console.log("granted");
      } catch (error) {
        console.log(error.name, error.message);
      }`;
    const [name, values] = flag.replaceAll("8000", port).split("=");
    const grants = values!.split(",");
    const withGrants = async (granted: string[]) => {
      const permissions = granted.length === 0 ? [] : [`${name}=${granted}`];
      const { stdout, stderr } = await runDeno({ code, permissions });
      assertEquals(stderr, "");
      return stdout;
    };
    assertEquals(await withGrants(grants), "granted\n");
    for (const grant of grants) {
      assertMatch(
        await withGrants(grants.filter((other) => other !== grant)),
        new RegExp(`^PermissionError .*run again with the ${name} flag`),
      );
    }
  });
}

assert(calls.length > 10);

/** The programs that stand side by side. */
const [pythonServer, denoServer, pythonClient, denoClient] = [
  ...section("An echo server and its client").matchAll(
    /```(?:python|ts ignore)\n([\s\S]*?)```/g,
  ),
].map(([, program]) => program!);

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

Deno.test("README.md says truly that the module is loaded by URL, and what that needs", async () => {
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
  const program =
    `import * as socket from "https://example.com/socket/mod.ts";`;
  assert(readme.includes(program.slice(0, -1)));
  assert(section("Install").includes("`--allow-import=example.com`"));
  const code = `${
    program.replace("https://example.com/socket", `http://${origin}`)
  }
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
});

/** What the table of features says, by column and row. */
function features(): Record<string, Record<string, boolean>> {
  const heading = "How it compares";
  const [, ...columns] = section(heading).match(/^\|.*\|$/m)![0]
    .split("|").slice(1, -1).map((cell) => cell.trim());
  return Object.fromEntries(columns.map((column, i) => [
    column,
    Object.fromEntries(
      rows(heading).map(([what, ...cells]) => {
        assert(cells[i], `${column} says nothing of ${what}`);
        return [what!, !cells[i].startsWith("–")];
      }),
    ),
  ]));
}

const onLinux = Deno.build.os === "linux" ? "" : " (skipped: made on Linux)";

Deno.test({
  name: `README.md says truly what Deno and this module have${onLinux}`,
  ignore: onLinux !== "",
  async fn() {
    await using directory = await TemporaryDirectory.make();
    const { code, stdout, stderr } = await runDeno({
      file: "tests/project/readme/features.ts",
      args: [fileURLToPath(directory.url)],
      permissions: ["--allow-net", "--allow-read", "--allow-write"],
      unstable: true,
    });
    assertEquals([code, stderr], [0, ""]);
    const table = features();
    const found: typeof table = JSON.parse(stdout);
    assertEquals(Object.keys(found).length, 3);
    for (const [column, each] of Object.entries(found)) {
      assertEquals(table[column], each, column);
    }
  },
});

const noPython = onLinux || (python === null ? " (skipped: no python3)" : "");

Deno.test({
  name: `README.md says truly what Python has${noPython}`,
  ignore: noPython !== "",
  async fn() {
    const program = new URL("tests/project/readme/features.py", root);
    const { found, notes } = JSON.parse(
      await runPython(await Deno.readTextFile(program)),
    );
    const table = features();
    for (const column of ["Python `socket`", "`asyncio` streams"]) {
      assertEquals(table[column], found[column], column);
    }
    assertEquals(notes, {
      "a file object after a timeout": false,
      "MSG_WAITALL with a timeout": false,
    });
  },
});
