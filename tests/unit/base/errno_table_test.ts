import { assert, assertEquals } from "@std/assert";
import {
  byOs,
  errnoCodes,
  errnoOf,
  gaiCodeOf,
  gaiCodeOfText,
  gaiErrnoOf,
  gaiStrerror,
  hostCodeOf,
  hostErrnoOf,
  hostStrerror,
  isErrnoCode,
  isGaiCode,
  type OsName,
  osName,
  osNameOf,
  strerror,
} from "../../../src/base/errno_table.ts";
import { python, runPython } from "../../support/python.ts";

const systems: readonly [typeof Deno.build.os, OsName][] = [
  ["linux", "linux"],
  ["android", "linux"],
  ["aix", "linux"],
  ["illumos", "linux"],
  ["solaris", "linux"],
  ["darwin", "darwin"],
  ["freebsd", "darwin"],
  ["netbsd", "darwin"],
  ["windows", "windows"],
];
for (const [os, expected] of systems) {
  Deno.test(`osNameOf() takes ${os} for ${expected}`, () => {
    assertEquals(osNameOf(os), expected);
  });
}

Deno.test("osName is that of Deno.build.os", () => {
  assertEquals(osName, osNameOf(Deno.build.os));
});

Deno.test("byOs() chooses the value of this system", () => {
  const platforms: OsName[] = ["linux", "darwin", "windows"];
  assertEquals(byOs<OsName>("linux", "darwin", "windows"), osName);
  assert(platforms.includes(osName));
});

// On Windows os.strerror does not know Winsock's numbers, and OSError does not
// know the others; ctypes.FormatError takes the place of the first.
const code = `
import ctypes, json, os, sys
def text(n):
  return ctypes.FormatError(n).rstrip(".") if n >= 10000 else os.strerror(n)
print(json.dumps([text(int(n)) for n in sys.argv[1:]]))`;

Deno.test({
  name: python === null
    ? "strerror() says what python3 says (skipped: no python3)"
    : "strerror() says what python3 says",
  ignore: python === null,
  fn: async () => {
    const numbers = [...errnoCodes.filter(isErrnoCode).map(errnoOf), 9999];
    const expected = JSON.parse(await runPython(code, numbers.map(String)));
    assertEquals(
      numbers.map((n) => `${n} ${strerror(n)}`),
      numbers.map((n, i) => `${n} ${expected[i]}`),
    );
  },
});

Deno.test("strerror() has a text for every code of the system", () => {
  for (const code of errnoCodes.filter(isErrnoCode)) {
    const text = strerror(errnoOf(code));
    assertEquals(/^Unknown error/.test(text), false, code);
  }
  const colon = osName === "darwin" ? ":" : "";
  assertEquals(strerror(98765), `Unknown error${colon} 98765`);
});

const noLibc = python === null || osName === "windows";
const unless = noLibc ? " (skipped: no python3 with a C library)" : "";

Deno.test({
  name: `gaiStrerror() and hostStrerror() return the system's texts${unless}`,
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

Deno.test("gaiCodeOfText() knows only texts of the system", () => {
  assertEquals(gaiCodeOfText("It is raining"), undefined);
  const code = gaiCodeOfText(gaiStrerror(gaiErrnoOf("EAI_AGAIN")));
  assertEquals(code, osName === "windows" ? "EAI_MEMORY" : "EAI_AGAIN");
});
