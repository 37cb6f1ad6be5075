import { assertEquals, assertMatch } from "@std/assert";
import * as socket from "@pystd/socket";
import {
  ended,
  type ExampleTest,
  output,
  serve,
  start,
} from "../../support/example.ts";
import { within } from "../../support/within.ts";

export const tests: readonly ExampleTest[] = [
  ["select_chat_server line_chat_client", "show lines to others", chat],
  ["select_chat_server", "does not wait for a client that never reads", slow],
  ["selectors_echo_server", "serves clients at once", echo],
];

async function connect(
  address: readonly [string, number],
): Promise<socket.Socket<socket.InetAddress>> {
  const s = socket.socket();
  s.settimeout(60);
  await s.connect(address);
  return s;
}

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (data: Uint8Array) => new TextDecoder().decode(data);

async function chat(): Promise<void> {
  const [server, address] = await serve("select_chat_server");
  await using _ = server;
  const args = address.map(String);
  await using first = await start("line_chat_client", ...args);
  await server.readMatch(/^Joined: 127\.0\.0\.1:\d+, clients: 1$/);
  await using second = await start("line_chat_client", ...args);
  await server.readMatch(/, clients: 2$/);
  await using third = await start("line_chat_client", ...args);
  await server.readMatch(/, clients: 3$/);

  await first.write("héllo\n");
  assertEquals(await second.readLine(), "héllo");
  assertEquals(await third.readLine(), "héllo");
  await third.write("one\ntwo\n");
  for (const client of [first, second]) {
    assertEquals(await client.readLine(), "one");
    assertEquals(await client.readLine(), "two");
  }

  await first.closeStdin();
  assertEquals(await ended(first), "");
  await server.readMatch(/^Left, clients: 2$/);
  await second.write("still here\n");
  assertEquals(await third.readLine(), "still here");
  server.kill("SIGINT");
  await second.result();
  await third.result();
}

async function slow(): Promise<void> {
  const [server, address] = await serve("select_chat_server");
  await using _ = server;
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
  assertEquals(
    await output("echo_client", ...address, "third"),
    "Received: third\n",
  );
  await server.readMatch(/^closing /);
}
