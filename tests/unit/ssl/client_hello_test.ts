import { assertEquals } from "@std/assert";
import {
  messageLength,
  parseClientHello,
} from "../../../src/ssl/client_hello.ts";

function vector(size: number, ...parts: (number | Uint8Array)[]): Uint8Array {
  const body = parts.flatMap((each) =>
    typeof each === "number" ? [each] : [...each]
  );
  const length: number[] = [];
  for (let i = size - 1; i >= 0; i--) length.push(body.length >> 8 * i & 0xff);
  return Uint8Array.from([...length, ...body]);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function hello(...extensions: Uint8Array[]): Uint8Array {
  return Uint8Array.from([
    1,
    ...vector(
      3,
      3,
      3,
      new Uint8Array(32),
      vector(1),
      vector(2, 0x13, 0x01),
      vector(1, 0),
      ...(extensions.length > 0 ? [vector(2, ...extensions)] : []),
    ),
  ]);
}

const name = Uint8Array.from([
  0,
  0,
  ...vector(2, vector(2, 0, vector(2, text("example.com")))),
]);
const alpn = Uint8Array.from([
  0,
  16,
  ...vector(2, vector(2, vector(1, text("h2")), vector(1, text("http/1.1")))),
]);

Deno.test("parseClientHello() finds the name and the protocols", () => {
  assertEquals(parseClientHello(hello(name, alpn)), {
    serverName: "example.com",
    protocols: ["h2", "http/1.1"],
  });
  assertEquals(parseClientHello(hello(alpn)), {
    serverName: null,
    protocols: ["h2", "http/1.1"],
  });
  assertEquals(parseClientHello(hello()), { serverName: null, protocols: [] });
});

Deno.test("parseClientHello() takes any bytes, cut off or changed", () => {
  const message = hello(name, alpn);
  for (let length = 0; length <= message.length; length++) {
    parseClientHello(message.subarray(0, length));
  }
  for (let at = 0; at < message.length; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const changed = message.slice();
      changed[at] = value;
      parseClientHello(changed);
    }
  }
});

Deno.test("messageLength() includes the header of the message", () => {
  const message = hello(name);
  assertEquals(messageLength(message), message.length);
  assertEquals(messageLength(message.subarray(0, 4)), message.length);
  assertEquals(messageLength(message.subarray(0, 3)), undefined);
});
