import { assert, assertEquals } from "@std/assert";
import {
  pick,
  type Platform,
  platform,
  platformOf,
} from "../../src/base/errno_table.ts";

const systems: readonly [typeof Deno.build.os, Platform][] = [
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
    assertEquals(platformOf(os), expected);
  });
}

Deno.test("platform is that of Deno.build.os", () => {
  assertEquals(platform, platformOf(Deno.build.os));
});

Deno.test("pick() chooses the value of this system", () => {
  const platforms: Platform[] = ["linux", "darwin", "windows"];
  assertEquals(pick<Platform>("linux", "darwin", "windows"), platform);
  assert(platforms.includes(platform));
});
