import { assertEquals, assertMatch } from "@std/assert";
import {
  ended,
  type ExampleTest,
  interrupt,
  output,
  serve,
  startIn,
} from "../../support/example.ts";
import { TemporaryDirectory } from "../../support/temporary.ts";

const windows = Deno.build.os === "windows";

export const tests: readonly ExampleTest[] = [
  ["socketserver_server echo_client", "answer in capital letters", tcp],
  ["socketserver_stream_server echo_client", "answer line by line", stream],
  ["socketserver_threaded", "shows what three clients receive", threaded],
  ["socketserver_udp_server udp_client", "answer each datagram", udp],
  ["socketserver_unix", "greets at a path", unix, windows],
  ["fromconn_tls", "shows a timeout, and an answer over TLS", tls],
];

async function tcp(): Promise<void> {
  const [server, address] = await serve("socketserver_server");
  await using _ = server;
  for (const word of ["one", "two"]) {
    assertEquals(
      await output("echo_client", ...address, word),
      `Received: ${word.toUpperCase()}\n`,
    );
    assertEquals(await server.readLine(), "Received from 127.0.0.1:");
    assertEquals(await server.readLine(), word);
  }
  await interrupt(server);
}

async function stream(): Promise<void> {
  const [server, address] = await serve("socketserver_stream_server");
  await using _ = server;
  assertEquals(
    await output("echo_client", ...address, "one\ntwo"),
    "Received: ONE\nTWO\n",
  );
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
  const from = `Received from ${address.join(":")}`;
  assertEquals(
    await output("udp_client", ...address, "one", "two"),
    `${from}: ONE\n${from}: TWO\n`,
  );
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
