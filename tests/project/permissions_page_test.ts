import { assert, assertEquals, assertMatch } from "@std/assert";
import { closedAddress } from "../support/addresses.ts";
import { processTest, runDeno } from "../support/child.ts";
import { listener } from "../support/pair.ts";
import { canRun } from "../support/process.ts";
import { codes, readPage, root, rows, section } from "./pages.ts";

const page = await readPage("examples/porting/PERMISSIONS.md");

/** A call of the table with some grants: all that it needs, or all but one. */
interface Trial {
  readonly call: string;
  readonly flags: string;
  /** `granted`, or the flag that its error names. */
  readonly expected: string;
}

/** Each call of the table, with each of the flags that are enough for it. */
const calls = rows(page).flatMap(([call, needs]) => {
  const code = codes(call!)[0] ?? "";
  // A connection of Deno's own has had its grant before.
  if (!code.includes("(") || code.includes("conn)")) return [];
  const flags = codes(needs!).filter((flag) => flag.startsWith("--"));
  return (flags.length > 0 ? flags : [""]).map((flag) =>
    // A port to bind to is another one than that of the server.
    /bind\(\S+, 8000|create_server/.test(code)
      ? [code.replace("8000", "FREE"), flag.replace("8000", "FREE")] as const
      : [code, flag] as const
  );
});

const trials = calls.flatMap(([call, flag]): Trial[] => {
  const [name, values = ""] = flag.split("=");
  const grants = values.split(",");
  const without = grants.map((grant) => {
    const others = grants.filter((other) => other !== grant);
    return others.length === 0 ? "" : `${name}=${others}`;
  });
  return [
    { call, flags: flag, expected: "granted" },
    ...(flag === "" ? [] : without).map((flags): Trial => ({
      call,
      flags,
      expected: name!,
    })),
  ];
});

/** Calls that are made with some grants. */
interface Group {
  /** A flag, or none. */
  readonly flags: string;
  readonly calls: readonly string[];
}

/** The program of a worker that makes calls, and posts the outcome of each. */
function programOf(calls: readonly string[]): string {
  return `
    import * as socket from "@pystd/socket";
    import * as ssl from "@pystd/socket/ssl";
    const outcomes = [];
    const data = new Uint8Array(1);
    const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
    ${
    calls.map((call) =>
      `{
      const s = socket.socket();
      const u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      try {
        ${
        call.includes(";") ? call : `const made = ${call};
        for (const each of [made].flat()) {
          await each?.[Symbol.asyncDispose]?.();
        }`
      }
        outcomes.push("granted");
      } catch (error) {
        outcomes.push(error.name + " " + error.message);
      }
      await s[Symbol.asyncDispose]();
      await u[Symbol.asyncDispose]();
    }`
    ).join("\n")
  }
    postMessage(outcomes);`;
}

/** The grants of a worker that are those of a flag of the command line. */
function grantsOf(flags: string): Record<string, true | string[]> {
  const [, name, values] = /^--allow-([a-z]+)(?:=(.+))?$/.exec(flags) ?? [];
  return name === undefined ? {} : { [name]: values?.split(",") ?? true };
}

/**
 * The outcomes of calls in programs that have some grants each: workers of one
 * process, which cost a tenth of processes.
 */
async function outcomes(groups: readonly Group[]): Promise<string[][]> {
  const workers = groups.map(({ flags, calls }) => ({
    permissions: grantsOf(flags),
    url: `data:text/javascript,${encodeURIComponent(programOf(calls))}`,
  }));
  const { stdout, stderr } = await runDeno({
    code: `
      const all = [];
      for (const { url, permissions } of ${JSON.stringify(workers)}) {
        const options = { type: "module", deno: { permissions } };
        const worker = new Worker(url, options);
        all.push(await new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
        }));
        worker.terminate();
      }
      console.log(JSON.stringify(all));`,
    flags: ["--unstable-worker-options"],
    // Of which each worker has what it is given.
    permissions: ["--allow-all"],
    cwd: new URL("tests/ssl/certificates/", root),
  });
  assertEquals(stderr, "");
  return JSON.parse(stdout);
}

Deno.test({
  name: "PERMISSIONS.md describes truly what each flag grants",
  ignore: !canRun,
  async fn(t) {
    using server = listener();
    // Nobody listens there, and nobody else is given the port.
    const [, freePort] = closedAddress();
    const withPorts = (text: string) =>
      text.replaceAll("8000", String(server.getsockname()[1]))
        .replaceAll("FREE", String(freePort));
    const groups = [...Map.groupBy(trials, ({ flags }) => flags)];
    const found = await outcomes(groups.map(([flags, group]) => ({
      flags: withPorts(flags),
      calls: group.map(({ call }) => withPorts(call)),
    })));
    const error = /^PermissionError .*run again with the (--\S+) flag.*/;
    for (const [i, [flags, group]] of groups.entries()) {
      await t.step(flags || "no flag", () => {
        assertEquals(
          found[i]!.map((each, j) => [
            group[j]!.call,
            each.replace(error, "$1"),
          ]),
          group.map(({ call, expected }) => [call, expected]),
        );
      });
    }
  },
});

Deno.test("PERMISSIONS.md has a row for each call that may need a grant", () => {
  assert(calls.length > 20, `${calls.length} rows`);
  const named = rows(page).flatMap(([call]) => codes(call!)).join(" ");
  for (
    const name of [
      "getaddrinfo",
      "getfqdn",
      "gethostbyaddr",
      "gethostbyname",
      "gethostbyname_ex",
      "gethostname",
      "getnameinfo",
      "getprotobyname",
      "getservbyname",
      "getservbyport",
      "if_indextoname",
      "if_nameindex",
      "if_nametoindex",
      "socketpair",
      "create_connection",
      "create_server",
    ]
  ) assertMatch(named, new RegExp(`\\b${name}\\b`));
});

processTest(
  "PERMISSIONS.md shows the actual error of a missing grant, and that getfqdn() needs none",
  async () => {
    const [shown] = /PermissionError: .*/.exec(
      section(page, "A missing permission"),
    )!;
    const calls = [
      'await s.connect(["127.0.0.1", 8000])',
      'outcomes.push(await socket.getfqdn("example.invalid"));',
    ];
    assertEquals(
      await outcomes([{ flags: "", calls }]),
      [[shown.replace(":", ""), "example.invalid", "granted"]],
    );
  },
);
