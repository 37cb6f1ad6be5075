import { assertEquals, assertThrows } from "@std/assert";
import { checkUnsigned } from "../../src/internal/checks.ts";
import {
  checkService,
  checkSockaddr,
  checkText,
} from "../../src/internal/name_arguments.ts";

Deno.test("checkText() takes strings without a NUL", () => {
  assertEquals(checkText("try", "it", ""), "");
  assertEquals(checkText("try", "it", "ü"), "ü");
  assertThrows(
    () => checkText("try", "it", "a\0"),
    RangeError,
    'Cannot try: it must not contain a NUL, received "a\\u0000"',
  );
  for (const value of [null, undefined, 1, new String("a"), ["a"]]) {
    assertThrows(() => checkText("try", "it", value), TypeError);
  }
});

Deno.test("checkUnsigned() takes integers from 0 to its limit", () => {
  assertEquals(checkUnsigned("try", "it", 0, 9), 0);
  assertEquals(checkUnsigned("try", "it", 9, 9), 9);
  for (const value of [-1, 10]) {
    assertThrows(
      () => checkUnsigned("try", "it", value, 9),
      RangeError,
      `Cannot try: it must be 0 to 9, received ${value}`,
    );
  }
  for (const value of ["1", 1.5, NaN, 1n, null]) {
    assertThrows(() => checkUnsigned("try", "it", value, 9), TypeError);
  }
});

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
