import { assert, assertEquals } from "@std/assert";
import { checkTogether, processTest, runDeno } from "../support/child.ts";

/** Runs a program that can collect garbage; its output without the last end. */
async function run(code: string): Promise<{ code: number; out: string }> {
  const program = `
import * as socket from "@pystd/socket";
const encode = (text) => new TextEncoder().encode(text);
const decode = (data) => new TextDecoder().decode(data);
async function tcp() {
  using server = socket.create_server(["127.0.0.1", 0]);
  const client = await socket.create_connection(server.getsockname());
  const [peer] = await server.accept();
  return [client, peer];
}
/** Collects garbage until \`done\` or for so many turns of the event loop. */
async function collect(done = () => false, turns = 200) {
  for (let i = 0; i < turns && !done(); i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
/** Everything that the peer receives, when it has come to the end. */
function receiving(peer) {
  const state = { text: "", ended: false };
  (async () => {
    for (let data; (data = await peer.recv(1000)).length > 0;) {
      state.text += decode(data);
    }
    state.ended = true;
  })();
  return state;
}
${code}`;
  const result = await runDeno({
    code: program,
    permissions: ["--allow-net=127.0.0.1"],
    flags: ["--v8-flags=--expose-gc"],
    timeoutMs: 60_000,
  });
  assertEquals(result.stderr, "");
  return { code: result.code, out: result.stdout.trimEnd() };
}

/** How a program makes a file, writes to it, and drops it. */
const writers: [string, string][] = [
  [
    "a buffered file",
    `const file = client.makefile("wb"); await file.write(encode("hello"));`,
  ],
  [
    "a text file",
    `const file = client.makefile("w"); await file.write("hello");`,
  ],
  [
    "a file for reading and writing",
    `const file = client.makefile("rw"); await file.write("hello");`,
  ],
  [
    "a file that a flush has failed on",
    `const file = client.makefile("wb"); await file.write(encode("hello"));
     await file.flush({ signal: AbortSignal.abort() }).catch(() => {});`,
  ],
];

processTest(
  "a file that is dropped is flushed and closed",
  () =>
    checkTogether(writers, async (some) => {
      const { code, out } = await run(`
      ${
        some.map(([, write]) =>
          `{
        const [client, peer] = await tcp();
        await (async () => { ${write} })();
        client.close();
        const received = receiving(peer);
        await collect(() => received.ended);
        console.log(received.text, received.ended);
      }`
        ).join("\n")
      }
      Deno.exit();
    `);
      assertEquals(
        [code, out.split("\n")],
        [0, some.map(() => "hello true")],
        some.map(([name]) => name).join(", "),
      );
    }),
);

Deno.test("a file that is dropped leaves its socket open", async () => {
  const { out } = await run(`
    const [client, peer] = await tcp();
    await (async () => { client.makefile("r"); client.makefile("wb"); })();
    await collect(undefined, 20);
    await client.sendall(encode("still open"));
    console.log(decode(await peer.recv(100)));
  `);
  assertEquals(out, "still open");
});

/** Parts of a file that a program may hold while the file itself is dropped. */
const held: [string, string][] = [
  ["its binary layer", `return client.makefile("rw").buffer;`],
  ["its layer without a buffer", `return client.makefile("rb").raw;`],
  [
    "an iterator",
    `return client.makefile("r")[Symbol.asyncIterator]();`,
  ],
  ["a pending read", `return client.makefile("r").readline();`],
  [
    "a read that waits for another",
    `const file = client.makefile("r"); file.readline(); file.readline();`,
  ],
];

processTest(
  "a file object of which the program holds a part stays open",
  () =>
    checkTogether(held, async (some) => {
      const { out } = await run(`
      globalThis.held = [];
      const received = [];
      ${
        some.map(([, code]) =>
          `{
        const [client, peer] = await tcp();
        async function make() { ${code} }
        globalThis.held.push(make());
        client.close();
        received.push(receiving(peer));
      }`
        ).join("\n")
      }
      await collect(() => received.some(({ ended }) => ended), 20);
      console.log(received.map(({ ended }) => ended).join());
      Deno.exit();
    `);
      assertEquals(
        out,
        some.map(() => "false").join(),
        some.map(([name]) => name).join(", "),
      );
    }),
);

Deno.test("a pending read of a dropped file goes on, then the file closes", async () => {
  const { out } = await run(`
    const [client, peer] = await tcp();
    const line = (() => client.makefile("r").readline())();
    client.close();
    await collect(undefined, 20);
    await peer.sendall(encode("a line\\n"));
    console.log(await line);
    const received = receiving(peer);
    await collect(() => received.ended);
    console.log(received.ended);
    Deno.exit();
  `);
  assertEquals(out, "a line\n\ntrue");
});

/** Programs that end with unsent text, and what their peer receives. */
const endings: [string, string, string][] = [
  [
    "a program that ends",
    `const file = client.makefile("w"); await file.write("hello\\n");`,
    "hello\n",
  ],
  [
    "a program that ends with several files",
    `for (const text of ["one ", "two ", "three"]) {
       globalThis[text] = client.makefile("w"); await globalThis[text].write(text);
     }`,
    "one two three",
  ],
  [
    "a program with more than the kernel takes at once",
    `const file = client.makefile("w"); client.settimeout(0.001);
     await file.write("x".repeat(20_000_000)).catch(() => {});
     client.settimeout(null);`,
    "x".repeat(20_000_000),
  ],
  [
    "a program that has closed the socket, not the file",
    `const file = client.makefile("w"); client.close(); await file.write("late");`,
    "late",
  ],
  [
    "a program that has closed the file",
    `const file = client.makefile("w"); await file.write("once"); file.close();`,
    "once",
  ],
];

for (const [name, code, expected] of endings) {
  Deno.test(`${name} has its unsent text flushed`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const child = run(`
      const client = await socket.create_connection(["127.0.0.1", ${port}]);
      ${code}
    `);
    using conn = await listener.accept();
    const text = await new Response(conn.readable).text();
    assert(text === expected, `${text.length} characters`);
    assertEquals(await child, { code: 0, out: "" });
  });
}

/** Programs whose unsent text cannot be sent at their end. */
const failing: [string, string][] = [
  [
    "the peer has gone",
    `peer.close(); await file.write("text"); await client.sendall(encode("x"));
     await client.sendall(encode("x")).catch(() => {});`,
  ],
  [
    "the socket is detached from under it",
    `await file.write("text"); socket.close(client.detach());`,
  ],
];

for (const [name, code] of failing) {
  Deno.test(`a program ends with unsent text although ${name}`, async () => {
    const { code: exit, out } = await run(`
      const [client, peer] = await tcp();
      const file = client.makefile("w");
      ${code}
      console.log("the end");
    `);
    assertEquals([exit, out], [0, "the end"]);
  });
}
