import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { TimeoutError, UnsupportedOperation } from "@pystd/socket";
import {
  BufferedReader,
  type BufferedRWPair,
  type BufferedWriter,
  SocketIO,
} from "../../../src/file/binary_file.ts";
import {
  type FileOptions,
  makefileMode,
  openFile,
} from "../../../src/file/makefile.ts";
import type { TextIOWrapper } from "../../../src/file/text_file.ts";
import {
  EOF,
  LATE,
  type ReceiveStep,
  ScriptedStream,
} from "../../support/scripted_stream.ts";
import { receiveToEnd, tcpPair } from "../../support/pair.ts";
import { within } from "../../support/within.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | null) =>
  data === null ? null : new TextDecoder().decode(data);

function reader(...script: ReceiveStep[]): BufferedReader {
  return openFile(new ScriptedStream(script), "rb");
}

Deno.test("makefile() returns an instance and a type of the class for the mode", () => {
  const open = () => new ScriptedStream();
  const files: [unknown, string][] = [];
  const raw: SocketIO = openFile(open(), "rwb", 0);
  const read: BufferedReader = openFile(open(), "rb");
  const write: BufferedWriter = openFile(open(), "wb", null);
  const both: BufferedRWPair = openFile(open(), "brw", -1);
  const textual: TextIOWrapper = openFile(open());
  for (const file of [raw, read, write, both, textual]) {
    files.push([file.constructor.name, file.mode]);
    assertEquals([file.name, file.fileno(), file.closed], [3, 3, false]);
    assertEquals(file.seekable(), false);
  }
  assertEquals(files, [
    ["SocketIO", "rwb"],
    ["BufferedReader", "rb"],
    ["BufferedWriter", "wb"],
    ["BufferedRWPair", "rwb"],
    ["TextIOWrapper", "r"],
  ]);
  assertInstanceOf(read.raw, SocketIO);
  assertInstanceOf(textual.buffer, BufferedReader);
  assertEquals([both.readable(), both.writable()], [true, true]);
  assertEquals([read.readable(), read.writable()], [true, false]);
  assertEquals([write.readable(), write.writable()], [false, true]);
});

Deno.test("makefile() takes its arguments by name, typed", () => {
  const open = () => new ScriptedStream();
  const raw: SocketIO = openFile(open(), "rb", { buffering: 0 });
  const named: SocketIO = openFile(open(), { mode: "rwb", buffering: 0 });
  const sized: BufferedReader = openFile(open(), "rb", { buffering: 100 });
  const write: BufferedWriter = openFile(open(), { mode: "wb" });
  const both: BufferedRWPair = openFile(open(), "rwb", { buffering: null });
  const plain: TextIOWrapper = openFile(open(), {});
  const text: TextIOWrapper = openFile(open(), "w", { encoding: "ascii" });
  const lines: TextIOWrapper = openFile(open(), {
    mode: "w",
    buffering: 1,
    encoding: "latin-1",
  });
  assertEquals(
    [raw, named, sized, write, both, plain, text, lines].map((file) => [
      file.constructor.name,
      file.mode,
    ]),
    [
      ["SocketIO", "rb"],
      ["SocketIO", "rwb"],
      ["BufferedReader", "rb"],
      ["BufferedWriter", "wb"],
      ["BufferedRWPair", "rwb"],
      ["TextIOWrapper", "r"],
      ["TextIOWrapper", "w"],
      ["TextIOWrapper", "w"],
    ],
  );
  assertEquals([text.encoding, lines.encoding], ["ascii", "latin-1"]);
  assertEquals([text.line_buffering, lines.line_buffering], [false, true]);
});

const badArguments: [unknown[], string][] = [
  [["rb", { mode: "rb" }], "mode was given twice"],
  [["rb", 0, { buffering: 0 }], "buffering was given twice"],
  [["rb", null, { buffering: null }], "buffering was given twice"],
  [["rb", { encoding: "ascii" }, {}], "options come last"],
  [[{ mode: "rb" }, 0], "options come last"],
  [[{ mode: "rb" }, undefined, {}], "options come last"],
  [["rb", { buffer: 0 }], 'no option "buffer"'],
  [["rb", { buffering: "0" }], "buffering must be an integer or null"],
  [[{ mode: 5 }], "mode must be a string"],
  [["rb", 0, 5], "options must be an object"],
];

for (const [given, message] of badArguments) {
  Deno.test(`makefile() refuses the arguments ${JSON.stringify(given)}`, () => {
    const stream = new ScriptedStream();
    const [mode, buffering, options] = given as [string, number, FileOptions];
    const open = () => openFile(stream, mode, buffering, options);
    assertThrows(open, TypeError, message);
    assertEquals(stream.releases, 1);
  });
}

const badModes: [unknown, unknown, typeof RangeError, string][] = [
  ["x", null, RangeError, "invalid mode 'x' (only r, w, b allowed)"],
  ["r+", null, RangeError, "invalid mode 'r+' (only r, w, b allowed)"],
  ["r\n", null, RangeError, "(only r, w, b allowed)"],
  ["r", 0, RangeError, "unbuffered streams must be binary"],
  ["rw", 0, RangeError, "unbuffered streams must be binary"],
  ["rb", 1.5, TypeError, "must be an integer or null, received 1.5"],
  ["rb", "1", TypeError, 'must be an integer or null, received "1"'],
  [5, null, TypeError, "mode must be a string, received 5"],
];

for (const [mode, buffering, kind, message] of badModes) {
  Deno.test(`makefile() refuses mode ${JSON.stringify(mode)} with buffering ${buffering}`, () => {
    const stream = new ScriptedStream();
    const open = () => openFile(stream, mode as "r", buffering as number);
    assertThrows(open, kind, message);
    assertEquals(stream.releases, 1);
  });
}

Deno.test("makefile() takes sizes as Python does", () => {
  const sizes: [string, number | null | undefined, number, boolean][] = [
    ["rb", undefined, 8192, false],
    ["rb", null, 8192, false],
    ["wb", -5, 8192, false],
    ["wb", 1, 1, false],
    ["w", 1, 8192, true],
    ["w", 2, 2, false],
    ["b", 0, 0, false],
  ];
  for (const [mode, buffering, size, lines] of sizes) {
    const { bufferSize, lineBuffering } = makefileMode(mode, buffering);
    assertEquals([bufferSize, lineBuffering], [size, lines]);
  }
});

Deno.test("read() returns bytes that own their memory", async () => {
  for (const buffering of [0, 3, 8192]) {
    const stream = new ScriptedStream(["ab\ncdefgh\nij\nklm", EOF]);
    const file = openFile(stream, "rb" as string, buffering) as BufferedReader;
    for (
      const data of [
        await file.readline(),
        await file.read(4),
        (await file.readlines())![0]!,
        await file.read(),
      ]
    ) assertEquals(data!.buffer.byteLength, data!.length);
  }
  const file = reader("abc", EOF);
  for (const data of [await file.peek(), await file.read1(2)]) {
    assertEquals(data!.buffer.byteLength, data!.length);
  }
});

Deno.test("readline() returns buffered lines without receiving", async () => {
  const stream = new ScriptedStream(["a\nb\nc"]);
  const file = openFile(stream, "rb");
  assertEquals(text(await file.readline()), "a\n");
  assertEquals(text(await file.readline()), "b\n");
  assertEquals(stream.asked.length, 1);
});

Deno.test("readline() finds the end of a line longer than the buffer", async () => {
  for (const length of [8191, 8192, 8193, 100_000]) {
    const line = "x".repeat(length) + "\n";
    const file = reader(line + "rest\n", EOF);
    assertEquals(text(await file.readline()), line);
    assertEquals(text(await file.readline()), "rest\n");
  }
});

Deno.test("read() of many bytes receives whole blocks without the buffer, and no more", async () => {
  const data = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7);
  const file = reader(data, EOF);
  assertEquals(await file.read(3), data.slice(0, 3));
  assertEquals(await file.read(200_000), data.slice(3, 200_003));
  assertEquals(await file.read(), data.slice(200_003));
});

Deno.test("makefile() reads ahead the buffer's size, by default more in a stream", async () => {
  const data = new Uint8Array(200_000);
  const usual = new ScriptedStream([data, EOF]);
  assertEquals(await openFile(usual, "r").readline(), "\0".repeat(200_000));
  assertEquals(usual.asked.slice(0, 5), [8192, 16384, 32768, 65536, 65536]);
  const exact = new ScriptedStream([data.subarray(0, 20_000), "x", EOF]);
  const file = openFile(exact, "rb", 1000);
  while ((await file.read(1))!.length > 0);
  assertEquals(new Set(exact.asked), new Set([1000]));
});

/** Reads, and the data that each wants of `0123456789\nabcdef\n`. */
const reads: [
  string,
  (file: SocketIO, signal?: AbortSignal) => Promise<unknown>,
][] = [
  ["readline()", (file, signal) => file.readline(-1, { signal })],
  ["readline(5)", (file, signal) => file.readline(5, { signal })],
  ["read(13)", (file, signal) => file.read(13, { signal })],
  ["read()", (file, signal) => file.read({ signal })],
  ["readlines()", (file, signal) => file.readlines({ signal })],
  ["readinto()", async (file, signal) => {
    const target = new Uint8Array(13);
    const n = await file.readinto(target, { signal });
    return n === null ? null : target.slice(0, n);
  }],
];

/** All of it, whatever the parts. */
function joined(parts: unknown[]): string {
  return parts.flat().map((part) => text(part as Uint8Array | null)).join("");
}

for (const buffering of [0, 4, 8192]) {
  for (const [name, read] of reads) {
    const open = (stream: ScriptedStream) =>
      openFile(stream, "rb" as string, buffering) as SocketIO;
    const whole = "0123456789\nabcdef\n";

    Deno.test(`${name} with buffer ${buffering} loses nothing by a timeout`, async () => {
      const once = await read(
        open(new ScriptedStream([whole, EOF])),
      );
      for (let cut = 0; cut <= whole.length; cut++) {
        const script: ReceiveStep[] = [LATE, LATE, LATE, EOF];
        if (cut < whole.length) script.splice(3, 0, whole.slice(cut));
        if (cut > 0) script.splice(1, 0, whole.slice(0, cut));
        const file = open(new ScriptedStream(script));
        let got: unknown;
        for (let late = 0; got === undefined; late++) {
          try {
            got = await read(file);
          } catch (error) {
            assertInstanceOf(error, TimeoutError);
            assert(late < 3);
          }
        }
        if (buffering > 0) assertEquals(got, once);
        assertEquals(joined([got, await rest(file)]), whole);
      }
    });

    Deno.test(`${name} with buffer ${buffering} loses nothing by an abort in any microtask`, async () => {
      for (let turns = 0; turns < 12; turns++) {
        const stream = new ScriptedStream(["0123"]);
        const file = open(stream);
        const abort = new AbortController();
        const reason = new Error("enough");
        const first = read(file, abort.signal).catch((error) => {
          assertStrictEquals(error, reason);
          return new Uint8Array(0);
        });
        const second = read(file);
        for (let turn = 0; turn < turns; turn++) await null;
        stream.play(whole.slice(4, 9));
        for (let turn = 0; turn < turns % 5; turn++) await null;
        abort.abort(reason);
        stream.play(whole.slice(9), EOF);
        const parts = [await within(first), await within(second)];
        assertEquals(joined([...parts, await rest(file)]), whole);
      }
    });

    Deno.test(`${name} with buffer ${buffering} ends when the file is closed`, async () => {
      const stream = new ScriptedStream(["01"]);
      const file = open(stream);
      const pending = [read(file), read(file), read(file)];
      // Without a buffer, the first reads may be content with what there is.
      const results = Promise.allSettled(pending);
      for (let turn = 0; turn < 20; turn++) await null;
      await within(file.close());
      for (const result of (await within(results)).slice(1)) {
        assertEquals(result.status, "rejected");
        assertEquals(
          `${(result as PromiseRejectedResult).reason}`,
          "RangeError: I/O operation on closed file",
        );
      }
      assertEquals(stream.releases, 1);
    });
  }
}

/** All that is left to read. */
async function rest(file: SocketIO): Promise<Uint8Array | null> {
  for (;;) {
    try {
      return await file.read();
    } catch (error) {
      assertInstanceOf(error, TimeoutError);
    }
  }
}

Deno.test("reads are served in call order, beside writes", async () => {
  const stream = new ScriptedStream();
  const file = openFile(stream, "rwb");
  const first = file.read(3);
  const second = file.readline();
  const third = file.read(2);
  assertEquals(await within(file.write(bytes("sent"))), 4);
  await within(file.flush());
  assertEquals(stream.sentText, "sent");
  stream.play("a", "bcdef\ng", "hi", EOF);
  assertEquals(text(await third), "gh");
  assertEquals(text(await first), "abc");
  assertEquals(text(await second), "def\n");
  assertEquals(text(await file.read()), "i");
});

Deno.test("read() that is aborted in the queue leaves the queue", async () => {
  const stream = new ScriptedStream();
  const file = openFile(stream, "rb");
  const abort = new AbortController();
  const first = file.read(2);
  const second = file.read(2, { signal: abort.signal });
  const third = file.read(2);
  abort.abort(new Error("enough"));
  await assertRejects(() => within(second), Error, "enough");
  stream.play("abcd");
  assertEquals([text(await first), text(await third)], ["ab", "cd"]);
  const aborted = AbortSignal.abort(new Error("before"));
  await assertRejects(() => file.read(1, { signal: aborted }), Error, "before");
});

Deno.test("for await reads lines to the end, and leaves the file open", async () => {
  const file = reader("a\nb", "b\n", "c", EOF);
  for await (const line of file) {
    assertEquals(text(line), "a\n");
    break;
  }
  assertEquals(file.closed, false);
  const lines: (string | null)[] = [];
  for await (const line of file) lines.push(text(line));
  assertEquals(lines, ["bb\n", "c"]);
});

Deno.test("read() and write() fail on a file of the other direction", async () => {
  const cases: [string, number | null, string, string][] = [
    [
      "b",
      0,
      "File or stream is not readable.",
      "File or stream is not writable.",
    ],
    ["b", null, "read", "write"],
  ];
  for (const [mode, buffering, unreadable, unwritable] of cases) {
    const out = openFile(
      new ScriptedStream(),
      `w${mode}`,
      buffering,
    ) as SocketIO;
    const calls = [
      () => out.read(),
      () => out.readline(),
      () => out.readlines(),
      () => out.readinto(new Uint8Array(1)),
      () => out[Symbol.asyncIterator]().next(),
    ];
    for (const call of calls) {
      const error = await assertRejects(call, UnsupportedOperation);
      assertEquals(error.message, unreadable);
    }
    const into = openFile(
      new ScriptedStream(),
      `r${mode}`,
      buffering,
    ) as SocketIO;
    for (
      const call of [
        () => into.write(bytes("x")),
        () => into.writelines([bytes("x")]),
      ]
    ) {
      const error = await assertRejects(call, UnsupportedOperation);
      assertEquals(error.message, unwritable);
    }
    await into.writelines([]);
    await into.flush();
    assertThrows(() => into.seek(0), UnsupportedOperation);
    assertThrows(() => into.tell(), UnsupportedOperation, "seek");
    assertThrows(() => into.truncate(), UnsupportedOperation, "truncate");
  }
});

Deno.test("every call on a closed file except close() fails with a RangeError", async () => {
  for (const buffering of [0, 8192]) {
    const stream = new ScriptedStream();
    const file = openFile(stream, "rwb" as string, buffering) as SocketIO;
    await file.close();
    await file.close();
    assertEquals([file.closed, file.name, file.mode], [true, -1, "rwb"]);
    const calls = [
      () => file.read(),
      () => file.readline(),
      () => file.readlines(),
      () => file.readinto(new Uint8Array(1)),
      () => file.write(bytes("x")),
      () => file.writelines([]),
      () => file.flush(),
      () => file[Symbol.asyncIterator]().next(),
    ];
    const closed = "I/O operation on closed file";
    for (const call of calls) await assertRejects(call, RangeError, closed);
    assertThrows(() => file.fileno(), RangeError, closed);
    assertThrows(() => file.readable(), RangeError, closed);
    assertThrows(() => file.writable(), RangeError, closed);
    assertThrows(() => file.seekable(), RangeError, closed);
    assertEquals(stream.releases, 1);
  }
});

Deno.test("read() after detach() leaves everything to the layer below", async () => {
  const stream = new ScriptedStream();
  const file = openFile(stream, "rb");
  const first = file.read(3);
  const detached = file.detach();
  const behind = [file.read(3), file.readline(), file.readlines()];
  for (const each of behind) each.catch(() => {});
  stream.play("abcdef\n", EOF);
  assertEquals(text(await within(first)), "abc");
  const raw = await within(detached);
  for (const each of behind) {
    await assertRejects(() => within<unknown>(each), RangeError, "detached");
  }
  assertEquals(text(await raw.read(100)), "def\n");
});

Deno.test("close() removes the listener from the signal of a queued read", async () => {
  const file = openFile(new ScriptedStream(), "rb");
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (type: string, listener: EventListener) => {
    listeners.add(listener);
    addEventListener.call(signal, type, listener);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    listeners.delete(listener);
    removeEventListener.call(signal, type, listener);
  };
  const reads = [file.read(5, { signal }), file.read(5, { signal })];
  for (const each of reads) each.catch(() => {});
  assertGreater(listeners.size, 0);
  await file.close();
  for (const each of reads) {
    await assertRejects(() => within(each), RangeError, "closed");
  }
  assertEquals(listeners.size, 0);
});

for (const buffering of [0, 8192]) {
  Deno.test(`read() with buffer ${buffering} that a close cancels leaves later bytes to the socket`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const file = client.makefile("rb", buffering);
    const read = file.read().catch((error) => error);
    await peer.sendall(new Uint8Array(10_000));
    // Most often what is there has been read then, and a receive waits.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await file.close();
    assertInstanceOf(await within<unknown>(read), RangeError);
    await peer.sendall(bytes("next"));
    peer.close();
    const received = await receiveToEnd(client);
    assertEquals(text(received.subarray(-4)), "next");
  });
}
