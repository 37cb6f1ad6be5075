import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { BlockingIOError, TimeoutError } from "@pystd/socket";
import { type FileOptions, openFile } from "../../../src/file/makefile.ts";
import type { TextIOWrapper } from "../../../src/file/text_file.ts";
import {
  AGAIN,
  EOF,
  LATE,
  ScriptedStream,
  type SendStep,
  WAIT,
} from "../../support/scripted_stream.ts";
import { within } from "../../support/within.ts";

function writer(
  options: FileOptions,
  buffering: number,
  ...script: SendStep[]
): [TextIOWrapper, ScriptedStream] {
  const stream = new ScriptedStream([], script);
  return [openFile(stream, "w", buffering, options), stream];
}

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("utf-16 is written with a byte order mark, and read back", async () => {
  const [file, stream] = writer({ encoding: "utf-16" }, 100);
  await file.write("é");
  await file.write("\u{1f600}\n");
  await file.close();
  assertEquals([...stream.sent.slice(0, 4)], [0xff, 0xfe, 0xe9, 0]);
  const back = openFile(new ScriptedStream([stream.sent, EOF]), "r", null, {
    encoding: "utf-16",
  });
  assertEquals(await back.read(), "é\u{1f600}\n");
});

Deno.test("write() translates newlines", async () => {
  const newlines: [FileOptions["newline"], string][] = [
    [null, Deno.build.os === "windows" ? "\r\n" : "\n"],
    ["", "\n"],
    ["\n", "\n"],
    ["\r", "\r"],
    ["\r\n", "\r\n"],
  ];
  for (const [newline, end] of newlines) {
    const [file, stream] = writer({ newline }, 100);
    assertEquals(await file.write("a\nb\r\n"), 5);
    await file.close();
    assertEquals(stream.sentText, `a${end}b\r${end}`);
  }
});

Deno.test("write() with line buffering sends whole lines at once", async () => {
  const [file, stream] = writer({}, 1);
  await file.write("half ");
  assertEquals(stream.sentText, "");
  await file.write("line\nand");
  assertEquals(stream.sentText, "half line\nand");
  await file.write("\r");
  assertEquals(stream.sentText, "half line\nand\r");
});

Deno.test("write() that would block accepts all or nothing", async () => {
  const [file, stream] = writer({}, 4, AGAIN, AGAIN, 2);
  assertEquals(await file.write("abc"), 3);
  assertEquals(await file.write("défg"), 4);
  const error = await assertRejects(() => file.write("h"), BlockingIOError);
  assertEquals(
    (error as { characters_written?: number }).characters_written,
    0,
  );
  assertEquals(await file.write("hi"), 2);
  await file.close();
  assertEquals(stream.sentText, "abcdéfghi");
});

Deno.test("write() cancelled in any microtask has accepted its text", async () => {
  for (let turns = 0; turns < 8; turns++) {
    const [file, stream] = writer({ newline: "\r\n" }, 1, WAIT);
    const abort = new AbortController();
    const { signal } = abort;
    const aborted = (error: Error) => assertEquals(error.name, "AbortError");
    const calls = [
      file.write("first é\n", { signal }).catch(aborted),
      file.write("second\n", { signal }).catch(aborted),
      file.writelines(["third\n", "fourth"]),
    ];
    for (let turn = 0; turn < turns; turn++) await null;
    abort.abort();
    stream.playSends(2, LATE);
    const [, , last] = await within(Promise.allSettled(calls));
    if (last?.status === "rejected") {
      assertInstanceOf(last.reason, TimeoutError);
      await file.writelines(["fourth"]);
    }
    await within(file.close());
    assertEquals(stream.sentText, "first é\r\nsecond\r\nthird\r\nfourth");
  }
});

Deno.test("write() rejects text that the encoding does not have, and accepts nothing", async () => {
  const [file, stream] = writer({ encoding: "ascii" }, 100);
  await assertRejects(
    () => file.write("abcé"),
    RangeError,
    "'ascii' codec can't encode character '\\xe9' in position 3: ordinal not in range(128)",
  );
  const [wide] = writer({}, 100);
  await assertRejects(
    () => wide.write("\u{1f600}\ud800"),
    RangeError,
    "'utf-8' codec can't encode character '\\ud800' in position 1: surrogates not allowed",
  );
  await assertRejects(() => file.write(5 as unknown as string), TypeError);
  await assertRejects(
    () => file.write(utf8("a") as unknown as string),
    TypeError,
  );
  await file.close();
  assertEquals(stream.sentText, "");
});
