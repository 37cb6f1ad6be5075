import { assert, assertEquals } from "@std/assert";
import {
  byOs,
  type OsName,
  osName,
  osNameOf,
} from "../../../src/base/errno_table.ts";

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
  Deno.test(`platformOf() takes ${os} for ${expected}`, () => {
    assertEquals(osNameOf(os), expected);
  });
}

Deno.test("platform is that of Deno.build.os", () => {
  assertEquals(osName, osNameOf(Deno.build.os));
});

Deno.test("pick() chooses the value of this system", () => {
  const platforms: OsName[] = ["linux", "darwin", "windows"];
  assertEquals(byOs<OsName>("linux", "darwin", "windows"), osName);
  assert(platforms.includes(osName));
});
