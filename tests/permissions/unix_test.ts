import { assertEquals } from "@std/assert";
import { startDeno } from "../support/child.ts";
import { runGranted } from "../support/granted.ts";
import { ignore, onLinux, withDirectory } from "../support/unix.ts";
import type { Outcomes, Wanted } from "./unix_calls.ts";

const why = ignore ? " (skipped: no Unix sockets)" : "";

/** Paths in the directory, where a server is bound to `peer`. */
const names: readonly string[] = [
  "own",
  "owner",
  "./own",
  "other/../own",
  "own/../peer",
  "peer",
  "link",
  "unread",
  "./unread",
  "unwritten",
  "./unwritten",
  "missing/own",
  "",
  ...(onLinux ? ["\0abstract"] : []),
];

/** What is revoked before a step: what it is of, and the name or the host. */
type Revoked = readonly ["net" | "read" | "write", string];

/** What `bind()` and `connect()` of some names come to in a step. */
type Expected = Readonly<Record<string, readonly [bind: string, to: string]>>;

interface Row {
  readonly flags: readonly string[];
  readonly revoked?: readonly (readonly Revoked[])[];
  /** For the first step. */
  readonly expected?: Expected;
}

const denied = ["denied", "denied"] as const;
const granted = ["works", "ENOENT"] as const;

const rows: readonly Row[] = [
  {
    flags: [
      "--allow-read=DIR/own",
      "--allow-write=DIR/own",
      "--allow-net=unix:DIR/own",
    ],
    expected: {
      "own": granted,
      "./own": granted,
      "owner": denied,
      "own/../peer": denied,
      "peer": denied,
      "link": denied,
      "": denied,
    },
    // Nothing is granted then.
    revoked: [[["read", "own"], ["write", "own"], ["net", "unix:DIR/own"]]],
  },
  {
    flags: [
      "--allow-read=DIR/own,DIR/link",
      "--allow-write=DIR/own,DIR/link",
      "--allow-net",
    ],
    revoked: [[["read", "own"], ["write", "own"]]],
  },
  {
    flags: [
      "--allow-read=DIR/",
      "--allow-write=DIR/",
      "--allow-net=unix:DIR/own,unix:DIR/link,127.0.0.1",
    ],
    revoked: [[["net", "unix:DIR/own"]], [["net", "unix:DIR/link"]]],
  },
  {
    flags: [
      "--allow-read=DIR/",
      "--allow-write=DIR/",
      "--allow-net",
      "--deny-net=unix:DIR/own",
      "--deny-read=DIR/unread",
      "--deny-write=DIR/unwritten",
    ],
    expected: {
      "own": denied,
      "./own": denied,
      "unread": denied,
      "./unread": denied,
      "unwritten": denied,
      "./unwritten": denied,
      "owner": granted,
      "peer": ["EADDRINUSE", "works"],
    },
  },
  {
    flags: [
      "--allow-read=DIR/",
      "--allow-write=DIR/",
      "--allow-net",
      "--deny-net",
    ],
    expected: Object.fromEntries(names.map((name) => [name, denied])),
  },
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
    `AF_UNIX grants cover their paths only, denials take precedence, and nothing is reached that plain Deno does not${why}`,
  ignore,
  fn: () =>
    withPeer(async (dir) => {
      const given: Wanted = { dir, names };
      for (const { flags, revoked = [], expected = {} } of rows) {
        const steps = [[], ...revoked].map((each: readonly Revoked[]) => ({
          revoke: each.map(([name, what]) =>
            name === "net"
              ? { name, host: what.replace("DIR/", dir) } as const
              : { name, path: dir + what } as const
          ),
          given,
        }));
        const outcomes = await runGranted<Outcomes>(
          "tests/permissions/unix_calls.ts",
          flags.map((flag) => flag.replaceAll("DIR/", dir)),
          steps,
        );
        for (const [i, step] of outcomes.entries()) {
          for (const [name, calls] of Object.entries(step)) {
            for (const [call, [ours, raw]] of Object.entries(calls)) {
              const what = `${call} ${JSON.stringify(name)}, step ${i}`;
              if (raw !== "denied") continue;
              assertEquals(ours, "denied", `${what}, ${flags.join(" ")}`);
            }
          }
        }
        for (const [name, [bind, to]] of Object.entries(expected)) {
          const { bind: [bound], connect: [connected] } = outcomes[0]![name]!;
          const what = `${JSON.stringify(name)}, ${flags.join(" ")}`;
          assertEquals([bound, connected], [bind, to], what);
        }
      }
    }),
});
