import { assertEquals, assertThrows } from "@std/assert";
import { PermissionError } from "../../../src/base/errors.ts";
import {
  configuredFamilies,
  interfaceNameIfGranted,
} from "../../../src/runtime/interface_table.ts";

Deno.test({
  name: "configuredFamilies() without its permission is refused",
  permissions: "none",
  fn: () => {
    assertThrows(configuredFamilies, PermissionError, "--allow-sys");
  },
});

Deno.test({
  name: "interfaceNameIfGranted() without the permission knows no name",
  permissions: "none",
  fn: () => {
    assertEquals(interfaceNameIfGranted(1), undefined);
  },
});
