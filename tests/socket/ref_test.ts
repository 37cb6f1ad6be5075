import { assertEquals } from "@std/assert";
import { fullListener } from "../support/addresses.ts";
import { checkTogether, processTest, runDeno } from "../support/child.ts";
import { listener } from "../support/pair.ts";
import type { ProcessResult } from "../support/process.ts";

/** A call that waits for ever. */
interface Call {
  what: string;
  /** Makes a socket `s`. */
  make: string;
  call: string;
  /** Whether `unref()` has an effect once the call is pending; true if absent. */
  unrefAfter?: false;
  /** The same for `ref()`. */
  refAfter?: false;
}

const connected = `
  const s = await socket.create_connection(["127.0.0.1", port]);`;
const bound = `
  const s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  s.bind(["127.0.0.1", 0]);`;

const calls: readonly Call[] = [
  { what: "recv()", make: connected, call: "s.recv(1)" },
  {
    what: "recv() with a timeout",
    make: `${connected} s.settimeout(60);`,
    call: "s.recv(1)",
  },
  {
    what: "recv() behind one that timed out",
    make: `${connected}
      s.settimeout(0.02);
      await s.recv(1).catch(() => {});
      s.settimeout(60);`,
    call: "s.recv(1)",
  },
  {
    what: "recv() from a bound socket",
    make: `
      const s = socket.socket();
      s.bind(["127.0.0.1", 0]);
      await s.connect(["127.0.0.1", port]);`,
    call: "s.recv(1)",
  },
  {
    what: "recv() with a signal",
    make: connected,
    call: "s.recv(1, { signal: new AbortController().signal })",
  },
  {
    what: "recv_into() straight into the buffer",
    make: connected,
    call: "s.recv_into(new Uint8Array(1))",
  },
  { what: "recvmsg()", make: connected, call: "s.recvmsg(1)" },
  { what: "recvfrom() of datagrams", make: bound, call: "s.recvfrom(1)" },
  {
    what: "recvfrom() of an unbound socket",
    make: "const s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);",
    call: "s.recvfrom(1)",
  },
  {
    what: "accept()",
    make: 'const s = socket.create_server(["127.0.0.1", 0]);',
    call: "s.accept()",
  },
  {
    what: "connect()",
    make: "const s = socket.socket();",
    call: 's.connect(["127.0.0.1", fullPort])',
    // Deno's cannot be unreferenced once it has begun.
    unrefAfter: false,
  },
  {
    what: "read() of a file object",
    make: `${connected} const file = s.makefile("rb");`,
    call: "file.read(1)",
  },
  {
    what: "readline() of a file object whose socket is closed",
    make: `${connected} const file = s.makefile();`,
    call: "s.close(), file.readline()",
    // A closed socket is neither referenced nor unreferenced.
    unrefAfter: false,
    refAfter: false,
  },
  {
    what: "a read of readable",
    make: connected,
    call: "s.readable.getReader().read()",
  },
];

/** Runs a program that has the ports of a listener and of a full one. */
async function run(code: string): Promise<ProcessResult> {
  using server = listener();
  await using full = await fullListener();
  return await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      const [port, fullPort] = Deno.args.map(Number);
      /** Fires only while something else keeps the process. */
      const passes = () => new Promise((resolve) => {
        Deno.unrefTimer(setTimeout(resolve, 1));
      });
      ${code}`,
    permissions: ["--allow-net=127.0.0.1"],
    args: [server.getsockname()[1], full.address[1]].map(String),
  });
}

processTest(
  "a pending call keeps the process alive, even if ref() was called after it, and a send in spite of unref()",
  async () => {
    const programs = calls.flatMap(({ what, make, call, refAfter }) => {
      const program = (before: string, after: string, line: string) =>
        `{
      ${make}
      ${before}
      const ended = (async () => await (${call}))().catch(() => {});
      ${after}
      await passes();
      console.log(${JSON.stringify(line)});
      s.close();
      if (typeof file !== "undefined") await file.close();
      await ended;
    }`;
      const simple = program("", "", what);
      if (refAfter === false) return [simple];
      return [simple, program("s.unref();", "s.ref();", `${what}, ref()`)];
    });
    // The last one, since it is not cancelled when its socket is closed.
    const send = `{
      ${connected}
      s.unref();
      void s.sendall(new Uint8Array(32 << 20));
      await passes();
      console.log("sendall(), unref()");
      Deno.exit();
    }`;
    const { code, stdout, stderr } = await run(
      `(async () => {${programs.join("")}${send}})();`,
    );
    const lines = calls.flatMap(({ what, refAfter }) =>
      refAfter === false ? [what] : [what, `${what}, ref()`]
    );
    lines.push("sendall(), unref()");
    assertEquals(stdout.trimEnd().split("\n"), lines, stderr);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  },
);

/** A call on an unreferenced socket, and when that was done. */
type Unreferenced = readonly [call: Call, when: "before" | "after"];

function unreferenced([{ make, call }, when]: Unreferenced): string {
  return `
    {
      ${make}
      ${when === "before" ? "s.unref();" : ""}
      (async () => await (${call}))().catch((error) => console.log(error));
      ${when === "after" ? "s.unref();" : ""}
    }`;
}

processTest(
  "pending calls let the process end if unref() was called before or after them",
  async () => {
    const all = calls.flatMap((call): Unreferenced[] => [
      [call, "before"],
      ...(call.unrefAfter === false ? [] : [[call, "after"] as const]),
    ]);
    await checkTogether(all, async (some) => {
      const result = await run(
        `(async () => {${some.map(unreferenced).join("")}})();`,
      );
      const names = some.map(([{ what }, when]) => `${when} ${what}`).join();
      assertEquals(result, { code: 0, stdout: "", stderr: "" }, names);
    });
  },
);
