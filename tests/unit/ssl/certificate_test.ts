import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  Certificate,
  certificateTimeMs,
} from "../../../src/ssl/certificate.ts";
import { certificatesIn, toPem } from "../../../src/ssl/pem.ts";
import { python, runPython } from "../../support/python.ts";
import { certificate, certificates } from "../../support/tls.ts";

function read(name: string): Uint8Array {
  const [der] = certificatesIn(Deno.readTextFileSync(certificate(name)));
  return der!;
}

Deno.test("toInfo() returns CPython's result for every certificate", {
  ignore: python === null,
}, async () => {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(certificates)) {
    if (/^(?!.*key).*\.pem$/.test(name)) names.push(name.slice(0, -4));
  }
  names.sort();
  const printed = await runPython(
    `import json, ssl, sys
print(json.dumps([ssl._ssl._test_decode_cert(f) for f in sys.argv[1:]]))`,
    names.map((name) => certificate(name)),
  );
  assertEquals(names.includes("fields"), true);
  for (const [i, expected] of JSON.parse(printed).entries()) {
    const info = new Certificate(read(names[i]!)).toInfo();
    assertEquals(info as unknown, expected, names[i]!);
  }
});

Deno.test("Certificate() of anything but a certificate throws a RangeError", () => {
  const der = read("fields");
  for (let length = 0; length < der.length; length++) {
    assertThrows(() => new Certificate(der.subarray(0, length)), RangeError);
  }
  assertThrows(() => new Certificate(new Uint8Array(1000)), RangeError);
});

Deno.test("Certificate() of changed bytes works or throws a RangeError", () => {
  const der = read("fields");
  for (let at = 0; at < der.length; at++) {
    for (const bit of [1, 0x80]) {
      const changed = der.slice();
      changed[at]! ^= bit;
      try {
        const certificate = new Certificate(changed);
        certificate.toInfo();
        certificate.names;
        certificate.commonNames;
        certificate.isCA;
        certificate.isFor("1.3.6.1.5.5.7.3.1");
      } catch (error) {
        assertInstanceOf(error, RangeError);
      }
    }
  }
});

Deno.test("toPem() returns text that certificatesIn() reads", () => {
  for (const name of ["fields", "server", "rsa"]) {
    const der = read(name);
    assertEquals(certificatesIn(toPem(der)), [der]);
  }
  const both = Deno.readTextFileSync(certificate("chain"));
  assertEquals(certificatesIn(both).length, 2);
  const windows = "text\n" + both.replaceAll("\n", "\r\n");
  assertEquals(certificatesIn(windows).length, 2);
});

Deno.test("certificateTimeMs() reads the dates of certificates", () => {
  const { notBefore, notAfter } = new Certificate(read("expired")).toInfo();
  assertEquals(certificateTimeMs(notBefore), Date.UTC(2000, 0, 1));
  assertEquals(certificateTimeMs(notAfter), Date.UTC(2001, 0, 1));
  for (const text of ["", "Jan 5 2018", "Foo  5 09:34:43 2018 GMT"]) {
    assertThrows(() => certificateTimeMs(text), RangeError);
  }
});
