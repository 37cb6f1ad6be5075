import { assertEquals, assertMatch } from "@std/assert";
import { decode, encode } from "../../support/bytes.ts";
import {
  askEcho,
  connect,
  ended,
  type ExampleTest,
  serve,
  start,
} from "../../support/example.ts";
import type { ChildProcess } from "../../support/process.ts";
import { within } from "../../support/within.ts";

export const tests: readonly ExampleTest[] = [
  [
    "select_chat_server line_chat_client",
    "show lines to others, and do not wait for one that never reads",
    chat,
  ],
  ["selectors_echo_server", "serves clients at once", echo],
];

async function chat(): Promise<void> {
  const [server, address] = await serve("select_chat_server");
  await using _ = server;
  const args = address.map(String);
  await using first = await start("line_chat_client", ...args);
  await server.readMatch(/^Joined: 127\.0\.0\.1:\d+, clients: 1$/);
  using second = await connect(address);
  await server.readMatch(/, clients: 2$/);
  using third = await connect(address);
  await server.readMatch(/, clients: 3$/);
  await using secondLines = second.makefile("r");
  await using thirdLines = third.makefile("r");

  await first.write("héllo\n");
  assertEquals(await secondLines.readline(), "héllo\n");
  assertEquals(await thirdLines.readline(), "héllo\n");
  await third.sendall(encode("one\ntwo\n"));
  assertEquals(await first.readLine(), "one");
  assertEquals(await first.readLine(), "two");
  assertEquals(await secondLines.readline(), "one\n");
  assertEquals(await secondLines.readline(), "two\n");

  await first.closeStdin();
  assertEquals(await ended(first), "");
  await server.readMatch(/^Left, clients: 2$/);
  await second.sendall(encode("still here\n"));
  assertEquals(await thirdLines.readline(), "still here\n");
  second.close();
  third.close();
  await Promise.all([secondLines.close(), thirdLines.close()]);
  await server.readMatch(/^Left, clients: 0$/);

  await besideSlow(server, address);
}

/** Sends to a client that reads, beside one that does not. */
async function besideSlow(
  server: ChildProcess,
  address: readonly [string, number],
): Promise<void> {
  using never = await connect(address);
  await server.readMatch(/, clients: 1$/);
  using reader = await connect(address);
  await server.readMatch(/, clients: 2$/);
  using writer = await connect(address);
  await server.readMatch(/, clients: 3$/);

  // Far more than the kernel holds for the one that does not read.
  const total = 16 * 2 ** 20;
  const sending = writer.sendall(new Uint8Array(total));
  let received = 0;
  while (received < total) {
    received += (await within(reader.recv(1 << 20))).length;
  }
  await sending;
  assertEquals(received, total);
  never.close();
  await server.readMatch(/^Left, clients: 2$/);
}

async function echo(): Promise<void> {
  const [server, address] = await serve("selectors_echo_server");
  await using _ = server;
  using first = await connect(address);
  using second = await connect(address);
  for (const [s, text] of [[second, "2"], [first, "1"]] as const) {
    await s.sendall(encode(text));
    assertEquals(decode(await s.recv(10)), text);
  }
  assertMatch(await server.readLine() ?? "", /^accepted .* from \[ "127/);
  await server.readMatch(/^echoing 1 bytes to /);
  assertEquals(await askEcho(address, "third"), "third");
  await server.readMatch(/^closing /);
}
