import { assertEquals, assertLessOrEqual } from "@std/assert";
import * as socket from "@pystd/socket";
import { nextDescriptor } from "../support/descriptor.ts";
import type { TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";
import { churn } from "./churn_clients.ts";
import { sendMessages } from "./load_messages.ts";

const CONNECTIONS = 300;

/** Sends back what comes, until the end. */
async function echo(conn: TcpSocket): Promise<void> {
  for (;;) {
    const data = await conn.recv(4096);
    if (data.length === 0) break;
    await conn.sendall(data);
  }
  conn.close();
}

/** A message that only client `n` sends. */
function messageOf(n: number): Uint8Array {
  return Uint8Array.from({ length: 100 + n % 50 }, (_, i) => (n * 7 + i) % 256);
}

Deno.test("300 connections at once each get their own bytes back", async () => {
  await using server = socket.create_server(["127.0.0.1", 0], {
    backlog: CONNECTIONS,
  });
  const first = server.fileno();
  const echoes: Promise<void>[] = [];
  const serving = (async () => {
    for await (const [conn] of server) echoes.push(echo(conn));
  })();

  const clients = Array.from({ length: CONNECTIONS }, () => socket.socket());
  await within(
    Promise.all(clients.map((each) => each.connect(server.getsockname()))),
    "all connections",
  );
  for (let round = 0; round < 2; round++) {
    await within(
      Promise.all(clients.map(async (client, n) => {
        const message = messageOf(n + round);
        await client.sendall(message);
        const data = await client.recv(message.length, socket.MSG_WAITALL);
        assertEquals(data, message);
      })),
      "all echoes",
    );
  }
  assertEquals(echoes.length, CONNECTIONS);

  const numbers = new Set(clients.map((each) => each.fileno()));
  assertEquals(numbers.size, CONNECTIONS);
  for (const client of clients) client.close();
  await within(Promise.all(echoes), "all ends");
  // Every number is free again, the smallest first. There may be smaller ones,
  // of sockets that another test has left to the garbage collector.
  const next = clients.map(() => socket.socket());
  for (const each of next) {
    assertLessOrEqual(each.fileno(), first + CONNECTIONS);
  }
  for (const each of next) each.close();
  await server[Symbol.asyncDispose]();
  await within(serving);
});

Deno.test("1,000 concurrent receives are served in call order", async () => {
  await using server = socket.create_server(["127.0.0.1", 0]);
  await using client = socket.socket();
  await within(client.connect(server.getsockname()));
  const [conn] = await within(server.accept());
  await using _ = conn;
  const receives = Array.from({ length: 1000 }, () => client.recv(2));
  const numbers = Uint16Array.from({ length: 1000 }, (_, i) => i);
  for (let i = 0; i < 1000; i++) {
    await conn.sendall(new Uint8Array(numbers.slice(i, i + 1).buffer));
    const data = await within(receives[i]!);
    assertEquals(new Uint16Array(data.slice().buffer)[0], i);
  }
});

Deno.test("1,000 concurrent sends are sent in call order", async () => {
  await using server = socket.create_server(["127.0.0.1", 0]);
  await using client = socket.socket();
  await within(client.connect(server.getsockname()));
  const [conn] = await within(server.accept());
  await using _ = conn;
  const sends = Array.from(
    { length: 1000 },
    (_, i) => client.sendall(new Uint8Array(1000).fill(i % 251)),
  );
  for (let i = 0; i < 1000; i++) {
    const data = await within(conn.recv(1000, socket.MSG_WAITALL));
    assertEquals(data.length, 1000);
    if (data.some((byte) => byte !== i % 251)) throw new Error(`Message ${i}`);
  }
  await within(Promise.all(sends));
});

Deno.test("5,000 small messages of all kinds each arrive once, in order", async () => {
  await within(sendMessages(5_000), "the messages", 600_000);
});

Deno.test("300 connections that open and close in every way leave nothing behind", async () => {
  const { signal } = new AbortController();
  const next = nextDescriptor();
  await within(churn(1, 300, signal), "the connections", 600_000);
  assertLessOrEqual(nextDescriptor(), next);
});
