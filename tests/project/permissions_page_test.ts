import { assert, assertEquals, assertMatch } from "@std/assert";
import { processTest, runDeno } from "../support/child.ts";
import { listener } from "../support/pair.ts";
import { codes, readPage, root, rows, section } from "./pages.ts";

const page = await readPage("examples/porting/PERMISSIONS.md");

/** Each call of the table, with each of the flags that are enough for it. */
const calls = rows(page).flatMap(([call, needs]) => {
  const code = codes(call!)[0] ?? "";
  // A connection of Deno's own has had its grant before.
  if (!code.includes("(") || code.includes("conn)")) return [];
  const flags = codes(needs!).filter((flag) => flag.startsWith("--"));
  return (flags.length > 0 ? flags : [null]).map((flag) =>
    [code, flag] as const
  );
});

/** What a call prints in a program with some grants. */
async function outcome(
  call: string,
  permissions: readonly string[],
): Promise<string> {
  const { stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      import * as ssl from "@pystd/socket/ssl";
      const data = new Uint8Array(1);
      const s = socket.socket();
      const u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
      try {
        ${call}
        console.log("granted");
      } catch (error) {
        console.log(error.name, error.message);
      }`,
    permissions,
    cwd: new URL("tests/ssl/certificates/", root),
  });
  assertEquals(stderr, "");
  return stdout;
}

for (const [call, flag] of calls) {
  processTest(
    `PERMISSIONS.md says that ${call} needs ${flag ?? "nothing"}`,
    async () => {
      const peer = listener();
      const port = String(peer.getsockname()[1]);
      // A port to bind to has to be free.
      if (/bind|listen|create_server/.test(call)) peer.close();
      using _ = peer;
      const code = call.replaceAll("8000", port);
      if (flag === null) {
        return assertEquals(await outcome(code, []), "granted\n");
      }
      const [name, values] = flag.replaceAll("8000", port).split("=");
      const grants = values!.split(",");
      const withGrants = (granted: string[]) =>
        outcome(code, granted.length === 0 ? [] : [`${name}=${granted}`]);
      assertEquals(await withGrants(grants), "granted\n");
      for (const grant of grants) {
        assertMatch(
          await withGrants(grants.filter((other) => other !== grant)),
          new RegExp(`^PermissionError .*run again with the ${name} flag`),
        );
      }
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
  "PERMISSIONS.md shows the error of a missing grant as it is",
  async () => {
    const [shown] = /PermissionError: .*/.exec(
      section(page, "A missing permission"),
    )!;
    assertEquals(
      await outcome('await s.connect(["127.0.0.1", 8000]);', []),
      `${shown.replace(":", "")}\n`,
    );
  },
);

processTest(
  "PERMISSIONS.md says truly that getfqdn() needs nothing",
  async () => {
    const call = 'console.log(await socket.getfqdn("example.invalid"));';
    assertEquals(await outcome(call, []), "example.invalid\ngranted\n");
  },
);
