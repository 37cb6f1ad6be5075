import { assert, assertEquals, assertMatch } from "@std/assert";
import { closedAddress, fullListener } from "../../support/addresses.ts";
import { type ExampleTest, output } from "../../support/example.ts";
import { listener } from "../../support/pair.ts";

export const tests: readonly ExampleTest[] = [
  [
    "port_scanner",
    "tells open, closed and silent ports apart, asking at once",
    scan,
  ],
  ["port_scanner", "scans ranges of ports", scanRanges],
];

async function scan(): Promise<void> {
  using open = listener();
  await using full = await fullListener();
  const [, port] = open.getsockname();
  const [, closed] = closedAddress();
  const [, silent] = full.address;
  // The one that does not answer is asked first, and holds nobody up.
  assertMatch(
    await output("port_scanner", "127.0.0.1", silent, port, closed),
    new RegExp(
      `^${port}: open, .+\n${silent}: no answer\nScanned 3 ports of 127.0.0.1\n$`,
    ),
  );
}

/** Of a range that is in use nobody knows what else is open. */
async function scanRanges(): Promise<void> {
  using first = listener();
  using second = listener();
  const ports = [first, second].map((each) => each.getsockname()[1]);
  const lines = (await output(
    "port_scanner",
    "127.0.0.1",
    "1-300",
    ...ports.map((port) => `${port}-${port}`),
  )).split("\n");
  for (const port of ports) {
    assert(lines.some((line) => line.startsWith(`${port}: open, `)));
  }
  assertEquals(lines.at(-2), "Scanned 302 ports of 127.0.0.1");
}
