import { assertEquals, assertThrows } from "@std/assert";
import { RecordReader } from "../../../src/ssl/record_reader.ts";
import { assertSameBytes, join } from "../../support/bytes.ts";

/** A record of a type, with a body of so many bytes. */
function record(type: number, length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(5 + length).fill(7);
  whole.set([type, 3, 3, length >> 8, length & 0xff]);
  return whole;
}

/** The first record of a ClientHello of 65,520 bytes, with so many of them. */
function hello(length: number): Uint8Array<ArrayBuffer> {
  const first = record(HANDSHAKE, length);
  first.set([1, 0, 0xff, 0xf0], 5);
  return first;
}

/** The lengths of what a reader gives of some bytes, and of what it keeps. */
function takes(reader: RecordReader, data: Uint8Array<ArrayBuffer>): number[] {
  reader.add(data);
  const lengths: number[] = [];
  for (let taken; (taken = reader.take()).length > 0;) {
    lengths.push(taken.length);
  }
  return [...lengths, reader.rest.length];
}

const [ALERT, HANDSHAKE, DATA] = [21, 22, 23];
const [big, small] = [record(DATA, 1000), record(DATA, 20)];
const hidden = record(DATA, 19);
// Read as a header, it would have a length that no record has.
const plain = new TextEncoder().encode("plain text\r\n");

const rows: readonly [what: string, data: Uint8Array[], lengths: number[]][] = [
  ["records of data at once", [big, small, big], [1005 + 25 + 1005, 0]],
  ["the records of a handshake at once", [
    record(HANDSHAKE, 90),
    record(20, 1),
    big,
    small,
  ], [95 + 6 + 1005 + 25, 0]],
  ["a part of a record", [big.subarray(0, 400)], [400, 0]],
  ["no part of a header", [big, small.subarray(0, 4)], [1005, 4]],
  ["an alert by itself", [big, record(ALERT, 2)], [1005, 7, 0]],
  ["a record like an alert by itself", [big, hidden, small], [1005, 24, 25, 0]],
  ["text after an alert by itself", [hidden, plain.subarray(0, 4)], [24, 4]],
  ["another handshake after data by itself", [
    big,
    record(HANDSHAKE, 9),
  ], [1005, 14, 0]],
];

for (const [what, data, lengths] of rows) {
  Deno.test(`RecordReader.take() takes ${what}`, () => {
    assertEquals(takes(new RecordReader(), join(data)), lengths);
  });
}

Deno.test("RecordReader.take() leaves plain text that follows a padded end of TLS", () => {
  const reader = new RecordReader();
  reader.add(join([big, small, plain]));
  assertEquals(reader.take().length, 1005 + 25);
  assertEquals(reader.rest, plain);
});

Deno.test("RecordReader.take() joins a record wherever it was cut", () => {
  const whole = join([record(HANDSHAKE, 300), big, hidden, small]);
  for (let at = 0; at <= whole.length; at++) {
    const reader = new RecordReader();
    const pieces: Uint8Array[] = [];
    for (const part of [whole.slice(0, at), whole.slice(at)]) {
      reader.add(part);
      for (let taken; (taken = reader.take()).length > 0;) pieces.push(taken);
    }
    assertSameBytes(join(pieces), whole);
    assertEquals(reader.isWhole, true);
    // Whatever the cut, what may be an alert stands by itself.
    const ends = pieces.map(({ length }) => length).filter((n) => n <= 25);
    assertEquals(ends.reduce((sum, n) => sum + n, 0) >= 24, true);
  }
});

Deno.test("RecordReader.take() rejects a record that is too long, after the bytes before it", () => {
  const reader = new RecordReader();
  reader.add(join([big, Uint8Array.of(DATA, 3, 3, 0x50, 0, 1)]));
  assertEquals(reader.take(), big);
  assertThrows(() => reader.take(), Error, "packet length too long");
});

Deno.test("RecordReader.isWhole is false within a record", () => {
  const reader = new RecordReader();
  reader.add(big.slice(0, 400));
  reader.take();
  assertEquals(reader.isWhole, false);
  reader.add(big.slice(400));
  reader.take();
  assertEquals(reader.isWhole, true);
});

Deno.test("RecordReader.clientHello() joins the records of a message", () => {
  const message = new Uint8Array(304).fill(9);
  message.set([1, 0, 1, 44]);
  const split = (at: number) => {
    const [head, tail] = [message.subarray(0, at), message.subarray(at)];
    return join([head, tail].map((body) => {
      const part = record(HANDSHAKE, body.length);
      part.set(body, 5);
      return part;
    }));
  };
  for (const at of [1, 3, 4, 200]) {
    const reader = new RecordReader();
    const data = split(at);
    reader.add(data.slice(0, -1));
    assertEquals(reader.clientHello(), undefined);
    reader.add(data.slice(-1));
    assertEquals(reader.clientHello(), message, `split at ${at}`);
    // It is still to be decrypted.
    assertEquals(reader.take(), data);
  }
});

Deno.test("RecordReader.clientHello() refuses a record without a part of the message", () => {
  const reader = new RecordReader();
  reader.add(join([hello(4), record(HANDSHAKE, 0)]));
  assertThrows(() => reader.clientHello(), Error, "unexpected message");
});

Deno.test("RecordReader.clientHello() refuses a message in more than 64 KiB of records", () => {
  const reader = new RecordReader();
  reader.add(hello(4));
  assertEquals(reader.clientHello(), undefined);
  let added = 9;
  assertThrows(
    () => {
      for (; added < 100_000; added += 55) {
        reader.add(record(HANDSHAKE, 50));
        assertEquals(reader.clientHello(), undefined);
      }
    },
    Error,
    "excessive message size",
  );
  assertEquals(added, 9 + 55 * Math.floor((65_536 - 9) / 55));
});

Deno.test("RecordReader.add() rejects bytes that are not TLS, and end() a record that is too short", () => {
  const refusals: [text: string, reason: string][] = [
    ["GET / HTTP/1.0", "http request"],
    ["CONNECT a:1", "https proxy request"],
    ["hello", "wrong version number"],
  ];
  for (const [text, reason] of refusals) {
    const data = new TextEncoder().encode(text);
    assertThrows(() => new RecordReader().add(data), Error, reason);
  }
  const short = new RecordReader();
  short.add(new TextEncoder().encode("x"));
  assertThrows(() => short.end(), Error, "wrong version number");
});
