/** Calls of file objects. */

import type { Argument } from "./calls.ts";
import { bytes, MOST_UNREAD, type ProgramBuilder } from "./program_builder.ts";
import { File } from "./state.ts";

/** How many files are open at once. */
const MOST_FILES = 3;

/** Makes a file object. */
export function makefile(builder: ProgramBuilder): void {
  const random = builder.random;
  const handle = builder.any((each) =>
    each.stream && (each.state === "connected" || random.chance(5))
  );
  const open = builder.files.filter((each) => !each.closed).length;
  if (handle === undefined || handle.closed || open >= MOST_FILES) return;
  const mode = random.pick(["rb", "rb", "wb", "rwb", "r", "r", "w", "rw"]);
  // How far files read ahead is their own affair, so nothing else reads then.
  const reading = mode !== "w" && mode !== "wb";
  if (reading && handle.description.read) return;
  const binary = mode.includes("b");
  const buffering = binary && random.chance(40)
    ? random.pick([0, 1, 5, 100])
    : null;
  const options: Record<string, string> = binary ? {} : {
    encoding: random.pick(["utf-8", "ascii", "latin-1"]),
    ...(random.chance(30) && { newline: random.pick(["", "\n", "\r\n"]) }),
  };
  const name = builder.newName();
  const args: Argument[] = [mode, buffering, { options }];
  builder.call(handle.name, "makefile", args, name);
  const file = new File(name, handle, mode);
  builder.files.push(file);
  const { description } = handle;
  if (file.reading) description.read = true;
  if (file.reading && buffering !== 0) description.ahead = true;
}

/** Reads from a file object, writes to it or closes it. */
export function useFile(builder: ProgramBuilder): void {
  const random = builder.random;
  const file = builder.files.length > 0
    ? random.pick(builder.files)
    : undefined;
  if (file === undefined) return;
  const { name, handle } = file;
  const { description } = handle;
  const roll = random.below(100);
  if (roll < 6) {
    builder.call(name, "close", []);
    description.output.data += file.unsent;
    if (!file.closed) description.release();
    file.closed = true;
  } else if (roll < 9) {
    const asked = ["readable", "writable", "seekable", "fileno"];
    builder.call(name, random.pick(asked), []);
  } else if (file.writing && (roll < 50 || !file.reading)) {
    writeFile(builder, file);
  } else readFile(builder, file);
}

function writeFile(builder: ProgramBuilder, file: File): void {
  const random = builder.random;
  const { output } = file.handle.description;
  if (random.chance(35)) {
    builder.call(file.name, "flush", []);
    output.data += file.unsent;
    file.unsent = "";
  } else {
    const text = builder.text();
    if (output.data.length + file.unsent.length > MOST_UNREAD) return;
    builder.call(file.name, "write", [file.binary ? bytes(text) : text]);
    file.unsent += text;
  }
}

function readFile(builder: ProgramBuilder, file: File): void {
  const random = builder.random;
  const { available, name, binary, handle } = file;
  const { ended } = handle.description.input;
  const line = available.indexOf("\n") + 1;
  if (line > 0 && random.chance(60)) {
    builder.call(name, "readline", random.chance(10) ? [5] : []);
    return file.take(line);
  }
  if (ended || (handle.timeout !== null && random.chance(2))) {
    const call = random.pick(["read", "readline", "readlines", "read"]);
    builder.call(name, call, []);
    return file.take(call === "readline" && line > 0 ? line : Infinity);
  }
  if (available === "") return;
  const n = 1 + random.below(Math.min(available.length, 20));
  const call = binary && random.chance(30) ? "readinto" : "read";
  builder.call(name, call, [call === "read" ? n : { buffer: n }]);
  file.take(n);
}
