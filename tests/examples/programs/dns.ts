import { assertEquals } from "@std/assert";
import {
  ended,
  type ExampleTest,
  output,
  serve,
  start,
} from "../../support/example.ts";
import { udpSocket } from "../../support/pair.ts";
import { within } from "../../support/within.ts";

export const tests: readonly ExampleTest[] = [
  [
    "dns_server dns_query",
    "ask for addresses and tell them, also after a query that is none",
    resolve,
  ],
  ["dns_query", "asks again, and takes no answer but its own", askAgain],
  ["dns_query", "follows names that are written out", writtenOut],
];

async function resolve(): Promise<void> {
  const [server, address] = await serve("dns_server");
  await using _ = server;
  using s = udpSocket();
  for (const size of [0, 5, 12, 13]) {
    await s.sendto(new Uint8Array(size).fill(9), address);
    await server.readMatch(/^Not answered: RangeError/);
  }
  assertEquals(
    await output(
      "dns_query",
      ...address,
      "example.test",
      "no.test",
      "EXAMPLE.test",
    ),
    "example.test: 192.0.2.1\nexample.test: 192.0.2.2\nno.test: error 3\n" +
      "EXAMPLE.test: 192.0.2.1\nEXAMPLE.test: 192.0.2.2\n",
  );
  assertEquals(await server.readLine(), "Asked for example.test, type 1");
  assertEquals(await server.readLine(), "Asked for no.test, type 1");
  assertEquals(await server.readLine(), "Asked for EXAMPLE.test, type 1");
}

/** The bytes of an answer to `query`. */
function answerTo(query: Uint8Array, ...records: number[][]): Uint8Array {
  const answer = Uint8Array.of(...query, ...records.flat());
  const view = new DataView(answer.buffer);
  view.setUint16(2, 0x8180);
  view.setUint16(6, records.length);
  return answer;
}

const fields = (type: number, ...data: number[]) => [
  ...[0, type, 0, 1, 0, 0, 0, 60, 0, data.length],
  ...data,
];

async function askAgain(): Promise<void> {
  using server = udpSocket();
  using stranger = udpSocket();
  const args = server.getsockname().map(String);
  await using client = await start("dns_query", ...args, "a.test");
  const [first, addr] = await within(server.recvfrom(512));
  // The first query is lost. Before the second is answered come the answer of
  // somebody else and one with another number.
  const [query] = await within(server.recvfrom(512));
  assertEquals(query, first);
  const other = answerTo(query, [192, 12, ...fields(1, 6, 6, 6, 6)]);
  await stranger.sendto(other, addr);
  other[0]! ^= 1;
  await server.sendto(other, addr);
  await server.sendto(
    answerTo(query, [192, 12, ...fields(1, 10, 0, 0, 7)]),
    addr,
  );
  assertEquals(await ended(client), "a.test: 10.0.0.7\n");
}

async function writtenOut(): Promise<void> {
  using server = udpSocket();
  const args = server.getsockname().map(String);
  await using client = await start("dns_query", ...args, "a.test");
  const [query, addr] = await within(server.recvfrom(512));
  const name = [...query.subarray(12, query.length - 4)];
  const alias = [1, 98, 192, 14]; // "b" and a pointer to "test".
  await server.sendto(
    answerTo(
      query,
      [...name, ...fields(5, ...alias)],
      [...alias, ...fields(1, 10, 0, 0, 8)],
      [0, ...fields(28, ...new Uint8Array(16))],
    ),
    addr,
  );
  assertEquals(await ended(client), "a.test: 10.0.0.8\n");
}
