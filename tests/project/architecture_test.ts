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
