import { assertEquals } from "@std/assert";
import { processTest } from "../support/child.ts";
import { runGranted } from "../support/granted.ts";
import { listener } from "../support/pair.ts";
import { outcomesOf, withBothApis } from "./calls.ts";

const everything: readonly string[] = [
  "bind() to 127.0.0.1",
  "bind() to localhost",
  "connect() to 127.0.0.1",
  "connect() to localhost",
  "connect() to LocalHost",
  "connect() to 127.1",
  "connect() to 0x7f000001",
  "connect() to 0.0.0.0",
  "connect() to ::ffff:127.0.0.1",
  "connect() from an address",
  "connect() from an address to localhost",
  "connect() without blocking",
  "connect() to localhost without blocking",
  "create_connection() to 127.0.0.1",
  "create_connection() to localhost",
  "UDP bind() to 127.0.0.1",
  "UDP bind() to localhost",
  "UDP sendto() to 127.0.0.1",
  "UDP sendto() to localhost",
  "UDP sendto() to 127.1",
  "UDP sendto() to 0.0.0.0",
  "UDP connect() to 127.0.0.1",
  "UDP sendmsg() to 127.0.0.1",
];

/** The calls by name. */
const byName = everything.filter((name) => /localhost/i.test(name));

const byAddress = everything.filter((name) => !/to localhost/i.test(name));
const fromAddress = "connect() from an address to localhost";

/** What a set of grants denies, and what gets as far as to find no listener. */
interface Denied {
  readonly denied: readonly string[];
  readonly refused?: readonly string[];
}

const nothingDenied: Denied = { denied: [] };
const allDenied: Denied = { denied: everything };
const addressDenied: Denied = { denied: [...byAddress, fromAddress] };
// What is granted the address may connect to it, but not by the name.
const nameDenied: Denied = { denied: byName };

/** What is denied of the rest where one port is: the calls bind to port 0. */
function withoutBinds({ denied }: Denied): Denied {
  return { denied: denied.filter((name) => !name.includes("bind()")) };
}

/** The outcomes of calls, as `outcomesOf()` finds them. */
type Outcomes = Readonly<Record<string, string>>;

function check(
  outcomes: Outcomes | undefined,
  { denied, refused = [] }: Denied,
  what: string,
): void {
  const expected = Object.fromEntries(
    withBothApis(everything).map((full) => {
      const name = full.replace(" by node:dgram", "");
      if (denied.includes(name)) return [full, "denied"];
      return [full, refused.includes(name) ? "refused" : ""];
    }),
  );
  const actual = Object.fromEntries(
    Object.entries(outcomes ?? {}).map(([name, text]) => [
      name,
      text.startsWith("[Errno 13] Permission denied: Requires net access to ")
        ? "denied"
        : text,
    ]),
  );
  assertEquals(actual, expected, what);
}

// Open while the file runs, so that grants can name its port; unreferenced, and
// what connects waits in the kernel's queue.
const granted = Deno.listen({ hostname: "127.0.0.1", port: 0 });
granted.unref();
const { port } = granted.addr;

/** Grants of less than the tests have. */
const lesser: readonly [net: readonly string[], Denied][] = [
  // `localhost` is also the address of IPv6 loopback, where nothing listens.
  [["[::1]"], {
    denied: everything.filter((name) =>
      name !== "create_connection() to localhost"
    ),
    refused: ["create_connection() to localhost"],
  }],
  [["localhost"], addressDenied],
  [[`localhost:${port}`, "localhost:0"], addressDenied],
];

for (const [net, denied] of lesser) {
  const what = net.join().replace(`${port}`, "PORT");
  Deno.test({
    name: `a grant for ${what} alone denies all else, with both APIs for UDP`,
    permissions: { net: [...net] },
    fn: async () =>
      check(await outcomesOf({ names: everything, port }), denied, what),
  });
}

/** What is denied when so many of the hosts that are granted have been revoked. */
interface Step extends Denied {
  readonly revoke?: readonly string[];
  /** Which of the listeners is called; the first, where nothing is said. */
  readonly listener?: number;
}

/** Flags, in which PORT1 and PORT2 are ports of listeners, and the steps. */
const rows: readonly [flags: string, ...steps: Step[]][] = [
  ["--allow-net=127.0.0.1,0.0.0.0,*.invalid", nothingDenied, {
    revoke: ["127.0.0.1"],
    ...allDenied,
  }],
  ["--allow-net=*.localhost", addressDenied],
  ["--allow-net --deny-net", allDenied],
  ["--allow-all --deny-net=127.0.0.1", allDenied],
  [
    "--allow-net=127.0.0.0/8,127.0.0.1,localhost --deny-net=127.0.0.1",
    allDenied,
    { revoke: ["127.0.0.0/8", "127.0.0.1"], ...allDenied },
  ],
  ["--allow-net --deny-net=127.0.0.0/8", allDenied],
  ["--allow-net --deny-net=localhost", nameDenied],
  [
    "--allow-net --deny-net=127.0.0.1:PORT1,localhost:PORT2",
    withoutBinds(allDenied),
    { listener: 1, ...withoutBinds(nameDenied) },
    { listener: 2, ...nothingDenied },
  ],
];

for (const [flags, ...steps] of rows) {
  const revoked = steps.flatMap(({ revoke = [] }) => revoke);
  processTest(
    `${flags}${
      revoked.map((host) => `, then without ${host},`).join("")
    } denies its targets, with both APIs for UDP`,
    async () => {
      await using listeners = new AsyncDisposableStack();
      const ports = Array.from(
        { length: 3 },
        () => listeners.use(listener()).getsockname()[1],
      );
      const outcomes = await runGranted<Outcomes>(
        "tests/permissions/calls.ts",
        flags.replace(/PORT(\d)/g, (_, n) => `${ports[n - 1]}`).split(" "),
        steps.map(({ revoke = [], listener = 0 }) => ({
          revoke: revoke.map((host) => ({ name: "net", host })),
          given: { names: everything, port: ports[listener] },
        })),
      );
      for (const [i, step] of steps.entries()) {
        check(outcomes[i], step, `step ${i + 1} with ${flags}`);
      }
    },
  );
}
