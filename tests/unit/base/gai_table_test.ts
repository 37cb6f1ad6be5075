import { assertEquals } from "@std/assert";
import {
  gaiCodeOf,
  gaiCodeOfText,
  gaiErrnoOf,
  gaiStrerror,
  hostCodeOf,
  hostErrnoOf,
  hostStrerror,
  isGaiCode,
  osName,
} from "../../../src/base/errno_table.ts";
import { python, runPython } from "../../support/python.ts";

const noLibc = python === null || osName === "windows";
const unless = noLibc ? " (skipped: no python3 with a C library)" : "";

Deno.test({
  name: `gaiStrerror() and hostStrerror() say what the system says${unless}`,
  ignore: noLibc,
  fn: async () => {
    const out = await runPython(`
import ctypes, json, socket
libc = ctypes.CDLL(None)
libc.gai_strerror.restype = libc.hstrerror.restype = ctypes.c_char_p
names = [n for n in dir(socket) if n.startswith("EAI_") and n != "EAI_MAX"]
print(json.dumps({
  "gai": {n: libc.gai_strerror(getattr(socket, n)).decode() for n in names},
  "host": [libc.hstrerror(n).decode() for n in range(1, 7)],
}))`);
    const { gai, host } = JSON.parse(out);
    // Older C libraries on Linux have no text for it.
    delete gai.EAI_OVERFLOW;
    const ours = Object.keys(gai).filter(isGaiCode).map((code) => [
      code,
      gaiStrerror(gaiErrnoOf(code)),
    ]);
    assertEquals(Object.fromEntries(ours), gai);
    assertEquals([1, 2, 3, 4, 5, 6].map(hostStrerror), host);
  },
});

Deno.test("gaiCodeOf() is the inverse of gaiErrnoOf()", () => {
  for (const code of ["EAI_NONAME", "EAI_AGAIN", "EAI_ADDRFAMILY"] as const) {
    assertEquals(gaiCodeOf(gaiErrnoOf(code)), code);
  }
  assertEquals(gaiCodeOf(12345), undefined);
});

Deno.test("hostCodeOf() is the inverse of hostErrnoOf()", () => {
  for (const code of ["HOST_NOT_FOUND", "NO_DATA"] as const) {
    assertEquals(hostCodeOf(hostErrnoOf(code)), code);
  }
  assertEquals(hostCodeOf(12345), undefined);
});

Deno.test("gaiCodeOfText() knows no text that the system has not", () => {
  assertEquals(gaiCodeOfText("It is raining"), undefined);
  const code = gaiCodeOfText(gaiStrerror(gaiErrnoOf("EAI_AGAIN")));
  assertEquals(code, osName === "windows" ? "EAI_MEMORY" : "EAI_AGAIN");
});
