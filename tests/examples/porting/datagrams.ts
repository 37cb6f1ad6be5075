import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { decode, encode } from "../../support/bytes.ts";
import { udpSocket } from "../../support/pair.ts";
import { within } from "../../support/within.ts";
import { ended, ofBoth, type PortingTest, start } from "./program.ts";

export const tests: readonly PortingTest[] = [
  ...ofBoth("dns", "asks for addresses, and hears only its server", dns),
  ...ofBoth("dns", "says that there is no such name", noSuchName),
  ...ofBoth("ntp", "shows the time of a server", ntp),
  ...ofBoth("discover", "shows all who answer in time", discover),
  ...ofBoth("discover", "fails on an answer that is not UTF-8", notText),
];

/** "a.test" as a question for an address. */
const question = [1, 97, 4, 116, 101, 115, 116, 0, 0, 1, 0, 1];

function record(type: number, ...data: number[]): number[] {
  return [0, type, 0, 1, 0, 0, 0, 60, 0, data.length, ...data];
}

async function dns(file: string): Promise<void> {
  using server = udpSocket();
  using stranger = udpSocket();
  await using client = await start(file, [...server.getsockname(), "a.test"]);
  const [query, address] = await within(server.recvfrom(512));
  const [high, low] = query;
  const header = [high!, low!, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  assertEquals([...query], [...header, ...question]);

  // An alias "b.test", and addresses: of it, and of the name by a pointer.
  const answer = new Uint8Array([
    ...[high!, low!, 129, 128, 0, 1, 0, 3, 0, 0, 0, 0],
    ...question,
    ...[192, 12, ...record(5, 1, 98, 192, 14)],
    ...[1, 98, 192, 14, ...record(1, 10, 0, 0, 7)],
    ...[192, 12, ...record(1, 10, 0, 0, 8)],
  ]);
  const forged = answer.slice();
  forged[forged.length - 1] = 6;
  await stranger.sendto(forged, address);
  await server.sendto(answer, address);
  assertEquals(await ended(client), "a.test 10.0.0.7\na.test 10.0.0.8\n");
}

async function noSuchName(file: string): Promise<void> {
  using server = udpSocket();
  await using client = await start(file, [...server.getsockname(), "a.test"]);
  const [query, address] = await within(server.recvfrom(512));
  const answer = query.slice();
  answer.set([129, 131], 2);
  await server.sendto(answer, address);
  const { code, stdout, stderr } = await client.result();
  assertEquals([code, stdout, stderr.trimEnd()], [1, "", "a.test: error 3"]);
}

async function ntp(file: string): Promise<void> {
  using server = udpSocket();
  const [, port] = server.getsockname();
  // By name, as its default is one.
  await using client = await start(file, ["localhost", port]);
  const [request, address] = await within(server.recvfrom(512));
  assertEquals([...request], [0x1b, ...new Uint8Array(47)]);
  const answer = new DataView(new ArrayBuffer(48));
  // 2024-01-01, and a fraction of a second, which is not asked for.
  answer.setUint32(40, 1704067200 + 2208988800);
  answer.setUint32(44, 2 ** 31);
  await server.sendto(new Uint8Array(answer.buffer), address);
  assertEquals(await ended(client), "Mon, 01 Jan 2024 00:00:00 GMT\n");
}

async function discover(file: string): Promise<void> {
  using first = udpSocket();
  using second = udpSocket();
  await using client = await start(file, first.getsockname());
  const [request, address] = await within(first.recvfrom(512));
  assertStringIncludes(decode(request), "Who is there?");
  await first.sendto(encode("a printer"), address);
  await second.sendto(encode("a café"), address);
  assertEquals(
    await ended(client),
    `${first.getsockname().join(":")} is a printer\n` +
      `${second.getsockname().join(":")} is a café\nNo more answers\n`,
  );
}

async function notText(file: string): Promise<void> {
  using server = udpSocket();
  await using client = await start(file, server.getsockname());
  const [, address] = await within(server.recvfrom(512));
  await server.sendto(new Uint8Array([97, 0xff]), address);
  const { code, stdout, stderr } = await client.result();
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^(?:UnicodeDecodeError|.*TypeError): /m);
}
