import { assertEquals, assertThrows } from "@std/assert";
import { checkSockaddr } from "../../../src/netdb/lookup.ts";
import { checkService } from "../../../src/netdb/services.ts";

Deno.test("checkService() takes a number, a text or null", () => {
  assertEquals(checkService("try", 80), "80");
  assertEquals(checkService("try", "http"), "http");
  assertEquals(checkService("try", null), null);
  assertThrows(() => checkService("try", 65536), RangeError);
  for (const value of [undefined, true, 80n, 0.5, {}]) {
    assertThrows(() => checkService("try", value), TypeError);
  }
});

Deno.test("checkSockaddr() takes two to four parts", () => {
  const parts = ["::1", 80, 1, 2];
  for (const length of [2, 3, 4]) {
    assertEquals(checkSockaddr("try", parts.slice(0, length)), {
      host: "::1",
      port: 80,
      scopeId: length === 4 ? 2 : 0,
      length,
    });
  }
  for (const value of [[], ["::1"], [...parts, 3], "::1", null, [1, 2]]) {
    assertThrows(() => checkSockaddr("try", value), TypeError);
  }
});
