import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { checkTogether, processTest, runDeno } from "../support/child.ts";

/** A way to use file objects, which prints what one of them holds then. */
interface Way {
  readonly name: string;
  readonly code: string;
}

/** Runs them one after the other; the number that each prints. */
async function measure(ways: readonly Way[]): Promise<number[]> {
  const { stdout, stderr } = await runDeno({
    code: `
import * as socket from "@pystd/socket";
const encode = (text) => new TextEncoder().encode(text);
/** Memory in use, after collections that find no more. */
async function memory() {
  for (let last = Infinity, i = 0; ; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { heapUsed, external } = Deno.memoryUsage();
    const used = heapUsed + external;
    if (i > 1 && used > last - 1000 || i === 9) return used;
    last = used;
  }
}
async function pair(server) {
  const client = await socket.create_connection(server.getsockname());
  const [peer] = await server.accept();
  return [client, peer];
}
const server = socket.create_server(["127.0.0.1", 0]);
// Compiled code counts as memory, too.
const WARM = 20;
${ways.map(({ code }) => `{${code}}`).join("\n")}
Deno.exit();`,
    permissions: ["--allow-net=127.0.0.1"],
    flags: ["--v8-flags=--expose-gc"],
    timeoutMs: 600_000,
  });
  assertEquals(stderr, "");
  const printed = stdout.trim().split("\n").map(Number);
  assertEquals(printed.length, ways.length);
  return printed;
}

const KEPT = 150;

const lines: readonly Way[] = ["null", '""', '"\\n"'].flatMap((newline) =>
  ["readline()", "read(44)"].map((read) => ({
    name: `${read}, newline ${newline}`,
    code: `
      const [client, peer] = await pair(server);
      // A chunk has 8 KiB or more: each block has one of its own.
      const line = "the quick brown fox jumps over the lazy dog\\n";
      const block = encode(line.repeat(20) + "x".repeat(20_000) + "\\n");
      (async () => {
        for (let i = -WARM; i < ${KEPT}; i++) await peer.sendall(block);
      })();
      const file = client.makefile("r", null, { newline: ${newline} });
      const kept = [];
      let before;
      await file.${read};
      for (let i = -WARM; i < ${KEPT}; i++) {
        if (i === 0) before = await memory();
        for (let j = 0; j < 18; j++) await file.${read};
        const text = await file.${read};
        if (i >= 0) kept.push(text);
        await file.${read.replace("44", "20_001")};
        if (i < ${KEPT - 1}) await file.${read};
      }
      console.log((await memory() - before) / ${KEPT});
      globalThis.kept = kept;`,
  }))
);

processTest(
  "a text that a file has returned keeps no other text in memory",
  () =>
    checkTogether(lines, async (some) => {
      for (const [i, each] of (await measure(some)).entries()) {
        // A chunk has 8 KiB or more.
        assertLess(each, 5000, `a line of 44, by ${some[i]!.name}`);
      }
    }),
);

const burst = `
  const sent = peer.sendall(encode(("x".repeat(999) + "\\n").repeat(150)));
  for (let i = 0; i < 150; i++) await file.readline();
  await sent;`;

/** How file objects have been used before they wait. */
const uses: readonly [name: string, mode: string, use: string][] = [
  ["at once", "rwb", ""],
  ["as text", "rw", ""],
  ["after a burst", "rwb", burst],
  ["after a burst as text", "rw", burst],
  ["after a half line", "rw", `await peer.sendall(encode("half a line"));`],
  [
    "in a large read",
    "rwb",
    `wait = (file) => file.read(1_000_000);`,
  ],
  [
    "after writes and a flush",
    "rwb",
    `for (let i = 0; i < 50; i++) await file.write(new Uint8Array(1000));
     await file.flush();
     for (let n = 0; n < 50_000;) n += (await peer.recv(65536)).length;`,
  ],
];

const waits: readonly Way[] = uses.map(([name, mode, use]) => ({
  name,
  code: `
    const CONNECTIONS = 60;
    const held = [];
    let wait = (file) => file.readline();
    async function open() {
      const [client, peer] = await pair(server);
      const file = client.makefile("${mode}");
      ${use}
      held.push(client, peer, file);
      wait(file).catch(() => {});
    }
    for (let i = 0; i < WARM; i++) await open();
    const before = await memory();
    for (let i = 0; i < CONNECTIONS; i++) await open();
    console.log((await memory() - before) / CONNECTIONS);
    for (const each of held) await each.close();`,
}));

processTest(
  "a waiting file holds no buffer, however it was used before",
  () =>
    checkTogether(waits, async (some) => {
      for (const [i, each] of (await measure(some)).entries()) {
        // Two ends, of which one waits; the other, a socket without a call, has
        // 3.5 KiB. A buffer alone had 8 KiB, and after a burst 64.
        assertLess(each, 24_000, some[i]!.name);
        // What was there before has been collected before it was measured.
        assertGreater(each, 2000, some[i]!.name);
      }
    }),
);
