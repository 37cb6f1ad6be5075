import { assert, assertEquals } from "@std/assert";
import { checkTogether, processTest, startDeno } from "../support/child.ts";
import type { ChildProcess } from "../support/process.ts";
import { within } from "../support/within.ts";

/** Begins every program, which can collect garbage. */
const prelude = `
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
`;

function start(code: string): ChildProcess {
  return startDeno({
    code: prelude + code,
    permissions: ["--allow-net=127.0.0.1"],
    flags: ["--v8-flags=--expose-gc"],
  });
}

/** Runs a program to its end; its output without the last end. */
async function run(code: string): Promise<{ code: number; out: string }> {
  await using child = start(code);
  const { code: status, stdout, stderr } = await child.result();
  assertEquals(stderr, "");
  return { code: status, out: stdout.trimEnd() };
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

/** Programs that drop files or parts of them, and what they print. */
const programs: readonly [what: string, code: string, prints: string[]][] = [
  ...writers.map(([name, write]): [string, string, string[]] => [
    `${name} that is dropped is flushed and closed`,
    `
    const [client, peer] = await tcp();
    await (async () => { ${write} })();
    client.close();
    const received = receiving(peer);
    await collect(() => received.ended);
    console.log(received.text, received.ended);`,
    ["hello true"],
  ]),
  [
    "a file that is dropped leaves its socket open",
    `
    const [client, peer] = await tcp();
    await (async () => { client.makefile("r"); client.makefile("wb"); })();
    await collect(undefined, 20);
    await client.sendall(encode("still open"));
    console.log(decode(await peer.recv(100)));`,
    ["still open"],
  ],
  [
    "a file object of which the program holds a part stays open",
    `
    globalThis.held = [];
    const received = [];
    for (const make of [${
      held.map(([, code]) => `async (client) => { ${code} }`).join()
    }]) {
      const [client, peer] = await tcp();
      globalThis.held.push(make(client));
      client.close();
      received.push(receiving(peer));
    }
    await collect(() => received.some(({ ended }) => ended), 20);
    for (const { ended } of received) console.log(ended);`,
    held.map(() => "false"),
  ],
  [
    "a pending read of a dropped file goes on, then the file closes",
    `
    const [client, peer] = await tcp();
    const line = (() => client.makefile("r").readline())();
    client.close();
    await collect(undefined, 20);
    await peer.sendall(encode("a line\\n"));
    console.log((await line).trimEnd());
    const received = receiving(peer);
    await collect(() => received.ended);
    console.log(received.ended);`,
    ["a line", "true"],
  ],
];

processTest(
  "a file that is dropped is flushed and closed, unless a part of it is held or a call is pending",
  () =>
    checkTogether(programs, async (some) => {
      const { code, out } = await run(
        some.map(([what, code]) =>
          `console.log(${JSON.stringify(what)}); {${code}}`
        ).join("\n") + "\nDeno.exit();",
      );
      assertEquals(
        [code, out.split("\n")],
        [0, some.flatMap(([what, , prints]) => [what, ...prints])],
      );
    }),
);

/** More than the kernel takes while nothing is received. */
const MUCH = 12_000_000;

/** What a program leaves unsent at its end, and what its peer receives. */
const endings: readonly [what: string, code: string, expected: string][] = [
  [
    "a file",
    `const file = client.makefile("w"); await file.write("hello\\n");
     return file;`,
    "hello\n",
  ],
  [
    "several files",
    `const files = [];
     for (const text of ["one ", "two ", "three"]) {
       files.push(client.makefile("w")); await files.at(-1).write(text);
     }
     return files;`,
    "one two three",
  ],
  [
    "more than the kernel takes at once",
    `const file = client.makefile("w"); client.settimeout(0.001);
     await file.write("x".repeat(${MUCH})).catch(() => {});
     client.settimeout(null);
     return file;`,
    "x".repeat(MUCH),
  ],
  [
    "a file whose socket is closed",
    `const file = client.makefile("w"); client.close(); await file.write("late");
     return file;`,
    "late",
  ],
  [
    "a file that is being closed",
    `const file = client.makefile("w"); await file.write("once"); file.close();
     return file;`,
    "once",
  ],
];

processTest(
  "a program that ends has its unsent text flushed",
  () =>
    checkTogether(endings, async (some) => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr as Deno.NetAddr;
      await using child = start(`
      globalThis.held = [];
      for (const leave of [${
        some.map(([, code]) => `async (client) => { ${code} }`).join()
      }]) {
        const client = await socket.create_connection(["127.0.0.1", ${port}]);
        globalThis.held.push(client, await leave(client));
      }
      console.log("the end");`);
      const conns: Deno.TcpConn[] = [];
      for (const _ of some) conns.push(await listener.accept());
      // Nothing is received before, so it is the end that sends the most of it.
      assertEquals(await child.readLine(), "the end");
      // All at once: a connection ends with the process, which ends with all.
      const texts = await within(
        Promise.all(conns.map((conn) => new Response(conn.readable).text())),
      );
      for (const [i, [what, , expected]] of some.entries()) {
        assert(
          texts[i] === expected,
          `${what}: ${texts[i]!.length} characters`,
        );
      }
      assertEquals(await child.result(), { code: 0, stdout: "", stderr: "" });
    }),
);

/** Programs whose unsent text cannot be sent at their end. */
const failing: readonly string[] = [
  // The peer has gone.
  `peer.close(); await file.write("text"); await client.sendall(encode("x"));
   await client.sendall(encode("x")).catch(() => {});`,
  // The socket is detached from under it.
  `await file.write("text"); socket.close(client.detach());`,
];

processTest(
  "a program ends although its unsent text cannot be sent",
  () =>
    checkTogether(failing, async (some) => {
      const { code, out } = await run(`
      globalThis.held = [];
      for (const fail of [${
        some.map((code) => `async (client, peer, file) => { ${code} }`).join()
      }]) {
        const [client, peer] = await tcp();
        const file = client.makefile("w");
        globalThis.held.push(client, peer, file);
        await fail(client, peer, file);
      }
      console.log("the end");`);
      assertEquals([code, out], [0, "the end"]);
    }),
);
