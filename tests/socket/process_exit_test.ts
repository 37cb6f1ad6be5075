import { assertEquals } from "@std/assert";
import { fullListener } from "../support/addresses.ts";
import {
  checkTogether,
  processTest,
  runDeno,
  startDeno,
} from "../support/child.ts";
import { listener, type TcpSocket } from "../support/pair.ts";
import type { ProcessResult } from "../support/process.ts";
import { within } from "../support/within.ts";

/** A program, which has a connected socket `s` if it says so. */
interface Program {
  what: string;
  code: string;
  connected?: boolean;
  /** How many bytes it sends on `s`; none if absent. */
  sent?: number;
}

const prelude = `
  import * as socket from "@pystd/socket";
  const { AF_INET, SOCK_DGRAM } = socket;
  const peer = ["127.0.0.1", Number(Deno.args[0])];
  const bytes = (n) => new Uint8Array(n).fill(7);
`;
const connect = `
  const s = socket.socket();
  await s.connect(peer);
`;

function childOf(code: string, port: number) {
  return {
    code: prelude + code,
    permissions: ["--allow-net=127.0.0.1"],
    args: [String(port)],
  };
}

/** Everything that comes before the end of the stream. */
async function receiveAll(conn: TcpSocket): Promise<number> {
  let total = 0;
  while (true) {
    const { length } = await within(conn.recv(1 << 20));
    if (length === 0) return total;
    total += length;
  }
}

const ending: readonly Program[] = [
  {
    what: "a connected socket that is left open",
    connected: true,
    code: `s.settimeout(60);`,
  },
  {
    what: "a recv() that timed out",
    connected: true,
    code: `
      s.settimeout(0.02);
      await s.recv(1).catch((error) => console.log(error.message));`,
  },
  {
    what: "a recv() that was aborted",
    connected: true,
    code: `
      const signal = AbortSignal.timeout(20);
      await s.recv(1, { signal }).catch((error) => console.log(error.name));`,
  },
  {
    what: "a recv() that would block",
    connected: true,
    code: `
      s.setblocking(false);
      await s.recv(1).catch((error) => console.log(error.code));`,
  },
  {
    what: "a recv() that has its result long before its timeout",
    connected: true,
    code: `
      s.settimeout(60);
      await s.sendall(bytes(1));
      await s.recv(0);`,
    sent: 1,
  },
  {
    what: "a sendall() that has resolved",
    connected: true,
    // As little as every kernel holds while nothing is received.
    code: `await s.sendall(bytes(200_000));`,
    sent: 200_000,
  },
  {
    what: "a recv() that waits on an unreferenced socket",
    connected: true,
    code: `
      s.unref();
      s.recv(1);`,
  },
  {
    what: "a makefile() that is left open",
    connected: true,
    code: `s.makefile("rw");`,
  },
  {
    what: "two duplicates of which one has closed",
    connected: true,
    code: `
      s.dup().close();
      s.settimeout(0.02);
      await s.recv(1).catch((error) => console.log(error.message));`,
  },
  {
    what: "an idle listener",
    code: `
      const l = socket.socket();
      l.bind(["127.0.0.1", 0]);
      l.listen();`,
  },
  {
    what: "a socket that is only bound",
    code: `
      const b = socket.socket();
      b.bind(["127.0.0.1", 0]);`,
  },
  {
    what: "an accept() that timed out",
    code: `
      const l = socket.socket();
      l.bind(["127.0.0.1", 0]);
      l.listen();
      l.settimeout(0.02);
      await l.accept().catch((error) => console.log(error.message));`,
  },
  {
    what: "an accept() that was aborted",
    code: `
      const l = socket.socket();
      l.bind(["127.0.0.1", 0]);
      l.listen();
      const signal = AbortSignal.timeout(20);
      await l.accept({ signal }).catch((error) => console.log(error.name));`,
  },
  {
    what: "an accept() that closing ended",
    code: `
      const l = socket.socket();
      l.bind(["127.0.0.1", 0]);
      l.listen();
      const accepting = l.accept();
      l.close();
      await accepting.catch((error) => console.log(error.code));`,
  },
  {
    what: "a listener that was shut down",
    code: `
      const l = socket.socket();
      l.bind(["127.0.0.1", 0]);
      l.listen();
      const accepting = l.accept();
      await l.shutdown(socket.SHUT_RDWR);
      await accepting.catch((error) => console.log(error.code));`,
  },
  {
    what: "an idle datagram socket",
    code: `
      const u = socket.socket(AF_INET, SOCK_DGRAM);
      u.bind(["127.0.0.1", 0]);
      await u.sendto(bytes(1), u.getsockname());`,
  },
  {
    what: "a recvfrom() that timed out",
    code: `
      const u = socket.socket(AF_INET, SOCK_DGRAM);
      u.bind(["127.0.0.1", 0]);
      u.settimeout(0.02);
      await u.recvfrom(1).catch((error) => console.log(error.message));`,
  },
];

/** Each in a block of its own, with a line when it has come to its end. */
function blocks(programs: readonly Program[], before = ""): string {
  return programs.map(({ what, code, connected = false }) =>
    `{
    ${connected ? connect : before}
    ${code}
    console.log(${JSON.stringify(`end of ${what}`)});
  }`
  ).join("\n");
}

/** Checks that programs came to their ends, and the process to its own. */
function assertEnded(
  { code, stdout, stderr }: ProcessResult,
  programs: readonly Program[],
): void {
  const ends = stdout.split("\n").filter((line) => line.startsWith("end of "));
  assertEquals(ends, programs.map(({ what }) => `end of ${what}`), stderr);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
}

for (const unstable of [false, true]) {
  const flag = unstable ? ", with --unstable-net" : "";
  processTest(`a process ends, whatever it leaves open${flag}`, async () => {
    // The flag is for datagrams alone.
    const programs = ending.filter(({ code }) =>
      !unstable || code.includes("SOCK_DGRAM")
    );
    await checkTogether(programs, async (some) => {
      await using server = listener();
      const [, port] = server.getsockname();
      const result = await runDeno({
        ...childOf(blocks(some), port),
        unstable,
      });
      assertEnded(result, some);
      // The system closed what the programs left open, and nothing else.
      for (const { connected, sent = 0 } of some) {
        if (!connected) continue;
        const [conn] = await within(server.accept());
        await using _ = conn;
        assertEquals(await receiveAll(conn), sent);
      }
    });
  });
}

const hanging: readonly Program[] = [
  {
    what: "a connect() that timed out",
    code: `
      s.settimeout(0.02);
      await s.connect(peer).catch((error) => console.log(error.message));`,
  },
  {
    what: "a connect() that was aborted",
    code: `
      const signal = AbortSignal.timeout(20);
      await s.connect(peer, { signal })
        .catch((error) => console.log(error.name));`,
  },
  {
    what: "a connect() that closing ended",
    code: `
      const connecting = s.connect(peer);
      s.close();
      await connecting.catch((error) => console.log(error.code));`,
  },
  {
    what: "a non-blocking connect() that is abandoned",
    code: `
      s.setblocking(false);
      console.log(await s.connect_ex(peer));`,
  },
  {
    what: "a connect() that waits on an unreferenced socket",
    code: `
      s.unref();
      s.connect(peer);`,
  },
];

processTest(
  "a process ends, whatever has cancelled its connect()",
  async () => {
    await checkTogether(hanging, async (some) => {
      await using full = await fullListener();
      const code = blocks(some, "const s = socket.socket();");
      assertEnded(await runDeno(childOf(code, full.address[1])), some);
    });
  },
);

/** Those that send this many bytes; nothing but the send keeps their process. */
const SIZE = 8_000_000;
const sending: readonly Program[] = [
  {
    what: "a sendall() that nobody awaits",
    code: `s.sendall(bytes(${SIZE}));`,
  },
  {
    what: "a sendall() that nobody awaits, and close()",
    code: `s.sendall(bytes(${SIZE})); s.close();`,
  },
  {
    what: "a sendall() that nobody awaits, on an unreferenced socket",
    code: `s.unref(); s.sendall(bytes(${SIZE}));`,
  },
  {
    what: "sendall() and shutdown() that nobody awaits",
    code: `s.sendall(bytes(${SIZE})); s.shutdown(socket.SHUT_WR);`,
  },
  {
    what: "a sendall() from a bound socket that nobody awaits",
    code: `
      s.close();
      const from = socket.socket();
      from.bind(["127.0.0.1", 0]);
      await from.connect(peer);
      from.sendall(bytes(${SIZE}));`,
  },
];

for (const { what, code } of sending) {
  processTest(
    `a process ends after ${what}, and all bytes arrive`,
    async () => {
      await using server = listener();
      await using child = startDeno(childOf(
        `${connect}${code}\nconsole.log("end");`,
        server.getsockname()[1],
      ));
      // The program has come to its end before anything is read.
      assertEquals(await child.readLine(), "end");
      let received = 0;
      while (received === 0) {
        const [conn] = await within(server.accept());
        await using _ = conn;
        received = await receiveAll(conn);
      }
      assertEquals(received, SIZE);
      const { code: status, stderr } = await child.result();
      assertEquals([status, stderr], [0, ""]);
    },
  );
}

processTest(
  "a process ends once the bytes that a send() has committed are sent",
  async () => {
    await using server = listener();
    await using child = startDeno(childOf(
      `${connect}
    s.setblocking(false);
    let taken = 0;
    try {
      while (true) taken += await s.send(bytes(50_000));
    } catch (error) {
      console.log(error.code, taken);
    }`,
      server.getsockname()[1],
    ));
    const [, taken] = await child.readMatch(/^EAGAIN (\d+)$/);
    const [conn] = await within(server.accept());
    await using _ = conn;
    assertEquals(await receiveAll(conn), Number(taken));
    const { code, stderr } = await child.result();
    assertEquals([code, stderr], [0, ""]);
  },
);
