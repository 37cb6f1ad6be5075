import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as select from "@pystd/socket/select";
import * as selectors from "@pystd/socket/selectors";
import { processTest, runDeno } from "../support/child.ts";
import { tcpPair } from "../support/pair.ts";
import { within } from "../support/within.ts";

// deno-lint-ignore no-explicit-any
const any = (value: unknown): any => value;

Deno.test("select(), poll() and selectors take the timeout by name", async () => {
  await using pair = await tcpPair();
  const { peer } = pair;
  assertEquals(
    await within(select.select([peer], [], [], { timeout: 0 })),
    [[], [], []],
  );
  const poller = select.poll();
  poller.register(peer, { eventmask: select.POLLIN });
  assertEquals(await within(poller.poll({ timeout: 0 })), []);
  using sel = new selectors.DefaultSelector();
  sel.register(peer, selectors.EVENT_READ);
  assertEquals(await within(sel.select({ timeout: 0 })), []);

  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  for (
    const call of [
      () => select.select([peer], [], [], { timeout: 5, signal }),
      () => poller.poll({ signal }),
      () => sel.select({ timeout: null, signal }),
    ]
  ) {
    assertStrictEquals(await call().catch((error) => error), reason);
  }
});

const twice: readonly [string, () => Promise<unknown>][] = [
  ["select", () => select.select([], [], [], 1, any({ timeout: 1 }))],
  ["select", () => select.select([], [], [], null, any({ timeout: 1 }))],
  ["poll", () => select.poll().poll(1, any({ timeout: 1 }))],
  [
    "select",
    async () => {
      using sel = new selectors.DefaultSelector();
      return await sel.select(1, any({ timeout: 1 }));
    },
  ],
];
for (const [index, [action, call]] of twice.entries()) {
  Deno.test(`a timeout that is given twice fails with a TypeError (${index})`, async () => {
    await assertRejects(
      call,
      TypeError,
      `Cannot ${action}: timeout was given twice`,
    );
  });
}

const streams: readonly [string, unknown][] = [
  ["Deno.stdin", Deno.stdin],
  ["Deno.stdout", Deno.stdout],
  ["Deno.stderr", Deno.stderr],
];
for (const [name, stream] of streams) {
  Deno.test(`select() of ${name} names it, and the remedy`, async () => {
    await using pair = await tcpPair();
    const text =
      `received ${name}, which has no descriptor here; read it in a task of its own`;
    await assertRejects(
      () => select.select([pair.peer, any(stream)], [], []),
      TypeError,
      text,
    );
    assertThrows(() => select.poll().register(any(stream)), TypeError, text);
    using sel = new selectors.DefaultSelector();
    assertThrows(() => sel.register(stream, 1), TypeError, text);
  });
}

Deno.test("select() of a Deno.FsFile reports that it has no descriptor", async () => {
  using file = await Deno.open("deno.json");
  await assertRejects(
    () => select.select([any(file)], [], []),
    TypeError,
    "received a Deno.FsFile, which has no descriptor here",
  );
});

processTest("a socket of another copy of the package is rejected", async () => {
  const { stdout: made } = await new Deno.Command("sh", {
    args: [
      "-c",
      'folder=$(mktemp -d) && cp -r mod.ts src "$folder" && echo "$folder"',
    ],
  }).output();
  const folder = new TextDecoder().decode(made).trim();
  const { code, stdout, stderr } = await runDeno({
    code: `
      import * as one from "@pystd/socket";
      import { poll, select } from "@pystd/socket/select";
      import { DefaultSelector } from "@pystd/socket/selectors";
      const folder = Deno.args[0];
      const other = await import("file://" + folder + "/mod.ts");
      const [a, b] = await other.socketpair();
      const mine = one.socket();
      const file = a.makefile("rb");
      const messages = new Set();
      const note = (error) => void messages.add(error.constructor.name + " " + error.message.replace(/^Cannot \\w+: /, ""));
      for (const foreign of [a, file]) {
        await select([foreign], [], [], 0).catch(note);
        try { poll().register(foreign); } catch (error) { note(error); }
        try { new DefaultSelector().register(foreign, 1); } catch (error) { note(error); }
      }
      // What only has a fileno() of its own is asked for it.
      const own = await select([{ fileno: () => mine.fileno() }], [], [], 0);
      console.log(JSON.stringify([...messages]), own[0].length);
      await file.close();
      for (const each of [a, b, mine]) each.close();`,
    permissions: ["--allow-net=127.0.0.1", "--allow-read"],
    args: [folder],
  });
  await new Deno.Command("rm", { args: ["-r", folder] }).output();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    `["TypeError the socket is of another copy of the package; import @pystd/socket and its other entry points in one version"] 1\n`,
  );
});

processTest(
  "errors of select() and of name functions begin where they were called",
  async () => {
    const { stdout, stderr } = await runDeno({
      code: `
      import * as socket from "@pystd/socket";
      import * as select from "@pystd/socket/select";
      import * as selectors from "@pystd/socket/selectors";
      const name = "x".repeat(64) + ".invalid";
      const late = (call) => async () => {
        const [a, b] = await socket.socketpair();
        setTimeout(() => a.close(), 10);
        try { await call(a); } finally { b.close(); }
      };
      const calls = {
        getaddrinfo: async () => await socket.getaddrinfo(name, 80),
        gethostbyname: async () => await socket.gethostbyname(name),
        gethostbyname_ex: async () => await socket.gethostbyname_ex(""),
        gethostbyaddr: async () => await socket.gethostbyaddr(""),
        getnameinfo: async () => await socket.getnameinfo(["x", 80], 0),
        gethostname: async () => socket.gethostname(),
        getservbyname: async () => socket.getservbyname("none"),
        getservbyport: async () => socket.getservbyport(2),
        getprotobyname: async () => socket.getprotobyname("none"),
        inet_aton: async () => socket.inet_aton("x"),
        inet_ntoa: async () => socket.inet_ntoa(new Uint8Array(3)),
        inet_pton: async () => socket.inet_pton(socket.AF_INET, "x"),
        if_nametoindex: async () => socket.if_nametoindex("none"),
        if_indextoname: async () => socket.if_indextoname(4294967295),
        if_nameindex: async () => socket.if_nameindex(),
        "select at once": async () => await select.select([987654], [], []),
        "select later": late(async (a) => await select.select([a], [], [])),
        "modify": async () => select.poll().modify(987654, 1),
        "register": async () => new selectors.DefaultSelector().register(987654, 1),
        "subclass later": late(async (a) => {
          class Own extends selectors.DefaultSelector {
            async select(...rest) {
              return await super.select(...rest);
            }
          }
          const sel = new Own();
          sel.register(a, 1);
          await sel.select();
        }),
        "selector later": late(async (a) => {
          const sel = new selectors.DefaultSelector();
          sel.register(a, 1);
          await sel.select();
        }),
      };
      for (const [name, call] of Object.entries(calls)) {
        try {
          await call();
          console.log(name, "did not fail");
        } catch (error) {
          const frames = error.stack.split("\\n").filter((line) => /^ +at /.test(line));
          const first = frames[0] ?? "none";
          const ours = frames.some((line) => /\\/src\\//.test(line));
          if (!(error instanceof socket.OSError) || /\\/src\\//.test(first) || ours || frames.length === 0) console.log(name, error.stack);
        }
      }
      console.log("end");
      Deno.exit();`,
      permissions: ["--allow-net=127.0.0.1," + "x".repeat(64) + ".invalid"],
    });
    assertEquals([stdout, stderr], ["end\n", ""]);
  },
);
