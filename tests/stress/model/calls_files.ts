/** Calls of file objects. */

import type { Argument } from "./calls.ts";
import { bytes, type Draft, MOST_UNREAD } from "./program_builder.ts";
import { File } from "./state.ts";

/** How many files are open at once. */
const MOST_FILES = 3;

/** Makes a file object. */
export function makefile(draft: Draft): void {
  const random = draft.random;
  const handle = draft.any((each) =>
    each.stream && (each.state === "connected" || random.chance(5))
  );
  const open = draft.files.filter((each) => !each.closed).length;
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
  const name = draft.newName();
  const args: Argument[] = [mode, buffering, { options }];
  draft.call(handle.name, "makefile", args, name);
  const file = new File(name, handle, mode);
  draft.files.push(file);
  const { description } = handle;
  if (file.reading) description.read = true;
  if (file.reading && buffering !== 0) description.ahead = true;
}

/** Reads from a file object, writes to it or closes it. */
export function useFile(draft: Draft): void {
  const random = draft.random;
  const file = draft.files.length > 0 ? random.pick(draft.files) : undefined;
  if (file === undefined) return;
  const { name, handle } = file;
  const { description } = handle;
  const roll = random.below(100);
  if (roll < 6) {
    draft.call(name, "close", []);
    description.output.data += file.unsent;
    if (!file.closed) description.release();
    file.closed = true;
  } else if (roll < 9) {
    const asked = ["readable", "writable", "seekable", "fileno"];
    draft.call(name, random.pick(asked), []);
  } else if (file.writing && (roll < 50 || !file.reading)) {
    writeFile(draft, file);
  } else readFile(draft, file);
}

function writeFile(draft: Draft, file: File): void {
  const random = draft.random;
  const { output } = file.handle.description;
  if (random.chance(35)) {
    draft.call(file.name, "flush", []);
    output.data += file.unsent;
    file.unsent = "";
  } else {
    const text = draft.text();
    if (output.data.length + file.unsent.length > MOST_UNREAD) return;
    draft.call(file.name, "write", [file.binary ? bytes(text) : text]);
    file.unsent += text;
  }
}

function readFile(draft: Draft, file: File): void {
  const random = draft.random;
  const { available, name, binary, handle } = file;
  const { ended } = handle.description.input;
  const line = available.indexOf("\n") + 1;
  if (line > 0 && random.chance(60)) {
    draft.call(name, "readline", random.chance(10) ? [5] : []);
    return file.take(line);
  }
  if (ended || (handle.timeout !== null && random.chance(2))) {
    const call = random.pick(["read", "readline", "readlines", "read"]);
    draft.call(name, call, []);
    return file.take(call === "readline" && line > 0 ? line : Infinity);
  }
  if (available === "") return;
  const n = 1 + random.below(Math.min(available.length, 20));
  const call = binary && random.chance(30) ? "readinto" : "read";
  draft.call(name, call, [call === "read" ? n : { buffer: n }]);
  file.take(n);
}
