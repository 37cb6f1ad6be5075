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

const none = [
  "OSError",
  "ENODEV",
  "[Errno 19] No such device: no interface with this name",
];
const unknown = ["OSError", "ENXIO", "[Errno 6] No such device or address"];
const names = ["", "no-such", "../net/lo", ".", "lo/", "x".repeat(300)];
const indices = [0, 999999, 4294967295];
const theirs = python !== null ? "" : " (the list: skipped, no python3)";

Deno.test({
  name:
    `if_nameindex() lists what python3 lists, and the others agree with it and fail for any other interface${theirs}`,
  ignore: !canRun || !linux,
  fn: async () => {
    const { code, stdout, stderr } = await runDeno({
      code: `
        import * as socket from "@pystd/socket";
        const [names, indices] = Deno.args.map((each) => JSON.parse(each));
        function outcome(call) {
          try {
            return call();
          } catch (error) {
            return [error.constructor.name, error.code, error.message];
          }
        }
        const all = socket.if_nameindex();
        console.log(JSON.stringify([
          all,
          all.map(([index]) => socket.if_indextoname(index)),
          all.map(([, name]) => socket.if_nametoindex(name)),
          names.map((name) => outcome(() => socket.if_nametoindex(name))),
          indices.map((index) => outcome(() => socket.if_indextoname(index))),
        ]));`,
      args: [JSON.stringify(names), JSON.stringify(indices)],
      flags: ["--allow-all"],
    });
    assertEquals(code, 0, stderr);
    const [all, back, there, noNames, noIndices] = JSON.parse(stdout) as [
      [number, string][],
      string[],
      number[],
      unknown[],
      unknown[],
    ];
    assert(all.some(([, name]) => name === "lo"));
    assertEquals(back, all.map(([, name]) => name));
    assertEquals(there, all.map(([index]) => index));
    assertEquals(there, [...there].sort((a, b) => a - b));
    assertEquals(noNames, names.map(() => none));
    assertEquals(noIndices, indices.map(() => unknown));
    if (python === null) return;
    const listed = await runPython(
      "import json, socket; print(json.dumps(sorted(socket.if_nameindex())))",
    );
    assertEquals(all, JSON.parse(listed));
  },
});
