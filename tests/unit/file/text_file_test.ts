import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { TimeoutError, UnsupportedOperation } from "@pystd/socket";
import {
  BufferedReader,
  BufferedRWPair,
} from "../../../src/file/binary_file.ts";
import { type FileOptions, openFile } from "../../../src/file/makefile.ts";
import type { TextIOWrapper } from "../../../src/file/text_file.ts";
import { assertGrowsLinearly } from "../../support/cost.ts";
import {
  AGAIN,
  EOF,
  LATE,
  type ReceiveStep,
  ScriptedStream,
} from "../../support/scripted_stream.ts";
import { within } from "../../support/within.ts";

function reader(options: FileOptions, ...script: ReceiveStep[]): TextIOWrapper {
  return openFile(new ScriptedStream(script), "r", null, options);
}

function writer(options: FileOptions): [TextIOWrapper, ScriptedStream] {
  const stream = new ScriptedStream();
  return [openFile(stream, "w", 10, options), stream];
}

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("makefile() gives text files the attributes of Python's", () => {
  const file = openFile(new ScriptedStream(), "wr", 1, { encoding: "UTF8" });
  assertEquals(
    [file.mode, file.name, file.encoding, file.errors, file.line_buffering],
    ["wr", 3, "UTF8", "strict", true],
  );
  assertInstanceOf(file.buffer, BufferedRWPair);
  assertEquals([file.readable(), file.writable()], [true, true]);
  const plain = openFile(new ScriptedStream(), "");
  assertEquals([plain.encoding, plain.mode, plain.line_buffering], [
    "utf-8",
    "",
    false,
  ]);
});

const badOptions: [FileOptions, typeof RangeError, string, string?][] = [
  [{ encoding: "foo" }, RangeError, "unknown encoding: foo"],
  [{ encoding: "utf-32" }, RangeError, "unknown encoding: utf-32"],
  [{ errors: "foo" }, RangeError, "unknown error handler name 'foo'"],
  [{ newline: "x" as "\n" }, RangeError, "illegal newline value: x"],
  [
    { encoding: 5 as unknown as string },
    TypeError,
    "encoding must be a string",
  ],
  [{ errors: 5 as unknown as string }, TypeError, "errors must be a string"],
  [{ newline: 5 as unknown as "\n" }, TypeError, "newline must be a string"],
  [{ encoding: "gbk" }, RangeError, "gbk can be read, not written", "w"],
  [
    { encoding: "iso-2022-jp", errors: "ignore" },
    RangeError,
    'decoded with errors "strict" or "replace", received "ignore"',
  ],
];

for (const [options, kind, message, mode = "r"] of badOptions) {
  Deno.test(`makefile() refuses ${JSON.stringify(options)}`, () => {
    const stream = new ScriptedStream();
    const open = () => openFile(stream, mode, null, options);
    assertThrows(open, kind, message);
    assertEquals(stream.releases, 1);
    openFile(new ScriptedStream(), `${mode}b`, null, options);
  });
}

const sample = "größe\r\n二三\u{1f600}\rx\u{1f601}y\n\r\n\rend";

Deno.test("text survives being cut anywhere, newlines too", async () => {
  const data = utf8(sample);
  const lines: [FileOptions["newline"], string[]][] = [
    [null, ["größe\n", "二三\u{1f600}\n", "x\u{1f601}y\n", "\n", "\n", "end"]],
    ["", [
      "größe\r\n",
      "二三\u{1f600}\r",
      "x\u{1f601}y\n",
      "\r\n",
      "\r",
      "end",
    ]],
    ["\n", ["größe\r\n", "二三\u{1f600}\rx\u{1f601}y\n", "\r\n", "\rend"]],
    ["\r", ["größe\r", "\n二三\u{1f600}\r", "x\u{1f601}y\n\r", "\n\r", "end"]],
    ["\r\n", ["größe\r\n", "二三\u{1f600}\rx\u{1f601}y\n\r\n", "\rend"]],
  ];
  for (const [newline, expected] of lines) {
    for (let cut = 0; cut < data.length; cut++) {
      for (const next of [cut + 1, cut + 2, data.length]) {
        const parts = [
          data.slice(0, cut),
          data.slice(cut, next),
          data.slice(next),
        ];
        const script = parts.filter((part) => part.length > 0);
        const file = reader({ newline }, ...script, EOF);
        assertEquals(await file.readlines(), expected);
      }
    }
  }
});

Deno.test("read() and readline() count code points", async () => {
  const file = reader({}, "a\u{1f600}b\u{1f601}\u{1f602}\nc", EOF);
  assertEquals(await file.read(2), "a\u{1f600}");
  assertEquals(await file.readline(2), "b\u{1f601}");
  assertEquals(await file.readline(5), "\u{1f602}\n");
  assertEquals(await file.read(5), "c");
  const [out] = writer({});
  assertEquals(await out.write("a\u{1f600}é"), 3);
  assertEquals(await out.write("x".repeat(50) + "\u{1f600}"), 51);
});

Deno.test("readline() returns decoded lines without receiving", async () => {
  const stream = new ScriptedStream(["a\nb\nc"]);
  const file = openFile(stream, "r");
  assertEquals([await file.readline(), await file.readline()], ["a\n", "b\n"]);
  assertEquals(stream.asked.length, 1);
});

Deno.test("readline() does not wait for the character after a carriage return", async () => {
  const stream = new ScriptedStream(["a\r"]);
  const file = openFile(stream, "r");
  assertEquals(await within(file.readline()), "a\n");
  stream.play("\nb\r", "\n", "\r", EOF);
  assertEquals(await file.readlines(), ["b\n", "\n"]);
});

Deno.test("readline() costs ten times as much for a line that is ten times as long", async () => {
  await assertGrowsLinearly(async (size) => {
    const line = "x".repeat(size) + "é\n";
    const file = reader({}, line, "rest", EOF);
    const startMs = performance.now();
    assertEquals((await file.readline())?.length, line.length);
    const tookMs = performance.now() - startMs;
    assertEquals(await file.read(), "rest");
    return tookMs;
  }, 4_000_000);
});

const reads: [
  string,
  (file: TextIOWrapper, signal?: AbortSignal) => Promise<unknown>,
][] = [
  ["readline()", (file, signal) => file.readline({ signal })],
  ["readline(4)", (file, signal) => file.readline(4, { signal })],
  ["read(9)", (file, signal) => file.read(9, { signal })],
  ["read()", (file, signal) => file.read({ signal })],
  ["readlines()", (file, signal) => file.readlines({ signal })],
];

for (const [name, read] of reads) {
  for (const newline of [null, "", "\r\n"] as const) {
    const title = `${name} with newline ${JSON.stringify(newline)}`;
    const translated = newline === null
      ? sample.replaceAll(/\r\n?/g, "\n")
      : sample;
    const data = utf8(sample);

    Deno.test(`${title} loses nothing by a timeout`, async () => {
      const once = await read(reader({ newline }, data, EOF));
      for (let cut = 1; cut < data.length; cut++) {
        const file = reader(
          { newline },
          LATE,
          data.slice(0, cut),
          LATE,
          LATE,
          data.slice(cut),
          EOF,
        );
        let got: unknown;
        while (got === undefined) {
          got = await read(file).catch((error) => {
            assertInstanceOf(error, TimeoutError);
          });
        }
        assertEquals(got, once);
        const rest = await file.read().catch(() => file.read())
          .catch(() => file.read());
        assertEquals([got].flat().join("") + rest, translated);
      }
    });

    Deno.test(`${title} loses nothing by an abort in any microtask`, async () => {
      for (let turns = 0; turns < 15; turns++) {
        const cut = turns + 3;
        const stream = new ScriptedStream([data.slice(0, cut)]);
        const file = openFile(stream, "r", 5, { newline });
        const abort = new AbortController();
        const reason = new Error("enough");
        const first = read(file, abort.signal).catch((error) => {
          assertStrictEquals(error, reason);
          return "";
        });
        const second = read(file);
        for (let turn = 0; turn < turns; turn++) await null;
        stream.play(data.slice(cut, cut + 4));
        for (let turn = 0; turn < turns % 4; turn++) await null;
        abort.abort(reason);
        stream.play(data.slice(cut + 4), EOF);
        const parts = [await within(first), await within(second)].flat();
        assertEquals(parts.join("") + await file.read(), translated);
      }
    });
  }
}

Deno.test("a character that would block half-way stays for the next read", async () => {
  const [lead, trail] = utf8("é");
  const file = reader(
    {},
    Uint8Array.of(lead!),
    AGAIN,
    Uint8Array.of(trail!, 0x78),
    AGAIN,
    "\n",
    EOF,
  );
  assertEquals(await file.readline(), null);
  assertEquals(await file.readline(), "éx");
  assertEquals(await file.readline(), "\n");
  assertEquals(await file.read(3), "");
});

Deno.test("malformed bytes are reported at their position, and skipped", async () => {
  const file = reader(
    {},
    "good\nhalf ",
    Uint8Array.of(0xff, 0x6f, 0x6b, 0x0a, 0xc3),
    EOF,
  );
  assertEquals(await file.readline(), "good\n");
  const error = await assertRejects(() => file.readline(), RangeError);
  assertEquals(
    error.message,
    "'utf-8' codec can't decode byte 0xff in position 10: invalid start byte",
  );
  assertEquals(await file.readline(), "half ok\n");
  await assertRejects(
    () => file.read(),
    RangeError,
    "byte 0xc3 in position 14: unexpected end of data",
  );
  assertEquals(await file.read(), "");
});

Deno.test("surrogateescape restores the same bytes", async () => {
  const data = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (const encoding of ["utf-8", "ascii", "koi8-r", "iso-8859-6"]) {
    const options = {
      encoding,
      errors: "surrogateescape",
      newline: "",
    } as const;
    const text = await reader(options, data, EOF).read();
    const [file, stream] = writer(options);
    await file.write(text!);
    await file.close();
    assertEquals(stream.sent, data);
  }
});

Deno.test("reads and writes of one text file do not disturb each other", async () => {
  const stream = new ScriptedStream(["one\ntwo\nthree\n"]);
  const file = openFile(stream, "rw");
  assertEquals(await file.readline(), "one\n");
  await file.write("x");
  await file.flush();
  assertEquals(await file.readline(), "two\n");
  const pending = [file.read(20), file.readline()];
  await within(file.write("y"));
  await within(file.close());
  for (const call of pending) {
    await assertRejects(() => within(call), RangeError, "closed file");
  }
  assertEquals([stream.sentText, stream.releases], ["xy", 1]);
});

Deno.test("a text file rejects operations that only other files have", async () => {
  const [out] = writer({});
  await assertRejects(() => out.read(), UnsupportedOperation, "not readable");
  await assertRejects(
    () => out.readline(),
    UnsupportedOperation,
    "not readable",
  );
  const file = reader({}, "abc");
  await assertRejects(
    () => file.write("x"),
    UnsupportedOperation,
    "not writable",
  );
  const buffer = new Uint8Array(1);
  await assertRejects(() => file.readinto(buffer), UnsupportedOperation);
  assertThrows(() => file.tell(), UnsupportedOperation, "not seekable");
  assertEquals(await file.read(1), "a");
  const below = await file.detach();
  assertInstanceOf(below, BufferedReader);
  await assertRejects(() => file.read(), RangeError, "has been detached");
  assertEquals(below.closed, false);
});

/** How many characters `run` looks at, by the methods of strings. */
async function visitsOf(run: () => Promise<unknown>): Promise<number> {
  const { codePointAt, charCodeAt, endsWith } = String.prototype;
  let visits = 0;
  Object.assign(String.prototype, {
    codePointAt(this: string, index: number) {
      visits++;
      return codePointAt.call(this, index);
    },
    charCodeAt(this: string, index: number) {
      visits++;
      return charCodeAt.call(this, index);
    },
    endsWith(this: string, end: string) {
      // It makes one string of all the parts that a string was added up from.
      visits += this.length;
      return endsWith.call(this, end);
    },
  });
  try {
    await run();
  } finally {
    Object.assign(String.prototype, { codePointAt, charCodeAt, endsWith });
  }
  return visits;
}

const longReads: [
  string,
  (file: TextIOWrapper, count: number) => Promise<string | null>,
  FileOptions,
][] = [
  ["read(n)", (file, count) => file.read(count), {}],
  ["readline(n)", (file, count) => file.readline(count), {}],
  [
    'readline() with newline "\\r\\n"',
    (file) => file.readline(),
    { newline: "\r\n" },
  ],
];

for (const [name, read, options] of longReads) {
  Deno.test(`${name} of a text in small pieces looks at each character a few times`, async () => {
    const count = 100_000;
    const data = utf8("\u{1f600}".repeat(count));
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < data.length; i += 1000) {
      pieces.push(data.subarray(i, i + 1000));
    }
    const file = reader(options, ...pieces, "\r\n", EOF);
    let got: string | null = "";
    const visits = await visitsOf(async () => got = await read(file, count));
    assertEquals(got!.slice(0, 2 * count).length, 2 * count);
    assert(visits < 10 * count, `${visits} visits`);
  });
}

Deno.test("read(n) and readline(n) count characters over any pieces", async () => {
  const sample = "a\u{1f600}b\u{1f601}cd\u{1f602}e";
  const points = [...sample];
  const data = utf8(sample);
  for (let piece = 1; piece <= data.length; piece++) {
    for (let count = 0; count <= points.length; count++) {
      for (const method of ["read", "readline"] as const) {
        const pieces: Uint8Array[] = [];
        for (let i = 0; i < data.length; i += piece) {
          pieces.push(data.subarray(i, i + piece));
        }
        const file = reader({}, ...pieces, EOF);
        const expected = points.slice(0, count).join("");
        assertEquals(await file[method](count), expected);
        assertEquals(await file.read(), points.slice(count).join(""));
      }
    }
  }
});

Deno.test("readline() and read() agree over lines of every length", async () => {
  const lines: string[] = [];
  for (let length = 0; length < 1300; length += 37) {
    lines.push("x".repeat(length) + "\n", "é".repeat(length % 90) + "\n");
  }
  const all = lines.join("") + "end";
  for (const newline of [null, "", "\n"] as const) {
    const file = reader({ newline }, all, EOF);
    assertEquals(await file.readlines(), [...lines, "end"]);
    const mixed = reader({ newline }, all, EOF);
    let text = "";
    for (let size = 0; text.length < all.length; size = (size + 7) % 600) {
      text += `${await mixed.read(size)}${await mixed.readline()}`;
    }
    assertEquals(text === all, true);
  }
});
