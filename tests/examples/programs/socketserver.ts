import { assertEquals, assertMatch } from "@std/assert";
import { decode, encode } from "../../support/bytes.ts";
import {
  askEcho,
  ended,
  type ExampleTest,
  interrupt,
  output,
  serve,
  startIn,
} from "../../support/example.ts";
import { udpSocket } from "../../support/pair.ts";
import { TemporaryDirectory } from "../../support/temporary.ts";
import { within } from "../../support/within.ts";

const windows = Deno.build.os === "windows";

export const tests: readonly ExampleTest[] = [
  ["socketserver_server echo_client", "answer in capital letters", tcp],
  ["socketserver_stream_server", "answers line by line", stream],
  ["socketserver_threaded", "shows what three clients receive", threaded],
  ["socketserver_udp_server", "answers each datagram", udp],
  ["socketserver_unix", "greets at a path", unix, windows],
  ["fromconn_tls", "shows a timeout, and an answer over TLS", tls],
];

async function tcp(): Promise<void> {
  const [server, address] = await serve("socketserver_server");
  await using _ = server;
  assertEquals(
    await output("echo_client", ...address, "one"),
    "Received: ONE\n",
  );
  assertEquals(await askEcho(address, "two"), "TWO");
  for (const word of ["one", "two"]) {
    assertEquals(await server.readLine(), "Received from 127.0.0.1:");
    assertEquals(await server.readLine(), word);
  }
  await interrupt(server);
}

async function stream(): Promise<void> {
  const [server, address] = await serve("socketserver_stream_server");
  await using _ = server;
  assertEquals(await askEcho(address, "one\ntwo"), "ONE\nTWO");
  await interrupt(server);
}

async function threaded(): Promise<void> {
  assertEquals(
    await output("socketserver_threaded"),
    [1, 2, 3].map((n) => `Received: ${n}: Hello World ${n}\n`).join(""),
  );
}

async function udp(): Promise<void> {
  const [server, address] = await serve("socketserver_udp_server");
  await using _ = server;
  using s = udpSocket();
  for (const word of ["one", "two"]) {
    await s.sendto(encode(word), address);
    const [data, from] = await within(s.recvfrom(10));
    assertEquals(decode(data), word.toUpperCase());
    assertEquals(from, address);
  }
  assertMatch(await server.readLine() ?? "", /^127\.0\.0\.1 wrote: one$/);
  assertMatch(await server.readLine() ?? "", /^127\.0\.0\.1 wrote: two$/);
  await interrupt(server);
}

async function unix(): Promise<void> {
  await using directory = await TemporaryDirectory.make();
  await using child = await startIn(directory.url, "socketserver_unix", "s");
  assertEquals(await ended(child), "Hello, world\n");
  const left = await directory.run(
    `console.log(Array.from(Deno.readDirSync("."), ({ name }) => name).join());`,
  );
  assertEquals(left.trim(), "");
}

async function tls(): Promise<void> {
  assertEquals(
    await output("fromconn_tls"),
    "Nothing was sent: timed out\nHELLO\n",
  );
}
