import { assertEquals } from "@std/assert";
import { fullListener } from "../support/addresses.ts";
import { startDeno } from "../support/child.ts";
import { listener } from "../support/pair.ts";
import type { ChildProcess } from "../support/process.ts";

/** A call that waits for ever, on a socket `s`. */
interface Call {
  what: string;
  /** The ways to make it, if not all. */
  ways?: readonly Way[];
  /** Makes `s`. */
  make: string;
  call: string;
}

type Way = readonly [how: string, before: string, after: string];

/** What keeps the process, by what comes before the call and after it. */
const kept: readonly Way[] = [
  ["keeps the process", "", ""],
  ["keeps the process after ref()", "s.unref();", "s.ref();"],
];
const left: readonly Way[] = [
  ["lets the process end after unref()", "", "s.unref();"],
  ["lets the process end if unref() came before it", "s.unref();", ""],
];

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
    ways: [...kept, left[1]!],
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
    // A closed socket is referenced no more, nor unreferenced.
    ways: [kept[0]!, left[1]!],
  },
  {
    what: "a read of readable",
    make: connected,
    call: "s.readable.getReader().read()",
  },
];

function start(
  { make, call }: Call,
  before: string,
  after: string,
  ports: number[],
): ChildProcess {
  const code = `
    import * as socket from "@pystd/socket";
    const [port, fullPort] = Deno.args.map(Number);
    ${make}
    ${before}
    (async () => await (${call}))().catch((error) => console.log(error));
    ${after}
    // It fires only if something else keeps the process.
    Deno.unrefTimer(setTimeout(() => console.log("still here"), 30));`;
  return startDeno({
    code,
    permissions: ["--allow-net=127.0.0.1"],
    args: ports.map(String),
  });
}

for (const call of calls) {
  Deno.test(`${call.what} keeps the process, unless its socket is unreferenced`, async () => {
    using server = listener();
    await using full = await fullListener();
    const ports = [server.getsockname()[1], full.address[1]];
    const { ways = [...kept, ...left] } = call;
    await Promise.all(ways.map(async (way) => {
      const [how, before, after] = way;
      await using child = start(call, before, after, ports);
      if (kept.includes(way)) {
        assertEquals(await child.readLine(), "still here", how);
      } else {
        const { code, stdout, stderr } = await child.result();
        assertEquals({ code, stdout, stderr }, {
          code: 0,
          stdout: "",
          stderr: "",
        }, how);
      }
    }));
  });
}

Deno.test("a send keeps the process in spite of unref(): its bytes are owed", async () => {
  using server = listener();
  await using child = start(
    {
      what: "sendall()",
      make: connected,
      call: "s.sendall(new Uint8Array(32 << 20))",
    },
    "s.unref();",
    "",
    [server.getsockname()[1]],
  );
  assertEquals(await child.readLine(), "still here");
});
