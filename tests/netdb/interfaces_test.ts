import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { runDeno } from "../support/child.ts";
import { canRun } from "../support/process.ts";
import { python, runPython } from "../support/python.ts";

const { if_indextoname, if_nameindex, if_nametoindex } = socket;

// deno-lint-ignore no-explicit-any
const any = (value: unknown): any => value;

const wrong: readonly [
  () => unknown,
  typeof TypeError | typeof RangeError,
  string,
][] = [
  [
    () => if_nametoindex(any(5)),
    TypeError,
    "Cannot call if_nametoindex: if_name must be a string, received 5",
  ],
  [
    () => if_nametoindex("a\0b"),
    RangeError,
    "Cannot call if_nametoindex: if_name must not contain a NUL",
  ],
  [
    () => if_indextoname(any("1")),
    TypeError,
    'Cannot call if_indextoname: if_index must be an integer, received "1"',
  ],
  [
    () => if_indextoname(1.5),
    TypeError,
    "Cannot call if_indextoname: if_index must be an integer, received 1.5",
  ],
  [
    () => if_indextoname(-1),
    RangeError,
    "Cannot call if_indextoname: if_index must be 0 to 4294967295, received -1",
  ],
  [
    () => if_indextoname(2 ** 32),
    RangeError,
    "Cannot call if_indextoname: if_index must be 0 to 4294967295",
  ],
];

for (const [call, Class, message] of wrong) {
  Deno.test(`interfaces: ${message}`, () => {
    const error = assertThrows(call, Class);
    assertStringIncludes(error.message, message);
  });
}

const linux = Deno.build.os === "linux";

const calls: readonly [string, () => unknown][] = [
  ["if_nameindex()", () => if_nameindex()],
  ["if_nametoindex()", () => if_nametoindex("lo")],
  ["if_indextoname()", () => if_indextoname(1)],
];

for (const [name, call] of calls) {
  Deno.test({
    name: `${name} without the permission names the flag to grant`,
    ignore: !linux,
    fn: () => {
      const error = assertThrows(call, socket.PermissionError);
      assertEquals(error.code, "EACCES");
      assertMatch(error.message, /"\/sys\/class\/net".*--allow-all/);
    },
  });

  Deno.test({
    name: `${name} fails with EOPNOTSUPP on other systems than Linux`,
    ignore: linux,
    fn: () => {
      const error = assertThrows(call, socket.OSError);
      assertEquals(error.code, "EOPNOTSUPP");
    },
  });
}

/** What a program with all permissions says of the interfaces. */
async function inChild(expression: string): Promise<unknown> {
  const { code, stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      function outcome(call) {
        try {
          return call();
        } catch (error) {
          return [error.constructor.name, error.code, error.message];
        }
      }
      console.log(JSON.stringify(${expression}));`,
    flags: ["--allow-all"],
  });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test({
  name: "if_nameindex() lists indices and names, and the others agree with it",
  ignore: !canRun || !linux,
  fn: async () => {
    const [all, back, there] = await inChild(`[
      socket.if_nameindex(),
      socket.if_nameindex().map(([index]) => socket.if_indextoname(index)),
      socket.if_nameindex().map(([, name]) => socket.if_nametoindex(name)),
    ]`) as [[number, string][], string[], number[]];
    assert(all.some(([, name]) => name === "lo"));
    assertEquals(back, all.map(([, name]) => name));
    assertEquals(there, all.map(([index]) => index));
    assertEquals(there, [...there].sort((a, b) => a - b));
  },
});

Deno.test({
  name: "if_nametoindex() and if_indextoname() fail for any other interface",
  ignore: !canRun || !linux,
  fn: async () => {
    const none = [
      "OSError",
      "ENODEV",
      "[Errno 19] No such device: no interface with this name",
    ];
    const unknown = ["OSError", "ENXIO", "[Errno 6] No such device or address"];
    assertEquals(
      await inChild(`[
        ...["", "no-such", "../net/lo", ".", "lo/", "x".repeat(300)].map(
          (name) => outcome(() => socket.if_nametoindex(name)),
        ),
        ...[0, 999999, 4294967295].map(
          (index) => outcome(() => socket.if_indextoname(index)),
        ),
      ]`),
      [...Array(6).fill(none), ...Array(3).fill(unknown)],
    );
  },
});

const glibc = python !== null && linux;

Deno.test({
  name: `if_nameindex() lists what python3 lists${
    glibc ? "" : " (skipped: no python3 on Linux)"
  }`,
  ignore: !glibc,
  fn: async () => {
    const theirs = await runPython(
      "import json, socket; print(json.dumps(sorted(socket.if_nameindex())))",
    );
    assertEquals(await inChild("socket.if_nameindex()"), JSON.parse(theirs));
  },
});
