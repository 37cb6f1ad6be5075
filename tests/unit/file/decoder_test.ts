import { assertEquals } from "@std/assert";
import {
  checkErrors,
  lookupEncoding,
  type TextErrors,
} from "../../../src/file/codecs.ts";
import { decoderFor } from "../../../src/file/decoder.ts";
import { python, runPython } from "../../support/python.ts";

const unless = python === null ? " (skipped: no python3)" : "";

/** All the text of `data` in pieces, `!` for each failure. */
function decode(
  encoding: string,
  errors: TextErrors,
  pieces: readonly Uint8Array[],
): string {
  const decoder = decoderFor(lookupEncoding(encoding), errors);
  let text = "";
  const settle = () => {
    while (decoder.failure !== undefined) {
      decoder.failure = undefined;
      text += "!" + decoder.decode(new Uint8Array(0), false);
    }
  };
  for (const piece of pieces) {
    // The array may be reused as soon as the call is over.
    const lent = piece.slice();
    text += decoder.decode(lent, false);
    lent.fill(0x41);
    settle();
  }
  text += decoder.decode(new Uint8Array(0), true);
  settle();
  text += decoder.decode(new Uint8Array(0), true);
  settle();
  return text;
}

const names: [string, string][] = [
  ["utf-8", "utf-8"],
  ["UTF8", "utf-8"],
  ["U8", "utf-8"],
  ["utf_8_sig", "utf-8-sig"],
  ["latin-1", "latin-1"],
  ["latin1", "latin-1"],
  ["L1", "latin-1"],
  ["ISO-8859-1", "latin-1"],
  ["iso8859_1", "latin-1"],
  ["us-ascii", "ascii"],
  ["646", "ascii"],
  ["cp1252", "windows-1252"],
  ["windows-1252", "windows-1252"],
  ["iso8859-16", "iso-8859-16"],
  ["latin2", "iso-8859-2"],
  ["UTF-16", "utf-16"],
  ["utf_16_le", "utf-16le"],
  ["Shift_JIS", "shift_jis"],
  ["sjis", "shift_jis"],
  ["cp936", "gbk"],
  ["mac roman", "macintosh"],
];

for (const [name, encoding] of names) {
  Deno.test(`lookupEncoding() knows ${name}`, () => {
    assertEquals(lookupEncoding(name), encoding);
  });
}

const samples: [string, number[]][] = [
  ["utf-8", [0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0x0a]],
  ["utf-8", [0xef, 0xbb, 0xbf, 0xff, 0x61, 0xe2, 0x82, 0x62, 0xf0, 0x9f, 0x98]],
  ["utf-8-sig", [0xef, 0xbb, 0xbf, 0x61, 0xef, 0xbb, 0xbf, 0xef, 0xbb]],
  ["utf-16", [
    0xfe,
    0xff,
    0,
    0x61,
    0xd8,
    0x3d,
    0xde,
    0,
    0xdc,
    0,
    0,
    0x62,
    0xd8,
  ]],
  ["utf-16le", [0x61, 0, 0x3d, 0xd8, 0, 0xde, 0, 0xd8, 0x62, 0, 0, 0xdc, 0x63]],
  ["gb18030", [
    0x61,
    0xc4,
    0xe3,
    0x81,
    0x30,
    0x81,
    0x30,
    0xff,
    0x62,
    0x81,
    0x30,
  ]],
  ["big5", [0xa7, 0x41, 0x6e, 0xff, 0xa7, 0x41, 0xa7]],
  ["euc-jp", [0xc6, 0xfc, 0x8f, 0xb0, 0xa1, 0xff, 0x61, 0x8f, 0xb0]],
  ["shift_jis", [0x93, 0xfa, 0xb1, 0x61, 0x81, 0xff, 0x62, 0x93]],
  ["euc-kr", [0xc7, 0xd1, 0x61, 0xc7, 0x20, 0xb1, 0xdb]],
  ["koi8-r", [0x61, 0xf0, 0xff]],
  ["iso-8859-6", [0x61, 0xa1, 0xc7, 0xff, 0x62]],
  ["ascii", [0x61, 0x80, 0x7f, 0xff]],
  ["latin-1", [0x61, 0x80, 0x9f, 0xff]],
];
const modes = ["strict", "ignore", "replace", "backslashreplace"] as const;

for (const [encoding, sample] of samples) {
  Deno.test(`decoderFor() ${encoding} returns the same text however ${sample.length} bytes are cut`, () => {
    const data = Uint8Array.from(sample);
    for (const errors of [...modes, "surrogateescape"] as const) {
      const whole = decode(encoding, errors, [data]);
      const single = Array.from(data, (byte) => Uint8Array.of(byte));
      assertEquals(decode(encoding, errors, single), whole, errors);
      for (let cut = 0; cut <= data.length; cut++) {
        for (let next = cut; next <= data.length; next++) {
          const pieces = [
            data.slice(0, cut),
            data.slice(cut, next),
            data.slice(next),
          ];
          assertEquals(decode(encoding, errors, pieces), whole, errors);
        }
      }
    }
  });
}

Deno.test("decoderFor() returns text as soon as it is complete", () => {
  const decoder = decoderFor("utf-8", "strict");
  assertEquals(decoder.decode(Uint8Array.of(0x61, 0xe2, 0x82), false), "a");
  assertEquals(decoder.decode(Uint8Array.of(0xac, 0xe2), false), "€");
  // Not the start of any character, so there is nothing to wait for.
  decoder.decode(Uint8Array.of(0x28), false);
  assertEquals(
    decoder.failure?.message,
    "'utf-8' codec can't decode byte 0xe2 in position 4: invalid continuation byte",
  );
});

Deno.test("decoderFor() utf-8-sig waits only for bytes that may be a mark", () => {
  const decoder = decoderFor("utf-8-sig", "strict");
  assertEquals(decoder.decode(Uint8Array.of(0x61), false), "a");
});

Deno.test("decoderFor() iso-2022-jp goes on after malformed bytes", () => {
  const data = [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42, 0x61];
  const single = data.map((byte) => Uint8Array.of(byte));
  assertEquals(decode("iso-2022-jp", "strict", single), "日a");
  const flawed = [Uint8Array.of(0xff), ...single];
  assertEquals(decode("iso-2022-jp", "strict", flawed), "!日a");
  assertEquals(decode("iso-2022-jp", "replace", flawed), "\ufffd日a");
});

/** Bytes like text and not like text, the same ones in every run. */
function* garbage(): Generator<Uint8Array> {
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 0x80000000;
    return Math.floor(seed / 0x80000000 * below);
  };
  const pieces = [
    [0x61],
    [0xc3, 0xa9],
    [0xe2, 0x82, 0xac],
    [0xf0, 0x9f, 0x98, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe0, 0x9f, 0xbf],
    [0xc0, 0x80],
    [0xff],
  ];
  for (let i = 0; i < 500; i++) {
    const bytes: number[] = [];
    for (let n = next(8); n >= 0; n--) {
      const piece = pieces[next(pieces.length)]!;
      bytes.push(...piece.slice(0, 1 + next(piece.length)));
      if (next(4) === 0) bytes.push(next(256));
    }
    yield Uint8Array.from(bytes);
  }
}

Deno.test({
  name: `decoderFor() treats malformed bytes as python3 does${unless}`,
  ignore: python === null,
  fn: async () => {
    const data = [...garbage()];
    const errors = ["ignore", "replace", "backslashreplace", "surrogateescape"];
    const encodings = ["utf-8", "ascii", "latin-1", "utf-16-le"];
    const input = data.map((bytes) => Array.from(bytes));
    const expected: (string | null)[] = JSON.parse(
      await runPython(
        `
import json, sys
def decode(case, encoding, errors):
    try:
        return bytes(case).decode(encoding, errors)
    except UnicodeError:
        return None
cases, encodings, modes = json.loads(sys.argv[1])
print(json.dumps([decode(case, encoding, errors)
    for case in cases for encoding in encodings for errors in modes]))
`,
        [JSON.stringify([input, encodings, errors])],
      ),
    );
    let i = 0;
    for (const bytes of data) {
      for (const encoding of encodings) {
        for (const mode of errors) {
          const theirs = expected[i++]!;
          const ours = decode(encoding, checkErrors(mode), [bytes]);
          if (theirs === null) assertEquals(ours.includes("!"), true);
          else {
            assertEquals(ours, theirs, `${encoding} ${mode} ${bytes.join()}`);
          }
        }
      }
    }
  },
});
