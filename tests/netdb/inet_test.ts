import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";

const {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  htonl,
  htons,
  inet_aton,
  inet_ntoa,
  inet_ntop,
  inet_pton,
  ntohl,
  ntohs,
  OSError,
} = socket;

/** Addresses for inet_aton, null for what it refuses. */
const aton: readonly [string, string | null][] = [
  ["127.0.0.1", "7f000001"],
  ["255.255.255.255", "ffffffff"],
  ["0", "00000000"],
  ["1", "00000001"],
  ["4294967295", "ffffffff"],
  ["4294967296", null],
  ["127.1", "7f000001"],
  ["127.16777215", "7fffffff"],
  ["127.16777216", null],
  ["10.1.65535", "0a01ffff"],
  ["10.1.65536", null],
  ["10.1.2.256", null],
  ["256.0.0.1", null],
  ["0x7f.0.0.1", "7f000001"],
  ["0X7F000001", "7f000001"],
  ["0xffffffff", "ffffffff"],
  ["0x100000000", null],
  ["0177.0.0.01", "7f000001"],
  ["08.0.0.1", null],
  ["0x", null],
  ["0x.1", null],
  ["00000000000000000000001", "00000001"],
  ["99999999999999999999999999", null],
  ["1.2.3.4 ", "01020304"],
  ["1.2.3.4 trailing", "01020304"],
  ["1.2.3.4\n", "01020304"],
  ["1.2.3.4\v5", "01020304"],
  ["1.2.3.4\u00a0", null],
  ["1.2.3.4x", null],
  [" 1.2.3.4", null],
  ["1.2.3.4.", null],
  ["1.2.3.4.5", null],
  ["1..2", null],
  [".1", null],
  ["", null],
  ["-1", null],
  ["+1", null],
  ["1e3", null],
  ["١.2.3.4", null],
  ["localhost", null],
  ["::1", null],
];
for (const [text, expected] of aton) {
  const result = expected === null ? "refuses" : "packs";
  Deno.test(`inet_aton() ${result} ${JSON.stringify(text)}`, () => {
    if (expected !== null) {
      assertEquals(inet_aton(text).toHex(), expected);
      return;
    }
    const error = assertThrows(
      () => inet_aton(text),
      OSError,
      "illegal IP address string passed to inet_aton",
    );
    assertEquals(error.code, "EINVAL");
  });
}

/** IPv6 addresses: what inet_pton makes of them, and how inet_ntop prints it. */
const pton6: readonly [string, string, string][] = [
  ["::", "00000000000000000000000000000000", "::"],
  ["::1", "00000000000000000000000000000001", "::1"],
  ["1::", "00010000000000000000000000000000", "1::"],
  ["2001:DB8::A", "20010db800000000000000000000000a", "2001:db8::a"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008", "1:2:3:4:5:6:7:8"],
  ["1:2:3:4:5:6:7::", "00010002000300040005000600070000", "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", "00000002000300040005000600070008", "0:2:3:4:5:6:7:8"],
  ["1:0:0:2:0:0:0:3", "00010000000000020000000000000003", "1:0:0:2::3"],
  ["1:0:0:2:2:0:0:3", "00010000000000020002000000000003", "1::2:2:0:0:3"],
  ["::ffff:1.2.3.4", "00000000000000000000ffff01020304", "::ffff:1.2.3.4"],
  ["::1.2.3.4", "00000000000000000000000001020304", "::1.2.3.4"],
  ["::1:2", "00000000000000000000000000010002", "::0.1.0.2"],
  ["::ffff:0:0", "00000000000000000000ffff00000000", "::ffff:0.0.0.0"],
  [
    "1:2:3:4:5:6:1.2.3.4",
    "00010002000300040005000601020304",
    "1:2:3:4:5:6:102:304",
  ],
  ["64:ff9b::1.2.3.4", "0064ff9b000000000000000001020304", "64:ff9b::102:304"],
  ["fe80::1", "fe800000000000000000000000000001", "fe80::1"],
];
for (const [text, packed, printed] of pton6) {
  Deno.test(`inet_pton() and inet_ntop() take ${text} for ${printed}`, () => {
    const bytes = inet_pton(AF_INET6, text);
    assertEquals(bytes.toHex(), packed);
    assertEquals(inet_ntop(AF_INET6, bytes), printed);
  });
}

const malformed: readonly [number, string[]][] = [
  [AF_INET, [
    "",
    "127.1",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.00",
    "1.2.3.256",
    "1.2.3.1000",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.",
    ".1.2.3",
    "0x1.2.3.4",
    "1.2.3.4\n",
    "::1",
  ]],
  [AF_INET6, [
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "1::2::3",
    "1:::2",
    ":1:2:3:4:5:6:7",
    ":1::",
    "1::2:",
    "12345::",
    "00001::",
    "g::",
    "::1%lo",
    "::1 ",
    " ::1",
    "::1\n",
    "[::1]",
    "::1.2.3",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "1.2.3.4",
    "::01.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1/64",
  ]],
];
for (const [family, texts] of malformed) {
  for (const text of texts) {
    const name = family === AF_INET ? "AF_INET" : "AF_INET6";
    Deno.test(`inet_pton() refuses ${JSON.stringify(text)} for ${name}`, () => {
      const error = assertThrows(
        () => inet_pton(family, text),
        OSError,
        "illegal IP address string passed to inet_pton",
      );
      assertEquals(error.code, "EINVAL");
    });
  }
}

Deno.test("inet_pton() and inet_ntop() take IPv4 addresses", () => {
  assertEquals(
    inet_pton(AF_INET, "192.168.0.1"),
    new Uint8Array([192, 168, 0, 1]),
  );
  assertEquals(inet_ntop(AF_INET, new Uint8Array(4)), "0.0.0.0");
});

Deno.test("inet_pton() returns memory of its own", () => {
  const packed = inet_pton(AF_INET6, "::1");
  assertEquals(packed.buffer.byteLength, 16);
  assertEquals(inet_aton("127.0.0.1").buffer.byteLength, 4);
});

Deno.test("inet_ntop() takes a view into a larger buffer", () => {
  const packet = new Uint8Array(40);
  packet[24] = 1;
  assertEquals(inet_ntop(AF_INET6, packet.subarray(9, 25)), "::1");
});

Deno.test("inet_pton() and inet_ntop() refuse another family", () => {
  const error = assertThrows(() => inet_pton(AF_UNIX, "x"), OSError);
  assertEquals(error.code, "EAFNOSUPPORT");
  assertThrows(() => inet_ntop(AF_UNIX, new Uint8Array(4)), RangeError, "1");
});

Deno.test("inet_ntoa() prints four bytes", () => {
  assertEquals(inet_ntoa(new Uint8Array([127, 0, 0, 1])), "127.0.0.1");
});

Deno.test("inet_ntoa() and inet_ntop() refuse another number of bytes", () => {
  for (const length of [0, 3, 5, 16]) {
    const error = assertThrows(
      () => inet_ntoa(new Uint8Array(length)),
      OSError,
      "packed IP wrong length for inet_ntoa",
    );
    assertEquals(error.code, "EINVAL");
    assertThrows(() => inet_ntop(AF_INET, new Uint8Array(length)), RangeError);
  }
  assertThrows(() => inet_ntop(AF_INET6, new Uint8Array(4)), RangeError, "16");
});

const wrongTypes: readonly [string, () => unknown][] = [
  ["inet_aton", () => inet_aton(5 as unknown as string)],
  ["inet_aton", () => inet_aton(new Uint8Array(4) as unknown as string)],
  ["inet_pton", () => inet_pton("2" as unknown as number, "1.2.3.4")],
  ["inet_pton", () => inet_pton(2.5, "1.2.3.4")],
  ["inet_pton", () => inet_pton(AF_INET, null as unknown as string)],
  ["inet_ntoa", () => inet_ntoa("1234" as unknown as Uint8Array)],
  ["inet_ntop", () => inet_ntop(AF_INET, [1, 2] as unknown as Uint8Array)],
  ["inet_ntop", () => inet_ntop(NaN, new Uint8Array(4))],
  ["htons", () => htons("80" as unknown as number)],
  ["ntohs", () => ntohs(1.5)],
  ["htonl", () => htonl(1n as unknown as number)],
  ["ntohl", () => ntohl(undefined as unknown as number)],
];
for (const [index, [name, call]] of wrongTypes.entries()) {
  Deno.test(`${name}() refuses a wrong type (${index})`, () => {
    const error = assertThrows(call, TypeError);
    assertStringIncludes(error.message, `Cannot call ${name}: `);
    assertEquals(error instanceof OSError, false);
  });
}

Deno.test("inet_aton() and inet_pton() refuse a null character", () => {
  const text = "ip_string must not contain a NUL";
  assertThrows(() => inet_aton("1.2.3.4\0"), RangeError, text);
  assertThrows(() => inet_pton(AF_INET, "\0"), RangeError, text);
});

const orders = [
  [htons, 16],
  [ntohs, 16],
  [htonl, 32],
  [ntohl, 32],
] as const;
for (const [convert, bits] of orders) {
  const max = 2 ** bits - 1;
  Deno.test(`${convert.name}() turns the bytes round, and back`, () => {
    const values = [0, 1, 0x80, 0x1234, 0x8001, 0x12345678, 0xfedcba98, max];
    for (const value of values.filter((value) => value <= max)) {
      const view = new DataView(new ArrayBuffer(4));
      const memory = bits === 16
        ? new Uint16Array([convert(value)])
        : new Uint32Array([convert(value)]);
      new Uint8Array(view.buffer).set(new Uint8Array(memory.buffer));
      const read = bits === 16 ? view.getUint16(0) : view.getUint32(0);
      assertEquals(read, value);
      assertEquals(convert(convert(value)), value);
    }
  });
  Deno.test(`${convert.name}() refuses what does not fit`, () => {
    for (const value of [-1, max + 1, 2 ** 70]) {
      const error = assertThrows(() => convert(value), RangeError);
      assertEquals(
        error.message,
        `Cannot call ${convert.name}: x must be 0 to ${max}, received ${value}`,
      );
    }
  });
}
