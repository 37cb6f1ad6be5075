import { assert, assertEquals } from "@std/assert";
import { runDeno, startDeno } from "../support/child.ts";
import { ignore, onLinux, prelude, withDirectory } from "../support/unix.ts";

const why = ignore ? " (skipped: no Unix sockets)" : "";

/** Binds, connects and sends, by this module and by plain Deno. */
const program = `${prelude}
  const kindOf = (error) =>
    error instanceof socket.PermissionError && error.code === "EACCES" ||
      error instanceof Deno.errors.NotCapable ? "denied" : error.code;
  const attempt = async (call) => {
    try {
      await call();
      return "works";
    } catch (error) {
      return kindOf(error);
    }
  };
  // Datagram sockets leave their files.
  const unbind = (s, path) => {
    s.close();
    if (!path.includes("\\0")) {
      try {
        Deno.removeSync(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  };
  const outcomes = {};
  for (const name of JSON.parse(Deno.args[1])) {
    const path = name.startsWith("\\0") ? name : dir + name;
    const datagram = { transport: "unixpacket", path };
    const stream = { transport: "unix", path };
    outcomes[name] = {
      connect: [
        await attempt(async () => {
          using s = unix();
          await s.connect(path);
        }),
        await attempt(async () => (await Deno.connect(stream)).close()),
      ],
      bind: [
        await attempt(() => unbind(unix(SOCK_STREAM, path), path)),
        await attempt(() => unbind(Deno.listen(stream), path)),
      ],
      datagram: [
        await attempt(() => unbind(unix(SOCK_DGRAM, path), path)),
        await attempt(() => unbind(Deno.listenDatagram(datagram), path)),
      ],
    };
  }
  console.log(JSON.stringify(outcomes));`;

type Outcomes = Record<string, Record<string, [ours: string, raw: string]>>;

/** Paths in the directory, where a server is bound to `peer`. */
const names = [
  "own",
  "owner",
  "./own",
  "other/../own",
  "own/../peer",
  "peer",
  "link",
  "missing/own",
  "",
  ...(onLinux ? ["\0abstract"] : []),
];

async function withFlags(
  dir: string,
  flags: readonly string[],
): Promise<Outcomes> {
  const { stdout, stderr } = await runDeno({
    code: program,
    permissions: flags.map((flag) => flag.replaceAll("DIR/", dir)),
    args: [dir, JSON.stringify(names)],
    unstable: true,
  });
  assertEquals(stderr, "", flags.join(" "));
  return JSON.parse(stdout);
}

const own = ["--allow-read=DIR/own", "--allow-write=DIR/own"];
const folder = ["--allow-read=DIR/", "--allow-write=DIR/"];

const rows: readonly (readonly string[])[] = [
  [],
  [...own, "--allow-net=unix:DIR/own"],
  [...own, "--allow-net"],
  [...folder, "--allow-net=unix:DIR/own"],
  [...folder, "--allow-net=unix:DIR/link"],
  [...folder, "--allow-net"],
  [...folder, "--allow-net", "--deny-net=unix:DIR/own"],
  [...folder, "--allow-net", "--deny-read=DIR/own"],
  [...folder, "--allow-net", "--deny-write=DIR/own"],
  [...folder, "--allow-net", "--deny-net"],
  [...folder, "--allow-net=127.0.0.1"],
  ["--allow-read=DIR/link", "--allow-write=DIR/link", "--allow-net"],
];

/** Keeps a server on `peer` and a link to it until the test is done. */
async function withPeer(
  test: (dir: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (dir) => {
    await using peer = startDeno({
      code: `
        const dir = Deno.args[0];
        Deno.mkdirSync(dir + "other");
        const server = Deno.listen({ transport: "unix", path: dir + "peer" });
        Deno.symlinkSync(dir + "peer", dir + "link");
        console.log("ready");
        for await (const conn of server) conn.close();`,
      permissions: ["--allow-all"],
      args: [dir],
    });
    assertEquals(await peer.readLine(), "ready");
    await test(dir);
  });
}

Deno.test({
  name:
    `AF_UNIX calls reach nothing that plain Deno does not, whatever is granted${why}`,
  ignore,
  fn: () =>
    withPeer(async (dir) => {
      for (const flags of rows) {
        const outcomes = await withFlags(dir, flags);
        for (const [name, calls] of Object.entries(outcomes)) {
          for (const [call, [ours, raw]] of Object.entries(calls)) {
            const what = `${call} ${JSON.stringify(name)}, ${flags.join(" ")}`;
            if (raw === "denied") assertEquals(ours, "denied", what);
          }
        }
      }
    }),
});

Deno.test({
  name:
    `AF_UNIX grants cover their paths only, and denials take precedence${why}`,
  ignore,
  fn: () =>
    withPeer(async (dir) => {
      const ours = async (flags: readonly string[]) =>
        Object.fromEntries(
          Object.entries(await withFlags(dir, flags))
            .map(([name, { bind, connect }]) => [
              name,
              [bind![0], connect![0]],
            ]),
        );
      const exact = await ours([...own, "--allow-net=unix:DIR/own"]);
      assertEquals(exact["own"], ["works", "ENOENT"]);
      assertEquals(exact["./own"], ["works", "ENOENT"]);
      for (const name of ["owner", "own/../peer", "peer", "link", ""]) {
        assertEquals(exact[name], ["denied", "denied"], name);
      }
      const all = await ours([...folder, "--allow-net"]);
      assertEquals(all["owner"], ["works", "ENOENT"]);
      assertEquals(all["peer"], ["EADDRINUSE", "works"]);
      for (
        const deny of [
          "--deny-net=unix:DIR/own",
          "--deny-read=DIR/own",
          "--deny-write=DIR/own",
        ]
      ) {
        const denied = await ours([...folder, "--allow-net", deny]);
        assertEquals(denied["own"], ["denied", "denied"], deny);
        assertEquals(denied["./own"], ["denied", "denied"], deny);
        assertEquals(denied["owner"], ["works", "ENOENT"], deny);
      }
      const nobody = await ours([...folder, "--allow-net", "--deny-net"]);
      assert(Object.values(nobody).flat().every((each) => each === "denied"));
    }),
});
