import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import * as socket from "@pystd/socket";
import { closedAddress } from "../../support/addresses.ts";
import {
  ended,
  type ExampleTest,
  serve,
  startIn,
} from "../../support/example.ts";
import { root } from "../../support/process.ts";
import { TemporaryDirectory } from "../../support/temporary.ts";

export const tests: readonly ExampleTest[] = [
  [
    "file_send file_receive",
    "carry a file over, an empty one too, and notice one that is cut off",
    inOneDirectory,
  ],
  ["file_send", "says why it cannot connect", unreachable],
];

/** Makes a file of random bytes to send; the number of its bytes. */
const make = (size: number) => `
  const bytes = new Uint8Array(${size});
  for (let at = 0; at < bytes.length; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  await Deno.writeFile("README.md", bytes);
`;

/** Prints whether what was received is what was sent. */
const compare = `
  const hash = async (name) => {
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(name));
    return new Uint8Array(digest).toHex();
  };
  console.log(await hash("README.md") === await hash("received"));
`;

async function inOneDirectory(): Promise<void> {
  await using directory = await TemporaryDirectory.make();
  await transfer(directory);
  await transferNothing(directory);
  await cutOff(directory);
}

async function transfer(directory: TemporaryDirectory): Promise<void> {
  const size = 3 * 256 * 1024 + 5;
  // What was there before, and is longer, is gone afterwards.
  await directory.run(
    `${make(size)} await Deno.writeFile("received", new Uint8Array(${
      2 * size
    }))`,
  );
  const [receiver, address] = await serve("file_receive", directory.url);
  await using _ = receiver;
  const args = address.map(String);
  await using sender = await startIn(directory.url, "file_send", ...args);

  const steps = [
    ...(await ended(sender)).matchAll(/\rSent (\d+) of (\d+) bytes, (\d+) %/g),
  ].map(([, ...numbers]) => numbers.map(Number));
  assertEquals(steps[0], [0, size, 0]);
  assertEquals(steps.at(-1), [size, size, 100]);
  // How much the system takes at once is its own affair.
  assertGreater(steps.length, 2);
  for (const [i, [sent = 0, of, percent]] of steps.entries()) {
    assertEquals([of, percent], [size, Math.floor(sent / size * 100)]);
    if (i > 0) assertGreater(sent, steps[i - 1]![0]!);
  }
  assertEquals(await ended(receiver), `Received ${size} of ${size} bytes\n`);
  assertEquals(await directory.run(compare), "true\n");
}

async function transferNothing(directory: TemporaryDirectory): Promise<void> {
  await directory.run(make(0));
  const [receiver, address] = await serve("file_receive", directory.url);
  await using _ = receiver;
  const args = address.map(String);
  await using sender = await startIn(directory.url, "file_send", ...args);
  assertEquals(await ended(sender), "\rSent 0 of 0 bytes, 100 %\n");
  assertEquals(await ended(receiver), "Received 0 of 0 bytes\n");
  assertEquals(await directory.run(compare), "true\n");
}

async function cutOff(directory: TemporaryDirectory): Promise<void> {
  const [receiver, address] = await serve("file_receive", directory.url);
  await using _ = receiver;
  using s = await socket.create_connection(address);
  await s.sendall(new Uint8Array([0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3]));
  s.close();
  const { code, stdout } = await receiver.result();
  assertEquals([code, stdout], [1, "Received 3 of 256 bytes\n"]);
}

async function unreachable(): Promise<void> {
  const args = closedAddress().map(String);
  await using sender = await startIn(root, "file_send", ...args);
  const { code, stderr } = await sender.result();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Connection refused");
}
