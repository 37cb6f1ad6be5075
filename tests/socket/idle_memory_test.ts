import { assertEquals, assertLess } from "@std/assert";
import { checkTogether, processTest, startDeno } from "../support/child.ts";

// A connection that waits holds at most 8 KiB, whatever came before. The child
// counts the memory of arrays, which the machine's speed does not change.

/** Ways to have received before, each followed by a receive that waits. */
interface Way {
  readonly name: string;
  /** How many bytes the peer sends. */
  readonly bytes: number;
  /** Receives them; the socket is `s`. */
  readonly receive: string;
  /** The receive that waits then. */
  readonly waiting?: string;
  /** The least that is kept, since it has been received and not returned. */
  readonly queued?: number;
}

const ALL = "for (let n = 0; n < bytes;) n += (await s.recv(65536)).length;";

const ways: readonly Way[] = [
  { name: "nothing", bytes: 0, receive: "" },
  { name: "1 byte", bytes: 1, receive: "await s.recv(65536);" },
  { name: "1,024 bytes", bytes: 1024, receive: ALL },
  { name: "exactly 2,048 bytes", bytes: 2048, receive: ALL },
  { name: "3,000 bytes", bytes: 3000, receive: ALL },
  { name: "exactly 4,096 bytes", bytes: 4096, receive: ALL },
  { name: "exactly 6,144 bytes", bytes: 6144, receive: ALL },
  { name: "22 KiB", bytes: 22_528, receive: ALL },
  {
    name: "22,528 bytes in small pieces",
    bytes: 22_528,
    receive: "for (let n = 0; n < bytes;) n += (await s.recv(256)).length;",
  },
  { name: "100 KB", bytes: 100_000, receive: ALL },
  {
    name: "100 KB with a timeout",
    bytes: 100_000,
    receive: `s.settimeout(600); ${ALL}`,
  },
  {
    name: "100 KB by recv(1024)",
    bytes: 100_000,
    receive: "for (let n = 0; n < bytes;) n += (await s.recv(1024)).length;",
  },
  {
    name: "300 KB by MSG_WAITALL",
    bytes: 300_000,
    receive: "await s.recv(bytes, socket.MSG_WAITALL);",
  },
  {
    name: "100 KB by recv_into()",
    bytes: 100_000,
    receive:
      "const buffer = new Uint8Array(65536); for (let n = 0; n < bytes;) n += await s.recv_into(buffer);",
  },
  {
    name: "300 KB peeked and then received",
    bytes: 300_000,
    receive:
      `await s.recv(bytes, socket.MSG_PEEK | socket.MSG_WAITALL); ${ALL}`,
  },
  {
    name: "100 KB by readable",
    bytes: 100_000,
    receive:
      "const reader = s.readable.getReader(); for (let n = 0; n < bytes;) n += (await reader.read()).value.length; reader.releaseLock();",
  },
  {
    name: "1,024 bytes, with a waiting select()",
    bytes: 1024,
    receive: ALL,
    waiting: "select.select([s], [], [])",
  },
  {
    name: "22 KiB, with a waiting recv_into() and timeout",
    bytes: 22_528,
    receive: `s.settimeout(600); ${ALL}`,
    waiting: "s.recv_into(target)",
  },
  {
    name: "a part of MSG_WAITALL",
    bytes: 3000,
    receive: "",
    waiting: "s.recv(5000, socket.MSG_WAITALL)",
    queued: 3000,
  },
  {
    name: "a cancelled MSG_WAITALL",
    bytes: 3000,
    receive:
      "s.settimeout(0.001); await s.recv(5000, socket.MSG_WAITALL).catch(() => {}); s.settimeout(null);",
    waiting: "s.recv(5000, socket.MSG_WAITALL)",
    queued: 3000,
  },
  {
    name: "a peek at 2,000 bytes that stay",
    bytes: 2000,
    receive: "await s.recv(2000, socket.MSG_PEEK | socket.MSG_WAITALL);",
    waiting: "s.recv(2001, socket.MSG_PEEK | socket.MSG_WAITALL)",
    queued: 2000,
  },
];

// So many that the buffers that all connections share, at most 512 KiB in reads
// that wait, are less than 4 KiB for each.
const CONNECTIONS = 160;
const LIMIT = 8192;

const prelude = `
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
const memory = async () => {
  // The array buffers of collected arrays are freed some turns later.
  for (let i = 0; i < 2; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return Deno.memoryUsage().external;
};
async function measure(bytes, receive, wait) {
  const server = socket.create_server(["127.0.0.1", 0], { backlog: 512 });
  const clients = [];
  const sockets = [];
  for (let i = 0; i < ${CONNECTIONS}; i++) {
    clients.push(await Deno.connect({
      hostname: "127.0.0.1",
      port: server.getsockname()[1],
    }));
    sockets.push((await server.accept())[0]);
  }
  const data = new Uint8Array(bytes);
  const send = async (conn) => {
    for (let n = 0; n < bytes;) n += await conn.write(data.subarray(n));
  };
  const before = await memory();
  for (let i = 0; i < ${CONNECTIONS}; i++) {
    const sending = send(clients[i]);
    await receive(sockets[i], bytes);
    await sending;
  }
  const waits = sockets.map((s) => wait(s).catch(() => {}));
  for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
  console.log(Math.round((await memory() - before) / ${CONNECTIONS}));
  for (const each of clients) each.close();
  for (const each of sockets) each.close();
  await Promise.all(waits);
  server.close();
}
const target = new Uint8Array(65536);
`;

/** How much memory connections hold that wait, by the ways that came before. */
async function measure(some: readonly Way[]): Promise<number[]> {
  await using child = startDeno({
    code: prelude + some.map(({ bytes, receive, waiting }) =>
      `await measure(
        ${bytes},
        async (s, bytes) => { ${receive} },
        (s) => ${waiting ?? "s.recv(65536)"},
      );`
    ).join("\n"),
    permissions: ["--allow-net=127.0.0.1"],
    flags: ["--v8-flags=--expose-gc"],
  });
  const { code, stdout, stderr } = await child.result(600_000);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trim().split("\n").map(Number);
}

processTest(
  "a waiting connection holds at most 8 KiB, whatever it has received",
  () =>
    checkTogether(ways, async (some) => {
      const held = await measure(some);
      assertEquals(held.length, some.length);
      for (const [i, { name, queued = 1 }] of some.entries()) {
        assertLess(held[i]!, LIMIT, `after ${name}`);
        // A connection that held nothing would not have been measured.
        assertLess(queued / 2, held[i]!, `after ${name}`);
      }
    }),
);
