import { assert, assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { fullListener } from "../support/addresses.ts";
import { tcpPair } from "../support/pair.ts";
import { codes, columns, readPage, root, rows, section } from "./pages.ts";

const page = await readPage(".github/ARCHITECTURE.md");

Deno.test("ARCHITECTURE.md shows the folders of src/, each above what it imports", async () => {
  const [, diagram] = section(page, "Layers").split("```mermaid");
  const shown = [...diagram!.matchAll(/<b>(\w+)\/<\/b>/g)]
    .map(([, folder]) => folder!);
  const there: string[] = [];
  for await (const entry of Deno.readDir(new URL("src/", root))) {
    if (entry.isDirectory) there.push(entry.name);
  }
  assertEquals(shown.toSorted(), there.toSorted());
  const order = /entries --> (.*)/.exec(diagram!)![1]!.split(" --> ");
  assertEquals(order, shown);
  // The layers' own test has the folders from the lowest to the highest.
  const layers = await readPage("tests/project/layers_test.ts");
  const [, list] = /layers: readonly string\[\] = \[([^\]]+)\]/.exec(layers)!;
  const lowestFirst = [...list!.matchAll(/"(\w+)"/g)].map(([, name]) => name!);
  assertEquals(shown, lowestFirst.reverse());
});

/** A socket in each state; `stack` closes what goes with it. */
const states: Record<
  string,
  (stack: AsyncDisposableStack) => Promise<socket.Socket>
> = {
  unconnected: () => Promise.resolve(socket.socket()),
  async connecting(stack) {
    const full = stack.use(await fullListener());
    const s = socket.socket();
    s.setblocking(false);
    await s.connect_ex(full.address);
    return s;
  },
  listening: () => Promise.resolve(socket.create_server(["127.0.0.1", 0])),
  connected: async (stack) => stack.use(await tcpPair()).client,
  datagram: () =>
    Promise.resolve(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
};

const calls: Record<string, (s: socket.Socket) => unknown> = {
  accept: (s) => s.accept(),
  bind(s) {
    try {
      s.bind(["127.0.0.1", 0]);
    } catch {
      // It is bound already.
    }
    s.bind(["127.0.0.1", 0]);
  },
  connect: (s) => s.connect(["127.0.0.1", 9]),
  listen: (s) => s.listen(),
  recv: (s) => s.recv(1),
  send: (s) => s.send(new Uint8Array(1)),
  shutdown: (s) => s.shutdown(socket.SHUT_RDWR),
};

async function errnoOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return "";
  } catch (error) {
    assert(error instanceof socket.OSError, String(error));
    return error.code!;
  }
}

Deno.test("ARCHITECTURE.md has the errno of each call in each state", async () => {
  const text = section(page, "States");
  const [, ...heads] = columns(text);
  assertEquals(heads, Object.keys(states));
  const table = rows(text);
  assertEquals(table.map(([call]) => codes(call!)[0]), Object.keys(calls));
  for (const [call, ...cells] of table) {
    const name = codes(call!)[0]!;
    for (const [i, state] of heads.entries()) {
      if (cells[i] === "") continue;
      await using stack = new AsyncDisposableStack();
      const s = await states[state]!(stack);
      using _ = s;
      assertEquals(
        await errnoOf(() => calls[name]!(s)),
        cells[i],
        `${name} when ${state}`,
      );
    }
  }
  const closed = socket.socket();
  closed.close();
  for (const [name, call] of Object.entries(calls)) {
    assertEquals(await errnoOf(() => call(closed)), "EBADF", name);
  }
});

/** A limit in the source, and the words of a page that name it. */
const limits: readonly [file: string, source: string, words: string][] = [
  ["wait/event_loop.ts", "MAX_CALLS = 256;", "After 256 calls, or 1 MiB,"],
  [
    "wait/event_loop.ts",
    "MAX_BYTES = 1_048_576;",
    "After 256 calls, or 1 MiB,",
  ],
  ["wait/event_loop.ts", "REACTOR_TICKS = 64;", "waits 64 ticks"],
  ["endpoint/receive_buffer.ts", "SMALL_BYTES = 1024;", "Reads ask for 1 KiB"],
  [
    "endpoint/receive_buffer.ts",
    "MEDIUM_BYTES = 4096;",
    "to 4, 16, 64 and 256 KiB",
  ],
  [
    "endpoint/receive_buffer.ts",
    "16_384, 65_536, 262_144,",
    "to 4, 16, 64 and 256 KiB",
  ],
  [
    "endpoint/receive_buffer.ts",
    "MAX_WAITING = 524_288;",
    "hold at most 1 MiB, over",
  ],
  ["endpoint/receiver.ts", "MAX_QUEUED = 262_144;", "at most 256 KiB ahead"],
  ["endpoint/receiver.ts", "MAX_PEEK = 1_048_576;", "or 1 MiB for a peek"],
  [
    "endpoint/sender.ts",
    "CHUNK_BYTES = 65_536;",
    "of at most 64 KiB at a time",
  ],
];

Deno.test("ARCHITECTURE.md has the limits of the source", async () => {
  const text = page.replaceAll(/\s+/g, " ");
  for (const [file, source, words] of limits) {
    const code = (await readPage(`src/${file}`)).replaceAll(/\s+/g, " ");
    assert(code.includes(source), `${file}: ${source}`);
    assert(text.includes(words), words);
  }
});
