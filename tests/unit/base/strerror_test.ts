import { assertEquals } from "@std/assert";
import {
  errnoCodes,
  errnoOf,
  isErrnoCode,
  osName,
  strerror,
} from "../../../src/base/errno_table.ts";
import { python, runPython } from "../../support/python.ts";

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
