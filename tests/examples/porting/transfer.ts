import { assertEquals, assertStringIncludes } from "@std/assert";
import * as socket from "@pystd/socket";
import { TemporaryDirectory } from "../../support/temporary.ts";
import { within } from "../../support/within.ts";
import {
  addressOf,
  ended,
  ofBoth,
  type PortingTest,
  start,
} from "./program.ts";

const programs = ["file_transfer.py", "file_transfer.ts"];

export const tests: readonly PortingTest[] = [
  {
    files: programs,
    criterion: "carry a file over, in both directions and each to itself",
    run: transferAll,
  },
  ...ofBoth("file_transfer", "notices a file that is cut off", cutOff),
];

const SIZE = 300_001;

async function transferAll(): Promise<void> {
  await using directory = await TemporaryDirectory.make();
  await directory.run(`
    const bytes = Uint8Array.from({ length: ${SIZE} }, (_, i) => i % 251);
    await Deno.writeFile("a.bin", bytes);`);
  for (const sender of programs) {
    for (const receiver of programs) {
      await transfer(directory, sender, receiver);
    }
  }
}

async function transfer(
  directory: TemporaryDirectory,
  sender: string,
  receiver: string,
): Promise<void> {
  const { url } = directory;
  const free = ["receive", "127.0.0.1", 0, "b.bin"];
  await using receiving = await start(receiver, free, url);
  const address = await addressOf(receiving);
  const there = ["send", ...address, "a.bin"];
  await using sending = await start(sender, there, url);
  assertEquals(await ended(sending), `Sent ${SIZE} bytes\n`);
  assertEquals(await ended(receiving), `Received ${SIZE} bytes\n`);
  const compared = await directory.run(`
    const [a, b] = [await Deno.readFile("a.bin"), await Deno.readFile("b.bin")];
    console.log(b.length, a.every((byte, i) => byte === b[i]));
    await Deno.remove("b.bin");`);
  assertEquals(compared, `${SIZE} true\n`, `${sender} to ${receiver}`);
}

async function cutOff(file: string): Promise<void> {
  await using directory = await TemporaryDirectory.make();
  const free = ["receive", "127.0.0.1", 0, "b.bin"];
  await using receiving = await start(file, free, directory.url);
  const address = await addressOf(receiving);
  using s = await within(socket.create_connection(address));
  await s.sendall(new Uint8Array([0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3]));
  s.close();
  const { code, stdout, stderr } = await receiving.result();
  assertEquals([code, stdout], [1, ""]);
  assertStringIncludes(stderr, "253 bytes are missing");
}
