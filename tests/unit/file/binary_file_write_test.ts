import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { BlockingIOError, BrokenPipeError, TimeoutError } from "@pystd/socket";
import type { BufferedWriter } from "../../../src/file/binary_file.ts";
import { WriteBuffer } from "../../../src/file/buffers.ts";
import { openFile } from "../../../src/file/makefile.ts";
import type { RawStream } from "../../../src/file/open_file.ts";
import { ETIMEDOUT } from "@pystd/socket/errno";
import { osError } from "../../../src/base/os_error.ts";
import {
  AGAIN,
  LATE,
  ScriptedStream,
  type SendStep,
  WAIT,
} from "../../support/scripted_stream.ts";
import { within } from "../../support/within.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function writer(
  buffering: number,
  ...script: SendStep[]
): [BufferedWriter, ScriptedStream] {
  const stream = new ScriptedStream([], script);
  return [openFile(stream, "wb", buffering), stream];
}

Deno.test("write() sends nothing before the buffer is full, flush() sends all", async () => {
  const [file, stream] = writer(8);
  assertEquals(await file.write(bytes("12345")), 5);
  assertEquals(await file.write(bytes("678")), 3);
  assertEquals(stream.sentText, "");
  assertEquals(await file.write(bytes("9")), 1);
  assertEquals(stream.sentText, "12345678");
  await file.flush();
  assertEquals(stream.sentText, "123456789");
  await file.flush();
  assertEquals(stream.sends, [8, 1]);
});

Deno.test("write() of more than the buffer bypasses it, however many bytes each send accepts", async () => {
  const [file, stream] = writer(4, 1, 1, 3, 2);
  await file.write(bytes("ab"));
  assertEquals(await file.write(bytes("cdefghijkl")), 10);
  assertEquals(stream.sends, [2, 1, 10, 7, 5]);
  await file.close();
  assertEquals(stream.sentText, "abcdefghijkl");
});

Deno.test("write() does not keep the caller's array", async () => {
  const [file, stream] = writer(8, LATE);
  const data = bytes("abcdefghijkl");
  await assertRejects(() => file.write(data), TimeoutError);
  data.fill(0);
  const small = bytes("m");
  await file.write(small);
  small.fill(0);
  await file.close();
  assertEquals(stream.sentText, "abcdefghijklm");
});

const givenUp: [string, number, SendStep[]][] = [
  ["at the first byte", 4, [LATE]],
  ["after a part of the buffer", 4, [1, LATE]],
  ["after the buffer", 4, [2, LATE]],
  ["in the middle of the data", 4, [2, 3, LATE]],
  ["again and again", 4, [1, LATE, LATE, 3, LATE, 1, LATE]],
  ["with a large buffer", 8192, [1, LATE, 2, LATE]],
];

for (const [when, buffering, script] of givenUp) {
  Deno.test(`write() and flush() cancelled ${when} lose and double nothing`, async () => {
    const [file, stream] = writer(buffering, ...script);
    const settle = async (promise: Promise<unknown>) => {
      try {
        await promise;
      } catch (error) {
        assertInstanceOf(error, TimeoutError);
        assertEquals(error.message, "timed out");
      }
    };
    await settle(file.write(bytes("ab")));
    await settle(file.write(bytes("cdefghijkl")));
    await settle(file.flush());
    await settle(file.write(bytes("mnopqrst")));
    await settle(file.writelines([bytes("uv")]));
    for (let i = 0; i < script.length; i++) await settle(file.flush());
    await file.close();
    assertEquals(stream.sentText, "abcdefghijklmnopqrstuv");
  });
}

Deno.test("write() aborted in any microtask has accepted its data, in order", async () => {
  for (let turns = 0; turns < 10; turns++) {
    const [file, stream] = writer(4, WAIT);
    const abort = new AbortController();
    const reason = new Error("enough");
    const options = { signal: abort.signal };
    const aborted = (error: unknown) => assertStrictEquals(error, reason);
    const results = [
      file.write(bytes("abcdefgh"), options).catch(aborted),
      file.write(bytes("ijklmnop"), options).catch(aborted),
      file.write(bytes("q")),
      file.flush(options).catch(aborted),
      file.write(bytes("rstuvwxyz")),
    ];
    for (let turn = 0; turn < turns % 5; turn++) await null;
    if (turns > 5) stream.playSends(3, WAIT);
    for (let turn = 0; turn < turns; turn++) await null;
    abort.abort(reason);
    stream.playSends();
    await within(Promise.all(results));
    await within(file.close());
    assertEquals(stream.sentText, "abcdefghijklmnopqrstuvwxyz");
  }
});

Deno.test("write() copies what cancelled writes have left a few times at most", async () => {
  const transmit = () => Promise.reject(new TimeoutError(ETIMEDOUT));
  const raw = { transmit } as unknown as RawStream;
  const buffer = new WriteBuffer(raw, 100);
  const memories = new Set<ArrayBufferLike>();
  for (let i = 0; i < 1000; i++) {
    await assertRejects(() => buffer.writeAll(new Uint8Array(200)));
    memories.add(buffer.reserve(1).buffer);
  }
  // Its memory was doubled until it held 200,000 bytes.
  assertLess(memories.size, 20);
});

Deno.test("write() with an aborted signal accepts nothing", async () => {
  const [file, stream] = writer(4);
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(
    () => file.write(bytes("x"), { signal }),
    Error,
    "before",
  );
  await assertRejects(() => file.flush({ signal }), Error, "before");
  await file.close();
  assertEquals(stream.sentText, "");
});

Deno.test("write() that would block reports how much it has accepted", async () => {
  const [file, stream] = writer(10, AGAIN, AGAIN, AGAIN, 4, AGAIN, AGAIN);
  const blocked = async (promise: Promise<unknown>, written: number) => {
    const error = await assertRejects(() => promise, BlockingIOError);
    assertEquals(error.code, "EAGAIN");
    assertEquals(
      (error as { characters_written?: number }).characters_written,
      written,
    );
  };
  assertEquals(await file.write(bytes("01234567")), 8);
  await blocked(file.write(bytes("89abc")), 2);
  await blocked(file.write(bytes("abc")), 0);
  await blocked(file.flush(), 0);
  await blocked(file.write(bytes("abcdefgh")), 4);
  assertEquals(await file.write(bytes("")), 0);
  await blocked(file.close(), 0);
  assertEquals([file.closed, stream.releases], [true, 1]);
  assertEquals(stream.sentText, "0123");

  const [empty, more] = writer(10, 5, AGAIN);
  await blocked(empty.write(bytes("0123456789abcdefghij")), 15);
  await empty.close();
  assertEquals(more.sentText, "0123456789abcde");
});

Deno.test("write() without a buffer sends once, and returns null if it would block", async () => {
  const stream = new ScriptedStream([], [2, AGAIN, LATE, 1, 1, AGAIN]);
  const file = openFile(stream, "wb", 0);
  assertEquals(await file.write(bytes("abcd")), 2);
  assertEquals(await file.write(bytes("cd")), null);
  await assertRejects(() => file.write(bytes("cd")), TimeoutError);
  const error = await assertRejects(
    () => file.writelines([bytes("cdef")]),
    BlockingIOError,
  );
  assertEquals(
    (error as { characters_written?: number }).characters_written,
    2,
  );
  await file.writelines([bytes("ef"), bytes("g")]);
  assertEquals(stream.sentText, "abcdefg");
});

Deno.test("writes are served in call order", async () => {
  const [file, stream] = writer(4, WAIT);
  function* lines() {
    for (const line of ["fghij", "k", "lmnopqr"]) yield bytes(line);
  }
  const calls = [
    file.write(bytes("abcde")),
    file.writelines(lines()),
    file.write(bytes("s")),
    file.flush(),
    file.write(bytes("t")),
    file.close(),
  ];
  assertEquals(file.closed, true);
  await assertRejects(() => file.write(bytes("u")), RangeError, "closed file");
  stream.playSends(1, 1, 1);
  await within(Promise.all(calls));
  assertEquals(stream.sentText, "abcdefghijklmnopqrst");
  assertEquals(stream.releases, 1);
});

Deno.test("close() that cannot flush closes the file all the same, and rejects", async () => {
  const [file, stream] = writer(4, osError("EPIPE"));
  await file.write(bytes("ab"));
  const first = file.close();
  const second = file.close();
  await assertRejects(() => within(first), BrokenPipeError);
  await within(second);
  assertEquals([file.closed, stream.releases], [true, 1]);

  const [late, silent] = writer(4, WAIT);
  await late.write(bytes("ab"));
  const abort = new AbortController();
  const closing = late.close({ signal: abort.signal });
  assertEquals(silent.releases, 0);
  abort.abort(new Error("enough"));
  await assertRejects(() => within(closing), Error, "enough");
  assertEquals([late.closed, silent.releases], [true, 1]);
});

Deno.test("close() rejects a pending read at once, although the flush goes on", async () => {
  const stream = new ScriptedStream([], [WAIT]);
  const file = openFile(stream, "rwb");
  const reading = file.read(1);
  await file.write(bytes("last words"));
  const closing = file.close();
  await assertRejects(() => within(reading), RangeError, "closed file");
  assertEquals(stream.releases, 0);
  stream.playSends();
  await within(closing);
  assertEquals([stream.sentText, stream.releases], ["last words", 1]);
});

Deno.test("using and await using close", async () => {
  const stream = new ScriptedStream();
  {
    using file = openFile(stream, "rb");
    using raw = openFile(new ScriptedStream(), "rb", 0);
    assert(!file.closed && !raw.closed);
  }
  assertEquals(stream.releases, 1);
  {
    await using file = openFile(stream, "wb");
    await file.write(bytes("flushed"));
  }
  assertEquals([stream.sentText, stream.releases], ["flushed", 2]);
});

Deno.test("detach() flushes, returns the read-ahead to the socket, and ends the file", async () => {
  const stream = new ScriptedStream(["abcdef"]);
  const reader = openFile(stream, "rb");
  await reader.read(2);
  const raw = await reader.detach();
  assertEquals(await raw.read(100), bytes("cdef"));
  const detached = "raw stream has been detached";
  await assertRejects(() => reader.read(), RangeError, detached);
  await assertRejects(() => reader.close(), RangeError, detached);
  assertEquals([raw.closed, stream.releases], [false, 0]);

  const [file, out] = writer(100);
  await file.write(bytes("abc"));
  const below = await file.detach();
  assertEquals(out.sentText, "abc");
  await assertRejects(() => file.write(bytes("d")), RangeError, detached);
  await below.write(bytes("d"));
  assertEquals(out.sentText, "abcd");
});

Deno.test("write() after detach() accepts nothing", async () => {
  const [file, stream] = writer(10);
  const first = file.write(new Uint8Array(100));
  const detached = file.detach();
  const behind = Promise.allSettled([
    file.write(bytes("tail")),
    file.writelines([bytes("tail")]),
    file.detach(),
  ]);
  await first;
  await detached;
  for (const each of await behind) {
    assert(each.status === "rejected");
    assertInstanceOf(each.reason, RangeError);
  }
  assertEquals(stream.sentText.length, 100);
});

Deno.test("write() takes bytes only", async () => {
  const [file] = writer(4);
  const wrong: unknown[] = ["text", null, 5, [1], new ArrayBuffer(1)];
  for (const data of wrong) {
    await assertRejects(() => file.write(data as Uint8Array), TypeError);
  }
  const lines = "ab" as unknown as Iterable<Uint8Array>;
  await assertRejects(() => file.writelines(lines), TypeError);
});

Deno.test("read() and its variants take integers only", async () => {
  const file = openFile(new ScriptedStream(["abc"]), "rb");
  for (const size of [1.5, "1", NaN, true]) {
    const bad = size as number;
    await assertRejects(() => file.read(bad), TypeError, "size must be");
    await assertRejects(() => file.readline(bad), TypeError, "size must be");
    await assertRejects(() => file.readlines(bad), TypeError, "size must be");
    await assertRejects(() => file.read1(bad), TypeError, "size must be");
  }
  await assertRejects(
    () => file.read(-2),
    RangeError,
    "read length must be non-negative or -1",
  );
  const text = "ab" as unknown as Uint8Array;
  await assertRejects(() => file.readinto(text), TypeError, "buffer must be");
  const signal = {} as AbortSignal;
  await assertRejects(() => file.read(1, { signal }), TypeError, "AbortSignal");
});
