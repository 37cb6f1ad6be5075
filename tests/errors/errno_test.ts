import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { constants } from "node:os";
import * as errno from "@pystd/socket/errno";
import { python, runPython } from "../support/python.ts";

const { errorcode, ...codes } = errno;
const onWindows = Deno.build.os === "windows";

const linux: readonly [keyof typeof codes, number][] = [
  ["EPERM", 1],
  ["EAGAIN", 11],
  ["EWOULDBLOCK", 11],
  ["EPIPE", 32],
  ["EADDRINUSE", 98],
  ["ECONNRESET", 104],
  ["ETIMEDOUT", 110],
  ["ECONNREFUSED", 111],
];
Deno.test({
  name: "errno has the numbers of Linux",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    for (const [code, number] of linux) assertEquals(codes[code], number, code);
  },
});

Deno.test("errno agrees with node:os", () => {
  const system: Record<string, number> = constants.errno;
  let compared = 0;
  for (const [code, number] of Object.entries(codes)) {
    // Winsock's numbers have names of their own there.
    const name = number >= 10000 ? `WSA${code}` : code;
    const expected = system[name];
    if (expected === undefined) continue;
    assertEquals(number, expected, code);
    compared++;
  }
  assert(compared > 60, `${compared} compared`);
});

Deno.test({
  name: python === null
    ? "errno agrees with python3 (skipped: no python3)"
    : "errno agrees with python3",
  ignore: python === null,
  fn: async () => {
    const theirs: Record<string, number> = JSON.parse(
      await runPython(
        "import errno, json; print(json.dumps({name: value " +
          "for name, value in vars(errno).items() if name[0] == 'E'}))",
      ),
    );
    const present = Object.entries(codes).filter(([, number]) => number !== -1);
    const missing = Object.keys(codes).filter((code) => !(code in theirs));
    assertEquals(
      Object.fromEntries(present),
      Object.fromEntries(
        Object.entries(theirs).filter(([code]) => code in codes),
      ),
    );
    if (Deno.build.os === "linux") assertEquals(missing, []);
  },
});

Deno.test({
  name: python === null
    ? "errorcode agrees with python3 (skipped: no python3)"
    : onWindows
    ? "errorcode agrees with python3 (skipped: it says WSA on Windows)"
    : "errorcode agrees with python3",
  ignore: python === null || onWindows,
  fn: async () => {
    const theirs: Record<string, string> = JSON.parse(
      await runPython(
        "import errno, json; print(json.dumps(errno.errorcode))",
      ),
    );
    const known = Object.entries(theirs).filter(([, name]) => name in codes);
    assertEquals({ ...errorcode }, Object.fromEntries(known));
  },
});

Deno.test("errorcode has a name for every number", () => {
  for (const [code, number] of Object.entries(codes)) {
    const name = errorcode[number];
    if (number === -1) {
      assertEquals(name, undefined, code);
    } else {
      assertNotEquals(name, undefined, code);
      assertEquals(Reflect.get(codes, name!), number, code);
    }
  }
});

Deno.test("errorcode cannot be changed", () => {
  assert(Object.isFrozen(errorcode));
});
