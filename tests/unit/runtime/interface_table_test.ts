import { assertEquals, assertThrows } from "@std/assert";
import { PermissionError } from "../../../src/base/errors.ts";
import {
  configuredFamilies,
  scopeNameIfGranted,
} from "../../../src/runtime/interface_table.ts";

Deno.test({
  name: "configuredFamilies() without its permission fails",
  permissions: "none",
  fn: () => {
    assertThrows(configuredFamilies, PermissionError, "--allow-sys");
  },
});

Deno.test({
  name: "scopeNameIfGranted() without the permission returns no name",
  permissions: "none",
  fn: () => {
    assertEquals(scopeNameIfGranted(2), undefined);
  },
});
