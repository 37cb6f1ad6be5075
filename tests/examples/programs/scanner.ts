import { assert, assertEquals } from "@std/assert";
import { closedAddress, fullListener } from "../../support/addresses.ts";
import { type ExampleTest, output } from "../../support/example.ts";
import { listener } from "../../support/pair.ts";

export const tests: readonly ExampleTest[] = [
  [
    "port_scanner",
    "tells open, closed and silent ports apart, in ranges too, asking at once",
    scan,
  ],
];

/** Of a range that is in use nobody knows what else is open. */
const RANGE = 120;

/** How often a busy machine has a chance. */
const ROUNDS = 5;

async function scan(): Promise<void> {
  using first = listener();
  using second = listener();
  await using full = await fullListener();
  const ports = [first, second].map((each) => each.getsockname()[1]);
  const [, closed] = closedAddress();
  const [, silent] = full.address;
  let lines: string[] = [];
  // The one that does not answer is asked first, and holds nobody up. A machine
  // that needs the second of its time limit for all others shows it later.
  for (let round = 0; round < ROUNDS; round++) {
    lines = (await output(
      "port_scanner",
      "127.0.0.1",
      silent,
      closed,
      `1-${RANGE}`,
      ...ports.map((port) => `${port}-${port}`),
    )).split("\n");
    assertEquals(lines.splice(-2), [
      `Scanned ${2 + RANGE + 2} ports of 127.0.0.1`,
      "",
    ]);
    if (lines.at(-1) === `${silent}: no answer`) break;
  }
  assertEquals(lines.at(-1), `${silent}: no answer`);
  const reported = lines.filter((line) => parseInt(line) > RANGE).sort();
  assertEquals(reported.length, 3, reported.join("\n"));
  for (const port of ports) {
    assert(reported.some((line) => line.startsWith(`${port}: open, `)));
  }
}
