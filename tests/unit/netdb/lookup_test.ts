import { assertEquals, assertThrows } from "@std/assert";
import { AF_INET, AF_INET6, AF_UNSPEC } from "../../../src/base/constants.ts";
import { gaierror } from "../../../src/base/errors.ts";
import { isLinkLocal, toAscii } from "../../../src/base/sockaddr.ts";
import { findNumericHost } from "../../../src/netdb/lookup.ts";
import { findSockets } from "../../../src/netdb/services.ts";

const ascii: readonly [string, string | null][] = [
  ["example.com", "example.com"],
  ["EXAMPLE.com", "EXAMPLE.com"],
  ["a b", "a b"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["BÜCHER.example", "xn--bcher-kva.example"],
  ["例え.テスト", "xn--r8jz45g.xn--zckzah"],
  ["１２７.０.０.１", "127.0.0.1"],
  ["a。b", "a.b"],
  ["local\u00adhost", "localhost"],
  ["ｆｅ８０：：１", "fe80::1"],
  ["ü@evil.example", null],
  ["ü/path", null],
  ["ü:80", null],
  ["ü?query", null],
  ["ü#hash", null],
  ["ü%41", null],
  ["[ü]", null],
  ["ü ü", null],
  ["ü\\ü", null],
];

for (const [host, expected] of ascii) {
  Deno.test(`toAscii() of ${JSON.stringify(host)}`, () => {
    if (expected !== null) {
      assertEquals(toAscii(host), expected);
      return;
    }
    const error = assertThrows(() => toAscii(host), gaierror);
    assertEquals(error.code, "EAI_NONAME");
  });
}

const parsed: readonly [string, [string, number] | undefined][] = [
  ["1.2.3.4", ["1.2.3.4", 0]],
  ["1.2.3.4 ", undefined],
  ["1.2.3", ["1.2.0.3", 0]],
  ["1.2.3.4.5", undefined],
  ["cafe", undefined],
  ["0xcafe", ["0.0.202.254", 0]],
  ["::1", ["::1", 0]],
  ["::1%3", ["::1", 3]],
  ["fe80::1%4294967295", ["fe80::1", 4294967295]],
  [":", undefined],
  ["example.com", undefined],
  ["example%1", undefined],
];

for (const [host, expected] of parsed) {
  Deno.test(`findNumericHost() of ${JSON.stringify(host)}`, () => {
    const found = findNumericHost(host, AF_UNSPEC, 0);
    assertEquals(found && [found.host, found.scopeId], expected);
  });
}

Deno.test("findNumericHost() checks the family before the scope", () => {
  const error = assertThrows(
    () => findNumericHost("::1%x", AF_INET, 0),
    gaierror,
  );
  assertEquals(error.code, "EAI_ADDRFAMILY");
  const scope = assertThrows(
    () => findNumericHost("::1%x", AF_INET6, 0),
    gaierror,
  );
  assertEquals(scope.code, "EAI_NONAME");
});

const links: readonly [string, boolean][] = [
  ["fe80::1", true],
  ["febf::1", true],
  ["fec0::1", false],
  ["ff02::1", true],
  ["ff12::1", true],
  ["ff05::1", false],
  ["::1", false],
];

for (const [host, expected] of links) {
  Deno.test(`isLinkLocal() of ${host} is ${expected}`, () => {
    assertEquals(isLinkLocal(host), expected);
  });
}

Deno.test("findSockets() reads a number as strtoul does", () => {
  const port = (service: string) =>
    findSockets(service, { type: 1, proto: 0, flags: 0 })[0]?.port;
  assertEquals(port("\t\n 0080"), 80);
  assertEquals(port("-0"), 0);
  for (const service of ["80 ", "8e1", "80.0", "٨٠", " ", "+", "-1"]) {
    const error = assertThrows(() => port(service), gaierror);
    assertEquals(error.code, "EAI_SERVICE", service);
  }
});
