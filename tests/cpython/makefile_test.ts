import { assertEquals } from "@std/assert";
import {
  hex,
  runHere,
  runInPython,
  type Scenario,
  type Step,
} from "../support/file_scenario.ts";
import { python } from "../support/python.ts";

const unless = python === null ? " (skipped: no python3)" : "";

/** The scenarios of all tests, which one Python process runs. */
const all: Scenario[] = [];
let theirs: ReturnType<typeof runInPython> | undefined;

/** Compares with Python: what is received arrives in pieces of several sizes. */
function compare(name: string, scenarios: readonly Scenario[]): void {
  const first = all.length;
  all.push(...scenarios);
  Deno.test({
    name: `makefile() ${name} as python3 does${unless}`,
    ignore: python === null || Deno.build.os === "windows",
    fn: async () => {
      theirs ??= runInPython(all);
      const expected = await theirs;
      for (const [i, scenario] of scenarios.entries()) {
        const receives = scenario.steps.some(([name]) => name === "feed");
        for (const piece of receives ? [Infinity, 1, 3] : [Infinity]) {
          assertEquals(
            await runHere(scenario, piece),
            expected[first + i],
            `in pieces of ${piece}: ${JSON.stringify(scenario)}`,
          );
        }
      }
    },
  });
}

const modes: [string, number | null][] = [
  ["rb", null],
  ["rb", 1],
  ["rb", 5],
  ["rwb", null],
  ["b", 7],
];

const binary = "one\ntwo\n\n\nthree" + "x".repeat(20) + "\r\nfour\r five\n six";
const reads: Step[][] = [
  [["readline"], ["readline"], ["readline"], ["readline"], ["readline"]],
  [["readline", 2], ["readline", 0], ["readline", 2], ["readline", 30]],
  [["read", 5], ["read", 0], ["readline"], ["read", 12], ["read"]],
  [["read", -1], ["read"]],
  [["read", null], ["readline"]],
  [["readlines"], ["readlines"]],
  [["readlines", 1], ["readlines", 8], ["readlines", 9], ["readlines", 0]],
  [["readline"], ["lines"], ["readlines"]],
  [["readinto", 6], ["readline"], ["readinto", 0], ["readinto", 100]],
  [["readline", -1], ["readline", -5], ["read", 100_000], ["read", 1]],
];

compare(
  "reads bytes",
  modes.flatMap(([mode, buffering]) =>
    reads.map((calls): Scenario => ({
      mode,
      buffering,
      steps: [["feed", hex(binary)], ["eof"], ...calls],
    }))
  ),
);

compare(
  "reads bytes without a buffer",
  [
    [["readline"], ["readline"], ["readline", 3], ["readlines"]],
    [["readlines", 6], ["readall"]],
    [["readline"], ["read"], ["read", 5], ["readline"]],
    [["lines"], ["readinto", 4]],
  ].map((calls): Scenario => ({
    mode: "rb",
    buffering: 0,
    steps: [["feed", hex(binary)], ["eof"], ...calls as Step[]],
  })),
);

const newlines = [undefined, "", "\n", "\r", "\r\n"] as const;
const texts = [
  "",
  "one\ntwo\r\nthree\rfour\n\rfive\r\r\nsix",
  "\r",
  "\r\n",
  "\n\r\n\r",
  "größe\n二三\r\n\u{1f600}\u{1f601}x\u{1f602}\r",
];
const textReads: Step[][] = [
  Array<Step>(9).fill(["readline"]),
  [["readline", 2], ["readline", 2], ["readline", 3], ["readline", 0], [
    "lines",
  ]],
  [["read", 1], ["read", 5], ["read", 1], ["readline"], ["read"]],
  [["read"], ["read"], ["readline"]],
  [["read", 0], ["read", 12], ["readlines", 3], ["readlines"]],
];

compare(
  "reads text with every newline",
  newlines.flatMap((newline) =>
    texts.flatMap((text) =>
      textReads.map((calls): Scenario => ({
        mode: "r",
        options: newline === undefined ? {} : { newline },
        steps: [["feed", hex(text)], ["eof"], ...calls],
      }))
    )
  ),
);

const encodings: [string, string][] = [
  ["utf-8", "61c3a9e282acf09f98800a62"],
  ["utf-8", "efbbbf610a62"],
  ["utf-8-sig", "efbbbf61c3a90a62"],
  ["utf-8-sig", "61c3a90a62"],
  ["utf-16", "fffe6100e9000a003dd800de"],
  ["utf-16", "feff006100e9000ad83dde00"],
  ["UTF-16LE", "6100e9000a003dd800de0d000a00"],
  ["utf_16_be", "006100e9000ad83dde00000d000a"],
  ["latin-1", "61e9800a9fff"],
  ["iso8859-1", "61e9800a9fff"],
  ["ascii", "610a62"],
  ["cp1252", "61e9800a9fff"],
  ["iso8859-15", "61a40a"],
  ["koi8-r", "f0d2c9d7c5d40a"],
  ["cp1251", "cff0e8e2e5f20a"],
  ["mac_roman", "8e0a"],
  ["gbk", "c4e3bac30a62"],
  ["gb18030", "c4e38130813062"],
  ["big5", "a7416e0a"],
  ["shift_jis", "93fa967b8cea0a"],
  ["cp932", "93fa967b8cea0a"],
  ["euc_jp", "c6fccbdcb8ec0a"],
  ["iso2022_jp", "1b2442467c4b5c1b28420a61"],
  ["euc-kr", "c7d1b1db0a"],
  ["cp949", "c7d1b1db0a"],
  ["nonsense", ""],
  ["hex", ""],
];

compare(
  "reads every encoding",
  encodings.flatMap(([encoding, data]) =>
    [["readline"], ["read", 3], ["read"]].map((call): Scenario => ({
      mode: "r",
      options: { encoding },
      steps: [["feed", data], ["eof"], call as Step, ["read"]],
    }))
  ),
);

const flawed = [
  "61ff62",
  "61c3",
  "c328",
  "e28261",
  "eda08061",
  "f09f9861",
  "f5808080",
  "c0af",
  "e08061",
  "f4908080",
];

compare(
  "reads bytes that are no text",
  ["ignore", "replace", "backslashreplace", "surrogateescape"].flatMap(
    (errors) => [
      ...["utf-8", "ascii", "latin-1"].flatMap((encoding) =>
        flawed.map((data): Scenario => ({
          mode: "r",
          options: { encoding, errors },
          steps: [["feed", data], ["eof"], ["read"]],
        }))
      ),
      ...[
        ["utf-16-le", "610000d8620000dc63003dd8"],
        ["utf-16-be", "0061d8000062dc0000"],
        ["gbk", "61ff62c4"],
        ["shift_jis", "6181ff62"],
        ["euc_jp", "61ffc6fc8f"],
        ["koi8-r", "61ff"],
        ["iso8859-6", "61a1c7"],
      ].map(([encoding, data]): Scenario => ({
        mode: "r",
        options: { encoding: encoding!, errors },
        steps: [["feed", data!], ["eof"], ["read"]],
      })),
    ],
  ),
);

compare("refuses bytes that are no text", [
  {
    mode: "r",
    options: { encoding: "utf-16" },
    steps: [["feed", "6100"], ["read", 1]],
  },
  ...flawed.map((data): Scenario => ({
    mode: "r",
    steps: [["feed", data], ["eof"], ["readline"]],
  })),
  {
    mode: "r",
    options: { encoding: "ascii" },
    steps: [["feed", "80"], ["read", 1]],
  },
  {
    mode: "r",
    options: { errors: "strict" },
    steps: [["feed", "80"], ["read", 1]],
  },
]);

const wide = { hex: "61", times: 20_000 };

compare("writes bytes", [
  ...[null, 1, 10, 8192].flatMap((buffering): Scenario[] => [
    {
      mode: "wb",
      buffering,
      steps: [
        ["write", { hex: "303132333435" }],
        ["received"],
        ["write", { hex: "363738" }],
        ["received"],
        ["write", { hex: "3930313233" }],
        ["received"],
        ["write", wide],
        ["write", { hex: "" }],
        ["flush"],
        ["received"],
        ["writelines", [{ hex: "31" }, { hex: "32333435363738393031" }]],
        ["close"],
        ["received"],
        ["closed"],
      ],
    },
  ]),
]);

compare("writes what does not fit a full socket", [
  ...[null, 1, 10, 8192].flatMap((buffering): Scenario[] => [
    {
      mode: "wb",
      buffering,
      steps: [
        ["fill"],
        ["write", { hex: "303132333435" }],
        ["write", { hex: "3637" }],
        ["write", { hex: "3839616263" }],
        ["write", { hex: "6465" }],
        ["write", wide],
        ["write", wide],
        ["flush"],
        ["close"],
        ["closed"],
      ],
    },
    { mode: "wb", buffering, steps: [["fill"], ["write", wide], ["flush"]] },
    { mode: "rwb", buffering, steps: [["fill"], ["write", wide], ["close"]] },
  ]),
  { mode: "wb", buffering: 0, steps: [["fill"], ["write", wide], ["flush"]] },
]);

const sentTexts = ["a\nb\r\nc\rd\n", "", "größe\n€\u{1f600}\n"];

compare(
  "writes text",
  newlines.flatMap((newline) =>
    [
      "utf-8",
      "utf-8-sig",
      "utf-16-le",
      "utf-16-be",
      "cp1252",
      "latin-1",
      "ascii",
      "koi8-r",
      "iso8859-15",
    ]
      .flatMap((encoding) =>
        ["strict", "ignore", "replace", "backslashreplace", "surrogateescape"]
          .map((errors): Scenario => ({
            mode: "w",
            options: {
              encoding,
              errors,
              ...newline !== undefined && { newline },
            },
            steps: [
              ...sentTexts.map((text): Step => ["write", text]),
              ["writelines", ["x\n", "y"]] as unknown as Step,
              ["write", "\udc80\udcff"],
              ["write", "a\ud800b"],
              ["close"],
              ["received"],
            ],
          }))
      )
  ),
);

compare("reads and writes on one text file", [{
  mode: "rw",
  steps: [
    ["write", "question\n"],
    ["flush"],
    ["received"],
    ["feed", hex("answer\n")],
    ["readline"],
    ["mode"],
    ["write", "more"],
    ["close"],
    ["received"],
  ],
}]);
