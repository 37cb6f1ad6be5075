import { assert, assertEquals, assertMatch } from "@std/assert";
import { processTest, runDeno } from "../support/child.ts";
import { listener } from "../support/pair.ts";
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

/** What calls print, one after the other, in a program with some grants. */
async function outcomes(
  calls: readonly string[],
  permissions: readonly string[],
): Promise<string[]> {
  const { stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      import * as ssl from "@pystd/socket/ssl";
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
          console.log("granted");
        } catch (error) {
          console.log(error.name, error.message);
        }
        await s[Symbol.asyncDispose]();
        await u[Symbol.asyncDispose]();
      }`
      ).join("\n")
    }`,
    permissions,
    cwd: new URL("tests/ssl/certificates/", root),
  });
  assertEquals(stderr, "");
  return stdout.trimEnd().split("\n");
}

for (const [flags, group] of Map.groupBy(trials, ({ flags }) => flags)) {
  processTest(
    `PERMISSIONS.md describes truly what ${flags || "no flag"} grants`,
    async () => {
      using server = listener();
      const free = listener();
      const freePort = String(free.getsockname()[1]);
      await free[Symbol.asyncDispose]();
      const withPorts = (text: string) =>
        text.replaceAll("8000", String(server.getsockname()[1]))
          .replaceAll("FREE", freePort);
      const found = await outcomes(
        group.map(({ call }) => withPorts(call)),
        flags === "" ? [] : [withPorts(flags)],
      );
      const error = /^PermissionError .*run again with the (--\S+) flag.*/;
      assertEquals(
        found.map((each, i) => [
          group[i]!.call,
          each.replace(error, "$1"),
        ]),
        group.map(({ call, expected }) => [call, expected]),
      );
    },
  );
}

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
  "PERMISSIONS.md shows the actual error of a missing grant",
  async () => {
    const [shown] = /PermissionError: .*/.exec(
      section(page, "A missing permission"),
    )!;
    assertEquals(
      await outcomes(['await s.connect(["127.0.0.1", 8000])'], []),
      [shown.replace(":", "")],
    );
  },
);

processTest(
  "PERMISSIONS.md states truly that getfqdn() needs no grant",
  async () => {
    const call = 'console.log(await socket.getfqdn("example.invalid"))';
    assertEquals(await outcomes([call], []), ["example.invalid", "granted"]);
  },
);
