import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair } from "../support/pair.ts";
import { within } from "../support/within.ts";

const here = new URL(import.meta.url).pathname;

/** Checks that a stack begins at a line of this file. */
function assertStartsHere(error: unknown, name: string): void {
  assertInstanceOf(error, socket.OSError);
  const frames = error.stack!.split("\n")
    .filter((line) => /^ +at (?!async Promise\.all)/.test(line));
  assert(frames[0]?.includes(here), `${name}: ${error.stack}`);
}

/** A file object whose every read and flush ends by the timeout. */
type Call<File> = [string, (file: File) => Promise<unknown>];

const bytes = new Uint8Array(3e7);

const binary: Call<socket.BufferedRWPair>[] = [
  ["read()", async (file) => await file.read()],
  ["read(n)", async (file) => await file.read(10)],
  ["read(n, options)", async (file) => await file.read(10, {})],
  ["read1()", async (file) => await file.read1(10)],
  ["readline()", async (file) => await file.readline()],
  ["readlines()", async (file) => await file.readlines()],
  ["readinto()", async (file) => await file.readinto(new Uint8Array(5))],
  ["readinto() of much", async (file) => await file.readinto(bytes)],
  ["readinto1()", async (file) => await file.readinto1(new Uint8Array(5))],
  ["peek()", async (file) => await file.peek()],
  ["for await", async (file) => {
    for await (const _ of file);
  }],
  ["Promise.all()", async (file) => await Promise.all([file.readline()])],
  ["write()", async (file) => await file.write(bytes)],
  ["writelines()", async (file) => await file.writelines([bytes])],
  ["flush()", async (file) => {
    await file.write(bytes).catch(() => {});
    await file.flush();
  }],
  ["close()", async (file) => {
    await file.write(bytes).catch(() => {});
    await file.close();
  }],
  ["await using", async (file) => {
    await using _ = file;
    await file.write(bytes).catch(() => {});
  }],
];

for (const [name, call] of binary) {
  Deno.test(`${name} of a file fails with a stack that begins at the call`, async () => {
    await using pair = await tcpPair();
    const file = pair.client.makefile("rwb");
    pair.client.settimeout(0.001);
    try {
      await within(call(file));
    } catch (error) {
      if (error instanceof SuppressedError) throw error;
      assertStartsHere(error, name);
      return;
    } finally {
      pair.peer.close();
      await file.close().catch(() => {});
    }
    throw new Error(`${name} did not fail`);
  });
}

Deno.test("detach() of a file fails with a stack that begins at the call", async () => {
  await using pair = await tcpPair();
  const file = pair.client.makefile("w");
  pair.client.settimeout(0.001);
  await within(file.write("x".repeat(3e7)).catch(() => {}));
  try {
    await file.detach();
    throw new Error("detach() did not fail");
  } catch (error) {
    assertStartsHere(error, "detach()");
  } finally {
    pair.peer.close();
    await file.close().catch(() => {});
  }
});

Deno.test("an unsupported operation has a stack that begins at the call", async () => {
  await using pair = await tcpPair();
  await using out = pair.client.makefile("wb");
  await using into = pair.client.makefile("rb");
  await using text = pair.client.makefile("r");
  const calls: [string, () => unknown][] = [
    ["read()", () => out.read()],
    ["readline()", () => out.readline()],
    ["readinto()", () => out.readinto(new Uint8Array(1))],
    ["read1()", () => out.read1()],
    ["for await", () => out[Symbol.asyncIterator]().next()],
    ["write()", () => into.write(new Uint8Array(1))],
    ["writelines()", () => into.writelines([new Uint8Array(1)])],
    ["text readinto()", () => text.readinto(new Uint8Array(1))],
    ["seek()", () => into.seek(0)],
    ["tell()", () => into.tell()],
    ["truncate()", () => text.truncate()],
  ];
  for (const [name, call] of calls) {
    let error: unknown;
    try {
      await call();
    } catch (caught) {
      error = caught;
    }
    assertInstanceOf(error, socket.UnsupportedOperation, name);
    assertStartsHere(error, name);
  }
});

Deno.test("the reason of a signal keeps its own stack", async () => {
  await using pair = await tcpPair();
  await using file = pair.client.makefile("rb");
  const abort = new AbortController();
  const reason = new socket.OSError(5, "my own");
  const { stack } = reason;
  const read = file.read(1, { signal: abort.signal }).catch((error) => error);
  abort.abort(reason);
  assertStrictEquals(await within(read), reason);
  assertEquals(reason.stack, stack);
});
