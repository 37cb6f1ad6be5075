import { assert, assertEquals } from "@std/assert";
import { runDeno } from "../support/child.ts";

/** Runs a program that measures its memory; the number that it prints. */
async function measure(code: string): Promise<number> {
  const result = await runDeno({
    code: `
import * as socket from "@pystd/socket";
const encode = (text) => new TextEncoder().encode(text);
/** Memory in use, after several collections. */
async function memory() {
  for (let i = 0; i < 5; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
async function pair(server) {
  const client = await socket.create_connection(server.getsockname());
  const [peer] = await server.accept();
  return [client, peer];
}
const server = socket.create_server(["127.0.0.1", 0]);
${code}
Deno.exit();`,
    permissions: ["--allow-net=127.0.0.1"],
    flags: ["--v8-flags=--expose-gc"],
    timeoutMs: 60_000,
  });
  assertEquals(result.stderr, "");
  return Number(result.stdout);
}

const KEPT = 400;

for (const newline of ["null", '""', '"\\n"']) {
  for (const read of ["readline()", "read(44)"]) {
    Deno.test(`a text that ${read} has returned keeps no other in memory, newline ${newline}`, async () => {
      const each = await measure(`
        const [client, peer] = await pair(server);
        const line = "the quick brown fox jumps over the lazy dog\\n";
        const block = encode(line.repeat(500));
        (async () => {
          for (let i = 0; i < ${KEPT}; i++) await peer.sendall(block);
        })();
        const file = client.makefile("r", null, { newline: ${newline} });
        const kept = [];
        await file.${read};
        const before = await memory();
        for (let i = 0; i < ${KEPT}; i++) {
          for (let j = 0; j < 499; j++) await file.${read};
          if (i < ${KEPT - 1}) kept.push(await file.${read});
        }
        console.log((await memory() - before) / ${KEPT});
        globalThis.kept = kept;
      `);
      // A chunk has 8 KiB or more.
      assert(each < 3000, `${each} bytes for a line of 44`);
    });
  }
}

const burst = `
  const sent = peer.sendall(encode("0123456789abcde\\n".repeat(20_000)));
  for (let i = 0; i < 20_000; i++) await file.readline();
  await sent;`;

/** How file objects have been used before they wait. */
const waits: [string, string, string][] = [
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

for (const [name, mode, use] of waits) {
  Deno.test(`a file that waits ${name} holds no buffer`, async () => {
    const each = await measure(`
      const CONNECTIONS = 100;
      const held = [];
      let wait = (file) => file.readline();
      async function open() {
        const [client, peer] = await pair(server);
        const file = client.makefile("${mode}");
        ${use}
        held.push(client, peer, file);
        wait(file).catch(() => {});
      }
      // Compiled code counts as memory, too.
      for (let i = 0; i < 20; i++) await open();
      const before = await memory();
      for (let i = 0; i < CONNECTIONS; i++) await open();
      console.log((await memory() - before) / CONNECTIONS);
      globalThis.held = held;
    `);
    // Two ends, of which one waits; the other, a socket without a call, has
    // 3.5 KiB. A buffer alone had 8 KiB, and after a burst 64.
    assert(each < 24_000, `${each} bytes`);
  });
}
